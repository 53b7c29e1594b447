"""A contract's page and what is done with one: signing, terms, renewing, ending; renewals due."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from dcim.customers.calendar import add_months, open_month, today_in
from dcim.customers.charges import total_of
from dcim.customers.contracts import find_contract_row, sign_contract
from dcim.customers.kinds import CONTRACT_STATE_WORDS
from dcim.customers.models import ContractItem
from dcim.customers.overview import preview_month, view_contract
from dcim.customers.renewals import list_renewals
from dcim.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    JifangError,
    NotFoundError,
)
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.space import extending
from dcim.inventory.space.ending import end_contract, end_item
from dcim.sla.agreed import rule_of_month, tell_terms
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.arguments import read_int
from dcim.web.staff.blueprint import staff
from dcim.web.staff.contract_forms import EndForm, RenewForm, SignForm
from dcim.web.staff.names import ITEM_KINDS

REFUSALS: tuple[type[JifangError], ...] = (
    ConflictError, InvalidError, ForbiddenError, NotFoundError,
)  # fmt: skip
WITHIN_DAYS = 90


@staff.get("/contracts/renewals")
def renewals() -> str:
    within = min(read_int("within") or WITHIN_DAYS, 3650)
    return render_template(
        "staff/renewals.html",
        rows=list_renewals(db_session(), current_scope(), within),
        within=within,
        choices=(30, 90, 180, 365),
        crumbs=[(_("Customers"), url_for("staff.list_customer")), (_("Renewals due"), "")],
    )


@staff.get("/contracts/<int:contract_id>")
def contract(contract_id: int) -> str:
    session, scope = db_session(), current_scope()
    view = view_contract(session, scope, contract_id)
    found = view.contract
    this = view.today.replace(day=1)
    months = []
    for month in (this, add_months(this, 1)):
        rule = rule_of_month(session, scope, found, month)
        charges = preview_month(view, month, rule)
        months.append((month, charges, total_of(charges)))
    return render_template(
        "staff/contract.html",
        view=view,
        contract=found,
        customer=found.customer,
        months=months,
        terms=tell_terms(session, scope, [contract_id]).get(contract_id, []),
        kinds=ITEM_KINDS,
        contract_states=CONTRACT_STATE_WORDS,
        labels={one.item.code: one.item for one in view.items},
        numbers={one.id: one.number for one in view.amendments},
        crumbs=crumbs_of(found, ""),
    )


def crumbs_of(contract: Any, last: str) -> list[tuple[str, str]]:
    customer = contract.customer
    crumbs = [
        (_("Customers"), url_for("staff.list_customer")),
        (
            pick_text(customer.name, customer.name_en),
            url_for("staff.customer", customer_id=customer.id),
        ),
        (contract.number, url_for("staff.contract", contract_id=contract.id) if last else ""),
    ]
    return [*crumbs, (last, "")] if last else crumbs


@staff.route("/contracts/<int:contract_id>/sign", methods=["GET", "POST"])
def sign(contract_id: int) -> Response | BaseResponse:
    found = find_contract_row(db_session(), current_scope(), contract_id)
    form = SignForm()
    if request.method == "GET":
        form.signed_on.data = today_in(found.timezone)

    def act() -> str:
        sign_contract(db_session(), current_scope(), found, form.signed_on.data)
        return str(_("Contract %(number)s is in force.", number=found.number))

    return _act(
        found, form, act, _("Sign contract %(number)s", number=found.number), _("Sign"),
        sub=_("From here on it is billed; what its items cost then changes by amendments."),
    )  # fmt: skip


@staff.route("/contracts/<int:contract_id>/renew", methods=["GET", "POST"])
def renew(contract_id: int) -> Response | BaseResponse:
    found = find_contract_row(db_session(), current_scope(), contract_id)
    form = RenewForm()
    if request.method == "GET":
        form.months.data = found.renewal_months

    def act() -> str:
        extending.renew(db_session(), current_scope(), found, form.months.data)
        return str(_("Contract %(number)s runs on.", number=found.number))

    return _act(
        found, form, act, _("Renew contract %(number)s", number=found.number), _("Renew"),
        sub=_("Items and space that would have ended with it go on; prices stay as they are."),
    )  # fmt: skip


@staff.route("/contracts/<int:contract_id>/end", methods=["GET", "POST"])
def finish_contract(contract_id: int) -> Response | BaseResponse:
    found = find_contract_row(db_session(), current_scope(), contract_id)
    form = EndForm()
    if request.method == "GET":
        form.ends_on.data = found.ends_on or today_in(found.timezone) + dt.timedelta(
            days=found.notice_days
        )

    def act() -> str:
        end_contract(db_session(), current_scope(), found, form.ends_on.data)
        return str(_("Contract %(number)s ends.", number=found.number))

    return _act(
        found, form, act, _("End contract %(number)s", number=found.number), _("End it"),
        danger=True,
        sub=_("All its items end with it. Space must be given back first; a move-out order does"
              " both."),
    )  # fmt: skip


@staff.route("/contract-items/<int:item_id>/end", methods=["GET", "POST"])
def finish_item(item_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    item = session.scalar(
        select(ContractItem).where(
            ContractItem.id == item_id, scope.filter(ContractItem.customer_id)
        )
    )
    if item is None:
        raise NotFoundError("No such item.")
    found = find_contract_row(session, scope, item.contract_id)
    form = EndForm()
    if request.method == "GET":
        form.ends_on.data = item.ends_on or add_months(open_month(found.timezone), 1)

    def act() -> str:
        end_item(session, scope, item, form.ends_on.data)
        return str(_("Item %(code)s ends.", code=item.code))

    return _act(
        found, form, act, _("End item %(code)s", code=item.code), _("End it"), danger=True,
        sub=_("It is paid for until the day before; within a month that is prorated."),
    )  # fmt: skip


def _act(
    contract: Any,
    form: FlaskForm,
    act: Callable[[], str],
    title: str,
    submit: str,
    **context: Any,
) -> Response | BaseResponse:
    """One small form for all: 422 or 409 with what stood in the way, else back to the contract."""
    url = url_for("staff.contract", contract_id=contract.id)
    context |= {"title": title, "submit": submit, "back": url, "crumbs": crumbs_of(contract, title)}
    if request.method == "GET":
        return show_form("staff/act.html", form, **context)
    if not form.validate():
        return show_form("staff/act.html", form, 422, **context)
    try:
        done = act()
    except REFUSALS as error:
        return show_form("staff/act.html", form, refuse(form, error), **context)
    flash(done, "success")
    return go_on(url)
