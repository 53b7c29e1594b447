"""The environment board chosen, put in order, and as flat rows for files and the API."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dcim.sla.climate_bands import Departure
from dcim.sla.climate_board import GRADES, ClimateBoard, Extremes, RoomClimate, Sensor

# Whatever isn't in range and read.
OFF = "off"
STATES = (*GRADES, OFF)
_WORDS = {"mc": "temperature", "dew": "dew_point", "rh": "humidity"}
# The worst first unless another order is asked for.
SORTS: dict[str, Callable[[Sensor], Any]] = {
    "state": lambda one: (GRADES.index(one.grade), -(one.mc or 0), one.name),
    "name": lambda one: (one.row_code, one.cabinet_code, one.name),
    "temperature": lambda one: one.mc,
    "humidity": lambda one: one.rh,
    "dew": lambda one: one.dew_mc,
}


@dataclass(frozen=True, slots=True)
class ClimateWish:
    """What of the board is asked for; `state` empty: any."""

    text: str = ""
    state: str = ""
    sort: str = "state"
    descending: bool = False


def choose_rooms(board: ClimateBoard, wish: ClimateWish) -> list[RoomClimate]:
    """Rooms with the sensors that a wish finds, in its order; those without any are left out."""
    found = []
    for room in board.rooms:
        sensors = _sort([one for one in room.sensors if _fits(one, room, wish)], wish)
        if sensors:
            found.append(replace(room, sensors=tuple(sensors)))
    return found


def _fits(one: Sensor, room: RoomClimate, wish: ClimateWish) -> bool:
    if wish.state == OFF:
        if one.grade == "ok":
            return False
    elif wish.state and one.grade != wish.state:
        return False
    needle = wish.text.casefold()
    names = (one.name, one.cabinet_code, room.code, room.name, room.name_en)
    return any(needle in name.casefold() for name in names)


def _sort(several: Sequence[Sensor], wish: ClimateWish) -> list[Sensor]:
    """What isn't known stands last either way."""
    keyed = [(SORTS[wish.sort](one), one) for one in several]
    known = [one for one in keyed if one[0] is not None]
    known.sort(key=lambda each: each[0], reverse=wish.descending)
    return [one for _, one in known] + [one for told, one in keyed if told is None]


@dataclass(frozen=True, slots=True)
class ClimateRow:
    """A sensor, judged as inlet air. °C and percent of relative humidity, none when not reported
    or no longer fresh; `measured_at` is of the newest sample, however old. The last 24 hours' least
    and most are none where too many sensors are asked for at once. `grade`: ok, warning, down or
    unknown; `departures` says what is outside of which range."""

    series_id: int
    name: str
    site_id: int
    site_code: str
    room_id: int
    room_code: str
    row_code: str
    cabinet_id: int | None
    cabinet_code: str
    measured_at: dt.datetime | None
    grade: str
    temperature_c: float | None
    humidity_percent: float | None
    dew_point_c: float | None
    day_low_c: float | None
    day_high_c: float | None
    day_hottest_at: dt.datetime | None
    day_low_percent: float | None
    day_high_percent: float | None
    departures: list[str]


def describe_sensor(one: Sensor, room: RoomClimate, day: Extremes | None) -> ClimateRow:
    return ClimateRow(
        series_id=one.series_id,
        name=one.name,
        site_id=room.site_id,
        site_code=room.site_code,
        room_id=room.id,
        room_code=room.code,
        row_code=one.row_code,
        cabinet_id=one.cabinet_id,
        cabinet_code=one.cabinet_code,
        measured_at=one.measured_at,
        grade=one.grade,
        temperature_c=_divide(one.mc, 1000),
        humidity_percent=_divide(one.rh, 10),
        dew_point_c=_divide(one.dew_mc, 1000),
        day_low_c=_divide(day.low_mc if day else None, 1000),
        day_high_c=_divide(day.high_mc if day else None, 1000),
        day_hottest_at=day.hottest_at if day else None,
        day_low_percent=_divide(day.low_rh if day else None, 10),
        day_high_percent=_divide(day.high_rh if day else None, 10),
        departures=[_say(each) for each in one.departures],
    )


def _divide(value: int | None, by: int) -> float | None:
    return None if value is None else value / by


def _say(one: Departure) -> str:
    """`temperature above 32 (ASHRAE A1)`, in °C or percent."""
    bound = one.bound / (10 if one.quantity == "rh" else 1000)
    way = "below" if one.way == "low" else "above"
    return f"{_WORDS[one.quantity]} {way} {bound:g} ({one.band.name})"
