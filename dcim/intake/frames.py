"""How the reader and the decoder talk over a stream socket: frames of a length, a kind, a body."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

# Kinds of frames. To the decoder: datagrams and counts of drops; to the reader: who is allowed.
DATAGRAMS, COUNTS, ALLOWED = 1, 2, 3
_FRAME = struct.Struct("!IB")
_DATAGRAM = struct.Struct("!dHHB")


class Datagram(NamedTuple):
    """What came from whom, and when (UTC epoch, seconds)."""

    at_s: float
    source: str
    port: int
    octets: bytes


def make_frame(kind: int, body: bytes) -> bytes:
    return _FRAME.pack(len(body), kind) + body


def make_json(kind: int, told: Any) -> bytes:
    return make_frame(kind, json.dumps(told).encode())


def write_datagram(at_s: float, source: str, port: int, octets: bytes) -> bytes:
    name = source.encode()
    return _DATAGRAM.pack(at_s, port, len(octets), len(name)) + name + octets


def read_datagrams(body: bytes) -> Iterator[Datagram]:
    pos = 0
    while pos < len(body):
        at_s, port, size, name = _DATAGRAM.unpack_from(body, pos)
        start = pos + _DATAGRAM.size
        middle = start + name
        pos = middle + size
        yield Datagram(at_s, body[start:middle].decode(), port, body[middle:pos])


class Frames:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield kind and body of each frame that is whole by now."""
        rest = self._rest
        rest += octets
        pos = 0
        while len(rest) - pos >= _FRAME.size:
            size, kind = _FRAME.unpack_from(rest, pos)
            end = pos + _FRAME.size + size
            if len(rest) < end:
                break
            yield kind, bytes(rest[pos + _FRAME.size : end])
            pos = end
        del rest[:pos]
