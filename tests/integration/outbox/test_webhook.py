"""Webhooks to a real server: signed, to listed targets alone, whatever the name leads to."""

import ipaddress
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dcim.accounts.models import AuditEntry, SealedSecret
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.outbox.channels import Outgoing, UndeliveredError
from dcim.outbox.delivering import DeliveryReport, deliver_due
from dcim.outbox.endpoint_queries import find_endpoint
from dcim.outbox.endpoints import (
    EndpointValues,
    change_endpoint,
    create_endpoint,
    list_subscribed,
)
from dcim.outbox.models import OutboxMessage
from dcim.outbox.queueing import NewMessage, queue_messages
from dcim.outbox.telling import queue_test
from dcim.outbox.webhook import WebhookChannel
from tests.agents.certificates import serve_with, write_certificate
from tests.agents.hook_server import HookServer, serve_hooks
from tests.unit.outbox.test_signature import check

STAFF = Scope.staff("wang")
SECRET = "SECRET-of-sixteen-and-more"
LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)
EVENT = "statement.issued"


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with serve_hooks(HookServer()) as made:
        yield made


@pytest.fixture
def endpoint(sessions: SessionFactory, settings: Settings, hooks: HookServer) -> int:
    with transaction(sessions, STAFF) as session:
        wanted = EndpointValues("erp", f"http://127.0.0.1:{hooks.port}/hook?a=b", (EVENT,), SECRET)
        return create_endpoint(session, STAFF, settings, wanted)


def queue(sessions: SessionFactory, endpoint_id: int, about: str = "deed/1") -> int:
    with transaction(sessions, STAFF) as session:
        [message_id] = queue_messages(
            session,
            [
                NewMessage(
                    about=about, channel="webhook", event=EVENT, recipient="erp",
                    endpoint_id=endpoint_id, payload={"statement": {"number": "对账单-1"}},
                )
            ],
        )  # fmt: skip
        return message_id


def channel(
    sessions: SessionFactory,
    settings: Settings,
    allowed: tuple[Any, ...] = LOOPBACK,
    *,
    timeout_s: float = 20,
) -> WebhookChannel:
    made = replace(settings, webhook_allowed=allowed)
    return WebhookChannel(made, sessions, timeout_s=timeout_s, longest_s=2 * timeout_s)


def outgoing(endpoint_id: int) -> Outgoing:
    from dcim.columns import utc_now

    return Outgoing(
        id=1, attempt=1, channel="webhook", event=EVENT, recipient="erp", customer_id=None,
        statement_id=None, endpoint_id=endpoint_id, title="", text="", attach=False, payload={},
        delivery_id="0f0f", created_at=utc_now(),
    )  # fmt: skip


def refused(channel: WebhookChannel, endpoint_id: int) -> UndeliveredError:
    with pytest.raises(UndeliveredError) as failed:
        channel.deliver(outgoing(endpoint_id))
    return failed.value


def move(sessions: SessionFactory, settings: Settings, endpoint_id: int, **changes: Any) -> None:
    with transaction(sessions, STAFF) as session:
        found = find_endpoint(session, endpoint_id)
        wanted = EndpointValues(found.name, found.url, found.events, None, found.enabled)
        change_endpoint(session, STAFF, settings, endpoint_id, replace(wanted, **changes))


def test_what_arrives(
    sessions: SessionFactory, settings: Settings, hooks: HookServer, endpoint: int
) -> None:
    message_id = queue(sessions, endpoint)
    way = channel(sessions, settings)
    assert deliver_due(sessions, {"webhook": way}) == DeliveryReport(sent=1)
    [posted] = hooks.posted
    with transaction(sessions, STAFF) as session:
        row = session.get_one(OutboxMessage, message_id)
        assert row.state == "sent"
    assert posted.path == "/hook?a=b"
    assert json.loads(posted.body) == {
        "id": row.delivery_id,
        "event": EVENT,
        "created_at": row.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "statement": {"number": "对账单-1"},
    }
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["Jifang-Event"] == EVENT
    assert posted.headers["Jifang-Delivery"] == row.delivery_id
    assert posted.headers["Host"] == f"127.0.0.1:{hooks.port}"
    signature = posted.headers["Jifang-Signature"]
    assert check(signature, posted.body, SECRET)
    assert not check(signature, posted.body, SECRET + "x")
    assert abs(int(signature[2:].partition(",")[0]) - time.time()) < 60
    # With another secret from now on.
    move(sessions, settings, endpoint, secret="another secret, long enough")
    queue(sessions, endpoint, "deed/2")
    deliver_due(sessions, {"webhook": way})
    again = hooks.posted[1]
    assert check(again.headers["Jifang-Signature"], again.body, "another secret, long enough")


def test_only_where_it_may(
    sessions: SessionFactory, settings: Settings, hooks: HookServer, endpoint: int
) -> None:
    for allowed in ((), (ipaddress.ip_network("10.0.0.0/8"),), ("hooks.example.com",)):
        error = refused(channel(sessions, settings, allowed), endpoint)
        assert (error.fault, error.final) == ("target", True)
    assert not hooks.posted
    # The control: listed, it arrives.
    channel(sessions, settings).deliver(outgoing(endpoint))
    assert len(hooks.posted) == 1


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]"]
)
def test_written_otherwise_it_is_the_same_place(
    sessions: SessionFactory, settings: Settings, hooks: HookServer, endpoint: int, host: str
) -> None:
    move(sessions, settings, endpoint, url=f"https://{host}:{hooks.port}/")
    name = host.strip("[]")
    error = refused(channel(sessions, settings, (name,)), endpoint)
    assert error.fault == "target"
    assert not hooks.posted


def test_a_name_that_leads_elsewhere_the_second_time(
    sessions: SessionFactory,
    settings: Settings,
    hooks: HookServer,
    endpoint: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looked up once: what was judged is what is connected to."""
    answers = [[_found("8.8.8.8")], [_found("127.0.0.1")], [_found("127.0.0.1")]]
    asked: list[str] = []
    connected: list[Any] = []

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return answers[len(asked) - 1]

    def connect(place: Any, *args: Any) -> Any:
        connected.append(place)
        raise ConnectionRefusedError("elsewhere")

    move(sessions, settings, endpoint, url=f"https://hooks.example.com:{hooks.port}/")
    way = channel(sessions, settings, ("hooks.example.com",))
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        patch.setattr(socket, "create_connection", connect)
        assert refused(way, endpoint).fault == "unreachable"
        # The next attempt is judged by what the name leads to then.
        assert refused(way, endpoint).fault == "target"
    assert connected == [("8.8.8.8", hooks.port)]
    assert not hooks.posted


def _found(address: str) -> Any:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))


def test_of_several_addresses_only_one_that_may(
    sessions: SessionFactory,
    settings: Settings,
    hooks: HookServer,
    endpoint: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    move(sessions, settings, endpoint, url=f"http://hooks.office:{hooks.port}/")
    found = [_found("169.254.169.254"), _found("127.0.0.1")]
    way = channel(sessions, settings)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **rest: found if host == "hooks.office" else real(host, *args, **rest),
    )
    way.deliver(outgoing(endpoint))
    assert hooks.posted[0].headers["Host"] == f"hooks.office:{hooks.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(
    sessions: SessionFactory, settings: Settings, hooks: HookServer, endpoint: int, status: int
) -> None:
    hooks.status, hooks.location = status, f"http://127.0.0.1:{hooks.port}/elsewhere"
    error = refused(channel(sessions, settings), endpoint)
    assert (error.fault, error.detail, error.final) == ("refused", f"HTTP {status}", True)
    assert [one.path for one in hooks.posted] == ["/hook?a=b"]


@pytest.mark.parametrize(
    ("status", "fault"),
    [(400, "refused"), (404, "refused"), (410, "refused"), (408, "put_off"), (429, "put_off"),
     (500, "put_off"), (503, "put_off")],
)  # fmt: skip
def test_what_it_answers(
    sessions: SessionFactory,
    settings: Settings,
    hooks: HookServer,
    endpoint: int,
    status: int,
    fault: str,
) -> None:
    hooks.status = status
    error = refused(channel(sessions, settings), endpoint)
    assert (error.fault, error.final) == (fault, fault == "refused")


def test_slow_ones(
    sessions: SessionFactory, settings: Settings, hooks: HookServer, endpoint: int
) -> None:
    hurried = channel(sessions, settings, timeout_s=1)
    hooks.stalls = True
    assert refused(hurried, endpoint).fault == "slow"
    hooks.stalls, hooks.trickles = False, True
    began = time.monotonic()
    assert refused(hurried, endpoint).fault == "slow"
    assert time.monotonic() - began < 15  # it goes on for twenty


def test_nobody_there(sessions: SessionFactory, settings: Settings, endpoint: int) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    move(sessions, settings, endpoint, url=f"http://127.0.0.1:{port}/")
    error = refused(channel(sessions, settings), endpoint)
    assert (error.fault, error.final) == ("unreachable", False)
    # Encrypted, where nobody speaks TLS.
    with serve_hooks(HookServer()) as hooks:
        move(sessions, settings, endpoint, url=f"https://127.0.0.1:{hooks.port}/")
        hurried = channel(sessions, settings, timeout_s=1)
        assert refused(hurried, endpoint).fault in {"insecure", "slow"}


def test_encrypted(
    sessions: SessionFactory,
    settings: Settings,
    endpoint: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write_certificate(tmp_path / "hook.pem", "127.0.0.1")
    with serve_hooks(HookServer(), serve_with(path)) as hooks:
        move(sessions, settings, endpoint, url=f"https://127.0.0.1:{hooks.port}/")
        way = channel(sessions, settings)
        # Nobody vouches for it.
        assert refused(way, endpoint).fault == "insecure"
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        way.deliver(outgoing(endpoint))
        assert len(hooks.posted) == 1
        # It is another's, whatever address is connected to.
        move(sessions, settings, endpoint, url=f"https://localhost:{hooks.port}/")
        assert refused(way, endpoint).fault == "insecure"
        assert len(hooks.posted) == 1


def test_switched_off(
    sessions: SessionFactory, settings: Settings, hooks: HookServer, endpoint: int
) -> None:
    with transaction(sessions, STAFF) as session:
        assert [one.id for one in list_subscribed(session, EVENT)] == [endpoint]
        assert list_subscribed(session, "other") == []
    move(sessions, settings, endpoint, enabled=False)
    error = refused(channel(sessions, settings), endpoint)
    assert (error.fault, error.final) == ("switched_off", True)
    with transaction(sessions, STAFF) as session:
        assert list_subscribed(session, EVENT) == []


def test_a_test_goes_the_same_way(
    sessions: SessionFactory, settings: Settings, hooks: HookServer, endpoint: int
) -> None:
    move(sessions, settings, endpoint, events=())
    with transaction(sessions, STAFF) as session:
        queue_test(session, STAFF, endpoint)
        with pytest.raises(NotFoundError):
            queue_test(session, STAFF, 987_654)
    assert deliver_due(sessions, {"webhook": channel(sessions, settings)}).sent == 1
    assert json.loads(hooks.posted[0].body)["event"] == "test"


# -- entering endpoints ----------------------------------------------------------------------------

GOOD = EndpointValues("siem", "https://hooks.example.com/x", (EVENT,), SECRET)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "ftp://x/"}, "url"),
        ({"url": "https://a:b@x/"}, "url"),
        ({"secret": None}, "secret"),
        ({"secret": "too short"}, "secret"),
        ({"events": ("other",)}, "events"),
    ],
)
def test_what_is_no_endpoint(
    session: Any, settings: Settings, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as failed:
        create_endpoint(session, STAFF, settings, replace(GOOD, **changes))
    assert field in failed.value.fields


def test_a_name_once(session: Any, settings: Settings) -> None:
    first = create_endpoint(session, STAFF, settings, GOOD)
    with pytest.raises(ConflictError, match="siem"):
        create_endpoint(session, STAFF, settings, GOOD)
    # Its own name is no other's.
    change_endpoint(session, STAFF, settings, first, replace(GOOD, secret=None, enabled=False))
    assert not find_endpoint(session, first).enabled


def test_the_secret_only_goes_in(sessions: SessionFactory, settings: Settings) -> None:
    with transaction(sessions, STAFF) as session:
        made = create_endpoint(session, STAFF, settings, GOOD)
        change_endpoint(session, STAFF, settings, made, GOOD)
        assert SECRET not in repr(find_endpoint(session, made))
        for entry in session.scalars(select(AuditEntry)):
            assert SECRET not in json.dumps(entry.detail)
        for sealed in session.scalars(select(SealedSecret)):
            assert SECRET.encode() not in sealed.ciphertext
