"""Reads a device for discovery: who it is, its ports and their LAGs, its sensors, and whom it hears
by LLDP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from dcim.snmp.discovery.lags import ToldMember, read_members
from dcim.snmp.discovery.lldp import read_neighbours
from dcim.snmp.discovery.neighbours import Neighbour
from dcim.snmp.discovery.proposals import Identity, SeenDevice, SeenPort, SeenSensor
from dcim.snmp.reading.measuring import Gauge, gather_gauges
from dcim.snmp.reading.ports import PortReading
from dcim.snmp.reading.probe import ProbeResult, probe
from dcim.snmp.reading.profiles import Catalogue
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.faults import SnmpError
from dcim.snmp.wire.target import Target

# As long as a name in the inventory may be.
_LONGEST = 255


@dataclass(frozen=True)
class Examination:
    """`neighbours` is None where they couldn't be read; `lldp_problem` says why. `members` of LAGs
    likewise by `lag_problem`, and without one where the device says nothing of layers."""

    result: ProbeResult
    seen: SeenDevice
    neighbours: list[Neighbour] | None
    lldp_problem: str = ""
    members: list[ToldMember] | None = None
    lag_problem: str = ""


async def examine(
    engine: Engine, target: Target, catalogue: Catalogue, *, limit_s: float = 240.0
) -> Examination:
    """Read everything discovery compares. Raises the errors of `wire.faults`, and TimeoutError
    past the limit; trouble with LLDP or LAGs alone is told and leaves the rest as it is."""
    async with asyncio.timeout(limit_s):
        return await _examine(engine, target, catalogue)


async def _examine(engine: Engine, target: Target, catalogue: Catalogue) -> Examination:
    result = await probe(target, engine=engine, catalogue=catalogue)
    neighbours: list[Neighbour] | None = None
    problem = ""
    try:
        # What has no interfaces by its profile (a PDU, a sensor) has no links to propose.
        neighbours = await read_neighbours(engine, target, result.ports) if result.ports else []
    except SnmpError as error:
        problem = str(error)[:_LONGEST]
    members, lag_problem = await _read_lags(engine, target, result)
    seen = SeenDevice(
        Identity(result.sys_name, result.sys_descr, result.sys_object_id, result.profile),
        see_ports(result.ports),
        see_sensors(gather_gauges(result.readings)),
    )
    return Examination(result, seen, neighbours, problem, members, lag_problem)


async def _read_lags(
    engine: Engine, target: Target, result: ProbeResult
) -> tuple[list[ToldMember] | None, str]:
    try:
        return await read_members(engine, target, result.ports) if result.ports else None, ""
    except SnmpError as error:
        return None, str(error)[:_LONGEST]


def see_ports(readings: Iterable[PortReading]) -> tuple[SeenPort, ...]:
    return tuple(
        SeenPort(port.name[:_LONGEST], port.descr, port.alias[:_LONGEST], port.speed_bps)
        for port in readings
    )


def see_sensors(gauges: Iterable[Gauge]) -> tuple[SeenSensor, ...]:
    """Name each gauge so that it keeps its name when another joins it at its place."""
    seen = []
    for gauge in gauges:
        names = gauge.names
        if len(names) > 1 and names[0] == gauge.place:
            names = (names[1], names[0], *names[2:])
        seen.append(SeenSensor(gauge.family, tuple(name[:_LONGEST] for name in names), gauge.place))
    return tuple(seen)
