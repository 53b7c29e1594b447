"""Octets into billing bins: nothing lost, nothing doubled, the remainder to the later bin."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.bins import fill_bins, split_octets

FIVE = 300_000


def test_octets_over_a_boundary_are_split_by_time_remainder_later() -> None:
    bins = fill_bins([(FIVE + 20_000, 60_000, 100, 31)], 0, 2 * FIVE, FIVE)
    assert bins.in_octets.tolist() == [66, 34]
    assert bins.out_octets.tolist() == [20, 11]
    assert bins.covered_ms.tolist() == [40_000, 20_000]


def test_a_sample_over_several_bins_reaches_each() -> None:
    bins = fill_bins([(3 * FIVE, 3 * FIVE, 10, 0)], 0, 3 * FIVE, FIVE)
    assert bins.in_octets.tolist() == [3, 3, 4]


def test_half_covered_bins_are_billed_less_are_missing() -> None:
    bins = fill_bins([(150_000, 150_000, 8, 8), (FIVE + 149_999, 149_999, 8, 8)], 0, 2 * FIVE, FIVE)
    assert bins.present(Decimal(50)).tolist() == [True, False]
    assert bins.present(Decimal("49.9")).tolist() == [True, True]


def test_rate_is_octets_times_eight_by_the_interval() -> None:
    bins = fill_bins([(FIVE, FIVE, 37_500_000, 1)], 0, FIVE, FIVE)
    assert [rate.tolist() for rate in bins.rates()] == [[1_000_000], [0]]


@st.composite
def chains(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Consecutive samples as a poller receives them, some with gaps before."""
    at = draw(st.integers(0, 400_000))
    samples = []
    for _ in range(draw(st.integers(0, 25))):
        span = draw(st.integers(1, 700_000))
        at += span + draw(st.sampled_from([0, 0, 0, 90_000]))
        samples.append((at, span, draw(st.integers(0, 10**12)), draw(st.integers(0, 10**12))))
    return samples


@given(chains())
def test_no_octet_is_lost_or_doubled(samples: list[tuple[int, int, int, int]]) -> None:
    end = (max((s[0] for s in samples), default=0) // FIVE + 1) * FIVE
    bins = fill_bins(samples, 0, end, FIVE)
    assert int(bins.in_octets.sum()) == sum(s[2] for s in samples)
    assert int(bins.out_octets.sum()) == sum(s[3] for s in samples)
    assert int(bins.covered_ms.sum()) == sum(s[1] for s in samples)


@given(chains(), st.integers(0, 20))
def test_two_halves_of_time_together_are_the_whole(
    samples: list[tuple[int, int, int, int]], cut: int
) -> None:
    end = (max((s[0] for s in samples), default=0) // FIVE + 22) * FIVE
    whole = fill_bins(samples, 0, end, FIVE)
    left = fill_bins(samples, 0, cut * FIVE, FIVE)
    right = fill_bins(samples, cut * FIVE, end, FIVE)
    assert whole.in_octets.tolist() == [*left.in_octets.tolist(), *right.in_octets.tolist()]


@given(st.integers(0, 10**15), st.integers(2, 10**6), st.data())
def test_split_gives_the_remainder_to_the_later_part(
    octets: int, span: int, data: st.DataObject
) -> None:
    edge = data.draw(st.integers(1, span - 1))
    early, late = split_octets(octets, 0, span, edge)
    assert early + late == octets
    assert early * span <= octets * edge < (early + 1) * span


def test_off_the_grid_or_impossible_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="grid"):
        fill_bins([], 1, FIVE, FIVE)
    with pytest.raises(ValueError, match="negative"):
        fill_bins([(10, 10, -1, 0)], 0, FIVE, FIVE)
    with pytest.raises(ValueError, match="edge"):
        split_octets(1, 0, 10, 10)


def one_by_one(
    samples: list[tuple[int, int, int, int]], start: int, end: int, interval: int
) -> list[list[int]]:
    """The rule as it is written down: edge by edge, each time by the time left."""
    count = (end - start) // interval
    found = [[0, 0, 0] for _ in range(count)]
    for ts, span, ins, outs in samples:
        at, left = ts - span, [ins, outs]
        while at < ts:
            until = min((at // interval + 1) * interval, ts)
            parts = list(left)
            if until < ts:
                pairs = [split_octets(octets, at, ts, until) for octets in left]
                parts, left = [early for early, _ in pairs], [late for _, late in pairs]
            if start <= at < end:
                row = found[(at - start) // interval]
                row[0] += parts[0]
                row[1] += parts[1]
                row[2] = min(row[2] + until - at, interval)
            at = until
    return found


@given(chains(), st.integers(0, 5), st.sampled_from([1, 1000, 4_000_000]))
def test_all_at_once_is_as_one_by_one(
    samples: list[tuple[int, int, int, int]], skipped: int, times: int
) -> None:
    # Large enough, times the span, to leave 64 bits.
    large = [(ts, span, ins * times, outs) for ts, span, ins, outs in samples]
    start, end = skipped * FIVE, 12 * FIVE
    bins = fill_bins(large, start, end, FIVE)
    told = [bins.in_octets.tolist(), bins.out_octets.tolist(), bins.covered_ms.tolist()]
    assert [list(row) for row in zip(*told, strict=True)] == one_by_one(large, start, end, FIVE)
