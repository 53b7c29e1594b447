"""What bandwidth services have used in the month that still runs, and what the month will cost."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.errors import InvalidError
from dcim.metering.batch import Columns
from dcim.metering.bindings import BEGINNING, OPEN_END, select_bindings
from dcim.metering.bins import Bins
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.sla.port_rates import Held, sum_rates
from dcim.sla.rules.intervals import Interval, clip
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.periods import day_start, month_days, month_period, to_ms
from dcim.sla.rules.terms import Terms, Text, Usage
from dcim.sla.rules.usage.bandwidth import Bandwidth, Member, bill_pool
from dcim.sla.rules.usage.estimate import Estimate, estimate_month
from dcim.sla.rules.usage.pools import group_members
from dcim.sla.rules.usage.prices import Order
from dcim.sla.terms_in_force import find_agreed
from dcim.sla.usage import DEFAULT_INTERVAL_MS, bandwidth_rows

# The newest poll may be on its way: what is estimated from is whole up to so long ago.
LAG_MS = 120_000
DAY_MS = 86_400_000
NOT_BEGUN: Text = {
    "zh": "服务刚刚开通或本月稍后才开通，尚无可据以预计的数据",
    "en": "a service has only just begun or begins later this month: nothing to estimate from",
}
ENDS_APART: Text = {
    "zh": "合并计费的服务在本月不同日期终止，无法预计",
    "en": "services billed together end on different days of this month, no estimate is made",
}


@dataclass(frozen=True, slots=True)
class UsageToDate:
    """Provisional: `bill` over the whole bins of [start, end) UTC ms; none where the terms bill no
    percentile, `problem` says when they can't be read or billed.

    Of a pool `bill` and `estimate` are the pool's, and `pool` names its services by code; it is
    empty for a service billed alone. `no_estimate` says why there is none beside a bill. `ports` is
    how many were measured together, `min_cover` what a bin must be covered to, in percent."""

    service_id: int
    start: int
    end: int
    percentile: str
    interval_s: int
    currency: str
    bill: Bandwidth | None
    problem: str = ""
    pool: tuple[str, ...] = ()
    estimate: Estimate | None = None
    no_estimate: Text | None = None
    min_cover: Decimal = Decimal(50)
    ports: int = 0


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of one service: its ports' series with the spans of its membership, and what they give."""

    series: Mapping[int, list[Interval]]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class _Month:
    """A contract's month; `low` and `high` UTC ms, `days` how many it has."""

    terms: Terms
    low: int
    now: int
    high: int
    days: int


def bill_to_date(
    session: Session,
    scope: Scope,
    service_ids: Sequence[int],
    now: dt.datetime,
    store: SampleStore | None = None,
    *,
    period: str | None = None,
) -> dict[int, UsageToDate]:
    """By service, for those in this scope: the month as if it ended now, and its estimate.

    `period`, "2026-10", asks for another month than the one that runs: one that is over as a whole,
    without an estimate.

    The number of queries grows with the contracts asked about, never with their services.
    """
    asked = select(ContractItem.contract_id).join(
        BandwidthService, BandwidthService.contract_item_id == ContractItem.id
    )
    services = session.scalars(
        scope.apply(
            select(BandwidthService)
            .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
            .where(ContractItem.contract_id.in_(asked.where(BandwidthService.id.in_(service_ids))))
            .options(joinedload(BandwidthService.contract_item).joinedload(ContractItem.contract))
            .order_by(BandwidthService.code),
            BandwidthService.customer_id,
        )
    ).all()
    measured = _load_measured(session, scope, [one.id for one in services])
    contracts: dict[int, list[BandwidthService]] = {}
    for one in services:
        contracts.setdefault(one.contract_item.contract_id, []).append(one)
    found: dict[int, UsageToDate] = {}
    for together in contracts.values():
        contract = together[0].contract_item.contract
        work = _Contract(session, scope, contract, together, measured, now, service_ids, period)
        found |= work.tell_all(store or PostgresSampleStore())
    return found


class _Contract:
    """The services of one contract, with whom pools are judged."""

    def __init__(
        self,
        session: Session,
        scope: Scope,
        contract: Contract,
        services: Sequence[BandwidthService],
        measured: Mapping[int, _Measured],
        now: dt.datetime,
        asked: Sequence[int],
        period: str | None,
    ) -> None:
        self.session, self.scope, self.contract = session, scope, contract
        self.services, self.measured, self.asked = services, measured, set(asked)
        self.period = period or f"{now.astimezone(ZoneInfo(contract.timezone)):%Y-%m}"
        span = month_period(self.period, contract.timezone)
        self.start, self.now = span.start, min(to_ms(now), span.end)

    def tell(
        self,
        service: BandwidthService,
        usage: Usage | None = None,
        bill: Bandwidth | None = None,
        problem: str = "",
    ) -> UsageToDate:
        interval = DEFAULT_INTERVAL_MS if usage is None else usage.interval_ms
        percentile = "95" if usage is None else f"{usage.percentile.normalize():f}"
        return UsageToDate(
            service.id,
            self.start,
            self.now,
            percentile,
            interval // 1000,
            self.contract.currency,
            bill,
            problem,
            min_cover=Decimal(50) if usage is None else usage.min_cover,
            ports=self._count_ports([service]),
        )

    def _count_ports(self, services: Sequence[BandwidthService]) -> int:
        """Those that carried one of these services within the month so far."""
        return len(
            {
                one.port_id
                for service in services
                if service.id in self.measured
                for one in self.measured[service.id].held
                if one.start < self.now and one.end > self.start
            }
        )

    def tell_all(self, store: SampleStore) -> dict[int, UsageToDate]:
        asked = [one for one in self.services if one.id in self.asked]
        try:
            terms = find_agreed(self.session, self.scope, self.contract, self.period).load()
        except TermsRefusedError as error:
            return {one.id: self.tell(one, problem=error.told[0]) for one in asked}
        except InvalidError as error:
            return {one.id: self.tell(one, problem=str(error)) for one in asked}
        days = month_days(self.period)
        month = _Month(
            terms,
            self.start,
            self.now,
            day_start(days[-1] + dt.timedelta(days=1), terms.timezone),
            len(days),
        )
        by_usage: dict[str, list[BandwidthService]] = {}
        usages: dict[str, Usage] = {}
        found: dict[int, UsageToDate] = {}
        for service in self.services:
            kind = service.contract_item.kind
            usage = next(
                (u for u in terms.usage if u.method == "percentile" and kind in u.applies_to), None
            )
            if usage is None:
                found[service.id] = self.tell(service)
                continue
            usages[usage.id] = usage
            by_usage.setdefault(usage.id, []).append(service)
        for name, together in by_usage.items():
            usage = usages[name]
            # Only a pool needs those that nobody asked about.
            needed = [one for one in together if usage.pool or one.id in self.asked]
            found |= self._tell_usage(month, usage, needed, store)
        return {one.id: found[one.id] for one in asked}

    def _tell_usage(
        self,
        month: _Month,
        usage: Usage,
        services: Sequence[BandwidthService],
        store: SampleStore,
    ) -> dict[int, UsageToDate]:
        if usage.peak_of_ms:
            why = f"usage {usage.id} is billed by peaks within its intervals"
            return {one.id: self.tell(one, usage, problem=why) for one in services}
        if usage.pool not in ("", "contract"):
            why = f"usage {usage.id}: which services are billed as pool {usage.pool} isn't recorded"
            return {one.id: self.tell(one, usage, problem=why) for one in services}
        running = [one for one in services if self._service(one, month) is not None]
        columns = self._read(month, usage, running, store)
        members = [self._member(month, usage, one, columns) for one in running]
        codes = {one.code: one for one in running}
        found = {one.id: self.tell(one, usage) for one in services}
        for pool in group_members(usage, members):
            together = [codes[member.item] for member in pool.members]
            told = self._tell_pool(month, usage, pool.members, together)
            for one in together:
                found[one.id] = replace(told, service_id=one.id)
        return found

    def _service(self, one: BandwidthService, month: _Month) -> Interval | None:
        """When the service runs within the month, also later than now; None when it doesn't."""
        zone, item = month.terms.timezone, one.contract_item
        first = max(item.starts_on, self.contract.starts_on)
        ends = [day for day in (item.ends_on, self.contract.ends_on) if day is not None]
        low = max(month.low, day_start(first, zone))
        high = min([month.high, *(day_start(day, zone) for day in ends)])
        return (low, high) if low < high else None

    def _read(
        self,
        month: _Month,
        usage: Usage,
        services: Sequence[BandwidthService],
        store: SampleStore,
    ) -> dict[int, Columns]:
        names = {
            name
            for one in services
            for name in (self.measured[one.id].series if one.id in self.measured else ())
        }
        low, high = month.low - usage.interval_ms, month.now + usage.interval_ms
        if not names or low >= high:
            return {}
        return dict(store.read(self.session, "traffic", sorted(names), low, high))

    def _member(
        self,
        month: _Month,
        usage: Usage,
        one: BandwidthService,
        columns: Mapping[int, Columns],
    ) -> Member:
        first, after = self._service(one, month) or (month.low, month.low)
        interval = usage.interval_ms
        low = -(-first // interval) * interval
        high = max(min(month.now // interval, -(-after // interval)) * interval, low)
        measured = self.measured.get(one.id, _Measured({}, ()))
        read = [(columns[name], spans) for name, spans in measured.series.items()]
        rows = bandwidth_rows(read, low, high, interval) if low < high else []
        days = Fraction(round(Fraction(after - first, DAY_MS)), month.days)
        order = Order(
            commit_bps=one.commit_bps,
            share=days if month.terms.prorate == "days" else Fraction(1),
            port_bps=sum_rates(measured.held, max(first, month.low), after),
        )
        return Member(one.code, _to_bins(rows, low, high, interval), order)

    def _tell_pool(
        self,
        month: _Month,
        usage: Usage,
        members: Sequence[Member],
        services: Sequence[BandwidthService],
    ) -> UsageToDate:
        try:
            bill = bill_pool(month.terms, usage, members)
        except TypeError as error:
            return self.tell(services[0], usage, problem=str(error))
        told = replace(
            self.tell(services[0], usage, bill),
            pool=tuple(one.code for one in services) if usage.pool else (),
            ports=self._count_ports(services),
        )
        if month.now >= month.high:
            return told
        until = (month.now - LAG_MS) // usage.interval_ms * usage.interval_ms
        spans = [self._service(one, month) or (0, 0) for one in services]
        running = {high for _, high in spans if high > until}
        if any(low > until for low, _ in spans):
            return replace(told, no_estimate=NOT_BEGUN)
        if len(running) > 1:
            return replace(told, no_estimate=ENDS_APART)
        if usage.port == "none":
            # Nothing in the terms is of the port; its rate then only says what can still come.
            usage = replace(usage, port="item")
        cut = [replace(one, bins=_cut(one.bins, until)) for one in members]
        end = max([until, *running])
        return replace(told, estimate=estimate_month(month.terms, usage, cut, until, end))


def _to_bins(rows: Sequence[Sequence[int]], low: int, high: int, interval: int) -> Bins:
    count = (high - low) // interval
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    arrays = np.zeros((3, count), dtype=np.int64)
    arrays[:, (table[:, 0] - low) // interval] = table[:, 1:].T
    return Bins(low, interval, *arrays)


def _cut(bins: Bins, until: int) -> Bins:
    """Those that are whole at `until`."""
    keep = min(max((until - bins.first) // bins.interval_ms, 0), len(bins))
    return Bins(
        bins.first,
        bins.interval_ms,
        bins.in_octets[:keep],
        bins.out_octets[:keep],
        bins.covered_ms[:keep],
    )


def _load_measured(
    session: Session, scope: Scope, service_ids: Sequence[int]
) -> Mapping[int, _Measured]:
    """By service; a port that isn't measured still has its rate."""
    bindings = select_bindings()
    traffic = (bindings.c.port_id == ServiceMembership.port_id) & (bindings.c.family == "traffic")
    rows = session.execute(
        select(
            ServiceMembership.service_id,
            ServiceMembership.port_id,
            Port.speed_bps,
            bindings.c.series_id,
            ServiceMembership.starts_at,
            ServiceMembership.ends_at,
            bindings.c.start_ms,
            bindings.c.end_ms,
        )
        .join(Port, Port.id == ServiceMembership.port_id)
        .outerjoin(bindings, traffic)
        .where(
            ServiceMembership.service_id.in_(service_ids),
            scope.filter(ServiceMembership.customer_id),
        )
        .order_by(ServiceMembership.service_id, bindings.c.series_id, ServiceMembership.starts_at)
    )
    series: dict[int, dict[int, list[Interval]]] = {}
    held: dict[int, dict[Held, None]] = {}
    for service, port, speed, series_id, starts_at, ends_at, bound_from, bound_to in rows:
        span = (to_ms(starts_at), OPEN_END if ends_at is None else to_ms(ends_at))
        held.setdefault(service, {})[Held(port, span[0], span[1], speed)] = None
        if series_id is None:
            continue
        inside = clip(
            [span],
            BEGINNING if bound_from is None else bound_from,
            OPEN_END if bound_to is None else bound_to,
        )
        series.setdefault(service, {}).setdefault(series_id, []).extend(inside)
    return {key: _Measured(series.get(key, {}), tuple(ports)) for key, ports in held.items()}
