"""A new device with all its type says it has: supplies from the inventory, ports from here."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory import device_kinds
from dcim.inventory.equipment_models import DeviceTypePort
from dcim.inventory.models import Device
from dcim.inventory.registration import register_device
from dcim.network.models import Port


def equip_device(session: Session, scope: Scope, device: Device) -> list[Port]:
    """Give a device the ports its type has and it lacks; those it has stay as they are.

    Management ports are internal. A port whose form says no speed has 0 bit/s until somebody or
    its agent says more.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff enter devices.")
    there = set(session.scalars(select(Port.name).where(Port.device_id == device.id)))
    made = [
        Port(
            device_id=device.id,
            name=port.name,
            speed_bps=port.speed_bps or 0,
            role="internal" if port.mgmt else "customer",
        )
        for port in session.scalars(
            select(DeviceTypePort)
            .where(DeviceTypePort.type_id == device.device_type_id)
            .order_by(DeviceTypePort.id)
        )
        if port.name not in there
    ]
    session.add_all(made)
    session.flush()
    return made


def create_device(session: Session, scope: Scope, values: dict[str, Any]) -> Device:
    """As `enter_device`; the audit entry is the caller's."""
    return enter_device(session, scope, **values, audit=False)


def enter_device(session: Session, scope: Scope, **values: object) -> Device:
    """Register a device (see `register_device` for what it takes) and equip it; pages, API and
    imports all enter devices by this."""
    device = register_device(session, scope, **values)  # type: ignore[arg-type]
    equip_device(session, scope, device)
    return device


# The kind of devices for every face: created with supplies and ports.
DEVICE = replace(device_kinds.DEVICE, create=create_device)
