"""What may be changed about a device by hand, and when one may be deleted.

Where it stands is placement's, its state the life cycle's, whose use it is in the rental's.
"""

from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.devices.models import DeviceTransition
from dcim.inventory.devices.registration import add_supplies, register_device
from dcim.inventory.models import Device, DeviceType, Installation


def create_device(session: Session, scope: Scope, values: dict[str, Any]) -> Device:
    """As `register_device`; the audit entry is the caller's."""
    return register_device(session, scope, **values, audit=False)


def check_device(
    session: Session, scope: Scope, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    """Raises InvalidError for dates that can't be."""
    purchased, warranty = after.get("purchased_on"), after.get("warranty_until")
    if purchased is not None and warranty is not None and warranty < purchased:
        raise InvalidError(
            "The warranty can't end before the purchase.", {"warranty_until": ["too early"]}
        )


def update_device(session: Session, scope: Scope, device: Device, changes: dict[str, Any]) -> None:
    """Change a device. Raises ConflictError where its place or its rental was decided by what is
    to be changed."""
    installation = session.scalar(select(Installation).where(Installation.device_id == device.id))
    if "device_type_id" in changes and installation is not None:
        kind = session.get_one(DeviceType, changes["device_type_id"])
        old = session.get_one(DeviceType, device.device_type_id)
        same = (kind.height, kind.full_depth, kind.half_width) == (
            old.height,
            old.full_depth,
            old.half_width,
        )
        if not same:
            raise ConflictError(
                "%(device)s stands in a rack; take it out before it becomes another size.",
                device=device.name,
            )
    if "customer_id" in changes:
        if device.rental_item_id is not None:
            raise ConflictError(
                "%(device)s is let; take the rental back first.", device=device.name
            )
        if installation is not None:
            raise ConflictError(
                "%(device)s stands in a rack; take it out before it changes hands.",
                device=device.name,
            )
        device.provider_owned = changes["customer_id"] is None
    for name, value in changes.items():
        setattr(device, name, value)
    session.flush()
    if "device_type_id" in changes:
        add_supplies(session, device)


def delete_device(session: Session, scope: Scope, device: Device) -> None:
    """Only what was entered by mistake is deleted; what has lived is returned or destroyed.

    Raises ConflictError.
    """
    steps = session.scalar(
        select(func.count(DeviceTransition.id)).where(
            DeviceTransition.device_id == device.id, DeviceTransition.from_state.is_not(None)
        )
    )
    if steps or device.rental_item_id is not None:
        raise ConflictError(
            "%(device)s has a history; return or destroy it instead.", device=device.name
        )
    session.expunge(device)
    session.execute(delete(Device).where(Device.id == device.id))
