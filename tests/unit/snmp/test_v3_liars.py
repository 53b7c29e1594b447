"""What an agent, or whoever poses as one, must not get away with over SNMPv3."""

from __future__ import annotations

import pytest

from dcim.demo.responder import Responder
from dcim.snmp.wire import faults, v3_message
from dcim.snmp.wire.v3_message import Sealed
from tests.agents import secure_agent
from tests.agents.secure_agent import SecureAgent
from tests.unit.snmp.test_v3_transport import AUTH_ONLY, FIRST, OBJECTS, opened, read, run, secure


class Liar(SecureAgent):
    """Answers with what `lie` says, once it is set."""

    lying = False

    def lie(self, sealed: Sealed) -> bytes | None:
        raise NotImplementedError

    def judge(self, sealed: Sealed) -> bytes | None:
        return self.lie(sealed) if self.lying else super().judge(sealed)


class UnsignedClock(Liar):
    def lie(self, sealed: Sealed) -> bytes | None:
        self.boots += 1_000
        packet = self.report(sealed.envelope, secure_agent.NOT_IN_TIME_WINDOWS)
        self.boots -= 1_000
        return packet


class Past(Liar):
    """Answers truly, signed and encrypted, with the clock of long ago."""

    def lie(self, sealed: Sealed) -> bytes | None:
        pdu, varbinds = self.look_up(v3_message.open_payload(sealed, self.keys).pdu)
        self.time_s -= 200
        packet = self.seal(sealed.envelope.message_id, 3, pdu, varbinds)
        self.time_s += 200
        return packet


class LastBoot(Past):
    def lie(self, sealed: Sealed) -> bytes | None:
        self.boots -= 1
        self.time_s += 10_000
        packet = super().lie(sealed)
        self.boots += 1
        self.time_s -= 10_000
        return packet


class Plain(Past):
    def lie(self, sealed: Sealed) -> bytes | None:
        pdu, varbinds = self.look_up(v3_message.open_payload(sealed, self.keys).pdu)
        return self.seal(sealed.envelope.message_id, 0, pdu, varbinds)


class Tampered(Past):
    def lie(self, sealed: Sealed) -> bytes | None:
        packet = bytearray(super(Liar, self).judge(sealed) or b"")
        packet[-1] ^= 1
        return bytes(packet)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (UnsignedClock, "unauthentic_report"),
        (Past, "not_in_time_window"),
        (LastBoot, "not_in_time_window"),
        (Plain, "wrong_level"),
        (Tampered, "wrong_digest"),
    ],
)
def test_lies_are_dropped_and_change_nothing(kind: type[Liar], reason: str) -> None:
    agent = secure(kind)
    assert isinstance(agent, Liar)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            known = transport._engines[agent.target().peer]
            agent.lying = True
            with pytest.raises(faults.Timeout):
                await read(transport, agent, timeout_s=0.1, retries=0)
            assert transport.drops == {reason: 1}
            assert transport._engines[agent.target().peer] == known
            agent.lying = False
            heard = len(agent.heard)
            assert await read(transport, agent) == OBJECTS[FIRST].number
            assert len(agent.heard) == heard + 1
            transport.close()

    run(work())


@pytest.mark.parametrize("kind", [Past, LastBoot])
def test_control_without_the_window_the_past_is_believed(
    kind: type[Liar], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = secure(kind)
    assert isinstance(agent, Liar)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.lying = True
            monkeypatch.setattr("dcim.snmp.wire.v3_reply.check_time", lambda clock, *_: clock)
            assert await read(transport, agent) == OBJECTS[FIRST].number
            transport.close()

    run(work())


def test_control_without_the_hmac_the_tampered_is_not_dropped_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = secure(Tampered, user=AUTH_ONLY)
    assert isinstance(agent, Liar)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            agent.lying = True
            monkeypatch.setattr("dcim.snmp.wire.v3_reply.verify", lambda *_: None)
            assert await read(transport, agent) == 2**40 + 1001 ^ 1
            transport.close()

    run(work())


def test_an_unsigned_report_of_another_engine_does_not_unseat_the_proven_one() -> None:
    class Impostor(Liar):
        def lie(self, sealed: Sealed) -> bytes | None:
            if sealed.envelope.engine_id != self.engine_id:
                return None
            mine, self.engine_id = self.engine_id, b"\x80\x00\x4f\xb8\x05impostor"
            packet = self.report(sealed.envelope, secure_agent.UNKNOWN_ENGINE_IDS)
            self.engine_id = mine
            return packet

    agent = secure(Impostor)
    assert isinstance(agent, Liar)

    async def work() -> None:
        async with Responder([agent]):
            transport = await opened()
            await read(transport, agent)
            known = transport._engines[agent.target().peer]
            agent.lying = True
            with pytest.raises(faults.Timeout):
                await read(transport, agent, timeout_s=0.1)
            assert transport._engines[agent.target().peer] == known
            transport.close()

    run(work())
