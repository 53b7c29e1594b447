"""BER of SNMPv1 and v2c messages and of PDUs (RFC 1157, RFC 3416, X.690): strict, bounded, pure.

Whatever bytes come in, `decode_message` either returns a `Message` or raises `BerError`.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

Oid = tuple[int, ...]

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIMETICKS = 0x43
OPAQUE = 0x44
COUNTER64 = 0x46
NO_SUCH_OBJECT = 0x80
NO_SUCH_INSTANCE = 0x81
END_OF_MIB_VIEW = 0x82
# Net-SNMP wraps IEEE floats into Opaque with an inner two-octet tag; that tag stands for them here.
OPAQUE_FLOAT = 0x9F78
OPAQUE_DOUBLE = 0x9F79

GET = 0xA0
GETNEXT = 0xA1
RESPONSE = 0xA2
TRAP_V1 = 0xA4  # of a form of its own (RFC 1157, 4.1.6): none of PDU_TAGS
GETBULK = 0xA5
INFORM = 0xA6
TRAP = 0xA7
REPORT = 0xA8
PDU_TAGS = frozenset((GET, GETNEXT, RESPONSE, 0xA3, GETBULK, INFORM, TRAP, REPORT))

V1 = 0
V2C = 1

MAX_MESSAGE = 65_507  # the most a UDP/IPv4 datagram carries
MAX_ARCS = 128  # RFC 2578, 3.5
MAX_ARC = 0xFFFF_FFFF

_UNSIGNED_WIDTH = {COUNTER32: 4, GAUGE32: 4, TIMETICKS: 4, COUNTER64: 8}
_EMPTY = frozenset((NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
EXCEPTIONS = frozenset((NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))


class BerError(ValueError):
    """The bytes (or the values to be written) are not a well-formed v1/v2c message."""


class Value(NamedTuple):
    """One SNMP value: `tag` is the BER tag, `data` an int, bytes, OID, float or None by the tag."""

    tag: int
    data: int | bytes | Oid | float | None

    @property
    def missing(self) -> bool:
        """True for noSuchObject, noSuchInstance, endOfMibView and Null: the agent has no value."""
        return self.tag in _EMPTY

    @property
    def number(self) -> int | float | None:
        """The number this value is, or None when it isn't one."""
        data = self.data
        return data if isinstance(data, (int, float)) else None

    @property
    def octets(self) -> bytes | None:
        return self.data if isinstance(self.data, bytes) else None


class VarBind(NamedTuple):
    oid: Oid
    value: Value


class Pdu(NamedTuple):
    """A PDU of any version; in a GETBULK the two middle numbers are as in `Message`."""

    tag: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[VarBind]


class Message(NamedTuple):
    """A v1/v2c message; in a GETBULK the two middle numbers mean non-repeaters and repetitions."""

    version: int
    community: bytes
    pdu: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[VarBind]


NULL_VALUE = Value(NULL, None)


def integer(number: int) -> Value:
    return Value(INTEGER, number)


def octet_string(octets: bytes) -> Value:
    return Value(OCTET_STRING, octets)


def text(words: str) -> Value:
    return Value(OCTET_STRING, words.encode())


def object_identifier(oid: Oid) -> Value:
    return Value(OBJECT_IDENTIFIER, oid)


def ip_address(packed: bytes) -> Value:
    return Value(IP_ADDRESS, packed)


def counter32(number: int) -> Value:
    return Value(COUNTER32, number)


def gauge32(number: int) -> Value:
    return Value(GAUGE32, number)


def timeticks(hundredths: int) -> Value:
    return Value(TIMETICKS, hundredths)


def counter64(number: int) -> Value:
    return Value(COUNTER64, number)


def parse_oid(dotted: str) -> Oid:
    """Read `1.3.6.1` (a leading dot is allowed); raise BerError for anything else."""
    parts = dotted.strip().removeprefix(".").split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise BerError(f"not a numeric OID: {dotted[:80]!r}")
    oid = tuple(int(part) for part in parts)
    _check_oid(oid)
    return oid


def format_oid(oid: Oid) -> str:
    return ".".join(map(str, oid))


# --- reading


def decode_message(packet: bytes) -> Message:
    """Decode one v1/v2c datagram; raise BerError (and nothing else) for anything unsound."""
    if len(packet) > MAX_MESSAGE:
        raise BerError("longer than a datagram")
    pos, end = enter(packet, 0, len(packet), SEQUENCE)
    if end != len(packet):
        raise BerError("bytes after the message")
    version, pos = read_integer(packet, pos, end)
    if version not in (V1, V2C):
        raise BerError("neither v1 nor v2c")
    start, stop = enter(packet, pos, end, OCTET_STRING)
    community = packet[start:stop]
    return Message(version, community, *read_pdu(packet, stop, end))


def read_pdu(packet: bytes, pos: int, end: int) -> Pdu:
    """Read the PDU that fills `packet` from `pos` to `end`; raise BerError when none does."""
    if pos >= end or packet[pos] not in PDU_TAGS:
        raise BerError("no known PDU")
    tag = packet[pos]
    pos, pdu_end = enter(packet, pos, end, tag)
    if pdu_end != end:
        raise BerError("bytes after the PDU")
    request_id, pos = read_integer(packet, pos, end)
    error_status, pos = read_integer(packet, pos, end)
    error_index, pos = read_integer(packet, pos, end)
    pos, list_end = enter(packet, pos, end, SEQUENCE)
    if list_end != end:
        raise BerError("bytes after the varbinds")
    return Pdu(tag, request_id, error_status, error_index, read_varbinds(packet, pos, end))


def enter(packet: bytes, pos: int, end: int, tag: int) -> tuple[int, int]:
    """Check one tag and length at `pos`; return where its content starts and stops."""
    if pos + 2 > end:
        raise BerError("cut off")
    if packet[pos] != tag:
        raise BerError(f"tag {packet[pos]:#x} instead of {tag:#x}")
    length = packet[pos + 1]
    pos += 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise BerError("indefinite or huge length")
        if pos + count > end:
            raise BerError("cut off in a length")
        length = int.from_bytes(packet[pos : pos + count], "big")
        pos += count
    if pos + length > end:
        raise BerError("content longer than its frame")
    return pos, pos + length


def read_integer(packet: bytes, pos: int, end: int) -> tuple[int, int]:
    """Read an INTEGER of 32 bits at `pos`; return it and where it stops."""
    start, stop = enter(packet, pos, end, INTEGER)
    if not 1 <= stop - start <= 4:
        raise BerError("integer of unsound length")
    return int.from_bytes(packet[start:stop], "big", signed=True), stop


def read_varbinds(packet: bytes, pos: int, end: int) -> list[VarBind]:
    varbinds: list[VarBind] = []
    new = tuple.__new__  # a third of the cost of the named constructor, and this is the hot loop
    known_oid, width_of, number = _known_oid, _UNSIGNED_WIDTH.get, int.from_bytes
    last = end - 6
    while pos < end:
        # Nearly always every length fits one octet; the slow way below reads the rest.
        if pos < last and packet[pos] == SEQUENCE and packet[pos + 2] == OBJECT_IDENTIFIER:
            size = packet[pos + 1]
            stop = pos + 2 + size
            value_at = pos + 4 + packet[pos + 3]
            start = value_at + 2
            if size < 0x80 and start <= stop <= end and start + packet[value_at + 1] == stop:
                oid = known_oid(packet[pos + 4 : value_at])
                tag = packet[value_at]
                width = width_of(tag)
                if width and start < stop <= start + width:  # most of what is polled: counters
                    value = new(Value, (tag, number(packet[start:stop], "big")))
                else:
                    value = _read_value(tag, packet[start:stop])
                varbinds.append(new(VarBind, (oid, value)))
                pos = stop
                continue
        varbind, pos = _read_varbind(packet, pos, end)
        varbinds.append(varbind)
    return varbinds


def _read_varbind(packet: bytes, pos: int, end: int) -> tuple[VarBind, int]:
    start, stop = enter(packet, pos, end, SEQUENCE)
    oid_start, oid_stop = enter(packet, start, stop, OBJECT_IDENTIFIER)
    oid = _known_oid(packet[oid_start:oid_stop])
    if oid_stop >= stop:
        raise BerError("varbind without a value")
    tag = packet[oid_stop]
    value_start, value_stop = enter(packet, oid_stop, stop, tag)
    if value_stop != stop:
        raise BerError("bytes after a value")
    return VarBind(oid, _read_value(tag, packet[value_start:value_stop])), stop


def _read_oid(content: bytes) -> Oid:
    if not content:
        raise BerError("empty OID")
    arcs: list[int] = []
    arc = 0
    fresh = True
    for octet in content:
        if fresh and octet == 0x80:
            raise BerError("OID arc with leading zeros")
        arc = arc << 7 | octet & 0x7F
        fresh = octet < 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
        elif arc > MAX_ARC:
            raise BerError("OID arc over 32 bits")
    if not fresh:
        raise BerError("OID cut off")
    if len(arcs) >= MAX_ARCS or max(arcs) > MAX_ARC:
        raise BerError("OID too long or with an arc over 32 bits")
    first = arcs[0]
    head = (0, first) if first < 40 else (1, first - 40) if first < 80 else (2, first - 80)
    return head + tuple(arcs[1:])


# A poller meets the same OIDs every minute, and the same ones on every device of a kind.
_known_oid = lru_cache(maxsize=65_536)(_read_oid)


def decode_value(encoded: bytes) -> Value:
    """Decode one value with its tag and length, standing alone."""
    if not encoded:
        raise BerError("cut off")
    start, stop = enter(encoded, 0, len(encoded), encoded[0])
    if stop != len(encoded):
        raise BerError("bytes after a value")
    return _read_value(encoded[0], encoded[start:stop])


def _read_value(tag: int, content: bytes) -> Value:  # noqa: PLR0911 - one per kind of value
    width = _UNSIGNED_WIDTH.get(tag)
    if width:
        size = len(content)
        # Agents that forget the leading zero octet are understood.
        if not 1 <= size <= width + 1 or (size > width and content[0]):
            raise BerError("unsigned number of unsound length")
        return tuple.__new__(Value, (tag, int.from_bytes(content, "big")))
    if tag == INTEGER:
        # Some agents put unsigned or 64-bit numbers into an INTEGER: harmless, and bounded.
        if not 1 <= len(content) <= 9:
            raise BerError("integer of unsound length")
        return tuple.__new__(Value, (INTEGER, int.from_bytes(content, "big", signed=True)))
    if tag == OCTET_STRING:
        return Value(tag, content)
    if tag == OBJECT_IDENTIFIER:
        # An empty OID value is how some agents write 0.0 (no further information).
        return Value(tag, _known_oid(content) if content else (0, 0))
    if tag in _EMPTY:
        if content:
            raise BerError("content where none belongs")
        return Value(tag, None)
    if tag == IP_ADDRESS:
        if len(content) != 4:
            raise BerError("address not of 4 octets")
        return Value(tag, content)
    if tag == OPAQUE:
        return _read_opaque(content)
    raise BerError(f"unknown value tag {tag:#x}")


def _read_opaque(content: bytes) -> Value:
    if content[:3] == b"\x9f\x78\x04" and len(content) == 7:
        return Value(OPAQUE_FLOAT, float(struct.unpack(">f", content[3:])[0]))
    if content[:3] == b"\x9f\x79\x08" and len(content) == 11:
        return Value(OPAQUE_DOUBLE, float(struct.unpack(">d", content[3:])[0]))
    return Value(OPAQUE, content)


# --- writing


def encode_message(message: Message) -> bytes:
    """Encode a request or a response; raise BerError for values that do not fit their type."""
    varbinds = b"".join([encode_varbind(varbind) for varbind in message.varbinds])
    return encode_frame(message, varbinds)


def encode_frame(message: Message, varbinds: bytes) -> bytes:
    """Encode `message` around varbinds that are already encoded (its own list is not read)."""
    if message.version not in (V1, V2C):
        raise BerError("no such version")
    pdu = Pdu(message.pdu, message.request_id, message.error_status, message.error_index, [])
    packet = tlv(
        SEQUENCE,
        integer_field(message.version)
        + tlv(OCTET_STRING, message.community)
        + encode_pdu(pdu, varbinds),
    )
    if len(packet) > MAX_MESSAGE:
        raise BerError("longer than a datagram")
    return packet


def encode_pdu(pdu: Pdu, varbinds: bytes) -> bytes:
    """Encode `pdu` around varbinds that are already encoded (its own list is not read)."""
    if pdu.tag not in PDU_TAGS:
        raise BerError("no such PDU")
    body = b"".join(
        (
            integer_field(pdu.request_id),
            integer_field(pdu.error_status),
            integer_field(pdu.error_index),
            tlv(SEQUENCE, varbinds),
        )
    )
    return tlv(pdu.tag, body)


def encode_varbind(varbind: VarBind) -> bytes:
    oid, value = varbind
    return tlv(SEQUENCE, tlv(OBJECT_IDENTIFIER, encode_oid(oid)) + encode_value(value))


def encode_asked(oids: tuple[Oid, ...]) -> bytes:
    """Encode the varbinds of a request: each OID with Null."""
    return b"".join(map(_encode_asked, oids))


@lru_cache(maxsize=65_536)
def _encode_asked(oid: Oid) -> bytes:
    return encode_varbind(VarBind(oid, NULL_VALUE))


@lru_cache(maxsize=65_536)
def encode_oid(oid: Oid) -> bytes:
    """Return the content octets of an OID."""
    _check_oid(oid)
    content = bytearray()
    for arc in (oid[0] * 40 + oid[1], *oid[2:]):
        if arc < 0x80:
            content.append(arc)
            continue
        septets = [arc & 0x7F]
        rest = arc >> 7
        while rest:
            septets.append(rest & 0x7F | 0x80)
            rest >>= 7
        content.extend(reversed(septets))
    return bytes(content)


def _check_oid(oid: Oid) -> None:
    if not 2 <= len(oid) <= MAX_ARCS or oid[0] > 2 or (oid[0] < 2 and oid[1] >= 40):
        raise BerError("not an OID")
    if min(oid) < 0 or max(oid) > MAX_ARC or (oid[0] == 2 and oid[1] > MAX_ARC - 80):
        raise BerError("OID arc out of range")


def encode_value(value: Value) -> bytes:
    """Return tag, length and content of one value."""
    tag, data = value
    if tag in _EMPTY:
        content = b""
    elif tag in _NUMBER_RANGE and isinstance(data, int):
        low, high = _NUMBER_RANGE[tag]
        if not low <= data <= high:
            raise BerError(f"{data} does not fit tag {tag:#x}")
        content = _signed_octets(data)
    elif tag in (OCTET_STRING, OPAQUE, IP_ADDRESS) and isinstance(data, bytes):
        if tag == IP_ADDRESS and len(data) != 4:
            raise BerError("address not of 4 octets")
        content = data
    elif tag == OBJECT_IDENTIFIER and isinstance(data, tuple):
        content = encode_oid(data)
    elif tag in (OPAQUE_FLOAT, OPAQUE_DOUBLE) and isinstance(data, (int, float)):
        return tlv(OPAQUE, _opaque_octets(tag, data))
    else:
        raise BerError(f"{type(data).__name__} does not fit tag {tag:#x}")
    return tlv(tag, content)


_NUMBER_RANGE = {
    INTEGER: (-(2**71), 2**71 - 1),
    COUNTER32: (0, 2**32 - 1),
    GAUGE32: (0, 2**32 - 1),
    TIMETICKS: (0, 2**32 - 1),
    COUNTER64: (0, 2**64 - 1),
}


def _opaque_octets(tag: int, number: float) -> bytes:
    try:
        if tag == OPAQUE_FLOAT:
            return b"\x9f\x78\x04" + struct.pack(">f", number)
        return b"\x9f\x79\x08" + struct.pack(">d", number)
    except (OverflowError, struct.error) as error:
        raise BerError("number too large for its float") from error


def _signed_octets(number: int) -> bytes:
    return number.to_bytes(
        ((number if number >= 0 else ~number).bit_length() >> 3) + 1, "big", signed=True
    )


def integer_field(number: int) -> bytes:
    """Return a whole INTEGER; raise BerError when it needs more than 32 bits."""
    if not -(2**31) <= number < 2**31:
        raise BerError(f"{number} does not fit 32 bits")
    return tlv(INTEGER, _signed_octets(number))


def tlv(tag: int, content: bytes) -> bytes:
    """Return content behind its tag and the shortest length."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) >> 3, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
