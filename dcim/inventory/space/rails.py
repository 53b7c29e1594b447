"""The side rails, where 0U power strips hang: a left and a right one, six places each."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import SIDES, Device, Installation, Rack

RAIL_PLACES = 6


def find_rail_place(
    session: Session, rack: Rack, rail: str | None, position: int | None
) -> tuple[str, int]:
    """The place asked for, or the first free one: from the bottom up, left before right.

    The rack is locked. Raises ConflictError naming what hangs there, InvalidError.
    """
    if rail is not None and rail not in SIDES:
        raise InvalidError("The rails are left and right.", {"rail": ["unknown"]})
    if position is not None and rail is None:
        raise InvalidError("Say which rail, left or right.", {"rail": ["required"]})
    if position is not None and not 1 <= position <= RAIL_PLACES:
        raise InvalidError(
            "A rail has places 1 to %(count)s.",
            {"rail_position": ["out of range"]},
            count=RAIL_PLACES,
        )
    taken: dict[tuple[str, int], str] = {
        (row.rail, row.rail_position): row.name
        for row in session.execute(
            select(Installation.rail, Installation.rail_position, Device.name)
            .join(Device, Device.id == Installation.device_id)
            .where(Installation.rack_id == rack.id, Installation.rail.is_not(None))
        )
    }
    wanted = [
        (one_rail, number)
        for number in ((position,) if position else range(1, RAIL_PLACES + 1))
        for one_rail in ((rail,) if rail else SIDES)
    ]
    for place in wanted:
        if place not in taken:
            return place
    raise ConflictError(
        "%(rack)s has no free place there on its side rails: %(devices)s hang there until they"
        " are removed.",
        rack=rack.code,
        devices=", ".join(taken[place] for place in wanted),
    )
