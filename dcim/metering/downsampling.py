"""Pure: traffic as lines that fit on a screen; no peak is lost and no gap is joined up."""

from dataclasses import dataclass
from math import isnan

import numpy as np
import numpy.typing as npt

from dcim.metering.batch import Columns, Ints
from dcim.metering.families import NOT_REPORTED

Floats = npt.NDArray[np.float64]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rates:
    """Per second in consecutive steps from `first` (UTC epoch ms): bits, or packets where these
    were counted; NaN where nothing was measured.

    `mean` weighs each sample by the time it covers; `low`, `middle` (the lower median) and `high`
    are single samples.
    """

    first: int
    step_ms: int
    mean: Floats
    low: Floats
    middle: Floats
    high: Floats

    @property
    def starts(self) -> list[int]:
        return [self.first + place * self.step_ms for place in range(len(self.mean))]


def bucket_rates(columns: Columns, direction: str, start: int, end: int, step_ms: int) -> Rates:
    """Octet deltas of `direction` ("in" or "out") in steps over [start, end).

    A sample stands in the step in which it was received; a step in which none was received has the
    rate of the sample that covers all of it. ValueError for an empty range.
    """
    return _bucket(columns, f"{direction}_octets", 8000.0, start, end, step_ms)


def bucket_discards(columns: Columns, direction: str, start: int, end: int, step_ms: int) -> Rates:
    """As `bucket_rates`, of dropped packets; a quiet hour covers all its steps with 0."""
    return _bucket(columns, f"{direction}_discards", 1000.0, start, end, step_ms)


def _bucket(
    columns: Columns, name: str, per_ms: float, start: int, end: int, step_ms: int
) -> Rates:
    if end <= start or step_ms <= 0:
        raise ValueError("nothing to draw between these instants")
    count = -(-(end - start) // step_ms)
    counted = columns.values[name]
    good = (columns.span_ms > 0) & (counted >= 0) & (columns.ts >= start) & (columns.ts < end)
    places = (columns.ts[good] - start) // step_ms
    spans = columns.span_ms[good].astype(np.float64)
    rates = counted[good] * per_ms / spans
    # Of nothing numpy counts in integers.
    weights = np.bincount(places, spans, count).astype(np.float64)
    sums = np.bincount(places, rates * spans, count).astype(np.float64)
    low, middle, high = (np.full(count, np.nan) for _ in range(3))
    order = np.lexsort((rates, places))
    ranked, stepped = rates[order], places[order]
    firsts = np.flatnonzero(np.append(True, stepped[1:] != stepped[:-1])[: len(stepped)])
    lasts = np.append(firsts[1:], len(stepped))[: len(firsts)] - 1
    some = stepped[firsts]
    low[some], high[some] = ranked[firsts], ranked[lasts]
    middle[some] = ranked[(firsts + lasts) // 2]
    empty = weights == 0
    weights[empty] = 1
    mean = sums / weights
    covered, rate = _cover(columns, name, per_ms, start, step_ms, np.flatnonzero(empty))
    for values in (mean, low, middle, high):
        values[empty] = np.nan
        values[covered] = rate
    return Rates(start, step_ms, mean, low, middle, high)


def _cover(
    columns: Columns, name: str, per_ms: float, start: int, step_ms: int, steps: Ints
) -> tuple[Ints, Floats]:
    """Which of these steps one sample covers from end to end, and its rate."""
    counted = columns.values[name]
    good = (columns.span_ms > 0) & (counted >= 0)
    ts, spans, counted = columns.ts[good], columns.span_ms[good], counted[good]
    begins = start + steps * step_ms
    at = np.searchsorted(ts, begins + step_ms)
    found = at < len(ts)
    found[found] = (ts - spans)[at[found]] <= begins[found]
    at = at[found]
    return steps[found], counted[at] * per_ms / spans[at]


def listed(values: Floats, scale: float = 1.0, digits: int = 3) -> list[float | None]:
    """As JSON wants them: None for what is not known."""
    rounded = np.round(values / scale, digits).tolist()
    return [None if isnan(value) else value for value in rounded]


def find_gaps(columns: Columns, start: int, end: int, longest_ms: int) -> list[Span]:
    """Where in [start, end) nothing was measured for longer than `longest_ms`."""
    inside = (columns.span_ms > 0) & (columns.ts > start) & (columns.ts - columns.span_ms < end)
    begins = np.maximum(columns.ts[inside] - columns.span_ms[inside], start)
    ends = np.minimum(columns.ts[inside], end)
    # How far all before it reach: a sample may lie within an earlier one.
    known = np.maximum.accumulate(np.append(start, ends))
    begins = np.append(begins, end)
    gaps = np.flatnonzero(begins - known > longest_ms)
    return list(zip(known[gaps].tolist(), begins[gaps].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Levels:
    """Readings in consecutive steps, in the column's own unit; NaN where none was."""

    mean: Floats
    low: Floats
    high: Floats


def bucket_levels(
    columns: Columns, name: str, start: int, end: int, step_ms: int, *, above: int = NOT_REPORTED
) -> Levels:
    """The readings of column `name` in each step of [start, end); `mean` counts each alike.

    At or below `above` nothing was reported.
    """
    count = -(-(end - start) // step_ms)
    values = columns.values[name]
    good = (values > above) & (columns.ts >= start) & (columns.ts < end)
    places, chosen = (columns.ts[good] - start) // step_ms, values[good].astype(np.float64)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, places, chosen)
    np.maximum.at(high, places, chosen)
    # Of nothing numpy counts in integers.
    counts = np.bincount(places, minlength=count).astype(np.float64)
    sums = np.bincount(places, chosen, count).astype(np.float64)
    empty = counts == 0
    counts[empty] = 1
    for found in (sums, low, high):
        found[empty] = np.nan
    return Levels(sums / counts, low, high)


def bucket_peaks(columns: Columns, name: str, start: int, end: int, step_ms: int) -> Floats:
    """The largest reading of column `name` in each step of [start, end); NaN where none was."""
    return bucket_levels(columns, name, start, end, step_ms).high
