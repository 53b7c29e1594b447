"""What bandwidth services have used in the month that still runs, by their own terms."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem
from dcim.errors import InvalidError
from dcim.metering.bindings import BEGINNING, OPEN_END, select_bindings
from dcim.metering.bins import Bins
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.network.models import BandwidthService, ServiceMembership
from dcim.sla.observations import DEFAULT_INTERVAL_MS, find_terms
from dcim.sla.rules.intervals import Interval, clip
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.periods import day_start, to_ms
from dcim.sla.rules.terms import Usage
from dcim.sla.rules.usage import Bandwidth, bill_bandwidth
from dcim.sla.rules.usage_prices import Order
from dcim.sla.usage import bandwidth_rows


@dataclass(frozen=True, slots=True)
class UsageToDate:
    """Provisional: `bill` over the whole bins of [start, end) UTC ms; none where the terms bill no
    percentile, `problem` says when they can't be read."""

    service_id: int
    start: int
    end: int
    percentile: str
    interval_s: int
    currency: str
    bill: Bandwidth | None
    problem: str = ""


def bill_to_date(
    session: Session,
    scope: Scope,
    service_ids: Sequence[int],
    now: dt.datetime,
    store: SampleStore | None = None,
) -> dict[int, UsageToDate]:
    """By service, for those in this scope. What the month would cost if it ended now."""
    services = session.scalars(
        scope.apply(
            select(BandwidthService)
            .where(BandwidthService.id.in_(service_ids))
            .options(joinedload(BandwidthService.contract_item).joinedload(ContractItem.contract))
            .order_by(BandwidthService.code),
            BandwidthService.customer_id,
        )
    ).all()
    members = _load_members(session, scope, [one.id for one in services])
    store = store or PostgresSampleStore()
    return {
        one.id: _bill(session, scope, one, members.get(one.id, []), now, store) for one in services
    }


def _bill(
    session: Session,
    scope: Scope,
    service: BandwidthService,
    members: Sequence[tuple[int, list[Interval]]],
    now: dt.datetime,
    store: SampleStore,
) -> UsageToDate:
    contract = service.contract_item.contract
    local = now.astimezone(ZoneInfo(contract.timezone))
    start, end = day_start(local.date().replace(day=1), contract.timezone), to_ms(now)

    def tell(usage: Usage | None, bill: Bandwidth | None, problem: str = "") -> UsageToDate:
        interval = DEFAULT_INTERVAL_MS if usage is None else usage.interval_ms
        percentile = "95" if usage is None else f"{usage.percentile.normalize():f}"
        return UsageToDate(
            service.id, start, end, percentile, interval // 1000, contract.currency, bill, problem
        )

    try:
        terms = load_terms(find_terms(session, scope, contract, f"{local:%Y-%m}").document)
    except (InvalidError, TermsRefusedError) as error:
        return tell(None, None, str(error))
    item = service.contract_item
    usage = next(
        (u for u in terms.usage if u.method == "percentile" and item.kind in u.applies_to), None
    )
    if usage is None:
        return tell(None, None)
    if usage.pool:
        return tell(usage, None, f"usage {usage.id} is billed as a pool of several services")
    if usage.peak_of_ms:
        return tell(usage, None, f"usage {usage.id} is billed by peaks within its intervals")
    first = max(start, day_start(max(item.starts_on, contract.starts_on), terms.timezone))
    interval = usage.interval_ms
    low, high = -(-first // interval) * interval, end // interval * interval
    rows: list[list[int]] = []
    if low < high:
        read = [
            (columns, spans)
            for series_id, spans in members
            for _, columns in store.read(
                session, "traffic", [series_id], low - interval, high + interval
            )
        ]
        rows = bandwidth_rows(read, low, high, interval)
    order = Order(commit_bps=service.commit_bps)
    try:
        bill = bill_bandwidth(terms, usage, _to_bins(rows, low, max(high, low), interval), order)
    except TypeError as error:
        return tell(usage, None, str(error))
    return tell(usage, bill)


def _to_bins(rows: Sequence[Sequence[int]], low: int, high: int, interval: int) -> Bins:
    count = (high - low) // interval
    arrays = [np.zeros(count, dtype=np.int64) for _ in range(3)]
    for start, *numbers in rows:
        for array, number in zip(arrays, numbers, strict=True):
            array[(start - low) // interval] = number
    return Bins(low, interval, *arrays)


def _load_members(
    session: Session, scope: Scope, service_ids: Sequence[int]
) -> Mapping[int, list[tuple[int, list[Interval]]]]:
    """By service: each port's traffic series with the spans of its membership."""
    bindings = select_bindings()
    rows = session.execute(
        select(
            ServiceMembership.service_id,
            bindings.c.series_id,
            ServiceMembership.starts_at,
            ServiceMembership.ends_at,
            bindings.c.start_ms,
            bindings.c.end_ms,
        )
        .join(bindings, bindings.c.port_id == ServiceMembership.port_id)
        .where(
            ServiceMembership.service_id.in_(service_ids),
            bindings.c.family == "traffic",
            scope.filter(ServiceMembership.customer_id),
        )
        .order_by(ServiceMembership.service_id, bindings.c.series_id, ServiceMembership.starts_at)
    )
    found: dict[int, dict[int, list[Interval]]] = {}
    for service_id, series_id, starts_at, ends_at, bound_from, bound_to in rows:
        span = (to_ms(starts_at), OPEN_END if ends_at is None else to_ms(ends_at))
        measured = clip(
            [span],
            BEGINNING if bound_from is None else bound_from,
            OPEN_END if bound_to is None else bound_to,
        )
        found.setdefault(service_id, {}).setdefault(series_id, []).extend(measured)
    return {key: list(several.items()) for key, several in found.items()}
