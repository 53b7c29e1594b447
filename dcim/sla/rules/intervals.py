"""Algebra of half-open intervals [start, end) of integers (UTC epoch milliseconds)."""

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]
Intervals = list[Interval]


def union(intervals: Iterable[Interval]) -> Intervals:
    """Sorted, disjoint, non-touching cover of the same points; empty intervals vanish."""
    merged: Intervals = []
    for start, end in sorted(intervals):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def intersect(left: Iterable[Interval], right: Iterable[Interval]) -> Intervals:
    a, b = union(left), union(right)
    found: Intervals = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            found.append((start, end))
        if a[i][1] <= b[j][1]:
            i += 1
        else:
            j += 1
    return found


def subtract(left: Iterable[Interval], right: Iterable[Interval]) -> Intervals:
    """Points of left that are not in right."""
    taken = union(right)
    rest: Intervals = []
    j = 0
    for start, end in union(left):
        while j < len(taken) and taken[j][1] <= start:
            j += 1
        at, k = start, j
        while k < len(taken) and taken[k][0] < end:
            if taken[k][0] > at:
                rest.append((at, taken[k][0]))
            at = max(at, taken[k][1])
            k += 1
        if at < end:
            rest.append((at, end))
    return rest


def clip(intervals: Iterable[Interval], start: int, end: int) -> Intervals:
    """The part within [start, end)."""
    return [
        (max(a, start), min(b, end)) for a, b in union(intervals) if max(a, start) < min(b, end)
    ]


def total(intervals: Iterable[Interval]) -> int:
    """Length of the union."""
    return sum(end - start for start, end in union(intervals))


def complement(intervals: Iterable[Interval], start: int, end: int) -> Intervals:
    """Points of [start, end) that are in none."""
    return subtract([(start, end)], intervals)


def bridge(down: Iterable[Interval], gaps: Iterable[Interval], longest: int) -> Intervals:
    """Down plus each gap of at most `longest` that touches down on both sides."""
    known = union(down)
    ends = {end for _, end in known}
    starts = {start for start, _ in known}
    filled = [
        (start, end)
        for start, end in union(gaps)
        if end - start <= longest and start in ends and end in starts
    ]
    return union([*known, *filled])


def sweep(layers: Sequence[Sequence[Interval]]) -> list[tuple[int, int, int]]:
    """(start, end, how many of the layers cover it), only where at least one does.

    Each layer counts once at a point, however its intervals overlap.
    """
    edges: dict[int, int] = {}
    for layer in layers:
        for start, end in union(layer):
            edges[start] = edges.get(start, 0) + 1
            edges[end] = edges.get(end, 0) - 1
    covered: list[tuple[int, int, int]] = []
    depth = 0
    last = 0
    for at in sorted(edges):
        if depth > 0 and at > last:
            covered.append((last, at, depth))
        depth += edges[at]
        last = at
    return covered
