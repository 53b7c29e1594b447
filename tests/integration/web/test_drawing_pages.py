"""Overlays, dragging, rows, floor plans, paper and labels: what they show, refuse and ask for."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Cabinet, Device, Installation, Room, Row
from dcim.inventory.space.holding import hold_space
from dcim.inventory.space.placement import install_device
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.staff_house import HOSTILE, SCOPE, StaffHouse, build_staff_house
from tests.integration.web.test_staff_pages import _grow, counted

MakeLogin = Callable[..., Login]


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    return build_staff_house(sessions, 3)


@pytest.fixture
def as_role(app: Flask, make_login: MakeLogin) -> Callable[..., FlaskClient]:
    def client(role: str, **rest: object) -> FlaskClient:
        one = app.test_client()
        assert sign_in(one, make_login(role, **rest)) == 302
        return one

    return client


def token_of(client: FlaskClient) -> str:
    page = client.get("/staff/").get_data(as_text=True)
    return page.split('csrf-token" content="', 1)[1].split('"', 1)[0]


def drop(client: FlaskClient, house: StaffHouse, at: int, *, device: int = 0, **more: Any) -> Any:
    """Ask for a device's place as the drawing does."""
    form = {"cabinet_id": house.cabinets[0], "at": at, "face": "full", "side": "full", **more}
    return client.post(
        f"/staff/devices/{device or house.devices[0]}/place/try",
        data=form,
        headers={"X-CSRFToken": token_of(client), "Accept": "application/json"},
    )


def test_each_overlay_says_in_words_what_its_shade_means(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("staff")
    for layer, words in (
        ("role", "Servers"),
        ("power", "800 W"),
        ("state", "Normal"),
        ("age", "under 1 year"),
    ):
        page = client.get(f"/staff/cabinets/{house.cabinets[0]}?layer={layer}")
        assert words in page.get_data(as_text=True), layer
    # The control: none of these words stands there without its overlay.
    plain = client.get(f"/staff/cabinets/{house.cabinets[0]}").get_data(as_text=True)
    assert "800 W" not in plain
    assert "under 1 year" not in plain


def test_a_drop_is_judged_by_the_real_move_and_leaves_nothing(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("staff")
    with transaction(sessions, SCOPE) as session:
        hold_space(
            session, SCOPE, house.racks[0], prospect="Kite", u_low=28, height=4,
            expires_at=utc_now() + dt.timedelta(days=3), held_by="Lin",
        )  # fmt: skip
        deeds = len(session.scalars(select(AuditEntry)).all())
    fits = drop(client, house, 10).get_json()
    assert fits["fits"] is True
    assert "A-01 U6–7" in fits["question"]
    refused = drop(client, house, 28).get_json()
    assert refused["fits"] is False
    assert "held for Kite by Lin" in refused["reason"]
    outside = drop(client, house, 38).get_json()
    assert outside["fits"] is False
    with transaction(sessions, SCOPE) as session:
        standing = session.scalars(
            select(Installation).where(Installation.device_id == house.devices[0])
        ).one()
        assert standing.u_low == 4
        # Signing in is audited too; of the tries there is nothing.
        made = [e.action for e in session.scalars(select(AuditEntry).offset(deeds))]
    assert not [action for action in made if action.startswith("device.")]


def test_a_confirmed_drop_moves_and_two_of_a_size_change_places(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    with transaction(sessions, SCOPE) as session:
        spare = session.get_one(Device, house.spare_id)
        install_device(session, SCOPE, spare, house.racks[0], u_low=12)
    client = as_role("staff")
    answer = drop(client, house, 12).get_json()
    assert answer["fits"] is True
    assert answer["swaps"] == house.spare
    form = {
        "cabinet_id": house.cabinets[0], "at": 12, "face": "full", "side": "full",
        "csrf_token": token_of(client),
    }  # fmt: skip
    url = f"/staff/devices/{house.devices[0]}/place"

    def places() -> list[int | None]:
        with transaction(sessions, SCOPE) as session:
            return [
                session.scalars(
                    select(Installation.u_low).where(Installation.device_id == device)
                ).one()
                for device in (house.devices[0], house.spare_id)
            ]

    # The dialog asked about a plain move: what stands there now is not what it asked about.
    assert client.post(url, data=form).status_code == 303
    assert places() == [4, 12]
    assert client.post(url, data={**form, "swaps": house.spare}).status_code == 303
    assert places() == [12, 4]
    assert client.post(url, data={**form, "at": 8, "swaps": ""}).status_code == 303
    assert places() == [8, 4]


def test_nobody_but_who_may_place_can_ask_or_move(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    assert drop(as_role("noc"), house, 10).status_code == 403
    client = as_role("staff")
    assert drop(client, house, 10, device=10**9).status_code == 404
    assert drop(client, house, 10, cabinet_id=10**9).status_code == 404
    for wrong in ({"at": "x"}, {"at": -1}, {"face": "top"}, {"side": "both"}, {"at": 10**30}):
        at = wrong.pop("at", 10)
        assert drop(client, house, at, **wrong).status_code == 422  # type: ignore[arg-type]


def row_of(sessions: SessionFactory) -> int:
    with transaction(sessions, SCOPE) as session:
        return session.scalars(select(Row.id)).one()


def test_pages_ask_equally_often_for_few_and_many_cabinets(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    row_id = row_of(sessions)
    client = as_role("staff")
    # The row's page is compared once its first six are there.
    _grow(sessions, 4)
    layers = ("measured", "allocated", "space", "weight", "temperature", "customer", "holds")
    paths = [
        f"/staff/rows/{row_id}?layer=power",
        f"/staff/print/cabinets?row={row_id}&per=4",
        f"/staff/labels?room={house.room_id}",
        "/staff/walks",
        *(f"/staff/rooms/{house.room_id}?layer={layer}" for layer in layers),
    ]

    def ask() -> dict[str, int]:
        counts = {}
        for path in paths:
            with counted(sessions) as seen:
                answer = client.get(path)
            assert answer.status_code == 200, path
            assert HOSTILE not in answer.get_data(as_text=True), path
            assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.get_data(as_text=True)), path
            counts[path] = len(seen)
        return counts

    ask()
    few = ask()
    with transaction(sessions, SCOPE) as session:
        session.scalars(select(Cabinet)).all()
    from tests.integration.web import staff_house

    with transaction(sessions, SCOPE) as session:
        from dcim.inventory.models import DeviceType, Site

        site, row = session.scalars(select(Site)).one(), session.scalars(select(Row)).one()
        kinds = {kind.model: kind for kind in session.scalars(select(DeviceType))}
        for number in range(20, 32):
            staff_house._build_cabinet(
                session, StaffHouse(), site, row, kinds["2U box"], kinds["PDU"], number
            )
    assert ask() == few


def test_a_row_draws_six_and_fetches_the_others(
    sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    house = build_staff_house(sessions, 8)
    client = as_role("noc")
    page = client.get(f"/staff/rows/{row_of(sessions)}?face=rear&layer=age").get_data(as_text=True)
    assert page.count('class="elev elev-face') == 6
    coming = re.findall(r'hx-get="(/staff/cabinets/\d+/face[^"]+)"', page)
    assert len(coming) == 2
    part = client.get(coming[0].replace("&amp;", "&"))
    assert part.status_code == 200
    assert "server-07" in part.get_data(as_text=True)
    assert client.get(f"/staff/cabinets/{10**9}/face").status_code == 404
    assert client.get("/staff/rows/999").status_code == 404
    assert len(house.cabinets) == 8


def test_a_room_is_arranged_and_a_cabinet_moved_on_it(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("staff")
    url = f"/staff/rooms/{house.room_id}"
    assert "Without a place" in client.get(url).get_data(as_text=True)
    token = token_of(client)
    assert client.post(f"{url}/arrange", data={"csrf_token": token}).status_code == 303
    page = client.get(url).get_data(as_text=True)
    assert page.count('class="f-cabinet') == 3
    assert "Without a place" not in page
    assert "Cold aisle" in page

    def place(cabinet: int, x: object, y: object, facing: str = "S") -> str:
        client.post(
            f"/staff/cabinets/{cabinet}/floor",
            data={"csrf_token": token, "x": x, "y": y, "facing": facing},
        )
        return client.get(f"{url}?arrange=1").get_data(as_text=True)

    with transaction(sessions, SCOPE) as session:
        other = session.get_one(Cabinet, house.cabinets[1])
        taken = (other.grid_x, other.grid_y)
    assert "A-02 stands on these tiles" in place(house.cabinets[0], *taken)
    assert "sticks out of the room" in place(house.cabinets[0], 400, 3)
    assert "as a whole number" in place(house.cabinets[0], "x", 3)
    assert "stands on tile 9, 9" in place(house.cabinets[0], 9, 9, "E")
    with transaction(sessions, SCOPE) as session:
        moved = session.get_one(Cabinet, house.cabinets[0])
        assert (moved.grid_x, moved.grid_y, moved.facing) == (9, 9, "E")
        deeds = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject == f"cabinet/{moved.id}")
        ).all()
        assert deeds == ["cabinet.place"]
    # A plan that somebody made stays.
    client.post(f"{url}/arrange", data={"csrf_token": token})
    assert "one by one" in client.get(url).get_data(as_text=True)
    assert "off the floor plan" in place(house.cabinets[0], "", "")


def test_unknown_is_hatched_and_named_on_the_floor(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("administrator")
    url = f"/staff/rooms/{house.room_id}"
    client.post(f"{url}/arrange", data={"csrf_token": token_of(client)})
    warm = client.get(f"{url}?layer=temperature").get_data(as_text=True)
    assert warm.count("f-cabinet s-unknown is-unknown") == 3
    assert "no sensor" in warm
    # 10 A at 230 V of 12.8 A derated: 78 %, to be watched, and first in the list beside it.
    power = client.get(url).get_data(as_text=True)
    assert power.count("s-warning is-warning") == 3
    assert "f-cabinet s-unknown" not in power
    assert "2.30 / 2.94 kW" in power


def test_paper_comes_as_a_page_and_as_a_pdf(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("noc")
    query = "&".join(f"cabinet={one}" for one in house.cabinets)
    for per, sheets in ((1, 3), (4, 1)):
        page = client.get(f"/staff/print/cabinets?{query}&per={per}").get_data(as_text=True)
        assert page.count('<section class="sheet') == sheets
    pdf = client.get(f"/staff/print/cabinets?{query}&per=4&format=pdf")
    assert pdf.mimetype == "application/pdf"
    assert pdf.data.startswith(b"%PDF-")
    assert client.get("/staff/print/cabinets").status_code == 422
    assert client.get("/staff/print/cabinets?cabinet=999").status_code == 404
    many = "&".join(f"cabinet={one}" for one in range(1, 40))
    assert client.get(f"/staff/print/cabinets?{many}").status_code == 422


def test_labels_lead_each_to_the_own_face(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("staff")
    sheet = client.get(f"/staff/labels/sheet?kind=device&id={house.devices[0]}&skip=2")
    page = sheet.get_data(as_text=True)
    assert page.count('class="label"') == 3
    assert page.count("<svg") == 1
    pdf = client.get(
        f"/staff/labels/sheet?kind=cabinet&id={house.cabinets[0]}&size=small&format=pdf"
    )
    assert pdf.data.startswith(b"%PDF-")
    assert client.get("/staff/labels/sheet?kind=rack").status_code == 422
    assert client.get("/staff/labels/sheet?kind=rack&id=999").status_code == 404
    cabinet, rack, device = house.cabinets[0], house.racks[0], house.devices[0]
    for link, target in (
        (f"/o/cabinet/{cabinet}", f"/staff/cabinets/{cabinet}"),
        (f"/o/rack/{rack}", f"/staff/cabinets/{cabinet}"),
        (f"/o/device/{device}", f"/staff/devices/{device}"),
    ):
        assert client.get(link).location == target
    own = as_role("customer_viewer", customer_id=house.customers[0])
    for link in (f"/o/cabinet/{cabinet}", f"/o/rack/{rack}", f"/o/device/{device}"):
        assert own.get(link).location == f"/portal/cabinets#rack-{rack}"
    foreign = as_role("customer_viewer", customer_id=house.customers[1])
    for link in (f"/o/cabinet/{cabinet}", f"/o/rack/{rack}", f"/o/device/{device}"):
        assert foreign.get(link).status_code == 404
    assert as_role("finance").get(f"/o/cabinet/{cabinet}").status_code == 403


def test_a_cabinet_is_placed_by_a_form_that_needs_no_script(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("staff")
    url = f"/staff/rooms/{house.room_id}"
    form = client.get(url).text.split('id="floor-place"', 1)[0].rsplit("<form", 1)[1]
    assert f'action="{url}/floor"' in form
    wanted = {"csrf_token": token_of(client), "cabinet": house.cabinets[1], "facing": "W"}
    # What is refused stands in its fields again, with the reason.
    answer = client.post(f"{url}/floor", data=wanted | {"x": 400, "y": 3})
    page = client.get(answer.location).text
    assert "sticks out of the room" in page
    assert 'name="x" value="400"' in page
    assert 'name="y" value="3"' in page
    assert f'<option value="{house.cabinets[1]}" selected>' in page
    assert '<option value="W" selected>' in page
    client.post(f"{url}/floor", data=wanted | {"x": 9, "y": 9})
    with transaction(sessions, SCOPE) as session:
        placed = session.get_one(Cabinet, house.cabinets[1])
        assert (placed.grid_x, placed.grid_y, placed.facing) == (9, 9, "W")
        elsewhere = Room(
            site_id=session.get_one(Room, house.room_id).site_id, code="R9", name="x", name_en="x"
        )
        session.add(elsewhere)
        session.flush()
        other = elsewhere.id
    for room_id, cabinet in ((other, house.cabinets[1]), (house.room_id, "x"), (9, 9)):
        answer = client.post(f"/staff/rooms/{room_id}/floor", data=wanted | {"cabinet": cabinet})
        assert answer.status_code == 404


def test_a_room_that_is_not_there(as_role: Callable[..., FlaskClient]) -> None:
    client = as_role("staff")
    token = token_of(client)
    assert client.post("/staff/rooms/9/arrange", data={"csrf_token": token}).status_code == 404
    assert client.post("/staff/cabinets/9/floor", data={"csrf_token": token}).status_code == 404
    assert Room.__tablename__ == "room"
