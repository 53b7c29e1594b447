"""What was told to whom, what waits and what was given up."""

from typing import Any

from dcim.api.fields import PageQuery, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.outbox.events import EVENTS
from dcim.outbox.models import CHANNELS, STATES
from dcim.outbox.queries import DeliveryFilter, DeliveryRow, find_delivery
from dcim.outbox.queries import list_deliveries as list_rows
from dcim.outbox.queueing import retry_messages

deliveries = Resource("deliveries", "Delivery")


class DeliveryQuery(PageQuery):
    customer_id = query_id()
    statement_id = query_id()
    channel = choice(CHANNELS)
    state = choice(STATES)
    event = choice(EVENTS)


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
