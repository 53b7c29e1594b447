"""Octet deltas into billing bins aligned in UTC; no octet is lost or doubled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Bins:
    """Consecutive billing intervals; bin i covers [first + i*interval, + interval) ms.

    `covered_ms` is how much of each was measured; octets outside the range were not taken.
    """

    first: int
    interval_ms: int
    in_octets: npt.NDArray[np.int64]
    out_octets: npt.NDArray[np.int64]
    covered_ms: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.covered_ms.size)

    def present(self, min_cover_pct: Decimal) -> npt.NDArray[np.bool_]:
        """Bins covered enough to be billed; the rest are missing."""
        least = Fraction(min_cover_pct) / 100 * self.interval_ms
        return np.asarray(self.covered_ms * least.denominator >= least.numerator)

    def rates(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(in, out) in bit/s: octets x 8 / interval, rounded down."""
        seconds = Fraction(self.interval_ms, 1000)
        scale = 8 * seconds.denominator
        return (
            self.in_octets * scale // seconds.numerator,
            self.out_octets * scale // seconds.numerator,
        )


def split_octets(octets: int, start: int, end: int, edge: int) -> tuple[int, int]:
    """Octets before and after an edge inside [start, end), by time; the remainder to the later."""
    if not start < edge < end:
        raise ValueError("the edge lies outside the sample")
    early = octets * (edge - start) // (end - start)
    return early, octets - early


Rows = npt.NDArray[np.int64]
# Where octets times milliseconds could outgrow 64 bits a sample is split in Python's integers.
_SAFE = 2**62


def fill_bins(
    samples: Iterable[tuple[int, int, int, int]] | Rows, start: int, end: int, interval_ms: int
) -> Bins:
    """Bins over [start, end) from samples (ts ms of receipt, span_ms before it, in, out octets).

    `samples` may be an array of shape (n, 4). A sample covers [ts - span_ms, ts). Over several bins
    its octets are split edge by edge, each time by the time left. Where samples overlap the covered
    time is capped at the interval. ValueError when start or end is not on the UTC grid of the
    interval.
    """
    if start % interval_ms or end % interval_ms or end < start:
        raise ValueError("a range of bins begins and ends on the grid of the interval")
    rows = samples if isinstance(samples, np.ndarray) else _table(samples)
    ts, span, octets = rows[:, 0], rows[:, 1], rows[:, 2:]
    bad = (span <= 0) | (octets < 0).any(axis=1)
    if bad.any():
        at = int(ts[bad][0])
        raise ValueError(f"sample at {at}: span and octets must not be negative or empty")
    found = np.zeros(((end - start) // interval_ms, 3), dtype=np.int64)
    first, last = (ts - span) // interval_ms, (ts - 1) // interval_ms
    plain = first == last
    _add(found, first[plain] - start // interval_ms, octets[plain], span[plain])
    # Nearly all the rest reach over one edge, and are split together.
    once = (last == first + 1) & (octets.max(axis=1, initial=0) < _SAFE // span.clip(1))
    before = ((first + 1) * interval_ms - (ts - span))[once]
    early = octets[once] * before[:, None] // span[once][:, None]
    place = first[once] - start // interval_ms
    _add(found, place, early, before)
    _add(found, place + 1, octets[once] - early, span[once] - before)
    for ts_ms, span_ms, inward, outward in rows[~plain & ~once].tolist():
        for at, ins, outs, covered in _split(ts_ms, span_ms, inward, outward, interval_ms):
            if start <= at < end:
                found[(at - start) // interval_ms] += (ins, outs, covered)
    np.minimum(found[:, 2], interval_ms, out=found[:, 2])
    return Bins(start, interval_ms, *np.ascontiguousarray(found.T))


def _table(samples: Iterable[tuple[int, int, int, int]]) -> Rows:
    return np.array(list(samples), dtype=np.int64).reshape(-1, 4)


def _add(found: Rows, places: Rows, octets: Rows, covered: Rows) -> None:
    inside = (places >= 0) & (places < len(found))
    numbers = np.column_stack([octets[inside], covered[inside]])
    np.add.at(found, places[inside], numbers)


def _split(
    ts: int, span: int, left_in: int, left_out: int, interval_ms: int
) -> Iterator[tuple[int, int, int, int]]:
    """(from, in, out, ms) of each bin's part of a sample."""
    at = ts - span
    while at < ts:
        until = min((at // interval_ms + 1) * interval_ms, ts)
        part_in, part_out = left_in, left_out
        if until < ts:
            part_in, left_in = split_octets(left_in, at, ts, until)
            part_out, left_out = split_octets(left_out, at, ts, until)
        yield at, part_in, part_out, until - at
        at = until
