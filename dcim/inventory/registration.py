"""Entering a device into the inventory; where it stands is decided by placement."""

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import ForbiddenError, InvalidError
from dcim.inventory.models import Device, DeviceType


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
) -> Device:
    """A device in stock; `customer_id` none makes it the operator's own.

    Raises InvalidError for a type or customer there isn't; the unique keys refuse a name, serial
    or asset tag in use.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff enter devices.")
    if session.get(DeviceType, device_type_id) is None:
        raise InvalidError("There is no such device type.", {"device_type_id": ["unknown"]})
    if customer_id is not None and session.get(Customer, customer_id) is None:
        raise InvalidError("There is no such customer.", {"customer_id": ["unknown"]})
    device = Device(
        name=name,
        role=role,
        device_type_id=device_type_id,
        customer_id=customer_id,
        serial=serial,
        asset_tag=asset_tag,
        state="in_stock",
    )
    session.add(device)
    session.flush()
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
