"""Reading space and devices through a scope: sites, rooms, cabinets with racks, devices."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import NotFoundError
from dcim.inventory.models import (
    Allocation,
    Cabinet,
    Device,
    DeviceType,
    Installation,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.inventory.space.reach import in_reach, select_reached_rooms
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page


@dataclass(frozen=True, slots=True)
class SiteRow:
    id: int
    code: str
    name: str
    name_en: str
    timezone: str
    address: str


@dataclass(frozen=True, slots=True)
class RoomRow:
    id: int
    site_id: int
    site_code: str
    code: str
    name: str
    name_en: str
    # In this scope: a customer's count is of own cabinets.
    cabinets: int


@dataclass(frozen=True, slots=True)
class RackRow:
    """`allocated` and `installed` are half units, in this scope (a customer's own only)."""

    id: int
    cabinet_id: int
    code: str
    position: int
    u_count: int
    numbering: str
    allocated: int
    installed: int
    devices: int


@dataclass(frozen=True, slots=True)
class CabinetRow:
    id: int
    code: str
    layout: str
    position: int
    row_id: int
    row_code: str
    room_id: int
    room_code: str
    room_name: str
    room_name_en: str
    site_id: int
    site_code: str
    width_mm: int
    depth_mm: int
    weight_limit_kg: int
    racks: list[RackRow]


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """`u_low` and `height` are half units from the bottom; none of a place where not installed."""

    id: int
    name: str
    role: str
    state: str
    serial: str | None
    asset_tag: str | None
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    device_type_id: int
    manufacturer: str
    model: str
    height: int
    rated_w: int
    rack_id: int | None
    rack_code: str | None
    u_count: int | None
    numbering: str | None
    cabinet_id: int | None
    cabinet_code: str | None
    room_id: int | None
    room_code: str | None
    u_low: int | None
    face: str | None
    side: str | None
    installed_at: dt.datetime | None
    # The operator's machine: its own, or one let to the customer.
    provider_owned: bool
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AllocationRow:
    id: int
    rack_id: int
    customer_id: int
    customer_code: str
    customer_name: str
    contract_item_id: int
    u_low: int
    height: int
    turn: str
    starts_on: dt.date
    ends_on: dt.date | None


@dataclass(frozen=True, slots=True)
class DeviceTypeRow:
    id: int
    manufacturer: str
    model: str
    height: int
    full_depth: bool
    half_width: bool
    weight_g: int
    rated_w: int


def list_sites(session: Session, scope: Scope, paging: Paging = FIRST_PAGE) -> Page[SiteRow]:
    """Staff see all; a customer those where it has racks."""
    statement = select(
        Site.id, Site.code, Site.name, Site.name_en, Site.timezone, Site.address
    ).order_by(Site.code)
    if not scope.is_staff:
        statement = statement.where(
            Site.id.in_(select(Room.site_id).where(Room.id.in_(select_reached_rooms(scope))))
        )
    return fetch_page(session, SiteRow, statement, paging)


def list_rooms(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    site_id: int | None = None,
    room_id: int | None = None,
) -> Page[RoomRow]:
    cabinets = (
        select(func.count(Cabinet.id.distinct()))
        .join(Row, Row.id == Cabinet.row_id)
        .outerjoin(Rack, Rack.cabinet_id == Cabinet.id)
        .where(Row.room_id == Room.id, in_reach(scope, Rack.id))
        .correlate(Room)
        .scalar_subquery()
    )
    statement = (
        select(
            Room.id,
            Room.site_id,
            Site.code.label("site_code"),
            Room.code,
            Room.name,
            Room.name_en,
            cabinets.label("cabinets"),
        )
        .join(Site, Site.id == Room.site_id)
        .order_by(Site.code, Room.code, Room.id)
    )
    if not scope.is_staff:
        statement = statement.where(Room.id.in_(select_reached_rooms(scope)))
    if site_id is not None:
        statement = statement.where(Room.site_id == site_id)
    if room_id is not None:
        statement = statement.where(Room.id == room_id)
    return fetch_page(session, RoomRow, statement, paging)


def find_room(session: Session, scope: Scope, room_id: int) -> RoomRow:
    """Raises NotFoundError for an absent room and for one out of reach alike."""
    found = list_rooms(session, scope, room_id=room_id).items
    if not found:
        raise NotFoundError("No such room.")
    return found[0]


def list_cabinets(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    room_id: int | None = None,
    cabinet_id: int | None = None,
    code: str | None = None,
) -> Page[CabinetRow]:
    """Cabinets in reach, each with its racks in reach; three statements however many there are."""
    statement = (
        select(
            Cabinet.id,
            Cabinet.code,
            Cabinet.layout,
            Cabinet.position,
            Row.id.label("row_id"),
            Row.code.label("row_code"),
            Room.id.label("room_id"),
            Room.code.label("room_code"),
            Room.name.label("room_name"),
            Room.name_en.label("room_name_en"),
            Site.id.label("site_id"),
            Site.code.label("site_code"),
            Cabinet.width_mm,
            Cabinet.depth_mm,
            Cabinet.weight_limit_kg,
        )
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .join(Site, Site.id == Room.site_id)
        .order_by(Site.code, Room.code, Row.position, Cabinet.position, Cabinet.id)
    )
    if not scope.is_staff:
        statement = statement.where(
            Cabinet.id.in_(select(Rack.cabinet_id).where(in_reach(scope, Rack.id)))
        )
    if room_id is not None:
        statement = statement.where(Room.id == room_id)
    if cabinet_id is not None:
        statement = statement.where(Cabinet.id == cabinet_id)
    if code is not None:
        statement = statement.where(Cabinet.code == code)
    found = fetch_page(session, _bare_cabinet, statement, paging)
    racks = _load_racks(session, scope, [cabinet.id for cabinet in found.items])
    return found.replace([replace(one, racks=racks.get(one.id, [])) for one in found.items])


def find_cabinet(session: Session, scope: Scope, cabinet_id: int) -> CabinetRow:
    found = list_cabinets(session, scope, cabinet_id=cabinet_id).items
    if not found:
        raise NotFoundError("No such cabinet.")
    return found[0]


def list_allocations(session: Session, scope: Scope, rack_ids: list[int]) -> list[AllocationRow]:
    """Who owns what in these racks, current and next; a customer sees its own alone."""
    statement = (
        select(
            Allocation.id,
            Allocation.rack_id,
            Allocation.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Allocation.contract_item_id,
            Allocation.u_low,
            Allocation.height,
            Allocation.turn,
            Allocation.starts_on,
            Allocation.ends_on,
        )
        .join(Customer, Customer.id == Allocation.customer_id)
        .where(Allocation.rack_id.in_(rack_ids), scope.filter(Allocation.customer_id))
        .order_by(Allocation.rack_id, Allocation.u_low, Allocation.turn, Allocation.id)
    )
    return [AllocationRow(**row._mapping) for row in session.execute(statement)]


def find_device(session: Session, scope: Scope, device_id: int) -> DeviceRow:
    """Raises NotFoundError for an absent device and for another's alike."""
    found = session.execute(_select_devices(scope).where(Device.id == device_id)).one_or_none()
    if found is None:
        raise NotFoundError("No such device.")
    return DeviceRow(**found._mapping)


def list_device_types(session: Session, paging: Paging = FIRST_PAGE) -> Page[DeviceTypeRow]:
    """Catalogue data: nobody's in particular."""
    statement = select(
        DeviceType.id,
        DeviceType.manufacturer,
        DeviceType.model,
        DeviceType.height,
        DeviceType.full_depth,
        DeviceType.half_width,
        DeviceType.weight_g,
        DeviceType.rated_w,
    ).order_by(DeviceType.manufacturer, DeviceType.model)
    return fetch_page(session, DeviceTypeRow, statement, paging)


def _select_devices(scope: Scope) -> Query:
    return (
        select(
            Device.id,
            Device.name,
            Device.role,
            Device.state,
            Device.serial,
            Device.asset_tag,
            Device.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Device.device_type_id,
            DeviceType.manufacturer,
            DeviceType.model,
            DeviceType.height,
            DeviceType.rated_w,
            Rack.id.label("rack_id"),
            Rack.code.label("rack_code"),
            Rack.u_count,
            Rack.numbering,
            Cabinet.id.label("cabinet_id"),
            Cabinet.code.label("cabinet_code"),
            Room.id.label("room_id"),
            Room.code.label("room_code"),
            Installation.u_low,
            Installation.face,
            Installation.side,
            Installation.installed_at,
            Device.provider_owned,
            Device.created_at,
        )
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .outerjoin(Customer, Customer.id == Device.customer_id)
        .outerjoin(Installation, Installation.device_id == Device.id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Row, Row.id == Cabinet.row_id)
        .outerjoin(Room, Room.id == Row.room_id)
        .where(scope.filter(Device.customer_id))
    )


def _bare_cabinet(**fields: Any) -> CabinetRow:
    return CabinetRow(racks=[], **fields)


def _load_racks(session: Session, scope: Scope, cabinet_ids: list[int]) -> dict[int, list[RackRow]]:
    allocated = (
        select(func.coalesce(func.sum(Allocation.height), 0))
        .where(
            Allocation.rack_id == Rack.id,
            Allocation.turn == "current",
            scope.filter(Allocation.customer_id),
        )
        .correlate(Rack)
        .scalar_subquery()
    )
    own = (
        select(Installation.rack_id, Installation.height)
        .join(Device, Device.id == Installation.device_id)
        .where(scope.filter(Device.customer_id))
        .subquery()
    )
    statement = (
        select(
            Rack.id,
            Rack.cabinet_id,
            Rack.code,
            Rack.position,
            Rack.u_count,
            Rack.numbering,
            allocated.label("allocated"),
            func.coalesce(func.sum(own.c.height), 0).label("installed"),
            func.count(own.c.rack_id).label("devices"),
        )
        .outerjoin(own, own.c.rack_id == Rack.id)
        .where(Rack.cabinet_id.in_(cabinet_ids), in_reach(scope, Rack.id))
        .group_by(Rack.id)
        .order_by(Rack.cabinet_id, Rack.position)
    )
    found: dict[int, list[RackRow]] = {}
    for row in session.execute(statement):
        found.setdefault(row.cabinet_id, []).append(RackRow(**row._mapping))
    return found
