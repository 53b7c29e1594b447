"""Lists in pages: how many rows there are, and one page of them as typed rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

Row = TypeVar("Row")
Other = TypeVar("Other")

MAX_SIZE = 500

Query: TypeAlias = Select[*tuple[Any, ...]]
AnyQuery = TypeVar("AnyQuery", bound=Query)


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page, counted from 1, and how many rows one has."""

    page: int = 1
    size: int = 50

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size


FIRST_PAGE = Paging()
# For pages and exports that show everything there is.
EVERYTHING = Paging(1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`total` counts the rows of all pages together."""

    items: list[Row]
    total: int
    page: int
    size: int

    def replace(self, items: list[Other]) -> "Page[Other]":
        return Page(items, self.total, self.page, self.size)


def narrow(statement: AnyQuery, *wanted: tuple[Any, Any]) -> AnyQuery:
    """Rows where each of these columns has its value; None asks for nothing."""
    for column, value in wanted:
        if value is not None:
            statement = statement.where(column == value)
    return statement


def fetch_page(
    session: Session, row_type: Callable[..., Row], statement: Query, paging: Paging
) -> Page[Row]:
    """Two statements, however many rows. The statement's column names are `row_type`'s fields."""
    counted = select(func.count()).select_from(statement.order_by(None).subquery())
    total = session.scalar(counted) or 0
    rows = session.execute(statement.limit(paging.size).offset(paging.offset))
    items = [row_type(**row._mapping) for row in rows]
    return Page(items, total, paging.page, paging.size)


def slice_page(rows: list[Row], paging: Paging) -> Page[Row]:
    """The same for rows that had to be computed before they could be put in order."""
    part = rows[paging.offset : paging.offset + paging.size]
    return Page(part, len(rows), paging.page, paging.size)


def count_pages(total: int, size: int) -> int:
    """One at least: an empty list has a page that says so."""
    return max(1, -(-total // size))


def contains(text: str) -> str:
    """A LIKE pattern (escape character backslash) for `text` anywhere, taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
