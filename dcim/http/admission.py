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
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._entered: dict[object, float] = {}

    def enter(self) -> object:
        """Wait for one's turn. Give back what this returns to `leave`."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            while True:
                first = self._waiting[0] is ticket
                wait = self._until_room() if first else None
                if wait == 0:
                    break
                self._changed.wait(wait)
            self._waiting.popleft()
            self._entered[ticket] = time.monotonic()
            self._changed.notify_all()
        return ticket

    def leave(self, ticket: object) -> None:
        with self._changed:
            del self._entered[ticket]
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

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
