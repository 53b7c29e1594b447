"""What the sensors of each room show now."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row, Site
from dcim.metering.families import NO_TEMPERATURE, NOT_REPORTED
from dcim.metering.models import Series
from dcim.metering.store import Latest, PostgresSampleStore, SampleStore
from dcim.sla.evidence import HOLDS_MS


@dataclass(frozen=True, slots=True)
class SensorNow:
    """Thousandths of a degree and of relative humidity; none when not reported or not fresh."""

    series_id: int
    name: str
    site_code: str
    room_id: int
    room_code: str
    room_name: str
    room_name_en: str
    measured_at: dt.datetime | None
    mc: int | None
    rh: int | None


def read_sensors(
    session: Session, scope: Scope, now: dt.datetime, store: SampleStore | None = None
) -> list[SensorNow]:
    """Every climate series that is bound to a room; two statements, staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all sensors.")
    rows = session.execute(
        select(
            Series.id,
            Device.name,
            Series.slot,
            Site.code,
            Room.id,
            Room.code,
            Room.name,
            Room.name_en,
        )
        .join(Room, Room.id == Series.room_id)
        .join(Site, Site.id == Room.site_id)
        .join(Device, Device.id == Series.device_id)
        .where(Series.family == "climate")
        .order_by(Site.code, Room.code, Device.name, Series.slot)
    ).all()
    latest = (store or PostgresSampleStore()).latest(session, "climate", [row[0] for row in rows])
    found = []
    for series_id, device, slot, site, room_id, code, name, name_en in rows:
        mc, rh, at = open_sample(latest.get(series_id), now)
        found.append(
            SensorNow(
                series_id,
                f"{device}/{slot}",
                site,
                room_id,
                code,
                name,
                name_en,
                at,
                mc,
                rh,
            )
        )
    return found


def open_sample(
    sample: Latest | None, now: dt.datetime
) -> tuple[int | None, int | None, dt.datetime | None]:
    """Thousandths of a degree and of relative humidity, none when not reported or not fresh; and
    when it was measured, however long ago."""
    if sample is None:
        return None, None, None
    at = dt.datetime.fromtimestamp(sample.ts / 1000, dt.UTC)
    if round(now.timestamp() * 1000) - sample.ts > HOLDS_MS:
        return None, None, at
    mc, rh = int(sample.values["mc"]), int(sample.values["rh"])
    return None if mc == NO_TEMPERATURE else mc, None if rh == NOT_REPORTED else rh, at


@dataclass(frozen=True, slots=True)
class CabinetClimate:
    """The warmest of a cabinet's own sensors, thousandths of a degree; none without a fresh one."""

    sensors: int
    mc: int | None


def read_cabinet_climate(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    room_id: int,
    store: SampleStore | None = None,
) -> dict[int, CabinetClimate]:
    """By cabinet, where a sensor of the room's air is installed in one of its racks; two
    statements, staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see all sensors.")
    rows = session.execute(
        select(Series.id, Rack.cabinet_id)
        .join(Installation, Installation.device_id == Series.device_id)
        .join(Rack, Rack.id == Installation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .where(Series.family == "climate", Series.room_id == room_id, Row.room_id == room_id)
        .order_by(Series.id)
    ).all()
    latest = (store or PostgresSampleStore()).latest(session, "climate", [row[0] for row in rows])
    found: dict[int, CabinetClimate] = {}
    for series_id, cabinet_id in rows:
        before = found.get(cabinet_id, CabinetClimate(0, None))
        mc, _rh, _at = open_sample(latest.get(series_id), now)
        known = [one for one in (before.mc, mc) if one is not None]
        found[cabinet_id] = CabinetClimate(before.sensors + 1, max(known, default=None))
    return found
