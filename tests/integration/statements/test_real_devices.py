"""Recordings of a real PDU and a real switch: from their SNMP answers to a signed statement."""

import asyncio
import dataclasses
import datetime as dt
import ipaddress
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

import dcim.demo
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contract, ContractItem, ContractTerms, Customer
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.inventory.models import Cabinet, Device, Rack, Room, Row, Site
from dcim.inventory.space.allocating import allocate_space
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.assignment import assign_port
from dcim.network.models import BandwidthService, Port
from dcim.power.metering import meter_node
from dcim.power.models import PowerNode
from dcim.sla.rules.language.loading import load_terms
from dcim.snmp.agents.registration import (
    FoundPort,
    accept_ports,
    find_or_make_device,
    register_agent,
    store_credential,
)
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Value
from dcim.statements.files import read_file
from dcim.statements.issuing import issue_statement
from dcim.statements.models import Statement
from dcim.statements.verifying import verify_file
from tests.agents import snmprec

SYSTEM = Scope.system("test")
TERMS = Path(dcim.demo.__file__).parent / "terms" / "standard.yaml"
# Octets a second that the test lets the recorded counter of one port run on with.
RATE = 1_000_000
HC_IN: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
UPTIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)


def running(objects: dict[Oid, Value], port_name: str) -> LiveTree:
    """The recorded switch, its clock running and one port's octets counting on."""
    began = time.monotonic()
    index = next(
        oid[-1]
        for oid, value in objects.items()
        if oid[:-1] == IF_NAME and value.data == port_name.encode()
    )
    live: dict[Oid, Value | Callable[[], Value | None]] = dict(objects)
    base, ticks = int(objects[(*HC_IN, index)].number or 0), int(objects[UPTIME].number or 0)

    def elapsed() -> float:
        return time.monotonic() - began

    live[(*HC_IN, index)] = lambda: Value(ber.COUNTER64, base + int(elapsed() * RATE))
    live[UPTIME] = lambda: Value(ber.TIMETICKS, ticks + int(elapsed() * 100))
    return LiveTree(live)


def sell_cabinet(session: ScopedSession) -> Contract:
    """One cabinet on feed A and one bandwidth service, sold by the standard terms."""
    today = utc_now().date().replace(day=1) - dt.timedelta(days=40)
    site = Site(code="T1", name="测试", name_en="Test")
    room = Room(site=site, code="M1", name="一号", name_en="One")
    cabinet = Cabinet(row=Row(room=room, code="A", position=1), code="A-01", position=1)
    rack = Rack(cabinet=cabinet, code="A-01", u_count=42)
    customer = Customer(code="C1", name="客户一", name_en="Customer One")
    contract = Contract(customer=customer, number="HT-1", starts_on=today)
    session.add_all([rack, contract])
    session.flush()
    document = TERMS.read_text("utf-8")
    common = {"contract_id": contract.id, "customer_id": customer.id}
    space = ContractItem(
        **common, code="HT-1-01", kind="cabinet", label="整机柜", label_en="Cabinet",
        monthly_fee=Decimal("5000.00"), contracted_w=4000, starts_on=today,
    )  # fmt: skip
    bandwidth = ContractItem(
        **common, code="HT-1-02", kind="bandwidth", label="带宽", label_en="Bandwidth",
        monthly_fee=Decimal("8000.00"), starts_on=today,
    )  # fmt: skip
    session.add_all(
        [
            space,
            bandwidth,
            ContractTerms(
                **common, version=1, effective_from=today, document=document,
                sha256=load_terms(document).sha256,
            ),
        ]
    )  # fmt: skip
    session.flush()
    session.add(
        BandwidthService(
            customer_id=customer.id, contract_item_id=bandwidth.id, code="BW-1",
            carrier="BGP", commit_bps=10_000_000, ceiling_bps=1_000_000_000,
        )
    )  # fmt: skip
    utility = PowerNode(
        site_id=site.id, kind="utility", code="U-A", feed="A", rated_a=1000, volts=400, phases=3
    )
    session.add(
        PowerNode(
            site_id=site.id, kind="pdu", code="PDU-A", feed="A", rated_a=16, parent=utility,
            rack_id=rack.id,
        )
    )  # fmt: skip
    allocate_space(session, SYSTEM, space, rack.id, u_low=0, height=84, starts_on=today)
    session.flush()
    return contract


@pytest.mark.slow
def test_a_real_pdu_and_switch_reach_a_statement(
    sessions: SessionFactory, settings: Settings
) -> None:
    folder = snmprec.recordings()
    pdu_agent = Agent(
        LiveTree(dict(snmprec.load(folder / "apc_ap8959eu3.snmprec"))), community=b"pdu-secret"
    )
    recorded = snmprec.load(folder / "vrp_5720.snmprec")
    port_name = "GigabitEthernet0/0/1"
    switch_agent = Agent(running(recorded, port_name), community=b"switch-secret")
    settings = dataclasses.replace(settings, snmp_allowed=(ipaddress.ip_network("127.0.0.0/8"),))
    with transaction(sessions, SYSTEM) as session:
        contract_id = sell_cabinet(session).id

    async def register_and_poll() -> None:
        async with Responder([pdu_agent, switch_agent]):
            with transaction(sessions, SYSTEM) as session:
                for name, role, agent in (
                    ("pdu-1", "pdu", pdu_agent),
                    ("sw-1", "switch", switch_agent),
                ):
                    credential = store_credential(
                        session, SYSTEM, settings.encryption, name=name, version="2c",
                        community=agent.community.decode(),
                    )  # fmt: skip
                    device = find_or_make_device(
                        session, SYSTEM, name, role=role, manufacturer="m", model=name
                    )
                    register_agent(
                        session, SYSTEM, settings, device=device, address=agent.host,
                        udp_port=agent.port, credential=credential,
                    )  # fmt: skip
                switch = session.scalars(select(Device).where(Device.name == "sw-1")).one()
                accept_ports(session, SYSTEM, switch, [FoundPort(port_name, 10**9)])
                meter_node(session, SYSTEM, node_code="PDU-A", device_name="pdu-1", place="input")
                assign_port(
                    session, SYSTEM, service_code="BW-1", device_name="sw-1", port_name=port_name,
                    starts_at=utc_now() - dt.timedelta(minutes=5),
                )  # fmt: skip
            room = PollingRoom(settings, sessions)
            for _ in range(3):
                assert await poll_shard(room, 0) == 2
                await asyncio.sleep(1.1)
            await room.close()

    asyncio.run(register_and_poll())

    store = PostgresSampleStore()
    with transaction(sessions, SYSTEM) as session:
        power = session.scalars(
            select(Series.id)
            .join(PowerNode, PowerNode.id == Series.power_node_id)
            .where(Series.family == "power", PowerNode.code == "PDU-A")
        ).one()
        traffic = session.scalars(
            select(Series.id)
            .join(Port, Port.id == Series.port_id)
            .where(Series.family == "traffic")
        ).one()
        now = time.time_ns() // 1_000_000
        ((_, watts),) = store.read(session, "power", [power], now - 600_000, now)
        assert set(watts.values["mw"].tolist()) == {270_000}
        assert set(watts.values["mv"].tolist()) == {231_000}
        ((_, octets),) = store.read(session, "traffic", [traffic], now - 600_000, now)
        rates = octets.values["in_octets"] * 1000 / octets.span_ms
        # Within the jitter of when the agent read its clock and we received the answer.
        assert len(rates) == 2
        assert all(abs(rate / RATE - 1) < 0.1 for rate in rates.tolist())
        total_octets = int(octets.values["in_octets"].sum())

    period = f"{utc_now():%Y-%m}"
    after = (utc_now().replace(day=1) + dt.timedelta(days=32)).replace(day=2)
    with time_machine.travel(after, tick=True):
        issued = issue_statement(sessions, SYSTEM, settings, contract_id, period)
    with transaction(sessions, SYSTEM) as session:
        pdf = read_file(session, SYSTEM, settings, issued.statement_id)
        document = session.get_one(Statement, issued.statement_id).document
    (feed,) = document["power"]
    assert Decimal(feed["max_w"]) == 270
    assert document["usage"][0]["bins"]["present"] >= 0
    assert str(total_octets) in bins_of(pdf)
    verdict = verify_file(pdf)
    assert verdict.exit_code == 3, verdict.words("en")


def bins_of(pdf: bytes) -> str:
    """The attached billing bins; octets may lie across two bins, so their sum is added."""
    from reports.unpacking import embedded_files

    files = {n: f.decode() for n, f in embedded_files(pdf).items() if n.startswith("bins/")}
    (text,) = files.values()
    rows = [line.split(",") for line in text.splitlines()[1:]]
    return text + str(sum(int(row[1] or 0) for row in rows))
