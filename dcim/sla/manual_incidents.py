"""Incidents that a person records because no meter saw them; facts like those derived."""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.people import require_person
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, InvalidError
from dcim.sla.incident_subjects import KINDS_OF, OPEN_END, Subject, find_subject
from dcim.sla.incident_telling import tell_incidents
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.queries import KIND_WORDS
from dcim.sla.rules.periods import to_ms


@dataclass(frozen=True, slots=True)
class ManualIncident:
    """`ended_at` is none while it lasts. `reason`: why it is recorded, and how it is known."""

    started_at: dt.datetime
    ended_at: dt.datetime | None
    cause: str
    cause_en: str
    reason: str


def record_incident(
    session: Session,
    scope: Scope,
    subject_kind: str,
    subject_id: int,
    kind: str,
    wanted: ManualIncident,
    now: dt.datetime | None = None,
) -> Incident:
    """`subject_kind` is "power_node", "port" or "item"; `kind` as KINDS_OF allows.

    Raises ForbiddenError for who isn't a person of staff, NotFoundError for a subject that isn't
    there, InvalidError for times that can't be and a subject that no service level hangs on,
    ConflictError where one is recorded for it already.
    """
    require_person(session, scope)
    if kind not in KINDS_OF.get(subject_kind, ()):
        raise InvalidError(
            "A feed can lose power, a port its network, an item either.",
            {"kind": ["does not fit what it is about"]},
        )
    now = now or utc_now()
    _check_words(wanted, now)
    subject = f"{subject_kind}/{subject_id}"
    _wait_for_turn(session, subject)
    about = find_subject(
        session, subject_kind, subject_id, kind, wanted.started_at, wanted.ended_at
    )
    _refuse_overlap(session, subject, kind, about.label, wanted)
    what, what_en = KIND_WORDS[kind]
    row = Incident(
        key=f"manual:{subject}:{kind}:{to_ms(wanted.started_at)}:{time.time_ns()}",
        kind=kind,
        what=f"{what}：{about.label}"[:255],
        what_en=f"{what_en}: {about.label}"[:255],
        place=about.label[:255],
        detector=scope.actor[:64],
        manual=True,
        subject=subject,
        created_at=now,
    )
    _write(session, row, about, wanted)
    session.add(row)
    session.flush()
    tell_incidents(session, [row], now)
    _note(session, scope, "incident.record", row)
    return row


def rewrite_incident(
    session: Session,
    scope: Scope,
    row: Incident,
    wanted: ManualIncident,
    check: Callable[[Incident], None],
    now: dt.datetime | None = None,
) -> None:
    """Correct what a person recorded; whoever issues statements sees to it that none has it yet.

    `check` gets it rewritten, before it is noted: what waits there may not hold the audit trail.
    Raises as `record_incident`, and ConflictError for one that was derived or is ruled about.
    """
    require_person(session, scope)
    if not row.manual:
        raise ConflictError(
            "What was measured is never edited; propose to overrule it: a second person decides."
        )
    now = now or utc_now()
    _check_words(wanted, now)
    _wait_for_turn(session, row.subject)
    subject_kind, _, subject_id = row.subject.partition("/")
    about = find_subject(
        session, subject_kind, int(subject_id), row.kind, wanted.started_at, wanted.ended_at
    )
    _refuse_overlap(session, row.subject, row.kind, about.label, wanted, but=row.id)
    before = f"{row.started_at.isoformat()} – {_iso(row.ended_at)}"
    _write(session, row, about, wanted)
    session.flush()
    check(row)
    tell_incidents(session, [row], now)
    _note(session, scope, "incident.edit", row, before)


def _note(session: Session, scope: Scope, action: str, row: Incident, before: str = "") -> None:
    record(
        session, scope, action, f"incident/{row.id}", subject_of=row.subject, kind=row.kind,
        start=row.started_at.isoformat(), end=_iso(row.ended_at), cause=row.cause,
        reason=row.reason, before=before,
    )  # fmt: skip


def _iso(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _write(session: Session, row: Incident, about: Subject, wanted: ManualIncident) -> None:
    row.started_at, row.ended_at = wanted.started_at, wanted.ended_at
    row.cause, row.cause_en = wanted.cause.strip(), wanted.cause_en.strip()
    row.reason = wanted.reason.strip()
    row.evidence = [{"resource": name} for name in about.resources]
    hit = {(use.item.customer_id, use.item.id) for use in about.uses}
    for gone in [one for one in row.impacts if (one.customer_id, one.contract_item_id) not in hit]:
        row.impacts.remove(gone)
    present = {(one.customer_id, one.contract_item_id) for one in row.impacts}
    for customer_id, item_id in sorted(hit - present):
        row.impacts.append(
            IncidentImpact(
                customer_id=customer_id, contract_item_id=item_id, severity=about.severity
            )
        )


def _check_words(wanted: ManualIncident, now: dt.datetime) -> None:
    if not wanted.reason.strip():
        raise InvalidError("Say how it is known.", {"reason": ["missing"]})
    if wanted.ended_at is not None and wanted.ended_at <= wanted.started_at:
        raise InvalidError("It ends before it begins.", {"ended_at": ["before the start"]})
    late = [
        name
        for name, at in (("started_at", wanted.started_at), ("ended_at", wanted.ended_at))
        if at is not None and at > now
    ]
    if late:
        raise InvalidError(
            "That is in the future; leave the end open while it lasts.",
            {name: ["in the future"] for name in late},
        )


def _wait_for_turn(session: Session, subject: str) -> None:
    """One writer for each subject until commit: two can't record the same outage."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"incident/{subject}"},
    )


def _refuse_overlap(
    session: Session,
    subject: str,
    kind: str,
    label: str,
    wanted: ManualIncident,
    but: int | None = None,
) -> None:
    other = session.scalars(
        select(Incident)
        .where(
            Incident.manual,
            Incident.subject == subject,
            Incident.kind == kind,
            Incident.id != (but or 0),
            Incident.started_at < (wanted.ended_at or OPEN_END),
            or_(Incident.ended_at.is_(None), Incident.ended_at > wanted.started_at),
        )
        .order_by(Incident.started_at)
    ).first()
    if other is not None:
        raise ConflictError(
            "%(who)s recorded INC-%(number)s for %(label)s in that time already; edit that one.",
            who=other.detector,
            number=other.id,
            label=label,
        )
