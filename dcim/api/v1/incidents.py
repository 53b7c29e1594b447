"""Incidents, measured and by hand."""

from typing import Any

from marshmallow import Schema

from dcim.api.fields import Flag, Instant, PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.sla import queries
from dcim.sla.incident_subjects import KINDS_OF
from dcim.sla.manual_incidents import ManualIncident, record_incident
from dcim.statements import recorded_incidents

incidents = Resource("incidents", "Incidents")

KINDS = ("power", "power_feed", "network", "temperature", "telemetry")


class IncidentQuery(PageQuery):
    customer_id = query_id()
    kind = choice(KINDS)
    open_only = Flag(load_default=False)
    manual = Flag(metadata={"description": "Recorded by a person; false: measured."})
    since = Instant()
    until = Instant()


class IncidentCorrection(Schema):
    started_at = Instant(required=True)
    ended_at = Instant(
        allow_none=True, load_default=None, metadata={"description": "None while it lasts."}
    )
    cause = Text(low=0, load_default="")
    cause_en = Text(low=0, load_default="")
    reason = Text(high=4000, required=True, metadata={"description": "How it is known."})


class NewIncident(IncidentCorrection):
    subject_kind = choice(tuple(KINDS_OF), required=True)
    subject_id = Whole(required=True, metadata={"description": "Of the node, port or item."})
    kind = choice(("power_feed", "network", "power"), required=True)


@incidents.get("")
@incidents.arguments(IncidentQuery, location="query")
@incidents.response(200, page_of(queries.IncidentRow))
def list_incidents(query: dict[str, Any]) -> Any:
    """List incidents, newest first; a customer's are those that hit it."""
    paging = take_paging(query)
    return queries.list_incidents(
        db_session(), current_scope(), queries.IncidentFilter(**query), paging
    )


@incidents.get("/<int:incident_id>")
@incidents.response(200, answer_of(queries.IncidentRow))
def show_incident(incident_id: int) -> Any:
    """Show one incident."""
    return queries.find_incident(db_session(), current_scope(), incident_id)


@incidents.post("")
@incidents.arguments(NewIncident)
@incidents.response(201, answer_of(queries.IncidentRow))
def create_incident(body: dict[str, Any]) -> Any:
    """Record an incident that no meter saw: a feed lost, a port down, or all of an item."""
    session, scope = db_session(), current_scope()
    about = (body.pop("subject_kind"), body.pop("subject_id"), body.pop("kind"))
    row = record_incident(session, scope, *about, ManualIncident(**body))
    return queries.find_incident(session, scope, row.id)


@incidents.put("/<int:incident_id>")
@incidents.arguments(IncidentCorrection)
@incidents.response(200, answer_of(queries.IncidentRow))
def correct_incident(body: dict[str, Any], incident_id: int) -> Any:
    """Correct one recorded by a person, as long as no issued statement tells it."""
    session, scope = db_session(), current_scope()
    recorded_incidents.edit_incident(session, scope, incident_id, ManualIncident(**body))
    return queries.find_incident(session, scope, incident_id)
