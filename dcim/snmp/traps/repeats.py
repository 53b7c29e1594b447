"""The same trap again within a minute is counted, not kept again. Pure.

A window begins with the first of its kind and isn't prolonged: a storm gives one row a minute.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from hashlib import blake2b

from dcim.snmp.traps.decoding import Notification

WINDOW_S = 60.0
_MOST = 50_000


class Repeat:
    """A trap that is kept under `uid`: how often it came, and the last time (UTC epoch ms)."""

    __slots__ = ("count", "ends_s", "last_ms", "told", "uid")

    def __init__(self, uid: str, ends_s: float, at_ms: int) -> None:
        self.uid = uid
        self.ends_s = ends_s
        self.count = self.told = 1
        self.last_ms = at_ms


def key_of(source: str, told: Notification) -> bytes:
    """Tells whether two traps are the same in all but the uptime; short, whatever they say."""
    alike = (source, told.version, told.oid, told.enterprise, told.specific, told.varbinds)
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

    def take_grown(self) -> Iterator[Repeat]:
        """Those whose count has grown since this was last asked."""
        grown, self._grown = self._grown, {}
        yield from grown.values()
