"""Values that hold until they change ("this feed is alive"), asked for at instants or averaged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcim.demo.noise import Floats, Ints

Span = tuple[int, int]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Steps:
    """`values[i]` holds from `starts[i]` (UTC ms) on; `values[0]` also before."""

    starts: Ints
    values: Floats

    def at(self, instants: Ints) -> Floats:
        places = np.searchsorted(self.starts, instants, side="right") - 1
        return self.values[np.maximum(places, 0)]

    def means(self, starts: Ints, length_ms: int) -> Floats:
        """The mean value over `[start, start + length_ms)` for each start."""
        if len(self.values) == 1:
            return np.full(len(starts), self.values[0])
        return (self._integral(starts + length_ms) - self._integral(starts)) / length_ms

    def _integral(self, instants: Ints) -> Floats:
        before = np.concatenate(([0.0], np.cumsum(np.diff(self.starts) * self.values[:-1])))
        places = np.maximum(np.searchsorted(self.starts, instants, side="right") - 1, 0)
        part: Floats = before[places] + (instants - self.starts[places]) * self.values[places]
        return part


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Sort half-open spans and join those that touch."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def inside(spans: Sequence[Span], instants: Ints) -> Bools:
    """Which instants lie in one of the (merged) spans."""
    if not spans:
        return np.zeros(len(instants), dtype=np.bool_)
    edges = np.array(spans, dtype=np.int64)
    places = np.searchsorted(edges[:, 0], instants, side="right") - 1
    found: Bools = (places >= 0) & (instants < edges[np.maximum(places, 0), 1])
    return found


def share_of_load(own_dead: Sequence[Span], other_dead: Sequence[Span], own_share: float) -> Steps:
    """What part of a dual-corded rack's load a feed carries: its share, all of it, or nothing."""
    edges = sorted({0, *(edge for span in (*own_dead, *other_dead) for edge in span)})
    starts = np.array(edges, dtype=np.int64)
    dead = inside(own_dead, starts)
    alone = inside(other_dead, starts)
    values = np.where(dead, 0.0, np.where(alone, 1.0, own_share))
    return Steps(starts, values.astype(np.float64))


def up_unless(down: Sequence[Span]) -> Steps:
    """1 while up, 0 within the (merged) spans."""
    return share_of_load(down, (), 1.0)
