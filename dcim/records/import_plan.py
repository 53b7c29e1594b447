"""What a sheet would do, row by row, and everything that is wrong with it, before anything is done.

References, records that exist and names that are taken are looked up for all rows at once: the
number of statements grows with the number of columns, never with that of rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, UniqueConstraint, select, tuple_
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError, JifangError, Named
from dcim.records.fields import (
    ChoiceType,
    Field,
    FieldValueError,
    ReferenceType,
    mark,
)
from dcim.records.kinds import Kind, Values
from dcim.records.sheet_reading import Sheet, SheetRow, unquote_formula
from dcim.records.suggestions import find_nearest
from dcim.records.titles import find_by_key, find_paths, resolve_paths
from dcim.records.values import InvalidValuesError, judge_values

# PostgreSQL takes 65,535 parameters in one statement.
CHUNK = 5000
# No real tree is deeper; a ring of rows would be.
DEEPEST = 50
CREATE, UPDATE, SKIP = "create", "update", "skip"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell (or, without a column, the row). `error` is told by the face."""

    row: int
    column: str
    value: str
    error: JifangError | FieldValueError


@dataclass(slots=True)
class PlannedRow:
    """`values` typed, with what the sheet gives only. `record_id` is the record it would change.

    `awaited`: references to records that the sheet itself brings, as field → row number; `depth`
    is how many rows have to be written before this one, one after the other.
    """

    number: int
    values: Values
    deed: str = CREATE
    record_id: int | None = None
    awaited: dict[str, int] = field(default_factory=dict)
    depth: int = 0


@dataclass(slots=True)
class Plan:
    rows: list[PlannedRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def count(self, deed: str) -> int:
        return sum(row.deed == deed for row in self.rows)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What columns and choices may be called besides their own names, lower-cased: the labels in
    the languages we speak. Made by a face, which knows the translations."""

    headers: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[tuple[str, str], str] = field(default_factory=dict)


def make_vocabulary(kind: Kind, say: Sequence[Callable[[str], str]]) -> Vocabulary:
    """`say`: translations, one function for each language."""
    headers: dict[str, str] = {}
    choices: dict[tuple[str, str], str] = {}
    for one in kind.fields:
        for word in (one.label, *(speak(one.label) for speak in say)):
            headers.setdefault(word.strip().lower(), one.name)
        if isinstance(one.type, ChoiceType):
            for value, label in one.type.words.items():
                for word in (value, label, *(speak(label) for speak in say)):
                    choices.setdefault((one.name, word.strip().lower()), value)
    return Vocabulary(headers, choices)


def plan_import(
    session: Session,
    scope: Scope,
    kind: Kind,
    sheet: Sheet,
    vocabulary: Vocabulary = Vocabulary(),
    *,
    existing: str = UPDATE,
) -> Plan:
    """Read every cell, resolve every reference, find every record. Writes nothing."""
    plan = Plan()
    columns = _match_headers(kind, sheet, vocabulary, plan)
    if columns is None:
        return plan
    texts = [_pick_cells(row, columns) for row in sheet.rows]
    references = _resolve_references(session, scope, kind, columns, texts)
    inside = _find_inside(kind, sheet, texts, references)
    for row, cells in zip(sheet.rows, texts, strict=True):
        awaited = {
            name: inside[name, text]
            for name, text in cells.items()
            if (name, text) in inside and inside[name, text] != row.number
        }
        here = {name: text for name, text in cells.items() if name not in awaited}
        values = _read_row(kind, row, here, references, vocabulary, plan)
        plan.rows.append(PlannedRow(row.number, values, awaited=awaited))
    _find_depths(plan)
    broken = {problem.row for problem in plan.problems}
    _match_records(session, scope, kind, plan, existing, broken)
    _complete_rows(kind, plan, broken)
    _find_taken(session, scope, kind, plan, broken)
    plan.problems.sort(key=lambda one: (one.row, one.column))
    return plan


def _match_headers(
    kind: Kind, sheet: Sheet, vocabulary: Vocabulary, plan: Plan
) -> dict[int, Field] | None:
    """Column number → field. None when the sheet can't be meant for this kind."""
    found: dict[int, Field] = {}
    seen: dict[str, str] = {}
    for number, header in enumerate(sheet.headers):
        word = header.strip().rstrip("*").strip().lower()
        name = word if kind.has(word) else vocabulary.headers.get(word, "")
        if not name:
            plan.problems.append(Problem(1, header, "", _refuse_header(kind, word, vocabulary)))
        elif not kind.field(name).writable:
            # Exports hold computed columns too; they are passed over.
            continue
        elif name in seen:
            error = FieldValueError(
                mark("This column stands twice, also as %(name)s."), name=seen[name]
            )
            plan.problems.append(Problem(1, header, "", error))
        else:
            seen[name] = header
            found[number] = kind.field(name)
    for name in kind.key:
        one = kind.field(name)
        if one.required and one.writable and name not in seen:
            error = FieldValueError(mark("This column is missing."))
            plan.problems.append(Problem(1, name, "", error))
    return None if plan.problems else found


def _refuse_header(kind: Kind, word: str, vocabulary: Vocabulary) -> FieldValueError:
    """Names the columns there are, and the one that may have been meant."""
    columns = {one.name: one.label for one in kind.fields if one.writable}
    names = Named((label, name) for name, label in columns.items())
    spoken = {**vocabulary.headers, **{name: name for name in columns}}
    known = {one: name for one, name in spoken.items() if name in columns}
    nearest = find_nearest(word, known)
    if nearest is None:
        return FieldValueError(mark("No column is called so. There are: %(names)s."), names=names)
    return FieldValueError(
        mark("No column is called so. Did you mean %(nearest)s? There are: %(names)s."),
        nearest=Named([(columns[nearest], nearest)]),
        names=names,
    )


def _pick_cells(row: SheetRow, columns: Mapping[int, Field]) -> dict[str, str]:
    return {one.name: unquote_formula(row.cells[number]) for number, one in columns.items()}


def _resolve_references(
    session: Session,
    scope: Scope,
    kind: Kind,
    columns: Mapping[int, Field],
    texts: Sequence[Mapping[str, str]],
) -> dict[str, dict[str, list[int]]]:
    found = {}
    for one in columns.values():
        if isinstance(one.type, ReferenceType):
            wanted = sorted({cells[one.name] for cells in texts if cells[one.name]})
            resolved: dict[str, list[int]] = {}
            for start in range(0, len(wanted), CHUNK):
                part = wanted[start : start + CHUNK]
                resolved |= resolve_paths(session, scope, one.type.kind(), part)
            found[one.name] = resolved
    return found


def _find_inside(
    kind: Kind,
    sheet: Sheet,
    texts: Sequence[Mapping[str, str]],
    references: Mapping[str, Mapping[str, list[int]]],
) -> dict[tuple[str, str], int]:
    """(field, text) → row, for references to records of this kind that the sheet itself brings.

    A whole tree can so come in one sheet: a panel's row names the panel's parent by its code, or
    by its whole path. What exists already goes before what the sheet brings.
    """
    own = kind.key[-1]
    by_code: dict[str, list[int]] = {}
    for row, cells in zip(sheet.rows, texts, strict=True):
        by_code.setdefault(cells.get(own, "").lower(), []).append(row.number)
    found = {}
    for name, resolved in references.items():
        field_type = kind.field(name).type
        if not isinstance(field_type, ReferenceType) or field_type.kind().name != kind.name:
            continue
        for text, ids in resolved.items():
            rows = by_code.get(text.lower()) or by_code.get(text.rsplit("/", 1)[-1].lower(), [])
            if not ids and len(rows) == 1:
                found[name, text] = rows[0]
    return found


def _find_depths(plan: Plan) -> None:
    """How many rows each waits for; one that waits for itself, or for too many, is a problem."""
    rows = {row.number: row for row in plan.rows}
    for row in plan.rows:
        wave = set(row.awaited.values())
        while wave and row.number not in wave and row.depth < DEEPEST:
            row.depth += 1
            wave = {target for number in wave for target in rows[number].awaited.values()}
        if wave:
            name, target = next(iter(row.awaited.items()))
            error = FieldValueError(mark("Row %(row)s leads back to this one."), row=target)
            plan.problems.append(Problem(row.number, name, "", error))


def _read_row(
    kind: Kind,
    row: SheetRow,
    cells: Mapping[str, str],
    references: Mapping[str, Mapping[str, list[int]]],
    vocabulary: Vocabulary,
    plan: Plan,
) -> Values:
    values: Values = {}
    for name, text in cells.items():
        one = kind.field(name)
        try:
            values[name] = _read_cell(one, text, references, vocabulary)
        except FieldValueError as error:
            plan.problems.append(Problem(row.number, name, text, error))
    return values


def _read_cell(
    one: Field,
    text: str,
    references: Mapping[str, Mapping[str, list[int]]],
    vocabulary: Vocabulary,
) -> Any:
    if not text:
        return None
    if isinstance(one.type, ReferenceType):
        ids = references[one.name].get(text, [])
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise FieldValueError(
                mark("%(count)s records are called so. Write the whole path."), count=len(ids)
            )
        raise FieldValueError(
            mark("There is no %(kind)s of this name."), kind=one.type.kind().label
        )
    if isinstance(one.type, ChoiceType):
        value = vocabulary.choices.get((one.name, text.lower()), text)
        if value in one.type.words:
            return one.type.judge(value)
        spoken = {word: stored for (name, word), stored in vocabulary.choices.items()
                  if name == one.name}  # fmt: skip
        raise one.type.refuse(text, spoken)
    return one.type.judge(one.type.read(text))


def _match_records(
    session: Session, scope: Scope, kind: Kind, plan: Plan, existing: str, broken: set[int]
) -> None:
    """Which rows are about a record that exists; the same record twice is a problem."""
    if kind.settle is not None:
        kind.settle(session, [row.values for row in plan.rows if row.number not in broken])
    keys: dict[tuple[Any, ...], PlannedRow] = {}
    for row in plan.rows:
        if row.number in broken:
            continue
        key = tuple(row.values.get(name) for name in kind.key)
        if any(value is None for value in key):
            continue
        first = keys.setdefault(key, row)
        if first is not row:
            error = FieldValueError(mark("Row %(row)s is about the same record."), row=first.number)
            plan.problems.append(Problem(row.number, kind.key[-1], _text(kind, row), error))
            broken.add(row.number)
    known: dict[tuple[Any, ...], int] = {}
    wanted = list(keys)
    for start in range(0, len(wanted), CHUNK):
        known |= find_by_key(session, scope, kind, wanted[start : start + CHUNK])
    for key, row in keys.items():
        if key in known:
            row.record_id = known[key]
            row.deed = UPDATE if existing == UPDATE else SKIP


def _text(kind: Kind, row: PlannedRow) -> str:
    value = row.values.get(kind.key[-1])
    return "" if value is None else kind.field(kind.key[-1]).type.write(value)


def _complete_rows(kind: Kind, plan: Plan, broken: set[int]) -> None:
    """New records get their defaults; what is missing is said."""
    for row in plan.rows:
        if row.number in broken or row.deed == SKIP:
            continue
        try:
            given = row.values
            if row.deed == CREATE:
                # An empty cell of a new record means its default.
                given = {name: value for name, value in given.items() if value is not None}
            # A record to come stands for itself: the number is put in when it has one.
            given = {**given, **dict.fromkeys(row.awaited, 1)}
            row.values = judge_values(kind, given, partial=row.deed == UPDATE)
            for name in row.awaited:
                del row.values[name]
        except InvalidValuesError as error:
            for name, found in error.problems.items():
                plan.problems += [Problem(row.number, name, "", one) for one in found]
            broken.add(row.number)


def _find_taken(session: Session, scope: Scope, kind: Kind, plan: Plan, broken: set[int]) -> None:
    """Names, serials and whatever else may occur once: in the sheet, and in what is there."""
    for names in _unique_sets(kind):
        if set(names) == set(kind.key):
            continue
        seen: dict[tuple[Any, ...], PlannedRow] = {}
        for row in plan.rows:
            if row.number in broken or row.deed == SKIP:
                continue
            value = tuple(row.values.get(name) for name in names)
            if any(part is None for part in value):
                continue
            first = seen.setdefault(value, row)
            if first is not row:
                error = FieldValueError(mark("Row %(row)s has the same."), row=first.number)
                plan.problems.append(Problem(row.number, names[-1], str(value[-1]), error))
        _find_holders(session, scope, kind, names, seen, plan)


def _find_holders(
    session: Session,
    scope: Scope,
    kind: Kind,
    names: tuple[str, ...],
    seen: Mapping[tuple[Any, ...], PlannedRow],
    plan: Plan,
) -> None:
    model: Any = kind.model
    columns = [getattr(model, name) for name in names]
    wanted = list(seen)
    holders: dict[int, tuple[Any, ...]] = {}
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        statement = select(model.id, *columns).where(tuple_(*columns).in_(part))
        for found in session.execute(statement):
            value = tuple(found[1:])
            if seen[value].record_id != found[0]:
                holders[found[0]] = value
    if not holders:
        return
    paths = find_paths(session, scope, kind, list(holders))
    for record_id, value in holders.items():
        error = FieldValueError(mark("%(holder)s has the same."), holder=paths.get(record_id, "?"))
        plan.problems.append(Problem(seen[value].number, names[-1], str(value[-1]), error))


def _unique_sets(kind: Kind) -> list[tuple[str, ...]]:
    """Sets of fields that may not repeat, by the table's own constraints."""
    table: Table = kind.model.__table__  # type: ignore[assignment]
    found = [
        tuple(column.name for column in constraint.columns)
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    for index in table.indexes:
        partial = index.dialect_options["postgresql"].get("where") is not None
        if index.unique and not partial:
            found.append(tuple(column.name for column in index.columns))
    return [
        names
        for names in dict.fromkeys(found)
        if all(kind.has(name) and kind.field(name).writable for name in names)
    ]


def tell_problems(row: int, error: JifangError) -> list[Problem]:
    """A refusal of the service as problems of the row's cells."""
    if isinstance(error, InvalidValuesError):
        return [
            Problem(row, name, "", one) for name, found in error.problems.items() for one in found
        ]
    if isinstance(error, InvalidError) and error.fields:
        return [Problem(row, name, "", error) for name in error.fields]
    return [Problem(row, "", "", error)]
