"""Bandwidth bills against a slow way to the same, and what must hold of every one."""

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.metering.bin_sets import join_bins
from dcim.metering.bins import Bins
from dcim.sla.rules.terms import Limit, Usage
from dcim.sla.rules.usage.bandwidth import Member, bill_bandwidth, bill_pool
from dcim.sla.rules.usage.pools import group_members
from dcim.sla.rules.usage.prices import Order, price_parts
from tests.examples import examples
from tests.unit.sla.usage_worlds import (
    FIRST,
    HOUR,
    TERMS,
    Points,
    basic,
    points,
    price_rows,
    slow_amount,
    slow_rate,
    usages,
)

Overage = Literal["pool", "members"]
OVERAGES: tuple[Overage, ...] = ("pool", "members")
MANY = settings(max_examples=examples(200))


@MANY
@given(usages(), points())
def test_a_bill_equals_the_slow_one(usage: Usage, found: Points) -> None:
    bill = bill_bandwidth(TERMS, usage, found.bins(), Order())
    assert bill.charged.value == slow_rate(usage, found)
    assert bill.amount == slow_amount(usage, found)
    assert sum((line.amount or Decimal(0) for line in bill.lines), Decimal(0)) == bill.amount
    assert bill.committed_amount >= 0
    assert bill.over_amount >= 0
    if usage.at_most is not None and usage.at_most.kind == "money":
        assert bill.amount <= usage.at_most.value
    if usage.at_most is not None and usage.at_most.kind == "rate":
        assert (bill.billed_bps or 0) <= usage.at_most.value


@settings(max_examples=examples(150))
@given(usages(), points(), st.sampled_from(OVERAGES))
def test_a_pool_of_one_is_the_port(usage: Usage, found: Points, overage: Overage) -> None:
    pooled = replace(usage, pool="contract", pool_overage=overage)
    alone = bill_bandwidth(TERMS, usage, found.bins(), Order())
    pool = bill_pool(TERMS, pooled, [Member("A", found.bins(), Order())])
    assert (pool.amount, pool.billed_bps, pool.charged) == (
        alone.amount,
        alone.billed_bps,
        alone.charged,
    )


@settings(max_examples=examples(150))
@given(
    usages(),
    st.lists(points(), min_size=2, max_size=4),
    st.sampled_from(OVERAGES),
    st.randoms(use_true_random=False),
)
def test_the_order_of_members_changes_nothing(
    usage: Usage, found: list[Points], overage: Overage, order: random.Random
) -> None:
    usage = replace(usage, pool="contract", pool_overage=overage)
    members = [Member(f"M{n}", one.bins(), Order()) for n, one in enumerate(found)]
    [pool] = group_members(usage, members)
    order.shuffle(members)
    [other] = group_members(usage, members)
    first, second = (bill_pool(TERMS, usage, one.members) for one in (pool, other))
    assert (first.lines, first.steps, first.billed) == (second.lines, second.steps, second.billed)
    assert first.amount == sum(line.amount or 0 for line in first.lines)


@settings(max_examples=examples(150))
@given(st.lists(points(), min_size=1, max_size=4))
def test_a_pools_octets_are_its_members(found: list[Points]) -> None:
    """Hour by hour, and an hour is covered as its least covered member in service."""
    pool = join_bins([one.bins() for one in found])
    for place in range(len(pool)):
        hour = (pool.first - FIRST) // HOUR + place
        here = [
            one.rates[hour - one.start]
            for one in found
            if one.start <= hour < one.start + len(one.rates)
        ]
        assert pool.in_octets[place] == sum(rate[0] * 450_000 for rate in here if rate)
        assert pool.covered_ms[place] == (HOUR if here and None not in here else 0)


@settings(max_examples=examples(150))
@given(points())
def test_the_order_of_points_changes_no_month(found: Points) -> None:
    usage = basic(missing="dropped")
    turned = Points(found.start, found.rates[::-1])
    one, two = (bill_bandwidth(TERMS, usage, each.bins(), Order()) for each in (found, turned))
    assert (one.amount, one.billed_bps) == (two.amount, two.billed_bps)


@settings(max_examples=examples(200))
@given(price_rows(), st.fractions(0, 5))
def test_parts_of_a_price_are_the_quantity(price: object, count: Fraction) -> None:
    found = price_parts(count, price)  # type: ignore[arg-type]
    assert sum(part.quantity for part in found) == count
    assert all(part.quantity >= 0 for part in found)


def test_pooled_peaks_at_different_times_are_not_added() -> None:
    """The control: with percentiles added instead of bins the bill would be 20, not 11."""
    early = Points(0, [(10_000, 0)] * 10 + [(1_000, 0)] * 10)
    late = Points(0, [(1_000, 0)] * 10 + [(10_000, 0)] * 10)
    members = [Member("A", early.bins(), Order()), Member("B", late.bins(), Order())]
    usage = basic(pool="contract")
    assert bill_pool(TERMS, usage, members).billed_bps == 11_000_000
    apart = replace(usage, pool_overage="members")
    assert bill_pool(TERMS, apart, members).billed_bps == 20_000_000


def test_a_pool_needs_one_price_and_known_sites() -> None:
    bins = Points(0, [(1, 1)]).bins()
    usage = basic(pool="contract", price_over="item")
    members = [
        Member(name, bins, Order(price_over=Decimal(price))) for name, price in (("A", 1), ("B", 2))
    ]
    with pytest.raises(TypeError, match="differ in their price"):
        bill_pool(TERMS, usage, members)
    with pytest.raises(TypeError, match="the site of item A isn't known"):
        group_members(basic(pool="site"), members)
    with pytest.raises(TypeError, match="names no port rate"):
        bill_bandwidth(TERMS, basic(at_least=Limit("port", Decimal(20))), bins, Order())


def test_members_of_another_interval_are_refused() -> None:
    bins = Points(0, [(1, 1)]).bins()
    half = Bins(FIRST, HOUR // 2, bins.in_octets, bins.out_octets, np.zeros(1, dtype=np.int64))
    with pytest.raises(ValueError, match="interval"):
        bill_pool(TERMS, basic(), [Member("A", bins, Order()), Member("B", half, Order())])
    with pytest.raises(ValueError, match="same interval"):
        join_bins([bins, half])


@settings(max_examples=examples(200))
@given(usages(), points())
def test_priced_lines_add_up_and_have_keys_of_their_own(usage: Usage, found: Points) -> None:
    bill = bill_bandwidth(TERMS, usage, found.bins(), Order())
    assert sum((line.amount or Decimal(0) for line in bill.lines), Decimal(0)) == bill.amount
    assert len({line.key for line in bill.lines}) == len(bill.lines)
    for line in bill.lines:
        assert line.amount is not None
        if line.quantity is not None and line.unit_price is not None:
            exact = line.quantity * Fraction(line.unit_price) * line.factor
            assert abs(exact - Fraction(line.amount)) <= Fraction(1, 200)


def test_a_priced_line_reads_like_this() -> None:
    usage = basic(commit=1_000_000, price_committed=Decimal("5.00"), price_over=Decimal("8.00"))
    bill = bill_bandwidth(TERMS, usage, Points(0, [(2500, 0)] * 3).bins(), Order())
    first, second = bill.lines
    assert first.key == "committed"
    assert (second.key, second.unit, second.factor) == ("over", "Mbit/s", Fraction(1))
    assert (str(second.quantity), str(second.unit_price)) == ("3/2", "8.00")
    assert (second.amount, second.note) == (Decimal("12.00"), None)
