"""Own passes: what was asked for and what became of it, asking for one, withdrawing it."""

from typing import Any

from flask import Response, flash, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import ConflictError, JifangError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.inventory.devices.pass_queries import (
    find_pass_row,
    list_pass_lines,
    list_pass_sites,
    list_passes,
    suggest_own_devices,
)
from dcim.inventory.devices.passes import cancel_pass
from dcim.web.local_times import house_today
from dcim.web.pass_forms import PassForm, ask_for_pass, refuse_lines
from dcim.web.portal.blueprint import portal
from dcim.web.staff.answers import go_on, show_form
from dcim.web.staff.arguments import read_listing


@portal.get("/passes")
def passes() -> str:
    session, scope = db_session(), current_scope()
    listing = read_listing()
    return render_template(
        "portal/passes.html",
        found=list_passes(session, scope, paging=listing.paging),
        listing=listing,
    )


@portal.route("/passes/new", methods=["GET", "POST"])
def add_pass() -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    form = PassForm()
    form.offer_sites(list_pass_sites(session, scope))
    context: dict[str, Any] = {
        "suggestions": suggest_own_devices(session, scope),
        "crumbs": [(_("Passes"), url_for("portal.passes")), (_("New pass"), "")],
    }
    if request.method == "GET":
        form.planned_on.data = house_today()
        return show_form("portal/pass_new.html", form, **context)
    if not form.validate():
        return show_form("portal/pass_new.html", form, 422, **context)
    try:
        made = ask_for_pass(session, scope, form, scope.customer_id)
    except JifangError as error:
        return show_form("portal/pass_new.html", form, refuse_lines(form, error), **context)
    flash(_("Pass %(number)s is requested.", number=made.number), "success")
    return go_on(url_for("portal.equipment_pass", pass_id=made.id))


@portal.get("/passes/<int:pass_id>")
def equipment_pass(pass_id: int) -> str:
    session, scope = db_session(), current_scope()
    found = find_pass_row(session, scope, pass_id)
    return render_template(
        "portal/pass.html",
        one=found,
        lines=list_pass_lines(session, scope, pass_id),
        crumbs=[(_("Passes"), url_for("portal.passes")), (found.number, "")],
    )


@portal.post("/passes/<int:pass_id>/cancel")
def withdraw_pass(pass_id: int) -> BaseResponse:
    try:
        cancel_pass(db_session(), current_scope(), pass_id)
    except ConflictError as error:
        db_session().rollback()
        flash(_(error.message) % error.places, "error")
    return go_on(url_for("portal.equipment_pass", pass_id=pass_id))
