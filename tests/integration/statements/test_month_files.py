"""A month's PDFs as files and as one ZIP: whole, the newest revisions, never all in memory."""

import csv
import hashlib
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import event, select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.cli import main
from dcim.commands import statements as command
from dcim.config import Settings
from dcim.customers.models import Contract, Customer
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import InvalidError, NotFoundError
from dcim.statements.files import FileDamagedError, file_path
from dcim.statements.models import Statement, StatementFile
from dcim.statements.month_files import (
    COLUMNS,
    INDEX,
    Exported,
    MonthFile,
    export_month,
    list_month_files,
    stream_archive,
)
from tests.integration.statements.town import PERIOD, SYSTEM

STAFF = Scope.staff("wang")
SIZE = 400_000
# What a mail says of it.
DOCUMENT = {
    "verdict": {"text": {"zh": "全部达标", "en": "All met"}},
    "dispute": {"deadline": "2026-12-01"},
    "verify_url": "https://x/verify",
}


def add_statement(
    session: ScopedSession, settings: Settings, contract: Contract, revision: int = 1
) -> Statement:
    number = f"SLA-202610-{contract.number}-{revision:02d}"
    statement = Statement(
        customer_id=contract.customer_id, contract_id=contract.id, period=PERIOD, currency="CNY",
        number=number, revision=revision, total=100 * revision, credits=0, verdict="met",
        document=DOCUMENT, document_sha256="1" * 64, inputs=b"", inputs_sha256="2" * 64,
    )  # fmt: skip
    session.add(statement)
    session.flush()
    content = b"%PDF-1.7 " + (number.encode() * SIZE)[:SIZE]
    file_path(settings, statement).write_bytes(content)
    session.add(
        StatementFile(
            statement_id=statement.id, customer_id=contract.customer_id, size=len(content),
            sha256=hashlib.sha256(content).hexdigest(), unsigned_sha256="3" * 64, pages=1,
            signer="4" * 64,
        )
    )  # fmt: skip
    session.flush()
    return statement


def build(sessions: SessionFactory, settings: Settings, count: int = 3) -> list[int]:
    """Customer ids. The second's statement has a second revision."""
    ids = []
    with transaction(sessions, SYSTEM) as session:
        for number in range(1, count + 1):
            customer = Customer(code=f"C{number:02d}", name="客户", name_en="x")
            contract = Contract(customer=customer, number=f"HT{number:02d}", starts_on=_day())
            session.add(contract)
            session.flush()
            add_statement(session, settings, contract)
            if number == 2:
                add_statement(session, settings, contract, 2)
            ids.append(customer.id)
    return ids


def _day() -> "object":
    import datetime as dt

    return dt.date(2026, 1, 1)


@pytest.fixture
def customers(sessions: SessionFactory, settings: Settings) -> list[int]:
    return build(sessions, settings)


def read(
    sessions: SessionFactory, settings: Settings, scope: Scope = STAFF, **wanted: object
) -> list[MonthFile]:
    with transaction(sessions, scope) as session:
        return list_month_files(session, scope, settings, PERIOD, **wanted)  # type: ignore[arg-type]


def read_index(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_a_folder(
    sessions: SessionFactory, settings: Settings, customers: list[int], tmp_path: Path
) -> None:
    folder = tmp_path / "out" / "2026-10"
    files = read(sessions, settings)
    assert export_month(files, folder) == Exported(3, 0)
    names = ["SLA-202610-HT01-01.pdf", "SLA-202610-HT02-02.pdf", "SLA-202610-HT03-01.pdf"]
    assert sorted(one.name for one in folder.iterdir()) == [*names, INDEX]
    index = read_index((folder / INDEX).read_bytes())
    assert list(index[0]) == list(COLUMNS)
    assert [(one["file"], one["customer"], one["revision"]) for one in index] == [
        (names[0], "C01", "1"), (names[1], "C02", "2"), (names[2], "C03", "1"),
    ]  # fmt: skip
    for one in index:
        content = (folder / one["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == one["sha256"]
        assert len(content) == int(one["size"])
    # Again: what was altered or is missing is written, the rest stays.
    (folder / names[0]).write_bytes(b"x" * int(index[0]["size"]))
    (folder / names[1]).unlink()
    kept = (folder / names[2]).stat().st_ino
    assert export_month(files, folder) == Exported(2, 1)
    assert (folder / names[2]).stat().st_ino == kept
    assert [one.name for one in read(sessions, settings, every_revision=True)] == [
        names[0], names[1], "SLA-202610-HT02-01.pdf", names[2],
    ]  # fmt: skip
    with transaction(sessions, SYSTEM) as session:
        deeds = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action == "statement.archive")
            .order_by(AuditEntry.id)
        ).all()
        assert deeds[0].detail == {"files": 3}


def test_a_folder_that_cannot_be_written(
    sessions: SessionFactory, settings: Settings, customers: list[int], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidError, match="can't be written"):
        export_month(read(sessions, settings), tmp_path / "file" / "out")


def test_one_customers_and_nobody_elses(
    sessions: SessionFactory, settings: Settings, customers: list[int]
) -> None:
    assert [one.customer for one in read(sessions, settings, customer_id=customers[1])] == ["C02"]
    scope = Scope.customer("x", customers[0])
    assert [one.customer for one in read(sessions, settings, scope)] == ["C01"]
    with pytest.raises(NotFoundError):
        read(sessions, settings, scope, customer_id=customers[1])


def test_the_zip(sessions: SessionFactory, settings: Settings, customers: list[int]) -> None:
    files = read(sessions, settings)
    content = b"".join(stream_archive(files))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [INDEX, *(one.name for one in files)]
        for one in read_index(archive.read(INDEX)):
            assert hashlib.sha256(archive.read(one["file"])).hexdigest() == one["sha256"]
    assert b"".join(stream_archive(files)) == content


def test_the_zip_is_never_whole_in_memory(
    sessions: SessionFactory, settings: Settings, customers: list[int]
) -> None:
    files = read(sessions, settings) * 10
    peaks: list[int] = []

    def take_all() -> int:
        tracemalloc.start()
        total = sum(len(piece) for piece in stream_archive(files))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        return total

    with pytest.warns(UserWarning, match="Duplicate"):
        assert take_all() > 30 * SIZE
    [peak] = peaks
    assert peak < 6 * SIZE


def test_a_file_that_was_altered_makes_no_whole_zip(
    sessions: SessionFactory, settings: Settings, customers: list[int]
) -> None:
    files = read(sessions, settings)
    altered = files[1].path
    altered.write_bytes(altered.read_bytes()[:-1] + b"x")
    pieces: list[bytes] = []

    def take_all() -> None:
        pieces.extend(stream_archive(files))

    with pytest.raises(FileDamagedError, match="HT02"):
        take_all()
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    # Of another size, or gone, it is told before anything is sent.
    altered.write_bytes(b"x")
    with pytest.raises(FileDamagedError, match="HT02"):
        read(sessions, settings)
    altered.unlink()
    with pytest.raises(FileDamagedError, match="gone"):
        read(sessions, settings)


def test_names_that_no_file_system_takes(sessions: SessionFactory, settings: Settings) -> None:
    def name(number: str) -> str:
        return MonthFile(
            Path("x"), "", 0, number, 1, "", "", "", 0, 0, "", ""  # type: ignore[arg-type]
        ).name  # fmt: skip

    assert name("../SLA:2026\\10|华东-01") == "%2E.%2FSLA%3A2026%5C10%7C华东-01.pdf"
    assert name("SLA-202610-HT_1-01") == "SLA-202610-HT_1-01.pdf"
    # Each number has a name of its own: in one folder none takes another's place.
    alike = ("HT:1", "HT*1", "HT?1", "HT_1", "HT%3A1", ".HT1", "HT1")
    assert len({name(number) for number in alike}) == len(alike)


def test_no_month(sessions: SessionFactory, settings: Settings, customers: list[int]) -> None:
    with transaction(sessions, STAFF) as session:
        with pytest.raises(NotFoundError, match="2026-09"):
            list_month_files(session, STAFF, settings, "2026-09")
        with pytest.raises(InvalidError):
            list_month_files(session, STAFF, settings, "2026-13")


def test_as_many_statements_of_sql_for_more(sessions: SessionFactory, settings: Settings) -> None:
    def count() -> int:
        seen: list[str] = []
        with transaction(sessions, STAFF) as session:
            engine = session.get_bind()
            event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
            list_month_files(session, STAFF, settings, PERIOD)
        return len(seen)

    build(sessions, settings, 1)
    few = count()
    with transaction(sessions, SYSTEM) as session:
        customer = session.scalars(select(Customer)).one()
        for number in range(2, 12):
            contract = Contract(customer_id=customer.id, number=f"M{number}", starts_on=_day())
            session.add(contract)
            session.flush()
            add_statement(session, settings, contract)
    assert count() == few


def test_the_command(
    sessions: SessionFactory,
    settings: Settings,
    customers: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from collections.abc import Iterator
    from contextlib import contextmanager
    from types import SimpleNamespace

    @contextmanager
    def here(_ctx: object, name: str) -> Iterator[object]:
        with transaction(sessions, Scope.system(name)) as session:
            yield SimpleNamespace(settings=settings), session, Scope.system(name)

    monkeypatch.setattr(command, "session_of", here)

    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["statement", "export", *map(str, arguments)])
        return result.exit_code, result.output

    folder = tmp_path / "out"
    code, said = run("--month", PERIOD, "--to", folder, "--customer", "C02")
    assert (code, "1 written" in said) == (0, True), said
    assert (folder / "SLA-202610-HT02-02.pdf").exists()
    code, said = run("--month", PERIOD, "--to", folder)
    assert "2 written, 1 there already" in said
    assert run("SLA-202610-HT01-01", tmp_path / "one.pdf")[0] == 0
    assert (tmp_path / "one.pdf").read_bytes() == (folder / "SLA-202610-HT01-01.pdf").read_bytes()
    for wrong in (
        (), ("--month", PERIOD), ("--to", folder), ("SLA-202610-HT01-01",),
        ("SLA-202610-HT01-01", folder, "--month", PERIOD), ("--month", "2026-13", "--to", folder),
        ("--month", PERIOD, "--to", folder, "--customer", "NOBODY"),
    ):  # fmt: skip
        assert run(*wrong)[0] != 0, wrong
