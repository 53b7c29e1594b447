"""Alarms: what is on, what was, and what people do with one."""

from typing import Any

from marshmallow import Schema, ValidationError, validates_schema

from dcim.alarms.handling import acknowledge, add_note, assign, end_snooze, snooze
from dcim.alarms.incident_opening import About, open_incident
from dcim.alarms.queries import (
    SHOWS,
    SORTS,
    AlarmEventRow,
    AlarmFilter,
    AlarmRow,
    find_alarm,
    list_alarms,
    list_events,
)
from dcim.alarms.rules.limits import SEVERITIES
from dcim.alarms.rules.quantities import SUBJECT_KINDS
from dcim.api.fields import (
    Instant,
    PageQuery,
    Paragraphs,
    Text,
    Whole,
    choice,
    query_id,
    take_paging,
)
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.sla.incident_subjects import KINDS_OF
from dcim.sla.manual_incidents import ManualIncident
from dcim.sla.queries import IncidentRow, find_incident

alarms = Resource("alarms", "Alarms", prefix="alarms")


class AlarmQuery(PageQuery):
    show = choice(SHOWS, load_default="open")
    severity = choice(SEVERITIES)
    rule_id = query_id()
    incident_id = query_id()
    site_id = query_id()
    subject_kind = choice(SUBJECT_KINDS)
    subject_id = query_id()
    assigned_to = Text()
    text = Text(low=0, high=100, load_default="")
    sort = choice(tuple(name for name in SORTS if name))


class AlarmNote(Schema):
    note = Paragraphs(low=0, high=4000, load_default="")


class NewAlarmNote(Schema):
    text = Paragraphs(high=4000, required=True)


class AlarmAssignee(Schema):
    person = Text(low=0, required=True, metadata={"description": "A sign-in; empty: nobody."})


class AlarmSnooze(Schema):
    until = Instant(required=True)
    note = Paragraphs(low=0, high=4000, load_default="")


class NewAlarmIncident(Schema):
    """All of it may be left out where the incident is on record already."""

    subject_kind = choice(tuple(KINDS_OF))
    subject_id = Whole(metadata={"description": "Of the node, port or item."})
    kind = choice(("power_feed", "network", "power"))
    started_at = Instant(metadata={"description": "Left out: when the alarm began."})
    ended_at = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "None while it lasts, or until when the alarm did."},
    )
    cause = Text(low=0, load_default="")
    cause_en = Text(low=0, load_default="")
    reason = Text(low=0, high=4000, load_default="", metadata={"description": "How it is known."})

    @validates_schema
    def check_subject(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if len({"subject_kind", "subject_id", "kind"} & data.keys()) not in (0, 3):
            raise ValidationError("All three or none.", "subject_kind")


@alarms.get("")
@alarms.arguments(AlarmQuery, location="query")
@alarms.response(200, page_of(AlarmRow))
def list_all_alarms(query: dict[str, Any]) -> Any:
    """List alarms: open ones unless asked for others, gravest first."""
    paging, sort = take_paging(query), query.pop("sort", "")
    return list_alarms(
        db_session(), current_scope(), AlarmFilter(**query), paging, now=utc_now(), sort=sort
    )


@alarms.get("/<int:alarm_id>")
@alarms.response(200, answer_of(AlarmRow))
def show_alarm(alarm_id: int) -> Any:
    """Show one alarm."""
    return find_alarm(db_session(), current_scope(), alarm_id)


@alarms.get("/<int:alarm_id>/events")
@alarms.response(200, answer_of(AlarmEventRow)(many=True))
def list_alarm_events(alarm_id: int) -> Any:
    """What happened to it and who did it, newest first."""
    session, scope = db_session(), current_scope()
    find_alarm(session, scope, alarm_id)
    return list_events(session, scope, alarm_id)


@alarms.post("/<int:alarm_id>/acknowledge")
@alarms.arguments(AlarmNote)
@alarms.response(200, answer_of(AlarmRow))
def acknowledge_alarm(body: dict[str, Any], alarm_id: int) -> Any:
    """Take it: it is acknowledged and, if nobody's, yours."""
    session, scope = db_session(), current_scope()
    acknowledge(session, scope, alarm_id, **body)
    return find_alarm(session, scope, alarm_id)


@alarms.put("/<int:alarm_id>/assignee")
@alarms.arguments(AlarmAssignee)
@alarms.response(200, answer_of(AlarmRow))
def assign_alarm(body: dict[str, Any], alarm_id: int) -> Any:
    """Give it to one of the staff."""
    session, scope = db_session(), current_scope()
    assign(session, scope, alarm_id, **body)
    return find_alarm(session, scope, alarm_id)


@alarms.post("/<int:alarm_id>/notes")
@alarms.arguments(NewAlarmNote)
@alarms.response(200, answer_of(AlarmRow))
def note_alarm(body: dict[str, Any], alarm_id: int) -> Any:
    """Write to its history."""
    session, scope = db_session(), current_scope()
    add_note(session, scope, alarm_id, **body)
    return find_alarm(session, scope, alarm_id)


@alarms.put("/<int:alarm_id>/snooze")
@alarms.arguments(AlarmSnooze)
@alarms.response(200, answer_of(AlarmRow))
def snooze_alarm(body: dict[str, Any], alarm_id: int) -> Any:
    """Tell nobody of it until then."""
    session, scope = db_session(), current_scope()
    snooze(session, scope, alarm_id, **body)
    return find_alarm(session, scope, alarm_id)


@alarms.delete("/<int:alarm_id>/snooze")
@alarms.response(200, answer_of(AlarmRow))
def unsnooze_alarm(alarm_id: int) -> Any:
    """Let it be told again."""
    session, scope = db_session(), current_scope()
    end_snooze(session, scope, alarm_id)
    return find_alarm(session, scope, alarm_id)


@alarms.post("/<int:alarm_id>/incident")
@alarms.arguments(NewAlarmIncident)
@alarms.response(201, answer_of(IncidentRow))
def open_alarm_incident(body: dict[str, Any], alarm_id: int) -> Any:
    """Make it an incident: what measurement found already is linked, else one is recorded about
    what it is on; agents and sensors need a subject."""
    session, scope = db_session(), current_scope()
    alarm = find_alarm(session, scope, alarm_id)
    subject = [body.pop(name, None) for name in ("subject_kind", "subject_id", "kind")]
    wanted = ManualIncident(
        body.pop("started_at", alarm.began_at),
        body.pop("ended_at") or alarm.cleared_at,
        body["cause"] or alarm.rule_name,
        body["cause_en"] or alarm.rule_name_en,
        body["reason"],
    )
    row = open_incident(session, scope, alarm_id, About(*subject) if all(subject) else None, wanted)
    return find_incident(session, scope, row.id)
