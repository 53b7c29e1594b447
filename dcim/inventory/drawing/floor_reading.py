"""What a room's floor plan shows of each cabinet, in a fixed number of statements."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import ConflictError, ForbiddenError, NotFoundError
from dcim.inventory.drawing.floor_plan import FloorPlan, Standing, lay_out_floor, propose_places
from dcim.inventory.models import (
    Allocation,
    Cabinet,
    Cage,
    Device,
    DeviceType,
    Installation,
    Rack,
    Room,
    Row,
)
from dcim.inventory.space.floor import find_footprint
from dcim.inventory.space.structure import update_cabinet


@dataclass(frozen=True, slots=True)
class FloorCabinet:
    """Grams; `unweighed` counts devices whose type has no weight: the sum is a lower bound."""

    id: int
    code: str
    row_id: int
    row_code: str
    state: str
    cage: str
    grid_x: int | None
    grid_y: int | None
    facing: str
    width_mm: int
    depth_mm: int
    limit_g: int
    weight_g: int
    devices: int
    unweighed: int
    customers: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Floor:
    room_id: int
    columns: int
    rows: int
    tile_mm: int
    cabinets: list[FloorCabinet]

    @property
    def unplaced(self) -> list[FloorCabinet]:
        return [one for one in self.cabinets if one.grid_x is None]

    def draw(self) -> FloorPlan:
        return lay_out_floor(
            self.columns,
            self.rows,
            self.tile_mm,
            [
                Standing(
                    one.id,
                    one.code,
                    find_footprint(
                        one.grid_x,
                        one.grid_y,
                        one.facing,
                        width_mm=one.width_mm,
                        depth_mm=one.depth_mm,
                        tile_mm=self.tile_mm,
                    ),
                    one.facing,
                    one.cage,
                )
                for one in self.cabinets
                if one.grid_x is not None and one.grid_y is not None
            ],
        )


def read_floor(session: Session, scope: Scope, room_id: int) -> Floor:
    """Three statements. Raises NotFoundError, ForbiddenError."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see how full the house is.")
    room = session.get(Room, room_id)
    if room is None:
        raise NotFoundError("No such room.")
    loads = (
        select(
            Rack.cabinet_id,
            func.sum(DeviceType.weight_g).label("grams"),
            func.count(Device.id).label("devices"),
            func.count(Device.id).filter(DeviceType.weight_g == 0).label("unweighed"),
        )
        .join(Installation, Installation.rack_id == Rack.id)
        .join(Device, Device.id == Installation.device_id)
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .group_by(Rack.cabinet_id)
        .subquery()
    )
    owners: dict[int, list[tuple[int, str, str]]] = {}
    for cabinet_id, customer_id, name, name_en in session.execute(
        select(Rack.cabinet_id, Customer.id, Customer.name, Customer.name_en)
        .join(Allocation, Allocation.rack_id == Rack.id)
        .join(Customer, Customer.id == Allocation.customer_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .where(Row.room_id == room_id, Allocation.turn == "current", Allocation.slots.any())
        .distinct()
        .order_by(Rack.cabinet_id, Customer.id)
    ):
        owners.setdefault(cabinet_id, []).append((customer_id, name, name_en))
    rows = session.execute(
        select(
            Cabinet,
            Row.code,
            Cage.code,
            func.coalesce(loads.c.grams, 0),
            func.coalesce(loads.c.devices, 0),
            func.coalesce(loads.c.unweighed, 0),
        )
        .join(Row, Row.id == Cabinet.row_id)
        .outerjoin(Cage, Cage.id == Cabinet.cage_id)
        .outerjoin(loads, loads.c.cabinet_id == Cabinet.id)
        .where(Row.room_id == room_id)
        .order_by(Row.position, Cabinet.position)
    ).all()
    return Floor(
        room_id=room_id,
        columns=room.grid_columns,
        rows=room.grid_rows,
        tile_mm=room.tile_mm,
        cabinets=[
            FloorCabinet(
                id=cabinet.id,
                code=cabinet.code,
                row_id=cabinet.row_id,
                row_code=row_code,
                state=cabinet.state,
                cage=cage or "",
                grid_x=cabinet.grid_x,
                grid_y=cabinet.grid_y,
                facing=cabinet.facing,
                width_mm=cabinet.width_mm,
                depth_mm=cabinet.depth_mm,
                limit_g=cabinet.weight_limit_kg * 1000,
                weight_g=cabinet.own_weight_kg * 1000 + int(grams),
                devices=devices,
                unweighed=unweighed,
                customers=tuple(owners.get(cabinet.id, ())),
            )
            for cabinet, row_code, cage, grams, devices, unweighed in rows
        ],
    )


def place_cabinet(
    session: Session,
    scope: Scope,
    cabinet_id: int,
    *,
    grid_x: int | None,
    grid_y: int | None,
    facing: str,
) -> Cabinet:
    """Put a cabinet on these tiles, or with none take it off the plan.

    Raises ConflictError naming the cabinet that stands there, InvalidError for a place outside.
    """
    cabinet = session.get(Cabinet, cabinet_id)
    if cabinet is None or not scope.is_staff:
        raise NotFoundError("No such cabinet.")
    before = [cabinet.grid_x, cabinet.grid_y, cabinet.facing]
    update_cabinet(session, scope, cabinet, {"grid_x": grid_x, "grid_y": grid_y, "facing": facing})
    record(
        session,
        scope,
        "cabinet.place",
        f"cabinet/{cabinet.id}",
        cabinet=cabinet.code,
        before=before,
        after=[grid_x, grid_y, facing],
    )
    return cabinet


def place_rows(session: Session, scope: Scope, room_id: int) -> int:
    """Place all cabinets of a room row by row, front to front; the grid grows if it must.

    Only while none has a place: a plan that somebody made is not thrown away. Returns how many.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff arrange rooms.")
    room = session.scalar(select(Room).where(Room.id == room_id).with_for_update())
    if room is None:
        raise NotFoundError("No such room.")
    lines = session.scalars(
        select(Row)
        .options(selectinload(Row.cabinets))
        .where(Row.room_id == room_id)
        .order_by(Row.position, Row.id)
    )
    rows = [list(row.cabinets) for row in lines]
    if any(one.grid_x is not None for cabinets in rows for one in cabinets):
        raise ConflictError("Some cabinets have a place already; place the others one by one.")
    sizes = [[(one.id, one.width_mm, one.depth_mm) for one in cabinets] for cabinets in rows]
    places, columns, deep = propose_places(sizes, room.tile_mm)
    room.grid_columns = max(room.grid_columns, columns)
    room.grid_rows = max(room.grid_rows, deep)
    by_id: dict[int, Cabinet] = {one.id: one for cabinets in rows for one in cabinets}
    for place in places:
        cabinet = by_id[place.id]
        cabinet.grid_x, cabinet.grid_y = place.grid_x, place.grid_y
        cabinet.facing = place.facing
    session.flush()
    record(
        session,
        scope,
        "room.arrange",
        f"room/{room_id}",
        cabinets=len(places),
        grid=[room.grid_columns, room.grid_rows],
    )
    return len(places)
