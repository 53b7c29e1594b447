"""ICMP errors of unconnected UDP sockets, with the address they are about: Linux' error queue.

Elsewhere there are none to read, and a closed port is heard as silence (ip(7), IP_RECVERR).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h
_EXTENDED_ERR = struct.Struct("=IBBBBII")  # linux/errqueue.h: sock_extended_err
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
_UNREACHABLE, _UNREACHABLE6 = 3, 1  # destination unreachable: RFC 792, RFC 4443
_PORT, _PORT6 = 3, 4
_ADDRESS_AT = {_ORIGIN_ICMP: slice(4, 8), _ORIGIN_ICMP6: slice(8, 24)}  # in sockaddr_in, _in6
_WORDS = {
    _ORIGIN_ICMP: {  # RFC 792, RFC 1122, RFC 1812
        0: "network unreachable", 1: "host unreachable", 2: "protocol unreachable",
        _PORT: "port unreachable", 6: "network unknown", 7: "host unknown",
        9: "administratively prohibited", 10: "administratively prohibited",
        13: "administratively prohibited",
    },
    _ORIGIN_ICMP6: {  # RFC 4443, 3.1
        0: "no route to it", 1: "administratively prohibited", 3: "host unreachable",
        _PORT6: "port unreachable", 5: "administratively prohibited", 6: "route rejected",
    },
}  # fmt: skip


class IcmpError(NamedTuple):
    """What the network said of a datagram to `peer`, and as much of that as it quoted.

    `refused` says in words that it wasn't delivered; None where the error means something else
    (too large for the way: EMSGSIZE, on its way too long).
    """

    peer: tuple[str, int]
    quoted: bytes
    refused: str | None


def hear_errors(sock: socket.socket) -> None:
    """Let the kernel keep ICMP errors for `read_error`. Sending and receiving then raise, too,
    what was said of any datagram of this socket."""
    if sys.platform == "linux":
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def read_error(sock: socket.socket) -> IcmpError | None:
    """Take the oldest error off the queue; None: there is none."""
    if sys.platform != "linux":
        return None
    try:
        quoted, ancillary, _, peer = sock.recvmsg(65_535, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    return IcmpError((peer[0], peer[1]) if peer else ("", 0), quoted, explain_error(ancillary))


def explain_error(ancillary: Sequence[tuple[int, int, Any]]) -> str | None:
    """Why a datagram wasn't delivered, by a message's ancillary data; None: something else."""
    for level, kind, data in ancillary:
        if (level, kind) not in (
            (socket.IPPROTO_IP, _IP_RECVERR),
            (socket.IPPROTO_IPV6, _IPV6_RECVERR),
        ) or len(data) < _EXTENDED_ERR.size:
            continue
        number, origin, icmp_type, code, *_ = _EXTENDED_ERR.unpack_from(data)
        unreachable = _UNREACHABLE6 if origin == _ORIGIN_ICMP6 else _UNREACHABLE
        if origin not in _WORDS or icmp_type != unreachable or number == errno.EMSGSIZE:
            return None
        words = _WORDS[origin].get(code) or os.strerror(number)
        teller = _teller(origin, data[_EXTENDED_ERR.size :])
        return f"{words}, says {teller}" if teller else words
    return None


def _teller(origin: int, sockaddr: bytes) -> str:
    """Who sent the error (SO_EE_OFFENDER): the agent's host, or a router on the way."""
    family = socket.AF_INET6 if origin == _ORIGIN_ICMP6 else socket.AF_INET
    packed = sockaddr[_ADDRESS_AT[origin]]
    size = 16 if family == socket.AF_INET6 else 4
    if len(packed) != size or int.from_bytes(sockaddr[:2], sys.byteorder) != family:
        return ""
    return socket.inet_ntop(family, packed)
