"""Pure: a service's billing bins out of its ports' samples, within their membership."""

from collections.abc import Sequence

import numpy as np

from dcim.metering.batch import Columns
from dcim.metering.bins import fill_bins, split_octets
from dcim.sla.rules.intervals import Interval, clip, total, union


def clip_deltas(columns: Columns, spans: Sequence[Interval]) -> list[tuple[int, int, int, int]]:
    """(ts, span_ms, in, out) of what was counted inside `spans`; sorted and disjoint spans.

    A delta that crosses an edge is split by time, as bins are: nobody pays for another's octets.
    """
    found: list[tuple[int, int, int, int]] = []
    counted = (columns.span_ms > 0) & (columns.values["in_octets"] >= 0)
    counted &= columns.values["out_octets"] >= 0
    rows = np.stack(
        [
            columns.ts[counted],
            columns.span_ms[counted],
            columns.values["in_octets"][counted],
            columns.values["out_octets"][counted],
        ],
        axis=1,
    ).tolist()
    for low, high in spans:
        for ts, span, inward, outward in rows:
            if ts <= low or ts - span >= high:
                continue
            found.append(_cut(ts, span, inward, outward, (low, high)))
    return sorted(found)


def _cut(
    ts: int, span: int, inward: int, outward: int, within: Interval
) -> tuple[int, int, int, int]:
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


def bandwidth_rows(
    members: Sequence[tuple[Columns, Sequence[Interval]]], start: int, end: int, interval_ms: int
) -> list[list[int]]:
    """[start, in_octets, out_octets, covered_ms] of each bin that begins in [start, end).

    Of several ports at once, octets are added, and a bin is covered as far as its least covered
    member: what one port didn't report may have been the peak. Bins nobody measured are left out.
    """
    first = -(-start // interval_ms) * interval_ms
    last = -(-end // interval_ms) * interval_ms
    if first >= last or not members:
        return []
    filled = [
        (fill_bins(clip_deltas(columns, spans), first, last, interval_ms), spans)
        for columns, spans in members
    ]
    inward = sum((bins.in_octets for bins, _ in filled), np.zeros_like(filled[0][0].in_octets))
    outward = sum((bins.out_octets for bins, _ in filled), np.zeros_like(filled[0][0].in_octets))
    rows = []
    for index in range((last - first) // interval_ms):
        low = first + index * interval_ms
        high = low + interval_ms
        belongs = total(union(part for _, spans in filled for part in clip(spans, low, high)))
        missing = max(
            total(clip(spans, low, high)) - int(bins.covered_ms[index]) for bins, spans in filled
        )
        covered = max(belongs - max(missing, 0), 0)
        if covered:
            rows.append([low, int(inward[index]), int(outward[index]), covered])
    return rows
