"""Who is hit by roots and what follows from them, and how."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.correlation.dependencies import Dependencies, Graph
from dcim.alarms.correlation.folding import Correlation
from dcim.alarms.correlation.subjects import DOWN, SILENT, WEAKENED, Raised, Subject
from dcim.columns import is_among
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError
from dcim.inventory.models import Device
from dcim.metering.store import SampleStore
from dcim.network.models import Port, ServiceMembership
from dcim.operations.maintenance import Targets
from dcim.power.models import PowerNode
from dcim.sla.affected import LOSSES, AffectedCustomer, AffectedItem, Loss, find_affected
from dcim.sla.outages import MOST_NODES

# From the worst. "machines": what was sold keeps its feeds or ports, a machine of the customer's
# own doesn't; "unknown": what it has there is silent, and nothing shows it dead.
HOWS = ("down", "machines", "no_redundancy", "unknown")
# Losses that may be of a feed which is still there.
FORESEEN = ("overloaded", "no_redundancy")
MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Hit:
    """`customer` with the items that lose something, the worst first, by cabinet or port; none
    where only `devices` do: its own machines that stand or are reached no more, by name."""

    customer: AffectedCustomer
    how: str
    devices: tuple[str, ...] = ()


@dataclass(slots=True)
class _Struck:
    """Ids. `nodes`, `ports` and `devices` are dead, or cut off by what is; `feeds` are dead in a
    rack that is known to live on its other one; `quiet` devices are silent, and no more is known.
    """

    nodes: set[int] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)
    devices: set[int] = field(default_factory=set)
    feeds: set[int] = field(default_factory=set)
    quiet: set[int] = field(default_factory=set)


def find_hit(
    session: Session,
    scope: Scope,
    roots: Collection[int],
    raised: Iterable[Raised],
    dependencies: Dependencies,
    correlation: Correlation,
    *,
    now: dt.datetime,
    store: SampleStore | None = None,
) -> list[Hit]:
    """Whom these roots hit now, the hardest hit first. For staff.

    Found by the power and network model (`find_affected`), so a cabinet counts that raised no
    alarm of its own. How hard is judged with all that is dead: who has lost A to one root and B
    to another is down by either. For an unknown hit the losses are what it would lose.
    A fixed number of statements for each site and each 200 dead nodes that no other explains.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see whom an alarm hits.")
    return _Finding(
        session, scope, Graph(dependencies), list(raised), correlation, now, store
    ).find(set(roots))


@dataclass(frozen=True, slots=True)
class _Finding:
    session: Session
    scope: Scope
    graph: Graph
    raised: list[Raised]
    correlation: Correlation
    now: dt.datetime
    store: SampleStore | None

    def find(self, roots: set[int]) -> list[Hit]:
        own = self._strike(roots)
        found = self._affected(own)
        rest = self._strike(set(self.correlation.roots) - roots)
        rest = _Struck(self._beside(own.nodes, rest.nodes), rest.ports, rest.devices)
        if rest.nodes or rest.ports or rest.devices:
            both = _Struck(
                own.nodes | rest.nodes, own.ports | rest.ports, own.devices | rest.devices
            )
            found = _leave_out(self._affected(both), found, self._affected(rest))
        hits = {key: Hit(one, _judge(one)) for key, one in found.items()}
        for key, one in self._affected(_Struck(nodes=own.feeds)).items():
            hits.setdefault(key, Hit(one, "no_redundancy"))
        self._add_machines(hits, own.devices, "machines")
        for key, one in self._affected(self._measured_by(own.quiet)).items():
            hits.setdefault(key, Hit(one, "unknown"))
        self._add_machines(hits, own.quiet, "unknown")
        return sorted(hits.values(), key=lambda hit: (HOWS.index(hit.how), hit.customer.code))

    def _strike(self, roots: Collection[int]) -> _Struck:
        """What is dead, weak or silent by these roots, as far as alarms say so."""
        silent = {alarm.key for alarm in self.raised if alarm.trouble == SILENT}
        struck = _Struck()
        for alarm in self.raised:
            fold = self.correlation.folds[alarm.key]
            if fold.root not in roots:
                continue
            if alarm.trouble == DOWN:
                self._add_dead(struck, alarm.subject)
            elif alarm.trouble in WEAKENED and fold.is_root and alarm.subject.kind == "rack":
                struck.feeds.update(self.graph.feeds_of(alarm.subject.id)[:1])
            elif alarm.trouble == SILENT:
                device_id = (
                    self.graph.given.agents.get(alarm.subject.id)
                    if alarm.subject.kind == "agent"
                    else alarm.subject.id if alarm.subject.kind == "device" else None
                )  # fmt: skip
                if device_id is not None:
                    # Behind what is dead it isn't reached; behind mere silence nobody knows.
                    (struck.quiet if fold.root in silent else struck.devices).add(device_id)
        return struck

    def _add_dead(self, struck: _Struck, subject: Subject) -> None:
        if subject.kind == "power_node":
            struck.nodes.add(subject.id)
        elif subject.kind == "rack":
            struck.nodes.update(self.graph.feeds_of(subject.id))
        elif subject.kind == "device":
            struck.devices.add(subject.id)
        elif subject.kind == "port":
            struck.ports.add(subject.id)
        elif subject.kind == "service":
            struck.ports.update(self.graph.given.services.get(subject.id, ()))

    def _beside(self, own: set[int], others: set[int]) -> set[int]:
        """Those of the others that feed a rack which the own nodes feed too."""
        tree = self.graph.tree
        racks = {rack for node_id in own & tree.nodes.keys() for rack in tree.racks_on(node_id)}
        waiting = [feed for rack_id in racks for feed in self.graph.feeds_of(rack_id)]
        above = set(waiting)
        while waiting:
            more = [each for each in self.graph.sources_of(waiting.pop()) if each not in above]
            above.update(more)
            waiting.extend(more)
        return others & above

    def _affected(self, struck: _Struck) -> dict[int, AffectedCustomer]:
        nodes = sorted(self._drop_starved(struck.nodes))
        ports = struck.ports | self._ports_on(struck.devices)
        found: dict[int, AffectedCustomer] = {}
        for first in range(0, max(len(nodes), 1), MOST_NODES):
            part = nodes[first : first + MOST_NODES]
            targets = Targets(frozenset(part), frozenset() if first else frozenset(ports))
            if not targets:
                continue
            for one in find_affected(
                self.session, self.scope, targets, self.now, self.now + MINUTE, now=self.now,
                store=self.store,
            ):  # fmt: skip
                if one.id in found:
                    _merge(found[one.id], one)
                else:
                    found[one.id] = one
        # What would trip next hasn't: it is a risk to tell planners of, not a hit.
        return _keep(found, lambda _item, loss: bool(loss.lost) or loss.kind not in FORESEEN)

    def _drop_starved(self, nodes: set[int]) -> set[int]:
        """Without those that are dead by others of them alone: these say nothing more."""
        grid = self.graph.grid
        fed = grid.energize(nodes)

        def is_starved(node_id: int) -> bool:
            sources = self.graph.sources_of(node_id)
            return (
                bool(sources)
                and not self.graph.lives_alone(node_id)
                and not any(fed.live[grid.place[each]] for each in sources)
            )

        return {each for each in nodes if not is_starved(each)}

    def _ports_on(self, devices: Collection[int]) -> set[int]:
        """The ports of these devices that carry a service now."""
        if not devices:
            return set()
        return set(
            self.session.scalars(
                select(Port.id)
                .join(ServiceMembership, ServiceMembership.port_id == Port.id)
                .where(
                    is_among(Port.device_id, devices),
                    ServiceMembership.starts_at <= self.now,
                    or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > self.now),
                )
            )
        )

    def _measured_by(self, devices: Collection[int]) -> _Struck:
        """What was told of by these devices: their nodes of the chain, and their ports."""
        if not devices:
            return _Struck()
        nodes = self.session.scalars(
            select(PowerNode.id).where(is_among(PowerNode.meter_device_id, devices))
        )
        return _Struck(nodes=set(nodes), devices=set(devices))

    def _add_machines(self, hits: dict[int, Hit], devices: Collection[int], how: str) -> None:
        """Customers' own machines among the devices."""
        if not devices:
            return
        rows = self.session.execute(
            select(Device.name, Customer)
            .join(Customer, Customer.id == Device.customer_id)
            .where(is_among(Device.id, devices), self.scope.filter(Device.customer_id))
            .order_by(Device.name)
        )
        for name, customer in rows:
            known = hits.get(customer.id)
            if known is None:
                owner = AffectedCustomer(
                    customer.id, customer.code, customer.name, customer.name_en,
                    customer.language, customer.timezone,
                )  # fmt: skip
                known = Hit(owner, how)
            worst = min(known.how, how, key=HOWS.index)
            hits[customer.id] = Hit(known.customer, worst, (*known.devices, name))


def _judge(customer: AffectedCustomer) -> str:
    losses = [loss for item in customer.items for loss in item.losses]
    return min((_how(loss) for loss in losses), key=HOWS.index)


def _how(loss: Loss) -> str:
    if loss.kind == "down" or (loss.kind == "port" and not loss.kept):
        return "down"
    return "machines" if loss.kind == "devices" or loss.machines else "no_redundancy"


def _merge(customer: AffectedCustomer, other: AffectedCustomer) -> None:
    items = {item.id: item for item in customer.items}
    for item in other.items:
        if item.id not in items:
            customer.items.append(item)
        else:
            known = items[item.id].losses
            known.extend(loss for loss in item.losses if loss not in known)
    _sort(customer)


Affected = dict[int, AffectedCustomer]


def _leave_out(both: Affected, own: Affected, rest: Affected) -> Affected:
    """Of what both together do, the places hit by the own roots alone, and what the rest alone
    wouldn't do to them."""
    places = {
        (item.id, loss.where) for one in own.values() for item in one.items for loss in item.losses
    }
    without = {
        (item.id, loss) for one in rest.values() for item in one.items for loss in item.losses
    }
    return _keep(
        both,
        lambda item, loss: (item.id, loss.where) in places or (item.id, loss) not in without,
    )


def _keep(found: Affected, wanted: Callable[[AffectedItem, Loss], bool]) -> Affected:
    kept: Affected = {}
    for customer in found.values():
        items = [
            replace(item, losses=losses)
            for item in customer.items
            if (losses := [loss for loss in item.losses if wanted(item, loss)])
        ]
        if items:
            kept[customer.id] = replace(customer, items=items)
            _sort(kept[customer.id])
    return kept


def _sort(customer: AffectedCustomer) -> None:
    for item in customer.items:
        item.losses.sort(key=lambda loss: (LOSSES.index(loss.kind), loss.where))
    customer.items.sort(key=lambda item: (LOSSES.index(item.worst), item.code))
