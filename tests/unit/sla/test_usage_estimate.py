"""The month that runs: what holds already, the most it can be, the forecast."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.metering.bins import Bins
from dcim.metering.charging import MODES_BY_DAY, Mode
from dcim.sla.rules.terms import PriceRow, PriceRows, Range, Usage, ValidDays
from dcim.sla.rules.usage.bandwidth import Bandwidth, Member, bill_bandwidth
from dcim.sla.rules.usage.estimate import Estimate, estimate_month
from dcim.sla.rules.usage.prices import Order
from tests.examples import examples
from tests.unit.sla.usage_worlds import FIRST, HOUR, TERMS, Points, basic, hours, usages

PORT = 3_000_000  # what no point of the worlds exceeds
MODES: tuple[Mode, ...] = (
    "day_95", "mean_day_95", "day_peak", "mean_day_peak", "fourth_peak", "top_5", "night_half_95",
    "enhanced_95", "traffic",
)  # fmt: skip


sparse = st.one_of(st.just((0, 0)), st.just((0, 0)), st.just((0, 0)), hours)


def ported(usage: Usage) -> Usage:
    """With a port that neither direction exceeds."""
    return replace(usage, port=PORT)


def estimate(usage: Usage, past: Points, more: int) -> Estimate:
    until = FIRST + (past.start + len(past.rates)) * HOUR
    return estimate_month(
        TERMS, usage, [Member("A", past.bins(), Order())], until, until + more * HOUR
    )


def whole(usage: Usage, past: Points, future: list[tuple[int, int] | None]) -> Bandwidth:
    return bill_bandwidth(TERMS, usage, Points(past.start, [*past.rates, *future]).bins(), Order())


def check_bounds(usage: Usage, past: Points, future: list[tuple[int, int] | None]) -> None:
    found = estimate(usage, past, len(future))
    assert found.most is not None
    came = whole(usage, past, future)
    if usage.mode not in MODES_BY_DAY:
        low, real, high = (bill.billed_bps or 0 for bill in (found.least, came, found.most))
        assert low <= real <= high
    if found.amounts_hold:
        assert found.least.amount <= came.amount <= found.most.amount


@settings(max_examples=examples(200))
@given(usages(), st.integers(0, 50), st.lists(hours, max_size=60), st.lists(hours, max_size=60))
def test_whatever_comes_lies_between_least_and_most(
    usage: Usage,
    start: int,
    past: list[tuple[int, int] | None],
    future: list[tuple[int, int] | None],
) -> None:
    check_bounds(ported(usage), Points(start, past), future)


@settings(max_examples=examples(200))
@given(
    st.sampled_from(MODES),
    st.sampled_from(["dropped", "zero", "carry"]),
    st.lists(hours, max_size=120),
    st.lists(hours, max_size=120),
)
def test_so_it_is_in_every_mode(
    mode: Mode,
    missing: str,
    past: list[tuple[int, int] | None],
    future: list[tuple[int, int] | None],
) -> None:
    check_bounds(ported(basic(mode=mode, missing=missing, commit=500_000)), Points(0, past), future)


@settings(max_examples=examples(150))
@given(usages(), st.lists(hours, min_size=1, max_size=60), st.integers(0, 60))
def test_nothing_to_come_is_the_bill(
    usage: Usage, past: list[tuple[int, int] | None], start: int
) -> None:
    found = estimate(replace(usage, port=PORT, valid_days=None), Points(start, past), 0)
    bill = whole(replace(usage, valid_days=None), Points(start, past), [])
    assert found.most is not None
    assert found.least.amount == found.most.amount == bill.amount


@settings(max_examples=examples(200))
@given(
    st.sampled_from([ValidDays(0, "B", "valid_days"), ValidDays(500_000, "bit/s", "valid_days")]),
    st.integers(0, 50),
    st.lists(sparse, max_size=60),
    st.lists(sparse, max_size=60),
)
def test_so_it_is_where_only_points_of_valid_days_rank(
    rule: ValidDays,
    start: int,
    past: list[tuple[int, int] | None],
    future: list[tuple[int, int] | None],
) -> None:
    usage = ported(basic(valid_days=rule, percentile=Decimal(60)))
    check_bounds(usage, Points(start, past), future)


def test_today_is_not_valid_yet_and_may_never_be() -> None:
    """Yesterday 24 hours of 2 Mbit/s, today 10 of nothing, 14 to come."""
    rule = ValidDays(0, "B", "valid_days")
    past = Points(0, [(2000, 0)] * 24 + [(0, 0)] * 10)
    half = estimate(ported(basic(valid_days=rule, percentile=Decimal(50))), past, 14)
    assert half.least.billed_bps == 0  # rank 24 of 48; without today's rank 12 of 24: 2 Mbit/s
    high = estimate(ported(basic(valid_days=rule, percentile=Decimal(65))), past, 14)
    assert high.most is not None
    assert high.most.billed_bps == PORT  # rank 25 of 38; with today's 32 of 48: 2 Mbit/s


def test_a_month_of_high_hours_already_holds_its_percentile() -> None:
    """30 days of 744 hours: 37 discarded of 744. After 40 hours of 2 Mbit/s it can't be less."""
    usage = ported(basic())
    past = Points(0, [(2000, 0)] * 40)
    found = estimate(usage, past, 744 - 40)
    assert found.least.billed_bps == 2_000_000
    assert found.most is not None
    assert found.most.billed_bps == PORT
    held = estimate(usage, Points(0, [(2000, 0)] * 37), 744 - 37)
    assert held.least.billed_bps == 0


def test_the_forecast_repeats_the_last_seven_days() -> None:
    """Ten days, the last seven with two hours of 3 Mbit/s each: 8.3 % of what is to come."""
    quiet, busy = [(1000, 0)] * 24, [(1000, 0)] * 22 + [(3000, 0)] * 2
    found = estimate(basic(), Points(0, quiet * 3 + busy * 7), 744 - 240)
    assert found.forecast is not None
    assert found.forecast.billed_bps == 3_000_000  # 28 days of two hours are 56, 37 go
    assert found.forecast.expected == 744
    assert found.least.billed_bps == 1_000_000  # 240 measured are more than the 37 that go
    turned = estimate(basic(), Points(0, busy * 3 + quiet * 7), 744 - 240)
    assert turned.forecast is not None
    assert turned.forecast.billed_bps == 1_000_000


def test_without_a_port_nothing_limits_the_most() -> None:
    found = estimate(basic(), Points(0, [(1, 1)]), 5)
    assert found.most is None
    assert found.most_amount is None
    assert found.least_amount == Decimal("0.00")


def test_nothing_measured_has_no_forecast() -> None:
    found = estimate(basic(), Points(0, [None] * 5), 5)
    assert found.forecast is None


def test_where_more_may_cost_less_no_amount_is_promised() -> None:
    rows = PriceRows(
        "whole",
        (
            PriceRow(Range(None, False, Decimal(1), True), Decimal(10)),
            PriceRow(Range(Decimal(1), False, None, False), Decimal(1)),
        ),
    )
    found = estimate(ported(basic(price_over=rows)), Points(0, [(900, 0)] * 10), 5)
    assert not found.amounts_hold
    assert found.least_amount is found.most_amount is None
    assert found.least.billed_bps == 900_000  # rank 15 of 15 hours


def test_a_member_that_left_is_not_expected_back() -> None:
    usage = basic(pool="contract")
    gone = Member("A", Points(0, [(2000, 0)] * 5).bins(), Order())
    stays = Member("B", Points(0, [(1000, 0)] * 10).bins(), Order())
    found = estimate_month(TERMS, usage, [gone, stays], FIRST + 10 * HOUR, FIRST + 744 * HOUR)
    assert found.forecast is not None
    assert found.forecast.billed_bps == 1_000_000


def test_peaks_within_points_are_estimated_too() -> None:
    """Points of two hours, each the higher of its two: 6 of 2 Mbit/s so far, 6 to come."""
    usage = ported(basic(peak_of_ms=HOUR, interval_ms=2 * HOUR))
    found = estimate(usage, Points(0, [(2000, 0), (100, 0)] * 6), 12)
    assert found.forecast is not None
    assert found.most is not None
    rates = (found.least.billed_bps, found.forecast.billed_bps, found.most.billed_bps)
    assert rates == (2_000_000, 2_000_000, PORT)
    assert found.forecast.expected == 12


def test_bins_beyond_the_instant_are_refused() -> None:
    member = Member("A", Points(0, [(1, 1)] * 5).bins(), Order())
    for until in (FIRST + 4 * HOUR, FIRST + 6 * HOUR + 1):
        with pytest.raises(ValueError, match="whole up to"):
            estimate_month(TERMS, basic(), [member], until, FIRST + 744 * HOUR)


def test_an_item_without_bins_yet_begins_now() -> None:
    empty = Bins(0, HOUR, *(np.zeros(0, dtype=np.int64) for _ in range(3)))
    found = estimate_month(
        TERMS, ported(basic()), [Member("A", empty, Order())], FIRST, FIRST + 24 * HOUR
    )
    assert found.least.expected == 24
    assert found.most is not None
    assert found.most.billed_bps == PORT
