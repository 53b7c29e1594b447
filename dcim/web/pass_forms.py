"""The form that asks for a pass, for staff and customers alike."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import DateField, FieldList, Form, FormField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError, JifangError
from dcim.http.database import db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.devices.models import EquipmentPass
from dcim.inventory.devices.pass_queries import find_device_ids
from dcim.inventory.devices.passes import LineRequest, request_pass
from dcim.inventory.models import Site
from dcim.web.staff.placing_forms import MISSING, strip

BLANK_LINES = 6
MOST_LINES = 40


class LineForm(Form):  # type: ignore[misc]
    """`device` is a device's name; a line left empty is no line."""

    kind = SelectField(
        _l("Kind"),
        default="device",
        choices=[
            SelectChoice("device", _l("Device")),
            SelectChoice("media", _l("Media")),
            SelectChoice("other", _l("Other")),
        ],
    )
    device = StringField(_l("Device"), filters=[strip], validators=[Length(max=255)])
    description = StringField(_l("What it is"), filters=[strip], validators=[Length(max=255)])
    serial = StringField(_l("Serial number"), filters=[strip], validators=[Length(max=64)])
    quantity = IntegerField(
        _l("Quantity"),
        default=1,
        validators=[Optional(), NumberRange(1, 10_000, _l("From 1 to 10000."))],
    )

    @property
    def is_empty(self) -> bool:
        return not (self.device.data or self.description.data or self.serial.data)


class PassForm(FlaskForm):  # type: ignore[misc]
    direction = SelectField(
        _l("Direction"),
        choices=[SelectChoice("in", _l("Into the house")), SelectChoice("out", _l("Out"))],
    )
    site_id = SelectField(_l("Site"), coerce=int, validators=[InputRequired(MISSING)])
    planned_on = DateField(_l("Day"), validators=[InputRequired(MISSING)])
    bearer = StringField(
        _l("Who carries it"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    bearer_document_hint = StringField(
        _l("Last four characters of their document"), filters=[strip], validators=[Length(max=4)]
    )
    note = StringField(_l("Note"), filters=[strip], validators=[Length(max=255)])
    lines = FieldList(FormField(LineForm), min_entries=BLANK_LINES, max_entries=MOST_LINES)

    def offer_sites(self, sites: list[Site]) -> None:
        self.site_id.choices = [
            SelectChoice(one.id, f"{one.code} · {pick_text(one.name, one.name_en)}")
            for one in sites
        ]


def ask_for_pass(
    session: Session, scope: Scope, form: PassForm, customer_id: int | None
) -> EquipmentPass:
    """Request what the form says. Raises InvalidError by line, ConflictError."""
    rows = [(number, one.form) for number, one in enumerate(form.lines) if not one.form.is_empty]
    names = [row.device.data for _number, row in rows if row.device.data]
    known = find_device_ids(session, scope, names)
    unknown = {
        f"lines.{place}": ["There is no such device of theirs."]
        for place, (_number, row) in enumerate(rows)
        if row.device.data and row.device.data not in known
    }
    form.filled_rows = [number for number, _row in rows]
    if unknown:
        raise InvalidError("Please check what you entered.", unknown)
    return request_pass(
        session,
        scope,
        direction=form.direction.data,
        site_id=form.site_id.data,
        bearer=form.bearer.data,
        bearer_document_hint=form.bearer_document_hint.data,
        planned_on=form.planned_on.data,
        note=form.note.data,
        customer_id=customer_id,
        lines=[
            LineRequest(
                kind=row.kind.data,
                description=row.description.data,
                device_id=known.get(row.device.data),
                serial=row.serial.data,
                quantity=row.quantity.data or 1,
            )
            for _number, row in rows
        ],
    )


def refuse_lines(form: PassForm, error: JifangError) -> int:
    """Undo what was begun and say what stood in the way, line by line; the status to answer."""
    db_session().rollback()
    message = _(error.message) % error.places if error.places else _(error.message)
    form.form_errors.append(message)
    if isinstance(error, InvalidError):
        filled: list[int] = getattr(form, "filled_rows", [])
        for name, found in error.fields.items():
            words = " ".join(_(one) for one in found)
            place: Any = name.removeprefix("lines.")
            if name in form._fields and name != "lines":
                form._fields[name].errors = [*form._fields[name].errors, words]
            elif place.isdigit() and int(place) < len(filled):
                number = filled[int(place)] + 1
                form.form_errors.append(_("Line %(number)s: %(why)s", number=number, why=words))
            else:
                form.form_errors.append(words)
    return error.status
