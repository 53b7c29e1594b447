"""What people type to plan maintenance and to tell customers of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from dcim.operations.models import MAINTENANCE_KINDS, NOTICE_CHANNELS, RISKS
from dcim.web import maintenance_words as words
from dcim.web.local_times import LocalTimeField
from dcim.web.staff.placing_forms import MISSING, strip


def _name(codes: Iterable[str], words: Mapping[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(code, words[code]) for code in codes]


class PlanForm(FlaskForm):  # type: ignore[misc]
    title = StringField(
        _l("Title in Chinese"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    title_en = StringField(
        _l("Title in English"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    kind = SelectField(_l("Class"), choices=_name(MAINTENANCE_KINDS, words.KINDS))
    risk = SelectField(_l("Risk"), choices=_name(RISKS, words.RISKS))
    starts_at = LocalTimeField(_l("From"), validators=[InputRequired(MISSING)])
    ends_at = LocalTimeField(_l("Until"), validators=[InputRequired(MISSING)])
    targets = TextAreaField(
        _l("What is worked on"), filters=[strip], validators=[DataRequired(MISSING),
                                                              Length(max=20_000)],
    )  # fmt: skip
    reason = TextAreaField(_l("Reason in Chinese"), filters=[strip], validators=[Length(max=4000)])
    reason_en = TextAreaField(
        _l("Reason in English"), filters=[strip], validators=[Length(max=4000)]
    )
    work_plan = TextAreaField(_l("Work plan"), filters=[strip], validators=[Length(max=4000)])
    evidence = TextAreaField(_l("Evidence"), filters=[strip], validators=[Length(max=4000)])


class AnnounceForm(FlaskForm):  # type: ignore[misc]
    channel = SelectField(_l("How"), choices=_name(NOTICE_CHANNELS, words.CHANNELS))
    customers = SelectMultipleField(
        _l("Whom"), coerce=int, validators=[InputRequired(_l("Choose at least one customer."))]
    )
    sent_at = LocalTimeField(_l("Sent at"), validators=[Optional()])


class ReasonForm(FlaskForm):  # type: ignore[misc]
    reason = StringField(_l("Reason"), filters=[strip], validators=[Length(max=4000)])
