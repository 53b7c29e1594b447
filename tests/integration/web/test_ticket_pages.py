"""Tickets by their pages: opened in the portal, answered and corrected by the NOC, queued."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from flask import Flask

from dcim.db import SessionFactory, transaction
from dcim.operations.models import Ticket
from dcim.operations.ticket_queries import find_ticket
from tests.integration.statements.town import SYSTEM
from tests.integration.tickets.desk import CLERK, Desk
from tests.integration.web.conftest import Login
from tests.integration.web.test_capacity_page import count_statements
from tests.integration.web.test_staff_forms import Person

MakeLogin = Callable[..., Login]


@pytest.fixture
def desk(sessions: SessionFactory) -> Desk:
    with transaction(sessions, SYSTEM) as session:
        return Desk(session)


def newest(sessions: SessionFactory) -> Ticket:
    with transaction(sessions, SYSTEM) as session:
        return session.query(Ticket).order_by(Ticket.id.desc()).first()  # type: ignore[return-value]


def test_a_ticket_from_the_portal_to_the_noc_and_back(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, desk: Desk
) -> None:
    own = Person(app, make_login("customer_viewer", customer_id=desk.customer))
    noc = Person(app, make_login("noc"))
    form = own.client.get("/portal/tickets/new").get_data(as_text=True)
    rack = f"rack_ids:{desk.racks['A-01']}"
    assert rack in form
    assert f"rack_ids:{desk.racks['A-02']}" not in form
    wish = {"kind": "fault", "title": "TITLE-WORDS", "text": "FIRST\nSECOND", "subjects": rack}
    assert own.post("/portal/tickets/new", **(wish | {"title": " "})).status_code == 422
    foreign = own.post(
        "/portal/tickets/new", **(wish | {"subjects": f"rack_ids:{desk.racks['A-02']}"})
    )  # fmt: skip
    assert foreign.status_code == 422
    # What was typed is still there.
    assert "TITLE-WORDS" in foreign.get_data(as_text=True)
    visit = own.post("/portal/tickets/new", **(wish | {"kind": "visit", "urgent": "y"}))
    assert visit.status_code == 422
    made = own.post("/portal/tickets/new", **wish, urgent="y")
    ticket = newest(sessions)
    own_path, staff_path = f"/portal/tickets/{ticket.id}", f"/staff/tickets/{ticket.id}"
    assert made.headers["HX-Redirect"] == own_path
    assert "TITLE-WORDS" in own.client.get("/portal/tickets").get_data(as_text=True)

    assert "TITLE-WORDS" in noc.client.get("/staff/tickets").get_data(as_text=True)
    page = noc.client.get(staff_path).get_data(as_text=True)
    assert "FIRST\nSECOND" in page
    assert f"{staff_path}/steps/answer" in page
    steps = f"{staff_path}/steps"
    assert noc.client.get(f"{steps}/answer").status_code == 200
    assert noc.post(f"{steps}/answer", at="2001-01-01T00:00", text="").status_code == 422
    assert noc.post(f"{steps}/answer", at="0001-01-01T00:00", text="").status_code == 422
    assert "HX-Redirect" in noc.post(f"{steps}/answer", at="", text="ANSWER-WORDS").headers
    assert noc.post(f"{steps}/answer", at="", text="").status_code == 409
    assert noc.post(f"{staff_path}/comments", text="").status_code == 422
    noc.post(f"{staff_path}/comments", text="AMONG-US", internal="y")
    noc.post(f"{steps}/wait", at="", text="PLEASE-AGREE")
    seen = own.client.get(own_path).get_data(as_text=True)
    assert "ANSWER-WORDS" in seen
    assert "PLEASE-AGREE" in seen
    assert "AMONG-US" not in seen
    assert "noc-0@example.com" not in seen
    # Each side reads who is awaited as it sees it.
    assert "Waiting for you" in seen
    assert "Waiting for the customer" not in seen
    assert "Waiting for the customer" in noc.client.get(staff_path).get_data(as_text=True)
    own.post(own_path, text="AGREED")
    with transaction(sessions, SYSTEM) as session:
        view = find_ticket(session, CLERK, ticket.id)
    assert [one.kind for one in view.events] == [
        "open", "answer", "comment", "wait", "comment", "resume",
    ]  # fmt: skip
    assert "HX-Redirect" in own.post(f"{own_path}/close").headers
    assert "TITLE-WORDS" not in noc.client.get("/staff/tickets").get_data(as_text=True)
    assert "TITLE-WORDS" in noc.client.get("/staff/tickets?state=all&q=title-w").get_data(
        as_text=True
    )
    # Why is asked, and said when it is missing.
    own.post(f"{own_path}/reopen", text="")
    assert "the customer reads it" in own.client.get(own_path).get_data(as_text=True)
    own.post(f"{own_path}/reopen", text="AGAIN-DOWN")
    assert "AGAIN-DOWN" in noc.client.get(staff_path).get_data(as_text=True)


def test_a_call_is_entered_and_its_time_corrected(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, desk: Desk
) -> None:
    clerk = Person(app, make_login("staff"))
    assert 'name="customer"' in clerk.client.get("/staff/tickets/new").get_data(as_text=True)
    assert clerk.client.get("/staff/tickets/new?customer=NOBODY").status_code == 422
    path = "/staff/tickets/new?customer=C1"
    assert clerk.client.get(path).status_code == 200
    call = {"kind": "fault", "title": "x", "text": "", "channel": "phone"}
    assert clerk.post(path, **call, opened_at="2099-01-01T00:00").status_code == 422
    assert "HX-Redirect" in clerk.post(path, **call, opened_at="2026-10-09T09:00").headers
    ticket = newest(sessions)
    # The wall clock of the house, eight hours before Greenwich.
    assert ticket.opened_at == dt.datetime(2026, 10, 9, 1, tzinfo=dt.UTC)
    correct = f"/staff/tickets/{ticket.id}/correct"
    assert clerk.client.get(correct).status_code == 200
    given = {"time": "opened_at", "at": "2026-10-09T09:05"}
    assert clerk.post(correct, **given, reason="").status_code == 422
    assert clerk.post(correct, **(given | {"time": "closed_at"}), reason="x").status_code == 422
    assert "HX-Redirect" in clerk.post(correct, **given, reason="RECORDING").headers
    assert newest(sessions).opened_at == dt.datetime(2026, 10, 9, 1, 5, tzinfo=dt.UTC)
    page = clerk.client.get(f"/staff/tickets/{ticket.id}").get_data(as_text=True)
    assert "RECORDING" in page
    assert page.index("2026-10-09 09:00") < page.rindex("2026-10-09 09:05")


def test_who_only_sees_changes_nothing(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, desk: Desk
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk.session = session
        ticket_id = desk.open(100).id
    auditor = Person(app, make_login("auditor"))
    page = auditor.client.get(f"/staff/tickets/{ticket_id}").get_data(as_text=True)
    assert "/steps/" not in page
    assert "comment-form" not in page
    assert auditor.client.get("/staff/tickets/new").status_code == 403
    assert auditor.post(f"/staff/tickets/{ticket_id}/comments", text="x").status_code == 403
    assert auditor.post(f"/staff/tickets/{ticket_id}/steps/answer", at="").status_code == 403
    other = Person(app, make_login("customer_administrator", customer_id=desk.other))
    assert other.client.get(f"/portal/tickets/{ticket_id}").status_code == 404
    assert other.post(f"/portal/tickets/{ticket_id}", text="x").status_code == 404
    assert other.post(f"/portal/tickets/{ticket_id}/close").status_code == 404


def test_lists_cost_the_same_however_long(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, desk: Desk
) -> None:
    own = Person(app, make_login("customer_viewer", customer_id=desk.customer))
    noc = Person(app, make_login("noc"))

    def grow(minutes: range) -> None:
        with transaction(sessions, SYSTEM) as session:
            desk.session = session
            for minute in minutes:
                desk.open(minute, urgent=True, rack_ids=[desk.racks["A-01"]])

    def costs() -> list[int]:
        return [
            count_statements(noc.client, sessions, "/staff/tickets"),
            count_statements(noc.client, sessions, "/staff/tickets?state=all"),
            count_statements(own.client, sessions, "/portal/tickets"),
        ]

    grow(range(100, 102))
    costs()
    few = costs()
    grow(range(200, 220))
    assert costs() == few
    rows = re.findall(r"<tr><th scope", own.client.get("/portal/tickets").get_data(as_text=True))
    assert len(rows) > 20
