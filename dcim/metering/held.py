"""Pure: readings that hold for a while: the time they cover, and several meters added up."""

from collections.abc import Sequence

import numpy as np

from dcim.metering.batch import Columns


def cover_held(columns: Columns, name: str, holds_ms: int, end: int) -> Columns:
    """Each reading of `name` at the end of the time it holds, with that time as its span: until
    the next one, at most `holds_ms`, and not past `end`. As `find_gaps` wants them."""
    good = (columns.values[name] >= 0) & (columns.ts < end)
    ts = columns.ts[good]
    ends = np.minimum(np.minimum(np.append(ts[1:], end), ts + holds_ms), end)[: len(ts)]
    return Columns(ends, ends - ts, columns.flags[good], {name: columns.values[name][good]})


def add_held(meters: Sequence[Columns], name: str, holds_ms: int) -> Columns:
    """The sum of all meters' `name` at every instant at which one was read, where each of them
    holds a reading: what isn't known of one isn't known of the sum.

    Meters are read one after the other: while load moves from one to another within `holds_ms`
    their sum may be off.
    """
    read = [(meter.ts[meter.values[name] >= 0], meter) for meter in meters]
    ts = np.unique(np.concatenate([instants for instants, _meter in read]))
    total, known = np.zeros(len(ts), dtype=np.int64), np.ones(len(ts), dtype=bool)
    for instants, meter in read:
        if not len(instants):
            known[:] = False
            continue
        levels = meter.values[name][meter.values[name] >= 0]
        places = np.searchsorted(instants, ts, side="right") - 1
        last = np.maximum(places, 0)
        known &= (places >= 0) & (ts - instants[last] < holds_ms)
        total += levels[last]
    kept = ts[known]
    nothing = np.zeros(len(kept), dtype=np.int64)
    return Columns(kept, nothing, nothing, {name: total[known]})
