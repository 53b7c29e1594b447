"""Frames in PostgreSQL: layouts, the frames themselves, and what the next poll starts from."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering import narrow
from dcim.metering.batch import Columns, Ints
from dcim.metering.families import DISCARDS, NOT_REPORTED, STATE, TRAFFIC, Family
from dcim.metering.frames import FRAMED, LONGEST_POLL_MS, Frame, Layout, StoredFrame, open_frames
from dcim.metering.series_making import make_series


class Newest(IntEnum):
    """Rows of what is newest of each port: its index, its last sample of each family.

    A time of -1: there was none yet.
    """

    IF_INDEX = 0
    TRAFFIC_TS = 1
    SPAN_MS = 2
    FLAGS = 3
    IN_OCTETS = 4
    OUT_OCTETS = 5
    IN_ERRORS = 6
    OUT_ERRORS = 7
    STATE_TS = 8
    STATE = 9
    IN_DISCARDS = 10  # counted with the sample of traffic; NOT_REPORTED where it told none
    OUT_DISCARDS = 11


_NEWEST_VERSION = 2
# Those of version 1 were written before discards were kept.
_NEWEST_ROWS = {1: Newest.STATE + 1, _NEWEST_VERSION: len(Newest)}
# Where a family's newest sample stands: time, then span and flags where it has them, then values.
_NEWEST = {
    TRAFFIC.name: (
        Newest.TRAFFIC_TS,
        Newest.SPAN_MS,
        Newest.FLAGS,
        (Newest.IN_OCTETS, Newest.OUT_OCTETS, Newest.IN_ERRORS, Newest.OUT_ERRORS),
    ),
    STATE.name: (Newest.STATE_TS, None, None, (Newest.STATE,)),
    DISCARDS.name: (
        Newest.TRAFFIC_TS,
        Newest.SPAN_MS,
        Newest.FLAGS,
        (Newest.IN_DISCARDS, Newest.OUT_DISCARDS),
    ),
}


@dataclass(frozen=True, slots=True)
class PortMemory:
    """A device's ports as the last poll left them, committed with that poll's frame.

    `counters` are raw, in the poller's own rows; `newest` in those of `Newest`. Both have a column
    per port of the layout, and are packed: a worker remembers thousands of them. `clock` names the
    monotonic clock that the counters' times are of.
    """

    layout: Layout
    ts_ms: int
    clock: str
    counters: bytes
    newest: bytes

    @classmethod
    def pack(
        cls, layout: Layout, ts_ms: int, clock: str, counters: Ints, newest: Ints
    ) -> "PortMemory":
        kept = narrow.pack(newest, _NEWEST_VERSION)
        return cls(layout, ts_ms, clock, narrow.pack(counters), kept)

    def open_counters(self, rows: int) -> Ints:
        """`rows` is how many the poller's counters have. Raises narrow.DamagedFrameError."""
        return narrow.unpack(self.counters, {1: rows}, len(self.layout))

    def open_newest(self) -> Ints:
        """Raises narrow.DamagedFrameError."""
        return _unpack_newest(self.newest, len(self.layout))


def _unpack_newest(body: bytes, count: int) -> Ints:
    """As it is written now; rows that an older version didn't have tell nothing."""
    table = narrow.unpack(body, _NEWEST_ROWS, count)
    missing = np.full((len(Newest) - len(table), count), NOT_REPORTED, dtype=np.int64)
    return np.concatenate((table, missing)) if len(missing) else table


# -- layouts


def make_layouts(
    session: Session, wanted: Sequence[tuple[int, tuple[str, ...], Ints, Ints]]
) -> list[Layout]:
    """Layouts of (device_id, port names, which of them count octets, which count discards), with
    their series; each device once.

    Series that are missing are made. As many statements for one device as for many.
    """
    known = _find_series(session, [device_id for device_id, *_ in wanted])
    is_new = False
    for family, masks in (
        (TRAFFIC, [counted for _, _, counted, _ in wanted]),
        (DISCARDS, [dropped for *_, dropped in wanted]),
        (STATE, [np.ones(len(names), dtype=np.int64) for _, names, *_ in wanted]),
    ):
        missing = [
            (device_id, name)
            for (device_id, names, *_), mask in zip(wanted, masks, strict=True)
            for name, has in zip(names, mask.tolist(), strict=True)
            if has and (family.name, device_id, name) not in known
        ]
        if missing:
            is_new = True
            make_series(session, family, [one for one, _ in missing], [one for _, one in missing])
    if is_new:
        known = _find_series(session, [device_id for device_id, *_ in wanted])
    return _keep_layouts(session, [_lay_out(known, *each) for each in wanted])


def _find_series(session: Session, device_ids: Sequence[int]) -> dict[tuple[str, int, str], int]:
    """Ids by (family, device, slot)."""
    rows = session.execute(
        text(
            "SELECT family, device_id, slot, id FROM series"
            " WHERE device_id = ANY(CAST(:devices AS bigint[]))"
            " AND family IN ('traffic', 'state', 'discards')"
        ),
        {"devices": sorted(set(device_ids))},
    )
    return {(family, device_id, slot): series_id for family, device_id, slot, series_id in rows}


def _lay_out(
    known: Mapping[tuple[str, int, str], int],
    device_id: int,
    names: tuple[str, ...],
    counted: Ints,
    dropped: Ints,
) -> Layout:
    """As yet without an id."""
    traffic, discards = (
        [
            known[family.name, device_id, name] if has else 0
            for name, has in zip(names, mask.tolist(), strict=True)
        ]
        for family, mask in ((TRAFFIC, counted), (DISCARDS, dropped))
    )
    state = [known[STATE.name, device_id, name] for name in names]
    return Layout(0, device_id, names, np.array(traffic), np.array(state), np.array(discards))


def _digest(layout: Layout) -> bytes:
    digest = blake2b("\0".join(layout.names).encode(), digest_size=16)
    digest.update(np.array([layout.traffic_ids, layout.state_ids], dtype="<i8").tobytes())
    if layout.discard_ids.any():  # without, as before there were any: the layout there is stays
        digest.update(np.array(layout.discard_ids, dtype="<i8").tobytes())
    return digest.digest()


def _keep_layouts(session: Session, layouts: Sequence[Layout]) -> list[Layout]:
    """The same with their ids; in one statement, in the order of devices."""
    listed = sorted(layouts, key=lambda layout: layout.device_id)

    def arrays(name: str) -> list[str]:
        return [json.dumps(getattr(layout, name).tolist()) for layout in listed]

    def opened(name: str, kind: str) -> str:
        cast = f"CAST(v AS {kind})"
        return f"ARRAY(SELECT {cast} FROM json_array_elements_text(n.{name}) v)"  # noqa: S608

    rows = session.execute(
        text(
            "INSERT INTO frame_layout"  # noqa: S608
            " (device_id, digest, names, traffic_ids, state_ids, discard_ids)"
            f" SELECT n.device_id, n.digest, {opened('names', 'text')},"
            f" {opened('traffic', 'integer')}, {opened('state', 'integer')},"
            f" {opened('discards', 'integer')}"
            " FROM unnest(CAST(:devices AS bigint[]), CAST(:digests AS bytea[]),"
            " CAST(:names AS json[]), CAST(:traffic AS json[]), CAST(:state AS json[]),"
            " CAST(:discards AS json[])) AS n (device_id, digest, names, traffic, state, discards)"
            # Touched, not left alone: only then the row comes back.
            " ON CONFLICT (device_id, digest) DO UPDATE SET digest = excluded.digest"
            " RETURNING device_id, id"
        ),
        {
            "devices": [layout.device_id for layout in listed],
            "digests": [_digest(layout) for layout in listed],
            "names": [json.dumps(list(layout.names)) for layout in listed],
            "traffic": arrays("traffic_ids"),
            "state": arrays("state_ids"),
            "discards": arrays("discard_ids"),
        },
    )
    ids = {row.device_id: row.id for row in rows}
    return [replace(layout, id=ids[layout.device_id]) for layout in layouts]


def find_layouts(session: Session, layout_ids: Iterable[int]) -> dict[int, Layout]:
    rows = session.execute(
        text(
            "SELECT id, device_id, names, traffic_ids, state_ids, discard_ids FROM frame_layout"
            " WHERE id = ANY(CAST(:ids AS integer[]))"
        ),
        {"ids": sorted(set(layout_ids))},
    )
    return {
        layout_id: Layout(
            layout_id,
            device_id,
            _shared(tuple(names)),
            np.array(traffic, dtype=np.int64),
            np.array(state, dtype=np.int64),
            np.array(discards, dtype=np.int64),
        )
        for layout_id, device_id, names, traffic, state, discards in rows
    }


@lru_cache(maxsize=4_096)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same names as one object: devices of a kind have the same ports."""
    return names


# -- frames


def write_frames(session: Session, frames: Sequence[Frame]) -> None:
    """Write frames in the caller's transaction; of two of an instant the first one stays."""
    if not frames:
        return
    listed = sorted(frames, key=lambda frame: (frame.layout.device_id, frame.ts_ms))
    session.execute(
        text(
            "INSERT INTO port_frame (device_id, ts, layout_id, body)"
            " SELECT * FROM unnest(CAST(:devices AS bigint[]), CAST(:times AS bigint[]),"
            " CAST(:layouts AS integer[]), CAST(:bodies AS bytea[]))"
            " ON CONFLICT (device_id, ts) DO NOTHING"
        ),
        {
            "devices": [frame.layout.device_id for frame in listed],
            "times": [frame.ts_ms for frame in listed],
            "layouts": [frame.layout.id for frame in listed],
            "bodies": [frame.pack() for frame in listed],
        },
    )


def read_frames(
    session: Session, family: Family, series_ids: Sequence[int], t0_ms: int, t1_ms: int
) -> dict[int, Columns]:
    """Samples within [t0_ms, t1_ms) that are still kept as frames, by series."""
    if family.name not in FRAMED:
        return {}
    rows = session.execute(
        text(
            "SELECT device_id, ts, layout_id, body FROM port_frame WHERE device_id = ANY("
            " SELECT DISTINCT device_id FROM series WHERE id = ANY(CAST(:ids AS integer[])))"
            # A sample lies at its frame's time or a little behind it.
            " AND ts > :low AND ts < :high ORDER BY device_id, ts"
        ),
        {"ids": list(series_ids), "low": t0_ms - LONGEST_POLL_MS, "high": t1_ms},
    )
    devices: dict[int, list[StoredFrame]] = {}
    for device_id, ts, layout_id, body in rows:
        devices.setdefault(device_id, []).append(StoredFrame(layout_id, ts, bytes(body)))
    used = {frame.layout_id for frames in devices.values() for frame in frames}
    layouts = find_layouts(session, used)
    found: dict[int, Columns] = {}
    for frames in devices.values():
        found.update(open_frames(family, frames, layouts, series_ids))
    return found


def read_device_frames(
    session: Session, device_id: int, t0_ms: int, t1_ms: int
) -> tuple[list[StoredFrame], bool]:
    """A device's frames within [t0_ms, t1_ms), and whether there are older ones still. A query."""
    rows = session.execute(
        text(
            "SELECT ts, layout_id, body FROM port_frame"
            " WHERE device_id = :device AND ts >= :low AND ts < :high UNION ALL"
            " (SELECT ts, layout_id, NULL FROM port_frame WHERE device_id = :device AND ts < :low"
            " ORDER BY ts DESC LIMIT 1) ORDER BY ts"
        ),
        {"device": device_id, "low": t0_ms, "high": t1_ms},
    ).all()
    frames = [
        StoredFrame(layout_id, ts, bytes(body)) for ts, layout_id, body in rows if body is not None
    ]
    return frames, len(frames) < len(rows)


# -- what the next poll starts from


def write_memories(session: Session, memories: Sequence[PortMemory]) -> None:
    if not memories:
        return
    listed = sorted(memories, key=lambda memory: memory.layout.device_id)
    session.execute(
        text(
            "INSERT INTO port_memory (device_id, ts, layout_id, clock, counters, newest)"
            " SELECT * FROM unnest(CAST(:devices AS bigint[]), CAST(:times AS bigint[]),"
            " CAST(:layouts AS integer[]), CAST(:clocks AS text[]), CAST(:counters AS bytea[]),"
            " CAST(:newest AS bytea[]))"
            " ON CONFLICT (device_id) DO UPDATE SET ts = excluded.ts,"
            " layout_id = excluded.layout_id, clock = excluded.clock,"
            " counters = excluded.counters, newest = excluded.newest"
        ),
        {
            "devices": [memory.layout.device_id for memory in listed],
            "times": [memory.ts_ms for memory in listed],
            "layouts": [memory.layout.id for memory in listed],
            "clocks": [memory.clock for memory in listed],
            "counters": [memory.counters for memory in listed],
            "newest": [memory.newest for memory in listed],
        },
    )


def find_memory_times(session: Session, device_ids: Sequence[int]) -> dict[int, int]:
    """When each device's memory was written: whether what a worker remembers is still the last."""
    rows = session.execute(
        text(
            "SELECT device_id, ts FROM port_memory"
            " WHERE device_id = ANY(CAST(:devices AS bigint[]))"
        ),
        {"devices": list(device_ids)},
    )
    return {row.device_id: row.ts for row in rows}


def read_memories(session: Session, device_ids: Sequence[int], rows: int) -> dict[int, PortMemory]:
    """Memories by device; `rows` is how many the poller's counters have.

    One of another version is left out: a gap then, not a guess.
    """
    found = session.execute(
        text(
            "SELECT device_id, ts, layout_id, clock, counters, newest FROM port_memory"
            " WHERE device_id = ANY(CAST(:devices AS bigint[]))"
        ),
        {"devices": list(device_ids)},
    ).all()
    layouts = find_layouts(session, (row.layout_id for row in found))
    memories: dict[int, PortMemory] = {}
    for device_id, ts, layout_id, clock, counters, newest in found:
        memory = PortMemory(layouts[layout_id], ts, clock, bytes(counters), bytes(newest))
        try:
            memory.open_counters(rows)
            memory.open_newest()
        except narrow.DamagedFrameError:
            continue
        memories[device_id] = memory
    return memories


# Where a layout has a family's series.
_IDS = {TRAFFIC.name: "traffic_ids", STATE.name: "state_ids", DISCARDS.name: "discard_ids"}


def select_newest(family: Family, *, some: bool) -> str:
    """A query of (newest, ids) of each device: all there are, or of the series `:ids` is a list of.

    One row a device; `open_newest` says what is in it.
    """
    ids = _IDS[family.name]
    chosen = (
        " WHERE m.device_id = ANY(SELECT DISTINCT device_id FROM series"
        " WHERE id = ANY(CAST(:ids AS bigint[])))"
    )
    return (
        f"SELECT m.newest, l.{ids} AS ids"  # noqa: S608
        f" FROM port_memory m JOIN frame_layout l ON l.id = m.layout_id{chosen if some else ''}"
    )


def open_newest(
    family: Family, body: bytes, ids: Sequence[int]
) -> Iterator[tuple[int, int, int, int, list[int]]]:
    """(series_id, ts, span_ms, flags, values) of the newest samples that a memory holds.

    Where a port's newest sample of traffic came without discards, they are NOT_REPORTED.
    """
    time_row, span_row, flag_row, value_rows = _NEWEST[family.name]
    table = _unpack_newest(body, len(ids)).tolist()
    for column, series_id in enumerate(ids):
        if series_id and table[time_row][column] >= 0:
            yield (
                series_id,
                table[time_row][column],
                0 if span_row is None else table[span_row][column],
                0 if flag_row is None else table[flag_row][column],
                [table[row][column] for row in value_rows],
            )
