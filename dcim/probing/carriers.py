"""The sockets that carry echoes: ICMP by datagram or raw sockets, whichever the kernel allows."""

import errno
import ipaddress
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from dcim.probing.echo_message import strip_ipv4

_RECEIVE_BUFFER = 4 << 20
_ICMP_FILTER, _SOL_RAW = 1, 255  # linux/icmp.h: a set bit keeps the type out
_ICMP6_FILTER = 1  # linux/icmpv6.h, RFC 3542, 3.2
_REPLY_TYPE, _REPLY6_TYPE = 0, 129
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the ancillary data has the same number
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = 64
_LONGEST_WAIT_NS = 10_000_000_000


class Carrier(Protocol):
    """Takes ICMP echo messages there and back. `way` says how, for people.

    `identifier` is the one all requests through it must have; None: any. `send` raises OSError
    where the message didn't leave this machine. `receive` gives the message, the source address
    and how long it lay here unread in ns; None when there is nothing to read.
    """

    way: str
    ipv6: bool
    identifier: int | None

    def fileno(self) -> int: ...

    def send(self, message: bytes, address: str) -> None: ...

    def receive(self) -> tuple[bytes, str, int] | None: ...

    def close(self) -> None: ...


class IcmpCarrier:
    """One socket for any number of targets of one address family."""

    def __init__(self, sock: socket.socket, *, raw: bool) -> None:
        self.ipv6 = sock.family == socket.AF_INET6
        self._sock, self._raw = sock, raw
        self.way = "raw ICMP socket" if raw else "ICMP datagram socket"
        # The kernel writes the socket's own number over a datagram socket's identifier.
        self.identifier = None if raw else int(sock.getsockname()[1])

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, message: bytes, address: str) -> None:
        self._sock.sendto(message, (address, 0))

    def receive(self) -> tuple[bytes, str, int] | None:
        try:
            packet, ancillary, _, source = self._sock.recvmsg(65_535, _ANCILLARY)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b"", "", 0  # an error that waited, about some other packet: nothing was heard
        waited_ns = measure_wait(ancillary, time.time_ns())
        if self._raw and not self.ipv6:
            packet = strip_ipv4(packet)
        return packet, str(ipaddress.ip_address(source[0].partition("%")[0])), waited_ns

    def close(self) -> None:
        self._sock.close()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why this machine can't send ICMP echoes of one address family."""

    why: str


def open_icmp(*, ipv6: bool) -> IcmpCarrier | Refusal:
    """An unprivileged datagram socket if net.ipv4.ping_group_range allows it, else a raw one."""
    refused = []
    for raw in (False, True):
        try:
            return IcmpCarrier(_open(ipv6=ipv6, raw=raw), raw=raw)
        except OSError as error:
            if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                return Refusal(f"this machine has no {'IPv6' if ipv6 else 'IPv4'}")
            name = "raw socket (CAP_NET_RAW)" if raw else "datagram socket (ping_group_range)"
            refused.append(f"{name}: {error.strerror}")
    return Refusal("ICMP is not allowed: " + ", ".join(refused))


def _open(*, ipv6: bool, raw: bool) -> socket.socket:
    sock = socket.socket(
        socket.AF_INET6 if ipv6 else socket.AF_INET,
        socket.SOCK_RAW if raw else socket.SOCK_DGRAM,
        socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP,
    )
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if sys.platform == "linux":
            with suppress(OSError):  # without stamps, times are those of reading
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if raw:
            _filter(sock, ipv6=ipv6)
        else:
            sock.bind(("::" if ipv6 else "0.0.0.0", 0))  # noqa: S104 - draws the identifier
    except OSError:
        sock.close()
        raise
    return sock


def measure_wait(ancillary: Sequence[tuple[int, int, Any]], now_ns: int) -> int:
    """How long a packet waited to be read, by the kernel's stamp on it: a busy process must not
    lengthen a round trip. Both are of the wall clock, which may be set in between: what can't be
    is 0, and the time of reading holds.
    """
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            waited = now_ns - (seconds * 1_000_000_000 + nanoseconds)
            return waited if 0 <= waited <= _LONGEST_WAIT_NS else 0
    return 0


def _filter(sock: socket.socket, *, ipv6: bool) -> None:
    """Have the kernel keep everything but echo replies from a raw socket, which gets them all."""
    if ipv6:
        words = [0xFFFFFFFF] * 8
        words[_REPLY6_TYPE >> 5] &= ~(1 << (_REPLY6_TYPE & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))
    else:
        mask = 0xFFFFFFFF & ~(1 << _REPLY_TYPE)
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", mask))
