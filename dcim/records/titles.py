"""What records are called: their titles, their paths, and which record a path names."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Text, cast, func, select, tuple_
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.records.fields import Field, ReferenceType
from dcim.records.kinds import Kind

SEPARATOR = "/"
ENGLISH = "name_en"


def read_in_english(session: Session) -> None:
    """What this session reads is shown to somebody who reads English."""
    session.info[ENGLISH] = True


def _column(kind: Kind, one: Field) -> Any:
    return one.expression() if one.expression else getattr(kind.model, one.name)


def _select(kind: Kind, scope: Scope, *columns: Any) -> Any:
    statement = select(kind.model.id, *columns)  # type: ignore[attr-defined]
    condition = kind.reach(scope)
    return statement if condition is None else statement.where(condition)


def find_titles(session: Session, scope: Scope, kind: Kind, ids: Collection[int]) -> dict[int, str]:
    """The titles of those records that the scope reaches; one statement.

    In English, for a kind whose name has one, where `read_in_english` was said of the session.
    """
    title = _column(kind, kind.title_field)
    if session.info.get(ENGLISH) and kind.title_field.name == "name" and kind.has(ENGLISH):
        title = func.coalesce(func.nullif(_column(kind, kind.field(ENGLISH)), ""), title)
    statement = _select(kind, scope, title).where(is_among(kind.model.id, ids))  # type: ignore[attr-defined]
    return {record_id: str(title) for record_id, title in session.execute(statement)}


def find_paths(session: Session, scope: Scope, kind: Kind, ids: Collection[int]) -> dict[int, str]:
    """The full paths ("SH1/R1/A/A-01") of these records; one statement for each level above."""
    parts: list[Field] = [kind.shown(kind.field(name)) for name in kind.key]
    columns = [_column(kind, one) for one in parts]
    statement = _select(kind, scope, *columns).where(is_among(kind.model.id, ids))  # type: ignore[attr-defined]
    rows = session.execute(statement).all()
    above: dict[str, dict[int, str]] = {}
    for place, one in enumerate(parts, start=1):
        if isinstance(one.type, ReferenceType):
            wanted = {row[place] for row in rows if row[place] is not None}
            above[one.name] = find_paths(session, scope, one.type.kind(), wanted) if wanted else {}
    found = {}
    for row in rows:
        words = [
            above[one.name].get(value, "") if one.name in above else one.type.write(value)
            for one, value in zip(parts, row[1:], strict=True)
            if value is not None
        ]
        found[row[0]] = SEPARATOR.join(words)
    return found


def resolve_paths(
    session: Session, scope: Scope, kind: Kind, texts: Iterable[str]
) -> dict[str, list[int]]:
    """The ids that each text names, in their order: a whole path, its unambiguous end ("A-01"), or
    the title.

    None or several ids: the text names nothing, or not one thing. A statement for each level.
    """
    wanted = {text for text in texts if text}
    found: dict[str, list[int]] = {text: [] for text in wanted}
    own = kind.field(kind.key[-1])
    by_code: dict[str, list[str]] = {}
    for text in wanted:
        parts = text.split(SEPARATOR)
        # A code may hold the separator itself ("RPP-A1/Q02"): every end of the text may be one.
        for place in range(len(parts)):
            code = SEPARATOR.join(parts[place:]).strip().lower()
            by_code.setdefault(code, []).append(text)
    ids_by_code = _find_by_code(session, scope, kind, own, by_code)
    every = [record_id for ids in ids_by_code.values() for record_id in ids]
    paths = find_paths(session, scope, kind, every) if every else {}
    for code, texts_of in by_code.items():
        for text in texts_of:
            ending = _normalise(text)
            for record_id in ids_by_code.get(code, ()):
                path = _normalise(paths[record_id])
                if path == ending:
                    found[text] = [record_id]
                    break
                if path.endswith(SEPARATOR + ending):
                    found[text].append(record_id)
    unnamed = {text for text, ids in found.items() if not ids}
    if unnamed and kind.title and kind.title != own.name:
        found |= _find_by_title(session, scope, kind, unnamed)
    return {text: sorted(ids) for text, ids in found.items()}


def _find_by_code(
    session: Session, scope: Scope, kind: Kind, own: Field, codes: Collection[str]
) -> dict[str, list[int]]:
    column = func.lower(cast(_column(kind, own), Text))
    statement = _select(kind, scope, column).where(column.in_(list(codes)))
    found: dict[str, list[int]] = {}
    for record_id, code in session.execute(statement):
        found.setdefault(code, []).append(record_id)
    return found


def _find_by_title(
    session: Session, scope: Scope, kind: Kind, texts: Collection[str]
) -> dict[str, list[int]]:
    column = func.lower(_column(kind, kind.title_field))
    lowered = {text.strip().lower(): text for text in texts}
    statement = _select(kind, scope, column).where(column.in_(list(lowered)))
    found: dict[str, list[int]] = {text: [] for text in texts}
    for record_id, title in session.execute(statement):
        found[lowered[title]].append(record_id)
    return found


def _normalise(path: str) -> str:
    return SEPARATOR.join(part.strip() for part in path.split(SEPARATOR)).lower()


def find_by_key(
    session: Session, scope: Scope, kind: Kind, keys: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], int]:
    """The records that have these values in the kind's key fields; one statement."""
    columns = [_column(kind, kind.field(name)) for name in kind.key]
    if not keys:
        return {}
    statement = _select(kind, scope, *columns).where(tuple_(*columns).in_(list(keys)))
    return {tuple(row[1:]): row[0] for row in session.execute(statement)}
