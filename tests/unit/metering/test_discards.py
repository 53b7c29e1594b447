"""Folding quiet minutes: nothing that was dropped is lost, no time becomes known that wasn't."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Batch, Columns, clip
from dcim.metering.bindings import BEGINNING, OPEN_END, PortBinding
from dcim.metering.codec import encode_day
from dcim.metering.discards import (
    QUIET_MS,
    cut_quiet,
    fold_quiet,
    spread_quiet,
    tell_beside,
)
from dcim.metering.downsampling import bucket_discards, find_gaps
from dcim.metering.families import DAY_MS, DISCARDS, FLAG_FIRST, TRAFFIC
from dcim.metering.port_line import read_discards
from dcim.metering.store import PostgresSampleStore

DAY = 20_400
T0 = DAY * DAY_MS
MINUTE = 60_000


def columns(rows: list[tuple[int, int, int, int, int]]) -> Columns:
    """Of (ts from T0, span, flags, in, out)."""
    listed = [(1, T0 + ts, *rest) for ts, *rest in rows]
    return Columns.from_matrix(DISCARDS, Batch.from_rows("discards", listed).matrix[1:])


def test_quiet_minutes_become_one_sample_an_hour() -> None:
    found = fold_quiet(columns([(n * MINUTE, MINUTE, 0, 0, 0) for n in range(1, 121)]))
    assert (found.ts - T0).tolist() == [59 * MINUTE, 119 * MINUTE, 120 * MINUTE]
    assert found.span_ms.tolist() == [59 * MINUTE, 60 * MINUTE, MINUTE]


@pytest.mark.parametrize(
    "odd",
    [
        (2 * MINUTE, MINUTE, 0, 0, 3),  # dropped
        (2 * MINUTE, MINUTE, 0, -1, 0),  # a way isn't told
        (2 * MINUTE, MINUTE, FLAG_FIRST, 0, 0),
    ],
)
def test_what_says_more_stands_alone(odd: tuple[int, int, int, int, int]) -> None:
    rows = [(n * MINUTE, MINUTE, 0, 0, 0) for n in range(1, 6)]
    rows[1] = odd
    found = fold_quiet(columns(rows))
    assert (found.ts - T0).tolist() == [MINUTE, 2 * MINUTE, 5 * MINUTE]
    assert found.matrix()[1:, 1].tolist() == list(odd[1:])
    assert found.span_ms[2] == 3 * MINUTE


SAMPLES = st.lists(
    st.tuples(
        st.integers(1, 300_000),  # to the next sample
        st.sampled_from([0, 0, 0, 0, 700, 5_000]),  # not covered of that
        st.sampled_from([0, 0, 0, 0, 0, -1, 1, 2**32 - 1]),
        st.sampled_from([0, 0, 0, 0, 0, -1, 7]),
    ),
    min_size=1,
    max_size=120,
)


@given(SAMPLES)
def test_folding_keeps_counts_and_gaps(drawn: list[tuple[int, int, int, int]]) -> None:
    ts, rows = 0, []
    for step, uncovered, inward, outward in drawn:
        ts += step
        rows.append((ts, max(step - uncovered, 1), 0, inward, outward))
    before = columns(rows)
    after = fold_quiet(before)
    for name in DISCARDS.columns:
        some = before.values[name] > 0
        kept = after.values[name] > 0
        assert before.ts[some].tolist() == after.ts[kept].tolist()
        assert before.values[name][some].tolist() == after.values[name][kept].tolist()
    # What wasn't covered for longer than a poll's tolerance still isn't, to the ms.
    end = T0 + ts
    wide = [find_gaps(each, T0, end, 1_000) for each in (before, after)]
    assert wide[0] == wide[1]
    # A reader of less than an hour more finds whatever covers its end.
    assert after.span_ms.max() <= max(QUIET_MS + 5_000, before.span_ms.max())
    assert np.array_equal(fold_quiet(after).matrix(), after.matrix())


@given(SAMPLES, st.integers(0, 4_000_000), st.integers(1, 8_000_000))
def test_a_window_of_what_was_folded_is_that_of_the_samples(
    drawn: list[tuple[int, int, int, int]], start: int, length: int
) -> None:
    """Cut where it was asked for: the same counts, and covered where it was, to a poll's
    tolerance."""
    ts, rows = 0, []
    for step, uncovered, inward, outward in drawn:
        ts += step
        rows.append((ts, max(step - uncovered, 1), 0, inward, outward))
    plain, end = columns(rows), start + length
    found = cut_quiet(fold_quiet(plain), T0 + start, T0 + end)
    inside = (plain.ts >= T0 + start) & (plain.ts < T0 + end)
    for name in DISCARDS.columns:
        assert found.values[name][found.values[name] > 0].tolist() == (
            plain.values[name][inside & (plain.values[name] > 0)].tolist()
        )
    assert found.ts.max(initial=T0) <= T0 + end
    last = min(T0 + end, int(plain.ts[-1]))
    if last > T0 + start:
        covered = [
            (last - T0 - start) - sum(b - a for a, b in find_gaps(each, T0 + start, last, 1_000))
            for each in (plain, found)
        ]
        # A count that was polled after the end isn't in the window.
        assert covered[1] <= covered[0]
        assert covered[0] - covered[1] <= 300_000


def test_a_window_that_ends_within_a_quiet_hour_knows_of_it() -> None:
    folded = fold_quiet(columns([(n * MINUTE, MINUTE, 0, 0, 0) for n in range(1, 121)]))
    found = cut_quiet(folded, T0 + 30 * MINUTE, T0 + 90 * MINUTE)
    assert (found.ts - T0).tolist() == [59 * MINUTE, 90 * MINUTE]
    assert found.span_ms.tolist() == [59 * MINUTE, 31 * MINUTE]
    assert find_gaps(found, T0 + 30 * MINUTE, T0 + 90 * MINUTE, 0) == []
    # What was counted after the end isn't in it.
    dropped = columns([(95 * MINUTE, 10 * MINUTE, 0, 0, 5)])
    assert len(cut_quiet(dropped, T0, T0 + 90 * MINUTE)) == 0


@pytest.mark.parametrize("every", [1, 5, 7, 13])
def test_a_window_knows_its_end_by_an_hour_more(every: int) -> None:
    """Seven minutes don't fit an hour: with the one from before it they were more than is read."""
    rows = [(n * every * MINUTE, every * MINUTE, 0, 0, 0) for n in range(1, 240 // every)]
    folded = fold_quiet(columns(rows))
    assert len(folded) < len(rows) or every > 30
    for end in range(5, 120):
        at = T0 + end * MINUTE
        near = folded.matrix()[:, folded.ts < at + QUIET_MS]
        read = Columns.from_matrix(DISCARDS, np.ascontiguousarray(near))
        assert find_gaps(cut_quiet(read, T0, at), T0, at, 0) == []


def test_a_series_tells_nothing_of_a_port_it_did_not_measure_yet() -> None:
    """A quiet hour over the turn of a port from one series to another is known from then on."""
    folded = fold_quiet(columns([(n * MINUTE, MINUTE, 0, 0, 0) for n in range(1, 60)]))

    class Store(PostgresSampleStore):
        def read(self, _session: Any, _family: Any, ids: Any, t0: int, t1: int) -> Any:
            yield ids[0], clip(DISCARDS, folded, t0, t1)

    turn, end = T0 + 40 * MINUTE, T0 + 60 * MINUTE
    bound = PortBinding(1, 2, DISCARDS.name, turn, OPEN_END)
    found = read_discards(cast(Any, None), Store(), [bound], T0, end)
    rates = bucket_discards(found, "in", T0, end, 5 * MINUTE).high
    assert np.isnan(rates[:8]).all()
    assert rates[8:].tolist() == [0, 0, 0, 0]
    # One that always measured it tells all of the hour.
    always = PortBinding(1, 2, DISCARDS.name, BEGINNING, OPEN_END)
    whole = read_discards(cast(Any, None), Store(), [always], T0 + 20 * MINUTE, end)
    assert whole.span_ms.tolist() == [59 * MINUTE]


def test_what_was_dropped_beside_each_sample_of_traffic() -> None:
    rows = [(n * MINUTE, MINUTE, 0, 0, 0) for n in range(1, 61)]
    rows[9] = (10 * MINUTE, MINUTE, 0, 3, -1)
    del rows[29:40]  # not told
    dropped = fold_quiet(columns(rows))
    assert len(dropped) == 5
    ts = T0 + np.arange(1, 62) * MINUTE
    inward, outward = tell_beside(dropped, ts, np.full(61, MINUTE))
    silent = [*range(29, 40), 60]
    assert inward.tolist() == [-1 if n in silent else 3 if n == 9 else 0 for n in range(61)]
    assert np.flatnonzero(outward == -1).tolist() == [9, *silent]
    # Traffic over more than a quiet stretch covers, as after a lost poll, is told nothing.
    told, _ = tell_beside(dropped, ts[[44]], np.array([20 * MINUTE]))
    assert told.tolist() == [-1]
    nothing = cut_quiet(dropped, 0, 1)
    assert [each.tolist() for each in tell_beside(nothing, ts[:2], ts[:2])] == [[-1, -1]] * 2


def test_quiet_hours_are_minutes_again_for_who_counts_them() -> None:
    rows = [(n * MINUTE + n % 3, MINUTE + n % 2, 0, 0, 0) for n in range(1, 120)]
    rows[70] = (71 * MINUTE + 2, MINUTE, 0, 0, 50)
    folded = fold_quiet(columns(rows))
    found = spread_quiet(folded, MINUTE)
    assert abs(len(found) - len(rows)) <= len(folded)
    assert np.diff(found.ts).min() > 0
    assert found.span_ms.min() > 0
    assert np.abs(found.ts - found.span_ms - np.append(T0, found.ts[:-1]))[1:].max() <= 1_000
    [hit] = np.flatnonzero(found.values["out_discards"])
    assert (int(found.ts[hit]) - T0, int(found.span_ms[hit])) == (71 * MINUTE + 2, MINUTE)


def test_a_quiet_day_takes_next_to_nothing() -> None:
    """Beside the same day of traffic; unfolded, times and spans would be most of a block."""
    random = np.random.default_rng(1)
    ts = np.arange(1, 1440) * MINUTE + random.integers(0, 900, 1439)
    span = np.diff(ts, prepend=0)
    rows = [(int(at), int(each), 0, 0, 0) for at, each in zip(ts, span, strict=True)]
    quiet = columns(rows)
    traffic = Batch.from_arrays(
        "traffic", 1, T0 + ts,
        {name: random.integers(0, 10**9, 1439) if "octets" in name else 0 * ts
         for name in TRAFFIC.columns},
        span_ms=span,
    )  # fmt: skip
    beside = len(encode_day(TRAFFIC, DAY, Columns.from_matrix(TRAFFIC, traffic.matrix[1:])))
    assert len(encode_day(DISCARDS, DAY, quiet)) > beside // 5
    assert len(encode_day(DISCARDS, DAY, fold_quiet(quiet))) < beside // 50
