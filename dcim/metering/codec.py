"""A day of one series as bytes: columns of int64, sorted by byte, compressed, hashed."""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from dcim.metering.batch import Columns, Ints
from dcim.metering.families import DAY_MS, Family

# Columns of int64 lie as planes: all first bytes of a column, then all second bytes, and so on.
# Codec 1 (read, no longer written) is one stream of zlib over all planes, gaps between times first.
# Codec 2 sorts them, because deflate gains nothing on noise and is slow at it: the first sample's
# ms of the day (i64), then for each of three kinds one byte a row with a bit a plane: filled with
# one byte that isn't 0, noisy, packed; then the filled bytes, the noisy planes as they are, and
# the packed ones in one stream of zlib (level 1: more costs several times the time for little).
ZLIB_SHUFFLED, SORTED_PLANES = 1, 2
_LEVEL = 1
# Different bytes in a plane above which it counts as noise.
NOISE = 96
_FIRST = struct.Struct("<q")
_IDENTITY = struct.Struct("<4sBBiiI")
_MAGIC = b"JFB1"


@dataclass(frozen=True, slots=True)
class Block:
    """A stored block; its hash is kept beside it."""

    series_id: int
    day: int
    codec: int
    count: int
    body: bytes


class DamagedBlockError(RuntimeError):
    """A block doesn't carry what was once written to it."""


def encode_day(family: Family, day: int, columns: Columns) -> bytes:
    """Pack samples of UTC day `day` as SORTED_PLANES.

    Raises ValueError when one lies outside it or out of order.
    """
    matrix = columns.matrix()
    if matrix.shape[1] == 0:
        raise ValueError("a block has at least one sample")
    start = day * DAY_MS
    if matrix[0, 0] < start or matrix[0, -1] >= start + DAY_MS:
        raise ValueError("a sample lies outside the block's day")
    gaps = np.diff(matrix[0], prepend=start)
    if matrix.shape[1] > 1 and int(gaps[1:].min()) <= 0:
        raise ValueError("a block's samples are sorted, one per instant")
    first = int(gaps[0])
    # Kept apart, so that even steps make a plane that doesn't vary.
    gaps[0] = gaps[1] if len(gaps) > 1 else 0
    return _pack(first, np.concatenate([gaps[np.newaxis], matrix[1:]]))


def _pack(first: int, matrix: Ints) -> bytes:
    rows, count = matrix.shape
    little = np.ascontiguousarray(matrix, dtype="<i8")
    by_value = little.view(np.uint8).reshape(rows, count, 8)
    planes = np.ascontiguousarray(by_value.transpose(0, 2, 1)).reshape(rows * 8, count)
    varies = (planes != planes[:, :1]).any(axis=1)
    noisy = np.zeros(rows * 8, dtype=bool)
    for place in np.flatnonzero(varies):
        noisy[place] = np.count_nonzero(np.bincount(planes[place])) > min(NOISE, count // 2)
    filled, packed = ~varies & (planes[:, 0] != 0), varies & ~noisy
    stream = zlib.compress(planes[packed].tobytes(), _LEVEL) if packed.any() else b""
    # Unpacking takes longer than all else: not for less than an eighth of the block.
    if len(stream) > int(packed.sum()) * count - int(varies.sum()) * count // 8:
        noisy, packed, stream = varies, np.zeros_like(packed), b""
    parts = [_FIRST.pack(first)]
    parts += [np.packbits(kind, bitorder="little").tobytes() for kind in (filled, noisy, packed)]
    return b"".join([*parts, planes[filled, 0].tobytes(), planes[noisy].tobytes(), stream])


def decode_day(family: Family, block: Block) -> Columns:
    """Undo `encode_day`. Raises DamagedBlockError."""
    return decode_days(family, [block])


def decode_days(family: Family, blocks: Sequence[Block]) -> Columns:
    """One series' blocks, in order of their days, as one run of samples. Raises DamagedBlockError.

    Days that are sorted alike, nearly all of a month, are put in place together.
    """
    rows = 3 + len(family.columns)
    days = [_open(block, rows) for block in blocks]
    counts = np.array([day.size for day in days], dtype=np.int64)
    ends = np.cumsum(counts)
    matrix = np.empty((rows, int(ends[-1])), dtype="<i8")
    joined = matrix.view(np.uint8).reshape(rows, -1, 8)
    at = 0
    for (count, masks), alike in groupby(days, key=attrgetter("size", "masks")):
        some = list(alike)
        end = at + len(some) * count
        filled, *kinds = _read_masks(masks)
        matrix[:, at:end] = _fill(rows, filled, [day.filled for day in some], count)
        for kind, places in zip(("noisy", "packed"), kinds, strict=True):
            raw = b"".join(map(attrgetter(kind), some))
            planes = np.frombuffer(raw, dtype=np.uint8).reshape(len(some), len(places), count)
            for number, (row, byte) in enumerate(places):
                joined[row, at:end, byte] = planes[:, number].reshape(-1)
        at = end
    matrix = matrix.astype(np.int64, copy=False)
    # Gaps to times: the first of each day counts from the day's start.
    starts = ends - counts
    matrix[0, starts] = [day.first for day in days]
    times = np.cumsum(matrix[0])
    midnights = np.array([block.day for block in blocks], dtype=np.int64) * DAY_MS
    matrix[0] = times + np.repeat(midnights + matrix[0, starts] - times[starts], counts)
    return Columns.from_matrix(family, matrix)


def _fill(rows: int, places: "_Places", values: list[bytes], count: int) -> Ints:
    """What a run of days has in the planes that don't vary: (rows, 1), or a value a sample."""
    alike = values.count(values[0]) == len(values)
    base = np.zeros((rows, 1 if alike else len(values), 8), dtype=np.uint8)
    for number, (row, byte) in enumerate(places):
        base[row, :, byte] = values[0][number] if alike else [day[number] for day in values]
    whole = base.view("<i8")[:, :, 0]
    return whole if alike else np.repeat(whole, count, axis=1)


class _Day(NamedTuple):
    """A block taken apart: `size` in samples, `first` in ms of the day, `masks` of the kinds."""

    size: int
    masks: bytes
    first: int
    filled: bytes
    noisy: bytes
    packed: bytes


def _open(block: Block, rows: int) -> _Day:
    """Check the form of a block. Raises DamagedBlockError."""
    if block.count <= 0:
        raise DamagedBlockError("a block holds another number of samples than it says")
    if block.codec == SORTED_PLANES:
        return _open_planes(block, rows)
    if block.codec == ZLIB_SHUFFLED:
        raw = _inflate(block.body, rows * 8 * block.count)
        first = int.from_bytes(raw[: 8 * block.count : block.count], "little", signed=True)
        return _Day(block.count, bytes(2 * rows) + b"\xff" * rows, first, b"", b"", raw)
    raise DamagedBlockError(f"codec {block.codec} is not known to this version")


def _open_planes(block: Block, rows: int) -> _Day:
    body, count = block.body, block.count
    head = _FIRST.size + 3 * rows
    if len(body) < head:
        raise DamagedBlockError("a block is cut off")
    masks = body[_FIRST.size : head]
    filled, noisy, packed = _read_masks(masks)
    middle = head + len(filled)
    end = middle + len(noisy) * count
    if len(body) < end or (not packed and len(body) > end):
        raise DamagedBlockError("a block holds another number of samples than it says")
    return _Day(
        count,
        masks,
        _FIRST.unpack_from(body)[0],
        body[head:middle],
        body[middle:end],
        _inflate(body[end:], len(packed) * count) if packed else b"",
    )


_Places = tuple[tuple[int, int], ...]


@lru_cache(maxsize=4096)
def _read_masks(masks: bytes) -> tuple[_Places, _Places, _Places]:
    """(row, byte) of each bit set, for each of the three kinds."""
    rows = len(masks) // 3
    filled, noisy, packed = (
        tuple((row, byte) for row in range(rows) for byte in range(8) if kind[row] >> byte & 1)
        for kind in (masks[:rows], masks[rows : 2 * rows], masks[2 * rows :])
    )
    return filled, noisy, packed


def _inflate(body: bytes, expected: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(body, expected + 1)
    except zlib.error as error:
        raise DamagedBlockError("a block can't be unpacked") from error
    if len(raw) != expected:
        raise DamagedBlockError("a block holds another number of samples than it says")
    return raw


def hash_block(family: Family, block: Block) -> bytes:
    """SHA-256 over identity and body: a block moved to another series or day doesn't fit either."""
    identity = _IDENTITY.pack(
        _MAGIC, family.number, block.codec, block.series_id, block.day, block.count
    )
    digest = hashlib.sha256(identity)
    digest.update(block.body)
    return digest.digest()
