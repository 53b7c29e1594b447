"""The one PDF of a statement: rendered from what is frozen, signed, stored, never replaced."""

import fcntl
import hashlib
import json
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.errors import JifangError, NotFoundError
from dcim.statements.announcing import announce_statement
from dcim.statements.models import Statement, StatementFile
from dcim.statements.printing import print_statement
from dcim.statements.signer import obtain_signer


class FileDamagedError(JifangError):
    """The file on disk is not the one that was issued."""


def pack_inputs(inputs: dict[str, Any]) -> tuple[bytes, str]:
    """The inputs as stored, and the SHA-256 of their canonical JSON."""
    packed = json.dumps(inputs, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return zlib.compress(packed, 6), hashlib.sha256(packed).hexdigest()


def unpack_inputs(statement: Statement) -> dict[str, Any]:
    """What the statement was composed from. Raises FileDamagedError when it was altered."""
    inputs: dict[str, Any] = json.loads(zlib.decompress(check_inputs(statement)))
    return inputs


def check_inputs(statement: Statement) -> bytes:
    """The packed inputs as stored. Raises FileDamagedError when they were altered."""
    if hashlib.sha256(zlib.decompress(statement.inputs)).hexdigest() != statement.inputs_sha256:
        raise FileDamagedError("The stored inputs of %(number)s changed.", number=statement.number)
    return statement.inputs


def file_path(settings: Settings, statement: Statement) -> Path:
    return settings.statements_folder / f"{statement.number}.pdf"


def produce_file(
    session: Session, scope: Scope, settings: Settings, statement: Statement
) -> StatementFile:
    """Render, sign and store the statement's PDF, once: the file that is registered stays."""
    present = _find_file(session, statement)
    if present is not None:
        return present
    unsigned = print_statement(statement.document, check_inputs(statement))
    return keep_file(session, scope, settings, statement, unsigned)


def _find_file(session: Session, statement: Statement) -> StatementFile | None:
    # Held until commit: of two issuers at once the second finds the first one's file.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"statement-file/{statement.id}"},
    )
    return session.get(StatementFile, statement.id)


def keep_file(
    session: Session, scope: Scope, settings: Settings, statement: Statement, unsigned: bytes
) -> StatementFile:
    """Sign and store what was rendered, unless another run did meanwhile: its file stays.

    A file that a killed run left behind has no row yet and is written over. Whoever is to be told
    of it is, once this transaction has committed.
    """
    present = _find_file(session, statement)
    if present is not None:
        return present
    from reports.sign import sign

    signer = obtain_signer(session, scope, settings)
    signed = sign(unsigned, signer, utc_now(), timestamp_url=settings.tsa_url or None)
    file = StatementFile(
        statement_id=statement.id,
        customer_id=statement.customer_id,
        sha256=hashlib.sha256(signed).hexdigest(),
        unsigned_sha256=hashlib.sha256(unsigned).hexdigest(),
        size=len(signed),
        pages=count_pages(signed),
        signer=signer.fingerprint,
    )
    session.add(file)
    # Registered before it is written: who lost the database meanwhile, and with it the lock, stops
    # here and doesn't write over what another run has issued since.
    session.flush()
    write_durably(file_path(settings, statement), signed)
    record(
        session,
        scope,
        "statement.sign",
        f"statement/{statement.id}",
        customer_id=statement.customer_id,
        sha256=file.sha256,
    )
    announce_statement(session, settings, statement, file)
    return file


def read_file(session: Session, scope: Scope, settings: Settings, statement_id: int) -> bytes:
    """The issued PDF, checked against its registered hash. The reading is audited.

    Raises as `load_file`.
    """
    content, statement, file = load_file(session, scope, settings, statement_id)
    record(
        session,
        scope,
        "statement.download",
        f"statement/{statement_id}",
        customer_id=statement.customer_id,
        sha256=file.sha256,
    )
    return content


def load_file(
    session: Session, scope: Scope, settings: Settings, statement_id: int
) -> tuple[bytes, Statement, StatementFile]:
    """The issued PDF, checked against its registered hash, for who records its going out itself.

    Raises NotFoundError for an absent or another tenant's statement, or one whose file isn't made
    yet, FileDamagedError when the bytes on disk are not those that were issued.
    """
    statement = session.scalar(
        scope.apply(select(Statement).where(Statement.id == statement_id), Statement.customer_id)
    )
    file = session.get(StatementFile, statement_id) if statement is not None else None
    if statement is None or file is None:
        raise NotFoundError("No such statement.")
    try:
        content = file_path(settings, statement).read_bytes()
    except FileNotFoundError as error:
        raise FileDamagedError("The file of %(n)s is gone.", n=statement.number) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise FileDamagedError(
            "The file of %(n)s is not the one that was issued.", n=statement.number
        )
    return content, statement, file


def write_durably(path: Path, content: bytes) -> None:
    """All of it or nothing, and on the disk before we say so."""
    with open_partial(path) as file:
        file.write(content)
        finish_durably(file, path)


@contextmanager
def open_partial(path: Path) -> Iterator[BinaryIO]:
    """A file under a name of its own; unless `finish_durably` gives it that of `path`, it goes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.*"):
        _remove_left(left)
    file = _make_partial(path)
    try:
        with file:
            yield file
    finally:
        Path(file.name).unlink(missing_ok=True)


def _make_partial(path: Path) -> BinaryIO:
    while True:
        partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        file = partial.open("w+b")
        try:
            os.fchmod(file.fileno(), 0o600)
            # Until it is closed: who dies leaves it unlocked, even before anybody notices.
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return file
        except BaseException:
            file.close()
            partial.unlink(missing_ok=True)
            raise
        # Before it was locked somebody took it for one that was left.
        file.close()


def _remove_left(partial: Path) -> None:
    """What a run that was killed was writing; not what somebody writes now."""
    try:
        with partial.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            partial.unlink(missing_ok=True)
    except (FileNotFoundError, BlockingIOError):
        return


def finish_durably(file: BinaryIO, path: Path) -> None:
    """Give what was written its name, once it is on the disk."""
    file.flush()
    os.fsync(file.fileno())
    Path(file.name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def count_pages(pdf: bytes) -> int:
    """Pages of a PDF, as its page tree counts them."""
    import io

    from pyhanko.pdf_utils.reader import PdfFileReader

    pages = PdfFileReader(io.BytesIO(pdf)).root["/Pages"]["/Count"]
    return int(pages)
