"""Amending a contract: which items become what, from when; what changes is shown before saving."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.customers.amendments import Change, amend_contract, preview_amendment
from dcim.customers.calendar import add_months, open_month
from dcim.customers.contracts import find_contract_row, next_amendment_number
from dcim.customers.overview import ItemView, view_contract
from dcim.customers.versions import Agreed, pick_version
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.contract_forms import AmendForm
from dcim.web.staff.contracts import REFUSALS, crumbs_of
from dcim.web.staff.names import ITEM_KINDS

# How far ahead an amendment may be dated here.
MONTHS_AHEAD = 18
FIELDS = ("quantity", "unit_price", "monthly_fee", "contracted_w")


@staff.route("/contracts/<int:contract_id>/amend", methods=["GET", "POST"])
def amend(contract_id: int) -> Response | BaseResponse:
    """The first sending shows what would change, the second (with `save`) writes it."""
    session, scope = db_session(), current_scope()
    contract = find_contract_row(session, scope, contract_id)
    view = view_contract(session, scope, contract_id)
    first = open_month(contract.timezone)
    form = AmendForm()
    days = [add_months(first, ahead) for ahead in range(MONTHS_AHEAD)]
    form.effective_from.choices = [(day.isoformat(), day.isoformat()) for day in days]
    if request.method == "GET":
        form.effective_from.data = days[1].isoformat()
        form.number.data = next_amendment_number(session, contract)
    day = dt.date.fromisoformat(form.effective_from.data) if _is_day(form, days) else days[1]
    items = [one for one in view.items if not one.over]
    given = request.form if request.method == "POST" else {}
    context: dict[str, Any] = {
        "contract": contract,
        "rows": [(one, _shown(one, day, given)) for one in items],
        "kinds": ITEM_KINDS,
        "differences": [],
        "crumbs": crumbs_of(contract, _("Amend")),
    }
    template = "staff/amend.html"
    if request.method == "GET":
        return show_form(template, form, **context)
    if not form.validate():
        return show_form(template, form, 422, **context)
    try:
        changes = _read_changes(items, day, given)
        differences = preview_amendment(session, scope, contract, day, changes)
        context["differences"] = differences
        context["by"] = sum((one.by for one in differences), Decimal(0))
        if not form.save.data:
            return show_form(template, form, **context)
        amendment = amend_contract(
            session, scope, contract, day, changes,
            summary=form.summary.data or "", number=form.number.data or "",
        )  # fmt: skip
    except REFUSALS as error:
        return show_form(template, form, refuse(form, error), **context)
    flash(
        _("Amendment %(number)s is in force from %(day)s.", number=amendment.number, day=day),
        "success",
    )
    return go_on(url_for("staff.contract", contract_id=contract_id))


def _is_day(form: AmendForm, days: Sequence[dt.date]) -> bool:
    return form.effective_from.data in {day.isoformat() for day in days}


def _shown(one: ItemView, day: dt.date, given: Mapping[str, str]) -> dict[str, str]:
    """What stands in the item's fields: what was typed, else what would hold on the day."""
    agreed = pick_version(one.versions, day) or one.now
    written = _write(agreed)
    return {name: given.get(f"{name}-{one.item.id}", written[name]) for name in FIELDS}


def _write(agreed: Agreed) -> dict[str, str]:
    price, watts = agreed.unit_price, agreed.contracted_w
    return {
        "quantity": f"{agreed.quantity.normalize():f}",
        "unit_price": "" if price is None else f"{price:.2f}",
        "monthly_fee": f"{agreed.monthly_fee:.2f}",
        "contracted_w": "" if watts is None else str(watts),
    }


def _read_changes(
    items: Sequence[ItemView], day: dt.date, given: Mapping[str, str]
) -> list[Change]:
    """The items whose fields differ from what holds on the day.

    A changed quantity or price of a unit computes the fee, unless the fee was changed as well.
    Raises InvalidError naming the field.
    """
    changes = []
    for one in items:
        before = _write(pick_version(one.versions, day) or one.now)
        typed = _shown(one, day, given)
        values = {name: _read(one.item.code, name, typed[name]) for name in FIELDS}
        unchanged = {name: _read(one.item.code, name, before[name]) for name in FIELDS}
        if values == unchanged:
            continue
        fee = values["monthly_fee"]
        if values["unit_price"] is not None and fee == unchanged["monthly_fee"]:
            fee = None
        watts = values["contracted_w"]
        changes.append(
            Change(
                one.item.id, values["quantity"] or Decimal(0), values["unit_price"], fee,
                None if watts is None else int(watts),
            )
        )  # fmt: skip
    return changes


def _read(code: str, name: str, text: str) -> Decimal | None:
    plain = text.replace(",", "").strip()
    if not plain:
        return None
    places = {"quantity": 3, "contracted_w": 0}.get(name, 2)
    try:
        number = Decimal(plain)
        fits = number.is_finite() and 0 <= number < 10**9
        if fits and number == round(number, places):
            return number
    except InvalidOperation:
        pass
    raise InvalidError(
        "%(text)s can't stand in an item's fields (%(code)s): a number of at most %(places)s"
        " decimals is needed.",
        {"items": [f"{name}-{code}"]},
        text=text[:40],
        code=code,
        places=places,
    )
