"""A room with two cabinets, each sold whole with an A and a B PDU, billed by kWh; and meters."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem, ContractTerms, Customer
from dcim.db import ScopedSession
from dcim.inventory.models import Allocation, Cabinet, Rack, Room, Row, Site
from dcim.meters.entering import NewReading, decide_reading, enter_reading
from dcim.meters.kinds import METER
from dcim.meters.models import Meter, MeterReading
from dcim.power.models import PowerNode
from dcim.records.writing import create_record
from dcim.sla.rules.language.loading import load_terms

READER = Scope.staff("reader@example.com")
SECOND = Scope.staff("second@example.com")
ZONE = ZoneInfo("Asia/Shanghai")
BEGAN = dt.date(2026, 1, 1)
JPEG = b"\xff\xd8\xff\xe0" + b"a picture of a meter"
TERMS = """\
terms: metered
version: "1"
title: {zh: 电量计费, en: Power by the kWh}
currency: CNY
rounding: half_up to 0.01
time_zone: Asia/Shanghai
period: calendar_month
rent: {clause: "3.1", prorate: days}
metrics: {}
usage:
  power:
    title: {zh: 电力, en: Power}
    clause: "6.1"
    applies_to: cabinet
    method: energy
    price: 1.00
"""


def local(day: str, clock: str = "00:00") -> dt.datetime:
    """An instant by the site's clocks."""
    return dt.datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE)


@dataclass
class House:
    session: ScopedSession
    room: Room
    cabinets: list[Cabinet]
    racks: list[Rack]
    pdus: list[list[PowerNode]]
    contracts: list[Contract]
    items: list[ContractItem]

    def own(self, number: int = 0) -> Scope:
        return Scope.customer(f"c{number}@example.com", self.contracts[number].customer_id)

    def hang(self, serial: str = "SN-1", number: int = 0, **given: Any) -> Meter:
        """A meter of the item's cabinet as a whole, from the first of September."""
        values = {
            "serial": serial,
            "contract_item_id": self.items[number].id,
            "room_id": self.room.id,
            "digits": 6,
            "decimals": 1,
            "installed_at": local("2026-09-01"),
        } | given
        made = create_record(self.session, READER, METER, values)
        return self.session.get_one(Meter, made.id)

    def read(self, meter: Meter, value: str, at: dt.datetime, **given: Any) -> MeterReading:
        given.setdefault("doubt_reason", "checked on the spot")
        return enter_reading(self.session, READER, NewReading(meter.id, value, at, **given), now=at)

    def confirm(self, meter: Meter, value: str, at: dt.datetime, **given: Any) -> MeterReading:
        reading = self.read(meter, value, at, **given)
        return decide_reading(self.session, SECOND, reading.id, "confirmed")


def build_house(session: ScopedSession, terms: str = TERMS) -> House:
    def add(row: Any) -> Any:
        session.add(row)
        session.flush()
        return row

    site = add(Site(code="SH1", name="上海", name_en="Shanghai", timezone="Asia/Shanghai"))
    room = add(Room(site_id=site.id, code="R1", name="一号机房", name_en="Room 1"))
    row = add(Row(room_id=room.id, code="A", position=1))
    house = House(session, room, [], [], [], [], [])
    for number in range(2):
        code = f"A-0{number + 1}"
        cabinet = add(Cabinet(row_id=row.id, code=code, position=number + 1))
        rack = add(Rack(cabinet_id=cabinet.id, code=code, u_count=42))
        pdus = []
        for feed in "AB":
            breaker = add(
                PowerNode(
                    site_id=site.id, kind="breaker", code=f"Q-{code}-{feed}", feed=feed, rated_a=32
                )
            )
            pdus.append(
                add(
                    PowerNode(
                        site_id=site.id, kind="pdu", code=f"P-{code}-{feed}", feed=feed,
                        rated_a=32, rack_id=rack.id, parent_id=breaker.id,
                    )
                )
            )  # fmt: skip
        customer = add(
            Customer(code=f"C{number}", name=f"客户{number}", name_en=f"Customer {number}")
        )
        contract = add(Contract(customer_id=customer.id, number=f"HT-{number}", starts_on=BEGAN))
        common = {"contract_id": contract.id, "customer_id": customer.id}
        item = add(
            ContractItem(
                **common, code=f"HT-{number}-01", kind="cabinet", label="机柜", label_en="Cabinet",
                monthly_fee=Decimal("1000.00"), starts_on=BEGAN,
            )
        )  # fmt: skip
        add(
            ContractTerms(
                **common, version=1, effective_from=BEGAN, document=terms,
                sha256=load_terms(terms).sha256,
            )
        )  # fmt: skip
        add(
            Allocation(
                rack_id=rack.id, u_low=0, height=84, customer_id=customer.id,
                contract_item_id=item.id, starts_on=BEGAN, turn="current",
            )
        )  # fmt: skip
        house.cabinets.append(cabinet)
        house.racks.append(rack)
        house.pdus.append(pdus)
        house.contracts.append(contract)
        house.items.append(item)
    return house
