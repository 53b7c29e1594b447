"""What people type about incidents. Rules: dcim.sla.manual_incidents, overrules, contests,
incident_links."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from dcim.web.incident_words import CAUSE_CLASSES, LINK_WORDS, RULING_WORDS, SUBJECT_WORDS
from dcim.web.local_times import LocalTimeField
from dcim.web.staff.placing_forms import MISSING, strip

# As a browser wants and sends it: to the second, and without seconds where they are zero.
TO_THE_SECOND: dict[str, Any] = {
    "format": ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"],
    "render_kw": {"step": 1},
}


def _options(words: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(name, word) for name, word in words.items()]


def why(label: str) -> StringField:
    return StringField(label, filters=[strip], validators=[DataRequired(MISSING), Length(max=4000)])


class AboutForm(FlaskForm):  # type: ignore[misc]
    subject_kind = SelectField(_l("About"), choices=_options(SUBJECT_WORDS))
    subject = StringField(
        _l("Its code, or device and port"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=255)],
    )
    kind = SelectField(
        _l("What was lost"),
        choices=[
            SelectChoice("power_feed", _l("One feed lost")),
            SelectChoice("network", _l("Network")),
            SelectChoice("power", _l("All power of the item")),
        ],
    )


class CorrectionForm(FlaskForm):  # type: ignore[misc]
    started_at = LocalTimeField(_l("From"), validators=[InputRequired(MISSING)], **TO_THE_SECOND)
    ended_at = LocalTimeField(
        _l("Until (empty while it lasts)"), validators=[Optional()], **TO_THE_SECOND
    )
    cause = StringField(_l("Cause"), filters=[strip], validators=[Length(max=255)])
    cause_en = StringField(_l("Cause in English"), filters=[strip], validators=[Length(max=255)])
    reason = why(_l("How it is known, which the statement tells"))


class RecordForm(AboutForm, CorrectionForm):
    pass


class ReasonForm(FlaskForm):  # type: ignore[misc]
    reason = why(_l("Why"))


class OverruleForm(FlaskForm):  # type: ignore[misc]
    ruling = SelectField(_l("Ruling"), choices=_options(RULING_WORDS))
    customer_id = SelectField(
        _l("Which customers"), coerce=int, validators=[InputRequired(MISSING)]
    )
    starts_at = LocalTimeField(_l("From"), validators=[Optional()], **TO_THE_SECOND)
    ends_at = LocalTimeField(_l("Until"), validators=[Optional()], **TO_THE_SECOND)
    cause_class = SelectField(_l("Class in the terms"), choices=_options(CAUSE_CLASSES))
    cause = StringField(_l("Cause"), filters=[strip], validators=[Length(max=255)])
    cause_en = StringField(_l("Cause in English"), filters=[strip], validators=[Length(max=255)])
    reason = why(_l("Reason, which the statement tells"))


class DecisionForm(FlaskForm):  # type: ignore[misc]
    state = SelectField(
        _l("Decision"),
        choices=[SelectChoice("accepted", _l("Accept")), SelectChoice("refused", _l("Refuse"))],
    )
    reason = why(_l("Reason, which the statement tells"))


class LinkForm(FlaskForm):  # type: ignore[misc]
    kind = SelectField(_l("Kind of link"), choices=_options(LINK_WORDS))
    other_id = IntegerField(_l("Other incident: INC-"), validators=[Optional()])
    maintenance = StringField(
        _l("Code of the maintenance"), filters=[strip], validators=[Length(max=64)]
    )
    split_at = LocalTimeField(_l("Second event from"), validators=[Optional()], **TO_THE_SECOND)
    reason = why(_l("Reason, which the statement tells"))
