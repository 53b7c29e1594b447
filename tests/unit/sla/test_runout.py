"""When a capacity runs out: by hand, on days that are odd, and what always holds."""

import datetime as dt
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.sla.rules.runout import HORIZON_DAYS, LEAST_DAYS, find_run_out, find_trend
from dcim.sla.space_sold import DAYS, add_days, date_days

FIRST = dt.date(2026, 6, 1)


def days(count: int, level: Callable[[int], float]) -> dict[dt.date, float]:
    return {FIRST + dt.timedelta(days=n): level(n) for n in range(count)}


def test_a_straight_line_runs_out_on_its_day() -> None:
    """Day n carries 100 + 2n; 400 is day 150, whatever the interval: all days lie on the line."""
    values = days(100, lambda n: 100 + 2 * n)
    found = find_run_out(values, 400, FIRST + dt.timedelta(days=100))
    day = FIRST + dt.timedelta(days=150)
    assert (found.state, found.days) == ("within", 100)
    assert (found.earliest, found.likely, found.latest) == (day, day, day)


def test_noise_makes_an_interval_around_the_day() -> None:
    """Days alternate 10 above and below 100 + 2n: the band is 10 either way, five days each."""
    values = days(100, lambda n: 100 + 2 * n + (10 if n % 2 else -10))
    found = find_run_out(values, 400, FIRST + dt.timedelta(days=100))
    assert found.earliest is not None
    assert found.likely is not None
    assert found.latest is not None
    day = FIRST + dt.timedelta(days=150)
    assert abs((found.likely - day).days) <= 1
    assert 3 <= (day - found.earliest).days <= 12
    assert 3 <= (found.latest - day).days <= 12


def test_some_wild_days_move_it_little() -> None:
    """One day in five of an attack (or of no traffic) tilts a least-squares line; not this one."""
    wild = random.Random(7)

    def level(n: int) -> float:
        return wild.choice((0.0, 5000.0)) if n % 5 == 0 else 100 + 2 * n

    found = find_run_out(days(100, level), 400, FIRST + dt.timedelta(days=100))
    assert found.likely is not None
    assert abs((found.likely - FIRST).days - 150) <= 5


def test_level_traffic_does_not_run_out() -> None:
    weekly = days(120, lambda n: 60.0 if n % 7 in (5, 6) else 100.0)
    assert find_run_out(weekly, 200, FIRST + dt.timedelta(days=120)).state == "beyond"
    falling = days(120, lambda n: 500 - 3.0 * n)
    assert find_run_out(falling, 800, FIRST + dt.timedelta(days=120)).state == "beyond"


def test_too_few_days_say_how_many() -> None:
    found = find_run_out(days(LEAST_DAYS - 1, lambda n: n), 400, FIRST)
    assert (found.state, found.days) == ("too_little", LEAST_DAYS - 1)
    assert find_run_out(days(LEAST_DAYS, lambda n: n), 400, FIRST).state != "too_little"
    assert find_run_out({}, 400, FIRST).days == 0


def test_reached_by_the_middle_of_the_last_week_not_by_one_day() -> None:
    today = FIRST + dt.timedelta(days=60)
    full = days(60, lambda n: 100.0 if n < 53 else 400.0)
    assert find_run_out(full, 400, today).state == "reached"
    once = days(60, lambda n: 900.0 if n == 59 else 100.0)
    assert find_run_out(once, 400, today).state == "beyond"


def test_slowly_enough_is_likely_never_but_perhaps() -> None:
    """Growth so slow that the line needs longer than the horizon, the upper one doesn't."""
    noisy = random.Random(3)
    values = days(60, lambda n: 100 + 0.1 * n + noisy.uniform(-15, 15))
    found = find_run_out(values, 330, FIRST + dt.timedelta(days=60))
    assert found.state == "within"
    assert found.earliest is not None
    assert found.likely is None
    assert found.latest is None


def test_a_capacity_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        find_run_out({}, 0, FIRST)


LEVELS = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=LEAST_DAYS, max_size=80)


@settings(max_examples=40)
@given(LEVELS, st.floats(1, 2e6))
def test_dates_are_in_order_and_within_the_horizon(levels: list[float], limit: float) -> None:
    values = days(len(levels), lambda n: levels[n])
    today = FIRST + dt.timedelta(days=len(levels))
    found = find_run_out(values, limit, today)
    told = [day for day in (found.earliest, found.likely, found.latest) if day is not None]
    assert told == sorted(told)
    assert all(today <= day <= today + dt.timedelta(days=HORIZON_DAYS) for day in told)
    if found.state == "within":
        assert found.earliest is not None
        assert found.likely is not None or found.latest is None
    else:
        assert not told


@settings(max_examples=40)
@given(LEVELS, st.floats(1, 1e6), st.floats(1.01, 3))
def test_more_capacity_never_runs_out_earlier(
    levels: list[float], limit: float, more: float
) -> None:
    values = days(len(levels), lambda n: levels[n])
    today = FIRST + dt.timedelta(days=len(levels))
    less, greater = (find_run_out(values, each, today) for each in (limit, limit * more))
    if less.state == "beyond":
        assert greater.state == "beyond"
    if less.earliest and greater.earliest:
        assert greater.earliest >= less.earliest
    if less.likely and greater.likely:
        assert greater.likely >= less.likely


@settings(max_examples=40)
@given(LEVELS, st.integers(1, 1000))
def test_the_unit_changes_nothing(levels: list[float], scale: int) -> None:
    plain = find_trend(days(len(levels), lambda n: levels[n]))
    scaled = find_trend(days(len(levels), lambda n: levels[n] * scale))
    assert plain is not None
    assert scaled is not None
    assert scaled.slope == pytest.approx(plain.slope * scale, rel=1e-6, abs=1e-6)
    assert scaled.low <= scaled.slope <= scaled.high


def test_space_by_the_dates_of_its_sales() -> None:
    """42 U for good from before, 2.5 U on the third and fourth day alone."""
    spans = [
        (FIRST - dt.timedelta(days=9), None, 84),
        (FIRST + dt.timedelta(days=2), FIRST + dt.timedelta(days=4), 5),
        (FIRST + dt.timedelta(days=DAYS + 3), None, 84),
        (FIRST - dt.timedelta(days=9), FIRST - dt.timedelta(days=1), 84),
    ]
    assert add_days(spans, FIRST)[:6].tolist() == [42, 42, 44.5, 44.5, 42, 42]
    assert add_days(spans, FIRST)[-1] == 42


def test_days_before_a_site_sold_anything_are_in_no_trend() -> None:
    """A unit more each day for the last forty; most days of the whole stretch are zeros."""
    spans = [(FIRST + dt.timedelta(days=n), None, 2) for n in range(DAYS - 40, DAYS)]
    values = date_days(add_days(spans, FIRST), FIRST)
    today = FIRST + dt.timedelta(days=DAYS - 1)
    assert (len(values), values[today]) == (40, 40)
    found = find_run_out(values, 100, today)
    assert (found.state, found.likely) == ("within", today + dt.timedelta(days=60))
    assert find_run_out(date_days(add_days([], FIRST), FIRST), 100, today).state == "too_little"
