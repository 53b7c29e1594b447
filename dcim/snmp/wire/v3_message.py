"""SNMPv3 messages (RFC 3412) under the User-based Security Model (RFC 3414): strict, bounded, pure.

Reading goes in three steps, and each wants the one before: `open_envelope` finds the parts,
`verify` checks the HMAC over all octets, `open_payload` decrypts and decodes. Whatever bytes come
in, each returns its result or raises `Rejected`.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Pdu
from dcim.snmp.wire.usm_keys import SALT_OCTETS, Keys

AUTH = 0x01  # msgFlags (RFC 3412, 6.4)
PRIV = 0x02
REPORTABLE = 0x04
LEVEL = AUTH | PRIV

MAX_INTEGER = 2**31 - 1
MAX_ENGINE_ID = 32  # RFC 3411, SnmpEngineID
MAX_USER = 32
_VERSION = 3
_USM = 3  # msgSecurityModel
_VERSION_FIELD = _USM_FIELD = ber.integer_field(3)
_MIN_SIZE = 484  # RFC 3412, msgMaxSize
_AES_BLOCK = 16


class Rejected(ValueError):  # noqa: N818 - it is what was done to the message
    """A message is not taken; `reason` is the word under which it is counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class Envelope(NamedTuple):
    """Header and security parameters of a message; `time` is the engine's, in seconds."""

    message_id: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: bytes
    max_size: int = ber.MAX_MESSAGE


class Sealed(NamedTuple):
    """A message whose payload is unread: the digest lies from `digest_at` to `digest_end`."""

    packet: bytes
    envelope: Envelope
    digest_at: int
    digest_end: int
    salt: bytes
    payload_at: int


class ScopedPdu(NamedTuple):
    engine_id: bytes
    context: bytes
    pdu: Pdu


# --- writing


def encode_scoped_pdu(engine_id: bytes, context: bytes, pdu: Pdu, varbinds: bytes) -> bytes:
    """Encode a scoped PDU around varbinds that are already encoded."""
    return ber.tlv(
        ber.SEQUENCE,
        ber.tlv(ber.OCTET_STRING, engine_id)
        + ber.tlv(ber.OCTET_STRING, context)
        + ber.encode_pdu(pdu, varbinds),
    )


def seal(envelope: Envelope, scoped_pdu: bytes, keys: Keys, salt: bytes = b"") -> bytes:
    """Encrypt and sign as the flags say; `salt` is 8 octets with privacy, else empty.

    Raises BerError for numbers out of range or a message longer than a datagram.
    """
    message_id, flags, engine_id, boots, time, user, max_size = envelope
    payload = scoped_pdu
    if flags & PRIV:
        payload = ber.tlv(ber.OCTET_STRING, keys.encrypt(scoped_pdu, boots, time, salt))
    header = ber.tlv(
        ber.SEQUENCE,
        ber.integer_field(message_id)
        + ber.integer_field(max_size)
        + bytes((ber.OCTET_STRING, 1, flags))
        + _USM_FIELD,
    )
    size = keys.digest_octets if flags & AUTH else 0
    salt_field = ber.tlv(ber.OCTET_STRING, salt)
    parameters = ber.tlv(
        ber.SEQUENCE,
        ber.tlv(ber.OCTET_STRING, engine_id)
        + ber.integer_field(boots)
        + ber.integer_field(time)
        + ber.tlv(ber.OCTET_STRING, user)
        + ber.tlv(ber.OCTET_STRING, bytes(size))
        + salt_field,
    )
    packet = ber.tlv(
        ber.SEQUENCE,
        _VERSION_FIELD + header + ber.tlv(ber.OCTET_STRING, parameters) + payload,
    )
    if len(packet) > ber.MAX_MESSAGE:
        raise BerError("longer than a datagram")
    if size:
        end = len(packet) - len(payload) - len(salt_field)
        packet = packet[: end - size] + keys.sign(packet) + packet[end:]
    return packet


# --- reading


def open_envelope(packet: bytes) -> Sealed:
    """Find the parts of a message without looking into its payload."""
    try:
        return _read_envelope(packet)
    except BerError as error:
        raise Rejected("malformed", str(error)) from None


def _read_envelope(packet: bytes) -> Sealed:
    if len(packet) > ber.MAX_MESSAGE:
        raise BerError("longer than a datagram")
    pos, end = ber.enter(packet, 0, len(packet), ber.SEQUENCE)
    if end != len(packet):
        raise BerError("bytes after the message")
    version, pos = ber.read_integer(packet, pos, end)
    if version != _VERSION:
        raise Rejected("wrong_version")
    pos, header_end = ber.enter(packet, pos, end, ber.SEQUENCE)
    message_id, pos = _read_natural(packet, pos, header_end)
    max_size, pos = _read_natural(packet, pos, header_end)
    pos, flags_end = ber.enter(packet, pos, header_end, ber.OCTET_STRING)
    if flags_end - pos != 1:
        raise BerError("flags not of one octet")
    flags = packet[pos]
    model, pos = _read_natural(packet, flags_end, header_end)
    if pos != header_end or max_size < _MIN_SIZE:
        raise BerError("unsound header")
    if flags & LEVEL == PRIV:
        raise BerError("privacy without authentication")
    if model != _USM:
        raise Rejected("wrong_security_model")
    pos, parameters_end = ber.enter(packet, pos, end, ber.OCTET_STRING)
    pos, stop = ber.enter(packet, pos, parameters_end, ber.SEQUENCE)
    if stop != parameters_end:
        raise BerError("bytes after the security parameters")
    engine_id, pos = _read_octets(packet, pos, stop, MAX_ENGINE_ID)
    boots, pos = _read_natural(packet, pos, stop)
    time, pos = _read_natural(packet, pos, stop)
    user, pos = _read_octets(packet, pos, stop, MAX_USER)
    digest_at, digest_end = ber.enter(packet, pos, stop, ber.OCTET_STRING)
    salt, pos = _read_octets(packet, digest_end, stop, SALT_OCTETS)
    if pos != stop:
        raise BerError("bytes after the salt")
    envelope = Envelope(message_id, flags, engine_id, boots, time, user, max_size)
    return Sealed(packet, envelope, digest_at, digest_end, salt, parameters_end)


def _read_natural(packet: bytes, pos: int, end: int) -> tuple[int, int]:
    number, stop = ber.read_integer(packet, pos, end)
    if number < 0:
        raise BerError("negative number")
    return number, stop


def _read_octets(packet: bytes, pos: int, end: int, most: int) -> tuple[bytes, int]:
    start, stop = ber.enter(packet, pos, end, ber.OCTET_STRING)
    if stop - start > most:
        raise BerError("octet string too long")
    return packet[start:stop], stop


def verify(sealed: Sealed, keys: Keys) -> None:
    """Check the HMAC over the whole message with its own place zeroed (RFC 3414, 6.3.2)."""
    packet, start, stop = sealed.packet, sealed.digest_at, sealed.digest_end
    octets = keys.digest_octets
    if not octets or stop - start != octets:
        raise Rejected("wrong_digest")
    expected = keys.sign(packet[:start], bytes(octets), packet[stop:])
    if not hmac.compare_digest(expected, packet[start:stop]):
        raise Rejected("wrong_digest")


def open_payload(sealed: Sealed, keys: Keys) -> ScopedPdu:
    """Decrypt where the flags say so, and decode. With authentication `verify` comes first."""
    try:
        if sealed.envelope.flags & PRIV:
            plain = _decrypt(sealed, keys)
            # Some agents pad as DES wants it.
            return _read_scoped_pdu(plain, 0, len(plain), spare=_AES_BLOCK - 1)
        return _read_scoped_pdu(sealed.packet, sealed.payload_at, len(sealed.packet), spare=0)
    except BerError as error:
        raise Rejected("malformed", str(error)) from None


def _decrypt(sealed: Sealed, keys: Keys) -> bytes:
    packet = sealed.packet
    start, stop = ber.enter(packet, sealed.payload_at, len(packet), ber.OCTET_STRING)
    if stop != len(packet) or len(sealed.salt) != SALT_OCTETS:
        raise BerError("unsound encrypted payload")
    envelope = sealed.envelope
    return keys.decrypt(packet[start:stop], envelope.boots, envelope.time, sealed.salt)


def _read_scoped_pdu(packet: bytes, pos: int, end: int, *, spare: int) -> ScopedPdu:
    pos, stop = ber.enter(packet, pos, end, ber.SEQUENCE)
    if end - stop > spare:
        raise BerError("bytes after the scoped PDU")
    engine_id, pos = _read_octets(packet, pos, stop, MAX_ENGINE_ID)
    start, context_end = ber.enter(packet, pos, stop, ber.OCTET_STRING)
    pdu = ber.read_pdu(packet, context_end, stop)
    return ScopedPdu(engine_id, packet[start:context_end], pdu)
