"""Where samples are kept: hot rows and frames, day blocks under them, the newest of each series."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering.batch import Batch, Columns, Ints, Row, clip, overlay
from dcim.metering.blocks import pack_days, read_blocks, wait_for_block_lock
from dcim.metering.families import DAY_MS, Family, find_family
from dcim.metering.frame_store import (
    PortMemory,
    open_newest,
    read_frames,
    select_newest,
    write_frames,
    write_memories,
)
from dcim.metering.frames import FRAMED, Frame
from dcim.metering.maintenance import MaintenanceReport, close_and_expire, first_open_day
from dcim.metering.partitions import make_months

# A frame older than this is kept as rows: its day may be about to be closed, and its partition is
# dropped then. Days are closed when they are at least twice as old.
LATE_MS = DAY_MS // 2
# Series per round trip of a read: bounds memory at about 500 series x 31 days x 56 bytes x samples.
READ_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest sample of a series; `ts` in UTC epoch ms."""

    ts: int
    span_ms: int
    flags: int
    values: Mapping[str, int]


class SampleStore(Protocol):
    """No SQL on samples outside this package, so that another store can take its place."""

    def append(self, session: Session, family: str, batch: Batch | Iterable[Row]) -> int: ...

    def append_frames(
        self, session: Session, frames: Sequence[Frame], memories: Sequence[PortMemory], now_ms: int
    ) -> None: ...

    def read(
        self, session: Session, family: str, series_ids: Sequence[int], t0_ms: int, t1_ms: int
    ) -> Iterator[tuple[int, Columns]]: ...

    def latest(
        self, session: Session, family: str, series_ids: Sequence[int] | None = None
    ) -> dict[int, Latest]: ...

    def load_days(self, session: Session, batch: Batch, now_ms: int) -> int: ...

    def maintain(self, session: Session, now_ms: int) -> MaintenanceReport: ...


def array_literal(numbers: Ints) -> str:
    """A PostgreSQL array as text; much quicker than adapting each number."""
    return "{" + ",".join(map(str, numbers.tolist())) + "}"


class PostgresSampleStore:
    """Hot rows keyed (ts, series) and one block per series and UTC day."""

    def append(self, session: Session, family: str, batch: Batch | Iterable[Row]) -> int:
        """Write samples in the caller's transaction; again is the same as once. Returns how many.

        A sample with the key of an older one replaces it (a correction). `series_latest` follows,
        and never goes back in time.
        """
        samples = batch if isinstance(batch, Batch) else Batch.from_rows(family, batch)
        if samples.family.name != family:
            raise ValueError(f"a batch of {samples.family.name} isn't {family}")
        if not len(samples):
            return 0
        columns = samples.family.columns
        # In key order: two writers of the same rows wait for each other, never in a ring.
        rows = samples.matrix[:, np.lexsort((samples.matrix[0], samples.matrix[1]))]
        names = ("series_id", "ts", "span_ms", "flags", *columns)
        arrays = ", ".join(f"CAST(:{name} AS bigint[])" for name in names)
        replaced = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
        session.execute(
            text(
                f"INSERT INTO {samples.family.hot_table} ({', '.join(names)})"  # noqa: S608
                f" SELECT * FROM unnest({arrays})"
                f" ON CONFLICT (ts, series_id) DO UPDATE SET {replaced}"
            ),
            {name: array_literal(rows[place]) for place, name in enumerate(names)},
        )
        self._renew_latest(session, samples)
        return len(samples)

    def append_frames(
        self, session: Session, frames: Sequence[Frame], memories: Sequence[PortMemory], now_ms: int
    ) -> None:
        """Write polls of devices' ports, and what the next polls start from, in one transaction.

        Again is the same as once. `now_ms` is the clock's UTC time in ms.
        """
        write_frames(session, [frame for frame in frames if frame.ts_ms > now_ms - LATE_MS])
        for frame in frames:
            if frame.ts_ms <= now_ms - LATE_MS:
                for batch in frame.batches():
                    self.append(session, batch.family.name, batch)
        write_memories(session, memories)

    def _renew_latest(self, session: Session, samples: Batch) -> None:
        columns = samples.family.columns
        names = ("series_id", "ts", "span_ms", "flags", *columns)
        newest = samples.newest()
        arrays = ", ".join(f"CAST(:{name} AS bigint[])" for name in names)
        pairs = ", ".join(f"'{name}', n.{name}" for name in columns)
        session.execute(
            text(
                "INSERT INTO series_latest (series_id, ts, span_ms, flags, values)"  # noqa: S608
                f" SELECT n.series_id, n.ts, n.span_ms, n.flags, jsonb_build_object({pairs})"
                f" FROM unnest({arrays}) AS n ({', '.join(names)})"
                " ON CONFLICT (series_id) DO UPDATE SET ts = excluded.ts,"
                " span_ms = excluded.span_ms, flags = excluded.flags, values = excluded.values"
                " WHERE series_latest.ts <= excluded.ts"
            ),
            {name: array_literal(newest[place]) for place, name in enumerate(names)},
        )

    def read(
        self, session: Session, family: str, series_ids: Sequence[int], t0_ms: int, t1_ms: int
    ) -> Iterator[tuple[int, Columns]]:
        """Each series' samples with t0_ms <= ts < t1_ms, in the order asked.

        Hot rows lie over frames (a correction holds), both over blocks.

        Every series asked for is answered, with empty columns where nothing is known. Raises
        DamagedBlockError when a block's hash doesn't fit.
        """
        found = find_family(family)
        for at in range(0, len(series_ids), READ_CHUNK):
            chunk = list(series_ids[at : at + READ_CHUNK])
            # Hot first: a day that is closed between the two statements is then seen twice, which
            # the overlay makes one, instead of not at all.
            hot = read_hot(session, found, chunk, t0_ms, t1_ms)
            framed = read_frames(session, found, chunk, t0_ms, t1_ms)
            days = range(t0_ms // DAY_MS, (t1_ms - 1) // DAY_MS + 1)
            closed = read_blocks(session, found, chunk, days)
            for series_id in chunk:
                base = overlay(
                    found,
                    closed.get(series_id, empty(found)),
                    framed.get(series_id, empty(found)),
                )
                base = clip(found, base, t0_ms, t1_ms)
                yield series_id, overlay(found, base, hot.get(series_id, empty(found)))

    def latest(
        self, session: Session, family: str, series_ids: Sequence[int] | None = None
    ) -> dict[int, Latest]:
        """The newest sample by series; those never measured are left out. One statement."""
        found = find_family(family)
        some = series_ids is not None
        statement = (
            "SELECT l.series_id, l.ts, l.span_ms, l.flags, l.values, NULL::bytea AS newest,"  # noqa: S608
            " NULL::integer[] AS ids FROM series_latest l JOIN series s ON s.id = l.series_id"
            f" WHERE s.family = :family{' AND s.id = ANY(CAST(:ids AS bigint[]))' if some else ''}"
        )
        if family in FRAMED:
            framed = select_newest(found, some=some)
            statement += f" UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, f.* FROM ({framed}) f"  # noqa: S608
        parameters: dict[str, Any] = {"family": found.name}
        if series_ids is not None:
            parameters["ids"] = list(series_ids)
        newest: dict[int, Latest] = {}
        memories: list[tuple[bytes, list[int]]] = []
        for series_id, ts, span, flags, values, body, ids in session.execute(
            text(statement), parameters
        ):
            if series_id is None:
                memories.append((bytes(body), ids))
            else:
                newest[series_id] = Latest(ts, span, flags, values)
        wanted = None if series_ids is None else set(series_ids)
        for body, ids in memories:
            for series_id, ts, span, flags, numbers in open_newest(found, body, ids):
                if wanted is not None and series_id not in wanted:
                    continue
                # At the same instant a row is a correction of the frame.
                if series_id not in newest or newest[series_id].ts < ts:
                    named = dict(zip(found.columns, numbers, strict=True))
                    newest[series_id] = Latest(ts, span, flags, named)
        return newest

    def load_days(self, session: Session, batch: Batch, now_ms: int) -> int:
        """Write a back-fill: closed UTC days straight into blocks, younger samples as hot rows.

        In the caller's transaction; again is the same as once. Returns how many samples.
        """
        if not len(batch):
            return 0
        open_from = first_open_day(now_ms) * DAY_MS
        old = batch.matrix[1] < open_from
        closed, young = batch.take(old), batch.take(~old)
        if len(closed):
            wait_for_block_lock(session)
            days = closed.matrix[1] // DAY_MS
            make_months(session, range(int(days.min()), int(days.max()) + 1))
            pack_days(session, closed)
            self._renew_latest(session, closed)
        self.append(session, batch.family.name, young)
        return len(batch)

    def maintain(self, session: Session, now_ms: int) -> MaintenanceReport:
        """Close days two or more days old and drop what is past retention; safe to run twice.

        Commits on its own, chunk by chunk: give it a session without an open transaction.
        """
        return close_and_expire(session, now_ms)


def empty(family: Family) -> Columns:
    return Columns.from_matrix(family, np.empty((3 + len(family.columns), 0), dtype=np.int64))


def read_hot(
    session: Session, family: Family, series_ids: Sequence[int], t0_ms: int, t1_ms: int
) -> dict[int, Columns]:
    names = ("ts", "span_ms", "flags", *family.columns)
    # One byte string a series, joined by the server: no tuple is ever made here.
    packed = " || ".join(f"int8send({name})" for name in names)
    rows = session.execute(
        text(
            f"SELECT series_id, string_agg({packed}, ''::bytea ORDER BY ts)"  # noqa: S608
            f" FROM {family.hot_table} WHERE series_id = ANY(CAST(:ids AS integer[]))"
            " AND ts >= :t0 AND ts < :t1 GROUP BY series_id"
        ),
        {"ids": list(series_ids), "t0": t0_ms, "t1": t1_ms},
    )
    return {series_id: unpack_rows(family, body) for series_id, body in rows}


def unpack_rows(family: Family, body: bytes) -> Columns:
    width = 3 + len(family.columns)
    matrix = np.frombuffer(body, dtype=">i8").reshape(-1, width).T.astype(np.int64)
    return Columns.from_matrix(family, np.ascontiguousarray(matrix))


def write_counter_memory(session: Session, states: Mapping[int, Mapping[str, Any]]) -> None:
    """Keep the raw counters that the next deltas start from, in the samples' own transaction."""
    if not states:
        return
    session.execute(
        text(
            "INSERT INTO counter_memory (series_id, state)"
            " SELECT * FROM unnest(CAST(:ids AS integer[]), CAST(:states AS jsonb[]))"
            " ON CONFLICT (series_id) DO UPDATE SET state = excluded.state"
        ),
        {"ids": sorted(states), "states": [_json(states[key]) for key in sorted(states)]},
    )


def read_counter_memory(session: Session, series_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    rows = session.execute(
        text(
            "SELECT series_id, state FROM counter_memory"
            " WHERE series_id = ANY(CAST(:ids AS integer[]))"
        ),
        {"ids": list(series_ids)},
    )
    return {row.series_id: row.state for row in rows}


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
