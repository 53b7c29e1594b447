"""The demo's devices: what their getters say is what our probe and Net-SNMP read."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from typing import Any

import pytest

from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.snmp.reading.probe import ProbeResult, probe
from dcim.snmp.reading.profiles import load_catalogue
from dcim.snmp.reading.readings import DeviceReading, read_device
from dcim.snmp.wire import ber
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

CATALOGUE = load_catalogue()


def identity(object_id: str, name: str = "A-01") -> trees.Identity:
    return trees.Identity(name, "demo device", object_id, lambda: 123_456)


def look(tree: trees.Objects) -> ProbeResult:
    agent = Agent(LiveTree(tree))

    async def work() -> ProbeResult:
        async with Responder([agent]), Engine() as engine:
            there = Target(agent.host, agent.port, community=b"public")
            return await probe(there, engine=engine, catalogue=CATALOGUE)

    return asyncio.run(work())


def values(result: ProbeResult) -> dict[tuple[str, str, str], float]:
    return {(r.kind, r.place, r.label): float(r.value) for r in result.readings}


def test_a_pdu() -> None:
    result = look(
        trees.apc_rpdu2_tree(
            identity(trees.APC_RPDU2_ID),
            lambda: 2740.0,
            lambda: 51234.5,
            [trees.Phase(lambda: 231.2, lambda: 11.94, lambda: 2740.0)],
            [trees.Outlet(7, "web-7", lambda: 1.2, lambda: 266.0, lambda: None)],
        )
    )
    assert result.profile == "apc_rpdu2"
    assert values(result) == {
        ("power", "input", "Unit 1 A-01"): 2740,
        ("energy", "input", "Unit 1 A-01"): 51234.5,
        ("current", "phase", "Unit 1 phase L1"): 11.9,
        ("voltage", "phase", "Unit 1 phase L1"): 231,
        ("power", "phase", "Unit 1 phase L1"): 2740,
        ("current", "outlet", "Unit 1 outlet 7 web-7"): 1.2,
        ("power", "outlet", "Unit 1 outlet 7 web-7"): 266,
    }


def test_a_ups() -> None:
    result = look(
        trees.ups_tree(
            identity(trees.UPS_ID),
            trees.Battery(
                lambda: 2, lambda: 0, lambda: 24, lambda: 100, lambda: 480.5, lambda: None
            ),
            [trees.Phase(lambda: 229, lambda: None, lambda: 41000)],
            [trees.Phase(lambda: 230, lambda: 165.4, lambda: 38000)],
            load_percent=lambda: 47,
            source=lambda: 5,
        )
    )
    got = values(result)
    assert result.profile == "ups_mib"
    assert got["power", "output", "Output L1"] == 38000
    assert got["current", "output", "Output L1"] == 165.4
    assert got["voltage", "battery", "Battery"] == 480.5
    assert got["state", "output", "Output source"] == 5
    assert ("temperature", "battery", "Battery") not in got
    assert ("current", "input", "Input L1") not in got


def test_a_branch_meter() -> None:
    branches = [
        trees.Branch("A-01 A", lambda: 12.345, lambda: 2800, lambda: 77.5, lambda: True),
        trees.Branch("A-02 A", lambda: 0, lambda: 0, lambda: 12, lambda: False),
    ]
    result = look(
        trees.branch_meter_tree(
            identity(trees.RARITAN_ID),
            lambda: 230.5,
            lambda: 2800,
            lambda: 90.25,
            branches,
            amperes=lambda: 12.3,
        )
    )
    got = values(result)
    assert result.profile == "raritan_pdu2"
    assert got["voltage", "input", "Unit 1 inlet I1"] == 230.5
    assert got["energy", "input", "Unit 1 inlet I1"] == 90.25
    assert got["current", "bank", "Unit 1 branch B1 A-01 A"] == 12.345
    assert got["power", "bank", "Unit 1 branch B1 A-01 A"] == 2800
    assert got["state", "bank", "Unit 1 branch B1 A-01 A trip"] == 1
    assert got["state", "bank", "Unit 1 branch B2 A-02 A trip"] == 0


def test_temperature_sensors() -> None:
    result = look(
        trees.temperature_tree(
            identity(trees.SENSOR_ID),
            [
                trees.Sensor("Aisle 1 cold", "temperature", lambda: 23.4),
                trees.Sensor("Aisle 1 cold", "humidity", lambda: 47.0),
                trees.Sensor("Aisle 2 cold", "temperature", lambda: None),
            ],
        )
    )
    assert result.profile == "generic"
    assert values(result) == {
        ("temperature", "ambient", "Aisle 1 cold temperature probe"): 23.4,
        ("humidity", "ambient", "Aisle 1 cold humidity probe"): 47.0,
    }


def port(index: int) -> trees.SwitchPort:
    return trees.SwitchPort(
        index,
        f"GE1/0/{index}",
        10**9,
        lambda: 2**40 + index,
        lambda: 2**33,
        alias=f"C10{index:02d}",
        oper=lambda: 1 + index % 2,
    )


def switch() -> trees.Objects:
    who = identity(trees.HUAWEI_SWITCH_ID, "sw-1")
    return trees.switch_tree(who, [port(index) for index in range(1, 49)])


def test_a_switch() -> None:
    result = look(switch())
    assert result.profile == "huawei_vrp"
    assert len(result.ports) == 48
    assert result.to_json()["ports"][4] == {
        "if_index": 5, "name": "GE1/0/5", "descr": "GE1/0/5", "alias": "C1005",
        "speed_bps": 10**9, "admin_status": "up", "oper_status": "down",
        "in_octets": 2**40 + 5, "out_octets": 2**33, "counter_bits": 64,
    }  # fmt: skip
    assert result.uptime_ticks == 123_456


def test_the_poller_reads_ports_by_name_and_shared_names_bind_nothing() -> None:
    tree = switch()
    tree[(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, 7)] = ber.text("GE1/0/8")
    agent = Agent(LiveTree(tree))

    async def work() -> DeviceReading:
        async with Responder([agent]), Engine() as engine:
            there = Target(agent.host, agent.port, community=b"public")
            return await read_device(engine, there, CATALOGUE.profiles["huawei_vrp"])

    got = asyncio.run(work())
    assert got.shared_names == {"GE1/0/8"}
    assert len(got.ports) == 46
    assert got.uptime_ticks == 123_456
    assert got.engine_time_s == 1234
    reading = got.ports["GE1/0/9"].counters(got.uptime_ticks, got.engine_time_s, "boot")
    assert (reading.in_octets, reading.bits, reading.speed_bps) == (2**40 + 9, 64, 10**9)
    assert reading.clock == "boot"


def net_snmp(words: list[str], tree: trees.Objects) -> str:
    if not shutil.which(words[0]):
        pytest.skip("Net-SNMP tools are not installed")
    agent = Agent(LiveTree(tree))

    async def work() -> str:
        async with Responder([agent]):
            process = await asyncio.create_subprocess_exec(
                *words, f"127.0.0.1:{agent.port}", "1.3.6.1",
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            out, error = await process.communicate()
            assert process.returncode == 0, error
            return out.decode()

    return asyncio.run(work())


@pytest.mark.parametrize(
    "words",
    [
        ["snmpbulkwalk", "-v2c", "-Cr25"],
        ["snmpbulkwalk", "-v2c", "-Cr200"],
        ["snmpwalk", "-v2c"],
        ["snmpwalk", "-v1"],
    ],
)
def test_net_snmp_walks_the_simulated_switch_as_probe_sees_it(words: list[str]) -> None:
    tree = switch()
    out = net_snmp([*words, "-c", "public", "-On", "-OQ", "-Oe", "-Ot"], tree)
    rows: dict[str, Any] = dict(
        line.split(" = ", 1)
        for line in out.splitlines()
        if " = " in line and "No more variables" not in line
    )
    v1 = "-v1" in words  # cannot carry Counter64
    hidden = 2 * 48 if v1 else 0
    assert len(rows) == len(tree) - hidden
    for one in look(tree).ports:
        at = f".1.3.6.1.2.1.31.1.1.1.1.{one.if_index}"
        assert rows[at].strip('"') == one.name
        if not v1:
            assert int(rows[f".1.3.6.1.2.1.31.1.1.1.6.{one.if_index}"]) == one.in_octets
