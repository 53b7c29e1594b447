"""Interfaces as IF-MIB and its ifXTable tell them (RFC 2863)."""

from __future__ import annotations

from dataclasses import dataclass

from dcim.snmp.counting import counters
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid
from dcim.snmp.wire.engine import Engine, Receipt, Table
from dcim.snmp.wire.if_mib import (
    ADMIN,
    ALIAS,
    DESCR,
    DISCONTINUITY,
    ENGINE_TIME,
    HC_IN,
    HC_OUT,
    HIGH_SPEED,
    IN,
    IN_DISCARDS,
    IN_ERRORS,
    NAME,
    OPER,
    OUT,
    OUT_DISCARDS,
    OUT_ERRORS,
    SPEED,
    SYS_UPTIME,
)
from dcim.snmp.wire.target import Target

# Read side by side, so that a port's counters come out of one reply.
_COUNTERS = (
    HC_IN, HC_OUT, IN_ERRORS, OUT_ERRORS, IN_DISCARDS, OUT_DISCARDS, OPER, HIGH_SPEED, NAME,
    DISCONTINUITY, IN, OUT,
)  # fmt: skip
_DESCRIPTIONS = (DESCR, ALIAS, ADMIN, SPEED)
# ifAdminStatus and ifOperStatus (RFC 2863) by their numbers.
STATUS_WORDS = ("", "up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown")
_SATURATED = 2**32 - 1


@dataclass(frozen=True)
class PortReading:
    """One interface at one poll; octets and errors are raw counters, None where not read."""

    if_index: int
    name: str
    descr: str
    alias: str
    speed_bps: int | None
    admin_status: str
    oper_status: str
    in_octets: int | None
    out_octets: int | None
    counter_bits: int | None
    in_errors: int | None
    out_errors: int | None
    in_discards: int | None
    out_discards: int | None
    discontinuity: int | None
    received: Receipt

    def counters(
        self, uptime_ticks: int | None, engine_time_s: int | None = None, clock: str = ""
    ) -> counters.Reading:
        """Make what `counters.advance` takes; `clock` names the monotonic clock, see there."""
        return counters.Reading(
            ts_ms=self.received.wall_ms,
            monotonic_ms=self.received.monotonic_ms,
            clock=clock,
            bits=self.counter_bits or 0,
            in_octets=self.in_octets,
            out_octets=self.out_octets,
            uptime_ticks=uptime_ticks,
            engine_time_s=engine_time_s,
            speed_bps=self.speed_bps,
            discontinuity=self.discontinuity,
            in_errors=self.in_errors,
            out_errors=self.out_errors,
            in_discards=self.in_discards,
            out_discards=self.out_discards,
        )


@dataclass(frozen=True)
class Interfaces:
    """All ports of a device and the clocks read together with them."""

    ports: list[PortReading]
    uptime_ticks: int | None
    engine_time_s: int | None


async def read_ports(engine: Engine, target: Target) -> Interfaces:
    """Read every interface; the clocks come with the first reply of the counters."""
    table = await engine.table(target, _COUNTERS, (SYS_UPTIME, ENGINE_TIME))
    words = await engine.table(target, _DESCRIPTIONS)
    table.update(words)
    indexes = {index for column in (*_COUNTERS, *_DESCRIPTIONS) for index in table[column]}
    for index, receipt in words.received.items():
        table.received.setdefault(index, receipt)
    ports = [_port(table, index) for index in sorted(indexes) if len(index) == 1]
    return Interfaces(ports, _number(table, SYS_UPTIME, ()), _number(table, ENGINE_TIME, ()))


def _port(table: Table, index: Oid) -> PortReading:
    inward, outward, bits = _number(table, HC_IN, index), _number(table, HC_OUT, index), 64
    if inward is None or outward is None:
        inward, outward, bits = _number(table, IN, index), _number(table, OUT, index), 32
    descr = _text(table, DESCR, index)
    name = _text(table, NAME, index) or descr
    return PortReading(
        if_index=index[0],
        name=name,
        descr=descr,
        alias=_text(table, ALIAS, index),
        speed_bps=_speed(table, index),
        admin_status=_status(table, ADMIN, index),
        oper_status=_status(table, OPER, index),
        in_octets=inward,
        out_octets=outward,
        counter_bits=None if inward is None and outward is None else bits,
        in_errors=_number(table, IN_ERRORS, index),
        out_errors=_number(table, OUT_ERRORS, index),
        in_discards=_number(table, IN_DISCARDS, index),
        out_discards=_number(table, OUT_DISCARDS, index),
        discontinuity=_number(table, DISCONTINUITY, index),
        received=table.received[index],
    )


def _speed(table: Table, index: Oid) -> int | None:
    """Return bit/s; ifSpeed of all ones only says that it does not fit, which is no speed."""
    high = _number(table, HIGH_SPEED, index)
    if high:
        return high * 1_000_000
    low = _number(table, SPEED, index)
    return None if low == _SATURATED else low if low is not None else high


def _status(table: Table, column: Oid, index: Oid) -> str:
    number = _number(table, column, index) or 0
    return STATUS_WORDS[number] if 0 <= number < len(STATUS_WORDS) else ""


def _number(table: Table, column: Oid, index: Oid) -> int | None:
    value = table[column].get(index)
    return value.data if value and isinstance(value.data, int) else None


def _text(table: Table, column: Oid, index: Oid) -> str:
    return clean_text(table[column].get(index))
