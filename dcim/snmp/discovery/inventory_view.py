"""What the inventory knows of a device and of its possible neighbours, as discovery compares it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.inventory.models import Device
from dcim.network.models import Port
from dcim.power.models import Outlet, PowerNode
from dcim.snmp.agents.models import Sensor, SnmpAgent
from dcim.snmp.discovery.neighbours import Directory, IdKind, Neighbour, fold, fold_mac
from dcim.snmp.discovery.neighbours import KnownPort as NeighbourPort
from dcim.snmp.discovery.proposals import Identity, KnownDevice, KnownPort, KnownSensor


def read_known(session: Session, agent: SnmpAgent) -> KnownDevice:
    """Five statements."""
    device_id = agent.device_id
    ports = session.execute(
        select(Port.name, Port.alias, Port.speed_bps).where(
            Port.device_id == device_id, Port.kind != "panel"
        )
    )
    sensors = session.execute(
        select(Sensor.family, Sensor.name).where(Sensor.device_id == device_id)
    )
    meters = session.execute(
        select(PowerNode.meter_place, PowerNode.code).where(
            PowerNode.meter_device_id == device_id, PowerNode.meter_place.is_not(None)
        )
    )
    pdu_id = find_pdu(session, device_id)
    outlets = None
    if pdu_id is not None:
        outlets = frozenset(session.scalars(select(Outlet.number).where(Outlet.pdu_id == pdu_id)))
    return KnownDevice(
        Identity(agent.sys_name, agent.sys_descr, agent.sys_object_id, agent.profile),
        tuple(KnownPort(name, alias, speed) for name, alias, speed in ports),
        tuple(KnownSensor(family, name) for family, name in sensors),
        outlets,
        {place: code for place, code in meters if place},
    )


def find_pdu(session: Session, device_id: int) -> int | None:
    """The PDU of the power chain that this device is: the one PDU it measures."""
    found = session.scalars(
        select(PowerNode.id).where(PowerNode.meter_device_id == device_id, PowerNode.kind == "pdu")
    ).all()
    return found[0] if len(found) == 1 else None


def read_directory(session: Session, device_id: int, neighbours: Sequence[Neighbour]) -> Directory:
    """Those of our devices that these neighbours may be, and their ports; four statements."""
    names = {fold(one.sys_name) for one in neighbours}
    names |= {
        fold(one.chassis.text)
        for one in neighbours
        if one.chassis.kind in (IdKind.LOCAL, IdKind.COMPONENT)
    }
    names |= {name.partition(".")[0] for name in names}
    names.discard("")
    macs = {fold_mac(one.chassis.text) for one in neighbours if one.chassis.kind is IdKind.MAC}
    macs.discard("")
    addresses = {address for one in neighbours for address in one.addresses}
    addresses |= {one.chassis.text for one in neighbours if one.chassis.kind is IdKind.ADDRESS}
    by_name = _group(
        session.execute(
            select(func.lower(Device.name), Device.id).where(func.lower(Device.name).in_(names))
        ).all()
    )
    by_address: dict[str, set[int]] = {}
    for name, address, owner in session.execute(
        select(func.lower(SnmpAgent.sys_name), SnmpAgent.address, SnmpAgent.device_id).where(
            func.lower(SnmpAgent.sys_name).in_(names) | SnmpAgent.address.in_(addresses)
        )
    ):
        if name:
            by_name.setdefault(name, set()).add(owner)
        by_address.setdefault(address, set()).add(owner)
    by_mac = _group(
        session.execute(select(Port.mac, Port.device_id).where(Port.mac.in_(macs))).all()
    )
    owners = {device_id}.union(*by_name.values(), *by_address.values(), *by_mac.values())
    ports: dict[int, list[NeighbourPort]] = {}
    for row in session.execute(
        select(Port.id, Port.device_id, Port.name, Port.alias, Port.mac).where(
            Port.device_id.in_(owners), Port.kind != "panel"
        )
    ):
        ports.setdefault(row.device_id, []).append(
            NeighbourPort(row.id, row.device_id, row.name, row.alias, row.mac or "")
        )
    return Directory(by_name, by_mac, by_address, ports)


def _group(rows: Iterable[Sequence[object]]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for word, owner in rows:
        found.setdefault(str(word), set()).add(int(str(owner)))
    return found
