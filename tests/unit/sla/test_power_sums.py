"""Feeds added up by five minutes: by hand, and unknown where too little was read."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dcim.sla.power_sums import BINS, INTERVAL_MS, DaySum, add_feeds
from dcim.sla.pue import MIN_COVER, Meter


def meter(watts: list[float], read: list[float]) -> Meter:
    """W by bin, and the share of each that was read."""
    spans = np.array(read) * INTERVAL_MS
    return Meter(np.array(watts) * 1000 * spans, spans)


def test_worked_out_by_hand() -> None:
    one = meter([1000, 2000, 3000], [1, 1, 1])
    other = meter([500, 500, 2000], [1, 1, 1])
    assert add_feeds([one, other]) == DaySum(3, 3000, 5000)
    # Four fifths of the last bin's time were read: nothing is said of it.
    other = meter([500, 500, 2000], [1, 1, 0.6])
    assert add_feeds([one, other]) == DaySum(2, 2000, 2500)
    # Nine tenths are enough, for what they were read to be: the last is 3000 + 0.8 × 2000.
    other = meter([500, 500, 2000], [1, 1, 0.8])
    assert add_feeds([one, other]) == DaySum(3, 2867, 4600)


def test_a_load_that_moves_to_the_other_feed_is_counted_once() -> None:
    """Of ten feeds one dies within a bin, and falls silent; another carries both from then on."""
    rest = [meter([1000], [1])] * 8
    dies, takes = meter([1000], [0.4]), meter([1000 * 0.4 + 2000 * 0.6], [1])
    assert add_feeds([*rest, dies, takes]) == DaySum(1, 10_000, 10_000)


def test_a_feed_without_a_meter_counts_as_never_read() -> None:
    one = meter([1000] * 3, [1] * 3)
    assert add_feeds([one] * 9 + [None]) == DaySum(3, 9000, 9000)
    assert add_feeds([one] * 8 + [None]) == DaySum(0, None, None)
    assert add_feeds([None]) == add_feeds([]) == DaySum(0, None, None)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 10_000), st.lists(st.sampled_from([0, 0.5, 1]), min_size=4, max_size=4)
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_never_more_than_all_feeds_and_known_by_what_was_read(
    feeds: list[tuple[float, list[float]]],
) -> None:
    found = add_feeds([meter([watts] * 4, read) for watts, read in feeds])
    shares = [sum(read[at] for _, read in feeds) / len(feeds) for at in range(4)]
    assert found.known == sum(share >= MIN_COVER for share in shares)
    assert (found.peak_w is None) == (found.known == 0)
    if found.peak_w is not None and found.mean_w is not None:
        assert found.mean_w <= found.peak_w <= round(sum(watts for watts, _ in feeds)) + 1


def test_a_day_has_as_many_bins_as_the_table_allows() -> None:
    assert BINS == 288
