"""Day blocks in partitions of months: made ahead, filled from the rest, dropped whole, migrated."""

import datetime as dt
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import ProgrammingError

from dcim import schema
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, make_engine, transaction
from dcim.metering import blocks, maintenance, partitions
from dcim.metering.batch import Batch
from dcim.metering.blocks import try_block_lock
from dcim.metering.families import DAY_MS, find_family
from dcim.metering.maintenance import RETENTION_DAYS
from dcim.metering.store import PostgresSampleStore
from dcim.postgres import APP, EmbeddedServer
from tests.integration.metering.conftest import MakeSeries
from tests.integration.waiting import wait_for_blocked
from tests.servers import Database, fresh_database

STORE = PostgresSampleStore()
EPOCH = dt.date(1970, 1, 1)
# All long past what is kept by the database's clock.
JUNE = (dt.date(2019, 6, 1) - EPOCH).days
JULY = (dt.date(2019, 7, 1) - EPOCH).days
AUGUST = (dt.date(2019, 8, 1) - EPOCH).days

# What `blocks` asks, as the server sees it.
READING = (
    "SELECT body FROM sample_block WHERE series_id = ANY(CAST($1 AS integer[]))"
    " AND day >= $2 AND day < $3"
)
MERGING = (
    "SELECT b.body FROM unnest($1, $1) AS k (series_id, day) JOIN sample_block b"
    " ON b.series_id = k.series_id AND b.day = k.day AND b.day BETWEEN $2 AND $3"
)


@pytest.fixture(autouse=True)
def months(clean_database: Database) -> Iterator[None]:
    """Each test begins without the months that others made."""
    engine = make_engine(clean_database.owner_url, pool_size=1)
    with engine.begin() as connection:
        for name in list_partitions(connection):
            if name != "sample_block_rest":
                connection.exec_driver_sql(f"DROP TABLE {name}")
    yield
    engine.dispose()


def list_partitions(connection: Connection | ScopedSession) -> list[str]:
    rows = connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'sample_block'::regclass ORDER BY 1"
        )
    )
    return list(rows.scalars())


@contextmanager
def without(database: Database, function: str, guard: str, instead: str) -> Iterator[None]:
    """A function of the owner's without one of its guards."""
    owner = make_engine(database.owner_url, pool_size=1)
    with owner.connect() as connection:
        made = connection.exec_driver_sql(
            f"SELECT pg_get_functiondef('{function}'::regproc)"
        ).scalar_one()
        assert made.count(guard) == 1
        cursor = connection.connection.cursor()
        cursor.execute(made.replace(guard, instead))
        connection.connection.commit()
        try:
            yield
        finally:
            cursor.execute(made)
            connection.connection.commit()
    owner.dispose()


def load(session: ScopedSession, series_id: int, *days: int) -> None:
    points = [(series_id, day * DAY_MS + 60_000, 0, 0, day, 500) for day in days]
    with session.begin():
        STORE.load_days(session, Batch.from_rows("climate", points), (max(days) + 9) * DAY_MS)


def place_in_rest(session: ScopedSession, series_id: int, *days: int) -> None:
    """As if nothing had made their months in time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dcim.metering.store.make_months", lambda *given: True)
        load(session, series_id, *days)


def where(session: ScopedSession) -> dict[int, str]:
    """The partition of each day's block, one series alone being there."""
    rows = session.execute(text("SELECT day, tableoid::regclass::text FROM sample_block")).all()
    session.commit()
    assert len({day for day, _ in rows}) == len(rows)
    return {day: name.removeprefix("sample_block_") for day, name in rows}


def read_days(session: ScopedSession, series_id: int) -> list[int]:
    [(_, columns)] = STORE.read(session, "climate", [series_id], 0, 30_000 * DAY_MS)
    session.commit()
    assert (columns.ts // DAY_MS).tolist() == columns.values["mc"].tolist()
    return [int(day) for day in columns.values["mc"]]


def test_a_back_fill_makes_the_months_it_needs(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    load(session, a, JUNE, JULY - 1, JULY)
    load(session, a, JULY)
    assert where(session) == {JUNE: "201906", JULY - 1: "201906", JULY: "201907"}
    assert read_days(session, a) == [JUNE, JULY - 1, JULY]


def test_what_lands_in_the_rest_is_read_and_moved_at_night(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    place_in_rest(session, a, JUNE, JULY - 1, JULY, AUGUST)
    before = dump(session)
    assert set(where(session).values()) == {"rest"}
    assert read_days(session, a) == [JUNE, JULY - 1, JULY, AUGUST]
    # A back-fill beside them leaves them where they are, with what it brings.
    load(session, a, JULY + 1)
    load(session, a, JULY + 1)
    assert where(session)[JULY + 1] == "rest"
    STORE.maintain(session, (AUGUST + 9) * DAY_MS)
    assert where(session) == {
        JUNE: "201906", JULY - 1: "201906", JULY: "201907", JULY + 1: "201907", AUGUST: "201908",
    }  # fmt: skip
    assert read_days(session, a) == [JUNE, JULY - 1, JULY, JULY + 1, AUGUST]
    assert [row for row in dump(session) if row[1] != JULY + 1] == before


def test_a_block_of_a_wrong_clock_is_kept_in_the_rest(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    """No partition is made for it, and none for the years up to it."""
    [a] = make_series("climate")
    load(session, a, 29_000)
    STORE.maintain(session, JULY * DAY_MS)
    assert where(session) == {29_000: "rest"}
    with session.begin():
        session.execute(text("SELECT make_sample_blocks(-2147483648, 2147483647, true)"))
        assert len(list_partitions(session)) < 130
        session.rollback()
    with session.begin():
        session.execute(text("SELECT make_sample_blocks(2147483647, 2147483647, true)"))


def test_months_are_made_ahead_for_what_closes(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    STORE.maintain(session, (JULY + 9) * DAY_MS)
    assert list_partitions(session) == [
        "sample_block_201906", "sample_block_201907", "sample_block_201908", "sample_block_201909",
        "sample_block_rest",
    ]  # fmt: skip
    session.commit()
    with session.begin():
        STORE.append(session, "climate", [(a, AUGUST * DAY_MS, 0, 0, AUGUST, 0)])
    STORE.maintain(session, (AUGUST + 2) * DAY_MS)
    assert where(session) == {AUGUST: "201908"}


def test_a_month_is_dropped_when_its_last_day_is_past_retention(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    load(session, a, JUNE, JULY - 1, JULY)
    # The last day of June is the oldest to be kept.
    report = STORE.maintain(session, (JULY - 1 + RETENTION_DAYS) * DAY_MS)
    assert (report.expired_months, read_days(session, a)) == (0, [JUNE, JULY - 1, JULY])
    report = STORE.maintain(session, (JULY + RETENTION_DAYS) * DAY_MS)
    assert (report.expired_months, read_days(session, a)) == (1, [JULY])
    assert "sample_block_201906" not in list_partitions(session)
    session.commit()
    # What is in the rest goes by the day.
    place_in_rest(session, a, JUNE, JULY - 1)
    STORE.maintain(session, (JULY - 1 + RETENTION_DAYS) * DAY_MS)
    assert read_days(session, a) == [JULY - 1, JULY]


@pytest.mark.parametrize("guarded", [True, False])
def test_nobody_can_have_what_is_inside_retention_dropped(
    session: ScopedSession, clean_database: Database, make_series: MakeSeries, guarded: bool
) -> None:
    """Whatever an error above it asks for; the clock is the database's own. And the control."""
    [a] = make_series("climate")
    today = (dt.datetime.now(dt.UTC).date() - EPOCH).days
    # A month that ends just within, and the one before it.
    kept = today - RETENTION_DAYS
    gone = (EPOCH + dt.timedelta(days=kept)).replace(day=1)
    load(session, a, (gone - EPOCH).days - 1, kept)
    changed = without(clean_database, "drop_sample_blocks", "oldest := least(", "PERFORM least(")
    with nullcontext() if guarded else changed, session.begin():
        dropped = session.execute(text("SELECT drop_sample_blocks(2147483647)")).scalar()
    assert dropped == (1 if guarded else 2)
    assert read_days(session, a) == ([kept] if guarded else [])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_months_are_those_of_the_calendar_in_utc(session: ScopedSession, zone: str) -> None:
    """Whatever the zone of the connection: every day from 2017 to 2021 has one place."""
    first, stop = (dt.date(2017, 1, 15) - EPOCH).days, (dt.date(2021, 12, 1) - EPOCH).days
    with session.begin():
        session.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
        session.execute(
            text("SELECT make_sample_blocks(:a, :b, false)"), {"a": first, "b": stop + 1}
        )
        bounds = session.execute(
            text(
                "SELECT right(c.relname, 6), pg_get_expr(c.relpartbound, c.oid) FROM pg_class c"
                " WHERE c.relispartition AND c.relname ~ '^sample_block_[0-9]{6}$' ORDER BY 1"
            )
        ).all()
        # Dropped by the same calendar.
        some = (dt.date(2019, 3, 1) - EPOCH).days
        session.execute(text("SELECT drop_sample_blocks(:day)"), {"day": some - 1})
        assert list_partitions(session)[0] == "sample_block_201902"
        session.execute(text("SELECT drop_sample_blocks(:day)"), {"day": some})
        assert list_partitions(session)[0] == "sample_block_201903"
        session.rollback()
    starts = [dt.date(2017 + n // 12, n % 12 + 1, 1) for n in range(61)]
    days = [(start - EPOCH).days for start in starts]
    assert [tuple(bound) for bound in bounds] == [
        (start.strftime("%Y%m"), f"FOR VALUES FROM ({low}) TO ({high})")
        for start, low, high in zip(starts, days, days[1:], strict=False)
    ]


def test_the_app_can_neither_make_nor_drop_a_month_by_itself(
    session: ScopedSession, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    load(session, a, JUNE)
    for statement in (
        "DROP TABLE sample_block_201906",
        "ALTER TABLE sample_block DETACH PARTITION sample_block_201906",
        "TRUNCATE sample_block",
        "CREATE TABLE sample_block_201907 PARTITION OF sample_block FOR VALUES FROM (1) TO (2)",
        # Rights are those of the parent, so nothing goes past it.
        "SELECT count(*) FROM sample_block_201906",
        "DELETE FROM sample_block_201906",
    ):
        with pytest.raises(ProgrammingError, match=r"must be owner|permission denied"):
            session.execute(text(statement))
        session.rollback()
    with session.begin():
        changed = session.execute(text("UPDATE sample_block SET revision = 2 RETURNING day"))
        assert list(changed.scalars()) == [JUNE]


def test_a_table_of_the_callers_own_is_not_mistaken_for_ours(clean_database: Database) -> None:
    """The app may make none, which another server's setting may allow it."""
    engine = make_engine(clean_database.admin_url, pool_size=1)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE sample_block_rest (day integer)")
        connection.exec_driver_sql(f"INSERT INTO sample_block_rest VALUES ({JULY})")  # noqa: S608
        make = f"SELECT make_sample_blocks({JULY}, {JULY + 1}, false)"
        assert connection.exec_driver_sql(make).scalar() == 1
        connection.rollback()
    engine.dispose()


def test_a_reader_holds_up_a_drop_and_a_move_and_misses_nothing(
    session: ScopedSession,
    sessions: SessionFactory,
    make_series: MakeSeries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions, "_PATIENCE", "100ms")
    [a] = make_series("climate")
    load(session, a, JUNE)
    place_in_rest(session, a, AUGUST)
    reading, done = threading.Event(), threading.Event()

    def read_for_long() -> None:
        with transaction(sessions, Scope.system("reader")) as other:
            other.execute(text("SELECT count(*) FROM sample_block"))
            reading.set()
            done.wait(60)

    reader = threading.Thread(target=read_for_long)
    reader.start()
    now_ms = (JULY + RETENTION_DAYS) * DAY_MS
    try:
        assert reading.wait(60)
        assert STORE.maintain(session, now_ms).expired_months == 0
        assert where(session) == {JUNE: "201906", AUGUST: "rest"}
        # A back-fill isn't held up.
        load(session, a, AUGUST + 1, AUGUST + 40)
        assert read_days(session, a) == [JUNE, AUGUST, AUGUST + 1, AUGUST + 40]
    finally:
        done.set()
        reader.join()
    assert STORE.maintain(session, now_ms).expired_months == 1
    assert where(session) == {AUGUST: "201908", AUGUST + 1: "201908", AUGUST + 40: "201909"}
    assert read_days(session, a) == [AUGUST, AUGUST + 1, AUGUST + 40]


@pytest.mark.parametrize("guarded", [True, False])
def test_who_reads_while_blocks_move_sees_them(
    session: ScopedSession,
    sessions: SessionFactory,
    clean_database: Database,
    make_series: MakeSeries,
    guarded: bool,
) -> None:
    """Control: without its lock a reader that came a moment before the commit sees neither."""
    [a] = make_series("climate")
    place_in_rest(session, a, JUNE)
    found: list[int] = []

    def read() -> None:
        with transaction(sessions, Scope.system("reader")) as other:
            found.extend(other.scalars(text("SELECT day FROM sample_block")))

    reader = threading.Thread(target=read)
    lock = "LOCK TABLE public.sample_block IN ACCESS EXCLUSIVE MODE;"
    changed = without(clean_database, "make_sample_blocks", lock, "NULL;")
    with nullcontext() if guarded else changed:
        with session.begin():
            session.execute(text("SELECT make_sample_blocks(:a, :b, true)"), {"a": JUNE, "b": JULY})
            reader.start()
            wait_for_blocked(session)
        reader.join()
    assert found == ([JUNE] if guarded else [])
    assert read_days(session, a) == [JUNE]


def test_nothing_is_moved_while_another_writes_blocks(
    session: ScopedSession, sessions: SessionFactory, make_series: MakeSeries
) -> None:
    [a] = make_series("climate")
    place_in_rest(session, a, JUNE)
    report = maintenance.MaintenanceReport()
    with transaction(sessions, Scope.system("other")) as other:
        assert try_block_lock(other)
        maintenance._settle(session, report)
    assert report.busy
    assert where(session) == {JUNE: "rest"}


@pytest.mark.parametrize("generic", ["force_custom_plan", "force_generic_plan"])
def test_reads_and_merges_look_at_the_months_in_question_alone(
    session: ScopedSession,
    make_series: MakeSeries,
    monkeypatch: pytest.MonkeyPatch,
    generic: str,
) -> None:
    """A generic plan leaves the other months out when it begins."""
    [a] = make_series("climate")
    with session.begin():
        session.execute(text("SELECT make_sample_blocks(:a, :b, false)"), {"a": JUNE, "b": 18_600})
    for day in range(JUNE, JUNE + 900, 10):
        load(session, a, day)
    with session.begin():
        session.execute(text(f"SET LOCAL plan_cache_mode = {generic}"))
        for statement in (READING, MERGING):
            session.execute(text(f"PREPARE looked (integer[], integer, integer) AS {statement}"))
            plan = "\n".join(
                session.execute(
                    text(
                        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE"
                        f" looked('{{{a}}}', {JULY - 1}, {JULY + 2})"
                    )
                ).scalars()
            )
            session.execute(text("DEALLOCATE looked"))
            found = set(re.findall(r"on sample_block_(\w+)", plan))
            assert found >= {"201906", "201907"}
            assert found <= {"201906", "201907", "201906_pkey", "201907_pkey"}
            if generic == "force_generic_plan":
                assert "Subplans Removed" in plan
        session.rollback()


def test_months_that_are_not_asked_for_are_not_touched(
    session: ScopedSession, make_series: MakeSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statements of `blocks` themselves: what they touch they hold locks on."""
    [a] = make_series("climate")
    for day in (JUNE, JULY, AUGUST):
        load(session, a, day)
    family = find_family("climate")
    locked = text(
        "SELECT DISTINCT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
        " WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relname LIKE 'sample_block_%'"
    )

    def touched(days: range) -> list[set[str]]:
        found = []
        for work in (
            lambda: blocks.read_blocks(session, family, [a], days),
            lambda: blocks._read_for_merge(session, family, [(a, day) for day in days]),
        ):
            with session.begin():
                work()
                found.append({name[13:] for name in session.scalars(locked)})
        return found

    assert touched(range(JULY, JULY + 31)) == [{"201907"}] * 2
    # The control: asked for more, they touch more.
    assert touched(range(JULY - 1, JULY + 32)) == [{"201906", "201907", "201908"}] * 2


def test_a_load_asks_for_its_months_once(session: ScopedSession, make_series: MakeSeries) -> None:
    """However many series and days it has."""
    ids = make_series("climate", 20)
    seen: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *given: seen.append(given[2]))
    counts = []
    for listed in (ids[:1], ids):
        rows = [(a, day * DAY_MS, 0, 0, 1, 1) for a in listed for day in range(JUNE, JUNE + 60)]
        seen.clear()
        with session.begin():
            STORE.load_days(session, Batch.from_rows("climate", rows), (JUNE + 99) * DAY_MS)
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert sum("make_sample_blocks" in statement for statement in seen) == 1


# -- the migration


def migrate(owner: Engine, *, up: bool) -> None:
    with owner.begin() as connection:
        config = schema.alembic_config(connection)
        if up:
            command.upgrade(config, "0018")
            schema.grant_rights(connection, APP)
            return
        below = ScriptDirectory.from_config(config).get_revision("0018").down_revision
        assert isinstance(below, str)
        if schema.find_revision(connection) is None:
            command.upgrade(config, below)
        else:
            command.downgrade(config, below)


def dump(connection: ScopedSession | Engine) -> list[tuple[object, ...]]:
    statement = text("SELECT * FROM sample_block ORDER BY series_id, day")
    if isinstance(connection, Engine):
        with connection.connect() as opened:
            return [tuple(row) for row in opened.execute(statement)]
    rows = [tuple(row) for row in connection.execute(statement)]
    connection.commit()
    return rows


FILL = """
INSERT INTO sample_block
  (series_id, day, count, first_ms, last_ms, codec, revision, sha256, body)
  SELECT s, d, s + d, d, d + 1, 1, 1 + s % 3, sha256((s || ' ' || d)::bytea),
    (SELECT string_agg(sha256((s || ' ' || d || ' ' || n)::bytea), ''::bytea)
      FROM generate_series(1, 1 + s * 40) n)
  FROM generate_series(1, 5) s, unnest(ARRAY[0, 18000, 20000, :today, :today + 40, 29000]) d
"""


def test_the_migration_keeps_each_byte_there_and_back(server: EmbeddedServer) -> None:
    today = (dt.datetime.now(dt.UTC).date() - EPOCH).days
    with fresh_database(server, "months_migration") as database:
        owner = make_engine(database.owner_url, pool_size=1)
        app = make_engine(database.app_url, pool_size=1)
        migrate(owner, up=False)
        with owner.begin() as connection:
            connection.execute(text(FILL), {"today": today})
        flat = dump(owner)
        file = text("SELECT pg_relation_filenode('sample_block')")
        with owner.connect() as connection:
            table = connection.scalar(file)
        migrate(owner, up=True)
        assert dump(owner) == flat
        assert dump(app) == flat
        with owner.connect() as connection:
            names = list_partitions(connection)
            before = names[0]
            boundary = int(before.removeprefix("sample_block_before_"))
            assert names == [before, "sample_block_rest"]
            assert (EPOCH + dt.timedelta(days=boundary)).day == 1
            assert 1 <= boundary - today <= 31
            # Nothing was copied but what a wrong clock put after it.
            assert connection.scalar(text(f"SELECT pg_relation_filenode('{before}')")) == table
            rest = connection.scalars(text("SELECT DISTINCT day FROM sample_block_rest"))
            assert set(rest) == {today + 40, 29_000}
        # New months are made behind it alone, and the rest goes there.
        with app.begin() as connection:
            connection.execute(
                text("SELECT make_sample_blocks(:a, :b, true)"), {"a": 0, "b": boundary + 70}
            )
            assert connection.scalar(text("SELECT drop_sample_blocks(2147483647)")) == 0
        with owner.connect() as connection:
            assert len(list_partitions(connection)) in (5, 6)
        assert dump(app) == flat
        migrate(owner, up=False)
        assert dump(owner) == flat
        with owner.connect() as connection:
            assert connection.scalar(file) == table
            constraints = connection.scalars(
                text(
                    "SELECT conname FROM pg_constraint WHERE contype IN ('p', 'c')"
                    " AND conrelid = 'sample_block'::regclass"
                )
            )
            assert list(constraints) == ["pk_sample_block"]
            left = connection.scalars(
                text("SELECT relname FROM pg_class WHERE relname LIKE 'sample_block_%'")
            )
            assert list(left) == []
        migrate(owner, up=True)
        assert dump(app) == flat
        owner.dispose()
        app.dispose()


def test_a_new_instance_goes_back_and_forth_too(server: EmbeddedServer) -> None:
    """Without blocks there is no table of before; what came since goes back into one."""
    with fresh_database(server, "months_new") as database:
        owner = make_engine(database.owner_url, pool_size=1)
        migrate(owner, up=True)
        with owner.begin() as connection:
            assert list_partitions(connection) == ["sample_block_rest"]
            connection.execute(text("SELECT make_sample_blocks(18000, 18001, false)"))
            connection.execute(text(FILL), {"today": 20_700})
        filled = dump(owner)
        migrate(owner, up=False)
        assert dump(owner) == filled
        migrate(owner, up=True)
        assert dump(owner) == filled
        owner.dispose()
