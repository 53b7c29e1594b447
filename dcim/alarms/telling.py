"""Telling people of alarms by mail, and endpoints that want them, through the outbox: each alarm
once when it is raised, and once when one that was told is over.

Not told: what maintenance silences, what is snoozed, and consequences of another alarm. When the
silence is over and the alarm still on, it is told then; after a snooze it is told again.
"""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session, selectinload

from dcim.alarms.alarm_mail import AlarmFacts, write_subject, write_text
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRecipient
from dcim.alarms.reading_words import say_detail, say_value
from dcim.alarms.rules.limits import SEVERITIES
from dcim.config import Settings
from dcim.outbox.queueing import NewMessage, queue_messages
from dcim.outbox.telling import write_to_endpoints

RAISED, CLEARED = "alarm.raised", "alarm.cleared"
# A payload is for programs that look the rest up; a house that loses its utility has thousands.
MOST_IN_PAYLOAD = 100


def tell_alarms(
    session: Session, settings: Settings, ended: Sequence[Alarm], now: dt.datetime
) -> list[int]:
    """Queue what is due in the caller's transaction; ids of the new messages. `ended` are the
    alarms that this transaction found over."""
    due = session.scalars(
        select(Alarm)
        .where(is_loud(now), Alarm.notified_at.is_(None))
        .options(selectinload(Alarm.rule))
    ).all()
    over = [alarm for alarm in ended if alarm.notified_at is not None and not _is_quiet(alarm, now)]
    recipients = session.scalars(select(AlarmRecipient).order_by(AlarmRecipient.id)).all()
    queued: list[int] = []
    if settings.smtp_host and recipients:
        for event, alarms in ((RAISED, due), (CLEARED, over)):
            for one in recipients:
                queued += _write_to(session, settings, one, event, alarms)
    for event, alarms in ((RAISED, due), (CLEARED, over)):
        queued += _write_to_endpoints(session, settings, event, alarms)
    for alarm in due:
        # Also where nobody is to be told: who is entered later isn't told of what is old.
        alarm.notified_at = now
        told = sum(wants(one, alarm) for one in recipients) if settings.smtp_host else 0
        if told:
            session.add(AlarmEvent(alarm=alarm, at=now, kind="notified", text=str(told)))
    session.flush()
    return queued


def is_loud(now: dt.datetime) -> ColumnElement[bool]:
    """Open, and nothing keeps it from people: no maintenance, no cause above it, no snooze."""
    return and_(
        Alarm.cleared_at.is_(None),
        Alarm.silenced_by.is_(None),
        Alarm.root_id.is_(None),
        Alarm.snoozed_until.is_(None) | (Alarm.snoozed_until <= now),
    )


def _is_quiet(alarm: Alarm, now: dt.datetime) -> bool:
    snoozed = alarm.snoozed_until is not None and alarm.snoozed_until > now
    return snoozed or alarm.silenced_by is not None


def wants(recipient: AlarmRecipient, alarm: Alarm) -> bool:
    """Whether it is grave enough for them, and of their site."""
    grave = SEVERITIES.index(alarm.severity) <= SEVERITIES.index(recipient.severity)
    return grave and recipient.site_id in (None, alarm.site_id)


def _write_to(
    session: Session,
    settings: Settings,
    recipient: AlarmRecipient,
    event: str,
    alarms: Sequence[Alarm],
) -> list[int]:
    """One mail for all that one round found: a panel that fails isn't two hundred mails."""
    wanted = [alarm for alarm in alarms if wants(recipient, alarm)]
    if not wanted:
        return []
    wanted.sort(key=lambda one: (SEVERITIES.index(one.severity), one.raised_at, one.id))
    zone = ZoneInfo(settings.timezone)
    facts = [tell_facts(alarm, zone, is_over=event == CLEARED) for alarm in wanted]
    operator = {"zh": settings.operator_name, "en": settings.operator_name_en}
    return queue_messages(
        session,
        [
            NewMessage(
                about=_name_deed(event, wanted),
                channel="mail",
                event=event,
                recipient=recipient.address,
                title=write_subject(facts, operator, recipient.language),
                text=write_text(facts, f"{settings.base_url}/noc/alarms", recipient.language),
            )
        ],
    )


def _write_to_endpoints(
    session: Session, settings: Settings, event: str, alarms: Sequence[Alarm]
) -> list[int]:
    """One message to each for all that one round found."""
    if not alarms:
        return []
    alarms = sorted(alarms, key=lambda one: (SEVERITIES.index(one.severity), one.raised_at, one.id))
    zone = ZoneInfo(settings.timezone)
    facts = [tell_facts(alarm, zone, is_over=event == CLEARED) for alarm in alarms]
    operator = {"zh": settings.operator_name, "en": settings.operator_name_en}
    url = f"{settings.base_url}/noc/alarms"

    def write(language: str) -> tuple[str, str]:
        return write_subject(facts, operator, language), write_text(facts, url, language)

    payload = {
        "url": url,
        "severity": alarms[0].severity,
        "alarms": [
            {
                "id": one.id,
                "rule": one.rule.code,
                "severity": one.severity,
                "subject_kind": one.subject_kind,
                "subject_id": one.subject_id,
                "label": one.label,
                "detail": one.detail,
                "began_at": one.began_at.isoformat(),
                "cleared_at": None if one.cleared_at is None else one.cleared_at.isoformat(),
            }
            for one in alarms[:MOST_IN_PAYLOAD]
        ],
        "count": len(alarms),
    }
    about = _name_deed(event, alarms)
    messages = write_to_endpoints(session, event, about=about, words=write, payload=payload)
    return queue_messages(session, messages)


def _name_deed(event: str, alarms: Sequence[Alarm]) -> str:
    """Each alarm is told once each time that we see it, and after each snooze, so the first one
    and when that was names the message."""
    first = min(alarms, key=lambda one: one.id)
    moment = first.cleared_at
    if event == RAISED:
        moment = max(first.seen_at, first.snoozed_until or first.seen_at)
    return f"{event}/{first.id}/{moment:%Y%m%dT%H%M%S.%f}"


def tell_facts(alarm: Alarm, zone: ZoneInfo, *, is_over: bool) -> AlarmFacts:
    """As the words of a mail are made of it."""
    rule = alarm.rule
    at = alarm.cleared_at if is_over and alarm.cleared_at is not None else alarm.raised_at
    return AlarmFacts(
        id=alarm.id,
        rule={"zh": rule.name, "en": rule.name_en},
        label=alarm.label,
        severity=alarm.severity,
        at=at.astimezone(zone),
        is_over=is_over,
        reading=say_value(rule.quantity, rule.kind, alarm.value),
        detail=say_detail(alarm.detail),
    )
