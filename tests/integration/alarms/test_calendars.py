"""Calendars of who is on call and escalation policies: what is written, refused, told, held."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from dcim.accounts.models import AuditEntry, User
from dcim.accounts.scope import Scope
from dcim.alarms.defaults import ensure_rules
from dcim.alarms.escalation import who_is_on_call
from dcim.alarms.models import AlarmRule
from dcim.alarms.oncall.calendars import (
    CalendarValues,
    calendar_of,
    change_calendar,
    create_calendar,
    delete_calendar,
    end_stand_in,
    find_calendar_row,
    list_people,
    stand_in,
)
from dcim.alarms.oncall.models import EscalationPolicy, OnCallHoliday, OnCallStandIn, OnCallTurn
from dcim.alarms.oncall.plans import list_deeds, list_plans
from dcim.alarms.oncall.policies import (
    PolicyValues,
    StepValues,
    change_policy,
    create_policy,
    delete_policy,
    policy_of,
)
from dcim.alarms.oncall.queries import list_calendars, list_month, list_policies
from dcim.alarms.rule_keeping import delete_rule
from dcim.alarms.rules.limits import SEVERITIES
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.integration.alarms.conftest import STAFF

OUTSIDER = Scope.customer("c@example.com", 1)
WEEKLY = CalendarValues(
    name="网络值班",
    timezone="Asia/Shanghai",
    handover=dt.time(9),
    first_day=dt.date(2026, 11, 2),
    people=("li@example.com", "wang@example.com"),
)


@pytest.fixture
def people(session: ScopedSession) -> dict[str, User]:
    made = {
        name: User(email=f"{name}@example.com", name=name, password="x", fs_uniquifier=name)
        for name in ("li", "wang", "zhao")
    }
    session.add_all(made.values())
    session.commit()
    return made


def at(day: int, hour: float) -> dt.datetime:
    return dt.datetime(2026, 11, day, tzinfo=dt.UTC) + dt.timedelta(hours=hour)


def on_call(session: ScopedSession, calendar_id: int, when: dt.datetime) -> tuple[str | None, str]:
    session.expire_all()
    calendar = calendar_of(find_calendar_row(session, STAFF, calendar_id))
    duty = who_is_on_call(calendar, round(when.timestamp() * 1000))
    user = session.get(User, duty.person or 0)
    return (None if user is None else user.name, duty.by)


def deeds(session: ScopedSession) -> list[str]:
    return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_a_calendar_says_who_is_on_call(session: ScopedSession, people: dict[str, User]) -> None:
    wanted = replace(WEEKLY, holidays={dt.date(2026, 11, 11): "zhao@example.com"})
    row = create_calendar(session, STAFF, wanted)
    # 09:00 in Shanghai is 01:00 UTC.
    assert on_call(session, row.id, at(2, 0.9)) == (None, "gap")
    assert on_call(session, row.id, at(2, 1)) == ("li", "rotation")
    assert on_call(session, row.id, at(9, 1)) == ("wang", "rotation")
    assert on_call(session, row.id, at(11, 1)) == ("zhao", "holiday")
    assert on_call(session, row.id, at(12, 1)) == ("wang", "rotation")
    assert deeds(session) == ["on-call.create"]


def test_whoever_was_entered_last_stands_in(
    session: ScopedSession, people: dict[str, User]
) -> None:
    row = create_calendar(session, STAFF, WEEKLY)
    now = at(2, 2)
    stand_in(session, STAFF, row.id, "zhao@example.com", at(3, 0), at(3, 12), "病假", now)
    later = stand_in(session, STAFF, row.id, "wang@example.com", at(3, 6), at(3, 8), now=now)
    assert on_call(session, row.id, at(3, 5)) == ("zhao", "override")
    assert on_call(session, row.id, at(3, 6)) == ("wang", "override")
    assert on_call(session, row.id, at(3, 8)) == ("zhao", "override")
    assert on_call(session, row.id, at(3, 12)) == ("li", "rotation")
    # One that hasn't begun is taken back whole; one under way ends now.
    end_stand_in(session, STAFF, row.id, later.id, now)
    assert on_call(session, row.id, at(3, 7)) == ("zhao", "override")
    [first] = find_calendar_row(session, STAFF, row.id).stand_ins
    end_stand_in(session, STAFF, row.id, first.id, at(3, 4))
    assert on_call(session, row.id, at(3, 3)) == ("zhao", "override")
    assert on_call(session, row.id, at(3, 4)) == ("li", "rotation")
    with pytest.raises(ConflictError):
        end_stand_in(session, STAFF, row.id, first.id, at(3, 5))
    with pytest.raises(NotFoundError):
        end_stand_in(session, STAFF, row.id, 999)
    assert deeds(session) == [
        "on-call.create", "on-call.stand-in", "on-call.stand-in", "on-call.end-stand-in",
        "on-call.end-stand-in",
    ]  # fmt: skip
    # Ended as it begins: it never was.
    short = stand_in(session, STAFF, row.id, "zhao@example.com", at(4, 0), at(4, 9), now=now)
    end_stand_in(session, STAFF, row.id, short.id, at(4, 0) + dt.timedelta(microseconds=400))
    assert on_call(session, row.id, at(4, 0)) == ("li", "rotation")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (at(3, 2), at(3, 2)),
        (at(3, 2), at(3, 2) + dt.timedelta(microseconds=999)),
        (at(3, 2), at(3, 1)),
        (at(1, 0), at(2, 2)),
        (at(3, 0), at(3, 24 * 400)),
    ],
)
def test_nobody_stands_in_for_no_time(
    session: ScopedSession, people: dict[str, User], begin: dt.datetime, end: dt.datetime
) -> None:
    row = create_calendar(session, STAFF, WEEKLY)
    with pytest.raises(InvalidError):
        stand_in(session, STAFF, row.id, "zhao@example.com", begin, end, now=at(2, 2))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 256}, "255"),
        ({"timezone": "Mars/Base"}, "Mars/Base"),
        ({"days": 0}, "1 to 366"),
        ({"people": ()}, "in turn"),
        ({"people": ("nobody@example.com",)}, "nobody@example.com"),
        ({"people": ("off@example.com",)}, "off@example.com"),
        ({"people": ("c@example.com",)}, "c@example.com"),
        ({"people": ("locally",)}, "no mail address"),
        ({"ends_on": dt.date(2026, 11, 2)}, "first day"),
        ({"first_day": dt.date(1999, 1, 1)}, "2000"),
        ({"holidays": {dt.date(2026, 12, 25): "nobody@example.com"}}, "nobody@example.com"),
    ],
)
def test_what_cannot_be_is_refused_and_says_why(
    session: ScopedSession, people: dict[str, User], change: dict[str, Any], said: str
) -> None:
    from tests.integration.web.boards import House

    tenant = House(session).add_tenant("A")
    for name, active, customer in (
        ("off@example.com", False, None),
        ("c@example.com", True, tenant.customer_id),
        ("locally", True, None),
    ):
        session.add(
            User(
                email=name, name=name, password="x", fs_uniquifier=name, active=active,
                customer_id=customer,
            )
        )  # fmt: skip
    session.flush()
    with pytest.raises(InvalidError, match=said):
        create_calendar(session, STAFF, replace(WEEKLY, **change))


def test_a_calendar_is_changed_and_deleted_whole(
    session: ScopedSession, people: dict[str, User]
) -> None:
    row = create_calendar(
        session, STAFF, replace(WEEKLY, holidays={dt.date(2026, 11, 11): "zhao@example.com"})
    )
    stand_in(session, STAFF, row.id, "zhao@example.com", at(3, 0), at(3, 12), now=at(2, 2))
    # The same again, the other way round, fewer, more: no key stands in the way.
    for names in (WEEKLY.people, WEEKLY.people[::-1], ("zhao@example.com",), WEEKLY.people * 3):
        change_calendar(session, STAFF, row.id, replace(WEEKLY, people=names))
        assert [turn.user.email for turn in row.turns] == list(names)
    with pytest.raises(ConflictError, match="网络值班"):
        create_calendar(session, STAFF, WEEKLY)
    delete_calendar(session, STAFF, row.id)
    for model in (OnCallTurn, OnCallHoliday, OnCallStandIn):
        assert session.scalar(select(func.count()).select_from(model)) == 0
    for call in (delete_calendar, find_calendar_row):
        with pytest.raises(NotFoundError):
            call(session, STAFF, row.id)
    assert deeds(session)[-1] == "on-call.delete"


def test_of_two_changes_at_once_the_later_one_holds_whole(
    session: ScopedSession, people: dict[str, User], sessions: SessionFactory
) -> None:
    """Whoever waits for another's change doesn't go by what it read before that."""
    row = create_calendar(session, STAFF, WEEKLY)
    wanted = PolicyValues("a", "major", (StepValues(5, "person", people["li"].id),))
    policy = create_policy(session, STAFF, wanted)
    session.commit()
    assert (len(row.turns), len(policy.steps)) == (2, 1)
    with transaction(sessions, STAFF) as other:
        change_calendar(other, STAFF, row.id, replace(WEEKLY, people=WEEKLY.people * 2))
        steps = tuple(StepValues(number, "person", people["li"].id) for number in (5, 6))
        change_policy(other, STAFF, policy.id, replace(wanted, steps=steps))
    change_calendar(session, STAFF, row.id, WEEKLY)
    change_policy(session, STAFF, policy.id, wanted)
    session.expire_all()
    assert (len(row.turns), len(policy.steps)) == (2, 1)


def test_no_customer_reads_or_writes_them(
    session: ScopedSession, people: dict[str, User], settings: Settings
) -> None:
    row = create_calendar(session, STAFF, WEEKLY)
    steps = (StepValues(0, "calendar", row.id),)
    for call in (
        lambda: create_calendar(session, OUTSIDER, WEEKLY),
        lambda: change_calendar(session, OUTSIDER, row.id, WEEKLY),
        lambda: stand_in(session, OUTSIDER, row.id, "li@example.com", at(3, 0), at(4, 0)),
        lambda: end_stand_in(session, OUTSIDER, row.id, 1),
        lambda: delete_calendar(session, OUTSIDER, row.id),
        lambda: list_people(session, OUTSIDER),
        lambda: create_policy(session, OUTSIDER, PolicyValues("x", "major", steps)),
        lambda: delete_policy(session, OUTSIDER, 1),
        lambda: list_calendars(session, OUTSIDER, at(3, 0)),
        lambda: list_month(session, OUTSIDER, row.id, at(3, 0).date()),
        lambda: list_policies(session, OUTSIDER),
        lambda: list_plans(session, OUTSIDER, settings, 1, at(3, 0)),
        lambda: list_deeds(session, OUTSIDER, 1),
    ):
        with pytest.raises(ForbiddenError):
            call()


def test_a_policy_holds_what_it_names(session: ScopedSession, people: dict[str, User]) -> None:
    ensure_rules(session)
    calendar = create_calendar(session, STAFF, WEEKLY)
    rule = session.scalars(select(AlarmRule)).first()
    assert rule is not None
    rule.built_in = False
    steps = (StepValues(0, "calendar", calendar.id), StepValues(15, "person", people["zhao"].id))
    row = create_policy(
        session, STAFF, PolicyValues("夜间", "major", steps, rule_ids=(rule.id,))
    )  # fmt: skip
    assert [step.after_min for step in policy_of(row).steps] == [0, 15]
    with pytest.raises(ConflictError, match="夜间"):
        delete_calendar(session, STAFF, calendar.id)
    with pytest.raises(ConflictError, match="夜间"):
        delete_rule(session, STAFF, rule.id)
    with pytest.raises(ConflictError, match="夜间"):
        create_policy(session, STAFF, PolicyValues("夜间", "major", steps))
    # The control: nothing else held them.
    delete_policy(session, STAFF, row.id)
    delete_calendar(session, STAFF, calendar.id)
    delete_rule(session, STAFF, rule.id)
    assert session.scalar(select(func.count()).select_from(EscalationPolicy)) == 0
    assert [one for one in deeds(session) if one.startswith("escalation")] == [
        "escalation.create", "escalation.delete",
    ]  # fmt: skip


def test_another_name_alone_counts_nothing_anew(
    session: ScopedSession, people: dict[str, User]
) -> None:
    wanted = PolicyValues("a", "major", (StepValues(5, "person", people["li"].id),))
    row = create_policy(session, STAFF, wanted)
    row.counts_from = long_ago = utc_now() - dt.timedelta(hours=3)
    change_policy(session, STAFF, row.id, replace(wanted, name="b"))
    assert (row.name, row.counts_from) == ("b", long_ago)
    change_policy(session, STAFF, row.id, replace(wanted, name="b"))
    more = (*wanted.steps, StepValues(9, "person", people["li"].id))
    change_policy(session, STAFF, row.id, replace(wanted, name="b", steps=more))
    assert row.counts_from > long_ago
    assert deeds(session) == ["escalation.create", "escalation.change", "escalation.change"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "255"),
        ({"severity": "mild"}, "severity"),
        ({"site_id": 999}, "999"),
        ({"rule_ids": (999,)}, "999"),
        ({"steps": ()}, "1 to 10"),
        ({"steps": (StepValues(-1, "person", 1),)}, "minutes"),
        ({"steps": (StepValues(5, "person", 0), StepValues(5, "person", 0))}, "later"),
        ({"steps": (StepValues(5, "person", 999),)}, "Step 1"),
        ({"steps": (StepValues(5, "calendar", 999),)}, "Step 1"),
        ({"steps": (StepValues(5, "endpoint", 999),)}, "Step 1"),
        ({"steps": (StepValues(5, "pigeon", 1),)}, "Step 1"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(
    session: ScopedSession, people: dict[str, User], change: dict[str, Any], said: str
) -> None:
    wanted = PolicyValues("a", SEVERITIES[0], (StepValues(5, "person", people["li"].id),))
    with pytest.raises(InvalidError, match=said):
        create_policy(session, STAFF, replace(wanted, **change))
