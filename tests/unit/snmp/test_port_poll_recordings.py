"""A poll's table and the general engine tell the same of real switches' recordings."""

from __future__ import annotations

import asyncio

import pytest

from dcim.demo.responder import Agent, Responder, StaticTree
from dcim.snmp.counting.port_table import NOT_READ, Item
from dcim.snmp.polling.port_poll import NeedsFullRead, PortPoll, gather_poll
from dcim.snmp.reading.ports import PortReading, read_ports
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target
from tests.agents import snmprec
from tests.agents.ports import drive

STATUS = ["", "up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"]
SWITCHES = [
    "arista_eos_vrf", "comware_a5500", "dell-os10", "junos_qfx5100", "nxos_n3k-3064pq",
    "routeros_crs317", "ruijie", "vrp_5720",
]  # fmt: skip


def tree_of(name: str) -> StaticTree:
    return StaticTree(snmprec.load(snmprec.recordings() / f"{name}.snmprec"))


def read_by_the_engine(agent: Agent) -> list[PortReading]:
    async def work() -> list[PortReading]:
        async with Responder([agent]), Engine() as engine:
            target = Target(agent.host, agent.port, community=b"public", timeout_s=20)
            return (await read_ports(engine, target)).ports

    return asyncio.run(work())


@pytest.mark.parametrize("name", SWITCHES)
def test_the_plan_and_the_engine_tell_the_same(name: str) -> None:
    agent = Agent(tree_of(name))
    poll = gather_poll(drive(agent).read, "clock")
    assert isinstance(poll, PortPoll)
    table = poll.table
    ports = read_by_the_engine(agent)
    assert table.names == tuple(port.name for port in ports)
    assert poll.if_index.tolist() == [port.if_index for port in ports]
    assert [STATUS[max(0, number)] for number in poll.oper_status.tolist()] == [
        port.oper_status for port in ports
    ]
    assert table.octets(Item.IN_OCTETS).tolist() == [port.in_octets for port in ports]
    assert table.octets(Item.OUT_OCTETS).tolist() == [port.out_octets for port in ports]
    assert table[Item.BITS].tolist() == [port.counter_bits for port in ports]
    for item, field in [
        (Item.IN_ERRORS, "in_errors"),
        (Item.OUT_ERRORS, "out_errors"),
        (Item.IN_DISCARDS, "in_discards"),
        (Item.OUT_DISCARDS, "out_discards"),
        (Item.DISCONTINUITY, "discontinuity"),
    ]:
        told = [getattr(port, field) for port in ports]
        assert table[item].tolist() == [NOT_READ if one is None else one for one in told], item
    for speed, port in zip(table[Item.SPEED_BPS].tolist(), ports, strict=True):
        # Below 1 Mb/s only ifSpeed tells, which the plan doesn't read.
        assert speed == port.speed_bps or (speed == NOT_READ and (port.speed_bps or 0) < 10**6)


def test_a_switch_with_ports_of_32_bits_alone_is_left_to_the_engine() -> None:
    poll = gather_poll(drive(Agent(tree_of("ios_2960x"))).read, "clock")
    assert poll == NeedsFullRead("a port without 64-bit counters")
