"""A day of one series as bytes: columns of int64, byte-shuffled, compressed, hashed."""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import numpy as np

from dcim.metering.batch import Columns, Ints
from dcim.metering.families import DAY_MS, Family

# zlib level 1 over shuffled bytes: levels above cost several times the time for some per cent.
ZLIB_SHUFFLED = 1
_LEVEL = 1
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


def _shuffle(matrix: Ints) -> bytes:
    """All first bytes, then all second bytes …: neighbours of like size compress well."""
    little = np.ascontiguousarray(matrix, dtype="<i8")
    planes = little.view(np.uint8).reshape(matrix.shape[0], matrix.shape[1], 8)
    return np.ascontiguousarray(planes.transpose(0, 2, 1)).tobytes()


def encode_day(family: Family, day: int, columns: Columns) -> bytes:
    """Pack samples of UTC day `day`. Raises ValueError when one lies outside it or out of order."""
    matrix = columns.matrix()
    if matrix.shape[1] == 0:
        raise ValueError("a block has at least one sample")
    start = day * DAY_MS
    if matrix[0, 0] < start or matrix[0, -1] >= start + DAY_MS:
        raise ValueError("a sample lies outside the block's day")
    gaps = np.diff(matrix[0], prepend=start)
    if matrix.shape[1] > 1 and int(gaps[1:].min()) <= 0:
        raise ValueError("a block's samples are sorted, one per instant")
    return zlib.compress(_shuffle(np.concatenate([gaps[np.newaxis], matrix[1:]])), _LEVEL)


def decode_day(family: Family, block: Block) -> Columns:
    """Undo `encode_day`. Raises DamagedBlockError."""
    return decode_days(family, [block])


def decode_days(family: Family, blocks: Sequence[Block]) -> Columns:
    """One series' blocks, in order of their days, as one run of samples. Raises DamagedBlockError.

    Days of equal count, nearly all of a month, are put together at once.
    """
    rows = 3 + len(family.columns)
    counts = [block.count for block in blocks]
    joined = np.zeros((rows, sum(counts), 8), dtype=np.uint8)
    at = 0
    for count, alike in groupby(blocks, key=attrgetter("count")):
        raw = [_inflate(block, rows) for block in alike]
        planes = np.frombuffer(b"".join(raw), dtype=np.uint8).reshape(len(raw), rows, 8, count)
        end = at + len(raw) * count
        # Most high bytes are 0 all month: those planes stay as they are.
        used = np.bitwise_or.reduce(planes, axis=0).any(axis=2)
        for row, byte in np.argwhere(used).tolist():
            joined[row, at:end, byte] = planes[:, row, byte].reshape(-1)
        at = end
    matrix = joined.view("<i8").reshape(rows, at).astype(np.int64, copy=False)
    # Gaps to times: the first of each day counts from the day's start.
    times = np.cumsum(matrix[0])
    before = np.cumsum([0, *counts[:-1]]) - 1
    reached = np.where(before < 0, 0, times[before])
    starts = np.array([block.day for block in blocks], dtype=np.int64) * DAY_MS
    matrix[0] = times + np.repeat(starts - reached, counts)
    return Columns.from_matrix(family, matrix)


def _inflate(block: Block, rows: int) -> bytes:
    if block.codec != ZLIB_SHUFFLED:
        raise DamagedBlockError(f"codec {block.codec} is not known to this version")
    expected = rows * block.count * 8
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(block.body, expected + 1)
    except zlib.error as error:
        raise DamagedBlockError("a block can't be unpacked") from error
    if len(raw) != expected or expected == 0:
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
