"""The same message again within a minute is counted, not kept again. Pure.

A window begins with the first of its kind and isn't prolonged: a storm gives one row a minute.
"""

from __future__ import annotations

from collections.abc import Hashable
from hashlib import blake2b
from typing import TypeAlias

# Uid of what was kept before, its count by now, and when it came last (UTC epoch ms).
Grown: TypeAlias = tuple[str, int, int]

WINDOW_S = 60.0
_MOST = 50_000


class Repeat:
    """A message that is kept under `uid`: how often it came, and the last time (UTC epoch ms)."""

    __slots__ = ("count", "ends_s", "last_ms", "told", "uid")

    def __init__(self, uid: str, ends_s: float, at_ms: int) -> None:
        self.uid = uid
        self.ends_s = ends_s
        self.count = self.told = 1
        self.last_ms = at_ms


def digest(alike: object) -> bytes:
    """A key of what is alike in two messages that are the same; short, whatever they say."""
    return blake2b(repr(alike).encode(), digest_size=16).digest()


class Repeats:
    """What came in the last minute."""

    def __init__(self, window_s: float = WINDOW_S, most: int = _MOST) -> None:
        self.window_s, self.most = window_s, most
        self._known: dict[Hashable, Repeat] = {}
        self._grown: dict[str, Repeat] = {}

    def note(self, key: Hashable, uid: str, now_s: float, at_ms: int) -> bool:
        """Whether this one is new, and to be kept under `uid`; else it is counted."""
        known = self._known.get(key)
        if known is not None and now_s < known.ends_s:
            known.count += 1
            known.last_ms = at_ms
            self._grown[known.uid] = known
            return False
        if known is not None:
            del self._known[key]  # so that it goes to the end: the oldest are the first
        self._prune(now_s)
        self._known[key] = Repeat(uid, now_s + self.window_s, at_ms)
        return True

    def _prune(self, now_s: float) -> None:
        gone: list[Hashable] = []
        for key, known in self._known.items():
            if known.ends_s > now_s and len(self._known) - len(gone) < self.most:
                break
            gone.append(key)
        for key in gone:
            del self._known[key]

    def take_grown(self) -> list[Grown]:
        """Those whose count has grown since this was last asked."""
        grown, self._grown = self._grown, {}
        return [(one.uid, one.count, one.last_ms) for one in grown.values()]
