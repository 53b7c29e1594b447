"""The incident that an alarm's outage already is: found by measurement, or recorded by a person."""

import datetime as dt
from types import MappingProxyType

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.alarms.models import Alarm
from dcim.alarms.rules.quantities import NODE, OUTAGES, PORT
from dcim.errors import NotFoundError
from dcim.sla.findings import JOIN_MS
from dcim.sla.incident_subjects import find_resources
from dcim.sla.models import Incident

SUBJECTS = MappingProxyType({PORT: "port", NODE: "power_node"})
_KINDS = MappingProxyType({PORT: ("network",), NODE: ("power_feed", "power")})
_NEAR = dt.timedelta(milliseconds=JOIN_MS)


def find_known(session: Session, alarm: Alarm) -> Incident | None:
    """Of the same thing at the same time; the one that is named by it rather than one that only
    takes it along, the one that leaves cabinets dark rather than a feed lost. A fixed number of
    statements."""
    if alarm.rule.quantity not in OUTAGES:
        return None
    kind, subject_id = alarm.subject_kind, alarm.subject_id
    try:
        name, resources = find_resources(session, SUBJECTS[kind], subject_id)
    except NotFoundError:
        return None
    by_hand = f"{SUBJECTS[kind]}/{subject_id}"
    statement = select(Incident).where(
        Incident.kind.in_(_KINDS[kind]),
        or_(~Incident.manual, Incident.subject == by_hand),
        or_(Incident.ended_at.is_(None), Incident.ended_at >= alarm.began_at - _NEAR),
    )
    if alarm.cleared_at is not None:
        statement = statement.where(Incident.started_at <= alarm.cleared_at + _NEAR)
    found = [
        row
        for row in session.scalars(statement.order_by(Incident.started_at, Incident.id))
        if row.subject == by_hand or resources & _resources_of(row)
    ]
    return min(
        found, key=lambda row: (not _is_named_by(row, name), row.kind != "power"), default=None
    )


def _resources_of(row: Incident) -> set[str]:
    return {str(entry["resource"]) for entry in row.evidence if "resource" in entry}


def _is_named_by(row: Incident, name: str) -> bool:
    """Keys are "kind:subject:start"; of cabinets without any feed the subject is "A + B"."""
    subject = row.key.partition(":")[2].rpartition(":")[0]
    return row.manual or name in subject.split(" + ")
