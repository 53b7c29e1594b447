"""Correcting a reading, and the end or change of a meter."""

from typing import Any

from flask import Response, flash, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, IntegerField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from dcim.errors import JifangError
from dcim.http.bodies import takes_files_of
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.metering.registers import MOST_DECIMALS, MOST_DIGITS, MOST_MULTIPLIER
from dcim.meters.changing import LastReading, NextMeter, change_meter, end_meter
from dcim.meters.entering import NewReading, enter_reading
from dcim.meters.queries import find_meter, find_reading
from dcim.network.files import LARGEST
from dcim.web.staff.answers import answer_form, refuse
from dcim.web.staff.blueprint import staff
from dcim.web.staff.meters import read_local, read_photo, say_refusal
from dcim.web.staff.placing_forms import MISSING, strip

KEYPAD = {"inputmode": "decimal", "autocomplete": "off"}


def number(label: Any, low: int, high: int, default: int) -> IntegerField:
    return IntegerField(label, default=default, validators=[Optional(), NumberRange(low, high)])


class CorrectionForm(FlaskForm):  # type: ignore[misc]
    value = StringField(
        _l("Number on the register"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=40)],
        render_kw=KEYPAD,
    )
    read_at = StringField(
        _l("Read at"), filters=[strip], render_kw={"type": "datetime-local"},
        description=_l("Empty: when the wrong one was read."),
    )  # fmt: skip
    rolled_over = BooleanField(_l("The register began again at 0"))
    note = StringField(
        _l("What was wrong"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=4000)],
    )
    photo = FileField(_l("Picture"), render_kw={"accept": "image/*", "capture": "environment"})
    doubt_reason = StringField(
        _l("Why it holds although it is odd"), filters=[strip], validators=[Length(max=4000)]
    )


class ChangeForm(FlaskForm):  # type: ignore[misc]
    """The last reading of the old; of the new nothing where the place stays without a meter."""

    value = StringField(
        _l("Last number on the old meter"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=40)],
        render_kw=KEYPAD,
    )
    at = StringField(
        _l("Taken down at"), filters=[strip], render_kw={"type": "datetime-local"},
        description=_l("By the site's clocks; empty: now."),
    )  # fmt: skip
    rolled_over = BooleanField(_l("The register began again at 0"))
    photo = FileField(
        _l("Photo of the old meter"), render_kw={"accept": "image/*", "capture": "environment"}
    )
    serial = StringField(
        _l("Serial number of the new meter"),
        description=_l("Empty: no meter takes its place."),
        filters=[strip],
        validators=[Length(max=64)],
    )
    new_value = StringField(
        _l("First number on the new meter"),
        filters=[strip],
        validators=[Length(max=40)],
        render_kw=KEYPAD,
    )
    digits = number(_l("Digits before the point"), 3, MOST_DIGITS, 6)
    decimals = number(_l("Digits behind the point"), 0, MOST_DECIMALS, 0)
    multiplier = number(_l("Multiplier"), 1, MOST_MULTIPLIER, 1)
    new_photo = FileField(
        _l("Photo of the new meter"), render_kw={"accept": "image/*", "capture": "environment"}
    )
    doubt_reason = StringField(
        _l("Why it holds although it is odd"), filters=[strip], validators=[Length(max=4000)]
    )


@staff.route("/meter-readings/<int:meter_reading_id>/correct", methods=["GET", "POST"])
@takes_files_of(LARGEST)
def correct_reading(meter_reading_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    reading = find_reading(session, scope, meter_reading_id)
    form, back = CorrectionForm(), url_for("staff.meter", meter_id=reading.meter_id)
    context: dict[str, Any] = {
        "title": _("Correct a reading"),
        "sub": f"{reading.serial} · {reading.register}",
        "submit": _("Enter the correction"),
        "back": back,
        "crumbs": [
            (_("Meter reading"), url_for("staff.meter_rooms")),
            (reading.serial, back),
            (_("Correct a reading"), ""),
        ],
    }

    def deed() -> str:
        enter_reading(
            session,
            scope,
            NewReading(
                reading.meter_id,
                form.value.data,
                read_local(form.read_at.data or "", reading.site_timezone),
                rolled_over=form.rolled_over.data,
                doubt_reason=form.doubt_reason.data or "",
                note=form.note.data,
                photo=read_photo("photo"),
                corrects_id=reading.id,
            ),
        )
        flash(_("The correction waits for a second person."), "success")
        return back

    return answer_form("staff/meter_deed.html", form, deed, refusing=_refuse, **context)


@staff.route("/meters/<int:meter_id>/change", methods=["GET", "POST"])
@takes_files_of(2 * LARGEST)
def change_meter_form(meter_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    meter = find_meter(session, scope, meter_id)
    form, back = ChangeForm(), url_for("staff.meter", meter_id=meter_id)
    context: dict[str, Any] = {
        "title": _("Change or take down the meter"),
        "sub": f"{meter.serial} · {meter.place}",
        "submit": _("Save"),
        "back": back,
        "crumbs": [
            (_("Meter reading"), url_for("staff.meter_rooms")),
            (meter.serial, back),
            (_("Change or take down"), ""),
        ],
    }

    def fill() -> None:
        form.digits.data, form.decimals.data = meter.digits, meter.decimals
        form.multiplier.data = meter.multiplier

    def deed() -> str:
        last = LastReading(
            form.value.data,
            read_local(form.at.data or "", meter.site_timezone),
            rolled_over=form.rolled_over.data,
            doubt_reason=form.doubt_reason.data or "",
            photo=read_photo("photo"),
        )
        if not form.serial.data:
            end_meter(session, scope, meter_id, last)
            flash(_("%(meter)s is taken down.", meter=meter.serial), "success")
            return back
        new = NextMeter(
            form.serial.data,
            form.new_value.data or "",
            form.digits.data or meter.digits,
            form.decimals.data or 0,
            form.multiplier.data or 1,
            photo=read_photo("new_photo"),
        )
        made = change_meter(session, scope, meter_id, last, new)
        flash(_("%(meter)s hangs there now.", meter=made.serial), "success")
        return url_for("staff.meter", meter_id=made.id)

    return answer_form("staff/meter_deed.html", form, deed, fill=fill, refusing=_refuse, **context)


def _refuse(form: FlaskForm, error: JifangError) -> int:
    """As every form does, with a sentence for each doubt."""
    status = refuse(form, error)
    form.form_errors[-1:] = say_refusal(error)[0]
    return status
