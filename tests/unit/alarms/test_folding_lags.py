"""LAGs and light under their roots: one trouble is one alarm, whoever tells it first."""

from dataclasses import replace
from itertools import permutations

import pytest

from dcim.alarms.correlation.dependencies import Link, PortAt
from dcim.alarms.correlation.folding import correlate
from dcim.alarms.correlation.subjects import Raised
from tests.unit.alarms.house import HOUSE, LINKS, PORTS, alarm

# A LAG of two links between the core and 101: 1101 and 1102 with 1111 and 1112.
HERE, THERE = 1100, 1110
BUNDLED = replace(
    HOUSE,
    ports=PORTS
    | {each: PortAt(100) for each in (HERE, 1101, 1102)}
    | {each: PortAt(101, leads_up=True) for each in (THERE, 1111, 1112)},
    links=(*LINKS, Link(1101, 1111), Link(1102, 1112)),
    lags={HERE: (1101, 1102), THERE: (1111, 1112)},
)


def fold(*raised: Raised) -> dict[int, int]:
    found = correlate(raised, BUNDLED)
    return {key: one.root for key, one in found.folds.items()}


def port(key: int, number: int, trouble: str = "down", *, at: int = 0, rank: int = 0) -> Raised:
    return alarm(key, "port", number, trouble, at, rank)


@pytest.mark.parametrize("lag_rank", [0, 1])
def test_a_lag_that_loses_a_member_is_one_alarm_of_both_ends(lag_rank: int) -> None:
    raised = [
        port(1, 1101), port(2, HERE, "degraded", rank=lag_rank), port(3, 1111),
        port(4, THERE, "degraded", rank=lag_rank),
    ]  # fmt: skip
    for keys in permutations((1, 2, 3, 4)):
        numbered = [replace(one, key=key) for one, key in zip(raised, keys, strict=True)]
        assert len(set(fold(*numbered).values())) == 1
    # Members nobody has alarms of: the two ends say the same.
    assert fold(raised[1], raised[3]) == {2: 2, 4: 2}


def test_of_two_members_lost_both_stand_under_one_where_the_lag_is_as_grave() -> None:
    one, other = port(1, 1101), port(2, 1102)
    assert fold(one, other) == {1: 1, 2: 2}  # the control: nobody says that they are of one LAG
    assert fold(one, other, port(3, HERE, "degraded")) == {1: 1, 2: 1, 3: 1}
    # A warning carries nothing that is graver.
    assert fold(one, other, port(3, HERE, "degraded", rank=2)) == {1: 1, 2: 2, 3: 1}


def test_a_lag_that_is_down_is_one_alarm_whenever_its_members_went() -> None:
    hours = 60
    raised = [
        port(1, 1101, at=0),
        port(2, HERE, "degraded", at=0, rank=1),
        port(3, 1102, at=3 * hours),
        port(4, HERE, at=3 * hours),
        port(5, 1111, at=0),
        port(6, 1112, at=3 * hours),
        port(7, THERE, at=3 * hours),
        port(8, 1101, "dim", at=1, rank=2),
    ]
    assert set(fold(*raised).values()) == {4}
    assert set(fold(*reversed(raised)).values()) == {4}
    # When it is up again what stays is told by itself.
    assert set(fold(*(one for one in raised if one.key in (1, 2, 5, 8))).values()) == {1}


def test_a_lag_follows_from_a_dead_device_as_its_members_do() -> None:
    dead = alarm(9, "device", 100)
    assert set(fold(dead, port(1, THERE), port(2, 1111), port(3, 1112)).values()) == {9}
    # One member on a dead device is no dead LAG.
    apart = replace(BUNDLED, ports={**BUNDLED.ports, 1102: PortAt(305)})
    found = correlate([dead, port(1, THERE), port(2, THERE, "degraded", rank=1)], apart)
    assert {key: one.root for key, one in found.folds.items()} == {9: 9, 1: 1, 2: 1}


def test_light_stands_under_the_port_that_is_down_and_under_the_other_end() -> None:
    dim = port(2, 1013, "dim", at=0, rank=2)
    assert fold(dim, port(1, 1013, at=90)) == {1: 1, 2: 1}
    assert fold(dim, port(1, 2011)) == {1: 1, 2: 1}
    assert fold(dim, port(1, 2011, "dim", at=1, rank=2)) == {2: 2, 1: 2}
    assert fold(dim, alarm(1, "device", 201)) == {1: 1, 2: 1}
    # The control: of another port's it says nothing, and nothing follows from it.
    assert fold(dim, port(1, 1023)) == {1: 1, 2: 2}
    assert fold(port(2, 1013, "dim"), port(1, 1013, rank=2)) == {1: 1, 2: 2}


def test_two_lags_that_name_each_other_end() -> None:
    knotted = replace(BUNDLED, lags={HERE: (THERE,), THERE: (HERE,)})
    found = correlate([port(1, HERE), port(2, THERE)], knotted)
    assert {one.root for one in found.folds.values()} == {1}
