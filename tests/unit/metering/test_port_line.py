"""A port over any stretch: no peak is lost, a gap stays a gap, blocks read apart are one line."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.metering import port_line
from dcim.metering.batch import Batch, Columns, clip
from dcim.metering.bindings import PortBinding
from dcim.metering.downsampling import bucket_rates
from dcim.metering.families import DAY_MS, TRAFFIC
from dcim.metering.port_line import Cut, PortLine, read_line

T0 = 1_700_000_000_000 // DAY_MS * DAY_MS
MINUTE, FIVE, HOUR = 60_000, 300_000, 3_600_000
Sample = tuple[int, int, int, int]  # ts, span_ms, in, out


class Kept:
    """A store of given samples; `longest` is the longest stretch that was read at once."""

    def __init__(self, samples: Sequence[Sample], series: int = 1) -> None:
        rows = [(series, ts, span, 0, ins, outs, 1, 0) for ts, span, ins, outs in samples]
        self.columns = Columns.from_matrix(TRAFFIC, Batch.from_rows("traffic", rows).matrix[1:])
        self.longest = 0

    def read(
        self, session: Any, family: str, series_ids: Sequence[int], t0: int, t1: int
    ) -> Iterator[tuple[int, Columns]]:
        self.longest = max(self.longest, t1 - t0)
        for series_id in series_ids:
            yield series_id, clip(TRAFFIC, self.columns, t0, t1)


def read(samples: Sequence[Sample], end: int, step: int, cuts: Sequence[Cut] = ()) -> PortLine:
    store: Any = Kept(samples)
    nothing: Any = None
    return read_line(
        nothing,
        [PortBinding(7, 1, "traffic", 0, T0 + 10**12)],
        T0,
        end,
        step,
        until=end,
        longest_gap_ms=150_000,
        cuts=cuts,
        store=store,
    )


@st.composite
def polls(draw: st.DrawFn) -> list[Sample]:
    """Polls about once a minute for some hours, with gaps; octets not always reported."""
    at = T0 + draw(st.integers(1, 90_000))
    found = []
    for _ in range(draw(st.integers(1, 60))):
        span = draw(st.integers(50_000, 70_000))
        at += span + draw(st.sampled_from([0] * 8 + [HOUR, 5 * HOUR]))
        found.append((at, span, draw(st.integers(-1, 10**10)), draw(st.integers(0, 10**10))))
    return found


@given(polls(), st.sampled_from([MINUTE, FIVE, HOUR, 6 * HOUR]))
def test_the_largest_of_the_steps_is_the_largest_sample(samples: list[Sample], step: int) -> None:
    end = T0 + -(-(samples[-1][0] + 1 - T0) // step) * step
    line = read(samples, end, step)
    for rates, way in ((line.inward, 2), (line.outward, 3)):
        raw = [one[way] * 8000 / one[1] for one in samples if one[way] >= 0]
        if not raw:
            assert np.isnan(rates.high).all()
            continue
        assert np.nanmax(rates.high) == max(raw)
        assert np.nanmin(rates.low) == min(raw)
        assert set(rates.middle[~np.isnan(rates.middle)].tolist()) <= set(raw)
    assert line.samples == len(samples)
    assert line.sums["out_octets"] == sum(one[3] for one in samples)


@settings(max_examples=40)
@given(polls(), st.sampled_from([FIVE, HOUR]))
def test_a_gap_stays_a_gap(samples: list[Sample], step: int) -> None:
    """A step is empty exactly where no sample lies in it and none covers it."""
    end = T0 + -(-(samples[-1][0] + 1 - T0) // step) * step
    line = read(samples, end, step)
    for place, low in enumerate(line.outward.starts):
        lies = any(low <= one[0] < low + step for one in samples)
        covered = any(one[0] - one[1] <= low and low + step <= one[0] for one in samples)
        assert np.isnan(line.outward.mean[place]) == (not lies and not covered), place
    for low, high in line.gaps:
        assert not any(one[0] > low and one[0] - one[1] < high for one in samples)
        assert high - low > 150_000


@settings(max_examples=40)
@given(polls(), st.sampled_from([FIVE, HOUR]), st.integers(0, 8 * 10**8))
def test_blocks_read_apart_are_one_line(samples: list[Sample], step: int, bps: int) -> None:
    end = T0 + -(-(samples[-1][0] + 1 - T0) // step) * step
    cuts = [Cut(T0 + HOUR, end, FIVE, Decimal(50), "higher", bps)]
    whole = read(samples, end, step, cuts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(port_line, "BLOCK_MS", 2 * HOUR)
        parts = read(samples, end, step, cuts)
    for name in ("mean", "low", "middle", "high"):
        for way in ("inward", "outward"):
            one, other = getattr(getattr(whole, way), name), getattr(getattr(parts, way), name)
            assert np.array_equal(one, other, equal_nan=True), name
    assert (parts.gaps, parts.discarded, parts.sums) == (whole.gaps, whole.discarded, whole.sums)


def test_three_years_are_held_a_month_at_a_time() -> None:
    store: Any = Kept([(T0 + day * DAY_MS + MINUTE, MINUTE, day, day) for day in range(1096)])
    nothing: Any = None
    end = T0 + 1096 * DAY_MS
    line = read_line(
        nothing, [PortBinding(7, 1, "traffic", 0, end)], T0, end, DAY_MS,
        until=end, longest_gap_ms=3 * HOUR, store=store,
    )  # fmt: skip
    assert len(line.outward.high) == line.samples == 1096
    assert np.nanmax(line.outward.high) == 1095 * 8000 / MINUTE
    assert store.longest <= port_line.BLOCK_MS + port_line.MARGIN_MS


def test_what_the_percentile_discards_is_marked_bin_by_bin() -> None:
    samples = [(T0 + n * MINUTE, MINUTE, 0, 75_000 if n in (7, 8) else 7_500) for n in range(1, 31)]
    # The bin of minutes 5 to 10: 2 at 10 kbit/s and 3 at 1 are 4.6; the rest is at 1 kbit/s.
    cut = Cut(T0, T0 + HOUR, FIVE, Decimal(50), "out", 1_000)
    line = read(samples, T0 + HOUR, FIVE, [cut])
    assert line.discarded == [(T0 + FIVE, T0 + 2 * FIVE)]
    # By what comes in nothing is.
    assert read(samples, T0 + HOUR, FIVE, [Cut(*_but(cut, "in"))]).discarded == []


def _but(cut: Cut, line: str) -> tuple[int, int, int, Decimal, str, int]:
    return cut.start, cut.end, cut.interval_ms, cut.min_cover, line, cut.bps


def test_a_slow_poll_leaves_no_holes_and_a_missing_one_does() -> None:
    # Polled every five minutes and drawn by the minute.
    slow = Kept([(T0 + n * FIVE + 7_000, FIVE, 10, 10) for n in range(1, 4)]).columns
    rates = bucket_rates(slow, "in", T0 + MINUTE, T0 + 15 * MINUTE, MINUTE)
    assert not np.isnan(rates.mean).any()
    some = Kept([(T0 + n * FIVE, FIVE, 10, 10) for n in (1, 3)]).columns
    rates = bucket_rates(some, "in", T0, T0 + 15 * MINUTE, MINUTE)
    assert np.isnan(rates.mean).tolist() == [False] * 6 + [True] * 4 + [False] * 5
