"""Pages of lives, rentals, type files and passes: what is pressed is done, refusals are told."""

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.inventory.devices.models import EquipmentPass
from dcim.inventory.devices.passes import LineRequest, request_pass
from dcim.inventory.models import Device, DeviceType
from tests.integration.devices.yard import SCOPE, Yard, add_device, build_yard
from tests.integration.web.conftest import Login, sign_in

EXAMPLE = Path(__file__).parents[2] / "unit/inventory/device_types/example-switch.yaml"


def today() -> dt.date:
    """Where the site is. Asked by each test: the day may end while others run."""
    return utc_now().astimezone(ZoneInfo("Asia/Shanghai")).date()


class Browser:
    """A signed-in person that keeps the CSRF token."""

    def __init__(self, app: Flask, login: Login) -> None:
        self.client: FlaskClient = app.test_client()
        sign_in(self.client, login)
        # Each face shows the token to its own people.
        pages = [
            self.client.get(path).get_data(as_text=True)
            for path in ("/staff/devices", "/portal/passes")
        ]
        page = next(one for one in pages if 'csrf-token" content="' in one)
        self.token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.get_data(as_text=True)

    def post(self, path: str, **data: object) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token, **data})


@pytest.fixture
def house(sessions: SessionFactory) -> Yard:
    with transaction(sessions, SCOPE) as session:
        return build_yard(session)


@pytest.fixture
def staff(app: Flask, make_login: Callable[..., Login], house: Yard) -> Browser:
    return Browser(app, make_login("staff"))


@pytest.fixture
def reed(app: Flask, make_login: Callable[..., Login], house: Yard) -> Browser:
    return Browser(app, make_login("customer_viewer", customer_id=house.customers["Reed"].id))


def enter(sessions: SessionFactory, house: Yard, name: str, *rest: str) -> int:
    with transaction(sessions, SCOPE) as session:
        return add_device(session, house, name, *rest).id


def look(sessions: SessionFactory, device_id: int) -> Device:
    with transaction(sessions, SCOPE) as session:
        return session.get_one(Device, device_id)


def test_a_step_is_taken_by_its_form(staff: Browser, sessions: SessionFactory, house: Yard) -> None:
    device_id = enter(sessions, house, "d1")
    page = staff.get(f"/staff/devices/{device_id}")
    assert f"/staff/devices/{device_id}/state?to=in_repair" in page
    path = f"/staff/devices/{device_id}/state?to=in_repair"
    assert "Who repairs it" in staff.get(path)
    assert staff.post(path, source="in_stock", fault="fan").status_code == 422
    assert look(sessions, device_id).state == "in_stock"
    answer = staff.post(path, source="in_stock", fault="fan", workshop="<b>Zhou</b>")
    assert answer.status_code == 303
    assert look(sessions, device_id).state == "in_repair"
    page = staff.get(f"/staff/devices/{device_id}")
    assert "&lt;b&gt;Zhou" in page
    # The form of before is told that things have moved on.
    assert staff.post(path, source="in_stock", fault="x", workshop="y").status_code == 409
    assert staff.client.get(f"/staff/devices/{device_id}/state?to=planned").status_code == 404


def test_a_machine_is_let_and_taken_back(
    staff: Browser, reed: Browser, sessions: SessionFactory, house: Yard
) -> None:
    device_id = enter(sessions, house, "r1")
    item = house.items["Reed-server"].id
    path = f"/staff/devices/{device_id}/rental"
    assert "Reed-server" in staff.get(path)
    answer = staff.post(path, item_id=item, starts_on=today().isoformat())
    assert answer.status_code == 303
    assert look(sessions, device_id).rental_item_id == item
    assert "let under Reed-server" in staff.get(f"/staff/devices/{device_id}")
    assert reed.client.get(path).status_code == 404
    assert staff.post(f"{path}/end").status_code == 422
    assert staff.post(f"{path}/end", wiped="shred").status_code == 303
    assert look(sessions, device_id).customer_id is None


def test_types_from_files(staff: Browser, sessions: SessionFactory) -> None:
    def send(button: str) -> str:
        files = [
            (io.BytesIO(EXAMPLE.read_bytes()), "folder/example-switch.yaml"),
            (io.BytesIO(b"u_height: 1\n"), "bad.yaml"),
            (io.BytesIO(b"PK\x03\x04"), "all.zip"),
        ]
        answer = staff.post("/staff/type-files", files=files, category="switch", **{button: "1"})
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    count = select(func.count()).select_from(DeviceType).where(DeviceType.slug == "pinecone-2288")
    page = send("try")
    assert "Nothing is written yet." in page
    for told in ("unpack archives first", "manufacturer: This is missing.", "Pinecone 2288",
                 "description is not kept"):  # fmt: skip
        assert told in page
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(count) == 0
    assert "What was written" in send("write")
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(count) == 1
    assert staff.post("/staff/type-files").status_code == 422
    assert staff.post("/staff/type-files/catalogue").status_code == 303
    with transaction(sessions, SCOPE) as session:
        assert (session.scalar(select(func.count()).where(DeviceType.curated)) or 0) >= 40


def test_a_pass_from_portal_to_gate(
    staff: Browser, reed: Browser, sessions: SessionFactory, house: Yard, app: Flask,
    make_login: Callable[..., Login],
) -> None:  # fmt: skip
    device_id = enter(sessions, house, "d1", "Reed")
    with transaction(sessions, SCOPE) as session:
        from dcim.inventory.space.allocating import allocate_space

        allocate_space(
            session, SCOPE, house.items["Reed-cabinet"], house.rack.id, u_low=0, height=4,
            starts_on=today(),
        )  # fmt: skip
    form = {
        "direction": "out", "site_id": house.site.id, "planned_on": today().isoformat(),
        "bearer": "Zhao Lei", "bearer_document_hint": "402X", "lines-0-kind": "device",
        "lines-0-device": "nobody's", "lines-1-kind": "media", "lines-1-description": "disk",
        "lines-1-quantity": "6", "lines-2-kind": "device",
    }  # fmt: skip
    assert "New pass" in reed.get("/portal/passes/new")
    refused = reed.post("/portal/passes/new", **form)
    assert refused.status_code == 422
    assert "Line 1: There is no such device" in refused.get_data(as_text=True)
    made = reed.post("/portal/passes/new", **{**form, "lines-0-device": "d1"})
    assert made.status_code == 303, made.get_data(as_text=True)
    with transaction(sessions, SCOPE) as session:
        one = session.scalars(select(EquipmentPass)).one()
        lines = [line.id for line in one.lines]
    assert one.number in reed.get("/portal/passes")
    assert "Zhao Lei" in reed.get(f"/portal/passes/{one.id}")
    moss = Browser(app, make_login("customer_viewer", customer_id=house.customers["Moss"].id))
    assert moss.client.get(f"/portal/passes/{one.id}").status_code == 404
    assert one.number not in moss.get("/portal/passes")

    path = f"/staff/passes/{one.id}"
    assert one.number in staff.get("/staff/passes")
    assert staff.post(f"{path}/decision", deed="refuse").status_code == 422
    assert staff.post(f"{path}/decision", deed="approve").status_code == 303
    assert staff.post(f"{path}/gate", **{f"count_{lines[0]}": "1"}).status_code == 422
    sheet = staff.get(f"{path}/print")
    assert "<svg" in sheet
    assert "style=" not in sheet.split("pass-sheet", 1)[1].split("</main>", 1)[0]
    counts = {f"count_{lines[0]}": "1", f"count_{lines[1]}": "6"}
    assert staff.post(f"{path}/gate", **counts).status_code == 303
    assert look(sessions, device_id).state == "returned"
    assert "Through the gate" in reed.get(f"/portal/passes/{one.id}")


def test_a_pass_is_withdrawn(reed: Browser, sessions: SessionFactory, house: Yard) -> None:
    with transaction(sessions, SCOPE) as session:
        one = request_pass(
            session, house.scope("Reed"), direction="in", site_id=house.site.id, bearer="x",
            planned_on=today(), lines=[LineRequest("media", "disk")],
        )  # fmt: skip
    for _again in range(2):
        assert reed.post(f"/portal/passes/{one.id}/cancel").status_code == 303
    assert "Cancelled" in reed.get(f"/portal/passes/{one.id}")


def test_the_list_of_passes_costs_the_same_for_many(
    staff: Browser, sessions: SessionFactory, house: Yard
) -> None:
    def count(more: int) -> int:
        with transaction(sessions, SCOPE) as session:
            for _number in range(more):
                request_pass(
                    session, SCOPE, direction="in", site_id=house.site.id, bearer="x",
                    planned_on=today(), lines=[LineRequest("media", "disk")],
                )  # fmt: skip
        seen = 0

        def note(*_rest: object) -> None:
            nonlocal seen
            seen += 1

        engine = sessions.kw["bind"]
        event.listen(engine, "before_cursor_execute", note)
        try:
            staff.get("/staff/passes")
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return seen

    assert count(1) == count(30)
