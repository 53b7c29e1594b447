"""Tables of integers in few bytes: each row as its least value and narrow distances from it.

A frame is written once a minute and read soon and often, so this is made to be quick: no
compression, and many bodies of one shape are opened in one go. All 64 bits survive.

Body: an octet that says by its version which rows there are; an octet per row, the width of its
distances (0: all values are alike); per row its least value in 8 octets, little-endian; then row by
row the distances in so many octets.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from dcim.metering.batch import Ints

# How many rows a table of each version has; rows are only ever added at the end.
Rows = Mapping[int, int]
_WIDTHS = frozenset(range(9))


class DamagedFrameError(RuntimeError):
    """A body doesn't carry what was once written to it."""


def pack(matrix: Ints, version: int = 1) -> bytes:
    """Pack a table of shape (rows, n), n of at least 1. The reader must know both."""
    rows, count = matrix.shape
    if not count:
        raise ValueError("nothing to pack")
    least = matrix.min(axis=1)
    unsigned = np.ascontiguousarray(matrix).view(np.uint64)
    distances = unsigned - least.view(np.uint64)[:, np.newaxis]  # modulo 2^64: never too large
    widths = [(top.bit_length() + 7) // 8 for top in distances.max(axis=1).tolist()]
    octets = distances.astype("<u8", copy=False).view(np.uint8).reshape(rows, count, 8)
    return b"".join(
        (
            bytes((version, *widths)),
            least.astype("<i8", copy=False).tobytes(),
            *(octets[row, :, :width].tobytes() for row, width in enumerate(widths) if width),
        )
    )


def count_rows(body: bytes, known: Rows) -> int:
    """Raises DamagedFrameError for a version that isn't known."""
    version = body[0] if body else 0
    if version not in known:
        raise DamagedFrameError(f"a frame of version {version} is not known to this program")
    return known[version]


def shape_key(body: bytes, known: Rows) -> bytes:
    """Bodies of the same count and key can be opened together."""
    return body[: 1 + known.get(body[0], 0)] if body else b""


def unpack(body: bytes, known: Rows, count: int) -> Ints:
    """Undo `pack`: shape (rows, count). Raises DamagedFrameError."""
    rows = count_rows(body, known)
    widths = body[1 : 1 + rows]
    _check([body], widths, rows, count)
    found = np.empty((rows, count), dtype=np.uint64)
    found[:] = np.frombuffer(body, "<u8", rows, 1 + rows)[:, np.newaxis]
    start, row = 1 + 9 * rows, 0
    for width, like in groupby(widths):  # rows of one width that follow one another, at once
        stop = row + sum(1 for _ in like)
        if width:
            octets = (stop - row) * count * width
            full = np.zeros((stop - row, count, 8), dtype=np.uint8)
            part = np.frombuffer(body, np.uint8, octets, start)
            full[:, :, :width] = part.reshape(stop - row, count, width)
            found[row:stop] += full.view("<u8")[:, :, 0]
            start += octets
        row = stop
    return found.view(np.int64)


def unpack_many(
    bodies: Sequence[bytes], wanted: Sequence[int], columns: Ints, known: Rows, count: int
) -> Ints:
    """Open bodies of one shape: (len(wanted), bodies, columns), only those rows and columns.

    Raises DamagedFrameError for what can't have been written by `pack`.
    """
    rows = count_rows(bodies[0], known)
    widths = bodies[0][1 : 1 + rows]
    octets = _check(bodies, widths, rows, count)
    raw = np.frombuffer(b"".join(bodies), dtype=np.uint8).reshape(len(bodies), octets)
    least = np.ascontiguousarray(raw[:, 1 + rows : 1 + 9 * rows]).view("<u8").astype(np.uint64)
    starts = 1 + 9 * rows + count * np.cumsum([0, *widths])
    found = np.empty((len(wanted), len(bodies), len(columns)), dtype=np.uint64)
    for place, row in enumerate(wanted):
        found[place] = least[:, row, np.newaxis]
        if width := widths[row]:
            part = raw[:, starts[row] : starts[row] + count * width]
            full = np.zeros((len(bodies), len(columns), 8), dtype=np.uint8)
            full[:, :, :width] = part.reshape(len(bodies), count, width)[:, columns]
            found[place] += full.view("<u8")[:, :, 0]
    return found.view(np.int64)


def _check(bodies: Sequence[bytes], widths: bytes, rows: int, count: int) -> int:
    """How many octets each of the bodies has; raises DamagedFrameError if one can't be."""
    octets = 1 + 9 * rows + sum(widths) * count
    if not _WIDTHS.issuperset(widths):
        raise DamagedFrameError("a frame has distances that no number has")
    if any(len(body) != octets for body in bodies):
        raise DamagedFrameError("a frame isn't as long as it says")
    return octets
