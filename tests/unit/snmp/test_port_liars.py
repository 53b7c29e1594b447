"""The port plan against liars: what doesn't fit is not accepted, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from dcim.demo.responder import Agent, Responder, StaticTree
from dcim.snmp.wire import ber, column_reply
from dcim.snmp.wire.ber import Message, VarBind
from dcim.snmp.wire.faults import SnmpError, Timeout, WalkError
from dcim.snmp.wire.if_mib import SYS_UPTIME
from dcim.snmp.wire.port_plan import PORT_PLAN, PortColumn, PortWalk
from dcim.snmp.wire.sweep import Sweep
from tests.agents.ports import UPTIME, assert_whole, ports, read, read_one, walk_of

Forge = Callable[[Message, Message], bytes]


class Liar(Agent):
    """Answers with what `forge` makes of the request and the honest reply."""

    forge: Forge

    def answer(self, packet: bytes) -> bytes | None:
        honest = super().answer(packet)
        assert honest
        return self.forge(ber.decode_message(packet), ber.decode_message(honest))


def liar(forge: Forge) -> Liar:
    agent = Liar(ports(range(1, 49)))
    agent.forge = forge
    return agent


def changed(**changes: Any) -> Forge:
    return lambda request, reply: ber.encode_message(reply._replace(**changes))


def reordered(change: Callable[[list[VarBind]], list[VarBind]]) -> Forge:
    return lambda request, reply: ber.encode_message(
        reply._replace(varbinds=[reply.varbinds[0], *change(reply.varbinds[1:])])
    )


@pytest.mark.parametrize(
    ("reason", "error", "forge"),
    [
        ("unknown_request_id", Timeout, changed(request_id=ber.GET)),
        ("wrong_community", Timeout, changed(community=b"publix")),
        ("wrong_version", Timeout, changed(version=ber.V1)),
        ("not_a_response", Timeout, changed(pdu=0xA7)),
        ("wrong_oid", Timeout, changed(varbinds=[])),
        (
            "wrong_oid",
            Timeout,
            lambda q, r: ber.encode_message(r._replace(varbinds=r.varbinds[1:])),
        ),
        ("wrong_oid", Timeout, reordered(lambda rows: rows * 3)),
        ("malformed", Timeout, lambda q, r: ber.encode_message(r)[:-1]),
        ("malformed", Timeout, lambda q, r: ber.encode_message(r) + b"\x00"),
        ("malformed", Timeout, lambda q, r: b"\x30\x03junk"),
        ("malformed", Timeout, lambda q, r: b""),
        ("not_increasing", WalkError, reordered(lambda rows: rows[::-1])),
        ("not_increasing", WalkError, reordered(lambda rows: [rows[0], *rows[:10]])),
        ("not_increasing", WalkError, reordered(lambda rows: [VarBind((1, 3), rows[0].value)])),
        ("ended_early", WalkError, reordered(lambda rows: [])),
        (
            "not_a_number",
            WalkError,
            reordered(lambda rows: [VarBind(rows[0].oid, ber.octet_string(b"1"))]),
        ),
    ],
)
def test_what_does_not_fit_is_dropped_and_counted_and_delays_nobody(
    reason: str, error: type[SnmpError], forge: Forge
) -> None:
    bad = liar(forge)
    good = [Agent(ports(range(1, 49))) for _ in range(5)]
    finished: dict[int, float] = {}

    class Timed(Sweep):
        def _finish(self, walk: PortWalk, error: SnmpError | None = None) -> None:
            finished[walk.target.port] = time.monotonic()
            super()._finish(walk, error)

    done, sweep = asyncio.run(read([bad, *good], timeout_s=1.0, retries=0, kind=Timed))
    assert sweep.drops == {reason: 1}
    assert type(done[bad.port].read.error) is error
    assert not any(done[bad.port].read.columns)
    assert sweep.varbinds == len(good) * 8 * 49
    for agent in good:
        assert_whole(done[agent.port], range(1, 49))
        assert error is not Timeout or finished[agent.port] < finished[bad.port]


def test_a_walk_that_repeats_itself_from_reply_to_reply_is_an_error() -> None:
    first: list[list[VarBind]] = []

    def repeat(rows: list[VarBind]) -> list[VarBind]:
        first.append(rows[:10])
        return first[0]

    walk, sweep = read_one(liar(reordered(repeat)))
    assert isinstance(walk.read.error, WalkError)
    assert sweep.drops == {"not_increasing": 1}


def test_control_an_honest_liar_is_believed() -> None:
    walk, sweep = read_one(liar(changed()))
    assert_whole(walk, range(1, 49))
    assert not sweep.drops


@pytest.mark.parametrize("change", [{"community": b"publix"}, {"version": 0}, {"pdu": 0xA7}])
def test_control_without_the_doorman_lies_are_believed(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_reply, "objection", lambda message, asked: "")
    walk, _ = read_one(liar(changed(**change)))
    assert_whole(walk, range(1, 49))


async def spoof(kind: type[Sweep]) -> tuple[PortWalk, Sweep]:
    """Answer from another port, knowing all else, before the agent itself does."""
    loop = asyncio.get_running_loop()
    done: list[PortWalk] = []
    honest = Agent(ports([1]))
    false = Agent(ports([1]))
    false.tree = StaticTree({SYS_UPTIME: ber.timeticks(UPTIME), (*PORT_PLAN[0].oid, 1): _LIE})
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        for sock in (agent, other):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        honest.port = agent.getsockname()[1]

        def hear() -> None:
            packet, peer = agent.recvfrom(65_535)
            other.sendto(false.answer(packet) or b"", peer)
            loop.call_later(0.02, agent.sendto, honest.answer(packet) or b"", peer)

        loop.add_reader(agent, hear)
        sweep = kind(timeout_s=1)
        await sweep.run([walk_of(honest)], done.append)
        loop.remove_reader(agent)
    return done[0], sweep


_LIE = ber.counter64(666)


def test_a_spoofed_source_is_dropped() -> None:
    walk, sweep = asyncio.run(spoof(Sweep))
    assert_whole(walk, [1])
    assert set(sweep.drops) == {"wrong_source"}
    assert sweep.drops["wrong_source"] >= 8


def test_control_without_the_source_check_the_spoof_is_believed() -> None:
    class Anybody(Sweep):
        def _asked_at(self, sock: socket.socket, source: Any) -> PortWalk | None:
            return next(iter(self._flying.values()), None)

    walk, _ = asyncio.run(spoof(Anybody))
    assert walk.read.column(PortColumn.IN_OCTETS) == {1: 666}


def forge_one(draw: random.Random, request: Message, honest: bytes) -> tuple[bytes, int]:  # noqa: PLR0911
    """Make a lie: the honest reply but for one thing; return it and its port's shift."""
    told = ber.decode_message(honest)
    kind = draw.randrange(7)
    if kind == 0:
        return honest, 70_000 + draw.randint(1, 1000)  # a port that no agent of the test has
    if kind == 1:
        told = told._replace(request_id=request.request_id ^ draw.randint(1, 2**31 - 1))
        return ber.encode_message(told), 0
    if kind == 2:
        return ber.encode_message(told._replace(community=draw.randbytes(draw.randrange(12)))), 0
    if kind == 3:
        binds = [VarBind((1, 3, draw.randrange(9)), ber.integer(1)), *told.varbinds[1:]]
        return ber.encode_message(told._replace(varbinds=binds)), 0
    if kind == 4:
        return honest[: draw.randrange(len(honest))], 0
    if kind == 5:
        return ber.encode_message(told._replace(varbinds=told.varbinds * 2)), 0
    return draw.randbytes(draw.randrange(1, 90)), 0


def test_none_of_ten_thousand_lies_is_accepted_and_the_others_are_read_meanwhile() -> None:
    draw = random.Random(20261126)
    heard: list[bytes] = []

    class Silent(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            heard.append(packet)
            return None

    victim = Silent(ports(range(1, 49)))
    others = [Agent(ports(range(1, 49))) for _ in range(20)]
    done: dict[int, PortWalk] = {}

    async def work() -> None:
        async with Responder([victim, *others]):
            sweep = Sweep(timeout_s=60)
            walks = [walk_of(agent) for agent in (victim, *others)]
            running = asyncio.create_task(
                sweep.run(walks, lambda walk: done.update({walk.target.port: walk}))
            )
            while not heard:
                await asyncio.sleep(0)
            request = ber.decode_message(heard[0])
            honest = Agent.answer(victim, heard[0])
            assert honest
            for turn in range(10_000):
                packet, shift = forge_one(draw, request, honest)
                source = (victim.host, victim.port + shift)
                sweep._receive(walks[0].sock, packet, source)
                if turn % 50 == 0:
                    await asyncio.sleep(0)
            while len(done) < len(others):
                await asyncio.sleep(0.001)
            assert sum(sweep.drops.values()) == 10_000
            assert victim.port not in done
            assert sweep.varbinds == len(others) * 8 * 49
            sweep._receive(walks[0].sock, honest, (victim.host, victim.port))
            assert sweep.varbinds == (len(others) * 8 + 1) * 49
            running.cancel()

    asyncio.run(work())
    for agent in others:
        assert_whole(done[agent.port], range(1, 49))
