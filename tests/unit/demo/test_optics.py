"""The demo's light: both ends agree, one laser ages, and what is served is what the past says."""

import numpy as np

from dcim.demo.meters import DAY_MS, MINUTE_MS
from dcim.demo.optic_trees import LIMITS
from dcim.demo.optics import AGEING, OpticPlan, past_optics, plan_modules, read_module
from dcim.demo.physics import World
from dcim.demo.plan_parts import DemoPlan
from dcim.demo.polls import PastPolls
from dcim.demo.served_trees import Snapshots, build_tree
from dcim.metering.families import NO_LIGHT, OPTICS
from dcim.sla.optic_verdicts import Verdict, judge_light
from dcim.snmp.reading.optic_plan import plan_columns, plan_optics
from dcim.snmp.reading.optics import gather_optics
from dcim.snmp.reading.profiles import shipped_catalogue

STORED = {name: {limit: raw * 10 for limit, raw in one.items()} for name, one in LIMITS.items()}


def module_of(plan: DemoPlan, key: str) -> OpticPlan:
    return next(one for one in plan_modules(plan) if one.port.key == key)


def light(world: World, key: str, at_ms: int) -> tuple[int, int, int]:
    """Received, sent, bias of the first lane."""
    lane = read_module(world, module_of(world.plan, key), np.array([at_ms], dtype=np.int64))[0]
    return int(lane["rx_mdbm"][0]), int(lane["tx_mdbm"][0]), int(lane["bias_ua"][0])


def test_one_laser_ages_and_its_far_end_is_about_to_be_weak(plan: DemoPlan, world: World) -> None:
    far = module_of(plan, AGEING).peer
    assert far is not None
    judged = {}
    for module in plan_modules(plan):
        received, sent, _bias = light(world, module.port.key, plan.anchor_ms)
        judged[module.port.key] = judge_light(received, STORED["rx"]).verdict
        assert judge_light(sent, STORED["tx"]).verdict in (Verdict.FINE, Verdict.NEAR_LOW)
    assert judged.pop(far) is Verdict.NEAR_LOW
    assert set(judged.values()) == {Verdict.FINE}
    days = [plan.month_start_ms + n * 7 * DAY_MS for n in range(4)]
    falling = [light(world, far, day)[0] for day in days]
    rising = [light(world, AGEING, day)[2] for day in days]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] - falling[-1] > 500
    assert rising == sorted(rising)


def test_no_light_where_the_line_is_down(plan: DemoPlan, world: World) -> None:
    module = module_of(plan, AGEING)
    ts = np.arange(plan.month_start_ms, plan.anchor_ms, 5 * MINUTE_MS)
    up = world.outages.port_up(module.port.key).at(ts) > 0
    rx = read_module(world, module, ts)[0]["rx_mdbm"]
    assert np.array_equal(rx == NO_LIGHT, ~up)


def test_what_is_served_is_what_the_past_says(plan: DemoPlan, world: World) -> None:
    device = AGEING.split(":")[0]
    [agent] = [one for one in plan.agents if one.device == device]
    polls = PastPolls(world, plan.anchor_ms - 3_600_000, plan.anchor_ms)
    told = {slot: samples for where, slot, samples in past_optics(polls) if where == device}
    at = int(next(iter(told.values())).ts[-1])
    tree = build_tree(agent, plan, Snapshots(world, lambda: at))
    catalogue = shipped_catalogue()
    specs = catalogue.optics(catalogue.profiles["huawei_vrp"])
    said = {
        column: {
            oid[len(column) :]: value() if callable(value) else value
            for oid, value in tree.items()
            if oid[: len(column)] == column
        }
        for column in plan_columns(specs)
    }
    names = {port.index: port.name for port in plan.ports if port.device == device}
    found = gather_optics(said, plan_optics(said, specs, names), names)  # type: ignore[arg-type]
    lanes = {
        f"lane {number} {one.port}": [lane[name] for name in OPTICS.columns]
        for one in found
        for number, lane in enumerate(one.lanes, start=1)
    }
    assert lanes == {
        slot: [int(samples.values[name][-1]) for name in OPTICS.columns]
        for slot, samples in told.items()
    }
    assert all(one.limits == STORED for one in found)
    assert {len(one.lanes) for one in found} == {1, 4}
