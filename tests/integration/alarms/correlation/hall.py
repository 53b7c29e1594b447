"""A row of 300 machines in 30 racks behind one pair of panels, and what a dead panel raises there.

Racks R-01 … R-24 have feeds A and B, R-25 … R-30 feed A alone. Every rack has a switch and nine
servers. R-01 … R-10 are Ash's: their servers 1 and 2 have one cord, on A; the switches of R-01 and
R-02 too. R-11 … R-24 are Birch's, all on both feeds; R-25 … R-28 Cedar's, R-29 and R-30 Dogwood's.
The core stands in N-00 behind other panels, which also feed R-31 (Dogwood's) and R-32 (Elm's).
Every switch hangs on the core by a line through a patch panel; every server on its rack's switch.

Fir, Gorse and Hazel have no rack, but ports: Fir one on the switch of R-01, Gorse one each on those
of R-01 and R-03, Hazel one on that of R-05.
"""

import datetime as dt
import random
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.orm import Session

from dcim.alarms.correlation.subjects import Raised, Subject
from dcim.customers.models import Contract, ContractItem, Customer
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
from dcim.network.models import (
    BandwidthService,
    Cable,
    CableEnd,
    Carrier,
    Circuit,
    Port,
    ServiceMembership,
)
from dcim.power.models import Outlet, PowerNode
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential

NOW = dt.datetime(2026, 11, 25, 4, tzinfo=dt.UTC)
SINCE = dt.date(2026, 1, 1)
GIG = 1_000_000_000
DUAL, SINGLE, APART = range(1, 25), range(25, 31), range(31, 33)
OWNERS = {
    **dict.fromkeys(range(1, 11), "Ash"),
    **dict.fromkeys(range(11, 25), "Birch"),
    **dict.fromkeys(range(25, 29), "Cedar"),
    **dict.fromkeys((29, 30, 31), "Dogwood"),
    32: "Elm",
}
SERVICES = {"Fir": (1,), "Gorse": (1, 3), "Hazel": (5,)}


@dataclass
class Hall:
    """Ids by name: racks "R-01", nodes "RPP-A", "R-01-A" (its PDU), "R-01-AQ" (its breaker),
    devices "sw-01", "srv-01-1", "pdu-01-A", agents and ports alike ("sw-01 up", "core 1")."""

    racks: dict[str, int] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    agents: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)

    def subject(self, kind: str, name: str) -> Subject:
        ids = {
            "power_node": self.nodes, "rack": self.racks, "device": self.devices,
            "agent": self.agents, "port": self.ports, "service": self.services,
        }  # fmt: skip
        return Subject(kind, ids[kind][name])


class _Building:
    def __init__(self, session: Session) -> None:
        self.session, self.hall = session, Hall()
        self.site = Site(code="SH1", name="上海一号", name_en="Shanghai 1")
        room = Room(site=self.site, code="M3", name="三号机房", name_en="Room 3")
        self.row = Row(code="R", position=1, room=room)
        self.kinds = {
            name: DeviceType(manufacturer="M", model=name, height=2, rated_w=watts)
            for name, watts in (("server", 200), ("switch", 100), ("pdu", 0), ("panel", 0))
        }
        self.credential = SnmpCredential(name="read", version="2c")
        session.add_all([self.row, self.credential, *self.kinds.values()])
        session.flush()
        self.items: dict[str, ContractItem] = {}
        self.owners: dict[str, int] = {}

    def add(self, *rows: object) -> None:
        self.session.add_all(rows)
        self.session.flush()

    def customer(self, name: str) -> ContractItem:
        if name not in self.items:
            customer = Customer(code=name, name=name, name_en=name)
            contract = Contract(customer=customer, number=f"HT-{name}", starts_on=SINCE)
            self.add(contract)
            item = ContractItem(
                contract_id=contract.id, customer_id=customer.id, code=f"{name}-1", kind="cabinet",
                label=name, label_en=name, monthly_fee=Decimal(100), starts_on=SINCE,
            )  # fmt: skip
            self.add(item)
            self.items[name], self.owners[name] = item, customer.id
        return self.items[name]

    def node(self, code: str, above: str | None, kind: str, feed: str, **rest: object) -> None:
        parent_id = None if above is None else self.hall.nodes[above]
        node = PowerNode(
            site_id=self.site.id, code=code, kind=kind, feed=feed, parent_id=parent_id,
            rated_a=rest.pop("rated_a", 32), **rest,
        )  # fmt: skip
        self.add(node)
        self.hall.nodes[code] = node.id

    def device(
        self, name: str, kind: str, rack: str, u: int | None, cords: tuple[str, ...] = (),
        customer: str | None = None,
    ) -> None:  # fmt: skip
        owner = None if customer is None else self.owners[customer]
        device = Device(name=name, role=kind, device_type_id=self.kinds[kind].id, customer_id=owner)
        self.add(device)
        self.hall.devices[name] = device.id
        rail = {} if u is not None else {"rail": "left", "rail_position": 1 + (name[-1] == "B")}
        self.session.add(
            Installation(
                device_id=device.id, rack_id=self.hall.racks[rack], height=2, installed_at=NOW,
                u_low=u, **rail,
            )
        )  # fmt: skip
        for cord in cords:
            pdu_id = self.hall.nodes[cord]
            self.session.add(Outlet(pdu_id=pdu_id, number=(u or 0) + 1, device_id=device.id))
        self.session.flush()

    def agent(self, name: str) -> None:
        device_id = self.hall.devices[name]
        agent = SnmpAgent(
            device_id=device_id, credential_id=self.credential.id,
            address=f"10.0.{device_id // 250}.{device_id % 250}",
        )  # fmt: skip
        self.add(agent)
        self.hall.agents[name] = agent.id

    def port(self, name: str, device: str, kind: str = "switch", role: str = "customer") -> None:
        port = Port(
            device_id=self.hall.devices[device], name=name, kind=kind, role=role, speed_bps=GIG
        )
        self.add(port)
        self.hall.ports[name] = port.id

    def cable(self, a: str, z: str, a_face: str = "front", z_face: str = "front") -> None:
        ends = [
            CableEnd(side=side, port_id=self.hall.ports[name], face=face)
            for side, name, face in (("a", a, a_face), ("z", z, z_face))
        ]
        self.session.add(Cable(media="smf", ends=ends))

    def rack(self, number: int | str, panels: dict[str, str]) -> str:
        """A rack with a PDU and a breaker on each of these feeds."""
        code = f"R-{number:02}" if isinstance(number, int) else number
        rack = Rack(
            code=code,
            u_count=42,
            cabinet=Cabinet(code=code, row=self.row, position=len(self.hall.racks) + 1),
        )
        self.add(rack)
        self.hall.racks[code] = rack.id
        for feed, panel in panels.items():
            self.node(f"{code}-{feed}Q", panel, "breaker", feed, rack_id=rack.id)
            name = f"pdu-{code[2:]}-{feed}"
            self.device(name, "pdu", code, None)
            self.agent(name)
            self.node(
                f"{code}-{feed}", f"{code}-{feed}Q", "pdu", feed, rack_id=rack.id,
                meter_device_id=self.hall.devices[name], meter_place="input",
            )  # fmt: skip
        return code

    def allocate(self, rack: str, owner: str) -> None:
        item = self.customer(owner)
        self.session.add(
            Allocation(
                customer_id=item.customer_id, contract_item_id=item.id,
                rack_id=self.hall.racks[rack], u_low=0, height=84, starts_on=SINCE,
            )
        )  # fmt: skip


def build_hall(session: Session) -> Hall:
    work = _Building(session)
    for feed in "AB":
        work.node(f"UT-{feed}", None, "utility", feed, rated_a=800, phases=3)
        work.node(f"UPS-{feed}", f"UT-{feed}", "ups", feed, rated_a=400, phases=3)
        work.node(f"RPP-{feed}", f"UPS-{feed}", "panel", feed, rated_a=250, phases=3)
        work.node(f"RPP-N{feed}", f"UPS-{feed}", "panel", feed, rated_a=250, phases=3)
    apart = {feed: f"RPP-N{feed}" for feed in "AB"}
    core_rack = work.rack("N-00", apart)
    work.device("core", "switch", core_rack, 0, ("N-00-A", "N-00-B"))
    work.agent("core")
    work.device("odf", "panel", core_rack, 2)
    work.port("core up", "core", role="uplink")
    carrier = Carrier(code="CT", name="电信")
    work.add(carrier)
    work.add(
        Circuit(
            number="CT-1", carrier_id=carrier.id, kind="transit", site_id=work.site.id,
            capacity_bps=GIG, monthly_fee=Decimal(1), starts_on=SINCE,
            port_id=work.hall.ports["core up"],
        )
    )  # fmt: skip
    for number, owner in OWNERS.items():
        work.customer(owner)
        feeds = "A" if number in SINGLE else "AB"
        panels = apart if number in APART else {feed: f"RPP-{feed}" for feed in feeds}
        code = work.rack(number, panels)
        work.allocate(code, owner)
        if number not in APART:
            _fill(work, number, code, owner, tuple(f"{code}-{feed}" for feed in feeds))
    for place, (name, numbers) in enumerate(SERVICES.items()):
        _serve(work, place, name, numbers)
    session.flush()
    return work.hall


def _fill(work: _Building, number: int, code: str, owner: str, cords: tuple[str, ...]) -> None:
    switch = f"sw-{number:02}"
    work.device(switch, "switch", code, 0, cords[: 1 if number < 3 else 2])
    work.agent(switch)
    work.port(f"{switch} up", switch, role="uplink")
    work.port(f"core {number}", "core", role="internal")
    work.port(f"odf {number}", "odf", kind="panel", role="internal")
    work.cable(f"{switch} up", f"odf {number}", z_face="rear")
    work.cable(f"odf {number}", f"core {number}")
    for place in range(1, 10):
        name = f"srv-{number:02}-{place}"
        own = cords[:1] if number <= 10 and place <= 2 else cords
        work.device(name, "server", code, 2 * place, own, owner)
        work.port(f"{switch} {place}", switch)
        work.port(f"{name} nic", name, kind="server", role="internal")
        work.cable(f"{switch} {place}", f"{name} nic")


def _serve(work: _Building, place: int, name: str, numbers: tuple[int, ...]) -> None:
    item = work.customer(name)
    service = BandwidthService(
        customer_id=item.customer_id, contract_item_id=item.id, code=f"BW-{name}", carrier="CT",
        commit_bps=GIG, ceiling_bps=GIG,
    )  # fmt: skip
    work.add(service)
    work.hall.services[name] = service.id
    for number in numbers:
        port = f"sw-{number:02} {name}"
        work.port(port, f"sw-{number:02}")
        work.session.add(
            ServiceMembership(
                service_id=service.id, customer_id=item.customer_id,
                port_id=work.hall.ports[port], starts_at=NOW - dt.timedelta(days=30),
            )
        )  # fmt: skip


def lose_panel(hall: Hall) -> list[Raised]:
    """What the death of RPP-A raises, by the plan above: worked out here, not by the model.

    Told by polls of a minute: up to 50 s before the panel's own alarm and up to 3 min after it.
    """
    told: list[tuple[str, str, str]] = [("power_node", "RPP-A", "down")]
    for number in (*DUAL, *SINGLE):
        code = f"R-{number:02}"
        told.append(("power_node", f"{code}-AQ", "down"))
        told.append(("power_node", f"{code}-A", "down"))
        told.append(("agent", f"pdu-{number:02}-A", "silent"))
        told.append(("rack", code, "down" if number in SINGLE else "lost_feed"))
        switch_off = number < 3 or number in SINGLE
        told.append(("agent", f"sw-{number:02}", "silent") if switch_off
                    else ("device", f"sw-{number:02}", "lost_feed"))  # fmt: skip
        if switch_off:
            told.append(("port", f"core {number}", "down"))
        for place in range(1, 10):
            one_cord = number in SINGLE or (number <= 10 and place <= 2)
            if one_cord or switch_off:
                # Dead, or behind the dead switch.
                told.append(("device", f"srv-{number:02}-{place}", "silent"))
            else:
                told.append(("device", f"srv-{number:02}-{place}", "lost_feed"))
            if one_cord and not switch_off:
                told.append(("port", f"sw-{number:02} {place}", "down"))
    told.append(("service", "Fir", "down"))
    told.append(("service", "Gorse", "degraded"))
    told.append(("power_node", "RPP-B", "overload"))
    chance = random.Random(300)
    at = round(NOW.timestamp() * 1000)
    raised = [
        Raised(key, hall.subject(kind, name), trouble, at + chance.randrange(-50_000, 180_000))
        for key, (kind, name, trouble) in enumerate(told)
    ]
    raised[0] = Raised(0, raised[0].subject, "down", at)
    chance.shuffle(raised)
    return raised
