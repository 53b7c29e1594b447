"""What was told to whom, and where webhooks go. A webhook's secret goes in and never comes out."""

from typing import Any

from flask import current_app
from marshmallow import Schema, fields

from dcim.api.fields import Flag, PageQuery, Text, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.outbox import endpoints
from dcim.outbox.models import CHANNELS, EVENTS, STATES, SUBSCRIBED
from dcim.outbox.queries import DeliveryFilter, DeliveryRow, find_delivery
from dcim.outbox.queries import list_deliveries as list_rows
from dcim.outbox.queueing import retry_messages

deliveries = Resource("deliveries", "Delivery")
webhooks = Resource("webhooks", "Webhooks")


class DeliveryQuery(PageQuery):
    customer_id = query_id()
    statement_id = query_id()
    channel = choice(CHANNELS)
    state = choice(STATES)
    event = choice(EVENTS)


class NewWebhook(Schema):
    name = Text(required=True)
    url = Text(high=2000, required=True)
    secret = Text(
        low=16, required=True, load_only=True, metadata={"description": "Signs what is sent."}
    )
    events = fields.List(choice(SUBSCRIBED), required=True)
    enabled = Flag(load_default=True)


class ChangedWebhook(NewWebhook):
    secret = Text(
        low=16,
        allow_none=True,
        load_default=None,
        load_only=True,
        metadata={"description": "Left out, it stays as it is."},
    )


@deliveries.get("")
@deliveries.arguments(DeliveryQuery, location="query")
@deliveries.response(200, page_of(DeliveryRow))
def list_deliveries(query: dict[str, Any]) -> Any:
    """List what was told to whom, what waits and what was given up, newest first."""
    paging = take_paging(query)
    return list_rows(db_session(), current_scope(), DeliveryFilter(**query), paging)


@deliveries.get("/<int:message_id>")
@deliveries.response(200, answer_of(DeliveryRow))
def show_delivery(message_id: int) -> Any:
    """Show one message and what came of it."""
    return find_delivery(db_session(), current_scope(), message_id)


@deliveries.post("/<int:message_id>/retry")
@deliveries.response(200, answer_of(DeliveryRow))
def retry_delivery(message_id: int) -> Any:
    """Try again what was given up, or at once what waits; 409 for what was sent."""
    session, scope = db_session(), current_scope()
    retry_messages(session, scope, [message_id])
    return find_delivery(session, scope, message_id)


@webhooks.get("")
@webhooks.arguments(PageQuery, location="query")
@webhooks.response(200, page_of(endpoints.EndpointRow))
def list_webhooks(query: dict[str, Any]) -> Any:
    """List the endpoints by name; their secrets are never answered."""
    return endpoints.list_endpoints(db_session(), take_paging(query))


@webhooks.get("/<int:endpoint_id>")
@webhooks.response(200, answer_of(endpoints.EndpointRow))
def show_webhook(endpoint_id: int) -> Any:
    """Show one endpoint."""
    return endpoints.find_endpoint(db_session(), endpoint_id)


@webhooks.post("")
@webhooks.arguments(NewWebhook)
@webhooks.response(201, answer_of(endpoints.EndpointRow))
def create_webhook(body: dict[str, Any]) -> Any:
    """Have a system told of events; the secret is sealed at once."""
    session = db_session()
    made = endpoints.create_endpoint(
        session, current_scope(), current_app.config["JIFANG"], endpoints.EndpointValues(**body)
    )
    return endpoints.find_endpoint(session, made)


@webhooks.put("/<int:endpoint_id>")
@webhooks.arguments(ChangedWebhook)
@webhooks.response(200, answer_of(endpoints.EndpointRow))
def change_webhook(body: dict[str, Any], endpoint_id: int) -> Any:
    """Change an endpoint as a whole; switched off, it is told nothing."""
    session = db_session()
    endpoints.change_endpoint(
        session,
        current_scope(),
        current_app.config["JIFANG"],
        endpoint_id,
        endpoints.EndpointValues(**body),
    )
    return endpoints.find_endpoint(session, endpoint_id)
