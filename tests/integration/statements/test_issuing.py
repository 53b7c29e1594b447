"""Issuing a month: once, whoever runs it and whatever kills it; frozen, booked, private, signed."""

import contextlib
import hashlib
import os
import random
import signal
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.errors import InvalidError, NotFoundError
from dcim.postgres import EmbeddedServer
from dcim.sla import incidents, observations
from dcim.sla.models import Incident
from dcim.statements import issuing, monthly_run
from dcim.statements.attachments import attachments_of
from dcim.statements.composition import compose
from dcim.statements.files import FileDamagedError, file_path, read_file, unpack_inputs
from dcim.statements.issuing import freeze_statement, issue_statement
from dcim.statements.models import LedgerEntry, Statement, StatementFile
from dcim.statements.monthly_run import issue_month
from dcim.statements.signer import obtain_signer
from reports.sign import KEY_NAME, SigningError, generate_signer
from reports.unpacking import embedded_files
from tests.integration.conftest import TEMPLATE
from tests.integration.statements.owing import DOWN, build_owing_town, judge_money, read_lines
from tests.integration.statements.town import (
    HANDOVER,
    PERIOD,
    START,
    STEP_MS,
    SYSTEM,
    build_town,
    start_issuer,
)
from tests.servers import Database, fresh_database

FROZEN = ("statement", "statement_file", "ledger_entry")


@pytest.fixture
def contracts(sessions: SessionFactory) -> list[int]:
    with transaction(sessions, SYSTEM) as session:
        return build_town(session)


@pytest.fixture
def admin(clean_database: Database) -> Iterator[Engine]:
    engine = create_engine(clean_database.admin_url)
    yield engine
    engine.dispose()


def everything(sessions: SessionFactory) -> list[tuple[Any, ...]]:
    """What was issued: numbers, hashes, sums."""
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(
            select(
                Statement.contract_id,
                Statement.number,
                Statement.document_sha256,
                Statement.total,
                StatementFile.sha256,
                func.count(LedgerEntry.id),
                func.sum(LedgerEntry.amount),
            )
            .outerjoin(StatementFile, StatementFile.statement_id == Statement.id)
            .join(LedgerEntry, LedgerEntry.statement_id == Statement.id)
            .group_by(Statement.id, StatementFile.sha256)
            .order_by(Statement.contract_id)
        )
        return [tuple(row) for row in rows]


def check_issued(sessions: SessionFactory, settings: Settings, contracts: list[int]) -> None:
    """Each contract once, its lines add up, every file is registered and is what it says."""
    found = everything(sessions)
    assert [row[0] for row in found] == sorted(contracts)
    assert all(row[3] == row[6] for row in found)
    files = {path.name for path in settings.statements_folder.iterdir()}
    assert files == {f"{row[1]}{end}" for row in found for end in (".pdf", ".samples.zip")}
    for row in found:
        content = (settings.statements_folder / f"{row[1]}.pdf").read_bytes()
        assert hashlib.sha256(content).hexdigest() == row[4]


def test_issuing_twice_changes_nothing(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    first = issue_month(sessions, SYSTEM, settings, PERIOD).issued
    rows = everything(sessions)
    check_issued(sessions, settings, contracts)
    again = issue_month(sessions, SYSTEM, settings, PERIOD).issued
    assert [one.new for one in first] == [True] * 3
    assert [one.new for one in again] == [False] * 3
    assert everything(sessions) == rows


def test_an_open_month_is_refused(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    running = f"{utc_now().astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m}"
    with pytest.raises(InvalidError, match="still open"):
        issue_statement(sessions, SYSTEM, settings, contracts[0], running)
    assert everything(sessions) == []


def test_another_tenant_sees_nothing(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    issued = issue_statement(sessions, SYSTEM, settings, contracts[0], PERIOD)
    with transaction(sessions, SYSTEM) as session:
        owners = [session.get_one(Contract, one).customer_id for one in contracts]
    own, other = (Scope.customer("test", owner) for owner in owners[:2])
    with transaction(sessions, own) as session:
        assert read_file(session, own, settings, issued.statement_id).startswith(b"%PDF")
    for statement_id in (issued.statement_id, 999_999):
        with (
            pytest.raises(NotFoundError, match="No such statement"),
            transaction(sessions, other) as session,
        ):
            read_file(session, other, settings, statement_id)
    with (
        pytest.raises(NotFoundError, match="No such contract"),
        transaction(sessions, other) as session,
    ):
        freeze_statement(session, other, settings, contracts[0], PERIOD)


def test_what_is_issued_cannot_be_changed(
    sessions: SessionFactory,
    settings: Settings,
    contracts: list[int],
    clean_database: Database,
    admin: Engine,
) -> None:
    issue_statement(sessions, SYSTEM, settings, contracts[0], PERIOD)
    rows = everything(sessions)
    changes = {
        "statement": "UPDATE statement SET total = total + 1",
        "statement_file": "UPDATE statement_file SET size = size + 1",
        "ledger_entry": "UPDATE ledger_entry SET amount = amount + 1",
    }
    attempts = [
        *changes.values(),
        *(f"DELETE FROM {table}" for table in FROZEN),  # noqa: S608
        *(f"TRUNCATE {table} CASCADE" for table in FROZEN),
    ]
    for url in (clean_database.app_url, clean_database.owner_url, clean_database.admin_url):
        engine = create_engine(url)
        for attempt in attempts:
            with engine.begin() as connection:
                # Row security would hide the rows from the trigger: staff sees them all.
                connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
                with (
                    pytest.raises(DBAPIError, match=r"append-only|permission denied"),
                    connection.begin_nested(),
                ):
                    connection.execute(text(attempt))
        engine.dispose()
    assert everything(sessions) == rows
    # Control: it is the triggers that refuse. Without them a superuser may.
    with admin.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(changes["ledger_entry"]))
    assert everything(sessions) != rows


def test_a_changed_file_is_noticed(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    issued = issue_statement(sessions, SYSTEM, settings, contracts[0], PERIOD)
    with transaction(sessions, SYSTEM) as session:
        path = file_path(settings, session.get_one(Statement, issued.statement_id))
        good = read_file(session, SYSTEM, settings, issued.statement_id)
        downloads = select(func.count()).where(AuditEntry.action == "statement.download")
        assert session.scalar(downloads) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with (
        transaction(sessions, SYSTEM) as session,
        pytest.raises(FileDamagedError, match="not the one that was issued"),
    ):
        read_file(session, SYSTEM, settings, issued.statement_id)
    path.unlink()
    with (
        transaction(sessions, SYSTEM) as session,
        pytest.raises(FileDamagedError, match="gone"),
    ):
        read_file(session, SYSTEM, settings, issued.statement_id)


def test_what_is_kept_is_what_is_shown(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    """The stored inputs lead to the document and are the attachments; each shows its own alone."""
    edge = START + HANDOVER * STEP_MS
    seen: dict[int, dict[str, Any]] = {}
    for contract_id in contracts[:2]:
        issued = issue_statement(sessions, SYSTEM, settings, contract_id, PERIOD)
        with transaction(sessions, SYSTEM) as session:
            statement = session.get_one(Statement, issued.statement_id)
            inputs = unpack_inputs(statement)
            composed = compose(inputs)
            assert composed.data == statement.document
            assert attachments_of(inputs) == composed.attachments
            pdf = read_file(session, SYSTEM, settings, issued.statement_id)
        attached = embedded_files(pdf)
        for file in composed.attachments:
            assert attached[file.name] == file.content
        seen[contract_id] = inputs
    before, after = (seen[contract_id] for contract_id in contracts[:2])
    for inputs, low, high, rate in (
        (before, START, edge, 1),
        (after, edge, START + 31 * 86_400_000, 2),
    ):
        (entry,) = inputs["bandwidth"]
        assert entry["bins"]
        assert all(low <= row[0] < high for row in entry["bins"])
        # An octet a millisecond before, two after: nothing of the other's in the first or the last.
        assert {row[1] // row[3] for row in entry["bins"]} == {rate}
        (resource,) = inputs["resources"]
        assert resource["states"]
        if inputs is before:
            assert max(s[1] for s in resource["states"]) == edge
        else:
            assert min(s[0] for s in resource["states"]) == edge
    assert "客户2" not in str(before)
    assert "客户1" not in str(after)


def test_a_key_whose_pass_phrase_was_never_committed_is_made_anew(
    sessions: SessionFactory, settings: Settings
) -> None:
    """The first signing failed after the key was written: it must not stop all that follow."""
    with sessions() as session:
        session.use_scope(SYSTEM)
        lost = obtain_signer(session, SYSTEM, settings).fingerprint
        session.rollback()
    assert (settings.keys_folder / KEY_NAME).exists()
    with transaction(sessions, SYSTEM) as session:
        made = obtain_signer(session, SYSTEM, settings).fingerprint
    assert made != lost
    with transaction(sessions, SYSTEM) as session:
        assert obtain_signer(session, SYSTEM, settings).fingerprint == made


def test_an_operators_key_that_cannot_be_opened_stays(
    sessions: SessionFactory, settings: Settings
) -> None:
    settings.keys_folder.mkdir(parents=True, exist_ok=True)
    generate_signer(settings.keys_folder, "操作方", passphrase=b"theirs")
    before = (settings.keys_folder / KEY_NAME).read_bytes()
    with pytest.raises(SigningError), transaction(sessions, SYSTEM) as session:
        obtain_signer(session, SYSTEM, settings)
    assert (settings.keys_folder / KEY_NAME).read_bytes() == before


def test_the_signer_is_made_once_and_kept_secret(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        first = obtain_signer(session, SYSTEM, settings)
    with transaction(sessions, SYSTEM) as session:
        again = obtain_signer(session, SYSTEM, settings)
        made = select(func.count()).where(AuditEntry.action == "signer.generate")
        assert session.scalar(made) == 1
    assert first.fingerprint == again.fingerprint
    key = settings.keys_folder / KEY_NAME
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in key.read_bytes()


def test_the_operators_own_key_is_used(sessions: SessionFactory, settings: Settings) -> None:
    own = generate_signer(settings.keys_folder, "操作方")
    with transaction(sessions, SYSTEM) as session:
        assert obtain_signer(session, SYSTEM, settings).fingerprint == own.fingerprint


def freeze_at_once(
    sessions: SessionFactory, settings: Settings, contract_id: int, *, within_s: float = 2
) -> list[Any]:
    """Two issuers that meet after both have looked whether the statement is there; where nothing
    keeps them apart they do, however slow this machine is."""
    meet = threading.Barrier(2)
    gather = observations.gather_inputs

    def gather_together(*args: Any, **options: Any) -> dict[str, Any]:
        # Alone at the barrier: the other waits for its turn, as it should.
        with contextlib.suppress(threading.BrokenBarrierError):
            meet.wait(within_s)
        return gather(*args, **options)

    def freeze() -> bool | Exception:
        try:
            with transaction(sessions, SYSTEM) as session:
                return freeze_statement(session, SYSTEM, settings, contract_id, PERIOD)[1]
        except IntegrityError as error:
            return error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(issuing, "gather_inputs", gather_together)
        with ThreadPoolExecutor(2) as pool:
            return [f.result() for f in [pool.submit(freeze), pool.submit(freeze)]]


def test_two_issuers_at_once_issue_one(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    found = freeze_at_once(sessions, settings, contracts[0])
    assert sorted(map(str, found)) == ["False", "True"]
    assert len(everything(sessions)) == 1


def test_two_runs_at_once_leave_one_file_each(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(issue_month, sessions, SYSTEM, settings, PERIOD) for _ in range(2)]
        found = [run.result().issued for run in runs]
    new = [one.number for run in found for one in run if one.new]
    assert sorted(new) == sorted(one.number for one in found[0])
    check_issued(sessions, settings, contracts)


def test_without_lock_and_key_it_would_be_two(
    server: EmbeddedServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: first the lock is taken away, then the unique keys."""
    name = f"unguarded_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as database:
        engine = make_engine(database.app_url)
        sessions = make_sessions(engine)
        with transaction(sessions, SYSTEM) as session:
            contracts = build_town(session)
        monkeypatch.setattr(issuing, "wait_for_turn", lambda *args: None)
        found = freeze_at_once(sessions, settings, contracts[2], within_s=60)
        assert sum(isinstance(one, IntegrityError) for one in found) == 1
        assert len(everything(sessions)) == 1
        admin = create_engine(database.admin_url)
        with admin.begin() as connection:
            keys = connection.execute(
                text(
                    "SELECT conrelid::regclass::text, conname FROM pg_constraint"
                    " WHERE contype = 'u' AND conrelid IN"
                    " ('statement'::regclass, 'ledger_entry'::regclass)"
                )
            ).all()
            assert len(keys) >= 3
            for table, constraint in keys:
                connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"'))
        admin.dispose()
        found = freeze_at_once(sessions, settings, contracts[0], within_s=60)
        assert found == [True, True]
        assert len(everything(sessions)) == 3
        engine.dispose()


def kill_while_issuing(settings: Settings, draw: random.Random, longest_s: float) -> str:
    """Start an issuer, kill -9 it at a random moment; what it had said."""
    process = start_issuer(settings)
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    time.sleep(draw.uniform(0.0, longest_s))
    os.kill(process.pid, signal.SIGKILL)
    said = process.stdout.read()
    process.communicate()
    return said


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    """Short version of the drill kill-issuing."""
    draw = random.Random(20261101)
    for _ in range(8):
        kill_while_issuing(settings, draw, 2.5)
        kept = everything(sessions)
        assert len(kept) == len({row[0] for row in kept})
    left: list[Path] = list(settings.statements_folder.iterdir())
    last = start_issuer(settings)
    said, _ = last.communicate(timeout=120)
    assert said == "go\ndone\n", left
    check_issued(sessions, settings, contracts)
    assert {row[1]: row[2] for row in kept}.items() <= {
        row[1]: row[2] for row in everything(sessions)
    }.items()
    assert all(Decimal(row[3]) for row in everything(sessions))


def find_at_once(
    sessions: SessionFactory,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    *,
    within_s: float = 2,
) -> list[str]:
    """Two runs that keep the month's incidents at once: what each met with."""
    meet, met = threading.Barrier(2), threading.Event()
    keep = incidents._keep

    def keep_together(*args: Any) -> tuple[Incident, bool]:
        if not met.is_set():
            with contextlib.suppress(threading.BrokenBarrierError):
                meet.wait(within_s)
            met.set()
        return keep(*args)

    def find() -> str:
        try:
            monthly_run.find_incidents(sessions, SYSTEM, settings, PERIOD)
        except IntegrityError as error:
            return type(error).__name__
        return "kept"

    monkeypatch.setattr(incidents, "_keep", keep_together)
    with ThreadPoolExecutor(2) as pool:
        return sorted(run.result() for run in [pool.submit(find), pool.submit(find)])


def test_two_runs_at_once_keep_the_same_incidents(
    sessions: SessionFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions, SYSTEM) as session:
        build_town(session, down=DOWN, everywhere=True)
    assert find_at_once(sessions, settings, monkeypatch) == ["kept", "kept"]
    with transaction(sessions, SYSTEM) as session:
        keys = session.scalars(select(Incident.key)).all()
    assert len(keys) == len(set(keys)) > 0


def test_without_their_turn_one_of_them_fails(
    sessions: SessionFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions, SYSTEM) as session:
        build_town(session, down=DOWN, everywhere=True)
    monkeypatch.setattr(incidents, "wait_for_turn", lambda session: None)
    found = find_at_once(sessions, settings, monkeypatch, within_s=60)
    assert found == ["IntegrityError", "kept"]


@pytest.mark.slow
def test_killed_and_twice_at_once_no_credit_is_lost_or_doubled(
    sessions: SessionFactory, settings: Settings
) -> None:
    """Short version of the drill kill-issuing: claims, and credits of the month before."""
    with transaction(sessions, SYSTEM) as session:
        owing = build_owing_town(session, settings)
    draw = random.Random(20261126)
    for _ in range(4):
        issuers = [start_issuer(settings) for _ in range(2)]
        time.sleep(draw.uniform(1.0, 4.0))
        for issuer in issuers:
            os.kill(issuer.pid, signal.SIGKILL)
            issuer.communicate()
    issuers = [start_issuer(settings) for _ in range(2)]
    said = [issuer.communicate(timeout=240)[0] for issuer in issuers]
    assert said == ["go\ndone\n"] * 2
    with transaction(sessions, SYSTEM) as session:
        lines = read_lines(session)
        issued = session.scalars(
            select(Statement.contract_id).where(Statement.period == PERIOD)
        ).all()
    assert sorted(issued) == sorted(owing)
    assert judge_money(lines, owing) == []
    # The control: one lost and one given twice are told.
    assert len(judge_money([*lines[1:], lines[1]], owing)) == 2
