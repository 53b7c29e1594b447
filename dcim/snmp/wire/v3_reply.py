"""Whether an SNMPv3 message answers what was asked: the rules, without I/O (RFC 3412, RFC 3414).

`judge` returns what is believed or raises `Rejected`. Values come only from a Response of the very
security level asked for; what an agent says unauthenticated is at most a Report.
"""

from __future__ import annotations

from typing import NamedTuple

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Pdu
from dcim.snmp.wire.target import Request
from dcim.snmp.wire.usm_keys import Keys
from dcim.snmp.wire.v3_message import (
    AUTH,
    LEVEL,
    MAX_INTEGER,
    REPORTABLE,
    Rejected,
    ScopedPdu,
    Sealed,
    open_payload,
    verify,
)

WINDOW_S = 150  # RFC 3414, 2.2.3


class EngineClock(NamedTuple):
    """An agent's boots and time (s) as last authenticated, and when (s, monotonic clock)."""

    boots: int
    time: int
    heard_s: float

    def time_at(self, now_s: float) -> int:
        return min(MAX_INTEGER, self.time + max(0, int(now_s - self.heard_s)))


class Question(NamedTuple):
    """What was sent under one message id; `request` is None when it asks for the engine id."""

    message_id: int
    request_id: int
    level: int
    engine_id: bytes
    user: bytes
    context: bytes
    keys: Keys
    request: Request | None
    attempt: int
    turn: int


class Answered(NamedTuple):
    """A Response that fits; `clock` is what it proves about the engine, None when unsigned."""

    pdu: Pdu
    clock: EngineClock | None


class Reported(NamedTuple):
    """A Report (RFC 3412, 7.1.3); boots and time are a mere hint when there is no `clock`."""

    oid: Oid
    engine_id: bytes
    boots: int
    time: int
    clock: EngineClock | None


def judge(
    sealed: Sealed, question: Question, clock: EngineClock | None, now_s: float
) -> Answered | Reported:
    """Judge a message by the question it names; `clock` is what is known of that engine."""
    envelope = sealed.envelope
    level = envelope.flags & LEVEL
    if envelope.message_id != question.message_id:
        raise Rejected("unknown_message_id")
    if level > question.level:
        raise Rejected("wrong_level")
    told = None
    if level & AUTH:
        _check_origin(sealed, question)
        verify(sealed, question.keys)
        told = check_time(clock, envelope.boots, envelope.time, now_s)
    scoped = open_payload(sealed, question.keys)
    if scoped.pdu.tag == ber.REPORT:
        if not scoped.pdu.varbinds:
            raise Rejected("malformed")
        oid = scoped.pdu.varbinds[0].oid
        return Reported(oid, envelope.engine_id, envelope.boots, envelope.time, told)
    if envelope.flags & REPORTABLE:  # RFC 3412, 6.4; on Reports agents do set it, harmlessly
        raise Rejected("reportable_reply")
    if level != question.level:
        raise Rejected("wrong_level")
    _check_origin(sealed, question)
    _check_response(scoped, question)
    return Answered(scoped.pdu, told)


def _check_origin(sealed: Sealed, question: Question) -> None:
    if sealed.envelope.engine_id != question.engine_id:
        raise Rejected("wrong_engine")
    if sealed.envelope.user != question.user:
        raise Rejected("wrong_user")


def check_time(clock: EngineClock | None, boots: int, time: int, now_s: float) -> EngineClock:
    """Return the clock after an authentic message, or refuse it as old (RFC 3414, 3.2, 7b)."""
    if boots == MAX_INTEGER:  # an engine that can't count its starts any more proves nothing
        raise Rejected("not_in_time_window")
    if clock is None or boots > clock.boots or (boots == clock.boots and time > clock.time):
        return EngineClock(boots, time, now_s)
    if boots < clock.boots or time < clock.time_at(now_s) - WINDOW_S:
        raise Rejected("not_in_time_window")
    return clock


def _check_response(scoped: ScopedPdu, question: Question) -> None:
    pdu = scoped.pdu
    if pdu.tag != ber.RESPONSE or question.request is None:
        raise Rejected("not_a_response")
    if scoped.engine_id != question.engine_id or scoped.context != question.context:
        raise Rejected("wrong_context")
    if pdu.request_id != question.request_id:
        raise Rejected("unknown_request_id")
    if not pdu.error_status and not question.request.is_answered_by(pdu.varbinds):
        raise Rejected("wrong_oid")
