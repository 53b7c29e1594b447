"""When a capacity runs out, by the trend of its days; pure.

The trend is Theil and Sen's: the median of the slopes between all pairs of days, laid through the
median day; a third of the days may be anything without moving it far. The interval is of 90 %: the
slope's own (Sen 1968, by Kendall's variance, a week counted as one observation because days that
follow each other resemble each other), and around the line the band that holds nine of ten days.
Beyond what was measured nothing is known but that: a new customer isn't in it.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

LEAST_DAYS = 28
HORIZON_DAYS = 730
WEEK = 7
# Shares of a capacity whose days are told.
SHARES = (0.8, 1.0)
# Two-sided 90 % of the normal distribution, and what lies below and above the band.
_Z90 = 1.6449
_BELOW, _ABOVE = 5.0, 95.0

Floats = npt.NDArray[np.float64]
State = Literal["too_little", "reached", "within", "beyond"]


@dataclass(frozen=True, slots=True)
class RunOut:
    """`limit` is reached between `earliest` and `latest`, likely on `likely`.

    "too_little": `days` measured days are too few to tell. "reached": the middle of the last week's
    days is there already. "beyond": not even the earliest is within 24 months. Within, none for
    `likely` or `latest`: not within 24 months.
    """

    state: State
    limit: float
    days: int
    earliest: dt.date | None = None
    likely: dt.date | None = None
    latest: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """Per day, through `level` at day `middle` (days since `first`). [`low`, `high`] is the slope's
    interval; `below` and `above` are what the band lies under and over the line."""

    first: dt.date
    middle: float
    level: float
    slope: float
    low: float
    high: float
    below: float
    above: float
    days: int


def find_trend(values: Mapping[dt.date, float]) -> Trend | None:
    """None with fewer than LEAST_DAYS days."""
    if len(values) < LEAST_DAYS:
        return None
    days = sorted(values)
    at: Floats = np.array([(day - days[0]).days for day in days], dtype=np.float64)
    level: Floats = np.array([values[day] for day in days], dtype=np.float64)
    one, other = np.triu_indices(len(at), k=1)
    slopes = np.sort((level[other] - level[one]) / (at[other] - at[one]))
    slope = float(np.median(slopes))
    middle = float(np.median(at))
    base = float(np.median(level - slope * (at - middle)))
    rest = level - base - slope * (at - middle)
    low, high = _bound_slope(slopes, len(at) / WEEK)
    return Trend(
        days[0], middle, base, slope, low, high,
        max(-float(np.percentile(rest, _BELOW)), 0.0), max(float(np.percentile(rest, _ABOVE)), 0.0),
        len(at),
    )  # fmt: skip


def find_run_out(values: Mapping[dt.date, float], limit: float, today: dt.date) -> RunOut:
    """When days like these reach `limit`, in their unit. ValueError where that isn't positive."""
    return _reach(values, find_trend(values), limit, today)


def find_run_outs(values: Mapping[dt.date, float], capacity: float, today: dt.date) -> list[RunOut]:
    """Of each of SHARES of a capacity."""
    trend = find_trend(values)
    return [_reach(values, trend, capacity * share, today) for share in SHARES]


def _reach(
    values: Mapping[dt.date, float], trend: Trend | None, limit: float, today: dt.date
) -> RunOut:
    if not limit > 0:
        raise ValueError("a capacity is more than nothing")
    if trend is None:
        return RunOut("too_little", limit, len(values))
    newest = max(values)
    week = [level for day, level in values.items() if (newest - day).days < WEEK]
    if float(np.median(week)) >= limit:
        return RunOut("reached", limit, trend.days)
    earliest = _cross(trend, trend.high, trend.above, limit, today)
    if earliest is None:
        return RunOut("beyond", limit, trend.days)
    likely = _cross(trend, trend.slope, 0.0, limit, today)
    latest = _cross(trend, trend.low, -trend.below, limit, today)
    return RunOut("within", limit, trend.days, earliest, likely, latest)


def _bound_slope(slopes: Floats, weeks: float) -> tuple[float, float]:
    pairs = weeks * (weeks - 1) / 2
    share = _Z90 * sqrt(weeks * (weeks - 1) * (2 * weeks + 5) / 18) / pairs
    count = len(slopes)
    low = max(int((1 - share) / 2 * count), 0)
    return float(slopes[low]), float(slopes[count - 1 - low])


def _cross(
    trend: Trend, slope: float, offset: float, limit: float, today: dt.date
) -> dt.date | None:
    """The first day from `today` on that a line reaches the limit; none after the horizon."""
    now = (today - trend.first).days
    left = limit - (trend.level + offset + slope * (now - trend.middle))
    if left <= 0:
        return today
    if slope <= 0 or left / slope > HORIZON_DAYS:
        return None
    return today + dt.timedelta(days=ceil(left / slope))
