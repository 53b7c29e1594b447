"""A calendar by a secret address: one's own events alone, stable, renewed, revoked, not logged."""

import datetime as dt
import hashlib
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.calendar_feeds import renew_feed, revoke_feed
from dcim.accounts.models import AuditEntry, CalendarFeed, User
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.errors import NotFoundError
from dcim.observability import hide_secrets
from dcim.operations.maintenance import (
    approve_maintenance,
    cancel_maintenance,
    change_maintenance,
)
from dcim.operations.models import Maintenance
from dcim.sla.announcing import announce
from dcim.sla.models import Incident, IncidentImpact
from dcim.supervisor import web
from tests.integration.operations.test_maintenance import CHIEF, DAY, HOUR, PLANNER, Desk
from tests.integration.statements.town import SYSTEM
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login
from tests.integration.web.test_staff_forms import Person
from tests.unit.sla.ical_reading import Read, read_ical

MakeLogin = Callable[..., Login]
ADDRESS = re.compile(
    r'<pre id="calendar-address">http[^<]*(/portal/calendar/(jfcal_[\w-]{43})\.ics)'
)
NOW = utc_now().replace(microsecond=0)
HOSTILE = "割接\r\nEND:VCALENDAR;,\\ "


@pytest.fixture
def customer(sessions: SessionFactory) -> int:
    """With a window told to it, an approved one, and two incidents; its neighbour has one too."""
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session)
        for number in range(2):
            work = desk.plan(
                title=HOSTILE + str(number), now=NOW, starts_at=NOW + 9 * DAY,
                ends_at=NOW + 9 * DAY + HOUR,
            )  # fmt: skip
            approve_maintenance(session, CHIEF, work.id, NOW)
        announce(session, PLANNER, work.id, "portal", now=NOW)
        for customer_id, ended, what in (
            (desk.customer_id, NOW - 2 * HOUR, "SECRET-OPERATOR"),
            (desk.customer_id, None, "SECRET-OPERATOR"),
            (desk.customer_id - 1, None, "CANARY-neighbour"),
        ):
            incident = Incident(
                key=f"network:{customer_id}:{ended}", kind="network", started_at=NOW - 3 * HOUR,
                ended_at=ended, what=what, what_en=what, place=what,
            )  # fmt: skip
            session.add(incident)
            session.flush()
            session.add(
                IncidentImpact(incident_id=incident.id, customer_id=customer_id, severity="down")
            )
        return desk.customer_id


def subscribe(person: Person) -> str:
    """The path of a new address."""
    answer = person.post("/portal/calendar/renew")
    assert answer.status_code == 200
    found = ADDRESS.search(answer.get_data(as_text=True))
    assert found
    return found.group(1)


def fetch(app: Flask, path: str) -> Read:
    answer = app.test_client().get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return read_ical(answer.data)


@pytest.fixture
def own(app: Flask, make_login: MakeLogin, customer: int) -> Person:
    return Person(app, make_login("customer_viewer", customer_id=customer, language="zh"))


def test_own_events_alone_in_ones_language(
    app: Flask, make_login: MakeLogin, own: Person, customer: int
) -> None:
    path = subscribe(own)
    content = app.test_client().get(path).data.decode()
    read = fetch(app, path)
    kinds = [event["CATEGORIES"] for event in read.events]
    assert kinds == ["维护", "维护", "事件", "事件"]
    told = read.events[0]
    assert told["SUMMARY"].startswith("割接\nEND:VCALENDAR;,\\")
    assert told["STATUS"] == "CONFIRMED"
    assert told["DTSTART"] == f"{NOW + 9 * DAY:%Y%m%dT%H%M%SZ}"
    assert told["DTEND"] == f"{NOW + 9 * DAY + HOUR:%Y%m%dT%H%M%SZ}"
    assert re.fullmatch(r"http.*/portal/maintenance/\d+", told["URL"])
    over, still = sorted(read.events[2:], key=lambda event: "DTEND" not in event)
    assert over["DTEND"] == f"{NOW - 2 * HOUR:%Y%m%dT%H%M%SZ}"
    assert "DTEND" not in still
    assert still["SUMMARY"] == "端口中断（仍在持续）"
    for secret in ("SECRET", "CANARY", "planner@", "chief@"):
        assert secret not in content
    # The controls: the neighbour's is in the neighbour's, and English is English.
    neighbour = Person(app, make_login("customer_viewer", customer_id=customer - 1, language="en"))
    theirs = fetch(app, subscribe(neighbour))
    assert [event["SUMMARY"] for event in theirs.events] == ["Port down (still open)"]
    assert {event["UID"] for event in theirs.events}.isdisjoint(
        event["UID"] for event in read.events
    )


def test_changed_and_cancelled_windows_are_told_as_the_same_event(
    app: Flask, own: Person, sessions: SessionFactory
) -> None:
    path = subscribe(own)

    def first() -> dict[str, str]:
        (event,) = [one for one in fetch(app, path).events if one["SUMMARY"].startswith("割接")
                    and "1" in one["SUMMARY"][:25]]  # fmt: skip
        return event

    before = first()
    with transaction(sessions, SYSTEM) as session:
        work = session.scalars(select(Maintenance).where(Maintenance.title.contains("1"))).one()
        number = work.id
        change_maintenance(
            session, PLANNER, number,
            {"starts_at": NOW + 12 * DAY, "ends_at": NOW + 12 * DAY + HOUR}, NOW,
        )  # fmt: skip
    moved = first()
    assert moved["UID"] == before["UID"]
    assert int(moved["SEQUENCE"]) == int(before["SEQUENCE"]) + 1
    assert moved["DTSTART"] > before["DTSTART"]
    assert moved["DTSTAMP"] >= before["DTSTAMP"]
    # It waits for its approval again.
    assert moved["STATUS"] == "TENTATIVE"
    with transaction(sessions, SYSTEM) as session:
        cancel_maintenance(session, PLANNER, number, "施工单位改期", NOW)
    cancelled = first()
    assert cancelled["UID"] == before["UID"]
    assert int(cancelled["SEQUENCE"]) == int(moved["SEQUENCE"]) + 1
    assert cancelled["STATUS"] == "CANCELLED"
    assert "施工单位改期" in cancelled["DESCRIPTION"]


def test_the_same_is_not_sent_again(app: Flask, own: Person, sessions: SessionFactory) -> None:
    path, client = subscribe(own), app.test_client()
    answer = client.get(path)
    tag = answer.headers["ETag"]
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Set-Cookie" not in answer.headers
    again = client.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert not again.data
    with transaction(sessions, SYSTEM) as session:
        running = select(Incident).where(Incident.ended_at.is_(None)).order_by(Incident.id)
        session.scalars(running.limit(1)).one().ended_at = NOW
    changed = client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_a_renewed_or_revoked_address_opens_nothing(app: Flask, own: Person) -> None:
    client = app.test_client()
    first = subscribe(own)
    second = subscribe(own)
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200
    page = own.client.get("/portal/calendar").get_data(as_text=True)
    assert "jfcal_" in page
    assert second.rsplit("/", 1)[1].removesuffix(".ics") not in page
    assert own.post("/portal/calendar/revoke").status_code in {200, 204, 303}
    assert client.get(second).status_code == 404
    assert own.post("/portal/calendar/revoke").status_code in {200, 204, 303}
    third = subscribe(own)
    # Opened instead of sent, it renews nothing.
    assert own.client.get("/portal/calendar/renew").status_code == 303
    assert client.get(third).status_code == 200


def test_the_secret_opens_this_and_nothing_else(
    app: Flask, own: Person, sessions: SessionFactory
) -> None:
    secret = subscribe(own).rsplit("/", 1)[1].removesuffix(".ics")
    bearer = {"Authorization": f"Bearer {secret}"}
    assert app.test_client().get("/api/v1/me", headers=bearer).status_code == 401
    made = own.client.post(
        "/api/v1/me/tokens", json={"name": "x"}, headers={"X-CSRFToken": own.token}
    )
    assert made.status_code == 201
    token = made.get_json()["token"]
    client: FlaskClient = app.test_client()
    for wrong in (token, secret[:-1] + "!", secret + "A", "jfcal_" + "A" * 43, "none"):
        assert client.get(f"/portal/calendar/{wrong}.ics").status_code == 404
    with transaction(sessions, SYSTEM) as session:
        kept = session.scalars(select(CalendarFeed)).one()
        assert kept.digest == hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in repr(vars(kept))
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "calendar.renew")
        ).all()
        assert entries
        assert all(secret not in repr(entry.detail) for entry in entries)


@pytest.mark.parametrize("what", ["disabled", "without a role", "of no customer"])
def test_whoever_has_no_portal_any_more_has_no_feed(
    app: Flask, own: Person, sessions: SessionFactory, what: str
) -> None:
    path = subscribe(own)
    assert app.test_client().get(path).status_code == 200
    with transaction(sessions, SYSTEM) as session:
        person = session.scalars(select(User).where(User.customer_id.is_not(None))).one()
        if what == "disabled":
            person.active = False
        elif what == "without a role":
            person.roles = []
        else:
            person.customer_id = None
    assert app.test_client().get(path).status_code == 404


def test_staff_have_no_feed(make_login: MakeLogin, sessions: SessionFactory, customer: int) -> None:
    login = make_login("administrator")
    theirs = make_login("customer_viewer", customer_id=customer)
    with transaction(sessions, SYSTEM) as session:
        with pytest.raises(NotFoundError):
            renew_feed(session, SYSTEM, session.get_one(User, login.user_id))
        # Nor does one customer make one for another's person, or end it.
        other = Scope.customer("x@example.com", customer - 1)
        for deed in (renew_feed, revoke_feed):
            with pytest.raises(NotFoundError):
                deed(session, other, session.get_one(User, theirs.user_id))


def test_no_log_holds_the_secret(app: Flask, own: Person) -> None:
    path = subscribe(own)
    secret = path.rsplit("/", 1)[1].removesuffix(".ics")
    event = hide_secrets(None, "info", {"event": f"Error handling request {path}", "n": 1})
    assert secret not in event["event"]
    assert event["event"].startswith("Error handling request /portal/calendar/jfcal_[hidden]")
    # Requests are not logged by their address at all.
    assert not [word for word in web("127.0.0.1", 1).argv if "access" in word]


def test_statements_do_not_grow(app: Flask, own: Person, sessions: SessionFactory) -> None:
    path, client = subscribe(own), app.test_client()
    client.get(path)
    engine = app.extensions["jifang_sessions"].session_factory.kw["bind"]
    with Counter(engine) as few:
        client.get(path)
    with transaction(sessions, SYSTEM) as session:
        own_id = session.scalars(select(User.customer_id).where(User.customer_id > 0)).one()
        for number in range(20):
            incident = Incident(
                key=f"more:{number}", kind="power", started_at=NOW - dt.timedelta(days=number),
                what="x", what_en="x",
            )  # fmt: skip
            session.add(incident)
            session.flush()
            session.add(
                IncidentImpact(incident_id=incident.id, customer_id=own_id, severity="down")
            )
    with Counter(engine) as many:
        assert len(read_ical(client.get(path).data).events) == 24
    assert few.count > 5
    assert many.count == few.count
