"""Building and changing cabinets and racks never breaks what stands, is sold, held or barred."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.columns import utc_now
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import Allocation, AllocationSlot, Cabinet, Cage, Device, Rack, Room, Row
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.areas import allocate_area
from dcim.inventory.space.barring import bar_space
from dcim.inventory.space.holding import hold_space
from dcim.inventory.space.placement import Move, Place, install_device, move_devices
from dcim.inventory.space.structure import (
    create_cabinet,
    create_rack,
    delete_cabinet,
    delete_rack,
    split_cabinet,
    update_cabinet,
    update_rack,
)
from tests.integration.inventory.house import NOW, SCOPE, TODAY, WEEK, House


def fill(session: Session, house: House, what: str) -> None:
    """Put something into the top unit of the rack, U20."""
    rack_id = house.rack.id
    if what == "Reed1":
        device = house.devices["Reed1"]
        install_device(session, SCOPE, device, rack_id, u_low=36, at=NOW)
    elif what == "allocated to Reed":
        allocate_space(
            session, SCOPE, house.items["Reed"], rack_id, u_low=38, height=2, starts_on=TODAY,
        )  # fmt: skip
    elif what == "held for Fern":
        hold_space(
            session, SCOPE, rack_id, prospect="Fern", u_low=38, height=2,
            expires_at=utc_now() + 52 * WEEK,
        )  # fmt: skip
    else:
        bar_space(session, SCOPE, rack_id, u_low=38, height=2, reason="cable tray")


THINGS = ("Reed1", "allocated to Reed", "held for Fern", "cable tray")


@pytest.mark.parametrize("what", THINGS)
def test_a_rack_is_not_made_smaller_than_what_is_in_it(
    session: Session, house: House, what: str
) -> None:
    fill(session, house, what)
    with pytest.raises(ConflictError, match=what):
        update_rack(session, SCOPE, house.rack, {"u_count": 19})
    assert house.rack.u_count == 20
    update_rack(session, SCOPE, house.other_rack, {"u_count": 19, "numbering": "down"})
    assert (house.other_rack.u_count, house.other_rack.numbering) == (19, "down")


@pytest.mark.parametrize("what", THINGS)
def test_a_cabinet_is_split_only_when_empty(session: Session, house: House, what: str) -> None:
    fill(session, house, what)
    with pytest.raises(ConflictError, match=what):
        split_cabinet(session, SCOPE, house.rack.cabinet, "halves")
    assert [rack.u_count for rack in house.rack.cabinet.racks] == [20]


def test_44_units_make_four_quarters_and_one_again(session: Session, house: House) -> None:
    row = house.rack.cabinet.row
    cabinet = create_cabinet(session, SCOPE, {"row_id": row.id, "code": "A-09"}, u_counts=[44])
    assert cabinet.position == 2
    racks = split_cabinet(session, SCOPE, cabinet, "quarters")
    assert [(rack.code, rack.u_count) for rack in racks] == [
        (f"A-09-{number}", 11) for number in (1, 2, 3, 4)
    ]
    with pytest.raises(InvalidError, match="each of the 2 racks"):
        split_cabinet(session, SCOPE, cabinet, "halves", u_counts=[20])
    with pytest.raises(ConflictError, match="has its 4 racks"):
        create_rack(session, SCOPE, {"cabinet_id": cabinet.id, "code": "X", "u_count": 4})
    (whole,) = split_cabinet(session, SCOPE, cabinet, "full")
    assert (whole.code, whole.u_count, whole.id) == ("A-09", 44, racks[0].id)
    assert session.scalars(select(Rack.id).where(Rack.cabinet_id == cabinet.id)).all() == [whole.id]


def test_a_rack_with_history_is_kept_by_a_split(session: Session, house: House) -> None:
    cabinet = house.rack.cabinet
    racks = split_cabinet(session, SCOPE, cabinet, "halves")
    allocate_space(
        session, SCOPE, house.items["Reed"], racks[0].id, u_low=0, height=4,
        starts_on=TODAY - 2 * WEEK, ends_on=TODAY - WEEK, now=NOW,
    )  # fmt: skip
    (whole,) = split_cabinet(session, SCOPE, cabinet, "full")
    assert whole.id == racks[0].id


@pytest.mark.parametrize("what", THINGS[:3])
def test_a_cabinet_with_anything_in_it_stays(session: Session, house: House, what: str) -> None:
    fill(session, house, what)
    with pytest.raises(ConflictError, match=what):
        delete_cabinet(session, SCOPE, house.rack.cabinet)
    with pytest.raises(ConflictError, match=what):
        delete_rack(session, SCOPE, house.rack)


def test_an_empty_cabinet_goes_with_its_racks_and_barred_units(
    session: Session, house: House
) -> None:
    fill(session, house, "cable tray")
    cabinet = house.rack.cabinet
    delete_cabinet(session, SCOPE, cabinet)
    session.flush()
    assert session.scalar(select(func.count()).select_from(Rack)) == 1
    strip = house.devices["strip"]
    install_device(session, SCOPE, strip, house.other_rack.id, u_low=None, at=NOW)
    with pytest.raises(ConflictError, match="strip on its side rail"):
        delete_cabinet(session, SCOPE, house.other_rack.cabinet)


def test_two_cabinets_don_t_stand_on_one_tile(session: Session, house: House) -> None:
    row = house.rack.cabinet.row
    place = {"row_id": row.id, "width_mm": 600, "depth_mm": 1200, "facing": "S"}
    first = create_cabinet(session, SCOPE, {**place, "code": "F1", "grid_x": 3, "grid_y": 5})
    create_cabinet(session, SCOPE, {**place, "code": "F2", "grid_x": 4, "grid_y": 5})
    # Two deep: its back is on the row behind.
    with pytest.raises(ConflictError, match="F1 stands on these tiles"):
        create_cabinet(session, SCOPE, {**place, "code": "F3", "grid_x": 3, "grid_y": 4})
    session.expunge(session.scalars(select(Cabinet).where(Cabinet.code == "F3")).one())
    with pytest.raises(ConflictError, match="F2 stands"):
        update_cabinet(session, SCOPE, first, {"width_mm": 800})
    with pytest.raises(InvalidError, match="sticks out of the room"):
        update_cabinet(session, SCOPE, first, {"width_mm": 600, "grid_x": 20, "grid_y": 5})
    with pytest.raises(InvalidError, match="both x and y"):
        create_cabinet(session, SCOPE, {**place, "code": "F4", "grid_x": 9})


def test_a_sold_cage_keeps_its_cabinets_and_takes_what_comes(
    session: Session, house: House
) -> None:
    row = house.rack.cabinet.row
    cage = Cage(room_id=row.room_id, code="G1", name="Cage")
    elsewhere = Room(
        site_id=row.room.site_id, code="M2", name="二", name_en="Two", grid_rows=4, grid_columns=4
    )
    far = Row(room=elsewhere, code="Z", position=1)
    session.add_all([cage, far])
    session.flush()
    update_cabinet(session, SCOPE, house.rack.cabinet, {"cage_id": cage.id})
    claim = allocate_area(session, SCOPE, house.items["Reed"], "cage", cage.id, starts_on=TODAY)
    with pytest.raises(ConflictError, match="M1/G1 is sold to Reed"):
        update_cabinet(session, SCOPE, house.rack.cabinet, {"cage_id": None})
    with pytest.raises(ConflictError, match="allocated to Reed"):
        split_cabinet(session, SCOPE, house.rack.cabinet, "halves")
    update_cabinet(session, SCOPE, house.other_rack.cabinet, {"cage_id": cage.id})
    assert {one.rack_id for one in claim.allocations} == {house.rack.id, house.other_rack.id}
    # A rack that grows is sold whole still.
    update_rack(session, SCOPE, house.rack, {"u_count": 24})
    grown = session.scalars(select(Allocation).where(Allocation.rack_id == house.rack.id)).one()
    assert grown.height == 48
    slots = select(func.count()).where(AllocationSlot.allocation_id == grown.id)
    assert session.scalar(slots) == 48
    third = create_cabinet(session, SCOPE, {"row_id": far.id, "code": "Z-01"})
    with pytest.raises(InvalidError, match="another room"):
        update_cabinet(session, SCOPE, third, {"cage_id": cage.id})


def test_two_devices_change_places(session: Session, house: House) -> None:
    one, two = house.devices["Reed1"], house.devices["Moss1"]
    install_device(session, SCOPE, one, house.rack.id, u_low=0, at=NOW)
    install_device(session, SCOPE, two, house.other_rack.id, u_low=8, at=NOW)
    move_devices(
        session,
        SCOPE,
        [Move(one, Place(house.other_rack.id, 8)), Move(two, Place(house.rack.id, 2))],
        at=NOW,
    )
    assert one.installation is not None
    assert two.installation is not None
    assert (one.installation.rack_id, one.installation.u_low) == (house.other_rack.id, 8)
    assert (two.installation.rack_id, two.installation.u_low) == (house.rack.id, 2)


def test_of_several_moves_all_happen_or_none(session: Session, house: House) -> None:
    one, two = house.devices["Reed1"], house.devices["Moss1"]
    install_device(session, SCOPE, one, house.rack.id, u_low=0, at=NOW)
    install_device(session, SCOPE, two, house.rack.id, u_low=8, at=NOW)
    with pytest.raises(ConflictError, match="taken by Reed1"):
        move_devices(
            session,
            SCOPE,
            [Move(one, Place(house.rack.id, 20)), Move(two, Place(house.rack.id, 22))],
            at=NOW,
        )
    assert [d.installation and d.installation.u_low for d in (one, two)] == [0, 8]
    with pytest.raises(InvalidError, match="one place only"):
        move_devices(session, SCOPE, [Move(one, Place(house.rack.id, 20))] * 2, at=NOW)


def test_depth_and_width_of_the_type_are_limits(session: Session, house: House) -> None:
    def install(name: str, **place: str) -> None:
        install_device(
            session, SCOPE, house.devices[name], house.rack.id, u_low=0,
            face=place.get("face"), side=place.get("side"), at=NOW,
        )  # fmt: skip

    with pytest.raises(InvalidError, match="as deep as the rack"):
        install("Reed1", face="front")
    with pytest.raises(InvalidError, match="choose its side"):
        install("narrow1")
    with pytest.raises(InvalidError, match="as wide as the rack"):
        install("shallow", side="left")
    install("shallow")
    assert house.devices["shallow"].installation is not None
    assert house.devices["shallow"].installation.face == "front"


def test_a_rail_has_six_places_on_each_side(session: Session, house: House) -> None:
    kind = house.devices["strip"].device_type_id
    strips = [Device(name=f"strip-{n}", device_type_id=kind, role="pdu") for n in range(13)]
    session.add_all(strips)
    session.flush()

    def hang(index: int, rail: str | None = None, at: int | None = None) -> tuple[object, object]:
        done = install_device(
            session, SCOPE, strips[index], house.rack.id, u_low=None, rail=rail, rail_position=at,
            at=NOW,
        )  # fmt: skip
        return done.rail, done.rail_position

    assert hang(0) == ("left", 1)
    assert hang(1) == ("right", 1)
    assert hang(2, "right", 6) == ("right", 6)
    with pytest.raises(ConflictError, match="strip-2 hang there until"):
        hang(3, "right", 6)
    with pytest.raises(InvalidError, match="places 1 to 6"):
        hang(3, "right", 7)
    with pytest.raises(InvalidError, match="which rail"):
        hang(3, None, 2)
    for index in range(3, 12):
        hang(index)
    with pytest.raises(ConflictError, match="no free place"):
        hang(12)
