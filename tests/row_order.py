"""Rows that no ORDER BY puts in order come backwards: what leans on their order is found at once.

PostgreSQL gives them as they lie, and in a small table that is nearly always as they were inserted,
until one fits into a gap that an older one left. Then a page, a file or a test is another one, once
in a thousand runs. Here it is another one in every run.
"""

import re
from collections import deque
from functools import lru_cache
from typing import Any, Self

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

_PART = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|\border\s+by\b|\breturning\b|[a-z_]\w*|[()]",
    re.IGNORECASE | re.DOTALL,
)


@lru_cache(maxsize=4096)
def is_unordered(statement: str) -> bool:
    """Whether `statement` gives rows and doesn't say in what order: a SELECT without an ORDER BY of
    its own (one of a part in parentheses is none), or an UPDATE or DELETE with RETURNING. Rows that
    an INSERT returns are left alone: SQLAlchemy pairs them with what it inserted.
    """
    depth, verb, returns = 0, "", False
    for part in _PART.findall(statement):
        word = " ".join(part.lower().split())
        if part in "()":
            depth += 1 if part == "(" else -1
        elif depth == 0 and word == "order by":
            return False
        elif depth == 0 and word in {"select", "update", "delete", "insert", "merge"}:
            verb = verb or word
        elif depth == 0 and word == "returning":
            returns = True
    return verb == "select" or (returns and verb in {"update", "delete"})


class BackwardCursor(psycopg.Cursor[TupleRow]):
    """Gives rows in no order the wrong way round."""

    _turned: deque[TupleRow] | None = None
    _unordered = False

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Self:
        self._turned, self._unordered = None, isinstance(query, str) and is_unordered(query)
        return super().execute(query, *args, **kwargs)

    def _rows(self) -> deque[TupleRow]:
        if self._turned is None:
            self._turned = deque(reversed(super().fetchall()))
        return self._turned

    def fetchone(self) -> TupleRow | None:
        if not self._unordered:
            return super().fetchone()
        return self._rows().popleft() if self._rows() else None

    def fetchmany(self, size: int = 0) -> list[TupleRow]:
        if not self._unordered:
            return super().fetchmany(size)
        rows = self._rows()
        return [rows.popleft() for _ in range(min(size or self.arraysize, len(rows)))]

    def fetchall(self) -> list[TupleRow]:
        if not self._unordered:
            return super().fetchall()
        rows = list(self._rows())
        self._rows().clear()
        return rows

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> TupleRow:
        if (row := self.fetchone()) is None:
            raise StopIteration
        return row


def _turn(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    connection.cursor_factory = BackwardCursor


def turn_unordered_rows() -> None:
    """For every connection that SQLAlchemy opens in this process from now on."""
    if not event.contains(Pool, "connect", _turn):
        event.listen(Pool, "connect", _turn)


def leave_unordered_rows() -> None:
    """For the controls."""
    event.remove(Pool, "connect", _turn)
