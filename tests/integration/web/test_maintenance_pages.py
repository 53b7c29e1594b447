"""Planned work by its pages: planned, approved by another, told in the portal, read, approved."""

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Room, Site
from dcim.operations.models import MaintenanceNotice
from dcim.power.models import PowerNode
from tests.integration.operations.test_maintenance import Desk
from tests.integration.power.test_outages import counting
from tests.integration.statements.town import SYSTEM
from tests.integration.web.conftest import Login
from tests.integration.web.test_staff_forms import Person

MakeLogin = Callable[..., Login]
ZONE = ZoneInfo("Asia/Shanghai")
DAY = dt.timedelta(days=1)


@pytest.fixture
def customer(sessions: SessionFactory) -> int:
    with transaction(sessions, SYSTEM) as session:
        return Desk(session).customer_id


def local(ahead: dt.timedelta) -> str:
    return (utc_now() + ahead).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")


def plan(**given: object) -> dict[str, object]:
    wanted: dict[str, object] = {
        "title": "交换机升级", "title_en": "Switch upgrade", "kind": "maintenance", "risk": "low",
        "starts_at": local(10 * DAY), "ends_at": local(10 * DAY + dt.timedelta(hours=2)),
        "targets": "sw-1 ge3\n", "reason": "修复漏洞", "reason_en": "A fix",
        "work_plan": "SECRET-PLAN", "evidence": "",
    }  # fmt: skip
    return wanted | given


def test_from_the_plan_to_the_customers_approval(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, customer: int
) -> None:
    staff = Person(app, make_login("staff"))
    chief = Person(app, make_login("administrator"))
    own = Person(app, make_login("customer_administrator", customer_id=customer))
    other = Person(app, make_login("customer_administrator", customer_id=customer - 1))
    viewer = Person(app, make_login("customer_viewer", customer_id=customer))

    made = staff.post("/staff/maintenance/new", **plan())
    page = made.headers["HX-Redirect"]
    number = int(page.rsplit("/", 1)[1])
    portal = f"/portal/maintenance/{number}"
    shown = staff.client.get(page).get_data(as_text=True)
    for words in ("Waits for approval", "Customer 3", "Port down", "sw-1 ge3", "SECRET-PLAN",
                  "¥300.00", "To be told"):  # fmt: skip
        assert words in shown
    assert own.client.get(portal).status_code == 404
    # Not by who planned it, not before its approval.
    assert staff.post(f"{page}/approve").status_code == 409
    assert staff.post(f"{page}/announce", channel="portal", customers=customer).status_code == 409
    assert chief.post(f"{page}/approve").headers["HX-Redirect"] == page
    assert "Nobody was told yet" in staff.client.get(page).get_data(as_text=True)
    assert staff.post(f"{page}/announce", channel="portal").status_code == 422
    told = staff.post(f"{page}/announce", channel="portal", customers=customer)
    assert told.headers["HX-Redirect"] == page
    again = staff.post(f"{page}/announce", channel="portal", customers=customer)
    assert again.status_code == 409
    assert "told of these times this way already" in again.get_data(as_text=True)
    # What was typed stays: sent again it must not tell in the portal what was told by phone.
    typed = {"channel": "phone", "customers": customer, "sent_at": "0001-01-01T00:00"}
    slip = staff.post(f"{page}/announce", **typed)
    assert slip.status_code == 422
    kept = slip.get_data(as_text=True)
    assert '<option value="phone" selected>' in kept
    assert 'value="0001-01-01T00:00"' in kept
    assert f'value="{customer}" checked' in kept
    shown = staff.client.get(page).get_data(as_text=True)
    assert "Told in time" in shown
    assert "not yet" in shown

    assert other.client.get(portal).status_code == 404
    seen = own.client.get(portal).get_data(as_text=True)
    assert "MW-" in seen
    assert "修复漏洞" in seen
    assert "SECRET-PLAN" not in seen
    assert "administrator-0@example.com" not in seen
    assert "staff-0@example.com" not in seen
    with transaction(sessions, SYSTEM) as session:
        assert session.query(MaintenanceNotice).one().read_at is not None
    decision = f"{portal}/decision"
    times = {
        name: seen.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]
        for name in ("starts_at", "ends_at")
    }
    # Of times that it didn't see the customer doesn't decide.
    other_end = {**times, "ends_at": "2026-01-01T00:00:00+00:00"}
    stale = own.post(decision, decision="approved", **other_end)
    assert stale.status_code == 409
    assert "have changed: look again" in stale.get_data(as_text=True)
    for odd in ("", "soon", "2026-01-01T00:00:00"):
        wrong = own.post(decision, decision="approved", starts_at=odd, ends_at=odd)
        assert wrong.status_code == 422
    assert viewer.post(decision, decision="approved", **times).status_code == 404
    assert other.post(decision, decision="approved", **times).status_code == 404
    refused = own.post(decision, decision="objected", reason="", **times)
    assert refused.status_code == 422
    assert "Say why you object" in refused.get_data(as_text=True)
    own.post(decision, decision="objected", reason="SALE-DAY", **times)
    assert "SALE-DAY" in staff.client.get(page).get_data(as_text=True)
    own.post(decision, decision="approved", reason="", **times)
    assert "You have not decided" not in own.client.get(portal).get_data(as_text=True)
    listed = own.client.get("/portal/maintenance").get_data(as_text=True)
    assert "Switch upgrade" in listed
    assert "Switch upgrade" not in other.client.get("/portal/maintenance").get_data(as_text=True)
    assert page in staff.client.get("/noc/events").get_data(as_text=True)
    assert portal in own.client.get("/portal/").get_data(as_text=True)


def test_what_is_typed_wrong_is_told_and_kept(
    app: Flask, make_login: MakeLogin, customer: int
) -> None:
    staff = Person(app, make_login("noc"))
    for given, words in (
        ({"targets": "sw-9"}, "sw-9 is no power node, port, device or room."),
        ({"targets": "a " * 5000}, "a a a"),
        ({"ends_at": local(DAY)}, "It must end after it starts."),
        ({"starts_at": local(-DAY)}, "It can&#39;t start in the past"),
        ({"title_en": ""}, "This is needed."),
        ({"kind": "emergency", "starts_at": "0001-01-01T00:00"}, "between 2000 and 2100"),
        ({"ends_at": "9999-12-31T23:59"}, "between 2000 and 2100"),
    ):
        answer = staff.post("/staff/maintenance/new", **plan(**given))
        assert answer.status_code == 422
        page = answer.get_data(as_text=True)
        assert words in page
        assert 'value="交换机升级"' in page
    assert customer


def test_moving_it_asks_for_approval_and_notices_anew(
    app: Flask, make_login: MakeLogin, customer: int
) -> None:
    staff = Person(app, make_login("staff"))
    noc = Person(app, make_login("noc"))
    page = staff.post("/staff/maintenance/new", **plan()).headers["HX-Redirect"]
    noc.post(f"{page}/approve")
    staff.post(f"{page}/announce", channel="portal", customers=customer)
    form = staff.client.get(f"{page}/edit").get_data(as_text=True)
    assert "must be approved anew" in form
    assert "sw-1 ge3" in form
    # Saved as it stands nothing is moved.
    staff.post(f"{page}/edit", **plan())
    assert "Announced" in staff.client.get(page).get_data(as_text=True)
    later = {"ends_at": local(10 * DAY + dt.timedelta(hours=3))}
    staff.post(f"{page}/edit", **plan(**later))
    shown = staff.client.get(page).get_data(as_text=True)
    assert "Waits for approval" in shown
    assert "other times than now" in shown
    cancelled = staff.post(f"{page}/cancel", reason="")
    assert cancelled.status_code == 422
    staff.post(f"{page}/cancel", reason="NO-PARTS")
    assert "NO-PARTS" in staff.client.get("/staff/maintenance?view=past").get_data(as_text=True)


def test_a_device_a_port_and_a_node_can_be_asked_for(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session)
        device, port = desk.port.device_id, desk.port.id
        site = Site(code="S9", name="站", name_en="")
        session.add(site)
        session.flush()
        node = PowerNode(site_id=site.id, code="UPS-9", kind="ups", feed="A", rated_a=400)
        room = Room(site_id=site.id, code="R-9", name="房", name_en="")
        session.add_all((node, room))
        session.flush()
        asked = f"port={port}&device={device}&power_node={node.id}&room={room.id}"
    staff = Person(app, make_login("staff"))
    form = staff.client.get(f"/staff/maintenance/new?{asked}").get_data(as_text=True)
    assert "UPS-9\nR-9\nsw-1\nsw-1 ge3" in form


def test_boards_show_what_is_next_of_many(app: Flask, make_login: MakeLogin, customer: int) -> None:
    staff = Person(app, make_login("staff"))
    for days in (20, 18, 16, 14, 12, 10, 8):
        window = {"starts_at": local(days * DAY), "ends_at": local(days * DAY + DAY / 24)}
        staff.post("/staff/maintenance/new", **plan(title_en=f"DAY-{days}", **window))
    wall = staff.client.get("/noc/wall").get_data(as_text=True)
    shown = [days for days in (8, 10, 12, 14, 16, 18, 20) if f"DAY-{days}<" in wall]
    assert shown == [8, 10, 12, 14, 16]
    assert wall.count("Waits for approval") == 5
    coming = staff.client.get("/staff/maintenance").get_data(as_text=True)
    assert coming.index("DAY-8") < coming.index("DAY-10") < coming.index("DAY-20")


def test_lists_and_pages_take_the_same_number_of_statements(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session)
    staff = Person(app, make_login("staff"))
    own = Person(app, make_login("customer_viewer", customer_id=desk.customer_id))
    counts = []
    for more in (1, 4):
        with transaction(sessions, SYSTEM) as session:
            desk.session = session
            for _ in range(more):
                desk.told()
        found = []
        for person, path in ((staff, "/staff/maintenance"), (own, "/portal/maintenance")):
            person.client.get(path)
            with sessions() as session, counting(session) as seen:
                assert person.client.get(path).get_data(as_text=True).count("MW-") >= more
            found.append(len(seen))
        counts.append(found)
    assert counts[0] == counts[1]
    assert min(counts[0]) > 3
