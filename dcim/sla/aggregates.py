"""Lines, carriers, sites, customers and LAGs: what is bought and sold, what flows, when it runs
out.

Everything measured comes from the days that the rounds have added up (`traffic_months`); its
instant is on each row. Nothing here adds percentiles.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row, Site
from dcim.network.models import BandwidthService, Carrier, Circuit, Port, ServiceMembership
from dcim.sla.lags import LagNow, read_lags, read_memberships
from dcim.sla.power_use import PowerUse, read_power_use
from dcim.sla.rules.periods import month_period, to_ms
from dcim.sla.rules.runout import RunOut
from dcim.sla.rules.usage.aggregates import Newest, Point
from dcim.sla.space_sold import SpaceSold, read_space_sold
from dcim.sla.traffic_months import Carried, Grouping, TrafficMemory, read_carried
from dcim.sla.traffic_rounds import UPLINKS


@dataclass(slots=True)
class Aggregate:
    """Rates in bit/s; none where it isn't known.

    `bought` is what is paid for: a line's commit, of a flat line its capacity. Of a line on a LAG
    and `inside` lines on its members what says more counts. `sold` and `sold_most` are the commits
    and ceilings of `services` running now. Of `members` lines or ports `unmeasured` are in no
    measured figure. `run_outs` are of SHARES of the capacity. A LAG's id is its own port's.
    """

    id: int
    code: str
    name: str
    name_en: str
    place: str = ""
    kind: str = ""
    port_id: int | None = None
    lines: int = 0
    inside: int = 0
    capacity: int = 0
    bought: int = 0
    services: int = 0
    sold: int = 0
    sold_most: int = 0
    measured_at: dt.datetime | None = None
    members: int = 0
    unmeasured: int = 0
    newest: Newest | None = None
    month: Point | None = None
    forecast: Point | None = None
    run_outs: list[RunOut] = field(default_factory=list)
    space: SpaceSold | None = None
    lag: LagNow | None = None
    power: PowerUse | None = None

    @property
    def contention(self) -> float | None:
        """Sold for each bit bought."""
        return self.sold / self.bought if self.bought and self.services else None

    @property
    def in_now(self) -> int | None:
        """Of a LAG by its last poll, else by the last round."""
        return self.lag.in_bps if self.lag else self.newest.in_bps if self.newest else None

    @property
    def out_now(self) -> int | None:
        return self.lag.out_bps if self.lag else self.newest.out_bps if self.newest else None

    @property
    def busier_now(self) -> int | None:
        known = [one for one in (self.in_now, self.out_now) if one is not None]
        return max(known, default=None)

    @property
    def share(self) -> float | None:
        """The month's percentile of what is bought."""
        p95 = self.month.p95 if self.month else None
        return None if p95 is None or not self.bought else p95 / self.bought

    @property
    def runs_out(self) -> RunOut | None:
        """The whole capacity."""
        return self.run_outs[-1] if self.run_outs else None


def read_aggregates(
    session: Session,
    scope: Scope,
    grouping: Grouping,
    now: dt.datetime,
    zone: str,
    memory: TrafficMemory | None = None,
) -> list[Aggregate]:
    """By code; the month is the running one of `zone`. What is measured is that of the last round,
    from `memory` where that has it. Nine statements at most; staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see what carriers are paid for.")
    if grouping == "lag":
        found = {one.port.id: _describe_lag(one) for one in read_lags(session, scope, now)}
    else:
        found = _list_subjects(session, grouping, now)
    _add_sold(session, grouping, found, now)
    _add_measured(session, grouping, found, now, zone, memory)
    if grouping == "site":
        for site_id, space in read_space_sold(session, now.astimezone(dt.UTC).date()).items():
            if site_id in found:
                found[site_id].space = space
        for (_, site_id), power in read_power_use(session, scope, now, rooms=False).items():
            if site_id in found:
                found[site_id].power = power
    return sorted(found.values(), key=lambda one: one.code)


def _describe_lag(lag: LagNow) -> Aggregate:
    own = lag.port
    return Aggregate(
        own.id, f"{own.device_name} {own.name}", own.alias, "", own.site_code or "",
        port_id=own.id, capacity=lag.full_speed_bps, lag=lag,
    )  # fmt: skip


def _list_subjects(session: Session, grouping: Grouping, now: dt.datetime) -> dict[int, Aggregate]:
    today = now.date()
    if grouping == "customer":
        rows = session.execute(
            select(Customer.id, Customer.code, Customer.name, Customer.name_en).where(
                Customer.id.in_(select(BandwidthService.customer_id))
            )
        )
        return {row.id: Aggregate(*row) for row in rows}
    lines = session.execute(
        select(Circuit, Carrier, Site)
        .join(Carrier, Carrier.id == Circuit.carrier_id)
        .join(Site, Site.id == Circuit.site_id)
        .where(
            Circuit.state.in_(("active", "suspended")),
            Circuit.starts_on <= today,
            or_(Circuit.ends_on.is_(None), Circuit.ends_on > today),
        )
    ).all()
    found: dict[int, Aggregate] = {}
    together: dict[int, list[Circuit]] = {}
    for line, carrier, site in lines:
        if grouping == "line":
            one = found[line.id] = Aggregate(
                line.id, line.number, carrier.name, carrier.name_en, site.code, line.kind,
                line.port_id,
            )  # fmt: skip
        elif line.kind not in UPLINKS:
            continue
        else:
            of = carrier if grouping == "carrier" else site
            one = found.setdefault(of.id, Aggregate(of.id, of.code, of.name, of.name_en))
        together.setdefault(one.id, []).append(line)
    at = to_ms(now)
    memberships = read_memberships(session, at, at + 1).values()
    lag_of = {one.port_id: one.lag_id for several in memberships for one in several}
    for key, of_one in together.items():
        _add_bought(found[key], of_one, lag_of)
    # What is sold of a carrier, or at a site, where no line is recorded shows what is missing.
    if grouping == "carrier":
        for row in session.execute(select(Carrier.id, Carrier.code, Carrier.name, Carrier.name_en)):
            found.setdefault(row.id, Aggregate(*row))
    if grouping == "site":
        for row in session.execute(select(Site.id, Site.code, Site.name, Site.name_en)):
            found.setdefault(row.id, Aggregate(*row))
    return found


def _add_bought(one: Aggregate, lines: Sequence[Circuit], lag_of: Mapping[int, int]) -> None:
    """`lag_of` are the LAGs that ports are members of: such a line and one on the LAG are one."""
    inside: dict[int, list[Circuit]] = {}
    ports = {line.port_id for line in lines if line.port_id is not None}
    for line in lines:
        lag_id = lag_of.get(line.port_id or 0)
        if lag_id in ports:
            inside.setdefault(lag_id or 0, []).append(line)
    counted = {line.id for several in inside.values() for line in several}
    one.lines, one.inside = len(lines), len(counted)
    for line in lines:
        if line.id not in counted:
            members = inside.get(line.port_id or 0, [])
            one.capacity += max(line.capacity_bps, sum(each.capacity_bps for each in members))
            one.bought += max(_bought(line), sum(map(_bought, members)))


def _bought(line: Circuit) -> int:
    return line.capacity_bps if line.charging_mode == "flat" else line.commit_bps


def _add_sold(
    session: Session, grouping: Grouping, found: Mapping[int, Aggregate], now: dt.datetime
) -> None:
    """Services that a port carries now; one at several ports counts once."""
    if grouping in ("line", "lag"):
        return
    running = and_(
        ServiceMembership.service_id == BandwidthService.id,
        ServiceMembership.starts_at <= now,
        or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
    )
    subject: Any = {
        "carrier": BandwidthService.carrier_id,
        "customer": BandwidthService.customer_id,
        "site": Room.site_id,
    }[grouping]
    services: Select[Any] = select(
        subject.label("subject"),
        BandwidthService.id,
        BandwidthService.commit_bps,
        BandwidthService.ceiling_bps,
    ).join(ServiceMembership, running)
    if grouping == "site":
        services = (
            services.join(Port, Port.id == ServiceMembership.port_id)
            .join(Device, Device.id == Port.device_id)
            .join(Installation, Installation.device_id == Device.id)
            .join(Rack, Rack.id == Installation.rack_id)
            .join(Cabinet, Cabinet.id == Rack.cabinet_id)
            .join(Row, Row.id == Cabinet.row_id)
            .join(Room, Room.id == Row.room_id)
        )
    of = services.distinct().subquery()
    rows = session.execute(
        select(
            of.c.subject, func.count(), func.sum(of.c.commit_bps), func.sum(of.c.ceiling_bps)
        ).group_by(of.c.subject)
    )
    for key, count, commits, ceilings in rows:
        if key in found:
            one = found[key]
            one.services, one.sold, one.sold_most = count, int(commits), int(ceilings)


def _add_measured(
    session: Session,
    grouping: Grouping,
    found: Mapping[int, Aggregate],
    now: dt.datetime,
    zone: str,
    memory: TrafficMemory | None,
) -> None:
    month = month_period(f"{now.astimezone(ZoneInfo(zone)):%Y-%m}", zone)
    today = now.astimezone(dt.UTC).date()
    carried = read_carried(session, grouping, (month.start, month.end), today, memory)
    nothing = Carried()
    for subject_id, one in found.items():
        told = carried.get(subject_id, nothing)
        one.measured_at, one.members = told.measured_at, told.members
        one.unmeasured, one.newest = told.unmeasured, told.newest
        one.month, one.forecast = told.month, told.forecast
        if one.capacity and grouping != "customer":
            one.run_outs = told.run_out(one.capacity, today)


def sum_aggregates(several: Iterable[Aggregate]) -> tuple[int, int, int]:
    """(bought, sold, capacity) of all, bit/s; what is measured can't be added this way."""
    rows = list(several)
    return (
        sum(one.bought for one in rows),
        sum(one.sold for one in rows),
        sum(one.capacity for one in rows),
    )
