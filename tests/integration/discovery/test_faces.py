"""Discovery by the API, on the page, by the command line, and by the clock and its worker."""

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from dcim import jobs
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import ScopedSession, transaction
from dcim.due import defer_checks, make_chimes
from dcim.errors import InvalidError, NotFoundError
from dcim.inventory.models import Device
from dcim.snmp.agents.models import DiscoveryFinding, SnmpAgent
from dcim.snmp.discovery.checking import EVERY, FEWEST_DUE, check_agents, find_due
from tests.integration.api.conftest import MakeClient, api
from tests.integration.discovery.house import SYSTEM, House
from tests.integration.web.conftest import Login, app, make_login, sign_in

__all__ = ["api", "app", "make_login"]

FINDINGS = "/api/v1/discovery/findings"


def test_rest(api: MakeClient, house: House) -> None:
    house.check("leaf", "spine", "pdu")
    staff = api("staff")
    page = staff.get(FINDINGS, query_string={"subject": "port", "size": 2}).get_json()
    assert page["total"] == 4
    first = page["items"][0]
    assert (first["device_name"], first["kind"], first["decision"]) == ("leaf", "new", "")
    assert first["details"]["speed_bps"] == 10**9
    ids = [one["id"] for one in staff.get(f"{FINDINGS}?subject=port").get_json()["items"]]
    assert staff.post("/api/v1/discovery/acceptances", json={"ids": ids}).get_json() == {
        "decided": 4
    }
    again = staff.post("/api/v1/discovery/acceptances", json={"ids": ids})
    assert again.status_code == 409
    assert "decided on one of these already" in again.get_json()["detail"]
    assert ("leaf", "Te1") in house.port_ids()
    rest = house.ids("identity")
    assert staff.post("/api/v1/discovery/dismissals", json={"ids": rest}).status_code == 200
    listed = staff.get(f"{FINDINGS}?decision=dismissed").get_json()
    assert listed["total"] == len(rest)
    assert listed["items"][0]["decided_by"]
    wrong: list[dict[str, object]] = [
        {"ids": []}, {"ids": ["x"]}, {}, {"ids": ids, "media": "string"},
    ]  # fmt: skip
    for body in wrong:
        assert staff.post("/api/v1/discovery/acceptances", json=body).status_code == 422
    absent = staff.post("/api/v1/discovery/dismissals", json={"ids": [999_999]})
    assert absent.status_code == 404


def test_a_check_that_is_asked_for_is_queued_once(api: MakeClient, house: House) -> None:
    staff = api("staff")
    url = f"/api/v1/discovery/agents/{house.agents['leaf']}/checks"
    for deferred in (True, False):
        answer = staff.post(url)
        assert (answer.status_code, answer.get_json()) == (202, {"deferred": deferred})
    assert staff.post("/api/v1/discovery/agents/999999/checks").status_code == 404
    with transaction(house.sessions, SYSTEM) as session:
        rows = session.execute(text("SELECT queue_name, task_name FROM procrastinate_jobs")).all()
    assert [tuple(row) for row in rows] == [("care", "check_agents")]


def test_a_worker_checks(house: House, settings: Settings) -> None:
    """The job as the queue carries it out; nobody answers at these addresses."""
    settings = replace(settings, snmp_allowed=(ip_network("127.0.0.0/8"),))
    with transaction(house.sessions, SYSTEM) as session:
        assert jobs.defer_check(session, house.agents["leaf"])
        assert settings.database_url
    place = jobs.Workplace(settings, house.sessions)
    asyncio.run(jobs.work(str(settings.database_url), place, [jobs.CARE], wait=False))
    with transaction(house.sessions, SYSTEM) as session:
        agent = session.get_one(SnmpAgent, house.agents["leaf"])
        assert agent.last_check_at is not None
        assert agent.last_check_error
        assert session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one() == 0


def test_the_clock_spreads_the_daily_checks(house: House, settings: Settings) -> None:
    assert "discovery" in {chime.name for chime in make_chimes(settings, "postgresql://x/y")}
    now = utc_now()
    with transaction(house.sessions, SYSTEM) as session:
        agent = session.scalars(select(SnmpAgent).limit(1)).one()
        kind_id = session.scalars(select(Device.device_type_id).limit(1)).one()
        for number in range(97):
            device = Device(name=f"d{number}", role="switch", device_type_id=kind_id)
            session.add(device)
            session.flush()
            session.add(
                SnmpAgent(
                    device_id=device.id, credential_id=agent.credential_id,
                    address=f"127.1.0.{number}",
                )
            )  # fmt: skip
    turns: list[list[int]] = []
    with transaction(house.sessions, SYSTEM) as session:
        while due := find_due(session, now + dt.timedelta(minutes=15 * len(turns))):
            assert len(due) <= FEWEST_DUE
            turns.append(due)
            _note(session, due, now + dt.timedelta(minutes=15 * len(turns)))
            assert len(turns) < 50
    seen = [one for turn in turns for one in turn]
    assert len(seen) == len(set(seen)) == 100
    with transaction(house.sessions, SYSTEM) as session:
        # A day later they come in the order they came in.
        assert set(find_due(session, now + EVERY + dt.timedelta(minutes=16))) == set(turns[0])
        first = defer_checks(session, now + EVERY + dt.timedelta(minutes=16))
        assert set(first) == set(turns[0])
        assert defer_checks(session, now + EVERY + dt.timedelta(minutes=16)) == []


def _note(session: ScopedSession, ids: list[int], at: dt.datetime) -> None:
    session.execute(update(SnmpAgent).where(SnmpAgent.id.in_(ids)).values(last_check_at=at))


def test_the_page(app: Flask, make_login: Callable[..., Login], house: House) -> None:
    house.leaf.aliases["Te1"] = "<b>x</b>\u202e"
    house.check("leaf", "spine")
    browser = app.test_client()
    sign_in(browser, make_login("staff"))
    page = browser.get("/staff/discovery").get_data(as_text=True)
    assert "differences between devices and inventory" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page
    token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
    ids = [str(one) for one in house.ids("port")]
    data = {"id": ids, "deed": "accept", "csrf_token": token, "query": "subject=port"}
    answer = browser.post("/staff/discovery", data=data)
    assert answer.headers["Location"] == "/staff/discovery?subject=port"
    assert "4 findings are accepted" in browser.get("/staff/discovery").get_data(as_text=True)
    assert ("spine", "Te8") in house.port_ids()
    # Once more: refused in words, and nothing lost.
    browser.post("/staff/discovery", data=data)
    assert "decided on one of these already" in browser.get("/staff/discovery").get_data(
        as_text=True
    )
    house.check("leaf", "spine")
    page = browser.get("/staff/discovery?subject=link").get_data(as_text=True)
    assert "leaf Te1 – spine Te9" in page
    assert "Both ends say so" in page
    assert page.count('name="id"') == 1
    answer = browser.post(f"/staff/agents/{house.agents['leaf']}/check", data={"csrf_token": token})
    assert answer.status_code == 303
    assert browser.get("/staff/discovery?device=x&subject=y&decision=z").status_code == 200
    watcher = app.test_client()
    sign_in(watcher, make_login("noc"))
    assert 'name="id"' not in watcher.get("/staff/discovery").get_data(as_text=True)
    # Who may only look decides on nothing.
    assert watcher.post("/staff/discovery", data=data).status_code in {400, 403}
    for path in ("/staff/discovery?decision=accepted", "/staff/agents"):
        assert watcher.get(path).status_code == 200


def test_which_agent_the_command_means(house: House) -> None:
    from dcim.commands.discover import find_agent

    with transaction(house.sessions, SYSTEM) as session:
        assert find_agent(session, None, "leaf") == house.agents["leaf"]
        assert find_agent(session, "127.0.0.1:20001", None) == house.agents["spine"]
        for address, name in ((None, None), ("127.0.0.1", "leaf"), ("nowhere", None)):
            with pytest.raises(InvalidError):
                find_agent(session, address, name)
        for address, name in (("127.0.0.9", None), (None, "absent")):
            with pytest.raises(NotFoundError):
                find_agent(session, address, name)


def test_checks_run_side_by_side_and_each_is_told(house: House) -> None:
    reports = asyncio.run(
        check_agents(house.settings, house.sessions, [*house.agents.values(), 999_999])
    )
    assert [one.agent_id for one in reports] == [*house.agents.values(), 999_999]
    assert all(one.problem for one in reports)
    with transaction(house.sessions, SYSTEM) as session:
        assert session.scalars(select(DiscoveryFinding)).all() == []
