"""Finding records of a kind by what stands on them: exact first, then beginnings, then parts."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Text, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.paging import contains
from dcim.records.fields import Field, TextType
from dcim.records.kinds import Kind
from dcim.records.listing import column_of

EXACT, BEGINS, CONTAINS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Match:
    """`field` is the one that fits, `value` what stands in it; `rank` 0 is exact, 2 a part."""

    id: int
    title: str
    field: Field
    value: str
    rank: int


def find_matches(
    session: Session, scope: Scope, kind: Kind, text: str, *, most: int = 12
) -> list[Match]:
    """The records of which a searched field holds the text, the best first; one statement.

    Beginnings are looked for on their own, by `lower(column)`, where an index serves; parts only
    until there are enough.
    """
    wanted = text.replace("\0", "").strip()[:100]
    if not wanted:
        return []
    fields = kind.searched or (kind.title_field,)
    columns = [_text_of(kind, one) for one in fields]
    lowered = [func.lower(column) for column in columns]
    beginning = contains(wanted.lower())[1:]
    exact = or_(*(column == wanted.lower() for column in lowered))
    reach = kind.reach(scope)
    title = _text_of(kind, kind.title_field)

    def part(rank: int, condition: Any, limit: int) -> Any:
        statement = select(
            kind.model.id.label("id"),  # type: ignore[attr-defined]
            title.label("title"),
            *(column.label(f"m{place}") for place, column in enumerate(columns)),
            literal(rank, Integer).label("rank"),
        ).where(condition)
        if reach is not None:
            statement = statement.where(reach)
        # A bracketed subquery of its own: each part keeps its own limit.
        return select(statement.limit(limit).subquery(f"part{rank}"))

    statement = union_all(
        part(EXACT, exact, most),
        part(BEGINS, or_(*(column.like(beginning) for column in lowered)), 2 * most),
        part(CONTAINS, or_(*(column.ilike(contains(wanted)) for column in columns)), 3 * most),
    ).limit(3 * most)
    found: dict[int, Match] = {}
    for row in session.execute(statement):
        if row.id in found:
            continue
        values = [str(value or "") for value in row[2:-1]]
        place = _best(values, wanted.lower())
        # What is said of another record, like whose it is, is no name of this one.
        own = fields[place].expression is None
        rank = row.rank if own else max(row.rank, BEGINS)
        found[row.id] = Match(row.id, str(row.title or ""), fields[place], values[place], rank)
    return sorted(found.values(), key=lambda one: (one.rank, one.title))[:most]


def _text_of(kind: Kind, one: Field) -> Any:
    column = column_of(kind, one)
    return column if isinstance(one.type, TextType) else cast(column, Text)


def _best(values: list[str], wanted: str) -> int:
    """Which value fits best."""
    ranks = [
        0 if low == wanted else 1 if low.startswith(wanted) else 2 if wanted in low else 3
        for low in (value.lower() for value in values)
    ]
    return ranks.index(min(ranks))
