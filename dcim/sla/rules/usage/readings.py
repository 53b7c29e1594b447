"""What power is billed from: meters' intervals, the order, the PUE that was measured."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

from dcim.sla.rules.usage.hand_readings import HOUR_MS, HandRead

ReadingUnit = Literal["mWh", "mVA", "mA"]
NEEDED: dict[str, ReadingUnit] = {"kW": "mWh", "kVA": "mVA", "A": "mA"}


@dataclass(frozen=True)
class Readings:
    """All feeds of an item together, in whole intervals aligned in UTC from `first` (ms).

    Each is the energy of its interval in mWh, or its mean in mVA or mA; None = not measured.
    """

    first: int
    interval_ms: int
    values: tuple[int | None, ...]
    unit: ReadingUnit = "mWh"
    # Meters read by hand, beside the feeds that are polled; `polled` says whether there are any.
    by_hand: tuple[HandRead, ...] = ()
    polled: bool = True
    # Of the time in service, how much a meter hung there: the least of all places.
    hand_covered: Fraction = Fraction(1)

    @property
    def end(self) -> int:
        return self.first + len(self.values) * self.interval_ms

    @property
    def present(self) -> int:
        return sum(value is not None for value in self.values)

    @property
    def estimated(self) -> bool:
        return any(read.used is not None and read.used.estimated for read in self.by_hand)


@dataclass(frozen=True)
class MeasuredPue:
    """Energy of the whole data centre and of its IT over [start, end) UTC ms."""

    start: int
    end: int
    facility_mwh: int
    it_mwh: int


@dataclass(frozen=True)
class PowerOrder:
    """What the customer ordered; `commit` and `rating` in the terms' unit. None = not known."""

    amperes: Decimal | None = None  # breakered
    commit: Decimal | None = None
    rating: Decimal | None = None
    price_committed: Decimal | None = None
    price_over: Decimal | None = None
    share: Fraction = Fraction(1)  # of the period in service, for fixed fees and free energy
    pue: MeasuredPue | None = None


def to_unit(value: int | Fraction, unit: ReadingUnit, interval_ms: int) -> Fraction:
    """kW of the energy of an interval, kVA, or A."""
    if unit == "mWh":
        return Fraction(value) / 10**6 / Fraction(interval_ms, HOUR_MS)
    return Fraction(value, 10**6 if unit == "mVA" else 10**3)


def fill_readings(values: tuple[int | None, ...], missing: str) -> list[int]:
    """What wasn't measured left out, 0, or the last one again."""
    found: list[int] = []
    last: int | None = None
    for value in values:
        last = value if value is not None else last
        if value is not None:
            found.append(value)
        elif missing == "zero":
            found.append(0)
        elif missing == "carry" and last is not None:
            found.append(last)
    return found


def local_minutes(readings: Readings, zone: str) -> list[int]:
    """Of the local day, when each interval begins."""
    place = ZoneInfo(zone)
    found = []
    for index in range(len(readings.values)):
        at = dt.datetime.fromtimestamp(
            (readings.first + index * readings.interval_ms) / 1000, place
        )
        found.append(at.hour * 60 + at.minute)
    return found


def within(minute: int, hours: tuple[int, int]) -> bool:
    start, end = hours
    return start <= minute < end if start < end else minute >= start or minute < end


def say_hours(hours: tuple[int, int]) -> str:
    return "–".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in hours)
