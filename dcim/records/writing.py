"""Creating, changing and deleting records of any kind: judged, checked, audited field by field.

Pages, API, import and commands all come here; what a kind does differently it says itself
(`create`, `update`, `delete`, `check` of `dcim.records.kinds.Kind`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from sqlalchemy import Index, UniqueConstraint, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.errors import (
    ConflictError,
    Counts,
    ForbiddenError,
    InvalidError,
    JifangError,
    NotFoundError,
    StaleError,
)
from dcim.records.deletions import find_hanging, keep_deleted, refuse_while_referred
from dcim.records.fields import FieldValueError, mark
from dcim.records.kinds import Kind, Values
from dcim.records.listing import find_record
from dcim.records.record import Record, etag_of, to_json
from dcim.records.titles import find_paths
from dcim.records.values import (
    InvalidValuesError,
    RefusedRecordsError,
    check_references,
    judge_values,
)


def create_record(session: Session, scope: Scope, kind: Kind, given: Mapping[str, Any]) -> Record:
    """A new record of `given` values (as JSON gives them, or already typed).

    Raises InvalidValuesError, ConflictError that names the record in the way, ForbiddenError.
    """
    _require_writer(scope, kind)
    if not kind.creatable:
        raise ForbiddenError("Records of this kind are made by what they belong to.")
    values = judge_values(kind, given)
    check_references(session, scope, kind, values)
    if kind.settle is not None:
        kind.settle(session, [values])
    if kind.check is not None:
        kind.check(session, scope, None, values)
    with told_in_words(session, scope, kind, values):
        if kind.create is not None:
            made: Any = kind.create(session, scope, dict(values))
        else:
            made = kind.model(**values)
            session.add(made)
        session.flush()
    if not kind.audits:
        record(
            session,
            scope,
            f"{kind.name}.create",
            kind.subject(made.id),
            customer_id=_owner_of(kind, values),
            values=to_json(kind, values),
        )
    return find_record(session, scope, kind, made.id)


def change_record(
    session: Session,
    scope: Scope,
    kind: Kind,
    record_id: int,
    given: Mapping[str, Any],
    *,
    expected: str | None = None,
) -> Record:
    """The record with these fields changed; nothing is written where nothing differs.

    `expected` is the version (`etag_of`) the change was made for. Raises NotFoundError, StaleError
    when someone changed it since, InvalidValuesError, ConflictError, ForbiddenError.
    """
    _require_writer(scope, kind)
    found = lock_record(session, scope, kind, record_id)
    before = find_record(session, scope, kind, record_id)
    if expected is not None and expected != etag_of(kind, before):
        raise StaleError("Someone changed this in the meantime. Look at it again, then decide.")
    changes = find_changes(kind, before, given)
    if not changes:
        return before
    check_references(session, scope, kind, changes)
    after = {one.name: before[one.name] for one in kind.fields} | changes
    if kind.check is not None:
        kind.check(session, scope, dict(before.values), after)
    with told_in_words(session, scope, kind, after, record_id):
        if kind.update is not None:
            kind.update(session, scope, found, dict(changes))
        else:
            for name, value in changes.items():
                setattr(found, name, value)
        session.flush()
    if not kind.audits:
        old = to_json(kind, {name: before[name] for name in changes})
        new = to_json(kind, changes)
        record(
            session,
            scope,
            f"{kind.name}.change",
            kind.subject(record_id),
            customer_id=_owner_of(kind, after),
            changes={name: [old[name], new[name]] for name in new},
        )
    return find_record(session, scope, kind, record_id)


def find_changes(kind: Kind, before: Record, given: Mapping[str, Any]) -> Values:
    """What of `given` differs. Raises InvalidValuesError, also for what is fixed at creation."""
    values = judge_values(kind, given, partial=True)
    changes = {name: value for name, value in values.items() if value != before[name]}
    fixed = {
        name: [FieldValueError(mark("This is fixed when the record is made."))]
        for name in changes
        if kind.field(name).fixed
    }
    if fixed:
        raise InvalidValuesError(fixed)
    return changes


def change_many(
    session: Session,
    scope: Scope,
    kind: Kind,
    record_ids: Sequence[int],
    given: Mapping[str, Any],
) -> list[Record]:
    """The same change for many records, all or none.

    Raises RefusedRecordsError that names every record that refuses, each with its reason.
    """
    changed: list[Record] = []
    refusals: dict[int, JifangError] = {}
    with session.begin_nested():
        for record_id in sorted(set(record_ids)):
            try:
                with session.begin_nested():
                    changed.append(change_record(session, scope, kind, record_id, given))
            except (ConflictError, InvalidError, NotFoundError) as error:
                refusals[record_id] = error
        if refusals:
            paths = find_paths(session, scope, kind, list(refusals))
            raise RefusedRecordsError(
                {paths.get(one, str(one)): error for one, error in refusals.items()},
                len(set(record_ids)),
            )
    return changed


def delete_record(
    session: Session,
    scope: Scope,
    kind: Kind,
    record_id: int,
    *,
    kinds: Sequence[Kind] = (),
    expected: str | None = None,
) -> int:
    """Delete a record; for 30 days it can be brought back by the number returned.

    `kinds`: all there are, to name what still refers to it. Raises NotFoundError, StaleError,
    ConflictError, ForbiddenError.
    """
    _require_staff(scope)
    if not kind.deletable:
        raise ForbiddenError("Records of this kind are not deleted.")
    found = lock_record(session, scope, kind, record_id)
    before = find_record(session, scope, kind, record_id)
    if expected is not None and expected != etag_of(kind, before):
        raise StaleError("Someone changed this in the meantime. Look at it again, then decide.")
    refuse_while_referred(session, scope, kind, record_id, kinds)
    path = find_paths(session, scope, kind, [record_id])[record_id]
    kept = keep_deleted(session, scope, kind, record_id, path)
    try:
        with told_in_words(session, scope, kind, {}, record_id):
            if kind.delete is not None:
                kind.delete(session, scope, found)
            else:
                # Not session.delete: it would first cut loose the rows that refer to this one.
                session.expunge(found)
                session.execute(delete(kind.model).where(kind.model.id == record_id))  # type: ignore[attr-defined]
            session.flush()
    except ConflictError as error:
        if not isinstance(error.__cause__, IntegrityError):
            raise
        # Without the kinds nobody could say what it is that hangs there.
        hanging = find_hanging(session, kind, record_id, kinds) if kinds else []
        if not hanging:
            raise
        raise ConflictError(
            "Still in use by: %(things)s.", things=Counts(hanging)
        ) from error.__cause__
    if not kind.audits:
        record(
            session,
            scope,
            f"{kind.name}.delete",
            kind.subject(record_id),
            customer_id=_owner_of(kind, before.values),
            title=path,
            values=to_json(kind, before.values),
        )
    return kept


def lock_record(session: Session, scope: Scope, kind: Kind, record_id: int) -> Any:
    """The row, locked until the transaction ends. Raises NotFoundError."""
    model: Any = kind.model
    statement = select(model).where(model.id == record_id).with_for_update(of=model)
    condition = kind.reach(scope)
    if condition is not None:
        statement = statement.where(condition)
    found = session.scalar(statement.execution_options(populate_existing=True))
    if found is None:
        raise NotFoundError("There is no such record.")
    return found


def _require_writer(scope: Scope, kind: Kind) -> None:
    """Staff; a customer's people where the kind's own service lets them write their own."""
    if kind.own_change is None:
        _require_staff(scope)


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff change this.")


def _owner_of(kind: Kind, values: Mapping[str, Any]) -> int | None:
    owner: int | None = values.get(kind.owner) if kind.owner else None
    return owner


@contextmanager
def told_in_words(
    session: Session, scope: Scope, kind: Kind, values: Mapping[str, Any], own_id: int | None = None
) -> Iterator[None]:
    """Undo what the database refuses, and say who is in the way instead of which constraint."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
        if name in kind.constraints:
            raise ConflictError(kind.constraints[name]) from error
        if isinstance(error.orig, UniqueViolation):
            refusal = _name_holder(session, scope, kind, values, name, own_id)
            if refusal is not None:
                raise refusal from error
        if isinstance(error.orig, ForeignKeyViolation):
            raise ConflictError("Something else still refers to this, or it is gone.") from error
        if isinstance(error.orig, CheckViolation):
            raise InvalidError(
                "This breaks the rule %(rule)s.", rule=name.removeprefix("ck_")
            ) from error
        raise


def _name_holder(
    session: Session,
    scope: Scope,
    kind: Kind,
    values: Mapping[str, Any],
    constraint: str,
    own_id: int | None,
) -> ConflictError | None:
    """Which record has these values already."""
    names = _unique_columns(kind, constraint)
    if not names or any(name not in values for name in names):
        return None
    model: Any = kind.model
    holder = session.scalar(
        select(model.id).where(
            *(getattr(model, name) == values[name] for name in names), model.id != (own_id or 0)
        )
    )
    if holder is None:
        return None
    own = [name for name in names if kind.has(name)]
    label = kind.field(own[-1]).label if own else constraint
    return ConflictError(
        "%(holder)s has the same %(field)s already: %(value)s.",
        holder=find_paths(session, scope, kind, [holder])[holder],
        field=label,
        value=values[names[-1]],
    )


def _unique_columns(kind: Kind, constraint: str) -> list[str]:
    table: Any = kind.model.__table__
    for one in table.constraints:
        if isinstance(one, UniqueConstraint) and one.name == constraint:
            return [column.name for column in one.columns]
    for one in table.indexes:
        if isinstance(one, Index) and one.unique and one.name == constraint:
            return [column.name for column in one.columns]
    for column in table.columns:
        # `unique=True` on the column; its constraint is named by the convention.
        if column.unique and constraint == f"uq_{table.name}_{column.name}":
            return [column.name]
    return []
