"""From physics to OIDs: what each family of the demo's devices serves at the clock's instant."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from dcim.demo.lldp import find_heard, lldp_tree
from dcim.demo.network_plan import NARROW_SWITCH
from dcim.demo.noise import Ints
from dcim.demo.optic_trees import Lane, Module, optics_tree
from dcim.demo.optics import VENDOR, OpticPlan, plan_modules, read_module
from dcim.demo.physics import PowerReading, World
from dcim.demo.plan_parts import AgentPlan, DemoPlan, NodePlan, PortPlan
from dcim.demo.site_plan import panel_parts, ups_parts, utility_feed
from dcim.demo.trees import (
    APC_RPDU2_ID,
    HUAWEI_SWITCH_ID,
    RARITAN_ID,
    SENSOR_ID,
    UPS_ID,
    Battery,
    Branch,
    Count,
    Identity,
    Number,
    Objects,
    Phase,
    Sensor,
    SwitchPort,
    apc_rpdu2_tree,
    branch_meter_tree,
    switch_tree,
    temperature_tree,
    ups_tree,
)
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid

T = TypeVar("T")

# A device measures all its registers at once; requests within this time see the same measurement.
SAME_MS = 100
TICK_MS = 10
SWITCH_DESCR = "Ferry switch, demo software 3.2"
IFX_TABLE: Oid = (1, 3, 6, 1, 2, 1, 31)
PDU2: Oid = (1, 3, 6, 1, 4, 1, 13742, 6)
ENTITY_DESCR: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 2)
RMS_VOLTAGE = 4  # PDU2-MIB SensorTypeEnumeration


class Snapshots:
    """The latest measurement of each thing, taken anew when it is older than SAME_MS."""

    def __init__(self, world: World, clock: Callable[[], int]) -> None:
        self.world = world
        self.clock = clock
        self._kept: dict[tuple[str, str], tuple[int, object]] = {}

    def take(self, kind: str, name: str, measure: Callable[[Ints], T]) -> T:
        now = self.clock()
        kept = self._kept.get((kind, name))
        if kept is None or not kept[0] <= now < kept[0] + SAME_MS:
            kept = (now, measure(np.array([now], dtype=np.int64)))
            self._kept[kind, name] = kept
        return kept[1]  # type: ignore[return-value]

    def uptime(self, device: str) -> Count:
        def ticks() -> int:
            now = self.clock()
            instant = np.array([now], dtype=np.int64)
            return (now - int(self.world.outages.boots(device, instant)[0])) // TICK_MS

        return ticks

    def power(self, node: NodePlan) -> Callable[[], PowerReading]:
        world, rack = self.world, node.rack or ""

        def measure(instants: Ints) -> PowerReading:
            if node.kind == "ups":
                return world.ups(*ups_parts(node.code), instants).phase
            if node.kind == "panel":
                return world.panel(*panel_parts(node.code), instants)
            if node.kind == "utility":
                return world.utility(utility_feed(node.code), instants)
            if node.kind == "pdu":
                return world.pdu(rack, node.feed, instants)
            return world.branch(rack, node.feed, instants)

        return lambda: self.take("power", node.code, measure)


def build_tree(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    """The OID tree of one agent; its values are measured when asked for."""
    return _BUILDERS[agent.family](agent, plan, snapshots)


def _identity(
    agent: AgentPlan, snapshots: Snapshots, descr: str, object_id: str, place: str = ""
) -> Identity:
    return Identity(agent.device, descr, object_id, snapshots.uptime(agent.device), place)


def _nodes_of(agent: AgentPlan, plan: DemoPlan) -> list[NodePlan]:
    return [node for node in plan.nodes if node.meter_device == agent.device]


def _switch(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    own = [port for port in plan.ports if port.device == agent.device]
    indexes = {port.name: port.index for port in own}
    ports = [replace(_port(port, snapshots), lag=indexes.get(port.lag)) for port in own]
    who = _identity(agent, snapshots, SWITCH_DESCR, HUAWEI_SWITCH_ID)
    tree = switch_tree(who, ports) | _neighbours(agent.device, plan, snapshots)
    if agent.device == NARROW_SWITCH:
        return {oid: value for oid, value in tree.items() if oid[: len(IFX_TABLE)] != IFX_TABLE}
    modules = [
        _module(module, snapshots)
        for module in plan_modules(plan)
        if module.port.device == agent.device
    ]
    return tree | optics_tree(modules)


def _module(module: OpticPlan, snapshots: Snapshots) -> Module:
    def reader(lane: int, column: str) -> Number:
        def read() -> float:
            lanes = snapshots.take(
                "optics",
                module.port.key,
                lambda instants: read_module(snapshots.world, module, instants),
            )
            return int(lanes[lane][column][0]) / 1000

        return read

    return Module(
        module.port.index,
        module.port.name,
        VENDOR,
        module.part,
        module.serial,
        [
            Lane(reader(lane, "rx_mdbm"), reader(lane, "tx_mdbm"), reader(lane, "bias_ua"))
            for lane in range(module.lanes)
        ],
        reader(0, "mc"),
        reader(0, "mv"),
    )


def _neighbours(device: str, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    def is_up(key: str) -> bool:
        now = np.array([snapshots.clock()], dtype=np.int64)
        return bool(snapshots.world.outages.port_up(key).at(now)[0] > 0)

    ports = [port for port in plan.ports if port.device == device]
    return lldp_tree(plan.seed, device, ports, find_heard(ports, is_up), SWITCH_DESCR)


def _port(port: PortPlan, snapshots: Snapshots) -> SwitchPort:
    def counter(name: str) -> Count:
        def read() -> int:
            reading = snapshots.take(
                "port", port.key, lambda instants: snapshots.world.port(port.key, instants)
            )
            return int(getattr(reading, name)[0])

        return read

    up = counter("up")
    return SwitchPort(
        port.index,
        port.name,
        port.speed_bps,
        counter("in_octets"),
        counter("out_octets"),
        port.alias,
        oper=lambda: 1 if up() else 2,
        in_errors=counter("in_errors"),
        out_errors=counter("out_errors"),
        in_discards=counter("in_discards"),
        out_discards=counter("out_discards"),
    )


def _numbers(read: Callable[[], PowerReading]) -> dict[str, Number]:
    """Getters in V, A, W and kWh."""
    return {
        "volts": lambda: int(read().mv[0]) / 1000,
        "amperes": lambda: int(read().ma[0]) / 1000,
        "watts": lambda: int(read().mw[0]) / 1000,
        "kwh": lambda: int(read().wh[0]) / 1000,
    }


def _pdu(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    [node] = _nodes_of(agent, plan)
    now = _numbers(snapshots.power(node))
    who = _identity(agent, snapshots, "Beacon PDU-32M metered", RARITAN_ID, node.rack or "")
    return branch_meter_tree(
        who, now["volts"], now["watts"], now["kwh"], (), amperes=now["amperes"]
    )


def _grid_meter(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    [node] = _nodes_of(agent, plan)
    now = _numbers(snapshots.power(node))
    who = _identity(agent, snapshots, "Beacon EM-63 grid meter", RARITAN_ID, node.code)
    return branch_meter_tree(
        who, now["volts"], now["watts"], now["kwh"], (), amperes=now["amperes"]
    )


def _coarse_pdu(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    [node] = _nodes_of(agent, plan)
    now = _numbers(snapshots.power(node))
    who = _identity(agent, snapshots, "Beacon PDU-16M metered", APC_RPDU2_ID, node.rack or "")
    phase = Phase(now["volts"], now["amperes"], now["watts"])
    return apc_rpdu2_tree(who, now["watts"], now["kwh"], [phase], model="PDU-16M")


def _branch_meter(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    nodes = _nodes_of(agent, plan)
    [panel] = [node for node in nodes if node.kind == "panel"]
    breakers = [node for node in nodes if node.kind == "breaker"]
    main = _numbers(snapshots.power(panel))
    measured = [_numbers(snapshots.power(node)) for node in breakers]
    who = _identity(agent, snapshots, "Beacon BCM-24 branch meter", RARITAN_ID, panel.code)
    tree = branch_meter_tree(
        who,
        main["volts"],
        main["watts"],
        main["kwh"],
        [
            Branch(
                node.code.rpartition("/")[2],
                now["amperes"],
                now["watts"],
                now["kwh"],
                _closed(node, snapshots),
            )
            for node, now in zip(breakers, measured, strict=True)
        ],
        amperes=main["amperes"],
    )
    for number, now in enumerate(measured, start=1):
        tree |= _branch_volts(number, now["volts"])
    return tree


def _branch_volts(number: int, volts: Number) -> Objects:
    """The meter taps each branch behind its breaker, so it sees a dead branch as 0 V."""
    index = (1, number, RMS_VOLTAGE)
    return {
        (*PDU2, 3, 4, 4, 1, 7, *index): ber.gauge32(1),
        (*PDU2, 5, 3, 3, 1, 2, *index): ber.integer(1),
        (*PDU2, 5, 3, 3, 1, 4, *index): lambda: ber.gauge32(round((volts() or 0) * 10)),
    }


def _closed(node: NodePlan, snapshots: Snapshots) -> Callable[[], bool]:
    def closed() -> bool:
        now = np.array([snapshots.clock()], dtype=np.int64)
        return bool(snapshots.world.outages.closed(node.code, now)[0])

    return closed


def _ups(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    [node] = _nodes_of(agent, plan)

    def read(name: str) -> int:
        reading = snapshots.take(
            "ups", node.code, lambda at: snapshots.world.ups(*ups_parts(node.code), at)
        )
        return int(getattr(reading, name)[0])

    phase_now = _numbers(snapshots.power(node))
    phases = [Phase(phase_now["volts"], phase_now["amperes"], phase_now["watts"])] * 3
    battery = Battery(
        status=lambda: 2,
        seconds_on_battery=lambda: 0,
        minutes_remaining=lambda: read("minutes_left"),
        charge_percent=lambda: read("charge_pct"),
        volts=lambda: 480.0,
        celsius=lambda: 24.0,
    )
    who = _identity(agent, snapshots, "Bedrock UPS-400", UPS_ID, node.code)
    return ups_tree(who, battery, phases, phases, load_percent=lambda: read("load_pct"))


def _sensor(agent: AgentPlan, plan: DemoPlan, snapshots: Snapshots) -> Objects:
    [sensor] = [sensor for sensor in plan.sensors if sensor.device == agent.device]

    def read(name: str) -> int:
        reading = snapshots.take(
            "climate", agent.device, lambda at: snapshots.world.climate(agent.device, at)
        )
        return int(getattr(reading, name)[0])

    who = _identity(agent, snapshots, "Beacon ENV-1 probe", SENSOR_ID, sensor.label)
    tree = temperature_tree(
        who,
        [
            Sensor(sensor.label, "temperature", lambda: read("mc") / 1000),
            Sensor(sensor.label, "humidity", lambda: read("rh") / 10),
        ],
    )
    # One probe with two elements: of the same name, so that it is polled as one thing.
    return tree | {(*ENTITY_DESCR, number): ber.text("probe") for number in (1, 2)}


_BUILDERS: dict[str, Callable[[AgentPlan, DemoPlan, Snapshots], Objects]] = {
    "switch": _switch,
    "narrow_switch": _switch,
    "pdu": _pdu,
    "coarse_pdu": _coarse_pdu,
    "branch_meter": _branch_meter,
    "ups": _ups,
    "grid_meter": _grid_meter,
    "sensor": _sensor,
}
