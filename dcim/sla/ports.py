"""What every port shows now: who uses it, how much, in which state and since when."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import DateTime, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError, NotFoundError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row, Site
from dcim.metering.batch import Columns
from dcim.metering.families import DISCARDS, DOWN, UP
from dcim.metering.models import Series
from dcim.metering.store import Latest, PostgresSampleStore, SampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.sla.evidence import HOLDS_MS, hold
from dcim.snmp.agents.models import LagMember, SnmpAgent

STATES = {UP: "up", DOWN: "down"}


@dataclass(frozen=True, slots=True)
class PortNow:
    """Rates in bit/s of the newest interval, none when it is older than a reading holds.

    `state` is up, down or unknown; `newest_at` is the newest sample, however old. `lag_id` is the
    port of the LAG that it is in now.
    """

    id: int
    name: str
    alias: str
    role: str
    speed_bps: int
    device_id: int
    device_name: str
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    customer_name_en: str | None
    service_id: int | None
    service_code: str | None
    carrier: str | None
    commit_bps: int | None
    ceiling_bps: int | None
    site_id: int | None
    site_code: str | None
    traffic_id: int | None
    state_id: int | None
    discards_id: int | None
    step_s: int
    is_polled: bool
    lag_id: int | None
    lag_name: str | None
    state: str = "unknown"
    newest_at: dt.datetime | None = None
    in_bps: int | None = None
    out_bps: int | None = None
    in_errors: int | None = None
    out_errors: int | None = None
    in_discards: int | None = None
    out_discards: int | None = None

    @property
    def busier_bps(self) -> int | None:
        known = [rate for rate in (self.in_bps, self.out_bps) if rate is not None]
        return max(known) if known else None

    @property
    def share(self) -> float | None:
        """Of the port's speed, by the busier direction."""
        if self.busier_bps is None or not self.speed_bps:
            return None
        return self.busier_bps / self.speed_bps

    @property
    def commit_share(self) -> float | None:
        if self.busier_bps is None or not self.commit_bps:
            return None
        return self.busier_bps / self.commit_bps

    @property
    def errors(self) -> int | None:
        """In the newest interval, both directions."""
        if self.in_errors is None or self.out_errors is None:
            return None
        return self.in_errors + self.out_errors

    @property
    def discards(self) -> int | None:
        """As `errors`: packets dropped though nothing was wrong with them."""
        if self.in_discards is None or self.out_discards is None:
            return None
        return self.in_discards + self.out_discards

    @property
    def is_losing(self) -> bool:
        """Whether it lost packets in the newest interval, for either reason."""
        return bool(self.errors or self.discards)


def read_ports(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    port_id: int | None = None,
    port_ids: Collection[int] | None = None,
    store: SampleStore | None = None,
) -> list[PortNow]:
    """Every port by device and name, or that one, or those. Four statements however many there
    are; staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all ports.")
    statement = _select_ports() if port_id is None else _select_port()
    if port_ids is not None:
        statement = statement.where(is_among(Port.id, port_ids))
    found = session.execute(statement, {"now": now, "port_id": port_id})
    ports = [PortNow(**row._mapping) for row in found]
    store = store or PostgresSampleStore()
    traffic = store.latest(session, "traffic", _ids(port.traffic_id for port in ports))
    states = store.latest(session, "state", _ids(port.state_id for port in ports))
    discards = store.latest(session, "discards", _ids(port.discards_id for port in ports))
    now_ms = _to_ms(now)
    return [
        judge_port(
            port,
            traffic.get(port.traffic_id or 0),
            states.get(port.state_id or 0),
            discards.get(port.discards_id or 0),
            now_ms,
        )
        for port in ports
    ]


def find_port_now(session: Session, scope: Scope, port_id: int, now: dt.datetime) -> PortNow:
    """Raises NotFoundError for an absent port."""
    found = read_ports(session, scope, now, port_id=port_id)
    if not found:
        raise NotFoundError("No such port.")
    return found[0]


def find_since(
    columns: Columns | None, state: str, holds_ms: int, start: int
) -> dt.datetime | None:
    """Since when `state` holds without a break; none when it did at `start` already."""
    if columns is None or not len(columns):
        return None
    runs = hold(columns.ts, columns.values["state"], holds_ms)
    begin, end, value = runs[-1]
    # What was known once is unknown from where its hold ran out.
    at = end if state == "unknown" and value in STATES else begin
    if at <= start + holds_ms:
        return None
    return dt.datetime.fromtimestamp(at / 1000, dt.UTC)


@cache
def _select_ports() -> Any:
    """At the instant `now`, a parameter: to make this statement takes longer than to run it."""
    now = bindparam("now", type_=DateTime(timezone=True))
    traffic, state, discards = aliased(Series), aliased(Series), aliased(Series)
    lag = aliased(Port)
    membership = and_(
        ServiceMembership.port_id == Port.id,
        ServiceMembership.starts_at <= now,
        or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
    )
    return (
        select(
            Port.id,
            Port.name,
            Port.alias,
            Port.role,
            Port.speed_bps,
            Port.device_id,
            Device.name.label("device_name"),
            ServiceMembership.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            BandwidthService.id.label("service_id"),
            BandwidthService.code.label("service_code"),
            BandwidthService.carrier,
            BandwidthService.commit_bps,
            BandwidthService.ceiling_bps,
            Site.id.label("site_id"),
            Site.code.label("site_code"),
            traffic.id.label("traffic_id"),
            state.id.label("state_id"),
            discards.id.label("discards_id"),
            func.coalesce(traffic.step_s, state.step_s, 60).label("step_s"),
            Port.device_id.in_(select(SnmpAgent.device_id)).label("is_polled"),
            lag.id.label("lag_id"),
            LagMember.lag_name,
        )
        .join(Device, Device.id == Port.device_id)
        .outerjoin(ServiceMembership, membership)
        .outerjoin(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .outerjoin(Customer, Customer.id == ServiceMembership.customer_id)
        .outerjoin(Installation, Installation.device_id == Device.id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Row, Row.id == Cabinet.row_id)
        .outerjoin(Room, Room.id == Row.room_id)
        .outerjoin(Site, Site.id == Room.site_id)
        .outerjoin(traffic, and_(traffic.port_id == Port.id, traffic.family == "traffic"))
        .outerjoin(state, and_(state.port_id == Port.id, state.family == "state"))
        .outerjoin(discards, and_(discards.port_id == Port.id, discards.family == "discards"))
        .outerjoin(
            LagMember,
            and_(
                LagMember.device_id == Port.device_id,
                LagMember.port_name == Port.name,
                LagMember.ends_at.is_(None),
            ),
        )
        # By the member's device: by the port's all ports of it would be gone through for each.
        .outerjoin(lag, and_(lag.device_id == LagMember.device_id, lag.name == LagMember.lag_name))
        .order_by(Device.name, Port.id)
    )


@cache
def _select_port() -> Any:
    """The one whose id is `port_id`."""
    return _select_ports().where(Port.id == bindparam("port_id"))


def select_board_ports(now: dt.datetime) -> Any:
    """As `PortNow`'s fields, those that a board shows: measured, in a customer's use, or of a
    polled device. A house has many more that only cables know."""
    measured = select(Series.port_id).where(Series.family.in_(("traffic", "state")))
    used = select(ServiceMembership.port_id).where(
        ServiceMembership.starts_at <= now,
        or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
    )
    polled = select(SnmpAgent.device_id)
    found = _select_ports().where(
        or_(
            Port.id.in_(measured),
            Port.id.in_(used),
            and_(Port.device_id.in_(polled), Port.kind == "switch"),
        )
    )
    return found.params(now=now)


def site_column() -> Any:
    """Where a port's device stands, in `select_board_ports`."""
    return Site.id


def find_next_turn(session: Session, now: dt.datetime) -> dt.datetime | None:
    """When next a port's membership begins or ends by itself."""
    begins, ends = session.execute(
        select(
            func.min(ServiceMembership.starts_at).filter(ServiceMembership.starts_at > now),
            func.min(ServiceMembership.ends_at).filter(ServiceMembership.ends_at > now),
        )
    ).one()
    return min((one for one in (begins, ends) if one is not None), default=None)


def _ids(several: Iterable[int | None]) -> list[int]:
    return [one for one in several if one is not None]


def hold_of(port: PortNow) -> int:
    """How long what was read of a port holds, ms."""
    return max(HOLDS_MS, port.step_s * 1500)


def judge_port(
    port: PortNow,
    traffic: Latest | None,
    state: Latest | None,
    discards: Latest | None,
    now_ms: int,
) -> PortNow:
    """The port with what its newest samples say, as far as they hold at `now_ms`."""
    newest = max((one.ts for one in (traffic, state) if one is not None), default=None)
    oldest_ms = now_ms - hold_of(port)
    told = "unknown"
    if state is not None and state.ts >= oldest_ms:
        told = STATES.get(int(state.values["state"]), "unknown")
    rates: list[int | None] = [None, None, None, None]
    dropped: list[int | None] = [None, None]
    if discards is not None and discards.ts >= oldest_ms:
        counts = [int(discards.values[name]) for name in DISCARDS.columns]
        dropped = [None if count < 0 else count for count in counts]
    if traffic is not None and traffic.ts >= oldest_ms and traffic.span_ms > 0:
        octets = [int(traffic.values[name]) for name in ("in_octets", "out_octets")]
        errors = [int(traffic.values[name]) for name in ("in_errors", "out_errors")]
        rates = [
            *(None if count < 0 else count * 8000 // traffic.span_ms for count in octets),
            *(None if count < 0 else count for count in errors),
        ]
    return replace(
        port,
        state=told,
        newest_at=None if newest is None else dt.datetime.fromtimestamp(newest / 1000, dt.UTC),
        in_bps=rates[0],
        out_bps=rates[1],
        in_errors=rates[2],
        out_errors=rates[3],
        in_discards=dropped[0],
        out_discards=dropped[1],
    )


def _to_ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)
