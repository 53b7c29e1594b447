"""Writing calendars of who is on call: entering, changing, deleting, standing in. All audited."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.alarms.escalation import Calendar, Override, Rotation
from dcim.alarms.oncall.models import (
    EscalationPolicy,
    EscalationStep,
    OnCallCalendar,
    OnCallHoliday,
    OnCallStandIn,
    OnCallTurn,
)
from dcim.columns import utc_now
from dcim.customers.calendar import is_zone
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.outbox.queueing import can_be_mailed
from dcim.sla.rules.periods import to_ms

MOST_PEOPLE = 50
MOST_HOLIDAYS = 400
LONGEST_TURN_DAYS = 366
LONGEST_STAND_IN = dt.timedelta(days=366)
# The wall clock of any year that a person means.
YEARS = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class CalendarValues:
    """People are named by their sign-in addresses, in turn; `holidays` who has a date instead."""

    name: str
    timezone: str
    handover: dt.time
    first_day: dt.date
    people: tuple[str, ...]
    days: int = 7
    ends_on: dt.date | None = None
    holidays: Mapping[dt.date, str] = field(default_factory=dict)


def read_holidays(said: Iterable[tuple[dt.date, str]]) -> dict[dt.date, str]:
    """For `CalendarValues`, of dates and sign-ins. Raises InvalidError for a date that stands
    twice: one of the two would be lost."""
    found: dict[dt.date, str] = {}
    for day, person in said:
        if day in found:
            raise InvalidError(
                "%(day)s stands twice among the holidays.",
                {"holidays": [day.isoformat()]},
                day=day.isoformat(),
            )
        found[day] = person
    return found


def create_calendar(session: Session, scope: Scope, wanted: CalendarValues) -> OnCallCalendar:
    """Raises InvalidError for what can't be, ConflictError for a name that is taken."""
    require_staff(scope)
    row = OnCallCalendar(changed_by=scope.actor[:255])
    _write(session, row, wanted)
    session.add(row)
    session.flush()
    record(session, scope, "on-call.create", f"on-call/{row.id}", **_tell(wanted))
    return row


def change_calendar(
    session: Session, scope: Scope, calendar_id: int, wanted: CalendarValues
) -> OnCallCalendar:
    """Holds for what comes and for what was; whom it had told stays in the alarms' histories.
    Raises InvalidError, ConflictError, NotFoundError."""
    row = find_calendar_row(session, scope, calendar_id, lock=True)
    _write(session, row, wanted)
    row.changed_at, row.changed_by = utc_now(), scope.actor[:255]
    session.flush()
    record(session, scope, "on-call.change", f"on-call/{row.id}", **_tell(wanted))
    return row


def delete_calendar(session: Session, scope: Scope, calendar_id: int) -> None:
    """Raises NotFoundError, ConflictError while a policy tells who is on call by it."""
    row = find_calendar_row(session, scope, calendar_id, lock=True)
    held_by = session.scalar(
        select(EscalationPolicy.name)
        .join(EscalationStep, EscalationStep.policy_id == EscalationPolicy.id)
        .where(EscalationStep.calendar_id == calendar_id)
        .limit(1)
    )
    if held_by is not None:
        raise ConflictError(
            "%(policy)s tells who is on call by it: change that policy first.", policy=held_by
        )
    session.delete(row)
    session.flush()
    record(session, scope, "on-call.delete", f"on-call/{calendar_id}", name=row.name)


def stand_in(
    session: Session,
    scope: Scope,
    calendar_id: int,
    person: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    reason: str = "",
    now: dt.datetime | None = None,
) -> OnCallStandIn:
    """Have somebody on call from then to then, whosever turn it is. Where two overlap, the one
    entered last counts. Raises NotFoundError, InvalidError for somebody who can't be told, and for
    times that are over, backwards, of no whole millisecond or longer than a year."""
    now = now or utc_now()
    row = find_calendar_row(session, scope, calendar_id, lock=True)
    # By milliseconds, as `Override` takes them: one of no time would stop every round.
    if not to_ms(starts_at) < to_ms(ends_at) <= to_ms(starts_at + LONGEST_STAND_IN):
        raise InvalidError(
            "Standing in ends after it begins, within a year.", {"ends_at": ["after the start"]}
        )
    if ends_at <= now:
        raise InvalidError(
            "That time is over: who was on call then stays as it was.", {"ends_at": ["to come"]}
        )
    user = _find_people(session, {person.strip()}, "person")[person.strip()]
    made = OnCallStandIn(
        user=user,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=_check_line(reason, "reason"),
        entered_at=now,
        entered_by=scope.actor[:255],
    )
    row.stand_ins.append(made)
    session.flush()
    record(
        session, scope, "on-call.stand-in", f"on-call/{row.id}", name=row.name,
        person=user.email, starts=starts_at.isoformat(), ends=ends_at.isoformat(), reason=reason,
    )  # fmt: skip
    return made


def end_stand_in(
    session: Session,
    scope: Scope,
    calendar_id: int,
    stand_in_id: int,
    now: dt.datetime | None = None,
) -> None:
    """Whose turn it is has it again: from now on where it has begun, else it never was. Raises
    NotFoundError, ConflictError for one that is over."""
    now = now or utc_now()
    row = find_calendar_row(session, scope, calendar_id, lock=True)
    found = next((one for one in row.stand_ins if one.id == stand_in_id), None)
    if found is None:
        raise NotFoundError("Nobody stands in there.")
    if found.ends_at <= now:
        raise ConflictError("It is over already.")
    if to_ms(found.starts_at) < to_ms(now):
        found.ends_at = now
    else:
        row.stand_ins.remove(found)
    session.flush()
    record(
        session, scope, "on-call.end-stand-in", f"on-call/{row.id}", name=row.name,
        person=found.user.email, starts=found.starts_at.isoformat(), until=now.isoformat(),
    )  # fmt: skip


def find_calendar_row(
    session: Session, scope: Scope, calendar_id: int, *, lock: bool = False
) -> OnCallCalendar:
    """Raises NotFoundError."""
    require_staff(scope)
    statement = select(OnCallCalendar).where(OnCallCalendar.id == calendar_id)
    if lock:
        # Read anew: whoever held it may have changed it.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(statement)
    if row is None:
        raise NotFoundError("No such on-call calendar.")
    return row


def calendar_of(row: OnCallCalendar) -> Calendar:
    """The calendar as a value; people by their ids, stand-ins in the order they were entered."""
    return Calendar(
        rotation=Rotation(
            people=tuple(turn.user_id for turn in row.turns),
            first_day=row.first_day,
            handover=row.handover,
            timezone=row.timezone,
            days=row.days,
            ends_on=row.ends_on,
        ),
        holidays={one.day: one.user_id for one in row.holidays},
        overrides=[
            Override(one.user_id, to_ms(one.starts_at), to_ms(one.ends_at)) for one in row.stand_ins
        ],
    )


def list_people(session: Session, scope: Scope) -> list[User]:
    """The staff who can be on call: active, with an address that mail goes to."""
    require_staff(scope)
    rows = session.scalars(
        select(User).where(User.customer_id.is_(None), User.active).order_by(User.email)
    )
    return [user for user in rows if can_be_mailed(user.email)]


def _write(session: Session, row: OnCallCalendar, wanted: CalendarValues) -> None:
    name = check_name(wanted.name)
    taken = exists().where(OnCallCalendar.name == name, OnCallCalendar.id != (row.id or 0))
    if session.scalar(select(taken)):
        raise ConflictError("There is a calendar %(name)s already.", name=name)
    _check_times(wanted)
    if not 1 <= len(wanted.people) <= MOST_PEOPLE:
        raise InvalidError(
            "Name the people in turn, %(count)s at most.", {"people": ["missing"]},
            count=MOST_PEOPLE,
        )  # fmt: skip
    if len(wanted.holidays) > MOST_HOLIDAYS:
        raise InvalidError(
            "%(count)s holidays at most.", {"holidays": ["too many"]}, count=MOST_HOLIDAYS
        )
    in_turn = _find_people(session, set(wanted.people), "people")
    on_holidays = _find_people(session, set(wanted.holidays.values()), "holidays")
    row.name, row.timezone, row.handover = name, wanted.timezone, wanted.handover
    row.first_day, row.days, row.ends_on = wanted.first_day, wanted.days, wanted.ends_on
    # Emptied first: new rows have the old ones' keys.
    row.turns, row.holidays = [], []
    if row.id is not None:
        session.flush()
    row.turns = [
        OnCallTurn(position=place, user=in_turn[one]) for place, one in enumerate(wanted.people)
    ]
    row.holidays = [
        OnCallHoliday(day=day, user=on_holidays[one])
        for day, one in sorted(wanted.holidays.items())
    ]


def _check_times(wanted: CalendarValues) -> None:
    if not is_zone(wanted.timezone):
        raise InvalidError(
            "There is no time zone %(name)s; Asia/Shanghai is one.",
            {"timezone": ["like Asia/Shanghai"]},
            name=wanted.timezone[:64],
        )
    if not 1 <= wanted.days <= LONGEST_TURN_DAYS:
        raise InvalidError(
            "A turn has 1 to %(count)s days.", {"days": ["1 to 366"]}, count=LONGEST_TURN_DAYS
        )
    days = [wanted.first_day, *wanted.holidays]
    if wanted.ends_on is not None:
        days.append(wanted.ends_on)
        if wanted.ends_on <= wanted.first_day:
            raise InvalidError("It ends after the first day.", {"ends_on": ["after the first day"]})
    if any(day.year not in YEARS for day in days):
        raise InvalidError("Choose a day between 2000 and 2099.", {"first_day": ["2000 to 2099"]})


def _find_people(session: Session, addresses: Collection[str], field_name: str) -> dict[str, User]:
    """By sign-in address. Raises InvalidError for one who isn't of the staff or can't be mailed."""
    rows = session.scalars(
        select(User).where(User.email.in_(addresses), User.customer_id.is_(None), User.active)
    )
    found = {user.email: user for user in rows}
    for address in sorted(addresses):
        if address not in found:
            raise InvalidError(
                "Nobody of the staff signs in as %(person)s.",
                {field_name: ["unknown"]},
                person=address[:255],
            )
        if not can_be_mailed(address):
            raise InvalidError(
                "%(person)s has no mail address to be told at.",
                {field_name: ["no mail address"]},
                person=address,
            )
    return found


def check_name(text: str) -> str:
    """Of a calendar or policy, as it is written. Raises InvalidError for none, and for a long
    one."""
    name = _check_line(text, "name")
    if not name:
        raise InvalidError("Give it a name.", {"name": ["missing"]})
    return name


def _check_line(text: str, field_name: str) -> str:
    """One line of 255 characters at most."""
    text = " ".join(text.replace("\0", "").split())
    if len(text) > 255:
        raise InvalidError("255 characters at most.", {field_name: ["too long"]})
    return text


def _tell(wanted: CalendarValues) -> dict[str, Any]:
    """For the audit log."""
    return {
        "name": wanted.name,
        "timezone": wanted.timezone,
        "handover": f"{wanted.handover:%H:%M}",
        "first_day": wanted.first_day.isoformat(),
        "days": wanted.days,
        "ends_on": None if wanted.ends_on is None else wanted.ends_on.isoformat(),
        "people": list(wanted.people),
        "holidays": {day.isoformat(): one for day, one in sorted(wanted.holidays.items())},
    }
