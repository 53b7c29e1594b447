"""Units as printed: from either end, named and read back."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.numbering import first_unit, name_units, turn_place, unit_of


@dataclass(frozen=True)
class Rail:
    u_count: int = 42
    numbering: str = "up"


DOWN = Rail(numbering="down")


@pytest.mark.parametrize(
    ("rail", "u_low", "height", "words"),
    [
        (Rail(), 0, 2, "U1"),
        (Rail(), 18, 6, "U10–12"),
        (Rail(), 3, 1, "U2.5"),
        (DOWN, 0, 2, "U42"),
        (DOWN, 82, 2, "U1"),
        (DOWN, 60, 6, "U10–12"),
        (DOWN, 0, 84, "U1–42"),
        (DOWN, 82, 1, "U1.5"),
    ],
)
def test_units_are_named_by_the_smaller_number(
    rail: Rail, u_low: int, height: int, words: str
) -> None:
    assert name_units(rail, u_low, height) == words


@st.composite
def places(draw: st.DrawFn) -> tuple[Rail, int, int]:
    rail = Rail(draw(st.integers(1, 60)), draw(st.sampled_from(["up", "down"])))
    low = draw(st.integers(0, 2 * rail.u_count - 1))
    return rail, low, draw(st.integers(1, 2 * rail.u_count - low))


@given(places())
def test_what_is_printed_is_read_back(place: tuple[Rail, int, int]) -> None:
    rail, low, height = place
    typed = int((Decimal(first_unit(rail, low, height)) - 1) * 2)
    assert 0 <= typed < 2 * rail.u_count
    assert turn_place(rail, typed, height) == low


@given(places())
def test_the_named_units_are_those_the_half_units_belong_to(place: tuple[Rail, int, int]) -> None:
    rail, low, height = place
    numbers = {unit_of(rail, u) for u in range(low, low + height)}
    words = name_units(rail, low, height).removeprefix("U").split("–")
    assert int(Decimal(words[0])) == min(numbers)
    assert height == 1 or int(Decimal(words[-1])) == max(numbers)
