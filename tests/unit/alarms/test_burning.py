"""Burn: the workbook's factors; any split says the same; nothing is known before it was."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.alarms.defaults import BURNS, NAMES
from dcim.alarms.rules.burning import STEP_MS, burn, burn_worst
from dcim.alarms.rules.episodes import CALM, Event, advance, gather
from dcim.alarms.rules.limits import Limits
from dcim.sla.rules.burned import Stretch

HOUR, MIN = 3_600_000, 60_000
T0 = 1_790_000_000_000 // HOUR * HOUR
FAST = Limits(above=True, raise_at=14.4, clear_at=14.4)


def at(stretches: Sequence[Stretch], low: int, high: int, window: int = HOUR) -> dict[int, float]:
    """By minutes from T0."""
    ts, values = burn(stretches, window_ms=window, start_ms=T0 + low * MIN, end_ms=T0 + high * MIN)
    return dict(zip(((ts - T0) // MIN).tolist(), values.tolist(), strict=True))


def test_the_defaults_are_shares_of_a_monthly_budget() -> None:
    """The workbook's: 2 % of 30 days' budget within an hour, 5 % within six."""
    limits = [(row[NAMES.index("window_s")], row[NAMES.index("raise_at")]) for row in BURNS]
    shares = [(3600, 0.02), (6 * 3600, 0.05)]
    assert limits == [
        (window, pytest.approx(share * 30 * 86_400 / window)) for window, share in shares
    ]


def test_both_windows_must_burn_and_the_short_one_ends_it() -> None:
    down = [Stretch(T0, T0 + 2 * MIN, T0)]
    values = at(down, 0, 70)
    assert values[1] == pytest.approx(1 / 60 / 0.001)  # 16.7: 51.84 s of an hour are 14.4
    assert values[2] == pytest.approx(2 / 60 / 0.001)
    assert values[6] == pytest.approx(min(2 / 60, 1 / 5) / 0.001)
    assert values[7] == 0  # the short window is clean, the long one still holds 33
    # The control: by the long window alone it would burn for an hour.
    assert at(down, 0, 70, window=12 * HOUR)[30] > 0
    ts, got = burn(down, window_ms=HOUR, start_ms=T0, end_ms=T0 + HOUR)
    [episode] = gather(advance(FAST, CALM, ts, got, 90_000)[1])
    assert episode.cleared is not None
    assert ((episode.raised - T0) // MIN, (episode.cleared - T0) // MIN) == (1, 7)


def test_it_counts_as_it_was_known() -> None:
    # Counts from five minutes on, then from its start; excluded at the eighth.
    down = Stretch(T0, T0 + 10 * MIN, T0 + 5 * MIN, T0 + 8 * MIN)
    values = at([down], 0, 30)
    assert values[4] == 0
    assert values[5] == pytest.approx(5 / 60 / 0.001)
    assert values[8] == 0
    # The control: by what is known in the end it would have burned from the first minute.
    assert at([replace(down, known=T0)], 0, 30)[4] > 0


def test_of_several_promises_the_worst_is_judged_and_each_by_what_it_leaves() -> None:
    strict, loose = (Stretch(T0, T0 + 3 * MIN, T0, left=left) for left in (0.0001, 0.01))
    span = {"window_ms": HOUR, "start_ms": T0, "end_ms": T0 + 10 * MIN}
    ts, values = burn_worst({"loose": [loose], "strict": [strict]}, **span)
    assert values.tolist() == burn([strict], **span)[1].tolist()
    # Not added up: an outage breaks two promises, and neither burns faster for the other.
    assert values[3] == pytest.approx(3 / 60 / 0.0001)
    assert burn_worst({}, **span)[1].tolist() == [0.0] * len(ts)


STRETCHES = st.lists(
    st.tuples(
        st.integers(0, 180 * MIN),
        st.integers(0, 180 * MIN),
        st.integers(0, 30 * MIN),
        st.none() | st.integers(0, 90 * MIN),
        st.sampled_from([0.001, 0.0005, 0.01]),
    ),
    max_size=6,
)
Rows = list[tuple[int, int, int, int | None, float]]


def build(rows: Rows) -> list[Stretch]:
    found, end = [], T0
    for gap, length, late, lasts, left in rows:
        start = end + gap // 6
        end = start + length // 6 + 1
        known = start + late
        undone = None if lasts is None else known + lasts
        found.append(Stretch(start, end, known, undone, left))
    return found


@settings(max_examples=80, deadline=None)
@given(STRETCHES, st.lists(st.integers(0, 400), max_size=6), st.sampled_from([HOUR, 6 * HOUR]))
def test_any_split_says_the_same(rows: Rows, cuts: list[int], window: int) -> None:
    """A round sees only what is known by then: later stretches aren't there, what was undone later
    still counts, what lasts has an end at the round's instant."""
    stretches = build(rows)
    whole = burn(stretches, window_ms=window, start_ms=T0, end_ms=T0 + 400 * MIN)
    state, events = CALM, list[Event]()
    edges = [0, *sorted(set(cuts)), 400]
    for low, high in itertools.pairwise(edges):
        end = T0 + high * MIN
        seen = [
            replace(
                one,
                end=min(one.end, end),
                undone=None if one.undone is None or one.undone >= end else one.undone,
            )
            for one in stretches
            if one.known < end and one.start < end
        ]
        ts, values = burn(seen, window_ms=window, start_ms=T0 + low * MIN, end_ms=end)
        state, more = advance(FAST, state, ts, values, 90_000)
        events += more
    assert events == advance(FAST, CALM, *whole, 90_000)[1]


@settings(max_examples=40, deadline=None)
@given(STRETCHES, st.integers(0, 400))
def test_it_is_what_summing_milliseconds_says(rows: Rows, minute: int) -> None:
    stretches, t = build(rows), T0 + minute * MIN
    counting = [s for s in stretches if s.known <= t and (s.undone is None or t < s.undone)]

    def share(window: int) -> float:
        low = t - window
        lengths = [(max(min(s.end, t) - max(s.start, low), 0), s.left) for s in counting]
        return sum(length / left for length, left in lengths) / window

    expected = min(share(HOUR), share(HOUR // 12))
    ts, values = burn(stretches, window_ms=HOUR, start_ms=t, end_ms=t + 1)
    assert ts.tolist() == [t]
    assert values[0] == pytest.approx(expected)
    assert STEP_MS == MIN
    assert np.isfinite(values).all()
