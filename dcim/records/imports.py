"""An import from file to done: checked whole, decided by a person, written whole or not at all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, Counts, ForbiddenError, InvalidError, Named, NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, slice_page
from dcim.records.fields import FieldValueError
from dcim.records.import_plan import (
    CREATE,
    SKIP,
    UPDATE,
    Plan,
    Problem,
    make_vocabulary,
    plan_import,
)
from dcim.records.import_writing import carry_out, try_import
from dcim.records.kinds import Kind
from dcim.records.models import ImportRun
from dcim.records.sheet_reading import Sheet, read_sheet
from dcim.records.wording import list_speakers

IMPORT_LOCK = 7_410_021
# Up to so many rows a person waits for; more are a job's.
AT_ONCE = 500
Progress = Callable[[int], None]


def open_import(
    session: Session,
    scope: Scope,
    kind: Kind,
    file_name: str,
    content: bytes,
    *,
    existing: str = UPDATE,
    user_id: int | None = None,
) -> ImportRun:
    """Take a file in; nothing is read of it yet but how many rows it has.

    Raises InvalidError with what the file should have been, ForbiddenError.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff change this.")
    if not kind.importable:
        raise ForbiddenError("Records of this kind are made by what they belong to.")
    if existing not in {UPDATE, SKIP}:
        raise InvalidError("Choose what happens to records that exist.", {"existing": ["choice"]})
    sheet = _read(content, file_name)
    run = ImportRun(
        kind=kind.name,
        file_name=file_name.replace("\0", "")[-200:],
        content=content,
        user_id=user_id,
        actor=scope.actor,
        existing=existing,
        rows=len(sheet.rows),
    )
    session.add(run)
    session.flush()
    return run


def _read(content: bytes, file_name: str) -> Sheet:
    try:
        return read_sheet(content, file_name)
    except FieldValueError as error:
        raise InvalidError(error.message, {"file": [str(error)]}, **error.places) from error


def check_import(session: Session, scope: Scope, kind: Kind, run: ImportRun) -> Plan:
    """Find out everything that is wrong; the run is then "ready" or "refused".

    What the services would refuse is tried out and taken back.
    """
    plan = _plan(session, scope, kind, run)
    if run.rows:
        plan.problems += try_import(session, scope, kind, plan)
        plan.problems.sort(key=lambda one: (one.row, one.column))
    _note_plan(run, plan)
    run.state = "refused" if plan.problems else "ready"
    session.flush()
    return plan


def write_import(
    session: Session,
    scope: Scope,
    kind: Kind,
    run: ImportRun,
    progress: Progress = lambda done: None,
) -> None:
    """Write all rows, or none: what changed since the check may refuse it now.

    `progress` is told how many rows are written; the run's own row is touched only at the end, so
    that another connection can keep the count meanwhile. Raises ConflictError for a run that
    isn't ready.
    """
    if run.state not in {"ready", "writing"}:
        raise ConflictError("This import is not ready to be written.")
    plan = _plan(session, scope, kind, run)
    attempt = session.begin_nested()
    if not plan.problems:
        plan.problems += carry_out(session, scope, kind, plan, progress)
    if plan.problems:
        attempt.rollback()
    else:
        attempt.commit()
    _note_plan(run, plan)
    run.state = "refused" if plan.problems else "done"
    run.finished_at = utc_now()
    run.done = 0 if plan.problems else run.rows
    session.flush()
    if not plan.problems:
        record(
            session,
            scope,
            f"{kind.name}.import",
            f"import/{run.id}",
            file=run.file_name,
            created=run.created,
            updated=run.updated,
            skipped=run.skipped,
        )


def _plan(session: Session, scope: Scope, kind: Kind, run: ImportRun) -> Plan:
    sheet = _read(run.content, run.file_name)
    vocabulary = make_vocabulary(kind, list_speakers())
    return plan_import(session, scope, kind, sheet, vocabulary, existing=run.existing)


def _note_plan(run: ImportRun, plan: Plan) -> None:
    run.created, run.updated, run.skipped = (plan.count(deed) for deed in (CREATE, UPDATE, SKIP))
    run.problems = [note_problem(one) for one in plan.problems]


def note_problem(problem: Problem) -> dict[str, Any]:
    """A problem as it is kept: its words are looked up in the reader's language when shown."""
    return {
        "row": problem.row,
        "column": problem.column,
        "value": problem.value[:200],
        "message": problem.error.message,
        "places": {name: _note_place(value) for name, value in problem.error.places.items()},
    }


def _note_place(value: object) -> object:
    if isinstance(value, Counts | Named):
        return {type(value).__name__.lower(): [list(one) for one in value]}
    return str(value)


def read_error(noted: Mapping[str, Any]) -> FieldValueError:
    """A kept problem as the error it was, for a face to say."""
    places = {name: _read_place(value) for name, value in noted["places"].items()}
    message: str = noted["message"]
    return FieldValueError(message, **places)


def _read_place(value: Any) -> object:
    if isinstance(value, dict):
        (kind, pairs), *_ = value.items()
        return (Counts if kind == "counts" else Named)((one, two) for one, two in pairs)
    # Counts were once kept as a bare list.
    return Counts((count, word) for count, word in value) if isinstance(value, list) else value


def carry_on(
    sessions: SessionFactory, kinds: Mapping[str, Kind], run_id: int, *, write: bool = False
) -> str:
    """What a worker does with a large sheet: check it, or write it; returns the state reached.

    With `write`, what was checked and is sound is written at once. Sent twice, it is done once:
    the data and the run's end are one transaction.
    """
    state = _take_step(sessions, kinds, run_id, write)
    # The check is committed before: while rows are written, another connection keeps the count.
    return _take_step(sessions, kinds, run_id, write) if write and state == "writing" else state


def _take_step(
    sessions: SessionFactory, kinds: Mapping[str, Kind], run_id: int, write: bool
) -> str:
    with transaction(sessions, Scope.system("import")) as session:
        run = session.get(ImportRun, run_id)
        if run is None or run.state not in {"checking", "writing"} or run.kind not in kinds:
            return "gone" if run is None else run.state
        kind, scope, state = kinds[run.kind], Scope.staff(run.actor), run.state
    with transaction(sessions, scope) as session:
        # Whoever comes second waits here, and finds the work done.
        run = session.get_one(ImportRun, run_id)
        session.execute(text("SELECT pg_advisory_xact_lock(:key, :run)"), _lock_of(run_id))
        session.refresh(run)
        if run.state != state:
            return run.state
        if state == "checking":
            check_import(session, scope, kind, run)
            if write and run.state == "ready":
                run.state = "writing"
        else:
            write_import(session, scope, kind, run, _note_progress(sessions, run_id))
        return run.state


def _lock_of(run_id: int) -> dict[str, int]:
    return {"key": IMPORT_LOCK, "run": run_id & 0x7FFFFFFF}


def _note_progress(sessions: SessionFactory, run_id: int) -> Progress:
    """On another connection, since the writing one is seen by nobody before its end."""

    def note(done: int) -> None:
        with transaction(sessions, Scope.system("import")) as other:
            other.execute(update(ImportRun).where(ImportRun.id == run_id).values(done=done))

    return note


def find_import(session: Session, scope: Scope, run_id: int) -> ImportRun:
    """Raises NotFoundError; for other than staff always."""
    run = session.get(ImportRun, run_id) if scope.is_staff else None
    if run is None:
        raise NotFoundError("There is no such import.")
    return run


def list_imports(
    session: Session, scope: Scope, kinds: Sequence[str], paging: Paging = FIRST_PAGE
) -> Page[ImportRun]:
    """Newest first, of these kinds."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff change this.")
    found = session.scalars(
        select(ImportRun).where(ImportRun.kind.in_(kinds)).order_by(ImportRun.id.desc()).limit(500)
    )
    return slice_page(list(found), paging)
