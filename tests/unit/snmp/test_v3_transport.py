"""The fast v3 transport: discovery, clocks, Reports, refusals. Lies: `test_v3_liars.py`."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from dcim.demo.responder import Responder, StaticTree
from dcim.snmp.wire import ber, faults, v3_message
from dcim.snmp.wire.ber import Oid, Pdu, Value, VarBind
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Request, Target, UsmCredentials
from dcim.snmp.wire.v3_message import AUTH, Envelope, Sealed
from dcim.snmp.wire.v3_transport import FORGET_S, V3Transport, is_fast
from tests.agents import secure_agent
from tests.agents.secure_agent import NOC, SecureAgent

T = TypeVar("T")
ROOT = (1, 3, 6, 1, 4, 1, 99999)
FIRST = (*ROOT, 1, 1)
OBJECTS: dict[Oid, Value] = {
    (*ROOT, column, row): ber.counter64(2**40 + column * 1000 + row)
    for column in (1, 2)
    for row in range(1, 40)
}
AUTH_ONLY = UsmCredentials("noc", "SHA-512", "authpass-1")
NOBODY = UsmCredentials("noc")
ASK = [Request(ber.GET, (FIRST,))]


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def secure(kind: type[SecureAgent] = SecureAgent, **given: Any) -> SecureAgent:
    return kind(StaticTree(OBJECTS), **given)


async def read(transport: V3Transport, agent: SecureAgent, **changes: Any) -> int | float | None:
    reply = await transport.exchange(agent.target(**changes), ASK)
    return reply.varbinds[0].value.number


async def opened() -> V3Transport:
    transport = V3Transport()
    transport.open()
    return transport


@pytest.mark.parametrize("user", [NOC, AUTH_ONLY, NOBODY], ids=["authPriv", "authNoPriv", "none"])
def test_an_engine_is_discovered_once(user: UsmCredentials) -> None:
    agent = secure(user=user)

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            there = agent.target()
            assert dict(await engine.walk(there, ROOT)) == OBJECTS
            assert [(*e.engine_id,) for e in agent.heard[:2]] == [(), (*agent.engine_id,)]
            assert agent.heard[0].user == b""
            heard = len(agent.heard)
            await engine.get(there, [FIRST])
            assert len(agent.heard) == heard + 1
            assert engine.requests == len(agent.heard)
            assert not engine.drops

    run(work())


def test_requests_say_what_rfc_3412_wants() -> None:
    agent = secure()

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            for _ in range(50):
                await read(transport, agent)
            transport.close()

    run(work())
    asked = agent.heard[1:]
    assert {envelope.flags for envelope in asked} == {7}
    assert len({envelope.message_id for envelope in asked}) == 50
    assert agent.heard[0].flags == 4
    assert {envelope.max_size for envelope in asked} == {ber.MAX_MESSAGE}
    assert {envelope.boots for envelope in asked} == {agent.boots}


def test_salts_never_repeat_and_start_at_random() -> None:
    first, second = V3Transport(), V3Transport()
    salts = [transport._next_salt() for transport in (first, second) for _ in range(2_000)]
    assert len(set(salts)) == 4_000
    first._salt = 2**64 - 1
    assert first._next_salt() == bytes(8)


def test_a_restarted_agent_is_read_on() -> None:
    agent = secure()

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.restart(boots=8, time_s=3)
            assert await read(transport, agent) == OBJECTS[FIRST].number
            assert await read(transport, agent) == OBJECTS[FIRST].number
            assert not transport.drops
            transport.close()

    run(work())
    assert len(agent.heard) == 5  # discovery, answer, refused, answer, answer


def test_an_agent_that_gave_a_wrong_time_unsigned_is_read() -> None:
    class Vague(SecureAgent):
        def report(self, envelope: Envelope, oid: Oid, level: int = 0) -> bytes:
            if level & AUTH:
                return super().report(envelope, oid, level)
            boots, self.boots = self.boots, 99
            packet = super().report(envelope, oid, level)
            self.boots = boots
            return packet

    agent = secure(Vague)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            assert await read(transport, agent) == OBJECTS[FIRST].number
            assert [envelope.boots for envelope in agent.heard] == [0, 99, 7]
            transport.close()

    run(work())


@pytest.mark.parametrize("says_unknown_user", [False, True])
def test_a_replaced_agent_is_found_again(says_unknown_user: bool) -> None:
    class Other(SecureAgent):
        def judge(self, sealed: Sealed) -> bytes | None:
            known = sealed.envelope.engine_id in (b"", self.engine_id)
            if says_unknown_user and not known:
                return self.report(sealed.envelope, secure_agent.UNKNOWN_USERS)
            return super().judge(sealed)

    agent = secure(Other)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.engine_id = b"\x80\x00\x4f\xb8\x05second"
            agent.restart(boots=1)
            assert await read(transport, agent) == OBJECTS[FIRST].number
            heard = len(agent.heard)
            await read(transport, agent)
            assert len(agent.heard) == heard + 1
            transport.close()

    run(work())


def test_an_agent_that_changes_its_engine_id_each_time_ends_the_request() -> None:
    class Restless(SecureAgent):
        def judge(self, sealed: Sealed) -> bytes | None:
            self.engine_id = b"\x80\x00\x4f\xb8\x05" + self.requests.to_bytes(4, "big")
            return self.report(sealed.envelope, secure_agent.UNKNOWN_ENGINE_IDS)

    agent = secure(Restless)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            with pytest.raises(faults.SnmpError, match="engine id"):
                await read(transport, agent)
            assert len(agent.heard) == 3
            transport.close()

    run(work())


def test_an_agent_that_never_agrees_on_the_time_ends_the_request() -> None:
    class Late(SecureAgent):
        def judge(self, sealed: Sealed) -> bytes | None:
            if sealed.envelope.flags & AUTH:
                self.boots += 1
                return self.report(sealed.envelope, secure_agent.NOT_IN_TIME_WINDOWS, AUTH)
            return super().judge(sealed)

    agent = secure(Late)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            with pytest.raises(faults.NotInTimeWindow):
                await read(transport, agent)
            assert len(agent.heard) == 3
            transport.close()

    run(work())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"user": "nobody"}, faults.UnknownUser),
        ({"auth_password": "authpass-2"}, faults.WrongDigest),
        ({"auth": "SHA"}, faults.WrongDigest),
        ({"priv_password": "privpass-2"}, faults.DecryptionFailed),
        ({"priv": "none"}, faults.UnsupportedSecurityLevel),
        ({"context": "other"}, faults.UnknownContext),
        ({"user": "x" * 33}, faults.SnmpError),
    ],
)
def test_causes_are_told_apart(change: dict[str, Any], fault: type[Exception]) -> None:
    agent = secure()

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            wrong = UsmCredentials(**{**NOC.__dict__, **change})
            with pytest.raises(fault):
                await read(transport, agent, credentials=wrong)
            assert await read(transport, agent) == OBJECTS[FIRST].number
            transport.close()

    run(work())


def test_an_engine_that_was_silent_long_is_met_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that starts again without counting it is refused, but not for ever."""
    agent = secure()

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.restart(boots=agent.boots)  # its time goes back, its boots stay
            with pytest.raises(faults.Timeout):
                await read(transport, agent, timeout_s=0.1)
            assert transport.drops["not_in_time_window"] == 1
            peer = agent.target().peer
            known = transport._engines[peer]
            transport._engines[peer] = known._replace(heard_s=known.heard_s - FORGET_S - 1)
            assert await read(transport, agent) == OBJECTS[FIRST].number
            transport.close()

    run(work())


def test_a_slow_agent_has_its_time_for_each_packet() -> None:
    class Late(Responder):
        @staticmethod
        def _send(sock: socket.socket, reply: bytes, peer: Any) -> None:
            asyncio.get_running_loop().call_later(0.2, Responder._send, sock, reply, peer)

    agent = secure()

    async def work() -> None:
        async with Late([agent]):
            transport = await opened()
            found = await read(transport, agent, timeout_s=0.3)  # two packets, 0.4 s
            assert found == OBJECTS[FIRST].number
            await asyncio.sleep(0.25)
            transport.close()

    run(work())


def test_late_reports_change_nothing() -> None:
    """Both attempts are refused as out of time; the second refusal comes after the new start."""

    class Twice(SecureAgent):
        def judge(self, sealed: Sealed) -> bytes | None:
            if sealed.envelope.boots == 7 and sealed.envelope.flags & AUTH and self.boots == 8:
                held.append(self.report(sealed.envelope, secure_agent.NOT_IN_TIME_WINDOWS, AUTH))
                return None
            return super().judge(sealed)

    held: list[bytes] = []
    agent = secure(Twice)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.restart(boots=8)
            there = agent.target(timeout_s=0.2)
            asking = asyncio.create_task(transport.exchange(there, ASK * 2))
            while len(held) < 2:
                await asyncio.sleep(0.01)
            (sock,) = {ask.sock for ask in transport._asks.values()}
            for packet in held:
                transport._receive(sock, packet, there.peer)
            assert transport.drops == {"late_report": 1}
            assert (await asking).varbinds[0].value == OBJECTS[FIRST]
            transport.close()

    run(work())


def test_a_closed_port_is_refused_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    async def work() -> None:
        transport = await opened()
        there = Target("127.0.0.1", port, version="3", credentials=NOC, timeout_s=5)
        began = asyncio.get_running_loop().time()
        with pytest.raises(faults.Refused):
            await transport.exchange(there, ASK)
        assert asyncio.get_running_loop().time() - began < 1
        assert transport._quoted_number(b"junk") is None
        transport.close()

    run(work())


def test_replies_from_elsewhere_twice_or_for_nobody_are_dropped() -> None:
    agent = secure()

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.silent = True
            there = agent.target(timeout_s=5)
            asking = asyncio.create_task(transport.exchange(there, ASK))
            while not transport._asks or agent.heard[-1].message_id not in transport._asks:
                await asyncio.sleep(0.001)
            (ask,) = set(transport._asks.values())
            (question,) = ask.questions.values()  # type: ignore[attr-defined]
            pdu = Pdu(ber.RESPONSE, question.request_id, 0, 0, [])
            varbinds = ber.encode_varbind(VarBind(FIRST, ber.integer(5)))
            honest = agent.seal(question.message_id, 3, pdu, varbinds)
            transport._receive(ask.sock, honest, (agent.host, agent.port + 1))
            transport._receive(ask.sock, agent.seal(1, 3, pdu, varbinds), there.peer)
            transport._receive(ask.sock, honest[:-1], there.peer)
            assert not asking.done()
            transport._receive(ask.sock, honest, there.peer)
            transport._receive(ask.sock, honest, there.peer)
            assert (await asking).varbinds[0].value == ber.integer(5)
            assert transport.drops == {
                "wrong_source": 1,
                "unknown_message_id": 1,
                "malformed": 1,
                "duplicate": 1,
            }
            transport.close()

    run(work())


def test_junk_at_the_door_is_counted_and_raises_nothing() -> None:
    draw = random.Random(20261126)
    agent = secure()

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.silent = True
            there = agent.target(timeout_s=60)
            asking = asyncio.create_task(transport.exchange(there, ASK))
            await asyncio.sleep(0.05)
            ((message_id, ask),) = transport._asks.items()
            envelope = Envelope(message_id, 0, agent.engine_id, 7, 1_000, b"noc")
            for number in range(3_000):
                junk = draw.randbytes(draw.randrange(120))
                if number % 2:  # the right message id, and anything behind it
                    junk = v3_message.seal(
                        envelope._replace(flags=draw.choice([0, 1, 3])),
                        junk,
                        agent.keys,
                        draw.randbytes(8),
                    )
                transport._receive(ask.sock, junk, there.peer)
            assert sum(transport.drops.values()) == 3_000
            assert not asking.done()
            transport.close()
            with pytest.raises(faults.SnmpError, match="closed"):
                await asking

    run(work())


def test_which_credentials_are_fast() -> None:
    def user(auth: Any, priv: Any) -> UsmCredentials:
        return UsmCredentials("noc", auth, "authpass-1", priv, "privpass-1")

    assert is_fast(NOBODY)
    for auth in ("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"):
        for priv in ("none", "AES-128", "AES-192", "AES-256", "AES-256-BLUMENTHAL"):
            assert is_fast(user(auth, priv))
        assert not is_fast(user(auth, "DES"))
        assert not is_fast(user(auth, "3DES"))

    async def work() -> None:
        transport = await opened()
        there = Target("127.0.0.1", version="3", credentials=user("SHA", "DES"))
        with pytest.raises(faults.SnmpError, match="none for this transport"):
            await transport.exchange(there, ASK)
        transport.close()

    run(work())


def test_fast_and_other_credentials_share_an_engine() -> None:
    agent = secure()

    async def work() -> None:
        async with Responder([agent]), Engine() as engine:
            await engine.get(agent.target(), [FIRST])
            assert engine._usm is None
            assert engine._v3
            assert engine._v3.window is engine.transport.window
            assert engine._v3.drops is engine.drops
        assert engine._v3 is None

    run(work())
