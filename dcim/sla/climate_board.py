"""Temperature and humidity of a house: each sensor now and over a day, against the standards."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row, Site
from dcim.metering.batch import Columns
from dcim.metering.families import DAY_MS, NO_TEMPERATURE, NOT_REPORTED
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.sla.climate_bands import (
    BANDS,
    Departure,
    Grade,
    find_departures,
    find_dew_point,
    grade_air,
)
from dcim.sla.rooms import open_sample

# A day of more sensors than these isn't read at once: a room is chosen first.
MOST_READ = 400


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and most of a day, thousandths of a degree and of relative humidity; none where
    that was never measured. `hottest_at`: when the most was first read, UTC."""

    low_mc: int | None
    high_mc: int | None
    hottest_at: dt.datetime | None
    low_rh: int | None
    high_rh: int | None


@dataclass(frozen=True, slots=True)
class Sensor:
    """`mc` and `rh` (thousandths) are none when not reported or no longer fresh; `measured_at` is
    of the newest sample, however old. Without a cabinet it belongs to its room."""

    series_id: int
    name: str
    site_id: int
    room_id: int
    cabinet_id: int | None
    cabinet_code: str
    row_code: str
    measured_at: dt.datetime | None
    mc: int | None
    rh: int | None

    @property
    def grade(self) -> Grade:
        return grade_air(self.mc, self.rh)

    @property
    def dew_mc(self) -> int | None:
        return find_dew_point(self.mc, self.rh)

    @property
    def departures(self) -> list[Departure]:
        return [one for band in BANDS for one in find_departures(self.mc, self.rh, band)]


@dataclass(frozen=True, slots=True)
class RoomClimate:
    """The worst sensor first."""

    id: int
    site_id: int
    site_code: str
    code: str
    name: str
    name_en: str
    sensors: tuple[Sensor, ...]

    def in_cabinets(self) -> dict[str, list[Sensor]]:
        """By row, as the cabinets are named."""
        rows: dict[str, list[Sensor]] = {}
        for one in sorted(self.sensors, key=lambda one: (one.row_code, one.cabinet_code, one.name)):
            if one.cabinet_id is not None:
                rows.setdefault(one.row_code, []).append(one)
        return rows


@dataclass(frozen=True, slots=True)
class ClimateBoard:
    rooms: tuple[RoomClimate, ...]

    @property
    def sensors(self) -> list[Sensor]:
        return [one for room in self.rooms for one in room.sensors]

    @property
    def silent(self) -> list[Sensor]:
        return [one for one in self.sensors if one.grade == "unknown"]

    @property
    def newest(self) -> dt.datetime | None:
        return max(
            (one.measured_at for one in self.sensors if one.measured_at is not None), default=None
        )


GRADES: Sequence[Grade] = ("down", "warning", "unknown", "ok")


def read_climate_board(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    site_id: int | None = None,
    room_id: int | None = None,
    store: SampleStore | None = None,
) -> ClimateBoard:
    """Sensors of rooms' air, with the cabinet where one is installed; two statements, staff only.

    What isn't bound to a room is warm inside: a switch's chassis, a battery, an optic module.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all sensors.")
    statement = (
        select(
            Series.id.label("series_id"),
            Device.name.label("device"),
            Series.slot,
            Room.id.label("room_id"),
            Room.code.label("room_code"),
            Room.name.label("room_name"),
            Room.name_en,
            Site.id.label("site_id"),
            Site.code.label("site_code"),
            Cabinet.id.label("cabinet_id"),
            Cabinet.code.label("cabinet_code"),
            Row.code.label("row_code"),
        )
        .join(Device, Device.id == Series.device_id)
        .join(Room, Room.id == Series.room_id)
        .join(Site, Site.id == Room.site_id)
        .outerjoin(Installation, Installation.device_id == Series.device_id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Row, Row.id == Cabinet.row_id)
        .where(Series.family == "climate")
        .order_by(Site.code, Room.code, Device.name, Series.slot)
    )
    if site_id is not None:
        statement = statement.where(Room.site_id == site_id)
    if room_id is not None:
        statement = statement.where(Room.id == room_id)
    rows = session.execute(statement).all()
    ids = [row.series_id for row in rows]
    latest = (store or PostgresSampleStore()).latest(session, "climate", ids)
    by_room: dict[int, list[Sensor]] = {}
    heads = {}
    for row in rows:
        mc, rh, at = open_sample(latest.get(row.series_id), now)
        sensor = Sensor(
            row.series_id, f"{row.device}/{row.slot}", row.site_id, row.room_id, row.cabinet_id,
            row.cabinet_code or "", row.row_code or "", at, mc, rh,
        )  # fmt: skip
        by_room.setdefault(row.room_id, []).append(sensor)
        heads[row.room_id] = row
    return ClimateBoard(
        tuple(
            RoomClimate(
                number, head.site_id, head.site_code, head.room_code, head.room_name, head.name_en,
                tuple(sorted(by_room[number], key=_worst_first)),
            )
            for number, head in heads.items()
        )
    )  # fmt: skip


def _worst_first(one: Sensor) -> tuple[int, int, str]:
    return GRADES.index(one.grade), -(one.mc or 0), one.name


def read_extremes(
    session: Session,
    sensors: Iterable[Sensor],
    now: dt.datetime,
    store: SampleStore | None = None,
) -> Mapping[int, Extremes]:
    """The last 24 hours by series; a fixed number of statements for each hundred sensors. None of
    more than MOST_READ sensors."""
    ids = [one.series_id for one in sensors]
    if len(ids) > MOST_READ:
        return {}
    end = round(now.timestamp() * 1000) + 1
    read = (store or PostgresSampleStore()).read(session, "climate", ids, end - DAY_MS, end)
    return {series_id: find_extremes(columns) for series_id, columns in read}


def find_extremes(columns: Columns) -> Extremes:
    mc, rh = columns.values["mc"], columns.values["rh"]
    warm, wet = mc != NO_TEMPERATURE, rh != NOT_REPORTED
    at = columns.ts[warm]
    known, humid = mc[warm], rh[wet]
    return Extremes(
        int(known.min()) if len(known) else None,
        int(known.max()) if len(known) else None,
        dt.datetime.fromtimestamp(int(at[np.argmax(known)]) / 1000, dt.UTC) if len(known) else None,
        int(humid.min()) if len(humid) else None,
        int(humid.max()) if len(humid) else None,
    )


def widen_extremes(found: Mapping[int, Extremes], sensors: Iterable[Sensor]) -> dict[int, Extremes]:
    """With what the sensors show by now: a day that was read some seconds ago may lack it."""
    return {
        one.series_id: _add_now(found[one.series_id], one)
        for one in sensors
        if one.series_id in found
    }


def _add_now(day: Extremes, one: Sensor) -> Extremes:
    is_hottest = one.mc is not None and (day.high_mc is None or one.mc > day.high_mc)
    warm = [mc for mc in (day.low_mc, day.high_mc, one.mc) if mc is not None]
    humid = [rh for rh in (day.low_rh, day.high_rh, one.rh) if rh is not None]
    return Extremes(
        min(warm, default=None),
        max(warm, default=None),
        one.measured_at if is_hottest else day.hottest_at,
        min(humid, default=None),
        max(humid, default=None),
    )
