"""An alarm made an incident by a person: what is prefilled, and the one deed.

What measurement or somebody else already found is linked, never recorded a second time. An alarm
by itself records nothing that counts: this takes a person, as every incident by hand does.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.people import require_person
from dcim.accounts.scope import Scope
from dcim.alarms.correlation.hits import Hit
from dcim.alarms.handling import lock_alarm, wait_for_round
from dcim.alarms.known_incidents import SUBJECTS, find_known
from dcim.alarms.models import Alarm, AlarmEvent
from dcim.alarms.rooting import find_hit_customers
from dcim.alarms.rules.quantities import ITEM, NODE, OUTAGES
from dcim.columns import utc_now
from dcim.customers.models import ContractItem
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.sla.incidents import wait_for_turn
from dcim.sla.manual_incidents import ManualIncident, record_incident
from dcim.sla.models import Incident

# Items that are promised power rather than a line.
HOUSED = ("cabinet", "rack", "space", "server")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`known_id`: the incident that it is already; else what a new one is likely to say, about
    `subject` by its words ("" where the alarm doesn't tell), and whom the alarm hits."""

    known_id: int | None
    subject_kind: str
    subject: str
    kind: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    cause: str
    cause_en: str
    hits: list[Hit]


def suggest_incident(
    session: Session, scope: Scope, alarm_id: int, now: dt.datetime | None = None
) -> Suggestion:
    """Raises NotFoundError, ConflictError for one that has its incident or follows from another."""
    require_staff(scope)
    alarm = session.get(Alarm, alarm_id)
    if alarm is None:
        raise NotFoundError("No such alarm.")
    _refuse_second(session, alarm)
    known = find_known(session, alarm)
    hits = find_hit_customers(session, scope, alarm_id, now or utc_now())
    subject_kind, subject, kind = _suggest_subject(session, alarm, hits)
    return Suggestion(
        None if known is None else known.id, subject_kind, subject, kind, alarm.began_at,
        alarm.cleared_at, alarm.rule.name, alarm.rule.name_en, hits,
    )  # fmt: skip


def _suggest_subject(session: Session, alarm: Alarm, hits: list[Hit]) -> tuple[str, str, str]:
    if alarm.rule.quantity in OUTAGES:
        kind = "power_feed" if alarm.subject_kind == NODE else "network"
        return SUBJECTS[alarm.subject_kind], alarm.label, kind
    if alarm.subject_kind == ITEM:
        item = session.get(ContractItem, alarm.subject_id)
        if item is not None:
            return "item", item.code, "power" if item.kind in HOUSED else "network"
    items = [item for hit in hits for item in hit.customer.items]
    return "item", items[0].code if len(items) == 1 else "", "network"


@dataclass(frozen=True, slots=True)
class About:
    """As `record_incident` takes it."""

    subject_kind: str
    subject_id: int
    kind: str


def open_incident(
    session: Session,
    scope: Scope,
    alarm_id: int,
    about: About | None,
    wanted: ManualIncident | None,
    now: dt.datetime | None = None,
) -> Incident:
    """Link the incident that it is already; else record one, about what the alarm is on unless
    `about` says otherwise.

    Raises NotFoundError, ConflictError for an alarm that has one (saying which) or follows from
    another, InvalidError without words where one is to be recorded, and as `record_incident`.
    """
    require_person(session, scope)
    now = now or utc_now()
    wait_for_round(session)
    alarm = lock_alarm(session, scope, alarm_id)
    _refuse_second(session, alarm)
    # What measurement finds at this moment is found by us, or finds ours.
    wait_for_turn(session)
    row = find_known(session, alarm)
    if row is None:
        if wanted is None:
            raise InvalidError("Say how it is known.", {"reason": ["missing"]})
        if about is None:
            if alarm.rule.quantity not in OUTAGES:
                raise InvalidError(
                    "Say what it is about: this alarm doesn't tell what customers lost.",
                    {"subject": ["missing"]},
                )
            subject_kind, _words, kind = _suggest_subject(session, alarm, [])
            about = About(subject_kind, alarm.subject_id, kind)
        row = record_incident(
            session, scope, about.subject_kind, about.subject_id, about.kind, wanted, now
        )
    link(session, alarm, row, now, actor=scope.actor)
    record(
        session, scope, "alarm.incident", f"alarm/{alarm.id}", label=alarm.label, incident=row.id
    )
    return row


def link(
    session: Session, alarm: Alarm, row: Incident, now: dt.datetime, *, actor: str = ""
) -> None:
    """Have the alarm name its incident; stands in the alarm's history."""
    alarm.incident_id = row.id
    session.add(
        AlarmEvent(alarm=alarm, at=now, kind="incident", actor=actor[:255], text=f"INC-{row.id}")
    )
    session.flush()


def _refuse_second(session: Session, alarm: Alarm) -> None:
    if alarm.incident_id is not None:
        raise ConflictError(
            "INC-%(number)s is this alarm's incident already.", number=alarm.incident_id
        )
    if alarm.root_id is None:
        return
    root = session.get_one(Alarm, alarm.root_id)
    if root.incident_id is not None:
        raise ConflictError(
            "INC-%(number)s is the incident of what it follows from: %(label)s.",
            number=root.incident_id,
            label=root.label,
        )
    raise ConflictError(
        "It follows from %(label)s: open the incident of that alarm.", label=root.label
    )
