"""A device's steps by hand: the form of one step, letting a machine, taking it back."""

from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import DateField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from dcim.errors import JifangError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.devices.lifecycle import STEPS, Ask, Step, find_step, steps_from
from dcim.inventory.devices.transitions import asks_of, change_state
from dcim.inventory.models import Device
from dcim.inventory.queries import find_device
from dcim.inventory.rental import end_rental, list_rental_items, rent_device
from dcim.records.fields import DayType, TextType
from dcim.web.local_times import house_today
from dcim.web.staff.answers import go_on, refuse, show_form
from dcim.web.staff.blueprint import staff
from dcim.web.staff.names import STATES
from dcim.web.staff.placing_forms import MISSING, strip


class RentForm(FlaskForm):  # type: ignore[misc]
    item_id = SelectField(_l("Contract item"), coerce=int, validators=[InputRequired(MISSING)])
    starts_on = DateField(_l("From"), validators=[InputRequired(MISSING)])
    note = StringField(_l("Note"), filters=[strip], validators=[Length(max=255)])


class EndRentalForm(FlaskForm):  # type: ignore[misc]
    wiped = StringField(
        _l("How its data was erased"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=255)],
    )
    note = StringField(_l("Note"), filters=[strip], validators=[Length(max=255)])


def offered_steps(state: str) -> list[Step]:
    """The steps from here that this person has the right to take."""
    return [step for step in steps_from(state) if has_right(step.right)]


def name_asks() -> dict[str, str]:
    """What a step's answers are called in the history."""
    asked = {ask.name: _(ask.label) for step in STEPS for ask in step.asks}
    return asked | {
        "rental": _("Rental"),
        "item": _("Contract item"),
        "day": _("Day"),
        "wiped": _("How its data was erased"),
        "pass": _("Pass"),
        "bearer": _("Who carries it"),
    }


@staff.route("/devices/<int:device_id>/state", methods=["GET", "POST"])
def device_state(device_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    found = find_device(session, scope, device_id)
    device = session.get_one(Device, device_id)
    target = request.values.get("to", "")
    # Judged by what the person saw: the device may have gone on meanwhile.
    source = request.form.get("source", device.state)
    step = find_step(source, target)
    if step is None or not has_right(step.right):
        raise NotFoundError("There is no such step.")
    asked = [ask for ask in step.asks if ask.name in asks_of(step, device)]
    form = _make_form(asked)()
    context: dict[str, Any] = {
        "device": found,
        "step": step,
        "asked": asked,
        "source": source,
        "target": target,
        "target_name": STATES[target],
        "verb": _(step.verb),
        "crumbs": _crumbs(device_id, found.name, _(step.verb)),
    }
    if request.method == "GET":
        return show_form("staff/device_state.html", form, **context)
    if not form.validate():
        return show_form("staff/device_state.html", form, 422, **context)
    answers = {ask.name: form[ask.name].data for ask in asked}
    try:
        change_state(
            session, scope, device_id, target, answers, note=form.note.data, expected=source
        )
    except JifangError as error:
        return show_form("staff/device_state.html", form, refuse(form, error), **context)
    flash(_("%(device)s: %(state)s.", device=found.name, state=STATES[target]), "success")
    return go_on(url_for("staff.device", device_id=device_id))


def _make_form(asked: list[Ask]) -> type[FlaskForm]:
    """A form class with a field for each of the step's questions, and a note."""
    members: dict[str, Any] = {
        "note": StringField(_l("Note"), filters=[strip], validators=[Length(max=255)])
    }
    for ask in asked:
        needed = [DataRequired(MISSING)] if ask.required else [Optional()]
        if isinstance(ask.type, DayType):
            members[ask.name] = DateField(_l(ask.label), validators=needed)
        else:
            longest = ask.type.longest if isinstance(ask.type, TextType) else 255
            members[ask.name] = StringField(
                _l(ask.label), filters=[strip], validators=[*needed, Length(max=longest)]
            )
    return type("StepForm", (FlaskForm,), members)


@staff.route("/devices/<int:device_id>/rental", methods=["GET", "POST"])
def rent(device_id: int) -> Response | BaseResponse:
    session, scope, today = db_session(), current_scope(), house_today()
    found = find_device(session, scope, device_id)
    form = RentForm()
    offers = list_rental_items(session, scope, today)
    form.item_id.choices = [
        SelectChoice(
            one.item_id,
            f"{one.customer_code} · {one.code} · {pick_text(one.label, one.label_en)}",
        )
        for one in offers
    ]
    context: dict[str, Any] = {
        "device": found,
        "offers": offers,
        "crumbs": _crumbs(device_id, found.name, _("Let it")),
    }
    if request.method == "GET":
        form.starts_on.data = today
        return show_form("staff/device_rent.html", form, **context)
    if not form.validate():
        return show_form("staff/device_rent.html", form, 422, **context)
    try:
        rent_device(
            session,
            scope,
            device_id,
            form.item_id.data,
            starts_on=form.starts_on.data,
            note=form.note.data,
        )
    except JifangError as error:
        return show_form("staff/device_rent.html", form, refuse(form, error), **context)
    flash(_("%(device)s is let.", device=found.name), "success")
    return go_on(url_for("staff.device", device_id=device_id))


@staff.route("/devices/<int:device_id>/rental/end", methods=["GET", "POST"])
def end_rent(device_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    found = find_device(session, scope, device_id)
    form = EndRentalForm()
    context: dict[str, Any] = {
        "device": found,
        "crumbs": _crumbs(device_id, found.name, _("Take back")),
    }
    if request.method == "GET":
        return show_form("staff/device_rent_end.html", form, **context)
    if not form.validate():
        return show_form("staff/device_rent_end.html", form, 422, **context)
    try:
        end_rental(session, scope, device_id, wiped=form.wiped.data, note=form.note.data)
    except JifangError as error:
        return show_form("staff/device_rent_end.html", form, refuse(form, error), **context)
    flash(_("%(device)s is the operator's again.", device=found.name), "success")
    return go_on(url_for("staff.device", device_id=device_id))


def _crumbs(device_id: int, name: str, last: str) -> list[tuple[str, str]]:
    return [
        (_("Devices"), url_for("staff.list_device")),
        (name, url_for("staff.device", device_id=device_id)),
        (last, ""),
    ]
