"""A simulated SNMPv3 agent of our own: cheap, and as unruly as a test wants it.

That its messages are right is shown elsewhere, by pysnmp's agents and Net-SNMP's tools.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

from dcim.demo.responder import Agent
from dcim.snmp.wire import ber, v3_message
from dcim.snmp.wire.ber import Message, Oid, Pdu, VarBind
from dcim.snmp.wire.target import Target, UsmCredentials
from dcim.snmp.wire.usm_keys import Keys, derive_keys
from dcim.snmp.wire.v3_message import AUTH, LEVEL, PRIV, Envelope, Rejected, Sealed

USM_STATS = (1, 3, 6, 1, 6, 3, 15, 1, 1)
UNSUPPORTED_LEVELS = (*USM_STATS, 1, 0)
NOT_IN_TIME_WINDOWS = (*USM_STATS, 2, 0)
UNKNOWN_USERS = (*USM_STATS, 3, 0)
UNKNOWN_ENGINE_IDS = (*USM_STATS, 4, 0)
WRONG_DIGESTS = (*USM_STATS, 5, 0)
DECRYPTION_ERRORS = (*USM_STATS, 6, 0)
UNKNOWN_CONTEXTS = (1, 3, 6, 1, 6, 3, 12, 1, 5, 0)

NOC = UsmCredentials("noc", "SHA-256", "authpass-1", "AES-128", "privpass-1")


def level_of(user: UsmCredentials) -> int:
    return (AUTH if user.auth != "none" else 0) | (PRIV if user.priv != "none" else 0)


@dataclass
class SecureAgent(Agent):
    """One user, one context; its clock goes on from `time_s` and is set by whoever writes it."""

    user: UsmCredentials = NOC
    engine_id: bytes = b"\x80\x00\x4f\xb8\x05first"
    boots: int = 7
    time_s: int = 1_000
    heard: list[Envelope] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _salts: itertools.count[int] = field(default_factory=itertools.count)

    def target(self, **changes: object) -> Target:
        given: dict[str, object] = {
            "version": "3",
            "credentials": self.user,
            "timeout_s": 0.5,
            "retries": 0,
        }
        return Target(self.host, self.port, **(given | changes))  # type: ignore[arg-type]

    def restart(self, *, boots: int, time_s: int = 0) -> None:
        self.boots, self.time_s, self._began = boots, time_s, time.monotonic()

    def now(self) -> int:
        return self.time_s + int(time.monotonic() - self._began)

    @property
    def keys(self) -> Keys:
        return derive_keys(self.user, self.engine_id)

    def answer(self, packet: bytes) -> bytes | None:
        try:
            sealed = v3_message.open_envelope(packet)
        except Rejected:
            return None
        self.heard.append(sealed.envelope)
        if self.silent:
            return None
        self.requests += 1
        return self.judge(sealed)

    def judge(self, sealed: Sealed) -> bytes | None:  # noqa: PLR0911 - one per case
        """Go through RFC 3414, 3.2, as an authoritative engine."""
        envelope = sealed.envelope
        if envelope.engine_id != self.engine_id:
            return self.report(envelope, UNKNOWN_ENGINE_IDS)
        if envelope.user != self.user.user.encode():
            return self.report(envelope, UNKNOWN_USERS)
        if envelope.flags & LEVEL != level_of(self.user):
            return self.report(envelope, UNSUPPORTED_LEVELS)
        if envelope.flags & AUTH:
            try:
                v3_message.verify(sealed, self.keys)
            except Rejected:
                return self.report(envelope, WRONG_DIGESTS)
            if envelope.boots != self.boots or abs(envelope.time - self.now()) > 150:
                return self.report(envelope, NOT_IN_TIME_WINDOWS, AUTH)
        try:
            scoped = v3_message.open_payload(sealed, self.keys)
        except Rejected:
            return self.report(envelope, DECRYPTION_ERRORS)
        if scoped.context != self.user.context.encode():
            return self.report(envelope, UNKNOWN_CONTEXTS, envelope.flags & LEVEL)
        pdu, varbinds = self.look_up(scoped.pdu)
        return self.seal(envelope.message_id, envelope.flags & LEVEL, pdu, varbinds)

    def look_up(self, pdu: Pdu) -> tuple[Pdu, bytes]:
        """Answer a PDU as the v2c agent does."""
        request = Message(ber.V2C, b"", *pdu)
        encoded = (
            self._answer_bulk(request) if pdu.tag == ber.GETBULK else self._answer_plain(request)
        )
        reply = ber.decode_message(encoded)
        answered = Pdu(*reply[2:])
        return answered, b"".join(map(ber.encode_varbind, answered.varbinds))

    def report(self, envelope: Envelope, oid: Oid, level: int = 0) -> bytes:
        varbind = ber.encode_varbind(VarBind(oid, ber.counter32(1)))
        return self.seal(envelope.message_id, level, Pdu(ber.REPORT, 0, 0, 0, []), varbind)

    def seal(self, message_id: int, level: int, pdu: Pdu, varbinds: bytes) -> bytes:
        name = self.user.user.encode() if level else b""
        if pdu.tag == ber.RESPONSE:
            name = self.user.user.encode()
        return v3_message.seal(
            Envelope(message_id, level, self.engine_id, self.boots, self.now(), name),
            v3_message.encode_scoped_pdu(self.engine_id, self.user.context.encode(), pdu, varbinds),
            self.keys,
            next(self._salts).to_bytes(8, "big") if level & PRIV else b"",
        )
