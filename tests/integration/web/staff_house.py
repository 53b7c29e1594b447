"""A small data centre to show staff pages of: as many cabinets, devices and customers as asked."""

import datetime as dt
import time
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, ContractTerms, Customer
from dcim.db import SessionFactory, transaction
from dcim.demo.load_customers import read_terms
from dcim.inventory.models import Cabinet, Device, DeviceType, Rack, Room, Row, Site
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.placement import install_device
from dcim.metering.batch import Batch
from dcim.metering.families import find_family
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.power.models import Outlet, PowerNode
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.rules.language.loading import load_terms

SCOPE = Scope.system("test")
HOSTILE = "<script>alert(1)</script>"


@dataclass
class StaffHouse:
    """Ids by name. Cabinet A-01 is 20 U: the first customer has U1–10, a server stands in U3–4,
    U15–20 are free. PDU A draws 4 A, B draws 6 A, both measured now; the breakers are 16 A."""

    room_id: int = 0
    cabinets: list[int] = field(default_factory=list)
    racks: list[int] = field(default_factory=list)
    devices: list[int] = field(default_factory=list)
    spare: str = "spare-01"
    spare_id: int = 0
    customers: list[int] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


def build_staff_house(sessions: SessionFactory, count: int) -> StaffHouse:
    house = StaffHouse()
    with transaction(sessions, SCOPE) as session:
        site = Site(code="T1", name="测试", name_en="Test site")
        room = Room(code="M1", name="一号机房", name_en="Hall 1", site=site)
        row = Row(code="A", position=1, room=room)
        kind = DeviceType(
            manufacturer="Maker", model="2U box", height=4, weight_g=20_000, rated_w=800
        )
        meter = DeviceType(manufacturer="Maker", model="PDU", height=0)
        session.add_all([site, room, row, kind, meter])
        session.flush()
        house.room_id = room.id
        for number in range(1, count + 1):
            _build_cabinet(session, house, site, row, kind, meter, number)
        spare = Device(
            name=house.spare,
            device_type_id=kind.id,
            role="app",
            customer_id=house.customers[0],
            serial="SN-SPARE",
        )
        session.add(spare)
        session.flush()
        house.spare_id = spare.id
    return house


def _build_cabinet(
    session: Session,
    house: StaffHouse,
    site: Site,
    row: Row,
    kind: DeviceType,
    meter: DeviceType,
    number: int,
) -> None:
    code = f"A-{number:02d}"
    rack = Rack(code=code, u_count=20, cabinet=Cabinet(code=code, position=number, row=row))
    customer = Customer(
        code=f"C{number}", name=f"客户{number} {HOSTILE}", name_en=f"Customer {number}"
    )
    contract = Contract(customer=customer, number=f"HT-{number}", starts_on=dt.date(2026, 1, 1))
    session.add_all([rack, contract])
    session.flush()
    item = ContractItem(
        contract_id=contract.id, customer_id=customer.id, code=f"HT-{number}-01", kind="space",
        label="机位", label_en="Space", monthly_fee=Decimal("100.00"), contracted_w=1840,
        starts_on=dt.date(2026, 1, 1),
    )  # fmt: skip
    text = read_terms("standard")
    terms = ContractTerms(
        contract_id=contract.id, customer_id=customer.id, version=1, document=text,
        effective_from=dt.date(2026, 1, 1), sha256=load_terms(text).sha256,
    )  # fmt: skip
    server = Device(
        name=f"server-{number:02d} {HOSTILE}", device_type_id=kind.id, role="app",
        customer_id=customer.id, serial=f"SN{number}",
    )  # fmt: skip
    session.add_all([item, terms, server])
    session.flush()
    house.cabinets.append(rack.cabinet_id)
    house.racks.append(rack.id)
    house.customers.append(customer.id)
    house.items.append(item.code)
    house.devices.append(server.id)
    session.add(Port(device_id=server.id, name="ge0/1", speed_bps=10**9, alias=HOSTILE))
    allocate_space(session, SCOPE, item, rack.id, u_low=0, height=20, starts_on=dt.date(2026, 1, 1))
    install_device(session, SCOPE, server, rack.id, u_low=4)
    for feed, amps in (("A", 4000), ("B", 6000)):
        _build_feed(session, site, rack, server, meter, feed, amps)
    incident = Incident(
        key=f"power/{number}", kind="power", what="两路断电", what_en="Both feeds lost",
        started_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC), place=code,
    )  # fmt: skip
    incident.impacts = [IncidentImpact(customer_id=customer.id, severity="down")]
    session.add(incident)
    session.flush()


def _build_feed(
    session: Session,
    site: Site,
    rack: Rack,
    server: Device,
    meter: DeviceType,
    feed: str,
    milliamps: int,
) -> None:
    breaker = PowerNode(
        site_id=site.id, kind="breaker", code=f"Q-{rack.code}-{feed}", feed=feed, rated_a=16,
        rack_id=rack.id, volts=230,
    )  # fmt: skip
    pdu = PowerNode(
        site_id=site.id, kind="pdu", code=f"PDU-{rack.code}-{feed}", feed=feed, rated_a=16,
        rack_id=rack.id, parent=breaker, volts=230,
    )  # fmt: skip
    device = Device(name=f"pdu-{rack.code}-{feed}", device_type_id=meter.id, role="pdu")
    session.add_all([breaker, pdu, device])
    session.flush()
    session.add_all(
        Outlet(pdu_id=pdu.id, number=number, device_id=server.id if number == 1 else None)
        for number in range(1, 5)
    )
    series = Series(family="power", device_id=device.id, slot="input", power_node_id=pdu.id)
    session.add(series)
    session.flush()
    put_power(session, series.id, milliamps)


def put_power(session: Session, series_id: int, milliamps: int, *, age_s: int = 0) -> None:
    """One reading at 230 V, `age_s` old."""
    at = time.time_ns() // 1_000_000 - age_s * 1000
    row = Batch.from_arrays(
        find_family("power"),
        [series_id],
        [at],
        {"mv": [230_000], "ma": [milliamps], "mw": [milliamps * 230], "wh": [-1]},
    )
    PostgresSampleStore().append(session, "power", row)
