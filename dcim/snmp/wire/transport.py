"""UDP transport of the v1/v2c engine: few sockets, one deadline queue, and a strict doorman.

A datagram becomes a reply only when source, socket, request-id, version, community and OIDs fit
the request; anything else is dropped and counted by reason, and never raises. What concerns the
version alone (`_new_ask`, `_encode`, `_receive`, `_quoted_number`) v3 has of its own.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import hmac
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Message
from dcim.snmp.wire.drops import Drops
from dcim.snmp.wire.faults import Refused, SnmpError, Timeout
from dcim.snmp.wire.icmp_errors import IcmpError, hear_errors, read_error
from dcim.snmp.wire.target import Reply, Request, Target

_RECEIVE_BUFFER = 8 << 20
_DRAIN = 256  # datagrams taken per wake-up, so that a flood cannot starve the loop
_VERSIONS = {"1": ber.V1, "2c": ber.V2C}
_UNREACHABLE = frozenset(
    (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)
)


@dataclass(eq=False)
class Ask:
    """One question in flight: its attempts share a future, an answer to any of them counts."""

    target: Target
    attempts: Sequence[Request]
    sock: socket.socket
    future: asyncio.Future[Reply]
    sent: int = 0
    due: float = 0.0  # when the latest packet has waited long enough, monotonic
    ids: dict[int, int] = field(default_factory=dict)  # request-id (v3: message id) -> attempt


class UdpTransport:
    """Sends v1/v2c requests and matches what comes back; use from one event loop only."""

    def __init__(
        self,
        *,
        window: int | asyncio.Semaphore = 512,
        sockets: int = 2,
        drops: Drops | None = None,
    ) -> None:
        self.drops = Drops() if drops is None else drops
        self.requests = 0
        self.window = asyncio.Semaphore(window) if isinstance(window, int) else window
        self._count = sockets
        self._sockets: dict[bool, list[socket.socket]] = {}
        self._asks: dict[int, Ask] = {}
        # When, and the number of the packet: a deadline must not keep what has been answered.
        self._deadlines: list[tuple[float, int]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets[False] = [self._socket(socket.AF_INET) for _ in range(self._count)]
        try:
            self._sockets[True] = [self._socket(socket.AF_INET6)]
        except OSError:  # a host without IPv6
            self._sockets[True] = []

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        v6 = family == socket.AF_INET6
        if v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        hear_errors(sock)
        sock.bind(("::" if v6 else "0.0.0.0", 0))  # noqa: S104 - the kernel picks the way out
        assert self._loop is not None  # noqa: S101 - set by open()
        self._loop.add_reader(sock, self._drain, sock)
        return sock

    def close(self) -> None:
        for ask in set(self._asks.values()):
            if not ask.future.done():
                ask.future.set_exception(SnmpError("the engine was closed"))
        self._asks.clear()
        self._deadlines.clear()
        if self._timer:
            self._timer.cancel()
        for group in self._sockets.values():
            for sock in group:
                if self._loop:
                    self._loop.remove_reader(sock)
                sock.close()
        self._sockets.clear()

    async def exchange(self, target: Target, attempts: Sequence[Request]) -> Reply:
        """Send the attempts one timeout apart until one is answered; raise Timeout or Refused."""
        group = self._sockets.get(target.is_ipv6)
        if not group:
            raise SnmpError("the engine is not open for this address family")
        self.drops.expect(target.peer)
        async with self.window:
            future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            ask = self._new_ask(target, attempts, secrets.choice(group), future)
            try:
                self._send_next(ask)
                return await future
            finally:
                for request_id in ask.ids:
                    self._asks.pop(request_id, None)

    # --- out

    def _new_ask(
        self,
        target: Target,
        attempts: Sequence[Request],
        sock: socket.socket,
        future: asyncio.Future[Reply],
    ) -> Ask:
        return Ask(target, attempts, sock, future)

    def _send_next(self, ask: Ask) -> None:
        ask.sent += 1
        self._send_attempt(ask, ask.sent - 1)

    def _send_attempt(self, ask: Ask, attempt: int) -> None:
        """Send an attempt under a number of its own; the waiting begins anew."""
        number = secrets.randbits(31)
        while number in self._asks:
            number = secrets.randbits(31)
        packet = self._encode(ask, attempt, number)
        self._asks[number] = ask
        ask.ids[number] = attempt
        self.requests += 1
        ask.due = time.monotonic() + ask.target.timeout_s
        heapq.heappush(self._deadlines, (ask.due, number))
        self._arm()
        self._send(ask, packet)

    def _encode(self, ask: Ask, attempt: int, number: int) -> bytes:
        request = ask.attempts[attempt]
        message = Message(
            _VERSIONS[ask.target.version],
            ask.target.community,
            request.pdu,
            number,
            request.non_repeaters,
            request.max_repetitions,
            [],
        )
        return ber.encode_frame(message, ber.encode_asked(request.oids))

    def _send(self, ask: Ask, packet: bytes) -> None:
        for _ in range(8):  # each try may report an ICMP error about somebody else first
            try:
                ask.sock.sendto(packet, ask.target.peer)
            except (BlockingIOError, InterruptedError):
                self.drops.note("send_buffer_full", ask.target.peer)
                return  # the deadline sends the next attempt
            except OSError as error:
                if self._read_errors(ask.sock) and not ask.future.done():
                    continue
                if error.errno in _UNREACHABLE and not ask.future.done():
                    ask.future.set_exception(Refused(error.strerror or "unreachable"))
                return
            return

    # --- deadlines

    def _arm(self) -> None:
        if self._timer is None and self._deadlines and self._loop:
            delay = max(0.0, self._deadlines[0][0] - time.monotonic())
            self._timer = self._loop.call_later(delay, self._expire)
        elif self._timer and self._loop and self._deadlines:
            due = self._loop.time() + self._deadlines[0][0] - time.monotonic()
            if due < self._timer.when() - 0.001:
                self._timer.cancel()
                self._timer = self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        for group in self._sockets.values():  # what has arrived in time was in time
            for sock in group:
                self._drain(sock)
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            ask = self._asks.get(heapq.heappop(self._deadlines)[1])
            if ask is None or ask.future.done() or ask.due > now:  # or it waits for a later packet
                continue
            self.drops.note_unanswered(ask.target.peer)
            if ask.sent < len(ask.attempts):
                self._send_next(ask)
            else:
                host, port = ask.target.peer
                ask.future.set_exception(
                    Timeout(f"no answer from {host}:{port} to {ask.sent} requests")
                )
        while self._deadlines and self._deadlines[0][1] not in self._asks:
            heapq.heappop(self._deadlines)
        self._arm()

    # --- in

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(_DRAIN):
            try:
                packet, source = sock.recvfrom(65_535)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                if not self._read_errors(sock):
                    return
                continue
            self._receive(sock, packet, source)

    def _receive(self, sock: socket.socket, packet: bytes, source: Any) -> None:
        try:
            message = ber.decode_message(packet)
        except BerError:
            self.drops.note("malformed", source[:2])
            return
        ask = self._asks.get(message.request_id)
        reason = (
            "unknown_request_id" if ask is None else self._objection(ask, message, sock, source)
        )
        if reason or ask is None:
            # Who knows the request-id, a secret, is the agent, from whatever address.
            self.drops.note(reason or "unknown_request_id", ask.target.peer if ask else source[:2])
            return
        if ask.future.done():
            self.drops.note("duplicate", ask.target.peer)
            return
        ask.future.set_result(
            Reply(
                ask.ids[message.request_id],
                message.error_status,
                message.error_index,
                message.varbinds,
                time.time_ns() // 1_000_000,
                time.monotonic_ns() // 1_000_000,
                len(packet),
            )
        )

    def _objection(
        self, ask: Ask, message: Message, sock: socket.socket, source: Any
    ) -> str | None:
        """Say why a message is no answer to the ask, or None when it is."""
        target = ask.target
        if not self._is_source(ask, sock, source):
            return "wrong_source"
        if message.pdu != ber.RESPONSE:
            return "not_a_response"
        if message.version != _VERSIONS[target.version]:
            return "wrong_version"
        if not self._is_community(ask, message):
            return "wrong_community"
        if not message.error_status and not self._fits(ask, message):
            return "wrong_oid"
        return None

    def _is_source(self, ask: Ask, sock: socket.socket, source: Any) -> bool:
        return bool(source[:2] == ask.target.peer) and sock is ask.sock

    def _is_community(self, ask: Ask, message: Message) -> bool:
        return hmac.compare_digest(message.community, ask.target.community)

    def _fits(self, ask: Ask, message: Message) -> bool:
        request = ask.attempts[ask.ids[message.request_id]]
        return request.is_answered_by(message.varbinds)

    # --- ICMP

    def _read_errors(self, sock: socket.socket) -> bool:
        """Read the socket's queue of ICMP errors; fail the asks they are about. False: none."""
        found = False
        while error := read_error(sock):
            found = True
            if error.refused:
                self._refuse(sock, error)
        return found

    def _refuse(self, sock: socket.socket, error: IcmpError) -> None:
        """Fail the ask an ICMP error quotes: only the whole quoted request is believed."""
        peer = error.peer
        number = self._quoted_number(error.quoted)
        ask = None if number is None else self._asks.get(number)
        if ask is None or not self._is_source(ask, sock, peer):
            self.drops.note("stray_icmp", peer[:2])
        elif not ask.future.done():
            ask.future.set_exception(Refused(f"{peer[0]} port {peer[1]}: {error.refused}"))

    def _quoted_number(self, packet: bytes) -> int | None:
        try:
            return ber.decode_message(packet).request_id
        except BerError:
            return None
