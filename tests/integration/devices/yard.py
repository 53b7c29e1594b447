"""A site with one rack, two customers who each rent a server, and machines of both owners."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.inventory.models import Cabinet, Device, DeviceType, Rack, Room, Row, Site

SCOPE = Scope.staff("li@idc.example")
NOW = dt.datetime(2026, 11, 3, 8, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 3)


@dataclass
class Yard:
    site: Site
    rack: Rack
    kind: DeviceType
    customers: dict[str, Customer]
    items: dict[str, ContractItem]

    def scope(self, name: str) -> Scope:
        return Scope.customer(f"someone@{name}.example", self.customers[name].id)


def build_yard(session: Session) -> Yard:
    site = Site(code="T1", name="测试", name_en="Test")
    row = Row(code="A", position=1, room=Room(code="M1", name="机房", name_en="Hall", site=site))
    rack = Rack(code="A-01", u_count=20, cabinet=Cabinet(code="A-01", position=1, row=row))
    kind = DeviceType(manufacturer="M", model="2U", height=4, rated_w=500)
    session.add_all([rack, kind])
    customers, items = {}, {}
    for name in ("Reed", "Moss"):
        customer = Customer(code=name, name=f"{name} Ltd", name_en=name)
        contract = Contract(
            customer=customer, number=f"HT-{name}", starts_on=TODAY - dt.timedelta(days=30)
        )
        session.add(contract)
        session.flush()
        for kind_of_item in ("server", "cabinet"):
            items[f"{name}-{kind_of_item}"] = ContractItem(
                contract_id=contract.id, customer_id=customer.id, code=f"{name}-{kind_of_item}",
                kind=kind_of_item, label=name, label_en=name, monthly_fee=Decimal(100),
                starts_on=contract.starts_on,
            )  # fmt: skip
        customers[name] = customer
    session.add_all(items.values())
    session.flush()
    return Yard(site, rack, kind, customers, items)


def add_device(
    session: Session, yard: Yard, name: str, owner: str | None = None, state: str = "in_stock"
) -> Device:
    device = Device(
        name=name,
        role="server",
        device_type_id=yard.kind.id,
        customer_id=yard.customers[owner].id if owner else None,
        state=state,
    )
    session.add(device)
    session.flush()
    return device
