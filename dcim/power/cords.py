"""Which device is plugged into which socket."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.power.models import Outlet, PowerNode


@dataclass(frozen=True, slots=True)
class CordRow:
    """`device_id` is none for a free socket."""

    pdu_id: int
    pdu_code: str
    feed: str
    number: int
    connector: str
    device_id: int | None


def list_cords(
    session: Session, *, rack_ids: list[int] | None = None, device_id: int | None = None
) -> list[CordRow]:
    """Sockets of these racks' PDUs, or those that one device is plugged into."""
    statement = (
        select(
            Outlet.pdu_id,
            PowerNode.code.label("pdu_code"),
            PowerNode.feed,
            Outlet.number,
            Outlet.connector,
            Outlet.device_id,
        )
        .join(PowerNode, PowerNode.id == Outlet.pdu_id)
        .order_by(PowerNode.feed, PowerNode.code, Outlet.number)
    )
    if rack_ids is not None:
        statement = statement.where(PowerNode.rack_id.in_(rack_ids))
    if device_id is not None:
        statement = statement.where(Outlet.device_id == device_id)
    return [CordRow(**row._mapping) for row in session.execute(statement)]
