"""A small house for the NOC's and the portal's pages: switches, racks, two customers, samples."""

import datetime as dt
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Engine

from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.db import ScopedSession
from dcim.inventory.models import (
    Allocation,
    Cabinet,
    Device,
    DeviceType,
    Installation,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.power.models import PowerNode
from dcim.sla.models import Incident, IncidentImpact

HOSTILE = '<script>alert("x")</script>\'"&'
Row_ = TypeVar("Row_")
LONG_AGO = dt.date(2020, 1, 1)


@dataclass
class Tenant:
    customer_id: int
    rack_id: int
    ports: list[int]
    service_ids: list[int]
    canaries: list[str]


class House:
    """`ports` of each tenant are measured once a minute for the last ten minutes."""

    def __init__(self, session: ScopedSession) -> None:
        self.session, self.now = session, utc_now()
        self.store = PostgresSampleStore()
        self.site = self._add(Site(code="S1", name="站", name_en="Site"))
        room = self._add(Room(site_id=self.site.id, code="R1", name="房", name_en="Room"))
        row = self._add(Row(room_id=room.id, code="A", position=1))
        self.row_id, self.room_id = row.id, room.id
        kind = self._add(DeviceType(manufacturer="M", model="T", height=2))
        self.kind_id = kind.id
        self.switch = self._add(
            Device(device_type_id=kind.id, name="OPERATOR-SWITCH", role="access")
        )

    def _add(self, row: Row_) -> Row_:
        self.session.add(row)
        self.session.flush()
        return row

    def add_tenant(self, tag: str, ports: int = 1, *, silent: bool = False) -> Tenant:
        s = self.session
        customer = self._add(
            Customer(code=f"C-{tag}", name=f"CANARY-{tag}-zh", name_en=f"CANARY-{tag}-name")
        )
        contract = self._add(
            Contract(customer_id=customer.id, number=f"CANARY-{tag}-contract", starts_on=LONG_AGO)
        )

        def item(code: str, kind: str) -> ContractItem:
            return self._add(
                ContractItem(
                    contract_id=contract.id,
                    customer_id=customer.id,
                    code=f"CANARY-{tag}-{code}",
                    kind=kind,
                    label=f"CANARY-{tag}-label-{code}",
                    label_en=f"CANARY-{tag}-label-{code}",
                    monthly_fee=100,
                    contracted_w=4000 if kind == "cabinet" else None,
                    starts_on=LONG_AGO,
                )
            )

        space = item("space", "cabinet")
        position = s.query(Cabinet).count() + 1
        cabinet = self._add(
            Cabinet(row_id=self.row_id, code=f"CANARY-{tag}-cab", position=position)
        )
        rack = self._add(Rack(cabinet_id=cabinet.id, code="1", u_count=42))
        self._add(
            Allocation(
                customer_id=customer.id,
                contract_item_id=space.id,
                rack_id=rack.id,
                u_low=0,
                height=84,
                starts_on=LONG_AGO,
            )
        )
        server = self._add(
            Device(
                device_type_id=self.kind_id,
                customer_id=customer.id,
                name=f"CANARY-{tag}-server {HOSTILE}",
                role="server",
            )
        )
        self._add(
            Installation(
                device_id=server.id, rack_id=rack.id, u_low=4, height=2, installed_at=self.now
            )
        )
        self._add_feed(tag, "A", rack.id)
        self._add_feed(tag, "B", rack.id)
        made, services = [], []
        for number in range(ports):
            order = item(f"ip{number}", "bandwidth")
            port = self._add(
                Port(
                    device_id=self.switch.id,
                    name=f"{tag}/{number}",
                    speed_bps=10**9,
                    alias=f"CANARY-{tag}-alias {HOSTILE}",
                )
            )
            service = self._add(
                BandwidthService(
                    customer_id=customer.id,
                    contract_item_id=order.id,
                    code=f"CANARY-{tag}-svc{number}",
                    carrier="BGP",
                    commit_bps=10**8,
                    ceiling_bps=10**9,
                )
            )
            self._add(
                ServiceMembership(
                    service_id=service.id,
                    customer_id=customer.id,
                    port_id=port.id,
                    starts_at=self.now - dt.timedelta(days=400),
                )
            )
            self.measure_port(port.id, old_s=600 if silent else 0)
            made.append(port.id)
            services.append(service.id)
        self._add_incident(tag, customer.id, space.id)
        s.commit()
        canaries = [f"CANARY-{tag}-"]
        return Tenant(customer.id, rack.id, made, services, canaries)

    def _add_feed(self, tag: str, feed: str, rack_id: int) -> None:
        pdu_device = self._add(
            Device(device_type_id=self.kind_id, name=f"OPERATOR-pdu-{tag}-{feed}", role="pdu")
        )
        node = self._add(
            PowerNode(
                site_id=self.site.id,
                kind="pdu",
                code=f"OPERATOR-PDU-{tag}-{feed}",
                feed=feed,
                rated_a=16,
                volts=230,
                rack_id=rack_id,
            )
        )
        series = self._add(
            Series(family="power", device_id=pdu_device.id, slot="input", power_node_id=node.id)
        )
        now_ms = round(self.now.timestamp() * 1000)
        rows = [
            (series.id, now_ms - 60_000 * k, 0, 0, 230_000, 4_000, 920_000, -1) for k in range(5)
        ]
        self.store.append(self.session, "power", rows)

    def measure_port(self, port_id: int, *, old_s: int = 0, state: int = 1) -> None:
        """Ten minutes at 40 Mbit/s in and 8 out; the newest sample is `old_s` seconds old."""
        traffic = self._add(
            Series(
                family="traffic",
                device_id=self.switch.id,
                slot=f"t{port_id}",
                port_id=port_id,
            )
        )
        states = self._add(
            Series(family="state", device_id=self.switch.id, slot=f"s{port_id}", port_id=port_id)
        )
        newest = round(self.now.timestamp() * 1000) - old_s * 1000
        self.store.append(
            self.session,
            "traffic",
            [
                (traffic.id, newest - 60_000 * k, 60_000, 0, 300_000_000, 60_000_000, 0, 0)
                for k in range(10)
            ],
        )
        self.store.append(
            self.session,
            "state",
            [(states.id, newest - 60_000 * k, 0, 0, state) for k in range(10)],
        )

    def drop_packets(self, port_id: int, *counts: tuple[int, int], old_s: int = 0) -> Series:
        """Samples of (in, out), a minute apart; the newest, `old_s` seconds old, stands last."""
        made = self._add(
            Series(family="discards", device_id=self.switch.id, slot=f"d{port_id}", port_id=port_id)
        )
        newest = round(self.now.timestamp() * 1000) - old_s * 1000
        ago = range(len(counts) - 1, -1, -1)
        rows = [
            (made.id, newest - 60_000 * k, 60_000, 0, *count)
            for k, count in zip(ago, counts, strict=True)
        ]
        self.store.append(self.session, "discards", rows)
        self.session.commit()
        return made

    def _add_incident(self, tag: str, customer_id: int, item_id: int) -> None:
        incident = self._add(
            Incident(
                key=f"power_feed:{tag}:{self.now.timestamp()}",
                kind="power_feed",
                started_at=self.now - dt.timedelta(minutes=7),
                what=f"CANARY-{tag}-what OPERATOR-RPP {HOSTILE}",
                what_en=f"CANARY-{tag}-what OPERATOR-RPP {HOSTILE}",
                place=f"CANARY-{tag}-place",
            )
        )
        self._add(
            IncidentImpact(
                incident_id=incident.id,
                customer_id=customer_id,
                contract_item_id=item_id,
                severity="information",
            )
        )


class Counter:
    """Statements sent to the database while it is in force."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.count = engine, 0

    def _note(self, *args: object) -> None:
        self.count += 1

    def __enter__(self) -> "Counter":
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *args: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)
