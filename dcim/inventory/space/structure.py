"""Cabinets and the racks in them: built, split, resized, taken away, never under what stands there.

Callers that create, change or delete one record leave the audit entry to `dcim.records.writing`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.models import (
    Allocation,
    AllocationSlot,
    Cabinet,
    Cage,
    Device,
    Installation,
    Rack,
    Room,
    Row,
)
from dcim.inventory.space.areas import (
    claim_new_rack,
    find_area,
    find_claims_around,
    find_running_claims,
    refuse_claimed,
)
from dcim.inventory.space.floor import Footprint, find_footprint, stands_inside
from dcim.inventory.space.occupancy import (
    Space,
    clear_expired_holds,
    find_allocations,
    find_barred,
    find_holds,
    find_installed,
    lock_rack,
    lock_racks,
    lock_room,
    read_again,
    refuse_allocated,
    refuse_barred,
    refuse_held,
    refuse_installed,
    require_staff,
    site_day,
    whole_rack,
)

RACKS_IN = {"full": 1, "halves": 2, "quarters": 4}
# What frame, roof and feet take of a cabinet's height, and the height of a unit (EIA-310), in mm.
FRAME_MM, UNIT_MM = 110, 44.45
FLOOR_FIELDS = ("row_id", "grid_x", "grid_y", "facing", "width_mm", "depth_mm")


def create_cabinet(
    session: Session,
    scope: Scope,
    values: Mapping[str, Any],
    *,
    u_counts: Sequence[int] | None = None,
) -> Cabinet:
    """A cabinet with its racks by layout, from the top down.

    `u_counts` none: what the height usually holds, in equal parts. In a sold room or cage the new
    racks belong to who bought it. Raises InvalidError, ConflictError, ForbiddenError.
    """
    require_staff(scope)
    given = dict(values)
    row = session.get(Row, given["row_id"])
    if row is None:
        raise NotFoundError("There is no such row.")
    room = lock_room(session, row.room_id)
    if given.get("position") is None:
        last = session.scalar(select(func.max(Cabinet.position)).where(Cabinet.row_id == row.id))
        given["position"] = (last or 0) + 1
    cabinet = Cabinet(**given)
    layout = given.get("layout") or "full"
    counts = u_counts or divide_units(count_units(given.get("height_mm") or 2000), layout)
    _check_counts(layout, counts)
    _check_tile(cabinet)
    session.add(cabinet)
    session.flush()
    _check_cage(session, cabinet, room)
    _check_floor(session, cabinet, room)
    _build_racks(session, cabinet, counts)
    return cabinet


def update_cabinet(
    session: Session, scope: Scope, cabinet: Cabinet, values: Mapping[str, Any]
) -> None:
    """Rename, relocate, turn or describe a cabinet; its racks go with it.

    Into a sold room or cage it brings its racks to who bought that; out of one it doesn't go.
    """
    require_staff(scope)
    if "layout" in values and values["layout"] != cabinet.layout:
        raise InvalidError("Splitting a cabinet is an action of its own.", {"layout": ["fixed"]})
    row = session.get(Row, values.get("row_id", cabinet.row_id))
    if row is None:
        raise NotFoundError("There is no such row.")
    old_room_id = session.scalars(select(Row.room_id).where(Row.id == cabinet.row_id)).one()
    rooms = {room_id: lock_room(session, room_id) for room_id in sorted({old_room_id, row.room_id})}
    leaves_room = row.room_id != old_room_id
    leaves_cage = "cage_id" in values and values["cage_id"] != cabinet.cage_id
    if leaves_room or leaves_cage:
        _refuse_leaving(session, cabinet, room=leaves_room)
    for name, value in values.items():
        setattr(cabinet, name, value)
    _check_tile(cabinet)
    session.flush()
    _check_cage(session, cabinet, rooms[row.room_id])
    if any(name in values for name in FLOOR_FIELDS):
        _check_floor(session, cabinet, rooms[row.room_id])
    if leaves_room or leaves_cage:
        for rack_id in session.scalars(_select_racks(cabinet).order_by(Rack.id)).all():
            claim_new_rack(session, rack_id)


def delete_cabinet(session: Session, scope: Scope, cabinet: Cabinet) -> None:
    """Take an empty cabinet away, with its racks. Raises ConflictError that says what is in it."""
    require_staff(scope)
    racks = lock_racks(session, session.scalars(_select_racks(cabinet)))
    for rack in racks.values():
        _refuse_used(session, rack, whole_rack(rack))
    area = find_area(session, "cabinet", cabinet.id)
    for claim in find_running_claims(session, area):
        raise refuse_claimed(session, area, claim)
    cabinet_id = cabinet.id
    session.expunge(cabinet)
    session.execute(delete(Cabinet).where(Cabinet.id == cabinet_id))


def split_cabinet(
    session: Session,
    scope: Scope,
    cabinet: Cabinet,
    layout: str,
    *,
    u_counts: Sequence[int] | None = None,
) -> list[Rack]:
    """Make a cabinet's racks anew: halves and quarters have a door each. Refused unless empty.

    `u_counts` none: the units there are, in equal parts. From the top down. One audit entry.
    """
    require_staff(scope)
    read_again(session, cabinet)
    row = session.get_one(Row, cabinet.row_id)
    lock_room(session, row.room_id)
    old = lock_racks(session, session.scalars(_select_racks(cabinet)))
    if layout not in RACKS_IN:
        raise InvalidError("Full, halves or quarters.", {"layout": ["unknown"]})
    for rack in old.values():
        _refuse_used(session, rack, whole_rack(rack))
        for barred in find_barred(session, rack, whole_rack(rack)):
            raise refuse_barred(rack, barred)
        for claim in find_claims_around(session, find_area(session, "rack", rack.id)):
            raise refuse_claimed(session, find_area(session, "rack", rack.id), claim)
    counts = u_counts or divide_units(sum(rack.u_count for rack in old.values()), layout)
    _check_counts(layout, counts)
    before = [rack.u_count for rack in old.values()]
    # The first rack stays, with what history it has; the others go, or new ones come.
    kept = sorted(old.values(), key=lambda rack: rack.position)
    for rack in kept[len(counts) :]:
        session.expunge(rack)
        session.execute(delete(Rack).where(Rack.id == rack.id))
    kept = kept[: len(counts)]
    for rack in kept:
        rack.code = f"~{rack.id}"
    cabinet.layout = layout
    session.flush()
    racks = _build_racks(session, cabinet, counts, kept)
    session.expire(cabinet, ["racks"])
    record(
        session,
        scope,
        "cabinet.split",
        f"cabinet/{cabinet.id}",
        cabinet=cabinet.code,
        layout=layout,
        before=before,
        u_counts=list(counts),
    )
    return racks


def create_rack(session: Session, scope: Scope, values: Mapping[str, Any]) -> Rack:
    """One more rack in a cabinet whose layout has room for it."""
    require_staff(scope)
    cabinet = session.get(Cabinet, values["cabinet_id"])
    if cabinet is None:
        raise NotFoundError("There is no such cabinet.")
    row = session.get_one(Row, cabinet.row_id)
    lock_room(session, row.room_id)
    count = session.scalar(select(func.count(Rack.id)).where(Rack.cabinet_id == cabinet.id)) or 0
    if count >= RACKS_IN[cabinet.layout]:
        raise ConflictError(
            "Cabinet %(cabinet)s has its %(count)s racks until it is split.",
            cabinet=cabinet.code,
            count=count,
        )
    given = dict(values)
    if given.get("position") is None:
        given["position"] = count
    rack = Rack(**given)
    session.add(rack)
    session.flush()
    claim_new_rack(session, rack.id)
    return rack


def update_rack(session: Session, scope: Scope, rack: Rack, values: Mapping[str, Any]) -> None:
    """Rename, renumber or resize. Smaller than what is in it is refused in its name; a larger one
    in a sold area is sold whole still."""
    require_staff(scope)
    lock_rack(session, rack.id)
    old, new = rack.u_count, values.get("u_count", rack.u_count)
    if new < old:
        lost = Space(2 * new, 2 * (old - new))
        _refuse_used(session, rack, lost)
        for barred in find_barred(session, rack, lost):
            raise refuse_barred(rack, barred)
    for name, value in values.items():
        setattr(rack, name, value)
    session.flush()
    if new > old:
        _grow_area_allocations(session, rack, 2 * old, 2 * new)


def delete_rack(session: Session, scope: Scope, rack: Rack) -> None:
    """Raises ConflictError that says what is in it."""
    require_staff(scope)
    lock_rack(session, rack.id)
    _refuse_used(session, rack, whole_rack(rack))
    rack_id = rack.id
    session.expunge(rack)
    session.execute(delete(Rack).where(Rack.id == rack_id))


def count_units(height_mm: int) -> int:
    """How many units a cabinet of this height usually holds: 42 in 2 m, 47 in 2.2 m."""
    return max(1, min(60, int((height_mm - FRAME_MM) / UNIT_MM)))


def divide_units(u_count: int, layout: str) -> list[int]:
    """In equal parts: 44 U in quarters are 4 × 11; what doesn't divide is the divider's."""
    parts = RACKS_IN[layout]
    return [max(1, u_count // parts)] * parts


def _check_counts(layout: str, counts: Sequence[int]) -> None:
    if len(counts) != RACKS_IN[layout] or not all(1 <= count <= 60 for count in counts):
        raise InvalidError(
            "Give each of the %(count)s racks its number of U, from 1 to 60.",
            {"u_counts": ["one each"]},
            count=RACKS_IN[layout],
        )


def _build_racks(
    session: Session, cabinet: Cabinet, counts: Sequence[int], kept: Sequence[Rack] = ()
) -> list[Rack]:
    racks = []
    for position, u_count in enumerate(counts):
        rack = kept[position] if position < len(kept) else Rack(cabinet_id=cabinet.id)
        rack.code = cabinet.code if len(counts) == 1 else f"{cabinet.code}-{position + 1}"
        rack.position, rack.u_count = position, u_count
        session.add(rack)
        racks.append(rack)
    session.flush()
    for rack in racks:
        claim_new_rack(session, rack.id)
    return racks


def _select_racks(cabinet: Cabinet) -> Any:
    return select(Rack.id).where(Rack.cabinet_id == cabinet.id)


def _refuse_used(session: Session, rack: Rack, space: Space) -> None:
    """Raise ConflictError for what stands, is sold or held there; whole racks also on their rails.

    The rack is locked.
    """
    for standing in find_installed(session, rack, space):
        raise refuse_installed(rack, standing)
    if space == whole_rack(rack):
        hanging = session.scalars(
            select(Device)
            .join(Installation, Installation.device_id == Device.id)
            .where(Installation.rack_id == rack.id)
            .order_by(Device.id)
            .limit(1)
        ).first()
        if hanging is not None:
            raise ConflictError(
                "%(rack)s has %(device)s on its side rail until it is removed.",
                rack=rack.code,
                device=hanging.name,
            )
    now = utc_now()
    today = site_day(session, rack, now)
    for allocation in find_allocations(session, rack, space):
        if allocation.ends_on is None or allocation.ends_on > today:
            raise refuse_allocated(session, rack, allocation)
    for hold in clear_expired_holds(session, find_holds(session, rack, space), now):
        raise refuse_held(rack, hold, now)


def _grow_area_allocations(session: Session, rack: Rack, old: int, new: int) -> None:
    allocations = session.scalars(
        select(Allocation).where(
            Allocation.rack_id == rack.id,
            Allocation.area_claim_id.is_not(None),
            Allocation.u_low == 0,
            Allocation.height == old,
            Allocation.slots.any(),
        )
    )
    for allocation in allocations:
        allocation.height = new
        allocation.slots += [AllocationSlot(u=u) for u in range(old, new)]
    session.flush()


def _refuse_leaving(session: Session, cabinet: Cabinet, *, room: bool) -> None:
    """Raise ConflictError when the room (`room`) or the cage the cabinet leaves is sold."""
    area = find_area(session, "cabinet", cabinet.id)
    for claim in find_claims_around(session, area):
        if claim.extent == "cage" or (room and claim.extent == "room"):
            raise refuse_claimed(session, area, claim)


def _check_cage(session: Session, cabinet: Cabinet, room: Room) -> None:
    if cabinet.cage_id is None:
        return
    cage = session.get(Cage, cabinet.cage_id)
    if cage is None or cage.room_id != room.id:
        raise InvalidError(
            "The cage is in another room than the cabinet.", {"cage_id": ["another room"]}
        )


def _check_tile(cabinet: Cabinet) -> None:
    if (cabinet.grid_x is None) != (cabinet.grid_y is None):
        raise InvalidError("Give both x and y, or neither.", {"grid_y": ["required"]})


def _check_floor(session: Session, cabinet: Cabinet, room: Room) -> None:
    """Inside the room and beside the other cabinets. The room is locked."""
    place = find_cabinet_footprint(cabinet, room.tile_mm)
    if place is None:
        return
    if not stands_inside(
        place, columns=room.grid_columns, rows=room.grid_rows, tile_mm=room.tile_mm
    ):
        raise InvalidError(
            "There the cabinet sticks out of the room, which has %(columns)s × %(rows)s tiles.",
            {"grid_x": ["outside"]},
            columns=room.grid_columns,
            rows=room.grid_rows,
        )
    others = session.scalars(
        select(Cabinet)
        .join(Row, Row.id == Cabinet.row_id)
        .where(Row.room_id == room.id, Cabinet.id != cabinet.id, Cabinet.grid_x.is_not(None))
        .order_by(Cabinet.id)
    )
    for other in others:
        taken = find_cabinet_footprint(other, room.tile_mm)
        if taken is not None and taken.overlaps(place):
            raise ConflictError(
                "Cabinet %(cabinet)s stands on these tiles until it is moved.", cabinet=other.code
            )


def find_cabinet_footprint(cabinet: Cabinet, tile_mm: int) -> Footprint | None:
    """None for a cabinet that isn't on the floor plan."""
    if cabinet.grid_x is None or cabinet.grid_y is None:
        return None
    return find_footprint(
        cabinet.grid_x, cabinet.grid_y, cabinet.facing,
        width_mm=cabinet.width_mm, depth_mm=cabinet.depth_mm, tile_mm=tile_mm,
    )  # fmt: skip
