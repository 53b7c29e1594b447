"""A cabinet bears what its limit says: what stands in all its racks, and itself."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.errors import ConflictError
from dcim.inventory.drawing.trying import try_moves
from dcim.inventory.models import Cabinet, Rack
from dcim.inventory.space.placement import (
    Move,
    Place,
    install_device,
    move_device,
    move_devices,
)
from tests.integration.inventory.house import NOW, SCOPE, House
from tests.integration.records.test_listing import counted


@pytest.fixture
def scale(session: Session, house: House) -> House:
    """Every device of 2 U weighs 30 kg; A-01 weighs 40 kg itself and bears 100, so two fit."""
    for device in house.devices.values():
        device.device_type.weight_g = 30_000
    house.rack.cabinet.own_weight_kg = 40
    house.rack.cabinet.weight_limit_kg = 100
    session.flush()
    return house


def put(session: Session, house: House, name: str, u_low: int, override: str = "") -> None:
    install_device(
        session, SCOPE, house.devices[name], house.rack.id, u_low=u_low, at=NOW, override=override
    )


def test_the_last_that_fits_comes_in_and_the_next_is_refused_with_numbers(
    session: Session, scale: House
) -> None:
    put(session, scale, "Reed1", 0)
    put(session, scale, "Reed2", 4)
    with pytest.raises(
        ConflictError,
        match=r"Cabinet A-01 would bear 130 kg with Moss1; its limit is 100 kg, 30 kg less",
    ):
        put(session, scale, "Moss1", 8)
    put(session, scale, "Moss1", 8, override="floor plate renewed")
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert entry.detail["override"] == "floor plate renewed"
    assert "would bear 130 kg" in entry.detail["overrode"][0]


def test_without_a_weight_nothing_is_known_and_nothing_refused(
    session: Session, scale: House
) -> None:
    scale.rack.cabinet.weight_limit_kg = 1
    scale.devices["Reed1"].device_type.weight_g = 0
    session.flush()
    put(session, scale, "Reed1", 0)


def test_the_other_racks_of_the_cabinet_count(session: Session, scale: House) -> None:
    upper = Rack(code="A-01-2", u_count=20, cabinet_id=scale.rack.cabinet_id, position=1)
    session.add(upper)
    session.flush()
    put(session, scale, "Reed1", 0)
    put(session, scale, "Reed2", 4)
    with pytest.raises(ConflictError, match="would bear 130 kg"):
        install_device(session, SCOPE, scale.devices["Moss1"], upper.id, u_low=0, at=NOW)
    # From door to door nothing is added, even in a cabinet that is overloaded already.
    session.get_one(Cabinet, scale.rack.cabinet_id).weight_limit_kg = 50
    session.flush()
    move_device(session, SCOPE, scale.devices["Reed1"], upper.id, u_low=0)


def test_changing_places_adds_nothing_and_a_move_is_asked_the_same(
    session: Session, scale: House
) -> None:
    put(session, scale, "Reed1", 0)
    put(session, scale, "Reed2", 4)
    moss = scale.devices["Moss1"]
    install_device(session, SCOPE, moss, scale.other_rack.id, u_low=0, at=NOW)
    into = Move(moss, Place(scale.rack.id, 8))
    refusal = try_moves(session, SCOPE, [into])
    assert isinstance(refusal, ConflictError)
    assert "would bear 130 kg" in str(refusal)
    # The order of the moves makes no difference, nor what moves within the cabinet meanwhile.
    within = Move(scale.devices["Reed1"], Place(scale.rack.id, 12))
    for moves in ([into, within], [within, into]):
        assert "would bear 130 kg" in str(try_moves(session, SCOPE, moves))
    out = Move(scale.devices["Reed1"], Place(scale.other_rack.id, 0))
    move_devices(session, SCOPE, [Move(moss, Place(scale.rack.id, 0)), out])
    assert moss.installation is not None
    assert moss.installation.rack_id == scale.rack.id


def test_weighing_costs_the_same_for_a_few_devices_and_many(session: Session, scale: House) -> None:
    scale.rack.cabinet.weight_limit_kg = 1000
    session.flush()
    with counted(session) as few:
        put(session, scale, "Reed1", 0)
    put(session, scale, "Reed2", 4)
    put(session, scale, "Moss1", 8)
    with counted(session) as many:
        put(session, scale, "Moss2", 12)
    assert len(few) == len(many)
