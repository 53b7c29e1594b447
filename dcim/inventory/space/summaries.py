"""How full racks are, by layer, in one statement for a whole site."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.errors import ForbiddenError
from dcim.inventory.models import (
    Allocation,
    Cabinet,
    Device,
    DeviceType,
    Hold,
    Installation,
    InstallationSlot,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.inventory.space.reach import today_of_contract


@dataclass(frozen=True, slots=True)
class RackSummary:
    """Half units and watts. `nameplate_w` is what the installed devices may draw by their plates,
    `contracted_w` what has been sold here; `unsold` is neither allocated nor held."""

    id: int
    code: str
    u_count: int
    cabinet_id: int
    cabinet_code: str
    layout: str
    row_id: int
    row_code: str
    room_id: int
    site_id: int
    allocated: int
    held: int
    installed: int
    devices: int
    nameplate_w: int
    contracted_w: int
    customers: int

    @property
    def total(self) -> int:
        return 2 * self.u_count

    @property
    def unsold(self) -> int:
        return max(0, self.total - self.allocated - self.held)


def summarize_racks(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    room_id: int | None = None,
) -> list[RackSummary]:
    """Every rack, of one room or of all, in the order they stand. One statement."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see how full the house is.")
    current = and_(
        Allocation.turn == "current",
        or_(Allocation.ends_on.is_(None), Allocation.ends_on > today_of_contract()),
    )
    whole = (
        select(
            Allocation.contract_item_id.label("item_id"),
            func.sum(Allocation.height).label("height"),
        )
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(current)
        .group_by(Allocation.contract_item_id)
        .subquery()
    )
    sold = (
        select(
            Allocation.rack_id,
            func.sum(Allocation.height).label("height"),
            func.count(Allocation.customer_id.distinct()).label("customers"),
            func.sum(ContractItem.contracted_w * Allocation.height / whole.c.height).label("watts"),
        )
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .join(whole, whole.c.item_id == Allocation.contract_item_id)
        .where(current)
        .group_by(Allocation.rack_id)
        .subquery()
    )
    held = (
        select(Hold.rack_id, func.sum(Hold.height).label("height"))
        .where(Hold.starts_at <= now, Hold.expires_at > now)
        .group_by(Hold.rack_id)
        .subquery()
    )
    # A front and a rear device in one U fill it once.
    filled = (
        select(
            InstallationSlot.rack_id, func.count(InstallationSlot.u.distinct()).label("half_units")
        )
        .where(InstallationSlot.installation_id.is_not(None))
        .group_by(InstallationSlot.rack_id)
        .subquery()
    )
    standing = (
        select(
            Installation.rack_id,
            func.count().label("devices"),
            func.sum(DeviceType.rated_w).label("watts"),
        )
        .join(Device, Device.id == Installation.device_id)
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .group_by(Installation.rack_id)
        .subquery()
    )

    statement = (
        select(
            Rack.id,
            Rack.code,
            Rack.u_count,
            Cabinet.id.label("cabinet_id"),
            Cabinet.code.label("cabinet_code"),
            Cabinet.layout,
            Row.id.label("row_id"),
            Row.code.label("row_code"),
            Row.room_id,
            Room.site_id,
            func.coalesce(sold.c.height, 0).label("allocated"),
            func.coalesce(held.c.height, 0).label("held"),
            func.coalesce(filled.c.half_units, 0).label("installed"),
            func.coalesce(standing.c.devices, 0).label("devices"),
            func.coalesce(standing.c.watts, 0).label("nameplate_w"),
            func.coalesce(sold.c.watts, 0).label("contracted_w"),
            func.coalesce(sold.c.customers, 0).label("customers"),
        )
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .join(Site, Site.id == Room.site_id)
        .outerjoin(sold, sold.c.rack_id == Rack.id)
        .outerjoin(held, held.c.rack_id == Rack.id)
        .outerjoin(filled, filled.c.rack_id == Rack.id)
        .outerjoin(standing, standing.c.rack_id == Rack.id)
        .order_by(Site.code, Room.code, Row.position, Cabinet.position, Rack.position)
    )
    if room_id is not None:
        statement = statement.where(Row.room_id == room_id)
    return [
        RackSummary(**{**row._mapping, "contracted_w": int(row.contracted_w)})
        for row in session.execute(statement)
    ]
