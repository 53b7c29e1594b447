"""Which device is plugged into which socket."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from dcim.customers.models import Customer
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.models import Device
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


@dataclass(frozen=True, slots=True)
class OutletRow:
    """A socket with who is plugged in; none of device and supply for a free one."""

    id: int
    number: int
    connector: str
    bank: str | None
    rating_a: int | None
    device_id: int | None
    device_name: str | None
    role: str | None
    customer_name: str | None
    customer_name_en: str | None
    supply_name: str | None
    allocated_w: int | None


def list_outlets(session: Session, node_id: int) -> list[OutletRow]:
    """The sockets of a PDU, or of one of its banks, in their order. For staff."""
    bank = aliased(PowerNode)
    rows = session.execute(
        select(
            Outlet.id,
            Outlet.number,
            Outlet.connector,
            bank.code.label("bank"),
            Outlet.rating_a,
            Outlet.device_id,
            Device.name.label("device_name"),
            Device.role,
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            DeviceSupply.name.label("supply_name"),
            DeviceSupply.allocated_w,
        )
        .outerjoin(bank, bank.id == Outlet.bank_id)
        .outerjoin(Device, Device.id == Outlet.device_id)
        .outerjoin(Customer, Customer.id == Device.customer_id)
        .outerjoin(DeviceSupply, DeviceSupply.id == Outlet.supply_id)
        .where(or_(Outlet.pdu_id == node_id, Outlet.bank_id == node_id))
        .order_by(Outlet.number)
    )
    return [OutletRow(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class PduRow:
    id: int
    code: str
    feed: str


def list_pdus(session: Session, rack_id: int) -> list[PduRow]:
    """The PDUs in a rack, feed A first."""
    rows = session.execute(
        select(PowerNode.id, PowerNode.code, PowerNode.feed)
        .where(PowerNode.rack_id == rack_id, PowerNode.kind == "pdu")
        .order_by(PowerNode.feed, PowerNode.code)
    )
    return [PduRow(*row) for row in rows]
