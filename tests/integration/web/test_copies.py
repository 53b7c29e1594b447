"""A copy takes along what is alike, not what is one thing's alone."""

import re
from collections.abc import Callable

from flask import Flask

from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Cabinet
from tests.integration.web.conftest import Login
from tests.integration.web.staff_house import SCOPE, build_staff_house
from tests.integration.web.test_staff_forms import Person

ALONE = ("grid_x", "grid_y", "asset_tag", "serial", "lock_number", "code", "position")


def test_a_copied_cabinet_takes_no_place_and_no_mark_along(
    app: Flask, make_login: Callable[..., Login], sessions: SessionFactory
) -> None:
    house = build_staff_house(sessions, 1)
    with transaction(sessions, SCOPE) as session:
        cabinet = session.get_one(Cabinet, house.cabinets[0])
        cabinet.grid_x, cabinet.grid_y, cabinet.depth_mm = 3, 4, 1100
        cabinet.asset_tag, cabinet.serial, cabinet.lock_number = "AT-1", "SN-1", "L-1"
    staff = Person(app, make_login("staff"))
    page = staff.client.get(f"/staff/cabinets/new?clone={house.cabinets[0]}").get_data(as_text=True)
    values = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    assert values["depth_mm"] == "1100"
    assert {name: values[name] for name in ALONE} == dict.fromkeys(ALONE, "")
