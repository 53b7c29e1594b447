"""Lists of records: what a URL asks for, as typed filters, and the page that answers it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Text, case, cast, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.errors import Named, NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, Query, contains
from dcim.records.fields import (
    Field,
    FieldValueError,
    FlagType,
    NetworkType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind
from dcim.records.record import Record
from dcim.records.search_index import matching_ids
from dcim.records.titles import find_titles
from dcim.schema import TENANT_TABLES

# How a filter's name in a URL ends, and what it asks: `serial__contains=SN`.
OPERATORS = ("is", "not", "contains", "from", "to", "empty")
# What stands in a list's URL besides filters.
RESERVED = frozenset({"q", "sort", "page", "size", "lang", "columns", "view"})
MOST_VALUES = 100
# The column that says how many fit in all; no field is called so.
MATCHED = "matched "
LARGE, KEPT_S, MOST_COUNTS = 10_000, 10.0, 1_000
_counts: WeakKeyDictionary[Any, dict[Any, tuple[float, int]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Filter:
    """`values` are typed as the field's; several of "is" mean any of them, of "not" none."""

    field: str
    operator: str
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        """As it stands in the URL."""
        return self.field if self.operator == "is" else f"{self.field}__{self.operator}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a list shall show. `text` is looked for in the kind's searched fields."""

    text: str = ""
    filters: tuple[Filter, ...] = ()
    # (field, descending) in order of weight.
    sort: tuple[tuple[str, bool], ...] = ()
    # What could not be understood, by the name in the URL.
    problems: Mapping[str, FieldValueError] = field(default_factory=dict)


def read_wish(kind: Kind, pairs: Iterable[tuple[str, str]], *, internal: bool = True) -> Wish:
    """Understand a query string; what makes no sense is in `problems`, and left out.

    `internal` is whether the asker may filter by fields that customers don't see.
    """
    collected: dict[tuple[str, str], list[str]] = {}
    text, sort = "", ""
    problems: dict[str, FieldValueError] = {}
    for name, value in pairs:
        if "\0" in value:
            problems[name] = FieldValueError(mark("Control characters can't be accepted."))
        elif name == "q":
            text = value.strip()[:100]
        elif name == "sort":
            sort = value
        elif name not in RESERVED and value.strip():
            base, _, operator = name.partition("__")
            collected.setdefault((base, operator or "is"), []).append(value.strip())
    filters = []
    for (base, operator), values in collected.items():
        name = base if operator == "is" else f"{base}__{operator}"
        try:
            filters.append(_read_filter(kind, base, operator, values, internal))
        except FieldValueError as error:
            problems[name] = error
    order, unknown = _read_sort(kind, sort, internal)
    if unknown:
        problems["sort"] = FieldValueError(
            mark("Not one of the choices: %(choices)s."),
            choices=Named(
                (one.label, one.name)
                for one in kind.fields
                if one.sorted and (internal or not one.internal)
            ),
        )
    return Wish(text, tuple(filters), order, problems)


def _read_filter(
    kind: Kind, name: str, operator: str, values: Sequence[str], internal: bool
) -> Filter:
    one = kind.field(name) if kind.has(name) else None
    if one is None or not one.filtered or (one.internal and not internal):
        raise FieldValueError(mark("There is nothing of this name to filter by."))
    if operator not in OPERATORS:
        raise FieldValueError(
            mark("Not one of the choices: %(choices)s."), choices=", ".join(OPERATORS)
        )
    if len(values) > MOST_VALUES:
        raise FieldValueError(mark("At most %(count)s values."), count=MOST_VALUES)
    if operator == "empty":
        return Filter(name, operator, (FlagType().read(values[-1]),))
    if operator == "contains":
        if not isinstance(one.type, TextType | NetworkType):
            raise FieldValueError(mark("Only texts are searched for parts."))
        return Filter(name, operator, (values[-1][:100],))
    if operator in {"from", "to"} and isinstance(one.type, TextType | ReferenceType | FlagType):
        raise FieldValueError(mark("This has no order to compare by."))
    read = [_read_value(one, value) for value in values]
    return Filter(name, operator, tuple(read[-1:] if operator in {"from", "to"} else read))


def _read_value(one: Field, text: str) -> Any:
    if isinstance(one.type, ReferenceType):
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise FieldValueError(mark("The number of a record is needed here."))
        return int(text)
    return one.type.judge(one.type.read(text))


def _read_sort(
    kind: Kind, text: str, internal: bool
) -> tuple[tuple[tuple[str, bool], ...], list[str]]:
    """The order, and what was no field to sort by."""
    order, unknown = [], []
    for part in [part for part in text.split(",")[:3] if part]:
        name = part.removeprefix("-")
        known = kind.has(name) and kind.field(name).sorted
        if known and (internal or not kind.field(name).internal):
            order.append((name, part.startswith("-")))
        else:
            unknown.append(name)
    return tuple(order), unknown


def column_of(kind: Kind, one: Field) -> Any:
    """The SQL expression of a field."""
    return one.expression() if one.expression else getattr(kind.model, one.name)


def select_records(kind: Kind, scope: Scope, names: Iterable[str] | None = None) -> Query:
    """The kind's records within the scope's reach: `id` and the fields wanted (all by default)."""
    statement = _select_fields(kind, scope.is_staff, None if names is None else frozenset(names))
    condition = kind.reach(scope)
    return statement if condition is None else statement.where(condition)


@lru_cache(maxsize=500)
def _select_fields(kind: Kind, internal: bool, names: frozenset[str] | None) -> Query:
    """Made once: to put it together takes about as long as to ask it."""
    wanted = None if names is None else {part for name in names for part in _read_with(kind, name)}
    columns = [
        column_of(kind, one).label(one.name)
        for one in kind.fields
        if (internal or not one.internal) and (wanted is None or one.name in wanted)
    ]
    statement: Query = select(kind.model.id.label("id"), *columns)  # type: ignore[attr-defined]
    return statement


def _read_with(kind: Kind, name: str) -> tuple[str, str]:
    return name, kind.shown(kind.field(name)).name


def conditions_of(kind: Kind, wish: Wish, scope: Scope | None = None) -> list[ColumnElement[bool]]:
    """What the wish asks, of what `scope` (none: staff) sees: nobody finds records by what he
    isn't shown."""
    customer = None if scope is None or scope.is_staff else scope
    found = []
    for wanted in wish.filters:
        one = kind.field(wanted.field)
        column = column_of(kind, one) if customer is None else seen_column(kind, one, customer)
        found.append(_condition(one, column, wanted))
    if wish.text and customer is None and (ids := matching_ids(kind, wish.text)) is not None:
        found.append(kind.model.id.in_(ids))  # type: ignore[attr-defined]
    elif wish.text:
        pattern = contains(wish.text)
        texts = [
            cast(column_of(kind, one), Text).ilike(pattern)
            if not isinstance(one.type, TextType)
            else column_of(kind, one).ilike(pattern)
            for one in kind.searched or (kind.title_field,)
            if customer is None or not one.internal
        ]
        found.append(or_(false(), *texts))
    return found


def seen_column(kind: Kind, one: Field, scope: Scope) -> Any:
    """A field as the scope is shown it: a reference to what lies out of its reach is none."""
    column = column_of(kind, one)
    if not isinstance(one.type, ReferenceType):
        return column
    other = one.type.kind()
    reach = other.reach(scope)
    if reach is None:
        return column
    within = select(other.model.id).where(reach)  # type: ignore[attr-defined]
    return case((column.in_(within), column))


def _condition(one: Field, column: Any, wanted: Filter) -> ColumnElement[bool]:
    condition: ColumnElement[bool]
    if wanted.operator == "empty":
        blank = column.is_(None)
        if isinstance(one.type, TextType):
            blank = or_(blank, column == "")
        condition = blank if wanted.values[0] else ~blank
    elif wanted.operator == "contains":
        text = column if isinstance(one.type, TextType) else cast(column, Text)
        condition = text.ilike(contains(wanted.values[0]))
    elif wanted.operator == "from":
        condition = column >= wanted.values[0]
    elif wanted.operator == "to":
        condition = column <= wanted.values[0]
    elif wanted.operator == "not":
        condition = or_(column.is_(None), column.not_in(wanted.values))
    else:
        condition = column.in_(wanted.values)
    return condition


def put_in_order(statement: Query, kind: Kind, wish: Wish) -> Query:
    """The statement with its sort order, by id last so that pages don't overlap. References sort by
    their title."""
    order = wish.sort or _default_order(kind)
    for name, descending in order:
        statement, column = _sort_column(statement, kind, kind.field(name))
        clause = column.desc().nulls_last() if descending else column.asc().nulls_last()
        statement = statement.order_by(clause)
    return statement.order_by(kind.model.id)  # type: ignore[attr-defined]


def _default_order(kind: Kind) -> tuple[tuple[str, bool], ...]:
    text = kind.default_sort or ",".join(kind.key)
    return tuple((part.removeprefix("-"), part.startswith("-")) for part in text.split(","))


def _sort_column(statement: Query, kind: Kind, one: Field) -> tuple[Query, Any]:
    """What to sort by, and the statement with what it needs: joined, for a subquery would be asked
    for each record of the kind, not for each of the page."""
    if not isinstance(one.type, ReferenceType):
        return statement, column_of(kind, one)
    other = one.type.kind()
    if other.title_field.expression is not None:
        return statement, column_of(kind, one)
    named = aliased(other.model)
    # Where every record has one that nobody is kept from, PostgreSQL may walk the titles in their
    # order and stop at the page's end.
    always = (
        one.expression is None
        and not kind.model.__table__.c[one.name].nullable
        and other.model.__tablename__ not in TENANT_TABLES
    )
    statement = statement.join(
        named,
        named.id == column_of(kind, one),  # type: ignore[attr-defined]
        isouter=not always,
    )
    return statement, getattr(named, other.title_field.name)


def list_records(
    session: Session,
    scope: Scope,
    kind: Kind,
    wish: Wish = Wish(),
    paging: Paging = FIRST_PAGE,
    *,
    names: Iterable[str] | None = None,
) -> Page[Record]:
    """One page. Statements: one for the page, one to count unless a text is looked for, and some
    for each kind referred to.

    The total of more than 10,000 may be some seconds old: to count them takes longer than all else.
    """
    statement = select_records(kind, scope, names).where(*conditions_of(kind, wish, scope))
    if wish.text:
        # Counted beside: what holds the text is looked for once.
        statement = statement.add_columns(func.count().over().label(MATCHED))
    rows = session.execute(
        put_in_order(statement, kind, wish).limit(paging.size).offset(paging.offset)
    ).all()
    if wish.text and (rows or not paging.offset):
        total = rows[0]._mapping[MATCHED] if rows else 0
    else:
        total = remember_count(session, scope, kind, wish)
    return Page(make_records(session, scope, kind, rows), total, paging.page, paging.size)


def remember_count(session: Session, scope: Scope, kind: Kind, wish: Wish) -> int:
    """As `count_records`; a large count of staff's is kept for a few seconds in this process."""
    if not scope.is_staff:
        return count_records(session, scope, kind, wish)
    known = _counts.setdefault(session.get_bind(), {})
    key = (kind.name, wish.text, wish.filters)
    now = time.monotonic()
    # Other threads may clear what is known at any moment.
    until, total = known.get(key, (0.0, 0))
    if until < now:
        total = count_records(session, scope, kind, wish)
        if len(known) > MOST_COUNTS:
            known.clear()
        if total >= LARGE:
            known[key] = (now + KEPT_S, total)
    return total


def count_records(session: Session, scope: Scope, kind: Kind, wish: Wish = Wish()) -> int:
    condition = kind.reach(scope)
    statement = select(func.count(kind.model.id)).where(  # type: ignore[attr-defined]
        *conditions_of(kind, wish, scope),
        *(() if condition is None else (condition,)),
    )
    return session.scalar(statement) or 0


def find_record(session: Session, scope: Scope, kind: Kind, record_id: int) -> Record:
    """Raises NotFoundError for an absent record and for one out of reach alike."""
    row = session.execute(
        select_records(kind, scope).where(kind.model.id == record_id)  # type: ignore[attr-defined]
    ).one_or_none()
    if row is None:
        raise NotFoundError("There is no such record.")
    return make_records(session, scope, kind, [row])[0]


def make_records(session: Session, scope: Scope, kind: Kind, rows: Sequence[Any]) -> list[Record]:
    """Records of rows that `select_records` gave, with the titles of what they refer to.

    For a customer, what lies out of its reach is not named, not even by its number.
    """
    names = rows[0]._fields if rows else ()
    maps = [dict(zip(names, row, strict=True)) for row in rows]
    for each in maps:
        each.pop(MATCHED, None)
    titles: dict[str, dict[int, str]] = {}
    for one in kind.references:
        ids = {each[one.name] for each in maps if each.get(one.name) is not None}
        if ids and isinstance(one.type, ReferenceType):
            titles[one.name] = find_titles(session, scope, one.type.kind(), ids)
    records = []
    for each in maps:
        record_id = each.pop("id")
        named: dict[str, str] = {}
        for name, known in titles.items():
            value = each.get(name)
            if value is None:
                continue
            if value in known:
                named[name] = known[value]
            elif not scope.is_staff:
                each[name] = None
        records.append(Record(record_id, each, named))
    return records
