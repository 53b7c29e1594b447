"""Incidents by their pages: recorded, contested in the portal, proposed and decided by two."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import Engine

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.sla.contests import contest_incident, list_contests
from dcim.sla.incident_links import list_links
from dcim.sla.overrules import list_overrules
from dcim.sla.queries import IncidentFilter, list_incidents
from tests.integration.statements.incident_desk import MINUTE, NOON, IncidentDesk
from tests.integration.statements.town import SYSTEM
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login
from tests.integration.web.test_staff_forms import Person

MakeLogin = Callable[..., Login]


@pytest.fixture
def ids(sessions: SessionFactory, settings: Settings) -> tuple[int, int]:
    """The measured incident and the customer that it hit."""
    with transaction(sessions, SYSTEM) as session:
        desk = IncidentDesk(session, settings)
        return desk.incident.id, desk.contract.customer_id


def test_from_the_contest_to_the_ruling(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, ids: tuple[int, int]
) -> None:
    incident, customer = ids
    own = Person(app, make_login("customer_viewer", customer_id=customer))
    page = own.client.get("/portal/incidents").get_data(as_text=True)
    path = f"/portal/incidents/{incident}/contest"
    assert path in page
    # Whose device it was is not told.
    assert "sw-1" not in page
    assert own.post(path, reason="").status_code == 422
    assert "HX-Redirect" in own.post(path, reason="CONTEST-TEXT").headers
    again = own.post(path, reason="CONTEST-TEXT")
    assert again.status_code == 409
    assert "CONTEST-TEXT" in again.get_data(as_text=True)
    other = Person(app, make_login("customer_viewer", customer_id=customer - 1))
    assert other.client.get(f"/portal/incidents/{incident}").status_code == 404
    assert other.client.get(path).status_code == 404

    noc = Person(app, make_login("noc"))
    queue = noc.client.get("/staff/incidents").get_data(as_text=True)
    assert "CONTEST-TEXT" in queue
    form = f"/staff/incidents/{incident}/overrule"
    assert noc.client.get(form).status_code == 200
    wish = {
        "ruling": "times", "customer_id": "0", "starts_at": "2026-10-05T12:00:00",
        "ends_at": "2026-10-05T11:00:00", "cause_class": "", "cause": "", "cause_en": "",
        "reason": "RULING-TEXT",
    }  # fmt: skip
    for change in ({}, {"starts_at": "0001-01-01T00:00:00"}, {"ends_at": "9999-12-31T23:59:59"}):
        wrong = noc.post(form, **wish | change)
        assert wrong.status_code == 422
        assert "RULING-TEXT" in wrong.get_data(as_text=True)
    assert "HX-Redirect" in noc.post(form, **wish | {"ends_at": "2026-10-05T14:00:00"}).headers
    with transaction(sessions, SYSTEM) as session:
        (row,) = list_overrules(session, SYSTEM).items
        # Shanghai's noon, as the browser wrote it.
        assert (row.starts_at, row.ends_at) == (NOON, NOON + 120 * MINUTE)
    decide = f"/staff/incident-overrules/{row.id}/decide"
    decision = {"state": "accepted", "reason": "DECISION-TEXT"}
    assert noc.post(decide, **decision).status_code == 403
    finance = Person(app, make_login("finance"))
    assert decide in finance.client.get("/staff/incidents").get_data(as_text=True)
    assert "HX-Redirect" in finance.post(decide, **decision).headers
    told = own.client.get(f"/portal/incidents/{incident}").get_data(as_text=True)
    for words in ("RULING-TEXT", "DECISION-TEXT", "CONTEST-TEXT"):
        assert words in told
    # Who proposed and who accepted stands in the statement too; who wrote the answer is ours.
    with transaction(sessions, Scope.customer("c", customer)) as session:
        (seen,) = list_contests(session, Scope.customer("c", customer)).items
        assert (seen.answer, seen.answered_by) == ("DECISION-TEXT", "")
    page = noc.client.get(f"/staff/incidents/{incident}").get_data(as_text=True)
    assert "incident.overrule.accepted" in page
    with transaction(sessions, SYSTEM) as session:
        (contest,) = list_contests(session, SYSTEM).items
        assert (contest.state, contest.answer) == ("upheld", "DECISION-TEXT")


def test_whoever_proposed_is_not_offered_to_decide_and_is_refused(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, ids: tuple[int, int]
) -> None:
    chief = Person(app, make_login("administrator"))
    chief.post(
        f"/staff/incidents/{ids[0]}/overrule", ruling="did_not_happen", customer_id="0",
        cause_class="", reason="误报",
    )  # fmt: skip
    with transaction(sessions, SYSTEM) as session:
        (row,) = list_overrules(session, SYSTEM).items
    decide = f"/staff/incident-overrules/{row.id}/decide"
    page = chief.client.get(f"/staff/incidents/{ids[0]}").get_data(as_text=True)
    assert decide not in page
    assert f"/staff/incident-overrules/{row.id}/withdraw" in page
    assert chief.post(decide, state="accepted", reason="好").status_code == 403
    withdraw = chief.post(f"/staff/incident-overrules/{row.id}/withdraw", reason="看错了")
    assert "HX-Redirect" in withdraw.headers


def test_recording_correcting_and_linking(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, ids: tuple[int, int]
) -> None:
    noc = Person(app, make_login("noc"))
    assert noc.client.get("/staff/incidents/new").status_code == 200
    wish = {
        "subject_kind": "port", "subject": "sw-1 ge3", "kind": "network", "cause": "施工",
        "cause_en": "", "reason": "客户报障", "started_at": "2026-10-07T08:00:00", "ended_at": "",
    }  # fmt: skip
    for change in (
        {"subject": "sw-9 ge9"},
        {"kind": "power"},
        {"subject_kind": "power_node", "kind": "power_feed", "subject": "PDU-9"},
        {"started_at": ""},
        {"started_at": "2026-10-07T08:00:00", "ended_at": "2026-10-07T07:00:00"},
        {"started_at": "2099-10-07T08:00:00"},
        {"started_at": "2020-10-07T08:00:00"},
    ):
        refused = noc.post("/staff/incidents/new", **wish | change)
        assert refused.status_code == 422, change
        assert "客户报障" in refused.get_data(as_text=True)
    assert "HX-Redirect" in noc.post("/staff/incidents/new", **wish).headers
    with transaction(sessions, SYSTEM) as session:
        (made,) = list_incidents(session, SYSTEM, IncidentFilter(manual=True)).items
    edit = f"/staff/incidents/{made.id}/edit"
    assert 'value="2026-10-07T08:00' in noc.client.get(edit).get_data(as_text=True)
    fixed = noc.post(edit, **wish | {"ended_at": "2026-10-07T09:00:00"})
    assert "HX-Redirect" in fixed.headers
    assert noc.post(f"/staff/incidents/{ids[0]}/edit", **wish).status_code == 409
    link = f"/staff/incidents/{made.id}/link"
    blank = {"other_id": "", "maintenance": "", "split_at": "", "reason": "同一故障"}
    assert noc.client.get(link).status_code == 200
    assert noc.post(link, kind="merge", **blank).status_code == 422
    assert noc.post(link, kind="during_maintenance", **blank).status_code == 422
    merged = noc.post(link, kind="merge", **blank | {"other_id": str(ids[0])})
    assert "HX-Redirect" in merged.headers
    with transaction(sessions, SYSTEM) as session:
        (row,) = list_links(session, SYSTEM).items
    undo = f"/staff/incident-links/{row.id}/undo"
    assert undo in noc.client.get(f"/staff/incidents/{made.id}").get_data(as_text=True)
    assert "HX-Redirect" in noc.post(undo, reason="看错了").headers


def test_the_list_costs_the_same_whatever_waits(
    app: Flask,
    make_login: MakeLogin,
    sessions: SessionFactory,
    ids: tuple[int, int],
) -> None:
    noc = Person(app, make_login("noc"))
    with transaction(sessions, SYSTEM) as session:
        engine = session.get_bind()
    assert isinstance(engine, Engine)

    def cost() -> int:
        noc.client.get("/staff/incidents")
        with Counter(engine) as counter:
            assert noc.client.get("/staff/incidents").status_code == 200
        return counter.count

    few = cost()
    with transaction(sessions, SYSTEM) as session:
        for row in list_incidents(session, SYSTEM).items:
            contest_incident(session, SYSTEM, row.id, "错了")
    assert cost() == few
