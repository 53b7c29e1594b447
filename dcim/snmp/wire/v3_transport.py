"""SNMPv3 over the UDP transport of v1/v2c: discovery, clocks of engines, Reports, answers.

Engine ids and clocks are remembered by agent. Only authenticated messages move a clock; an
unauthenticated Report can name an engine id to try, or fail the request, and nothing else.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dcim.snmp.wire import ber, faults, v3_message
from dcim.snmp.wire.ber import Oid, Pdu
from dcim.snmp.wire.drops import Drops
from dcim.snmp.wire.faults import SnmpError
from dcim.snmp.wire.target import Reply, Request, Target, UsmCredentials
from dcim.snmp.wire.transport import Ask, UdpTransport
from dcim.snmp.wire.usm_keys import AES_KEY_OCTETS, AUTHENTICATION, SALT_OCTETS, derive_keys
from dcim.snmp.wire.v3_message import AUTH, MAX_USER, PRIV, REPORTABLE, Envelope, Rejected
from dcim.snmp.wire.v3_reply import Answered, EngineClock, Question, Reported, judge

_KNOWN_AGENTS = 65_536
# An engine nobody has heard for so long is met anew: some agents start again without counting it
# (boots stay, time goes back), and by the window alone they would be refused for ever.
FORGET_S = 600.0
_ENGINE_ID_OCTETS = range(5, v3_message.MAX_ENGINE_ID + 1)  # RFC 3411, SnmpEngineID
_NO_KEYS = derive_keys(UsmCredentials("discovery"), b"")

_USM_STATS = (1, 3, 6, 1, 6, 3, 15, 1, 1)  # SNMP-USER-BASED-SM-MIB usmStats
NOT_IN_TIME_WINDOWS = (*_USM_STATS, 2, 0)
UNKNOWN_ENGINE_IDS = (*_USM_STATS, 4, 0)
_FAULTS: dict[Oid, tuple[type[SnmpError], str]] = {
    (*_USM_STATS, 1, 0): (faults.UnsupportedSecurityLevel, "refuses this security level"),
    NOT_IN_TIME_WINDOWS: (faults.NotInTimeWindow, "and we cannot agree on boots and time"),
    (*_USM_STATS, 3, 0): (faults.UnknownUser, "does not know the user"),
    UNKNOWN_ENGINE_IDS: (SnmpError, "does not know the engine id it gave"),
    (*_USM_STATS, 5, 0): (faults.WrongDigest, "refuses the authentication password or protocol"),
    (*_USM_STATS, 6, 0): (faults.DecryptionFailed, "refuses the privacy password or protocol"),
    # SNMP-TARGET-MIB snmpUnavailableContexts, snmpUnknownContexts
    (1, 3, 6, 1, 6, 3, 12, 1, 4, 0): (faults.UnknownContext, "has the context not at hand"),
    (1, 3, 6, 1, 6, 3, 12, 1, 5, 0): (faults.UnknownContext, "does not know the context"),
}


def is_fast(credentials: UsmCredentials) -> bool:
    """Say whether this transport speaks these protocols; pysnmp is asked otherwise.

    DES and 3DES stay with pysnmp: they are kept for old devices only, CBC with its padding would
    be a second cipher mode to prove, and libraries are giving both up.
    """
    return (credentials.auth == "none" or credentials.auth in AUTHENTICATION) and (
        credentials.priv == "none" or credentials.priv in AES_KEY_OCTETS
    )


class _Engine(NamedTuple):
    """The engine behind an address; `clock` is None as long as nothing authentic was heard."""

    engine_id: bytes
    clock: EngineClock | None
    heard_s: float


@dataclass(eq=False)
class SecureAsk(Ask):
    """An ask with what its exchange has learnt; `turn` counts the Reports that changed its way."""

    engine_id: bytes = b""
    hint: tuple[int, int] = (0, 0)  # boots, time: as the agent says, unproven
    questions: dict[int, Question] = field(default_factory=dict)
    turn: int = 0
    renamed: bool = False
    resynchronised: bool = False

    @property
    def credentials(self) -> UsmCredentials:
        assert self.target.credentials is not None  # noqa: S101 - exchange() looked
        return self.target.credentials


class V3Transport(UdpTransport):
    """Exchanges v3 messages with agents whose credentials are fast; one event loop only."""

    def __init__(
        self,
        *,
        window: int | asyncio.Semaphore = 512,
        sockets: int = 2,
        drops: Drops | None = None,
    ) -> None:
        super().__init__(window=window, sockets=sockets, drops=drops)
        self._engines: OrderedDict[tuple[str, int], _Engine] = OrderedDict()
        # Counted from a random start, made anew in each process: never the same twice for a key.
        self._salt = secrets.randbits(8 * SALT_OCTETS)

    async def exchange(self, target: Target, attempts: Sequence[Request]) -> Reply:
        """Send the attempts one after the other until one is answered; raise what v3 reports."""
        credentials = target.credentials
        if credentials is None or not is_fast(credentials):
            raise SnmpError("these credentials are none for this transport")
        if not 1 <= len(credentials.user.encode()) <= MAX_USER:
            raise SnmpError(f"a user's name has 1 to {MAX_USER} octets")
        return await super().exchange(target, attempts)

    # --- out

    def _new_ask(
        self,
        target: Target,
        attempts: Sequence[Request],
        sock: socket.socket,
        future: asyncio.Future[Reply],
    ) -> Ask:
        return SecureAsk(target, attempts, sock, future)

    def _encode(self, ask: Ask, attempt: int, number: int) -> bytes:
        if not isinstance(ask, SecureAsk):
            raise TypeError("no v3 ask")
        now_s = time.monotonic()
        known = self._known(ask.target, now_s)
        if not ask.engine_id and known:
            ask.engine_id = known.engine_id
        if not ask.engine_id:
            return self._encode_discovery(ask, attempt, number)
        credentials, request = ask.credentials, ask.attempts[attempt]
        question = Question(
            number,
            secrets.randbits(31),
            _level(credentials),
            ask.engine_id,
            credentials.user.encode(),
            credentials.context.encode(),
            derive_keys(credentials, ask.engine_id),
            request,
            attempt,
            ask.turn,
        )
        boots, engine_time = ask.hint
        if known and known.clock and known.engine_id == ask.engine_id:
            boots, engine_time = known.clock.boots, known.clock.time_at(now_s)
        pdu = Pdu(
            request.pdu, question.request_id, request.non_repeaters, request.max_repetitions, []
        )
        varbinds = ber.encode_asked(request.oids)
        ask.questions[number] = question
        return v3_message.seal(
            Envelope(
                number,
                question.level | REPORTABLE,
                ask.engine_id,
                boots,
                engine_time,
                question.user,
            ),
            v3_message.encode_scoped_pdu(ask.engine_id, question.context, pdu, varbinds),
            question.keys,
            self._next_salt() if question.level & PRIV else b"",
        )

    def _encode_discovery(self, ask: SecureAsk, attempt: int, number: int) -> bytes:
        """Ask who is there (RFC 3414, 4): no engine id, no user, nothing asked for."""
        request_id = secrets.randbits(31)
        ask.questions[number] = Question(
            number, request_id, 0, b"", b"", b"", _NO_KEYS, None, attempt, ask.turn
        )
        scoped = v3_message.encode_scoped_pdu(b"", b"", Pdu(ber.GET, request_id, 0, 0, []), b"")
        return v3_message.seal(Envelope(number, REPORTABLE, b"", 0, 0, b""), scoped, _NO_KEYS)

    def _next_salt(self) -> bytes:
        self._salt = (self._salt + 1) % (1 << (8 * SALT_OCTETS))
        return self._salt.to_bytes(SALT_OCTETS, "big")

    # --- in

    def _receive(self, sock: socket.socket, packet: bytes, source: Any) -> None:
        peer = source[:2]
        try:
            sealed = v3_message.open_envelope(packet)
            if asked := self._asks.get(sealed.envelope.message_id):
                peer = asked.target.peer  # who knows the id, a secret, is the agent
            ask = self._find(sealed.envelope.message_id, sock, source)
            question = ask.questions[sealed.envelope.message_id]
            now_s = time.monotonic()
            verdict = judge(sealed, question, self._clock(ask, question, now_s), now_s)
            self._remember(ask.target, question, verdict, now_s)
            if isinstance(verdict, Reported):
                self._heed(ask, question, verdict)
                return
        except Rejected as rejected:
            self.drops.note(rejected.reason, peer)
            return
        ask.future.set_result(
            Reply(
                question.attempt,
                verdict.pdu.error_status,
                verdict.pdu.error_index,
                verdict.pdu.varbinds,
                time.time_ns() // 1_000_000,
                time.monotonic_ns() // 1_000_000,
                len(packet),
            )
        )

    def _find(self, message_id: int, sock: socket.socket, source: Any) -> SecureAsk:
        ask = self._asks.get(message_id)
        if not isinstance(ask, SecureAsk):
            raise Rejected("unknown_message_id")
        if not self._is_source(ask, sock, source):
            raise Rejected("wrong_source")
        if ask.future.done():
            raise Rejected("duplicate")
        return ask

    def _heed(self, ask: SecureAsk, question: Question, report: Reported) -> None:
        """Go on as a Report says: another engine id, another clock, or no further."""
        if question.turn != ask.turn:  # of a packet from before the last change
            raise Rejected("late_report")
        authentic = report.clock is not None
        other = report.engine_id != question.engine_id
        if other and not ask.renamed and len(report.engine_id) in _ENGINE_ID_OCTETS:
            # Found, or replaced: some agents that have a new engine id say "unknown user".
            ask.renamed = bool(question.engine_id)
            ask.engine_id, ask.hint = report.engine_id, (report.boots, report.time)
            self._send_again(ask, question.attempt)
        elif report.oid == NOT_IN_TIME_WINDOWS and not authentic and question.level:
            raise Rejected("unauthentic_report")
        elif report.oid == NOT_IN_TIME_WINDOWS and authentic and not ask.resynchronised:
            ask.resynchronised = True
            self._send_again(ask, question.attempt)
        else:
            kind, words = _FAULTS.get(
                report.oid, (SnmpError, f"reports {ber.format_oid(report.oid)}")
            )
            host, port = ask.target.peer
            ask.future.set_exception(kind(f"{host}:{port} {words}"))

    def _send_again(self, ask: SecureAsk, attempt: int) -> None:
        ask.turn += 1
        self._send_attempt(ask, attempt)

    def _quoted_number(self, packet: bytes) -> int | None:
        try:
            return v3_message.open_envelope(packet).envelope.message_id
        except Rejected:
            return None

    # --- what is known of agents

    def _known(self, target: Target, now_s: float) -> _Engine | None:
        known = self._engines.get(target.peer)
        if known and now_s - known.heard_s > FORGET_S:
            del self._engines[target.peer]
            return None
        return known

    def _clock(self, ask: SecureAsk, question: Question, now_s: float) -> EngineClock | None:
        known = self._known(ask.target, now_s)
        return known.clock if known and known.engine_id == question.engine_id else None

    def _remember(
        self, target: Target, question: Question, verdict: Answered | Reported, now_s: float
    ) -> None:
        """Keep engine id and clock: the proven ones; unproven ones where nothing is proven."""
        known = self._engines.get(target.peer)
        proven = known is not None and known.clock is not None
        if verdict.clock is None and (proven or isinstance(verdict, Reported)):
            return
        self._engines[target.peer] = _Engine(question.engine_id, verdict.clock, now_s)
        self._engines.move_to_end(target.peer)
        if len(self._engines) > _KNOWN_AGENTS:
            self._engines.popitem(last=False)


def _level(credentials: UsmCredentials) -> int:
    if credentials.auth == "none":
        return 0
    return AUTH if credentials.priv == "none" else AUTH | PRIV
