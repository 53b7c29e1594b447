"""Light in dB from its thresholds: the worst lane counts, unknown is no number, dark is."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.alarms.reading_words import say_detail, say_value
from dcim.alarms.rules.lights import FLOOR_DB, tell_light
from dcim.alarms.rules.parts import Told, align
from dcim.alarms.rules.quantities import QUANTITIES
from dcim.metering.batch import Columns
from dcim.metering.families import NO_LIGHT, NO_POWER, OPTICS

NAN = float("nan")
LOW, HIGH = -12_400, 500
LIGHT = QUANTITIES["port_light"]
FINE, LIT = -5_000, 0.0


def lane(rx: int, tx: int = FINE, bias: int = 6_500, at: int = 9) -> Columns:
    return Columns.from_matrix(OPTICS, np.array([[at], [0], [0], [rx], [tx], [bias], [-1], [-1]]))


def facts(lanes: int = 1, **changed: float | list[float]) -> dict[str, Any]:
    given = {
        "rx_low": LOW, "rx_high": HIGH, "tx_low": LOW, "tx_high": HIGH, "rx_lit": LIT,
        "tx_lit": LIT,
    } | changed  # fmt: skip
    return {
        name: np.array(value if isinstance(value, list) else [value] * lanes)[:, None]
        for name, value in given.items()
    }


def margin(*lanes: Columns, **changed: float | list[float]) -> float:
    """At the newest instant."""
    return float(LIGHT.judge(align(lanes), facts(len(lanes), **changed))[-1])


def test_it_is_the_distance_to_the_nearest_threshold_of_the_worst_lane() -> None:
    assert margin(lane(-10_000)) == pytest.approx(2.4)
    assert margin(lane(-13_000)) == pytest.approx(-0.6)
    assert margin(lane(900)) == pytest.approx(-0.4)  # too much is wrong as well
    assert margin(lane(FINE), lane(-12_000), lane(-9_000)) == pytest.approx(0.4)
    assert margin(lane(FINE, tx=-12_300)) == pytest.approx(0.1)
    # A direction without thresholds isn't judged, a module without any not at all.
    assert margin(lane(-10_000, tx=400), tx_low=NAN, tx_high=NAN) == pytest.approx(2.4)
    assert margin(lane(FINE), rx_low=NAN, tx_low=NAN, rx_high=NAN) == pytest.approx(5.5)
    nothing = dict.fromkeys(("rx_low", "rx_high", "tx_low", "tx_high"), NAN)
    assert math.isnan(margin(lane(FINE), **nothing))


def test_no_light_is_the_floor_unless_there_never_was_any_or_somebody_shut_the_port() -> None:
    dark = lane(NO_LIGHT)
    assert margin(dark) == FLOOR_DB
    assert margin(dark, rx_low=NAN, rx_high=NAN) == FLOOR_DB
    assert margin(dark, rx_lit=NAN) == pytest.approx(5.5)
    assert margin(dark, rx_lit=10.0) == pytest.approx(5.5)  # only later
    assert math.isnan(margin(dark, rx_lit=NAN, tx_lit=NAN))
    shut = lane(NO_LIGHT, tx=NO_LIGHT, bias=0)
    assert math.isnan(margin(shut))
    # A laser that is driven and doesn't shine is dead, and one of two that is off is as well.
    assert margin(lane(FINE, tx=NO_LIGHT)) == FLOOR_DB
    assert margin(lane(FINE), lane(FINE, tx=NO_LIGHT, bias=0)) == FLOOR_DB


def test_a_lane_that_is_not_told_leaves_it_unknown_unless_another_is_bad_already() -> None:
    mute = lane(NO_POWER)
    assert math.isnan(margin(mute))
    assert math.isnan(margin(lane(-10_000), mute))
    assert margin(lane(-13_000), mute) == pytest.approx(-0.6)
    # One that never had light is none.
    assert margin(lane(-10_000), mute, rx_lit=[LIT, NAN]) == pytest.approx(2.4)
    # Told a reading before is not told now.
    assert math.isnan(margin(lane(FINE, at=20), lane(FINE, at=9)))


LEVEL = st.sampled_from([NO_POWER, NO_LIGHT, -14_000, -12_000, FINE, 300, 700])


@given(st.lists(st.tuples(LEVEL, LEVEL), min_size=1, max_size=4))
def test_what_is_told_of_it_is_the_lane_that_counts(levels: list[tuple[int, int]]) -> None:
    lanes = [lane(rx, tx) for rx, tx in levels]
    found, told = margin(*lanes), tell_light(align(lanes), facts(len(lanes)))
    if math.isnan(found):
        return
    assert told is not None
    level = levels[told["lane"] - 1][("rx", "tx").index(told["way"])]
    assert told["mdbm"] == (None if level == NO_LIGHT else level)
    assert told["limit_mdbm"] == (LOW if told["is_low"] else HIGH)
    if level > NO_LIGHT:
        assert found == pytest.approx(min(level - LOW, HIGH - level) / 1000)


def test_many_subjects_at_once_are_as_each_by_itself() -> None:
    """Live they stand side by side, those with fewer lanes filled up."""
    several = [[lane(-10_000)], [lane(FINE), lane(-13_000)], [lane(NO_POWER)]]
    columns = {
        name: np.array([
            [int(one[n].values[name][0]) if n < len(one) else 0 for one in several]
            for n in range(2)
        ])
        for name in OPTICS.columns
    }  # fmt: skip
    at = np.array([[9, 9, 9], [0, 9, 0]])
    own = facts(2)
    wide = {name: np.repeat(value, 3, axis=1).astype(float) for name, value in own.items()}
    for value in wide.values():
        value[1, [0, 2]] = np.nan
    found = LIGHT.judge(Told(at[0], at[0], at, columns), wide)
    np.testing.assert_allclose(found, [2.4, -0.6, np.nan])


def test_it_is_said_in_both_languages() -> None:
    weak = tell_light(align([lane(FINE), lane(-13_000)]), facts(2))
    assert say_detail(weak) == {
        "zh": "通道 2 收光 −13.00 dBm，低门限 −12.40 dBm",
        "en": "lane 2: RX −13.00 dBm, low threshold −12.40 dBm",
    }
    dark = tell_light(align([lane(FINE, tx=NO_LIGHT)]), facts(tx_low=NAN, tx_high=NAN))
    assert say_detail(dark) == {"zh": "通道 1 发光无光", "en": "lane 1: TX no light"}
    assert say_detail(None) == {"zh": "", "en": ""}
    assert say_value("port_light", "threshold", -0.6) == "-0.6 dB"
    assert say_value("lag_lost", "threshold", 2) == "2"
