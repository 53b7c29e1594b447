"""The agents over real UDP: what a poller reads is what physics says, and the dead are silent."""

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest

from dcim.demo.agents import DemoAgents
from dcim.demo.instance import DemoInstance, find_free_ports
from dcim.demo.load_metering import AUTH_PROTOCOL, PRIV_PROTOCOL
from dcim.demo.plan_parts import DemoPlan, NodePlan, PortPlan, SensorPlan
from dcim.demo.polls import PastPolls
from dcim.demo.series_plan import plan_series
from dcim.snmp.discovery.lags import read_members
from dcim.snmp.reading.measuring import gather_gauges
from dcim.snmp.reading.ports import read_ports
from dcim.snmp.reading.probe import identify
from dcim.snmp.reading.profiles import load_catalogue
from dcim.snmp.reading.readings import DeviceReading, read_device
from dcim.snmp.wire import faults
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target, UsmCredentials
from tests.unit.demo.conftest import find_event

T = TypeVar("T")


class FakeClock:
    """Stands still until it is set."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Site:
    """The demo's agents and an engine that asks them."""

    def __init__(self, agents: DemoAgents, engine: Engine, clock: FakeClock) -> None:
        self.agents, self.engine, self.clock = agents, engine, clock
        self.catalogue = load_catalogue()
        self.numbers = {agent.device: agent for agent in agents.plan.agents}

    def target(self, device: str, **changes: Any) -> Target:
        demo, agent = self.agents.demo, self.numbers[device]
        target = Target(demo.host, demo.base_port + agent.number, "2c", demo.community.encode())
        if agent.version == "3":
            user = UsmCredentials(
                demo.v3_user, AUTH_PROTOCOL, demo.v3_auth_password, PRIV_PROTOCOL,
                demo.v3_priv_password,
            )  # fmt: skip
            target = Target(demo.host, target.port, "3", credentials=user)
        return dataclasses.replace(target, timeout_s=0.6, retries=0, **changes)

    async def read(self, device: str) -> DeviceReading:
        target = self.target(device)
        identity = await identify(self.engine, target, self.catalogue)
        profile = self.catalogue.profiles[identity.profile]
        return await read_device(self.engine, target, profile, self.catalogue)


@pytest.fixture
def on_site(
    demo: DemoInstance,
) -> Callable[[Callable[[Site], Coroutine[Any, Any, T]]], T]:
    placed = dataclasses.replace(demo, base_port=find_free_ports(len(demo.plan().agents)))

    def run(test: Callable[[Site], Coroutine[Any, Any, T]]) -> T:
        async def inside() -> T:
            clock = FakeClock(placed.anchor_ms)
            async with DemoAgents(placed, clock=clock) as agents, Engine() as engine:
                return await test(Site(agents, engine, clock))

        return asyncio.run(inside())

    return run


def shown(site: Site, device: str, reading: DeviceReading) -> dict[tuple[str, str], dict[str, int]]:
    """By family and every name polling may use: the values of each thing of a device."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for gauge in gather_gauges(reading.readings):
        values = dict(gauge.values)
        if gauge.energy_wh is not None:
            values["energy_wh"] = gauge.energy_wh
        found |= {(gauge.family, name): values for name in gauge.names}
    return found


def expect(site: Site, subject: NodePlan | SensorPlan) -> dict[str, int]:
    """What physics says at the clock's instant."""
    now = np.array([site.clock.now_ms], dtype=np.int64)
    if isinstance(subject, SensorPlan):
        climate = site.agents.world.climate(subject.device, now)
        return {"mc": int(climate.mc[0]), "rh": int(climate.rh[0])}
    power = PastPolls(site.agents.world, 0, 0).measure(subject, now)
    values = {"mv": int(power.mv[0]), "ma": int(power.ma[0]), "mw": int(power.mw[0])}
    if subject.kind != "ups":
        values["energy_wh"] = int(power.wh[0])
    return values


@pytest.mark.parametrize(
    "device", ["pdu-a-02-a", "pdu-a-13-1-b", "bcm-b-a", "ups-m1-a", "env-m2-1", "grid-a"]
)
def test_readings_over_udp_are_those_of_physics(on_site: Any, plan: DemoPlan, device: str) -> None:
    async def check(site: Site) -> None:
        for minutes in (0, 7):
            site.clock.now_ms += minutes * 60_000
            found = shown(site, device, await site.read(device))
            mine = [one for one in plan_series(plan) if one.device == device]
            assert mine
            for one in mine:
                assert not isinstance(one.subject, PortPlan)
                assert found[one.family, one.slot] == expect(site, one.subject), one.slot

    on_site(check)


@pytest.mark.parametrize("device", ["acc-a", "acc-d", "core-1"])
def test_ports_over_udp_are_those_of_physics(on_site: Any, plan: DemoPlan, device: str) -> None:
    async def check(site: Site) -> None:
        reading = await site.read(device)
        now = np.array([site.clock.now_ms], dtype=np.int64)
        mine = [port for port in plan.ports if port.device == device]
        assert set(reading.ports) == {port.name for port in mine}
        for port in mine:
            true, read = site.agents.world.port(port.key, now), reading.ports[port.name]
            assert read.in_octets == true.in_octets[0]
            assert read.out_octets == true.out_octets[0]
            assert read.in_errors == true.in_errors[0]
            assert read.counter_bits == (32 if device == "acc-d" else 64)
            assert read.speed_bps == port.speed_bps
            assert read.oper_status == ("up" if true.up[0] else "down")
        boots = site.agents.world.outages.boots(device, now)
        assert reading.uptime_ticks == (site.clock.now_ms - int(boots[0])) // 10

    on_site(check)


def test_switches_tell_their_lags(on_site: Any, plan: DemoPlan) -> None:
    async def check(site: Site) -> None:
        for device in ("acc-a", "core-2"):
            ports = (await read_ports(site.engine, site.target(device))).ports
            told = await read_members(site.engine, site.target(device), ports)
            assert {(one.lag, one.port) for one in told or ()} == {
                (port.lag, port.name) for port in plan.ports if port.device == device and port.lag
            }
            assert len(told or ()) == 2
        # The old one knows nothing of layers.
        ports = (await read_ports(site.engine, site.target("acc-d"))).ports
        assert await read_members(site.engine, site.target("acc-d"), ports) is None

    on_site(check)


def test_a_pdu_falls_silent_when_its_input_dies(on_site: Any, plan: DemoPlan) -> None:
    event = find_event(plan, "node_dead", "RPP-A1")

    async def check(site: Site) -> None:
        site.clock.now_ms = event.start_ms - 1_000
        await site.read("pdu-a-02-a")  # the control: alive, it answers
        site.clock.now_ms = event.start_ms + 60_000
        with pytest.raises(faults.Timeout):
            await site.read("pdu-a-02-a")
        await site.read("pdu-a-02-b")
        panel = shown(site, "bcm-a-a", await site.read("bcm-a-a"))
        assert panel["power", "input"]["mv"] == 0
        assert panel["power", "unit-1-branch-b2-q02"]["mv"] == 0
        site.clock.now_ms = event.end_ms + 120_000
        await site.read("pdu-a-02-a")

    on_site(check)


def test_a_v3_agent_is_silent_while_it_restarts(on_site: Any, plan: DemoPlan) -> None:
    event = find_event(plan, "reboot", "core-2")

    async def check(site: Site) -> None:
        await site.read("core-2")
        site.clock.now_ms = event.start_ms + 60_000
        site.agents.refresh()
        with pytest.raises(faults.Timeout):
            await site.read("core-2")

    on_site(check)


def test_another_community_gets_no_answer(on_site: Any) -> None:
    async def check(site: Site) -> None:
        target = site.target("pdu-a-02-a", community=b"public")
        with pytest.raises(faults.Timeout):
            await identify(site.engine, target, site.catalogue)

    on_site(check)


def test_secrets_show_nowhere(demo: DemoInstance) -> None:
    words = repr(demo)
    assert demo.community not in words
    assert demo.v3_auth_password not in words
    assert demo.v3_priv_password not in words
