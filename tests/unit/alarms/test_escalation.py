"""Who is on call, over changes of the clocks too, and which steps are due."""

import datetime as dt
from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.alarms.escalation import (
    AlarmTimes,
    Calendar,
    Duty,
    Override,
    Policy,
    Rotation,
    Step,
    due_steps,
    find_gaps,
    find_next_step,
    list_duties,
    who_is_on_call,
)

HOUR, DAY_MS = 3_600_000, 86_400_000
WEEKLY = Rotation((1, 2, 3), dt.date(2026, 11, 2), dt.time(9), "Asia/Shanghai")
POLICY = Policy((Step(0, "first"), Step(15, "second"), Step(45, "chief")))


def at(*parts: int, zone: str = "Asia/Shanghai", fold: int = 0) -> int:
    found = dt.datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold)  # type: ignore[arg-type, misc]
    return round(found.timestamp() * 1000)


def person(calendar: Calendar, instant: int) -> int | None:
    return who_is_on_call(calendar, instant).person


def test_duty_is_handed_over_at_the_wall_clock() -> None:
    calendar = Calendar(WEEKLY)
    # Mondays at nine.
    assert person(calendar, at(2026, 11, 2, 9)) == 1
    assert person(calendar, at(2026, 11, 9, 8, 59, 59)) == 1
    assert person(calendar, at(2026, 11, 9, 9)) == 2
    assert person(calendar, at(2026, 11, 16, 9)) == 3
    assert person(calendar, at(2026, 11, 23, 9)) == 1
    assert who_is_on_call(calendar, at(2026, 11, 9, 9)) == Duty(2, "rotation", at(2026, 11, 10, 9))


def test_a_day_that_has_23_or_25_hours_is_one_day() -> None:
    """New York 2026: forward on 8 March, back on 1 November, both at 2:00."""
    zone = "America/New_York"
    daily = Rotation((1, 2), dt.date(2026, 3, 7), dt.time(9), zone, days=1)
    assert daily.begins_at(dt.date(2026, 3, 8)) - daily.begins_at(dt.date(2026, 3, 7)) == 23 * HOUR
    assert daily.begins_at(dt.date(2026, 11, 1)) - daily.begins_at(dt.date(2026, 10, 31)) == (
        25 * HOUR
    )
    assert person(Calendar(daily), at(2026, 3, 8, 8, 59, zone=zone)) == 1
    assert person(Calendar(daily), at(2026, 3, 8, 9, zone=zone)) == 2
    # Skipped: half past two is half past three. Repeated: the first half past one.
    skipped = replace(daily, handover=dt.time(2, 30))
    assert person(Calendar(skipped), at(2026, 3, 8, 3, 29, zone=zone)) == 1
    assert person(Calendar(skipped), at(2026, 3, 8, 3, 30, zone=zone)) == 2
    repeated = replace(daily, handover=dt.time(1, 30), first_day=dt.date(2026, 10, 31))
    assert person(Calendar(repeated), at(2026, 11, 1, 1, 30, zone=zone)) == 2
    assert person(Calendar(repeated), at(2026, 11, 1, 1, 15, zone=zone, fold=1)) == 2


def test_a_date_that_a_zone_left_out_is_a_turn_of_no_time() -> None:
    """Samoa had no 30 December 2011."""
    zone = "Pacific/Apia"
    daily = Rotation((1, 2, 3), dt.date(2011, 12, 28), dt.time(9), zone, days=1)
    start, end = at(2011, 12, 28, 9, zone=zone), at(2012, 1, 2, 9, zone=zone)
    spans = list(list_duties(Calendar(daily), start, end))
    assert [(duty.person, ended - begun) for begun, ended, duty in spans] == [
        (person, DAY_MS) for person in (1, 2, 1, 2)
    ]


def test_holidays_and_overrides() -> None:
    calendar = Calendar(
        WEEKLY,
        holidays={dt.date(2026, 11, 4): 9},
        overrides=(
            Override(7, at(2026, 11, 4, 20), at(2026, 11, 5, 8)),
            Override(8, at(2026, 11, 4, 22), at(2026, 11, 4, 23)),
        ),
    )
    told = list(list_duties(calendar, at(2026, 11, 3, 9), at(2026, 11, 6, 9)))
    assert [(begun, duty.person, duty.by) for begun, _, duty in told] == [
        (at(2026, 11, 3, 9), 1, "rotation"),
        (at(2026, 11, 4, 9), 9, "holiday"),
        (at(2026, 11, 4, 20), 7, "override"),
        (at(2026, 11, 4, 22), 8, "override"),
        (at(2026, 11, 4, 23), 7, "override"),
        (at(2026, 11, 5, 8), 9, "holiday"),
        (at(2026, 11, 5, 9), 1, "rotation"),
    ]


def test_gaps_are_told() -> None:
    ended = replace(WEEKLY, ends_on=dt.date(2026, 11, 9))
    calendar = Calendar(ended, overrides=(Override(4, at(2026, 11, 9, 10), at(2026, 11, 9, 12)),))
    assert find_gaps(calendar, at(2026, 11, 1, 9), at(2026, 11, 10, 9)) == [
        (at(2026, 11, 1, 9), at(2026, 11, 2, 9)),
        (at(2026, 11, 9, 9), at(2026, 11, 9, 10)),
        (at(2026, 11, 9, 12), at(2026, 11, 10, 9)),
    ]
    assert who_is_on_call(calendar, at(2026, 11, 9, 9)).by == "gap"
    assert find_gaps(Calendar(WEEKLY), at(2026, 11, 2, 9), at(2027, 11, 2, 9)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: replace(WEEKLY, people=()), lambda: replace(WEEKLY, days=0),
        lambda: Override(1, 5, 5), lambda: Policy(()), lambda: Policy((Step(-1, "x"),)),
        lambda: Policy((Step(5, "x"), Step(5, "y"))),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"rotation|override|follow"):
        make()  # type: ignore[operator]


def test_steps_come_due_until_somebody_takes_the_alarm_on() -> None:
    minute = 60_000
    assert [due.step.level for due in due_steps(AlarmTimes(0), POLICY, 0)] == ["first"]
    assert [due.number for due in due_steps(AlarmTimes(0), POLICY, 44 * minute)] == [0, 1]
    assert [due.at for due in due_steps(AlarmTimes(0), POLICY, 45 * minute)] == [
        0, 15 * minute, 45 * minute,
    ]  # fmt: skip
    # Taken on in the very instant of the second step: that one isn't told.
    taken = AlarmTimes(0, acknowledged=15 * minute)
    assert [due.number for due in due_steps(taken, POLICY, 90 * minute)] == [0]
    late = AlarmTimes(0, acknowledged=15 * minute + 1)
    assert [due.number for due in due_steps(late, POLICY, 90 * minute)] == [0, 1]
    over = AlarmTimes(0, acknowledged=50 * minute, cleared=10 * minute)
    assert [due.number for due in due_steps(over, POLICY, 90 * minute)] == [0]
    step = find_next_step(AlarmTimes(0), POLICY, 15 * minute)
    assert step is not None
    assert (step.number, step.at) == (2, 45 * minute)
    assert find_next_step(AlarmTimes(0), POLICY, 45 * minute) is None
    assert find_next_step(taken, POLICY, 20 * minute) is None


ZONES = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
INSTANTS = st.integers(at(2011, 1, 1), at(2027, 1, 1))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    first = draw(st.dates(dt.date(2010, 1, 1), dt.date(2026, 12, 31)))
    length = draw(st.none() | st.integers(0, 4000))
    rotation = Rotation(
        tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))), first,
        draw(st.times()), draw(st.sampled_from(ZONES)), draw(st.integers(1, 14)),
        None if length is None else first + dt.timedelta(days=length),
    )  # fmt: skip
    overrides = tuple(
        Override(draw(st.integers(6, 9)), start, start + draw(st.integers(1, 30 * DAY_MS)))
        for start in draw(st.lists(INSTANTS, max_size=3))
    )
    days = st.dates(dt.date(2011, 1, 1), dt.date(2026, 12, 31))
    return Calendar(
        rotation, draw(st.dictionaries(days, st.integers(10, 12), max_size=3)), overrides
    )


@given(calendars(), INSTANTS)
def test_exactly_one_is_on_call_or_it_is_a_gap(calendar: Calendar, instant: int) -> None:
    duty = who_is_on_call(calendar, instant)
    assert (duty.person is None) == (duty.by == "gap")
    assert duty.until > instant
    # Nothing changes before `until`.
    assert who_is_on_call(calendar, duty.until - 1) == duty
    day = calendar.rotation.day_of(instant)
    assert calendar.rotation.begins_at(day) <= instant
    assert instant < calendar.rotation.begins_at(day + dt.timedelta(days=1))


@given(calendars(), INSTANTS, st.integers(1, 40 * DAY_MS))
def test_duties_lie_one_beside_the_other(calendar: Calendar, start: int, length: int) -> None:
    spans = list(list_duties(calendar, start, start + length))
    assert (spans[0][0], spans[-1][1]) == (start, start + length)
    for (_, ended, duty), (begun, _, following) in pairwise(spans):
        assert ended == begun
        assert (duty.person, duty.by) != (following.person, following.by)
    gaps = find_gaps(calendar, start, start + length)
    for begun, ended, duty in spans:
        assert who_is_on_call(calendar, begun).person == duty.person
        assert who_is_on_call(calendar, ended - 1).person == duty.person
        assert ((begun, ended) in gaps) == (duty.person is None)


@given(
    st.integers(0, 100), st.none() | st.integers(0, 100), st.integers(0, 100), st.integers(0, 50)
)
def test_what_was_due_stays_due(raised: int, taken: int | None, now: int, later: int) -> None:
    minute = 60_000
    times = AlarmTimes(raised * minute, None if taken is None else (raised + taken) * minute)
    before = due_steps(times, POLICY, now * minute)
    assert due_steps(times, POLICY, (now + later) * minute)[: len(before)] == before
    # Taking it on later than now takes nothing back.
    if taken is None:
        assert (
            due_steps(replace(times, acknowledged=now * minute + 1), POLICY, now * minute) == before
        )
