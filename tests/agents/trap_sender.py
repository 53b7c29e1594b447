"""Devices that send traps and informs: from any loopback address, over v1, v2c and v3."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field

from dcim.snmp.traps.decoding import SNMP_TRAP_OID, SYS_UP_TIME
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Pdu, VarBind
from dcim.snmp.wire.target import UsmCredentials
from dcim.snmp.wire.usm_keys import SALT_OCTETS, derive_keys
from dcim.snmp.wire.v3_message import (
    AUTH,
    PRIV,
    REPORTABLE,
    Envelope,
    encode_scoped_pdu,
    seal,
)

LINK_DOWN: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 5, 3)
IF_INDEX: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
COMMUNITY = b"trap-community"


def binds_of(oid: Oid, number: int, uptime: int = 100) -> list[VarBind]:
    return [
        VarBind(SYS_UP_TIME, ber.timeticks(uptime)),
        VarBind(SNMP_TRAP_OID, ber.object_identifier(oid)),
        VarBind((*IF_INDEX, number), ber.integer(number)),
    ]


def v2c(
    oid: Oid = LINK_DOWN,
    number: int = 1,
    *,
    community: bytes = COMMUNITY,
    pdu: int = ber.TRAP,
    request_id: int = 1,
    uptime: int = 100,
) -> bytes:
    binds = binds_of(oid, number, uptime)
    return ber.encode_message(ber.Message(ber.V2C, community, pdu, request_id, 0, 0, binds))


def v1(
    enterprise: Oid = (1, 3, 6, 1, 4, 1, 318),
    generic: int = 6,
    specific: int = 5,
    *,
    community: bytes = COMMUNITY,
    binds: tuple[VarBind, ...] = (),
    address: bytes = bytes(4),
) -> bytes:
    pdu = ber.tlv(
        ber.TRAP_V1,
        ber.tlv(ber.OBJECT_IDENTIFIER, ber.encode_oid(enterprise))
        + ber.tlv(ber.IP_ADDRESS, address)
        + ber.integer_field(generic)
        + ber.integer_field(specific)
        + ber.encode_value(ber.timeticks(100))
        + ber.tlv(ber.SEQUENCE, b"".join(map(ber.encode_varbind, binds))),
    )
    return ber.tlv(
        ber.SEQUENCE, ber.integer_field(ber.V1) + ber.tlv(ber.OCTET_STRING, community) + pdu
    )


@dataclass
class V3Sender:
    """An SNMPv3 engine that sends traps by its own clock, and informs by another's."""

    credentials: UsmCredentials
    engine_id: bytes = bytes.fromhex("80001f8804") + b"sender-1"
    boots: int = 3
    time_s: int = 1_000
    number: int = 0
    sent: list[bytes] = field(default_factory=list)

    @property
    def level(self) -> int:
        return (AUTH if self.credentials.auth != "none" else 0) | (
            PRIV if self.credentials.priv != "none" else 0
        )

    def trap(self, oid: Oid = LINK_DOWN, number: int = 1) -> bytes:
        return self._message(
            ber.TRAP, binds_of(oid, number), self.engine_id, self.boots, self.time_s, self.level
        )

    def inform(
        self, engine_id: bytes, boots: int, time_s: int, oid: Oid = LINK_DOWN, number: int = 1
    ) -> bytes:
        level = self.level | REPORTABLE
        return self._message(ber.INFORM, binds_of(oid, number), engine_id, boots, time_s, level)

    def discovery(self) -> bytes:
        """The question for an engine's id (RFC 3414, 4)."""
        nobody = derive_keys(UsmCredentials(""), b"")
        self.number += 1
        pdu = ber.encode_pdu(Pdu(ber.GET, self.number, 0, 0, []), b"")
        scoped = ber.tlv(
            ber.SEQUENCE, ber.tlv(ber.OCTET_STRING, b"") + ber.tlv(ber.OCTET_STRING, b"") + pdu
        )
        return seal(Envelope(self.number, REPORTABLE, b"", 0, 0, b""), scoped, nobody)

    def _message(
        self, tag: int, binds: list[VarBind], engine_id: bytes, boots: int, time_s: int, flags: int
    ) -> bytes:
        self.number += 1
        encoded = b"".join(map(ber.encode_varbind, binds))
        context = self.credentials.context.encode()
        scoped = encode_scoped_pdu(engine_id, context, Pdu(tag, self.number, 0, 0, []), encoded)
        envelope = Envelope(
            self.number, flags, engine_id, boots, time_s, self.credentials.user.encode()
        )
        salt = secrets.token_bytes(SALT_OCTETS) if flags & PRIV else b""
        return seal(envelope, scoped, derive_keys(self.credentials, engine_id), salt)


def open_at(address: str) -> socket.socket:
    """A socket whose datagrams come from a loopback address."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((address, 0))
    sender.setblocking(True)
    sender.settimeout(2.0)
    return sender
