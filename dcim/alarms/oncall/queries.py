"""Reading who is on call, now and over a month, and the policies; for staff."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.alarms.escalation import Calendar, Duty, find_gaps, list_duties
from dcim.alarms.models import AlarmRule
from dcim.alarms.oncall.calendars import calendar_of
from dcim.alarms.oncall.counting import find_rules, instant_of
from dcim.alarms.oncall.models import (
    EscalationPolicy,
    EscalationStep,
    OnCallCalendar,
    OnCallHoliday,
    OnCallStandIn,
    OnCallTurn,
)
from dcim.alarms.oncall.policies import target_of
from dcim.customers.registration import require_staff
from dcim.errors import NotFoundError
from dcim.inventory.models import Site
from dcim.outbox.models import Endpoint
from dcim.sla.rules.periods import to_ms

# How far ahead the next one and the gaps are looked for.
AHEAD = dt.timedelta(days=35)


@dataclass(frozen=True, slots=True)
class OnCallDutyRow:
    """Who is on call in [starts_at, ends_at): their sign-in, their name and by what (override,
    holiday, rotation); "" and "gap" where nobody is."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    person: str
    name: str
    by: str


@dataclass(frozen=True, slots=True)
class OnCallHolidayRow:
    day: dt.date
    person: str
    name: str


@dataclass(frozen=True, slots=True)
class OnCallStandInRow:
    id: int
    person: str
    name: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    reason: str
    entered_by: str


@dataclass(frozen=True, slots=True)
class OnCallCalendarRow:
    """`handover` is HH:MM by the zone's clock; `people` sign in so, in turn. `now` and `then`
    (none where nothing changes) and `gaps` are of the next 35 days; stand-ins over are left out."""

    id: int
    name: str
    timezone: str
    handover: str
    first_day: dt.date
    days: int
    ends_on: dt.date | None
    people: list[str]
    holidays: list[OnCallHolidayRow]
    stand_ins: list[OnCallStandInRow]
    now: OnCallDutyRow
    then: OnCallDutyRow | None
    gaps: list[OnCallDutyRow]
    changed_at: dt.datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day of its zone, with who has which part of it."""

    day: dt.date
    is_of_month: bool
    duties: list[OnCallDutyRow]


@dataclass(frozen=True, slots=True)
class EscalationStepRow:
    """`number` counts from 1; `whom` is the calendar's or endpoint's name or a sign-in."""

    number: int
    after_min: int
    kind: str
    target_id: int
    whom: str


@dataclass(frozen=True, slots=True)
class EscalationPolicyRow:
    """No site, no rules: all of them; `rules` are their codes."""

    id: int
    name: str
    enabled: bool
    severity: str
    site_id: int | None
    site_code: str | None
    rule_ids: list[int]
    rules: list[str]
    steps: list[EscalationStepRow]
    counts_from: dt.datetime
    changed_at: dt.datetime
    changed_by: str


def list_calendars(session: Session, scope: Scope, now: dt.datetime) -> list[OnCallCalendarRow]:
    """By name; seven statements, however many."""
    require_staff(scope)
    rows = session.scalars(
        select(OnCallCalendar).order_by(OnCallCalendar.name).options(*_EVERYTHING)
    )
    return [_say(row, now) for row in rows]


def find_calendar(
    session: Session, scope: Scope, calendar_id: int, now: dt.datetime
) -> OnCallCalendarRow:
    """Raises NotFoundError."""
    return _say(_load(session, scope, calendar_id), now)


def list_month(session: Session, scope: Scope, calendar_id: int, month: dt.date) -> list[list[Day]]:
    """Whole weeks from Monday on that hold the month which `month` lies in. Raises
    NotFoundError."""
    row = _load(session, scope, calendar_id)
    calendar, names = calendar_of(row), _names(row)
    first = month.replace(day=1)
    after = (first + dt.timedelta(days=32)).replace(day=1)
    day = first - dt.timedelta(days=first.weekday())
    weeks = []
    while day < after:
        days = [day + dt.timedelta(days=number) for number in range(7)]
        weeks.append(
            [Day(one, first <= one < after, _duties(calendar, names, row, one)) for one in days]
        )
        day += dt.timedelta(days=7)
    return weeks


def list_policies(session: Session, scope: Scope) -> list[EscalationPolicyRow]:
    """Those that are on first, by name; a constant number of statements."""
    require_staff(scope)
    rows = session.scalars(
        select(EscalationPolicy)
        .order_by(EscalationPolicy.enabled.desc(), EscalationPolicy.name)
        .options(selectinload(EscalationPolicy.steps))
    ).all()
    covered = find_rules(session)
    sites = _read(session, Site.id, Site.code)
    rules = _read(session, AlarmRule.id, AlarmRule.code)
    targets = {
        "calendar": _read(session, OnCallCalendar.id, OnCallCalendar.name),
        "person": _read(session, User.id, User.email, EscalationStep.user_id),
        "endpoint": _read(session, Endpoint.id, Endpoint.name),
    }
    return [
        EscalationPolicyRow(
            id=row.id,
            name=row.name,
            enabled=row.enabled,
            severity=row.severity,
            site_id=row.site_id,
            site_code=None if row.site_id is None else sites[row.site_id],
            rule_ids=(ids := sorted(covered.get(row.id, ()))),
            rules=[rules[one] for one in ids],
            steps=[
                EscalationStepRow(
                    step.number + 1,
                    step.after_min,
                    step.kind,
                    target_of(step),
                    targets[step.kind][target_of(step)],
                )
                for step in row.steps
            ],
            counts_from=row.counts_from,
            changed_at=row.changed_at,
            changed_by=row.changed_by,
        )
        for row in rows
    ]


def find_policy(session: Session, scope: Scope, policy_id: int) -> EscalationPolicyRow:
    """Raises NotFoundError."""
    found = next((one for one in list_policies(session, scope) if one.id == policy_id), None)
    if found is None:
        raise NotFoundError("No such escalation policy.")
    return found


_EVERYTHING = (
    selectinload(OnCallCalendar.turns).selectinload(OnCallTurn.user),
    selectinload(OnCallCalendar.holidays).selectinload(OnCallHoliday.user),
    selectinload(OnCallCalendar.stand_ins).selectinload(OnCallStandIn.user),
)


def _load(session: Session, scope: Scope, calendar_id: int) -> OnCallCalendar:
    require_staff(scope)
    row = session.scalar(
        select(OnCallCalendar).where(OnCallCalendar.id == calendar_id).options(*_EVERYTHING)
    )
    if row is None:
        raise NotFoundError("No such on-call calendar.")
    return row


def _read(
    session: Session,
    key: InstrumentedAttribute[int],
    value: InstrumentedAttribute[str],
    named_by: InstrumentedAttribute[int | None] | None = None,
) -> dict[int, str]:
    statement = select(key, value)
    if named_by is not None:
        statement = statement.where(key.in_(select(named_by)))
    return {row[0]: row[1] for row in session.execute(statement)}


def _names(row: OnCallCalendar) -> dict[int, User]:
    parts: Sequence[OnCallTurn | OnCallHoliday | OnCallStandIn] = [
        *row.turns,
        *row.holidays,
        *row.stand_ins,
    ]
    return {one.user_id: one.user for one in parts}


def _say(row: OnCallCalendar, now: dt.datetime) -> OnCallCalendarRow:
    calendar, names = calendar_of(row), _names(row)
    start, end = to_ms(now), to_ms(now + AHEAD)
    duties = [_tell(names, *one) for one in list_duties(calendar, start, end)]
    return OnCallCalendarRow(
        id=row.id,
        name=row.name,
        timezone=row.timezone,
        handover=f"{row.handover:%H:%M}",
        first_day=row.first_day,
        days=row.days,
        ends_on=row.ends_on,
        people=[turn.user.email for turn in row.turns],
        holidays=[OnCallHolidayRow(one.day, one.user.email, one.user.name) for one in row.holidays],
        stand_ins=[
            OnCallStandInRow(
                one.id, one.user.email, one.user.name, one.starts_at, one.ends_at, one.reason,
                one.entered_by,
            )
            for one in sorted(row.stand_ins, key=lambda one: (one.starts_at, one.id))
            if one.ends_at > now
        ],
        now=duties[0],
        then=duties[1] if len(duties) > 1 else None,
        gaps=[
            OnCallDutyRow(instant_of(begin), instant_of(finish), "", "", "gap")
            for begin, finish in find_gaps(calendar, start, end)
        ],
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )  # fmt: skip


def _tell(names: Mapping[int, User], start: int, end: int, duty: Duty) -> OnCallDutyRow:
    user = None if duty.person is None else names[duty.person]
    return OnCallDutyRow(
        instant_of(start),
        instant_of(end),
        "" if user is None else user.email,
        "" if user is None else user.name,
        duty.by,
    )


def _duties(
    calendar: Calendar, names: Mapping[int, User], row: OnCallCalendar, day: dt.date
) -> list[OnCallDutyRow]:
    """Of the day from midnight to midnight of its zone."""
    zone = ZoneInfo(row.timezone)
    start, end = (
        to_ms(dt.datetime.combine(one, dt.time(0), zone)) for one in (day, day + dt.timedelta(1))
    )
    return [_tell(names, *one) for one in list_duties(calendar, start, end)]
