import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from sqlalchemy import event, text

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.metering import blocks, store
from dcim.metering.batch import Batch, Columns
from dcim.metering.codec import DamagedBlockError
from dcim.metering.families import DAY_MS
from dcim.metering.store import (
    PostgresSampleStore,
    read_counter_memory,
    write_counter_memory,
)
from tests.integration.metering.conftest import MakeSeries
from tests.servers import Database

STORE = PostgresSampleStore()
DAY = 20_400
T0 = DAY * DAY_MS
NOW = T0 + 5 * DAY_MS


def climate(series_id: int, *points: tuple[int, int]) -> Batch:
    return Batch.from_rows("climate", [(series_id, ts, 0, 0, mc, 500) for ts, mc in points])


def read_one(session: ScopedSession, series_id: int, t0: int = 0, t1: int = NOW) -> Columns:
    [(found, columns)] = list(STORE.read(session, "climate", [series_id], t0, t1))
    assert found == series_id
    session.commit()
    return columns


def points(session: ScopedSession, series_id: int) -> list[tuple[int, int]]:
    columns = read_one(session, series_id)
    return list(zip(columns.ts.tolist(), columns.values["mc"].tolist(), strict=True))


def write(session: ScopedSession, batch: Batch) -> None:
    with session.begin():
        STORE.append(session, batch.family.name, batch)


def test_appending_twice_is_appending_once(session: ScopedSession, make_series: MakeSeries) -> None:
    [a] = make_series("climate")
    batch = climate(a, (T0, 21_000), (T0 + 60_000, -1))
    write(session, batch)
    before = points(session, a)
    write(session, batch)
    assert points(session, a) == before == [(T0, 21_000), (T0 + 60_000, -1)]


def test_a_correction_replaces_and_latest_never_goes_back(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a, b] = make_series("climate", 2)
    write(session, climate(a, (T0 + 60_000, 22_000)))
    write(session, climate(a, (T0, 21_000)))
    assert STORE.latest(session, "climate")[a].ts == T0 + 60_000
    session.commit()
    write(session, climate(a, (T0 + 60_000, 23_000)))
    latest = STORE.latest(session, "climate", [a, b])
    assert latest[a].values == {"mc": 23_000, "rh": 500}
    assert b not in latest
    session.commit()
    assert points(session, a) == [(T0, 21_000), (T0 + 60_000, 23_000)]


def test_a_rollback_leaves_neither_samples_nor_counters_nor_latest(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    with session.begin():
        STORE.append(session, "climate", climate(a, (T0, 1)))
        write_counter_memory(session, {a: {"octets": 2**64 - 1}})
        session.rollback()
    assert points(session, a) == []
    assert STORE.latest(session, "climate") == {}
    assert read_counter_memory(session, [a]) == {}


def test_counters_of_64_bits_survive(session: ScopedSession, make_series: MakeSeries) -> None:
    [a] = make_series("traffic")
    state = {"octets": 2**64 - 1, "at": 2**53 + 1}
    for _ in range(2):
        with session.begin():
            write_counter_memory(session, {a: state})
    assert read_counter_memory(session, [a]) == {a: state}


def count(session: ScopedSession, table: str) -> int:
    found: int = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
    session.commit()
    return found


def test_closing_days_moves_them_into_blocks_and_reads_alike(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    ids = make_series("climate", 3)
    times = np.arange(T0, NOW, 600_000)
    for a in ids:
        write(
            session,
            Batch.from_arrays("climate", a, times, {"mc": times % 9_973 - 3_000, "rh": a}),
        )
    before = [read_one(session, a).matrix() for a in ids]
    first = STORE.maintain(session, NOW)
    # Now is the start of day 5: days 0 to 3 are two or more days old, day 4 stays hot.
    assert (first.blocks, first.samples) == (3 * 4, 3 * 4 * 144)
    assert count(session, "climate_hot") == 3 * 144
    second = STORE.maintain(session, NOW)
    assert (second.blocks, second.samples, second.busy) == (0, 0, False)
    for a, matrix in zip(ids, before, strict=True):
        assert np.array_equal(read_one(session, a).matrix(), matrix)
        window = read_one(session, a, T0 + 1, T0 + DAY_MS + 1)
        assert window.ts[0] == T0 + 600_000
        assert window.ts[-1] == T0 + DAY_MS


def test_late_samples_overlay_a_block_and_merge_with_the_next_revision(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    write(session, climate(a, (T0, 1), (T0 + 60_000, 2)))
    STORE.maintain(session, NOW)
    write(session, climate(a, (T0 + 60_000, 9), (T0 + 90_000, 3)))
    expected = [(T0, 1), (T0 + 60_000, 9), (T0 + 90_000, 3)]
    assert points(session, a) == expected
    STORE.maintain(session, NOW)
    assert points(session, a) == expected
    assert count(session, "climate_hot") == 0
    revision = session.execute(text("SELECT revision, count FROM sample_block")).one()
    assert tuple(revision) == (2, 3)


def test_a_block_changed_behind_our_back_is_refused(
    session: ScopedSession, make_series: MakeSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make_series("climate", 2)
    for a in ids:
        write(session, climate(a, (T0, a)))
    STORE.maintain(session, NOW)
    # A whole valid body of another series: only the hash can tell.
    session.execute(
        text(
            "UPDATE sample_block SET body = o.body FROM sample_block o"
            " WHERE sample_block.series_id = :a AND o.series_id = :b"
        ),
        {"a": ids[0], "b": ids[1]},
    )
    session.commit()
    with pytest.raises(DamagedBlockError, match=f"series {ids[0]}"):
        read_one(session, ids[0])
    session.rollback()
    # Control: without the comparison the foreign reading would pass for this series'.
    monkeypatch.setattr(blocks, "check_block", lambda family, block, sha: block)
    assert points(session, ids[0]) == [(T0, ids[1])]


def test_two_maintainers_do_not_meet(
    sessions: SessionFactory, session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    write(session, climate(a, (T0, 1)))
    with transaction(sessions, Scope.system("other")) as other:
        blocks.wait_for_block_lock(other)
        assert STORE.maintain(session, NOW).busy
        assert count(session, "climate_hot") == 1
    assert STORE.maintain(session, NOW).blocks == 1


def test_a_reader_between_delete_and_commit_sees_everything_once(
    sessions: SessionFactory, session: ScopedSession, make_series: MakeSeries
) -> None:
    """A day closed between the reader's two statements is neither lost nor doubled."""
    [a] = make_series("climate")
    write(session, climate(a, (T0, 1), (T0 + 1, 2)))
    original = blocks.read_blocks
    closed: list[int] = []

    def close_then_read(*arguments: Any) -> dict[int, Columns]:
        with sessions() as other:
            other.use_scope(Scope.system("other"))
            closed.append(STORE.maintain(other, NOW).blocks)
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "read_blocks", close_then_read)
        assert points(session, a) == [(T0, 1), (T0 + 1, 2)]
    assert closed == [1]


def test_a_back_fill_goes_into_blocks_and_its_young_end_into_hot(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    times = np.arange(T0, NOW, 60_000)
    batch = Batch.from_arrays("climate", a, times, {"mc": 21_000, "rh": 400})
    for _ in range(2):
        with session.begin():
            assert STORE.load_days(session, batch, NOW) == len(times)
    assert count(session, "sample_block") == 4
    assert count(session, "climate_hot") == 1_440
    revisions = session.execute(text("SELECT DISTINCT revision FROM sample_block")).scalars()
    assert list(revisions) == [1]
    session.commit()
    assert np.array_equal(read_one(session, a).ts, times)
    assert STORE.latest(session, "climate")[a].ts == times[-1]


def test_ten_thousand_samples_are_appended_by_two_statements(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    """However many: the samples, and the newest of each series."""
    ids = make_series("traffic", 10_000)
    numbers = np.arange(len(ids))
    values: dict[str, ArrayLike] = {
        "in_octets": numbers * 750_000_001,
        "out_octets": numbers,
        "in_errors": 0,
        "out_errors": 0,
    }
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    for cycle in range(3):
        batch = Batch.from_arrays(
            "traffic", ids, T0 + cycle * 60_000 + numbers, values, span_ms=60_000
        )
        with session.begin():
            engine = session.get_bind()
            event.listen(engine, "before_cursor_execute", note)
            try:
                STORE.append(session, "traffic", batch)
            finally:
                event.remove(engine, "before_cursor_execute", note)
    assert statements.count("INSERT") == 6
    assert count(session, "traffic_hot") == 30_000


WRITER = """
import sys
from dcim.accounts.scope import Scope
from dcim.db import make_engine, make_sessions, transaction
from dcim.metering.batch import Batch
from dcim.metering.store import PostgresSampleStore, write_counter_memory
sessions = make_sessions(make_engine(sys.stdin.readline().strip()))
series, start = int(sys.argv[1]), int(sys.argv[2])
ts = start
while True:
    ts += 60_000
    with transaction(sessions, Scope.system("writer")) as session:
        rows = [(series, ts + n, 0, 0, n, 0) for n in range(200)]
        PostgresSampleStore().append(session, "climate", rows)
        write_counter_memory(session, {series: {"ts": ts}})
    print(ts, flush=True)
"""


@pytest.fixture
def writer(clean_database: Database) -> Iterator[object]:
    running: list[subprocess.Popen[str]] = []

    def start(series_id: int, at: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(series_id), str(at)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        running.append(process)
        assert process.stdin
        process.stdin.write(clean_database.app_url + "\n")
        process.stdin.close()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def test_kill_9_loses_nothing_acknowledged_and_tears_nothing(
    session: ScopedSession, make_series: MakeSeries, writer: object
) -> None:
    [a] = make_series("climate")
    acknowledged = T0
    for _ in range(3):
        process = writer(a, acknowledged)  # type: ignore[operator]
        for _ in range(5):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
        acknowledged = int(rest[-1]) if rest else acknowledged
        process.wait()
        columns = read_one(session, a)
        counters = read_counter_memory(session, [a])[a]["ts"]
        session.commit()
        assert counters in (acknowledged, acknowledged + 60_000)
        # Every batch is there whole, up to the one the counters were committed with.
        assert len(columns) == 200 * (counters - T0) // 60_000
        acknowledged = counters
