"""Rules between sites, buildings and rooms. Callers leave the audit entry to records.writing."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import Building, Cabinet, Room, Row
from dcim.inventory.space.floor import Footprint, stands_inside
from dcim.inventory.space.occupancy import lock_room, require_staff
from dcim.inventory.space.structure import find_cabinet_footprint

Values = Mapping[str, Any]


def check_site(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """Days begin at midnight of the site's zone: it has to be one. Raises InvalidError."""
    try:
        ZoneInfo(str(after["timezone"]))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidError(
            "There is no time zone %(zone)s.", {"timezone": ["unknown"]}, zone=after["timezone"]
        ) from error


def check_room(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """The building stands on the room's own site. Raises InvalidError."""
    if after.get("building_id") is None:
        return
    building = session.get(Building, after["building_id"])
    if building is None or building.site_id != after["site_id"]:
        raise InvalidError(
            "The building is on another site than the room.", {"building_id": ["another site"]}
        )


def update_room(session: Session, scope: Scope, room: Room, values: Values) -> None:
    """A floor is not made smaller than what stands on it, nor its tiles. Raises ConflictError."""
    require_staff(scope)
    lock_room(session, room.id)
    for name, value in values.items():
        setattr(room, name, value)
    session.flush()
    if not {"grid_columns", "grid_rows", "tile_mm"} & set(values):
        return
    cabinets = session.scalars(
        select(Cabinet)
        .join(Row, Row.id == Cabinet.row_id)
        .where(Row.room_id == room.id, Cabinet.grid_x.is_not(None))
        .order_by(Cabinet.id)
    )
    taken: list[Footprint] = []
    for cabinet in cabinets:
        place = find_cabinet_footprint(cabinet, room.tile_mm)
        if place is None:
            continue
        inside = stands_inside(
            place, columns=room.grid_columns, rows=room.grid_rows, tile_mm=room.tile_mm
        )
        if not inside or any(place.overlaps(other) for other in taken):
            raise ConflictError(
                "Cabinet %(cabinet)s has no place on a floor like this until it is moved.",
                cabinet=cabinet.code,
            )
        taken.append(place)
