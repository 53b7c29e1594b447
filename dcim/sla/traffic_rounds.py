"""The rounds of adding up what lines, carriers, sites, customers and LAGs carried, day by day.

A carrier's and a site's day is the sum of its uplinks: transit and peering. Which port a line ends
on is taken as it is when the day is added up; whose a port was at a time, and in which LAG, as it
was then. In a sum that a LAG is measured in its members aren't.
"""

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session, defer

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.metering.bin_sets import pool_bins
from dcim.metering.bindings import PortBinding, read_bindings
from dcim.metering.bins import Bins
from dcim.metering.day_bins import lay_days, pack_day
from dcim.metering.families import DAY_MS
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Circuit, ServiceMembership
from dcim.sla.lags import list_lags, read_memberships
from dcim.sla.rounds import (
    ONE_DAY,
    RoundReport,
    choose_days,
    go_through,
    settles_at,
    today_of,
)
from dcim.sla.rules.intervals import Interval, clip, intersect, subtract
from dcim.sla.rules.periods import day_start, to_ms
from dcim.sla.rules.usage.aggregates import find_point
from dcim.sla.rules.usage.lags import find_covered, leave_out
from dcim.sla.traffic_day_models import TrafficDay
from dcim.sla.usage import BinSum
from dcim.sla.usage_to_date import LAG_MS

BEAT_S = 600
ROUND_S = 240
INTERVAL_MS = 300_000
UPLINKS = ("transit", "peering")
# How far back lines are added up and kept, for their trend; customers for the month that runs.
LINE_DAYS, CUSTOMER_DAYS, DAYS_AT_ONCE = 190, 40, 5

# Series of a port or a customer, and when they measured for it.
Spans = dict[int, list[Interval]]


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


@dataclass(frozen=True, slots=True)
class _Membership:
    """A customer's of a port, UTC."""

    customer_id: int
    port_id: int
    starts_at: dt.datetime
    ends_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class _Sum:
    """Of `members` ports or lines `unmeasured` aren't in the bins of the day."""

    bins: Bins
    members: int
    unmeasured: int


_Key = tuple[str, int]


def measure_traffic(
    sessions: SessionFactory, now: dt.datetime | None = None, *, budget_s: float = ROUND_S
) -> RoundReport:
    """Today of everything, and the newest few days before that aren't kept or settled yet.

    A day that can't be added up keeps its older figures and stops no other.
    """
    began, now = time.monotonic(), now or utc_now()
    scope = Scope.system("traffic")
    with transaction(sessions, scope) as session:
        _drop_old(session, now)
        lines = _list_lines(session)
        due = [
            *((day, "lines") for day in find_due_lines(session, lines, now)),
            *((day, "customers") for day in find_due_customers(session, now)),
            *((day, "lags") for day in find_due_lags(session, now)),
        ]
    due.sort(key=lambda one: one[0], reverse=True)

    def measure(session: Session, one: tuple[dt.date, str]) -> None:
        day, kind = one
        if kind == "lines":
            measure_lines(session, lines, day, now)
        elif kind == "customers":
            measure_customers(session, day, now)
        else:
            measure_lags(session, day, now)

    return go_through(sessions, scope, due, measure, began + budget_s)


def _drop_old(session: Session, now: dt.datetime) -> None:
    """What nothing asks for any more."""
    today = today_of(now)
    session.execute(
        delete(TrafficDay).where(
            or_(
                TrafficDay.day < today - LINE_DAYS * ONE_DAY,
                and_(
                    TrafficDay.customer_id.is_not(None),
                    TrafficDay.day < today - CUSTOMER_DAYS * ONE_DAY,
                ),
            )
        )
    )


def find_due_lines(session: Session, lines: Sequence[_Line], now: dt.datetime) -> list[dt.date]:
    def serving(day: dt.date) -> set[int]:
        return {line.id for line in lines if line.serves(day)}

    return _find_due(session, TrafficDay.circuit_id, serving, LINE_DAYS, now)


def find_due_customers(session: Session, now: dt.datetime) -> list[dt.date]:
    since, _ = _bounds(today_of(now) - CUSTOMER_DAYS * ONE_DAY)
    held = _list_memberships(session, since, to_ms(now))

    def serving(day: dt.date) -> set[int]:
        starts, ends = (_moment(at) for at in _bounds(day))
        return {
            one.customer_id
            for one in held
            if one.starts_at < ends and (one.ends_at is None or one.ends_at > starts)
        }

    return _find_due(session, TrafficDay.customer_id, serving, CUSTOMER_DAYS, now)


def find_due_lags(session: Session, now: dt.datetime) -> list[dt.date]:
    """Also days before its members were known: a LAG's own interface may have been measured."""
    lags = list_lags(session)
    return _find_due(session, TrafficDay.lag_port_id, lambda _: lags, LINE_DAYS, now)


def _find_due(
    session: Session,
    column: Any,
    serving: Callable[[dt.date], set[int]],
    days: int,
    now: dt.datetime,
) -> list[dt.date]:
    """Today, and days on which somebody served of whom no settled day is kept; the newest first."""
    today = today_of(now)
    settled = {
        day: set(ids)
        for day, ids in session.execute(
            select(TrafficDay.day, func.array_agg(column))
            .where(
                column.is_not(None),
                TrafficDay.day >= today - days * ONE_DAY,
                TrafficDay.measured_at >= settles_at(TrafficDay.day),
            )
            .group_by(TrafficDay.day)
        )
    }
    return choose_days(today, days, serving, settled, DAYS_AT_ONCE)


def _list_lines(session: Session) -> list[_Line]:
    rows = session.execute(
        select(
            Circuit.id, Circuit.carrier_id, Circuit.site_id, Circuit.port_id, Circuit.kind,
            Circuit.starts_on, Circuit.ends_on,
        ).where(
            Circuit.state != "ordered",
            # Nobody knows until when it served.
            or_(Circuit.state != "ended", Circuit.ends_on.is_not(None)),
        )
    )  # fmt: skip
    return [_Line(*row) for row in rows]


def _list_memberships(session: Session, start: int, end: int) -> list[_Membership]:
    """Those of some time in [start, end), UTC ms."""
    rows = session.execute(
        select(
            ServiceMembership.customer_id,
            ServiceMembership.port_id,
            ServiceMembership.starts_at,
            ServiceMembership.ends_at,
        ).where(
            ServiceMembership.starts_at < _moment(end),
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > _moment(start)),
        )
    )
    return [_Membership(*row) for row in rows]


def measure_lines(session: Session, lines: Iterable[_Line], day: dt.date, now: dt.datetime) -> None:
    """Each line's day, and that of carriers and sites as far as their lines are measured."""
    serving = [line for line in lines if line.serves(day)]
    ports = [line.port_id for line in serving if line.port_id is not None]
    bounds = _bounds(day)
    wanted = _measured(session, ports, bounds)
    bins = _add_up(session, wanted, day, now)
    memberships = read_memberships(session, *bounds)
    members: dict[_Key, list[int | None]] = {}
    for line in serving:
        members["circuit_id", line.id] = [line.port_id]
        if line.kind in UPLINKS:
            for key in (("carrier_id", line.carrier_id), ("site_id", line.site_id)):
                members.setdefault(key, []).append(line.port_id)
    found = {}
    for key, several in members.items():
        counted = {
            port_id: [span for spans in wanted[port_id].values() for span in spans]
            for port_id in several
            if port_id in wanted
        }
        covered = find_covered(memberships, counted)
        there = [leave_out(bins[one], covered.get(one, ())) for one in counted]
        pool = pool_bins(there) if there else lay_days([], *bounds, INTERVAL_MS)
        unmeasured = sum(one not in counted and one not in covered for one in several)
        found[key] = _Sum(pool, len(several), unmeasured)
    _keep(session, ("circuit_id", "carrier_id", "site_id"), found, day, now)


def measure_customers(session: Session, day: dt.date, now: dt.datetime) -> None:
    """Each customer's day: all ports that carried its services, while they did."""
    low, high = _bounds(day)
    held: dict[int, dict[int, list[Interval]]] = {}
    for one in _list_memberships(session, low, high):
        span = (to_ms(one.starts_at), high if one.ends_at is None else to_ms(one.ends_at))
        held.setdefault(one.port_id, {}).setdefault(one.customer_id, []).append(span)
    ports: dict[int, list[int]] = {}
    for port_id, customers in held.items():
        for customer_id in customers:
            ports.setdefault(customer_id, []).append(port_id)
    wanted: dict[int, Spans] = {customer_id: {} for customer_id in ports}
    measured: dict[int, dict[int, list[Interval]]] = {customer_id: {} for customer_id in ports}
    bindings = _list_bindings(session, held)
    for bound in bindings:
        for customer_id, times in held[bound.port_id].items():
            if spans := clip(times, max(bound.start, low), min(bound.end, high)):
                measured[customer_id].setdefault(bound.port_id, []).extend(spans)
    memberships = read_memberships(session, low, high)
    covered = {
        customer_id: find_covered(memberships, counted) for customer_id, counted in measured.items()
    }
    for bound in bindings:
        for customer_id, times in held[bound.port_id].items():
            spans = clip(times, max(bound.start, low), min(bound.end, high))
            if spans := subtract(spans, covered[customer_id].get(bound.port_id, ())):
                wanted[customer_id].setdefault(bound.series_id, []).extend(spans)
    bins = _add_up(session, wanted, day, now)
    found = {
        ("customer_id", customer_id): _Sum(
            bins[customer_id],
            len(own),
            len(set(own) - measured[customer_id].keys() - covered[customer_id].keys()),
        )
        for customer_id, own in ports.items()
    }
    _keep(session, ("customer_id",), found, day, now)


def measure_lags(session: Session, day: dt.date, now: dt.datetime) -> None:
    """The day of each LAG there is now: its own interface, and while nothing measured that its
    members."""
    bounds = _bounds(day)
    lags = list_lags(session)
    by_lag = read_memberships(session, *bounds)
    memberships = [one for lag_id in lags for one in by_lag.get(lag_id, ())]
    measured = _measured(session, lags | {one.port_id for one in memberships}, bounds)
    wanted: dict[int, Spans] = {}
    members: dict[int, set[int]] = {lag_id: set() for lag_id in lags}
    own: dict[int, list[Interval]] = {}
    for lag_id in lags:
        found = measured.get(lag_id, {})
        wanted[lag_id] = {series_id: list(spans) for series_id, spans in found.items()}
        own[lag_id] = [span for spans in found.values() for span in spans]
        if found:
            members[lag_id].add(lag_id)
    for one in memberships:
        if not (alone := subtract(clip([(one.start, one.end)], *bounds), own[one.lag_id])):
            continue
        members[one.lag_id].add(one.port_id)
        for series_id, times in measured.get(one.port_id, {}).items():
            if spans := intersect(times, alone):
                wanted[one.lag_id].setdefault(series_id, []).extend(spans)
    bins = _add_up(session, wanted, day, now)
    sums = {
        ("lag_port_id", lag_id): _Sum(
            bins[lag_id],
            len(members[lag_id]),
            sum(port_id not in measured for port_id in members[lag_id]),
        )
        for lag_id in lags
    }
    _keep(session, ("lag_port_id",), sums, day, now)


def _measured(session: Session, port_ids: Collection[int], bounds: Interval) -> dict[int, Spans]:
    """By port its series within the bounds, and when they were its own."""
    found: dict[int, Spans] = {}
    for bound in _list_bindings(session, port_ids):
        if spans := clip([(bound.start, bound.end)], *bounds):
            found.setdefault(bound.port_id, {}).setdefault(bound.series_id, []).extend(spans)
    return found


def _list_bindings(session: Session, port_ids: Collection[int]) -> list[PortBinding]:
    bindings = read_bindings(session, port_ids=port_ids)
    return [bound for bound in bindings if bound.family == "traffic"]


def _add_up(
    session: Session, wanted: Mapping[int, Spans], day: dt.date, now: dt.datetime
) -> dict[int, Bins]:
    """The sum of each one's series, over the day; of bins that aren't whole yet nothing is known.

    Series are read in their order, which is that of devices, and one at a time: whoever's a
    device's ports are, what it reported is opened once.
    """
    low, high = _bounds(day)
    whole = (to_ms(now) - LAG_MS) // INTERVAL_MS * INTERVAL_MS
    until = min(high, max(low, whole))
    sums = {key: BinSum(low, until, INTERVAL_MS) for key in wanted}
    users: dict[int, list[int]] = {}
    for key, series in wanted.items():
        for series_id in series:
            users.setdefault(series_id, []).append(key)
    # A sample covers what is before it: one from after midnight may belong to this day.
    read = PostgresSampleStore().read(session, "traffic", sorted(users), low, high + INTERVAL_MS)
    for series_id, columns in read:
        for key in users[series_id]:
            sums[key].add(columns, sorted(wanted[key][series_id]))
    return {key: lay_days([one.total()], low, high, INTERVAL_MS) for key, one in sums.items()}


def _moment(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


def _bounds(day: dt.date) -> Interval:
    low = day_start(day, "UTC")
    return low, low + DAY_MS


def _keep(
    session: Session,
    subjects: Sequence[str],
    found: Mapping[_Key, _Sum],
    day: dt.date,
    now: dt.datetime,
) -> None:
    """In place of all that is kept of such subjects' day: records may say otherwise by now."""
    of_these = or_(*(getattr(TrafficDay, name).is_not(None) for name in subjects))
    rows = session.scalars(
        select(TrafficDay).where(TrafficDay.day == day, of_these).options(defer(TrafficDay.bins))
    )
    known: dict[_Key, TrafficDay] = {}
    for old in rows:
        for name in subjects:
            if (subject_id := getattr(old, name)) is not None:
                known[name, subject_id] = old
    for key in known.keys() - found.keys():
        session.delete(known[key])
    for key, one in found.items():
        row = known.get(key)
        if row is None:
            row = TrafficDay(day=day, **{key[0]: key[1]})
            session.add(row)
        point = find_point(one.bins)
        row.measured_at, row.members, row.unmeasured = now, one.members, one.unmeasured
        row.in_p95_bps, row.out_p95_bps = point.in_p95, point.out_p95
        row.in_max_bps, row.out_max_bps = point.in_max, point.out_max
        row.present, row.bins = point.present, pack_day(one.bins)
