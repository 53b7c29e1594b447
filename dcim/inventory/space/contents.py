"""What is in racks, layer by layer: installed devices, allocations with their items, live holds."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import ForbiddenError
from dcim.inventory.models import (
    Allocation,
    BarredSpace,
    Cabinet,
    Device,
    DeviceType,
    Hold,
    Installation,
    Rack,
)
from dcim.inventory.space.reach import today_of_contract
from dcim.paging import Query


@dataclass(frozen=True, slots=True)
class InstalledRow:
    """`u_low` and `height` in half units from the rack's bottom; `u_low` none on the side rail."""

    device_id: int
    name: str
    role: str
    serial: str | None
    model: str
    customer_id: int | None
    customer_name: str | None
    customer_name_en: str | None
    rack_id: int
    u_low: int | None
    height: int
    face: str
    side: str
    weight_g: int
    rated_w: int
    rail: str | None
    rail_position: int | None
    # When it was put here, and when it came into the books.
    installed_at: dt.datetime
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class BarredRow:
    """Half units that nothing can stand in; `kind` is blocked or absent."""

    rack_id: int
    u_low: int
    height: int
    face: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """An allocation with what it was sold by. `contracted_w` is this rack's part of the item's:
    an item that covers several places is split by their height."""

    id: int
    rack_id: int
    rack_code: str
    u_count: int
    numbering: str
    cabinet_id: int
    cabinet_code: str
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    item_code: str
    item_label: str
    item_label_en: str
    contract_number: str
    u_low: int
    height: int
    turn: str
    starts_on: dt.date
    ends_on: dt.date | None
    contracted_w: int | None


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: int
    rack_id: int
    prospect: str
    held_by: str
    reason: str
    u_low: int
    height: int
    expires_at: dt.datetime
    starts_at: dt.datetime
    extensions: int
    # Whether it binds already, or begins later.
    begun: bool


def list_installed(session: Session, scope: Scope, rack_ids: list[int]) -> list[InstalledRow]:
    statement = (
        select(
            Device.id.label("device_id"),
            Device.name,
            Device.role,
            Device.serial,
            DeviceType.model,
            Device.customer_id,
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            Installation.rack_id,
            Installation.u_low,
            Installation.height,
            Installation.face,
            Installation.side,
            DeviceType.weight_g,
            DeviceType.rated_w,
            Installation.rail,
            Installation.rail_position,
            Installation.installed_at,
            Device.created_at,
        )
        .join(Installation, Installation.device_id == Device.id)
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .outerjoin(Customer, Customer.id == Device.customer_id)
        .where(Installation.rack_id.in_(rack_ids), scope.filter(Device.customer_id))
        .order_by(Installation.rack_id, Installation.u_low, Device.name)
    )
    return [InstalledRow(**row._mapping) for row in session.execute(statement)]


def list_barred(session: Session, rack_ids: list[int]) -> list[BarredRow]:
    """What can't be used in these racks. No tenant's: whoever sees a rack sees its shape."""
    rows = session.execute(
        select(
            BarredSpace.rack_id,
            BarredSpace.u_low,
            BarredSpace.height,
            BarredSpace.face,
            BarredSpace.kind,
            BarredSpace.reason,
        )
        .where(BarredSpace.rack_id.in_(rack_ids))
        .order_by(BarredSpace.rack_id, BarredSpace.u_low)
    )
    return [BarredRow(**row._mapping) for row in rows]


def list_claims(
    session: Session,
    scope: Scope,
    *,
    rack_ids: list[int] | None = None,
    customer_id: int | None = None,
) -> list[ClaimRow]:
    """Allocations that hold slots, current and next; by rack, by customer, or both."""
    statement = _select_claims(scope)
    if rack_ids is not None:
        statement = statement.where(Allocation.rack_id.in_(rack_ids))
    if customer_id is not None:
        statement = statement.where(Allocation.customer_id == customer_id)
    rows = session.execute(
        statement.order_by(Cabinet.code, Rack.position, Allocation.u_low, Allocation.turn)
    )
    found = []
    for row in rows:
        fields = dict(row._mapping)
        watts, whole = fields.pop("item_w"), fields.pop("item_height") or fields["height"]
        part = None if watts is None else int(watts * fields["height"] // whole)
        found.append(ClaimRow(**fields, contracted_w=part))
    return found


def list_live_holds(
    session: Session, scope: Scope, rack_ids: list[int], now: dt.datetime
) -> list[HoldRow]:
    """Holds that bind at `now` or will. Prospects are the operator's to know."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see holds.")
    statement = (
        select(
            Hold.id,
            Hold.rack_id,
            Hold.prospect,
            Hold.held_by,
            Hold.reason,
            Hold.u_low,
            Hold.height,
            Hold.expires_at,
            Hold.starts_at,
            Hold.extensions,
            (Hold.starts_at <= now).label("begun"),
        )
        .where(Hold.rack_id.in_(rack_ids), Hold.expires_at > now)
        .order_by(Hold.rack_id, Hold.u_low)
    )
    return [HoldRow(**row._mapping) for row in session.execute(statement)]


def _select_claims(scope: Scope) -> Query:
    other = aliased(Allocation)
    item_height: Any = (
        select(func.sum(other.height))
        .where(other.contract_item_id == Allocation.contract_item_id, other.turn == Allocation.turn)
        .correlate(Allocation)
        .scalar_subquery()
    )
    return (
        select(
            Allocation.id,
            Allocation.rack_id,
            Rack.code.label("rack_code"),
            Rack.u_count,
            Rack.numbering,
            Cabinet.id.label("cabinet_id"),
            Cabinet.code.label("cabinet_code"),
            Allocation.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            ContractItem.code.label("item_code"),
            ContractItem.label.label("item_label"),
            ContractItem.label_en.label("item_label_en"),
            Contract.number.label("contract_number"),
            Allocation.u_low,
            Allocation.height,
            Allocation.turn,
            Allocation.starts_on,
            Allocation.ends_on,
            ContractItem.contracted_w.label("item_w"),
            item_height.label("item_height"),
        )
        .join(Rack, Rack.id == Allocation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Customer, Customer.id == Allocation.customer_id)
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(
            scope.filter(Allocation.customer_id),
            # What is over stays as history, without slots once somebody else came.
            (Allocation.ends_on.is_(None)) | (Allocation.ends_on > today_of_contract()),
        )
    )
