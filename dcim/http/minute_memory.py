"""What boards and charts worked out within this minute, once for all who look."""

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from flask import current_app

# About 70 kB each.
MOST = 64

Made = TypeVar("Made")


class MadeThings:
    """By what they are about. Who asks for what another is making waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._made: dict[Hashable, object] = {}

    def find(self, key: Hashable, make: Callable[[], Made]) -> Made:
        with self._lock:
            if key not in self._making and len(self._making) >= MOST:
                self._making.clear()
                self._made.clear()
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            # Another thread may clear what is made at any moment.
            found = self._made.get(key)
            if found is None:
                found = self._made[key] = make()
            return cast(Made, found)


def remember_briefly(about: tuple[Hashable, ...], make: Callable[[], Made]) -> Made:
    """What `make` gave before for what it is `about`, the minute and the newest sample among it.

    `make` may use nothing else that differs between two requests of staff.
    """
    made: MadeThings = current_app.extensions.setdefault("jifang_minute_memory", MadeThings())
    return made.find(about, make)
