"""Commands and the clock's job say which months wait for approval, and that is no failure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from dcim import jobs
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.commands import statement_issuing, statements
from dcim.commands.processes import issue_period
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.statements.approval_models import HeldMonth
from dcim.statements.models import Statement
from tests.integration.statements.holding_desk import open_town
from tests.integration.statements.town import PERIOD, SYSTEM


@pytest.fixture
def contract_id(sessions: SessionFactory, settings: Settings) -> int:
    return open_town(sessions, settings)


@pytest.fixture
def run(
    sessions: SessionFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    @contextmanager
    def instance(ctx: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(settings=settings, make_sessions=lambda pool_size: sessions)

    @contextmanager
    def session_of(
        ctx: object, command: str
    ) -> Iterator[tuple[SimpleNamespace, ScopedSession, Scope]]:
        with transaction(sessions, Scope.system(command)) as session:
            yield SimpleNamespace(settings=settings), session, Scope.system(command)

    monkeypatch.setattr(statement_issuing, "instance_of", instance)
    monkeypatch.setattr(statements, "session_of", session_of)
    # The command lets go of its own pool; this one is the test's.
    monkeypatch.setattr(sessions.kw["bind"], "dispose", lambda: None)

    def call(*words: str) -> Result:
        return CliRunner().invoke(main, ["statement", *words, "--month", PERIOD])

    return call


def count(sessions: SessionFactory) -> tuple[int, int]:
    """Statements, and months held."""
    with transaction(sessions, SYSTEM) as session:
        found = [
            session.scalars(select(func.count()).select_from(table)).one()
            for table in (Statement, HeldMonth)
        ]
    return found[0], found[1]


def test_a_dry_run_says_what_would_be_held(
    sessions: SessionFactory, contract_id: int, run: Callable[..., Result]
) -> None:
    done = run("issue", "--all", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "HT-3 WOULD BE HELD for approval: Results left open: 1." in done.stderr
    assert "1 would be held for approval" in done.stderr
    assert "HT-1" in done.stdout
    assert "HT-3" not in done.stdout
    assert count(sessions) == (0, 0)


def test_a_run_says_what_is_held_and_does_not_fail(
    sessions: SessionFactory, contract_id: int, run: Callable[..., Result]
) -> None:
    for _ in range(2):
        done = run("issue", "--all")
        assert done.exit_code == 0, done.output
        assert "HT-3 HELD for approval: Results left open: 1." in done.stderr
        assert "1 waits for approval by two people" in done.stderr
        assert "SLA-202610-HT-3" not in done.stdout
        assert count(sessions) == (2, 1)
    done = run("held")
    assert done.exit_code == 0, done.output
    for said in ("HT-3", PERIOD, "needs_review", "Results left open: 1."):
        assert said in done.output
    assert "HT-1" not in done.output


def test_one_contract_alone_is_held_and_told(
    sessions: SessionFactory, contract_id: int, run: Callable[..., Result]
) -> None:
    done = run("issue", "--contract", "HT-3")
    assert done.exit_code == 0, done.output
    assert "1/1 HT-3 HELD for approval: Results left open: 1." in done.stderr
    assert count(sessions) == (0, 1)


def test_the_clocks_job_tells_what_is_held_beside_what_failed(
    sessions: SessionFactory, settings: Settings, contract_id: int
) -> None:
    outcome = issue_period(jobs.Workplace(settings, sessions), PERIOD, everyone=True)
    assert (outcome["issued"], outcome["new"], outcome["failed"]) == (2, 2, [])
    assert outcome["held"] == [
        {"contract": "HT-3", "customer": "客户3", "why": "Results left open: 1."}
    ]
