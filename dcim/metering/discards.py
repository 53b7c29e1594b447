"""Pure: what ports drop, kept small: mostly nothing, minute after minute."""

import numpy as np
from numpy.typing import NDArray

from dcim.metering.batch import Columns, Ints
from dcim.metering.families import DISCARDS, NOT_REPORTED

# Quiet minutes become one sample up to so long, aligned in UTC. A reader of [start, end) finds what
# covers its end by reading so much further, as `port_line` does for traffic.
QUIET_MS = 3_600_000
# A sample that begins so near the end of the one before goes on from it: poll and clock differ by
# that much.
_NEAR_MS = 1_000
# By so much an hour of polls may be longer than QUIET_MS: less than any poll covers.
_OVER_MS = 5_000


def fold_quiet(columns: Columns) -> Columns:
    """Samples that say that nothing was dropped, one after the other within a UTC hour, as one.

    It stands where the last of them did and covers them all; what was dropped, gaps, and a way that
    isn't told stay as they are, and so does the hour's first where it reaches so far back that with
    it they were more than QUIET_MS. Again is the same as once.

    A correction at the very instant of a folded sample replaces it whole: the rest of that hour
    isn't known then, nothing is counted twice.
    """
    if len(columns) < 2:
        return columns
    matrix = columns.matrix()
    ts, span = matrix[:2]
    quiet = _is_quiet(columns)
    follows = np.abs(ts[1:] - span[1:] - ts[:-1]) <= _NEAR_MS
    follows &= quiet[1:] & quiet[:-1] & (ts[1:] // QUIET_MS == ts[:-1] // QUIET_MS)
    heads = np.append(True, ~follows)
    firsts = np.flatnonzero(heads)
    lasts = np.append(firsts[1:], len(ts)) - 1
    long = (firsts < lasts) & (ts[lasts] - (ts[firsts] - span[firsts]) > QUIET_MS + _OVER_MS)
    heads[firsts[long] + 1] = True
    firsts = np.flatnonzero(heads)
    lasts = np.append(firsts[1:], len(ts)) - 1
    folded = matrix[:, lasts]
    longer = firsts < lasts
    begins = ts[firsts] - span[firsts]
    folded[1, longer] = (ts[lasts] - begins)[longer]
    return Columns.from_matrix(DISCARDS, np.ascontiguousarray(folded))


def cut_quiet(columns: Columns, start: int, end: int, *, since: int = 0) -> Columns:
    """What is known of [start, end): its samples, and what a quiet one that ends later covers.

    `columns` must reach QUIET_MS beyond `end`. Of what was before `since` a quiet one says nothing.
    """
    ts, begins = columns.ts, columns.ts - columns.span_ms
    beyond = np.flatnonzero(_is_quiet(columns) & (ts >= end) & (begins < end))[:1]
    matrix = columns.matrix()
    kept = np.append(np.flatnonzero((ts >= start) & (ts < end)), beyond)
    matrix[0, beyond], matrix[1, beyond] = end, end - begins[beyond]
    quiet = _is_quiet(columns)
    matrix[1, quiet] = np.minimum(matrix[1, quiet], np.maximum(matrix[0, quiet] - since, 0))
    return Columns.from_matrix(DISCARDS, np.ascontiguousarray(matrix[:, kept]))


def spread_quiet(columns: Columns, step_ms: int) -> Columns:
    """A folded sample as one a step again, for who counts how long something held: they end whole
    steps before it, about where the polls were."""
    span = columns.span_ms
    pieces = np.where(_is_quiet(columns), np.maximum((span + step_ms // 2) // step_ms, 1), 1)
    matrix = np.repeat(columns.matrix(), pieces, axis=1)
    after = np.repeat(np.cumsum(pieces), pieces) - 1 - np.arange(matrix.shape[1])
    whole = np.repeat(pieces, pieces)
    matrix[0] -= after * step_ms
    split = whole > 1
    first = split & (after == whole - 1)
    matrix[1] = np.where(first, matrix[1] - after * step_ms, np.where(split, step_ms, matrix[1]))
    return Columns.from_matrix(DISCARDS, matrix)


def tell_beside(columns: Columns, ts: Ints, span_ms: Ints) -> tuple[Ints, Ints]:
    """What was dropped (in, out) in the time of each of these samples of traffic; NOT_REPORTED
    where that isn't known."""
    unknown = np.full(len(ts), NOT_REPORTED, dtype=np.int64)
    if not len(columns):
        return unknown, unknown.copy()
    after = np.searchsorted(columns.ts, ts)
    at = np.minimum(after, len(columns) - 1)
    begins = columns.ts[at] - columns.span_ms[at]
    covered = _is_quiet(columns)[at] & (begins <= ts - span_ms + _NEAR_MS) & (after < len(columns))
    told = covered | (columns.ts[at] == ts)
    inward, outward = (
        np.where(told, columns.values[name][at], unknown) for name in DISCARDS.columns
    )
    return inward, outward


def _is_quiet(columns: Columns) -> NDArray[np.bool_]:
    matrix = columns.matrix()
    return np.asarray((matrix[2:] == 0).all(axis=0) & (matrix[1] > 0))
