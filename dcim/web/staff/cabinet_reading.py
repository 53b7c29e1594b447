"""Everything a cabinet's page shows, read in a fixed number of statements."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from dcim.accounts.scope import Scope
from dcim.customers.calendar import today_in
from dcim.errors import NotFoundError
from dcim.inventory.models import Cabinet, Rack, Room, Row
from dcim.inventory.space.contents import (
    BarredRow,
    ClaimRow,
    HoldRow,
    InstalledRow,
    list_barred,
    list_claims,
    list_installed,
    list_live_holds,
)
from dcim.inventory.space.rack_states import sum_up_racks
from dcim.inventory.space.states import RackState
from dcim.power.chain import Surroundings
from dcim.power.cords import CordRow, list_cords
from dcim.power.judgement import Survival, judge_survival
from dcim.sla.feeds import (
    Feed,
    NodeNow,
    Peak,
    find_derated_w,
    find_rated_w,
    list_circuits,
    load_supply,
    read_peaks,
)


@dataclass(frozen=True, slots=True)
class RackPower:
    """The four kinds of watts, never merged: what the circuits are rated for (one feed alone),
    what is sold, what the installed devices' plates add up to, what is drawn."""

    rack: Rack
    feeds: list[Feed]
    contracted_w: int
    nameplate_w: int
    watts: float | None
    peak: Peak
    survivals: list[Survival]
    customers: list[tuple[str, str]]

    @property
    def rated_w(self) -> int:
        return find_rated_w(self.feeds)

    @property
    def derated_w(self) -> int:
        return find_derated_w(self.feeds)

    @property
    def scale_w(self) -> float:
        """The far end of the bars: all four kinds fit on it."""
        kinds = (self.rated_w, self.contracted_w, self.nameplate_w, self.watts, self.peak.watts)
        return max([kind for kind in kinds if kind] or [1])

    @property
    def has_one_feed(self) -> bool:
        return {feed.name for feed in self.feeds} in ({"A"}, {"B"})


@dataclass(frozen=True, slots=True)
class CabinetReading:
    """`today` is the site's; `before` and `after` are its neighbours in the row. Counts are half
    units, weights grams."""

    cabinet: Cabinet
    today: dt.date
    neighbours: list[tuple[int, str]]
    installed: list[InstalledRow]
    claims: list[ClaimRow]
    holds: list[HoldRow]
    cords: list[CordRow]
    powers: list[RackPower]
    nodes: dict[int, NodeNow]
    barred: list[BarredRow] = field(default_factory=list)

    @property
    def place(self) -> int:
        return [cabinet_id for cabinet_id, _ in self.neighbours].index(self.cabinet.id)

    @property
    def before(self) -> tuple[int, str] | None:
        return self.neighbours[self.place - 1] if self.place else None

    @property
    def after(self) -> tuple[int, str] | None:
        rest = self.neighbours[self.place + 1 :]
        return rest[0] if rest else None

    @property
    def total(self) -> int:
        return sum(2 * rack.u_count for rack in self.cabinet.racks)

    @property
    def begun(self) -> list[ClaimRow]:
        """What is somebody's today; what was sold from a later day on is still free."""
        return [
            claim
            for claim in self.claims
            if claim.turn == "current" and claim.starts_on <= self.today
        ]

    @property
    def allocated(self) -> int:
        return sum(claim.height for claim in self.begun)

    @property
    def held(self) -> int:
        return sum(hold.height for hold in self.holds if hold.begun)

    @property
    def installed_units(self) -> int:
        """A front and a rear device in one U fill it once."""
        taken = {
            (one.rack_id, u)
            for one in self.installed
            if one.u_low is not None
            for u in range(one.u_low, one.u_low + one.height)
        }
        return len(taken)

    @property
    def states(self) -> list[tuple[Rack, RackState]]:
        """Each rack's state now, and how many of its half units are in which."""
        return sum_up_racks(
            self.cabinet.racks, self.today, self.installed, self.barred, self.claims, self.holds
        )

    @property
    def strays(self) -> list[InstalledRow]:
        """Customers' devices outside what is allocated to them now: left behind, or overridden."""
        owned = {
            (claim.rack_id, claim.customer_id, u)
            for claim in self.begun
            for u in range(claim.u_low, claim.u_low + claim.height)
        }
        return [
            one
            for one in self.installed
            if one.u_low is not None
            and one.customer_id is not None
            and any(
                (one.rack_id, one.customer_id, u) not in owned
                for u in range(one.u_low, one.u_low + one.height)
            )
        ]

    @property
    def unsold(self) -> int:
        """Half units that are neither sold nor held, and that something could stand in."""
        spans = [
            *((c.rack_id, c.u_low, c.height) for c in self.claims if c.turn == "current"),
            *((hold.rack_id, hold.u_low, hold.height) for hold in self.holds),
            *((b.rack_id, b.u_low, b.height) for b in self.barred if b.face == "full"),
        ]
        taken = {(rack, u) for rack, low, height in spans for u in range(low, low + height)}
        return max(0, self.total - len(taken))

    @property
    def weight_g(self) -> int:
        """The enclosure's own weight and what stands in it."""
        return self.cabinet.own_weight_kg * 1000 + sum(one.weight_g for one in self.installed)

    @property
    def unweighed(self) -> int:
        """Devices whose type has no weight: the sum is a lower bound."""
        return sum(not one.weight_g for one in self.installed)

    @property
    def newest(self) -> dt.datetime | None:
        """The oldest of the feeds' newest samples: the page is no fresher than that."""
        instants = [
            feed.meter.measured_at
            for power in self.powers
            for feed in power.feeds
            if feed.meter.measured_at is not None
        ]
        return min(instants, default=None)


def read_cabinet(
    session: Session, scope: Scope, cabinet_id: int, now: dt.datetime, month_start: dt.datetime
) -> CabinetReading:
    """Raises NotFoundError for an absent cabinet."""
    # One statement for the frame of the drawing: few racks, and few barred places in them.
    cabinet = (
        session.scalars(
            select(Cabinet)
            .join(Cabinet.row)
            .join(Row.room)
            .join(Room.site)
            .options(
                contains_eager(Cabinet.row).contains_eager(Row.room).contains_eager(Room.site),
                joinedload(Cabinet.racks).joinedload(Rack.barred),
            )
            .where(Cabinet.id == cabinet_id)
        )
        .unique()
        .one_or_none()
    )
    if cabinet is None or not scope.is_staff:
        raise NotFoundError("No such cabinet.")
    neighbours = session.execute(
        select(Cabinet.id, Cabinet.code)
        .where(Cabinet.row_id == cabinet.row_id)
        .order_by(Cabinet.position)
    )
    return read_several(
        session, scope, [cabinet], now, month_start,
        neighbours=[(one, code) for one, code in neighbours],
        barred=[
            BarredRow(rack.id, bar.u_low, bar.height, bar.face, bar.kind, bar.reason)
            for rack in cabinet.racks
            for bar in rack.barred
        ],
    )[0]  # fmt: skip


def read_several(
    session: Session,
    scope: Scope,
    cabinets: Sequence[Cabinet],
    now: dt.datetime,
    month_start: dt.datetime | None = None,
    *,
    neighbours: list[tuple[int, str]] | None = None,
    barred: list[BarredRow] | None = None,
) -> list[CabinetReading]:
    """Cabinets of one site with racks loaded, in a number of statements that doesn't depend on how
    many there are. Without `month_start` no peaks are looked for."""
    if not cabinets:
        return []
    rack_ids = [rack.id for cabinet in cabinets for rack in cabinet.racks]
    installed = list_installed(session, scope, rack_ids)
    claims = list_claims(session, scope, rack_ids=rack_ids)
    holds = list_live_holds(session, scope, rack_ids, now)
    cords = list_cords(session, rack_ids=rack_ids)
    if barred is None:
        barred = list_barred(session, rack_ids)
    supply = load_supply(session, now, around=Surroundings(rack_ids=rack_ids))
    feeds = {rack_id: supply.feeds_of(rack_id) for rack_id in rack_ids}
    peaks: dict[int, Peak] = {}
    if month_start is not None:
        peaks = read_peaks(session, feeds, to_ms(month_start), to_ms(now))
    readings = []
    for cabinet in cabinets:
        own = {rack.id for rack in cabinet.racks}
        pdus = {feed.pdu.node.id for rack_id in own for feed in feeds[rack_id]}
        readings.append(
            CabinetReading(
                cabinet=cabinet,
                today=today_in(cabinet.row.room.site.timezone, now),
                neighbours=neighbours or [],
                installed=[one for one in installed if one.rack_id in own],
                claims=[one for one in claims if one.rack_id in own],
                holds=[one for one in holds if one.rack_id in own],
                cords=[one for one in cords if one.pdu_id in pdus],
                barred=[one for one in barred if one.rack_id in own],
                powers=[
                    _judge(
                        rack,
                        feeds[rack.id],
                        [claim for claim in claims if claim.rack_id == rack.id],
                        [one for one in installed if one.rack_id == rack.id],
                        supply.watts_of(rack.id),
                        peaks.get(rack.id, Peak()),
                    )
                    for rack in cabinet.racks
                ],
                nodes=dict(supply.nodes),
            )
        )
    return readings


def _judge(
    rack: Rack,
    feeds: list[Feed],
    claims: list[ClaimRow],
    installed: list[InstalledRow],
    watts: float | None,
    peak: Peak,
) -> RackPower:
    current = [claim for claim in claims if claim.turn == "current"]
    contracted = sum(claim.contracted_w or 0 for claim in current)
    return RackPower(
        rack=rack,
        feeds=feeds,
        contracted_w=contracted,
        nameplate_w=sum(one.rated_w for one in installed),
        watts=watts,
        peak=peak,
        survivals=judge_survival(list_circuits(feeds), peak.amps, contracted),
        customers=list(
            dict.fromkeys((claim.customer_name, claim.customer_name_en) for claim in current)
        ),
    )


def to_ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)
