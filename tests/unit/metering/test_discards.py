"""Folding quiet minutes: nothing that was dropped is lost, no time becomes known that wasn't."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Batch, Columns
from dcim.metering.codec import encode_day
from dcim.metering.discards import QUIET_MS, fold_quiet
from dcim.metering.downsampling import find_gaps
from dcim.metering.families import DAY_MS, DISCARDS, FLAG_FIRST, TRAFFIC

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
    assert after.span_ms.max() <= QUIET_MS + max(before.span_ms)
    assert np.array_equal(fold_quiet(after).matrix(), after.matrix())


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
