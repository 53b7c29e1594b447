"""Finding records by what stands on them: exact first, then beginnings, then parts.

Staff alone can ask: it reaches across tenants.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.errors import ForbiddenError
from dcim.records.fields import Field
from dcim.records.kinds import Kind
from dcim.records.listing import column_of
from dcim.records.search_index import call_search, clean_words, indexed_fields, source_of

EXACT, BEGINS, CONTAINS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Match:
    """`field` is the one that fits, `value` what stands in it; `rank` 0 is exact, 2 a part."""

    kind: Kind
    id: int
    title: str
    field: Field
    value: str
    rank: int


def find_matches(
    session: Session,
    scope: Scope,
    kinds: Sequence[Kind],
    text: str,
    *,
    most: int = 12,
) -> list[Match]:
    """The records of which a searched field holds the text: of each kind the `most` best, in the
    order of the kinds.

    One statement to find them, one for each kind that has some. Parts are found from three letters
    on, or two of Chinese; beginnings from two and one.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff search everything.")
    wanted = clean_words(text)
    sources = {source_of(kind): kind for kind in kinds if indexed_fields(kind)}
    if not wanted or not sources:
        return []
    rows = call_search(wanted, list(sources), most)
    ids: dict[str, set[int]] = defaultdict(set)
    for source, record_id in session.execute(select(rows.c.source, rows.c.record_id)):
        ids[source].add(record_id)
    return [
        match
        for source, kind in sources.items()
        if ids[source]
        for match in _read_matches(session, scope, kind, ids[source], wanted.lower())[:most]
    ]


def _read_matches(
    session: Session, scope: Scope, kind: Kind, ids: set[int], wanted: str
) -> list[Match]:
    fields = indexed_fields(kind)
    statement = _select_texts(kind).where(is_among(kind.model.id, ids))  # type: ignore[attr-defined]
    reach = kind.reach(scope)
    if reach is not None:
        statement = statement.where(reach)
    found = []
    for record_id, title, *values in session.execute(statement):
        texts = ["" if value is None else str(value) for value in values]
        ranks = [_rank(value.lower(), wanted) for value in texts]
        rank = min(ranks)
        place = ranks.index(rank)
        found.append(
            Match(kind, record_id, _show(title), fields[place], texts[place], min(rank, CONTAINS))
        )
    return sorted(found, key=lambda one: (one.rank, one.title, one.id))


@cache
def _select_texts(kind: Kind) -> Any:
    fields = (kind.title_field, *indexed_fields(kind))
    return select(kind.model.id, *(column_of(kind, one) for one in fields))  # type: ignore[attr-defined]


def _rank(value: str, wanted: str) -> int:
    if value.strip() == wanted:
        return EXACT
    return BEGINS if value.startswith(wanted) else CONTAINS if wanted in value else CONTAINS + 1


def _show(title: Any) -> str:
    return "" if title is None else str(title)
