"""The tests' guard against rows that lie in order by chance: it turns those, and no others."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.row_order import is_unordered, leave_unordered_rows, turn_unordered_rows
from tests.servers import Database

THREE = "SELECT n FROM (VALUES (1), (2), (3)) AS v (n)"


@pytest.fixture
def connection(clean_database: Database) -> Iterator[Connection]:
    engine = create_engine(clean_database.app_url)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def read(connection: Connection, statement: str) -> list[int]:
    return list(connection.scalars(text(statement)))


def test_rows_in_no_order_come_backwards(connection: Connection) -> None:
    assert read(connection, THREE) == [3, 2, 1]
    assert read(connection, f"{THREE} ORDER BY n") == [1, 2, 3]
    assert read(connection, f"{THREE} ORDER BY n DESC") == [3, 2, 1]
    # However they are fetched, and the last of several counts too.
    assert connection.execute(text(THREE)).scalars().first() == 3
    assert list(connection.execute(text(THREE)).scalars().partitions(2)) == [[3, 2], [1]]
    assert connection.execute(text(THREE)).fetchmany(2) == [(3,), (2,)]
    cursor = connection.connection.cursor()
    cursor.execute(THREE)
    assert list(cursor) == [(3,), (2,), (1,)]  # type: ignore[call-overload]
    assert cursor.fetchone() is None


def test_without_it_they_come_as_they_lie(clean_database: Database) -> None:
    """The control: a test that leans on their order passes."""
    leave_unordered_rows()
    try:
        engine = create_engine(clean_database.app_url)
        with engine.connect() as opened:
            assert read(opened, THREE) == [1, 2, 3]
        engine.dispose()
    finally:
        turn_unordered_rows()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT a FROM t", True),
        ("select a from t order\n by a", False),
        # Of a part, or of a name or a text, is none.
        ("SELECT a FROM (SELECT a FROM t ORDER BY a) AS x", True),
        ("SELECT array_agg(a ORDER BY a) FROM t", True),
        ("SELECT ')' || 'ORDER BY' AS \"order by\" FROM t -- ORDER BY a", True),
        ("WITH x AS (SELECT a FROM t ORDER BY a) SELECT a FROM x", True),
        ("WITH x AS (SELECT a FROM t) SELECT a FROM x ORDER BY a", False),
        ("UPDATE t SET a = 1 RETURNING id", True),
        ("DELETE FROM t WHERE id IN (SELECT 1) RETURNING id", True),
        ("UPDATE t SET a = 1", False),
        ("INSERT INTO t SELECT 1 RETURNING id", False),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT a FROM x RETURNING id", False),
        ("SET TIME ZONE 'UTC'", False),
    ],
)
def test_what_is_in_no_order(statement: str, expected: bool) -> None:
    assert is_unordered(statement) is expected
