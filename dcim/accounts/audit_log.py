"""Reading the audit log: filtered pages, one object's history, and whether its tail is intact."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import GENESIS, ChainReport, digest_entry
from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.paging import FIRST_PAGE, Page, Paging, Query, contains, fetch_page

TAIL = 500


@dataclass(frozen=True, slots=True)
class AuditRow:
    id: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    source: str
    request_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """`subject` is exact ("device/12"); `text` is looked for in actor, action and subject."""

    subject: str | None = None
    action: str | None = None
    text: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def list_entries(
    session: Session,
    scope: Scope,
    wanted: AuditFilter = AuditFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[AuditRow]:
    """Newest first."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff read the audit log.")
    statement: Query = select(
        AuditEntry.id,
        AuditEntry.at,
        AuditEntry.actor,
        AuditEntry.action,
        AuditEntry.subject,
        AuditEntry.detail,
        AuditEntry.source,
        AuditEntry.request_id,
        AuditEntry.digest,
    ).order_by(AuditEntry.id.desc())
    if wanted.subject is not None:
        statement = statement.where(AuditEntry.subject == wanted.subject)
    if wanted.action is not None:
        statement = statement.where(AuditEntry.action == wanted.action)
    if wanted.text:
        pattern = contains(wanted.text)
        columns = (AuditEntry.actor, AuditEntry.action, AuditEntry.subject)
        statement = statement.where(or_(*(column.ilike(pattern) for column in columns)))
    if wanted.since is not None:
        statement = statement.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(AuditEntry.at < wanted.until)
    return fetch_page(session, AuditRow, statement, paging)


def list_actions(session: Session) -> list[str]:
    """Every kind of deed that occurs in the log."""
    return list(session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))


def check_tail(session: Session, count: int = TAIL) -> ChainReport:
    """Recompute the newest `count` entries, from the one before them on.

    Cheap enough for every view of the page; `verify_chain` checks everything.
    """
    newest = session.scalars(
        select(AuditEntry).order_by(AuditEntry.id.desc()).limit(count + 1)
    ).all()[::-1]
    if not newest:
        return ChainReport(0, GENESIS)
    entries = list(newest)
    previous = GENESIS
    if entries[0].id > 1:
        previous = entries.pop(0).digest
    expected = entries[0].id if entries else 0
    for entry in entries:
        if entry.id != expected:
            return ChainReport(len(entries), previous, expected, f"entry {expected} is missing")
        if digest_entry(previous, entry) != entry.digest:
            problem = f"entry {entry.id} or the one before it was changed"
            return ChainReport(len(entries), previous, entry.id, problem)
        previous, expected = entry.digest, entry.id + 1
    return ChainReport(len(entries), previous)
