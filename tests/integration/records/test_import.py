"""Imports: everything wrong in one answer, all or nothing, and a cost that rows don't grow."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import verify_chain
from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.models import DeviceType, Room
from dcim.records import import_writing
from dcim.records.imports import check_import, open_import, read_error, write_import
from dcim.records.kinds import Kind
from dcim.records.models import ImportRun
from dcim.records.writing import create_record
from tests.integration.records.kinds import DEVICE_TYPE, ROOM, SITE
from tests.integration.records.test_listing import counted

STAFF = Scope.staff("li@dc.example")


def run_import(session: Session, kind: Kind, text: str, *, existing: str = "update") -> ImportRun:
    run = open_import(session, STAFF, kind, "x.csv", text.encode(), existing=existing)
    check_import(session, STAFF, kind, run)
    if run.state == "ready":
        write_import(session, STAFF, kind, run)
    return run


def told(run: ImportRun) -> list[tuple[int, str, str]]:
    return [(one["row"], one["column"], str(read_error(one))) for one in run.problems]


@pytest.fixture
def site(session: ScopedSession) -> int:
    return create_record(session, STAFF, SITE, {"code": "SH1", "name": "上海"}).id


def count(session: Session, model: type[Room | DeviceType]) -> int:
    return session.scalar(select(func.count(model.id))) or 0


def test_rows_become_records(session: ScopedSession, site: int) -> None:
    run = run_import(session, ROOM, "site_id,Code,name\nSH1,R1,一\nsh1,R2,二\n")
    assert (run.state, run.created, run.done, run.problems) == ("done", 2, 2, [])
    assert session.scalars(select(Room.code).order_by(Room.code)).all() == ["R1", "R2"]
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["site.create", "room.create", "room.create", "room.import"]
    assert verify_chain(session).intact


def test_existing_records_are_changed_or_skipped(session: ScopedSession, site: int) -> None:
    run_import(session, ROOM, "site_id,code,name\nSH1,R1,一\n")
    again = "site_id,code,name\nSH1,R1,新\nSH1,R2,二\n"
    run = run_import(session, ROOM, again, existing="skip")
    assert (run.created, run.updated, run.skipped) == (1, 0, 1)
    assert session.scalar(select(Room.name).where(Room.code == "R1")) == "一"
    run = run_import(session, ROOM, again)
    assert (run.created, run.updated, run.skipped) == (0, 2, 0)
    assert session.scalar(select(Room.name).where(Room.code == "R1")) == "新"
    # A column that isn't in the sheet is left alone, an empty cell of one that is empties it.
    run_import(session, ROOM, "site_id,code,name_en\nSH1,R1,New\n")
    room = session.scalars(select(Room).where(Room.code == "R1")).one()
    session.refresh(room)
    assert (room.name, room.name_en) == ("新", "New")


def test_everything_wrong_is_in_one_answer(session: ScopedSession, site: int) -> None:
    create_record(session, STAFF, SITE, {"code": "BJ1", "name": "北京"})
    for code in ("SH1", "BJ1"):
        run_import(session, ROOM, f"site_id,code,name\n{code},R7,七\n")
    run = run_import(
        session,
        ROOM,
        "site_id,code,name\nSH1,R1,一\nSH9,R1,二\nSH1,,三\nSH1,R1,四\nSH1,a/b,\n,R5,五\n",
    )
    assert run.state == "refused"
    assert told(run) == [
        (3, "site_id", "There is no Site of this name."),
        (4, "code", "This is needed."),
        (5, "code", "Row 2 is about the same record."),
        (6, "code", "A code has no slash in it."),
        (7, "site_id", "This is needed."),
    ]
    assert count(session, Room) == 2


def test_refusals_of_the_service_are_told_before_anything_is_written(
    session: ScopedSession,
) -> None:
    sheet = "manufacturer,model,height,weight_g\nM,a,1U,2\nM,b,1.5,3\nM,c,2,x\nM,d,99,5\n"
    run = run_import(session, DEVICE_TYPE, sheet)
    assert told(run) == [
        (3, "weight_g", "Odd."),
        (4, "weight_g", "A whole number is needed here."),
        (5, "height", "From 0.0 to 60.0 U."),
    ]
    assert count(session, DeviceType) == 0


def test_headers_that_fit_nothing_are_told_with_the_choices(session: ScopedSession) -> None:
    run = run_import(session, ROOM, "site,code,name,code,colour\n")
    problems = told(run)
    assert [(row, column) for row, column, _ in problems] == [(1, "code"), (1, "colour")]
    assert problems[1][2] == (
        "No column is called so. There are: Site (site_id), Code (code), Name (name),"
        " English name (name_en)."
    )


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("nmae", "Name (name)"),
        ("site_di", "Site (site_id)"),
        ("English nam", "English name (name_en)"),
        ("英文名", "English name (name_en)"),
        ("名程", None),
    ],
)
def test_the_column_that_was_meant_is_asked_for(
    session: ScopedSession, header: str, meant: str | None
) -> None:
    run = run_import(session, ROOM, f"site_id,code,{header}\n")
    words = [words for _row, column, words in told(run) if column == header]
    assert len(words) == 1
    assert (f"Did you mean {meant}?" in words[0]) == (meant is not None)
    assert ("Did you mean" in words[0]) == (meant is not None)


def many(n: int) -> str:
    lines = [f"Maker,M{number},2,{2 * number}" for number in range(n)]
    return "manufacturer,model,height,weight_g\n" + "\n".join(lines)


def test_the_cost_grows_with_batches_not_with_rows(session: ScopedSession) -> None:
    costs = []
    for rows, mark in ((10, "A"), (400, "B")):
        with counted(session) as statements:
            run = run_import(session, DEVICE_TYPE, many(rows).replace("Maker", mark))
        assert run.state == "done"
        costs.append(len(statements))
    assert costs[1] <= costs[0], costs
    # Changing them costs the same, too.
    with counted(session) as statements:
        run_import(session, DEVICE_TYPE, many(400).replace("Maker", "B").replace(",2,", ",4,"))
    assert len(statements) <= costs[1] + 12


def test_a_broken_batch_costs_more_but_tells_the_row(
    session: ScopedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the database can refuse: a record that came since the plan was made."""
    run = open_import(session, STAFF, DEVICE_TYPE, "x.csv", many(20).encode())
    check_import(session, STAFF, DEVICE_TYPE, run)
    original: Callable[..., object] = import_writing._batches

    def meanwhile(rows: object) -> object:
        # As another connection would, between plan and write.
        if not session.scalar(select(DeviceType.id).where(DeviceType.model == "M7")):
            session.add(DeviceType(manufacturer="Maker", model="M7", height=2))
            session.flush()
        return original(rows)

    monkeypatch.setattr(import_writing, "_batches", meanwhile)
    write_import(session, STAFF, DEVICE_TYPE, run)
    assert run.state == "refused"
    ((row, _column, words),) = told(run)
    assert row == 9
    assert re.match("Maker/M7 has the same Model already", words)
    assert count(session, DeviceType) == 0


def test_only_what_is_ready_is_written(session: ScopedSession, site: int) -> None:
    run = run_import(session, ROOM, "site_id,code,name\nSH1,R1,一\n")
    with pytest.raises(ConflictError, match="not ready"):
        write_import(session, STAFF, ROOM, run)


def test_who_may_and_what_may_be_sent(session: ScopedSession) -> None:
    with pytest.raises(ForbiddenError):
        open_import(session, Scope.customer("c", 1), ROOM, "x.csv", b"a\n")
    with pytest.raises(InvalidError, match="file is empty"):
        open_import(session, STAFF, ROOM, "x.csv", b"")
    with pytest.raises(InvalidError, match="records that exist"):
        open_import(session, STAFF, ROOM, "x.csv", b"a\n", existing="wipe")
