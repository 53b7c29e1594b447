"""Labels from where a thing is: its own page, and the rows chosen in its list."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Device, Rack
from tests.integration.web.conftest import Login
from tests.integration.web.record_pages import Browser, said
from tests.integration.web.staff_house import SCOPE, StaffHouse, build_staff_house

MakeLogin = Callable[..., Login]


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    return build_staff_house(sessions, 3)


@pytest.fixture
def staff(app: Flask, make_login: MakeLogin) -> Browser:
    return Browser(app, make_login("administrator"))


def test_each_page_leads_to_its_label(staff: Browser, house: StaffHouse) -> None:
    for kind, path, number in (
        ("cabinet", "/staff/cabinets/{}", house.cabinets[0]),
        ("cabinet", "/staff/cabinets/{}/record", house.cabinets[0]),
        ("rack", "/staff/racks/{}", house.racks[0]),
        ("device", "/staff/devices/{}", house.devices[0]),
    ):
        address = f"/staff/labels/sheet?kind={kind}&amp;id={number}"
        assert f'href="{address}"' in staff.get(path.format(number))
        assert staff.get(address.replace("&amp;", "&")).count('class="label"') == 1
    assert "/staff/labels/sheet" not in staff.get("/staff/sites")


def test_chosen_rows_get_labels(staff: Browser, house: StaffHouse) -> None:
    assert 'value="labels"' in staff.get("/staff/racks")
    chosen = [str(one) for one in house.racks[:2]]
    answer = staff.post("/staff/racks/export", {"format": "labels", "id": chosen})
    assert answer.status_code == 303
    assert staff.get(answer.location).count('class="label"') == 2
    answer = staff.post("/staff/racks/export", {"format": "labels", "all": "1", "query": ""})
    assert staff.get(answer.location).count('class="label"') == len(house.racks)
    answer = staff.post(
        "/staff/racks/export", {"format": "labels", "all": "1", "query": f"id={house.racks[0]}"}
    )
    assert answer.status_code == 422


def test_what_gets_no_labels_is_refused(
    staff: Browser, house: StaffHouse, sessions: SessionFactory
) -> None:
    answer = staff.post("/staff/sites/export", {"format": "labels", "id": "1"})
    assert "There are no labels for records of this kind." in said(answer)
    with transaction(sessions, SCOPE) as session:
        rack = session.scalars(select(Rack).limit(1)).one()
        session.add_all(
            Rack(cabinet_id=rack.cabinet_id, code=f"X{n}", position=100 + n, u_count=1)
            for n in range(241)
        )
    answer = staff.post("/staff/racks/export", {"format": "labels", "all": "1", "query": ""})
    assert "At most 240 labels at once." in said(answer)


def test_a_device_that_stands_nowhere_has_a_label_too(
    staff: Browser, house: StaffHouse, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        known = session.get_one(Device, house.devices[0])
        spare = Device(name="spare-1", device_type_id=known.device_type_id, role=known.role)
        spare.state = "in_stock"
        session.add(spare)
        session.flush()
        number = spare.id
    page = staff.get(f"/staff/labels/sheet?kind=device&id={number}")
    assert page.count('class="label"') == 1
    assert "spare-1" in page
    assert "None" not in said(page)
