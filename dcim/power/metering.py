"""Which device measures which node of the power chain."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, NotFoundError
from dcim.inventory.models import Device
from dcim.power.models import PowerNode


def meter_node(
    session: Session, scope: Scope, *, node_code: str, device_name: str, place: str
) -> PowerNode:
    """Let readings of `device` at `place` (e.g. "input") stand for this node from now on.

    Raises NotFoundError for what isn't there, ConflictError when the place measures another node.
    """
    node = session.scalar(select(PowerNode).where(PowerNode.code == node_code))
    if node is None:
        raise NotFoundError("No power node has the code %(code)s.", code=node_code)
    device = session.scalar(select(Device).where(Device.name == device_name))
    if device is None:
        raise NotFoundError("No device is called %(name)s.", name=device_name)
    other = session.scalar(
        select(PowerNode.code).where(
            PowerNode.meter_device_id == device.id,
            PowerNode.meter_place == place,
            PowerNode.id != node.id,
        )
    )
    if other is not None:
        raise ConflictError(
            "%(place)s of %(device)s measures %(node)s already.",
            place=place,
            device=device_name,
            node=other,
        )
    node.meter_device_id, node.meter_place = device.id, place
    session.flush()
    record(
        session,
        scope,
        "power.meter",
        f"power-node/{node.id}",
        device=device_name,
        place=place,
    )
    return node


def unmeter_node(
    session: Session, scope: Scope, *, node_code: str, device_id: int, place: str
) -> PowerNode:
    """Let readings of this device at `place` stand for the node no longer.

    Raises ConflictError when they don't by now.
    """
    node = session.scalar(
        select(PowerNode)
        .where(PowerNode.meter_device_id == device_id, PowerNode.meter_place == place)
        .with_for_update(of=PowerNode)
    )
    if node is None or node.code != node_code:
        raise ConflictError("%(node)s isn't measured there any more.", node=node_code)
    node.meter_device_id = node.meter_place = None
    session.flush()
    record(session, scope, "power.unmeter", f"power-node/{node.id}", place=place)
    return node
