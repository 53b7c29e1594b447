"""What people do with an alarm: take it, hand it on, write to it, put it off. All of it audited."""

import datetime as dt
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.alarms.models import Alarm, AlarmEvent
from dcim.columns import utc_now
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError

LONGEST_SNOOZE = dt.timedelta(days=7)
LONGEST_NOTE = 4000
ROUND_LOCK = 7_410_039


def acknowledge(
    session: Session, scope: Scope, alarm_id: int, note: str = "", now: dt.datetime | None = None
) -> Alarm:
    """Say that one has seen it and takes care. Raises NotFoundError, ConflictError when it is over
    or someone has it."""
    alarm = _find_open(session, scope, alarm_id)
    if alarm.acknowledged_at is not None:
        raise ConflictError(
            "%(who)s has acknowledged it already; assign it to yourself to take it over.",
            who=alarm.acknowledged_by,
        )
    alarm.acknowledged_at, alarm.acknowledged_by = now or utc_now(), scope.actor[:255]
    alarm.assigned_to = alarm.assigned_to or scope.actor[:255]
    _note(session, scope, alarm, "acknowledged", _check_note(note), now)
    return alarm


def assign(
    session: Session, scope: Scope, alarm_id: int, person: str, now: dt.datetime | None = None
) -> Alarm:
    """Give it to one of the staff, by their sign-in address; "" to nobody. Raises NotFoundError,
    ConflictError when it is over, InvalidError for somebody who can't take it."""
    alarm = _find_open(session, scope, alarm_id)
    person = person.strip()[:255]
    if person and person not in list_assignees(session, scope):
        raise InvalidError(
            "Nobody of the staff signs in as %(person)s.", {"person": ["unknown"]}, person=person
        )
    if person == alarm.assigned_to:
        return alarm
    alarm.assigned_to = person
    _note(session, scope, alarm, "assigned", person, now)
    return alarm


def add_note(
    session: Session, scope: Scope, alarm_id: int, text: str, now: dt.datetime | None = None
) -> Alarm:
    """Also to one that is over: what was found belongs to it. Raises NotFoundError, InvalidError
    without words."""
    alarm = lock_alarm(session, scope, alarm_id)
    text = _check_note(text)
    if not text:
        raise InvalidError("Write something.", {"text": ["missing"]})
    _note(session, scope, alarm, "noted", text, now)
    return alarm


def snooze(
    session: Session,
    scope: Scope,
    alarm_id: int,
    until: dt.datetime,
    note: str = "",
    now: dt.datetime | None = None,
) -> Alarm:
    """Tell nobody until then; if it is still on, they are told again. Raises NotFoundError,
    ConflictError when it is over, InvalidError for a time that has passed or is far."""
    now = now or utc_now()
    alarm = _find_open(session, scope, alarm_id)
    if not now < until <= now + LONGEST_SNOOZE:
        raise InvalidError(
            "Put it off until a time to come, seven days at most.",
            {"until": ["in the past or too far"]},
        )
    alarm.snoozed_until, alarm.notified_at = until, None
    _note(session, scope, alarm, "snoozed", _check_note(note), now, until)
    return alarm


def end_snooze(
    session: Session, scope: Scope, alarm_id: int, now: dt.datetime | None = None
) -> Alarm:
    """Raises NotFoundError, ConflictError when it is over or not put off."""
    now = now or utc_now()
    alarm = _find_open(session, scope, alarm_id)
    if alarm.snoozed_until is None or alarm.snoozed_until <= now:
        raise ConflictError("It isn't put off.")
    alarm.snoozed_until = now
    _note(session, scope, alarm, "unsnoozed", "", now)
    return alarm


def list_assignees(session: Session, scope: Scope) -> list[str]:
    """Sign-in addresses of the staff who may."""
    require_staff(scope)
    rows = session.scalars(
        select(User.email).where(User.customer_id.is_(None), User.active).order_by(User.email)
    )
    return list(rows)


def wait_for_round(session: Session) -> None:
    """One goes on at a time, until commit: of two rounds the second finds what the first one did.
    A deed that locks more than its alarm waits too, or each would hold what the other wants."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ROUND_LOCK})


def lock_alarm(session: Session, scope: Scope, alarm_id: int) -> Alarm:
    """As it is now, for this transaction alone. Raises NotFoundError."""
    require_staff(scope)
    alarm = session.scalar(
        select(Alarm)
        .where(Alarm.id == alarm_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if alarm is None:
        raise NotFoundError("No such alarm.")
    return alarm


def _find_open(session: Session, scope: Scope, alarm_id: int) -> Alarm:
    alarm = lock_alarm(session, scope, alarm_id)
    if alarm.cleared_at is not None:
        raise ConflictError("This alarm is over; a note can still be added.")
    return alarm


def _check_note(text: str) -> str:
    text = text.strip().replace("\0", "")
    if len(text) > LONGEST_NOTE:
        raise InvalidError(
            "A note has %(count)s characters at most.", {"text": ["long"]}, count=LONGEST_NOTE
        )
    return text


def _note(
    session: Session,
    scope: Scope,
    alarm: Alarm,
    kind: str,
    text: str,
    now: dt.datetime | None,
    until: dt.datetime | None = None,
) -> None:
    session.add(
        AlarmEvent(
            alarm_id=alarm.id,
            at=now or utc_now(),
            kind=kind,
            actor=scope.actor[:255],
            text=text,
            until=until,
        )
    )
    session.flush()
    detail: dict[str, Any] = {"text": text} if text else {}
    if until is not None:
        detail["until"] = until.isoformat()
    record(session, scope, f"alarm.{kind}", f"alarm/{alarm.id}", label=alarm.label, **detail)
