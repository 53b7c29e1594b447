"""Pure: what an alarm may be a consequence of, among all that are raised.

The chain is judged as the outage simulation judges it (`dcim.power.flow`): what has two sources is
dead when both are, and lives on one. Only what is shown dead kills: silence explains other silence
on the same way, and nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dcim.alarms.correlation.dependencies import Graph
from dcim.alarms.correlation.subjects import (
    BURNING,
    DEGRADED,
    DIM,
    DOWN,
    OVERLOAD,
    SILENT,
    WEAKENED,
    Raised,
    Subject,
)


@dataclass(frozen=True, slots=True)
class Branch:
    """An alarm, and the subjects from its own to the one that follows from it."""

    alarm: Raised
    path: tuple[Subject, ...]

    def on_to(self, *subjects: Subject) -> "Branch":
        return Branch(self.alarm, (*self.path, *subjects))


# All branches together explain; with one of them gone, the consequence would be too.
Together = tuple[Branch, ...]
# The surest explanations first; of those in one group, the one that came first.
Explanations = list[list[Together]]


class Evidence:
    """What is raised, by subject: its alarms in their turn."""

    def __init__(self, graph: Graph, raised: Iterable[Raised]) -> None:
        self.graph = graph
        self.by_trouble: dict[tuple[Subject, str], list[Raised]] = {}
        # By device: the silences of it and of its agent.
        self.quiet: dict[int, list[Raised]] = {}
        for alarm in sorted(raised, key=lambda one: one.turn):
            self.by_trouble.setdefault((alarm.subject, alarm.trouble), []).append(alarm)
            device_id = graph.given.device_meant(alarm.subject)
            if device_id is not None and alarm.trouble == SILENT:
                self.quiet.setdefault(device_id, []).append(alarm)


def explain(evidence: Evidence, alarm: Raised, tolerance_ms: int) -> Explanations:
    """Everything that may have caused it, but what is less grave, and what came later than it by
    more than the tolerance: polls aren't simultaneous. Empty: nothing raised explains it."""
    search = _Search(evidence, alarm, alarm.at + tolerance_ms)
    groups = [[one for one in group if one is not None and one] for group in search.explanations()]
    return [group for group in groups if group]


class _Search:
    """For one alarm; remembers what it found out of each subject."""

    def __init__(self, evidence: Evidence, alarm: Raised, until_ms: int) -> None:
        self.evidence, self.graph = evidence, evidence.graph
        self.alarm, self.until_ms = alarm, until_ms
        self._known: dict[Subject, Together | None] = {}

    def explanations(self) -> Iterable[Sequence[Together | None]]:
        subject, trouble = self.alarm.subject, self.alarm.trouble
        # The same said twice, by two rules.
        yield [self._raised(subject, trouble)]
        if trouble == DOWN:
            yield from self._of_death(subject)
        elif trouble in WEAKENED and subject.kind == "port":
            yield from self._of_thin_lag(subject)
        elif trouble == DIM:
            yield from self._of_dim_light(subject)
        elif trouble in WEAKENED:
            yield [self._on_to(one, subject) for one in self._weakenings(subject)]
            yield [self._dead(subject)]
        elif trouble == SILENT:
            yield from self._of_silence(subject)
        elif trouble == OVERLOAD and subject.kind == "power_node":
            yield [self._taken_over(subject)]
        elif trouble == BURNING:
            yield from self._of_burning(subject)

    def _of_death(self, subject: Subject) -> Iterable[Sequence[Together | None]]:
        if subject.kind == "power_node":
            # One with a source of its own that is shown dead has lost that too: a battery ends.
            yield [self._starved(subject)]
            overload = self._raised(subject, OVERLOAD)
            if overload and overload[0].alarm.at <= self.alarm.at:
                yield [overload]
            return
        yield [self._derived(subject)]
        if subject.kind == "device":
            yield [self._cut_off(subject.id, beside=False)]
        elif subject.kind == "port":
            # A LAG that is down is one loss, whichever of its members went first.
            if whole := self._of_its_lag(subject, DOWN):
                yield [whole]
                return
            yield [self._beyond(subject, far) for far in self._far_ports_down(subject)]
            yield [self._of_its_lag(subject, DEGRADED)]

    def _of_thin_lag(self, subject: Subject) -> Iterable[Sequence[Together | None]]:
        """What was weak before isn't told beside what is down now, however long it was."""
        yield [self._standing(subject, DOWN)]
        yield [self._derived(subject)]
        members = [Subject("port", each) for each in self.graph.members_of(subject.id)]
        yield [self._on_to(self._lost_port(each), subject) for each in members]
        yield [self._far_trouble(each, DEGRADED, subject) for each in self._far_lags(subject)]

    def _of_dim_light(self, subject: Subject) -> Iterable[Sequence[Together | None]]:
        """Of a port that is down nobody asks for light; both ends of a line say the same."""
        yield [self._standing(subject, DOWN)]
        yield [self._derived(subject)]
        far = [Subject("port", each) for each in self.graph.far_ports(subject.id)]
        yield [self._far_trouble(each, DOWN, subject) for each in far]
        yield [self._of_its_lag(subject, DOWN)]
        yield [self._far_trouble(each, DIM, subject) for each in far]
        yield [self._of_its_lag(subject, DEGRADED)]

    def _of_burning(self, subject: Subject) -> Iterable[Sequence[Together | None]]:
        """Any loss of what the item is at: which of them the promise is about isn't asked."""
        places = self.graph.given.items.get(subject.id, ())
        lost = [self._dead(one) if one.kind == "rack" else self._carrying(one) for one in places]
        yield [self._on_to(one, subject) for one in lost]
        yield [
            self._on_to(one, place, subject)
            for place in places
            if place.kind == "rack"
            for one in self._weakenings(place)
        ]

    def _of_silence(self, subject: Subject) -> Iterable[Sequence[Together | None]]:
        given = self.graph.given
        yield [self._dead(subject)]
        device_id = {
            "device": subject.id,
            "agent": given.agents.get(subject.id),
            "sensor": given.sensors.get(subject.id),
            "port": self.graph.device_of(subject.id),
            "power_node": given.meters.get(subject.id),
        }.get(subject.kind)
        if device_id is None:
            return
        device = Subject("device", device_id)
        beyond = [] if device == subject else [subject]
        yield [self._on_to(self._dead(device), *beyond)]
        yield [self._on_to(self._cut_off(device_id), *beyond)]
        yield [self._on_to(self._fallen_silent(device_id), *beyond)]
        yield [self._on_to(self._cut_off(device_id, silence=True), *beyond)]

    # What is shown

    def _raised(self, subject: Subject, trouble: str) -> Together | None:
        return self._first(self.evidence.by_trouble.get((subject, trouble), ()))

    def _standing(self, subject: Subject, trouble: str) -> Together | None:
        """Also what came much later."""
        return self._first(self.evidence.by_trouble.get((subject, trouble), ()), whenever=True)

    def _of_its_lag(self, subject: Subject, trouble: str) -> Together | None:
        lag_id = self.graph.lag_of(subject.id)
        if lag_id is None:
            return None
        return self._on_to(self._standing(Subject("port", lag_id), trouble), subject)

    def _far_trouble(self, far: Subject, trouble: str, subject: Subject) -> Together | None:
        return self._on_to(self._raised(far, trouble), subject)

    def _fallen_silent(self, device_id: int) -> Together | None:
        return self._first(self.evidence.quiet.get(device_id, ()))

    def _first(self, alarms: Sequence[Raised], *, whenever: bool = False) -> Together | None:
        """A warning explains nothing that is worse than it: of a consequence nobody is told."""
        for one in alarms:
            other = one.key != self.alarm.key
            in_time = whenever or one.at <= self.until_ms
            if other and in_time and one.rank <= self.alarm.rank:
                return (Branch(one, (one.subject,)),)
        return None

    def _far_ports_down(self, subject: Subject) -> list[Subject]:
        far = [Subject("port", each) for each in self.graph.far_ports(subject.id)]
        return [each for each in (*far, *self._far_lags(subject)) if self._raised(each, DOWN)]

    def _far_lags(self, subject: Subject) -> list[Subject]:
        return [Subject("port", each) for each in self.graph.far_lags(subject.id)]

    # What follows

    def _dead(self, subject: Subject) -> Together | None:
        """What shows the subject dead, or lets it follow."""
        if subject not in self._known:
            self._known[subject] = None
            self._known[subject] = self._raised(subject, DOWN) or self._derived(subject)
        return self._known[subject]

    def _derived(self, subject: Subject) -> Together | None:
        if subject.kind == "power_node":
            known = subject.id in self.graph.given.nodes
            alone = known and self.graph.lives_alone(subject.id)
            return None if alone else self._starved(subject)
        if subject.kind == "port":
            return self._dead_port(subject)
        if subject.kind == "circuit":
            port_id = self.graph.given.circuits.get(subject.id)
            if port_id is None:
                return None
            return self._on_to(self._lost_port(Subject("port", port_id)), subject)
        return self._all(self._losses(subject), subject)

    def _losses(self, subject: Subject) -> list[Together | None]:
        """Of all that carries the subject, what each was lost by."""
        if subject.kind == "power_node":
            sources = self.graph.sources_of(subject.id)
            return [self._dead(Subject("power_node", each)) for each in sources]
        if subject.kind == "rack":
            feeds = self.graph.feeds_of(subject.id)
            return [self._dead(Subject("power_node", each)) for each in feeds]
        if subject.kind == "device":
            cords = self.graph.cords_of(subject.id)
            rack_id = self.graph.rack_of(subject.id)
            if not cords and rack_id is not None:
                return [self._raised(Subject("rack", rack_id), DOWN)]
            return [self._lost_cord(each) for each in cords]
        if subject.kind == "service":
            ports = self.graph.given.services.get(subject.id, ())
            return [self._carrying(Subject("port", each)) for each in ports]
        return []

    def _weakenings(self, subject: Subject) -> list[Together | None]:
        """What any part of its supply was lost by, that of what still feeds it included: a UPS on
        its battery, a transfer switch with one source left."""
        found = self._losses(subject)
        if subject.kind == "power_node":
            above = self.graph.sources_of(subject.id)
        elif subject.kind == "rack":
            above = self.graph.feeds_of(subject.id)
        else:
            above = self.graph.cords_of(subject.id) if subject.kind == "device" else []
        seen = set(above)
        waiting: list[tuple[int, tuple[Subject, ...]]] = [
            (each, (Subject("power_node", each),)) for each in above
        ]
        for at, path in waiting:
            for each in self.graph.sources_of(at):
                source = Subject("power_node", each)
                lost = self._dead(source)
                if lost:
                    found.append(self._on_to(lost, *path))
                elif each not in seen:
                    seen.add(each)
                    waiting.append((each, (source, *path)))
        return found

    def _starved(self, subject: Subject) -> Together | None:
        return self._all(self._losses(subject), subject)

    def _lost_cord(self, node_id: int) -> Together | None:
        """By the chain, or because the rack whose PDU it is was itself shown dark."""
        found = self._dead(Subject("power_node", node_id))
        rack_id = self.graph.given.nodes[node_id].rack_id
        if found or rack_id is None:
            return found
        return self._raised(Subject("rack", rack_id), DOWN)

    def _dead_port(self, subject: Subject) -> Together | None:
        """As a port, or a LAG all of whose members are."""
        members = [Subject("port", each) for each in self.graph.members_of(subject.id)]
        found = self._dead_end(subject)
        return found or self._all([self._dead_end(each) for each in members], subject)

    def _dead_end(self, subject: Subject) -> Together | None:
        """Its device is dead, or the one at the link's other end."""
        device_id = self.graph.device_of(subject.id)
        if device_id is None:
            return None
        own = self._on_to(self._dead(Subject("device", device_id)), subject)
        if own:
            return own
        for far_id in self.graph.far_ports(subject.id):
            far = Subject("port", far_id)
            there = self._dead(Subject("device", self.graph.given.ports[far_id].device_id))
            if there:
                return self._on_to(there, far, subject)
        return None

    def _lost_port(self, subject: Subject) -> Together | None:
        found = self._dead(subject)
        if found:
            return found
        return next((self._beyond(subject, far) for far in self._far_ports_down(subject)), None)

    def _carrying(self, subject: Subject) -> Together | None:
        """What the traffic of a service through this port was lost by."""
        lost = self._lost_port(subject)
        device_id = self.graph.device_of(subject.id)
        if lost or device_id is None:
            return lost
        return self._on_to(self._cut_off(device_id), subject)

    def _beyond(self, subject: Subject, far: Subject) -> Together | None:
        return self._far_trouble(far, DOWN, subject)

    def _cut_off(
        self, device_id: int, *, beside: bool = True, silence: bool = False
    ) -> Together | None:
        """What stands on every way up from the device: dead devices, links down, with `silence`
        also what is silent. Without `beside`, its own links' ports don't count: they go down with
        the device itself."""
        if self.graph.is_top(device_id):
            return None
        reached: dict[int, tuple[Subject, ...]] = {device_id: (Subject("device", device_id),)}
        waiting, blocked = [device_id], []
        for at in waiting:
            for way in self.graph.ways_up(at):
                far_id = way.far_device_id
                counts = beside or at != device_id
                ends = (way.far_port_id, way.port_id) if counts else ()
                blocks = self._block(ends, far_id, silence=silence)
                if blocks:
                    blocked.append((far_id, self._on_to(blocks, *reached[at])))
                elif far_id not in reached:
                    if self.graph.is_top(far_id):
                        return None
                    reached[far_id] = (Subject("device", far_id), *reached[at])
                    waiting.append(far_id)
        # What leads nowhere but back cuts nothing off.
        ways = [
            found for far_id, found in blocked if found and self.graph.leads_out(far_id, reached)
        ]
        return _join(ways)

    def _block(self, port_ids: Sequence[int], far_id: int, *, silence: bool) -> Together | None:
        found = self._dead(Subject("device", far_id))
        for each in port_ids:
            found = found or self._raised(Subject("port", each), DOWN)
        return found or (self._fallen_silent(far_id) if silence else None)

    def _taken_over(self, subject: Subject) -> Together | None:
        """The deaths whose load is on the node now: of the other feeds of the racks it feeds."""
        if subject.id not in self.graph.given.nodes:
            return None
        below = {node.id for node in self.graph.tree.descendants(subject.id)} | {subject.id}
        found = []
        for rack_id in sorted(self.graph.tree.racks_on(subject.id)):
            feeds = self.graph.feeds_of(rack_id)
            if below.isdisjoint(feeds):
                continue
            for each in feeds:
                lost = None if each in below else self._dead(Subject("power_node", each))
                if lost:
                    found.append(self._on_to(lost, Subject("rack", rack_id), subject))
        return _join([one for one in found if one])

    def _all(self, losses: Sequence[Together | None], subject: Subject) -> Together | None:
        """All that carried it is lost; none where nothing is known to carry it."""
        found = [one for one in losses if one]
        return self._on_to(_join(found), subject) if found and len(found) == len(losses) else None

    def _on_to(self, found: Together | None, *subjects: Subject) -> Together | None:
        return tuple(branch.on_to(*subjects) for branch in found) if found else None


def _join(several: Sequence[Together]) -> Together | None:
    """Each alarm once, by its shortest way."""
    found: dict[int, Branch] = {}
    for branch in (one for each in several for one in each):
        known = found.get(branch.alarm.key)
        if known is None or len(branch.path) < len(known.path):
            found[branch.alarm.key] = branch
    return tuple(found.values()) or None
