"""Ask one device who it is, which ports it has and what it measures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dcim.snmp.reading.ports import PortReading, read_ports
from dcim.snmp.reading.profiles import Catalogue, shipped_catalogue
from dcim.snmp.reading.readings import Reading, read_readings
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid, Value, format_oid
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

SYS_DESCR: Oid = (1, 3, 6, 1, 2, 1, 1, 1, 0)
SYS_OBJECT_ID: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5, 0)


@dataclass(frozen=True)
class ProbeResult:
    """What a device said of itself; texts are cleaned, but still the network's words."""

    sys_name: str
    sys_descr: str
    sys_object_id: str
    profile: str
    ports: list[PortReading]
    readings: list[Reading]
    uptime_ticks: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "sys_name": self.sys_name,
            "sys_descr": self.sys_descr,
            "sys_object_id": self.sys_object_id,
            "profile": self.profile,
            "ports": [
                {
                    "if_index": port.if_index,
                    "name": port.name,
                    "descr": port.descr,
                    "alias": port.alias,
                    "speed_bps": port.speed_bps,
                    "admin_status": port.admin_status,
                    "oper_status": port.oper_status,
                    "in_octets": port.in_octets,
                    "out_octets": port.out_octets,
                    "counter_bits": port.counter_bits,
                }
                for port in self.ports
            ],
            "readings": [reading.to_json() for reading in self.readings],
        }


async def probe(
    target: Target, *, engine: Engine | None = None, catalogue: Catalogue | None = None
) -> ProbeResult:
    """Read identity, ports and readings; raise the errors of `dcim.snmp.wire.faults`."""
    if engine is None:
        async with Engine() as own:
            return await probe(target, engine=own, catalogue=catalogue)
    known = catalogue or shipped_catalogue()
    identity = await identify(engine, target, known)
    profile = known.profiles[identity.profile]
    interfaces = await read_ports(engine, target) if profile.ports else None
    readings = await read_readings(engine, target, known.tables(profile))
    return replace(
        identity,
        ports=interfaces.ports if interfaces else [],
        readings=readings,
        uptime_ticks=interfaces.uptime_ticks if interfaces else None,
    )


async def identify(engine: Engine, target: Target, catalogue: Catalogue) -> ProbeResult:
    """Read who a device is and which profile fits; no ports, no readings."""
    binds = await engine.get(target, (SYS_DESCR, SYS_OBJECT_ID, SYS_NAME))
    descr, identity, name = (bind.value for bind in binds)
    oid = _oid(identity)
    profile = catalogue.find(oid, clean_text(descr))
    return ProbeResult(
        sys_name=clean_text(name),
        sys_descr=clean_text(descr),
        sys_object_id=format_oid(oid) if oid else "",
        profile=profile.name,
        ports=[],
        readings=[],
    )


def _oid(value: Value) -> Oid | None:
    return value.data if isinstance(value.data, tuple) else None
