"""The file of raw samples: frozen with the statement, its customer's alone, handed out whole."""

import fcntl
import hashlib
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import SessionFactory, transaction
from dcim.errors import NotFoundError
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.statements import issuing
from dcim.statements.files import FileDamagedError, read_file, unpack_inputs
from dcim.statements.issuing import issue_statement
from dcim.statements.models import Statement
from dcim.statements.raw_samples import SampleReader
from dcim.statements.rebinning import rebin
from dcim.statements.sample_files import check_samples, keep_samples, samples_path
from dcim.statements.verifying import verify_file
from tests.integration.statements.town import (
    HANDOVER,
    PERIOD,
    START,
    STEP_MS,
    SYSTEM,
    build_town,
)

END = START + 31 * 86_400_000
EDGE = START + HANDOVER * STEP_MS


@pytest.fixture
def contracts(sessions: SessionFactory) -> list[int]:
    with transaction(sessions, SYSTEM) as session:
        return build_town(session)


def issue(sessions: SessionFactory, settings: Settings, contract_id: int) -> tuple[int, bytes]:
    """(statement, its archive), as its customer gets it."""
    issued = issue_statement(sessions, SYSTEM, settings, contract_id, PERIOD)
    with transaction(sessions, SYSTEM) as session:
        owner = session.get_one(Contract, contract_id).customer_id
    own = Scope.customer("test", owner)
    with transaction(sessions, own) as session:
        opened = check_samples(session, own, settings, issued.statement_id)
        content = b"".join(opened.read_parts())
    assert len(content) == opened.size
    return issued.statement_id, content


def test_every_bin_follows_and_a_port_that_changed_hands_shows_nobody_else(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    for contract_id, item, low, high, rate in (
        (contracts[0], "HT-1-01", START, EDGE, 1),
        (contracts[1], "HT-2-01", EDGE, END, 2),
    ):
        statement_id, archive = issue(sessions, settings, contract_id)
        with transaction(sessions, SYSTEM) as session:
            statement = session.get_one(Statement, statement_id)
            inputs, document = unpack_inputs(statement), statement.document
            pdf = read_file(session, SYSTEM, settings, statement_id)
            assert statement.samples_sha256 == hashlib.sha256(archive).hexdigest()
            assert statement.samples_size == len(archive)
        [named] = [entry for entry in document["manifest"] if entry.get("external")]
        assert (named["sha256"], named["bytes"]) == (
            hashlib.sha256(archive).hexdigest(),
            len(archive),
        )
        found = rebin(inputs, SampleReader(io.BytesIO(archive)))
        assert found.wrong == ()
        assert found.bins == (high - low) // 300_000
        verdict = verify_file(pdf, evidence=io.BytesIO(archive))
        assert verdict.outcome == "signer_unknown"
        assert [c.state for c in verdict.checks if c.key in ("samples", "bins")] == ["ok", "ok"]
        [(columns, spans)] = SampleReader(io.BytesIO(archive)).traffic(item)
        assert spans == [(low, high)]
        assert (columns.ts[0] - columns.span_ms[0], columns.ts[-1]) == (low, high)
        # An octet a millisecond before the handover, two after it: nothing of the other's.
        assert set((columns.values["in_octets"] // columns.span_ms).tolist()) == {rate}
    # Control: the series itself goes on before and after.
    with transaction(sessions, SYSTEM) as session:
        series = session.scalar(select(Series.id).where(Series.slot == "ge1-traffic"))
        assert series is not None
        [(_, whole)] = PostgresSampleStore().read(session, "traffic", [series], START, END)
        assert set((whole.values["in_octets"] // whole.span_ms).tolist()) == {1, 2}


def test_the_same_month_again_is_the_same_archive(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    """A run that died after the file was in place: the next one writes the same bytes."""

    class KilledError(Exception):
        pass

    def die(*_: object) -> None:
        raise KilledError

    path = samples_path(settings, "SLA-202610-HT-1-01")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(issuing, "add_history", die)
        with pytest.raises(KilledError):
            issue_statement(sessions, SYSTEM, settings, contracts[0], PERIOD)
    left = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _, archive = issue(sessions, settings, contracts[0])
    assert archive == left == path.read_bytes()


def test_half_an_archive_is_never_left_under_its_name(settings: Settings) -> None:
    path = samples_path(settings, "SLA-X")

    def fail() -> None:
        with keep_samples(settings, "SLA-X") as samples:
            samples.archive.add_traffic("a", "m", [(0, 10)], [(10, 10, 1, 1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(path.parent.iterdir()) == []
    with keep_samples(settings, "SLA-X") as samples:
        pass
    assert (list(path.parent.iterdir()), samples.described) == ([], {})
    # What a process that is no more left behind goes; what one that lives is writing stays.
    dead, alive = (path.with_name(f".{path.name}.{pid}.ab") for pid in (2**22 - 1, os.getpid()))
    for one in (dead, alive):
        one.write_bytes(b"half")
    with alive.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with keep_samples(settings, "SLA-X") as samples:
            samples.archive.add_traffic("a", "m", [(0, 10)], [(10, 10, 1, 1)])
    assert sorted(path.parent.iterdir()) == sorted([alive, path])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert samples.described["evidence"]["bytes"] == path.stat().st_size


def test_only_its_customer_gets_it_and_the_reading_is_audited(
    sessions: SessionFactory, settings: Settings, contracts: list[int]
) -> None:
    statement_id, archive = issue(sessions, settings, contracts[0])
    with transaction(sessions, SYSTEM) as session:
        stranger = Scope.customer("other", session.get_one(Contract, contracts[1]).customer_id)
        told = session.execute(
            select(AuditEntry.actor, func.count())
            .where(AuditEntry.action == "statement.download")
            .group_by(AuditEntry.actor)
        ).all()
        assert [tuple(row) for row in told] == [("test", 1)]
    for wanted in (statement_id, 999_999):
        with (
            pytest.raises(NotFoundError, match="No such statement"),
            transaction(sessions, stranger) as session,
        ):
            check_samples(session, stranger, settings, wanted)
    path = samples_path(settings, "SLA-202610-HT-1-01")
    check_damage(sessions, settings, statement_id, path, archive)


def check_damage(
    sessions: SessionFactory, settings: Settings, statement_id: int, path: Path, archive: bytes
) -> None:
    path.write_bytes(archive[:-1] + bytes([archive[-1] ^ 1]))
    with (
        transaction(sessions, SYSTEM) as session,
        pytest.raises(FileDamagedError, match="not the one that was issued"),
    ):
        check_samples(session, SYSTEM, settings, statement_id)
    path.unlink()
    with (
        transaction(sessions, SYSTEM) as session,
        pytest.raises(FileDamagedError, match="gone"),
    ):
        check_samples(session, SYSTEM, settings, statement_id)
