"""Robots end to end: written into the outbox, sent to servers that check as the makers do."""

import datetime as dt
import ipaddress
import json
import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry, SealedSecret
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import ROBOT_HOSTS, Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError
from dcim.outbox import delivering
from dcim.outbox.delivering import LANES, DeliveryReport, deliver_due, has_due
from dcim.outbox.endpoint_queries import find_endpoint
from dcim.outbox.endpoints import (
    EndpointValues,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    secret_owner,
    switch_endpoint,
    url_owner,
)
from dcim.outbox.models import ROBOTS, Endpoint, OutboxMessage
from dcim.outbox.pacing import PACES
from dcim.outbox.queueing import queue_messages, retry_messages
from dcim.outbox.robots import channel as robot_channel
from dcim.outbox.robots.channel import RobotChannel
from dcim.outbox.telling import queue_test, write_to_endpoints
from tests.agents.certificates import serve_with, write_certificate
from tests.agents.hook_server import HookServer, serve_hooks
from tests.agents.robot_server import RobotServer, serve_robots

STAFF = Scope.staff("wang")
SECRET = "SEC-0123456789abcdef"
EVENT = "statement.issued"
LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)
each_kind = pytest.mark.parametrize("kind", ROBOTS)


@pytest.fixture
def robots() -> Iterator[RobotServer]:
    with serve_robots(RobotServer()) as made:
        yield made


@dataclass
class Group:
    """A robot in a group, and what is sent to it."""

    sessions: SessionFactory
    settings: Settings
    robots: RobotServer
    kind: str
    id: int = 0

    def enter(self, **given: Any) -> int:
        secret = None if self.kind == "wecom" else given.pop("secret", self.robots.secret) or None
        values: dict[str, Any] = {
            "name": self.kind, "url": self.robots.url(self.kind), "events": (EVENT,),
            "secret": secret,
        }  # fmt: skip
        with transaction(self.sessions, STAFF) as session:
            wanted = EndpointValues(**values | given)
            self.id = create_endpoint(session, STAFF, self.settings, wanted, self.kind)
        return self.id

    def tell(self, about: str = "deed/1", words: str = "正文", **payload: Any) -> list[int]:
        with transaction(self.sessions, STAFF) as session:
            return self.write(session, about, words, **payload)

    def write(self, session: Session, about: str, words: str, **payload: Any) -> list[int]:
        return queue_messages(
            session,
            write_to_endpoints(
                session, EVENT, about=about, words=lambda language: (f"标题 {language}", words),
                payload=payload,
            ),
        )  # fmt: skip

    def send(
        self, allowed: Any = LOOPBACK, *, timeout_s: float = 20, longest_s: float = 40
    ) -> DeliveryReport:
        way = RobotChannel(
            replace(self.settings, robot_allowed=allowed, base_url="https://idc.example.com"),
            self.sessions, timeout_s=timeout_s, longest_s=longest_s,
        )  # fmt: skip
        return deliver_due(self.sessions, dict.fromkeys(ROBOTS, way))

    def row(self, message_id: int) -> OutboxMessage:
        with transaction(self.sessions, STAFF) as session:
            return session.get_one(OutboxMessage, message_id)

    def fate(self, message_id: int) -> tuple[str, str]:
        row = self.row(message_id)
        return row.state, row.fault

    def rest(self) -> None:
        """As if its robot had been left alone for long."""
        with transaction(self.sessions, STAFF) as session:
            session.execute(update(Endpoint).values(ready_at=None))

    def make_due(self) -> None:
        self.rest()
        with transaction(self.sessions, STAFF) as session:
            session.execute(
                update(OutboxMessage).where(OutboxMessage.state != "sent").values(next_at=utc_now())
            )


@pytest.fixture
def group(sessions: SessionFactory, settings: Settings, robots: RobotServer, kind: str) -> Group:
    return Group(sessions, settings, robots, kind)


def text_in(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


@each_kind
def test_what_arrives(group: Group, robots: RobotServer) -> None:
    robots.secret, robots.keyword = SECRET, "Jifang"
    group.enter(language="en")
    [message] = group.tell(words='<at user_id="all"> @all', url="https://idc.example.com/staff/x")
    assert group.send() == DeliveryReport(sent=1)
    assert group.fate(message) == ("sent", "")
    [document] = robots.taken
    said = text_in(document)
    for words in ("标题 en", "Jifang", "https://idc.example.com/staff/x", "＠all"):
        assert words in said
    assert "<at" not in said
    assert "@" not in said
    # The same deed again is nothing new.
    assert group.tell() == []
    assert group.send() == DeliveryReport()


@each_kind
def test_another_s_link_is_none(group: Group, robots: RobotServer) -> None:
    group.enter()
    for number, url in enumerate(("https://evil.example/", "https://idc.example.com.evil/", 7)):
        group.tell(about=str(number), url=url)
    assert group.send().sent == 3
    assert "evil" not in text_in({"all": robots.taken})


@pytest.mark.parametrize(
    ("kind", "secret", "fault"),
    [("dingtalk", "another-secret-of-16", "guarded"), ("dingtalk", "", "guarded"),
     ("feishu", "another-secret-of-16", "signature"), ("feishu", "", "signature")],
)  # fmt: skip
def test_a_wrong_signature(group: Group, robots: RobotServer, secret: str, fault: str) -> None:
    robots.secret = SECRET
    group.enter(secret=secret)
    [message] = group.tell()
    assert group.send() == DeliveryReport(given_up=1)
    assert group.fate(message) == ("failed", fault)
    # The way out: the right one, and again.
    with transaction(group.sessions, STAFF) as session:
        wanted = EndpointValues("x", None, (EVENT,), SECRET)
        change_endpoint(session, STAFF, group.settings, group.id, wanted)
        retry_messages(session, STAFF, [message])
    assert group.send() == DeliveryReport(sent=1)


@pytest.mark.parametrize(("kind", "fault"), [("dingtalk", "guarded"), ("feishu", "keyword")])
def test_a_keyword_that_is_missing(group: Group, robots: RobotServer, fault: str) -> None:
    robots.keyword = "告警"
    group.enter()
    [message] = group.tell()
    assert group.send() == DeliveryReport(given_up=1)
    assert group.fate(message) == ("failed", fault)


@each_kind
def test_a_robot_that_is_gone(group: Group, robots: RobotServer) -> None:
    group.enter()
    robots.token = "another"
    [message] = group.tell()
    assert group.send() == DeliveryReport(given_up=1)
    assert group.fate(message) == ("failed", "robot_gone")


BUSY = b'{"errcode":-1,"errmsg":"busy","code":2200,"msg":"internal error"}'
STRANGE = b'{"errcode":55555,"errmsg":"?","code":55555,"msg":"?"}'
FINE = b'{"errcode":0,"code":0}'


@each_kind
@pytest.mark.parametrize(
    ("status", "body", "state", "fault"),
    [
        (200, BUSY, "queued", "put_off"),
        (200, STRANGE, "queued", "answer"),
        (200, b"<html>ok</html>", "queued", "answer"),
        (200, b"", "queued", "answer"),
        (200, b"{}", "queued", "answer"),
        (500, b"", "queued", "put_off"),
        (502, b"<html>", "queued", "put_off"),
        (503, FINE, "queued", "put_off"),
        (429, b"", "queued", "put_off"),
        (404, b"", "failed", "refused"),
        (400, FINE, "failed", "refused"),
        # What the body says goes before the status.
        (400, b'{"errcode":310000,"code":19024}', "failed", ""),
    ],
)
def test_what_it_answers(
    group: Group, robots: RobotServer, status: int, body: bytes, state: str, fault: str
) -> None:
    group.enter()
    [message] = group.tell()
    robots.answers = [(status, body)]
    group.send()
    row = group.row(message)
    if fault:
        assert (row.state, row.fault) == (state, fault)
    elif group.kind != "wecom":
        assert (row.state, row.fault) == (state, {"dingtalk": "guarded", "feishu": "keyword"}[
            group.kind
        ])  # fmt: skip
    assert row.attempts == 1


@each_kind
def test_two_hundred_is_no_yes(group: Group, robots: RobotServer) -> None:
    """The control: by the status alone, as webhooks are judged, this would be delivered."""
    group.enter()
    group.tell()
    robots.answers = [(200, b'{"errcode":1,"code":1}')]
    assert group.send() == DeliveryReport(put_off=1)
    group.make_due()
    assert group.send() == DeliveryReport(sent=1)


@each_kind
def test_one_that_misbehaves(group: Group, robots: RobotServer) -> None:
    group.enter()
    [message] = group.tell()
    for fault in ("stalls", "trickles"):
        setattr(robots, fault, True)
        began = time.monotonic()
        group.make_due()
        group.send(timeout_s=0.3, longest_s=0.6)
        assert group.fate(message) == ("queued", "slow")
        assert time.monotonic() - began < 30  # a trickle goes on for a minute
        setattr(robots, fault, False)
    robots.floods = True
    group.make_due()
    group.send()
    assert group.fate(message) == ("queued", "answer")
    robots.floods, robots.redirects = False, True
    group.make_due()
    group.send()
    assert group.fate(message) == ("failed", "refused")
    assert not [path for path in robots.asked if "elsewhere" in path]


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_only_where_it_may(group: Group, robots: RobotServer) -> None:
    group.enter()
    [message] = group.tell()
    # By default the makers' hosts alone: a server of our own is none.
    assert group.settings.robot_allowed == ROBOT_HOSTS
    for allowed in ((), ROBOT_HOSTS, (ipaddress.ip_network("10.0.0.0/8"),)):
        group.make_due()
        group.send(allowed)
        assert group.fate(message) == ("failed", "target")
        with transaction(group.sessions, STAFF) as session:
            retry_messages(session, STAFF, [message])
    assert not robots.asked
    group.rest()
    assert group.send() == DeliveryReport(sent=1)


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_a_maker_s_name_that_leads_inside(
    group: Group, robots: RobotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up once: what was judged is what is connected to."""
    group.enter(url="https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef")
    [message] = group.tell()
    answers = iter(["8.8.8.8", "127.0.0.1"])
    connected: list[Any] = []

    def connect(place: Any, *args: Any) -> Any:
        connected.append(place)
        raise ConnectionRefusedError("elsewhere")

    with monkeypatch.context() as patch:
        patch.setattr(
            socket, "getaddrinfo",
            lambda *args, **rest: [(socket.AF_INET, 1, 6, "", (next(answers), 443))],
        )  # fmt: skip
        patch.setattr(socket, "create_connection", connect)
        group.send(ROBOT_HOSTS)
        assert group.fate(message) == ("queued", "unreachable")
        group.make_due()
        group.send(ROBOT_HOSTS)
        assert group.fate(message) == ("failed", "target")
    assert connected == [("8.8.8.8", 443)]


@pytest.mark.parametrize("kind", ["feishu"])
def test_encrypted(group: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_certificate(tmp_path / "robot.pem", "127.0.0.1")
    with serve_robots(RobotServer(), serve_with(path)) as robots:
        group.enter(url=robots.url("feishu", "https"))
        [message] = group.tell()
        group.send()
        assert group.fate(message) == ("queued", "insecure")
        assert not robots.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        group.make_due()
        assert group.send() == DeliveryReport(sent=1)


# -- how often -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("usual_lanes")
@pytest.mark.parametrize("kind", ["dingtalk", "wecom"])
def test_no_faster_than_it_takes(group: Group, robots: RobotServer) -> None:
    pace = PACES[group.kind]
    robots.per_minute = 20
    group.enter()
    ids = [one for number in range(30) for one in group.tell(about=str(number))]
    began = time.monotonic()
    # However slow this machine is: an answer that comes late would be tried again, out of turn.
    report = group.send()
    lasted = dt.timedelta(seconds=time.monotonic() - began)
    sent = report.sent
    assert report == DeliveryReport(sent=sent)
    # What was saved up, and what became ready while it was sent.
    assert pace.burst <= sent <= min(pace.burst + 1 + lasted // pace.every, 30)
    states = [group.row(one) for one in ids]
    assert [row.state for row in states].count("queued") == 30 - sent
    # They wait, untouched: no attempt is spent, and nobody is told that something is due.
    assert {row.attempts for row in states if row.state == "queued"} <= {0}
    with transaction(group.sessions, STAFF) as session:
        session.execute(update(Endpoint).values(ready_at=utc_now() + dt.timedelta(minutes=10)))
        assert not has_due(session)
    assert group.send() == DeliveryReport()
    # In their turn, but that lanes which meet at the robot may pass each other.
    gone = [place for place, row in enumerate(states) if row.state == "sent"]
    assert max(gone) < sent + LANES - 1
    group.rest()
    assert group.send().sent >= min(pace.burst, 30 - sent)


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_a_deed_under_way_holds_nobody_up(group: Group, robots: RobotServer) -> None:
    """A message that isn't committed yet refers to the endpoint, which is booked and held all the
    same."""
    group.enter()
    first, second = group.tell(about="1")[0], group.tell(about="2")[0]
    robots.answers = [(200, json.dumps({"errcode": 0}).encode())]
    robots.answers.append((200, json.dumps({"errcode": 130101}).encode()))
    with ThreadPoolExecutor(1) as pool, transaction(group.sessions, STAFF) as session:
        group.write(session, "3", "正文")
        sent = pool.submit(group.send)
        try:
            assert sent.result(timeout=60) == DeliveryReport(sent=1, put_off=1)
        finally:
            session.rollback()
    assert {group.fate(first), group.fate(second)} == {("sent", ""), ("queued", "too_many")}


@pytest.mark.usefixtures("usual_lanes")
@pytest.mark.parametrize("kind", ["feishu"])
def test_ready_in_a_moment_it_is_waited_for(group: Group, robots: RobotServer) -> None:
    """All leave in one go, no more than five in any second."""
    group.enter()
    for number in range(12):
        group.tell(about=str(number))
    assert group.send() == DeliveryReport(sent=12)
    within = [sum(1 for at in robots.at if 0 <= at - one < 0.9) for one in robots.at]
    assert max(within) <= 5
    assert robots.at[-1] - robots.at[0] > (12 - 4 - 1) * 0.7


@pytest.mark.parametrize("kind", ["wecom"])
def test_unpaced_it_is_shut_out(
    group: Group, robots: RobotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the pace the robot refuses; then it is left alone for a while."""
    monkeypatch.setattr(delivering, "PACES", {})
    robots.per_minute = 10
    group.enter()
    ids = [one for number in range(12) for one in group.tell(about=str(number))]
    report = group.send()
    assert report.sent == 10
    assert report.put_off >= 1
    refused = [row for one in ids if (row := group.row(one)).attempts and row.state == "queued"]
    assert {row.fault for row in refused} == {"too_many"}
    with transaction(group.sessions, STAFF) as session:
        ready_at = session.get_one(Endpoint, group.id).ready_at
    assert ready_at is not None
    assert 50 < (ready_at - utc_now()).total_seconds() <= 60
    asked = len(robots.asked)
    assert group.send() == DeliveryReport()
    assert len(robots.asked) == asked


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_one_that_waits_keeps_nobody_else(group: Group, robots: RobotServer) -> None:
    group.enter()
    with serve_robots(RobotServer()) as others:
        other = Group(group.sessions, group.settings, others, "feishu")
        for number in range(10):
            group.tell(about=str(number))
        other.enter()
        with transaction(group.sessions, STAFF) as session:
            switch_endpoint(session, STAFF, group.id, enabled=False)
        late = other.tell(about="late")
        with transaction(group.sessions, STAFF) as session:
            switch_endpoint(session, STAFF, group.id, enabled=True)
        group.send()
        assert other.fate(late[0]) == ("sent", "")
    assert len(robots.taken) < 10


# -- what nobody sees ------------------------------------------------------------------------------


def everything_kept(sessions: SessionFactory) -> str:
    """All rows there are, as the database writes them."""
    with transaction(sessions, STAFF) as session:
        tables = session.scalars(
            text(
                "SELECT table_name FROM information_schema.tables"
                " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            )
        ).all()
        found = [
            str(row)
            for table in tables
            for row in session.execute(text(f'SELECT t::text FROM "{table}" t'))  # noqa: S608
        ]
    return "\n".join(found)


@each_kind
def test_the_url_is_nowhere(
    group: Group, robots: RobotServer, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whatever goes wrong, and whoever says it back to us."""
    caplog.set_level(logging.DEBUG)
    robots.secret = SECRET
    group.enter()
    token = robots.url(group.kind).rpartition("/" if group.kind == "feishu" else "=")[2]
    [message] = group.tell()
    echo = json.dumps(
        {"errcode": 310000, "errmsg": f"{token} {SECRET} {robots.url(group.kind)}",
         "code": 19021, "msg": f"{token} {SECRET} {robots.url(group.kind)}"}
    ).encode()  # fmt: skip
    robots.answers = [(200, echo)]
    with structlog.testing.capture_logs() as logs:
        group.send()
        row = group.row(message)
        assert "…" in row.detail
        for state in ("redirects", "stalls"):
            setattr(robots, state, True)
            group.make_due()
            group.send(timeout_s=0.3, longest_s=0.6)
        with transaction(group.sessions, STAFF) as session:
            shown = repr(find_endpoint(session, group.id))
            wanted = EndpointValues("again", robots.url(group.kind), (EVENT,))
            change_endpoint(session, STAFF, group.settings, group.id, wanted)
            with pytest.raises(InvalidError) as failed:
                create_endpoint(
                    session, STAFF, group.settings,
                    EndpointValues("bad", f"ftp://x/{token}", (), None), group.kind,
                )  # fmt: skip
            session.rollback()
        group.make_due()
        delete_later = everything_kept(group.sessions)
    written = [
        delete_later, shown, str(failed.value), repr(failed.value.fields), str(logs), caplog.text,
        "".join(capfd.readouterr()),
    ]  # fmt: skip
    for one in written:
        assert token not in one
        assert SECRET not in one
    # Where it may be seen it ends before the secret.
    assert f"http://127.0.0.1:{robots.port}/…" in shown


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_an_echo_unhidden_is_kept(
    group: Group, robots: RobotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without `hide` the search above finds it."""
    monkeypatch.setattr(robot_channel, "hide", lambda words, secrets: words)
    group.enter()
    group.tell()
    robots.answers = [(200, json.dumps({"errcode": 1, "errmsg": robots.token}).encode())]
    group.send()
    assert robots.token in everything_kept(group.sessions)


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_deleted_its_secrets_are_gone(group: Group, robots: RobotServer) -> None:
    group.enter(secret=SECRET)
    first, second = group.tell()[0], group.tell(about="deed/2")[0]
    owners = {secret_owner(group.id), url_owner(group.id)}
    with transaction(group.sessions, STAFF) as session:
        assert set(session.scalars(select(SealedSecret.owner))) == owners
        assert delete_endpoint(session, STAFF, group.id) == "dingtalk"
    with transaction(group.sessions, STAFF) as session:
        assert not set(session.scalars(select(SealedSecret.owner)))
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
        assert actions == ["endpoint.create", "endpoint.delete"]
    assert group.send() == DeliveryReport(given_up=2)
    assert group.fate(first) == group.fate(second) == ("failed", "switched_off")
    # Its name is free, and the log still says who it was.
    group.enter()
    assert group.row(first).recipient == "dingtalk"
    assert not robots.asked


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_a_new_url_is_another_robot(group: Group, robots: RobotServer) -> None:
    group.enter(secret=SECRET)
    for url, kept in ((None, True), (robots.url("dingtalk"), False)):
        with transaction(group.sessions, STAFF) as session:
            wanted = EndpointValues("dingtalk", url, (EVENT,))
            change_endpoint(session, STAFF, group.settings, group.id, wanted)
            owners = set(session.scalars(select(SealedSecret.owner)))
        assert (secret_owner(group.id) in owners) == kept
        assert url_owner(group.id) in owners


@each_kind
@pytest.mark.parametrize(
    ("url", "field"),
    [("", "url"), ("ftp://x/", "url"), ("https://oapi.dingtalk.com", "url"),
     ("https://user:pw@x/robot?key=1", "url"), ("other", "url")],
)  # fmt: skip
def test_what_is_no_robot(
    session: Any, settings: Settings, kind: str, url: str, field: str
) -> None:
    if url == "other":
        url = {"dingtalk": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1",
               "wecom": "https://open.larksuite.com/open-apis/bot/v2/hook/1",
               "feishu": "https://oapi.dingtalk.com/robot/send?access_token=1"}[kind]  # fmt: skip
    with pytest.raises(InvalidError) as failed:
        create_endpoint(session, STAFF, settings, EndpointValues("x", url, ()), kind)
    assert field in failed.value.fields


def test_wecom_signs_nothing(session: Any, settings: Settings) -> None:
    url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1"
    with pytest.raises(InvalidError):
        create_endpoint(session, STAFF, settings, EndpointValues("x", url, (), SECRET), "wecom")


@each_kind
def test_a_test_goes_the_same_way(group: Group, robots: RobotServer) -> None:
    group.enter(events=())
    with transaction(group.sessions, STAFF) as session:
        queue_test(session, STAFF, group.id)
    assert group.tell() == []
    assert group.send() == DeliveryReport(sent=1)
    assert "测试消息" in text_in(robots.taken[0])
    with transaction(group.sessions, STAFF) as session:
        assert find_endpoint(session, group.id).last_state == "sent"


@pytest.mark.parametrize("kind", ["dingtalk"])
def test_each_gets_what_it_reads(group: Group, robots: RobotServer) -> None:
    """A robot words in its language, a webhook the document."""
    group.enter(language="en")
    with serve_hooks(HookServer()) as hooks, transaction(group.sessions, STAFF) as session:
        wanted = EndpointValues("erp", f"http://127.0.0.1:{hooks.port}/", (EVENT,), SECRET)
        create_endpoint(session, STAFF, group.settings, wanted)
    group.tell(number=7)
    with transaction(group.sessions, STAFF) as session:
        rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    assert [(row.channel, row.title, row.payload) for row in rows] == [
        ("dingtalk", "标题 en", {"number": 7}), ("webhook", "", {"number": 7}),
    ]  # fmt: skip
