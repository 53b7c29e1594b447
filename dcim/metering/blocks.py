"""Day blocks in PostgreSQL: read and verified, written, merged with what came late."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering.batch import Batch, Columns, overlay
from dcim.metering.codec import (
    SORTED_PLANES,
    Block,
    DamagedBlockError,
    decode_day,
    decode_days,
    encode_day,
    hash_block,
)
from dcim.metering.discards import fold_quiet
from dcim.metering.families import DAY_MS, DISCARDS, Family

# Whoever writes blocks holds it for the transaction: two merges of one day can't lose each other.
BLOCK_LOCK = 7_410_002


def wait_for_block_lock(session: Session) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": BLOCK_LOCK})


def try_block_lock(session: Session) -> bool:
    return bool(
        session.execute(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": BLOCK_LOCK}
        ).scalar_one()
    )


def read_blocks(
    session: Session, family: Family, series_ids: Sequence[int], days: range
) -> dict[int, Columns]:
    """Each series' samples of those UTC days, in order. Raises DamagedBlockError."""
    driver = session.connection().connection.driver_connection
    # Binary: as text a body would come in hex, twice the bytes, to be read digit by digit. One row
    # a series: the many small ones of the table would cost more than what is in them.
    with driver.cursor(binary=True) as cursor:  # type: ignore[union-attr]
        cursor.execute(
            "SELECT series_id, array_agg(day ORDER BY day), array_agg(codec ORDER BY day),"
            " array_agg(count ORDER BY day), array_agg(sha256 ORDER BY day),"
            " array_agg(length(body) ORDER BY day), string_agg(body, ''::bytea ORDER BY day)"
            " FROM sample_block WHERE series_id = ANY(%s::integer[]) AND day >= %s AND day < %s"
            " GROUP BY series_id",
            (list(series_ids), days.start, days.stop),
        )
        rows = cursor.fetchall()
    found: dict[int, Columns] = {}
    for series_id, *columns, sizes, whole in rows:
        ends = list(accumulate(sizes))
        blocks = [
            check_block(
                family, Block(series_id, day, codec, count, whole[end - size : end]), sha256
            )
            for day, codec, count, sha256, size, end in zip(*columns, sizes, ends, strict=True)
        ]
        found[series_id] = decode_days(family, blocks)
    return found


def check_block(family: Family, block: Block, sha256: bytes) -> Block:
    """The same block. Raises DamagedBlockError."""
    if hash_block(family, block) != sha256:
        raise DamagedBlockError(
            f"the {family.name} block of series {block.series_id}, day {block.day}, doesn't fit its"
            " SHA-256: restore it from a backup"
        )
    return block


def open_block(family: Family, block: Block, sha256: bytes) -> Columns:
    """Check and unpack. Raises DamagedBlockError."""
    return decode_day(family, check_block(family, block, sha256))


def pack_days(session: Session, batch: Batch) -> int:
    """Write or merge the blocks of a batch's series and days. Needs the block lock.

    Returns how many blocks were written; one that would say the same again is left alone.
    """
    family, matrix = batch.family, batch.matrix
    days = matrix[1] // DAY_MS
    starts = np.flatnonzero(np.append(True, (np.diff(matrix[0]) != 0) | (np.diff(days) != 0)))
    fresh: dict[tuple[int, int], Columns] = {}
    for low, high in zip(starts, [*starts[1:], matrix.shape[1]], strict=True):
        key = (int(matrix[0, low]), int(days[low]))
        fresh[key] = Columns.from_matrix(family, matrix[1:, low:high])
    return write_blocks(session, family, fresh)


def write_blocks(session: Session, family: Family, fresh: Mapping[tuple[int, int], Columns]) -> int:
    """Merge samples by (series, day) into the blocks there are; the new sample holds."""
    old = _read_for_merge(session, family, fresh)
    rows: list[dict[str, Any]] = []
    for (series_id, day), columns in fresh.items():
        merged, revision, before = columns, 1, old.get((series_id, day))
        if before:
            merged = overlay(family, before[0], columns)
            revision = before[1] + 1
        if family is DISCARDS:
            merged = fold_quiet(merged)
        if before and np.array_equal(merged.matrix(), before[0].matrix()):
            continue
        body = encode_day(family, day, merged)
        block = Block(series_id, day, SORTED_PLANES, len(merged), body)
        rows.append(
            {
                "series_id": series_id,
                "day": day,
                "count": len(merged),
                "first_ms": int(merged.ts[0]),
                "last_ms": int(merged.ts[-1]),
                "codec": SORTED_PLANES,
                "revision": revision,
                "sha256": hash_block(family, block),
                "body": body,
            }
        )
    if rows:
        names = list(rows[0])
        replaced = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
        session.execute(
            text(
                f"INSERT INTO sample_block ({', '.join(names)})"  # noqa: S608
                f" VALUES ({', '.join(':' + name for name in names)})"
                f" ON CONFLICT (series_id, day) DO UPDATE SET {replaced}"
            ),
            rows,
        )
    return len(rows)


def _read_for_merge(
    session: Session, family: Family, keys: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], tuple[Columns, int]]:
    pairs = sorted(keys)
    days = [day for _, day in pairs]
    rows = session.execute(
        text(
            "SELECT b.series_id, b.day, b.codec, b.count, b.sha256, b.body, b.revision"
            " FROM unnest(CAST(:ids AS integer[]), CAST(:days AS integer[])) AS k (series_id, day)"
            " JOIN sample_block b ON b.series_id = k.series_id AND b.day = k.day"
            # Said once more, so that only months in question are looked at.
            " AND b.day BETWEEN :first AND :last"
        ),
        {
            "ids": [series_id for series_id, _ in pairs],
            "days": days,
            "first": min(days, default=0),
            "last": max(days, default=0),
        },
    )
    return {
        (series_id, day): (
            open_block(family, Block(series_id, day, codec, count, bytes(body)), bytes(sha256)),
            revision,
        )
        for series_id, day, codec, count, sha256, body, revision in rows
    }
