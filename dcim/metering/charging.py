"""What a month of billing bins is charged at, by the modes Chinese contracts name; pure integers.

Every mode begins with the points of the billing bins: octets x 8 / interval, rounded down, in
bit/s. A bin covered too little is missing: left out, a point of 0, or the last point again
(`missing`; carry leaves out what lies before the first point). A bin belongs to
the contract zone's day in which it begins; a day has 23, 24 or 25 hours, and counts once however
few points it has. A day without any point is no day.

The direction is settled where the rank is taken: `higher_percentile` ranks in and out apart and
takes the higher result, of the month for modes of the month and of each day for modes of days.

| mode | Chinese | charged |
|---|---|---|
| month_95 | 月95 | percentile of all points |
| day_95, day_peak | 日95, 日峰值 | percentile or highest point of each day, charged day by day |
| mean_day_95, mean_day_peak | 月均日95, 月均日峰值 | mean of these over the days |
| fourth_peak | 月第四峰值 | 4th highest daily peak; 0 when there are fewer than 4 days |
| top_5 | 月Top5 | mean of the 5 highest days' 5th highest points |
| night_half_95 | 夜间半价95 | percentile of all points, those of the night halved |
| enhanced_95 | 增强95 | percentile of the points' mean of in and out |
| flat | 包端口 | what was ordered, whatever was measured |
| traffic | 按流量 | octets, those of missing bins too: they were counted |

A mean is that of the days' whole bit/s, itself rounded down; halves likewise. Published: Alibaba
Cloud's and Tencent Cloud's enumerations of billing methods (4th peak, the averages over days, the
night, in and out averaged), Huawei Cloud's 5th highest point, which is the lowest where a day has
fewer, of the 5 highest days or all where there are fewer, decimals cut.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from dcim.metering.bins import Bins
from dcim.metering.percentile import Percentile, RankRule, find_percentile

Mode = Literal[
    "month_95",
    "day_95",
    "mean_day_95",
    "day_peak",
    "mean_day_peak",
    "fourth_peak",
    "top_5",
    "night_half_95",
    "enhanced_95",
    "flat",
    "traffic",
]
Direction = Literal["higher_percentile", "percentile_of_higher", "percentile_of_sum", "in", "out"]
Line = Literal["in", "out", "higher", "sum", "mean"]
Missing = Literal["dropped", "zero", "carry"]
Ints = npt.NDArray[np.int64]

MODES_OF_MONTH: tuple[Mode, ...] = ("month_95", "night_half_95", "enhanced_95")
MODES_BY_DAY: tuple[Mode, ...] = ("day_95", "day_peak")  # charged day by day
# Days of fourth_peak, points and days of top_5.
FOURTH, TOP = 4, 5
DAY_MINUTES = 1440


@dataclass(frozen=True)
class Rule:
    """How a contract charges. `night` is [from, to) in local minutes and may run over midnight."""

    mode: Mode = "month_95"
    direction: Direction = "higher_percentile"  # not used by enhanced_95
    percentile: Decimal = Decimal(95)
    rank: RankRule = "nearest"
    missing: Missing = "dropped"
    min_cover: Decimal = Decimal(50)  # percent of a bin
    night: tuple[int, int] = (0, 8 * 60)  # Alibaba Cloud's "50% off from 00:00 to 08:00"
    flat_bps: int = 0
    rank_of: int | None = None  # modes of the month: ranked as if it had so many points


@dataclass(frozen=True)
class Decision:
    """The point that decides among those of a month or a day.

    `at` is the start (UTC ms) of the earliest bin with that value, of the lower neighbour where
    the rank rule interpolates; that of the first bin where every point was discarded.
    """

    line: Line
    point: Percentile
    at: int


@dataclass(frozen=True)
class ChargedDay:
    """A local day with at least one bin in it; `decision` is None for a day without a point."""

    date: dt.date
    expected: int
    present: int
    decision: Decision | None = None

    @property
    def value(self) -> int | None:
        return None if self.decision is None else self.decision.point.value


@dataclass(frozen=True)
class Charged:
    """What is charged, and all that is needed to compute it again by hand.

    `value` in `unit`, rounded down from `exact`; None when there was no point at all, and for
    modes charged day by day, where each of `used` has its own. `decision` is the point a mode of
    the month or fourth_peak rests on. `used` are the days that entered: by date, but highest first
    for fourth_peak and top_5.
    """

    mode: Mode
    unit: Literal["bit/s", "octets"]
    value: int | None
    exact: Fraction | None
    decision: Decision | None
    used: tuple[ChargedDay, ...]
    days: tuple[ChargedDay, ...]
    expected: int
    present: int


def charge_bins(bins: Bins, rule: Rule, zone: str) -> Charged:
    """Charge one service's bins, or a pool's, of one period under a rule; days are those of `zone`.

    ValueError for a rule that says nothing sensible.
    """
    _check(rule)
    good = bins.present(rule.min_cover)
    edges = split_days(bins, zone)
    days = tuple(
        ChargedDay(date, high - low, int(good[low:high].sum())) for date, low, high in edges
    )
    if rule.mode == "flat":
        return _charged(rule, Fraction(rule.flat_bps), days)
    if rule.mode == "traffic":
        octets = _count_octets(bins, rule.direction)
        return _charged(rule, Fraction(octets), days)
    points = _make_points(bins, rule, good, zone)
    if rule.mode in MODES_OF_MONTH:
        decision = points.decide(0, len(bins), _ranker(rule))
        exact = None if decision is None else decision.point.exact
        return _charged(rule, exact, days, decision)
    rank = _ranker(rule)
    decided = tuple(
        ChargedDay(day.date, day.expected, day.present, points.decide(low, high, rank))
        for day, (_, low, high) in zip(days, edges, strict=True)
    )
    return _charge_days(rule, decided)


def split_days(bins: Bins, zone: str) -> list[tuple[dt.date, int, int]]:
    """(local day, first bin, bin after the last) of each day in which a bin begins, in order."""
    if not len(bins):
        return []
    place = ZoneInfo(zone)
    end = bins.first + len(bins) * bins.interval_ms
    date = dt.datetime.fromtimestamp(bins.first / 1000, place).date()
    found = []
    low = 0
    while low < len(bins):
        after = date + dt.timedelta(days=1)
        edge = min(_day_start(after, place), end)
        high = -(-(edge - bins.first) // bins.interval_ms)
        if high > low:
            found.append((date, low, high))
        low, date = high, after
    return found


def _day_start(day: dt.date, place: ZoneInfo) -> int:
    return round(dt.datetime.combine(day, dt.time(0), place).timestamp()) * 1000


def is_night(bins: Bins, night: tuple[int, int], zone: str) -> npt.NDArray[np.bool_]:
    """Bins that begin in the night by the zone's wall clock."""
    place = ZoneInfo(zone)
    found = np.zeros(len(bins), dtype=bool)
    start, end = night
    for index in range(len(bins)):
        local = dt.datetime.fromtimestamp((bins.first + index * bins.interval_ms) / 1000, place)
        minute = local.hour * 60 + local.minute
        found[index] = start <= minute < end if start < end else minute >= start or minute < end
    return found


def _check(rule: Rule) -> None:
    start, end = rule.night
    if not (0 <= start < DAY_MINUTES and 0 <= end <= DAY_MINUTES) or start == end:
        raise ValueError(f"a night from minute {start} to {end} of the day")
    if not 0 < rule.min_cover <= 100:
        raise ValueError("min_cover lies above 0 % and at most at 100 %")
    if rule.flat_bps < 0:
        raise ValueError("a flat rate below 0")


@dataclass(frozen=True)
class _Points:
    """`index` is the bin of each point; each line's values are `divisor` times their bit/s."""

    first: int
    interval_ms: int
    index: Ints
    lines: Mapping[Line, Ints]
    divisor: int

    def decide(self, low: int, high: int, rank: Callable[[Ints], Percentile]) -> Decision | None:
        """Among the points of bins low to high; of two lines the higher, of equal ones the last."""
        begin, end = np.searchsorted(self.index, [low, high])
        if begin == end:
            return None
        found: tuple[Line, Percentile] | None = None
        for line, values in self.lines.items():
            point = rank(values[begin:end])
            if found is None or point.exact >= found[1].exact:
                found = line, point
        assert found is not None  # noqa: S101 - there is at least one line
        line, point = found
        place = int(self.index[begin])
        if point.rank:
            values = self.lines[line][begin:end]
            wanted = np.partition(values, point.rank - 1)[point.rank - 1]
            place = int(self.index[begin + int(np.argmax(values == wanted))])
        exact = point.exact / self.divisor
        scaled = Percentile(exact.__floor__(), exact, point.rank, point.discarded, point.count)
        return Decision(line, scaled, self.first + place * self.interval_ms)


def fill_missing(
    bins: Bins, missing: Missing, good: npt.NDArray[np.bool_]
) -> tuple[Ints, Ints, Ints]:
    """(bin, in, out) of every point in bit/s, `good` bins as measured and the rest as agreed."""
    ins, outs = bins.rates()
    if missing == "zero":
        return np.arange(len(bins)), np.where(good, ins, 0), np.where(good, outs, 0)
    if missing == "carry":
        last = np.maximum.accumulate(np.where(good, np.arange(len(bins)), -1))
        index = np.flatnonzero(last >= 0)
        return index, ins[last[index]], outs[last[index]]
    index = np.flatnonzero(good)
    return index, ins[index], outs[index]


def _make_points(bins: Bins, rule: Rule, good: npt.NDArray[np.bool_], zone: str) -> _Points:
    index, ins, outs = fill_missing(bins, rule.missing, good)
    weight: int | Ints = 1
    divisor = 1
    if rule.mode == "night_half_95":
        weight, divisor = np.where(is_night(bins, rule.night, zone), 1, 2)[index], 2
    ins, outs = ins * weight, outs * weight
    lines: dict[Line, Ints]
    if rule.mode == "enhanced_95":
        lines, divisor = {"mean": ins + outs}, 2
    elif rule.direction == "percentile_of_higher":
        lines = {"higher": np.maximum(ins, outs)}
    elif rule.direction == "percentile_of_sum":
        lines = {"sum": ins + outs}
    elif rule.direction == "in":
        lines = {"in": ins}
    elif rule.direction == "out":
        lines = {"out": outs}
    else:
        lines = {"in": ins, "out": outs}
    return _Points(bins.first, bins.interval_ms, index, lines, divisor)


def _ranker(rule: Rule) -> Callable[[Ints], Percentile]:
    """What is taken of the points of a month or of a day."""
    if rule.mode in ("day_peak", "mean_day_peak", "fourth_peak"):
        return lambda values: _nth_highest(values, 1)
    if rule.mode == "top_5":
        return lambda values: _nth_highest(values, TOP)
    rank_of = rule.rank_of if rule.mode in MODES_OF_MONTH else None
    return lambda values: find_percentile(values, rule.percentile, rule.rank, rank_of)


def _nth_highest(values: Ints, nth: int) -> Percentile:
    """The lowest where there are fewer."""
    count = int(values.size)
    rank = max(count - nth + 1, 1)
    value = int(np.partition(values, rank - 1)[rank - 1])
    return Percentile(value, Fraction(value), rank, count - rank, count)


def _charge_days(rule: Rule, days: tuple[ChargedDay, ...]) -> Charged:
    used = tuple(day for day in days if day.value is not None)
    if not used or rule.mode in MODES_BY_DAY:
        return _charged(rule, None, days, used=used)
    if rule.mode in ("fourth_peak", "top_5"):
        used = tuple(sorted(used, key=lambda day: (-(day.value or 0), day.date)))
    if rule.mode == "fourth_peak":
        if len(used) < FOURTH:
            return _charged(rule, Fraction(0), days, used=used)
        fourth = used[FOURTH - 1].decision
        exact = None if fourth is None else fourth.point.exact
        return _charged(rule, exact, days, fourth, used[:FOURTH])
    if rule.mode == "top_5":
        used = used[:TOP]
    mean = Fraction(sum(day.value or 0 for day in used), len(used))
    return _charged(rule, mean, days, used=used)


def _charged(
    rule: Rule,
    exact: Fraction | None,
    days: tuple[ChargedDay, ...],
    decision: Decision | None = None,
    used: tuple[ChargedDay, ...] = (),
) -> Charged:
    return Charged(
        mode=rule.mode,
        unit="octets" if rule.mode == "traffic" else "bit/s",
        value=None if exact is None else exact.__floor__(),
        exact=exact,
        decision=decision,
        used=used,
        days=days,
        expected=sum(day.expected for day in days),
        present=sum(day.present for day in days),
    )


def _count_octets(bins: Bins, direction: Direction) -> int:
    if direction == "percentile_of_higher":
        return int(np.maximum(bins.in_octets, bins.out_octets).sum())
    ins, outs = int(bins.in_octets.sum()), int(bins.out_octets.sum())
    if direction == "percentile_of_sum":
        return ins + outs
    if direction in ("in", "out"):
        return ins if direction == "in" else outs
    return max(ins, outs)
