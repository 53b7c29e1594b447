"""Registers read by hand: rollover, energy between instants, in integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.registers import (
    NoReadingError,
    Register,
    RegisterError,
    RegisterReading,
    measure_consumption,
)

HOUR = 3_600_000
DAY = 24 * HOUR
FAR = 10_000 * DAY

registers = st.builds(
    Register, st.integers(3, 9), st.integers(0, 3), st.sampled_from([1, 15, 40, 400])
)


@st.composite
def read_meters(draw: st.DrawFn) -> tuple[Register, list[RegisterReading], int]:
    """A register, its readings, and the steps that really passed: kept by a counter beside it."""
    register = draw(registers)
    total = draw(st.integers(0, register.modulus - 1))
    at, shown, found = 0, total % register.modulus, []
    found.append(RegisterReading(at, shown))
    start = total
    for _ in range(draw(st.integers(1, 8))):
        at += draw(st.integers(1, 90 * DAY))
        passed = draw(st.integers(0, register.modulus - 1))
        total += passed
        now = total % register.modulus
        found.append(RegisterReading(at, now, rolled_over=now < shown))
        shown = now
    return register, found, total - start


@given(read_meters())
def test_energy_is_what_the_counter_beside_it_counted(
    case: tuple[Register, list[RegisterReading], int],
) -> None:
    register, readings, steps = case
    used = measure_consumption(register, readings, readings[0].at, readings[-1].at, 0)
    assert used.mwh == steps * register.mwh_of_step
    assert not used.estimated


@given(read_meters(), st.data())
def test_a_period_is_the_sum_of_its_parts_and_never_negative(
    case: tuple[Register, list[RegisterReading], int], data: st.DataObject
) -> None:
    register, readings, _ = case
    instants = st.integers(readings[0].at, readings[-1].at)
    low, mid, high = sorted(data.draw(st.tuples(instants, instants, instants)))

    def used(start: int, end: int) -> int:
        return measure_consumption(register, readings, start, end, FAR).mwh

    assert used(low, high) == used(low, mid) + used(mid, high)
    assert used(low, mid) >= 0


@given(read_meters(), st.data())
def test_between_readings_energy_is_spread_evenly(
    case: tuple[Register, list[RegisterReading], int], data: st.DataObject
) -> None:
    register, readings, _ = case
    place = data.draw(st.integers(0, len(readings) - 2))
    before, after = readings[place], readings[place + 1]
    at = data.draw(st.integers(before.at, after.at))
    whole = measure_consumption(register, readings, before.at, after.at, FAR).mwh
    part = measure_consumption(register, readings, before.at, at, FAR)
    assert part.mwh == whole * (at - before.at) // (after.at - before.at)
    assert part.estimated == (at not in (before.at, after.at))
    assert 0 <= part.end.register_mwh < register.modulus * register.mwh_of_step
    shown = part.end.register_mwh - part.start.register_mwh
    assert part.mwh == shown + part.rolls * register.modulus * register.mwh_of_step


@given(registers, st.data())
def test_what_is_written_is_read_again(register: Register, data: st.DataObject) -> None:
    steps = data.draw(st.integers(0, register.modulus - 1))
    assert register.read(register.write(steps)) == steps
    assert register.read(f" 00{register.write(steps)} ") == steps


@pytest.mark.parametrize("text", ["", "-1", "1.2.3", "12a", "1e3", "٣", "1000000", "12.34", "1_0"])
def test_a_register_shows_only_its_own_digits(text: str) -> None:
    with pytest.raises(RegisterError):
        Register(6, 1).read(text)


def test_a_lower_value_needs_somebody_who_says_that_it_rolled_over() -> None:
    register = Register(5)
    fell = [RegisterReading(0, 99_990), RegisterReading(DAY, 15)]
    with pytest.raises(RegisterError):
        measure_consumption(register, fell, 0, DAY, 0)
    rolled = [fell[0], RegisterReading(DAY, 15, rolled_over=True)]
    used = measure_consumption(register, rolled, 0, DAY, 0)
    assert used.mwh == 25 * 10**6
    assert used.rolls == 1


@pytest.mark.parametrize(
    ("at", "side"),
    [(-HOUR, "before"), (11 * DAY, "after"), (5 * DAY, "near"), (20 * DAY, "near")],
)
def test_an_instant_needs_a_near_reading_and_one_on_each_side(at: int, side: str) -> None:
    readings = [RegisterReading(0, 10), RegisterReading(10 * DAY, 20)]
    with pytest.raises(NoReadingError) as told:
        measure_consumption(Register(6), readings, at, at, 3 * DAY)
    assert told.value.side == side
    # The control: with a wider window the middle of the stretch can be told.
    if 0 < at < 10 * DAY:
        assert measure_consumption(Register(6), readings, 0, at, 5 * DAY).mwh == 5 * 10**6


def test_no_readings_are_no_consumption() -> None:
    with pytest.raises(NoReadingError):
        measure_consumption(Register(6), [], 0, DAY, FAR)


def test_an_estimate_at_an_end_makes_the_energy_estimated() -> None:
    readings = [RegisterReading(0, 1), RegisterReading(DAY, 5, estimated=True)]
    assert measure_consumption(Register(6), readings, 0, DAY, 0).estimated
    assert not measure_consumption(Register(6), readings, 0, 0, 0).estimated


def test_rolling_over_twice_between_two_ends_adds_up() -> None:
    register = Register(3)
    shown = [(0, 900), (1, 100), (2, 900), (3, 50)]
    readings = [RegisterReading(day * DAY, value, rolled_over=value < 500) for day, value in shown]
    used = measure_consumption(register, readings, 0, 3 * DAY, 0)
    assert used.mwh == (200 + 800 + 150) * 10**6
    assert used.rolls == 2
