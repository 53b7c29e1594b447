"""A LAG and its members in sums: the same octets count once."""

import numpy as np
import pytest

from dcim.metering.bins import Bins
from dcim.sla.rules.usage.lags import Membership, find_covered, find_imbalance, leave_out

GBPS = 10**9


def test_members_are_covered_while_they_are_in_a_lag_that_counts() -> None:
    first = [Membership(1, 10, 0, 50), Membership(1, 10, 60, 90)]
    rows = {1: first, 2: [Membership(2, 20, 0, 90)]}
    assert find_covered(rows, {1: [(20, 100)], 10: [(0, 100)]}) == {10: [(20, 50), (60, 90)]}
    assert find_covered(rows, {1: [(95, 100)]}) == {}
    # From one LAG to another.
    moved = {1: [Membership(1, 10, 0, 50)], 2: [Membership(2, 10, 50, 90)]}
    assert find_covered(moved, {1: [(0, 100)], 2: [(0, 100)]}) == {10: [(0, 90)]}


def test_what_is_left_out_is_not_missed() -> None:
    bins = Bins(0, 10, np.array([5, 6, 7]), np.array([1, 2, 3]), np.array([10, 0, 4]))
    rest = leave_out(bins, [(10, 20)])
    assert (rest.in_octets.tolist(), rest.out_octets.tolist()) == ([5, 0, 7], [1, 0, 3])
    assert rest.covered_ms.tolist() == [10, 10, 4]
    assert leave_out(bins, []).covered_ms.tolist() == [10, 0, 4]


@pytest.mark.parametrize(
    ("loads", "found"),
    [
        ([(4 * GBPS, 10 * GBPS), (4 * GBPS, 10 * GBPS)], (0, 1.0)),
        ([(1 * GBPS, 10 * GBPS), (3 * GBPS, 10 * GBPS)], (1, 1.5)),
        # Half of what flows is the fair part of half of the speed.
        ([(2 * GBPS, 20 * GBPS), (1 * GBPS, 10 * GBPS), (1 * GBPS, 10 * GBPS)], (0, 1.0)),
        ([(4 * GBPS, 10 * GBPS)], None),
        ([(4 * GBPS, 10 * GBPS), (None, 10 * GBPS)], None),
        ([(4 * GBPS, 10 * GBPS), (1, 0)], None),
        ([(9_000_000, 10 * GBPS), (0, 10 * GBPS)], None),
        ([], None),
    ],
)
def test_imbalance(loads: list[tuple[float | None, int]], found: tuple[int, float] | None) -> None:
    told = find_imbalance(loads)
    if found is None or told is None:
        assert told == found
    else:
        assert told[0] == found[0]
        assert told[1] == pytest.approx(found[1])
