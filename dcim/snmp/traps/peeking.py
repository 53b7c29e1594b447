"""Which trap a datagram probably is, without decoding it. Pure, total and cheap.

Only for telling kinds apart while there are too many datagrams: whatever is found here, the decoder
judges the datagram anew.
"""

from __future__ import annotations

# The varbind of snmpTrapOID.0 (RFC 3418) up to its value's tag: what v2c names its traps by.
_TRAP_OID = bytes.fromhex("060a2b06010603010104010006")
_TRAP_V1 = 0xA4
# A trap of v1 is known by its enterprise, generic and specific: all lie within so many octets of
# its PDU's tag.
_HEAD = 400
_NUMBER, _OID = 0x02, 0x06


def peek_kind(packet: bytes) -> bytes:
    """The trap's OID as its octets, of v1 enterprise and numbers; empty where none is found.

    An encrypted message hides it: all of those of a source are one kind.
    """
    at = packet.find(_TRAP_OID)
    if at >= 0:
        start = at + len(_TRAP_OID)
        return packet[start + 1 : start + 1 + packet[start]] if start < len(packet) else b""
    try:
        return _peek_v1(packet)
    except IndexError:
        return b""


def _peek_v1(packet: bytes) -> bytes:
    pos = _content(packet, 0)
    pos = _behind(packet, pos)  # version
    pos = _behind(packet, pos)  # community
    if packet[pos] != _TRAP_V1:
        return b""
    pos = _content(packet, pos)
    end = _behind(packet, pos)
    enterprise = packet[pos:end]
    generic_at = _behind(packet, end)  # behind the agent's address
    specific_at = _behind(packet, generic_at)
    if packet[pos] != _OID or packet[generic_at] != _NUMBER or specific_at > _HEAD:
        return b""
    return enterprise + packet[generic_at : _behind(packet, specific_at)]


def _content(packet: bytes, pos: int) -> int:
    length = packet[pos + 1]
    return pos + 2 + (length & 0x7F if length & 0x80 else 0)


def _behind(packet: bytes, pos: int) -> int:
    length = packet[pos + 1]
    if length & 0x80:
        size = length & 0x7F
        start = pos + 2 + size
        return start + int.from_bytes(packet[pos + 2 : start], "big")
    return pos + 2 + length
