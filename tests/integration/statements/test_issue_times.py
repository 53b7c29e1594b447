"""On which day a contract's month is issued, and how it looks before."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.commands import statement_issuing as commands
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.statements.drafts import compose_draft, draw_draft
from dcim.statements.issue_times import find_moment, is_due, list_waiting
from dcim.statements.models import LedgerEntry, Statement
from dcim.statements.monthly_run import issue_month
from dcim.statements.verifying import verify_file
from reports.unpacking import embedded_files
from tests.integration.statements.town import PERIOD, SYSTEM, build_town


@pytest.fixture
def contracts(sessions: SessionFactory) -> list[int]:
    """The second states the 5th at nine, the third the 28th at eleven at night."""
    with transaction(sessions, SYSTEM) as session:
        found = build_town(session)
        for number, (day, hour) in ((1, (5, 9)), (2, (28, 23))):
            contract = session.get_one(Contract, found[number])
            contract.statement_day, contract.statement_hour = day, hour
        return found


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+08:00")


def test_each_contract_is_issued_when_it_says(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    def run(due_at: dt.datetime | None) -> list[int]:
        with transaction(sessions, SYSTEM) as session:
            known = set(session.query(Statement.contract_id).all())
        issue_month(sessions, SYSTEM, settings, PERIOD, due_at=due_at)
        with transaction(sessions, SYSTEM) as session:
            return [one for (one,) in set(session.query(Statement.contract_id).all()) - known]

    assert run(at("2026-11-01T01:59:59")) == []
    assert run(at("2026-11-01T02:00:00")) == [contracts[0]]
    with transaction(sessions, SYSTEM) as session:
        waiting = list_waiting(session, SYSTEM, PERIOD)
        assert [(one.contract_id, one.due_at) for one in waiting] == [
            (contracts[1], at("2026-11-05T09:00:00")), (contracts[2], at("2026-11-28T23:00:00")),
        ]  # fmt: skip
    assert run(at("2026-11-05T09:00:00")) == [contracts[1]]
    assert run(at("2026-11-28T22:59:59")) == []
    # Without a time all of them: a person asked for it.
    assert run(None) == [contracts[2]]
    with transaction(sessions, SYSTEM) as session:
        assert list_waiting(session, SYSTEM, PERIOD) == []


def test_the_moment_is_the_contracts_own_zones() -> None:
    # In the night in which clocks go back there.
    assert find_moment("2026-10", 1, 2, "America/New_York") == at("2026-11-01T15:00:00")
    assert find_moment("2026-12", 28, 23, "Asia/Shanghai") == at("2027-01-28T23:00:00")


@pytest.mark.parametrize(
    ("period", "day", "hour", "zone"),
    [
        ("2026-10", 1, 1, "America/New_York"),  # twice
        ("2026-09", 25, 2, "Europe/Berlin"),  # twice
        ("2027-02", 28, 2, "Europe/Berlin"),  # never
        ("2026-10", 1, 2, "America/New_York"),
    ],
)
def test_the_database_finds_it_due_at_that_very_moment(
    sessions: SessionFactory, period: str, day: int, hour: int, zone: str
) -> None:
    """The clock looks once, at the moment: earlier than due it would issue nothing, ever."""
    with transaction(sessions, SYSTEM) as session:
        contract = session.get_one(Contract, build_town(session)[0])
        contract.statement_day, contract.statement_hour, contract.timezone = day, hour, zone
        session.flush()
        moment = find_moment(period, day, hour, zone)
        for late, due in ((-1, False), (0, True)):
            found = session.scalar(
                select(is_due(period, moment + dt.timedelta(seconds=late))).where(
                    Contract.id == contract.id
                )
            )
            assert found is due


def test_a_draft_is_the_statement_to_come_and_leaves_nothing(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        name, content = draw_draft(session, SYSTEM, settings, contracts[0], PERIOD)
        assert session.query(Statement).count() == 0
        assert session.query(LedgerEntry).count() == 0
        assert session.query(AuditEntry).filter(AuditEntry.action == "statement.draft").count() == 1
    assert name == "DRAFT-202610-HT-1.pdf"
    assert list(settings.statements_folder.iterdir()) == []
    assert content.startswith(b"%PDF-")
    assert verify_file(content).outcome == "altered"  # nobody takes it for a statement
    issue_month(sessions, SYSTEM, settings, PERIOD)
    with transaction(sessions, SYSTEM) as session:
        issued = session.query(Statement).filter(Statement.contract_id == contracts[0]).one()
        document = json.loads(embedded_files(content)["statement.json"])
        assert document["totals"] == issued.document["totals"]
        assert document["metrics"] == issued.document["metrics"]
        with pytest.raises(ConflictError, match=f"issued already as {issued.number}"):
            draw_draft(session, SYSTEM, settings, contracts[0], PERIOD)


def test_who_gets_no_draft(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        contract = session.get_one(Contract, contracts[0])
        own = Scope.customer("own", contract.customer_id)
        with pytest.raises(ForbiddenError):
            draw_draft(session, own, settings, contract.id, PERIOD)
        with pytest.raises(NotFoundError):
            draw_draft(session, SYSTEM, settings, 999_999, PERIOD)
        with pytest.raises(InvalidError, match="still open"):
            compose_draft(session, SYSTEM, settings, contract.id, PERIOD, at("2026-10-31T23:00:00"))


@pytest.fixture
def run(
    sessions: SessionFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    @contextmanager
    def here(ctx: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(settings=settings, make_sessions=lambda pool_size: sessions)

    monkeypatch.setattr(commands, "instance_of", here)
    # The command lets go of its own pool; this one is the test's.
    monkeypatch.setattr(sessions.kw["bind"], "dispose", lambda: None)

    def call(*words: str) -> Result:
        return CliRunner().invoke(main, ["statement", "issue", "--month", PERIOD, *words])

    return call


def test_a_dry_run_says_what_would_be_and_keeps_nothing(
    sessions: SessionFactory, contracts: list[int], run: Callable[..., Result]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        session.get_one(Contract, contracts[1]).terms[0].document = "terms: broken"
    done = run("--all", "--dry-run")
    assert done.exit_code == 1
    assert "as they would be" in done.stdout
    assert "HT-1" in done.stdout
    assert "HT-2 WOULD FAIL" in done.stderr
    assert "1 of 3 could not be issued" in done.stderr
    with transaction(sessions, SYSTEM) as session:
        assert session.query(Statement).count() == 0
    done = run("--customer", "C3", "--dry-run")
    assert done.exit_code == 0
    assert "HT-3" in done.stdout
    assert "HT-1" not in done.stdout + done.stderr


def test_one_customers_month_is_issued_alone(
    sessions: SessionFactory, contracts: list[int], run: Callable[..., Result]
) -> None:
    assert run("--customer", "C1").exit_code == 0
    with transaction(sessions, SYSTEM) as session:
        assert [one.contract_id for one in session.query(Statement).all()] == [contracts[0]]
    for words in (("--customer", "NOBODY"), ("--contract", "NONE"), ("--all", "--customer", "C1")):
        refused = run(*words)
        assert refused.exit_code == 1
        assert "Traceback" not in refused.output
