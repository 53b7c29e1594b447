"""Own tickets: what was asked for and what became of it, opening one, saying something in it."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.columns import utc_now
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.operations.ticket_queries import TicketFilter, find_ticket, list_tickets
from dcim.operations.ticket_rules import STATES
from dcim.operations.ticket_subjects import list_possible_subjects
from dcim.operations.tickets import NewTicket, advance_ticket, comment_ticket, open_ticket
from dcim.sla.answer_deadlines import find_answer_deadlines
from dcim.web.portal.blueprint import portal
from dcim.web.portal.home import own_id
from dcim.web.staff.answers import answer_form, go_on
from dcim.web.staff.arguments import read_listing, read_text
from dcim.web.ticket_forms import CommentForm, TicketForm
from dcim.web.ticket_words import EVERY_OWN_TICKET_NAME


@portal.get("/tickets")
def tickets() -> str:
    state = read_text("state")
    listing = read_listing()
    wanted = TicketFilter(state=state if state in STATES else None)
    return render_template(
        "portal/tickets.html",
        found=list_tickets(db_session(), current_scope(), wanted, listing.paging),
        listing=listing,
        state=wanted.state,
        **EVERY_OWN_TICKET_NAME,
    )


@portal.route("/tickets/new", methods=["GET", "POST"])
def open_own_ticket() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = TicketForm()
    form.offer(list_possible_subjects(session, scope, own_id(scope), utc_now()))

    def deed() -> str:
        ticket = open_ticket(
            session,
            scope,
            NewTicket(
                kind=form.kind.data,
                title=form.title.data,
                text=form.text.data,
                urgent=form.urgent.data,
                subjects=form.wished,
            ),
        )
        flash(_("Ticket %(number)s is opened.", number=ticket.number), "success")
        return url_for("portal.ticket", ticket_id=ticket.id)

    return answer_form(
        "portal/ticket_new.html",
        form,
        deed,
        crumbs=[(_("Tickets"), url_for("portal.tickets")), (_("New ticket"), "")],
    )


@portal.route("/tickets/<int:ticket_id>", methods=["GET", "POST"])
def ticket(ticket_id: int) -> Response | BaseResponse:
    """One ticket; its form says something in it."""
    session, scope = db_session(), current_scope()
    view = find_ticket(session, scope, ticket_id)
    form = CommentForm()

    def deed() -> str:
        comment_ticket(session, scope, ticket_id, form.text.data)
        return url_for("portal.ticket", ticket_id=ticket_id)

    context: dict[str, Any] = {
        "view": view,
        "one": view.ticket,
        "deadline": find_answer_deadlines(session, scope, [view.ticket]).get(ticket_id),
        "now": utc_now(),
        "crumbs": [(_("Tickets"), url_for("portal.tickets")), (view.ticket.number, "")],
    }
    return answer_form("portal/ticket.html", form, deed, **context, **EVERY_OWN_TICKET_NAME)


@portal.post("/tickets/<int:ticket_id>/close")
def close_ticket(ticket_id: int) -> BaseResponse:
    return _advance(ticket_id, "close")


@portal.post("/tickets/<int:ticket_id>/reopen")
def reopen_ticket(ticket_id: int) -> BaseResponse:
    return _advance(ticket_id, "reopen")


def _advance(ticket_id: int, action: str) -> BaseResponse:
    text = request.form.get("text", "").replace("\0", "").strip()[:4000]
    session, scope = db_session(), current_scope()
    find_ticket(session, scope, ticket_id)
    try:
        advance_ticket(session, scope, ticket_id, action, text=text)
    except JifangError as error:
        session.rollback()
        flash(say(error), "error")
    return go_on(url_for("portal.ticket", ticket_id=ticket_id))
