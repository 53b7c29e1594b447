"""What a surviving feed must carry, phase by phase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.power.flow import split_phases
from dcim.power.judgement import Circuit, judge_survival, share_phases

LIMIT = 12.8


def circuit(
    feed: str, shares: tuple[float, float, float] | None = None, phases: int = 3
) -> Circuit:
    return Circuit(feed, 16, LIMIT, 230, phases, shares)


def test_what_passes_in_sum_can_fail_on_one_phase() -> None:
    shares = share_phases([(2000, "L1"), (9000, "L2"), (4000, "L3")])
    assert shares == pytest.approx((2 / 15, 9 / 15, 4 / 15))
    by_a, by_b = judge_survival([circuit("A"), circuit("B", shares)], 10.0, 6900)
    assert (by_a.carries, by_a.phase) == ("A", "")
    assert (by_b.carries, by_b.phase) == ("B", "L2")
    assert [by_a.peak_a, by_b.peak_a] == pytest.approx([10, 18])
    assert [by_a.contract_a, by_b.contract_a] == pytest.approx([10, 18])
    assert by_a.share is not None
    assert by_b.share is not None
    assert by_a.share < 1 < by_b.share
    assert by_b.headroom_a == pytest.approx(LIMIT - 18)


def test_between_two_phases_the_same_current_flows_in_both() -> None:
    shares = share_phases([(1732, "L12")])
    assert shares == pytest.approx((1000 / 1732, 1000 / 1732, 0))


def test_one_phase_carries_all_of_it_and_equal_feeds_are_judged_once() -> None:
    judged = judge_survival([circuit("A", phases=1), circuit("B", phases=1)], 10.0, 2300)
    assert [(one.carries, one.phase, one.peak_a, one.contract_a) for one in judged] == [
        ("", "", 10.0, 10.0)
    ]
    assert judge_survival([circuit("A")], 10.0, 0) == []
    assert share_phases([]) is None


def test_several_pdus_on_a_feed_share_what_comes_over() -> None:
    def half(feed: str, part: float = 0.5, derated: float = LIMIT) -> Circuit:
        return Circuit(feed, 16, derated, 230, 1, part=part)

    four = [half("A"), half("A"), half("B"), half("B")]
    (either,) = judge_survival(four, 20.0, 4600)
    assert (either.carries, either.peak_a, either.contract_a) == ("", 10.0, 10.0)
    # The control: each alone would be over.
    (alone,) = judge_survival([half("A", 1), half("B", 1)], 20.0, 4600)
    assert alone.share is not None
    assert alone.share > 1
    # Of a feed whose PDUs aren't alike the fullest is told, whichever way they are listed.
    for two in ([half("B", 0.7), half("B", 0.3)], [half("B", 0.3), half("B", 0.7)]):
        by_a, by_b = judge_survival([half("A"), half("A"), *two], 20.0, 4600)
        assert (by_a.carries, by_a.peak_a) == ("A", 10.0)
        assert by_b.carries == "B"
        assert by_b.peak_a == pytest.approx(14)
    # A small one that carries less may be the fuller.
    _, by_b = judge_survival([half("A", 1), half("B", 0.7), half("B", 0.3, 2.0)], 20.0, 0)
    assert (by_b.limit_a, by_b.peak_a) == (2.0, 6.0)
    # Two PDUs on one feed are no two feeds.
    assert judge_survival([half("A"), half("A")], 20.0, 4600) == []
    # Without a rating nothing is divided by it.
    (bare,) = judge_survival([half("A", 1, 0), half("B", 1, 0)], 20.0, 4600)
    assert bare.limit_a == 0


def test_watts_sold_are_amps_by_the_power_factor() -> None:
    sold = [
        judge_survival(
            [Circuit(feed, 16, LIMIT, 230, 1, power_factor_pct=factor) for feed in "AB"], 5.0, 2300
        )[0]
        for factor in (100, 80)
    ]
    assert [one.contract_a for one in sold] == [10.0, 12.5]
    assert [one.peak_a for one in sold] == [5.0, 5.0]


PARTS = st.lists(
    st.tuples(st.integers(1, 10**6), st.sampled_from(["L1", "L2", "L3", "L12", "L23", "L31", ""])),
    min_size=1,
)


@given(PARTS, st.floats(0.1, 100))
def test_the_fullest_phase_is_never_below_the_mean_and_agrees_with_the_flow(
    parts: list[tuple[int, str]], peak_a: float
) -> None:
    shares = share_phases(parts)
    one = judge_survival([circuit("A", shares), circuit("B", shares)], peak_a, 0)[0]
    total = sum(mva for mva, _ in parts)
    fullest = max(sum(split_phases(mva, name)[at] for mva, name in parts) for at in range(3))
    assert one.peak_a is not None
    assert one.peak_a == pytest.approx(peak_a * 3 * fullest / total)
    assert one.peak_a >= peak_a * 0.999
