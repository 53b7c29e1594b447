"""The v1/v2c engine against simulated agents and against liars."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from dcim.demo.responder import Agent, LiveTree, Responder, StaticTree
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Message, Oid, Value, VarBind
from dcim.snmp.wire.engine import Engine, WalkLimits
from dcim.snmp.wire.faults import AgentError, Refused, SnmpError, Timeout, WalkError
from dcim.snmp.wire.target import Target, UsmCredentials
from dcim.snmp.wire.transport import Ask, UdpTransport

T = TypeVar("T")
ROOT = (1, 3, 6, 1, 4, 1, 99999)
UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def numbers(count: int, columns: int = 3) -> dict[Oid, Value]:
    objects: dict[Oid, Value] = {
        (*ROOT, column, row): ber.counter64(column * 1000 + row)
        for column in range(1, columns + 1)
        for row in range(1, count + 1)
    }
    objects[UPTIME] = ber.timeticks(4242)
    objects[(1, 3, 6, 1, 7, 1)] = ber.integer(1)  # something behind the table
    return objects


def target(agent: Agent, **changes: Any) -> Target:
    given: dict[str, Any] = {"community": b"public", "timeout_s": 0.3, "retries": 1}
    return Target(agent.host, agent.port, **(given | changes))


def test_get_walk_and_table_agree_with_the_tree() -> None:
    objects = numbers(60)
    agent = Agent(StaticTree(objects))

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            there = target(agent)
            absent = (*ROOT, 9, 9)
            got = await engine.get(there, [UPTIME, absent, (*ROOT, 1, 1)])
            assert [bind.oid for bind in got] == [UPTIME, absent, (*ROOT, 1, 1)]
            assert [bind.value.missing for bind in got] == [False, True, False]
            walked = await engine.walk(there, ROOT)
            assert dict(walked) == {o: v for o, v in objects.items() if o[:7] == ROOT}
            columns = [(*ROOT, 1), (*ROOT, 3), (*ROOT, 7)]
            table = await engine.table(there, columns, [UPTIME])
            assert table[(*ROOT, 3)] == {(row,): ber.counter64(3000 + row) for row in range(1, 61)}
            assert table[(*ROOT, 7)] == {}
            assert table[UPTIME] == {(): ber.timeticks(4242)}
            assert set(table.received) == {(row,) for row in range(1, 61)}
            assert not engine.drops

    run(work())


@pytest.mark.parametrize("bears", [4, 5, 7, 11, 64])
def test_a_row_comes_out_of_one_reply_however_replies_are_cut(bears: int) -> None:
    """Else the counters of a port could be told beside the name of another; see port_poll.py."""
    columns = [(*ROOT, column) for column in range(1, 5)]
    agent = Agent(StaticTree({}), max_varbinds=bears)
    agent.tree = LiveTree(
        {
            (*column, row): lambda: ber.gauge32(agent.requests)
            for column in columns
            for row in range(30)
        }
    )

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            table = await engine.table(target(agent), columns)
            for row in range(30):
                assert len({table[column][row,] for column in columns}) == 1, row
            assert len(table.received) == 30

    run(work())


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("bulk", [True, False])
def test_tables_with_holes_come_out_whole(version: str, bulk: bool) -> None:
    objects: dict[Oid, Value] = {
        (*ROOT, column, row): ber.gauge32(row)
        for column in (1, 2, 3)
        for row in range(1, 30)
        if row % (column + 1)
    }
    agent = Agent(StaticTree(objects))

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            there = target(agent, version=version, bulk=bulk)
            table = await engine.table(there, [(*ROOT, c) for c in (1, 2, 3)], [UPTIME])
            for column in (1, 2, 3):
                assert set(table[(*ROOT, column)]) == {
                    (row,) for row in range(1, 30) if row % (column + 1)
                }
            got = await engine.get(there, [(*ROOT, 1, 2), (*ROOT, 1, 1)])
            assert got[0].value.missing
            assert got[1].value.number == 1

    run(work())


@pytest.mark.parametrize("max_size", [110, 150, 300, 700])
def test_replies_cut_short_lose_nothing(max_size: int) -> None:
    agent = Agent(StaticTree(numbers(30, columns=5)), max_size=max_size)

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            table = await engine.table(target(agent), [(*ROOT, c) for c in range(1, 6)])
            for column in range(1, 6):
                assert table[(*ROOT, column)] == {
                    (row,): ber.counter64(column * 1000 + row) for row in range(1, 31)
                }
            assert len(await engine.walk(target(agent), ROOT)) == 150

    run(work())


def test_ipv6() -> None:
    agent = Agent(StaticTree(numbers(3)), host="::1")

    async def work() -> None:
        try:
            responder = await Responder([agent]).__aenter__()
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        async with Engine() as engine:
            assert len(await engine.walk(target(agent), ROOT)) == 9
        responder.close()

    run(work())


def test_an_agent_without_getbulk_is_read_by_getnext() -> None:
    agent = Agent(StaticTree(numbers(8)), bulk_works=False)

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            there = target(agent, timeout_s=0.1)
            assert len(await engine.walk(there, ROOT)) == 24
            asked = agent.requests
            await engine.walk(there, ROOT)  # by now it is known: no timeouts any more
            assert agent.requests - asked == 25

    run(work())


def test_repetitions_shrink_on_too_big_and_grow_back() -> None:
    class Small(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            request = ber.decode_message(packet)
            asked.append(request.error_index)
            if request.pdu == ber.GETBULK and request.error_index > 5:
                return self._error(request, 1, 0)
            return super().answer(packet)

    asked: list[int] = []
    agent = Small(StaticTree(numbers(20)))

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            assert len(await engine.walk(target(agent), ROOT)) == 60
        assert asked[:4] == [25, 12, 6, 3]
        assert 5 in asked

    run(work())


def test_silence_is_a_timeout_and_a_closed_port_is_refused() -> None:
    agent = Agent(StaticTree(numbers(2)), silent=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        closed = sock.getsockname()[1]

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            with pytest.raises(Timeout):
                await engine.get(target(agent, timeout_s=0.05), [UPTIME])
            assert engine.requests == 2
            agent.silent = False
            with pytest.raises(Timeout):
                await engine.get(target(agent, timeout_s=0.05, community=b"guess"), [UPTIME])
            loop = asyncio.get_running_loop()
            start = loop.time()
            with pytest.raises(Refused):
                await engine.get(
                    Target("127.0.0.1", closed, community=b"public", timeout_s=5), [UPTIME]
                )
            assert loop.time() - start < 1
            assert (await engine.get(target(agent), [UPTIME]))[0].value.number == 4242

    run(work())


def test_what_was_answered_is_not_kept_until_its_deadline() -> None:
    kept: list[weakref.ref[Ask]] = []

    class Watched(UdpTransport):
        def _new_ask(self, *given: Any) -> Ask:
            ask = super()._new_ask(*given)
            kept.append(weakref.ref(ask))
            return ask

    agent = Agent(StaticTree(numbers(2)))

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            engine.transport.close()
            engine.transport = Watched()
            engine.transport.open()
            for _ in range(5):
                await engine.get(target(agent, timeout_s=60), [UPTIME])
            gc.collect()
            assert len(kept) == 5
            assert not any(ask() for ask in kept)

    run(work())


def test_an_error_status_is_an_agent_error() -> None:
    class Broken(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            return self._error(ber.decode_message(packet), 5, 1)

    agent = Broken(StaticTree({}))

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            for reading in (engine.get(target(agent), [UPTIME]), engine.walk(target(agent), ROOT)):
                with pytest.raises(AgentError) as caught:
                    await reading
                assert (caught.value.status, caught.value.index) == (5, 1)

    run(work())


Forge = Callable[[Message], list[bytes]]


class Liar(Agent):
    """An agent that sends what `forge` makes of the request instead of its own answer."""

    forge: Forge

    def answer(self, packet: bytes) -> bytes | None:
        for forged in self.forge(ber.decode_message(packet)):
            return forged
        return None


def liar(forge: Forge) -> Liar:
    agent = Liar(StaticTree(numbers(4)))
    agent.forge = forge
    return agent


def reply(request: Message, **changes: Any) -> bytes:
    honest = request._replace(
        pdu=ber.RESPONSE,
        error_status=0,
        error_index=0,
        varbinds=[VarBind(oid, ber.integer(666)) for oid, _ in request.varbinds],
    )
    return ber.encode_message(honest._replace(**changes))


async def read_liar(forge: Forge, transport: type[UdpTransport] = UdpTransport) -> Engine:
    agent = liar(forge)
    async with Responder([agent]), Engine() as engine:
        engine.transport.close()
        engine.transport = transport()
        engine.transport.open()
        got = await engine.get(target(agent, timeout_s=0.1, retries=0), [UPTIME])
        assert got[0].value == ber.integer(666)
        return engine


@pytest.mark.parametrize(
    ("reason", "forge"),
    [
        ("unknown_request_id", lambda q: [reply(q, request_id=(q.request_id + 1) % 2**31)]),
        ("wrong_community", lambda q: [reply(q, community=b"publix")]),
        ("wrong_version", lambda q: [reply(q, version=ber.V1)]),
        ("not_a_response", lambda q: [reply(q, pdu=0xA7)]),
        ("wrong_oid", lambda q: [reply(q, varbinds=[VarBind(ROOT, ber.integer(666))])]),
        ("wrong_oid", lambda q: [reply(q, varbinds=[])]),
        ("malformed", lambda q: [b"\x30\x03junk"]),
        ("malformed", lambda q: [reply(q) + b"\x00"]),
        ("malformed", lambda q: [reply(q)[:-1]]),
    ],
)
def test_what_does_not_fit_is_dropped_and_counted(reason: str, forge: Forge) -> None:
    async def work() -> None:
        agent = liar(forge)
        async with Responder([agent]), Engine() as engine:
            with pytest.raises(Timeout):
                await engine.get(target(agent, timeout_s=0.05, retries=0), [UPTIME])
            assert engine.drops == {reason: 1}

    run(work())


def forge_one(draw: random.Random, request: Message, honest: bytes) -> tuple[bytes, int]:
    """Make a lie: the honest reply but for one thing; return it and its port's shift."""
    kind = draw.randrange(6)
    if kind == 0:
        return honest, draw.randint(1, 1000)
    if kind == 1:
        return reply(request, request_id=request.request_id ^ draw.randint(1, 2**31 - 1)), 0
    if kind == 2:
        return reply(request, community=draw.randbytes(draw.randrange(12))), 0
    if kind == 3:
        return reply(request, varbinds=[VarBind((1, 3, draw.randrange(9)), ber.integer(1))]), 0
    if kind == 4:
        return honest[: draw.randrange(len(honest))], 0
    return draw.randbytes(draw.randrange(1, 90)), 0


def test_none_of_ten_thousand_lies_is_believed() -> None:
    draw = random.Random(20261123)

    class Silent(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            heard.append(packet)
            return None

    heard: list[bytes] = []
    agent = Silent(StaticTree({}))

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            asking = asyncio.create_task(engine.get(target(agent, timeout_s=60), [UPTIME]))
            while not heard:
                await asyncio.sleep(0.001)
            request = ber.decode_message(heard[0])
            honest = reply(request)
            door = engine.transport
            (sock,) = {ask.sock for ask in door._asks.values()}
            for _ in range(10_000):
                packet, shift = forge_one(draw, request, honest)
                door._receive(sock, packet, (agent.host, agent.port + shift))
            assert sum(engine.drops.values()) == 10_000
            assert not asking.done()
            door._receive(sock, honest, (agent.host, agent.port))
            assert (await asking)[0].value == ber.integer(666)

    run(work())


class Credulous(UdpTransport):
    """The doorman gone: for showing that the tests above would notice."""

    def _objection(self, *_: Any) -> str | None:
        return None


@pytest.mark.parametrize(
    "change",
    [
        {"community": b"publix"},
        {"version": ber.V1},
        {"pdu": 0xA7},
        {"varbinds": [VarBind(ROOT, ber.integer(666))]},
    ],
)
def test_control_without_the_doorman_lies_are_believed(change: dict[str, Any]) -> None:
    run(read_liar(lambda q: [reply(q, **change)], Credulous))


def test_control_an_honest_reply_passes_the_doorman() -> None:
    run(read_liar(lambda q: [reply(q)]))


async def spoof(transport: UdpTransport) -> tuple[Engine, list[VarBind]]:
    """Answer from another port, knowing everything else, before the agent itself does."""
    seen: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    agent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with agent, other:
        for sock in (agent, other):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        loop.add_reader(agent, lambda: seen.put_nowait(agent.recvfrom(65_535)))
        engine = Engine()
        engine.transport = transport
        async with engine:
            there = Target("127.0.0.1", agent.getsockname()[1], community=b"public", timeout_s=1)
            asking = asyncio.create_task(engine.get(there, [UPTIME]))
            packet, peer = await seen.get()
            request = ber.decode_message(packet)
            other.sendto(reply(request), peer)
            await asyncio.sleep(0.05)
            agent.sendto(reply(request, varbinds=[VarBind(UPTIME, ber.timeticks(7))]), peer)
            got = await asking
        loop.remove_reader(agent)
        return engine, got


def test_a_spoofed_source_is_dropped() -> None:
    async def work() -> None:
        engine, got = await spoof(UdpTransport())
        assert got[0].value == ber.timeticks(7)
        assert engine.drops == {"wrong_source": 1}

    run(work())


def test_control_without_the_source_check_the_spoof_is_believed() -> None:
    class Anybody(UdpTransport):
        def _is_source(self, *_: Any) -> bool:
            return True

    async def work() -> None:
        _, got = await spoof(Anybody())
        assert got[0].value == ber.integer(666)

    run(work())


class Endless(LiveTree):
    """Repeats the same object for ever, or goes on counting for ever."""

    def __init__(self, step: int) -> None:
        super().__init__({})
        self.step = step

    def next(self, oid: Oid) -> tuple[Oid, Value] | None:
        here = oid[len(ROOT)] if len(oid) > len(ROOT) else 1
        return (*ROOT, max(0, here + self.step)), ber.integer(1)


@pytest.mark.parametrize("bulk", [True, False])
@pytest.mark.parametrize(("step", "what"), [(0, "went from"), (-1, "went from"), (1, "bounds")])
def test_a_walk_that_does_not_end_is_an_error(step: int, what: str, bulk: bool) -> None:
    agent = Agent(Endless(step))

    async def work() -> None:
        limits = WalkLimits(varbinds=500)
        async with Responder([agent]), Engine(limits=limits) as engine:
            there = target(agent, bulk=bulk)
            for reading in (engine.walk(there, ROOT), engine.table(there, [ROOT])):
                with pytest.raises(WalkError, match=what):
                    await reading

    run(work())


def test_an_empty_answer_in_a_walk_is_not_the_end_of_the_table() -> None:
    async def work() -> None:
        agent = liar(lambda q: [reply(q, varbinds=[])])
        async with Responder([agent]), Engine() as engine:
            with pytest.raises(WalkError, match="nothing where more was due"):
                await engine.walk(target(agent), ROOT)

    run(work())


def test_one_request_in_flight_per_agent_and_a_bounded_window() -> None:
    flying: dict[int, int] = {}
    most = [0, 0]

    class Slow(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            flying[self.port] = flying.get(self.port, 0) + 1
            most[0] = max(most[0], flying[self.port])
            most[1] = max(most[1], sum(flying.values()))
            return super().answer(packet)

    class Late(Responder):
        @staticmethod
        def _send(sock: socket.socket, reply: bytes, peer: Any) -> None:
            def out() -> None:
                flying[sock.getsockname()[1]] -= 1
                Responder._send(sock, reply, peer)

            asyncio.get_running_loop().call_later(0.005, out)

    agents = [Slow(StaticTree(numbers(2))) for _ in range(12)]

    async def work() -> None:
        async with Late(agents), Engine(window=6) as engine:
            asks: list[Awaitable[Any]] = [
                engine.get(target(agent, timeout_s=3), [UPTIME]) for agent in agents * 4
            ]
            await asyncio.gather(*asks)

    run(work())
    assert most[0] == 1
    assert 1 < most[1] <= 6


def test_a_big_fragmented_reply_is_read() -> None:
    agent = Agent(StaticTree({(*ROOT, 1): ber.octet_string(b"x" * 9000)}), max_size=60_000)

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            got = await engine.get(target(agent), [(*ROOT, 1)])
            assert got[0].value.octets == b"x" * 9000

    run(work())


def test_secrets_are_not_in_a_repr() -> None:
    secret = "correct-horse"
    shown = repr(Target("10.0.0.1", community=secret.encode()))
    user = UsmCredentials("noc", "SHA-256", secret, "AES-128", secret + "2")
    shown += repr(Target("10.0.0.1", version="3", credentials=user))
    shown += repr(Agent(StaticTree({}), community=secret.encode()))
    assert secret not in shown


def test_unsound_targets_are_refused() -> None:
    for wrong in ({"address": "switch.example"}, {"port": 0}, {"version": "3"}, {"timeout_s": 0}):
        with pytest.raises(ValueError, match=r"address|port|version|timeout"):
            Target(**({"address": "10.0.0.1"} | wrong))
    with pytest.raises(ValueError, match="8 characters"):
        UsmCredentials("noc", "SHA-256", "short")


def test_a_closed_engine_fails_what_is_in_flight() -> None:
    agent = Agent(StaticTree({}), silent=True)

    async def work() -> None:
        async with Responder([agent]):
            async with Engine() as engine:
                asking = asyncio.create_task(engine.get(target(agent, timeout_s=9), [UPTIME]))
                await asyncio.sleep(0.02)
            with pytest.raises(SnmpError):
                await asking

    run(work())
