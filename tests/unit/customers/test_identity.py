"""Identity numbers against the standards' own rules, worked apart from the code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.customers.identity import (
    CREDIT_ALPHABET,
    credit_check,
    id_card_check,
    is_credit_code,
    is_id_card,
    normalize_number,
)

BODY = st.text(CREDIT_ALPHABET, min_size=17, max_size=17)


def test_a_code_worked_by_hand() -> None:
    """Two ones: the first place weighs 1, the third 9; 10 from 31 is 21, the letter M."""
    assert CREDIT_ALPHABET[21] == "M"
    assert credit_check("1" + "0" + "1" + "0" * 14) == "M"
    assert is_credit_code("1010000000000000" + "0" + "M")
    # Nothing at all leaves nothing: 31 counts as 0.
    assert is_credit_code("0" * 18)


def test_an_identity_number_worked_by_hand() -> None:
    """11010519491231002X is the example in the standard's own annex."""
    assert id_card_check("11010519491231002") == "X"
    assert is_id_card("11010519491231002X")
    assert not is_id_card("110105194912310021")
    # The check fits, the day of birth doesn't exist.
    born = "11010519490230002"
    assert not is_id_card(born + id_card_check(born))


@given(BODY)
def test_the_check_character_makes_a_code(body: str) -> None:
    assert is_credit_code(body + credit_check(body))


@given(BODY, st.integers(0, 17), st.sampled_from(CREDIT_ALPHABET))
def test_one_wrong_character_is_always_found(body: str, place: int, other: str) -> None:
    """31 is prime and no weight is 0 modulo 31, so no single slip goes through."""
    code = body + credit_check(body)
    slipped = code[:place] + other + code[place + 1 :]
    assert is_credit_code(slipped) == (slipped == code)


@given(BODY, st.integers(0, 15))
def test_two_neighbours_exchanged_are_always_found(body: str, place: int) -> None:
    code = body + credit_check(body)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert is_credit_code(swapped) == (swapped == code)


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    is_credit_code(text)
    is_id_card(text)


@pytest.mark.parametrize("text", ["", "9" * 17, "9" * 19, "I" * 18, "91310000MA1K00000 "])
def test_what_has_not_the_form_is_no_code(text: str) -> None:
    assert not is_credit_code(text)


def test_a_number_is_kept_as_it_is_compared() -> None:
    assert normalize_number(" 9131-0000 ma1k ") == "91310000MA1K"
