"""Traffic as lines: the mean weighs by time, peaks stay, gaps stay gaps, nothing is nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.batch import Batch, Columns
from dcim.metering.downsampling import bucket_peaks, bucket_rates, find_gaps, listed
from dcim.metering.families import TRAFFIC
from dcim.metering.store import empty

T0 = 1_700_000_000_000 // 300_000 * 300_000
MINUTE = 60_000


def columns(*samples: tuple[int, int, int]) -> Columns:
    """(minute of receipt, span in ms, octets)."""
    rows = [(1, T0 + at * MINUTE, span, 0, octets, 0, 0, 0) for at, span, octets in samples]
    return Columns.from_matrix(TRAFFIC, Batch.from_rows("traffic", rows).matrix[1:])


def test_nothing_measured_is_not_zero() -> None:
    rates = bucket_rates(empty(TRAFFIC), "in", T0, T0 + 10 * MINUTE, 5 * MINUTE)
    assert listed(rates.mean) == [None, None]
    assert find_gaps(empty(TRAFFIC), T0, T0 + MINUTE, 1000) == [(T0, T0 + MINUTE)]
    with pytest.raises(ValueError, match="nothing to draw"):
        bucket_rates(empty(TRAFFIC), "in", T0, T0, MINUTE)


def test_the_mean_weighs_by_time_and_the_peak_stays() -> None:
    # 60 s at 8 kbit/s and 30 s at 80 kbit/s: 32 kbit/s in the mean, 80 at the most.
    found = columns((1, 60_000, 60_000), (2, 30_000, 300_000))
    rates = bucket_rates(found, "in", T0, T0 + 5 * MINUTE, 5 * MINUTE)
    assert (rates.mean[0], rates.low[0], rates.high[0]) == (32_000, 8_000, 80_000)


def test_gaps_are_found_where_no_sample_covers() -> None:
    found = columns((1, MINUTE, 1), (2, MINUTE, 1), (9, MINUTE, 1))
    assert find_gaps(found, T0, T0 + 10 * MINUTE, 150_000) == [(T0 + 2 * MINUTE, T0 + 8 * MINUTE)]


def test_what_was_not_reported_counts_for_nothing() -> None:
    rates = bucket_rates(columns((1, MINUTE, -1)), "in", T0, T0 + MINUTE * 5, MINUTE * 5)
    assert np.isnan(rates.mean[0])
    peaks = bucket_peaks(columns((1, MINUTE, -1)), "in_octets", T0, T0 + MINUTE * 5, MINUTE * 5)
    assert listed(peaks) == [None]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60))
def test_no_octet_is_lost_between_steps(octets: list[int]) -> None:
    found = columns(*((at, MINUTE, count) for at, count in enumerate(octets)))
    rates = bucket_rates(found, "in", T0, T0 + 60 * MINUTE, 5 * MINUTE)
    per_step = np.bincount([at // 5 for at in range(len(octets))], minlength=12) * 60
    total = np.nansum(rates.mean * per_step) / 8
    assert total == pytest.approx(sum(octets), rel=1e-9)
    assert np.nanmax(rates.high) == pytest.approx(max(octets) * 8 / 60)
