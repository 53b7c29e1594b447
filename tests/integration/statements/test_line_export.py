"""`dcim statement lines`: the month's lines as a file, whole, in order, and harmless."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.commands import statements as commands
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.statements.accounting import COLUMNS
from dcim.statements.models import Statement
from tests.integration.statements.test_past_periods import STANDARD, Office
from tests.integration.statements.town import SYSTEM

HOSTILE = '=HYPERLINK("http://x")'


@pytest.fixture
def run(sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    @contextmanager
    def here(ctx: object, command: str) -> Iterator[tuple[None, ScopedSession, Scope]]:
        scope = Scope.system(command)
        with transaction(sessions, scope) as session:
            yield None, session, scope

    monkeypatch.setattr(commands, "session_of", here)

    def call(*options: str) -> Result:
        return CliRunner().invoke(main, ["statement", "lines", *options])

    return call


@pytest.fixture
def issued(sessions: SessionFactory, settings: Settings) -> None:
    """HT-3's October twice, as revision 1 and 2; HT-1's with a clause that is a formula."""
    hostile = STANDARD.replace('clause: "3.1"', f"clause: '{HOSTILE}'")
    with transaction(sessions, SYSTEM) as session:
        office = Office(session, settings)
        office.issue("2026-10", STANDARD, ())
        office.issue("2026-10", STANDARD, ((5, 50),), revision=2)
        office.contract = session.scalars(select(Contract).where(Contract.number == "HT-1")).one()
        office.issue("2026-10", hostile, ())


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.usefixtures("issued")
def test_a_month_is_written_whole_and_in_order(
    run: Any, sessions: SessionFactory, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    result = run("--month", "2026-10", "-o", str(file))
    assert result.exit_code == 0, result.output
    content = file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode())
    rows = read(content)
    assert [row["contract"] for row in rows] == sorted(row["contract"] for row in rows)
    # Of each contract the newest revision alone: its sum is what is stated.
    assert {(row["contract"], row["revision"]) for row in rows} == {("HT-1", "1"), ("HT-3", "2")}
    with transaction(sessions, SYSTEM) as session:
        totals = session.scalars(
            select(Statement.total)
            .join(Contract, Contract.id == Statement.contract_id)
            .where(~((Contract.number == "HT-3") & (Statement.revision == 1)))
        ).all()
        deed = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "statement.lines")
        ).one()
        assert deed.detail["rows"] == len(rows)
    total = sum(Decimal(row["amount"]) for row in rows)
    assert total == sum(totals)
    assert f"2 statements, {len(rows)} lines" in result.stderr
    assert f"CNY {total}" in result.stderr
    assert run("--month", "2026-10").stdout_bytes == content


@pytest.mark.usefixtures("issued")
def test_a_formula_is_harmless_and_the_mark_can_be_left_out(run: Any) -> None:
    bare = run("--month", "2026-10", "--customer", "C1", "--no-bom").stdout_bytes
    assert bare.startswith(b"contract,")
    rows = read(bare)
    assert {row["contract"] for row in rows} == {"HT-1"}
    clauses = {row["clause"] for row in rows}
    assert f"'{HOSTILE}" in clauses
    assert not [clause for clause in clauses if clause.startswith("=")]
    # JSON is no sheet: there it stays as agreed.
    said = json.loads(run("--month", "2026-10", "--customer", "C1", "--format", "json").stdout)
    assert HOSTILE in {row["clause"] for row in said["lines"]}
    assert tuple(said["columns"]) == COLUMNS


@pytest.mark.usefixtures("issued")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--month", "2026-09"), "No statement of 2026-09 is issued"),
        (("--month", "2026-10", "--customer", "C2"), "No statement of 2026-10 is issued"),
        (("--month", "2026-10", "--customer", "nobody"), "No customer has the code nobody"),
        (("--month", "October"), "October is no month"),
        (("--month", "2026-10", "-o", "/nowhere/lines.csv"), "can't be written"),
    ],
)
def test_what_can_not_be_written_is_said(run: Any, options: tuple[str, ...], said: str) -> None:
    result = run(*options)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""
