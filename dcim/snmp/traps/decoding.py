"""What a v1 or v2c notification says (RFC 1157, RFC 3416). Pure, strict, bounded.

Whatever bytes come in, `decode` returns a `Notification` or raises `Rejected`. A trap of v1 gets
the OID that it has in v2 (RFC 3584, 3.1), so that all that follows knows one form.
"""

from __future__ import annotations

from typing import NamedTuple

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Oid, Pdu, VarBind
from dcim.snmp.wire.v3_message import Rejected

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SNMP_TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
SNMP_TRAP_ENTERPRISE: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 3, 0)
SNMP_TRAPS: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 5)
_ENTERPRISE_SPECIFIC = 6
_MOST_VARBINDS = 256


class Notification(NamedTuple):
    """One trap or inform, `oid` being which. `uptime_ticks` are hundredths of a second.

    Of v1 alone: `generic` and `specific` (else None), and `agent_address` where it isn't 0.0.0.0.
    `varbinds` are those behind uptime and OID. `request` is an inform's PDU: what is answered.
    """

    version: str
    oid: Oid
    varbinds: tuple[VarBind, ...]
    uptime_ticks: int | None
    enterprise: Oid = ()
    generic: int | None = None
    specific: int | None = None
    agent_address: str = ""
    community: bytes = b""
    request: Pdu | None = None


def find_version(packet: bytes) -> int:
    """The version's number in the message: 0, 1 or 3. Raises Rejected."""
    try:
        pos, end = ber.enter(packet, 0, len(packet), ber.SEQUENCE)
        version, _ = ber.read_integer(packet, pos, end)
    except BerError as error:
        raise Rejected("malformed", str(error)) from None
    if version not in (ber.V1, ber.V2C, 3):
        raise Rejected("wrong_version")
    return version


def decode(packet: bytes) -> Notification:
    """Decode a v1 or v2c datagram; v3 has its own way (`v3`)."""
    try:
        return _decode(packet)
    except BerError as error:
        raise Rejected("malformed", str(error)) from None


def _decode(packet: bytes) -> Notification:
    pos, end = ber.enter(packet, 0, len(packet), ber.SEQUENCE)
    if end != len(packet):
        raise BerError("bytes after the message")
    version, pos = ber.read_integer(packet, pos, end)
    start, pos = ber.enter(packet, pos, end, ber.OCTET_STRING)
    community = packet[start:pos]
    if version == ber.V1:
        if pos < end and packet[pos] in ber.PDU_TAGS:
            raise Rejected("not_a_trap")
        return _read_v1(packet, pos, end, community)
    if version != ber.V2C:
        raise BerError("neither v1 nor v2c")
    return read_notification(ber.read_pdu(packet, pos, end), "2c", community)


def read_notification(pdu: Pdu, version: str, community: bytes = b"") -> Notification:
    """Read a trap or inform of v2c or v3. Raises Rejected."""
    if pdu.tag not in (ber.TRAP, ber.INFORM):
        raise Rejected("not_a_trap")
    # RFC 3416, 4.2.6: the first two varbinds say since when the sender is up, and which trap it is.
    binds = pdu.varbinds
    if len(binds) < 2 or len(binds) > _MOST_VARBINDS:
        raise Rejected("malformed", "too few or too many varbinds")
    (first, uptime), (second, which) = binds[0], binds[1]
    if first != SYS_UP_TIME or second != SNMP_TRAP_OID or which.tag != ber.OBJECT_IDENTIFIER:
        raise Rejected("malformed", "no sysUpTime.0 and snmpTrapOID.0 in front")
    oid = which.data
    if not isinstance(oid, tuple):
        raise Rejected("malformed")
    enterprise: Oid = ()
    for bind in binds[2:]:
        if bind.oid == SNMP_TRAP_ENTERPRISE and isinstance(bind.value.data, tuple):
            enterprise = bind.value.data
    return Notification(
        version,
        oid,
        tuple(binds[2:]),
        # Whoever says it in another type, like one of 64 bits, is heard all the same.
        uptime.data if uptime.tag == ber.TIMETICKS and isinstance(uptime.data, int) else None,
        enterprise=enterprise,
        community=community,
        request=pdu if pdu.tag == ber.INFORM else None,
    )


def _read_v1(packet: bytes, pos: int, end: int, community: bytes) -> Notification:
    pos, stop = ber.enter(packet, pos, end, ber.TRAP_V1)
    if stop != end:
        raise BerError("bytes after the PDU")
    start = pos
    _, pos = ber.enter(packet, pos, end, ber.OBJECT_IDENTIFIER)
    enterprise = ber.decode_value(packet[start:pos]).data
    start, pos = ber.enter(packet, pos, end, ber.IP_ADDRESS)
    address = packet[start:pos]
    generic, pos = ber.read_integer(packet, pos, end)
    specific, pos = ber.read_integer(packet, pos, end)
    start = pos
    _, pos = ber.enter(packet, pos, end, ber.TIMETICKS)
    uptime = ber.decode_value(packet[start:pos]).data
    pos, stop = ber.enter(packet, pos, end, ber.SEQUENCE)
    if stop != end:
        raise BerError("bytes after the varbinds")
    binds = ber.read_varbinds(packet, pos, end)
    if not isinstance(enterprise, tuple) or not isinstance(uptime, int) or len(address) != 4:
        raise BerError("unsound head of a trap")
    if not 0 <= generic <= _ENTERPRISE_SPECIFIC or specific < 0 or len(binds) > _MOST_VARBINDS:
        raise BerError("numbers that no trap has")
    return Notification(
        "1",
        translate(enterprise, generic, specific),
        tuple(binds),
        uptime,
        enterprise,
        generic,
        specific,
        ".".join(map(str, address)) if any(address) else "",
        community,
    )


def translate(enterprise: Oid, generic: int, specific: int) -> Oid:
    """The v2 OID of a v1 trap (RFC 3584, 3.1)."""
    if generic != _ENTERPRISE_SPECIFIC:
        return (*SNMP_TRAPS, generic + 1)
    oid = (*enterprise, 0, specific)
    if len(oid) > ber.MAX_ARCS:
        raise BerError("OID too long")
    return oid
