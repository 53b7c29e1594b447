"""Incidents and planned maintenance."""

from typing import Any

from dcim.api.fields import Flag, Instant, PageQuery, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.operations import queries as operations
from dcim.sla import queries

incidents = Resource("incidents", "Incidents")
maintenance = Resource("maintenance", "Planned maintenance")

KINDS = ("power", "power_feed", "network", "temperature", "telemetry")


class IncidentQuery(PageQuery):
    customer_id = query_id()
    kind = choice(KINDS)
    open_only = Flag(load_default=False)
    since = Instant()
    until = Instant()


class MaintenanceQuery(PageQuery):
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


@maintenance.get("")
@maintenance.arguments(MaintenanceQuery, location="query")
@maintenance.response(200, page_of(operations.MaintenanceRow))
def list_maintenance(query: dict[str, Any]) -> Any:
    """List maintenance; a customer's is what it was told of and what touches its things."""
    return operations.list_maintenance(db_session(), current_scope(), take_paging(query), **query)


@maintenance.get("/<int:maintenance_id>")
@maintenance.response(200, answer_of(operations.MaintenanceRow))
def show_maintenance(maintenance_id: int) -> Any:
    """Show one planned maintenance."""
    return operations.find_maintenance(db_session(), current_scope(), maintenance_id)
