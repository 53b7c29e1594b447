"""The forms of tickets, for staff and customers alike. Rules are in dcim.operations.tickets."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, Optional
from wtforms.widgets import CheckboxInput

from dcim.i18n import pick_text
from dcim.operations.ticket_subjects import TicketSubjectRow, WishedSubjects
from dcim.web.local_times import LocalTimeField
from dcim.web.staff.placing_forms import MISSING, strip
from dcim.web.ticket_words import CHANNELS, TICKET_KINDS

LONGEST = 4000


def paragraphs(label: Any, *, needed: bool = False) -> TextAreaField:
    checks: list[Any] = [DataRequired(MISSING)] if needed else []
    return TextAreaField(label, filters=[strip], validators=[*checks, Length(max=LONGEST)])


class TicketForm(FlaskForm):  # type: ignore[misc]
    kind = SelectField(
        _l("Kind"), choices=[SelectChoice(code, words) for code, words in TICKET_KINDS.items()]
    )
    urgent = BooleanField(_l("Urgent"))
    title = StringField(
        _l("In a few words"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    subjects = SelectMultipleField(_l("What it concerns"), option_widget=CheckboxInput())
    text = paragraphs(_l("Description"))

    def offer(self, rows: Sequence[TicketSubjectRow]) -> None:
        """A rack or port that several items share is offered once."""
        names: dict[str, str] = {}
        for row in rows:
            label = pick_text(row.label, row.label_en)
            if row.rack_id is not None:
                names.setdefault(f"rack_ids:{row.rack_id}", f"— {row.name}")
            elif row.port_id is not None:
                names.setdefault(f"port_ids:{row.port_id}", f"— {row.name}")
            else:
                names[f"item_ids:{row.contract_item_id}"] = f"{row.item_code} · {label}"
        self.subjects.choices = list(names.items())

    @property
    def wished(self) -> WishedSubjects:
        chosen = [value.split(":") for value in self.subjects.data or ()]
        return WishedSubjects(
            *(
                tuple(int(number) for name, number in chosen if name == wanted)
                for wanted in ("item_ids", "rack_ids", "port_ids")
            )
        )


class CallForm(TicketForm):
    """A call that staff enter."""

    channel = SelectField(
        _l("How the call came"),
        choices=[SelectChoice(code, words) for code, words in CHANNELS.items() if code != "portal"],
    )
    opened_at = LocalTimeField(_l("When the call came"), validators=[Optional()])


class TicketStepForm(FlaskForm):  # type: ignore[misc]
    at = LocalTimeField(
        _l("When"),
        description=_l("Empty: now."),
        validators=[Optional()],
    )
    text = paragraphs(_l("To the customer"))


class CommentForm(FlaskForm):  # type: ignore[misc]
    text = paragraphs(_l("Comment"), needed=True)


class StaffCommentForm(CommentForm):
    internal = BooleanField(_l("For staff alone"))


class CorrectionForm(FlaskForm):  # type: ignore[misc]
    time = SelectField(_l("Which time"))
    at = LocalTimeField(_l("What it was"), validators=[DataRequired(MISSING)])
    reason = StringField(
        _l("Reason"),
        description=_l("The customer reads it."),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=LONGEST)],
    )
