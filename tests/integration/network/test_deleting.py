"""Deleting a device: its ports go with it and come back; what hangs on them refuses, by name."""

import pytest
from sqlalchemy import func, select

from dcim.db import ScopedSession
from dcim.errors import ConflictError
from dcim.inventory.models import Device
from dcim.kinds import KINDS
from dcim.metering.models import Series
from dcim.network.cables import CableNotes, connect_ports
from dcim.network.equipping import DEVICE
from dcim.network.models import CableEnd, Port
from dcim.network.tracing import FRONT, Plug
from dcim.records.deletions import restore_record
from dcim.records.writing import delete_record
from tests.integration.network.plant import NOW, STAFF, Plant


def add_switch(session: ScopedSession, plant: Plant, name: str = "sw-1") -> tuple[int, list[int]]:
    kind = session.get_one(Device, plant.devices["srv-a"]).device_type_id
    device = Device(device_type_id=kind, name=name, role="switch")
    session.add(device)
    session.flush()
    ports = [Port(device_id=device.id, name=f"ge{number}", speed_bps=10**9) for number in (1, 2)]
    session.add_all(ports)
    session.flush()
    return device.id, [port.id for port in ports]


def count_ports(session: ScopedSession, device_id: int) -> int:
    return session.scalar(select(func.count(Port.id)).where(Port.device_id == device_id)) or 0


def test_ports_without_anything_go_along_and_come_back(
    session: ScopedSession, plant: Plant
) -> None:
    device_id, ports = add_switch(session, plant)
    kept = delete_record(session, STAFF, DEVICE, device_id, kinds=KINDS)
    assert count_ports(session, device_id) == 0
    restore_record(session, STAFF, KINDS, kept)
    found = session.scalars(select(Port.id).where(Port.device_id == device_id).order_by(Port.id))
    assert found.all() == ports


def test_what_hangs_on_its_ports_is_said_and_keeps_all(
    session: ScopedSession, plant: Plant
) -> None:
    device_id, (one, two) = add_switch(session, plant)
    cable = connect_ports(
        session, STAFF, Plug(one, FRONT), Plug(two, FRONT), CableNotes("utp"), at=NOW
    )
    with pytest.raises(ConflictError, match=r"Still in use by: 2 × Cables"):
        delete_record(session, STAFF, DEVICE, device_id, kinds=KINDS)
    assert count_ports(session, device_id) == 2
    assert session.scalar(select(func.count(CableEnd.id)).where(CableEnd.port_id == one)) == 1
    assert cable.id


def test_measurements_and_members_hold_a_device(session: ScopedSession, plant: Plant) -> None:
    device_id, (one, _two) = add_switch(session, plant)
    session.add(Series(family="traffic", device_id=device_id, slot="ge1", port_id=one))
    session.flush()
    with pytest.raises(ConflictError, match="Measurements"):
        delete_record(session, STAFF, DEVICE, device_id, kinds=KINDS)
