"""Which series a scope may read, and from when to when: what is measured outlives who uses it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import case, null, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.errors import InvalidError, NotFoundError
from dcim.inventory.models import Allocation, Cabinet, Rack, Row
from dcim.inventory.space.reach import select_reached_rooms, select_whole_racks
from dcim.metering.batch import Columns
from dcim.metering.bindings import OPEN_END, PortBinding, measures, read_bindings
from dcim.metering.discards import tell_beside
from dcim.metering.families import DISCARDS
from dcim.metering.models import Series
from dcim.metering.port_line import read_discards
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.network.models import ServiceMembership
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.power.models import PowerNode

# One answer's worth of raw samples: a month of minutes.
MAX_SPAN_MS = 31 * 86_400_000

# [start, end) in UTC epoch ms; none is "and on".
Span = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """`slot` is its name on its device; device and slot are the operator's to know."""

    id: int
    family: str
    step_s: int
    device_id: int | None
    slot: str | None
    port_id: int | None
    power_node_id: int | None
    room_id: int | None


@dataclass(frozen=True, slots=True)
class SamplesRow:
    """`ts` UTC epoch ms and one list per column of the family, in the same order as `ts`."""

    series_id: int
    family: str
    ts: list[int]
    span_ms: list[int]
    flags: list[int]
    columns: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    family: str | None = None
    device_id: int | None = None
    port_id: int | None = None
    power_node_id: int | None = None
    room_id: int | None = None


def list_series(
    session: Session,
    scope: Scope,
    wanted: SeriesFilter = SeriesFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[SeriesRow]:
    """Every series for staff; for a customer those of its ports, whole racks and rooms, now."""
    visible = (
        (Series.device_id, Series.slot)
        if scope.is_staff
        else (_nothing("device_id"), _nothing("slot"))
    )
    statement = (
        select(
            Series.id,
            Series.family,
            Series.step_s,
            *visible,
            Series.port_id if scope.is_staff else _own_port(scope),
            Series.power_node_id,
            Series.room_id,
        )
        .where(_in_reach(scope))
        .order_by(Series.id)
    )
    statement = narrow(
        statement,
        (Series.family, wanted.family),
        (Series.device_id, wanted.device_id if scope.is_staff else None),
        (Series.power_node_id, wanted.power_node_id),
        (Series.room_id, wanted.room_id),
    )
    if wanted.port_id is not None:
        statement = statement.where(measures([wanted.port_id]))
    return fetch_page(session, SeriesRow, statement, paging)


def read_samples(
    session: Session,
    scope: Scope,
    series_id: int,
    t0_ms: int,
    t1_ms: int,
    store: SampleStore | None = None,
) -> SamplesRow:
    """The samples of [t0, t1) that this scope may see.

    A customer sees those measured while the port, rack or room was its own; a delta that reaches
    back before that is left out. Raises NotFoundError for an absent series and for one never its
    own alike, InvalidError for a span that is empty or longer than MAX_SPAN_MS.
    """
    series = session.get(Series, series_id)
    spans = [] if series is None else find_spans(session, scope, series)
    if series is None or not spans:
        raise NotFoundError("No such series.")
    if not 0 < t1_ms - t0_ms <= MAX_SPAN_MS:
        raise InvalidError("Ask for more than nothing and at most 31 days.", {"from": ["span"]})
    ((_same, columns),) = (store or PostgresSampleStore()).read(
        session, series.family, [series_id], t0_ms, t1_ms
    )
    keep = keep_own(columns, spans)
    return SamplesRow(
        series_id=series_id,
        family=series.family,
        ts=columns.ts[keep].tolist(),
        span_ms=columns.span_ms[keep].tolist(),
        flags=columns.flags[keep].tolist(),
        columns={name: values[keep].tolist() for name, values in columns.values.items()},
    )


def read_port_samples(
    session: Session,
    scope: Scope,
    port_id: int,
    t0_ms: int,
    t1_ms: int,
) -> list[SamplesRow]:
    """All that was measured of a port's traffic in [t0, t1), at most MAX_SPAN_MS, by whichever
    series, with what was dropped in each sample's time beside it; staff only."""
    if not scope.is_staff:
        raise NotFoundError("No such port.")
    found = []
    store, bindings = PostgresSampleStore(), read_bindings(session, port_ids=[port_id])
    dropped = read_discards(session, store, bindings, t0_ms, t1_ms)
    for one in bindings:
        first, last = max(t0_ms, one.start), min(t1_ms, one.end)
        if one.family != "traffic" or first >= last:
            continue
        ((_same, columns),) = store.read(session, "traffic", [one.series_id], first, last)
        beside = tell_beside(dropped, columns.ts, columns.span_ms)
        values = {**columns.values, **dict(zip(DISCARDS.columns, beside, strict=True))}
        found.append(
            SamplesRow(
                series_id=one.series_id,
                family="traffic",
                ts=columns.ts.tolist(),
                span_ms=columns.span_ms.tolist(),
                flags=columns.flags.tolist(),
                columns={name: numbers.tolist() for name, numbers in values.items()},
            )
        )
    return found


def find_spans(session: Session, scope: Scope, series: Series) -> list[Span]:
    """When this scope's customer had what the series measures; staff always."""
    if scope.is_staff:
        return [(0, None)]
    if bindings := read_bindings(session, series_ids=[series.id]):
        return _find_port_spans(session, scope, bindings)
    allocations = (
        select(Allocation.starts_on, Allocation.ends_on, Contract.timezone)
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .join(Rack, Rack.id == Allocation.rack_id)
        .where(scope.filter(Allocation.customer_id))
    )
    if series.power_node_id is not None:
        racks = select(PowerNode.rack_id).where(PowerNode.id == series.power_node_id)
        allocations = allocations.where(Allocation.rack_id.in_(racks))
        if series.family != "state":
            # A PDU in a shared rack measures the neighbours too.
            allocations = allocations.where(
                Allocation.u_low == 0, Allocation.height >= 2 * Rack.u_count
            )
        return days_to_spans(session.execute(allocations))
    if series.room_id is not None:
        allocations = (
            allocations.join(Cabinet, Cabinet.id == Rack.cabinet_id)
            .join(Row, Row.id == Cabinet.row_id)
            .where(Row.room_id == series.room_id)
        )
        return days_to_spans(session.execute(allocations))
    return []


def _find_port_spans(session: Session, scope: Scope, bindings: Sequence[PortBinding]) -> list[Span]:
    """When the series measured a port that was the customer's."""
    memberships = session.execute(
        select(
            ServiceMembership.port_id, ServiceMembership.starts_at, ServiceMembership.ends_at
        ).where(
            scope.filter(ServiceMembership.customer_id),
            ServiceMembership.port_id.in_({bound.port_id for bound in bindings}),
        )
    ).all()
    spans: list[Span] = []
    for bound in bindings:
        for port_id, starts_at, ends_at in memberships:
            if port_id == bound.port_id:
                start = max(_to_ms(starts_at), bound.start)
                end = min(OPEN_END if ends_at is None else _to_ms(ends_at), bound.end)
                if start < end:
                    spans.append((start, None if end == OPEN_END else end))
    return spans


def _own_ports(scope: Scope) -> Any:
    return select(ServiceMembership.port_id).where(scope.filter(ServiceMembership.customer_id))


def _own_port(scope: Scope) -> Any:
    """The port if it is or was the customer's: what the series measures now may be another's."""
    return case((Series.port_id.in_(_own_ports(scope)), Series.port_id), else_=None).label(
        "port_id"
    )


def _in_reach(scope: Scope) -> Any:
    if scope.is_staff:
        return True
    nodes = select(PowerNode.id).where(PowerNode.rack_id.in_(select_whole_racks(scope)))
    return or_(
        measures(_own_ports(scope)),
        Series.power_node_id.in_(nodes),
        Series.room_id.in_(select_reached_rooms(scope)),
    )


def _nothing(name: str) -> Any:
    return null().label(name)


def keep_own(columns: Columns, spans: Iterable[Span]) -> Any:
    """Which of the samples were measured within the spans and don't reach back before one."""
    keep = np.zeros(len(columns.ts), dtype=bool)
    begins = columns.ts - columns.span_ms
    for start, end in spans:
        inside = begins >= start
        if end is not None:
            inside &= columns.ts < end
        keep |= inside
    return keep


def days_to_spans(rows: Iterable[Any]) -> list[Span]:
    """Of (first day, day after the last or none, zone): from midnight to midnight there."""
    return [
        (_midnight(start, zone), None if end is None else _midnight(end, zone))
        for start, end, zone in rows
    ]


def _midnight(day: dt.date, zone: str) -> int:
    return _to_ms(dt.datetime.combine(day, dt.time(), ZoneInfo(zone)))


def _to_ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)
