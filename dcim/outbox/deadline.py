"""Ends a conversation that takes too long: a server that trickles never times out by itself."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Deadline:
    """Closes the connection that `watch` named once the time is over; then `passed` is true."""

    def __init__(self) -> None:
        self.passed = False
        self._connection: socket.socket | None = None
        self._turn = threading.Lock()

    def watch(self, connection: socket.socket) -> None:
        with self._turn:
            self._connection = connection
            if self.passed:
                self._hang_up()

    def strike(self) -> None:
        with self._turn:
            self.passed = True
            self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                # The plain one also under TLS, whose own would take its state from who reads.
                socket.socket.shutdown(self._connection, socket.SHUT_RDWR)


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Whatever is watched inside is over after so many seconds."""
    made = Deadline()
    timer = threading.Timer(seconds, made.strike)
    timer.daemon = True
    timer.start()
    try:
        yield made
    finally:
        timer.cancel()
