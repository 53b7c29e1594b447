"""The incident that an alarm's outage already is: found by measurement, or recorded by a person."""

import datetime as dt
from collections.abc import Collection
from types import MappingProxyType

from sqlalchemy import ColumnElement, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import Session

from dcim.alarms.models import Alarm
from dcim.alarms.rules.quantities import NODE, OUTAGES, PORT
from dcim.errors import NotFoundError
from dcim.sla.findings import JOIN_MS
from dcim.sla.incident_subjects import find_resources
from dcim.sla.incidents import name_prefix
from dcim.sla.models import Incident

SUBJECTS = MappingProxyType({PORT: "port", NODE: "power_node"})
_KINDS = MappingProxyType({PORT: ("network",), NODE: ("power_feed", "power")})
_NEAR = dt.timedelta(milliseconds=JOIN_MS)


def find_known(session: Session, alarm: Alarm) -> Incident | None:
    """Of the same thing at the same time; the one that is named by it rather than one that only
    takes it along, the one that leaves cabinets dark rather than a feed lost. A fixed number of
    statements, and of incidents none is read that is of something else."""
    if alarm.rule.quantity not in OUTAGES:
        return None
    subject_kind, subject_id = alarm.subject_kind, alarm.subject_id
    try:
        name, resources = find_resources(session, SUBJECTS[subject_kind], subject_id)
    except NotFoundError:
        return None
    by_hand = f"{SUBJECTS[subject_kind]}/{subject_id}"
    kinds = _KINDS[subject_kind]
    statement = select(Incident).where(
        Incident.kind.in_(kinds),
        or_(
            Incident.subject == by_hand,
            ~Incident.manual & _takes_along(resources),
            # Of what no service level observes nothing but the name says it.
            *(Incident.key.startswith(name_prefix(kind, name), autoescape=True) for kind in kinds),
        ),
        or_(Incident.ended_at.is_(None), Incident.ended_at >= alarm.began_at - _NEAR),
    )
    if alarm.cleared_at is not None:
        statement = statement.where(Incident.started_at <= alarm.cleared_at + _NEAR)
    found = session.scalars(statement.order_by(Incident.started_at, Incident.id))
    return min(
        found, key=lambda row: (not _is_named_by(row, name), row.kind != "power"), default=None
    )


def _takes_along(resources: Collection[str]) -> ColumnElement[bool]:
    return func.jsonb_path_exists(
        Incident.evidence,
        cast("$[*].resource ? (@ == $names[*])", JSONPATH),
        cast({"names": sorted(resources)}, JSONB),
    )


def _is_named_by(row: Incident, name: str) -> bool:
    """Keys are "kind:subject:start"; of cabinets without any feed the subject is "A + B"."""
    subject = row.key.partition(":")[2].rpartition(":")[0]
    return row.manual or name in subject.split(" + ")
