"""Samples to alarms: hysteresis, durations, gaps, flapping, and any split says the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.alarms.rules.episodes import (
    CALM,
    Episode,
    Event,
    State,
    _Machine,
    advance,
    gather,
    pass_limits,
    read_state,
    write_state,
)
from dcim.alarms.rules.limits import Limits

MINUTE = 60_000
HOLDS = 90_000
T0 = 1_790_000_000_000
NAN = float("nan")

PLAIN = Limits(above=True, raise_at=90, clear_at=80)
LASTING = Limits(True, 90, 80, raise_for_ms=5 * MINUTE, clear_for_ms=2 * MINUTE)


def samples(*values: float, every: int = MINUTE) -> tuple[np.ndarray, np.ndarray]:
    return T0 + np.arange(len(values)) * every, np.array(values, dtype=np.float64)


def judge(limits: Limits, *values: float, every: int = MINUTE) -> list[Episode]:
    ts, numbers = samples(*values, every=every)
    return gather(advance(limits, CALM, ts, numbers, HOLDS)[1])


def minute(number: int) -> int:
    return T0 + number * MINUTE


def test_between_the_two_limits_nothing_changes() -> None:
    found = judge(PLAIN, 85, 90, 85, 81, 80, 85)
    assert found == [Episode(minute(1), minute(1), minute(4), False, 90)]


def test_a_rule_below_its_limit_is_the_mirror() -> None:
    below = Limits(above=False, raise_at=18, clear_at=20)
    assert judge(below, 25, 19, 18, 19, 20) == [Episode(minute(2), minute(2), minute(4), False, 18)]


def test_it_must_last_without_a_break() -> None:
    assert judge(LASTING, *[95] * 5, 85, *[95] * 5) == []
    found = judge(LASTING, 10, *[95] * 6, 70, 70, 70)
    assert found == [Episode(minute(1), minute(6), minute(9), False, 95)]


def test_a_gap_neither_raises_nor_clears() -> None:
    """Six minutes apart are no six minutes beyond the limit."""
    ts = np.array([minute(0), minute(6), minute(7)])
    assert advance(LASTING, CALM, ts, np.array([95.0, 95, 95]), HOLDS)[1] == []
    # The control: with samples that hold so long it is raised.
    held = advance(LASTING, CALM, ts, np.array([95.0, 95, 95]), 10 * MINUTE)[1]
    assert [event.kind for event in held] == ["raised"]
    # An alarm outlasts silence, and ends only by what is measured after it.
    raised = judge(LASTING, *[95] * 6, NAN, NAN, NAN, 70, 70, 70)
    assert raised == [Episode(minute(0), minute(5), minute(11), False, 95)]


def test_an_unknown_sample_breaks_what_has_to_last() -> None:
    assert judge(LASTING, 95, 95, 95, NAN, 95, 95, 95, 95, 95) == []
    assert len(judge(LASTING, 95, 95, 95, NAN, 95, 95, 95, 95, 95, 95)) == 1


FLAPPING = Limits(True, 90, 80, flap_changes=4, flap_within_ms=10 * MINUTE)


def test_many_changes_are_one_alarm_that_ends_when_calm() -> None:
    found = judge(FLAPPING, *[95, 70] * 5, *[70] * 12)
    # Two alarms before it is known to flap: the second change back is the fourth change.
    assert found == [
        Episode(minute(0), minute(0), minute(1), False, 95),
        Episode(minute(2), minute(2), minute(19), True, 95),
    ]
    undamped = Limits(True, 90, 80)
    assert len(judge(undamped, *[95, 70] * 5, *[70] * 12)) == 5


def test_calm_but_beyond_the_limit_stays_an_alarm() -> None:
    values = [95, 70] * 3 + [95] * 12
    ts, numbers = samples(*values)
    state, events = advance(FLAPPING, CALM, ts, numbers, HOLDS)
    assert [event.kind for event in events] == ["raised", "cleared", "raised", "flapping", "steady"]
    assert state.is_open
    assert not state.flapping


def test_silence_is_no_calm() -> None:
    ts, numbers = samples(*[95, 70] * 3)
    state, _events = advance(FLAPPING, CALM, ts, numbers, HOLDS)
    assert state.flapping
    later = np.array([minute(60), minute(61)])
    state, events = advance(FLAPPING, state, later, np.array([70.0, 70]), HOLDS)
    assert (state.flapping, events) == (True, [])


def test_what_came_late_is_left_out() -> None:
    ts, numbers = samples(95)
    state, _events = advance(PLAIN, CALM, ts, numbers, HOLDS)
    same, events = advance(PLAIN, state, ts - MINUTE, np.array([70.0]), HOLDS)
    assert (same, events) == (state, [])
    again, events = advance(PLAIN, state, ts, numbers, HOLDS)
    assert (again, events) == (state, [])


def test_calm_is_forgotten_only_when_flapping_can_not_count_it() -> None:
    ts, numbers = samples(95, 70, 70, 70)
    state, _events = advance(FLAPPING, CALM, ts, numbers, HOLDS)
    assert not state.is_calm(10 * MINUTE)
    assert state.is_calm(MINUTE)
    assert CALM.is_calm(0)


LEVELS = st.sampled_from([NAN, 60.0, 80.0, 85.0, 90.0, 95.0])
LIMITS = st.builds(
    Limits,
    above=st.booleans(),
    raise_at=st.just(85.0),
    clear_at=st.just(85.0),
    raise_for_ms=st.sampled_from([0, MINUTE, 3 * MINUTE]),
    clear_for_ms=st.sampled_from([0, MINUTE, 3 * MINUTE]),
    flap_changes=st.sampled_from([0, 3, 4]),
    flap_within_ms=st.sampled_from([3 * MINUTE, 8 * MINUTE]),
) | st.builds(
    Limits,
    above=st.just(True),
    raise_at=st.just(90.0),
    clear_at=st.just(80.0),
    raise_for_ms=st.sampled_from([0, 2 * MINUTE]),
    clear_for_ms=st.sampled_from([0, 2 * MINUTE]),
    flap_changes=st.sampled_from([0, 3]),
    flap_within_ms=st.just(6 * MINUTE),
)
MEASURED = st.lists(
    st.tuples(st.sampled_from([30_000, MINUTE, MINUTE, MINUTE, 5 * MINUTE]), LEVELS),
    min_size=1,
    max_size=60,
)


@settings(max_examples=400)
@given(LIMITS, MEASURED, st.data())
def test_any_split_gives_the_same(
    limits: Limits, measured: list[tuple[int, float]], data: st.DataObject
) -> None:
    """A live run that stops anywhere, also having written its state down, loses and doubles
    nothing, even when it is fed some samples a second time."""
    ts = T0 + np.cumsum([step for step, _value in measured])
    values = np.array([value for _step, value in measured])
    whole = advance(limits, CALM, ts, values, HOLDS)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ts)), max_size=6)))
    state, events = CALM, []
    for start, end in zip([0, *cuts], [*cuts, len(ts)], strict=True):
        again = max(0, start - data.draw(st.integers(0, 3)))
        state, more = advance(limits, state, ts[again:end], values[again:end], HOLDS)
        events += more
        state = read_state(write_state(state))
    assert (state, events) == whole


@settings(max_examples=300)
@given(LIMITS, MEASURED)
def test_leaping_over_what_changes_nothing_is_the_same_as_one_by_one(
    limits: Limits, measured: list[tuple[int, float]]
) -> None:
    ts = T0 + np.cumsum([step for step, _value in measured])
    values = np.array([value for _step, value in measured])
    machine = _Machine(limits, CALM)
    bad, good = pass_limits(limits, values)
    for at, value, is_bad, is_good in zip(ts, values, bad, good, strict=True):
        machine.feed(int(at), float(value), bool(is_bad), bool(is_good), HOLDS)
    state, events = advance(limits, CALM, ts, values, HOLDS)
    assert events == machine.events
    assert state == machine.remember()


@given(LIMITS, MEASURED)
def test_alarms_alternate_and_follow_each_other(
    limits: Limits, measured: list[tuple[int, float]]
) -> None:
    ts = T0 + np.cumsum([step for step, _value in measured])
    values = np.array([value for _step, value in measured])
    state, events = advance(limits, CALM, ts, values, HOLDS)
    found = gather(events)
    assert all(one.began <= one.raised for one in found)
    assert all(one.cleared is not None and one.raised < one.cleared for one in found[:-1])
    assert state.is_open == bool(found and found[-1].cleared is None)


@pytest.mark.parametrize("good", [True, False])
def test_a_series_without_samples_says_nothing(good: bool) -> None:
    nothing = np.empty(0, dtype=np.int64), np.empty(0)
    state = CALM if good else State(beyond=True, last=T0)
    assert advance(PLAIN, state, *nothing, HOLDS) == (state, [])
    assert gather([Event("cleared", T0, T0, 1.0)]) == []
