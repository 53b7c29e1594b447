"""What people type to sign, renew, end and amend contracts, and to ask for orders."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    IntegerField,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dcim.operations.kinds import ORDER_WORDS
from dcim.web.staff.placing_forms import MISSING, strip


class SignForm(FlaskForm):  # type: ignore[misc]
    signed_on = DateField(_l("Day of signing"), validators=[InputRequired(MISSING)])


class RenewForm(FlaskForm):  # type: ignore[misc]
    months = IntegerField(
        _l("Months"),
        validators=[InputRequired(MISSING), NumberRange(1, 120, _l("From 1 to 120."))],
    )


class EndForm(FlaskForm):  # type: ignore[misc]
    ends_on = DateField(_l("First day no longer covered"), validators=[InputRequired(MISSING)])


class TermsForm(FlaskForm):  # type: ignore[misc]
    effective_from = DateField(_l("In force from"), validators=[InputRequired(MISSING)])
    document = TextAreaField(
        _l("Terms (YAML)"), validators=[DataRequired(MISSING), Length(max=200_000)]
    )


class AmendForm(FlaskForm):  # type: ignore[misc]
    """The items' own fields are named by their ids; see dcim.web.staff.amending."""

    effective_from = SelectField(_l("In force from"), validators=[InputRequired(MISSING)])
    number = StringField(_l("Number"), filters=[strip], validators=[Length(max=64)])
    summary = StringField(_l("Summary"), filters=[strip], validators=[Length(max=1000)])
    save = SubmitField(_l("Save the amendment"))


class OrderForm(FlaskForm):  # type: ignore[misc]
    kind = SelectField(_l("Order"), validators=[InputRequired(MISSING)])
    contract_id = SelectField(_l("Contract"), coerce=int, default=0)
    effective_on = DateField(_l("To be done on"), validators=[InputRequired(MISSING)])
    reason = StringField(
        _l("Reason"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = [(kind, _l(word)) for kind, word in ORDER_WORDS.items()]


class ReasonForm(FlaskForm):  # type: ignore[misc]
    reason = StringField(
        _l("Reason"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )


class StepForm(FlaskForm):  # type: ignore[misc]
    note = StringField(_l("Note"), filters=[strip], validators=[Optional(), Length(max=1000)])
