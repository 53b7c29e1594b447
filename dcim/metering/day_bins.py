"""Pure: the bins of a UTC day as bytes to be kept, and back."""

import zlib
from collections.abc import Sequence

import numpy as np

from dcim.metering.bins import Bins
from dcim.metering.families import DAY_MS

_ROWS = 3


def pack_day(bins: Bins) -> bytes:
    """In octets, out octets and covered ms of each bin, little-endian 64 bits, compressed."""
    table = np.stack([bins.in_octets, bins.out_octets, bins.covered_ms])
    return zlib.compress(table.astype("<i8").tobytes())


def unpack_day(body: bytes, day_ms: int, interval_ms: int) -> Bins:
    """ValueError where it isn't a whole day of such bins."""
    try:
        table = np.frombuffer(zlib.decompress(body), dtype="<i8")
    except zlib.error as error:
        raise ValueError("the bins of a day are damaged") from error
    count = DAY_MS // interval_ms
    if table.size != _ROWS * count:
        raise ValueError(f"a day has {count} bins of {interval_ms} ms")
    return Bins(day_ms, interval_ms, *table.astype(np.int64).reshape(_ROWS, count))


def lay_days(days: Sequence[Bins], start: int, end: int, interval_ms: int) -> Bins:
    """Days in a row over [start, end), UTC ms on the grid; where no day is, nothing is covered."""
    if start % interval_ms or end % interval_ms or end < start:
        raise ValueError("a range of bins begins and ends on the grid of the interval")
    arrays = np.zeros((_ROWS, (end - start) // interval_ms), dtype=np.int64)
    for day in days:
        if day.interval_ms != interval_ms:
            raise ValueError("days of another interval")
        at = (day.first - start) // interval_ms
        low, high = max(at, 0), min(at + len(day), arrays.shape[1])
        if low < high:
            table = np.stack([day.in_octets, day.out_octets, day.covered_ms])
            arrays[:, low:high] = table[:, low - at : high - at]
    return Bins(start, interval_ms, *arrays)
