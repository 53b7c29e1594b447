"""Orders to suspend, restore and move out: asked for, approved, carried out step by step."""

from collections.abc import Callable
from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from dcim.customers.calendar import today_in
from dcim.customers.models import Contract, Customer
from dcim.customers.queries import find_customer
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.operations.kinds import ORDER_STATE_WORDS, ORDER_WORDS
from dcim.operations.models import ServiceOrder
from dcim.operations.orders import (
    AUTOMATIC,
    approve_order,
    cancel_order,
    do_step,
    find_order_row,
    find_step,
    finish_order,
    reopen_step,
    request_order,
    tick_step,
)
from dcim.statements.completeness import list_missing
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.contract_forms import OrderForm, ReasonForm, StepForm
from dcim.web.staff.contracts import REFUSALS

STEP_WORDS = {
    "notify": _l("Tell the customer"),
    "ports_off": _l("Shut the port"),
    "ports_on": _l("Open the port"),
    "power_off": _l("Switch off the outlets"),
    "power_on": _l("Switch on the outlets"),
    "cross_connect": _l("Take out the cross-connect"),
    "address": _l("Take back the addresses"),
    "access_revoked": _l("Withdraw access"),
    "access_restored": _l("Give access again"),
    "equipment_out": _l("Take the equipment out"),
    "space_free": _l("Give the space free"),
    "items_end": _l("End the contract and its items"),
    "final_statement": _l("Issue the last statement"),
}
PAGES = {
    "device": ("staff.device", "device_id"),
    "customer": ("staff.customer", "customer_id"),
    "contract": ("staff.contract", "contract_id"),
}


@staff.route("/customers/<int:customer_id>/orders/new", methods=["GET", "POST"])
def add_order(customer_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    customer = find_customer(session, scope, customer_id)
    form = OrderForm()
    contracts = session.execute(
        select(Contract.id, Contract.number)
        .where(Contract.customer_id == customer_id, Contract.state == "signed")
        .order_by(Contract.number)
    ).all()
    form.contract_id.choices = [(0, _("All contracts")), *((c.id, c.number) for c in contracts)]
    if request.method == "GET":
        form.effective_on.data = today_in(customer.timezone)
        wanted = request.args.get("kind", "")
        form.kind.data = wanted if wanted in ORDER_WORDS else "suspend"
    title = _("Order for %(name)s", name=pick_text(customer.name, customer.name_en))
    back = url_for("staff.customer", customer_id=customer_id)
    context: dict[str, Any] = {
        "title": title,
        "submit": _("Ask for it"),
        "sub": _("The checklist is made of what the customer really has; it waits for approval."),
        "back": back,
        "crumbs": [
            (_("Customers"), url_for("staff.list_customer")),
            (customer.code, back),
            (title, ""),
        ],
    }
    if request.method == "GET":
        return show_form("staff/act.html", form, **context)
    if not form.validate():
        return show_form("staff/act.html", form, 422, **context)
    try:
        order = request_order(
            session, scope, customer_id, form.kind.data, effective_on=form.effective_on.data,
            reason=form.reason.data, contract_id=form.contract_id.data or None,
        )  # fmt: skip
    except REFUSALS as error:
        return show_form("staff/act.html", form, refuse(form, error), **context)
    flash(_("Order %(number)s waits for approval.", number=order.number), "success")
    return go_on(url_for("staff.order", order_id=order.id))


@staff.get("/orders/<int:order_id>")
def order(order_id: int) -> str:
    return _show(find_order_row(db_session(), current_scope(), order_id))


@staff.post("/orders/<int:order_id>/approve")
def approve(order_id: int) -> Response | BaseResponse:
    return _change(order_id, lambda found: approve_order(db_session(), current_scope(), found))


@staff.post("/orders/<int:order_id>/finish")
def finish(order_id: int) -> Response | BaseResponse:
    return _change(
        order_id, lambda found: finish_order(db_session(), current_scope(), found, list_missing)
    )


@staff.post("/orders/<int:order_id>/cancel")
def give_up(order_id: int) -> Response | BaseResponse:
    form = ReasonForm()
    return _change(
        order_id,
        lambda found: cancel_order(db_session(), current_scope(), found, form.reason.data or ""),
    )


@staff.post("/orders/<int:order_id>/steps/<int:step_id>")
def order_step(order_id: int, step_id: int) -> Response | BaseResponse:
    """`do`: done, skip, let (the system does it) or reopen."""
    session, scope = db_session(), current_scope()
    form = StepForm()

    def act(found: ServiceOrder) -> None:
        step = find_step(session, scope, found, step_id)
        note = (form.note.data or "")[:1000]
        match request.form.get("do", "done"):
            case "let":
                do_step(session, scope, step, list_missing)
            case "reopen":
                reopen_step(session, scope, step)
            case wanted:
                tick_step(session, scope, step, note=note, skip=wanted == "skip")

    return _change(order_id, act, anchor=f"step-{step_id}")


def _change(
    order_id: int, act: Callable[[ServiceOrder], None], anchor: str = ""
) -> Response | BaseResponse:
    """Back to the order; a refusal is told there."""
    session, scope = db_session(), current_scope()
    found = find_order_row(session, scope, order_id)
    try:
        act(found)
    except REFUSALS as error:
        session.rollback()
        message = _(error.message) % error.places if error.places else _(error.message)
        found = find_order_row(session, scope, order_id)
        return Response(_show(found, message), status=error.status)
    return go_on(url_for("staff.order", order_id=order_id, _anchor=anchor or None))


def _show(found: ServiceOrder, problem: str = "") -> str:
    session = db_session()
    customer = session.get_one(Customer, found.customer_id)
    contract = session.get(Contract, found.contract_id) if found.contract_id else None
    links = {}
    for step in found.steps:
        if step.subject_kind in PAGES and step.subject_id is not None:
            endpoint, argument = PAGES[step.subject_kind]
            place: dict[str, Any] = {argument: step.subject_id}
            links[step.id] = url_for(endpoint, **place)
    return render_template(
        "staff/order.html",
        order=found,
        customer=customer,
        contract=contract,
        problem=problem,
        links=links,
        closed=sum(step.state != "open" for step in found.steps),
        automatic=AUTOMATIC,
        step_words=STEP_WORDS,
        order_words=ORDER_WORDS,
        state_words=ORDER_STATE_WORDS,
        crumbs=[
            (_("Customers"), url_for("staff.list_customer")),
            (
                pick_text(customer.name, customer.name_en),
                url_for("staff.customer", customer_id=customer.id),
            ),
            (found.number, ""),
        ],
    )
