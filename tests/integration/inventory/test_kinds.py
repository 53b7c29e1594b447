"""Space through the one service of records: built, changed, deleted, brought back; own reach."""

import pytest
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.areas import allocate_area, cancel_area
from dcim.inventory.space.holding import hold_space
from dcim.inventory.space.kinds import (
    ALLOCATION,
    AREA_CLAIM,
    BARRED_SPACE,
    CABINET,
    HOLD,
    KINDS,
    RACK,
    ROOM,
    ROW,
    SITE,
    UnitType,
)
from dcim.records.deletions import restore_record
from dcim.records.fields import FieldValueError
from dcim.records.listing import find_record, list_records, read_wish
from dcim.records.titles import find_paths
from dcim.records.writing import change_record, create_record, delete_record
from tests.integration.inventory.house import NOW, SCOPE, TODAY, WEEK, House


def build_row(session: Session) -> int:
    site = create_record(session, SCOPE, SITE, {"code": "SH1", "name": "上海一号"})
    room = create_record(
        session, SCOPE, ROOM, {"site_id": site.id, "code": "R1", "name": "一", "star_rating": 4}
    )
    return create_record(session, SCOPE, ROW, {"room_id": room.id, "code": "A"}).id


def test_from_an_empty_database_to_a_rack_and_back(session: Session) -> None:
    row_id = build_row(session)
    made = create_record(
        session, SCOPE, CABINET, {"row_id": row_id, "code": "A-01", "layout": "halves"}
    )
    assert made["room_id"] is not None
    racks = list_records(session, SCOPE, RACK).items
    assert [(rack["code"], rack["u_count"]) for rack in racks] == [("A-01-1", 21), ("A-01-2", 21)]
    paths = find_paths(session, SCOPE, RACK, [racks[0].id])
    assert paths == {racks[0].id: "SH1/R1/A/A-01/A-01-1"}
    change_record(session, SCOPE, RACK, racks[0].id, {"u_count": 20, "numbering": "down"})
    barred = create_record(
        session, SCOPE, BARRED_SPACE,
        {"rack_id": racks[0].id, "u_low": 38, "height": 2, "reason": "tray"},
    )  # fmt: skip
    with pytest.raises(ConflictError, match="tray"):
        change_record(session, SCOPE, RACK, racks[0].id, {"u_count": 19})
    kept = delete_record(session, SCOPE, CABINET, made.id, kinds=KINDS)
    assert list_records(session, SCOPE, RACK).total == 0
    restore_record(session, SCOPE, KINDS, kept)
    assert find_record(session, SCOPE, BARRED_SPACE, barred.id)["u_low"] == 38
    delete_record(session, SCOPE, BARRED_SPACE, barred.id, kinds=KINDS)
    with pytest.raises(InvalidError):
        change_record(session, SCOPE, CABINET, made.id, {"layout": "full"})


def test_what_is_used_is_not_deleted(session: Session, house: House) -> None:
    allocate_space(
        session, SCOPE, house.items["Reed"], house.rack.id, u_low=0, height=4, starts_on=TODAY
    )
    for kind, record_id in (
        (RACK, house.rack.id),
        (CABINET, house.rack.cabinet_id),
        (ROW, house.rack.cabinet.row_id),
    ):
        with pytest.raises(ConflictError, match=r"Reed|Still in use"):
            delete_record(session, SCOPE, kind, record_id, kinds=KINDS)


def test_rules_between_places(session: Session, house: House) -> None:
    with pytest.raises(InvalidError, match="no time zone Asia/Nowhere"):
        create_record(session, SCOPE, SITE, {"code": "X", "name": "X", "timezone": "Asia/Nowhere"})
    change_record(session, SCOPE, CABINET, house.rack.cabinet_id, {"grid_x": 18, "grid_y": 18})
    room_id = house.rack.cabinet.row.room_id
    with pytest.raises(ConflictError, match="A-01 has no place on a floor like this"):
        change_record(session, SCOPE, ROOM, room_id, {"grid_columns": 10})


def test_a_customer_reaches_own_space_and_no_internal_field(
    session: ScopedSession, house: House
) -> None:
    allocate_space(
        session, SCOPE, house.items["Reed"], house.rack.id, u_low=0, height=4, starts_on=TODAY,
        now=NOW,
    )  # fmt: skip
    hold_space(
        session, SCOPE, house.other_rack.id, prospect="Fern", u_low=0, height=4,
        expires_at=utc_now() + 52 * WEEK,
    )  # fmt: skip
    for name, count in (("Reed", 1), ("Moss", 0)):
        scope = Scope.customer(name, house.items[name].customer_id)
        for kind in (SITE, ROOM, ROW, CABINET, RACK, ALLOCATION):
            assert list_records(session, scope, kind).total == count, (name, kind.name)
        assert list_records(session, scope, HOLD).total == 0
        with pytest.raises(NotFoundError):
            find_record(session, scope, RACK, house.other_rack.id)
        for cabinet in list_records(session, scope, CABINET).items:
            inner = {"lock_number", "lock_kind", "note", "asset_tag", "serial"}
            assert not cabinet.values.keys() & inner
    sold = list_records(session, SCOPE, ALLOCATION).items[0]
    assert (sold.titles["customer_id"], sold.titles["contract_item_id"]) == ("Reed", "Reed-1")
    assert sold["place"] == "A-01 U1"
    moss = read_wish(ALLOCATION, [("customer_id", str(house.items["Moss"].customer_id))])
    assert list_records(session, SCOPE, ALLOCATION, moss).total == 0
    assert list_records(session, SCOPE, HOLD).items[0]["prospect"] == "Fern"


def test_sales_of_areas_are_listed_with_whose_they_are(
    session: ScopedSession, house: House
) -> None:
    row = house.rack.cabinet.row
    places = {
        "room": (row.room_id, "M1"),
        "cabinet": (house.rack.cabinet_id, "M1/A/A-01"),
        "rack": (house.rack.id, "M1/A/A-01"),
    }
    for extent, (area_id, path) in places.items():
        claim = allocate_area(
            session, SCOPE, house.items["Reed"], extent, area_id, starts_on=TODAY, now=NOW
        )
        assert claim.extent == extent
        listed = list_records(session, SCOPE, AREA_CLAIM).items[0]
        assert (listed["place"], listed["extent"], listed["turn"]) == (path, extent, "current")
        assert listed.titles["customer_id"] == "Reed"
        wish = read_wish(AREA_CLAIM, [("contract_item_id", str(house.items["Reed"].id))])
        assert list_records(session, SCOPE, AREA_CLAIM, wish).total == 1
        moss = Scope.customer("Moss", house.items["Moss"].customer_id)
        assert list_records(session, moss, AREA_CLAIM).total == 0
        own = Scope.customer("Reed", house.items["Reed"].customer_id)
        assert list_records(session, own, AREA_CLAIM).total == 1
        cancel_area(session, SCOPE, claim, now=NOW - WEEK)


@pytest.mark.parametrize(("text", "u_low"), [("1", 0), ("U10", 18), ("10.5", 19), ("60", 118)])
def test_units_are_read_as_they_are_printed(text: str, u_low: int) -> None:
    assert UnitType().read(text) == u_low
    assert UnitType().write(u_low) == text.removeprefix("U")


@pytest.mark.parametrize("text", ["0", "61", "x", "1.25"])
def test_what_is_no_unit_is_refused(text: str) -> None:
    with pytest.raises(FieldValueError):
        UnitType().read(text)
