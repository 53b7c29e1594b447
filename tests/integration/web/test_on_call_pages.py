"""On call and escalation by pages, API and command line: shown, done, refused, at what cost."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.alarms.defaults import ensure_rules
from dcim.alarms.oncall.models import EscalationPolicy, OnCallCalendar
from dcim.alarms.rounds import run_round
from dcim.config import Settings
from dcim.db import ScopedSession
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_alarm_pages import client_of, down, text_of

MakeLogin = Callable[..., Login]


@pytest.fixture
def noc(app: Flask, make_login: MakeLogin) -> FlaskClient:
    return client_of(app, make_login, "noc")


def calendar_form(**change: str) -> dict[str, str]:
    return {
        "name": f"网络值班 {HOSTILE}",
        "people": "noc-0@example.com",
        "first_day": "2026-01-01",
        "handover": "09:00",
        "timezone": "Asia/Shanghai",
        "days": "7",
        "ends_on": "",
        "holidays": "",
    } | change


def enter(noc: FlaskClient, **change: str) -> str:
    """Address of the new calendar's page."""
    answer = noc.post("/noc/on-call/new", data=calendar_form(**change))
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_calendar_is_entered_shown_stood_in_for_and_deleted(
    noc: FlaskClient, session: ScopedSession, make_login: MakeLogin
) -> None:
    assert "No calendar yet" in text_of(noc, "/noc/on-call")
    page = enter(noc, holidays="2026-10-01 noc-0@example.com")
    shown = text_of(noc, f"{page}?month=2026-10")
    assert "<script>alert" not in shown
    assert "for the holiday" in shown
    assert "Nobody is on call" not in shown
    # Before the first day nobody was: red, day by day.
    assert text_of(noc, f"{page}?month=2025-12").count("duty is-gap") == 32
    for month in ("x", "2026-13", "1999-01", "%00", ""):
        assert "duty-month" in text_of(noc, f"{page}?month={month}")
    # Today by its own zone: here and there it is never the same day.
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        days = {dt.datetime.now(ZoneInfo(zone)).date()}
        marked = text_of(noc, enter(noc, name=zone, timezone=zone)).split(" is-today")[1]
        days.add(dt.datetime.now(ZoneInfo(zone)).date())
        assert marked.startswith(tuple(f'"><time datetime="{day}"' for day in days))
    listed = text_of(noc, "/noc/on-call")
    assert "by rotation" in listed
    assert "<script>alert" not in listed
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=30)
    later = soon + dt.timedelta(hours=4)
    make_login("administrator")
    times = {
        "person": "administrator-0@example.com",
        "starts_at": f"{soon:%Y-%m-%dT%H:%M}",
        "ends_at": f"{later:%Y-%m-%dT%H:%M}",
        "reason": HOSTILE,
    }
    backwards = times | {"ends_at": times["starts_at"], "reason": "typed"}
    refused = noc.post(f"{page}/stand-in", data=backwards)
    assert refused.status_code == 422
    assert 'value="typed"' in refused.text
    assert noc.post(f"{page}/stand-in", data=times).status_code == 303
    assert "standing in" in text_of(noc, page) + text_of(noc, f"{page}?month={later:%Y-%m}")
    assert noc.post(f"{page}/stand-ins/1/end").status_code == 303
    assert "Nobody stands in." in text_of(noc, page)
    assert noc.post(f"{page}/delete").status_code == 303
    text_of(noc, page, 404)


def test_what_cannot_be_is_said_and_nothing_is_lost(noc: FlaskClient) -> None:
    cases: list[tuple[dict[str, str], str]] = [
        ({"people": "x@example.com"}, "Nobody of the staff signs in as x@example.com."),
        ({"timezone": "Mars"}, "There is no time zone Mars"),
        ({"holidays": "christmas li"}, "Line 1 of the holidays"),
        ({"holidays": "2026-10-01 a\n\n2026-10-01 b"}, "2026-10-01 stands twice"),
        ({"first_day": "soon"}, ""),
        ({"days": "0"}, ""),
        ({"handover": "25:00"}, ""),
    ]
    for change, said in cases:
        answer = noc.post("/noc/on-call/new", data=calendar_form(name="typed") | change)
        assert answer.status_code == 422, change
        assert said in answer.text
        assert 'value="typed"' in answer.text


def policy_form(**change: str) -> dict[str, str]:
    return {
        "name": "夜间",
        "enabled": "y",
        "severity": "major",
        "site_id": "0",
        "after_1": "0",
        "whom_1": "calendar:1",
        "after_2": "30",
        "whom_2": "calendar:1",
    } | change


def test_a_policy_is_entered_changed_and_holds_its_calendar(
    noc: FlaskClient, session: ScopedSession
) -> None:
    page = enter(noc)
    half = noc.post("/noc/on-call/policies/new", data=policy_form(after_3="40"))
    assert half.status_code == 422
    assert "Step 3" in half.text
    backwards = noc.post("/noc/on-call/policies/new", data=policy_form(after_2="0"))
    assert backwards.status_code == 422
    assert noc.post("/noc/on-call/policies/new", data=policy_form()).status_code == 303
    assert noc.post("/noc/on-call/policies/new", data=policy_form()).status_code == 409
    listed = text_of(noc, "/noc/on-call")
    assert "夜间" in listed
    assert "30 min" in listed
    held = noc.post(f"{page}/delete")
    assert held.status_code == 409
    assert "夜间" in held.text
    edited = policy_form(after_2="45", enabled="")
    del edited["enabled"]
    assert 'value="30"' in text_of(noc, "/noc/on-call/policies/1/edit")
    assert noc.post("/noc/on-call/policies/1/edit", data=edited).status_code == 303
    [row] = session.scalars(select(EscalationPolicy))
    assert (row.enabled, [step.after_min for step in row.steps]) == (False, [0, 45])
    assert noc.post("/noc/on-call/policies/1/delete").status_code == 303
    assert noc.post(f"{page}/delete").status_code == 303


def test_an_alarms_page_tells_the_plan_and_what_was_told(
    noc: FlaskClient, session: ScopedSession, settings: Settings
) -> None:
    enter(noc)
    noc.post("/noc/on-call/policies/new", data=policy_form())
    house = House(session)
    tenant = house.add_tenant("A", ports=1)
    ensure_rules(session)
    down(session, house, tenant)
    mailing = replace(settings, smtp_host="localhost", mail_from="noc@jifang.example")
    run_round(session, mailing, house.now)
    session.commit()
    page = text_of(noc, "/noc/alarms/1")
    assert "Step 1 told noc-0@example.com" in page
    # These pages' settings have no mail server: the next step would reach nobody, which is said.
    assert "Next: step 2 in 30 min" in page
    assert "t set up" in page
    assert "<script>alert" not in page
    noc.post("/noc/alarms/1/acknowledge", data={"note": ""})
    page = text_of(noc, "/noc/alarms/1")
    assert "Next: step" not in page
    assert "Step 1 told noc-0@example.com" in page


def test_pages_cost_the_same_for_any_number(noc: FlaskClient, session: ScopedSession) -> None:
    engine = session.get_bind()
    enter(noc)
    noc.post("/noc/on-call/policies/new", data=policy_form())

    def count() -> int:
        with Counter(engine) as counter:  # type: ignore[arg-type]
            text_of(noc, "/noc/on-call")
        return counter.count

    count()
    few = count()
    for number in range(6):
        enter(noc, name=f"c{number}", people="noc-0@example.com\n" * 3)
        noc.post("/noc/on-call/policies/new", data=policy_form(name=f"p{number}"))
    assert len(session.scalars(select(OnCallCalendar)).all()) == 7
    assert count() == few


def test_who_only_looks_changes_nothing(app: Flask, make_login: MakeLogin) -> None:
    auditor = client_of(app, make_login, "auditor")
    assert "New calendar" not in text_of(auditor, "/noc/on-call")
    for path in ("new", "policies/new"):
        assert auditor.post(f"/noc/on-call/{path}", data={}).status_code == 403


def test_the_command_says_who_is_on_call_now(
    noc: FlaskClient, use_test_database: Callable[[object], None]
) -> None:
    from dcim.commands import on_call as commands

    use_test_database(commands)
    enter(noc, name="a")
    enter(noc, name="b", ends_on="2026-02-01")
    listed = CliRunner().invoke(commands.oncall, ["now"], catch_exceptions=False).output
    assert "noc-0@example.com" in listed
    assert "NOBODY" in listed
    found = json.loads(CliRunner().invoke(commands.oncall, ["now", "--json"]).stdout)
    assert [one["now"]["by"] for one in found] == ["rotation", "gap"]


def test_nobody_signed_in_or_of_a_customer_reads_them(
    app: Flask, make_login: MakeLogin, session: ScopedSession
) -> None:
    tenant = House(session).add_tenant("A")
    session.commit()
    assert app.test_client().get("/noc/on-call").status_code == 303
    login = make_login("customer_viewer", customer_id=tenant.customer_id)
    client = app.test_client()
    assert sign_in(client, login) == 302
    assert client.get("/noc/on-call").status_code == 404
