"""Inlet air against GB 50174-2017 and ASHRAE TC 9.9, and its dew point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.sla.climate_bands import (
    ASHRAE,
    ASHRAE_A1,
    BANDS,
    GB_50174,
    find_departures,
    find_dew_point,
    grade_air,
)

TEMPERATURES = st.integers(-40_000, 60_000)
HUMIDITIES = st.integers(1, 1000)


@pytest.mark.parametrize(
    ("mc", "rh", "dew"),
    # Psychrometric tables: 25 °C at 50 % has its dew point at 13.9 °C, 20 °C at 60 % at 12.0 °C.
    [(25_000, 500, 13_900), (20_000, 600, 12_000), (30_000, 900, 28_200), (22_000, 400, 7_800)],
)
def test_dew_points_of_the_tables(mc: int, rh: int, dew: int) -> None:
    assert find_dew_point(mc, rh) == pytest.approx(dew, abs=100)


def test_without_either_there_is_no_dew_point() -> None:
    assert find_dew_point(None, 500) is None
    assert find_dew_point(25_000, None) is None
    assert find_dew_point(25_000, 0) is None
    assert find_dew_point(25_000, 1001) is None
    assert find_dew_point(90_000, 500) is None


@given(TEMPERATURES, HUMIDITIES)
def test_air_is_never_colder_than_its_dew_point(mc: int, rh: int) -> None:
    dew = find_dew_point(mc, rh)
    assert dew is not None
    assert dew <= mc + 1
    assert find_dew_point(mc, 1000) == pytest.approx(mc, abs=1)


@given(TEMPERATURES, HUMIDITIES, st.integers(1, 50))
def test_more_water_means_a_higher_dew_point(mc: int, rh: int, more: int) -> None:
    dry, wet = find_dew_point(mc, rh), find_dew_point(mc, min(1000, rh + more))
    assert dry is not None
    assert wet is not None
    assert dry <= wet


@pytest.mark.parametrize(
    ("mc", "rh", "outside"),
    [
        # 22 °C at 50 %: dew point 11.1 °C, inside of all.
        (22_000, 500, []),
        (18_000, None, []),
        (17_999, None, [("GB 50174-2017", "mc", "low"), ("ASHRAE TC 9.9", "mc", "low")]),
        (27_001, None, [("GB 50174-2017", "mc", "high"), ("ASHRAE TC 9.9", "mc", "high")]),
        # 22 °C at 20 %: dew point -2 °C, dry by GB 50174, right by ASHRAE since 2015.
        (22_000, 200, [("GB 50174-2017", "dew", "low")]),
        # 26 °C at 55 %: dew point 16.2 °C.
        (26_000, 550, [("GB 50174-2017", "dew", "high"), ("ASHRAE TC 9.9", "dew", "high")]),
        (20_000, 650, [("GB 50174-2017", "rh", "high"), ("ASHRAE TC 9.9", "rh", "high")]),
        (None, 850, [("GB 50174-2017", "rh", "high"), ("ASHRAE TC 9.9", "rh", "high"),
                     ("ASHRAE A1", "rh", "high")]),
    ],
)  # fmt: skip
def test_each_band_by_its_own_bounds(
    mc: int | None, rh: int | None, outside: list[tuple[str, str, str]]
) -> None:
    found = [
        (one.band.name, one.quantity, one.way)
        for band in BANDS
        for one in find_departures(mc, rh, band)
    ]
    assert found == outside


def test_grades() -> None:
    assert grade_air(None, None) == "unknown"
    assert grade_air(22_000, None) == "ok"
    assert grade_air(28_000, None) == "warning"
    assert grade_air(32_001, None) == "down"
    assert grade_air(14_999, 500) == "down"
    assert grade_air(22_000, 79) == "down"


@given(TEMPERATURES, st.none() | HUMIDITIES)
def test_what_is_allowable_holds_what_is_recommended(mc: int, rh: int | None) -> None:
    if not find_departures(mc, rh, ASHRAE_A1):
        return
    # Out of A1: out of the recommendation as well, or drier than its relative bound (8 %).
    beyond = find_departures(mc, rh, ASHRAE)
    assert beyond or (rh is not None and rh < 80)
    assert grade_air(mc, rh) == "down"
    assert GB_50174.low_mc == ASHRAE.low_mc
