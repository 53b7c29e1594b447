"""Incidents."""

from typing import Any

from dcim.api.fields import Flag, Instant, PageQuery, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.sla import queries

incidents = Resource("incidents", "Incidents")

KINDS = ("power", "power_feed", "network", "temperature", "telemetry")


class IncidentQuery(PageQuery):
    customer_id = query_id()
    kind = choice(KINDS)
    open_only = Flag(load_default=False)
    since = Instant()
    until = Instant()


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
