"""The stretches a port's chart can show, an hour to three years or any two instants."""

import datetime as dt
from zoneinfo import ZoneInfo

from flask import request

from dcim.errors import InvalidError
from dcim.web.charts import DAY_MS, MINUTE_MS, Window
from dcim.web.local_times import local_zone, read_local
from dcim.web.windows import to_ms

HOUR_MS = 60 * MINUTE_MS
NAMES = ("1h", "24h", "7d", "30d", "month", "last-month", "12m", "36m")
# Steps there are; the finest that gives at most so many points is taken.
STEPS = tuple(
    minutes * MINUTE_MS for minutes in (1, 5, 15, 30, 60, 120, 360, 720, 1440, 2880, 10080)
)
MOST_POINTS = 1100
# As long as raw samples are kept.
LONGEST = dt.timedelta(days=1100)
WEEKS_MS = 28 * DAY_MS


def read_port_window(now: dt.datetime) -> Window:
    """By `window`, or from `from` to `to` in local time; 24 hours where the name isn't known.

    Raises InvalidError for instants that can't be read, are out of order or too far apart.
    """
    zone = local_zone()
    since, until = request.args.get("from", ""), request.args.get("to", "")
    if not since and not until:
        return name_window(request.args.get("window", ""), now, zone)
    try:
        # In UTC, as times of one zone are taken apart by the wall clock.
        start = read_local(since).replace(tzinfo=zone).astimezone(dt.UTC)
        end = read_local(until).replace(tzinfo=zone).astimezone(dt.UTC) if until else now
    except ValueError as error:
        raise InvalidError("Give both instants as date and time.", {"from": ["time"]}) from error
    end = min(end, now)
    if not dt.timedelta() < end - start <= LONGEST:
        raise InvalidError(
            "Choose an end after the start, not in the future, and at most 1,100 days.",
            {"from": ["span"]},
        )
    return _make("custom", start, end)


def name_window(name: str, now: dt.datetime, zone: ZoneInfo) -> Window:
    day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    spans = {
        "1h": (now - dt.timedelta(hours=1), now),
        "24h": (now - dt.timedelta(days=1), now),
        "7d": (now - dt.timedelta(days=7), now),
        "30d": (now - dt.timedelta(days=30), now),
        "month": (month, now),
        "last-month": (months_before(month, 1), month),
        "12m": (months_before(day, 12), now),
        "36m": (months_before(day, 36), now),
    }
    name = name if name in spans else "24h"
    return _make(name, *spans[name])


def move_back(window: Window, zone: ZoneInfo) -> Window:
    """The stretch to compare with, of as many steps: a month's the month before, of a year or more
    the year before, else four weeks earlier, so that weekdays lie on weekdays."""
    start = dt.datetime.fromtimestamp(window.start / 1000, zone)
    if window.name in ("month", "last-month"):
        moved = to_ms(months_before(start, 1))
    elif window.end - window.start > 200 * DAY_MS:
        moved = to_ms(months_before(start, 12))
    else:
        moved = window.start - WEEKS_MS
    return Window("compared", moved, moved + window.end - window.start, window.step_ms)


def months_before(moment: dt.datetime, count: int) -> dt.datetime:
    """The same day so many months earlier, or the last day of that month."""
    ordinal = moment.year * 12 + moment.month - 1 - count
    year, month = divmod(ordinal, 12)
    following = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    last = (following - dt.timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _make(name: str, since: dt.datetime, until: dt.datetime) -> Window:
    start, end = to_ms(since), to_ms(until)
    step = next((one for one in STEPS if end - start <= MOST_POINTS * one), STEPS[-1])
    # Steps of half a day and more count from the local instant asked for, not from UTC's midnight.
    if step <= 6 * HOUR_MS:
        start = start // step * step
    return Window(name, start, start + max(-(-(end - start) // step), 1) * step, step)
