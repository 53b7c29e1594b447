"""Readings that hold: what they cover, and a sum that is known only where every part is."""

import numpy as np

from dcim.metering.batch import Batch, Columns
from dcim.metering.downsampling import bucket_levels, find_gaps, listed
from dcim.metering.families import POWER
from dcim.metering.held import add_held, cover_held
from dcim.metering.store import empty

T0 = 1_700_000_000_000 // 300_000 * 300_000
MINUTE = 60_000
HOLDS = 90_000


def power(*samples: tuple[float, int]) -> Columns:
    """(minute, mW)."""
    rows = [(1, T0 + round(at * MINUTE), 0, 0, 230_000, 1, mw, -1) for at, mw in samples]
    return Columns.from_matrix(POWER, Batch.from_rows("power", rows).matrix[1:])


def test_a_reading_covers_the_time_until_the_next_but_not_longer_than_it_holds() -> None:
    columns = power((0, 5), (1, 6), (5, 7))
    end = T0 + 6 * MINUTE
    covered = cover_held(columns, "mw", HOLDS, end)
    assert covered.span_ms.tolist() == [MINUTE, HOLDS, MINUTE]
    assert find_gaps(covered, T0, end, 2 * MINUTE) == [(T0 + MINUTE + HOLDS, T0 + 5 * MINUTE)]
    # The control: held for ever there would be no gap.
    forever = cover_held(columns, "mw", 10**9, end)
    assert find_gaps(forever, T0, end, 2 * MINUTE) == []


def test_what_was_not_reported_covers_nothing() -> None:
    covered = cover_held(power((0, -1), (1, 6)), "mw", HOLDS, T0 + 2 * MINUTE)
    assert covered.ts.tolist() == [T0 + 2 * MINUTE]
    assert len(cover_held(empty(POWER), "mw", HOLDS, T0)) == 0


def test_a_sum_is_known_where_each_part_is() -> None:
    a, b = power((0, 100), (1, 110), (2, 120)), power((0.5, 10), (4, 20))
    total = add_held([a, b], "mw", HOLDS)
    assert ((total.ts - T0) / MINUTE).tolist() == [0.5, 1]
    assert total.values["mw"].tolist() == [110, 120]
    assert len(add_held([a, empty(POWER)], "mw", HOLDS)) == 0
    # The control: alone, the first is known at each of its instants.
    assert add_held([a], "mw", HOLDS).values["mw"].tolist() == [100, 110, 120]


def test_levels_keep_the_largest_and_the_smallest() -> None:
    levels = bucket_levels(power((0, 1), (1, 9), (2, 2), (6, -1)), "mw", T0, T0 + 600_000, 300_000)
    assert listed(levels.mean) == [4, None]
    assert listed(levels.low) == [1, None]
    assert listed(levels.high) == [9, None]
    assert np.isnan(bucket_levels(empty(POWER), "mw", T0, T0 + 1, 1).high[0])
