"""Whom a step of an escalation reaches: who is on call at an instant, a person, an endpoint."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.models import User
from dcim.alarms.escalation import Calendar, who_is_on_call
from dcim.alarms.oncall.calendars import calendar_of
from dcim.alarms.oncall.models import EscalationStep, OnCallCalendar
from dcim.config import Settings
from dcim.outbox.models import Endpoint
from dcim.outbox.queueing import can_be_mailed
from dcim.sla.rules.periods import to_ms


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a step reaches at an instant, or why nobody (`outcome` in `models.OUTCOMES`); `who` is
    a mail address or the endpoint's name, `by` how the calendar came to them."""

    outcome: str
    who: str
    by: str = ""
    calendar: str = ""
    language: str = "zh"
    endpoint: Endpoint | None = None


def can_be_told(user: User) -> bool:
    """Of the staff, not switched off, and mail goes to where they sign in."""
    return user.active and user.customer_id is None and can_be_mailed(user.email)


class Targets:
    """Finds whom steps reach; reads each calendar, person and endpoint once."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self.session, self.settings = session, settings
        self._calendars: dict[int, tuple[str, Calendar]] = {}
        # A session forgets the rows that nobody holds, and reads them again.
        self._held: set[User | Endpoint] = set()

    def find(self, step: EscalationStep, at: dt.datetime) -> Target:
        if step.endpoint_id is not None:
            endpoint = self.session.get_one(Endpoint, step.endpoint_id)
            self._held.add(endpoint)
            is_on = endpoint.enabled and endpoint.deleted_at is None
            return Target("told" if is_on else "endpoint_off", endpoint.name, endpoint=endpoint)
        if step.calendar_id is None:
            return self._find_person(step.user_id or 0, "", "")
        name, calendar = self._read(step.calendar_id)
        duty = who_is_on_call(calendar, to_ms(at))
        if duty.person is None:
            return Target("gap", "", "gap", name)
        return self._find_person(duty.person, duty.by, name)

    def _find_person(self, user_id: int, by: str, calendar: str) -> Target:
        user = self.session.get_one(User, user_id)
        self._held.add(user)
        outcome = "told"
        if not can_be_told(user):
            outcome = "inactive"
        elif not self.settings.smtp_host:
            outcome = "no_mail"
        return Target(outcome, user.email, by, calendar, "en" if user.language == "en" else "zh")

    def _read(self, calendar_id: int) -> tuple[str, Calendar]:
        if calendar_id not in self._calendars:
            row = self.session.get_one(OnCallCalendar, calendar_id)
            self._calendars[calendar_id] = (row.name, calendar_of(row))
        return self._calendars[calendar_id]
