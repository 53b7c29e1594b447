"""Device types and devices written as records: made with their parts, changed by the rules."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.devices.kinds import DEVICE_TRANSITION, DEVICE_TYPE, EQUIPMENT_PASS
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.devices.type_descriptions import PortLine, SupplyLine
from dcim.inventory.devices.types import write_lines
from dcim.inventory.models import Device
from dcim.inventory.space.placement import install_device
from dcim.network.equipping import DEVICE
from dcim.network.models import Port
from dcim.records.listing import list_records
from dcim.records.writing import change_record, create_record, delete_record
from tests.integration.devices.yard import NOW, SCOPE, Yard, add_device


def test_a_type_gets_its_slug_and_keeps_to_its_limits(session: Session) -> None:
    made = create_record(
        session, SCOPE, DEVICE_TYPE, {"manufacturer": "Pine", "model": "S 1", "height": 2}
    )
    assert made["slug"] == "pine-s-1"
    with pytest.raises(InvalidError) as caught:
        change_record(session, SCOPE, DEVICE_TYPE, made.id, {"rated_w": 100, "typical_w": 200})
    assert set(caught.value.fields) == {"typical_w"}
    changed = change_record(session, SCOPE, DEVICE_TYPE, made.id, {"rated_w": 300})
    assert changed["rated_w"] == 300


def test_a_device_comes_with_its_parts(session: Session, yard: Yard) -> None:
    lines = ((PortLine("eth0", "10gbase-t", 10**10),), (SupplyLine("PSU1", "C14", 800),))
    write_lines(session, {yard.kind.id: lines})
    made = create_record(
        session, SCOPE, DEVICE, {"name": "d1", "role": "server", "device_type_id": yard.kind.id}
    )
    assert made["provider_owned"]
    assert made["place"] is None
    for model in (Port, DeviceSupply):
        owned: Any = model
        count = select(func.count(owned.id)).where(owned.device_id == made.id)
        assert session.scalar(count) == 1
    actions = session.scalars(select(AuditEntry.action)).all()
    assert actions == ["device.create"]


def test_what_was_decided_by_place_stays(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", "Reed")
    install_device(session, SCOPE, device, yard.rack.id, u_low=18, at=NOW)
    (found,) = list_records(session, SCOPE, DEVICE).items
    assert found["place"] == "A-01 U10"
    with pytest.raises(ConflictError, match="before it changes hands"):
        change_record(session, SCOPE, DEVICE, device.id, {"customer_id": yard.customers["Moss"].id})
    other = create_record(
        session, SCOPE, DEVICE_TYPE, {"manufacturer": "P", "model": "1U", "height": 2}
    )
    with pytest.raises(ConflictError, match="another size"):
        change_record(session, SCOPE, DEVICE, device.id, {"device_type_id": other.id})
    with pytest.raises(InvalidError):
        change_record(session, SCOPE, DEVICE, device.id, {"state": "destroyed"})
    with pytest.raises(InvalidError):
        change_record(
            session, SCOPE, DEVICE, device.id,
            {"purchased_on": dt.date(2026, 2, 1), "warranty_until": dt.date(2026, 1, 1)},
        )  # fmt: skip


def test_only_what_has_not_lived_is_deleted(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1")
    install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)
    with pytest.raises(ConflictError):
        delete_record(session, SCOPE, DEVICE, device.id)
    mistaken = add_device(session, yard, "d2")
    delete_record(session, SCOPE, DEVICE, mistaken.id)
    assert session.scalar(select(func.count(Device.id))) == 1


def test_customers_see_their_own(session: Session, yard: Yard) -> None:
    add_device(session, yard, "mine", "Reed")
    add_device(session, yard, "ours")
    found = list_records(session, yard.scope("Reed"), DEVICE)
    assert [one["name"] for one in found.items] == ["mine"]
    assert "note" not in found.items[0].values
    for kind in (DEVICE_TRANSITION, EQUIPMENT_PASS):
        assert list_records(session, yard.scope("Moss"), kind).total == 0
