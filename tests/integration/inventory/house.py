"""Two racks, two customers, a few devices: what the tests of the three layers play with."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.inventory.models import Cabinet, Device, DeviceType, Rack, Room, Row, Site

SCOPE = Scope.system("test")
NOW = dt.datetime(2026, 11, 3, 8, 0, tzinfo=dt.UTC)
TODAY = NOW.date()
WEEK = dt.timedelta(days=7)
# Since when both customers' contracts run.
BEGAN = TODAY - 52 * WEEK


@dataclass
class House:
    """A rack of 20 U, two customers with an item each, and devices of 2 U: two each that fill
    the rack's depth and width, a shallow one, and two of half the width."""

    rack: Rack
    other_rack: Rack
    items: dict[str, ContractItem]
    devices: dict[str, Device]


def build_house(session: Session) -> House:
    site = Site(code="T1", name="测试", name_en="Test")
    row = Row(code="A", position=1, room=Room(code="M1", name="机房", name_en="Hall", site=site))
    racks = [
        Rack(code=code, u_count=20, cabinet=Cabinet(code=code, position=at, row=row))
        for at, code in enumerate(("A-01", "A-02"))
    ]
    session.add_all(racks)
    kind = DeviceType(manufacturer="M", model="2U", height=4)
    slim = DeviceType(manufacturer="M", model="0U", height=0)
    shallow = DeviceType(manufacturer="M", model="2U-S", height=4, full_depth=False)
    narrow = DeviceType(manufacturer="M", model="2U-N", height=4, full_depth=False, half_width=True)
    session.add_all([kind, slim, shallow, narrow])
    session.flush()
    items, devices = {}, {}
    for name in ("Reed", "Moss"):
        customer = Customer(code=name, name=name, name_en=name)
        contract = Contract(customer=customer, number=f"HT-{name}", starts_on=BEGAN)
        session.add(contract)
        session.flush()
        item = ContractItem(
            contract_id=contract.id, customer_id=customer.id, code=f"{name}-1", kind="space",
            label=name, label_en=name, monthly_fee=Decimal(100), starts_on=BEGAN,
        )  # fmt: skip
        session.add(item)
        items[name] = item
        for number in (1, 2):
            devices[f"{name}{number}"] = Device(
                name=f"{name}{number}", device_type_id=kind.id, customer_id=customer.id, role="app"
            )
    for name, other in (("shallow", shallow), ("narrow1", narrow), ("narrow2", narrow)):
        devices[name] = Device(name=name, device_type_id=other.id, role="app")
    devices["strip"] = Device(name="strip", device_type_id=slim.id, role="pdu")
    session.add_all(devices.values())
    session.flush()
    return House(racks[0], racks[1], items, devices)
