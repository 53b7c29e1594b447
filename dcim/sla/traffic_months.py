"""What lines, carriers, sites, customers and LAGs carried in a month, by the days that the rounds
have added up; worked out once after each round for all who look.
"""

import datetime as dt
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.metering.day_bins import lay_days, unpack_day
from dcim.metering.families import DAY_MS
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.periods import day_start, local_date, to_ms
from dcim.sla.rules.runout import RunOut, find_run_outs
from dcim.sla.rules.usage.aggregates import (
    Newest,
    Point,
    find_newest,
    find_point,
    forecast_point,
)
from dcim.sla.traffic_day_models import TrafficDay
from dcim.sla.traffic_rounds import BEAT_S, INTERVAL_MS, LINE_DAYS
from dcim.sla.usage_to_date import LAG_MS

Grouping = Literal["carrier", "line", "site", "customer", "lag"]
GROUPINGS: tuple[Grouping, ...] = ("carrier", "line", "site", "customer", "lag")
# What flowed longer before the last round than this isn't what flows now.
RECENT_MS = 3 * INTERVAL_MS
PORTION = 1000
HALF_DAY = DAY_MS // INTERVAL_MS // 2
# Groupings in months of several zones, at once.
KEPT = 16
_KEYS: dict[Grouping, Any] = {
    "carrier": TrafficDay.carrier_id,
    "line": TrafficDay.circuit_id,
    "site": TrafficDay.site_id,
    "customer": TrafficDay.customer_id,
    "lag": TrafficDay.lag_port_id,
}


@dataclass(slots=True)
class Carried:
    """By one subject. Rates in bit/s, none where not known; of `members` lines or ports
    `unmeasured` are in no figure. `days` are percentiles of whole days, for the trend."""

    measured_at: dt.datetime | None = None
    members: int = 0
    unmeasured: int = 0
    newest: Newest | None = None
    month: Point | None = None
    forecast: Point | None = None
    days: dict[dt.date, float] = field(default_factory=dict)
    _run_outs: dict[int, list[RunOut]] = field(default_factory=dict)

    def run_out(self, capacity: int, today: dt.date) -> list[RunOut]:
        """When shares of the capacity, bit/s, are reached; `today` is that it was read on."""
        if capacity not in self._run_outs:
            self._run_outs[capacity] = find_run_outs(self.days, capacity, today)
        return self._run_outs[capacity]


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: Hashable
    until: float
    carried: dict[int, Carried]


@dataclass(slots=True)
class _Place:
    turn: threading.Lock = field(default_factory=threading.Lock)
    known: _Known | None = None


class TrafficMemory:
    """Of one process. While one look works it out anew the others are shown what was before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[Hashable, _Place] = {}

    def find(
        self, about: Hashable, stamp: Hashable, read: Callable[[], dict[int, Carried]]
    ) -> dict[int, Carried]:
        """What `read` gave before for this stamp; no older than a round, whatever the stamp."""
        with self._lock:
            if about not in self._places and len(self._places) >= KEPT:
                self._places.clear()
            place = self._places.setdefault(about, _Place())
        known = place.known
        if known is None:
            place.turn.acquire()
        elif _holds(known, stamp) or not place.turn.acquire(blocking=False):
            return known.carried
        try:
            # Somebody may have done it while this one waited.
            if (done := place.known) is not None and _holds(done, stamp):
                return done.carried
            made = _Known(stamp, monotonic() + BEAT_S, read())
            place.known = made
            return made.carried
        finally:
            place.turn.release()


def _holds(known: _Known, stamp: Hashable) -> bool:
    return known.stamp == stamp and monotonic() < known.until


def read_carried(
    session: Session,
    grouping: Grouping,
    month: Interval,
    today: dt.date,
    memory: TrafficMemory | None = None,
) -> dict[int, Carried]:
    """By subject, of those with a day in the month [start, end), UTC ms, or in the trend of the
    days before `today`, of UTC. One statement where `memory` has it, three at most."""

    def read() -> dict[int, Carried]:
        return _read(session, grouping, month, today)

    if memory is None:
        return read()
    # A round writes today's rows first, and with its own instant all that it writes.
    stamp = session.scalar(
        select(func.max(TrafficDay.measured_at)).where(
            _KEYS[grouping].is_not(None), TrafficDay.day >= today - dt.timedelta(days=1)
        )
    )
    return memory.find((grouping, month, today), stamp, read)


def _read(
    session: Session, grouping: Grouping, month: Interval, today: dt.date
) -> dict[int, Carried]:
    key = _KEYS[grouping]
    rows = session.execute(
        select(
            key,
            TrafficDay.day,
            TrafficDay.measured_at,
            TrafficDay.members,
            TrafficDay.unmeasured,
            TrafficDay.bins,
        )
        .where(key.is_not(None), TrafficDay.day >= local_date(month[0], "UTC"))
        .order_by(key, TrafficDay.day)
        # A month of thousands of customers is never held at once.
        .execution_options(yield_per=PORTION)
    )
    found = {
        subject_id: _tell_month(list(several), *month)
        for subject_id, several in groupby(rows, key=itemgetter(0))
    }
    if grouping == "customer":
        # Whose capacity would run out?
        return found
    for subject_id, day, inward, outward in session.execute(
        select(key, TrafficDay.day, TrafficDay.in_p95_bps, TrafficDay.out_p95_bps).where(
            key.is_not(None),
            TrafficDay.in_p95_bps.is_not(None),
            TrafficDay.day >= today - dt.timedelta(days=LINE_DAYS),
            # Today isn't over: its percentile is another's.
            TrafficDay.day < today,
            # Of a day that was measured by half its percentile may be the quiet half's.
            TrafficDay.present >= HALF_DAY,
        )
    ):
        one = found.setdefault(subject_id, Carried())
        one.days[day] = float(max(inward, outward))
    return found


def _tell_month(rows: Sequence[Any], start: int, end: int) -> Carried:
    newest = rows[-1]
    days = [unpack_day(row.bins, day_start(row.day, "UTC"), INTERVAL_MS) for row in rows]
    # Whole intervals up to when it was last added up; the month may begin on no day of UTC.
    done = (to_ms(newest.measured_at) - LAG_MS) // INTERVAL_MS * INTERVAL_MS
    until = min(done, days[-1].first + DAY_MS, end)
    bins = lay_days(days, start, max(start, until), INTERVAL_MS)
    last = find_newest(bins)
    is_recent = last is not None and done - last.at < RECENT_MS
    month = find_point(bins)
    return Carried(
        newest.measured_at,
        newest.members,
        newest.unmeasured,
        last if is_recent else None,
        month,
        forecast_point(bins, end) if month.present else None,
    )
