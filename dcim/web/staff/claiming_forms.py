"""What people type to sell areas, end sales, extend holds, bar units and swap devices."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from dcim.web.staff.placing_forms import MISSING, SpaceForm, strip


class EndForm(FlaskForm):  # type: ignore[misc]
    ends_on = DateField(_l("First day free again"), validators=[Optional()])


class ExtendForm(FlaskForm):  # type: ignore[misc]
    until = DateField(_l("Last day"), validators=[InputRequired(MISSING)])
    reason = StringField(
        _l("Reason"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )

    def validate_until(self, field: Any) -> None:
        if field.data and field.data > dt.date.today() + dt.timedelta(days=366):  # noqa: DTZ011
            raise ValidationError(_l("A hold lasts at most a year."))


class AreaForm(FlaskForm):  # type: ignore[misc]
    """`area` is "cabinet-12": an extent and an id."""

    area = SelectField(_l("What is sold"), validators=[InputRequired(MISSING)])
    item = StringField(
        _l("Contract item"), filters=[strip], validators=[DataRequired(MISSING), Length(max=64)]
    )
    starts_on = DateField(_l("From"), validators=[InputRequired(MISSING)])
    ends_on = DateField(_l("First day free again"), validators=[Optional()])


class SplitForm(FlaskForm):  # type: ignore[misc]
    layout = SelectField(
        _l("Layout"),
        choices=[
            SelectChoice("full", _l("Whole cabinet")),
            SelectChoice("halves", _l("Two halves")),
            SelectChoice("quarters", _l("Four quarters")),
        ],
    )


class BarForm(SpaceForm):
    face = SelectField(
        _l("Face"),
        choices=[
            SelectChoice("full", _l("Front and rear")),
            SelectChoice("front", _l("Front")),
            SelectChoice("rear", _l("Rear")),
        ],
    )
    kind = SelectField(
        _l("Kind"),
        choices=[SelectChoice("blocked", _l("Blocked")), SelectChoice("absent", _l("Absent"))],
    )
    reason = StringField(
        _l("Reason"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )


class SwapForm(FlaskForm):  # type: ignore[misc]
    other = StringField(
        _l("The other device"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    override = StringField(
        _l("Reason for overriding"), filters=[strip], validators=[Length(max=200)]
    )
