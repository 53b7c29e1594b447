"""What a LAG has lost, as its members were at each instant."""

import math
from typing import Any

import numpy as np

from dcim.alarms.reading_words import say_detail
from dcim.alarms.rules.lags import tell_members
from dcim.alarms.rules.parts import align
from dcim.alarms.rules.quantities import QUANTITIES
from dcim.metering.batch import Columns
from dcim.metering.families import DOWN, STATE, UNKNOWN, UP

NAN = float("nan")
MINUTE = 60_000


def states(*told: int | None) -> Columns:
    """One a minute from the first on; None isn't told."""
    rows = [(n * MINUTE, 0, 0, one) for n, one in enumerate(told, start=1) if one is not None]
    return Columns.from_matrix(STATE, np.array(rows, dtype=np.int64).reshape(len(rows), 4).T)


def facts(members: int, **changed: list[float]) -> dict[str, Any]:
    given = {
        "start": [0.0] * members, "end": [NAN] * members, "detached": [NAN] * members,
        "speed": [10.0] * members, "holds_ms": [90_000.0] * members,
    } | changed  # fmt: skip
    return {name: np.array(values)[:, None] for name, values in given.items()}


def judge(quantity: str, *members: Columns, **changed: list[float]) -> list[float | None]:
    found = QUANTITIES[quantity].judge(align(members), facts(len(members), **changed))
    return [None if math.isnan(one) else float(one) for one in found]


def test_lost_are_those_that_are_down_or_left_out() -> None:
    members = states(UP, UP, DOWN, UP), states(UP, DOWN, DOWN, UP), states(UP, UP, UP, UP)
    assert judge("lag_lost", *members) == [0, 1, 2, 0]
    assert judge("lag_lost", *members, detached=[NAN, NAN, 3.5 * MINUTE]) == [0, 1, 2, 1]
    assert judge("lag_capacity", *members, speed=[10, 10, 20]) == [100, 75, 50, 100]
    # Without speeds there is no capacity to lose.
    assert judge("lag_capacity", *members, speed=[NAN] * 3) == [None] * 4


def test_who_was_no_member_then_was_not_lost() -> None:
    members = states(UP, UP, UP, UP), states(DOWN, DOWN, DOWN, DOWN)
    found = judge("lag_lost", *members, start=[0, 2.0 * MINUTE], end=[NAN, 4.0 * MINUTE])
    assert found == [0, 1, 1, 0]
    assert judge("lag_lost", *members, start=[9.0 * MINUTE] * 2) == [None] * 4


def test_of_what_nothing_is_known_it_is_not_said_that_all_is_well() -> None:
    members = states(UP, UP, UP), states(UNKNOWN, None, DOWN), states(UP, UP, UP)
    # The second is told at first, and for 90 s nothing else of it.
    assert judge("lag_lost", *members) == [None, None, 1]
    lost = states(DOWN, DOWN, DOWN), states(UP, None, None)
    assert judge("lag_lost", *lost) == [1, 1, 1]
    # What nothing measures isn't waited for; left out it is lost all the same.
    nothing = states(UP, UP, UP), states()
    assert judge("lag_lost", *nothing, holds_ms=[90_000, 0]) == [0, 0, 0]
    detached = [NAN, 2.0 * MINUTE]
    assert judge("lag_lost", *nothing, holds_ms=[90_000, 0], detached=detached) == [0, 1, 1]


def test_the_lost_ones_are_named() -> None:
    told = tell_members(align([states(DOWN), states(UP), states(DOWN)]), facts(3))
    assert told == {"members": 3, "lost": 2, "places": [0, 2]}
    named = {"members": 3, "lost": 2, "names": ["xe1", "xe3"]}
    assert say_detail(named) == {
        "zh": "3 个成员口缺 2 个：xe1、xe3",
        "en": "2 of 3 members lost: xe1, xe3",
    }
    many = {"members": 20, "lost": 10, "names": ["xe1"]}
    assert say_detail(many)["en"] == "10 of 20 members lost: xe1 and 9 more"
    assert say_detail(many)["zh"] == "20 个成员口缺 10 个：xe1 等 10 个"
