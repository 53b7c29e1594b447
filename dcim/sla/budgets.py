"""How far each part of the power chain is sold: the rule on the surviving path for all at once.

Rated, contracted, allocated and measured are four numbers and stay apart. Each feed is judged as
if it carried everything that hangs on it alone, the other being lost.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.space.summaries import RackSummary, summarize_racks
from dcim.metering.store import SampleStore
from dcim.power.flow import Flow, Grid, derated_ma, rated_ma
from dcim.power.tree import Node
from dcim.sla.feeds import Supply, load_supply
from dcim.sla.outages import apparent, draw_rack

# Parts that belong to one rack; the others feed many.
CIRCUITS = frozenset({"breaker", "pdu", "bank"})


@dataclass(frozen=True, slots=True)
class PhaseBudget:
    """mA on one phase if this feed carries all that hangs on it; none where nothing is known."""

    phase: str
    contracted: int
    allocated: int
    measured: int


@dataclass(frozen=True, slots=True)
class Budget:
    """W sold and installed below a node, and drawn (`silent` racks left out, so at least this).

    `limit` and `rating` in mA a phase.
    """

    node: Node
    racks: int
    contracted_w: int
    allocated_w: int
    measured_w: int
    silent: int
    limit: int
    rating: int
    phases: tuple[PhaseBudget, ...]

    @property
    def rated_w(self) -> int:
        return self.node.rated_w

    @property
    def derated_w(self) -> int:
        return self.node.derated_w

    @property
    def worst(self) -> PhaseBudget:
        return max(self.phases, key=lambda one: (one.contracted, one.measured))

    @property
    def contracted_share(self) -> float:
        return self.worst.contracted / self.limit if self.limit else 0.0

    @property
    def measured_share(self) -> float:
        return max(one.measured for one in self.phases) / self.limit if self.limit else 0.0

    @property
    def share(self) -> float:
        """What it is sorted by: sold out or drawn already, whichever is more."""
        return max(self.contracted_share, self.measured_share)

    @property
    def oversubscription(self) -> float:
        """Sold for each W that may be drawn for long."""
        return self.contracted_w / self.derated_w if self.derated_w else 0.0

    @property
    def left(self) -> int:
        """mA left on the fullest phase when everything sold is drawn on this feed; may be < 0."""
        return self.limit - max(max(one.contracted, one.measured) for one in self.phases)

    @property
    def imbalance(self) -> float | None:
        """How far the fullest phase is above the mean, of what is sold; none for one phase."""
        if len(self.phases) == 1:
            return None
        mean = sum(one.contracted for one in self.phases) / len(self.phases)
        return self.worst.contracted / mean - 1 if mean else None


@dataclass(frozen=True, slots=True)
class GroupBudget:
    """A row or a room: W. `limit_w` is what the weaker feed's panels (UPSs) may give for long."""

    code: str
    room_id: int
    is_room: bool
    racks: int
    contracted_w: int
    allocated_w: int
    measured_w: int
    silent: int
    limit_w: int | None
    limited_by: tuple[str, ...]

    @property
    def share(self) -> float | None:
        return self.contracted_w / self.limit_w if self.limit_w else None


@dataclass(frozen=True, slots=True)
class Budgets:
    """The tightest first."""

    trunks: tuple[Budget, ...]
    circuits: tuple[Budget, ...]
    groups: tuple[GroupBudget, ...]
    by_node: Mapping[int, Budget]


def read_budgets(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    site_id: int,
    supply: Supply | None = None,
    store: SampleStore | None = None,
) -> Budgets:
    """Five statements, however large the site is."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see power budgets.")
    supply = supply or load_supply(session, now, site_id=site_id, store=store)
    racks = [one for one in summarize_racks(session, scope, now) if one.site_id == site_id]
    return judge_budgets(supply, racks)


def judge_budgets(supply: Supply, racks: Sequence[RackSummary]) -> Budgets:
    grid = Grid(supply.tree.nodes)
    fed = grid.energize()
    known = {rack.id: rack for rack in racks if rack.id in grid.feeds_of_rack}
    drawn = {
        rack_id: draw_rack(rack, supply.feeds_of(rack_id), None, "now")
        for rack_id, rack in known.items()
    }
    silent = {rack_id for rack_id, draw in drawn.items() if draw.basis != "measured"}

    def spread(of: Callable[[RackSummary, Node], int], feed: str) -> Flow:
        """Each rack's whole on its PDUs of one feed; on all of them for what feeds share."""
        loads: dict[int, int] = {}
        for rack_id, rack in known.items():
            own = [
                at
                for at in grid.feeds_of_rack[rack_id]
                if fed.live[at] and (feed == "AB" or feed in grid.nodes[at].feed)
            ]
            for at in own:
                loads[at] = -(-of(rack, grid.nodes[at]) // len(own))
        return grid.flow(fed, loads)

    def measured(rack: RackSummary, node: Node) -> int:
        return 0 if rack.id in silent else drawn[rack.id].total or 0

    found: dict[int, Budget] = {}
    for feed in ("A", "B", "AB"):
        if not any(node.feed == feed for node in grid.nodes):
            continue
        sold, plates, now = (
            spread(lambda rack, node: apparent(rack.contracted_w, node), feed),
            spread(lambda rack, node: apparent(rack.nameplate_w, node), feed),
            spread(measured, feed),
        )
        watts_sold = spread(lambda rack, node: rack.contracted_w, feed)
        watts_plates = spread(lambda rack, node: rack.nameplate_w, feed)
        counts = spread(lambda rack, node: 1, feed)
        quiet = spread(lambda rack, node: int(rack.id in silent), feed)
        for at, node in enumerate(grid.nodes):
            if node.feed != feed or not counts.total[at]:
                continue
            factor = node.power_factor_pct if node.rack_id is not None else 100
            found[node.id] = Budget(
                node=node,
                racks=counts.total[at],
                contracted_w=watts_sold.total[at],
                allocated_w=watts_plates.total[at],
                measured_w=now.total[at] * factor // 100_000,
                silent=quiet.total[at],
                limit=derated_ma(node),
                rating=rated_ma(node),
                phases=tuple(
                    PhaseBudget(*one)
                    for one in zip(
                        grid.phase_names(at), sold.amps(at), plates.amps(at), now.amps(at),
                        strict=True,
                    )
                ),
            )  # fmt: skip
    ordered = sorted(found.values(), key=lambda one: (-one.share, one.node.code))
    return Budgets(
        trunks=tuple(one for one in ordered if one.node.kind not in CIRCUITS),
        circuits=tuple(one for one in ordered if one.node.kind in CIRCUITS),
        groups=_group(supply, list(known.values()), drawn_w(drawn, supply, silent), silent),
        by_node=found,
    )


def drawn_w(drawn: Mapping[int, object], supply: Supply, silent: set[int]) -> dict[int, int]:
    """W now, of racks whose every feed is measured."""
    return {
        rack_id: round(supply.watts_of(rack_id) or 0) for rack_id in drawn if rack_id not in silent
    }


def _group(
    supply: Supply, racks: Sequence[RackSummary], watts: Mapping[int, int], silent: set[int]
) -> tuple[GroupBudget, ...]:
    places: dict[tuple[int, str], list[RackSummary]] = {}
    for rack in racks:
        places.setdefault((rack.room_id, rack.row_code), []).append(rack)
        places.setdefault((rack.room_id, ""), []).append(rack)
    groups = []
    for (room_id, row), here in places.items():
        limit, limited_by = _find_limit(supply, here, "panel" if row else "ups")
        groups.append(
            GroupBudget(
                code=row,
                room_id=room_id,
                is_room=not row,
                racks=len(here),
                contracted_w=sum(rack.contracted_w for rack in here),
                allocated_w=sum(rack.nameplate_w for rack in here),
                measured_w=sum(watts.get(rack.id, 0) for rack in here),
                silent=sum(rack.id in silent for rack in here),
                limit_w=limit,
                limited_by=limited_by,
            )
        )
    return tuple(sorted(groups, key=lambda one: (-(one.share or 0), one.is_room, one.code)))


def _find_limit(
    supply: Supply, racks: Sequence[RackSummary], kind: str
) -> tuple[int | None, tuple[str, ...]]:
    """What the weaker feed gives: the derated sum of the nodes of this kind above the racks."""
    by_feed: dict[str, dict[int, Node]] = {}
    for rack in racks:
        for feed in supply.feeds_of(rack.id):
            for node in supply.tree.path(feed.pdu.node.id)[1:]:
                if node.kind == kind:
                    by_feed.setdefault(feed.name, {})[node.id] = node
                    break
    if not by_feed:
        return None, ()
    sums = {name: sum(node.derated_w for node in nodes.values()) for name, nodes in by_feed.items()}
    weakest = min(sorted(sums), key=sums.__getitem__)
    return sums[weakest], tuple(sorted(node.code for node in by_feed[weakest].values()))
