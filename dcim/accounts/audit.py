"""The audit log: every deed in a chain of hashes, so that a changed or missing row shows."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.observability import request_id, source_address

# Held until commit: entries get their numbers in the order they are committed, without gaps.
CHAIN_LOCK = 7_410_011
GENESIS = "0" * 64
# Entries read at once while verifying.
PAGE = 2000


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`broken_at` is the number of the first entry that doesn't fit; `problem` says how."""

    entries: int
    last_digest: str
    broken_at: int | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_at is None


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed to be recorded; see `record` for the meaning of its fields."""

    action: str
    subject: str
    customer_id: int | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


def record(
    session: Session,
    scope: Scope,
    action: str,
    subject: str,
    *,
    customer_id: int | None = None,
    **detail: object,
) -> AuditEntry:
    """Append one deed to the chain, in the caller's transaction.

    `action` is a verb on a kind ("device.install"), `subject` names the object ("device/12").
    `detail` must be JSON-ready and must never hold a secret.
    """
    return record_many(session, scope, [Deed(action, subject, customer_id, detail)])[0]


def record_many(session: Session, scope: Scope, deeds: Sequence[Deed]) -> list[AuditEntry]:
    """Append deeds in this order; three statements, however many there are."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
    last = session.execute(
        select(AuditEntry.id, AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1)
    ).one_or_none()
    before, previous = (0, GENESIS) if last is None else (last[0], last[1])
    entries = []
    for number, deed in enumerate(deeds, start=before + 1):
        entry = AuditEntry(
            id=number,
            at=utc_now(),
            actor=scope.actor,
            customer_id=scope.customer_id if deed.customer_id is None else deed.customer_id,
            action=deed.action,
            subject=deed.subject,
            detail=json.loads(json.dumps(dict(deed.detail), default=str)),
            request_id=request_id.get(),
            source=source_address.get(),
            digest="",
        )
        previous = entry.digest = digest_entry(previous, entry)
        entries.append(entry)
    session.add_all(entries)
    session.flush()
    return entries


def digest_entry(previous: str, entry: AuditEntry) -> str:
    """SHA-256 over the digest before and this entry's canonical JSON, as hex."""
    body: dict[str, Any] = {
        "id": entry.id,
        "at": entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "customer_id": entry.customer_id,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
        "request_id": entry.request_id,
        "source": entry.source,
    }
    text_ = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(previous.encode() + text_.encode()).hexdigest()


def verify_chain(
    session: Session, *, expected_last: str | None = None, expected_entries: int | None = None
) -> ChainReport:
    """Recompute the chain from its start.

    A cut-off tail can't show from within: give the digest or count noted elsewhere (a backup's
    manifest, a printed anchor) to have it found as well.
    """
    previous, count, noted = GENESIS, 0, expected_last is None
    while page := session.scalars(
        select(AuditEntry).where(AuditEntry.id > count).order_by(AuditEntry.id).limit(PAGE)
    ).all():
        for entry in page:
            if entry.id != count + 1:
                return ChainReport(count, previous, count + 1, f"entry {count + 1} is missing")
            if digest_entry(previous, entry) != entry.digest:
                return ChainReport(
                    count, previous, entry.id, f"entry {entry.id} or the one before it was changed"
                )
            previous, count = entry.digest, entry.id
            noted = noted or previous == expected_last
        for entry in page:
            session.expunge(entry)
    if not noted or (expected_entries is not None and count < expected_entries):
        return ChainReport(
            count, previous, count + 1, "the chain ends before the entry noted elsewhere"
        )
    return ChainReport(count, previous)
