"""Frames in PostgreSQL: written, read under corrections, closed into blocks, dropped by the day."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.inventory.models import Device
from dcim.metering import maintenance, narrow, partitions
from dcim.metering.batch import Columns
from dcim.metering.bindings import bind_ports
from dcim.metering.codec import SORTED_PLANES, Block, encode_day, hash_block
from dcim.metering.families import DAY_MS, TRAFFIC
from dcim.metering.frame_store import (
    Newest,
    PortMemory,
    find_memory_times,
    make_layouts,
    read_memories,
)
from dcim.metering.frames import NO_STATE, Frame, Layout, Place
from dcim.metering.models import Series
from dcim.metering.store import LATE_MS, PostgresSampleStore
from dcim.network.models import Port
from tests.integration.metering.conftest import MakeSeries

STORE = PostgresSampleStore()
DAY = 20_400
T0 = DAY * DAY_MS
MINUTE = 60_000


@pytest.fixture
def layouts(session: ScopedSession, make_series: MakeSeries) -> list[Layout]:
    """Two switches of three ports; the last port of each counts nothing."""
    for device in ("sw-1", "sw-2"):
        make_series("climate", device=device)
    with session.begin():
        for day in partitions.list_days(session, DAY + 100):  # of a test before
            session.execute(text("SELECT drop_port_frames(:day)"), {"day": day})
        ids = session.execute(text("SELECT id FROM device ORDER BY name")).scalars().all()
        counted = np.array([1, 1, 0])
        return make_layouts(
            session, [(device_id, ("a", "b", "c"), counted, counted) for device_id in ids]
        )


def frame(layout: Layout, ts_ms: int, octets: int) -> Frame:
    table = np.zeros((len(Place), len(layout)), dtype=np.int64)
    table[Place.SPAN_MS] = MINUTE
    table[Place.LATE_MS] = [0, 7, 7]
    table[Place.IN_OCTETS] = octets + np.arange(len(layout))
    table[Place.STATE] = [1, 2, NO_STATE]
    return Frame(layout, ts_ms, table)


def memory(layout: Layout, ts_ms: int, octets: int) -> PortMemory:
    newest = np.full((len(Newest), len(layout)), -1, dtype=np.int64)
    newest[Newest.TRAFFIC_TS, :2] = ts_ms
    newest[Newest.IN_OCTETS, :2] = octets
    newest[Newest.SPAN_MS] = MINUTE
    newest[Newest.STATE_TS, :2] = ts_ms
    newest[Newest.STATE, :2] = [1, 2]
    counters = np.full((3, len(layout)), octets, dtype=np.int64)
    return PortMemory.pack(layout, ts_ms, "boot", counters, newest)


def write(session: ScopedSession, frames: Sequence[Frame], now_ms: int) -> None:
    with session.begin():
        STORE.append_frames(session, frames, [], now_ms)


def read(
    session: ScopedSession, family: str, ids: Sequence[int], t0: int, t1: int
) -> list[Columns]:
    found = [columns for _, columns in STORE.read(session, family, list(ids), t0, t1)]
    session.commit()
    return found


def count(session: ScopedSession, table: str) -> int:
    found: int = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
    session.commit()
    return found


def test_frames_read_as_samples_in_their_time(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    frames = [frame(each, T0 + n * MINUTE, 1000 * n) for each in layouts for n in range(5)]
    for _ in range(2):  # again is the same as once
        write(session, frames, T0)
    a, b, c = layouts[1].traffic_ids.tolist()
    assert c == 0
    first, second = read(session, "traffic", [a, b], T0 + MINUTE, T0 + 3 * MINUTE + 7)
    assert first.ts.tolist() == [T0 + n * MINUTE for n in (1, 2, 3)]
    assert first.values["in_octets"].tolist() == [1000, 2000, 3000]
    assert first.span_ms.tolist() == [MINUTE] * 3
    assert second.ts.tolist() == [T0 + n * MINUTE + 7 for n in (1, 2)]
    assert second.values["in_octets"].tolist() == [1001, 2001]
    up, down, unread = read(session, "state", layouts[1].state_ids.tolist(), T0, T0 + DAY_MS)
    assert (up.values["state"].tolist(), down.values["state"].tolist()) == ([1] * 5, [2] * 5)
    assert len(unread) == 0
    assert count(session, "traffic_hot") == 0


def test_discards_are_kept_beside_traffic(session: ScopedSession, layouts: list[Layout]) -> None:
    """From frames into blocks, quiet minutes as one sample; traffic's blocks are those of a day
    without discards, and what was polled before they were kept stays unknown."""
    frames = [frame(layouts[0], T0 + n * MINUTE, 1000) for n in range(1, 100)]
    for each in frames:
        each.table[Place.IN_DISCARDS, 1] = -1  # the second port tells what it drops outwards only
    frames[69].table[Place.OUT_DISCARDS, 0] = 2**32 - 1
    write(session, frames[9:], T0)
    with session.begin():
        for each in frames[:9]:  # as a version before discards wrote them
            session.execute(
                text("INSERT INTO port_frame VALUES (:device, :ts, :layout, :body)"),
                {
                    "device": each.layout.device_id,
                    "ts": each.ts_ms,
                    "layout": each.layout.id,
                    "body": narrow.pack(each.table[: Place.IN_DISCARDS]),
                },
            )
    (a, b, c), (traffic, *_) = layouts[0].discard_ids.tolist(), layouts[0].traffic_ids.tolist()
    assert c == 0
    first, second = read(session, "discards", [a, b], T0, T0 + DAY_MS)
    assert first.ts.tolist() == [T0 + n * MINUTE for n in range(10, 100)]
    assert second.values["in_discards"].tolist() == [-1] * 90
    [before] = read(session, "traffic", [traffic], T0, T0 + DAY_MS)
    assert len(before) == 99
    STORE.maintain(session, T0 + 2 * DAY_MS)
    first, second = read(session, "discards", [a, b], T0, T0 + DAY_MS)
    assert ((first.ts - T0) // MINUTE).tolist() == [59, 69, 70, 99]
    assert (first.span_ms // MINUTE).tolist() == [50, 10, 1, 29]
    assert first.values["out_discards"].tolist() == [0, 0, 2**32 - 1, 0]
    assert len(second) == 90
    [after] = read(session, "traffic", [traffic], T0, T0 + DAY_MS)
    assert np.array_equal(after.matrix(), before.matrix())
    found = session.execute(
        text("SELECT sha256 FROM sample_block WHERE series_id = :id"), {"id": traffic}
    ).scalar_one()
    session.commit()
    body = encode_day(TRAFFIC, DAY, before)
    assert hash_block(TRAFFIC, Block(traffic, DAY, SORTED_PLANES, 99, body)) == bytes(found)
    # A frame that waited past the close comes as rows and is folded into what is there.
    late = frame(layouts[0], T0 + 100 * MINUTE, 1000)
    write(session, [late], T0 + 2 * DAY_MS)
    STORE.maintain(session, T0 + 2 * DAY_MS)
    [first] = read(session, "discards", [a], T0, T0 + DAY_MS)
    assert ((first.ts - T0) // MINUTE).tolist() == [59, 69, 70, 100]


def test_a_memory_of_before_discards_starts_the_next_poll(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    """Nothing of traffic is lost to an upgrade, and nothing is told of discards."""
    kept = memory(layouts[0], T0, 77)
    older = replace(kept, newest=narrow.pack(kept.open_newest()[: Newest.STATE + 1]))
    with session.begin():
        STORE.append_frames(session, [], [older], T0)
        [found] = read_memories(session, [layouts[0].device_id], 3).values()
        assert np.array_equal(
            found.open_newest()[Newest.IN_DISCARDS :], np.full((2, 3), -1, dtype=np.int64)
        )
        [a, b, _] = layouts[0].discard_ids.tolist()
        unknown = {"in_discards": -1, "out_discards": -1}
        newest = STORE.latest(session, "discards")
        assert {key: one.values for key, one in newest.items()} == {a: unknown, b: unknown}
        traffic = STORE.latest(session, "traffic", layouts[0].traffic_ids.tolist())
        assert {one.values["in_octets"] for one in traffic.values()} == {77}


def test_a_correction_lies_over_the_frame_and_in_the_block(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    write(session, [frame(layouts[0], T0 + n * MINUTE, 1000) for n in range(3)], T0)
    a = int(layouts[0].traffic_ids[0])
    with session.begin():
        STORE.append(session, "traffic", [(a, T0 + MINUTE, MINUTE, 2, 5, 6, 0, 0)])
    expected = [1000, 5, 1000]
    [columns] = read(session, "traffic", [a], T0, T0 + DAY_MS)
    assert columns.values["in_octets"].tolist() == expected
    STORE.maintain(session, T0 + 2 * DAY_MS)
    assert count(session, "port_frame") == count(session, "traffic_hot") == 0
    [columns] = read(session, "traffic", [a], T0, T0 + DAY_MS)
    assert columns.values["in_octets"].tolist() == expected
    assert columns.flags.tolist() == [0, 2, 0]


def test_latest_is_the_memorys_unless_a_row_is_newer(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    a, b, _ = layouts[0].traffic_ids.tolist()
    with session.begin():
        STORE.append_frames(session, [], [memory(each, T0, 77) for each in layouts], T0)
    every = STORE.latest(session, "traffic")
    assert {every[each].ts for each in (a, b)} == {T0}
    assert len(every) == 4
    assert every[a].values == {"in_octets": 77, "out_octets": -1, "in_errors": -1, "out_errors": -1}
    assert STORE.latest(session, "traffic", [b]).keys() == {b}
    states = STORE.latest(session, "state", layouts[0].state_ids.tolist())
    assert [states[each].values["state"] for each in layouts[0].state_ids.tolist()[:2]] == [1, 2]
    session.commit()
    with session.begin():
        STORE.append(session, "traffic", [(a, T0, MINUTE, 0, 5, 6, 0, 0)])
        STORE.append(session, "traffic", [(b, T0 - 1, MINUTE, 0, 5, 6, 0, 0)])
    latest = STORE.latest(session, "traffic", [a, b])
    assert latest[a].values["in_octets"] == 5
    assert latest[b].values["in_octets"] == 77


def test_closing_moves_frames_into_blocks_and_drops_their_partition(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    with session.begin():
        session.execute(text("SELECT make_port_frames(:a, :b)"), {"a": DAY, "b": DAY + 3})
    # The last poll of the day has a port that answered after midnight.
    times = [*range(T0, T0 + DAY_MS, 3_600_000), T0 + DAY_MS - 3]
    frames = [frame(each, at, at // 1000 % 9999) for each in layouts for at in times]
    write(session, frames, T0)
    ids = [series for each in layouts for series in each.traffic_ids.tolist() if series]
    states = [series for each in layouts for series in each.state_ids.tolist()]
    before = read(session, "traffic", ids, T0, T0 + 2 * DAY_MS)
    states_before = read(session, "state", states, T0, T0 + 2 * DAY_MS)
    assert len(before[0]) == len(before[1]) == len(times)
    STORE.maintain(session, T0 + 2 * DAY_MS - 1)  # the day isn't due yet
    assert count(session, "port_frame") == len(frames)
    report = STORE.maintain(session, T0 + 2 * DAY_MS)
    assert report.samples == 2 * 6 * len(times)
    assert count(session, "port_frame") == count(session, "frame_closing") == 0
    assert session.execute(text(f"SELECT to_regclass('port_frame_{DAY}')")).scalar() is None
    session.commit()
    for old, new in zip(before, read(session, "traffic", ids, T0, T0 + 2 * DAY_MS), strict=True):
        assert np.array_equal(old.matrix(), new.matrix())
    again = read(session, "state", states, T0, T0 + 2 * DAY_MS)
    for old, new in zip(states_before, again, strict=True):
        assert np.array_equal(old.matrix(), new.matrix())
    assert STORE.maintain(session, T0 + 2 * DAY_MS).blocks == 0


def test_a_run_that_was_killed_is_gone_on_with(
    session: ScopedSession, layouts: list[Layout], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(session, [frame(each, T0, 5) for each in layouts], T0)
    closed: list[list[int]] = []
    whole = maintenance._close_devices

    def close(
        session: ScopedSession,
        day: int,
        device_ids: Sequence[int],
        report: maintenance.MaintenanceReport,
    ) -> None:
        if len(closed) == 1:
            closed.append([])
            raise KeyboardInterrupt
        closed.append(list(device_ids))
        whole(session, day, device_ids, report)

    monkeypatch.setattr(maintenance, "FRAME_CHUNK", 1)
    monkeypatch.setattr(maintenance, "_close_devices", close)
    with pytest.raises(KeyboardInterrupt):
        STORE.maintain(session, T0 + 2 * DAY_MS)
    # Nothing is lost or double in between: the first device is in blocks and in frames.
    ids = [series for each in layouts for series in each.traffic_ids.tolist() if series]
    assert [len(each) for each in read(session, "traffic", ids, T0, T0 + DAY_MS)] == [1] * 4
    STORE.maintain(session, T0 + 2 * DAY_MS)
    first, second = (each.device_id for each in layouts)
    assert closed == [[first], [], [second]]
    assert [len(each) for each in read(session, "traffic", ids, T0, T0 + DAY_MS)] == [1] * 4
    assert count(session, "port_frame") == 0
    assert set(session.execute(text("SELECT revision FROM sample_block")).scalars()) == {1}


def test_a_frame_that_comes_late_is_kept_as_rows(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    """Its day may be closed already: as a frame it would be dropped with the partition."""
    now = T0 + LATE_MS
    write(session, [frame(layouts[0], T0, 5), frame(layouts[0], T0 + 1, 6)], now)
    assert count(session, "port_frame") == 1
    assert count(session, "traffic_hot") == 2
    [columns] = read(session, "traffic", [int(layouts[0].traffic_ids[0])], T0, T0 + DAY_MS)
    assert columns.values["in_octets"].tolist() == [5, 6]
    # A day closes when all of it is older than that, so no frame can be written to it any more.
    assert maintenance.first_open_day(now) * DAY_MS <= now - LATE_MS


def test_partitions_are_made_ahead_and_rows_go_there(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    write(session, [frame(layouts[0], T0 + 2 * DAY_MS, 5)], T0)  # in the way of its day
    STORE.maintain(session, T0)
    days = [DAY + n for n in range(1, partitions.AHEAD + 1) if n != 2]
    with session.begin():
        made = partitions.list_days(session, DAY + 100)
    assert made == sorted([*days, DAY + 2])
    write(session, [frame(layouts[0], T0 + DAY_MS, 5)], T0)
    where = text("SELECT tableoid::regclass::text FROM port_frame ORDER BY ts")
    assert session.execute(where).scalars().all() == [f"port_frame_{DAY + 1}", "port_frame_rest"]
    session.commit()
    STORE.maintain(session, T0 + 5 * DAY_MS)
    assert count(session, "port_frame") == 0


def test_a_young_partition_is_not_dropped(session: ScopedSession) -> None:
    """Whatever an error above it asks for; the clock is the database's own."""
    with session.begin():
        today = int(time.time() * 1000) // DAY_MS
        session.execute(text("SELECT make_port_frames(:a, :b)"), {"a": today, "b": today + 1})
        drop = text("SELECT drop_port_frames(:day)")
        assert not session.execute(drop, {"day": today}).scalar()
        session.rollback()


def test_dropping_gives_way_to_a_reader_and_is_done_the_next_time(
    session: ScopedSession,
    sessions: SessionFactory,
    layouts: list[Layout],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions, "_PATIENCE", "100ms")
    with session.begin():
        session.execute(text("SELECT make_port_frames(:a, :b)"), {"a": DAY, "b": DAY + 1})
    write(session, [frame(layouts[0], T0, 5)], T0)
    ids = [int(layouts[0].traffic_ids[0])]
    reading, done = threading.Event(), threading.Event()

    def read_for_long() -> None:
        with transaction(sessions, Scope.system("reader")) as other:
            other.execute(text("SELECT count(*) FROM port_frame"))
            reading.set()
            done.wait(60)

    reader = threading.Thread(target=read_for_long)
    reader.start()
    try:
        assert reading.wait(60)
        STORE.maintain(session, T0 + 2 * DAY_MS)
        assert count(session, "port_frame") == 1
        assert [len(each) for each in read(session, "traffic", ids, T0, T0 + DAY_MS)] == [1]
    finally:
        done.set()
        reader.join()
    STORE.maintain(session, T0 + 2 * DAY_MS)
    assert count(session, "port_frame") == 0
    assert [len(each) for each in read(session, "traffic", ids, T0, T0 + DAY_MS)] == [1]


def test_memories_survive_and_tell_their_time(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    kept = [memory(each, T0 + n, -(2**63) + n) for n, each in enumerate(layouts)]
    with session.begin():
        STORE.append_frames(session, [], [memory(layouts[0], T0 - 5, 0)], T0)
        STORE.append_frames(session, [], kept, T0)
        ids = [each.device_id for each in layouts]
        assert find_memory_times(session, ids) == {
            each.layout.device_id: each.ts_ms for each in kept
        }
        found = read_memories(session, ids, 3)
        for each in kept:
            same = found[each.layout.device_id]
            assert same.layout.names == each.layout.names
            assert (same.ts_ms, same.clock) == (each.ts_ms, "boot")
            assert np.array_equal(same.open_counters(3), each.open_counters(3))
            assert np.array_equal(same.open_newest(), each.open_newest())
        # What another version wrote in other rows is forgotten: a gap, not a guess.
        assert read_memories(session, ids, 4) == {}


def test_layouts_are_kept_once_and_series_bound_to_their_ports(
    session: ScopedSession, layouts: list[Layout]
) -> None:
    [device_id, _] = [each.device_id for each in layouts]
    with session.begin():
        some, both = np.array([1, 1, 0]), np.array([1, 1])
        [again] = make_layouts(session, [(device_id, ("a", "b", "c"), some, some)])
        [other] = make_layouts(session, [(device_id, ("b", "a"), both, both)])
    assert again.id == layouts[0].id != other.id
    assert other.traffic_ids.tolist() == layouts[0].traffic_ids[[1, 0]].tolist()
    with session.begin():
        port = Port(device_id=device_id, name="b", speed_bps=0, alias="")
        session.add(port)
        session.flush()
        bind_ports(session, [device_id], T0)
        bound = session.query(Series).filter(Series.port_id == port.id).all()
        families = ("traffic", "state", "discards")
        assert {(each.family, each.slot) for each in bound} == {(name, "b") for name in families}
        assert session.get_one(Device, device_id).name == "sw-1"
    assert TRAFFIC.columns[0] == "in_octets"
