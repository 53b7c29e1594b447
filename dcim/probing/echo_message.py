"""Pure: ICMP echo messages, RFC 792 and RFC 4443. What comes back is hostile; nothing raises."""

import struct
from dataclasses import dataclass

_REQUEST, _REPLY = 8, 0  # RFC 792
_REQUEST6, _REPLY6 = 128, 129  # RFC 4443, 4.1 and 4.2
_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence number
_SHORTEST_IPV4 = 20

TOKEN_OCTETS = 16
# A payload of 56 octets, as ping has it: 64 with the header, so figures can be compared.
_FILLING = bytes(range(56 - TOKEN_OCTETS))


@dataclass(frozen=True, slots=True)
class EchoReply:
    identifier: int
    sequence: int
    payload: bytes


def write_request(identifier: int, sequence: int, token: bytes, *, ipv6: bool) -> bytes:
    """A whole ICMP message. Over IPv6 the checksum is left to the kernel, which knows the source
    address that goes into it (RFC 3542, 3.1)."""
    payload = token + _FILLING
    kind = _REQUEST6 if ipv6 else _REQUEST
    message = _HEADER.pack(kind, 0, 0, identifier, sequence) + payload
    if ipv6:
        return message
    return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]


def read_reply(message: bytes, *, ipv6: bool) -> EchoReply | None:
    """The echo reply in an ICMP message; None for everything else, and for a damaged one.

    Over IPv6 the kernel has judged the checksum already.
    """
    if len(message) < _HEADER.size:
        return None
    kind, code, _, identifier, sequence = _HEADER.unpack_from(message)
    if kind != (_REPLY6 if ipv6 else _REPLY) or code != 0:
        return None
    if not ipv6 and checksum(message) != 0:
        return None
    return EchoReply(identifier, sequence, message[_HEADER.size :])


def payload_of(token: bytes) -> bytes:
    return token + _FILLING


def strip_ipv4(packet: bytes) -> bytes:
    """What an IPv4 packet carries; empty when its header isn't whole (a raw socket gives both)."""
    if len(packet) < _SHORTEST_IPV4 or packet[0] >> 4 != 4:
        return b""
    length = (packet[0] & 0x0F) * 4
    return packet[length:] if length >= _SHORTEST_IPV4 else b""


def checksum(message: bytes) -> int:
    """RFC 1071; 0 over a message that holds its own, sound checksum."""
    if len(message) % 2:
        message += b"\0"
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
