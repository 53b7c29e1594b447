"""Sums of ports: added bin by bin, the percentile afterwards."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.metering.bin_sets import pool_bins
from dcim.metering.bins import Bins
from dcim.metering.day_bins import lay_days, pack_day, unpack_day
from dcim.metering.families import DAY_MS
from dcim.sla.rules.usage.aggregates import find_newest, find_point, forecast_point

STEP = 300_000
# Octets of five minutes at 1 Mbit/s.
MBPS = 37_500_000


def bins(inward: list[int], outward: list[int] | None = None, covered: int = STEP) -> Bins:
    one = np.array(inward, dtype=np.int64)
    other = np.zeros_like(one) if outward is None else np.array(outward, dtype=np.int64)
    return Bins(0, STEP, one, other, np.full(len(one), covered, dtype=np.int64))


def test_the_sum_of_percentiles_is_not_the_percentile_of_the_sum() -> None:
    """Two ports that are busy half of the time each, by turns: each one's p95 is 100 Mbit/s, and
    so is that of both together, not 200."""
    one = bins([100 * MBPS if n % 2 else 0 for n in range(100)])
    other = bins([0 if n % 2 else 100 * MBPS for n in range(100)])
    assert find_point(one).in_p95 == find_point(other).in_p95 == 100_000_000
    assert find_point(pool_bins([one, other])).in_p95 == 100_000_000


def test_by_hand() -> None:
    """Of 1 to 100 Mbit/s the 95th is 95; out is busier in its percentile, in has the peak."""
    point = find_point(
        bins([n * MBPS for n in (*range(1, 100), 900)], [2 * n * MBPS for n in range(1, 101)])
    )
    assert (point.in_p95, point.out_p95, point.p95) == (95_000_000, 190_000_000, 190_000_000)
    assert (point.in_max, point.out_max) == (900_000_000, 200_000_000)
    assert (point.present, point.expected) == (100, 100)


def test_what_one_port_did_not_report_is_missing_from_the_sum() -> None:
    one, other = bins([MBPS] * 4), bins([MBPS] * 4)
    other.covered_ms[3] = 0
    together = pool_bins([one, other])
    point = find_point(together)
    assert (point.in_p95, point.present, point.expected) == (2_000_000, 3, 4)
    newest = find_newest(together)
    assert newest is not None
    assert (newest.in_bps, newest.at) == (2_000_000, 3 * STEP)


def test_nothing_measured_is_nothing_known() -> None:
    empty = bins([MBPS], covered=0)
    assert find_point(empty).p95 is None
    assert find_newest(empty) is None


def test_the_forecast_repeats_the_last_week() -> None:
    """One busy day in ten so far: the p95 of the month so far is of the busy day, and of a month
    in which the last seven days, all calm, come again as well, until busy bins are under 5 %."""
    day = DAY_MS // STEP
    so_far = bins([100 * MBPS] * day + [MBPS] * (9 * day))
    assert find_point(so_far).in_p95 == 100_000_000
    assert forecast_point(so_far, 15 * DAY_MS).in_p95 == 100_000_000
    assert forecast_point(so_far, 31 * DAY_MS).in_p95 == 1_000_000
    assert forecast_point(so_far, 10 * DAY_MS) == find_point(so_far)


COUNTS = st.lists(st.integers(0, 2**50), min_size=288, max_size=288)


@settings(max_examples=25)
@given(COUNTS, st.integers(0, 20_000))
def test_days_are_kept_as_they_are(counts: list[int], place: int) -> None:
    day = Bins(place * DAY_MS, STEP, *np.array([counts, counts[::-1], counts], dtype=np.int64))
    again = unpack_day(pack_day(day), place * DAY_MS, STEP)
    assert again.first == day.first
    for name in ("in_octets", "out_octets", "covered_ms"):
        assert (getattr(again, name) == getattr(day, name)).all()


def test_damaged_days_are_refused() -> None:
    whole = pack_day(bins([1] * 288))
    for body in (whole[:-3], b"", pack_day(bins([1] * 287))):
        with pytest.raises(ValueError, match="day"):
            unpack_day(body, 0, STEP)


def test_days_in_a_row_are_cut_and_their_gaps_stay_gaps() -> None:
    days = [Bins(n * DAY_MS, STEP, *np.full((3, 288), n + 1, dtype=np.int64)) for n in (0, 1, 3)]
    laid = lay_days(days, DAY_MS // 2, 4 * DAY_MS, STEP)
    assert len(laid) == 3 * 288 + 144
    assert laid.in_octets[0] == 1
    assert laid.in_octets[144] == 2
    assert (laid.covered_ms[144 + 288 : 144 + 576] == 0).all()
    assert laid.in_octets[-1] == 4
    with pytest.raises(ValueError, match="grid"):
        lay_days(days, 1, DAY_MS, STEP)
