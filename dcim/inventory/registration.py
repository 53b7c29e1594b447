"""Entering a device into the inventory; where it stands is decided by placement."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError, InvalidError
from dcim.inventory.equipment_models import DeviceSupply, DeviceTypeSupply
from dcim.inventory.models import Device, DeviceType
from dcim.inventory.transitions import note_entry

# A device enters as one that is ordered, or as one that is here.
ENTRY_STATES = ("in_stock", "planned")


def register_device(
    session: Session,
    scope: Scope,
    *,
    name: str,
    role: str,
    device_type_id: int,
    customer_id: int | None = None,
    serial: str | None = None,
    asset_tag: str | None = None,
    state: str = "in_stock",
    provider_owned: bool | None = None,
    purchased_on: dt.date | None = None,
    warranty_until: dt.date | None = None,
    note: str = "",
    audit: bool = True,
) -> Device:
    """A device with the supplies of its type, in stock or planned.

    `customer_id` none makes it the operator's own, which `provider_owned` then says too; a
    customer's device becomes the operator's property by nothing but a rental. Raises InvalidError
    for a type, customer, state or ownership there can't be; the unique keys refuse a name, serial
    or asset tag in use. `audit` false leaves the log to the caller.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff enter devices.")
    if session.get(DeviceType, device_type_id) is None:
        raise InvalidError("There is no such device type.", {"device_type_id": ["unknown"]})
    if customer_id is not None and session.get(Customer, customer_id) is None:
        raise InvalidError("There is no such customer.", {"customer_id": ["unknown"]})
    if state not in ENTRY_STATES:
        raise InvalidError("A device enters planned or in stock.", {"state": ["not an entry"]})
    if provider_owned and customer_id is not None:
        raise InvalidError(
            "Enter the operator's machine without a customer; then let it to them.",
            {"customer_id": ["not with provider_owned"]},
        )
    device = Device(
        name=name,
        role=role,
        device_type_id=device_type_id,
        customer_id=customer_id,
        serial=serial,
        asset_tag=asset_tag,
        state=state,
        provider_owned=customer_id is None if provider_owned is None else provider_owned,
        purchased_on=purchased_on,
        warranty_until=warranty_until,
        note=note,
    )
    session.add(device)
    session.flush()
    add_supplies(session, device)
    note_entry(session, scope, device)
    if audit:
        record(
            session,
            scope,
            "device.create",
            f"device/{device.id}",
            customer_id=customer_id,
            name=name,
            role=role,
        )
    return device


def add_supplies(session: Session, device: Device) -> None:
    """Give a device the supplies its type has and it lacks."""
    there = set(
        session.scalars(select(DeviceSupply.name).where(DeviceSupply.device_id == device.id))
    )
    session.add_all(
        DeviceSupply(
            device_id=device.id,
            name=supply.name,
            connector=supply.connector,
            maximum_w=supply.maximum_w,
            allocated_w=supply.allocated_w,
        )
        for supply in session.scalars(
            select(DeviceTypeSupply)
            .where(DeviceTypeSupply.type_id == device.device_type_id)
            .order_by(DeviceTypeSupply.id)
        )
        if supply.name not in there
    )
    session.flush()
