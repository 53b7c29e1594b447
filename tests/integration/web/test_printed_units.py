"""A rack with U1 at the top: what people read and type are the numbers on its rail."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from dcim.db import SessionFactory, transaction
from dcim.inventory.models import BarredSpace, Hold, Installation, Rack
from dcim.inventory.space.kinds import BARRED_SPACE
from dcim.records.listing import Wish, list_records
from dcim.records.writing import create_record
from tests.integration.records.test_import import run_import
from tests.integration.web.conftest import Login
from tests.integration.web.staff_house import SCOPE, StaffHouse, build_staff_house
from tests.integration.web.test_staff_forms import Person, mount

SOON = (dt.date.today() + dt.timedelta(days=30)).isoformat()  # noqa: DTZ011


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    """A-01 has 20 U; server-01 stands in half units 4 to 7, printed U17–18."""
    house = build_staff_house(sessions, 1)
    with transaction(sessions, SCOPE) as session:
        session.get_one(Rack, house.racks[0]).numbering = "down"
    return house


@pytest.fixture
def staff(app: Flask, make_login: Callable[..., Login]) -> Person:
    return Person(app, make_login("staff"))


def test_what_is_typed_is_what_is_printed(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    cabinet = f"/staff/cabinets/{house.cabinets[0]}"
    refused = staff.post(f"{cabinet}/install", **mount(house, 16)).get_data(as_text=True)
    assert "A-01 U17–18 is taken by server-01" in refused
    staff.post(f"{cabinet}/install", **mount(house, 5))
    with transaction(sessions, SCOPE) as session:
        done = session.scalars(
            select(Installation).where(Installation.device_id == house.spare_id)
        ).one()
        assert (done.u_low, done.height) == (28, 4)
    assert "is installed: U5–6" in staff.client.get(cabinet).get_data(as_text=True)
    form = staff.client.get(f"/staff/devices/{house.spare_id}/move").get_data(as_text=True)
    assert 'name="u"' in form
    assert 'value="5"' in form
    page = staff.client.get(f"/staff/devices/{house.spare_id}").get_data(as_text=True)
    assert "U5–6" in page
    assert "A-01 U5" in staff.client.get("/staff/devices").get_data(as_text=True)
    walk = staff.client.get(f"{cabinet}/audit").get_data(as_text=True)
    assert "<strong>U5–6</strong>" in walk
    # From the drawing: the half unit 28 from the bottom is in the printed U6.
    drawn = staff.client.get(f"{cabinet}/hold?at=28").get_data(as_text=True)
    assert 'value="6"' in drawn


def test_a_hold_is_listed_as_printed_and_told_from_the_bottom_by_the_api(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    staff.post(
        f"/staff/cabinets/{house.cabinets[0]}/hold",
        rack_id=house.racks[0], u="1", units="2", prospect="Lead", until=SOON, reason="",
    )  # fmt: skip
    with transaction(sessions, SCOPE) as session:
        hold = session.scalars(select(Hold)).one()
        assert (hold.u_low, hold.height) == (36, 4)
    drawn = staff.client.get(f"/staff/cabinets/{house.cabinets[0]}").get_data(as_text=True)
    assert "U1–2 · 2 U" in drawn
    assert "A-01 U1–2" in staff.client.get(f"/staff/cabinets/{house.cabinets[0]}/claims").get_data(
        as_text=True
    )
    told = staff.client.get(f"/api/v1/holds/{hold.id}").get_json()
    assert told["u_low"] == 36


def test_barred_units_are_imported_and_listed_as_printed(
    house: StaffHouse, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        sheet = "rack_id,u_low,height,reason\nA-01,U1,2,tray\n"
        run = run_import(session, BARRED_SPACE, sheet)
        assert (run.state, run.problems) == ("done", [])
        barred = session.scalars(select(BarredSpace)).one()
        assert (barred.u_low, barred.height) == (36, 4)
        # The same sheet again is about the same units.
        assert run_import(session, BARRED_SPACE, sheet, existing="skip").skipped == 1
        # JSON counts from the bottom.
        create_record(
            session, SCOPE, BARRED_SPACE,
            {"rack_id": house.racks[0], "u_low": 20, "height": 2, "reason": "bent"},
        )  # fmt: skip
        listed = list_records(session, SCOPE, BARRED_SPACE, Wish(), names=["u_low"]).items
        assert sorted((one["u_low"], one["unit"]) for one in listed) == [(20, 18), (36, 0)]
