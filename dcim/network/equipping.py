"""A new device with all its type says it has: supplies from the inventory, ports from here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.devices import kinds as device_kinds
from dcim.inventory.devices.models import DeviceTypePort
from dcim.inventory.devices.registration import NewDevice, register_device, register_devices
from dcim.inventory.models import Device
from dcim.network.models import Port
from dcim.records.kinds import Values


def equip_devices(session: Session, scope: Scope, devices: Sequence[Device]) -> list[Port]:
    """Give devices the ports their types have and they lack; those they have stay as they are.

    Management ports are internal. A port whose form says no speed has 0 bit/s until somebody or
    its agent says more. Three statements, however many devices.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff enter devices.")
    ids = [device.id for device in devices]
    there = {
        (device_id, name)
        for device_id, name in session.execute(
            select(Port.device_id, Port.name).where(Port.device_id.in_(ids))
        )
    }
    by_type: dict[int, list[DeviceTypePort]] = {}
    for port in session.scalars(
        select(DeviceTypePort)
        .where(DeviceTypePort.type_id.in_({device.device_type_id for device in devices}))
        .order_by(DeviceTypePort.id)
    ):
        by_type.setdefault(port.type_id, []).append(port)
    made = [
        Port(
            device_id=device.id,
            name=port.name,
            speed_bps=port.speed_bps or 0,
            role="internal" if port.mgmt else "customer",
        )
        for device in devices
        for port in by_type.get(device.device_type_id, ())
        if (device.id, port.name) not in there
    ]
    session.add_all(made)
    session.flush()
    return made


def enter_device(session: Session, scope: Scope, **values: Any) -> Device:
    """Register a device (see `NewDevice` for what it takes) and equip it; pages, API and imports
    all enter devices by this or `enter_devices`."""
    device = register_device(session, scope, **values)
    equip_devices(session, scope, [device])
    return device


def enter_devices(session: Session, scope: Scope, rows: list[Values]) -> list[Device]:
    """Many at once, as a sheet brings them; the audit entries are the caller's."""
    devices = register_devices(session, scope, [NewDevice(**row) for row in rows])
    equip_devices(session, scope, devices)
    return devices


def _create_device(session: Session, scope: Scope, values: Values) -> Device:
    return enter_device(session, scope, **values, audit=False)


# The kind of devices for every face: created with supplies and ports.
DEVICE = replace(device_kinds.DEVICE, create=_create_device, create_many=enter_devices)
