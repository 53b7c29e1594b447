"""The demo beyond its IT: grid meters that make a PUE, neighbours by LLDP but for two cables."""

import asyncio
import dataclasses
from collections import Counter

import numpy as np
import pytest

from dcim.demo.agents import DemoAgents
from dcim.demo.instance import DemoInstance, find_free_ports
from dcim.demo.load_metering import AUTH_PROTOCOL, PRIV_PROTOCOL
from dcim.demo.meters import DAY_MINUTES, DAY_MS
from dcim.demo.network_plan import ACCESS, CORES, CROSSED, plan_cables, plan_trunks
from dcim.demo.noise import Ints
from dcim.demo.physics import World
from dcim.demo.plan_parts import DemoPlan, NodePlan
from dcim.demo.polls import PastPolls
from dcim.demo.series_plan import plan_series
from dcim.demo.weather import draw_from_grid, outside_c
from dcim.metering.batch import Columns
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.pue import Pue, add_readings, divide, start_meter
from dcim.snmp.discovery.link_verdicts import Verdict, judge_links
from dcim.snmp.discovery.lldp import read_neighbours
from dcim.snmp.discovery.neighbours import Claim, Neighbour
from dcim.snmp.reading.ports import read_ports
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target, UsmCredentials
from tests.unit.demo.conftest import find_event

HOUR_MS = 3_600_000
OFFSET = 480


def test_cooling_follows_the_seasons_and_the_hours() -> None:
    minutes: Ints = np.arange(0, 365 * DAY_MINUTES, 30, dtype=np.int64)
    outside = outside_c(1, minutes, OFFSET)
    it = np.full(len(minutes), 50e6)
    pue = draw_from_grid(it, 2, outside) / it
    assert pue.min() >= 1.25
    assert pue.max() <= 1.5
    days = pue[: 365 * 48].reshape(365, 48)
    january, july = days[:31].mean(), days[181:212].mean()
    assert july - january > 0.1
    # By the site's clock: warmest in the afternoon, coldest before dawn.
    hours = days.mean(axis=0).reshape(24, 2).mean(axis=1)
    local = np.roll(hours, OFFSET // 60)
    assert 13 <= int(local.argmax()) <= 17
    assert 1 <= int(local.argmin()) <= 5


def read_pue(plan: DemoPlan, world: World, start: int, end: int) -> Pue:
    """As the page works it out, of the samples that a back-fill writes."""
    polls = PastPolls(world, start, end)
    sides: dict[str, list[object]] = {"utility": [], "ups": []}
    for one in plan_series(plan):
        if isinstance(one.subject, NodePlan) and one.subject.kind in sides:
            samples = polls.samples(one)
            meter = start_meter((end - start) // HOUR_MS)
            columns = Columns(
                samples.ts, samples.span_ms, np.zeros_like(samples.ts), dict(samples.values)
            )
            add_readings(meter, columns, start, HOUR_MS, end, HOLDS_MS)
            sides[one.subject.kind].append(meter)
    assert (len(sides["utility"]), len(sides["ups"])) == (2, 12)
    return divide(start, HOUR_MS, sides["utility"], sides["ups"])  # type: ignore[arg-type]


def test_the_past_has_a_pue_with_one_gap(plan: DemoPlan, world: World) -> None:
    lost = find_event(plan, "blind", "grid-b")
    start = (lost.start_ms // DAY_MS - 2) * DAY_MS
    found = read_pue(plan, world, start, start + 5 * DAY_MS)
    values = found.values[found.is_known]
    assert values.min() > 1.2
    assert values.max() < 1.5
    assert values.max() - values.min() > 0.02
    [(low, high)] = found.gaps()
    assert low <= lost.start_ms
    assert lost.end_ms <= high
    assert high - low < lost.end_ms - lost.start_ms + 2 * HOUR_MS


def test_a_grid_meter_s_register_only_grows(plan: DemoPlan, world: World) -> None:
    instants = np.arange(plan.month_start_ms, plan.month_start_ms + HOUR_MS, 60_000)
    reading = world.utility("A", instants)
    assert (np.diff(reading.wh) > 0).all()
    # An hour's energy by the register is what its power makes of it.
    energy = float(reading.mw[:-1].sum()) / 60_000
    assert abs(float(reading.wh[-1] - reading.wh[0]) - energy) < 100
    assert (reading.mv > 200_000).all()


def hear(demo: DemoInstance, at_ms: int, *devices: str) -> dict[str, list[Neighbour]]:
    """What each switch tells over UDP at an instant."""
    placed = dataclasses.replace(demo, base_port=find_free_ports(len(demo.plan().agents)))
    user = UsmCredentials(
        demo.v3_user, AUTH_PROTOCOL, demo.v3_auth_password, PRIV_PROTOCOL, demo.v3_priv_password
    )

    async def work() -> dict[str, list[Neighbour]]:
        found = {}
        async with DemoAgents(placed, clock=lambda: at_ms) as agents, Engine() as engine:
            for agent in agents.plan.agents:
                if agent.device in devices:
                    there = Target(
                        placed.host, placed.base_port + agent.number, "2c",
                        placed.community.encode(),
                    )  # fmt: skip
                    if agent.version == "3":
                        there = Target(placed.host, there.port, "3", credentials=user)
                    ports = (await read_ports(engine, there)).ports
                    found[agent.device] = await read_neighbours(engine, there, ports)
            assert not engine.drops
        return found

    return asyncio.run(work())


def test_switches_hear_each_other_as_they_are_plugged(demo: DemoInstance) -> None:
    heard = hear(demo, demo.anchor_ms, *ACCESS, *CORES)
    pairs = {
        (f"{device}:{one.local_port}", f"{one.sys_name}:{one.port.text}")
        for device, several in heard.items()
        for one in several
    }
    trunks = set(plan_trunks())
    assert pairs == trunks | {ends[::-1] for ends in trunks}
    chassis = {one.sys_name: one.chassis.text for several in heard.values() for one in several}
    assert len(set(chassis.values())) == len(chassis) == len(ACCESS) + len(CORES)


def test_a_neighbour_behind_a_dead_link_is_not_heard(demo: DemoInstance, plan: DemoPlan) -> None:
    upgrade = find_event(plan, "port_down", "acc-a:xge1/0/49")
    heard = hear(demo, upgrade.start_ms + 60_000, "acc-a", "acc-b", "core-1")
    assert heard["acc-a"] == []
    assert len(heard["acc-b"]) == 2
    assert {one.sys_name for one in heard["core-1"]} == {"acc-b", "acc-c", "acc-d", "core-2"}


@pytest.mark.parametrize(("crossed", "agrees"), [(True, 8), (False, 10)])
def test_two_records_contradict_what_is_heard(crossed: bool, agrees: int) -> None:
    trunks = plan_trunks()
    recorded = plan_cables() if crossed else trunks
    numbers = {key: at for at, key in enumerate(key for ends in trunks for key in ends)}
    names = {at: key.partition(":")[0] for key, at in numbers.items()}
    devices = {at: len(name) * 1000 + ord(name[-1]) for at, name in names.items()}
    claims = [
        Claim(devices[numbers[own]], numbers[own], numbers[other])
        for ends in trunks
        for own, other in (ends, ends[::-1])
    ]
    judged = judge_links(
        [(numbers[low], numbers[high]) for low, high in recorded], claims, [], devices
    )
    counts = Counter(one.verdict for one in judged)
    assert counts[Verdict.AGREES] == agrees
    disputed = {key for key, at in numbers.items() for one in judged
                if at in one.ends and one.verdict is Verdict.CONTRADICTS}  # fmt: skip
    assert disputed == ({*CROSSED, "core-2:xge1/0/2", "core-2:xge1/0/3"} if crossed else set())
