"""A small meet-me room: two customers, servers, panels with a trunk, prefixes."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.inventory.models import (
    Allocation,
    AllocationSlot,
    Cabinet,
    Device,
    DeviceType,
    Installation,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.network.address_models import Prefix
from dcim.network.cables import CableNotes, connect_ports
from dcim.network.models import Carrier, Port, RoomCarrier
from dcim.network.tracing import REAR, Plug

NOW = dt.datetime(2026, 11, 25, 4, tzinfo=dt.UTC)
STAFF = Scope.staff("ops@example.com")


@dataclass
class Plant:
    """Ids by name. Ports: "own" on A's server; "cab" a panel in A's cabinet whose rear goes to
    "mmr"; "far" a panel port of the carrier's; "spare" and "other" panel ports without anything."""

    a: int = 0
    b: int = 0
    a_item: int = 0
    b_item: int = 0
    site: int = 0
    room: int = 0
    carrier: int = 0
    ports: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)

    def scope_of(self, customer_id: int) -> Scope:
        return Scope.customer(f"person-of-{customer_id}", customer_id)


def build_plant(session: Session) -> Plant:
    plant = Plant()
    site = Site(code="SH1", name="上海一号", name_en="Shanghai 1")
    room = Room(site=site, code="R1", name="一号机房", name_en="Room 1")
    row = Row(room=room, code="A", position=1)
    racks = []
    for number in (1, 2):
        cabinet = Cabinet(row=row, code=f"A-0{number}", position=number)
        racks.append(Rack(cabinet=cabinet, code=f"A-0{number}", u_count=42))
    session.add_all([site, *racks])
    session.flush()
    plant.site, plant.room = site.id, room.id
    for tag in "ab":
        customer = Customer(code=tag.upper(), name=f"客户 {tag.upper()}", name_en=tag.upper())
        session.add(customer)
        session.flush()
        contract = Contract(
            customer_id=customer.id, number=f"C-{tag}", starts_on=dt.date(2025, 1, 1)
        )
        session.add(contract)
        session.flush()
        item = ContractItem(
            contract_id=contract.id,
            customer_id=customer.id,
            code=f"C-{tag}/1",
            kind="cross_connect",
            label="交叉连接",
            label_en="Cross-connect",
            monthly_fee=Decimal(300),
            starts_on=dt.date(2025, 1, 1),
        )
        session.add(item)
        session.flush()
        setattr(plant, tag, customer.id)
        setattr(plant, f"{tag}_item", item.id)
    kind = DeviceType(manufacturer="Maker", model="One", height=2)
    carrier = Carrier(code="telecom", name="中国电信", name_en="China Telecom", kind="telecom")
    session.add_all([kind, carrier])
    session.flush()
    session.add(RoomCarrier(room_id=room.id, carrier_id=carrier.id, entry_point="MMR-1"))
    plant.carrier = carrier.id
    allocation = Allocation(
        customer_id=plant.a, contract_item_id=plant.a_item, rack_id=racks[0].id, u_low=0,
        height=84, starts_on=dt.date(2025, 1, 1),
    )  # fmt: skip
    allocation.slots = [AllocationSlot(u=u) for u in range(84)]
    session.add(allocation)
    for place, (name, rack, owner, role, port_kind, names) in enumerate(
        (
            ("srv-a", racks[0], plant.a, "server", "server", ("eth0",)),
            ("odf-cab", racks[0], None, "odf", "panel", ("1", "2")),
            ("odf-mmr", racks[1], None, "odf", "panel", ("1", "2")),
            ("odf-far", racks[1], None, "odf", "panel", ("1", "2")),
        )
    ):
        device = Device(device_type_id=kind.id, name=name, role=role, customer_id=owner)
        session.add(device)
        session.flush()
        session.add(
            Installation(
                device_id=device.id, rack_id=rack.id, u_low=4 * place, height=2, installed_at=NOW
            )
        )
        plant.devices[name] = device.id
        for port_name in names:
            port = Port(
                device_id=device.id,
                name=port_name,
                kind=port_kind,
                speed_bps=0 if port_kind == "panel" else 10**10,
                role="internal",
            )
            session.add(port)
            session.flush()
            plant.ports[f"{name} {port_name}"] = port.id
    session.flush()
    for name, key in (
        ("own", "srv-a eth0"), ("cab", "odf-cab 1"), ("mmr", "odf-mmr 1"), ("far", "odf-far 1"),
        ("spare", "odf-mmr 2"), ("other", "odf-far 2"), ("cab2", "odf-cab 2"),
    ):  # fmt: skip
        plant.ports[name] = plant.ports[key]
    connect_ports(
        session,
        STAFF,
        Plug(plant.ports["cab"], REAR),
        Plug(plant.ports["mmr"], REAR),
        CableNotes("smf", code="TRUNK-1"),
    )
    for name, network, role in (
        ("all", "10.0.0.0/8", "container"),
        ("sold", "10.0.1.0/24", "assignable"),
        ("ours", "10.0.2.0/24", "infrastructure"),
        ("v6", "2001:db8:1::/48", "assignable"),
    ):
        prefix = Prefix(network=network, role=role, site_id=site.id)
        session.add(prefix)
        session.flush()
        plant.prefixes[name] = prefix.id
    return plant
