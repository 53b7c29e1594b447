"""Marked copies of issued statements: made for a named recipient, registered, found again."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page
from dcim.statements.files import FileDamagedError, check_inputs, count_pages, write_durably
from dcim.statements.models import MarkedCopy, Statement, StatementFile
from dcim.statements.printer import print_apart
from dcim.statements.signer import obtain_signer
from reports.marking import Mark, find_codes

Print = Callable[[Mapping[str, Any], bytes, Mark], bytes]
LONGEST = 120


@dataclass(frozen=True, slots=True)
class CopyRow:
    id: int
    statement_id: int
    number: str
    customer_id: int
    recipient: str
    code: str
    original_sha256: str
    sha256: str
    size: int
    pages: int
    made_by: str
    created_at: dt.datetime


def make_copy(
    session: Session,
    scope: Scope,
    settings: Settings,
    statement_id: int,
    recipient: str,
    draw: Print = print_apart,
) -> MarkedCopy:
    """Draw, sign and register a copy of an issued PDF for somebody; each time another one.

    Raises NotFoundError for an absent statement, ConflictError for one whose PDF isn't made yet,
    InvalidError for a recipient that isn't named in a line.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff make marked copies.")
    name = " ".join(recipient.split())
    if not name or not name.isprintable():
        raise InvalidError("Say for whom the copy is.", {"recipient": ["missing"]})
    if len(name) > LONGEST:
        raise InvalidError("A name has at most 120 characters.", {"recipient": ["too long"]})
    statement = session.get(Statement, statement_id)
    if statement is None:
        raise NotFoundError("No such statement.")
    original = session.get(StatementFile, statement_id)
    if original is None:
        raise ConflictError(
            "The PDF of %(number)s isn't made yet; a copy needs it.", number=statement.number
        )
    from reports.sign import sign

    now = utc_now().replace(microsecond=0)
    mark = Mark(
        secrets.token_hex(10), name, now.isoformat().replace("+00:00", "Z"), statement.number,
        statement.revision, original.sha256,
    )  # fmt: skip
    unsigned = draw(statement.document, check_inputs(statement), mark)
    signer = obtain_signer(session, scope, settings)
    signed = sign(unsigned, signer, now, timestamp_url=settings.tsa_url or None)
    write_durably(copy_path(settings, statement.number, mark.code), signed)
    copy = MarkedCopy(
        customer_id=statement.customer_id,
        statement_id=statement.id,
        code=mark.code,
        recipient=name,
        original_sha256=original.sha256,
        sha256=hashlib.sha256(signed).hexdigest(),
        unsigned_sha256=hashlib.sha256(unsigned).hexdigest(),
        size=len(signed),
        pages=count_pages(signed),
        signer=signer.fingerprint,
        made_by=scope.actor,
        created_at=now,
    )
    session.add(copy)
    session.flush()
    record(
        session,
        scope,
        "statement.copy",
        f"statement/{statement.id}",
        customer_id=statement.customer_id,
        copy=copy.id,
        recipient=name,
        sha256=copy.sha256,
    )
    return copy


def copy_path(settings: Settings, number: str, code: str) -> Path:
    return settings.statements_folder / f"{number}.copy-{code}.pdf"


def list_copies(
    session: Session, scope: Scope, statement_id: int, paging: Paging = FIRST_PAGE
) -> Page[CopyRow]:
    """Of a statement, newest first; staff's alone: whom a copy is for isn't its customer's."""
    rows = _select_copies(scope).where(MarkedCopy.statement_id == statement_id)
    return fetch_page(session, CopyRow, rows, paging)


def find_copy(session: Session, scope: Scope, marked_copy_id: int) -> CopyRow:
    row = session.execute(
        _select_copies(scope).where(MarkedCopy.id == marked_copy_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("No such copy.")
    return CopyRow(**row._mapping)


def _select_copies(scope: Scope) -> Any:
    if not scope.is_staff:
        raise ForbiddenError("Only staff see marked copies.")
    return (
        select(
            MarkedCopy.id,
            MarkedCopy.statement_id,
            Statement.number,
            MarkedCopy.customer_id,
            MarkedCopy.recipient,
            MarkedCopy.code,
            MarkedCopy.original_sha256,
            MarkedCopy.sha256,
            MarkedCopy.size,
            MarkedCopy.pages,
            MarkedCopy.made_by,
            MarkedCopy.created_at,
        )
        .join(Statement, Statement.id == MarkedCopy.statement_id)
        .order_by(MarkedCopy.id.desc())
    )


def read_copy(
    session: Session, scope: Scope, settings: Settings, marked_copy_id: int
) -> tuple[str, bytes]:
    """(name of the file, PDF), checked against its registered hash. The reading is audited."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see marked copies.")
    copy = session.get(MarkedCopy, marked_copy_id)
    if copy is None:
        raise NotFoundError("No such copy.")
    path = copy_path(settings, copy.statement.number, copy.code)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileDamagedError("The file of %(n)s is gone.", n=copy.statement.number) from error
    if hashlib.sha256(content).hexdigest() != copy.sha256:
        raise FileDamagedError(
            "The file of %(n)s is not the one that was issued.", n=copy.statement.number
        )
    record(
        session,
        scope,
        "statement.download",
        f"statement/{copy.statement_id}",
        customer_id=copy.customer_id,
        copy=copy.id,
        sha256=copy.sha256,
    )
    return path.name, content


def trace_copies(session: Session, scope: Scope, pdf: bytes) -> list[MarkedCopy]:
    """The copies whose codes are hidden in a PDF, whatever else became of it; staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see marked copies.")
    found = session.scalars(
        select(MarkedCopy).where(MarkedCopy.code.in_(find_codes(pdf))).order_by(MarkedCopy.id)
    )
    return list(found)
