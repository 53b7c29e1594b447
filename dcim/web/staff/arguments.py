"""What stands in a list's URL: page, sort order, filters; and links that keep the rest."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request

from dcim.paging import Page, Paging

PAGE_SIZE = 50
# Beyond this nobody pages; PostgreSQL's OFFSET would only get slow.
LAST_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class Listing:
    """`base` is the query without the page, `unsorted` without page and sort; both end open."""

    paging: Paging
    sort: str
    descending: bool
    base: str
    unsorted: str

    def pages_of(self, page: Page[object]) -> int:
        return max(1, -(-page.total // page.size))

    @property
    def sort_text(self) -> str:
        return f"-{self.sort}" if self.descending else self.sort


def read_listing(sorts: tuple[str, ...] = ("",), size: int = PAGE_SIZE) -> Listing:
    """Unknown sorts and pages fall back to the first: a mistyped link still shows the list."""
    wanted = request.args.get("sort", "")
    sort = wanted.removeprefix("-")
    known = sort in sorts
    kept = [
        (key, value)
        for key, value in request.args.items(multi=True)
        if key not in {"page", "lang"} and value
    ]
    return Listing(
        paging=Paging(min(max(read_int("page") or 1, 1), LAST_PAGE), size),
        sort=sort if known else sorts[0],
        descending=known and wanted.startswith("-"),
        base=_open_query(kept),
        unsorted=_open_query([(key, value) for key, value in kept if key != "sort"]),
    )


def read_int(name: str) -> int | None:
    """None for what is no positive number of PostgreSQL's bigint."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def read_text(name: str, longest: int = 100) -> str:
    """Trimmed, and without the NUL that PostgreSQL refuses."""
    return request.args.get(name, "").replace("\0", "").strip()[:longest]


def read_day(name: str) -> dt.date | None:
    """None for what is no day, or none that a person means."""
    try:
        day = dt.date.fromisoformat(read_text(name, 10))
    except ValueError:
        return None
    # The day after the last one can't be written.
    return day if dt.date(1971, 1, 1) <= day <= dt.date(9000, 1, 1) else None


def _open_query(pairs: list[tuple[str, str]]) -> str:
    return f"?{urlencode(pairs)}&" if pairs else "?"
