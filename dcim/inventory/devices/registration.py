"""Entering a device into the inventory; where it stands is decided by placement."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError, InvalidError
from dcim.inventory.devices.models import DeviceSupply, DeviceTypeSupply
from dcim.inventory.devices.transitions import note_entries
from dcim.inventory.models import Device, DeviceType

# A device enters as one that is ordered, or as one that is here.
ENTRY_STATES = ("in_stock", "planned")


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What a device is entered with. `provider_owned` none: the operator's if it is nobody's."""

    name: str
    role: str
    device_type_id: int
    customer_id: int | None = None
    serial: str | None = None
    asset_tag: str | None = None
    state: str = "in_stock"
    provider_owned: bool | None = None
    purchased_on: dt.date | None = None
    warranty_until: dt.date | None = None
    note: str = ""


def register_device(session: Session, scope: Scope, *, audit: bool = True, **values: Any) -> Device:
    """A device with the supplies of its type, in stock or planned; see `register_devices`.

    `audit` false leaves the log to the caller.
    """
    (device,) = register_devices(session, scope, [NewDevice(**values)])
    if audit:
        record(
            session,
            scope,
            "device.create",
            f"device/{device.id}",
            customer_id=device.customer_id,
            name=device.name,
            role=device.role,
        )
    return device


def register_devices(session: Session, scope: Scope, entered: Sequence[NewDevice]) -> list[Device]:
    """Devices with the supplies of their types, in a number of statements that they don't grow.

    `customer_id` none makes one the operator's own, which `provider_owned` then says too; a
    customer's device becomes the operator's property by nothing but a rental. Raises InvalidError
    for a type, customer, state or ownership there can't be; the unique keys refuse a name, serial
    or asset tag in use. The audit log is the caller's.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff enter devices.")
    types = _known(session, DeviceType.id, {one.device_type_id for one in entered})
    owners = _known(session, Customer.id, {one.customer_id for one in entered} - {None})
    for one in entered:
        _check_entry(one, types, owners)
    devices = [
        Device(
            name=one.name,
            role=one.role,
            device_type_id=one.device_type_id,
            customer_id=one.customer_id,
            serial=one.serial,
            asset_tag=one.asset_tag,
            state=one.state,
            provider_owned=(
                one.customer_id is None if one.provider_owned is None else one.provider_owned
            ),
            purchased_on=one.purchased_on,
            warranty_until=one.warranty_until,
            note=one.note,
        )
        for one in entered
    ]
    session.add_all(devices)
    session.flush()
    _add_first_supplies(session, devices)
    note_entries(session, scope, devices)
    return devices


def _known(session: Session, column: Any, ids: Collection[int | None]) -> set[int]:
    return set(session.scalars(select(column).where(column.in_(ids))))


def _check_entry(one: NewDevice, types: set[int], owners: set[int]) -> None:
    if one.device_type_id not in types:
        raise InvalidError("There is no such device type.", {"device_type_id": ["unknown"]})
    if one.customer_id is not None and one.customer_id not in owners:
        raise InvalidError("There is no such customer.", {"customer_id": ["unknown"]})
    if one.state not in ENTRY_STATES:
        raise InvalidError("A device enters planned or in stock.", {"state": ["not an entry"]})
    if one.provider_owned and one.customer_id is not None:
        raise InvalidError(
            "Enter the operator's machine without a customer; then let it to them.",
            {"customer_id": ["not with provider_owned"]},
        )


def _add_first_supplies(session: Session, devices: Sequence[Device]) -> None:
    """New devices have none yet, so all of their types' are theirs."""
    by_type: dict[int, list[DeviceTypeSupply]] = {}
    for supply in session.scalars(
        select(DeviceTypeSupply)
        .where(DeviceTypeSupply.type_id.in_({device.device_type_id for device in devices}))
        .order_by(DeviceTypeSupply.id)
    ):
        by_type.setdefault(supply.type_id, []).append(supply)
    session.add_all(
        _supply_of(device, supply)
        for device in devices
        for supply in by_type.get(device.device_type_id, ())
    )
    session.flush()


def _supply_of(device: Device, supply: DeviceTypeSupply) -> DeviceSupply:
    return DeviceSupply(
        device_id=device.id,
        name=supply.name,
        connector=supply.connector,
        maximum_w=supply.maximum_w,
        allocated_w=supply.allocated_w,
    )


def add_supplies(session: Session, device: Device) -> None:
    """Give a device the supplies its type has and it lacks."""
    there = set(
        session.scalars(select(DeviceSupply.name).where(DeviceSupply.device_id == device.id))
    )
    session.add_all(
        _supply_of(device, supply)
        for supply in session.scalars(
            select(DeviceTypeSupply)
            .where(DeviceTypeSupply.type_id == device.device_type_id)
            .order_by(DeviceTypeSupply.id)
        )
        if supply.name not in there
    )
    session.flush()
