from hypothesis import given
from hypothesis import strategies as st

from dcim.sla.evidence import FeedStates
from dcim.sla.findings import (
    JOIN_MS,
    FeedHistory,
    Loss,
    find_excursions,
    find_losses,
    find_outages,
    find_silences,
    join,
)
from dcim.sla.rules.intervals import Intervals, total

M = 60_000


def history(
    pdu: str, rack: int, down: Intervals, shown_by: str, path: dict[str, Intervals]
) -> FeedHistory:
    states = FeedStates([(a, b, "down") for a, b in down], [(a, b, shown_by) for a, b in down])
    return FeedHistory(pdu, pdu[-1], rack, states, tuple(path.items()))


LOSS = [(10 * M, 40 * M)]


def test_a_panel_that_dies_is_one_loss_not_one_for_each_branch() -> None:
    feeds = [
        history(
            f"p{n}-A", n, LOSS, f"Q{n}", {f"p{n}-A": [], f"Q{n}": LOSS, "PANEL": LOSS, "UPS": []}
        )
        for n in (1, 2)
    ]
    assert find_losses(feeds) == [Loss("PANEL", 10 * M, 40 * M, ("p1-A", "p2-A"))]


def test_a_breaker_that_trips_alone_is_its_own_even_while_the_panel_dips() -> None:
    dip = [(20 * M, 22 * M)]
    feed = history("p1-A", 1, LOSS, "Q1", {"p1-A": [], "Q1": LOSS, "PANEL": dip})
    assert [loss.node for loss in find_losses([feed])] == ["Q1"]


def test_an_outage_is_where_both_feeds_of_one_rack_are_down() -> None:
    a = history("p1-A", 1, LOSS, "PA", {"p1-A": [], "PA": LOSS})
    b = history("p1-B", 1, [(30 * M, 50 * M)], "PB", {"p1-B": [], "PB": [(30 * M, 50 * M)]})
    other = history("p2-B", 2, LOSS, "PB", {"p2-B": [], "PB": LOSS})
    other_a = history("p2-A", 2, [], "", {"p2-A": []})
    [outage] = find_outages([a, b, other, other_a])
    assert (outage.nodes, outage.start, outage.end) == (("PA", "PB"), 30 * M, 40 * M)
    assert outage.racks == (1,)


def test_a_good_reading_ends_an_excursion_and_a_short_one_is_none() -> None:
    values = [
        (0, 4 * M, 27_001),
        (4 * M, 5 * M, 27_000),
        (5 * M, 10 * M, 29_000),
        (10 * M, 11 * M, 30_500),
        # a lost minute
        (12 * M, 14 * M, 28_000),
        (14 * M, 15 * M, 18_000),
        (15 * M, 21 * M, 16_000),
    ]
    assert find_excursions(values) == [(5 * M, 14 * M, 30_500), (15 * M, 21 * M, 16_000)]


def test_silence_is_told_after_five_minutes() -> None:
    unknown = {"b": [(0, 5 * M)], "a": [(0, 3 * M), (3 * M, 6 * M)]}
    assert find_silences(unknown) == [("a", 0, 6 * M)]


@given(st.lists(st.tuples(st.integers(0, 100 * M), st.integers(1, 5 * M)), max_size=20))
def test_joining_closes_small_gaps_only(raw: list[tuple[int, int]]) -> None:
    intervals = [(start, start + length) for start, length in raw]
    joined = join(intervals)
    assert total(joined) >= total(intervals)
    assert all(b[0] - a[1] > JOIN_MS for a, b in zip(joined, joined[1:], strict=False))  # noqa: RUF007
    assert total(joined) - total(intervals) <= JOIN_MS * max(len(raw) - 1, 0)
