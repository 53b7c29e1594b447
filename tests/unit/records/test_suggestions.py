"""What someone may have meant: near words only, whatever is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.errors import Counts, Named
from dcim.records.fields import ChoiceType, FieldValueError
from dcim.records.import_plan import Problem
from dcim.records.imports import note_problem, read_error
from dcim.records.suggestions import find_nearest

STATES = ChoiceType({"in_stock": "In stock", "racked": "Racked", "retired": "Retired"})


@pytest.mark.parametrize(
    ("sent", "nearest"),
    [("in-stock", "In stock (in_stock)"), ("in stok", "In stock (in_stock)"),
     ("Rakced", "Racked (racked)"), ("sold", None), ("", None), ("r", None)],
)  # fmt: skip
def test_a_refused_choice_names_the_choices_and_the_nearest(sent: str, nearest: str | None) -> None:
    with pytest.raises(FieldValueError) as refused:
        STATES.judge(sent)
    words = "Not one of the choices: In stock (in_stock), Racked (racked), Retired (retired)."
    assert str(refused.value) == words + (f" Did you mean {nearest}?" if nearest else "")


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_only_known_things_are_suggested(word: str, meanings: dict[str, str]) -> None:
    found = find_nearest(word, {one.lower(): name for one, name in meanings.items()})
    assert found is None or found in meanings.values()


def test_a_long_text_is_no_slip_of_the_pen() -> None:
    known = "x" * 100
    assert find_nearest(known, {known: "far"}) is None
    assert find_nearest("x" * 60, {"x" * 60: "near"}) == "near"


@pytest.mark.parametrize(
    "place", [Named([("In stock", "in_stock")]), Counts([(2, "Racks")]), "plain"]
)
def test_a_kept_problem_is_the_error_it_was(place: object) -> None:
    error = FieldValueError("Still in use by: %(things)s.", things=place)
    noted = note_problem(Problem(2, "state", "x", error))
    back = read_error(noted)
    assert (back.message, back.places) == (error.message, error.places)
    assert type(back.places["things"]) is type(place)


def test_problems_kept_by_earlier_versions_are_still_told() -> None:
    noted = {"message": "Still in use by: %(things)s.", "places": {"things": [[2, "Racks"]]}}
    assert str(read_error(noted)) == "Still in use by: 2 × Racks."
