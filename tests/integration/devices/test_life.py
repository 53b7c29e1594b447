"""A device's life: steps one by one, what they ask, what placement notes, who sees it."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.devices import transitions
from dcim.inventory.devices.models import DeviceSupply, DeviceTransition
from dcim.inventory.devices.registration import register_device
from dcim.inventory.devices.transitions import change_state, list_transitions
from dcim.inventory.devices.type_descriptions import PortLine, SupplyLine
from dcim.inventory.devices.types import write_lines
from dcim.inventory.space.placement import install_device, remove_device
from dcim.network.equipping import enter_device, equip_devices
from dcim.network.models import Port
from tests.integration.devices.yard import NOW, SCOPE, Yard, add_device


def test_a_life_from_order_to_return(session: Session, yard: Yard) -> None:
    device = register_device(
        session, SCOPE, name="d1", role="server", device_type_id=yard.kind.id, state="planned",
        customer_id=yard.customers["Reed"].id,
    )  # fmt: skip
    change_state(session, SCOPE, device.id, "in_stock", {"delivery": "DN-7"}, expected="planned")
    install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)
    change_state(session, SCOPE, device.id, "installed")
    change_state(session, SCOPE, device.id, "in_service", {"tested": "links"}, note="handed over")
    remove_device(session, SCOPE, device)
    change_state(session, SCOPE, device.id, "returned", {"receiver": "Wang", "waybill": "W1"})
    found = list_transitions(session, SCOPE, device.id)
    assert [(one.from_state, one.to_state) for one in reversed(found.items)] == [
        (None, "planned"),
        ("planned", "in_stock"),
        ("in_stock", "in_service"),
        ("in_service", "installed"),
        ("installed", "in_service"),
        ("in_service", "removed"),
        ("removed", "returned"),
    ]
    assert found.items[0].detail == {"receiver": "Wang", "waybill": "W1"}
    assert {one.actor for one in found.items} == {SCOPE.actor}
    # Each deed is in the log once.
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == [
        "device.create", "device.state", "device.install", "device.state", "device.state",
        "device.remove", "device.state",
    ]  # fmt: skip


def test_a_step_that_is_none_is_refused(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1")
    with pytest.raises(ConflictError, match="being installed and removed"):
        change_state(session, SCOPE, device.id, "in_service")
    with pytest.raises(ConflictError, match="can't take this step"):
        change_state(session, SCOPE, device.id, "planned")
    assert device.state == "in_stock"


def test_what_a_step_asks_is_needed(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", "Reed", state="removed")
    with pytest.raises(InvalidError) as caught:
        change_state(
            session, SCOPE, device.id, "destroyed", {"method": " ", "colour": "red"}, note="x" * 256
        )
    assert set(caught.value.fields) == {"method", "witness", "consent", "colour", "note"}
    with pytest.raises(InvalidError) as caught:
        change_state(
            session, SCOPE, device.id, "in_repair",
            {"fault": "fan", "workshop": "Zhou", "expected_on": "soon"},
        )  # fmt: skip
    assert set(caught.value.fields) == {"expected_on"}


def test_the_operators_own_needs_no_owners_order(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", state="removed")
    answers = {"method": "shredded", "witness": "Li"}
    with pytest.raises(InvalidError) as caught:
        change_state(session, SCOPE, device.id, "destroyed", {**answers, "consent": "C-1"})
    assert set(caught.value.fields) == {"consent"}
    change_state(session, SCOPE, device.id, "destroyed", answers)
    assert device.state == "destroyed"


def test_an_answer_to_what_is_past_is_refused(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", state="removed")
    with pytest.raises(ConflictError, match="changed meanwhile"):
        change_state(session, SCOPE, device.id, "in_stock", expected="in_repair")


def test_what_is_gone_is_not_installed(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", state="returned")
    with pytest.raises(ConflictError, match="not in the house"):
        install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)


def test_customers_change_nothing_and_see_their_part(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", "Reed", state="removed")
    reed, moss = yard.scope("Reed"), yard.scope("Moss")
    with pytest.raises(ForbiddenError):
        change_state(session, reed, device.id, "in_stock")
    change_state(session, SCOPE, device.id, "in_stock")
    assert list_transitions(session, reed, device.id).total == 1
    assert list_transitions(session, moss, device.id).total == 0
    with pytest.raises(NotFoundError):
        transitions.lock_device(session, moss, device.id)
    # Sold on: the new owner doesn't read the old one's history.
    device.customer_id = yard.customers["Moss"].id
    session.flush()
    assert list_transitions(session, moss, device.id).total == 0


def test_row_security_holds_the_history(sessions: object, session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", "Reed", state="removed")
    change_state(session, SCOPE, device.id, "in_stock")
    count = select(func.count()).select_from(DeviceTransition)
    assert session.scalar(count) == 1
    with session.within(yard.scope("Moss")):  # type: ignore[attr-defined]
        assert session.scalar(count) == 0
    with session.within(yard.scope("Reed")):  # type: ignore[attr-defined]
        assert session.scalar(count) == 1


def test_a_device_gets_what_its_type_has(session: Session, yard: Yard) -> None:
    ports = (PortLine("eth0", "10gbase-t", 10**10), PortLine("bmc", "1000base-t", 10**9, mgmt=True))
    supplies = (SupplyLine("PSU1", "C14", 800, 500), SupplyLine("PSU2", "C14", 800))
    write_lines(session, {yard.kind.id: (ports, supplies)})
    device = enter_device(session, SCOPE, name="d1", role="server", device_type_id=yard.kind.id)
    assert device.provider_owned
    made = session.execute(
        select(Port.name, Port.speed_bps, Port.role).where(Port.device_id == device.id)
    ).all()
    assert sorted(made) == [("bmc", 10**9, "internal"), ("eth0", 10**10, "customer")]
    supplied = session.execute(
        select(DeviceSupply.name, DeviceSupply.maximum_w, DeviceSupply.allocated_w)
    ).all()
    assert sorted(supplied) == [("PSU1", 800, 500), ("PSU2", 800, None)]
    # Once is enough, and what was changed by hand stays.
    assert equip_devices(session, SCOPE, [device]) == []
    with pytest.raises(ForbiddenError):
        equip_devices(session, Scope.customer("x", yard.customers["Reed"].id), [device])


def test_who_enters_what(session: Session, yard: Yard) -> None:
    with pytest.raises(InvalidError, match="then let it to them"):
        register_device(
            session, SCOPE, name="d", role="server", device_type_id=yard.kind.id,
            customer_id=yard.customers["Reed"].id, provider_owned=True,
        )  # fmt: skip
    with pytest.raises(InvalidError, match="planned or in stock"):
        register_device(
            session, SCOPE, name="d", role="server", device_type_id=yard.kind.id, state="destroyed"
        )
