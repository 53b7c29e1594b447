"""What a place draws, of what is sold there and of what its feeds may carry."""

from hypothesis import example, given
from hypothesis import strategies as st

from dcim.power.heat import (
    BASES,
    Above,
    Line,
    Load,
    add_loads,
    find_feed_limit,
    find_fullest,
    find_limit,
)

LOADS = st.lists(
    st.builds(
        lambda silent, measured, sold, derated: Load(
            1, int(silent), 0 if silent else measured, sold, derated
        ),
        st.booleans(), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 10_000),
    ),
    min_size=1,
)  # fmt: skip


def test_worked_out_by_hand() -> None:
    one = Load(racks=1, measured_w=3000, contracted_w=4000, derated_w=5000)
    mute = Load(racks=1, silent=1, contracted_w=2000, derated_w=5000)
    assert (one.share("contracted"), one.share("derated")) == (0.75, 0.6)
    assert (mute.share("contracted"), mute.share("derated")) == (None, None)
    both = add_loads([one, mute])
    # The silent rack's contract counts, its load doesn't: at least this much.
    assert (both.share("contracted"), both.share("derated"), both.is_least) == (0.5, 0.3, True)
    # The panel above them gives less than their circuits together, and more never counts.
    assert add_loads([one, mute], 4000).share("derated") == 0.75
    assert add_loads([one, mute], 40_000).derated_w == 10_000
    assert Load(racks=1, measured_w=100, derated_w=5000).share("contracted") is None
    assert Load().share("derated") is None
    assert find_fullest([one, mute], "derated") == 0.6
    assert find_fullest([mute], "derated") is None


def test_what_stands_above_counts_once_and_each_rack_with_what_it_has() -> None:
    a, b, small = Above("A", 1, 100), Above("B", 2, 80), Above("AB", 3, 10)
    # The weaker feed's panel carries all while the other is dead.
    assert find_limit([[a, b], [a, b]]) == 80
    # One panel each: no rack draws through both, so both give what they have.
    assert find_limit([[a], [b]]) == 180
    assert find_limit([[a, b], [a]]) == 100
    # What takes either feed loses neither, and doesn't make a row as small as itself.
    assert find_limit([[a, b], [small]]) == 90


@example([Load(1, 0, 0, 1, 1), Load(1, 0, 1, 0, 1)])
@given(LOADS)
def test_a_sum_lies_between_its_parts(loads: list[Load]) -> None:
    whole = add_loads(loads)
    assert whole.racks == len(loads)
    for base in BASES:
        share, fullest = whole.share(base), find_fullest(loads, base)
        # What draws without a contract is in the sum, and has no share of its own.
        if (
            share is None
            or fullest is None
            or any(one.measured_w and not one.base_w(base) for one in loads)
        ):
            continue
        assert share <= fullest * (1 + 1e-9)
        if not whole.is_least and all(one.base_w(base) for one in loads):
            assert share >= min(one.share(base) or 0 for one in loads) * (1 - 1e-9)


@given(LOADS, LOADS)
def test_the_order_of_adding_does_not_matter(some: list[Load], others: list[Load]) -> None:
    apart = add_loads([add_loads(some), add_loads(others)])
    assert apart == add_loads([*others, *some])


def test_pdus_of_one_feed_carry_together_and_the_weaker_feed_counts() -> None:
    assert find_feed_limit([Line("A", 3000), Line("A", 2000), Line("B", 4000)]) == 4000
    assert find_feed_limit([Line("A", 3000), Line("B", 4000)]) == 3000
    # Behind one breaker they carry no more than that.
    shared = [Line("A", 3000, 7, 3500), Line("A", 2000, 7, 3500)]
    assert find_feed_limit([*shared, Line("B", 4000)]) == 3500
    assert find_feed_limit([*shared, Line("A", 100), Line("B", 4000)]) == 3600
    assert find_feed_limit([]) == 0
