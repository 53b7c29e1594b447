"""A small hall for the search: two rows of three cabinets, both feeds, a switch, two customers."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.customers.models import Contract, ContractItem, Customer
from dcim.inventory.models import Cabinet, Device, DeviceType, Installation, Rack, Room, Row, Site
from dcim.network.models import Port
from dcim.power.models import PowerNode

TODAY = dt.date(2026, 11, 3)
NOW = dt.datetime(2026, 11, 3, 8, 0, tzinfo=dt.UTC)
TEN_GIG = 10_000_000_000


@dataclass
class Hall:
    """`racks` by code A-01 … B-03; 20 U each; PDUs of 16 A at 230 V, 80 %: 2944 W a feed."""

    site: Site
    room: Room
    racks: dict[str, Rack]
    items: dict[str, ContractItem]
    kind: DeviceType
    ports: list[Port] = field(default_factory=list)
    nodes: dict[str, PowerNode] = field(default_factory=dict)


def build_hall(session: Session, rows: int = 2, cabinets: int = 3) -> Hall:
    site = Site(code="T1", name="测试", name_en="Test")
    room = Room(code="M1", name="机房", name_en="Hall", site=site)
    racks = {}
    for number in range(rows):
        row = Row(code="ABCDEFGH"[number], position=number + 1, room=room)
        for at in range(1, cabinets + 1):
            code = f"{row.code}-{at:02}"
            cabinet = Cabinet(code=code, position=at, row=row, weight_limit_kg=800)
            racks[code] = Rack(code=code, u_count=20, cabinet=cabinet)
    session.add_all(racks.values())
    kind = DeviceType(manufacturer="M", model="2U", height=4, weight_g=30_000, rated_w=500)
    switch_kind = DeviceType(manufacturer="M", model="SW", height=2, weight_g=9_000)
    session.add_all([kind, switch_kind])
    session.flush()
    hall = Hall(site, room, racks, {}, kind)
    _feed(session, hall)
    for name in ("Reed", "Moss"):
        customer = Customer(code=name, name=name, name_en=name)
        contract = Contract(customer=customer, number=f"HT-{name}", starts_on=TODAY)
        session.add(contract)
        session.flush()
        item = ContractItem(
            contract_id=contract.id, customer_id=customer.id, code=f"{name}-1", kind="space",
            label=name, label_en=name, monthly_fee=Decimal(100), contracted_w=1000,
            starts_on=TODAY,
        )  # fmt: skip
        session.add(item)
        hall.items[name] = item
    switch = Device(name="sw-a", device_type_id=switch_kind.id, role="switch")
    session.add(switch)
    session.flush()
    session.add(
        Installation(
            device_id=switch.id, rack_id=racks["A-01"].id, u_low=38, height=2, installed_at=NOW
        )
    )
    hall.ports = [
        Port(device_id=switch.id, name=f"Te1/{number}", speed_bps=TEN_GIG) for number in range(4)
    ]
    session.add_all(hall.ports)
    session.flush()
    return hall


def _feed(session: Session, hall: Hall) -> None:
    for feed in "AB":
        panel = PowerNode(
            site_id=hall.site.id, kind="panel", code=f"RPP-{feed}", feed=feed, rated_a=100
        )
        session.add(panel)
        session.flush()
        hall.nodes[panel.code] = panel
        for code, rack in hall.racks.items():
            pdu = PowerNode(
                site_id=hall.site.id, parent_id=panel.id, kind="pdu", code=f"{code}-{feed}",
                feed=feed, rated_a=16, rack_id=rack.id,
            )  # fmt: skip
            session.add(pdu)
            hall.nodes[pdu.code] = pdu
    session.flush()
