"""The power of a house now: how full each place is, each feed's phases, what wouldn't survive."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.queries import RoomRow, SiteRow, list_rooms, list_sites
from dcim.inventory.space.summaries import RackSummary, summarize_racks
from dcim.metering.store import SampleStore
from dcim.paging import EVERYTHING
from dcim.power.flow import ON_PHASES, derated_ma
from dcim.power.heat import Above, Base, Load, add_loads, find_fullest, find_limit
from dcim.power.imbalance import is_uneven, measure_imbalance
from dcim.power.outage import RackDraw
from dcim.power.survival import (
    FEEDS,
    Loss,
    Risk,
    find_circuit_risks,
    find_dark_risks,
    find_trunk_risks,
    lose_feed,
    rank_risks,
)
from dcim.power.tree import PowerTree
from dcim.sla.feeds import Feed, NodeNow, Supply, find_derated_w, list_circuits, load_supply
from dcim.sla.outages import Owner, draw_rack, load_owners

# What belongs to one rack; the others are feeds of many.
CIRCUITS = frozenset({"breaker", "pdu", "bank"})
# What stands above several racks and may give less than their circuits together.
TRUNKS = ("panel", "ups")

# Of the racks below: what these don't say may be what makes a feed even.
MOST_SILENT = 0.1


@dataclass(frozen=True, slots=True)
class CabinetHeat:
    """`share` is that of its fullest rack, none where none is read or nothing is sold; `dead`
    names feeds that are shown to be dead."""

    id: int
    code: str
    load: Load
    share: float | None
    dead: str


@dataclass(frozen=True, slots=True)
class RowHeat:
    id: int
    code: str
    load: Load
    cabinets: tuple[CabinetHeat, ...]


@dataclass(frozen=True, slots=True)
class RoomHeat:
    room: RoomRow
    load: Load
    rows: tuple[RowHeat, ...]


@dataclass(frozen=True, slots=True)
class SiteHeat:
    site: SiteRow
    load: Load
    rooms: tuple[RoomHeat, ...]


@dataclass(frozen=True, slots=True)
class FeedNow:
    """A station of the chain: its own reading, and mA by phase as the readings of the racks that
    draw through it add up (`silent` of `racks` left out; none where nothing is known).
    `unphased`: the share of that load whose phase nobody recorded, counted as even. With more than
    MOST_SILENT of the racks left out nothing is said of imbalance."""

    now: NodeNow
    limit: int
    phases: tuple[tuple[str, int], ...] | None
    racks: int
    silent: int
    unphased: float

    @property
    def imbalance(self) -> float | None:
        if self.phases is None or self.unphased >= 1 or self.silent > MOST_SILENT * self.racks:
            return None
        return measure_imbalance([amps for _name, amps in self.phases])

    @property
    def is_uneven(self) -> bool:
        if self.imbalance is None or self.phases is None:
            return False
        return is_uneven([amps for _name, amps in self.phases], self.limit)

    @property
    def share(self) -> float | None:
        """Of the derated current: by its own meter, or its fullest phase where that is more."""
        known = [amps for _name, amps in self.phases or ()]
        if self.now.amps is not None:
            known.append(round(self.now.amps * 1000))
        return max(known) / self.limit if known and self.limit else None


@dataclass(frozen=True, slots=True)
class NamedRisk:
    """A risk with the node or the cabinet that would carry, and whose racks hang on it."""

    risk: Risk
    name: str
    kind: str
    cabinet_id: int | None
    customers: tuple[Owner, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of the house is looked at; none: all of it."""

    site_id: int | None = None
    room_id: int | None = None
    row_id: int | None = None

    def holds(self, rack: RackSummary) -> bool:
        return (
            self.site_id in (None, rack.site_id)
            and self.room_id in (None, rack.room_id)
            and self.row_id in (None, rack.row_id)
        )


@dataclass(frozen=True, slots=True)
class PowerBoard:
    """Of `place`, with shares of `base`; `newest` of all readings of the house."""

    place: Place
    base: Base
    load: Load
    sites: tuple[SiteHeat, ...]
    feeds: tuple[FeedNow, ...]
    risks: tuple[NamedRisk, ...]
    newest: dt.datetime | None

    @property
    def cabinets(self) -> list[CabinetHeat]:
        return [
            cabinet
            for site in self.sites
            for room in site.rooms
            for row in room.rows
            for cabinet in row.cabinets
        ]

    @property
    def silent(self) -> list[CabinetHeat]:
        """Those of which a rack isn't read."""
        return [one for one in self.cabinets if one.load.silent]


def read_house(
    session: Session, scope: Scope, now: dt.datetime, store: SampleStore | None = None
) -> "House":
    """A fixed number of statements, however large it is; staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see the power of the house.")
    return House(
        load_supply(session, now, store=store),
        {one.id: one for one in summarize_racks(session, scope, now)},
        list_sites(session, scope, EVERYTHING).items,
        list_rooms(session, scope, EVERYTHING).items,
        lambda rack_ids: load_owners(session, scope, rack_ids),
    )


class House:
    """What is worked out for all of it: what hangs on what, each rack's draw, the risks. The same
    for all staff, and without a session."""

    def __init__(
        self,
        supply: Supply,
        racks: Mapping[int, RackSummary],
        sites: Sequence[SiteRow],
        rooms: Sequence[RoomRow],
        find_owners: Callable[[set[int]], Mapping[int, Sequence[Owner]]],
    ) -> None:
        self.supply, self.tree = supply, supply.tree
        self.racks, self.sites, self.rooms = racks, sites, rooms
        self.fed = {rack_id: feeds for rack_id in racks if (feeds := supply.feeds_of(rack_id))}
        self.racks_on = gather_racks(supply.tree, self.fed)
        self.measured = self._draw("now", "measured")
        self.silent = set(self.fed) - set(self.measured)
        sold = self._draw("contracted", "contracted")
        self.dead = {one.node.id for one in supply.nodes.values() if one.state == "down"}
        # Large, and needed here alone.
        losses = [
            lose_feed(feed, supply.tree.nodes, self.dead, self.measured, sold) for feed in FEEDS
        ]
        told = rank_risks(self._find_risks(losses))
        owners = find_owners({rack for one in told for rack in one.rack_ids})
        self.risks = [_name_risk(one, supply, racks, owners) for one in told]
        self.feeds = self._read_feeds(losses[0])
        self.above = {kind: self._find_above(kind) for kind in TRUNKS}
        self.newest = max(
            (one.measured_at for one in supply.nodes.values() if one.measured_at is not None),
            default=None,
        )

    def show(self, place: Place = Place(), base: Base = "derated") -> PowerBoard:
        chosen = {rack.id: rack for rack in self.racks.values() if place.holds(rack)}
        heat = self._map_heat(chosen, base)
        return PowerBoard(
            place,
            base,
            add_loads(one.load for one in heat),
            tuple(heat),
            tuple(
                one
                for one in self.feeds
                if place == Place()
                or not self.racks_on.get(one.now.node.id, set()).isdisjoint(chosen)
            ),
            tuple(one for one in self.risks if any(rack in chosen for rack in one.risk.rack_ids)),
            self.newest,
        )

    def _draw(self, load: str, basis: str) -> dict[int, RackDraw]:
        """Of racks that are known this way and no other."""
        draws = (
            draw_rack(self.racks[rack_id], feeds, None, load) for rack_id, feeds in self.fed.items()
        )
        return {draw.rack_id: draw for draw in draws if draw.basis == basis}

    def _find_risks(self, losses: Iterable[Loss]) -> Iterable[Risk]:
        for loss in losses:
            yield from find_trunk_risks(loss, self.racks_on, self.silent)
            yield from find_dark_risks(loss, self.dead)
        for rack_id, feeds in self.fed.items():
            # What takes either feed loses nothing with one of them, and takes nothing over.
            own = [feed for feed in feeds if feed.name in FEEDS]
            yield from find_circuit_risks(
                rack_id,
                list_circuits(own),
                add_amps(own),
                self.racks[rack_id].contracted_w,
            )

    def load_of(self, rack: RackSummary) -> Load:
        feeds = self.fed.get(rack.id)
        if not feeds:
            return Load()
        watts = self.supply.watts_of(rack.id)
        return Load(
            racks=1,
            silent=int(watts is None),
            measured_w=round(watts or 0),
            contracted_w=rack.contracted_w,
            derated_w=find_derated_w(feeds),
        )

    def _find_above(self, kind: str) -> dict[int, list[Above] | None]:
        """The nearest node of this kind above each feed of a rack; none where a feed has none."""
        found: dict[int, list[Above] | None] = {}
        for rack_id, feeds in self.fed.items():
            nodes = []
            for feed in feeds:
                path = self.tree.path(feed.pdu.node.id)[1:]
                node = next((one for one in path if one.kind == kind), None)
                if node is not None:
                    nodes.append(Above(feed.name, node.id, node.derated_w))
            found[rack_id] = nodes if len(nodes) == len(feeds) else None
        return found

    def limit_of(self, racks: Iterable[RackSummary]) -> int | None:
        """W of the panels or UPSs above the racks, whichever give less; none where neither are
        recorded for all of them."""
        fed = [rack.id for rack in racks if rack.id in self.fed]
        limits = []
        for above in self.above.values():
            known = [nodes for rack_id in fed if (nodes := above[rack_id]) is not None]
            if known and len(known) == len(fed):
                limits.append(find_limit(known))
        return min(limits, default=None)

    def _map_heat(self, chosen: Mapping[int, RackSummary], base: Base) -> list[SiteHeat]:
        """Sites and rooms without any rack are left out."""
        by_row: dict[tuple[int, int], dict[int, list[RackSummary]]] = {}
        in_room: dict[int, list[RackSummary]] = {}
        in_site: dict[int, list[RackSummary]] = {}
        for rack in chosen.values():
            cabinets = by_row.setdefault((rack.room_id, rack.row_id), {})
            cabinets.setdefault(rack.cabinet_id, []).append(rack)
            in_room.setdefault(rack.room_id, []).append(rack)
            in_site.setdefault(rack.site_id, []).append(rack)
        rows: dict[int, list[RowHeat]] = {}
        for (room_id, row_id), cabinets in by_row.items():
            here = [rack for several in cabinets.values() for rack in several]
            heat = tuple(self._cabinet(several, base) for several in cabinets.values())
            load = add_loads((one.load for one in heat), self.limit_of(here))
            row = RowHeat(row_id, here[0].row_code, load, heat)
            rows.setdefault(room_id, []).append(row)
        rooms: dict[int, list[RoomHeat]] = {}
        for room in self.rooms:
            if room.id in rows:
                load = add_loads(
                    (one.load for one in rows[room.id]), self.limit_of(in_room[room.id])
                )
                rooms.setdefault(room.site_id, []).append(
                    RoomHeat(room, load, tuple(rows[room.id]))
                )
        return [
            SiteHeat(
                site,
                add_loads((one.load for one in rooms[site.id]), self.limit_of(in_site[site.id])),
                tuple(rooms[site.id]),
            )
            for site in self.sites
            if site.id in rooms
        ]

    def _cabinet(self, racks: Sequence[RackSummary], base: Base) -> CabinetHeat:
        loads = [self.load_of(rack) for rack in racks]
        feeds = [feed for rack in racks for feed in self.fed.get(rack.id, ())]
        dead = "".join(sorted({feed.name for feed in feeds if feed.pdu.state == "down"}))
        return CabinetHeat(
            racks[0].cabinet_id,
            racks[0].cabinet_code,
            add_loads(loads),
            find_fullest(loads, base),
            dead,
        )

    def _read_feeds(self, loss: Loss) -> list[FeedNow]:
        """Stations above the racks, the utility first, as before this loss."""
        grid = loss.now.stages.grid
        unphased = self._flow_unphased(loss)
        drawing = self._find_drawing(loss)
        found = []
        for at, node in enumerate(grid.nodes):
            if node.kind in CIRCUITS or node.rack_id is not None:
                continue
            racks = drawing.get(at, set())
            silent = len(racks & self.silent)
            total = loss.flow.total[at]
            phases = None
            if len(racks) > silent:
                phases = tuple(zip(grid.phase_names(at), loss.flow.amps(at), strict=True))
            found.append(
                FeedNow(
                    self.supply.nodes[node.id], derated_ma(node), phases, len(racks), silent,
                    unphased[at] / total if total else 0.0,
                )
            )  # fmt: skip
        return found

    def _find_drawing(self, loss: Loss) -> dict[int, set[int]]:
        """Racks by the place that they draw through now: not by a source in reserve."""
        grid, fed = loss.now.stages.grid, loss.now.stages.fed[0]
        found: dict[int, set[int]] = {}
        for rack_id in self.fed:
            for pdu in grid.feeds_of_rack.get(rack_id, ()):
                for at in grid.path(fed, pdu) if fed.live[pdu] else ():
                    found.setdefault(at, set()).add(rack_id)
        return found

    def _flow_unphased(self, loss: Loss) -> list[int]:
        """mVA through each place of circuits that are taken to be even: no phase is recorded."""
        grid, fed = loss.now.stages.grid, loss.now.stages.fed[0]
        drawn = {
            at: (draw.by_pdu or {}).get(grid.nodes[at].id, 0)
            for rack_id, draw in self.measured.items()
            for at in grid.feeds_of_rack.get(rack_id, ())
            if grid.phase[at] not in ON_PHASES
        }
        return grid.flow(fed, drawn).total


def gather_racks(tree: PowerTree, fed: Mapping[int, Sequence[Feed]]) -> dict[int, set[int]]:
    """Racks by each node that they may draw from, by whichever of its sources."""
    found: dict[int, set[int]] = {}
    for rack_id, feeds in fed.items():
        for feed in feeds:
            for node_id in tree.sources(feed.pdu.node.id):
                found.setdefault(node_id, set()).add(rack_id)
    return found


def add_amps(feeds: Sequence[Feed]) -> float | None:
    """What a rack draws now on all its feeds, A a phase; none unless every feed is known."""
    amps = [0.0 if feed.pdu.state == "down" else feed.meter.amps for feed in feeds]
    known = [one for one in amps if one is not None]
    return sum(known) if known and len(known) == len(amps) else None


def _name_risk(
    risk: Risk,
    supply: Supply,
    racks: Mapping[int, RackSummary],
    owners: Mapping[int, Sequence[Owner]],
) -> NamedRisk:
    several = {owner for rack in risk.rack_ids for owner in owners.get(rack, ())}
    customers = tuple(sorted(several, key=lambda owner: owner.code))
    if risk.node_id is not None:
        node = supply.tree.nodes[risk.node_id]
        return NamedRisk(risk, node.code, node.kind, None, customers)
    rack = racks[risk.rack_ids[0]]
    name = rack.cabinet_code if rack.layout == "full" else f"{rack.cabinet_code} {rack.code}"
    return NamedRisk(risk, name, "rack", rack.cabinet_id, customers)
