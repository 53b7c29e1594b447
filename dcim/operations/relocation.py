"""Taking devices out of racks and moving them, with the cords that come out then.

inventory.space.placement decides on the space and knows no power; whoever moves devices calls here.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.inventory.models import Device, Installation
from dcim.inventory.space.placement import Move, move_devices, remove_device
from dcim.network.models import Port
from dcim.network.order_models import CrossConnect, CrossConnectEnd
from dcim.power.plugging import unplug_device


@dataclass(slots=True)
class Loosened:
    """`outlets` are free now ("PDU-A-01-A 4"); `ports` are part of a cross-connect order still:
    "srv-1 eth0 (XC-1)". Those cables are the order's to part. As pages and the API say it."""

    outlets: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)


def take_out(session: Session, scope: Scope, device: Device) -> Loosened:
    """Out of its rack, and its cords out of every outlet. Raises as `remove_device`."""
    remove_device(session, scope, device)
    return Loosened(unplug_device(session, scope, device), _find_cross_connected(session, [device]))


def relocate(
    session: Session,
    scope: Scope,
    moves: Sequence[Move],
    *,
    at: dt.datetime | None = None,
    override: str = "",
) -> Loosened:
    """Move, all or none; what goes to another rack loses its cords to the old rack's PDUs.

    Within one rack the cords stay. Raises as `move_devices`.
    """
    ids = [move.device.id for move in moves]
    standing = select(Installation).where(Installation.device_id.in_(ids))
    before = {one.device_id: one.rack_id for one in session.scalars(standing)}
    move_devices(session, scope, moves, at=at, override=override)
    gone = [
        one.device for one in moves if before.get(one.device.id) not in (None, one.place.rack_id)
    ]
    loosened = Loosened(ports=_find_cross_connected(session, gone))
    for device in gone:
        loosened.outlets += unplug_device(session, scope, device, rack_id=before[device.id])
    return loosened


def _find_cross_connected(session: Session, devices: Sequence[Device]) -> list[str]:
    """Ends are of orders that aren't over: those give their ports free."""
    if not devices:
        return []
    rows = session.execute(
        select(Device.name, Port.name, CrossConnect.number)
        .join(Port, Port.device_id == Device.id)
        .join(CrossConnectEnd, CrossConnectEnd.port_id == Port.id)
        .join(CrossConnect, CrossConnect.id == CrossConnectEnd.cross_connect_id)
        .where(Device.id.in_([device.id for device in devices]))
        .order_by(Device.name, Port.name)
    )
    return [f"{device} {port} ({number})" for device, port, number in rows]
