"""Syslog to collectors of our own: datagrams, streams, TLS; only where it may, over in time."""

import ipaddress
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError
from dcim.outbox.delivering import DeliveryReport, deliver_due
from dcim.outbox.endpoints import EndpointValues, change_endpoint, create_endpoint
from dcim.outbox.models import OutboxMessage
from dcim.outbox.queueing import queue_messages, retry_messages
from dcim.outbox.syslog import SyslogChannel
from dcim.outbox.syslog_message import BOM
from dcim.outbox.telling import write_to_endpoints
from tests.agents.certificates import serve_with, write_certificate
from tests.agents.syslog_server import SyslogServer, serve_datagrams, serve_streams
from tests.unit.outbox.test_syslog_message import read

STAFF = Scope.staff("wang")
LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)


@dataclass
class Collector:
    sessions: SessionFactory
    settings: Settings
    id: int = 0

    def enter(self, url: str) -> None:
        with transaction(self.sessions, STAFF) as session:
            wanted = EndpointValues("siem", url, ("alarm.raised",))
            self.id = create_endpoint(session, STAFF, self.settings, wanted, "syslog")

    def move(self, url: str) -> None:
        with transaction(self.sessions, STAFF) as session:
            wanted = EndpointValues("siem", url, ("alarm.raised",))
            change_endpoint(session, STAFF, self.settings, self.id, wanted)

    def tell(self, about: str = "deed", words: str = "市电中断\n机房 A", **payload: Any) -> int:
        with transaction(self.sessions, STAFF) as session:
            messages = write_to_endpoints(
                session, "alarm.raised", about=about, words=lambda language: ("告警", words),
                payload=payload,
            )  # fmt: skip
            [message] = queue_messages(session, messages)
        return message

    def send(self, allowed: Any = LOOPBACK, *, timeout_s: float = 20) -> DeliveryReport:
        made = replace(self.settings, syslog_allowed=allowed)
        way = SyslogChannel(made, self.sessions, timeout_s=timeout_s, longest_s=3 * timeout_s)
        return deliver_due(self.sessions, {"syslog": way})

    def again(self, message: int) -> None:
        with transaction(self.sessions, STAFF) as session:
            retry_messages(session, STAFF, [message])

    def fate(self, message: int) -> tuple[str, str]:
        with transaction(self.sessions, STAFF) as session:
            row = session.get_one(OutboxMessage, message)
            return row.state, row.fault


@pytest.fixture
def collector(sessions: SessionFactory, settings: Settings) -> Collector:
    return Collector(sessions, settings)


def test_a_datagram(collector: Collector) -> None:
    with serve_datagrams(SyslogServer()) as server:
        collector.enter(f"udp://127.0.0.1:{server.port}")
        message = collector.tell(severity="critical", device='PDU "1"]')
        assert collector.send() == DeliveryReport(sent=1)
        # Sent; whether it arrived nobody says, and the list says that.
        assert collector.fate(message) == ("sent", "unconfirmed")
        assert server.heard.wait(60)
        [heard] = server.messages
    found, params = read(heard)
    assert int(found["pri"]) == 16 * 8 + 1
    assert found["msgid"] == b"alarm.raised"
    assert params["device"] == 'PDU "1"]'
    assert len(params["id"]) == 36
    assert found["msg"].decode() == "告警 / 市电中断 / 机房 A"


def test_nobody_hears_a_datagram(collector: Collector) -> None:
    """It counts as sent all the same: UDP has no answer."""
    collector.enter(f"udp://127.0.0.1:{closed_port(socket.SOCK_DGRAM)}")
    message = collector.tell()
    assert collector.send() == DeliveryReport(sent=1)
    assert collector.fate(message) == ("sent", "unconfirmed")


def closed_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as closed:
        closed.bind(("127.0.0.1", 0))
        return int(closed.getsockname()[1])


def test_a_stream(collector: Collector) -> None:
    with serve_streams(SyslogServer()) as server:
        collector.enter(f"tcp://127.0.0.1:{server.port}")
        ids = [collector.tell(str(number), words="行\n" * 1000) for number in range(3)]
        assert collector.send() == DeliveryReport(sent=3)
        assert {collector.fate(one) for one in ids} == {("sent", "")}
        assert server.heard.wait(60)
        assert len(server.messages) == 3
        assert not server.broken
        for heard in server.messages:
            found, _params = read(heard)
            assert found["msg"].decode().startswith("告警 / 行 / 行")


def test_encrypted(collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_certificate(tmp_path / "siem.pem", "127.0.0.1")
    with serve_streams(SyslogServer(), serve_with(path)) as server:
        collector.enter(f"tls://127.0.0.1:{server.port}")
        message = collector.tell()
        assert collector.send() == DeliveryReport(put_off=1)
        assert collector.fate(message) == ("queued", "insecure")
        assert not server.messages
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        collector.again(message)
        assert collector.send() == DeliveryReport(sent=1)
        assert server.heard.wait(60)
        assert BOM + "告警".encode() in server.messages[0]


def test_one_that_keeps_the_connection(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_certificate(tmp_path / "siem.pem", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    for scheme, tls in (("tcp", None), ("tls", serve_with(path))):
        with serve_streams(SyslogServer(keeps=True), tls) as server:
            url = f"{scheme}://127.0.0.1:{server.port}"
            collector.move(url) if collector.id else collector.enter(url)
            collector.tell(about=scheme)
            assert collector.send() == DeliveryReport(sent=1)
            assert len(server.messages) == 1


def test_one_that_hangs_up(collector: Collector) -> None:
    with serve_streams(SyslogServer(resets=True)) as server:
        collector.enter(f"tcp://127.0.0.1:{server.port}")
        message = collector.tell()
        assert collector.send() == DeliveryReport(put_off=1)
        assert collector.fate(message) == ("queued", "unreachable")
        # The control: one that reads it first.
        server.resets = False
        collector.again(message)
        assert collector.send() == DeliveryReport(sent=1)


def test_one_that_stalls_and_one_that_is_not_there(collector: Collector) -> None:
    with serve_streams(SyslogServer(stalls=True)) as server:
        collector.enter(f"tls://127.0.0.1:{server.port}")
        message = collector.tell()
        collector.send(timeout_s=1)
        assert collector.fate(message) == ("queued", "slow")
    collector.move(f"tcp://127.0.0.1:{closed_port(socket.SOCK_STREAM)}")
    collector.again(message)
    collector.send()
    assert collector.fate(message) == ("queued", "unreachable")


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
def test_only_where_it_may(collector: Collector, scheme: str) -> None:
    with serve_datagrams(SyslogServer()) as datagrams, serve_streams(SyslogServer()) as streams:
        server = datagrams if scheme == "udp" else streams
        collector.enter(f"{scheme}://localhost:{server.port}")
        message = collector.tell()
        for allowed in ((), ("localhost",), (ipaddress.ip_network("10.0.0.0/8"),)):
            collector.send(allowed)
            assert collector.fate(message) == ("failed", "target")
            collector.again(message)
        assert not server.heard.wait(0.3)


def test_a_listed_name_is_talked_to_by_tls_alone(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def connect(place: Any, *args: Any) -> Any:
        asked.append(place)
        raise ConnectionRefusedError("elsewhere")

    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *args, **rest: [(socket.AF_INET, 1, 6, "", ("8.8.8.8", 1))]
    )
    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", connect)
        collector.enter("tcp://siem.example.com")
        message = collector.tell()
        collector.send(("siem.example.com",))
        assert collector.fate(message) == ("failed", "target")
        collector.move("tls://siem.example.com")
        collector.again(message)
        collector.send(("siem.example.com",))
        assert collector.fate(message) == ("queued", "unreachable")
    assert asked == [("8.8.8.8", 6514)]


@pytest.mark.parametrize(
    "url", ["https://siem/", "siem.example.com:514", "tcp://siem:99999", "tls://siem/path",
            "udp://a b", "tcp://", "udp://user:pw@siem"],
)  # fmt: skip
def test_what_is_no_collector(session: Any, settings: Settings, url: str) -> None:
    with pytest.raises(InvalidError) as failed:
        create_endpoint(session, STAFF, settings, EndpointValues("x", url, ()), "syslog")
    assert "url" in failed.value.fields
