"""Members of LAGs: read from simulated agents that layer in different ways, and from recordings."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from dcim.demo.responder import Agent, Responder, StaticTree
from dcim.snmp.discovery.lags import ATTACHED_AGG, SELECTED_AGG, ToldMember, read_members
from dcim.snmp.reading.ports import read_ports
from dcim.snmp.wire import ber, if_mib
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target
from tests.agents import snmprec

ETHERNET, LAG, VIRTUAL, VLAN = 6, 161, 53, 135


def interfaces(named: dict[int, tuple[str, int]]) -> dict[Oid, Value]:
    tree: dict[Oid, Value] = {}
    for index, (name, kind) in named.items():
        tree[(*if_mib.NAME, index)] = ber.text(name)
        tree[(*if_mib.TYPE, index)] = ber.integer(kind)
        tree[(*if_mib.OPER, index)] = ber.integer(1)
    return tree


def stack(*rows: tuple[int, int], status: int = 1) -> dict[Oid, Value]:
    return {(*if_mib.STACK_STATUS, *row): ber.integer(status) for row in rows}


def lacp(column: Oid, by_port: dict[int, int]) -> dict[Oid, Value]:
    return {(*column, port): ber.integer(lag) for port, lag in by_port.items()}


def ask(
    tree: dict[Oid, Value], drops: Counter[str] | None = None
) -> list[tuple[str, str, bool]] | None:
    agent = Agent(StaticTree(tree))

    async def work() -> list[ToldMember] | None:
        async with Responder([agent]), Engine() as engine:
            there = Target(agent.host, agent.port, community=b"public", timeout_s=5)
            ports = (await read_ports(engine, there)).ports
            found = await read_members(engine, there, ports)
            if drops is not None:
                drops.update(engine.drops)
            return found

    told = asyncio.run(work())
    return None if told is None else [(one.lag, one.port, one.is_attached) for one in told]


HUAWEI = interfaces(
    {1: ("10GE1/0/1", ETHERNET), 2: ("10GE1/0/2", ETHERNET), 3: ("10GE1/0/3", ETHERNET)}
) | interfaces({9: ("Eth-Trunk1", LAG), 10: ("Vlanif5", VIRTUAL)})


def test_what_lies_beneath_a_lag_is_its_member() -> None:
    rows = stack((0, 9), (9, 1), (9, 2), (1, 0), (2, 0), (0, 3), (3, 0), (10, 9))
    members = [("Eth-Trunk1", "10GE1/0/1", True), ("Eth-Trunk1", "10GE1/0/2", True)]
    assert ask(HUAWEI | rows) == members
    # A row that isn't in force says nothing, nor one about interfaces that aren't there.
    others = stack((9, 3), status=2) | stack((9, 77), (77, 1))
    assert ask(HUAWEI | rows | others) == members
    # No row at all: the device doesn't say, which isn't that it has no LAG.
    assert ask(HUAWEI) is None
    assert ask(HUAWEI | stack((0, 1), (1, 0))) == []


def test_a_virtual_interface_is_a_lag_by_its_name_alone() -> None:
    rows = stack((9, 1))
    for name, found in (("Po1", 1), ("port-channel 10", 1), ("Bridge-Aggregation3", 1),
                        ("Vl1", 0), ("StackPort1", 0), ("po", 0), ("lo0", 0)):  # fmt: skip
        tree = interfaces({1: ("Gi1", ETHERNET), 9: (name, VIRTUAL)}) | rows
        assert len(ask(tree) or []) == found, name
    # A VLAN of a LAG is none, whatever it is called.
    assert ask(interfaces({1: ("Gi1", ETHERNET), 9: ("Po1", VLAN)}) | rows) == []


def test_units_stand_for_what_they_are_units_of() -> None:
    junos = interfaces(
        {
            1: ("xe-0/0/1", ETHERNET), 2: ("xe-0/0/2", ETHERNET), 11: ("xe-0/0/1.0", VIRTUAL),
            12: ("xe-0/0/2.0", VIRTUAL), 20: ("ae0", LAG), 21: ("ae0.0", VIRTUAL),
        }
    )  # fmt: skip
    members = [("ae0", "xe-0/0/1", True), ("ae0", "xe-0/0/2", True)]
    layered = stack((21, 20), (21, 11), (21, 12), (11, 1), (12, 2), (1, 0), (2, 0))
    assert ask(junos | layered) == members
    # Where the table doesn't tell of what a unit is one, its name does.
    assert ask(junos | stack((21, 11), (21, 12))) == members
    # Layers in a ring end.
    assert ask(junos | stack((21, 11), (11, 12), (12, 11), (21, 21), (20, 21))) == []


def test_lacp_says_who_is_left_out() -> None:
    rows = stack((9, 1), (9, 2), (9, 3))
    running = lacp(ATTACHED_AGG, {1: 9, 2: 9, 3: 0}) | lacp(SELECTED_AGG, {1: 9, 2: 9, 3: 9})
    told = [
        ("Eth-Trunk1", "10GE1/0/1", True),
        ("Eth-Trunk1", "10GE1/0/2", True),
        ("Eth-Trunk1", "10GE1/0/3", False),
    ]
    assert ask(HUAWEI | rows | running) == told
    assert ask(HUAWEI | running) == told, "without layers too"
    assert ask(HUAWEI | rows | lacp(ATTACHED_AGG, {1: 9, 2: 9, 3: 0})) == told
    # A group without LACP is attached to nothing, and whole.
    static = ask(HUAWEI | rows | lacp(ATTACHED_AGG, {1: 0, 2: 0, 3: 0}))
    assert static is not None
    assert [attached for _, _, attached in static] == [True] * 3
    # A port that is its own aggregator, or another port's, is in no LAG.
    assert ask(HUAWEI | lacp(ATTACHED_AGG, {1: 1, 2: 1, 3: 99})) == []


def test_a_port_is_in_one_lag() -> None:
    drops: Counter[str] = Counter()
    tree = HUAWEI | interfaces({8: ("Eth-Trunk0", LAG)}) | stack((9, 1), (8, 1))
    assert ask(tree | lacp(ATTACHED_AGG, {1: 9}), drops) == [("Eth-Trunk1", "10GE1/0/1", True)]
    assert drops["lag_twice"] == 1


RECORDED = {
    "arista_eos_vrf": [
        ("Port-Channel101", "Ethernet1"), ("Port-Channel1", "Ethernet23"),
        ("Port-Channel1", "Ethernet24"),
    ],
    "ios_2960x": [("Po1", "Gi1/0/52"), ("Po1", "Gi3/0/52")],
    # Layers, and no LAG with a member among them.
    "junos_qfx5100": [],
    "ruijie": [],
    # LAGs, and no word of who is in them.
    "nxos_n3k-3064pq": None,
    "routeros_crs317": None,
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_devices(name: str) -> None:
    told = ask(snmprec.load(snmprec.recordings() / f"{name}.snmprec"))
    members = None if told is None else [(lag, port) for lag, port, _ in told]
    assert members == RECORDED[name]
