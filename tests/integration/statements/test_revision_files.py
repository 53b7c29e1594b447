"""A revision's PDF: made by a worker, proves itself, and shows that the older one is replaced."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from dcim import jobs
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.commands import statements as commands
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.statements.files import file_path, produce_file, read_file
from dcim.statements.issuing import freeze_statement
from dcim.statements.models import Statement
from dcim.statements.registry import find_registration
from dcim.statements.verifying import verify_file
from reports.verdict import EXIT_CODES
from tests.integration.statements.revising_desk import RevisionDesk
from tests.integration.statements.test_review_decisions import RESULT
from tests.integration.statements.town import PERIOD, SYSTEM
from tests.servers import Database


class PrintingDesk(RevisionDesk):
    def give_file(self, statement: Statement) -> None:
        produce_file(self.session, SYSTEM, self.settings, statement)


def test_the_worker_prints_what_was_accepted_and_it_proves_itself(
    sessions: SessionFactory, settings: Settings, clean_database: Database
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = PrintingDesk(session, settings)
        old_id, contract_id = desk.issued.id, desk.contract.id
        old = read_file(session, SYSTEM, settings, old_id)
        desk.decide("down")
        second = desk.correct()
        new_id = second.id
        assert not file_path(settings, second).exists()
        assert jobs.defer_print(session, new_id)
        # It waits once, however often it is asked for.
        assert not jobs.defer_print(session, new_id)
    place = jobs.Workplace(settings, sessions)
    asyncio.run(jobs.work(clean_database.app_url, place, [jobs.BILL], wait=False))
    with transaction(sessions, SYSTEM) as session:
        failed = session.execute(text("SELECT status FROM procrastinate_jobs")).all()
        assert failed == []
        new = read_file(session, SYSTEM, settings, new_id)
        # What was issued stays, byte for byte.
        assert read_file(session, SYSTEM, settings, old_id) == old
        signer = session.get_one(Statement, new_id).file
        assert signer is not None
        trust = [signer.signer]
        document = session.get_one(Statement, new_id).document
        assert document["replaces"]["file_sha256"] == hashlib.sha256(old).hexdigest()
        registered = find_registration(session, hashlib.sha256(old).hexdigest())
        assert registered is not None
        assert (registered.revision, registered.newest) == (1, 2)
    found = verify_file(new, trust=trust)
    assert (found.outcome, found.revision) == ("trusted", 2), found.words("en")
    found = verify_file(old, trust=trust)
    assert found.outcome == "trusted"
    assert any("Whether a newer revision exists is not known" in one for one in found.words("en"))
    found = verify_file(old, trust=trust, successor=new)
    assert found.exit_code == EXIT_CODES["superseded"]
    assert verify_file(new, trust=trust, successor=old).outcome == "trusted"
    # Issued once more, the month stays with its newest revision and makes no other file.
    with transaction(sessions, SYSTEM) as session:
        again, is_new = freeze_statement(session, SYSTEM, settings, contract_id, PERIOD)
        assert (again.id, is_new) == (new_id, False)


@pytest.fixture
def run(sessions: SessionFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    @contextmanager
    def here(ctx: object, command: str) -> Iterator[tuple[Any, ScopedSession, Scope]]:
        scope = Scope.system(command)
        with transaction(sessions, scope) as session:
            yield SimpleNamespace(settings=settings), session, scope

    monkeypatch.setattr(commands, "session_of", here)

    def call(*options: str) -> Result:
        return CliRunner().invoke(main, ["statement", *options])

    return call


def test_the_command_shows_what_would_change_and_writes_nothing(
    run: Any, sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        number = RevisionDesk(session, settings).issued.number
    result = run("revise", number)
    assert (result.exit_code, result.output) == (3, f"Nothing differs from {number}.\n")
    with transaction(sessions, SYSTEM) as session:
        statement = session.query(Statement).one()
        RevisionDesk.reopen(session, settings, statement.id).decide("down")
    result = run("revise", number)
    assert result.exit_code == 0, result.output
    for said in ("SLA-202610-HT-3-02 would say", RESULT, "needs_review", "breached", "-300.00"):
        assert said in result.output
    told = json.loads(run("revise", number, "--json").output)
    assert told["differences"]["totals"][-1]["difference"] == "-300.00"
    with transaction(sessions, SYSTEM) as session:
        assert session.query(Statement).count() == 1
    result = run("revise", "SLA-X")
    assert (result.exit_code, "No statement has the number" in result.output) == (1, True)


def test_the_list_says_what_is_replaced(
    run: Any, sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk(session, settings)
        desk.decide("down")
        desk.correct()
    newer, older = [one for one in run("list").output.splitlines() if "SLA-202610-HT-3" in one]
    assert "SLA-202610-HT-3-02" in newer
    assert "revision 2" not in newer
    assert "revision 2" in older
