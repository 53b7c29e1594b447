"""Tickets: opening one, leading it on, what is said in it, and correcting its times."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from dcim.api.fields import (
    Flag,
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
from dcim.http.database import current_scope, db_session
from dcim.operations.models import CALL_CHANNELS, TICKET_KINDS, TICKET_TIMES
from dcim.operations.ticket_queries import (
    SORTS,
    TicketFilter,
    TicketRow,
    TicketView,
    find_ticket,
    list_tickets,
)
from dcim.operations.ticket_rules import ACTIONS, STATES
from dcim.operations.ticket_subjects import WishedSubjects
from dcim.operations.tickets import (
    NewTicket,
    advance_ticket,
    comment_ticket,
    correct_time,
    open_ticket,
)

tickets = Resource("tickets", "Tickets")


class TicketQuery(PageQuery):
    customer_id = query_id()
    kind = choice(TICKET_KINDS)
    state = choice(STATES)
    urgent = Flag()
    unclosed = Flag(load_default=False)
    q = Text(high=100, metadata={"description": "Stands in the number or the title."})
    since = Instant(metadata={"description": "Opened then or later."})
    until = Instant(metadata={"description": "Opened before."})
    sort = choice(tuple(SORTS), load_default="-opened_at")


def _ids(what: str) -> "fields.List[int]":
    return fields.List(
        Whole(), load_default=list, validate=Length(0, 500), metadata={"description": what}
    )


class NewTicketBody(Schema):
    class Meta:
        title = "NewTicket"

    customer_id = Whole(
        allow_none=True, load_default=None, metadata={"description": "Staff say whose it is."}
    )
    kind = choice(TICKET_KINDS, required=True)
    urgent = Flag(load_default=False)
    title = Text(required=True)
    text = Paragraphs(low=0, high=4000, load_default="")
    channel = choice(
        CALL_CHANNELS,
        allow_none=True,
        load_default=None,
        metadata={"description": "How the call came; a customer's own is `portal`."},
    )
    opened_at = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "When the call came; only staff say it, otherwise it is now."},
    )
    item_ids = _ids("Contract items it concerns as a whole. Nothing at all: everything.")
    rack_ids = _ids("Racks it concerns.")
    port_ids = _ids("Ports it concerns.")


class TicketStep(Schema):
    action = choice(tuple(ACTIONS), required=True)
    at = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "When it was done; only staff say it, otherwise it is now."},
    )
    text = Paragraphs(
        low=0, high=4000, load_default="", metadata={"description": "The customer reads it."}
    )


class TicketComment(Schema):
    text = Paragraphs(high=4000, required=True)
    internal = Flag(load_default=False, metadata={"description": "For staff alone."})


class TicketCorrection(Schema):
    time = choice(TICKET_TIMES, required=True)
    at = Instant(required=True)
    reason = Text(high=4000, required=True, metadata={"description": "The customer reads it."})


@tickets.get("")
@tickets.arguments(TicketQuery, location="query")
@tickets.response(200, page_of(TicketRow))
def list_all(query: dict[str, Any]) -> Any:
    """List tickets, newest first unless sorted otherwise; a customer's are its own."""
    paging, sort = take_paging(query), query.pop("sort")
    return list_tickets(db_session(), current_scope(), TicketFilter(**query), paging, sort)


@tickets.get("/<int:ticket_id>")
@tickets.response(200, answer_of(TicketView))
def show_ticket(ticket_id: int) -> Any:
    """Show one ticket with its history and what may be done next."""
    return find_ticket(db_session(), current_scope(), ticket_id)


@tickets.post("")
@tickets.arguments(NewTicketBody)
@tickets.response(201, answer_of(TicketView))
def create_ticket(body: dict[str, Any]) -> Any:
    """Open a ticket: customers for themselves, staff for anyone with the time the call came."""
    session, scope = db_session(), current_scope()
    subjects = WishedSubjects(
        *(tuple(body.pop(name)) for name in ("item_ids", "rack_ids", "port_ids"))
    )
    ticket = open_ticket(session, scope, NewTicket(**body, subjects=subjects))
    return find_ticket(session, scope, ticket.id)


@tickets.post("/<int:ticket_id>/steps")
@tickets.arguments(TicketStep)
@tickets.response(201, answer_of(TicketView))
def advance(body: dict[str, Any], ticket_id: int) -> Any:
    """Answer, wait for the customer, resume, resolve, close, reopen. Customers close and reopen."""
    session, scope = db_session(), current_scope()
    advance_ticket(session, scope, ticket_id, **body)
    return find_ticket(session, scope, ticket_id)


@tickets.post("/<int:ticket_id>/comments")
@tickets.arguments(TicketComment)
@tickets.response(201, answer_of(TicketView))
def comment(body: dict[str, Any], ticket_id: int) -> Any:
    """Say something in a ticket, to both sides or among staff."""
    session, scope = db_session(), current_scope()
    comment_ticket(session, scope, ticket_id, **body)
    return find_ticket(session, scope, ticket_id)


@tickets.post("/<int:ticket_id>/corrections")
@tickets.arguments(TicketCorrection)
@tickets.response(201, answer_of(TicketView))
def correct(body: dict[str, Any], ticket_id: int) -> Any:
    """Put a time right that was entered wrongly, with the reason; what it was stays on record."""
    session, scope = db_session(), current_scope()
    correct_time(session, scope, ticket_id, **body)
    return find_ticket(session, scope, ticket_id)
