"""How unevenly three phases are loaded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.power.imbalance import is_uneven, measure_imbalance

PHASES = st.lists(st.integers(0, 10**7), min_size=3, max_size=3)


def test_worked_out_by_hand() -> None:
    # Mean 460 (NEMA MG 1, 14.36: 460, 467, 450 V): the largest deviation is 9, or 10 below.
    assert measure_imbalance([463, 467, 450]) == pytest.approx(10 / 460)
    assert measure_imbalance([30, 20, 10]) == pytest.approx(0.5)
    # Two loaded, one empty: what is missing counts as what is too much.
    assert measure_imbalance([10, 10, 0]) == pytest.approx(1.0)
    assert measure_imbalance([0, 0, 0]) is None
    assert measure_imbalance([12]) is None


@given(PHASES)
def test_it_lies_between_even_and_all_on_one(amps: list[int]) -> None:
    found = measure_imbalance(amps)
    if not sum(amps):
        assert found is None
        return
    assert found is not None
    assert 0 <= found <= 2
    assert (found == 0) == (len(set(amps)) == 1)
    assert (found == 2) == (sorted(amps)[:2] == [0, 0])


@given(PHASES, st.permutations(range(3)), st.integers(1, 1000))
def test_names_and_size_of_the_load_do_not_matter(
    amps: list[int], order: list[int], times: int
) -> None:
    found = measure_imbalance(amps)
    assert measure_imbalance([amps[at] for at in order]) == found
    bigger = measure_imbalance([one * times for one in amps])
    assert bigger == (None if found is None else pytest.approx(found))


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_moving_load_from_the_fullest_to_the_emptiest_never_makes_it_worse(
    low: int, more: int
) -> None:
    before = measure_imbalance([low + 2 * more, low + more, low])
    after = measure_imbalance([low + more, low + more, low + more])
    assert before is not None
    assert after == 0 < before


def test_next_to_nothing_is_not_called_uneven() -> None:
    assert is_uneven([40, 10, 10], 100)
    assert not is_uneven([4, 1, 1], 100)
    assert not is_uneven([40, 39, 41], 100)
