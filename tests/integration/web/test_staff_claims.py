"""Selling areas, ending, extending, barring, swapping by form: done, or refused in a name."""

import datetime as dt

from sqlalchemy import select

from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Allocation, BarredSpace, Hold, Installation
from dcim.inventory.space.claims import AreaClaim
from tests.integration.web.staff_house import SCOPE, StaffHouse
from tests.integration.web.test_staff_forms import (
    Person,
    administrator,
    house,
    next_month,
    settings,
    staff,
)

__all__ = ["administrator", "house", "settings", "staff"]


def day(ahead: int) -> str:
    return (dt.date.today() + dt.timedelta(days=ahead)).isoformat()  # noqa: DTZ011


def test_a_sale_ends_and_says_what_stands_there(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        sold = session.scalars(select(Allocation).where(Allocation.rack_id == house.racks[0])).one()
    path = f"/staff/allocations/{sold.id}/end"
    past = staff.post(path, ends_on="2020-01-01")
    assert past.status_code == 422
    assert "past" in past.get_data(as_text=True)
    assert staff.post(path, ends_on=next_month()).headers["HX-Redirect"]
    page = staff.client.get(f"/staff/cabinets/{house.cabinets[0]}/claims").get_data(as_text=True)
    assert next_month() in page
    assert "To be taken out by then: server-01" in page


def test_what_is_sold_from_a_later_day_is_free_today(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    def read_page() -> str:
        return staff.client.get(f"/staff/cabinets/{house.cabinets[0]}").get_data(as_text=True)

    assert ">10 of 20 U sold" in read_page()
    with transaction(sessions, SCOPE) as session:
        sold = session.scalars(select(Allocation).where(Allocation.rack_id == house.racks[0])).one()
        sold.starts_on = dt.date.fromisoformat(day(20))
    assert ">0 of 20 U sold" in read_page()


def test_a_hold_ahead_is_extended_with_a_reason(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    made = staff.post(
        f"/staff/cabinets/{house.cabinets[0]}/hold", rack_id=house.racks[0], u=15, units=2,
        prospect="Kite", begins=day(10), until=day(20),
    )  # fmt: skip
    assert made.headers["HX-Redirect"]
    with transaction(sessions, SCOPE) as session:
        held = session.scalars(select(Hold)).one()
        assert held.starts_at > dt.datetime.now(dt.UTC)
    path = f"/staff/holds/{held.id}/extend"
    assert staff.post(path, until=day(30)).status_code == 422
    assert staff.post(path, until=day(5), reason="x").status_code == 422
    assert staff.post(path, until=day(30), reason="lawyers").headers["HX-Redirect"]
    assert "extended 1 times" in staff.client.get(
        f"/staff/cabinets/{house.cabinets[0]}/claims"
    ).get_data(as_text=True)


def test_a_whole_area_is_refused_in_the_name_of_who_has_a_part_and_sold_when_free(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    path = f"/staff/cabinets/{house.cabinets[0]}/sell"
    wanted = {"item": house.items[1], "starts_on": day(0)}
    refused = staff.post(path, area=f"cabinet-{house.cabinets[0]}", **wanted)
    assert refused.status_code == 409
    assert "is allocated to 客户1" in refused.get_data(as_text=True)
    foreign = staff.post(path, area=f"cabinet-{house.cabinets[1]}", **wanted)
    assert foreign.status_code == 422
    with transaction(sessions, SCOPE) as session:
        sold = session.scalars(select(Allocation).where(Allocation.rack_id == house.racks[0])).one()
    staff.post(f"/staff/allocations/{sold.id}/end", ends_on=day(30))
    wanted["starts_on"] = day(30)
    assert staff.post(path, area=f"cabinet-{house.cabinets[0]}", **wanted).headers["HX-Redirect"]
    with transaction(sessions, SCOPE) as session:
        claim = session.scalars(select(AreaClaim)).one()
        assert [one.turn for one in claim.allocations] == ["next"]
    end = staff.post(f"/staff/area-claims/{claim.id}/end", ends_on=day(60))
    assert end.headers["HX-Redirect"].endswith("/claims")


def test_units_are_taken_out_of_use_and_back(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    path = f"/staff/cabinets/{house.cabinets[0]}/bar"
    wanted = {
        "rack_id": house.racks[0], "units": 1, "face": "full", "kind": "blocked", "reason": "pipe",
    }  # fmt: skip
    refused = staff.post(path, u=4, **wanted)
    assert refused.status_code == 409
    assert "is taken by server-01" in refused.get_data(as_text=True)
    assert staff.post(path, u=19, **wanted).headers["HX-Redirect"]
    install = staff.post(
        f"/staff/cabinets/{house.cabinets[0]}/install", device="SN-SPARE",
        rack_id=house.racks[0], u=18,
    )  # fmt: skip
    assert install.status_code == 409
    assert "blocked until staff open it: pipe" in install.get_data(as_text=True)
    with transaction(sessions, SCOPE) as session:
        barred = session.scalars(select(BarredSpace)).one()
    unbar = f"/staff/barred-spaces/{barred.id}/unbar"
    assert staff.post(unbar).headers["HX-Redirect"]
    assert staff.post(unbar).status_code == 404


def test_two_devices_change_places(
    house: StaffHouse, administrator: Person, staff: Person, sessions: SessionFactory
) -> None:
    path = f"/staff/devices/{house.devices[0]}/swap"
    refused = staff.post(path, other="SN2")
    assert refused.status_code == 409
    assert "is allocated to 客户" in refused.get_data(as_text=True)
    assert staff.post(path, other="SN2", override="because").status_code == 403
    assert staff.post(path, other="SN-SPARE").status_code == 409
    done = administrator.post(path, other="SN2", override="agreed by both, T-1")
    assert done.headers["HX-Redirect"]
    with transaction(sessions, SCOPE) as session:
        stands = {one.device_id: one.rack_id for one in session.scalars(select(Installation))}
    assert [stands[one] for one in house.devices] == house.racks[::-1]


def test_the_forms_are_shown(house: StaffHouse, staff: Person) -> None:
    cabinet, device = house.cabinets[0], house.devices[0]
    for path in (
        f"/staff/cabinets/{cabinet}/claims", f"/staff/cabinets/{cabinet}/sell",
        f"/staff/cabinets/{cabinet}/bar", f"/staff/devices/{device}/swap",
        f"/staff/devices/{device}/move", f"/staff/cabinets/{cabinet}/install",
    ):  # fmt: skip
        assert staff.client.get(path).status_code == 200, path
