"""Targets through pages and API, `dcim probe`, and their rounds in a statement's inputs."""

import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.commands import probing as commands
from dcim.config import Settings
from dcim.customers.models import ContractItem
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Site
from dcim.probing.models import ProbeTarget
from dcim.probing.recording import record_rounds
from dcim.probing.rounds import EchoTarget, Round
from dcim.sla.probes import find_probe_meters
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from tests.integration.api.conftest import MakeClient
from tests.integration.api.conftest import api as api  # noqa: PLC0414
from tests.integration.metering.test_observations import START, M, build, inputs_of
from tests.integration.probing.conftest import SYSTEM
from tests.integration.web.conftest import Login
from tests.integration.web.conftest import app as app  # noqa: PLC0414
from tests.integration.web.conftest import make_login as make_login  # noqa: PLC0414
from tests.integration.web.record_pages import Browser

TARGETS = "/api/v1/probe-targets"


@pytest.fixture
def site_id(sessions: SessionFactory) -> int:
    with transaction(sessions, SYSTEM) as session:
        site = Site(code="SH1", name="SH1", name_en="SH1")
        session.add(site)
        session.flush()
        return site.id


@pytest.fixture
def client(api: MakeClient) -> FlaskClient:
    return api()


def test_a_target_is_entered_listed_and_changed(client: FlaskClient, site_id: int) -> None:
    given = {"code": "gw", "address": "2001:DB8:0::1", "site_id": site_id}
    made = client.post(TARGETS, json=given)
    assert made.status_code == 201, made.text
    assert made.json is not None
    assert (made.json["address"], made.json["every_s"], made.json["count"]) == (
        "2001:db8::1", 60, 5,
    )  # fmt: skip
    listed = client.get(TARGETS).json
    assert listed is not None
    assert [one["code"] for one in listed["items"]] == ["gw"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"address": "224.0.0.1"}, "address"),
        ({"address": "gw.example"}, "address"),
        ({"every_s": 45}, "every_s"),
        ({"method": "tcp"}, "tcp_port"),
        ({"site_id": None}, "site_id"),
        ({"count": 21}, "count"),
    ],
)
def test_what_cannot_be_probed_is_refused_by_field(
    client: FlaskClient, site_id: int, wrong: dict[str, Any], field: str
) -> None:
    given = {"code": "gw", "address": "192.0.2.1", "site_id": site_id} | wrong
    answer = client.post(TARGETS, json=given)
    assert answer.status_code == 422, answer.text
    assert field in answer.text


def test_a_measured_target_is_not_deleted(
    client: FlaskClient, sessions: SessionFactory, site_id: int
) -> None:
    made = client.post(TARGETS, json={"code": "gw", "address": "192.0.2.1", "site_id": site_id})
    assert made.json is not None
    target_id = made.json["id"]
    with transaction(sessions, SYSTEM) as session:
        record_rounds(session, [Round(EchoTarget(target_id, "192.0.2.1"), START, rtts_us=[1])])
    answer = client.delete(f"{TARGETS}/{target_id}", headers={"If-Match": "*"})
    assert answer.status_code == 409, answer.text
    assert "Measurements" in answer.text


def test_pages_show_targets_to_staff(
    app: Flask, make_login: Callable[..., Login], sessions: SessionFactory, site_id: int
) -> None:
    browser = Browser(app, make_login("administrator"))
    browser.create(
        "/staff/probe-targets", code="gw", address="192.0.2.1", method="icmp", every_s="60",
        count="5", active="yes", site_id__path="SH1",
    )  # fmt: skip
    assert "192.0.2.1" in browser.get("/staff/probe-targets")


# --- the command


@pytest.fixture
def at_home(
    settings: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The commands' sessions are the test's, and loopback may be asked."""
    opened = replace(settings, probe_allowed=(ip_network("127.0.0.0/8"),))

    class Home:
        settings = opened

    class Opened:
        def __init__(self, *_: object) -> None:
            self._transaction = transaction(sessions, SYSTEM)

        def __enter__(self) -> tuple[Any, Any, Scope]:
            return Home(), self._transaction.__enter__(), SYSTEM

        def __exit__(self, *error: Any) -> None:
            self._transaction.__exit__(*error)

    monkeypatch.setattr(commands, "session_of", Opened)
    return opened


def run(*words: str) -> Any:
    return CliRunner().invoke(commands.probe, list(words))


def test_the_list_shows_the_last_figures(
    at_home: Settings, sessions: SessionFactory, site_id: int
) -> None:
    assert "No targets yet" in run("list").output
    with transaction(sessions, SYSTEM) as session:
        targets = [
            ProbeTarget(code=code, address="127.0.0.1", site_id=site_id)
            for code in ("heard", "unsent", "new")
        ]
        session.add_all(targets)
        session.flush()
        heard, unsent = (Round(EchoTarget(each.id, "127.0.0.1"), START) for each in targets[:2])
        heard.rtts_us = [1_000, None, 1_500]
        unsent.refuse(5, "no right")
        record_rounds(session, [heard, unsent])
    found = {row["target"]: row for row in json.loads(run("list", "--json").output)}
    assert found["heard"]["loss"] == "33.3333 %"
    assert (found["heard"]["round trip"], found["heard"]["jitter"]) == ("1.250 ms", "0.500 ms")
    assert (found["unsent"]["loss"], found["unsent"]["remark"]) == ("unknown", "no right")
    assert "loss" not in found["new"]


def test_asking_now_shows_each_echo(at_home: Settings) -> None:
    told = run("run", "127.0.0.1", "--tcp", "1", "--count", "3")
    assert told.exit_code == 0, told.output
    for words in ("by TCP connect to port 1", "echo 3:", "0 of 3 lost: 0.0000 %", "jitter:"):
        assert words in told.output
    as_json = json.loads(run("run", "127.0.0.1", "--tcp", "1", "--json").output)
    assert (as_json["sent"], as_json["received"]) == (5, 5)


def test_a_saved_target_outside_the_allowed_networks_is_not_asked(
    at_home: Settings, sessions: SessionFactory, site_id: int
) -> None:
    with transaction(sessions, SYSTEM) as session:
        session.add(ProbeTarget(code="far", address="192.0.2.1", site_id=site_id))
    told = run("run", "far")
    assert told.exit_code == 1
    assert "Nothing was sent: 192.0.2.1 is outside DCIM_PROBE_ALLOWED" in told.output


@pytest.mark.parametrize(
    ("word", "told"), [("nobody", "No target is called nobody"), ("192.0.2.1", "is outside")]
)
def test_strangers_are_not_asked(at_home: Settings, word: str, told: str) -> None:
    found = run("run", word)
    assert found.exit_code == 1
    assert told in str(found.exception)


# --- facts


def probe_item(sessions: SessionFactory) -> None:
    """Item I1 measured by `t`: up, a round without any answer, one not sent, up, silence."""
    with transaction(sessions, SYSTEM) as session:
        build(session)
        item = session.scalars(select(ContractItem).where(ContractItem.code == "I1")).one()
        target = ProbeTarget(
            code="t", address="192.0.2.1", contract_item_id=item.id, customer_id=item.customer_id
        )
        session.add(target)
        session.flush()
        at = START + 20_000 * M
        heard: list[list[int | None]] = [[100, 300], [None, None], [], [200, 200]]
        rounds = [
            Round(EchoTarget(target.id, "192.0.2.1"), at + n * M, rtts_us=times)
            for n, times in enumerate(heard)
        ]
        rounds[2].refuse(2, "no right")
        record_rounds(session, rounds)


def test_an_items_rounds_are_in_its_statements_inputs(sessions: SessionFactory) -> None:
    probe_item(sessions)
    at = START + 20_000 * M
    with transaction(sessions, SYSTEM) as session:
        inputs = inputs_of(session, 1)
    found = {entry["name"]: entry for entry in inputs["resources"]}
    for kind in ("loss", "latency", "jitter", "reachability"):
        assert found[f"{kind}/t"]["kind"] == kind
    assert found["loss/t"]["items"] == ["I1"]
    assert found["loss/t"]["values"] == [
        [at, at + M, 0], [at + M, at + 2 * M, 1_000_000], [at + 3 * M, at + 4 * M + M // 2, 0],
    ]  # fmt: skip
    assert found["latency/t"]["values"] == [
        [at, at + M, 200], [at + 3 * M, at + 4 * M + M // 2, 200],
    ]  # fmt: skip
    known = [state for state in found["reachability/t"]["states"] if state[2] != "unknown"]
    assert known == [
        [at, at + M, "up"], [at + M, at + 2 * M, "down"],
        [at + 3 * M, at + 4 * M + M // 2, "up"],
    ]  # fmt: skip
    covered = next(each for each in inputs["series"] if each["series"] == "probe/t")
    assert covered["received"] == 4


def test_a_statement_with_probed_items_composes(sessions: SessionFactory) -> None:
    """Echoes are no climate: they stand in the facts, not among the temperatures."""
    probe_item(sessions)
    with transaction(sessions, SYSTEM) as session:
        statement = compose(inputs_of(session, 1))
    shown = [entry["id"] for entry in statement.data["environment"]]
    assert shown == ["climate/env/env"]
    assert [entry["id"] for entry in statement.data["charts"]["environment"]] == shown
    assert compose(read_inputs(statement.attachments)).data == statement.data


def test_a_customer_reaches_only_its_own_series(sessions: SessionFactory) -> None:
    probe_item(sessions)
    with transaction(sessions, SYSTEM) as session:
        item = session.scalars(select(ContractItem).where(ContractItem.code == "I1")).one()
        item_id, own = item.id, item.customer_id
        other = session.scalars(
            select(ContractItem.customer_id).where(ContractItem.code == "I2")
        ).one()
    for customer_id, count in ((own, 1), (other, 0)):
        scope = Scope.customer("someone", customer_id)
        with transaction(sessions, scope) as session:
            assert len(find_probe_meters(session, scope, [item_id])) == count
