"""Measured values averaged before a limit judges them: aligned or rolling windows, exact."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from dcim.sla.rules.intervals import Intervals, intersect, total, union
from dcim.sla.rules.terms import Average, Range

Row = tuple[int, int, int]  # start, end (UTC ms), stored value


def split_by_limit(
    rows: Sequence[Row], limit: Range, average: Average | None
) -> tuple[Intervals, Intervals]:
    """(where all is well, where it isn't); what neither covers wasn't measured.

    An aligned mean is that of the measured part of its window (windows begin at UTC multiples of
    the length) and holds for that part. A rolling mean at an instant is that of the window before
    it, and known only where the whole window was measured; it crosses the limit at the first whole
    millisecond beyond. Where the measurement begins, the mean of the first window holds for all of
    that window: before it there is nothing, and every month would else begin unknown.
    """
    if average is None:
        return _split(rows, limit)
    tidy = _disjoint(rows)
    if average.rolling:
        return _roll(tidy, limit, average.length_ms)
    good: Intervals = []
    bad: Intervals = []
    for start, parts in _windows(tidy, average.length_ms).items():
        covered = union((s, e) for s, e, _ in parts)
        mean = Fraction(sum((e - s) * value for s, e, value in parts), total(covered))
        (good if limit.contains(mean) else bad).extend(
            intersect(covered, [(start, start + average.length_ms)])
        )
    return union(good), union(bad)


def _split(rows: Sequence[Row], limit: Range) -> tuple[Intervals, Intervals]:
    """Runs of rows that touch and agree are one before they are sorted: months have thousands."""
    lowest, highest = whole_bounds(limit)
    runs: tuple[Intervals, Intervals] = ([], [])
    reached, well = None, False
    for start, end, value in rows:
        within = (lowest is None or value >= lowest) and (highest is None or value <= highest)
        mine = runs[0] if within else runs[1]
        if start == reached and within == well:
            mine[-1] = (mine[-1][0], end)
        else:
            mine.append((start, end))
        reached, well = end, within
    return union(runs[0]), union(runs[1])


def whole_bounds(limit: Range) -> tuple[int | None, int | None]:
    """The lowest and the highest integer within the limit; None where it is open."""
    low = high = None
    if limit.low is not None:
        exact = Fraction(limit.low)
        low = exact.__ceil__() if limit.low_inclusive else exact.__floor__() + 1
    if limit.high is not None:
        exact = Fraction(limit.high)
        high = exact.__floor__() if limit.high_inclusive else exact.__ceil__() - 1
    return low, high


def _disjoint(rows: Sequence[Row]) -> list[Row]:
    """Sorted, without overlaps: where rows overlap the one that began first holds."""
    tidy: list[Row] = []
    reached = None
    for start, end, value in sorted(rows):
        begin = start if reached is None else max(start, reached)
        if begin < end:
            tidy.append((begin, end, value))
            reached = end
    return tidy


def _windows(rows: Sequence[Row], length: int) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for start, end, value in rows:
        at = start
        while at < end:
            window = at // length * length
            until = min(end, window + length)
            found.setdefault(window, []).append((at, until, value))
            at = until
    return found


def _roll(rows: Sequence[Row], limit: Range, length: int) -> tuple[Intervals, Intervals]:
    """Between edges of the rows and these edges one window later the sum is linear in time."""
    good: Intervals = []
    bad: Intervals = []
    for number, run in enumerate(_runs(rows)):
        first, last = run[0][0] + length, run[-1][1]
        if first > last:
            continue
        edges = {edge for s, e, _ in run for edge in (s, e, s + length, e + length)}
        cuts = sorted({first, last, *(edge for edge in edges if first < edge < last)})
        sums = _sums(run)
        if number == 0:
            well = limit.contains(Fraction(_sum_until(sums, first), length))
            (good if well else bad).append((run[0][0], first))
        for low, high in pairwise(cuts):
            start = _sum_until(sums, low) - _sum_until(sums, low - length)
            end = _sum_until(sums, high) - _sum_until(sums, high - length)
            for a, b, well in _judge_line(low, high, start, end, limit, length):
                (good if well else bad).append((a, b))
    return union(good), union(bad)


def _runs(rows: Sequence[Row]) -> list[list[Row]]:
    runs: list[list[Row]] = []
    for row in rows:
        if runs and runs[-1][-1][1] == row[0]:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _sums(run: Sequence[Row]) -> list[tuple[int, int, int]]:
    """(start, value, sum before it) of each row."""
    found, before = [], 0
    for start, end, value in run:
        found.append((start, value, before))
        before += (end - start) * value
    return found


def _sum_until(sums: Sequence[tuple[int, int, int]], at: int) -> int:
    """Value x ms from the run's beginning."""
    low, high = 0, len(sums)
    while high - low > 1:
        middle = (low + high) // 2
        if sums[middle][0] <= at:
            low = middle
        else:
            high = middle
    start, value, before = sums[low]
    return before + (at - start) * value


def _judge_line(
    low: int, high: int, start: int, end: int, limit: Range, length: int
) -> list[tuple[int, int, bool]]:
    """Parts of [low, high) by whether the mean, linear from start to end, is within the limit."""
    if start == end:
        return [(low, high, limit.contains(Fraction(start, length)))]
    cuts = {low, high}
    for bound in (limit.low, limit.high):
        if bound is None:
            continue
        share = (Fraction(bound) * length - start) / (end - start)
        if 0 <= share < 1:
            at = low + share * (high - low)
            # The instant on the bound itself may belong to either side: both neighbours are tried.
            cuts |= {at.__floor__(), at.__floor__() + 1}
    edges = sorted(cut for cut in cuts if low <= cut <= high)
    parts = []
    for a, b in pairwise(edges):
        mean = Fraction(start * (high - low) + (end - start) * (a - low), (high - low) * length)
        parts.append((a, b, limit.contains(mean)))
    return parts
