"""Passes for equipment and media: what is open, deciding, the gate, the sheet the bearer shows."""

import io
from typing import Any

import segno
from flask import Response, flash, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from dcim.accounts.audit_log import AuditFilter, list_entries
from dcim.accounts.roles import Right
from dcim.customers.queries import list_customers
from dcim.errors import InvalidError, JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.inventory.devices.gate import check_pass
from dcim.inventory.devices.models import DIRECTIONS, PASS_STATES
from dcim.inventory.devices.pass_queries import (
    PassFilter,
    find_pass_row,
    list_pass_lines,
    list_pass_sites,
    list_passes,
    suggest_own_devices,
)
from dcim.inventory.devices.passes import OPEN_STATES, approve_pass, cancel_pass, refuse_pass
from dcim.paging import EVERYTHING
from dcim.web.local_times import house_today
from dcim.web.pass_forms import PassForm, ask_for_pass, refuse_lines
from dcim.web.staff.answers import go_on, show_form
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.blueprint import staff


class StaffPassForm(PassForm):
    customer_id = SelectField(coerce=int, default=0)


@staff.get("/passes")
def passes() -> str:
    """Open passes unless the URL asks for others."""
    session, scope = db_session(), current_scope()
    listing = read_listing()
    state = read_text("state") or "open"
    direction = read_text("direction")
    wanted = PassFilter(
        states=OPEN_STATES if state == "open" else (state,) if state in PASS_STATES else (),
        direction=direction if direction in DIRECTIONS else None,
        customer_id=read_int("customer"),
        text=read_text("q"),
    )
    return render_template(
        "staff/passes.html",
        found=list_passes(session, scope, wanted, listing.paging),
        listing=listing,
        state=state,
        wanted=wanted,
    )


@staff.route("/passes/new", methods=["GET", "POST"])
def add_pass() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = StaffPassForm()
    form.offer_sites(list_pass_sites(session, scope))
    form.customer_id.choices = [
        SelectChoice(0, _("The operator")),
        *(
            SelectChoice(one.id, f"{one.code} · {one.name}")
            for one in list_customers(session, scope, EVERYTHING).items
        ),
    ]
    context: dict[str, Any] = {
        "suggestions": suggest_own_devices(session, scope),
        "crumbs": [(_("Passes"), url_for("staff.passes")), (_("New pass"), "")],
    }
    if request.method == "GET":
        form.planned_on.data = house_today()
        return show_form("staff/pass_new.html", form, **context)
    if not form.validate():
        return show_form("staff/pass_new.html", form, 422, **context)
    try:
        made = ask_for_pass(session, scope, form, form.customer_id.data or None)
    except JifangError as error:
        return show_form("staff/pass_new.html", form, refuse_lines(form, error), **context)
    flash(_("Pass %(number)s is requested.", number=made.number), "success")
    return go_on(url_for("staff.equipment_pass", pass_id=made.id))


@staff.get("/passes/<int:pass_id>")
def equipment_pass(pass_id: int) -> str:
    return _show(pass_id)


def _show(pass_id: int, problem: str = "", fields: dict[str, list[str]] | None = None) -> str:
    session, scope = db_session(), current_scope()
    found = find_pass_row(session, scope, pass_id)
    return render_template(
        "staff/pass.html",
        one=found,
        lines=list_pass_lines(session, scope, pass_id),
        history=list_entries(session, scope, AuditFilter(subject=f"equipment-pass/{pass_id}")),
        problem=problem,
        wrong=fields or {},
        given=request.form,
        may_change=has_right(Right.CHANGE_DEVICES),
        crumbs=[(_("Passes"), url_for("staff.passes")), (found.number, "")],
    )


@staff.post("/passes/<int:pass_id>/decision")
def decide_pass(pass_id: int) -> BaseResponse | tuple[str, int]:
    """Approve, refuse or cancel; the two last with a reason."""
    session, scope = db_session(), current_scope()
    deed = request.form.get("deed", "")
    reason = request.form.get("reason", "")
    try:
        if deed == "approve":
            approve_pass(session, scope, pass_id)
        elif deed == "refuse":
            refuse_pass(session, scope, pass_id, reason)
        elif deed == "cancel":
            cancel_pass(session, scope, pass_id, reason)
        else:
            raise InvalidError("Approve, refuse or cancel it.", {"deed": ["unknown"]})
    except JifangError as error:
        if error.status == 404:
            raise
        return _show_problem(pass_id, error)
    return go_on(url_for("staff.equipment_pass", pass_id=pass_id))


@staff.post("/passes/<int:pass_id>/gate")
def gate(pass_id: int) -> BaseResponse | tuple[str, int]:
    """What the gate counted, `count_<line>` for each line."""
    session, scope = db_session(), current_scope()
    counts: dict[int, int] = {}
    for name, value in request.form.items():
        line, text = name.removeprefix("count_"), value.strip()
        if line != name and _is_small(line, 18) and _is_small(text, 6):
            counts[int(line)] = int(text)
    try:
        check_pass(session, scope, pass_id, counts)
    except JifangError as error:
        if error.status == 404:
            raise
        return _show_problem(pass_id, error)
    flash(_("Let through."), "success")
    return go_on(url_for("staff.equipment_pass", pass_id=pass_id))


def _is_small(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits


def _show_problem(pass_id: int, error: JifangError) -> tuple[str, int]:
    db_session().rollback()
    message = _(error.message) % error.places if error.places else _(error.message)
    fields = dict(error.fields) if isinstance(error, InvalidError) else {}
    return _show(pass_id, message, fields), error.status


@staff.get("/passes/<int:pass_id>/print")
def print_pass(pass_id: int) -> str:
    """One A4 sheet with the number as a QR code."""
    session, scope = db_session(), current_scope()
    found = find_pass_row(session, scope, pass_id)
    return render_template(
        "staff/pass_print.html",
        one=found,
        lines=list_pass_lines(session, scope, pass_id),
        code=draw_code(found.number),
        crumbs=[
            (_("Passes"), url_for("staff.passes")),
            (found.number, url_for("staff.equipment_pass", pass_id=pass_id)),
            (_("Print"), ""),
        ],
    )


def draw_code(text: str) -> Markup:
    """A QR code as SVG that takes its colour from the page."""
    out = io.BytesIO()
    segno.make(text, micro=False, error="m").save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        border=2,
        svgclass="qr",
        lineclass=None,
    )
    # Made by us of a number we gave: nothing of it is a person's text.
    return Markup(out.getvalue().decode())  # noqa: S704
