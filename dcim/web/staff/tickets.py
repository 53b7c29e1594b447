"""Tickets as staff and the NOC work on them: the queue, a call entered, answers, corrections."""

from typing import Any

from flask import Response, abort, flash, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.accounts.roles import Right
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.operations.models import TICKET_TIMES as TIMES
from dcim.operations.ticket_queries import TicketFilter, TicketView, find_ticket, list_tickets
from dcim.operations.ticket_rules import ACTIONS, STATES
from dcim.operations.ticket_subjects import list_possible_subjects
from dcim.operations.tickets import (
    NewTicket,
    advance_ticket,
    comment_ticket,
    correct_time,
    open_ticket,
)
from dcim.sla.answer_deadlines import QueuedTicket, find_answer_deadlines, list_queue
from dcim.web.local_times import to_instant
from dcim.web.staff.answers import answer_form, show_form
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff
from dcim.web.staff.cross_connects import find_customer_by_code, suggest_customers
from dcim.web.ticket_forms import (
    CallForm,
    CorrectionForm,
    StaffCommentForm,
    TicketStepForm,
)
from dcim.web.ticket_words import (
    EVERY_TICKET_NAME,
    TICKET_ACTIONS,
    TICKET_KINDS,
    TICKET_TIMES,
)


@staff.get("/tickets")
def tickets() -> str:
    """What isn't closed, nearest to be late first; by a state or all: newest first."""
    session, scope = db_session(), current_scope()
    state, kind, listing = read_text("state"), read_text("kind"), read_listing()
    by_state = state in STATES or state == "all"
    wanted = TicketFilter(
        customer_id=read_int("customer"),
        kind=kind if kind in TICKET_KINDS else None,
        state=state if state in STATES else None,
        unclosed=not by_state,
        q=read_text("q"),
    )
    if by_state:
        page = list_tickets(session, scope, wanted, listing.paging)
        deadlines = find_answer_deadlines(
            session, scope, [row for row in page.items if row.responded_at is None]
        )
        found = page.replace([QueuedTicket(row, deadlines.get(row.id)) for row in page.items])
    else:
        found = list_queue(session, scope, wanted, listing.paging)
    return render_template(
        "staff/tickets.html",
        found=found,
        listing=listing,
        wanted=wanted,
        state=state if by_state else "",
        now=utc_now(),
        **EVERY_TICKET_NAME,
    )


@staff.route("/tickets/new", methods=["GET", "POST"])
def add_ticket() -> Response | BaseResponse:
    """First whose it is, then what it is about: of that customer's things."""
    code = read_text("customer", 64)
    try:
        customer = find_customer_by_code(code) if code else None
        told = ""
    except InvalidError as error:
        customer, told = None, say(error)
    if customer is None:
        page = render_template(
            "staff/ticket_customer.html", customers=suggest_customers(), code=code, told=told
        )
        return make_response(page, 422 if told else 200)
    return _add_ticket_of(customer)


def _add_ticket_of(customer: Customer) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = CallForm()
    opened_at = to_instant(form.opened_at.data) if request.method == "POST" else None
    # What it has now; what it hadn't yet when the call came is refused with the words why.
    form.offer(list_possible_subjects(session, scope, customer.id, utc_now()))

    def deed() -> str:
        ticket = open_ticket(
            session,
            scope,
            NewTicket(
                kind=form.kind.data,
                title=form.title.data,
                text=form.text.data,
                urgent=form.urgent.data,
                customer_id=customer.id,
                channel=form.channel.data,
                opened_at=opened_at,
                subjects=form.wished,
            ),
        )
        flash(_("Ticket %(number)s is opened.", number=ticket.number), "success")
        return url_for("staff.ticket", ticket_id=ticket.id)

    return answer_form(
        "staff/ticket_new.html",
        form,
        deed,
        customer=customer,
        crumbs=[(_("Tickets"), url_for("staff.tickets")), (_("New ticket"), "")],
    )


@staff.get("/tickets/<int:ticket_id>")
def ticket(ticket_id: int) -> Response:
    view = find_ticket(db_session(), current_scope(), ticket_id)
    return show_form("staff/ticket.html", StaffCommentForm(), **_describe(view))


@staff.post("/tickets/<int:ticket_id>/comments")
def comment_on_ticket(ticket_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    view = find_ticket(session, scope, ticket_id)
    form = StaffCommentForm()

    def deed() -> str:
        comment_ticket(session, scope, ticket_id, form.text.data, internal=form.internal.data)
        return url_for("staff.ticket", ticket_id=ticket_id)

    return answer_form("staff/ticket.html", form, deed, **_describe(view))


@staff.route("/tickets/<int:ticket_id>/steps/<step>", methods=["GET", "POST"])
def advance_ticket_by(ticket_id: int, step: str) -> Response | BaseResponse:
    if step not in ACTIONS:
        abort(404)
    session, scope = db_session(), current_scope()
    view = find_ticket(session, scope, ticket_id)
    form, back = TicketStepForm(), url_for("staff.ticket", ticket_id=ticket_id)

    def deed() -> str:
        advance_ticket(
            session, scope, ticket_id, step, at=to_instant(form.at.data), text=form.text.data
        )
        return back

    title = TICKET_ACTIONS[step]
    return answer_form(
        "staff/ticket_act.html", form, deed, submit=title, **_frame(view, str(title), back)
    )  # fmt: skip


@staff.route("/tickets/<int:ticket_id>/correct", methods=["GET", "POST"])
def correct_ticket(ticket_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    view = find_ticket(session, scope, ticket_id)
    form, back = CorrectionForm(), url_for("staff.ticket", ticket_id=ticket_id)
    known = [name for name in TIMES if getattr(view.ticket, name) is not None]
    form.time.choices = [(name, TICKET_TIMES[name]) for name in known]
    if request.method == "GET" and read_text("time") in known:
        form.time.data = read_text("time")

    def deed() -> str:
        at = to_instant(form.at.data)
        if at is None:
            raise InvalidError("This is needed.", {"at": ["missing"]})
        correct_time(session, scope, ticket_id, form.time.data, at, form.reason.data)
        return back

    return answer_form(
        "staff/ticket_act.html",
        form,
        deed,
        submit=_("Correct"),
        **_frame(view, _("Correct a time"), back),
    )


def _frame(view: TicketView, title: str, back: str) -> dict[str, Any]:
    one = view.ticket
    customer = pick_text(one.customer_name, one.customer_name_en)
    return {
        "title": title,
        "sub": f"{one.number} · {customer} · {one.title}",
        "back": back,
        "crumbs": [(_("Tickets"), url_for("staff.tickets")), (one.number, back), (title, "")],
    }


def _describe(view: TicketView) -> dict[str, Any]:
    found = find_answer_deadlines(db_session(), current_scope(), [view.ticket])
    return {
        "view": view,
        "one": view.ticket,
        "deadline": found.get(view.ticket.id),
        "now": utc_now(),
        "may_work": has_right(Right.WORK_TICKETS),
        "crumbs": [(_("Tickets"), url_for("staff.tickets")), (view.ticket.number, "")],
        **EVERY_TICKET_NAME,
    }
