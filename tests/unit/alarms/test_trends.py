"""Where values are heading: a straight line is found through noise, gaps and spikes; any split says
the same; unknown is no trend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.alarms.rules.episodes import CALM, advance
from dcim.alarms.rules.limits import Limits, Rule, check_rule
from dcim.alarms.rules.parts import Floats, Ints
from dcim.alarms.rules.trends import BUCKETS, first_instant, forecast, step_of
from dcim.errors import InvalidError

HOUR, DAY = 3_600_000, 86_400_000
WINDOW = 7 * DAY
STEP = step_of(WINDOW)
T0 = first_instant(1_790_000_000_000, WINDOW)
NAN = float("nan")


def heading(
    ts: Ints, values: Floats, start: int, end: int, *, ahead: int = 14 * DAY, above: bool = True
) -> tuple[Ints, Floats]:
    return forecast(
        ts, values, window_ms=WINDOW, horizon_ms=ahead, above=above, start_ms=start, end_ms=end
    )


def line(per_day: float, days: int = 14, level: float = 50.0) -> tuple[Ints, Floats]:
    """A sample each half hour from T0 on."""
    ts = T0 + np.arange(days * 48, dtype=np.int64) * (HOUR // 2)
    return ts, level + per_day * (ts - T0) / DAY


def test_a_straight_line_goes_where_it_goes() -> None:
    ts, values = line(2.0)
    at, found = heading(ts, values, T0 + 7 * DAY, T0 + 14 * DAY)
    assert list(at) == [T0 + 7 * DAY + n * STEP for n in range(BUCKETS)]
    # After seven days at 64, and 28 more within two weeks: half a sample before each bucket's end.
    assert found == pytest.approx(50 + 2 * ((at - T0) / DAY + 14), abs=0.05)
    # Falling: the highest that it goes is where it is now; below a limit, where it ends.
    ts, values = line(-2.0, level=90.0)
    at, high = heading(ts, values, T0 + 7 * DAY, T0 + 7 * DAY + 1)
    _at, low = heading(ts, values, T0 + 7 * DAY, T0 + 7 * DAY + 1, above=False)
    assert (high[0], low[0]) == pytest.approx((76, 48), abs=0.05)


def test_spikes_and_the_hours_of_the_day_do_not_bend_it() -> None:
    ts, values = line(0.0)
    daily = 10 * np.sin((ts - T0) * 2 * np.pi / DAY)
    _at, found = heading(ts, values + daily, T0 + 7 * DAY, T0 + 14 * DAY)
    assert np.abs(found - 50).max() < 5
    spiked = values.copy()
    spiked[300:312] = 5000.0  # six hours of nonsense
    _at, found = heading(ts, spiked, T0 + 7 * DAY, T0 + 14 * DAY)
    assert found == pytest.approx(50)
    # The control: the line of least squares is bent by them.
    inside = (ts >= T0 + 7 * DAY - WINDOW) & (ts < T0 + 7 * DAY)
    slope, level = np.polyfit((ts[inside] - T0) / DAY, spiked[inside], 1)
    assert level + slope * 21 > 500


def test_what_is_not_known_is_no_trend() -> None:
    ts, values = line(2.0)
    start, end = T0 + 7 * DAY, T0 + 7 * DAY + 1
    assert np.isnan(heading(ts[:0], values[:0], start, end)[1]).all()
    # Half a window is enough, less is not.
    half = ts >= T0 + 7 * DAY // 2
    assert not np.isnan(heading(ts[half], values[half], start, end)[1][0])
    less = ts >= T0 + 7 * DAY // 2 + STEP
    assert np.isnan(heading(ts[less], values[less], start, end)[1][0])
    # Nothing since six hours: it isn't known where it is now.
    old = ts < T0 + 7 * DAY - STEP
    assert np.isnan(heading(ts[old], values[old], start, end)[1][0])
    # Samples that say nothing are none.
    silent = np.where(old, values, NAN)
    assert np.isnan(heading(ts, silent, start, end)[1][0])


SERIES = st.lists(st.one_of(st.just(NAN), st.floats(0, 100, width=32)), min_size=60, max_size=120)


@settings(max_examples=60, deadline=None)
@given(SERIES, st.integers(0, 60), st.booleans())
def test_any_split_says_the_same(numbers: list[float], cut: int, above: bool) -> None:
    """Two samples a bucket; the forecast, and the alarms that the one evaluation makes of it."""
    ts = T0 + np.arange(len(numbers), dtype=np.int64) * (STEP // 2)
    values = np.array(numbers)
    end = int(ts[-1]) + 1
    middle = T0 + cut * STEP // 2
    limits = Limits(above, 60, 60, raise_for_ms=STEP)
    at, whole = heading(ts, values, T0, end, above=above)
    state, events = CALM, []
    parts = []
    for low, high in ((T0, min(middle, end)), (min(middle, end), end)):
        # What is read lies back a window, no further.
        near = (ts >= low - WINDOW) & (ts < high)
        some_at, some = heading(ts[near], values[near], low, high, above=above)
        state, more = advance(limits, state, some_at, some, STEP * 3 // 2)
        events += more
        parts.append(some)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert (state, events) == advance(limits, CALM, at, whole, STEP * 3 // 2)


@settings(max_examples=60, deadline=None)
@given(st.floats(-5, 5), st.floats(-50, 50), st.floats(0, 3), st.integers(0, 2**32 - 1))
def test_it_moves_with_its_values(per_day: float, shift: float, noise: float, seed: int) -> None:
    ts, values = line(per_day)
    values = values + np.random.default_rng(seed).normal(0, noise, len(ts))
    start = T0 + 10 * DAY
    here = heading(ts, values, start, start + 2 * STEP)[1]
    there = heading(ts, values + shift, start, start + 2 * STEP)[1]
    assert there == pytest.approx(here + shift, abs=1e-6)
    # A limit below is a limit above of the mirror.
    mirrored = heading(ts, -values, start, start + 2 * STEP, above=False)[1]
    assert mirrored == pytest.approx(-here, abs=1e-6)


FORESEEN = {
    "kind": "forecast", "quantity": "node_load", "way": "above", "raise_at": 100, "clear_at": 97,
    "raise_for_s": 0, "clear_for_s": 0, "severity": "warning", "window_s": 604_800,
    "horizon_s": 1_209_600,
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window_s": 21_599}, "six hours to 31 days"),
        ({"window_s": 32 * 86_400}, "six hours to 31 days"),
        ({"horizon_s": 3599}, "for an hour at least"),
        ({"horizon_s": 4 * 604_800 + 1}, "four times as long"),
        ({"quantity": "port_down"}, "no rules of that kind"),
        ({"kind": "threshold", "window_s": 0}, "Only a forecast looks ahead"),
        ({"kind": "threshold", "horizon_s": 0}, "from 0 to a day"),
    ],
)
def test_what_can_not_be_foreseen_is_refused(given: dict[str, object], said: str) -> None:
    check_rule(Rule(**FORESEEN))  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match=said):
        check_rule(Rule(**FORESEEN | given))  # type: ignore[arg-type]
