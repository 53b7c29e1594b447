"""The percentile of bills against published examples and a slow oracle."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.percentile import RankRule, find_percentile, find_rank

B03 = [100, 90, 80, 70, *[50] * 29]


@pytest.mark.parametrize(
    ("days", "discarded", "from_top"),
    [(28, 403, 404), (29, 417, 418), (30, 432, 433), (31, 446, 447)],
)
def test_month_of_five_minutes_discards_the_floor_of_five_percent(
    days: int, discarded: int, from_top: int
) -> None:
    count = days * 288
    found = find_percentile(np.arange(1, count + 1)[::-1], Decimal(95))
    assert (found.discarded, found.value) == (discarded, count - from_top + 1)


@pytest.mark.parametrize(
    ("rule", "value"),
    [("nearest", 90), ("discard_ceil", 80), ("round", 80), ("interpolate", 84)],
)
def test_thirty_three_values_tell_the_rank_rules_apart(rule: RankRule, value: int) -> None:
    assert find_percentile(B03, Decimal(95), rule).value == value


def oracle(values: list[int], percent: Decimal, rule: str) -> Fraction:
    """By sorting and by counting, no shared code: nearest = smallest value with enough below."""
    ordered = sorted(values)
    n = len(ordered)
    share = Fraction(str(percent)) / 100
    if rule == "nearest":
        return Fraction(next(v for v in ordered if sum(w <= v for w in ordered) >= share * n))
    if rule == "discard_ceil":
        gone = 0
        while gone < (1 - share) * n:
            gone += 1
        return Fraction(ordered[max(n - gone, 1) - 1])
    if rule == "round":
        at = share * n
        return Fraction(ordered[min(max(int(at + Fraction(1, 2)), 1), n) - 1])
    position = share * (n - 1)
    low = int(position)
    high = min(low + 1, n - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


percents = st.decimals(min_value="0.1", max_value="100", places=1)


@given(
    st.lists(st.integers(0, 10**13), min_size=1, max_size=60),
    percents,
    st.sampled_from(["nearest", "discard_ceil", "round", "interpolate"]),
)
def test_percentile_equals_the_oracle(values: list[int], percent: Decimal, rule: RankRule) -> None:
    found = find_percentile(values, percent, rule)
    assert found.exact == oracle(values, percent, rule)
    assert found.rank + found.discarded == len(values)


@given(
    st.lists(st.integers(0, 10**13), min_size=1, max_size=60),
    percents,
    st.sampled_from(["nearest", "discard_ceil", "round"]),
    st.integers(0, 40),
)
def test_a_rank_of_more_values_is_that_of_as_many_zeros_more(
    values: list[int], percent: Decimal, rule: RankRule, more: int
) -> None:
    found = find_percentile(values, percent, rule, len(values) + more)
    assert found.exact == oracle([*values, *[0] * more], percent, rule)
    assert found.discarded == len(values) - found.rank


def test_a_rank_of_fewer_values_discards_fewer() -> None:
    values = list(range(1, 8929))
    assert find_percentile(values, rank_of=8640).value == 8928 - 432
    assert find_percentile(values).value == 8928 - 446
    with pytest.raises(ValueError, match="interpolated"):
        find_percentile(values, rule="interpolate", rank_of=8640)


@given(st.integers(1, 20_000))
def test_nearest_rank_is_floor_discard(count: int) -> None:
    assert find_rank(count, Decimal(95), "nearest") == count - count * 5 // 100


def test_floats_would_have_been_wrong() -> None:
    """Why integers: 0.95 * 20 = 19.0 holds, but 0.07 * 100 does not stay 7 in floats."""
    assert find_rank(100, Decimal(7), "nearest") == 7
    assert int(np.ceil(0.07 * 100)) == 8


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="of nothing"):
        find_percentile([])
    with pytest.raises(ValueError, match="outside"):
        find_percentile([1], Decimal(101))
