"""What is refused, what wants a reason, and what passes without a word."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.registers import Register, RegisterReading
from dcim.meters.doubts import WORDS, DoubtsError, refuse_impossible, say_doubt
from dcim.meters.plausibility import (
    DAY_MS,
    HOUR_MS,
    STANDING_MS,
    TRIPS_AT,
    Around,
    Doubt,
    judge_reading,
)

REGISTER = Register(6, 1)
# 63 A at 220 V, one phase: 13.86 kW.
RATED_MW = 220 * 63 * 1000
MONTH = 30 * DAY_MS
# 100 kWh a day, read once a month for three months.
BEFORE = tuple(RegisterReading(n * MONTH, 10_000 + n * 30_000) for n in range(4))
NOW = 4 * MONTH
AROUND = Around(BEFORE, 0, None, RATED_MW, NOW)


def kinds(value: int, at: int = NOW, around: Around = AROUND, *, rolled: bool = False) -> list[str]:
    judged = judge_reading(REGISTER, RegisterReading(at, value, rolled_over=rolled), around)
    return [doubt.kind for doubt in judged.doubts]


def test_a_usual_month_passes() -> None:
    judged = judge_reading(REGISTER, RegisterReading(NOW, 130_000), AROUND)
    assert judged.doubts == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (100_000, ["far_below", "standing"]),
        (114_000, ["far_below"]),
        (161_000, ["far_above"]),
        (155_000, []),
        (151_500, []),
    ],
)
def test_far_from_the_mean_of_the_months_before(value: int, expected: list[str]) -> None:
    assert kinds(value) == expected


def test_more_than_the_breaker_carries_wants_a_reason_and_far_more_is_refused() -> None:
    hours = MONTH // HOUR_MS
    most = 220 * 63 * hours // 100  # steps of 0.1 kWh
    alone = replace(AROUND, readings=BEFORE[-1:])
    last = BEFORE[-1].value
    assert kinds(last + most, around=alone) == []
    judged = judge_reading(REGISTER, RegisterReading(NOW, last + most + 100), alone)
    assert [(d.kind, d.impossible) for d in judged.doubts] == [("above_breaker", False)]
    above = last + int(most * TRIPS_AT) + 100
    judged = judge_reading(REGISTER, RegisterReading(NOW, above), alone)
    assert [(d.kind, d.impossible) for d in judged.doubts] == [("above_breaker", True)]
    # The control: nobody knows the breaker.
    assert kinds(above, around=replace(alone, rated_mw=None)) == []


def test_a_breaker_carries_much_for_less_than_two_hours() -> None:
    alone = replace(AROUND, readings=BEFORE[-1:])
    judged = judge_reading(
        REGISTER, RegisterReading(BEFORE[-1].at + HOUR_MS, BEFORE[-1].value + 200), alone
    )
    assert [(d.kind, d.impossible) for d in judged.doubts] == [("above_breaker", False)]


def test_lower_is_refused_unless_the_register_began_again() -> None:
    assert kinds(99_999) == ["lower"]
    near_end = (RegisterReading(3 * MONTH, 9_999_900),)
    around = replace(AROUND, readings=near_end)
    assert kinds(100, around=around) == ["lower"]
    judged = judge_reading(REGISTER, RegisterReading(NOW, 100, rolled_over=True), around)
    assert [d.kind for d in judged.doubts] == ["rolled_over"]
    assert judged.doubts[0].numbers == {"mwh": 200 * 10**5}
    assert not judged.impossible


def test_times_that_cant_be() -> None:
    assert kinds(130_000, NOW + HOUR_MS) == ["future"]
    assert kinds(130_000, -1) == ["before_installed"]
    assert kinds(130_000, around=replace(AROUND, removed=NOW - 1)) == ["after_removed"]
    assert kinds(100_000, BEFORE[-1].at) == ["same_time"]
    # Saved twice within half a minute: once is enough, unless the number moved on.
    alone = replace(AROUND, readings=BEFORE[-1:])
    assert kinds(100_000, BEFORE[-1].at + 29_999, alone) == ["same_time"]
    assert kinds(100_000, BEFORE[-1].at + 30_000, alone) == []
    assert kinds(100_001, BEFORE[-1].at + 29_999, alone) == []
    # A phone's clock may be a minute ahead.
    assert kinds(130_000, NOW + 60_000) == []


def test_an_older_reading_is_asked_about_and_must_fit_what_came_later() -> None:
    at = 2 * MONTH + MONTH // 2
    assert kinds(85_000, at) == ["not_newest"]
    assert kinds(100_001, at) == ["not_newest", "above_next"]


def test_an_older_reading_leaves_time_for_what_was_used_after_it() -> None:
    """32 A at 220 V carry 7.04 kW: 299 kWh in the last hour is asked about, in the last three is
    refused."""
    rated = 220 * 32 * 1000
    readings = (RegisterReading(0, 10_000), RegisterReading(11 * HOUR_MS, 13_000))
    around = Around(readings, 0, None, rated, NOW)

    def judge(hour: int, value: int) -> list[tuple[str, bool]]:
        judged = judge_reading(REGISTER, RegisterReading(hour * HOUR_MS, value), around)
        return [(doubt.kind, doubt.impossible) for doubt in judged.doubts]

    assert judge(10, 10_010) == [("not_newest", False), ("next_above_breaker", False)]
    assert judge(8, 10_010) == [("not_newest", False), ("next_above_breaker", True)]
    # The control: what is left passes through the breaker.
    assert judge(10, 12_930)[0] == ("not_newest", False)
    assert "next_above_breaker" not in [kind for kind, _ in judge(10, 12_930)]
    judged = judge_reading(REGISTER, RegisterReading(8 * HOUR_MS, 10_010), around)
    error = refuse_impossible(judged.impossible, REGISTER, "UTC")
    assert "299 kWh passed in the 3 h until the 1300.0 read at 1970-01-01 11:00" in str(error)


def test_the_same_number_after_a_month_is_asked_about() -> None:
    alone = replace(AROUND, readings=BEFORE[-1:])
    same = BEFORE[-1].value
    assert kinds(same, BEFORE[-1].at + STANDING_MS, alone) == ["standing"]
    assert kinds(same, BEFORE[-1].at + STANDING_MS - 1, alone) == []


@given(
    st.integers(0, REGISTER.modulus - 1),
    st.integers(-MONTH, 6 * MONTH),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 5 * MONTH), st.integers(0, REGISTER.modulus - 1))),
    st.one_of(st.none(), st.integers(1, 10**9)),
)
def test_whatever_is_entered_is_judged_and_said(
    value: int, at: int, rolled: bool, others: list[tuple[int, int]], rated: int | None
) -> None:
    """What passes fits between its neighbours; every doubt has a sentence with its numbers."""
    readings, shown = [], 0
    for when, number in sorted(dict(others).items()):
        readings.append(RegisterReading(when, number, rolled_over=number < shown))
        shown = number
    around = Around(readings, 0, None, rated, 5 * MONTH)
    new = RegisterReading(at, value, rolled_over=rolled)
    judged = judge_reading(REGISTER, new, around)
    for doubt in judged.doubts:
        message, places = say_doubt(doubt, REGISTER, "Asia/Shanghai")
        assert message % places
        assert [name for name in places if f"%({name})s" not in message] == []
    if not judged.impossible:
        before = [one for one in readings if one.at < at]
        if before and not rolled:
            assert value >= before[-1].value
        assert 0 <= at <= 5 * MONTH + 120_000
        assert all(doubt.numbers.get("mwh", 0) >= 0 for doubt in judged.doubts)


def test_the_sentences_carry_numbers_and_the_way_out() -> None:
    judged = judge_reading(REGISTER, RegisterReading(NOW, 99_999), AROUND)
    error = refuse_impossible(judged.impossible, REGISTER, "Asia/Shanghai")
    assert "9999.9 is less than the 10000.0" in str(error)
    assert "999,999.9 kWh were used then" in str(error)
    assert "correct that one" in str(error)
    warned = judge_reading(REGISTER, RegisterReading(NOW, 161_000), AROUND)
    told = DoubtsError(warned.warnings, REGISTER, "Asia/Shanghai")
    assert "6,100 kWh" in str(told)
    assert "3,000 kWh" in str(told)
    assert told.fields == {"doubt_reason": ["far_above"]}


def test_every_doubt_has_words() -> None:
    assert all(isinstance(message, str) and message for message in WORDS.values())
    with pytest.raises(KeyError):
        say_doubt(Doubt("unheard", False, {}), REGISTER, "UTC")
