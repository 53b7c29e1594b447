"""Carrying out what a sheet plans: in batches, all or none, each refusal told with its row."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dcim.accounts.audit import Deed, record_many
from dcim.accounts.scope import Scope
from dcim.errors import JifangError
from dcim.records.import_plan import CREATE, UPDATE, Plan, PlannedRow, Problem, tell_problems
from dcim.records.kinds import Kind, Values
from dcim.records.listing import make_records, select_records
from dcim.records.record import Record, to_json
from dcim.records.writing import change_record, create_record, find_changes

BATCH = 500
# Which record a row became, by the row's number.
Written = dict[int, int]


def try_import(session: Session, scope: Scope, kind: Kind, plan: Plan) -> list[Problem]:
    """What the services and the database would refuse of the rows that are sound so far.

    Writes and takes back. Rows that have problems already are left out.
    """
    attempt = session.begin_nested()
    try:
        return carry_out(session, scope, kind, plan)
    finally:
        attempt.rollback()
        session.expire_all()


def carry_out(
    session: Session,
    scope: Scope,
    kind: Kind,
    plan: Plan,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Problem]:
    """Write the plan's rows in order; returns what was refused: the caller must then roll back.

    Statements grow with the number of batches, not of rows, unless the kind's own service works
    record by record.
    """
    broken = {problem.row for problem in plan.problems}
    rows = [row for row in plan.rows if row.number not in broken and row.deed in {CREATE, UPDATE}]
    problems: list[Problem] = []
    written = {row.number: row.record_id for row in plan.rows if row.record_id is not None}
    done = 0
    for batch in _batches(sorted(rows, key=lambda row: row.depth)):
        ready = [row for row in batch if set(row.awaited.values()) <= written.keys()]
        for row in ready:
            row.values |= {name: written[number] for name, number in row.awaited.items()}
        writer = _create_batch if batch[0].deed == CREATE else _change_batch
        problems += writer(session, scope, kind, ready, written)
        # What waits for a refused row can't be judged; the refused row's reason is what counts.
        done += len(batch)
        progress(done)
    for row in rows:
        for name in row.awaited:
            row.values.pop(name, None)
    return problems


def _batches(rows: Sequence[PlannedRow]) -> Iterator[list[PlannedRow]]:
    """Neighbours of one deed and depth: what waits for a row comes in a later batch."""
    batch: list[PlannedRow] = []
    for row in rows:
        unlike = batch and (batch[0].deed, batch[0].depth) != (row.deed, row.depth)
        if batch and (len(batch) == BATCH or unlike):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _create_batch(
    session: Session, scope: Scope, kind: Kind, batch: list[PlannedRow], written: Written
) -> list[Problem]:
    if kind.create is not None and kind.create_many is None:
        return _one_by_one(session, scope, kind, batch, written)
    problems = _check(session, scope, kind, batch)
    refused = {problem.row for problem in problems}
    sound = [row for row in batch if row.number not in refused]
    try:
        with session.begin_nested():
            values = [dict(row.values) for row in sound]
            if kind.create_many is not None:
                made = kind.create_many(session, scope, values)
            else:
                made = [kind.model(**one) for one in values]
                session.add_all(made)
            session.flush()
            if not kind.audits:
                record_many(
                    session,
                    scope,
                    [_creation(kind, one.id, row) for one, row in zip(made, sound, strict=True)],
                )
    except (IntegrityError, JifangError):
        # One of them is refused: find out which, and why.
        return problems + _one_by_one(session, scope, kind, sound, written)
    for one, row in zip(made, sound, strict=True):
        written[row.number] = one.id
        session.expunge(one)
    return problems


def _creation(kind: Kind, record_id: int, row: PlannedRow) -> Deed:
    owner = row.values.get(kind.owner) if kind.owner else None
    detail = {"values": to_json(kind, row.values), "row": row.number}
    return Deed(f"{kind.name}.create", kind.subject(record_id), owner, detail)


def _check(session: Session, scope: Scope, kind: Kind, batch: list[PlannedRow]) -> list[Problem]:
    if kind.check is None:
        return []
    problems = []
    for row in batch:
        try:
            kind.check(session, scope, None, row.values)
        except JifangError as error:
            problems += tell_problems(row.number, error)
    return problems


def _one_by_one(
    session: Session, scope: Scope, kind: Kind, batch: list[PlannedRow], written: Written
) -> list[Problem]:
    problems = []
    for row in batch:
        try:
            with session.begin_nested():
                if row.record_id is None:
                    made = create_record(session, scope, kind, row.values)
                    written[row.number] = made.id
                else:
                    change_record(session, scope, kind, row.record_id, row.values)
        except JifangError as error:
            problems += tell_problems(row.number, error)
    return problems


def _change_batch(
    session: Session, scope: Scope, kind: Kind, batch: list[PlannedRow], written: Written
) -> list[Problem]:
    if kind.update is not None:
        return _one_by_one(session, scope, kind, batch, written)
    model: Any = kind.model
    ids = [row.record_id for row in batch]
    found = {
        one.id: one
        for one in session.scalars(
            select(model)
            .where(model.id.in_(ids))
            .order_by(model.id)
            .with_for_update(of=model)
            .execution_options(populate_existing=True)
        )
    }
    statement = select_records(kind, scope).where(model.id.in_(ids))
    before = {
        one.id: one for one in make_records(session, scope, kind, session.execute(statement).all())
    }
    problems: list[Problem] = []
    deeds: list[Deed] = []
    try:
        with session.begin_nested():
            for row in batch:
                try:
                    deed = _change(
                        session, scope, kind, found[row.record_id], before[row.record_id or 0], row
                    )
                except JifangError as error:
                    problems += tell_problems(row.number, error)
                else:
                    deeds += [] if deed is None else [deed]
            session.flush()
            if deeds and not kind.audits:
                record_many(session, scope, deeds)
    except IntegrityError:
        session.expire_all()
        return _one_by_one(session, scope, kind, batch, written)
    return problems


def _change(
    session: Session, scope: Scope, kind: Kind, target: Any, before: Record, row: PlannedRow
) -> Deed | None:
    changes: Values = find_changes(kind, before, row.values)
    if not changes:
        return None
    after = dict(before.values) | changes
    if kind.check is not None:
        kind.check(session, scope, dict(before.values), after)
    for name, value in changes.items():
        setattr(target, name, value)
    old = to_json(kind, {name: before[name] for name in changes})
    new = to_json(kind, changes)
    return Deed(
        f"{kind.name}.change",
        kind.subject(before.id),
        after.get(kind.owner) if kind.owner else None,
        {"changes": {name: [old[name], new[name]] for name in new}, "row": row.number},
    )
