"""Marked copies: drawn, signed and registered apart from the original, and found again."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import DBAPIError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.commands import statements as commands
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.statements import marked_copies
from dcim.statements.files import FileDamagedError, read_file
from dcim.statements.issuing import freeze_statement, issue_statement
from dcim.statements.marked_copies import (
    copy_path,
    list_copies,
    make_copy,
    read_copy,
    trace_copies,
)
from dcim.statements.models import MarkedCopy, StatementFile
from dcim.statements.registry import find_registration, list_signers
from dcim.statements.sample_files import samples_path
from dcim.statements.verifying import verify_file
from reports.marking import COPY_NAME
from reports.sign import generate_signer
from reports.unpacking import embedded_files
from tests.integration.statements.town import PERIOD, SYSTEM, build_town
from tests.servers import Database


@pytest.fixture
def contracts(sessions: SessionFactory) -> list[int]:
    with transaction(sessions, SYSTEM) as session:
        return build_town(session)


@pytest.fixture
def statement_id(sessions: SessionFactory, settings: Settings, contracts: list[int]) -> int:
    return issue_statement(sessions, SYSTEM, settings, contracts[0], PERIOD).statement_id


def test_a_copy_is_marked_signed_registered_and_names_its_original(
    sessions: SessionFactory, settings: Settings, statement_id: int
) -> None:
    with transaction(sessions, SYSTEM) as session:
        original = read_file(session, SYSTEM, settings, statement_id)
        made = make_copy(session, SYSTEM, settings, statement_id, " 示例审计\n事务所 ")
        other = make_copy(session, SYSTEM, settings, statement_id, "Auditors & Co.")
        assert made.recipient == "示例审计 事务所"
        assert len({made.sha256, other.sha256, hashlib.sha256(original).hexdigest()}) == 3
        assert made.code != other.code
        name, content = read_copy(session, SYSTEM, settings, made.id)
        assert name == f"SLA-202610-HT-1-01.copy-{made.code}.pdf"
        rows = list_copies(session, SYSTEM, statement_id).items
        assert [row.recipient for row in rows] == ["Auditors & Co.", "示例审计 事务所"]
        # The original stays what it was.
        assert read_file(session, SYSTEM, settings, statement_id) == original
        file = session.get_one(StatementFile, statement_id)
        assert made.original_sha256 == file.sha256
        assert [one.id for one in trace_copies(session, SYSTEM, content)] == [made.id]
        assert trace_copies(session, SYSTEM, original) == []
    verdict = verify_file(content)
    assert verdict.outcome == "signer_unknown"
    assert verdict.copy is not None
    assert verdict.copy["original"]["sha256"] == hashlib.sha256(original).hexdigest()
    states = {check.key: check.state for check in verdict.checks}
    assert (states["copy"], states["numbers"], states["print"]) == ("ok", "ok", "ok")
    described = json.loads(embedded_files(content)[COPY_NAME])
    assert described == verdict.copy
    with sessions() as session:
        session.use_scope(SYSTEM)
        for pdf, is_copy in ((content, True), (original, False)):
            known = find_registration(session, hashlib.sha256(pdf).hexdigest())
            assert known is not None
            assert (known.number, known.newest, known.is_copy) == (
                "SLA-202610-HT-1-01", 1, is_copy
            )  # fmt: skip
        told = session.scalars(
            select(AuditEntry.action).where(AuditEntry.action.like("statement.%"))
        ).all()
        assert told.count("statement.copy") == 2


def test_who_may_not_and_what_is_no_recipient(
    sessions: SessionFactory, settings: Settings, contracts: list[int], statement_id: int
) -> None:
    with transaction(sessions, SYSTEM) as session:
        own = Scope.customer("test", session.get_one(Contract, contracts[0]).customer_id)
    with transaction(sessions, own) as session:
        for call in (
            lambda: make_copy(session, own, settings, statement_id, "me"),
            lambda: list_copies(session, own, statement_id),
            lambda: read_copy(session, own, settings, 1),
            lambda: trace_copies(session, own, b"%PDF-"),
        ):
            with pytest.raises(ForbiddenError, match="Only staff"):
                call()
    with transaction(sessions, SYSTEM) as session:
        for odd in ("", " \n", "a\u0007b", "x" * 121, "\u202egnp"):
            with pytest.raises(InvalidError):
                make_copy(session, SYSTEM, settings, statement_id, odd)
        with pytest.raises(NotFoundError, match="No such statement"):
            make_copy(session, SYSTEM, settings, 999_999, "me")
        with pytest.raises(NotFoundError, match="No such copy"):
            read_copy(session, SYSTEM, settings, 999_999)
        frozen, _ = freeze_statement(session, SYSTEM, settings, contracts[2], PERIOD)
        with pytest.raises(ConflictError, match="isn't made yet"):
            make_copy(session, SYSTEM, settings, frozen.id, "me")
        assert session.scalar(select(func.count()).select_from(MarkedCopy)) == 0


def test_a_registered_copy_cannot_be_changed_and_a_changed_file_is_noticed(
    sessions: SessionFactory, settings: Settings, statement_id: int, clean_database: Database
) -> None:
    def draw(*_: object) -> bytes:
        with transaction(sessions, SYSTEM) as session:
            signed = read_file(session, SYSTEM, settings, statement_id)
        return signed[: signed.rindex(b"%%EOF", 0, signed.index(b"/ByteRange")) + 6]

    with transaction(sessions, SYSTEM) as session:
        made = make_copy(session, SYSTEM, settings, statement_id, "me", draw)
        copy_id, path = made.id, copy_path(settings, "SLA-202610-HT-1-01", made.code)
    engine = create_engine(clean_database.admin_url)
    for change in ("UPDATE marked_copy SET recipient = 'x'", "DELETE FROM marked_copy"):
        with (
            engine.connect() as connection,
            pytest.raises(DBAPIError, match="append-only"),
        ):
            connection.execute(text(change))
    engine.dispose()
    path.write_bytes(path.read_bytes() + b"\n")
    with transaction(sessions, SYSTEM) as session:
        with pytest.raises(FileDamagedError, match="not the one"):
            read_copy(session, SYSTEM, settings, copy_id)
        path.unlink()
        with pytest.raises(FileDamagedError, match="gone"):
            read_copy(session, SYSTEM, settings, copy_id)


def test_the_commands_write_the_samples_and_trace_a_stray_copy(
    sessions: SessionFactory,
    settings: Settings,
    statement_id: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def here(ctx: object, command: str) -> Iterator[tuple[Any, ScopedSession, Scope]]:
        scope = Scope.system(command)
        with transaction(sessions, scope) as session:
            yield SimpleNamespace(settings=settings), session, scope

    monkeypatch.setattr(commands, "session_of", here)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["statement", *map(str, arguments)])

    number = "SLA-202610-HT-1-01"
    assert run("export", number, tmp_path, "--samples").exit_code == 0
    samples = tmp_path / f"{number}.samples.zip"
    assert samples.read_bytes() == samples_path(settings, number).read_bytes()
    told = run("export", number, tmp_path)
    pdf = tmp_path / f"{number}.pdf"
    assert hashlib.sha256(pdf.read_bytes()).hexdigest() in told.output
    assert run("verify", pdf, "--evidence", samples).exit_code == 3
    with transaction(sessions, SYSTEM) as session:
        made = make_copy(session, SYSTEM, settings, statement_id, "Auditors")
        stray = tmp_path / "stray.pdf"
        # As far as its pages: whoever cut it took the signature and half the tables with it.
        stray.write_bytes(read_copy(session, SYSTEM, settings, made.id)[1][:-20_000])
        code = made.code
    found = run("trace", stray)
    assert found.exit_code == 0, found.output
    assert "Auditors" in found.output
    none = run("trace", pdf)
    assert (none.exit_code, "hides no code" in none.output) == (1, True)
    with transaction(sessions, SYSTEM) as session:
        traced = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "statement.trace").order_by(AuditEntry.id)
        ).all()
        assert [one.detail["codes"] for one in traced] == [[code], []]


def test_who_signed_a_copy_alone_is_told_too(
    sessions: SessionFactory, settings: Settings, statement_id: int, tmp_path: Path
) -> None:
    """A key that was changed before it signed any statement."""
    with transaction(sessions, SYSTEM) as session:
        usual = list_signers(session, settings)
        other = generate_signer(tmp_path, "Other")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(marked_copies, "obtain_signer", lambda *given: other)
            make_copy(session, SYSTEM, settings, statement_id, "me")
        assert list_signers(session, settings) == [*usual, other.fingerprint]
