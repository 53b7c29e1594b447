"""Pure: where values are heading: a robust line through a window, drawn on to its horizon.

A window is cut into BUCKETS equal stretches that lie on a grid from the epoch on; of each the
median counts. The line is Theil's and Sen's: the median of the slopes of all pairs (P. K. Sen,
Estimates of the regression coefficient based on Kendall's tau, 1968), which up to 29 % of outliers
don't move. It is drawn at each instant of the grid from what lies before it, so live and on history
it is the same one.
"""

import numpy as np

from dcim.alarms.rules.parts import Floats, Ints

# Four a day over a week, so that each hour of the day counts alike.
BUCKETS = 28


def step_of(window_ms: int) -> int:
    """How far apart the instants of the grid are, ms."""
    return window_ms // BUCKETS


def first_instant(start_ms: int, window_ms: int) -> int:
    """Of the grid, at or after `start_ms`."""
    step = step_of(window_ms)
    return -(-start_ms // step) * step


def forecast(
    ts: Ints,
    values: Floats,
    *,
    window_ms: int,
    horizon_ms: int,
    above: bool,
    start_ms: int,
    end_ms: int,
) -> tuple[Ints, Floats]:
    """(instants of the grid in [start, end), the furthest the line goes from there to the horizon:
    its highest value where the limit is above, else its lowest).

    `ts` (sorted, UTC epoch ms) has to reach back a window before `start_ms`. Unknown, NaN, where
    fewer than half of the buckets have a known value, or the last one has none.
    """
    step = step_of(window_ms)
    instants = np.arange(first_instant(start_ms, window_ms), end_ms, step, dtype=np.int64)
    found = np.full(len(instants), np.nan)
    if not len(instants):
        return instants, found
    first = int(instants[0]) // step - BUCKETS
    medians = _take_medians(ts, values, first, BUCKETS + len(instants) - 1, step)
    for place in range(len(instants)):
        line = _draw(medians[place : place + BUCKETS])
        if line is not None:
            slope, level = line
            ahead = level + slope * horizon_ms / step
            found[place] = max(level, ahead) if above else min(level, ahead)
    return instants, found


def _take_medians(ts: Ints, values: Floats, first: int, count: int, step: int) -> Floats:
    """Of buckets `first` to `first + count` of the grid; NaN where nothing is known."""
    known = ~np.isnan(values)
    ts, values = ts[known], values[known]
    edges = np.searchsorted(ts, np.arange(first, first + count + 1, dtype=np.int64) * step)
    found = np.full(count, np.nan)
    for place in range(count):
        low, high = edges[place], edges[place + 1]
        if low < high:
            found[place] = np.median(values[low:high])
    return found


def _draw(medians: Floats) -> tuple[float, float] | None:
    """(slope a bucket, level at the end of the window)."""
    at = np.flatnonzero(~np.isnan(medians))
    if len(at) * 2 < BUCKETS or at[-1] != BUCKETS - 1:
        return None
    known = medians[at]
    left, right = np.triu_indices(len(at), 1)
    slope = float(np.median((known[right] - known[left]) / (at[right] - at[left])))
    # A bucket's value is that of its middle.
    level = float(np.median(known - slope * (at + 0.5 - BUCKETS)))
    return slope, level
