"""Lets requests into the application a few at a time, first come, first served.

Threads that compute at once take the interpreter's lock from each other at every statement of the
database: each page then takes as long as all, and the slowest far longer than its turn. A few at
a time answer as many in all, each after its turn.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Gate:
    """At most `width` inside, except that who is inside for longer than `patience` seconds no
    longer counts: a page that takes its time doesn't hold up the others."""

    def __init__(self, width: int, patience: float) -> None:
        self._width = width
        self._patience = patience
        self._lock = threading.Lock()
        # Each waits on its own: whoever leaves wakes the first in line and nobody else.
        self._line: deque[threading.Event] = deque()
        self._entered: dict[object, float] = {}

    def enter(self) -> object:
        """Wait for one's turn. Give back what this returns to `leave`."""
        turn = threading.Event()
        with self._lock:
            self._line.append(turn)
        while True:
            with self._lock:
                wait = self._until_room() if self._line[0] is turn else None
                if wait == 0:
                    self._line.popleft()
                    self._entered[turn] = time.monotonic()
                    self._wake_first()
                    return turn
                turn.clear()
            turn.wait(wait)

    def leave(self, ticket: object) -> None:
        with self._lock:
            del self._entered[ticket]
            self._wake_first()

    @property
    def waiting(self) -> int:
        return len(self._line)

    def _wake_first(self) -> None:
        if self._line:
            self._line[0].set()

    def _until_room(self) -> float:
        """Seconds; 0 where there is room now."""
        now = time.monotonic()
        ends = sorted(began + self._patience for began in self._entered.values())
        counting = [one for one in ends if one > now]
        return counting[-self._width] - now if len(counting) >= self._width else 0.0


class Admission:
    """The WSGI application behind a gate."""

    def __init__(self, app: "WSGIApplication", gate: Gate) -> None:
        self._app = app
        self._gate = gate

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> "Iterable[bytes]":
        ticket = self._gate.enter()
        try:
            return self._app(environ, start_response)
        finally:
            self._gate.leave(ticket)
