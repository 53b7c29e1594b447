"""Whom to ask and with which credentials; nothing here shows a secret when printed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, VarBind

Version = Literal["1", "2c", "3"]
AuthProtocol = Literal["none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
# The plain AES-192/256 keys are localised after Reeder (as Cisco and most vendors do); the
# draft-blumenthal flavour has names of its own.
PrivProtocol = Literal[
    "none",
    "DES",
    "3DES",
    "AES-128",
    "AES-192",
    "AES-256",
    "AES-192-BLUMENTHAL",
    "AES-256-BLUMENTHAL",
]


@dataclass(frozen=True)
class UsmCredentials:
    """A USM user (RFC 3414); passwords never show in a repr."""

    user: str
    auth: AuthProtocol = "none"
    auth_password: str = field(default="", repr=False)
    priv: PrivProtocol = "none"
    priv_password: str = field(default="", repr=False)
    context: str = ""

    def __post_init__(self) -> None:
        if self.priv != "none" and self.auth == "none":
            raise ValueError("privacy needs authentication (RFC 3414)")
        for protocol, password in (
            (self.auth, self.auth_password),
            (self.priv, self.priv_password),
        ):
            if protocol != "none" and len(password) < 8:
                raise ValueError("USM passwords have at least 8 characters (RFC 3414, 11.2)")


@dataclass(frozen=True)
class Target:
    """One agent. `address` is numeric: names are resolved, once, by whoever stores a device."""

    address: str
    port: int = 161
    version: Version = "2c"
    community: bytes = field(default=b"", repr=False)
    credentials: UsmCredentials | None = None
    timeout_s: float = 2.0
    retries: int = 1
    max_repetitions: int = 25
    bulk: bool = True

    def __post_init__(self) -> None:
        address = ipaddress.ip_address(self.address)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        object.__setattr__(self, "address", str(address))
        if not 0 < self.port < 65_536:
            raise ValueError("port out of range")
        if (self.version == "3") != (self.credentials is not None):
            raise ValueError("version 3, and only it, takes USM credentials")
        if self.timeout_s <= 0 or self.retries < 0 or self.max_repetitions < 1:
            raise ValueError("timeout, retries or max-repetitions out of range")

    @property
    def peer(self) -> tuple[str, int]:
        return self.address, self.port

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.address


def split_address(place: str) -> tuple[str, int]:
    """Address and port of "192.0.2.1:1161", "[2001:db8::1]:161", or without a port (161).

    Raises ValueError with words that don't show what was given: it may be a community.
    """
    host, port = place, ""
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("no address[:port] at the beginning")
        port = rest[1:] if rest else "161"
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    else:
        port = "161"
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ValueError("the port is no number from 1 to 65535")
    try:
        Target(host, int(port))
    except ValueError:
        raise ValueError("no numeric IPv4 or IPv6 address at the beginning") from None
    return host, int(port)


class Request(NamedTuple):
    """One PDU to send; the two numbers matter for GETBULK only."""

    pdu: int
    oids: tuple[Oid, ...]
    non_repeaters: int = 0
    max_repetitions: int = 0

    def is_answered_by(self, varbinds: list[VarBind]) -> bool:
        """Check a reply's OIDs against a GET's, its number of varbinds against the others'."""
        if self.pdu == ber.GET:
            return tuple(varbind.oid for varbind in varbinds) == self.oids
        if self.pdu == ber.GETNEXT:
            return len(varbinds) == len(self.oids)
        repeated = len(self.oids) - self.non_repeaters
        return len(varbinds) <= self.non_repeaters + self.max_repetitions * repeated


class Reply(NamedTuple):
    """What came back: to which attempt, when (UTC epoch ms, monotonic ms), and how many octets."""

    attempt: int
    error_status: int
    error_index: int
    varbinds: list[VarBind]
    wall_ms: int
    monotonic_ms: int
    size: int
