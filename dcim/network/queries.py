"""Reading ports with their latest rates, and the services on them, through a scope."""

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among, utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.errors import NotFoundError
from dcim.inventory.models import Device
from dcim.metering.families import DOWN, UP
from dcim.metering.frames import FRAMED
from dcim.metering.models import Series
from dcim.metering.store import Latest, PostgresSampleStore, SampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.paging import EVERYTHING, FIRST_PAGE, Page, Paging, fetch_page, narrow, slice_page

STATE_NAMES = {UP: "up", DOWN: "down"}


@dataclass(frozen=True, slots=True)
class PortRow:
    """Rates in bit/s over the latest interval, `measured_at` its end; none where never measured.
    `state` is what was last told, at `state_at`.

    A customer's port hides the operator's side: device and alias (which may name others).
    `used_pct` is the busier direction's share of the ceiling, or of the speed without a service.
    """

    id: int
    name: str
    speed_bps: int
    role: str
    device_id: int | None
    device_name: str | None
    alias: str | None
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    service_id: int | None
    service_code: str | None
    carrier: str | None
    commit_bps: int | None
    ceiling_bps: int | None
    member_since: dt.datetime | None
    state: str
    state_at: dt.datetime | None
    measured_at: dt.datetime | None
    in_bps: int | None
    out_bps: int | None
    used_pct: float | None
    # Packets lost per second, as damaged and as dropped; none where the device doesn't tell.
    in_errors_per_s: float | None
    out_errors_per_s: float | None
    in_discards_per_s: float | None
    out_discards_per_s: float | None
    # The traffic series, for charts; none where the port isn't measured.
    series_id: int | None


class PortSort(StrEnum):
    NAME = "name"
    SPEED = "speed"
    CUSTOMER = "customer"
    USED = "used"


@dataclass(frozen=True, slots=True)
class PortFilter:
    port_id: int | None = None
    device_id: int | None = None
    customer_id: int | None = None
    service_id: int | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceRow:
    id: int
    customer_id: int
    contract_item_id: int
    item_label: str
    item_label_en: str
    code: str
    carrier: str
    commit_bps: int
    ceiling_bps: int


def list_ports(
    session: Session,
    scope: Scope,
    wanted: PortFilter = PortFilter(),
    paging: Paging = FIRST_PAGE,
    *,
    sort: PortSort = PortSort.NAME,
    descending: bool = False,
    store: SampleStore | None = None,
) -> Page[PortRow]:
    """Ports with who uses them now and how much; five statements however many there are.

    A customer sees the ports that carry its services now.
    """
    statement = _select_ports(scope, wanted)
    columns: dict[PortSort, tuple[Any, ...]] = {
        PortSort.NAME: (Device.name, Port.name),
        PortSort.SPEED: (Port.speed_bps,),
        PortSort.CUSTOMER: (Customer.code, Device.name, Port.name),
        PortSort.USED: (),
    }
    order = [column.desc() if descending else column.asc() for column in columns[sort]]
    statement = statement.order_by(*order, Port.id)
    # How busy a port is isn't known to SQL: all are read, then put in order.
    found = fetch_page(
        session, _unmeasured, statement, EVERYTHING if sort is PortSort.USED else paging
    )
    rows = _add_readings(session, scope, found.items, store or PostgresSampleStore())
    if sort is not PortSort.USED:
        return found.replace(rows)
    rows.sort(key=lambda row: (row.used_pct is not None, row.used_pct or 0.0), reverse=descending)
    return slice_page(rows, paging)


def find_port(session: Session, scope: Scope, port_id: int) -> PortRow:
    """Raises NotFoundError for an absent port and for one that carries another's service alike."""
    found = list_ports(session, scope, PortFilter(port_id=port_id)).items
    if not found:
        raise NotFoundError("No such port.")
    return found[0]


def list_services(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    customer_id: int | None = None,
) -> Page[ServiceRow]:
    statement = (
        select(
            BandwidthService.id,
            BandwidthService.customer_id,
            BandwidthService.contract_item_id,
            ContractItem.label.label("item_label"),
            ContractItem.label_en.label("item_label_en"),
            BandwidthService.code,
            BandwidthService.carrier,
            BandwidthService.commit_bps,
            BandwidthService.ceiling_bps,
        )
        .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
        .where(scope.filter(BandwidthService.customer_id))
        .order_by(BandwidthService.code)
    )
    if customer_id is not None:
        statement = statement.where(BandwidthService.customer_id == customer_id)
    return fetch_page(session, ServiceRow, statement, paging)


def _select_ports(scope: Scope, wanted: PortFilter) -> Any:
    now = utc_now()
    membership = and_(
        ServiceMembership.port_id == Port.id,
        ServiceMembership.starts_at <= now,
        or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > now),
    )
    statement = (
        select(
            Port.id,
            Port.name,
            Port.speed_bps,
            Port.role,
            Port.device_id,
            Device.name.label("device_name"),
            Port.alias,
            ServiceMembership.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            BandwidthService.id.label("service_id"),
            BandwidthService.code.label("service_code"),
            BandwidthService.carrier,
            BandwidthService.commit_bps,
            BandwidthService.ceiling_bps,
            ServiceMembership.starts_at.label("member_since"),
        )
        # Outer: row security hides the operator's devices from a customer's session.
        .outerjoin(Device, Device.id == Port.device_id)
        .outerjoin(ServiceMembership, membership)
        .outerjoin(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .outerjoin(Customer, Customer.id == ServiceMembership.customer_id)
        .where(scope.filter(ServiceMembership.customer_id))
    )
    return narrow(
        statement,
        (Port.id, wanted.port_id),
        # Whether a device has ports is the operator's to know.
        (Port.device_id, wanted.device_id if scope.is_staff else None),
        (ServiceMembership.customer_id, wanted.customer_id),
        (ServiceMembership.service_id, wanted.service_id),
        (Port.role, wanted.role),
    )


def _unmeasured(**fields: Any) -> PortRow:
    return PortRow(
        state="unknown",
        state_at=None,
        measured_at=None,
        in_bps=None,
        out_bps=None,
        used_pct=None,
        in_errors_per_s=None,
        out_errors_per_s=None,
        in_discards_per_s=None,
        out_discards_per_s=None,
        series_id=None,
        **fields,
    )


def _add_readings(
    session: Session, scope: Scope, rows: list[PortRow], store: SampleStore
) -> list[PortRow]:
    series = session.execute(
        select(Series.id, Series.family, Series.port_id).where(
            is_among(Series.port_id, [row.id for row in rows]),
            Series.family.in_(FRAMED),
        )
    ).all()
    by_port: dict[tuple[int, str], int] = {(one.port_id, one.family): one.id for one in series}
    latest: dict[int, Latest] = {}
    for family in FRAMED:
        ids = [one.id for one in series if one.family == family]
        latest |= store.latest(session, family, ids)
    done = []
    for row in rows:
        traffic_id = by_port.get((row.id, "traffic"))
        state_id = by_port.get((row.id, "state"))
        traffic = _own(row, scope, latest.get(traffic_id or 0))
        measured = _add_traffic(replace(row, series_id=traffic_id), traffic)
        dropped = latest.get(by_port.get((row.id, "discards"), 0))
        # Of another poll than the rates they would stand beside they aren't told.
        if traffic is not None and dropped is not None and dropped.ts == traffic.ts:
            measured = replace(
                measured,
                in_discards_per_s=_per_second(dropped, "in_discards"),
                out_discards_per_s=_per_second(dropped, "out_discards"),
            )
        state = _own(measured, scope, latest.get(state_id or 0))
        if state is not None:
            measured = replace(
                measured,
                state=STATE_NAMES.get(int(state.values["state"]), "unknown"),
                state_at=dt.datetime.fromtimestamp(state.ts / 1000, dt.UTC),
            )
        if not scope.is_staff:
            measured = replace(measured, device_id=None, device_name=None, alias=None)
        done.append(measured)
    return done


def _own(row: PortRow, scope: Scope, latest: Latest | None) -> Latest | None:
    """A customer may not see what its predecessor on the port drew, not even the last interval."""
    if latest is None or scope.is_staff:
        return latest
    since = row.member_since
    if since is None or latest.ts - latest.span_ms < since.timestamp() * 1000:
        return None
    return latest


def _per_second(latest: Latest, name: str) -> float | None:
    count = int(latest.values[name])
    return count * 1000 / latest.span_ms if count >= 0 and latest.span_ms > 0 else None


def _add_traffic(row: PortRow, latest: Latest | None) -> PortRow:
    if latest is None or latest.span_ms <= 0:
        return row
    octets = [int(latest.values[name]) for name in ("in_octets", "out_octets")]
    # Below nothing: the device didn't report it.
    rates = [None if count < 0 else count * 8000 // latest.span_ms for count in octets]
    known = [rate for rate in rates if rate is not None]
    ceiling = row.ceiling_bps or row.speed_bps
    return replace(
        row,
        measured_at=dt.datetime.fromtimestamp(latest.ts / 1000, dt.UTC),
        in_bps=rates[0],
        out_bps=rates[1],
        used_pct=round(100 * max(known) / ceiling, 2) if known and ceiling else None,
        in_errors_per_s=_per_second(latest, "in_errors"),
        out_errors_per_s=_per_second(latest, "out_errors"),
    )
