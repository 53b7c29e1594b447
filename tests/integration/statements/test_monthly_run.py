"""The run of a month: rendered beside each other, nothing stopped by one that fails."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from dcim.config import Settings
from dcim.customers.models import ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.statements import issuing, monthly_run
from dcim.statements.files import check_inputs
from dcim.statements.models import Statement, StatementFile
from dcim.statements.monthly_run import Failed, issue_month
from dcim.statements.press import BrokenProcessPool, Press, open_press
from dcim.statements.printing import print_statement
from tests.integration.statements.town import PERIOD, SYSTEM, build_town


@pytest.fixture
def contracts(sessions: SessionFactory) -> list[int]:
    with transaction(sessions, SYSTEM) as session:
        return build_town(session, 2)


@pytest.fixture
def press() -> Iterator[Press]:
    with open_press(2) as made:
        yield made


def take_terms(sessions: SessionFactory, contract_id: int) -> None:
    """A contract in force that nothing can judge."""
    with transaction(sessions, SYSTEM) as session:
        session.execute(delete(ContractTerms).where(ContractTerms.contract_id == contract_id))


def list_issued(sessions: SessionFactory) -> dict[int, str | None]:
    """Hash of the unsigned PDF by contract; none where it isn't made."""
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(
            select(Statement.contract_id, StatementFile.unsigned_sha256).outerjoin(
                StatementFile, StatementFile.statement_id == Statement.id
            )
        )
        return {int(contract_id): sha256 for contract_id, sha256 in rows}


def test_one_that_fails_stops_no_other(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    take_terms(sessions, contracts[0])
    told: list[tuple[bool, int, int]] = []
    run = issue_month(
        sessions,
        SYSTEM,
        settings,
        PERIOD,
        progress=lambda one, done, of: told.append((isinstance(one, Failed), done, of)),
    )
    assert told == [(True, 1, 2), (False, 2, 2)]
    assert [one.customer for one in run.issued] == ["客户2"]
    [failed] = run.failed
    assert (failed.contract, failed.customer) == ("HT-1", "客户1")
    assert failed.why == f"Contract HT-1 has no terms for {PERIOD}."
    found = list_issued(sessions)
    assert set(found) == {contracts[1]}
    assert None not in found.values()


def test_a_fault_of_ours_stops_no_other(
    sessions: SessionFactory,
    settings: Settings,
    contracts: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    freeze = issuing.freeze_statement

    def stumble(*args: Any) -> Any:
        if args[3] == contracts[0]:
            raise KeyError("mrc")
        return freeze(*args)

    monkeypatch.setattr(monthly_run, "freeze_statement", stumble)
    run = issue_month(sessions, SYSTEM, settings, PERIOD)
    assert [one.why for one in run.failed] == ["KeyError: 'mrc'"]
    assert set(list_issued(sessions)) == set(contracts[1:])
    monkeypatch.undo()
    # Run again, what was missing is there and the rest stays.
    again = issue_month(sessions, SYSTEM, settings, PERIOD)
    assert [one.new for one in again.issued] == [True, False]
    assert not again.failed


def test_what_processes_of_their_own_render_is_the_same(
    sessions: SessionFactory, settings: Settings, contracts: list[int], press: Press
) -> None:
    issue_month(sessions, SYSTEM, settings, PERIOD)
    with transaction(sessions, SYSTEM) as session:
        for statement in session.scalars(select(Statement)):
            packed = check_inputs(statement)
            here = print_statement(statement.document, packed)
            assert press.print(statement.document, packed).result(60) == here
            file = session.get_one(StatementFile, statement.id)
            assert file.unsigned_sha256 == hashlib.sha256(here).hexdigest()


def test_a_process_that_dies_takes_its_statement_with_it_and_no_later_one(
    sessions: SessionFactory, settings: Settings, contracts: list[int], press: Press
) -> None:
    issue_month(sessions, SYSTEM, settings, PERIOD)
    with transaction(sessions, SYSTEM) as session:
        statement = session.scalars(select(Statement).order_by(Statement.id)).first()
        assert statement is not None
        document, packed = statement.document, check_inputs(statement)
    killed = press._pool.submit(os.kill, find_pid(press), signal.SIGKILL)
    with pytest.raises(BrokenProcessPool):
        killed.result(60)
    assert press.print(document, packed).result(60).startswith(b"%PDF")


def find_pid(press: Press) -> int:
    """Of a process of the press."""
    return press._pool.submit(os.getpid).result(60)


class Torn(Press):
    """Its processes die of every statement."""

    def print(self, document: Any, inputs: bytes) -> "Future[bytes]":
        broken: Future[bytes] = Future()
        broken.set_exception(BrokenProcessPool("terminated abruptly"))
        return broken


def test_a_statement_whose_process_died_is_frozen_and_rendered_by_the_next_run(
    sessions: SessionFactory,
    settings: Settings,
    contracts: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("dcim.statements.press.Press", Torn)
        run = issue_month(sessions, SYSTEM, settings, PERIOD)
    assert [one.why for one in run.failed] == ["a process that renders died"] * 2
    assert list_issued(sessions) == dict.fromkeys(contracts)
    run = issue_month(sessions, SYSTEM, settings, PERIOD)
    assert [one.new for one in run.issued] == [False] * 2
    assert None not in list_issued(sessions).values()


WAITS = """
import os, sys, time
from dcim.statements.press import open_press
with open_press(1) as press:
    print(press._pool.submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_the_press_ends_with_whom_it_works_for() -> None:
    """A run that is killed leaves no process behind."""
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        assert is_alive(pid)
        run.kill()
        until = time.monotonic() + 60
        while is_alive(pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
