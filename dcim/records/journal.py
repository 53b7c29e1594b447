"""What people note about a record, and what was changed on it, field by field."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.audit_log import AuditFilter, list_entries
from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError, InvalidError
from dcim.paging import FIRST_PAGE, Page, Paging
from dcim.records.kinds import Kind
from dcim.records.models import JournalEntry


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One deed on a record. `changes`: (field, before, after) in JSON values."""

    at: dt.datetime
    actor: str
    action: str
    changes: list[tuple[str, Any, Any]]
    detail: dict[str, Any]
    source: str


def list_history(
    session: Session, scope: Scope, kind: Kind, record_id: int, paging: Paging = FIRST_PAGE
) -> Page[HistoryRow]:
    """Newest first, out of the audit log. Staff alone."""
    found = list_entries(session, scope, AuditFilter(subject=kind.subject(record_id)), paging)
    rows = []
    for entry in found.items:
        detail = dict(entry.detail)
        changes = [(name, *pair) for name, pair in detail.pop("changes", {}).items()]
        rows.append(HistoryRow(entry.at, entry.actor, entry.action, changes, detail, entry.source))
    return found.replace(rows)


def add_note(session: Session, scope: Scope, kind: Kind, record_id: int, text: str) -> JournalEntry:
    """Note something about a record. Raises InvalidError for an empty or endless text."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff change this.")
    words = text.replace("\0", "").strip()
    if not 1 <= len(words) <= 4000:
        raise InvalidError("A note has 1 to 4000 characters.", {"text": ["length"]})
    entry = JournalEntry(subject=kind.subject(record_id), actor=scope.actor, text=words)
    session.add(entry)
    session.flush()
    record(session, scope, "journal.note", entry.subject, note=entry.id)
    return entry


def list_notes(session: Session, scope: Scope, kind: Kind, record_id: int) -> list[JournalEntry]:
    """Newest first, at most 200. Staff alone."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff read notes.")
    return list(
        session.scalars(
            select(JournalEntry)
            .where(JournalEntry.subject == kind.subject(record_id))
            .order_by(JournalEntry.id.desc())
            .limit(200)
        )
    )
