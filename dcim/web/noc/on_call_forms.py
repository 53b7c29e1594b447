"""Forms of on-call calendars, standing in, and escalation policies; and what is typed in them."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import (
    BooleanField,
    DateField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dcim.accounts.scope import Scope
from dcim.alarms.oncall.calendars import CalendarValues, list_people, read_holidays
from dcim.alarms.oncall.policies import LONGEST_WAIT_MIN, MOST_STEPS, PolicyValues, StepValues
from dcim.alarms.oncall.queries import EscalationPolicyRow, OnCallCalendarRow, list_calendars
from dcim.alarms.queries import list_rules
from dcim.columns import utc_now
from dcim.errors import InvalidError
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.queries import list_sites
from dcim.outbox.endpoint_queries import list_endpoints
from dcim.paging import EVERYTHING
from dcim.web import alarm_words, on_call_words
from dcim.web.local_times import LocalTimeField
from dcim.web.staff.placing_forms import MISSING, strip


class CalendarForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        _l("Name"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    people = TextAreaField(
        _l("People in turn"),
        filters=[strip],
        validators=[DataRequired(MISSING), Length(max=20_000)],
        description=_l("A sign-in on each line, in the order of their turns."),
        render_kw={"rows": 5},
    )
    first_day = DateField(_l("First turn begins on"), validators=[InputRequired(MISSING)])
    handover = TimeField(_l("Handed over at"), validators=[InputRequired(MISSING)])
    timezone = StringField(
        _l("Time zone"), filters=[strip], validators=[DataRequired(MISSING), Length(max=64)],
        description=_l("Like Asia/Shanghai."),
    )  # fmt: skip
    days = IntegerField(_l("Days a turn"), validators=[InputRequired(MISSING), NumberRange(1, 366)])
    ends_on = DateField(
        _l("Nobody takes over from"), validators=[Optional()],
        description=_l("Empty: it goes on."),
    )  # fmt: skip
    holidays = TextAreaField(
        _l("Holidays"),
        filters=[strip],
        validators=[Length(max=40_000)],
        description=_l("A date and a sign-in on each line: who has that day instead."),
        render_kw={"rows": 4, "placeholder": "2027-02-06 li@example.com"},
    )

    def fill(self, row: OnCallCalendarRow) -> None:
        self.name.data, self.timezone.data = row.name, row.timezone
        self.people.data = "\n".join(row.people)
        self.first_day.data, self.ends_on.data, self.days.data = (
            row.first_day, row.ends_on, row.days,
        )  # fmt: skip
        self.handover.data = dt.time.fromisoformat(row.handover)
        self.holidays.data = "\n".join(f"{one.day} {one.person}" for one in row.holidays)

    def read(self) -> CalendarValues:
        """Raises InvalidError for a holiday that is no date and sign-in, or stands twice."""
        return CalendarValues(
            name=self.name.data or "",
            timezone=self.timezone.data or "",
            handover=self.handover.data,
            first_day=self.first_day.data,
            people=tuple((self.people.data or "").split()),
            days=self.days.data,
            ends_on=self.ends_on.data,
            holidays=read_holidays(_read_dates(self.holidays.data or "")),
        )


def _read_dates(text: str) -> Iterator[tuple[dt.date, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            day, person = words
            at = dt.date.fromisoformat(day)
        except ValueError:
            raise InvalidError(
                "Line %(number)s of the holidays is no date and sign-in, like 2027-02-06"
                " li@example.com.",
                {"holidays": [f"line {number}"]},
                number=number,
            ) from None
        yield at, person


class StandInForm(FlaskForm):  # type: ignore[misc]
    person = SelectField(_l("Who stands in"))
    starts_at = LocalTimeField(
        _l("From"),
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[InputRequired(MISSING)],
    )
    ends_at = LocalTimeField(
        _l("Until"),
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[InputRequired(MISSING)],
    )
    reason = StringField(_l("Why"), filters=[strip], validators=[Length(max=255)])

    def offer(self, session: Session, scope: Scope) -> None:
        self.person.choices = [
            SelectChoice(one.email, f"{one.name} · {one.email}")
            for one in list_people(session, scope)
        ]


class PolicyForm(FlaskForm):  # type: ignore[misc]
    """Its steps are fields of their own: `after_1`, `whom_1` and so on, to MOST_STEPS."""

    name = StringField(
        _l("Name"), filters=[strip], validators=[DataRequired(MISSING), Length(max=255)]
    )
    enabled = BooleanField(_l("In force"))
    severity = SelectField(
        _l("Alarms of this severity and graver"),
        choices=[SelectChoice(name, word) for name, word in alarm_words.SEVERITIES.items()],
    )
    site_id = SelectField(_l("Site"), coerce=int)
    rule_ids = SelectMultipleField(
        _l("Only of these rules"), coerce=int, description=_l("None chosen: of all.")
    )

    def offer(self, session: Session, scope: Scope) -> None:
        sites = list_sites(session, scope, EVERYTHING).items
        self.site_id.choices = [
            SelectChoice(0, _("All")),
            *(
                SelectChoice(one.id, f"{one.code} {pick_text(one.name, one.name_en)}")
                for one in sites
            ),
        ]
        self.rule_ids.choices = [
            SelectChoice(one.id, pick_text(one.name, one.name_en))
            for one in list_rules(session, scope, EVERYTHING).items
        ]
        whom = [SelectChoice("", "—"), *_offer_targets(session, scope)]
        for number in range(1, MOST_STEPS + 1):
            self[f"whom_{number}"].choices = whom

    def fill(self, row: EscalationPolicyRow) -> None:
        self.name.data, self.enabled.data, self.severity.data = row.name, row.enabled, row.severity
        self.site_id.data, self.rule_ids.data = row.site_id or 0, row.rule_ids
        for step in row.steps:
            self[f"after_{step.number}"].data = step.after_min
            self[f"whom_{step.number}"].data = f"{step.kind}:{step.target_id}"

    def read(self) -> PolicyValues:
        """Raises InvalidError for a step that is half written."""
        steps = []
        for number in range(1, MOST_STEPS + 1):
            after, whom = self[f"after_{number}"].data, self[f"whom_{number}"].data
            if after is None and not whom:
                continue
            if after is None or not whom:
                raise InvalidError(
                    "Step %(number)s says after how many minutes, or whom, but not both.",
                    {f"after_{number}": ["missing"]},
                    number=number,
                )
            kind, _colon, target = whom.partition(":")
            steps.append(StepValues(after, kind, int(target)))
        return PolicyValues(
            name=self.name.data or "",
            severity=self.severity.data,
            steps=tuple(steps),
            site_id=self.site_id.data or None,
            rule_ids=tuple(self.rule_ids.data or ()),
            enabled=self.enabled.data,
        )


for _number in range(1, MOST_STEPS + 1):
    setattr(
        PolicyForm,
        f"after_{_number}",
        IntegerField(
            _l("Step %(n)s: after, minutes", n=_number),
            validators=[Optional(), NumberRange(0, LONGEST_WAIT_MIN)],
        ),
    )
    setattr(PolicyForm, f"whom_{_number}", SelectField(_l("tells"), default=""))


def _offer_targets(session: Session, scope: Scope) -> list[Any]:
    words = on_call_words.STEP_KINDS
    return [
        *(
            SelectChoice(f"calendar:{one.id}", f"{words['calendar']}: {one.name}")
            for one in list_calendars(session, scope, utc_now())
        ),
        *(
            SelectChoice(f"person:{one.id}", f"{words['person']}: {one.email}")
            for one in list_people(session, scope)
        ),
        *(
            SelectChoice(f"endpoint:{one.id}", f"{words['endpoint']}: {one.name}")
            for one in list_endpoints(session, EVERYTHING).items
        ),
    ]
