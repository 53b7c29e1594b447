"""Pure: what goes when nodes of the power chain are switched off, and what that overloads next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dcim.power.flow import Fed, Flow, Grid, derated_ma, feed_names, rated_ma
from dcim.power.tree import Node

# From the worst; "devices": the rack keeps its feeds, a machine in it doesn't.
OUTCOMES = ("down", "overloaded", "battery", "no_redundancy", "devices")
# Where a rack's load is known from, the surest first.
BASES = ("measured_max", "measured", "allocated", "contracted", "unknown")


@dataclass(frozen=True, slots=True)
class RackDraw:
    """What a rack draws, mVA. `total` moves to the surviving feed; `by_pdu` (ids) is what each
    feed carries while all live; none: unknown."""

    rack_id: int
    total: int | None = None
    by_pdu: Mapping[int, int] | None = None
    basis: str = "unknown"


@dataclass(frozen=True, slots=True)
class Machine:
    """`cords`: ids of the PDUs or banks it is plugged into; without any, its rack's feeds are
    taken for its own."""

    id: int
    rack_id: int
    customer_id: int | None
    cords: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Strain:
    """mA on the fullest phase of a node, before and after; `limit` derated, `rating` the plate.

    `phase` is "" where none is recorded.
    """

    node_id: int
    phase: str
    before: int
    after: int
    limit: int
    rating: int

    @property
    def share(self) -> float:
        return self.after / self.limit if self.limit else float("inf")

    @property
    def is_over(self) -> bool:
        return self.after > self.limit and self.after > self.before

    @property
    def trips(self) -> bool:
        return self.after > self.rating and self.after > self.before


@dataclass(frozen=True, slots=True)
class RackLoss:
    """`before`, `after`: feeds that reach the rack; `last`: after what trips next has tripped.

    `fullest` is the worst of the rack's own surviving circuit (breaker and PDU), `cause` the
    overloaded node nearest to it on its surviving path.
    """

    rack_id: int
    outcome: str
    before: str
    after: str
    last: str
    basis: str
    fullest: Strain | None
    cause: Strain | None


@dataclass(frozen=True, slots=True)
class MachineLoss:
    """`outcome`: down, next (when something trips), no_redundancy. `assumed`: no cord recorded."""

    machine: Machine
    outcome: str
    assumed: bool

    @property
    def has_one_cord(self) -> bool:
        return len(self.machine.cords) == 1


@dataclass(frozen=True, slots=True)
class Outage:
    """Ids everywhere. `dead` lost its power (`off` among them), `on_battery` are UPSs whose input
    is gone, `switched` took their other source. `strains` are the nodes that carry more than
    before, the fullest first; `tripped` is what trips next, round by round."""

    off: frozenset[int]
    dead: frozenset[int]
    on_battery: tuple[int, ...]
    switched: tuple[int, ...]
    unrecorded: tuple[int, ...]
    racks: tuple[RackLoss, ...]
    strains: tuple[Strain, ...]
    tripped: tuple[tuple[int, ...], ...]
    unknown_racks: tuple[int, ...]
    stages: "Stages"
    machines: tuple[MachineLoss, ...] = ()

    def racks_by(self, outcome: str) -> list[RackLoss]:
        return [rack for rack in self.racks if rack.outcome == outcome]


@dataclass(frozen=True, slots=True)
class Stages:
    """What is fed before, after, and when all that trips next has tripped."""

    grid: Grid
    fed: tuple[Fed, Fed, Fed]
    touched: frozenset[int]
    flow: tuple[Flow, Flow]

    def strains_of(self, node_id: int) -> list[Strain]:
        """Each phase of a node, before and after."""
        at = self.grid.place[node_id]
        node = self.grid.nodes[at]
        before, after = (flow.amps(at) for flow in self.flow)
        return [
            Strain(node_id, phase, then, amps, derated_ma(node), rated_ma(node))
            for phase, then, amps in zip(self.grid.phase_names(at), before, after, strict=True)
        ]

    @property
    def racks(self) -> set[int]:
        """Racks that something changes for, or for something in them (a bank)."""
        nodes = self.grid.nodes
        return {rack for at in self.touched if (rack := nodes[at].rack_id) is not None}


def simulate(
    nodes: Mapping[int, Node], off: Iterable[int], draws: Mapping[int, RackDraw]
) -> Outage:
    """Switch `off` (ids; unknown ones count for nothing) and see; `add_machines` adds these.

    When a feed is lost its rack's whole load is on what is left. The load of machines that stop
    isn't taken off: their own share is rarely known, and too much is the safe side. Of what would
    trip, the breaker nearest to the load goes first (selectivity), then the rest is judged again.
    """
    grid = Grid(nodes)
    switched_off = frozenset(each for each in off if each in grid.place)
    fed0, fed1 = grid.energize(), grid.energize(switched_off)
    flow0 = grid.flow(fed0, _spread(grid, fed0, fed0, draws))
    flow1 = grid.flow(fed1, _spread(grid, fed0, fed1, draws))
    strains = _strain(grid, fed1, flow0, flow1)
    rounds: list[tuple[int, ...]] = []
    fed, gone, now = fed1, set(switched_off), strains
    while first := _first_to_trip(grid, fed, now):
        rounds.append(first)
        gone.update(first)
        fed = grid.energize(gone)
        now = _strain(grid, fed, flow0, grid.flow(fed, _spread(grid, fed0, fed, draws)))
    stages = Stages(
        grid, (fed0, fed1, fed), frozenset(_find_touched((fed0, fed1, fed))), (flow0, flow1)
    )
    racks = _judge_racks(stages, draws, strains)
    return Outage(
        off=switched_off,
        dead=frozenset(
            node.id for at, node in enumerate(grid.nodes) if fed0.live[at] and not fed1.live[at]
        ),
        on_battery=tuple(
            node.id
            for at, node in enumerate(grid.nodes)
            if node.kind == "ups" and fed1.battery[at] and not fed0.battery[at]
            and fed1.source[at] < 0
        ),
        switched=tuple(
            node.id
            for at, node in enumerate(grid.nodes)
            if fed1.live[at] and fed1.source[at] >= 0 and fed1.source[at] != fed0.source[at]
        ),
        unrecorded=tuple(
            node.id
            for at, node in enumerate(grid.nodes)
            if node.kind == "ats" and fed1.live[at] and fed1.source[at] < 0 <= fed0.source[at]
        ),
        racks=tuple(racks),
        stages=stages,
        strains=tuple(
            sorted((one for one in strains.values()), key=lambda one: (-one.share, one.node_id))
        ),
        tripped=tuple(rounds),
        unknown_racks=tuple(
            rack.rack_id
            for rack in racks
            if rack.after and draws.get(rack.rack_id, RackDraw(0)).total is None
        ),
    )  # fmt: skip


def add_machines(
    outage: Outage, machines: Iterable[Machine], draws: Mapping[int, RackDraw]
) -> Outage:
    """The same with what happens to these; others than those in `stages.racks` don't matter.

    A rack that keeps its feeds while a machine in it loses its only cord is added to the racks.
    """
    losses = _judge_machines(outage.stages, machines)
    grid, fed = outage.stages.grid, outage.stages.fed[0]
    known = {rack.rack_id for rack in outage.racks}
    stopped = {loss.machine.rack_id for loss in losses if loss.outcome == "down"}
    racks = list(outage.racks)
    for rack_id in sorted(stopped - known):
        names = feed_names(_feeds(fed, grid.feeds_of_rack.get(rack_id, ())))
        basis = draws[rack_id].basis if rack_id in draws else "unknown"
        racks.append(RackLoss(rack_id, "devices", names, names, names, basis, None, None))
    return replace(outage, machines=tuple(losses), racks=tuple(racks))


def _spread(grid: Grid, before: Fed, after: Fed, draws: Mapping[int, RackDraw]) -> dict[int, int]:
    """mVA by place: each rack as it was, or where it lost a feed all of it on what is left."""
    drawn: dict[int, int] = {}
    for rack_id, draw in draws.items():
        pdus = grid.feeds_of_rack.get(rack_id, ())
        alive = [at for at in pdus if after.live[at]]
        if not alive:
            continue
        own = draw.by_pdu or {}
        if len(alive) == sum(before.live[at] for at in pdus) and own:
            for at in alive:
                drawn[at] = own.get(grid.nodes[at].id, 0)
        elif draw.total is not None:
            weights = [own.get(grid.nodes[at].id, 0) for at in alive]
            whole = sum(weights)
            for at, weight in zip(alive, weights, strict=True):
                part = -(-draw.total * weight // whole) if whole else -(-draw.total // len(alive))
                drawn[at] = part
    return drawn


def _strain(grid: Grid, fed: Fed, before: Flow, after: Flow) -> dict[int, Strain]:
    """By place: the nodes that carry more than before."""
    found: dict[int, Strain] = {}
    columns = zip(*after.phases, *before.phases, strict=True)
    for at, (one, two, three, one_then, two_then, three_then) in enumerate(columns):
        if one == one_then and two == two_then and three == three_then:
            continue
        if not fed.live[at] or not after.total[at]:
            continue
        node = grid.nodes[at]
        grown = [
            (amps, then, phase)
            for phase, then, amps in zip(
                grid.phase_names(at), before.amps(at), after.amps(at), strict=True
            )
            if amps > then
        ]
        if grown:
            amps, then, phase = max(grown, key=lambda one: one[0])
            found[at] = Strain(node.id, phase, then, amps, derated_ma(node), rated_ma(node))
    return found


def _first_to_trip(grid: Grid, fed: Fed, strains: Mapping[int, Strain]) -> tuple[int, ...]:
    """Ids of what trips now: none of the tripping nodes is below them."""
    tripping = {at for at, strain in strains.items() if strain.trips}
    above = {up for at in tripping for up in grid.path(fed, at)[1:]}
    return tuple(grid.nodes[at].id for at in sorted(tripping - above))


def _judge_racks(
    stages: Stages, draws: Mapping[int, RackDraw], strains: Mapping[int, Strain]
) -> list[RackLoss]:
    grid, fed, touched = stages.grid, stages.fed, stages.touched
    first, after, _ = fed
    found = []
    for rack_id, pdus in grid.feeds_of_rack.items():
        if touched.isdisjoint(pdus):
            continue
        had, has, keeps = (_feeds(one, pdus) for one in fed)
        alive = [at for at in pdus if after.live[at]]
        battery = any(after.battery[at] and not first.battery[at] for at in alive)
        if not had or (had == has == keeps and not battery):
            continue
        fullest, cause = _find_strains(grid, after, alive, rack_id, strains)
        if not has:
            outcome = "down"
        elif cause is not None or keeps != has:
            outcome = "overloaded"
        elif had != has:
            outcome = "no_redundancy"
        else:
            outcome = "battery"
        if outcome == "no_redundancy" and battery and all(after.battery[at] for at in alive):
            outcome = "battery"
        basis = draws[rack_id].basis if rack_id in draws else "unknown"
        found.append(
            RackLoss(
                rack_id, outcome, feed_names(had), feed_names(has), feed_names(keeps), basis,
                fullest, cause,
            )
        )  # fmt: skip
    return sorted(found, key=lambda rack: (OUTCOMES.index(rack.outcome), rack.rack_id))


def _find_strains(
    grid: Grid, fed: Fed, alive: Sequence[int], rack_id: int, strains: Mapping[int, Strain]
) -> tuple[Strain | None, Strain | None]:
    own, cause = None, None
    for pdu in alive:
        for at in grid.path(fed, pdu):
            strain = strains.get(at)
            if strain is None:
                continue
            if grid.nodes[at].rack_id == rack_id and (own is None or strain.share > own.share):
                own = strain
            if strain.is_over and cause is None:
                cause = strain
    return own, cause


def _judge_machines(stages: Stages, machines: Iterable[Machine]) -> list[MachineLoss]:
    grid, fed, touched = stages.grid, stages.fed, stages.touched
    found = []
    ids = {grid.nodes[at].id for at in touched}
    racks = {rack for rack, pdus in grid.feeds_of_rack.items() if not touched.isdisjoint(pdus)}
    for machine in machines:
        if ids.isdisjoint(machine.cords) if machine.cords else machine.rack_id not in racks:
            continue
        places = [grid.place[each] for each in machine.cords if each in grid.place]
        assumed = not places
        if assumed:
            places = grid.feeds_of_rack.get(machine.rack_id, [])
        had, has, keeps = (_feeds(one, places) for one in fed)
        if not had or had == has == keeps:
            continue
        outcome = "down" if not has else "next" if not keeps else "no_redundancy"
        found.append(MachineLoss(machine, outcome, assumed))
    return found


def _find_touched(fed: tuple[Fed, Fed, Fed]) -> set[int]:
    """Places whose state isn't the same before, after and at last."""
    columns = zip(*(one.feeds for one in fed), *(one.battery for one in fed[:2]), strict=True)
    return {
        at
        for at, (had, has, keeps, held, holds) in enumerate(columns)
        if had != has or has != keeps or held != holds
    }


def _feeds(fed: Fed, places: Iterable[int]) -> int:
    bits = 0
    for at in places:
        if fed.live[at]:
            bits |= fed.feeds[at]
    return bits
