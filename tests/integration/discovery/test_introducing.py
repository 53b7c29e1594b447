"""An address and a credential, and nothing more: who is there, and that nothing half-made stays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from dcim.accounts.models import AuditEntry
from dcim.cli import main
from dcim.db import transaction
from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.errors import ConflictError, ForbiddenError, InvalidError, JifangError
from dcim.inventory.models import Device
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import find_credential
from dcim.snmp.discovery.introducing import SERIAL, Introduced, introduce_agent, is_serial
from dcim.snmp.wire import ber
from tests.integration.api.conftest import MakeClient, api
from tests.integration.discovery.house import PERSON, SYSTEM, House, Switch
from tests.integration.web.conftest import Login, app, make_login, sign_in

__all__ = ["api", "app", "make_login"]

URL = "/api/v1/discovery/agents"


@contextmanager
def serving(*agents: Agent) -> Iterator[None]:
    """Serve agents from a thread, for callers that block."""
    ready, over = threading.Event(), threading.Event()

    async def work() -> None:
        async with Responder(agents):
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        over.set()
        thread.join(10)


def newcomer(name: str = "core-7.idc.example", serial: str = "", **options: Any) -> Agent:
    tree = Switch(name, {"Te1": 1, "Te2": 2}).tree()
    if serial:
        tree[(*SERIAL, 1)] = ber.text("N/A")
        tree[(*SERIAL, 2)] = ber.text(serial)
    return Agent(LiveTree(tree), **options)


def add_device(house: House, name: str, serial: str | None = None) -> int:
    with transaction(house.sessions, SYSTEM) as session:
        kind_id = session.scalars(select(Device.device_type_id).limit(1)).one()
        device = Device(name=name, role="switch", device_type_id=kind_id, serial=serial)
        session.add(device)
        session.flush()
        return device.id


def introduce(
    house: House, agent: Agent, device_id: int | None = None, **more: Any
) -> tuple[str, str, int]:
    """How it was found, the device's name, the agent's id."""
    with transaction(house.sessions, PERSON) as session:
        found: Introduced = introduce_agent(
            session,
            PERSON,
            house.settings,
            address="127.0.0.1",
            udp_port=agent.port,
            credential=find_credential(session, "c"),
            device=session.get_one(Device, device_id) if device_id else None,
            **more,
        )
        return found.way, found.device.name, found.agent.id


def count(house: House) -> tuple[int, int, int]:
    """Devices, agents, entries of the audit log."""
    with transaction(house.sessions, SYSTEM) as session:
        kinds: tuple[Any, ...] = (Device.id, SnmpAgent.id, AuditEntry.id)
        devices, agents, entries = (
            session.scalar(select(func.count(column))) or 0 for column in kinds
        )
        return devices, agents, entries


def test_a_stranger_is_entered_by_its_name_and_told_in_the_audit_log(house: House) -> None:
    agent = newcomer()
    with serving(agent):
        way, name, agent_id = introduce(house, agent)
    assert (way, name) == ("new", "core-7.idc.example")
    with transaction(house.sessions, SYSTEM) as session:
        saved = session.get_one(SnmpAgent, agent_id)
        assert (saved.address, saved.udp_port) == ("127.0.0.1", agent.port)
        assert (saved.device.role, saved.device.state) == ("switch", "in_stock")
        told = session.scalars(
            select(AuditEntry.action).order_by(AuditEntry.id.desc()).limit(2)
        ).all()
    assert set(told) == {"device.create", "agent.register"}


@pytest.mark.parametrize(
    ("known", "serial", "way"),
    [
        ("core-7.idc.example", "", "name"),
        ("CORE-7", "", "name"),
        ("somewhere", "fox1234z0ab", "serial"),
        ("core-7", "FOX1234Z0AB", "serial"),
    ],
)
def test_a_device_of_the_inventory_is_recognised(
    house: House, known: str, serial: str, way: str
) -> None:
    add_device(house, known, serial or None)
    add_device(house, "other", "N/A")
    before = count(house)
    agent = newcomer(serial="FOX1234Z0AB")
    with serving(agent):
        assert introduce(house, agent)[:2] == (way, known)
    assert count(house)[0] == before[0]


def test_the_given_device_is_taken_whatever_it_says(house: House) -> None:
    device_id = add_device(house, "given")
    add_device(house, "core-7")
    agent = newcomer()
    with serving(agent):
        assert introduce(house, agent, device_id)[:2] == ("given", "given")


def test_what_cannot_be_told_apart_is_refused(house: House) -> None:
    add_device(house, "one", "FOX1234Z0AB")
    add_device(house, "core-7")
    before = count(house)
    agents = [newcomer(serial="FOX1234Z0AB"), newcomer(name="")]
    words = ["serial number is that of one, its name that of core-7", "no name of its own"]
    with serving(*agents):
        for agent, word in zip(agents, words, strict=True):
            with pytest.raises(InvalidError, match=word) as caught:
                introduce(house, agent)
            assert "device" in caught.value.fields
    assert count(house) == before


def test_who_does_not_answer_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcim.snmp.discovery.introducing.LIMIT_S", 0.3)
    before = count(house)
    silent, closed = newcomer(silent=True), newcomer(port=1)
    with serving(silent):
        with pytest.raises(InvalidError, match=r"No answer from 127\.0\.0\.1"):
            introduce(house, silent)
        with pytest.raises(InvalidError, match=r"Nothing listens at 127\.0\.0\.1 port 1,"):
            introduce(house, closed)
    assert count(house) == before


def test_a_credential_goes_nowhere_it_must_not(house: House) -> None:
    """Neither outside the management networks nor to an address that is polled already."""
    agent = newcomer()
    with serving(agent):
        allowed = house.settings
        house.settings = replace(allowed, snmp_allowed=())
        with pytest.raises(ForbiddenError):
            introduce(house, agent)
        house.settings = allowed
        with transaction(house.sessions, SYSTEM) as session:
            session.get_one(SnmpAgent, house.agents["leaf"]).udp_port = agent.port
        with pytest.raises(ConflictError, match="polled already, as leaf"):
            introduce(house, agent)
        assert agent.requests == 0
        with transaction(house.sessions, SYSTEM) as session:
            session.get_one(SnmpAgent, house.agents["leaf"]).udp_port = 20_000
        introduce(house, agent)  # the control: this is how it would have been asked
        assert agent.requests


@given(st.text(max_size=20))
def test_a_filler_is_no_serial_number(word: str) -> None:
    assert not is_serial(word[:4])
    assert not is_serial((word[:1] or "0") * 12)
    assert is_serial(f"{word}FOX12")


def test_rest(api: MakeClient, house: House) -> None:
    staff = api("staff")
    staff.application.config["JIFANG"] = house.settings
    agent = newcomer()
    with serving(agent):
        body = {"address": "127.0.0.1", "udp_port": agent.port, "credential": "c"}
        made = staff.post(URL, json=body)
        assert made.status_code == 201, made.get_json()
        row = made.get_json()
        assert (row["device_name"], row["credential_name"]) == ("core-7.idc.example", "c")
        assert staff.post(URL, json=body).status_code == 409
    with transaction(house.sessions, SYSTEM) as session:
        waiting = session.execute(text("SELECT args FROM procrastinate_jobs")).scalars().all()
    assert [one["agent_ids"] for one in waiting] == [[row["id"]]]
    wrong: list[tuple[dict[str, Any], int]] = [
        ({**body, "credential": "absent"}, 422),
        ({**body, "device_id": 999_999}, 422),
        ({**body, "udp_port": 0}, 422),
        ({**body, "address": "core.example", "udp_port": 5}, 422),
        ({**body, "address": "192.0.2.1"}, 403),
        ({**body, "udp_port": 1}, 422),
        ({"address": "127.0.0.1"}, 422),
    ]
    for one, status in wrong:
        answer = staff.post(URL, json=one)
        assert answer.status_code == status, (one, answer.get_json())
        assert "public" not in answer.get_data(as_text=True)
    assert api("noc").post(URL, json=body).status_code == 403


def test_the_page(app: Flask, make_login: Callable[..., Login], house: House) -> None:
    app.config["JIFANG"] = house.settings
    browser = app.test_client()
    sign_in(browser, make_login("staff"))
    assert "/staff/discovery/new" in browser.get("/staff/discovery").get_data(as_text=True)
    page = browser.get("/staff/discovery/new").get_data(as_text=True)
    token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
    with transaction(house.sessions, SYSTEM) as session:
        credential_id = find_credential(session, "c").id
    agent = newcomer()
    with serving(agent):
        data = {
            "address": "127.0.0.1", "udp_port": "1", "credential": str(credential_id),
            "device": "", "role": "core", "csrf_token": token,
        }  # fmt: skip
        refused = browser.post("/staff/discovery/new", data=data)
        assert refused.status_code == 422
        told = refused.get_data(as_text=True)
        assert "Nothing listens at 127.0.0.1 port 1" in told
        assert 'value="127.0.0.1"' in told  # nothing that was typed is lost
        for change in (
            {"device": "absent"},
            {"role": ""},
            {"address": "x" * 65},
            {"credential": "0"},
        ):
            answer = browser.post("/staff/discovery/new", data={**data, **change})
            assert answer.status_code == 422
        with browser.session_transaction() as kept:
            kept["language"] = "zh"
        chinese = browser.post("/staff/discovery/new", data=data)
        assert chinese.status_code == 422
        assert "127.0.0.1 端口 1 无人监听" in chinese.get_data(as_text=True)
        with browser.session_transaction() as kept:
            kept["language"] = "en"
        made = browser.post("/staff/discovery/new", data={**data, "udp_port": str(agent.port)})
    assert made.status_code == 303, made.get_data(as_text=True)[-3000:]
    assert made.headers["Location"].startswith("/staff/discovery?device=")
    shown = browser.get(made.headers["Location"]).get_data(as_text=True)
    assert "core-7.idc.example is new in the inventory" in shown
    watcher = app.test_client()
    sign_in(watcher, make_login("noc"))
    assert "/staff/discovery/new" not in watcher.get("/staff/discovery").get_data(as_text=True)
    assert watcher.get("/staff/discovery/new").status_code == 403


def test_the_command_has_the_options() -> None:
    told = CliRunner().invoke(main, ["snmp", "discover", "--help"]).output
    assert "--credential" in told
    assert "--device" in told


def test_the_command_introduces(house: House) -> None:
    from dcim.commands.discover import introduce as introduce_by_command

    agent = newcomer()
    with serving(agent), transaction(house.sessions, SYSTEM) as session:
        at = f"127.0.0.1:{agent.port}"
        for words in (
            (None, "c", None),
            ("nowhere", "c", None),
            (at, "c", "absent"),
            (at, "x", None),
        ):
            with pytest.raises(JifangError):
                introduce_by_command(house.settings, session, *words)
        assert agent.requests == 0
        found = introduce_by_command(house.settings, session, at, "c", None)
        assert (found.way, found.device.name) == ("new", "core-7.idc.example")


def test_a_pdu_is_entered_as_one(house: House) -> None:
    who = trees.Identity("pdu-9", "a pdu", trees.APC_RPDU2_ID, lambda: 4242)
    phase = trees.Phase(lambda: 230.0, lambda: 9.0, lambda: 2_000.0)
    agent = Agent(
        LiveTree(trees.apc_rpdu2_tree(who, lambda: 2_000.0, lambda: 1_000.0, [phase], []))
    )
    with serving(agent):
        assert introduce(house, agent, role="pdu")[:2] == ("new", "pdu-9")
    with transaction(house.sessions, SYSTEM) as session:
        assert session.scalar(select(Device.role).where(Device.name == "pdu-9")) == "pdu"
