"""The process that only receives: who is heard, how often, and on to the decoder.

It has no database, no secret and no decoder, so nothing keeps it from emptying the socket: a
decoder in the same process would take the interpreter's lock for longer than a socket's buffer
lasts. Started by `receiver` as `python -m MODULE UDP CHANNEL LIMITS`: two open file descriptors and
the limits as JSON; the module names what tells kinds apart. It ends when the channel does.
"""

from __future__ import annotations

import ipaddress
import json
import select
import signal
import socket
import time
from collections.abc import Callable

from dcim.intake.buckets import Admission
from dcim.intake.frames import (
    ALLOWED,
    COUNTS,
    DATAGRAMS,
    Frames,
    make_frame,
    make_json,
    write_datagram,
)

DECODER_BUSY = "decoder_busy"
# Octets that wait for the decoder; beyond, what comes is dropped.
MOST_WAITING = 64 << 20
_AT_ONCE = 2_048  # datagrams taken before the others have a turn
_BATCH = 256 << 10  # octets of a frame of datagrams
_TICK_S = 0.2
_COUNTS_S = 1.0


class Reader:
    """Empties `udp` into `channel`, a stream socket."""

    def __init__(self, udp: socket.socket, channel: socket.socket, admission: Admission) -> None:
        self.udp, self.channel, self.admission = udp, channel, admission
        udp.setblocking(False)
        channel.setblocking(False)
        self._frames = Frames()
        self._batch = bytearray()
        self._waiting = bytearray()
        self._counted_s = 0.0
        self._open = True
        # One octet more than any datagram has: longer ones are seen to be.
        self._buffer = bytearray(65_536)

    def run(self) -> None:
        """Until the other end of the channel is closed."""
        poller = select.poll()
        poller.register(self.udp, select.POLLIN)
        channel = self.channel.fileno()
        while self._open:
            wanted = select.POLLIN | (select.POLLOUT if self._waiting else 0)
            poller.register(channel, wanted)
            events = dict(poller.poll(_TICK_S * 1000))
            if channel in events:
                self._listen()
            self._drain()
            self._count(time.monotonic())
            self._send()

    def _listen(self) -> None:
        while True:
            try:
                octets = self.channel.recv(1 << 20)
            except BlockingIOError:
                return
            except OSError:
                octets = b""
            if not octets:
                self._open = False
                return
            for kind, body in self._frames.feed(octets):
                if kind == ALLOWED:
                    told = json.loads(body)
                    networks = [ipaddress.ip_network(one) for one in told["networks"]]
                    self.admission.allow(told["sources"], networks)

    def _drain(self) -> None:
        receive, buffer, admit = self.udp.recvfrom_into, self._buffer, self.admission.admit
        now_s, at_s = time.monotonic(), time.time()
        view = memoryview(buffer)
        for _ in range(_AT_ONCE):
            try:
                size, address = receive(buffer)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of what was answered once
            source = address[0]
            if source.startswith("::ffff:"):  # IPv4 at a socket of both families
                source = source[7:]
            if not admit(source, size, lambda size=size: bytes(view[:size]), now_s):  # type: ignore[misc]
                continue
            if len(self._waiting) > MOST_WAITING:
                self.admission.drop(source, DECODER_BUSY)
                continue
            self._batch += write_datagram(at_s, source, address[1], bytes(view[:size]))
            if len(self._batch) >= _BATCH:
                self._close_batch()
        self._close_batch()

    def _close_batch(self) -> None:
        if self._batch:
            self._waiting += make_frame(DATAGRAMS, bytes(self._batch))
            self._batch.clear()

    def _count(self, now_s: float) -> None:
        # While the decoder takes nothing they are added up here, not queued.
        if now_s - self._counted_s >= _COUNTS_S and len(self._waiting) <= MOST_WAITING:
            self._counted_s = now_s
            drops = self.admission.take_drops()
            if drops:
                rows = [[source, reason, count] for (source, reason), count in drops.items()]
                self._waiting += make_json(COUNTS, rows)

    def _send(self) -> None:
        while self._waiting:
            try:
                sent = self.channel.send(self._waiting[: 1 << 20])
            except BlockingIOError:
                return
            except OSError:
                self._open = False
                return
            del self._waiting[:sent]


def serve(arguments: list[str], peek: Callable[[bytes], bytes]) -> None:
    """Be the reader; `peek` tells the kinds of datagrams apart (`buckets`)."""
    # The receiver says when it is over: what lies in the socket is read until then.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    udp = socket.socket(fileno=int(arguments[0]))
    channel = socket.socket(fileno=int(arguments[1]))
    Reader(udp, channel, Admission(peek, **json.loads(arguments[2]))).run()
