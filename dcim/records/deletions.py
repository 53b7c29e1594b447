"""Deleting with a way back: the rows are kept as they were for 30 days."""

import base64
import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Column, Table, delete, func, insert, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import Base
from dcim.errors import ConflictError, Counts, ForbiddenError, NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging
from dcim.records.fields import ReferenceType, mark
from dcim.records.kinds import Kind
from dcim.records.models import DeletedRecord

KEPT = dt.timedelta(days=30)
# What has no kind, as people call it.
UNNAMED = {
    "series": mark("Measurements"),
    "former_binding": mark("Measurements"),
    "snmp_agent": mark("SNMP agents"),
}


def refuse_while_referred(
    session: Session, scope: Scope, kind: Kind, record_id: int, kinds: Sequence[Kind]
) -> None:
    """Raise ConflictError that counts what refers to the record. A statement for each reference.

    What goes with the record (ON DELETE CASCADE) is no obstacle.
    """
    table = _table(kind)
    obstacles = []
    for other in kinds:
        for one in other.references:
            if not isinstance(one.type, ReferenceType) or one.type.kind().name != kind.name:
                continue
            if one.expression is not None or goes_along(_table(other), one.name, table):
                continue
            model: Any = other.model
            count = session.scalar(
                select(func.count(model.id)).where(getattr(model, one.name) == record_id)
            )
            if count:
                obstacles.append((count, other.label_plural))
    if obstacles:
        raise ConflictError("Still in use by: %(things)s.", things=Counts(obstacles))


def find_hanging(
    session: Session, kind: Kind, record_id: int, kinds: Sequence[Kind]
) -> list[tuple[int, str]]:
    """(how many, of what): rows that refer to the record or to what would go with it, and so hold
    it. A row without a kind of its own, like a cable's end, is told as what it belongs to."""
    labels = {_table(one).name: one.label_plural for one in kinds}
    found: dict[str, int] = {}

    def look(table: Table, ids: Sequence[Any]) -> None:
        for other in Base.metadata.sorted_tables:
            for constraint in other.foreign_key_constraints:
                (element, *more) = constraint.elements
                if constraint.referred_table is not table or more or element.column.name != "id":
                    continue
                if (constraint.ondelete or "").upper() == "SET NULL":
                    continue
                holding = element.parent.in_(ids)
                if (constraint.ondelete or "").upper() != "CASCADE":
                    count = session.scalar(select(func.count()).select_from(other).where(holding))
                    label = _label_of(other, labels)
                    found[label] = found.get(label, 0) + (count or 0)
                elif "id" in other.c:
                    inner = session.scalars(select(other.c.id).where(holding)).all()
                    if inner:
                        look(other, inner)

    look(_table(kind), [record_id])
    return [(count, label) for label, count in found.items() if count]


def _label_of(table: Table, labels: Mapping[str, str]) -> str:
    if table.name in labels:
        return labels[table.name]
    for constraint in table.foreign_key_constraints:
        above = constraint.referred_table.name
        if (constraint.ondelete or "").upper() == "CASCADE" and above in labels:
            return labels[above]
    return UNNAMED.get(table.name, mark("Other records"))


def goes_along(table: Table, column: str, parent: Table) -> bool:
    return any(
        key.column.table is parent and (key.ondelete or "").upper() in {"CASCADE", "SET NULL"}
        for key in table.columns[column].foreign_keys
    )


def _table(kind: Kind) -> Table:
    return cast(Table, kind.model.__table__)


def keep_deleted(session: Session, scope: Scope, kind: Kind, record_id: int, title: str) -> int:
    """Put the record and the rows that go with it aside; returns the number to restore by."""
    rows: list[dict[str, Any]] = []
    _collect(session, _table(kind), "id", [record_id], rows)
    kept = DeletedRecord(
        kind=kind.name, record_id=record_id, title=title[:255], actor=scope.actor, rows=rows
    )
    session.add(kept)
    session.flush()
    return kept.id


def _collect(
    session: Session, table: Table, column: str, ids: Sequence[Any], rows: list[dict[str, Any]]
) -> None:
    """This table's rows, then those of tables that cascade from it, parents first."""
    found = session.execute(select(table).where(table.c[column].in_(ids))).mappings().all()
    rows += [
        {
            "table": table.name,
            "row": {name: encode(value) for name, value in row.items()},
        }
        for row in found
    ]
    if not found:
        return
    for other in Base.metadata.sorted_tables:
        for constraint in other.foreign_key_constraints:
            if (
                constraint.referred_table is not table
                or (constraint.ondelete or "").upper() != "CASCADE"
            ):
                continue
            (element, *_) = constraint.elements
            values = [row[element.column.name] for row in found]
            _collect(session, other, element.parent.name, values, rows)


def restore_record(session: Session, scope: Scope, kinds: Sequence[Kind], deleted_id: int) -> int:
    """Bring a deleted record back under its old number; returns it.

    Raises NotFoundError (absent, restored already, or older than 30 days), ConflictError when its
    place or name has been taken or what it belonged to is gone.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff change this.")
    kept = session.scalar(
        select(DeletedRecord).where(DeletedRecord.id == deleted_id).with_for_update()
    )
    if kept is None or kept.restored_at is not None or kept.at < utc_now() - KEPT:
        raise NotFoundError("There is nothing to bring back.")
    kind = next((one for one in kinds if one.name == kept.kind), None)
    if kind is None:
        raise NotFoundError("There is nothing to bring back.")
    try:
        with session.begin_nested():
            for entry in kept.rows:
                table = Base.metadata.tables[entry["table"]]
                known = {
                    name: decode(table.columns[name], value)
                    for name, value in entry["row"].items()
                    if name in table.columns and table.columns[name].computed is None
                }
                session.execute(insert(table).values(known))
    except IntegrityError as error:
        raise ConflictError(
            "%(title)s can't come back: its place or name is taken, or what it belonged to is"
            " gone.",
            title=kept.title,
        ) from error
    kept.restored_at = utc_now()
    session.flush()
    record(session, scope, f"{kind.name}.restore", kind.subject(kept.record_id), title=kept.title)
    return kept.record_id


def list_deleted(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    kind: str | None = None,
    kinds: Collection[str] | None = None,
) -> Page[DeletedRecord]:
    """What can still be brought back, newest first; of one kind, or of these."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff change this.")
    statement = (
        select(DeletedRecord)
        .where(DeletedRecord.restored_at.is_(None), DeletedRecord.at >= utc_now() - KEPT)
        .order_by(DeletedRecord.id.desc())
    )
    if kind is not None:
        statement = statement.where(DeletedRecord.kind == kind)
    if kinds is not None:
        statement = statement.where(DeletedRecord.kind.in_(kinds))
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(statement.limit(paging.size).offset(paging.offset))
    return Page(list(rows), total, paging.page, paging.size)


def find_deleted(session: Session, scope: Scope, deleted_id: int) -> DeletedRecord:
    """Raises NotFoundError for what is absent, restored or too old, and for customers always."""
    kept = session.get(DeletedRecord, deleted_id) if scope.is_staff else None
    if kept is None or kept.restored_at is not None or kept.at < utc_now() - KEPT:
        raise NotFoundError("There is nothing to bring back.")
    return kept


def purge_deleted(session: Session) -> int:
    """Forget what is older than 30 days; returns how many. A daily job."""
    done = session.execute(delete(DeletedRecord).where(DeletedRecord.at < utc_now() - KEPT))
    return int(getattr(done, "rowcount", 0))


# What Python reads back from text by the column's own type.
READERS: dict[type, Callable[[str], Any]] = {
    dt.datetime: dt.datetime.fromisoformat,
    dt.date: dt.date.fromisoformat,
    Decimal: Decimal,
    bytes: base64.b64decode,
}


def encode(value: Any) -> Any:
    """A column's value as JSON that `decode` understands."""
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Range):
        return {
            "lower": encode(value.lower),
            "upper": encode(value.upper),
            "bounds": value.bounds,
            "empty": value.empty,
        }
    # Decimals and addresses.
    return str(value)


def decode(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {"lower", "upper", "bounds", "empty"}:
        ends = [
            dt.datetime.fromisoformat(end) if isinstance(end, str) else end
            for end in (value["lower"], value["upper"])
        ]
        return Range(*ends, bounds=value["bounds"], empty=value["empty"])
    # A type of our own has no Python type; the one it is made of has.
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    try:
        reader = READERS.get(kind.python_type)
    except NotImplementedError:
        reader = None
    return value if reader is None else reader(value)
