"""The nightly work on samples: close days into blocks, drop what is past retention."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering.batch import Columns
from dcim.metering.blocks import try_block_lock, write_blocks
from dcim.metering.families import DAY_MS, FAMILY_BY_NAME, Family

# A day closes two days after it began at the earliest: what arrives late is mostly there by then.
CLOSED_AFTER_DAYS = 2
# 36 months of 31 days: never shorter than the calendar's.
RETENTION_DAYS = 36 * 31
# Series closed in one transaction.
CLOSE_CHUNK = 200


@dataclass(slots=True)
class MaintenanceReport:
    blocks: int = 0
    samples: int = 0
    expired_blocks: int = 0
    # Another process is at it; this run left the rest to it.
    busy: bool = False


def first_open_day(now_ms: int) -> int:
    """The oldest UTC day that still lives in hot rows."""
    return now_ms // DAY_MS - CLOSED_AFTER_DAYS + 1


def close_and_expire(session: Session, now_ms: int) -> MaintenanceReport:
    report = MaintenanceReport()
    before_ms = first_open_day(now_ms) * DAY_MS
    for family in FAMILY_BY_NAME.values():
        after = 0
        while not report.busy:
            with session.begin():
                series_ids = _find_closable(session, family, after, before_ms)
                if series_ids:
                    _close_chunk(session, family, series_ids, before_ms, report)
            if len(series_ids) < CLOSE_CHUNK:
                break
            after = series_ids[-1]
    if not report.busy:
        with session.begin():
            _expire(session, now_ms, report)
    return report


def _find_closable(session: Session, family: Family, after: int, before_ms: int) -> list[int]:
    # Walks the series, not the samples: "which series have old rows" is one index probe each.
    rows = session.execute(
        text(
            "SELECT s.id FROM series s WHERE s.family = :family AND s.id > :after"  # noqa: S608
            f" AND EXISTS (SELECT FROM {family.hot_table} h WHERE h.series_id = s.id"
            " AND h.ts < :before) ORDER BY s.id LIMIT :limit"
        ),
        {"family": family.name, "after": after, "before": before_ms, "limit": CLOSE_CHUNK},
    )
    return list(rows.scalars())


def _close_chunk(
    session: Session,
    family: Family,
    series_ids: list[int],
    before_ms: int,
    report: MaintenanceReport,
) -> None:
    """Move rows into blocks in one transaction: a reader sees the rows or the block, never neither.

    DELETE … RETURNING takes exactly the rows it packs; one that is written meanwhile stays hot.
    """
    if not try_block_lock(session):
        report.busy = True
        return
    names = ("ts", "span_ms", "flags", *family.columns)
    packed = " || ".join(f"int8send({name})" for name in names)
    rows = session.execute(
        text(
            f"WITH gone AS (DELETE FROM {family.hot_table}"  # noqa: S608
            " WHERE series_id = ANY(CAST(:ids AS integer[])) AND ts < :before RETURNING *)"
            f" SELECT series_id, ts / {DAY_MS}, string_agg({packed}, ''::bytea ORDER BY ts)"
            " FROM gone GROUP BY 1, 2 ORDER BY 1, 2"
        ),
        {"ids": series_ids, "before": before_ms},
    )
    fresh: dict[tuple[int, int], Columns] = {}
    for series_id, day, body in rows:
        matrix = np.frombuffer(body, dtype=">i8").reshape(-1, len(names)).T
        fresh[series_id, day] = Columns.from_matrix(
            family, np.ascontiguousarray(matrix.astype(np.int64))
        )
        report.samples += matrix.shape[1]
    report.blocks += write_blocks(session, family, fresh)


def _expire(session: Session, now_ms: int, report: MaintenanceReport) -> None:
    oldest = now_ms // DAY_MS - RETENTION_DAYS
    gone = session.execute(
        text(
            "WITH gone AS (DELETE FROM sample_block WHERE day < :oldest RETURNING 1)"
            " SELECT count(*) FROM gone"
        ),
        {"oldest": oldest},
    )
    report.expired_blocks = gone.scalar_one()
