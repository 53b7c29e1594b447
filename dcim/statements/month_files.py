"""A month's issued PDFs as files: into a folder, or as one ZIP that is never whole in memory."""

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, cast

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract, Customer
from dcim.errors import InvalidError, NotFoundError
from dcim.records.sheets import write_csv
from dcim.statements.files import FileDamagedError, file_path, write_durably
from dcim.statements.issuing import month_bounds
from dcim.statements.models import Statement, StatementFile

INDEX = "index.csv"
COLUMNS = (
    "file", "sha256", "size", "number", "revision", "customer", "contract", "period",
    "total", "credits", "currency", "verdict",
)  # fmt: skip
# What no file system takes, or a path would be made of. Contract numbers may hold it. The percent
# sign is what marks it in a name, so it is marked itself: no two numbers become one name.
_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|^\.')


@dataclass(frozen=True, slots=True)
class MonthFile:
    """One issued PDF; `path` is where it lies in the instance."""

    path: Path
    sha256: str
    size: int
    number: str
    revision: int
    customer: str
    contract: str
    period: str
    total: Decimal
    credits: Decimal
    currency: str
    verdict: str

    @property
    def name(self) -> str:
        """The same every time: the statement's number, which there is once."""
        return f"{_UNFIT.sub(lambda found: f'%{ord(found[0]):02X}', self.number)}.pdf"


@dataclass(frozen=True, slots=True)
class Exported:
    written: int
    unchanged: int


def list_month_files(
    session: Session,
    scope: Scope,
    settings: Settings,
    period: str,
    *,
    customer_id: int | None = None,
    every_revision: bool = False,
) -> list[MonthFile]:
    """By customer and contract, of each the newest revision unless every one is asked for. Noted
    in the audit log: whoever asks is given them.

    Raises InvalidError for no month, NotFoundError when nothing of it is issued, FileDamagedError
    naming the first file that is gone or has another size.
    """
    month_bounds(period)
    statement = (
        select(Statement, StatementFile, Customer.code, Contract.number)
        .join(StatementFile, StatementFile.statement_id == Statement.id)
        .join(Customer, Customer.id == Statement.customer_id)
        .join(Contract, Contract.id == Statement.contract_id)
        .where(scope.filter(Statement.customer_id), Statement.period == period)
        .order_by(Customer.code, Contract.number, Statement.revision.desc())
        .options(defer(Statement.document), defer(Statement.inputs))
    )
    if customer_id is not None:
        statement = statement.where(Statement.customer_id == customer_id)
    found: list[MonthFile] = []
    for one, file, customer, contract in session.execute(statement):
        if not every_revision and found and found[-1].contract == contract:
            continue
        found.append(
            MonthFile(
                path=file_path(settings, one),
                sha256=file.sha256,
                size=file.size,
                number=one.number,
                revision=one.revision,
                customer=customer,
                contract=contract,
                period=one.period,
                total=one.total,
                credits=one.credits,
                currency=one.currency,
                verdict=one.verdict,
            )
        )
    if not found:
        raise NotFoundError("No statement of %(month)s is issued.", month=period)
    for listed in found:
        _check_present(listed)
    record(
        session,
        scope,
        "statement.archive",
        f"month/{period}",
        customer_id=customer_id,
        files=len(found),
    )
    return found


def _check_present(file: MonthFile) -> None:
    try:
        size = file.path.stat().st_size
    except FileNotFoundError as error:
        raise FileDamagedError("The file of %(n)s is gone.", n=file.number) from error
    if size != file.size:
        raise _damaged(file)


def read_month_file(file: MonthFile) -> bytes:
    """Raises FileDamagedError when it isn't the one that was issued."""
    content = file.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise _damaged(file)
    return content


def _damaged(file: MonthFile) -> FileDamagedError:
    return FileDamagedError("The file of %(n)s is not the one that was issued.", n=file.number)


def write_index(files: Iterable[MonthFile]) -> bytes:
    """CSV: each file with its SHA-256 and what it is."""
    rows = (
        (
            one.name, one.sha256, one.size, one.number, one.revision, one.customer, one.contract,
            one.period, one.total, one.credits, one.currency, one.verdict,
        )
        for one in files
    )  # fmt: skip
    with write_csv([COLUMNS, *rows]) as file:
        return file.read()


def export_month(files: list[MonthFile], folder: Path) -> Exported:
    """Write them and the index, each whole or not at all; what is there already stays.

    Raises InvalidError where the folder can't be written to.
    """
    written = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in files:
            target = folder / one.name
            if not _is_there(target, one):
                write_durably(target, read_month_file(one))
                written += 1
        write_durably(folder / INDEX, write_index(files))
    except OSError as error:
        raise InvalidError(
            "%(file)s can't be written: %(why)s.", file=folder, why=error.strerror
        ) from error
    return Exported(written, len(files) - written)


def _is_there(target: Path, file: MonthFile) -> bool:
    if not target.is_file() or target.stat().st_size != file.size:
        return False
    return hashlib.sha256(target.read_bytes()).hexdigest() == file.sha256


def stream_archive(files: list[MonthFile]) -> Iterator[bytes]:
    """A ZIP piece by piece, one PDF in memory at a time; the index comes first.

    Raises FileDamagedError in the middle for a file that was altered: what was sent is then no
    whole ZIP, and says so to whoever opens it.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(cast(IO[bytes], pipe), "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(INDEX), write_index(files))
        yield pipe.take()
        for one in files:
            archive.writestr(_entry(one.name), read_month_file(one))
            yield pipe.take()
    yield pipe.take()


def _entry(name: str) -> zipfile.ZipInfo:
    """Dated the same each time, so that the same month gives the same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o600 << 16
    return entry


class _Pipe:
    """What zipfile writes to: no file, so it doesn't seek."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
