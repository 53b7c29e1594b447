"""Samples as values in their unit; unknown is NaN, never a number."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.alarms.rules.limits import Rule, check_rule
from dcim.alarms.rules.parts import align
from dcim.alarms.rules.quantities import NODE_CLASSES, QUANTITIES, rates_per_hour, silences
from dcim.errors import InvalidError
from dcim.metering.batch import Columns
from dcim.metering.families import NO_TEMPERATURE, find_family
from dcim.power.models import NODE_KINDS
from dcim.sla.evidence import judge_power

MINUTE = 60_000
FACTS = {
    "speed_bps": 10_000_000, "commit_bps": 5_000_000,
    "phase_v": 230, "phases": 1, "derated_a": 12.8,
}  # fmt: skip


def one(quantity: str, span_ms: int = MINUTE, **columns: int) -> float:
    family = find_family(QUANTITIES[quantity].family)
    row = [[0], [span_ms], [0], *([columns.get(name, -1)] for name in family.columns)]
    told = align([Columns.from_matrix(family, np.array(row))])
    return float(QUANTITIES[quantity].judge(told, FACTS)[0])


def test_a_port_is_as_busy_as_its_busier_direction() -> None:
    octets = {"in_octets": 7_500_000, "out_octets": 75_000_000}
    assert one("port_in_share", **octets) == 10.0
    assert one("port_out_share", **octets) == 100.0
    assert one("port_share", **octets) == 100.0
    assert one("port_commit_share", **octets) == 200.0
    # One direction unknown: the other one still tells.
    assert one("port_share", in_octets=7_500_000) == 10.0
    assert math.isnan(one("port_share"))
    assert math.isnan(one("port_share", span_ms=0, **octets))


def test_errors_are_per_minute_and_states_are_shown() -> None:
    assert one("port_errors", span_ms=30_000, in_errors=2, out_errors=1) == 6.0
    assert math.isnan(one("port_errors", in_errors=2))
    assert one("port_discards", span_ms=30_000, in_discards=2, out_discards=1) == 6.0
    assert one("port_discards", in_discards=0, out_discards=0) == 0.0
    assert math.isnan(one("port_discards", out_discards=9))
    assert (one("port_down", state=2), one("port_down", state=1)) == (1.0, 0.0)
    assert math.isnan(one("port_down", state=0))


def test_a_node_is_loaded_by_the_derated_breaker() -> None:
    assert one("node_load", ma=6_400) == 50.0
    # 230 V x 6.4 A without an ammeter.
    assert one("node_load", mw=1_472_000) == 50.0
    assert math.isnan(one("node_load"))


THREE = {"phase_v": 230, "phases": 3, "power_factor_pct": 90, "derated_a": 12.8}


def of_phases(quantity: str, *phases: tuple[int, int, int], phases_of_node: int = 3) -> float:
    """(mv, ma, mw) of each, told at once."""
    family = find_family("power")
    told = align(
        [Columns.from_matrix(family, np.array([[9], [0], [0], *([n] for n in one), [-1]]))
         for one in phases]
    )  # fmt: skip
    return float(QUANTITIES[quantity].judge(told, THREE | {"phases": phases_of_node})[0])


def test_of_a_meter_that_tells_phases_apart_the_fullest_counts() -> None:
    assert of_phases("node_load", (230, 3200, 1), (230, 12_800, 1), (230, 0, 1)) == 100.0
    # By power, of each phase by itself: 2,649.6 W are 12.8 A at a power factor of 0.9.
    full = of_phases("node_load", (230, -1, 9), (230, -1, 2_649_600), (230, -1, 9))
    assert full == pytest.approx(100)
    # All in one: the mean of its phases is all that is known.
    assert of_phases("node_load", (230, 99, 2_649_600)) == pytest.approx(100 / 3)
    # Two lines of one phase add up.
    assert of_phases("node_load", (230, 6400, -1), (230, 6400, -1), phases_of_node=1) == 100.0
    assert math.isnan(of_phases("node_load", (230, 99, 9), (230, -1, -1), (230, 99, 9)))


def test_a_node_is_dead_when_all_its_phases_are() -> None:
    live, dead, mute = (230_000, 0, 0), (0, 0, 0), (-1, 0, 0)
    assert of_phases("node_dead", dead, dead, live) == 0.0
    assert of_phases("node_dead", dead, dead, dead) == 1.0
    assert of_phases("node_dead", live, mute, mute) == 0.0
    assert math.isnan(of_phases("node_dead", mute, mute, mute))


@given(st.integers(-1, 300_000), st.integers(-1, 9_000), st.integers(-1, 9_000_000))
def test_dead_is_what_evidence_calls_dead(mv: int, ma: int, mw: int) -> None:
    row = np.array([[0], [0], [0], [mv], [ma], [mw], [0]])
    told = int(judge_power(Columns.from_matrix(find_family("power"), row), 230)[0])
    found = one("node_dead", mv=mv, ma=ma, mw=mw)
    assert {1: 0.0, 2: 1.0}.get(told) == (None if math.isnan(found) else found)


def test_climate_in_degrees_and_percent() -> None:
    assert one("temperature", mc=27_500, rh=455) == 27.5
    assert one("temperature", mc=-1) == -0.001
    assert math.isnan(one("temperature", mc=NO_TEMPERATURE))
    assert one("humidity", mc=27_500, rh=455) == 45.5
    assert math.isnan(one("humidity", mc=27_500))


def test_a_change_is_measured_over_its_window_and_not_over_less_than_half() -> None:
    ts = np.arange(8) * MINUTE
    values = np.array([20.0, 20.1, 20.2, np.nan, 20.4, 20.5, 20.6, 20.7])
    found = rates_per_hour(ts, values, 4 * MINUTE)
    assert np.isnan(found[[0, 1, 3]]).all()
    np.testing.assert_allclose(found[[2, 4, 5, 6, 7]], 6.0)
    assert np.isnan(rates_per_hour(ts, np.full(8, np.nan), MINUTE)).all()


def test_silence_grows_in_gaps_alone() -> None:
    answers = np.array([0, 60, 121, 300]) * 1000
    ts, ages = silences(answers, 400_000, MINUTE)
    assert ts.tolist() == [0, 60_000, 121_000, 181_000, 241_000, 300_000, 360_000]
    assert ages.tolist() == [0, 0, 0, 60, 120, 0, 60]
    assert not len(silences(np.empty(0, dtype=np.int64), 400_000, MINUTE)[0])


def test_classes_are_those_of_the_chain() -> None:
    assert set(NODE_CLASSES) == set(NODE_KINDS)


GOOD: dict[str, Any] = {
    "kind": "threshold", "quantity": "port_share", "way": "above", "raise_at": 90.0,
    "clear_at": 80.0, "raise_for_s": 300, "clear_for_s": 300, "severity": "major",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quantity": "port_colour"}, "quantity"),
        ({"kind": "absence"}, "kind"),
        ({"way": "beside"}, "way"),
        ({"way": "below", "kind": "state", "quantity": "port_down"}, "way"),
        ({"severity": "mild"}, "severity"),
        ({"subject_class": "ups"}, "subject_class"),
        ({"raise_at": math.nan}, "raise_at"),
        ({"raise_at": 1e12, "clear_at": 0}, "raise_at"),
        ({"clear_at": 91.0}, "clear_at"),
        ({"way": "below", "clear_at": 89.0}, "clear_at"),
        ({"raise_for_s": -1}, "raise_for_s"),
        ({"clear_for_s": 86_401}, "clear_for_s"),
        ({"kind": "rate", "window_s": 60, "quantity": "temperature"}, "window_s"),
        ({"flap_changes": 2}, "flap_changes"),
        ({"flap_changes": 4, "flap_within_s": 10}, "flap_within_s"),
        ({"kind": "absence", "quantity": "agent_silence", "raise_at": 30.0, "clear_at": 0.0},
         "raise_at"),
    ],
)  # fmt: skip
def test_what_can_not_be_meant_is_refused_by_its_field(changed: dict[str, Any], field: str) -> None:
    check_rule(Rule(**GOOD))
    with pytest.raises(InvalidError) as refused:
        check_rule(Rule(**GOOD | changed))
    assert field in refused.value.fields
