"""A port's traffic over any stretch as lines that fit on a screen: read block by block, reduced as
it comes, so that three years of minutes need no more memory than a month of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from sqlalchemy.orm import Session

from dcim.metering.batch import Columns, overlay
from dcim.metering.bindings import PortBinding
from dcim.metering.bins import Bins, fill_bins
from dcim.metering.discards import QUIET_MS, cut_quiet
from dcim.metering.downsampling import (
    Floats,
    Rates,
    Span,
    bucket_discards,
    bucket_rates,
    find_gaps,
)
from dcim.metering.families import DAY_MS, DISCARDS, TRAFFIC
from dcim.metering.store import PostgresSampleStore, SampleStore, empty

# At most so much is held at once.
BLOCK_MS = 31 * DAY_MS
# A sample received so much later may still cover the end of a block.
MARGIN_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Cut:
    """What a percentile discards in [start, end) UTC ms: bins of `line` (in, out, higher, sum or
    mean of both) above `bps`, of those covered to `min_cover` percent."""

    start: int
    end: int
    interval_ms: int
    min_cover: Decimal
    line: str
    bps: int


@dataclass(frozen=True, slots=True)
class PortLine:
    """Steps over [first, ...) of both directions; `gaps` and `discarded` are UTC ms, in order.

    `sums` adds up what the samples say, by column; `samples` is how many there were. `dropped` has
    packets per second (in, out), `told_discards` those columns of them of which anything is known.
    """

    inward: Rates
    outward: Rates
    gaps: list[Span]
    discarded: list[Span]
    sums: dict[str, int]
    samples: int
    dropped: tuple[Rates, Rates]
    told_discards: frozenset[str]


def read_line(
    session: Session,
    bindings: Sequence[PortBinding],
    start: int,
    end: int,
    step_ms: int,
    *,
    until: int,
    longest_gap_ms: int,
    cuts: Sequence[Cut] = (),
    store: SampleStore | None = None,
) -> PortLine:
    """The samples of a port's `bindings`, to traffic and discards, in steps over [start, end),
    whole steps.

    `until` is how far there can be samples: what lies behind is no gap. Gaps of at most
    `longest_gap_ms` aren't told. The number of queries grows with the blocks, not the samples.
    """
    store = store or PostgresSampleStore()
    parts: list[tuple[Rates, ...]] = []
    gaps: list[Span] = []
    discarded: list[Span] = []
    sums = dict.fromkeys((*TRAFFIC.columns, *DISCARDS.columns), 0)
    samples = 0
    told: set[str] = set()
    for low, high in _blocks(start, end, step_ms):
        columns = _read(session, store, bindings, low, high + MARGIN_MS)
        dropped = read_discards(session, store, bindings, low, high)
        parts.append(
            (
                *(bucket_rates(columns, way, low, high, step_ms) for way in ("in", "out")),
                *(bucket_discards(dropped, way, low, high, step_ms) for way in ("in", "out")),
            )
        )
        if low < min(high, until):
            _extend(gaps, find_gaps(columns, low, min(high, until), 0))
        for cut in cuts:
            _extend(discarded, _find_discarded(columns, cut, low, high))
        inside = columns.ts < high
        samples += int(inside.sum())
        for name, values in columns.values.items():
            sums[name] += int(values[inside & (values > 0)].sum())
        for name, values in dropped.values.items():
            sums[name] += int(values[values > 0].sum())
            told |= {name} if np.any(values >= 0) else set()
    inward, outward, dropped_in, dropped_out = (
        _join([part[way] for part in parts]) for way in range(4)
    )
    return PortLine(
        inward,
        outward,
        [(low, high) for low, high in gaps if high - low > longest_gap_ms],
        discarded,
        sums,
        samples,
        (dropped_in, dropped_out),
        frozenset(told),
    )


def read_discards(
    session: Session, store: SampleStore, bindings: Sequence[PortBinding], start: int, end: int
) -> Columns:
    """What a port dropped in [start, end), by its `bindings` to discards among others."""
    found = empty(DISCARDS)
    for one in bindings:
        first, last = max(start, one.start), min(end, one.end)
        if one.family == DISCARDS.name and first < last:
            ((_same, columns),) = store.read(
                session, DISCARDS.name, [one.series_id], first, last + QUIET_MS
            )
            # What the series was quiet about before it measured the port is another's.
            found = overlay(DISCARDS, found, cut_quiet(columns, first, last, since=one.start))
    return found


def _blocks(start: int, end: int, step_ms: int) -> Iterator[Span]:
    size = max(BLOCK_MS // step_ms, 1) * step_ms
    for low in range(start, end, size):
        yield low, min(low + size, end)


def _read(
    session: Session, store: SampleStore, bindings: Sequence[PortBinding], low: int, high: int
) -> Columns:
    found = empty(TRAFFIC)
    for one in bindings:
        first, last = max(low, one.start), min(high, one.end)
        if one.family == TRAFFIC.name and first < last:
            ((_same, columns),) = store.read(session, TRAFFIC.name, [one.series_id], first, last)
            found = overlay(TRAFFIC, found, columns)
    return found


def _find_discarded(columns: Columns, cut: Cut, low: int, high: int) -> list[Span]:
    """Of the bins that begin in [low, high)."""
    interval = cut.interval_ms
    first = -(-max(low, cut.start) // interval) * interval
    last = -(-min(high, cut.end) // interval) * interval
    if first >= last:
        return []
    octets = [columns.values[name] for name in ("in_octets", "out_octets")]
    good = (columns.span_ms > 0) & (octets[0] >= 0) & (octets[1] >= 0)
    rows = np.stack([columns.ts, columns.span_ms, *octets])[:, good].T
    bins = fill_bins(rows, first, last, interval)
    above = (_rates_of(bins, cut.line) > cut.bps) & bins.present(cut.min_cover)
    return [
        (first + place * interval, first + (place + 1) * interval)
        for place in np.flatnonzero(above).tolist()
    ]


def _rates_of(bins: Bins, line: str) -> Floats:
    inward, outward = bins.rates()
    of: dict[str, Floats] = {
        "in": inward.astype(np.float64),
        "out": outward.astype(np.float64),
        "higher": np.maximum(inward, outward).astype(np.float64),
        "sum": (inward + outward).astype(np.float64),
        "mean": (inward + outward) / 2,
    }
    return of[line]


def _extend(spans: list[Span], more: Sequence[Span]) -> None:
    """Add spans in order; those that touch become one."""
    for low, high in more:
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(high, spans[-1][1]))
        else:
            spans.append((low, high))


def _join(parts: Sequence[Rates]) -> Rates:
    def column(name: str) -> Floats:
        return np.concatenate([getattr(part, name) for part in parts])

    first = parts[0]
    return Rates(
        first.first, first.step_ms, column("mean"), column("low"), column("middle"), column("high")
    )
