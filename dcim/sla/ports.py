"""What every port shows now: who uses it, how much, in which state and since when."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError, NotFoundError
from dcim.inventory.models import Device
from dcim.metering.batch import Columns
from dcim.metering.downsampling import bucket_rates, listed
from dcim.metering.families import DOWN, UP
from dcim.metering.models import Series
from dcim.metering.store import Latest, PostgresSampleStore, SampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.sla.evidence import HOLDS_MS, hold
from dcim.snmp.agents.models import SnmpAgent

STATES = {UP: "up", DOWN: "down"}
DAY_MS = 86_400_000
TRACE_STEP_MS = 900_000


@dataclass(frozen=True, slots=True)
class PortNow:
    """Rates in bit/s of the newest interval, none when it is older than a reading holds.

    `state` is up, down or unknown; `newest_at` is the newest sample, however old.
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
    traffic_id: int | None
    state_id: int | None
    step_s: int
    is_polled: bool
    state: str = "unknown"
    newest_at: dt.datetime | None = None
    in_bps: int | None = None
    out_bps: int | None = None
    in_errors: int | None = None
    out_errors: int | None = None

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


@dataclass(frozen=True, slots=True)
class Trace:
    """A day of a port: mean of the busier direction by the quarter hour, in bit/s.

    `since` is when the present state began; none when that was before the day.
    """

    values: list[float | None]
    errors: int
    since: dt.datetime | None


def read_ports(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    port_id: int | None = None,
    store: SampleStore | None = None,
) -> list[PortNow]:
    """Every port by device and name. Three statements however many there are; staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all ports.")
    statement = _select_ports(now)
    if port_id is not None:
        statement = statement.where(Port.id == port_id)
    ports = [PortNow(**row._mapping) for row in session.execute(statement)]
    store = store or PostgresSampleStore()
    traffic = store.latest(session, "traffic", _ids(port.traffic_id for port in ports))
    states = store.latest(session, "state", _ids(port.state_id for port in ports))
    now_ms = _to_ms(now)
    return [
        _judge(port, traffic.get(port.traffic_id or 0), states.get(port.state_id or 0), now_ms)
        for port in ports
    ]


def find_port_now(session: Session, scope: Scope, port_id: int, now: dt.datetime) -> PortNow:
    """Raises NotFoundError for an absent port."""
    found = read_ports(session, scope, now, port_id=port_id)
    if not found:
        raise NotFoundError("No such port.")
    return found[0]


def read_traces(
    session: Session,
    ports: Sequence[PortNow],
    now: dt.datetime,
    store: SampleStore | None = None,
) -> dict[int, Trace]:
    """The last 24 hours of each port, by its id."""
    store = store or PostgresSampleStore()
    end = (_to_ms(now) // TRACE_STEP_MS + 1) * TRACE_STEP_MS
    start = end - DAY_MS
    traffic: dict[int, Columns] = dict(
        store.read(session, "traffic", _ids(port.traffic_id for port in ports), start, end)
    )
    states: dict[int, Columns] = dict(
        store.read(session, "state", _ids(port.state_id for port in ports), start, end)
    )
    found = {}
    for port in ports:
        columns = traffic.get(port.traffic_id or 0)
        values: list[float | None] = []
        errors = 0
        if columns is not None:
            inward = bucket_rates(columns, "in", start, end, TRACE_STEP_MS)
            outward = bucket_rates(columns, "out", start, end, TRACE_STEP_MS)
            values = listed(np.maximum(inward.mean, outward.mean), digits=0)
            errors = sum(
                int(columns.values[name][columns.values[name] > 0].sum())
                for name in ("in_errors", "out_errors")
            )
        since = find_since(states.get(port.state_id or 0), port.state, _hold_of(port), start)
        found[port.id] = Trace(values, errors, since)
    return found


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


def _select_ports(now: dt.datetime) -> Any:
    traffic, state = aliased(Series), aliased(Series)
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
            traffic.id.label("traffic_id"),
            state.id.label("state_id"),
            func.coalesce(traffic.step_s, state.step_s, 60).label("step_s"),
            Port.device_id.in_(select(SnmpAgent.device_id)).label("is_polled"),
        )
        .join(Device, Device.id == Port.device_id)
        .outerjoin(ServiceMembership, membership)
        .outerjoin(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .outerjoin(Customer, Customer.id == ServiceMembership.customer_id)
        .outerjoin(traffic, and_(traffic.port_id == Port.id, traffic.family == "traffic"))
        .outerjoin(state, and_(state.port_id == Port.id, state.family == "state"))
        .order_by(Device.name, Port.id)
    )


def _ids(several: Iterable[int | None]) -> list[int]:
    return [one for one in several if one is not None]


def _hold_of(port: PortNow) -> int:
    return max(HOLDS_MS, port.step_s * 1500)


def _judge(port: PortNow, traffic: Latest | None, state: Latest | None, now_ms: int) -> PortNow:
    newest = max((one.ts for one in (traffic, state) if one is not None), default=None)
    if newest is not None:
        port = replace(port, newest_at=dt.datetime.fromtimestamp(newest / 1000, dt.UTC))
    oldest_ms = now_ms - _hold_of(port)
    if state is not None and state.ts >= oldest_ms:
        port = replace(port, state=STATES.get(int(state.values["state"]), "unknown"))
    if traffic is None or traffic.ts < oldest_ms or traffic.span_ms <= 0:
        return port
    values = {name: int(value) for name, value in traffic.values.items()}

    def rate(way: str) -> int | None:
        octets = values[f"{way}_octets"]
        return None if octets < 0 else octets * 8000 // traffic.span_ms

    def errors(way: str) -> int | None:
        count = values[f"{way}_errors"]
        return None if count < 0 else count

    return replace(
        port,
        in_bps=rate("in"),
        out_bps=rate("out"),
        in_errors=errors("in"),
        out_errors=errors("out"),
    )


def _to_ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)
