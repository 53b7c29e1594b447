"""Sweeping many v2c agents with the port plan: few sockets, one request in flight per agent.

What is in flight stands in one dict by the agent's address, in the order of sending. All requests
have the same time to be answered in, so this is the deadline queue as well, and it is never longer
than the window. A datagram from an address that isn't asked just now is dropped unread.

Where the kernel tells of ICMP errors (`icmp_errors`), a closed port ends its walk at once. Anybody
can forge such an error, so it is believed only when it quotes, whole, the very request that is in
flight to that address from that socket: its id is as hard to guess as an answer's, and a forger
who sees it could forge answers as well. Routers that quote the headers alone are not believed;
their errors are silence, as before. And it counts as a try without an answer, no more: the agent
is asked again (behind the others, if it was never heard) until its tries are used up, so that one
that is just restarting or behind a flapping route is heard in the same poll, or in the next.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcim.snmp.wire.column_reply import LARGEST_ID, SMALLEST_ID
from dcim.snmp.wire.drops import LATE, Drops
from dcim.snmp.wire.faults import Refused, SnmpError, Timeout, WalkError
from dcim.snmp.wire.icmp_errors import IcmpError, hear_errors, read_error
from dcim.snmp.wire.port_plan import PortsRead, PortWalk
from dcim.snmp.wire.target import Target

WINDOW = 512
LONGEST_S = 60.0  # an agent that needs more for its ports is given up
_RECEIVE_BUFFER = 8 << 20
_REPLY_IN_BUFFER = 2_304  # what the kernel counts for a reply of 1,472 octets (skb truesize)
_MOST_SOCKETS = 8
_DRAIN = 256  # datagrams taken per wake-up, so that a flood cannot starve the loop
_SENDINGS = 8  # of one request, while errors about others stand in its way
_DRAWN = 1_024  # request-ids drawn at once

Done = Callable[[PortWalk], None]


class Sweep:
    """Runs port walks: `await Sweep().run(walks, done)` calls `done` with each as it ends.

    `drops` counts what was not accepted, by reason and agent; `varbinds` what was.
    """

    def __init__(
        self, *, window: int = WINDOW, timeout_s: float = 2.0, drops: Drops | None = None
    ) -> None:
        if window < 1 or timeout_s <= 0:
            raise ValueError("window or timeout out of range")
        self.drops = Drops() if drops is None else drops
        self.requests = 0
        self.varbinds = 0
        self._window = window
        self._timeout_s = timeout_s
        self._sockets: dict[bool, list[socket.socket]] = {}
        self._flying: dict[tuple[str, int], PortWalk] = {}
        self._coming: Iterator[PortWalk] = iter(())
        self._silent: deque[PortWalk] = deque()  # to be asked again when all others were asked
        self._behind: dict[tuple[str, int], deque[PortWalk]] = {}  # of an address that is busy
        self._errors: deque[tuple[socket.socket, IcmpError]] = deque()  # read, to be judged
        self._ids: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._turn = 0

    async def run(self, walks: Iterable[PortWalk], done: Done) -> None:
        """Run the walks to their ends, at most the window at once, taken as places get free."""
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._done = done
        self._coming = iter(walks)
        try:
            self._open()
            self._fill()
            await self._ended
        finally:
            self._close()

    def _open(self) -> None:
        for family in (socket.AF_INET, socket.AF_INET6):
            group = self._sockets[family == socket.AF_INET6] = []
            room = 0
            while room < self._window * _REPLY_IN_BUFFER and len(group) < _MOST_SOCKETS:
                try:
                    sock = self._socket(family)
                except OSError:
                    if family == socket.AF_INET or group:
                        raise
                    break  # a host without IPv6
                group.append(sock)
                room += sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        v6 = family == socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            if v6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            hear_errors(sock)
            sock.bind(("::" if v6 else "0.0.0.0", 0))  # noqa: S104 - the kernel picks the way out
        except OSError:
            sock.close()
            raise
        self._loop.add_reader(sock, self._drain, sock)
        return sock

    def _close(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for group in self._sockets.values():
            for sock in group:
                self._loop.remove_reader(sock)
                sock.close()
        self._sockets.clear()
        self._flying.clear()
        self._silent.clear()
        self._behind.clear()
        self._errors.clear()

    # --- who is next

    def _fill(self) -> None:
        """Ask further agents while the window has room; end when none is left."""
        try:
            while len(self._flying) < self._window:
                walk = next(self._coming, None) or (
                    self._silent.popleft() if self._silent else None
                )
                if walk is None:
                    break
                if walk.peer in self._flying:
                    self._behind.setdefault(walk.peer, deque()).append(walk)
                    continue
                self._start(walk)
        except Exception as error:
            self._stop(error)
        if not self._flying and not self._ended.done():
            self._ended.set_result(None)

    def _start(self, walk: PortWalk) -> None:
        group = self._sockets[walk.target.is_ipv6]
        if not group:
            self._finish(walk, Refused("this machine has no IPv6"))
            return
        self.drops.expect(walk.peer)
        walk.started = time.monotonic()
        self._turn += 1
        walk.sock = group[self._turn % len(group)]
        self._ask(walk, walk.started)

    def _finish(self, walk: PortWalk, error: SnmpError | None = None) -> None:
        """Hand a walk over; the next one behind the same address may go."""
        if error:
            walk.fail(error)
        waiting = self._behind.get(walk.peer)
        if waiting:
            self._silent.appendleft(waiting.popleft())
            if not waiting:
                del self._behind[walk.peer]
        try:
            self._done(walk)
        except Exception as problem:
            self._stop(problem)

    def _stop(self, error: Exception) -> None:
        self._coming = iter(())
        self._silent.clear()
        self._behind.clear()
        self._flying.clear()
        if not self._ended.done():
            self._ended.set_exception(error)

    # --- out

    def _draw(self) -> int:
        """Draw a request-id that nobody can guess."""
        while not self._ids:
            drawn = struct.unpack(f">{_DRAWN}I", os.urandom(4 * _DRAWN))
            self._ids = [number & LARGEST_ID for number in drawn]
            self._ids = [number for number in self._ids if number >= SMALLEST_ID]
        return self._ids.pop()

    def _ask(self, walk: PortWalk, now: float) -> None:
        packet = walk.sent = walk.request(self._draw())
        walk.deadline = now + self._timeout_s
        self._flying[walk.peer] = walk
        self.requests += 1
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout_s, self._expire)
        try:
            walk.sock.sendto(packet, walk.peer)
        except (BlockingIOError, InterruptedError):
            self.drops.note("send_buffer_full", walk.peer)  # the deadline sends again
        except OSError:
            self._send_again(walk)

    def _send_again(self, walk: PortWalk) -> None:
        """Send although the socket has an error: mostly it is about a datagram to somebody else."""
        for _ in range(_SENDINGS):
            heard = self._read_errors(walk.sock)
            try:
                walk.sock.sendto(walk.sent, walk.peer)
            except (BlockingIOError, InterruptedError):
                self.drops.note("send_buffer_full", walk.peer)
            except OSError as error:
                # Of itself sending is never refused: that, too, was said of another datagram.
                if heard or error.errno == errno.ECONNREFUSED:
                    continue
                del self._flying[walk.peer]
                self._finish(walk, Refused(error.strerror or "unreachable"))
            return
        self.drops.note("socket_error", walk.peer)  # the deadline sends again

    def _expire(self) -> None:
        self._timer = None
        for group in self._sockets.values():  # what has arrived in time was in time
            for sock in group:
                self._drain(sock, self._window)
        now = time.monotonic()
        late = []
        for walk in self._flying.values():
            if walk.deadline > now:
                break
            late.append(walk)
        for walk in late:
            self._flying.pop(walk.peer, None)
            self.drops.note_unanswered(walk.peer)
            walk.miss()
            self._retry(walk, now)
        self._fill()
        oldest = next(iter(self._flying.values()), None)
        if self._timer is None and oldest:
            wait = max(0.0, oldest.deadline - time.monotonic())
            self._timer = self._loop.call_later(wait, self._expire)

    def _retry(self, walk: PortWalk, now: float) -> None:
        """Go on with a walk that has missed an answer and isn't in flight."""
        if walk.done:
            self._finish(walk)
        elif walk.answered:
            self._ask(walk, now)
        else:
            self._silent.append(walk)  # never heard of: the others go first

    # --- in

    def _drain(self, sock: socket.socket, most: int = _DRAIN) -> None:
        for turn in range(most):
            try:
                packet, source = sock.recvfrom(65_535)
            except (BlockingIOError, InterruptedError):
                # Woken for nothing: an error waits (and would wake us for ever). It may have been
                # raised already by a sending. Behind datagrams it can wait for the next turn.
                if not turn:
                    self._read_errors(sock)
                return
            except OSError:
                if not self._read_errors(sock):
                    self.drops.note("socket_error")
                continue
            self._receive(sock, packet, source)

    def _receive(self, sock: socket.socket, packet: bytes, source: Any) -> None:
        walk = self._asked_at(sock, source)
        if walk is None:
            peer = source[:2]
            self.drops.note(LATE if self.drops.is_expected(peer) else "wrong_source", peer)
            return
        now = time.monotonic()
        reason, varbinds = walk.take(packet, time.time_ns() // 1_000_000, int(now * 1000))
        if reason:
            self.drops.note(reason, walk.peer)
            if not walk.done:
                return
        self.varbinds += varbinds
        del self._flying[walk.peer]
        if walk.done:
            self._finish(walk)
        elif now - walk.started > LONGEST_S:
            self._finish(walk, WalkError(f"{walk.peer[0]} takes more than {LONGEST_S:.0f} s"))
        else:
            self._ask(walk, now)
        if walk.done:
            self._fill()

    def _asked_at(self, sock: socket.socket, source: Any) -> PortWalk | None:
        """The walk that is asking this very address and port from this socket."""
        walk = self._flying.get(source if len(source) == 2 else source[:2])
        return walk if walk is not None and walk.sock is sock else None

    # --- ICMP

    def _read_errors(self, sock: socket.socket) -> bool:
        """Take errors off a socket's queue, to be judged when the loop is free; False: none."""
        count = 0
        while count < _DRAIN and (error := read_error(sock)):
            count += 1
            if not self._errors:  # judging may ask, asking may read errors: never in each other
                self._loop.call_soon(self._judge_errors)
            self._errors.append((sock, error))
        return count > 0

    def _judge_errors(self) -> None:
        """Take note of requests that were not delivered (how far that is believed: see above)."""
        if self._ended.done():
            return
        now = time.monotonic()
        while self._errors:
            sock, (peer, quoted, refused) = self._errors.popleft()
            walk = self._asked_at(sock, peer)
            if walk is None or refused is None or quoted[: len(walk.sent)] != walk.sent:
                self.drops.note("stray_icmp", peer)
                continue
            del self._flying[peer]
            self.drops.note_unanswered(peer)
            walk.miss(Refused(f"{peer[0]} port {peer[1]}: {refused}"))
            self._retry(walk, now)
        self._fill()


# --- once over a list of targets


@dataclass
class SweepReport:
    """What a sweep came to: targets answered and failed, what it took, what it dropped."""

    ok: int = 0
    failed: int = 0
    requests: int = 0
    varbinds: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_bytes: int = 0
    drops: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, int | float]:
        return {
            "ok": self.ok,
            "failed": self.failed,
            "requests": self.requests,
            "varbinds": self.varbinds,
            "wall_s": round(self.wall_s, 3),
            "cpu_s": round(self.cpu_s, 3),
            "peak_rss_bytes": self.peak_rss_bytes,
        }


def sweep(
    targets: Iterable[Target],
    *,
    window: int = WINDOW,
    timeout_s: float = 2.0,
    retries: int = 1,
    each: Callable[[Target, PortsRead], None] | None = None,
) -> SweepReport:
    """Poll each target once; `each` is given what it said, which is then forgotten."""
    report = SweepReport()

    def done(walk: PortWalk) -> None:
        error = walk.read.error
        if error is None:
            report.ok += 1
        else:
            report.failed += 1
            report.failures[_reason(error)] += 1
        if each:
            each(walk.target, walk.read)

    async def work() -> None:
        running = Sweep(window=window, timeout_s=timeout_s)
        cpu, wall = time.process_time(), time.monotonic()
        await running.run((PortWalk(target, retries=retries) for target in targets), done)
        report.wall_s = time.monotonic() - wall
        report.cpu_s = time.process_time() - cpu
        report.requests, report.varbinds = running.requests, running.varbinds
        report.drops = running.drops

    asyncio.run(work())
    report.peak_rss_bytes = peak_rss_bytes()
    return report


def _reason(error: SnmpError) -> str:
    reasons = {Timeout: "no answer", Refused: "unreachable", WalkError: "unsound walk"}
    return reasons.get(type(error), "error status")


def peak_rss_bytes() -> int:
    """The most memory this process has had. getrusage's figure would count a parent's as well."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
