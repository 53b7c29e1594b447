"""The rounds of adding up what lines, carriers, sites and customers carry, day by day.

A carrier's and a site's day is the sum of its uplinks: transit and peering. Which port a line ends
on is taken as it is now; whose a port was at a time, as it was then.
"""

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.metering.batch import Columns
from dcim.metering.bin_sets import pool_bins
from dcim.metering.bindings import read_bindings
from dcim.metering.bins import Bins
from dcim.metering.day_bins import pack_day
from dcim.metering.families import DAY_MS
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.network.models import Circuit, ServiceMembership
from dcim.sla.rules.intervals import Interval, clip
from dcim.sla.rules.periods import to_ms
from dcim.sla.rules.usage.aggregates import find_point
from dcim.sla.traffic_day_models import TrafficDay
from dcim.sla.usage import bandwidth_rows
from dcim.sla.usage_to_date import LAG_MS

log = structlog.get_logger(__name__)

BEAT_S = 600
ROUND_S = 240
INTERVAL_MS = 300_000
UPLINKS = ("transit", "peering")
# How far back lines are added up, for their trend; customers for the month that runs.
LINE_DAYS, CUSTOMER_DAYS, DAYS_AT_ONCE = 190, 40, 5
# Late samples come until then; afterwards a day that is over isn't looked at again.
SETTLED = dt.timedelta(hours=6)
# So many customers' ports are read at once.
CUSTOMERS = 25
KEPT = dt.timedelta(days=400)

# Series of a port, and when they measured it for whom it is counted.
Spans = Mapping[int, Sequence[Interval]]


@dataclass(slots=True)
class TrafficReport:
    days: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    id: int
    carrier_id: int
    site_id: int
    port_id: int | None
    kind: str
    starts_on: dt.date
    ends_on: dt.date | None

    def serves(self, day: dt.date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


def measure_traffic(
    sessions: SessionFactory, now: dt.datetime | None = None, *, budget_s: float = ROUND_S
) -> TrafficReport:
    """Today of everything, and the newest few days before that aren't kept or settled yet."""
    began, now, report = time.monotonic(), now or utc_now(), TrafficReport()
    scope = Scope.system("traffic")
    with transaction(sessions, scope) as session:
        session.execute(delete(TrafficDay).where(TrafficDay.day < (now - KEPT).date()))
        lines = _list_lines(session)
        due = [
            *((day, True) for day in find_due_lines(session, lines, now)),
            *((day, False) for day in find_due_customers(session, now)),
        ]
    due.sort(key=lambda one: one[0], reverse=True)
    for number, (day, of_lines) in enumerate(due):
        if time.monotonic() - began > budget_s:
            report.left = len(due) - number
            log.warning("traffic: out of time", left=report.left)
            break
        with transaction(sessions, scope) as session:
            if of_lines:
                measure_lines(session, lines, day, now)
            else:
                measure_customers(session, day, now)
        report.days += 1
    return report


def find_due_lines(session: Session, lines: Sequence[_Line], now: dt.datetime) -> list[dt.date]:
    kept = {
        (key, day): at
        for key, day, at in session.execute(
            select(TrafficDay.circuit_id, TrafficDay.day, TrafficDay.measured_at).where(
                TrafficDay.circuit_id.is_not(None),
                TrafficDay.day >= (now - dt.timedelta(days=LINE_DAYS + 1)).date(),
            )
        )
    }

    def is_due(day: dt.date) -> bool:
        instants = [kept.get((line.id, day)) for line in lines if line.serves(day)]
        return any(at is None or at < _settles(day) for at in instants)

    return _choose(is_due, LINE_DAYS, now)


def find_due_customers(session: Session, now: dt.datetime) -> list[dt.date]:
    kept = dict(
        session.execute(
            select(TrafficDay.day, func.min(TrafficDay.measured_at))
            .where(TrafficDay.customer_id.is_not(None))
            .group_by(TrafficDay.day)
        ).all()
    )
    first = session.scalar(select(func.min(ServiceMembership.starts_at)))

    def is_due(day: dt.date) -> bool:
        if first is None or day < first.date():
            return False
        return day not in kept or kept[day] < _settles(day)

    return _choose(is_due, CUSTOMER_DAYS, now)


def _choose(is_due: Callable[[dt.date], bool], days: int, now: dt.datetime) -> list[dt.date]:
    today = now.astimezone(dt.UTC).date()
    past = (today - dt.timedelta(days=back) for back in range(1, days))
    found = [day for day in past if is_due(day)][:DAYS_AT_ONCE]
    return [today, *found] if is_due(today) else found


def _settles(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1) + SETTLED


def _list_lines(session: Session) -> list[_Line]:
    rows = session.execute(
        select(
            Circuit.id, Circuit.carrier_id, Circuit.site_id, Circuit.port_id, Circuit.kind,
            Circuit.starts_on, Circuit.ends_on,
        ).where(Circuit.state != "ordered")
    )  # fmt: skip
    return [_Line(*row) for row in rows]


def measure_lines(
    session: Session,
    lines: Iterable[_Line],
    day: dt.date,
    now: dt.datetime,
    store: SampleStore | None = None,
) -> None:
    """Each line's day, and that of carriers and sites as far as their lines are measured."""
    serving = [line for line in lines if line.serves(day)]
    low, high = _bounds(day)
    series: dict[int, dict[int, list[Interval]]] = {}
    ports = [line.port_id for line in serving if line.port_id is not None]
    for bound in read_bindings(session, port_ids=ports):
        spans = clip([(bound.start, bound.end)], low - INTERVAL_MS, high + INTERVAL_MS)
        if bound.family == "traffic" and spans:
            series.setdefault(bound.port_id, {}).setdefault(bound.series_id, []).extend(spans)
    bins = _fill(session, series, _Day.of(day, now), store or PostgresSampleStore())
    known = _known(session, day)
    sums: dict[tuple[str, int], list[Bins | None]] = {}
    for line in serving:
        own = None if line.port_id is None else bins.get(line.port_id)
        _keep(session, known, ("circuit_id", line.id), day, [own], now)
        if line.kind in UPLINKS:
            sums.setdefault(("carrier_id", line.carrier_id), []).append(own)
            sums.setdefault(("site_id", line.site_id), []).append(own)
    for key, members in sums.items():
        _keep(session, known, key, day, members, now)


def measure_customers(
    session: Session, day: dt.date, now: dt.datetime, store: SampleStore | None = None
) -> None:
    """Each customer's day: all ports that carried its services, while they did."""
    low, high = _bounds(day)
    starts, ends = (dt.datetime.fromtimestamp(at / 1000, dt.UTC) for at in (low, high))
    rows = session.execute(
        select(
            ServiceMembership.customer_id,
            ServiceMembership.port_id,
            ServiceMembership.starts_at,
            ServiceMembership.ends_at,
        ).where(
            ServiceMembership.starts_at < ends,
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > starts),
        )
    )
    held: dict[int, dict[int, list[Interval]]] = {}
    for customer_id, port_id, begins, stops in rows:
        span = (to_ms(begins), high if stops is None else min(to_ms(stops), high))
        held.setdefault(customer_id, {}).setdefault(port_id, []).append(span)
    known = _known(session, day)
    ids = sorted(held)
    for first in range(0, len(ids), CUSTOMERS):
        together = {key: held[key] for key in ids[first : first + CUSTOMERS]}
        for customer_id, (bins, members, missing) in _add_customers(
            session, together, _Day.of(day, now), store or PostgresSampleStore()
        ).items():
            _write(session, known, ("customer_id", customer_id), day, bins, members, missing, now)


def _add_customers(
    session: Session,
    held: Mapping[int, Mapping[int, Sequence[Interval]]],
    day: "_Day",
    store: SampleStore,
) -> dict[int, tuple[Bins, int, int]]:
    """Of each customer: the sum, how many ports there were, how many nothing measures."""
    owners: dict[int, dict[int, list[Interval]]] = {key: {} for key in held}
    measured: dict[int, set[int]] = {key: set() for key in held}
    bindings = read_bindings(session, port_ids={port for ports in held.values() for port in ports})
    for bound in bindings:
        if bound.family != "traffic":
            continue
        for customer_id, ports in held.items():
            spans = clip(ports.get(bound.port_id, []), bound.start, bound.end)
            if spans:
                owners[customer_id].setdefault(bound.series_id, []).extend(spans)
                measured[customer_id].add(bound.port_id)
    names = sorted({name for several in owners.values() for name in several})
    columns = day.read(session, store, names)
    found = {}
    for customer_id, ports in held.items():
        read = [(columns[name], sorted(spans)) for name, spans in owners[customer_id].items()]
        missing = len(ports) - len(measured[customer_id])
        found[customer_id] = (day.add(read), len(ports), missing)
    return found


def _fill(
    session: Session, series: Mapping[int, Spans], day: "_Day", store: SampleStore
) -> dict[int, Bins]:
    """By port, of those that are measured on the day."""
    names = sorted({name for several in series.values() for name in several})
    columns = day.read(session, store, names)
    return {
        port_id: day.add([(columns[name], spans) for name, spans in several.items()])
        for port_id, several in series.items()
    }


@dataclass(frozen=True, slots=True)
class _Day:
    """[low, high) UTC ms, of which bins up to `until` are whole by now."""

    low: int
    high: int
    until: int

    @classmethod
    def of(cls, day: dt.date, now: dt.datetime) -> "_Day":
        low, high = _bounds(day)
        whole = (to_ms(now) - LAG_MS) // INTERVAL_MS * INTERVAL_MS
        return cls(low, high, min(high, max(low, whole)))

    def read(
        self, session: Session, store: SampleStore, names: Sequence[int]
    ) -> dict[int, Columns]:
        # A sample covers what is before it: one from after midnight may belong to this day.
        return dict(store.read(session, "traffic", names, self.low, self.high + INTERVAL_MS))

    def add(self, members: Iterable[tuple[Columns, Sequence[Interval]]]) -> Bins:
        bins = _empty(self.low)
        rows = bandwidth_rows(members, self.low, self.until, INTERVAL_MS)
        for at, inward, outward, covered in rows:
            place = (at - self.low) // INTERVAL_MS
            bins.in_octets[place], bins.out_octets[place] = inward, outward
            bins.covered_ms[place] = covered
        return bins


def _empty(low: int) -> Bins:
    return Bins(low, INTERVAL_MS, *np.zeros((3, DAY_MS // INTERVAL_MS), dtype=np.int64))


def _bounds(day: dt.date) -> Interval:
    low = to_ms(dt.datetime.combine(day, dt.time(), dt.UTC))
    return low, low + DAY_MS


_Key = tuple[str, int]


def _known(session: Session, day: dt.date) -> dict[_Key, TrafficDay]:
    rows = session.scalars(select(TrafficDay).where(TrafficDay.day == day))
    return {
        (name, key): row
        for row in rows
        for name in ("circuit_id", "carrier_id", "site_id", "customer_id")
        if (key := getattr(row, name)) is not None
    }


def _keep(
    session: Session,
    known: Mapping[_Key, TrafficDay],
    key: _Key,
    day: dt.date,
    members: Collection[Bins | None],
    now: dt.datetime,
) -> None:
    there = [one for one in members if one is not None]
    bins = pool_bins(there) if there else _empty(_bounds(day)[0])
    _write(session, known, key, day, bins, len(members), len(members) - len(there), now)


def _write(
    session: Session,
    known: Mapping[_Key, TrafficDay],
    key: _Key,
    day: dt.date,
    bins: Bins,
    members: int,
    unmeasured: int,
    now: dt.datetime,
) -> None:
    row = known.get(key)
    if row is None:
        row = TrafficDay(day=day, **{key[0]: key[1]})
        session.add(row)
    point = find_point(bins)
    row.measured_at, row.members, row.unmeasured = now, members, unmeasured
    row.in_p95_bps, row.out_p95_bps = point.in_p95, point.out_p95
    row.in_max_bps, row.out_max_bps = point.in_max, point.out_max
    row.present, row.bins = point.present, pack_day(bins)
