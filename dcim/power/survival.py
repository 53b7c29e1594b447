"""Pure: if one feed dies, how full is what is left: racks' circuits and all that stands above.

A feed dies as a whole. What that puts on a node of the other is what the loss of its counterpart
alone would: all racks that hang on it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dcim.power.flow import Flow, Grid
from dcim.power.judgement import Circuit, judge_survival
from dcim.power.outage import Outage, RackDraw, simulate
from dcim.power.tree import Node

FEEDS = ("A", "B")
# Told from so much of the derated rating on.
WATCH = 0.75


@dataclass(frozen=True, slots=True)
class Risk:
    """`lost` dies, "AB" either of them alone. `node_id` carries, none for a rack's own circuit; A
    on its fullest phase, by what is drawn now and by what is sold; none: unknown. `phase` is that
    of the first known of both, "" where all are taken to be alike. `is_dark`: nothing is left that
    could carry."""

    lost: str
    node_id: int | None
    rack_ids: tuple[int, ...]
    limit_a: float
    measured_a: float | None
    contracted_a: float | None
    phase: str = ""
    silent: int = 0
    is_dark: bool = False

    @property
    def measured_share(self) -> float | None:
        return _share(self.measured_a, self.limit_a)

    @property
    def contracted_share(self) -> float | None:
        return _share(self.contracted_a, self.limit_a)

    @property
    def share(self) -> float:
        return max(self.measured_share or 0.0, self.contracted_share or 0.0)

    @property
    def grade(self) -> int:
        """0 goes dark; over by what is drawn now is 1, by what is sold 2; near by what is drawn 3,
        only by what is sold 4."""
        measured, contracted = self.measured_share or 0.0, self.contracted_share or 0.0
        if self.is_dark:
            return 0
        if measured > 1:
            return 1
        if contracted > 1:
            return 2
        return 3 if measured >= WATCH else 4


@dataclass(frozen=True, slots=True)
class Loss:
    """A feed dead, by what is drawn now and by what is sold. `flow`: what flows before that."""

    lost: str
    now: Outage
    sold: Outage

    @property
    def flow(self) -> Flow:
        return self.now.stages.flow[0]


def lose_feed(
    lost: str,
    nodes: Mapping[int, Node],
    dead: Collection[int],
    measured: Mapping[int, RackDraw],
    contracted: Mapping[int, RackDraw],
) -> Loss:
    """`dead`: ids of nodes that are shown to be dead now, and so carry nothing over."""
    off = {node.id for node in nodes.values() if node.feed == lost}.union(dead)
    return Loss(lost, simulate(nodes, off, measured), simulate(nodes, off, contracted))


def find_trunk_risks(
    loss: Loss, racks_on: Mapping[int, Collection[int]], silent: Collection[int]
) -> list[Risk]:
    """Of what stands above the racks on the feed that is left. `racks_on` by node, `silent`: racks
    without a reading."""
    grid = loss.now.stages.grid
    fed = loss.now.stages.fed[1]
    found = []
    for at, node in enumerate(grid.nodes):
        racks = racks_on.get(node.id)
        if node.rack_id is not None or not racks or node.feed == "AB" or not fed.live[at]:
            continue
        drawn, sold = (
            max(outage.stages.strains_of(node.id), key=lambda one: one.after)
            for outage in (loss.now, loss.sold)
        )
        quiet = sum(rack in silent for rack in racks)
        found.append(
            Risk(
                lost=loss.lost,
                node_id=node.id,
                rack_ids=tuple(sorted(racks)),
                limit_a=drawn.limit / 1000,
                measured_a=None if quiet == len(racks) else drawn.after / 1000,
                contracted_a=sold.after / 1000,
                phase=(sold if quiet == len(racks) else drawn).phase,
                silent=quiet,
            )
        )
    return found


def find_circuit_risks(
    rack_id: int, circuits: Sequence[Circuit], now_a: float | None, contracted_w: int
) -> list[Risk]:
    """Of a rack's own circuits, as its page judges them; `now_a`: both feeds added up, the mean of
    the phases."""
    several = judge_survival(list(circuits), now_a, contracted_w)
    return [
        Risk(
            lost="".join(feed for feed in FEEDS if feed != one.carries),
            node_id=None,
            rack_ids=(rack_id,),
            limit_a=one.limit_a,
            measured_a=one.peak_a,
            contracted_a=one.contract_a,
            phase=one.phase,
            silent=int(now_a is None),
        )
        for one in several
    ]


def find_dark_risks(loss: Loss, dead: Collection[int]) -> list[Risk]:
    """Racks that have the other feed too and would lose all power: that one is dead already. Those
    of one dead node above them are one risk, with its `node_id`."""
    grid = loss.now.stages.grid
    together: dict[tuple[int | None, int], list[int]] = {}
    for one in loss.now.racks:
        if one.outcome != "down":
            continue
        pdus = grid.feeds_of_rack[one.rack_id]
        others = [at for at in pdus if loss.lost not in grid.nodes[at].feed]
        if not others:
            continue
        node = grid.nodes[_find_cause(grid, others[0], dead)]
        key = (None, one.rack_id) if node.rack_id is not None else (node.id, 0)
        together.setdefault(key, []).append(one.rack_id)
    return [
        Risk(loss.lost, node_id, tuple(sorted(racks)), 0.0, None, None, is_dark=True)
        for (node_id, _rack), racks in together.items()
    ]


def _find_cause(grid: Grid, at: int, dead: Collection[int]) -> int:
    """The uppermost of the dead nodes in an unbroken row from here."""
    seen = {at}
    while True:
        above = [up for up in grid.parents[at] if grid.nodes[up].id in dead and up not in seen]
        if not above:
            return at
        at = above[0]
        seen.add(at)


def rank_risks(risks: Iterable[Risk]) -> list[Risk]:
    """Those worth telling, the worst first."""
    several = list(risks)
    dark = {rack for one in several if one.is_dark for rack in one.rack_ids}
    told = [
        one
        for one in several
        # Of what goes dark nothing else needs to be said.
        if one.is_dark or (one.share >= WATCH and (one.node_id or one.rack_ids[0] not in dark))
    ]
    return sorted(told, key=lambda one: (one.grade, -_rank(one), one.node_id or 0, one.rack_ids))


def _rank(one: Risk) -> float:
    return (one.measured_share or 0.0) if one.grade in (1, 3) else one.share


def _share(amps: float | None, limit: float) -> float | None:
    return None if amps is None or not limit else amps / limit
