"""Real devices' recordings, served by our responder and read by our engine and profiles."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dcim.demo.responder import Agent, Responder, StaticTree
from dcim.snmp.reading.ports import PortReading
from dcim.snmp.reading.probe import ProbeResult, probe
from dcim.snmp.reading.profiles import load_catalogue
from dcim.snmp.wire import ber
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target
from tests.agents import snmprec

_COUNTED = {"power", "current", "voltage", "temperature", "humidity", "power_consumed"}
_CLASS = {"power_consumed": "energy"}
_PROFILES = {
    "vrp_5720": "huawei_vrp",
    "comware_a5500": "h3c_comware",
    "zxr10_5950": "zte_zxr10",
    "ruijie": "ruijie",
    "junos_qfx5100": "juniper",
    "nxos_n3k-3064pq": "cisco",
    "arista_eos_vrf": "arista",
    "ios_2960x": "cisco",
    "dell-os10": "dell_os10",
    "routeros_crs317": "mikrotik",
    "apc_ap8959eu3": "apc_rpdu2",
    "apc_ap7900b": "apc_rpdu",
    "raritan-pdu_px2": "raritan_pdu2",
    "sentry3_switched": "sentry3",
    "sentry4": "sentry4",
    "eatonpdu_2": "eaton_epdu",
    "vertiv-pdu_mg02e4w1": "vertiv_geist",
    "cyberpower_pdu81005": "cyberpower_pdu",
    "enlogic-pdu_v2": "enlogic_pdu",
    "apc_smt750x-nmc2": "apc_ups",
    "eaton-mgeups_9px": "eaton_ups",
    "deltaups_mini-snmp": "delta_ups",
    "akcp_serverprobe8": "akcp",
    "apc_emu": "apc_emu",
}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    with (snmprec.recordings() / "expected.json").open(encoding="utf-8") as file:
        return {one["name"]: one for one in json.load(file)["recordings"]}


@pytest.fixture(scope="module")
def probed(expected: dict[str, Any]) -> dict[str, ProbeResult]:
    """Serve all recordings at once and probe them."""
    folder = snmprec.recordings()
    trees = {
        name: StaticTree(snmprec.load(folder / one["recording"])) for name, one in expected.items()
    }
    agents = {name: Agent(tree) for name, tree in trees.items()}
    catalogue = load_catalogue()
    assert not catalogue.errors

    async def work() -> dict[str, ProbeResult]:
        async with Responder(agents.values()), Engine() as engine:
            found = await asyncio.gather(
                *(
                    probe(
                        Target(agent.host, agent.port, community=b"public", timeout_s=20),
                        engine=engine,
                        catalogue=catalogue,
                    )
                    for agent in agents.values()
                )
            )
            assert not engine.drops
            return dict(zip(agents, found, strict=True))

    return asyncio.run(work())


def _same(want: dict[str, Any], got: PortReading) -> bool:
    return bool(
        got.name == (want.get("ifName") or want.get("ifDescr") or "").strip()
        and got.in_octets == want["in_octets"]
        and got.out_octets == want["out_octets"]
        and got.counter_bits == want["counter_bits"]
        # ifSpeed of all ones only says that the speed does not fit: unknown
        and got.speed_bps == (None if want["speed_bps"] == 2**32 - 1 else want["speed_bps"])
        and got.admin_status == (want.get("ifAdminStatus") or "")
        and got.oper_status == (want.get("ifOperStatus") or "")
    )


def test_the_right_profile_is_chosen(probed: dict[str, ProbeResult]) -> None:
    assert {name: result.profile for name, result in probed.items()} == _PROFILES


def test_ports_come_out(expected: dict[str, Any], probed: dict[str, ProbeResult]) -> None:
    wanted = right = 0
    wrong = []
    for name, one in expected.items():
        ports = {port.if_index: port for port in probed[name].ports}
        for want in one["ports"]:
            wanted += 1
            got = ports.get(want["ifIndex"])
            if got and _same(want, got):
                right += 1
            else:
                wrong.append((name, want, got))
    print(f"ports: {right}/{wanted} = {100 * right / wanted:.2f} %")  # noqa: T201
    assert right / wanted >= 0.99, wrong[:3]


def test_measured_values_come_out(expected: dict[str, Any], probed: dict[str, ProbeResult]) -> None:
    wanted = right = 0
    wrong = []
    for name, one in expected.items():
        if one["librenms"]["type"] == "network":
            continue
        readings = {ber.format_oid(r.oid): r for r in probed[name].readings}
        for want in one["sensors"]:
            if want["class"] not in _COUNTED or want["check"] == "no-such-oid-in-recording":
                continue
            wanted += 1
            got = readings.get(want["oid"])
            kind = _CLASS.get(want["class"], want["class"])
            true = want["value"] / (
                10 if name.startswith("delta") and want["value"] > 1000 and kind == "voltage" else 1
            )
            if got and got.kind == kind and abs(float(got.value) - true) < 0.006:
                right += 1
            else:
                wrong.append((name, kind, want["oid"], want["value"], got and got.value))
    print(f"values: {right}/{wanted} = {100 * right / wanted:.2f} %", *wrong, sep="\n  ")  # noqa: T201
    assert right / wanted >= 0.95
    assert all(got is None for *_, got in wrong), "absent is tolerable, wrong is not"


def test_named_values(probed: dict[str, ProbeResult]) -> None:
    def value(name: str, oid: str) -> float:
        return next(float(r.value) for r in probed[name].readings if ber.format_oid(r.oid) == oid)

    assert value("apc_ap8959eu3", "1.3.6.1.4.1.318.1.1.26.4.3.1.5.1") == 270
    assert value("apc_ap8959eu3", "1.3.6.1.4.1.318.1.1.26.6.3.1.6.1") == 231
    assert value("apc_ap8959eu3", "1.3.6.1.4.1.318.1.1.26.6.3.1.5.1") == 1.3
    assert value("deltaups_mini-snmp", "1.3.6.1.2.1.33.1.4.4.1.2.1") == 230.2


def test_optics_and_poe_are_never_rack_power(
    expected: dict[str, Any], probed: dict[str, ProbeResult]
) -> None:
    for name, one in expected.items():
        if one["librenms"]["type"] != "network":
            continue
        optics = {
            sensor["oid"] for sensor in one["sensors"] if sensor["group"] in ("transceiver", "SFPs")
        }
        for reading in probed[name].readings:
            if reading.kind in ("power", "current"):
                assert ber.format_oid(reading.oid) not in optics
                assert reading.place == "internal"
            elif ber.format_oid(reading.oid) in optics:
                assert reading.place == "transceiver"


def test_a_missing_probe_gives_no_reading(probed: dict[str, ProbeResult]) -> None:
    for result in probed.values():
        for reading in result.readings:
            if reading.kind == "humidity":
                assert 0 <= reading.value <= 100
            assert reading.value != -1
