"""The nightly work on samples: close days into blocks, drop what is past retention."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering.batch import Columns
from dcim.metering.blocks import try_block_lock, write_blocks
from dcim.metering.families import DAY_MS, FAMILY_BY_NAME, Family
from dcim.metering.frame_store import find_layouts
from dcim.metering.frames import FRAMED, StoredFrame, open_frames
from dcim.metering.partitions import (
    BLOCKS_AHEAD,
    drop_day,
    drop_months,
    list_days,
    list_unsettled,
    make_days,
    make_months,
)

# A day closes two days after it began at the earliest: what arrives late is mostly there by then.
CLOSED_AFTER_DAYS = 2
# 36 months of 31 days: never shorter than the calendar's.
RETENTION_DAYS = 36 * 31
# Series closed in one transaction.
CLOSE_CHUNK = 200
# Devices whose frames of a day are closed in one transaction: 1,440 frames of up to some kB each.
FRAME_CHUNK = 10


@dataclass(slots=True)
class MaintenanceReport:
    blocks: int = 0
    samples: int = 0
    # Partitions of blocks that were dropped: a month each.
    expired_months: int = 0
    # Another process is at it; this run left the rest to it.
    busy: bool = False


def first_open_day(now_ms: int) -> int:
    """The oldest UTC day that still lives in hot rows."""
    return now_ms // DAY_MS - CLOSED_AFTER_DAYS + 1


def close_and_expire(session: Session, now_ms: int) -> MaintenanceReport:
    report = MaintenanceReport()
    before_ms = first_open_day(now_ms) * DAY_MS
    with session.begin():
        make_days(session, now_ms // DAY_MS)
    with session.begin():
        _make_months(session, now_ms // DAY_MS, report)
    _close_frames(session, now_ms, report)
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
        _settle(session, report)
    return report


def _make_months(session: Session, today: int, report: MaintenanceReport) -> None:
    if not try_block_lock(session):
        report.busy = True
        return
    # Back too, for an instance that is new, or that nobody ran for weeks.
    make_months(session, range(today - 31, today + BLOCKS_AHEAD))


def _close_frames(session: Session, now_ms: int, report: MaintenanceReport) -> None:
    """Move the frames of old days into blocks, device by device, then drop the day's partition.

    How far a day is closed is committed with its blocks, so a run that was killed is gone on with.
    """
    first_open = first_open_day(now_ms)
    with session.begin():
        days = [day for day in list_days(session, first_open) if day < first_open]
    for day in days:
        while not report.busy:
            with session.begin():
                device_ids = _find_closable_devices(session, day)
                if device_ids:
                    _close_devices(session, day, device_ids, report)
            if len(device_ids) < FRAME_CHUNK:
                break
        if report.busy:
            return
        with session.begin():
            drop_day(session, day)


def _find_closable_devices(session: Session, day: int) -> list[int]:
    rows = session.execute(
        text(
            "SELECT d.id FROM device d WHERE d.id > coalesce("
            "(SELECT device_id FROM frame_closing WHERE day = :day), 0)"
            " AND EXISTS (SELECT FROM port_frame f WHERE f.device_id = d.id"
            " AND f.ts >= :low AND f.ts < :high) ORDER BY d.id LIMIT :limit"
        ),
        {"day": day, "low": day * DAY_MS, "high": (day + 1) * DAY_MS, "limit": FRAME_CHUNK},
    )
    return list(rows.scalars())


def _close_devices(
    session: Session, day: int, device_ids: Sequence[int], report: MaintenanceReport
) -> None:
    if not try_block_lock(session):
        report.busy = True
        return
    rows = session.execute(
        text(
            "SELECT device_id, ts, layout_id, body FROM port_frame"
            " WHERE device_id = ANY(CAST(:devices AS bigint[])) AND ts >= :low AND ts < :high"
            " ORDER BY device_id, ts"
        ),
        {"devices": list(device_ids), "low": day * DAY_MS, "high": (day + 1) * DAY_MS},
    )
    frames: dict[int, list[StoredFrame]] = {}
    for device_id, ts, layout_id, body in rows:
        frames.setdefault(device_id, []).append(StoredFrame(layout_id, ts, bytes(body)))
    layouts = find_layouts(session, {each.layout_id for kept in frames.values() for each in kept})
    for family in FRAMED.values():
        fresh: dict[tuple[int, int], Columns] = {}
        for kept in frames.values():
            for series_id, columns in open_frames(family, kept, layouts).items():
                report.samples += len(columns)
                for part in _split_days(family, columns):
                    fresh[series_id, int(part.ts[0]) // DAY_MS] = part
        report.blocks += write_blocks(session, family, fresh)
    session.execute(
        text(
            "INSERT INTO frame_closing (day, device_id) VALUES (:day, :device)"
            " ON CONFLICT (day) DO UPDATE SET device_id = excluded.device_id"
        ),
        {"day": day, "device": max(device_ids)},
    )


def _split_days(family: Family, columns: Columns) -> list[Columns]:
    """By UTC day: a frame from just before midnight has ports that answered after it."""
    ends = np.flatnonzero(np.diff(columns.ts // DAY_MS)) + 1
    return [
        Columns.from_matrix(family, np.ascontiguousarray(part))
        for part in np.split(columns.matrix(), ends, axis=1)
        if part.shape[1]
    ]


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
    """Drop months that are past retention whole, so a block is kept up to 31 days longer."""
    oldest = now_ms // DAY_MS - RETENTION_DAYS
    report.expired_months = drop_months(session, oldest)
    # Too old ever to get a month of their own.
    session.execute(text("DELETE FROM sample_block_rest WHERE day < :oldest"), {"oldest": oldest})


def _settle(session: Session, report: MaintenanceReport) -> None:
    """Move blocks that came for months without a partition into one, a month a transaction."""
    with session.begin():
        days = list_unsettled(session)
    for day in days:
        with session.begin():
            if not try_block_lock(session):
                report.busy = True
                return
            make_months(session, range(day, day + 1), move=True)
