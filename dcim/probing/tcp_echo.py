"""Echoes by TCP: how long a SYN takes to be answered. A refused connection is an answer too."""

import asyncio
import errno
import os
import socket
import struct
import time

from dcim.probing.rounds import Round

# A kernel repeats a lost SYN after a second (RFC 6298, 2.1): an answer after that would hide the
# loss as a long round trip.
LONGEST_S = 0.9
# Connections under way at once; each is a file. More than a run's pace ever has (`Pace`).
AT_ONCE = 400
_ANSWERED = (0, errno.ECONNREFUSED, errno.ECONNRESET)
_UNDER_WAY = (errno.EINPROGRESS, errno.EAGAIN, errno.EINTR)
# Closing resets: nothing is left behind in TIME_WAIT.
_RESET = struct.pack("ii", 1, 0)


class TcpEchoes:
    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = min(timeout_s, LONGEST_S)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        return len(self._tasks)

    def send(self, round_: Round) -> None:
        if len(self._tasks) >= AT_ONCE:
            round_.refuse(1, f"{AT_ONCE} connections are under way already")
            return
        task = asyncio.create_task(self._echo(round_))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _echo(self, round_: Round) -> None:
        target = round_.target
        family = socket.AF_INET6 if target.ipv6 else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            round_.refuse(1, error.strerror or "no socket to be had")
            return
        with sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            began_ns = time.monotonic_ns()
            code = sock.connect_ex((target.address, target.tcp_port or 0))
            # Refused at once: only this machine itself, or its own loopback, is that quick.
            if code not in (*_ANSWERED, *_UNDER_WAY):
                round_.refuse(1, os.strerror(code))
                return
            place = round_.note_sent()
            ended_ns = time.monotonic_ns()
            if code in _UNDER_WAY:
                heard = await _await_end(sock, self._timeout_s)
                # Unreachable, says a router or the neighbour's silence: it was sent, and is lost.
                if heard is None or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) not in (
                    _ANSWERED
                ):
                    return
                ended_ns = heard
            if ended_ns - began_ns <= self._timeout_s * 1_000_000_000:
                round_.rtts_us[place] = (ended_ns - began_ns) // 1000
            else:
                round_.late += 1


async def _await_end(sock: socket.socket, timeout_s: float) -> int | None:
    """When the connection was made or refused, by the monotonic clock in ns; None: not in time."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def note() -> None:
        loop.remove_writer(sock)
        if not ended.done():
            ended.set_result(time.monotonic_ns())

    loop.add_writer(sock, note)
    try:
        async with asyncio.timeout(timeout_s):
            return await ended
    except TimeoutError:
        return None
    finally:
        loop.remove_writer(sock)
