"""Whether light is weak, by the device's thresholds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.metering.families import NO_LIGHT, NO_POWER
from dcim.sla.optic_verdicts import Judged, Verdict, find_worst, judge_light

LIMITS = {
    "low_alarm": -14_400,
    "low_warning": -12_400,
    "high_warning": 500,
    "high_alarm": 2_500,
}


@pytest.mark.parametrize(
    ("mdbm", "verdict", "left"),
    [
        (NO_POWER, Verdict.UNKNOWN, None),
        (NO_LIGHT, Verdict.NO_LIGHT, None),
        (-14_400, Verdict.ALARM_LOW, -2_000),
        (-14_399, Verdict.WARNING_LOW, -1_999),
        (-12_400, Verdict.WARNING_LOW, 0),
        (-12_399, Verdict.NEAR_LOW, 1),
        (-11_400, Verdict.NEAR_LOW, 1_000),
        (-11_399, Verdict.FINE, 1_001),
        (499, Verdict.FINE, 12_899),
        (500, Verdict.WARNING_HIGH, 12_900),
        (2_500, Verdict.ALARM_HIGH, 14_900),
    ],
)
def test_at_each_threshold(mdbm: int, verdict: Verdict, left: int | None) -> None:
    assert judge_light(mdbm, LIMITS) == Judged(verdict, left)


def test_some_thresholds_or_none() -> None:
    assert judge_light(-30_000, {}).verdict is Verdict.UNJUDGED
    assert judge_light(-30_000, {"high_alarm": 0}) == Judged(Verdict.FINE)
    # Without a warning the alarm is what it may come close to.
    assert judge_light(-13_900, {"low_alarm": -14_400}) == Judged(Verdict.NEAR_LOW, 500)
    assert judge_light(NO_LIGHT, {}).verdict is Verdict.NO_LIGHT


@given(st.integers(NO_LIGHT + 1, 30_000), st.integers(0, 5_000))
def test_less_light_is_never_a_better_verdict_below_the_high_thresholds(
    mdbm: int, less: int
) -> None:
    lows = {name: value for name, value in LIMITS.items() if name.startswith("low")}
    order = list(Verdict)
    brighter, darker = (judge_light(value, lows) for value in (mdbm, mdbm - less))
    assert order.index(darker.verdict) <= order.index(brighter.verdict)


def test_a_module_is_as_bad_as_its_worst_lane() -> None:
    lanes = [judge_light(value, LIMITS) for value in (-3_000, -12_900, NO_POWER, -11_500)]
    assert find_worst(lanes) == Judged(Verdict.WARNING_LOW, -500)
    assert find_worst([]).verdict is Verdict.UNKNOWN
