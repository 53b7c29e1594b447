"""What every node of the power chain shows now, and the most a rack drew in a stretch of time."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.metering.models import Series
from dcim.metering.store import Latest, PostgresSampleStore, SampleStore
from dcim.power.chain import Node, PowerTree, Surroundings, load_tree
from dcim.power.heat import Line, find_feed_limit
from dcim.power.judgement import Circuit, share_phases
from dcim.power.metering import add_phases, group_meters, select_metered
from dcim.power.models import Outlet
from dcim.sla.evidence import DEAD_BELOW_PCT, HOLDS_MS

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class NodeNow:
    """A node and its newest reading. mv, ma, mw are none when not reported or no longer fresh.

    `state` is up, down or unknown; `shown_by` names the node whose reading tells, when another's.
    `series` are those of its meter, one for each phase that it tells apart.
    """

    node: Node
    state: str = "unknown"
    shown_by: str = ""
    series: tuple[int, ...] = ()
    measured_at: dt.datetime | None = None
    mv: int | None = None
    ma: int | None = None
    mw: int | None = None

    @property
    def series_id(self) -> int | None:
        """The first."""
        return self.series[0] if self.series else None

    @property
    def amps(self) -> float | None:
        """A phase; from power, by the power factor, where the device gives no current or several
        phases."""
        if self.ma is not None and self.node.phases == 1:
            return self.ma / 1000
        if self.mw is not None and self.node.phase_v:
            volts = self.node.phase_v * self.node.phases
            return self.mw / 10 / self.node.power_factor_pct / volts
        return None

    @property
    def derated_a(self) -> float:
        return self.node.rated_a * self.node.derate_pct / 100


def measure(one: NodeNow, *, dead: bool = False) -> int | None:
    """What flows through a node now, mVA: its current, or its power by the power factor."""
    if dead:
        return 0
    node = one.node
    if one.ma is not None and node.phases == 1:
        return one.ma * node.phase_v
    return None if one.mw is None else -(-one.mw * 100 // node.power_factor_pct)


@dataclass(frozen=True, slots=True)
class Feed:
    """A rack's PDU with the breaker and panel before it and the banks in it; `used` and `outlets`
    count sockets. The breaker may feed others too, unless the feed `has_own_breaker`."""

    pdu: NodeNow
    breaker: NodeNow | None
    panel: NodeNow | None
    has_own_breaker: bool = False
    used: int = 0
    outlets: int = 0
    banks: tuple[NodeNow, ...] = ()

    @property
    def name(self) -> str:
        return self.pdu.node.feed

    @property
    def meter(self) -> NodeNow:
        """The reading that stands for the feed: the PDU's own, else that of its own breaker."""
        if self.pdu.series_id is None and self.breaker is not None and self.has_own_breaker:
            return self.breaker
        return self.pdu

    @property
    def shared_at(self) -> tuple[int, int, str] | None:
        """The same for PDUs whose currents add up in one breaker: on one pole of it, or on all of
        its phases. None with a breaker of its own, or a phase nobody recorded."""
        node = self.pdu.node
        if self.breaker is None or self.has_own_breaker:
            return None
        is_on_pole = self.breaker.node.phases > node.phases
        if is_on_pole and not node.phase:
            return None
        return self.breaker.node.id, node.phases, node.phase if is_on_pole else ""

    @property
    def circuit(self) -> Circuit:
        parts = [part for part in (self.pdu, self.breaker) if part is not None]
        return Circuit(
            feed=self.name,
            rated_a=min(part.node.rated_a for part in parts),
            derated_a=min(part.derated_a for part in parts),
            volts=self.pdu.node.phase_v,
            phases=self.pdu.node.phases,
            shares=self._shares(),
            power_factor_pct=min(part.node.power_factor_pct for part in parts),
        )

    def _shares(self) -> tuple[float, float, float] | None:
        """By the meters of its banks, if all of them show something and their phases are known."""
        loads = [(measure(one), one.node.phase) for one in self.banks]
        if self.pdu.node.phases == 1 or any(not phase for _mva, phase in loads):
            return None
        known = [(mva, phase) for mva, phase in loads if mva is not None]
        return share_phases(known) if len(known) == len(loads) else None

    @property
    def rated_w(self) -> int:
        return _find_watts(self.circuit, self.circuit.rated_a)

    @property
    def derated_w(self) -> int:
        return _find_watts(self.circuit, self.circuit.derated_a)


def _find_watts(circuit: Circuit, amps: float) -> int:
    return round(amps * circuit.volts * circuit.phases * circuit.power_factor_pct / 100)


def list_circuits(feeds: Sequence[Feed]) -> list[Circuit]:
    """Of several PDUs that bring a rack the same feed each carries the part that it carries now, by
    their ratings where one isn't read or none carries anything. A breaker that several of them
    hang on is a circuit too: it carries what all of these do."""
    several: dict[str, list[Feed]] = {}
    for feed in feeds:
        several.setdefault(feed.name, []).append(feed)
    found = []
    for own in several.values():
        now = [measure(feed.meter, dead=feed.pdu.state == "down") for feed in own]
        known = [mva for mva in now if mva is not None]
        is_read = len(known) == len(own) and any(known)
        weights = known if is_read else [feed.derated_w for feed in own]
        whole = sum(weights)
        circuits = [
            replace(feed.circuit, part=weight / whole if whole else 1 / len(own))
            for feed, weight in zip(own, weights, strict=True)
        ]
        found += [*circuits, *_list_shared(own, circuits)]
    return found


def _list_shared(feeds: Sequence[Feed], circuits: Sequence[Circuit]) -> Iterator[Circuit]:
    """The breakers that several PDUs of one feed hang on."""
    together: dict[tuple[int, int, str], list[tuple[NodeNow, Circuit]]] = {}
    for feed, circuit in zip(feeds, circuits, strict=True):
        if feed.breaker is not None and (key := feed.shared_at) is not None:
            together.setdefault(key, []).append((feed.breaker, circuit))
    for several in together.values():
        part = sum(circuit.part for _, circuit in several)
        if len(several) < 2 or not part:
            continue
        (breaker, first), *_ = several
        known = [(circuit.part, circuit.shares) for _, circuit in several if circuit.shares]
        shares = None
        if len(known) == len(several):
            one, two, three = (sum(own * each[at] for own, each in known) / part for at in range(3))
            shares = one, two, three
        yield replace(
            first,
            rated_a=breaker.node.rated_a,
            derated_a=breaker.derated_a,
            shares=shares,
            part=part,
            power_factor_pct=min(circuit.power_factor_pct for _, circuit in several),
        )


def find_derated_w(feeds: Iterable[Feed]) -> int:
    """What one feed of a rack may carry for long."""
    return _find_limit(feeds, lambda node: node.derate_pct)


def find_rated_w(feeds: Iterable[Feed]) -> int:
    """What one feed of a rack is made for."""
    return _find_limit(feeds, lambda node: 100)


def _find_limit(feeds: Iterable[Feed], pct_of: Callable[[Node], int]) -> int:
    places: dict[tuple[int, int, str], int] = {}
    lines = []
    for feed in feeds:
        circuit, parts = feed.circuit, [feed.pdu.node]
        if feed.breaker is not None:
            parts.append(feed.breaker.node)
        carried = [_find_carried(circuit, node, pct_of(node)) for node in parts]
        line = Line(feed.name, min(carried))
        if (key := feed.shared_at) is not None:
            breaker_id = places.setdefault(key, len(places))
            line = replace(line, breaker_id=breaker_id, breaker_w=carried[-1])
        lines.append(line)
    return find_feed_limit(lines)


def _find_carried(circuit: Circuit, node: Node, pct: int) -> int:
    """Watts of the circuit that a node in it carries to so many percent: by its current, and by its
    plate where that says less (of a pole, its part)."""
    watts = _find_watts(circuit, node.rated_a * pct / 100)
    if node.capacity_w is None:
        return watts
    return min(watts, node.capacity_w * pct * circuit.phases // (node.phases * 100))


@dataclass(slots=True)
class Supply:
    """The chain as it is now."""

    tree: PowerTree
    nodes: Mapping[int, NodeNow]
    sockets: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    _by_rack: dict[int, list[Feed]] = field(init=False)

    def __post_init__(self) -> None:
        self._by_rack = {}
        for now in self.nodes.values():
            if now.node.rack_id is None or not self.tree.is_feed(now.node):
                continue
            above = [self.nodes[node.id] for node in self.tree.path(now.node.id)[1:]]
            outlets, used = self.sockets.get(now.node.id, (0, 0))
            breaker = next((each for each in above if each.node.kind == "breaker"), None)
            feed = Feed(
                pdu=now,
                breaker=breaker,
                has_own_breaker=breaker is not None
                and self.tree.feeds_only(breaker.node.id, now.node.id),
                panel=next((each for each in above if each.node.kind == "panel"), None),
                outlets=outlets,
                used=used,
                banks=tuple(
                    self.nodes[node.id]
                    for node in self.tree.children(now.node.id)
                    if node.kind == "bank"
                ),
            )
            self._by_rack.setdefault(now.node.rack_id, []).append(feed)
        for feeds in self._by_rack.values():
            feeds.sort(key=lambda feed: (feed.name, feed.pdu.node.code))

    def feeds_of(self, rack_id: int) -> list[Feed]:
        return self._by_rack.get(rack_id, [])

    def watts_of(self, rack_id: int) -> float | None:
        """What the rack draws now on all feeds; none unless every feed is known.

        A feed shown to be dead draws nothing.
        """
        feeds = self.feeds_of(rack_id)
        parts = [0 if feed.pdu.state == "down" else feed.meter.mw for feed in feeds]
        if not parts or any(part is None for part in parts):
            return None
        return sum(part for part in parts if part is not None) / 1000


def lay_out_supply(tree: PowerTree) -> Supply:
    """The chain without any reading, for what its feeds may carry."""
    return Supply(tree, {key: NodeNow(node) for key, node in tree.nodes.items()})


@dataclass(frozen=True, slots=True)
class Peak:
    """The most drawn in one minute on all feeds together; none where nothing was measured."""

    watts: float | None = None
    amps: float | None = None
    at: dt.datetime | None = None


def load_supply(
    session: Session,
    now: dt.datetime,
    *,
    site_id: int | None = None,
    around: Surroundings | None = None,
    store: SampleStore | None = None,
) -> Supply:
    """Of a site, around some racks and PDUs, or of all. Four statements, however large
    the chain is."""
    tree = load_tree(session, site_id, around=around)
    metered = select_metered()
    plugs = select(Outlet.pdu_id, func.count(), func.count(Outlet.device_id))
    if around is not None:
        # Few enough to be named; all nodes of a large site are more than a statement takes.
        metered = metered.where(Series.power_node_id.in_(tree.nodes))
        plugs = plugs.where(Outlet.pdu_id.in_(tree.nodes))
    series = {
        node_id: several
        for node_id, several in group_meters(session.execute(metered)).items()
        if node_id in tree.nodes
    }
    wanted = [number for several in series.values() for number in several]
    latest = (store or PostgresSampleStore()).latest(session, "power", wanted)
    sockets: dict[int, tuple[int, int]] = {
        pdu_id: (count, used)
        for pdu_id, count, used in session.execute(plugs.group_by(Outlet.pdu_id))
    }
    now_ms = round(now.timestamp() * 1000)
    own = {
        node.id: _read(node, series.get(node.id, ()), latest, now_ms)
        for node in tree.nodes.values()
    }
    return Supply(tree, {key: _infer(one, tree, own) for key, one in own.items()}, sockets)


def _read(node: Node, series: Sequence[int], latest: Mapping[int, Latest], now_ms: int) -> NodeNow:
    own = tuple(series)
    told = add_phases(latest[number] for number in series if number in latest)
    if told is None:
        return NodeNow(node, series=own)
    measured_at, mv, ma, mw = told.measured_at, told.mv, told.ma, told.mw
    if now_ms - told.ts > HOLDS_MS:
        return NodeNow(node, series=own, measured_at=measured_at)
    state = "unknown"
    if mv is not None:
        is_live = mv * 100 >= node.phase_v * 1000 * DEAD_BELOW_PCT
        # A phase that is missing may live.
        state = "up" if is_live else "down" if told.is_whole else "unknown"
    elif ma or mw:
        state = "up"
    return NodeNow(node, state, "", own, measured_at, mv, ma, mw)


def _infer(one: NodeNow, tree: PowerTree, own: Mapping[int, NodeNow]) -> NodeNow:
    """Where a node itself is silent, what is above it may show the worse, and nothing else: not
    of what may have power from elsewhere.

    Only a breaker that feeds nothing but this node shows by its current that it is alive.
    """
    if one.state != "unknown":
        return one
    for place, node in enumerate(tree.path(one.node.id)[1:]):
        above = own[node.id]
        sole = place == 0 and tree.feeds_only(node.id, one.node.id)
        down = above.state == "down" and not one.node.has_own_source
        if down or (sole and above.state == "up" and above.ma):
            return replace(one, state=above.state, shown_by=node.code)
        if above.state == "up" or node.has_own_source:
            break
    return one


def read_peaks(
    session: Session,
    feeds: Mapping[int, Sequence[Feed]],
    start_ms: int,
    end_ms: int,
    store: SampleStore | None = None,
) -> dict[int, Peak]:
    """The peak of each rack in [start, end): feeds added up minute by minute.

    A minute in which one feed is silent counts what the others showed: the peak is at least this.
    """
    wanted = {
        series_id: (rack_id, feed.meter.node)
        for rack_id, several in feeds.items()
        for feed in several
        for series_id in feed.meter.series
    }
    count = (end_ms - start_ms) // MINUTE_MS + 1
    sums = {rack_id: np.zeros((2, count)) for rack_id, _ in wanted.values()}
    seen = {rack_id: np.zeros(count, dtype=bool) for rack_id in sums}
    read = (store or PostgresSampleStore()).read(session, "power", list(wanted), start_ms, end_ms)
    for series_id, columns in read:
        rack_id, node = wanted[series_id]
        minutes = (columns.ts - start_ms) // MINUTE_MS
        milliwatts, milliamps = columns.values["mw"], columns.values["ma"]
        known = (milliwatts >= 0) | (milliamps >= 0)
        by_power = np.where(milliwatts >= 0, milliwatts, 0) / 1000
        amps = by_power * 100 / node.power_factor_pct / (node.phase_v * node.phases)
        if node.phases == 1:
            amps = np.where(milliamps >= 0, milliamps / 1000, amps)
        own = np.zeros((2, count))
        own[0, minutes[known]], own[1, minutes[known]] = by_power[known], amps[known]
        sums[rack_id] += own
        seen[rack_id][minutes[known]] = True
    peaks: dict[int, Peak] = {}
    for rack_id, both in sums.items():
        if not seen[rack_id].any():
            continue
        at = int(both[1].argmax())
        peaks[rack_id] = Peak(
            float(both[0].max()),
            float(both[1][at]),
            dt.datetime.fromtimestamp((start_ms + at * MINUTE_MS) / 1000, dt.UTC),
        )
    return peaks
