"""How polling a device goes: by query, page, API and command; and trying its agent for real."""

import asyncio
import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from dcim.accounts.models import AuditEntry
from dcim.app import create_app
from dcim.columns import utc_now
from dcim.commands.discover import UncheckedError
from dcim.commands.polling import choose_agent, show_health, try_agent
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions, transaction
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.due import make_chimes
from dcim.errors import ConflictError, ForbiddenError, NotFoundError, TooManyError
from dcim.inventory.models import Device
from dcim.metering.frame_store import make_layouts, write_frames
from dcim.metering.frames import Frame, Place
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.sla.meters import Meters
from dcim.snmp.agents.drop_counts import add_drops, day_of
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.queries import find_agent, list_agents
from dcim.snmp.counting.counter_arrays import REASONS
from dcim.snmp.counting.counters import GapReason
from dcim.snmp.health import connection
from dcim.snmp.health.connection import check_connection
from dcim.snmp.health.report import (
    AgentHealth,
    common_gaps,
    explain_gap,
    find_health,
    judge_agent,
)
from dcim.snmp.wire import faults
from dcim.statements.gap_reasons import tell_reasons
from tests.integration.api.conftest import MakeClient, api
from tests.integration.discovery.house import PERSON, SYSTEM, House
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login, make_login, sign_in
from tests.integration.web.lending import lend_app

__all__ = ["api", "make_login"]

MINUTE = 60_000
MakeLogin = Callable[..., Login]


@pytest.fixture
def app(house: House) -> Flask:
    return lend_app(create_app, house.settings, house.sessions)


def code(reason: GapReason) -> int:
    return 1 + REASONS.index(reason)


def device_of(session: ScopedSession, house: House, name: str = "leaf") -> SnmpAgent:
    return session.get_one(SnmpAgent, house.agents[name])


def keep_polls(
    house: House, now: dt.datetime, gaps: dict[tuple[int, int], GapReason], ports: int = 3,
    *, minutes: int = 60, silent: range = range(0),
) -> None:  # fmt: skip
    """A frame a minute up to now; `gaps` by minutes ago and port, none in the `silent` minutes."""
    now_ms = int(now.timestamp() * 1000)
    with transaction(house.sessions, SYSTEM) as session:
        agent = device_of(session, house)
        names = tuple(f"Te{n}" for n in range(ports))
        every = np.ones(ports, np.int64)
        (layout,) = make_layouts(session, [(agent.device_id, names, every, every)])
        frames = []
        for ago in range(minutes, 0, -1):
            table = np.zeros((len(Place), ports), dtype=np.int64)
            for (at, port), reason in gaps.items():
                if at == ago:
                    table[Place.GAP, port] = code(reason)
            if ago not in silent:
                frames.append(Frame(layout, now_ms - ago * MINUTE, table))
        write_frames(session, frames)
        agent.last_poll_at = agent.last_answer_at = now - dt.timedelta(minutes=1)
        agent.last_duration_ms = 812


def health_of(house: House, now: dt.datetime, name: str = "leaf") -> AgentHealth:
    with transaction(house.sessions, SYSTEM) as session:
        return find_health(session, house.settings, now, agent_id=house.agents[name])


def test_gaps_by_port_with_begin_and_end(house: House) -> None:
    now = utc_now()
    reboot = {(50, port): GapReason.REBOOT for port in range(3)}
    gone = {(ago, 1): GapReason.MISSING for ago in (20, 19, 18)}
    keep_polls(house, now, {**reboot, **gone}, silent=range(30, 40))
    found = health_of(house, now)
    assert (found.state, found.polls, found.damaged_frames) == ("answering", 50, 0)
    assert found.polled_since is not None
    worst, *others = found.ports
    assert (worst.name, worst.due, worst.got) == ("Te1", 60, 46)
    told = [
        (gap.reason, round((now - gap.begin_at) / dt.timedelta(minutes=1)), gap.polls)
        for gap in worst.gaps
    ]
    assert told == [("reboot", 51, 1), ("silent", 40, 10), ("missing", 21, 3)]
    assert round((now - worst.gaps[2].end_at) / dt.timedelta(minutes=1)) == 18
    assert [(row.name, row.got) for row in others] == [("Te0", 49), ("Te2", 49)]
    assert [gap.reason for gap in common_gaps(found.ports)] == ["reboot", "silent"]


def test_polls_that_went_missing_at_the_end_and_before(house: House) -> None:
    now = utc_now()
    keep_polls(house, now, {}, minutes=25 * 60, silent=range(10))
    found = health_of(house, now)
    (gap,) = found.ports[0].gaps
    assert (gap.reason, gap.polls) == ("silent", 9)
    assert found.polled_since is None
    assert found.ports[0].due in (1_439, 1_440)


def test_a_stretch_of_one_port_is_explained(house: House) -> None:
    now = utc_now()
    gone = {(ago, 1): GapReason.MISSING for ago in (20, 19, 18)}
    keep_polls(house, now, gone, silent=range(30, 40))

    def explain(port: str, first: int, last: int) -> list[str]:
        begin, end = (round(now.timestamp() * 1000) - ago * MINUTE for ago in (first, last))
        with transaction(house.sessions, SYSTEM) as session:
            device = device_of(session, house).device_id
            return [each.reason for each in explain_gap(session, device, port, begin, end, 60)]

    assert explain("Te1", 21, 17) == ["missing"]
    assert explain("Te0", 21, 17) == []
    assert explain("Te1", 39, 31) == ["silent"]
    assert explain("Te1", 41, 17) == ["silent", "missing"]
    assert explain("Te9", 21, 17) == ["missing"]
    assert explain("Te9", 39, 31) == ["silent"]


def test_a_review_names_who_was_silent(house: House) -> None:
    """As credits at risk tell it: by the resource's name, through the device's agent."""
    now = utc_now()
    keep_polls(house, now, {}, silent=range(30, 40))
    now_ms = round(now.timestamp() * 1000)
    with transaction(house.sessions, SYSTEM) as session:
        device = session.get_one(Device, device_of(session, house).device_id)
        resources = [{"name": f"port/{name}/Te1"} for name in (device.name, "elsewhere")]
        gaps = [
            {"start": now_ms - first * MINUTE, "end": now_ms - last * MINUTE}
            for first, last in ((39, 31), (25, 20))
        ]
        review: dict[str, Any] = {"resources": resources, "gaps": gaps}
        meters = Meters(session, PostgresSampleStore(), now_ms - 60 * MINUTE, now_ms)
        tell_reasons(session, [review, {"resources": [], "gaps": []}], meters, 60)
        told = [
            [(cause["device"], cause["reason"]) for cause in gap["causes"]]
            for gap in review["gaps"]
        ]
        # In the second it answered: the samples don't tell.
        assert told == [
            [(device.name, "silent"), ("elsewhere", "unpolled")],
            [(device.name, "undecided"), ("elsewhere", "unpolled")],
        ]


def test_a_damaged_frame_hides_nothing_else(house: House) -> None:
    now = utc_now()
    keep_polls(house, now, {})
    with transaction(house.sessions, SYSTEM) as session:
        session.execute(
            text(
                "UPDATE port_frame SET body = '\\xff00'::bytea WHERE ts ="
                " (SELECT max(ts) - 300000 FROM port_frame)"
            )
        )
    found = health_of(house, now)
    assert (found.damaged_frames, found.polls) == (1, 59)
    assert found.ports[0].gaps[0].reason == "silent"


def test_gauges_miss_what_they_had_before(house: House) -> None:
    now = utc_now()
    now_ms = int(now.timestamp() * 1000)
    with transaction(house.sessions, SYSTEM) as session:
        agent = device_of(session, house, "pdu")
        agent.last_poll_at = agent.last_answer_at = now
        power = Series(family="power", device_id=agent.device_id, slot="input")
        climate = Series(family="climate", device_id=agent.device_id, slot="ambient")
        session.add_all([power, climate])
        session.flush()
        store = PostgresSampleStore()
        minutes = [*range(60, 30, -1), *range(20, 0, -1)]
        store.append(
            session, "power",
            [(power.id, now_ms - ago * MINUTE, MINUTE, 0, 1, 1, 1, 1) for ago in minutes],
        )  # fmt: skip
        store.append(session, "climate", [(climate.id, now_ms - 30 * 3_600_000, 0, 0, 1, 1)])
    found = health_of(house, now, "pdu")
    assert found.ports == []
    climate_row, power_row = found.gauges
    assert (climate_row.name, climate_row.got) == ("ambient", 0)
    assert climate_row.missing == climate_row.due > 1_400
    assert climate_row.newest_at is not None
    assert (power_row.due, power_row.got) == (60, 50)
    assert [(gap.reason, gap.polls) for gap in power_row.gaps] == [("silent", 10)]


def test_statements_do_not_grow_with_ports_or_drops(house: House) -> None:
    now = utc_now()
    counts = []
    with house.sessions() as session:
        engine = session.get_bind().engine
    for ports in (2, 48):
        keep_polls(house, now, {(9, 0): GapReason.FIRST}, ports, minutes=ports)
        with transaction(house.sessions, SYSTEM) as session:
            add_drops(
                session, {(house.agents["leaf"], day_of(now), f"r{n}"): 1 for n in range(ports)}
            )
        with Counter(engine) as counter:
            health_of(house, now)
        counts.append(counter.count)
    assert counts[0] == counts[1] < 18


def test_states(house: House) -> None:
    now = utc_now()
    with transaction(house.sessions, SYSTEM) as session:
        row = find_agent(session, house.agents["leaf"])
    row = replace(row, last_poll_at=now, last_answer_at=now, silent_polls=0, last_error="")
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "answering"),
        ({"enabled": False}, "off"),
        ({"last_poll_at": None}, "never"),
        ({"last_poll_at": now - dt.timedelta(minutes=4)}, "stalled"),
        ({"silent_polls": 1, "last_error": faults.explain(faults.Timeout(""))}, "silent"),
        ({"silent_polls": 1, "last_error": "gave up after 51 s: the agent is too slow"}, "silent"),
        ({"silent_polls": 1, "last_error": faults.explain(faults.WrongDigest(""))}, "refused"),
    ]
    for change, state in cases:
        assert judge_agent(replace(row, **change), now, 60) == state


def test_lists_are_narrowed_and_those_in_trouble_come_first(house: House) -> None:
    now = utc_now()
    with transaction(house.sessions, SYSTEM) as session:
        pdu, spine = device_of(session, house, "pdu"), device_of(session, house, "spine")
        for agent in (pdu, spine):
            agent.last_poll_at = now
        pdu.silent_polls = 4
        leaf_id = house.agents["leaf"]
        today = day_of(now)
        add_drops(session, {(leaf_id, today, "late"): 3, (leaf_id, today, "unanswered"): 2})
        add_drops(session, {(leaf_id, today - 1, "late"): 9, (None, today, "late"): 5})

        def names(**wish: Any) -> list[str]:
            old = now - dt.timedelta(minutes=3)
            found = list_agents(session, stalled_before=old, **wish)
            assert found.total == len(found.items)
            return [row.device_name for row in found.items]

        assert names() == ["leaf", "pdu", "spine"]
        assert names(sort="") == ["pdu", "leaf", "spine"]
        assert names(sort="dropped", descending=True)[0] == "leaf"
        assert names(state="silent") == ["pdu"]
        assert names(state="answering") == ["spine"]
        assert names(state="never") == ["leaf"]
        assert names(state="off") == []
        spine.last_poll_at = now - dt.timedelta(minutes=9)
        assert names(state="stalled") == ["spine"]
        assert names(state="answering") == []
        assert names(wanted="SPI") == ["spine"]
        assert names(wanted="%") == []
        (row,) = list_agents(session, agent_id=leaf_id).items
        assert (row.unanswered_today, row.dropped_today) == (2, 3)


# -- pages and API ---------------------------------------------------------------------------------


@pytest.fixture
def browser(app: Flask, make_login: MakeLogin) -> FlaskClient:
    client = app.test_client()
    sign_in(client, make_login("staff"))
    return client


def page_of(house: House, client: FlaskClient, path: str = "", name: str = "leaf") -> str:
    with transaction(house.sessions, SYSTEM) as session:
        device_id = device_of(session, house, name).device_id
    answer = client.get(f"/staff/devices/{device_id}/polling{path}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_the_page_says_what_is_the_matter(house: House, browser: FlaskClient) -> None:
    now = utc_now()
    assert "wasn't polled yet" in page_of(house, browser)
    keep_polls(house, now, {(9, 0): GapReason.WENT_BACK}, 48)
    with transaction(house.sessions, SYSTEM) as session:
        agent = device_of(session, house)
        agent.sys_descr = "<script>alert(1)</script>"
        add_drops(session, {(agent.id, day_of(now), "wrong_digest"): 7})
    page = page_of(house, browser)
    assert "It answers; the last poll took 812 ms." in page
    assert "<script>alert" not in page
    assert "Went back" in page
    assert "isn&#39;t signed with our key" in page
    assert "47 ports without a gap of their own" in page
    assert page.count('class="bar strip"') == 48
    chinese = page_of(house, browser, "?lang=zh")
    assert "计数倒退" in chinese
    assert "正常应答" in chinese
    assert page_of(house, browser, "?lang=en")
    changes: list[tuple[dict[str, Any], str]] = [
        (
            {"silent_polls": 12, "last_error": faults.explain(faults.UnknownUser(""))},
            "make it there or correct the credential",
        ),
        ({"last_poll_at": now - dt.timedelta(hours=1)}, "Nobody has polled it since"),
        ({"enabled": False}, "Polling is switched off."),
    ]
    for change, words in changes:
        with transaction(house.sessions, SYSTEM) as session:
            agent = device_of(session, house)
            for name, value in change.items():
                setattr(agent, name, value)
        assert words in page_of(house, browser)
    for path in ("agents", "agents?state=off&q=leaf&sort=-dropped", "agents?state=x&sort=y"):
        answer = browser.get(f"/staff/{path}")
        assert answer.status_code == 200
        assert "leaf" in answer.get_data(as_text=True)


def test_the_list_takes_the_same_statements_however_many(
    house: House, browser: FlaskClient
) -> None:
    with house.sessions() as session:
        engine = session.get_bind().engine
    browser.get("/staff/agents")
    counts = []
    for wish in ("?q=leaf", ""):
        with Counter(engine) as counter:
            browser.get(f"/staff/agents{wish}")
        counts.append(counter.count)
    assert counts[0] == counts[1]


def test_rest(house: House, api: MakeClient) -> None:
    now = utc_now()
    keep_polls(house, now, {(9, 0): GapReason.FIRST})
    staff = api("staff")
    url = f"/api/v1/snmp-agents/{house.agents['leaf']}"
    body = staff.get(f"{url}/health").get_json()
    assert body["state"] == "answering"
    assert body["agent"]["device_name"] == "leaf"
    assert body["ports"][0]["gaps"][0]["reason"] == "first"
    assert body["drops"] == []
    assert "secret" not in str(body).lower()
    assert staff.get("/api/v1/snmp-agents/999999/health").status_code == 404
    assert staff.post("/api/v1/snmp-agents/999999/connection-tests").status_code == 404
    watcher = api("noc")
    assert watcher.get(f"{url}/health").status_code == 200
    assert watcher.post(f"{url}/connection-tests").status_code == 403


# -- trying ----------------------------------------------------------------------------------------


@contextmanager
def answering(house: House, name: str, *, wrong: bool = False) -> Iterator[Agent]:
    """The device answers, from a thread of its own, as the web server's threads are apart."""
    served = Agent(LiveTree(house.leaf.tree()))
    if wrong:
        served.community = b"another"
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with Responder([served]):
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        with transaction(house.sessions, SYSTEM) as session:
            device_of(session, house, name).udp_port = served.port
        yield served
    finally:
        stop.set()
        thread.join()


def test_the_button_asks_the_device_and_the_log_knows(house: House, browser: FlaskClient) -> None:
    token = page_of(house, browser).split('csrf-token" content="', 1)[1].split('"', 1)[0]
    with transaction(house.sessions, SYSTEM) as session:
        url = f"/staff/devices/{device_of(session, house).device_id}/polling"
    with answering(house, "leaf"):
        page = browser.post(url, data={"csrf_token": token}).get_data(as_text=True)
    assert "It answered in" in page
    assert f"{len(house.leaf.ports)} ports, 0 readings, profile huawei_vrp" in page
    with answering(house, "leaf", wrong=True):
        page = browser.post(url, data={"csrf_token": token}).get_data(as_text=True)
    assert "It answered in" not in page
    assert "the community is wrong" in page
    assert browser.post(url).status_code == 400
    with transaction(house.sessions, SYSTEM) as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "agent.try").order_by(AuditEntry.id)
        ).all()
        told = [(entry.detail["answered"], entry.detail["cause"]) for entry in entries]
        assert all("staff" in entry.actor for entry in entries)
    assert told == [(True, ""), (False, "timeout")]


def test_by_rest_too(house: House, api: MakeClient) -> None:
    staff = api("staff")
    url = f"/api/v1/snmp-agents/{house.agents['leaf']}/connection-tests"
    with answering(house, "leaf"):
        body = staff.post(url).get_json()
    assert (body["answered"], body["cause"], body["ports"]) == (True, "", len(house.leaf.ports))
    with transaction(house.sessions, SYSTEM) as session:
        # Saved when it was allowed; the settings were changed since.
        device_of(session, house).address = "192.0.2.9"
    refused = staff.post(url)
    assert refused.status_code == 403
    assert "outside the management networks" in refused.get_json()["detail"]


def test_nobody_is_asked_where_it_is_not_allowed(house: House) -> None:
    settings = replace(house.settings, snmp_allowed=())
    with answering(house, "leaf") as served:
        with pytest.raises(ForbiddenError):
            check_connection(settings, house.sessions, PERSON, house.agents["leaf"])
        assert served.requests == 0
        # The control: the same agent, allowed.
        assert check_connection(
            house.settings, house.sessions, PERSON, house.agents["leaf"]
        ).answered
        assert served.requests > 0
    with pytest.raises(NotFoundError):
        check_connection(settings, house.sessions, PERSON, 999_999)


def test_one_at_a_time_and_few_in_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def try_it(name: str) -> bool:
        return check_connection(
            house.settings, house.sessions, PERSON, house.agents[name], limit_s=0.2
        ).answered

    inside: list[type[Exception]] = []

    def meanwhile() -> None:
        for name in ("leaf", "spine"):
            try:
                try_it(name)
            except (ConflictError, TooManyError) as error:
                inside.append(type(error))

    monkeypatch.setattr(connection, "AT_ONCE", 1)
    check_connection(
        house.settings, house.sessions, PERSON, house.agents["leaf"], limit_s=0.2,
        starting=meanwhile,
    )  # fmt: skip
    assert inside == [ConflictError, TooManyError]
    monkeypatch.setattr(connection, "AT_ONCE", 2)
    inside.clear()
    check_connection(
        house.settings, house.sessions, PERSON, house.agents["leaf"], limit_s=0.2,
        starting=meanwhile,
    )  # fmt: skip
    assert inside == [ConflictError]
    # Both are free again.
    assert not try_it("leaf")


def test_a_device_that_only_dawdles_is_given_up(house: House) -> None:
    with answering(house, "leaf") as served:
        real, asked = served.answer, []

        def slowly(packet: bytes) -> bytes | None:
            asked.append(packet)
            time.sleep(0.25)
            return real(packet)

        served.answer = slowly  # type: ignore[method-assign]
        found = check_connection(
            house.settings, house.sessions, PERSON, house.agents["leaf"], limit_s=0.6
        )
    # Three answers, and what was asked meanwhile; a whole reading is more.
    assert len(asked) < 6
    assert (found.answered, found.cause) == (False, "too_slow")
    assert found.duration_ms >= 600


def test_which_agent_the_commands_mean(house: House) -> None:
    with transaction(house.sessions, SYSTEM) as session:
        assert choose_agent(session, "leaf") == house.agents["leaf"]
        assert choose_agent(session, "127.0.0.1:20001") == house.agents["spine"]
        with pytest.raises(NotFoundError):
            choose_agent(session, "absent")


@dataclass
class Opened:
    """What the commands take of an instance."""

    house: House

    @property
    def settings(self) -> Settings:
        return self.house.settings

    def make_sessions(self, pool_size: int = 5) -> SessionFactory:
        return make_sessions(make_engine(str(self.settings.database_url), pool_size=pool_size))


def test_the_commands(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(_ctx: object) -> Iterator[Opened]:
        yield Opened(house)

    monkeypatch.setattr("dcim.commands.polling.instance_of", opened)
    monkeypatch.setattr("dcim.commands.output.instance_of", opened)
    now = utc_now()
    keep_polls(house, now, {(9, 0): GapReason.WENT_BACK})
    with transaction(house.sessions, SYSTEM) as session:
        add_drops(session, {(house.agents["leaf"], day_of(now), "malformed"): 7})
    runner = CliRunner()
    told = runner.invoke(show_health, ["leaf"], catch_exceptions=False)
    assert told.exit_code == 0
    for words in ("answering", "2 of 3 without a gap", "Went back", "no sound SNMP message"):
        assert words in told.output
    as_json = runner.invoke(show_health, ["leaf", "--json"], catch_exceptions=False)
    assert json.loads(as_json.stdout)["ports"][0]["gaps"][0]["reason"] == "went_back"
    with answering(house, "leaf"):
        told = runner.invoke(try_agent, ["leaf"], catch_exceptions=False)
    assert told.exit_code == 0
    assert "answered in" in told.output
    with pytest.raises(UncheckedError, match="Nobody listens"):
        runner.invoke(try_agent, ["spine"], catch_exceptions=False)


def test_the_clock_prunes(house: House) -> None:
    assert "prune-drops" in {
        chime.name for chime in make_chimes(house.settings, "postgresql://x/y")
    }
