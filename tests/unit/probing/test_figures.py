"""Loss, round-trip time and jitter of a round: worked by hand, and by properties."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.probing.figures import MILLION, figure_round, measure_loss
from tests.examples import examples

TIMES = st.lists(st.one_of(st.none(), st.integers(0, 5_000_000)), max_size=20)


def test_a_round_by_hand() -> None:
    # Answers 1000, 1400, 1300, 2000: their mean is 5700/4 = 1425, the differences 400, 100, 700,
    # their mean 400. A.8: J16 = 400; 400 + 100 - (408 >> 4 = 25) = 475; 475 + 700 - 30 = 1145;
    # J = 1145 >> 4 = 71.
    found = figure_round([1000, 1400, None, 1300, 2000])
    assert (found.sent, found.received, found.loss_ppm) == (5, 4, 200_000)
    assert (found.min_us, found.mean_us, found.max_us) == (1000, 1425, 2000)
    assert (found.jitter_us, found.smoothed_jitter_us, found.pdv_us) == (400, 71, 1000)


def test_nothing_answered_is_all_lost_and_nothing_sent_is_not() -> None:
    silent = figure_round([None] * 5)
    assert (silent.loss_ppm, silent.mean_us, silent.jitter_us) == (MILLION, None, None)
    unsent = figure_round([])
    assert (unsent.loss_ppm, unsent.sent) == (None, 0)


def test_one_answer_has_no_jitter() -> None:
    found = figure_round([700])
    assert (found.mean_us, found.pdv_us) == (700, 0)
    assert found.jitter_us is None
    assert found.smoothed_jitter_us is None


def test_halves_go_up() -> None:
    assert figure_round([1, 2]).mean_us == 2  # 1.5
    assert measure_loss(3, 2) == 333_333
    assert measure_loss(3, 1) == 666_667


def test_a_little_loss_is_never_none() -> None:
    assert measure_loss(3_000_000, 2_999_999) == 1
    assert measure_loss(3_000_000, 1) == MILLION - 1


@pytest.mark.parametrize(("sent", "received"), [(0, 0), (3, 4), (3, -1)])
def test_impossible_counts_are_refused(sent: int, received: int) -> None:
    with pytest.raises(ValueError, match="answers to"):
        measure_loss(sent, received)


def test_negative_times_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        figure_round([5, -1])


@settings(max_examples=examples(200))
@given(TIMES)
def test_figures_agree_with_fractions(rtts: list[int | None]) -> None:
    """Every figure lies within half a unit of its exact value, worked out another way."""
    found = figure_round(rtts)
    times = [rtt for rtt in rtts if rtt is not None]
    assert found.received == len(times) <= found.sent == len(rtts)
    if rtts:
        assert found.loss_ppm is not None
        exact = Fraction(MILLION * (len(rtts) - len(times)), len(rtts))
        assert abs(found.loss_ppm - exact) <= Fraction(1, 2)
    if times:
        assert found.mean_us is not None
        assert abs(found.mean_us - Fraction(sum(times), len(times))) <= Fraction(1, 2)
        assert min(times) == found.min_us
        assert max(times) == found.max_us
        assert found.min_us <= found.mean_us <= found.max_us
    if len(times) > 1:
        steps = [abs(times[n] - times[n - 1]) for n in range(1, len(times))]
        assert found.jitter_us is not None
        assert abs(found.jitter_us - Fraction(sum(steps), len(steps))) <= Fraction(1, 2)


@settings(max_examples=examples(200))
@given(st.lists(st.integers(0, 1_000_000), min_size=2, max_size=20), st.integers(0, 1_000_000))
def test_a_longer_way_changes_no_jitter(times: list[int], more: int) -> None:
    near, far = figure_round(times), figure_round([each + more for each in times])
    assert near.jitter_us == far.jitter_us
    assert near.smoothed_jitter_us == far.smoothed_jitter_us
    assert near.pdv_us == far.pdv_us


@settings(max_examples=examples(200))
@given(st.lists(st.integers(0, 1_000_000), min_size=2, max_size=20))
def test_jitter_is_at_most_the_widest_step(times: list[int]) -> None:
    found = figure_round(times)
    assert found.jitter_us is not None
    assert found.pdv_us is not None
    assert found.smoothed_jitter_us is not None
    assert 0 <= found.jitter_us <= found.pdv_us
    # J of RFC 3550, exactly: J += (|D| - J) / 16. The integers stay within a microsecond of it.
    exact = Fraction(0)
    for n in range(1, len(times)):
        exact += (abs(times[n] - times[n - 1]) - exact) / 16
    assert abs(found.smoothed_jitter_us - exact) <= 2


@settings(max_examples=examples(200))
@given(TIMES)
def test_what_is_lost_changes_no_time(rtts: list[int | None]) -> None:
    answered = figure_round([rtt for rtt in rtts if rtt is not None])
    found = figure_round(rtts)
    assert found.mean_us == answered.mean_us
    assert found.jitter_us == answered.jitter_us
    assert found.pdv_us == answered.pdv_us


@settings(max_examples=examples(200))
@given(st.integers(1, 10_000_000), st.integers(0, 10_000_000))
def test_loss_tells_none_from_some_from_all(sent: int, lost: int) -> None:
    lost = min(lost, sent)
    found = measure_loss(sent, sent - lost)
    assert (found == 0) == (lost == 0)
    assert (found == MILLION) == (lost == sent)
