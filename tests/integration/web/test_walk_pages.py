"""The audit walk: kept at each tap, certified by name when complete; nothing else moves by it."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Device, Installation
from dcim.inventory.space.placement import install_device, move_device
from dcim.inventory.walks.models import CabinetWalk, WalkFinding
from dcim.inventory.walks.walking import (
    drop_finding,
    find_last_walks,
    finish_walk,
    note_extra,
    note_line,
    read_walk,
    start_walk,
)
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.staff_house import SCOPE, StaffHouse, build_staff_house

LIN = Scope.staff("lin@example.com")


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    built = build_staff_house(sessions, 2)
    with transaction(sessions, SCOPE) as session:
        spare = session.get_one(Device, built.spare_id)
        install_device(session, SCOPE, spare, built.racks[0], u_low=12)
    return built


@pytest.fixture
def staff(app: Flask, make_login: Callable[..., Login]) -> FlaskClient:
    client = app.test_client()
    assert sign_in(client, make_login("staff")) == 302
    return client


def test_a_walk_goes_on_where_it_stopped_and_is_certified_when_complete(
    house: StaffHouse, sessions: SessionFactory
) -> None:
    first, second = house.devices[0], house.spare_id
    with transaction(sessions, LIN) as session:
        walk = start_walk(session, LIN, house.cabinets[0])
        note_line(session, LIN, walk.id, first, verdict="as_recorded")
        with pytest.raises(ConflictError, match="1 places"):
            finish_walk(session, LIN, walk.id)
    other = Scope.staff("wang@example.com")
    with transaction(sessions, other) as session:
        again = start_walk(session, other, house.cabinets[0])
        assert again.id == walk.id
        assert read_walk(session, other, again).checklist.checked == 1
        note_line(session, other, walk.id, second, verdict="other", found="SN-9", note="blue")
        note_extra(session, other, walk.id, house.racks[0], u_low=30, height=2, found="modem")
        done = finish_walk(session, other, walk.id, note="all doors shut")
        assert len(done.checklist.differing) == 2
        last = find_last_walks(session, other, [house.cabinets[0]])[house.cabinets[0]]
        assert (last.finished_by, last.differences, last.open_id) == ("wang@example.com", 2, None)
        with pytest.raises(ConflictError, match="certified this cabinet already"):
            note_line(session, other, walk.id, first, verdict="absent")
    with transaction(sessions, LIN) as session:
        # The next walk starts from nothing, the inventory is as it was.
        assert start_walk(session, LIN, house.cabinets[0]).id != walk.id
        assert session.scalar(select(func.count()).select_from(Installation)) == 3
        deeds = session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.action.startswith("walk."))
            .order_by(AuditEntry.id)
        ).all()
    assert deeds == ["walk.start", *["walk.note"] * 3, "walk.certify", "walk.start"]


def test_what_a_note_needs_and_where_it_may_be(house: StaffHouse, sessions: SessionFactory) -> None:
    with transaction(sessions, LIN) as session:
        walk = start_walk(session, LIN, house.cabinets[0])
        with pytest.raises(InvalidError, match="Choose what you found"):
            note_line(session, LIN, walk.id, house.devices[0], verdict="extra")
        with pytest.raises(InvalidError, match="stands there instead"):
            note_line(session, LIN, walk.id, house.devices[0], verdict="other")
        with pytest.raises(NotFoundError, match="no longer recorded"):
            note_line(session, LIN, walk.id, house.devices[1], verdict="absent")
        with pytest.raises(InvalidError, match="mark its line"):
            note_extra(session, LIN, walk.id, house.racks[0], u_low=5, height=1, found="x")
        with pytest.raises(InvalidError, match="does not fit"):
            note_extra(session, LIN, walk.id, house.racks[0], u_low=39, height=4, found="x")
        with pytest.raises(NotFoundError, match="no such rack"):
            note_extra(session, LIN, walk.id, house.racks[1], u_low=30, height=1, found="x")
        with pytest.raises(InvalidError, match="too long"):
            note_line(session, LIN, walk.id, house.devices[0], verdict="absent", note="x" * 5000)
        with pytest.raises(NotFoundError):
            start_walk(session, LIN, 10**9)
        customer = Scope.customer("c", house.customers[0])
        with pytest.raises(ForbiddenError):
            note_line(session, customer, walk.id, house.devices[0], verdict="absent")


def test_a_second_look_replaces_the_first_and_can_be_taken_back(
    house: StaffHouse, sessions: SessionFactory
) -> None:
    with transaction(sessions, LIN) as session:
        walk = start_walk(session, LIN, house.cabinets[0])
        note_line(session, LIN, walk.id, house.devices[0], verdict="absent", note="gone?")
        noted = note_line(session, LIN, walk.id, house.devices[0], verdict="as_recorded")
        assert session.scalar(select(func.count()).select_from(WalkFinding)) == 1
        assert (noted.verdict, noted.note) == ("as_recorded", "")
        drop_finding(session, LIN, walk.id, noted.id)
        assert read_walk(session, LIN, walk).checklist.checked == 0
        with pytest.raises(NotFoundError):
            drop_finding(session, LIN, walk.id, noted.id)


def test_a_device_moved_during_the_walk_is_looked_at_again(
    house: StaffHouse, sessions: SessionFactory
) -> None:
    with transaction(sessions, LIN) as session:
        walk = start_walk(session, LIN, house.cabinets[0])
        for device in (house.devices[0], house.spare_id):
            note_line(session, LIN, walk.id, device, verdict="as_recorded")
        assert read_walk(session, LIN, walk).checklist.open == 0
        spare = session.get_one(Device, house.spare_id)
        move_device(session, LIN, spare, house.racks[0], u_low=16)
        assert read_walk(session, LIN, walk).checklist.open == 1


def test_taps_on_a_phone_answer_with_the_line_and_the_count(
    house: StaffHouse, staff: FlaskClient, sessions: SessionFactory
) -> None:
    url = f"/staff/cabinets/{house.cabinets[0]}/audit"
    page = staff.get(url).get_data(as_text=True)
    assert "Never audited" in page
    token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
    form = {"csrf_token": token}
    assert staff.post(url, data=form).status_code == 303
    page = staff.get(url).get_data(as_text=True)
    # From the top down: what stands higher comes first.
    assert page.index(f"line-{house.spare_id}") < page.index(f"line-{house.devices[0]}")
    with transaction(sessions, SCOPE) as session:
        walk_id = session.scalars(select(CabinetWalk.id)).one()
    tap = f"/staff/walks/{walk_id}/devices/{house.devices[0]}"
    htmx = {"HX-Request": "true"}
    part = staff.post(tap, data={**form, "verdict": "as_recorded"}, headers=htmx)
    text = part.get_data(as_text=True)
    assert part.status_code == 200
    assert 'id="walk-progress"' in text
    assert '<strong class="walk-count">1</strong>' in text
    assert "<html" not in text
    wrong = staff.post(tap, data={**form, "verdict": "other"}, headers=htmx)
    assert wrong.status_code == 422
    assert "stands there instead" in wrong.get_data(as_text=True)
    # Without scripts the same form leads back to the list.
    plain = staff.post(tap, data={**form, "verdict": "absent"})
    assert plain.location.endswith(f"#line-{house.devices[0]}")
    certify = f"/staff/walks/{walk_id}/certify"
    assert staff.post(certify, data=form).location.endswith("/audit")
    spare = f"/staff/walks/{walk_id}/devices/{house.spare_id}"
    staff.post(spare, data={**form, "verdict": "as_recorded"})
    extra = {**form, "rack_id": house.racks[0], "u": "18", "units": "1", "found": "modem"}
    staff.post(f"/staff/walks/{walk_id}/extras", data=extra)
    for odd in ({"u": "x"}, {"units": ""}, {"u": "1e9"}, {"rack_id": "x"}, {"face": "top"}):
        answer = staff.post(f"/staff/walks/{walk_id}/extras", data={**extra, **odd})
        assert answer.status_code == 303, odd
    summary = staff.get(f"/staff/walks/{walk_id}").get_data(as_text=True)
    assert f"/staff/devices/{house.devices[0]}" in summary
    assert "modem" in summary
    assert "rack=" in summary
    assert staff.post(certify, data=form).location.endswith(f"/staff/walks/{walk_id}")
    cabinet = staff.get(f"/staff/cabinets/{house.cabinets[0]}").get_data(as_text=True)
    assert "2 differences" in cabinet
    assert "staff-0@example.com" in cabinet
    listed = staff.get("/staff/walks").get_data(as_text=True)
    # The cabinet that nobody has looked at comes first.
    assert listed.index("A-02") < listed.index("A-01")


def test_only_who_may_change_space_walks(
    house: StaffHouse, app: Flask, make_login: Callable[..., Login], sessions: SessionFactory
) -> None:
    with transaction(sessions, LIN) as session:
        walk = start_walk(session, LIN, house.cabinets[0], now=utc_now() - dt.timedelta(days=1))
    client = app.test_client()
    sign_in(client, make_login("noc"))
    assert client.get(f"/staff/walks/{walk.id}").status_code == 200
    assert client.get("/staff/walks").status_code == 200
    assert client.get(f"/staff/cabinets/{house.cabinets[0]}/audit").status_code == 403
    page = client.get("/staff/walks").get_data(as_text=True)
    token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
    tap = f"/staff/walks/{walk.id}/devices/{house.devices[0]}"
    assert client.post(tap, data={"csrf_token": token}).status_code == 403
