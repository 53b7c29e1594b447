"""Pure: air at the inlet of equipment against the ranges of the standards, and its dew point.

Temperatures are thousandths of a degree Celsius, relative humidity thousandths.
"""

from dataclasses import dataclass
from math import log
from typing import Literal

# Magnus's formula over water, -45 to 60 °C (WMO-No. 8, Guide to Instruments, annex 4.B).
MAGNUS_A, MAGNUS_B = 17.62, 243.12
Grade = Literal["ok", "warning", "down", "unknown"]


@dataclass(frozen=True, slots=True)
class Band:
    """A standard's range, bounds included. None: it sets no bound."""

    name: str
    low_mc: int
    high_mc: int
    low_dew_mc: int
    high_dew_mc: int
    low_rh: int | None
    high_rh: int


# 5.1.1 and annex A.
GB_50174 = Band("GB 50174-2017", 18_000, 27_000, 5_500, 15_000, None, 600)
# Thermal Guidelines of 2015: recommended, and allowable of class A1.
ASHRAE = Band("ASHRAE TC 9.9", 18_000, 27_000, -9_000, 15_000, None, 600)
ASHRAE_A1 = Band("ASHRAE A1", 15_000, 32_000, -12_000, 17_000, 80, 800)
BANDS = (GB_50174, ASHRAE, ASHRAE_A1)


@dataclass(frozen=True, slots=True)
class Departure:
    """What is outside of a band: `quantity` mc, dew or rh; `way` low or high; the bound."""

    band: Band
    quantity: str
    way: str
    bound: int


def find_dew_point(mc: int | None, rh: int | None) -> int | None:
    """None without either, for air without any water, and where the formula doesn't hold."""
    if mc is None or rh is None or not 0 < rh <= 1000 or not -45_000 <= mc <= 60_000:
        return None
    celsius = mc / 1000
    gamma = log(rh / 1000) + MAGNUS_A * celsius / (MAGNUS_B + celsius)
    return round(MAGNUS_B * gamma / (MAGNUS_A - gamma) * 1000)


def find_departures(mc: int | None, rh: int | None, band: Band) -> list[Departure]:
    """What is known to be outside; what isn't measured is outside of nothing."""
    bounds = (
        ("mc", mc, band.low_mc, band.high_mc),
        ("dew", find_dew_point(mc, rh), band.low_dew_mc, band.high_dew_mc),
        ("rh", rh, band.low_rh, band.high_rh),
    )
    found = []
    for quantity, value, low, high in bounds:
        if value is None:
            continue
        if low is not None and value < low:
            found.append(Departure(band, quantity, "low", low))
        elif value > high:
            found.append(Departure(band, quantity, "high", high))
    return found


def grade_air(mc: int | None, rh: int | None) -> Grade:
    """`down` outside of what A1 allows, `warning` outside of what either standard wants; of a
    sensor that shows humidity alone that counts, of a silent one nothing."""
    if mc is None and rh is None:
        return "unknown"
    if find_departures(mc, rh, ASHRAE_A1):
        return "down"
    wanted = (*find_departures(mc, rh, GB_50174), *find_departures(mc, rh, ASHRAE))
    return "warning" if wanted else "ok"
