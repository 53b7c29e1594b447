"""A day of one series as bytes: columns of int64, byte-shuffled, compressed, hashed."""

import hashlib
import struct
import zlib
from dataclasses import dataclass

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


def _unshuffle(raw: bytes, rows: int, count: int) -> Ints:
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(rows, 8, count)
    joined = np.ascontiguousarray(planes.transpose(0, 2, 1)).view("<i8")
    return joined.reshape(rows, count).astype(np.int64)


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
    if block.codec != ZLIB_SHUFFLED:
        raise DamagedBlockError(f"codec {block.codec} is not known to this version")
    rows = 3 + len(family.columns)
    expected = rows * block.count * 8
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(block.body, expected + 1)
    except zlib.error as error:
        raise DamagedBlockError("a block can't be unpacked") from error
    if len(raw) != expected or expected == 0:
        raise DamagedBlockError("a block holds another number of samples than it says")
    matrix = _unshuffle(raw, rows, block.count)
    matrix[0] = np.cumsum(matrix[0]) + block.day * DAY_MS
    return Columns.from_matrix(family, matrix)


def hash_block(family: Family, block: Block) -> bytes:
    """SHA-256 over identity and body: a block moved to another series or day doesn't fit either."""
    identity = _IDENTITY.pack(
        _MAGIC, family.number, block.codec, block.series_id, block.day, block.count
    )
    return hashlib.sha256(identity + block.body).digest()
