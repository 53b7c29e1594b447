"""What the network says of requests it can't deliver, heard by a sweep; and what isn't believed."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.demo.responder import Agent, Responder
from dcim.snmp.wire.faults import Refused, Timeout
from dcim.snmp.wire.icmp_errors import explain_error
from dcim.snmp.wire.port_plan import PortWalk
from dcim.snmp.wire.sweep import Sweep
from dcim.snmp.wire.target import Target
from tests.agents.ports import assert_whole, ports, walk_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux' error queue")

ROWS = range(1, 25)


def closed_ports(host: str, count: int) -> list[int]:
    """Ports that nobody listens on: all were free at the same time just now."""
    with ExitStack() as held:
        found = []
        for _ in range(count):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = held.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.bind((host, 0))
            found.append(int(sock.getsockname()[1]))
        return found


def closed_targets(count: int) -> list[Target]:
    """Half of them IPv4, half IPv6."""
    hosts = ("127.0.0.9", "::1")
    return [
        Target(host, port, community=b"public")
        for host in hosts
        for port in closed_ports(host, count // 2)
    ]


async def swept(
    agents: list[Agent], closed: int, running: Sweep, retries: int = 1
) -> dict[tuple[str, int], PortWalk]:
    """Sweep agents that live and closed ports; what came of each, by address."""
    ended: dict[tuple[str, int], PortWalk] = {}

    def done(walk: PortWalk) -> None:
        assert walk.peer not in ended
        ended[walk.peer] = walk

    async with Responder(agents):
        walks = [PortWalk(target, retries=retries) for target in closed_targets(closed)]
        walks[1:1] = [walk_of(agent, retries=retries) for agent in agents]
        await running.run(walks, done)
    return ended


def sweep_all(timeout_s: float, window: int = 512) -> tuple[float, Sweep]:
    """Sweep 200 closed ports and 30 living agents; all of these must come out whole."""
    agents = [Agent(ports(ROWS), host="::1" if turn % 2 else "127.0.0.1") for turn in range(30)]
    running = Sweep(timeout_s=timeout_s, window=window)
    began = time.monotonic()
    ended = asyncio.run(swept(agents, 200, running))
    took = time.monotonic() - began
    assert len(ended) == 230
    for agent in agents:
        assert_whole(ended.pop((agent.host, agent.port)), ROWS)
    assert {type(walk.read.error) for walk in ended.values()} == {
        Refused if took < timeout_s else Timeout
    }
    for (host, port), walk in ended.items():
        if took < timeout_s:
            assert str(walk.read.error) == f"{host} port {port}: port unreachable, says {host}"
    return took, running


@pytest.mark.parametrize("window", [3, 512])
def test_closed_ports_cost_no_timeout(window: int) -> None:
    took, running = sweep_all(timeout_s=5, window=window)
    assert took < 2.5  # a single timeout would be 5 s, all of them behind each other 667 s
    assert running.requests == 2 * 200 + 8 * 30  # each is asked once more
    assert not running.drops


def test_without_hearing_errors_closed_ports_take_their_timeouts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dcim.snmp.wire.sweep.hear_errors", lambda sock: None)
    took, _ = sweep_all(timeout_s=0.5)
    assert took >= 1


def test_without_tries_left_one_refusal_ends_it() -> None:
    running = Sweep(timeout_s=5)
    ended = asyncio.run(swept([], 4, running, retries=0))
    assert {type(walk.read.error) for walk in ended.values()} == {Refused}
    assert running.requests == 4


def test_an_agent_that_begins_to_listen_is_heard_in_the_same_poll() -> None:
    (port,) = closed_ports("127.0.0.1", 1)
    restarting = Agent(ports(ROWS), port=port)
    ended: list[PortWalk] = []

    async def work() -> None:
        with ExitStack() as stack:

            class Other(Agent):
                def answer(self, packet: bytes) -> bytes | None:
                    if not self.requests:
                        late = Responder([restarting])
                        late._open(restarting)
                        stack.callback(late.close)
                    return super().answer(packet)

            other = Other(ports(ROWS))
            async with Responder([other]):
                target = Target("127.0.0.1", port, community=b"public")
                walks = [PortWalk(target), walk_of(other)]
                await Sweep(timeout_s=5, window=1).run(walks, ended.append)

    asyncio.run(work())
    assert ended[1].peer[1] == port
    for walk in ended:
        assert_whole(walk, ROWS)


def test_an_agent_that_stops_in_the_middle_is_told_at_once() -> None:
    class Stops(Responder):
        def _drain(self, sock: socket.socket, agent: Agent) -> None:
            super()._drain(sock, agent)
            if agent.requests == 3:
                self.close()

    ended: list[PortWalk] = []

    async def work() -> None:
        agent = Agent(ports(ROWS))
        async with Stops([agent]):
            await Sweep(timeout_s=5).run([walk_of(agent)], ended.append)

    began = time.monotonic()
    asyncio.run(work())
    assert time.monotonic() - began < 2.5
    assert isinstance(ended[0].read.error, Refused)


# --- what isn't believed


class Slow(Responder):
    """Answers 10 ms late, so that errors come while it is asked."""

    @staticmethod
    def _send(sock: socket.socket, reply: bytes, peer: Any) -> None:
        asyncio.get_running_loop().call_later(0.01, Responder._send, sock, reply, peer)


class Watched(Sweep):
    """Sends datagrams of its own, from the sockets it asks from, and counts its wake-ups."""

    wakings = 0

    def throw(self, packet: bytes, peer: tuple[str, int]) -> None:
        for sock in self._sockets[":" in peer[0]]:
            sock.sendto(packet, peer)

    def _drain(self, sock: socket.socket, most: int = 256) -> None:
        self.wakings += 1
        super()._drain(sock, most)


def test_an_error_about_an_address_that_is_not_asked_changes_nothing() -> None:
    agents = [Agent(ports(ROWS)) for _ in range(5)]
    strangers = [("127.0.0.1", port) for port in closed_ports("127.0.0.1", 20)]
    running = Watched(timeout_s=5)
    ended: list[PortWalk] = []

    async def disturb() -> None:
        while not running._sockets:
            await asyncio.sleep(0)
        for stranger in strangers:
            for sock in running._sockets[False]:
                try:
                    sock.sendto(b"x", stranger)
                except ConnectionRefusedError:  # of the one before it: so it is heard
                    sock.sendto(b"x", stranger)
            await asyncio.sleep(0.002)

    async def work() -> None:
        async with Slow(agents):
            other = asyncio.create_task(disturb())
            await running.run([walk_of(agent, retries=0) for agent in agents], ended.append)
            await other

    asyncio.run(work())
    assert len(ended) == 5
    for walk in ended:
        assert_whole(walk, ROWS)
    assert running.drops["stray_icmp"] >= 10
    assert running.requests == 5 * 8  # nothing was asked twice


@pytest.mark.parametrize("reads", [True, False], ids=["read", "control"])
def test_an_error_that_a_sending_raised_already_does_not_keep_the_loop_awake(
    reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Agent(ports(ROWS), silent=True)
    (stranger,) = closed_ports("127.0.0.1", 1)
    running = Watched(timeout_s=0.4)
    if not reads:
        monkeypatch.setattr(running, "_read_errors", lambda sock: False)

    async def disturb() -> None:
        while not running._sockets:
            await asyncio.sleep(0)
        (sock, *_) = running._sockets[False]
        sock.sendto(b"x", ("127.0.0.1", stranger))
        with pytest.raises(ConnectionRefusedError):
            sock.sendto(b"x", ("127.0.0.1", stranger))

    async def work() -> None:
        async with Responder([silent]):
            other = asyncio.create_task(disturb())
            await running.run([walk_of(silent, retries=0)], lambda walk: None)
            await other

    asyncio.run(work())
    assert (running.wakings < 50) is reads


def checksum(octets: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def forge(
    agent: Agent, asker: tuple[str, int], quoted: bytes, code: int = 3, mtu: int = 0
) -> bytes:
    """A destination unreachable (RFC 792) about a datagram from `asker` to the agent."""
    if len(quoted) % 2:
        quoted += b"\0"
    udp = struct.pack(">HHHH", asker[1], agent.port, 8 + len(quoted), 0) + quoted
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
        socket.inet_aton(asker[0]), socket.inet_aton(agent.host),
    )  # fmt: skip
    body = ip + udp
    head = struct.pack(">BBHHH", 3, code, 0, 0, mtu)
    return struct.pack(">BBHHH", 3, code, checksum(head + body), 0, mtu) + body


@pytest.fixture
def raw() -> Iterator[socket.socket]:
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        pytest.skip("forging ICMP takes the right to use raw sockets")
    with sock:
        yield sock


FORGED = {
    "headers alone": (lambda packet: b"", 3, False),
    "another request": (lambda packet: packet[:-20] + bytes(20), 3, False),
    "cut off": (lambda packet: packet[:-2], 3, False),
    "too large for the way": (lambda packet: packet, 4, False),
    "the request, whole": (lambda packet: packet, 3, True),  # whoever can see it could answer, too
    "the request, prohibited": (lambda packet: packet, 13, True),
}


@pytest.mark.parametrize(("quote", "code", "believed"), FORGED.values(), ids=FORGED)
def test_a_forged_error_does_not_silence_an_agent(
    raw: socket.socket, quote: Any, code: int, believed: bool
) -> None:
    class Attacked(Slow):
        def _drain(self, sock: socket.socket, agent: Agent) -> None:
            packet, asker = sock.recvfrom(65_535)
            raw.sendto(forge(agent, ("127.0.0.1", asker[1]), quote(packet), code, 500), asker)
            reply = agent.answer(packet)
            assert reply
            self._send(sock, reply, asker)

    agent = Agent(ports(ROWS))
    running = Sweep(timeout_s=1)
    ended: list[PortWalk] = []

    async def work() -> None:
        async with Attacked([agent]):
            await running.run([walk_of(agent, retries=1)], ended.append)

    asyncio.run(work())
    if believed:
        assert isinstance(ended[0].read.error, Refused)
        assert ("prohibited" in str(ended[0].read.error)) is (code == 13)
    else:
        assert_whole(ended[0], ROWS)
        assert running.drops["stray_icmp"] == running.requests == 8


# --- words


def told(number: int, origin: int, kind: int, code: int, teller: bytes = b"") -> Any:
    data = struct.pack("=IBBBBII", number, origin, kind, code, 0, 0, 0) + teller
    return [(socket.IPPROTO_IPV6, 25, data) if origin == 3 else (socket.IPPROTO_IP, 11, data)]


def test_errors_have_words_and_some_are_no_refusals() -> None:
    router = struct.pack("=HH4s8x", socket.AF_INET, 0, bytes((192, 0, 2, 1)))
    assert (
        explain_error(told(errno.EHOSTUNREACH, 2, 3, 13, router))
        == "administratively prohibited, says 192.0.2.1"
    )
    assert explain_error(told(errno.EHOSTUNREACH, 2, 3, 1)) == "host unreachable"
    assert explain_error(told(errno.ECONNREFUSED, 3, 1, 4)) == "port unreachable"
    assert explain_error(told(errno.EHOSTUNREACH, 2, 3, 11)) == "No route to host"
    for number, origin, kind, code in (
        (errno.EMSGSIZE, 2, 3, 4),  # fragmentation needed
        (errno.EMSGSIZE, 3, 2, 0),  # packet too big
        (errno.EMSGSIZE, 1, 0, 0),  # our own kernel's
        (errno.EHOSTUNREACH, 2, 11, 0),  # time exceeded
        (errno.EPROTO, 2, 12, 0),  # parameter problem
    ):
        assert explain_error(told(number, origin, kind, code)) is None


@given(
    st.lists(st.tuples(st.sampled_from([0, 41]), st.sampled_from([11, 25]), st.binary(max_size=64)))
)
def test_any_ancillary_data_gives_words_or_none(ancillary: Any) -> None:
    words = explain_error(ancillary)
    assert words is None or words.isprintable()
