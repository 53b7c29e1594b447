"""What a customer has with us now, for the checklist of an order: ports, devices, space …"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.scope import Scope
from dcim.customers.models import Contact, Contract, ContractItem
from dcim.inventory.models import Allocation, Device, Installation, Rack
from dcim.inventory.numbering import name_units
from dcim.inventory.space.reach import today_of_contract
from dcim.network.address_models import AddressAssignment
from dcim.network.addresses import write_net
from dcim.network.addressing import parse_net
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.network.order_models import CrossConnect
from dcim.power.models import Outlet, PowerNode

# In these a cross-connect order joins nothing any more.
OVER_STATES = ("disconnected", "refused", "cancelled")


@dataclass(frozen=True, slots=True)
class Thing:
    """`text` names it in codes and places, the same in every language; `id` is the row's."""

    id: int
    text: str


@dataclass(slots=True)
class Belongings:
    """`powered` are devices by the outlets they hang on, `standing` those that are installed."""

    told: list[str] = field(default_factory=list)
    entering: list[str] = field(default_factory=list)
    ports: list[Thing] = field(default_factory=list)
    cross_connects: list[Thing] = field(default_factory=list)
    addresses: list[Thing] = field(default_factory=list)
    powered: list[Thing] = field(default_factory=list)
    standing: list[Thing] = field(default_factory=list)
    space: list[Thing] = field(default_factory=list)
    contracts: list[Thing] = field(default_factory=list)


def find_belongings(
    session: Session, scope: Scope, customer_id: int, contract_id: int | None = None
) -> Belongings:
    """By one contract, or all. A constant number of statements."""
    found = Belongings()
    for contact in session.scalars(
        select(Contact)
        .where(Contact.customer_id == customer_id, scope.filter(Contact.customer_id))
        .order_by(Contact.name, Contact.id)
    ):
        if contact.may_order or contact.gets_statements:
            found.told.append(contact.name)
        if contact.may_enter:
            found.entering.append(contact.name)
    contracts = (
        [contract_id]
        if contract_id is not None
        else list(
            session.scalars(
                select(Contract.id).where(
                    Contract.customer_id == customer_id, Contract.state == "signed"
                )
            )
        )
    )
    found.contracts = [
        Thing(row.id, row.number)
        for row in session.execute(
            select(Contract.id, Contract.number)
            .where(Contract.id.in_(contracts), scope.filter(Contract.customer_id))
            .order_by(Contract.number)
        )
    ]
    _add_network(session, scope, found, customer_id, contract_id)
    _add_ports(session, scope, found, customer_id, contract_id)
    _add_space(session, scope, found, contracts)
    found.standing = [
        Thing(device.id, f"{device.name} · {place}")
        for device, place in find_standing(session, scope, customer_id, contract_id)
    ]
    _add_outlets(session, found)
    return found


def find_standing(
    session: Session, scope: Scope, customer_id: int, contract_id: int | None = None
) -> Sequence[tuple[Device, str]]:
    """The customer's installed devices with their racks; of one contract those in its racks."""
    statement = (
        select(Device, Rack.code)
        .join(Installation, Installation.device_id == Device.id)
        .join(Rack, Rack.id == Installation.rack_id)
        .where(Device.customer_id == customer_id, scope.filter(Device.customer_id))
        .order_by(Rack.code, Device.name)
    )
    if contract_id is not None:
        statement = statement.where(
            Rack.id.in_(
                select(Allocation.rack_id)
                .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
                .where(ContractItem.contract_id == contract_id)
            )
        )
    return [(device, rack) for device, rack in session.execute(statement)]


def _add_network(
    session: Session, scope: Scope, found: Belongings, customer_id: int, contract_id: int | None
) -> None:
    """Cross-connects that aren't parted yet, and addresses given now or from a day to come."""
    orders = (
        select(CrossConnect.id, CrossConnect.number, CrossConnect.z_party)
        .where(
            CrossConnect.customer_id == customer_id,
            scope.filter(CrossConnect.customer_id),
            CrossConnect.state.not_in(OVER_STATES),
        )
        .order_by(CrossConnect.number)
    )
    given = (
        select(AddressAssignment.id, AddressAssignment.network, AddressAssignment.hostname)
        .where(
            AddressAssignment.customer_id == customer_id,
            scope.filter(AddressAssignment.customer_id),
            or_(
                func.upper_inf(AddressAssignment.period),
                func.upper(AddressAssignment.period) > func.now(),
            ),
        )
        .order_by(AddressAssignment.network, AddressAssignment.id)
    )
    if contract_id is not None:
        items = select(ContractItem.id).where(ContractItem.contract_id == contract_id)
        orders = orders.where(CrossConnect.contract_item_id.in_(items))
        given = given.where(AddressAssignment.contract_item_id.in_(items))
    found.cross_connects = [
        Thing(row.id, f"{row.number} · {row.z_party}" if row.z_party else row.number)
        for row in session.execute(orders)
    ]
    for row in session.execute(given):
        network = write_net(parse_net(row.network))
        found.addresses.append(
            Thing(row.id, f"{network} · {row.hostname}" if row.hostname else network)
        )


def _add_ports(
    session: Session, scope: Scope, found: Belongings, customer_id: int, contract_id: int | None
) -> None:
    statement = (
        select(Port.id, Port.name, Device.name.label("device"), BandwidthService.code)
        .join(ServiceMembership, ServiceMembership.port_id == Port.id)
        .join(BandwidthService, BandwidthService.id == ServiceMembership.service_id)
        .join(Device, Device.id == Port.device_id)
        .where(
            ServiceMembership.customer_id == customer_id,
            scope.filter(ServiceMembership.customer_id),
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > func.now()),
        )
        .order_by(Device.name, Port.name)
    )
    if contract_id is not None:
        statement = statement.join(
            ContractItem, ContractItem.id == BandwidthService.contract_item_id
        ).where(ContractItem.contract_id == contract_id)
    found.ports = [
        Thing(row.id, f"{row.device} {row.name} · {row.code}") for row in session.execute(statement)
    ]


def _add_space(session: Session, scope: Scope, found: Belongings, contracts: Sequence[int]) -> None:
    allocations = session.scalars(
        select(Allocation)
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(
            ContractItem.contract_id.in_(contracts),
            scope.filter(Allocation.customer_id),
            or_(Allocation.ends_on.is_(None), Allocation.ends_on > today_of_contract()),
        )
        .options(joinedload(Allocation.rack))
        .order_by(Allocation.id)
    )
    found.space = [
        Thing(one.id, f"{one.rack.code} {name_units(one.rack, one.u_low, one.height)}")
        for one in allocations
    ]


def _add_outlets(session: Session, found: Belongings) -> None:
    """Each device's outlets in one line: what is switched off together."""
    devices = [thing.id for thing in found.standing]
    outlets: dict[int, list[str]] = {}
    names: dict[int, str] = {}
    for device_id, name, pdu, number in session.execute(
        select(Device.id, Device.name, PowerNode.code, Outlet.number)
        .join(Outlet, Outlet.device_id == Device.id)
        .join(PowerNode, PowerNode.id == Outlet.pdu_id)
        .where(Device.id.in_(devices))
        .order_by(Device.name, PowerNode.code, Outlet.number)
    ):
        names[device_id] = name
        outlets.setdefault(device_id, []).append(f"{pdu}/{number}")
    found.powered = [
        Thing(device_id, f"{name} · {', '.join(outlets[device_id])}")
        for device_id, name in names.items()
    ]
