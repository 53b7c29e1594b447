"""Pure: billing bins out of samples: of a service's ports within their membership, of a feed."""

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from dcim.metering.batch import Columns, Ints
from dcim.metering.bins import Bins, fill_bins, split_octets
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.rules.intervals import Interval, union
from dcim.sla.rules.terms import Usage
from dcim.sla.rules.usage.lines import needs_lines

HOUR_MS = 3_600_000
DEFAULT_INTERVAL_MS = 300_000

# (ts of receipt, span_ms before it, in octets, out octets)
Delta = tuple[int, int, int, int]


class SampleSink(Protocol):
    """Takes what bins are made of while they are made, one meter at a time.

    `spans` is when the meter's port was the item's, sorted and disjoint; nothing outside them is
    given. A feed's `columns` are those of the item's time in service.
    """

    def add_traffic(
        self, item: str, meter: str, spans: Sequence[Interval], deltas: Sequence[Delta]
    ) -> None: ...

    def add_power(self, feed: str, meter: str, columns: Columns) -> None: ...


def clip_deltas(columns: Columns, spans: Sequence[Interval]) -> list[Delta]:
    """What was counted inside `spans`; sorted and disjoint spans.

    A delta that crosses an edge is split by time, as bins are: nobody pays for another's octets.
    What is clipped already stays as it is.
    """
    found: list[Delta] = []
    counted = (columns.span_ms > 0) & (columns.values["in_octets"] >= 0)
    counted &= columns.values["out_octets"] >= 0
    rows = np.stack(
        [
            columns.ts[counted],
            columns.span_ms[counted],
            columns.values["in_octets"][counted],
            columns.values["out_octets"][counted],
        ]
    )
    ends, begins = rows[0], rows[0] - rows[1]
    for low, high in spans:
        whole = (begins >= low) & (ends <= high)
        crossing = (ends > low) & (begins < high) & ~whole
        # A month has few edges and many samples: only the cut ones are touched one by one.
        ts, spans_ms, inward, outward = (row[whole].tolist() for row in rows)
        found += zip(ts, spans_ms, inward, outward, strict=True)
        found += [
            _cut(at, span, ins, outs, (low, high))
            for at, span, ins, outs in rows[:, crossing].T.tolist()
        ]
    return sorted(found)


def _cut(ts: int, span: int, inward: int, outward: int, within: Interval) -> Delta:
    start, end = ts - span, ts
    if start < within[0]:
        inward = split_octets(inward, start, end, within[0])[1]
        outward = split_octets(outward, start, end, within[0])[1]
        start = within[0]
    if end > within[1]:
        inward = split_octets(inward, start, end, within[1])[0]
        outward = split_octets(outward, start, end, within[1])[0]
        end = within[1]
    return end, end - start, inward, outward


class BinSum:
    """Bins that begin in [start, end) of several ports together, taken one by one.

    Octets are added, and a bin is covered as far as its least covered member: what one port didn't
    report may have been the peak.
    """

    def __init__(self, start: int, end: int, interval_ms: int) -> None:
        self._first, self._last = (-(-at // interval_ms) * interval_ms for at in (start, end))
        self._interval = interval_ms
        self._starts = np.arange(self._first, self._last, interval_ms, dtype=np.int64)
        self._inward, self._outward, self._missing = np.zeros(
            (3, len(self._starts)), dtype=np.int64
        )
        self._spans: list[Interval] = []

    def add(self, columns: Columns, spans: Sequence[Interval]) -> None:
        """`spans`, sorted and disjoint, are when the port is one of them."""
        bins = fill_bins(clip_deltas(columns, spans), self._first, self._last, self._interval)
        self._inward += bins.in_octets
        self._outward += bins.out_octets
        missing = _overlap(union(spans), self._starts, self._interval) - bins.covered_ms
        np.maximum(self._missing, missing, out=self._missing)
        self._spans += spans

    def total(self) -> Bins:
        belongs = _overlap(union(self._spans), self._starts, self._interval)
        return Bins(
            self._first, self._interval, self._inward, self._outward, belongs - self._missing
        )


def bandwidth_rows(
    members: Iterable[tuple[Columns, Sequence[Interval]]], start: int, end: int, interval_ms: int
) -> list[list[int]]:
    """[start, in_octets, out_octets, covered_ms] of each bin of their sum, as `BinSum`.

    Bins nobody measured are left out. Members are taken one by one: give an iterator, and only one
    is held at a time.
    """
    pool = BinSum(start, end, interval_ms)
    for columns, spans in members:
        pool.add(columns, spans)
    bins = pool.total()
    starts = bins.first + np.arange(len(bins)) * interval_ms
    table = np.stack([starts, bins.in_octets, bins.out_octets, bins.covered_ms])
    rows: list[list[int]] = table[:, bins.covered_ms > 0].T.tolist()
    return rows


def _overlap(spans: Iterable[Interval], starts: Ints, interval_ms: int) -> Ints:
    """How much of each interval lies within `spans`, sorted and disjoint, ms."""
    found = np.zeros_like(starts)
    for low, high in spans:
        found += np.clip(np.minimum(starts + interval_ms, high) - np.maximum(starts, low), 0, None)
    return found


def bandwidth_step(usages: Iterable[Usage], kind: str) -> int:
    """How long the bins of bandwidth are, ms: the billing interval, or parts whose peak it is."""
    for usage in usages:
        if usage.method == "percentile" and kind in usage.applies_to:
            return usage.peak_of_ms or usage.interval_ms
    return DEFAULT_INTERVAL_MS


def power_step(usages: Iterable[Usage], kind: str, start: int) -> int:
    """How long the bins of power are, ms: an hour, or what the intervals billed need."""
    steps = [
        usage.interval_ms
        for usage in usages
        if kind in usage.applies_to and usage.method != "percentile" and needs_lines(usage)
    ]
    return math.gcd(HOUR_MS, start % HOUR_MS, *steps) if steps else HOUR_MS


def power_bins(columns: Columns, start: int, end: int, step_ms: int = HOUR_MS) -> list[list[int]]:
    """[start, span_ms, max_mw, mean_mw, energy_mwh] by steps of an hour or less, those without a
    sample left out.

    `span_ms` is how much of the step was measured. Energy is the meter's own where it has a
    register, otherwise power over the measured time.
    """
    inside = (columns.ts >= start) & (columns.ts < end) & (columns.values["mw"] >= 0)
    ts, mw, wh = columns.ts[inside], columns.values["mw"][inside], columns.values["wh"][inside]
    if not len(ts):
        return []
    ends = np.minimum(np.minimum(np.append(ts[1:], end), ts + HOLDS_MS), end)
    bins: list[list[int]] = []
    steps = (ts - start) // step_ms
    for step in np.unique(steps).tolist():
        chosen = steps == step
        spans = ends[chosen] - ts[chosen]
        span = min(int(spans.sum()), step_ms)
        level = mw[chosen]
        registered = wh[chosen]
        if (registered >= 0).all():
            energy = int(registered.sum()) * 1000
        else:
            energy = int((level * spans).sum()) // HOUR_MS
        bins.append(
            [start + step * step_ms, span, int(level.max()), int(level.sum()) // len(level), energy]
        )
    return bins
