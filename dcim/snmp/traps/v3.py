"""Notifications over SNMPv3: what is believed, and what is answered. No I/O, no database.

A trap is signed with the clock of its sender (RFC 3414, 2.2.3: the sender is authoritative): the
engine's boots and time only ever go forward, what is older than the window or heard before is
refused, and a device's engine stays the one it was first heard with. An inform is signed with *our*
clock: its sender asks for it first. That question is the one thing that is answered before
authentication, with as many octets as a report has, at most once a second a source.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from dcim.intake.buckets import Bucket
from dcim.snmp.traps.decoding import Notification, read_notification
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Pdu, VarBind
from dcim.snmp.wire.target import UsmCredentials
from dcim.snmp.wire.usm_keys import AES_KEY_OCTETS, SALT_OCTETS, Keys, derive_keys
from dcim.snmp.wire.v3_message import (
    AUTH,
    LEVEL,
    MAX_INTEGER,
    PRIV,
    REPORTABLE,
    Envelope,
    Rejected,
    Sealed,
    encode_scoped_pdu,
    open_envelope,
    open_payload,
    seal,
    verify,
)
from dcim.snmp.wire.v3_reply import WINDOW_S, EngineClock, check_time

UNKNOWN_ENGINE_IDS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0)  # usmStatsUnknownEngineIDs
NOT_IN_TIME_WINDOWS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0)  # usmStatsNotInTimeWindows
# A message that was heard can't be repeated for as long as its window, and some more.
_REMEMBERED_S = WINDOW_S + 30.0
_MOST_REMEMBERED = 100_000
_REPORTS_A_SECOND, _REPORTS_AT_ONCE = 1.0, 4.0

_SHORTEST_ENGINE_ID = 5

Users = Callable[[bytes], UsmCredentials | None]


class OwnEngine(NamedTuple):
    """Our own engine: its id, how often it was started, and when last (s, monotonic clock)."""

    engine_id: bytes
    boots: int
    started_s: float

    def time(self, now_s: float) -> int:
        return min(MAX_INTEGER, max(0, int(now_s - self.started_s)))


class SenderEngine(NamedTuple):
    """The engine that a sender was first heard with, and its clock.

    What it signed up to `before` (boots, time) was heard before we were started, if it was sound.
    """

    engine_id: bytes
    clock: EngineClock | None
    before: tuple[int, int] = (-1, -1)


class Heard(NamedTuple):
    """What came of a message: a notification, or an answer to be sent at once, or both.

    An inform's `answer` is sent when the notification is kept. `is_again`: it was heard before, so
    it is answered once more, and not kept. `moved` is the sender's engine, where its clock went on.
    """

    told: Notification | None
    answer: bytes = b""
    is_again: bool = False
    moved: SenderEngine | None = None


class Notifications:
    """Judges v3 messages; remembers what was heard within the window."""

    def __init__(self, own: OwnEngine) -> None:
        self.own = own
        self.reports = 0
        self._heard: OrderedDict[bytes, float] = OrderedDict()
        self._unsettled: list[bytes] = []
        self._may_report = Bucket(_REPORTS_A_SECOND, _REPORTS_AT_ONCE)

    def judge(
        self,
        packet: bytes,
        source: str,
        users: Users,
        sender: SenderEngine | None,
        now_s: float,
    ) -> Heard:
        """Judge a message of a source: `users` finds its credentials by their user's name.

        Raises Rejected for all that is neither believed nor answered.
        """
        sealed = open_envelope(packet)
        envelope = sealed.envelope
        if envelope.flags & REPORTABLE and envelope.engine_id != self.own.engine_id:
            return self._report_engine(sealed, source, now_s)
        credentials = users(envelope.user)
        if credentials is None:
            raise Rejected("unknown_user")
        keys = _keys_of(credentials, envelope)
        if envelope.engine_id == self.own.engine_id:
            return self._judge_inform(sealed, credentials, keys, now_s)
        return self._judge_trap(sealed, credentials, keys, sender, now_s)

    def _judge_trap(
        self,
        sealed: Sealed,
        credentials: UsmCredentials,
        keys: Keys,
        sender: SenderEngine | None,
        now_s: float,
    ) -> Heard:
        envelope = sealed.envelope
        if len(envelope.engine_id) < _SHORTEST_ENGINE_ID:  # RFC 3411, SnmpEngineID
            raise Rejected("wrong_engine")
        if sender is not None and envelope.engine_id != sender.engine_id:
            raise Rejected("wrong_engine")
        clock = sender.clock if sender else None
        before = sender.before if sender else (-1, -1)
        if envelope.flags & AUTH:
            verify(sealed, keys)
            clock = check_time(clock, envelope.boots, envelope.time, now_s)
            # Which messages those were isn't known any more.
            if (envelope.boots, envelope.time) <= before:
                raise Rejected("replayed")
        told = _read(sealed, credentials, keys)
        if told.request is not None:
            raise Rejected("wrong_engine")  # an inform goes to us as the authority
        if envelope.flags & AUTH and self._is_again(sealed, now_s):
            raise Rejected("replayed")
        signed = envelope.flags & AUTH
        moved = SenderEngine(envelope.engine_id, clock, before) if signed else None
        return Heard(told, moved=None if moved == sender else moved)

    def _judge_inform(
        self, sealed: Sealed, credentials: UsmCredentials, keys: Keys, now_s: float
    ) -> Heard:
        envelope = sealed.envelope
        if not envelope.flags & AUTH:
            raise Rejected("unauthenticated")  # whoever names a user would be answered
        verify(sealed, keys)
        if (
            envelope.boots != self.own.boots
            or self.own.boots == MAX_INTEGER
            or abs(self.own.time(now_s) - envelope.time) > WINDOW_S
        ):
            if not envelope.flags & REPORTABLE:
                raise Rejected("not_in_time_window")
            # Signed by who can sign it, so that the sender may believe our clock.
            return Heard(None, self._report(sealed, NOT_IN_TIME_WINDOWS, AUTH, keys, now_s))
        told = _read(sealed, credentials, keys)
        if told.request is None:
            raise Rejected("wrong_engine")  # a trap is signed with its sender's clock
        again = self._is_again(sealed, now_s)
        return Heard(told, self._respond(sealed, told.request, keys, now_s), again)

    def _is_again(self, sealed: Sealed, now_s: float) -> bool:
        digest = sealed.packet[sealed.digest_at : sealed.digest_end]
        heard = self._heard
        while heard and next(iter(heard.values())) < now_s - _REMEMBERED_S:
            heard.popitem(last=False)
        if digest in heard:
            return True
        if len(heard) >= _MOST_REMEMBERED:
            heard.popitem(last=False)
        heard[digest] = now_s
        self._unsettled.append(digest)
        return False

    def settle(self, *, kept: bool) -> None:
        """What was heard since this was last said is kept; else it was never heard."""
        if not kept:
            for digest in self._unsettled:
                self._heard.pop(digest, None)
        self._unsettled.clear()

    # -- what is answered

    def _report_engine(self, sealed: Sealed, source: str, now_s: float) -> Heard:
        if not self._may_report.take(source, now_s):
            raise Rejected("report_rate")
        self.reports += 1
        nobody = derive_keys(UsmCredentials("", "none", "", "none", ""), self.own.engine_id)
        return Heard(None, self._report(sealed, UNKNOWN_ENGINE_IDS, 0, nobody, now_s))

    def _report(self, sealed: Sealed, oid: Oid, level: int, keys: Keys, now_s: float) -> bytes:
        counted = ber.encode_varbind(VarBind(oid, ber.counter32(max(1, self.reports))))
        user = sealed.envelope.user if level else b""
        return self._seal(sealed, level, user, Pdu(ber.REPORT, 0, 0, 0, []), counted, keys, now_s)

    def _respond(self, sealed: Sealed, asked: Pdu, keys: Keys, now_s: float) -> bytes:
        envelope = sealed.envelope
        return self._seal(
            sealed,
            envelope.flags & LEVEL,
            envelope.user,
            Pdu(ber.RESPONSE, asked.request_id, 0, 0, []),
            b"".join(map(ber.encode_varbind, asked.varbinds)),
            keys,
            now_s,
            context=open_payload(sealed, keys).context,
        )

    def _seal(
        self,
        sealed: Sealed,
        level: int,
        user: bytes,
        pdu: Pdu,
        varbinds: bytes,
        keys: Keys,
        now_s: float,
        *,
        context: bytes = b"",
    ) -> bytes:
        own = self.own
        envelope = Envelope(
            sealed.envelope.message_id, level, own.engine_id, own.boots, own.time(now_s), user
        )
        salt = secrets.token_bytes(SALT_OCTETS) if level & PRIV else b""
        return seal(envelope, encode_scoped_pdu(own.engine_id, context, pdu, varbinds), keys, salt)


def _keys_of(credentials: UsmCredentials, envelope: Envelope) -> Keys:
    """The user's keys at the engine of a message of the very level that its credentials have."""
    wanted = (AUTH if credentials.auth != "none" else 0) | (
        PRIV if credentials.priv != "none" else 0
    )
    if envelope.flags & LEVEL != wanted:
        raise Rejected("wrong_level")
    if wanted & PRIV and credentials.priv not in AES_KEY_OCTETS:
        raise Rejected("unsupported_privacy")
    return derive_keys(credentials, envelope.engine_id)


def _read(sealed: Sealed, credentials: UsmCredentials, keys: Keys) -> Notification:
    scoped = open_payload(sealed, keys)
    if scoped.context != credentials.context.encode():
        raise Rejected("wrong_context")
    return read_notification(scoped.pdu, "3")
