"""Pure: what goes when nodes of the power chain are switched off, and what that overloads next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    machines: tuple[MachineLoss, ...]
    strains: tuple[Strain, ...]
    tripped: tuple[tuple[int, ...], ...]
    unknown_racks: tuple[int, ...]

    def racks_by(self, outcome: str) -> list[RackLoss]:
        return [rack for rack in self.racks if rack.outcome == outcome]


def simulate(
    nodes: Mapping[int, Node],
    off: Iterable[int],
    draws: Mapping[int, RackDraw],
    machines: Sequence[Machine] = (),
    grid: Grid | None = None,
) -> Outage:
    """Switch `off` (ids; unknown ones count for nothing) and see.

    When a feed is lost its rack's whole load is on what is left. The load of machines that stop
    isn't taken off: their own share is rarely known, and too much is the safe side. Of what would
    trip, the breaker nearest to the load goes first (selectivity), then the rest is judged again.
    """
    grid = grid or Grid(nodes)
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
    racks = _judge_racks(grid, (fed0, fed1, fed), draws, strains)
    losses = _judge_machines(grid, (fed0, fed1, fed), machines)
    known = {rack.rack_id for rack in racks}
    racks += [
        _lose_machines(grid, fed0, rack_id, draws)
        for rack_id in sorted(
            {loss.machine.rack_id for loss in losses if loss.outcome == "down"} - known
        )
    ]
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
        machines=tuple(losses),
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
    for at, mva in enumerate(after.total):
        if not mva or not fed.live[at]:
            continue
        if mva == before.total[at] and all(
            later[at] == earlier[at]
            for later, earlier in zip(after.phases, before.phases, strict=True)
        ):
            continue
        node = grid.nodes[at]
        amps, phase = after.highest(at)
        then = before.amps(at)[0 if node.phases == 1 or not phase else int(phase[1]) - 1]
        if amps > then:
            found[at] = Strain(node.id, phase, then, amps, derated_ma(node), rated_ma(node))
    return found


def _first_to_trip(grid: Grid, fed: Fed, strains: Mapping[int, Strain]) -> tuple[int, ...]:
    """Ids of what trips now: none of the tripping nodes is below them."""
    tripping = {at for at, strain in strains.items() if strain.trips}
    above = {up for at in tripping for up in grid.path(fed, at)[1:]}
    return tuple(grid.nodes[at].id for at in sorted(tripping - above))


def _judge_racks(
    grid: Grid, fed: tuple[Fed, Fed, Fed], draws: Mapping[int, RackDraw],
    strains: Mapping[int, Strain],
) -> list[RackLoss]:  # fmt: skip
    first, after, _ = fed
    found = []
    for rack_id, pdus in grid.feeds_of_rack.items():
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


def _judge_machines(
    grid: Grid, fed: tuple[Fed, Fed, Fed], machines: Sequence[Machine]
) -> list[MachineLoss]:
    found = []
    for machine in machines:
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


def _lose_machines(grid: Grid, fed: Fed, rack_id: int, draws: Mapping[int, RackDraw]) -> RackLoss:
    """A rack whose feeds all stay, while a machine in it loses its only cord (a bank is off)."""
    names = feed_names(_feeds(fed, grid.feeds_of_rack.get(rack_id, [])))
    basis = draws[rack_id].basis if rack_id in draws else "unknown"
    return RackLoss(rack_id, "devices", names, names, names, basis, None, None)


def _feeds(fed: Fed, places: Iterable[int]) -> int:
    bits = 0
    for at in places:
        if fed.live[at]:
            bits |= fed.feeds[at]
    return bits
