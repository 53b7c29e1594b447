"""Octet deltas into billing bins aligned in UTC; no octet is lost or doubled."""

from collections.abc import Iterable
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


def fill_bins(
    samples: Iterable[tuple[int, int, int, int]], start: int, end: int, interval_ms: int
) -> Bins:
    """Bins over [start, end) from samples (ts ms of receipt, span_ms before it, in, out octets).

    A sample covers [ts - span_ms, ts). Over several bins its octets are split edge by edge, each
    time by the time left. Where samples overlap the covered time is capped at the interval.
    ValueError when start or end is not on the UTC grid of the interval.
    """
    if start % interval_ms or end % interval_ms or end < start:
        raise ValueError("a range of bins begins and ends on the grid of the interval")
    count = (end - start) // interval_ms
    ins, outs, covered = [0] * count, [0] * count, [0] * count
    for ts, span, in_octets, out_octets in samples:
        if span <= 0 or in_octets < 0 or out_octets < 0:
            raise ValueError(f"sample at {ts}: span and octets must not be negative or empty")
        at, left_in, left_out = ts - span, in_octets, out_octets
        while at < ts:
            edge = (at // interval_ms + 1) * interval_ms
            until = min(edge, ts)
            if until < ts:
                part_in, left_in = split_octets(left_in, at, ts, until)
                part_out, left_out = split_octets(left_out, at, ts, until)
            else:
                part_in, left_in, part_out, left_out = left_in, 0, left_out, 0
            if start <= at < end:
                index = (at - start) // interval_ms
                ins[index] += part_in
                outs[index] += part_out
                covered[index] = min(covered[index] + until - at, interval_ms)
            at = until
    return Bins(
        start,
        interval_ms,
        np.array(ins, dtype=np.int64),
        np.array(outs, dtype=np.int64),
        np.array(covered, dtype=np.int64),
    )
