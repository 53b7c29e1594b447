"""How many datagrams of whom are looked at: allow-list, size, rates. Pure, and before decoding.

What is over a rate isn't lost for good when it is the first of its kind: of every source each kind
of what it sends (`peek` tells them apart) gets in once a minute whatever else that source or all
others send, as long as the reserve for that lasts. So a flood doesn't hide what is new in it.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Collection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Reasons under which a datagram is dropped here.
UNKNOWN_SOURCE = "unknown_source"
TOO_LONG = "too_long"
SOURCE_RATE = "source_rate"
TOTAL_RATE = "total_rate"

LONGEST = 8_192  # octets of a datagram
_MOST_SOURCES = 65_536
_MOST_KINDS = 64  # of a source that are let through over its rate, in each period
_PERIOD_S = 60.0


class Bucket:
    """Tokens at a rate (a second) up to a burst, as the time when the bucket would be full again.

    One float a key (the generic cell rate algorithm), so that a flood costs no memory.
    """

    __slots__ = ("_full_at", "interval_s", "tolerance_s")

    def __init__(self, rate: float, burst: float) -> None:
        self.interval_s = 1.0 / rate
        # A microsecond for what is lost to rounding.
        self.tolerance_s = burst / rate + 1e-6
        self._full_at: dict[str, float] = {}

    def take(self, key: str, now_s: float) -> bool:
        """Take a token of this key, if there is one."""
        full_at = self._full_at.get(key, now_s)
        full_at = (full_at if full_at > now_s else now_s) + self.interval_s
        if full_at - now_s > self.tolerance_s:
            return False
        if len(self._full_at) >= _MOST_SOURCES and key not in self._full_at:
            self._forget(now_s)
        self._full_at[key] = full_at
        return True

    def _forget(self, now_s: float) -> None:
        """Whose bucket is full needs no memory; should none be, all are: a flood of sources."""
        kept = {key: at for key, at in self._full_at.items() if at > now_s}
        self._full_at = kept if len(kept) < _MOST_SOURCES else {}


class Admission:
    """Says of each datagram whether it is to be decoded; counts by source what is not.

    `drops` has (source, reason) for sources that are named, ("", reason) for all others: neither
    who isn't allowed nor who is by a network fills any memory.
    """

    def __init__(
        self,
        peek: Callable[[bytes], bytes],
        *,
        source_rate: float,
        source_burst: float,
        total_rate: float,
        total_burst: float,
    ) -> None:
        self._peek = peek
        self.drops: Counter[tuple[str, str]] = Counter()
        self._sources: Collection[str] = frozenset()
        self._networks: tuple[Network, ...] = ()
        self._known: dict[str, bool] = {}
        self._by_source = Bucket(source_rate, source_burst)
        self._total = Bucket(total_rate, total_burst)
        self._reserve = Bucket(total_rate, total_burst)
        self._kinds: dict[str, set[bytes]] = {}
        self._period_ends_s = 0.0

    def allow(self, sources: Collection[str], networks: Collection[Network]) -> None:
        """From now on these addresses are heard, and those inside these networks."""
        self._sources = frozenset(sources)
        self._networks = tuple(networks)
        self._known = {}

    def is_allowed(self, source: str) -> bool:
        if source in self._sources:
            return True
        if not self._networks:
            return False
        known = self._known.get(source)
        if known is None:
            known = self._is_within(source)
            if len(self._known) >= _MOST_SOURCES:
                self._known.clear()
            self._known[source] = known
        return known

    def _is_within(self, source: str) -> bool:
        try:
            parsed = ipaddress.ip_address(source.partition("%")[0])
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)

    def admit(self, source: str, size: int, read: Callable[[], bytes], now_s: float) -> bool:
        """Judge one datagram of `size` octets; `read` gives them where they must be looked into."""
        if not self.is_allowed(source):
            self.drop(source, UNKNOWN_SOURCE)
            return False
        if size > LONGEST:
            self.drop(source, TOO_LONG)
            return False
        reason = ""
        if not self._by_source.take(source, now_s):
            reason = SOURCE_RATE
        elif not self._total.take("", now_s):
            reason = TOTAL_RATE
        if reason and not self._is_first(source, read, now_s):
            self.drop(source, reason)
            return False
        return True

    def drop(self, source: str, reason: str) -> None:
        self.drops[source if source in self._sources else "", reason] += 1

    def _is_first(self, source: str, read: Callable[[], bytes], now_s: float) -> bool:
        if now_s >= self._period_ends_s:
            self._kinds = {}
            self._period_ends_s = now_s + _PERIOD_S
        seen = self._kinds.get(source, set())
        if len(seen) >= _MOST_KINDS:
            return False
        kind = self._peek(read())
        if kind in seen or not self._reserve.take("", now_s):
            return False
        # Only of whom something is let in: addresses can be made up.
        self._kinds.setdefault(source, seen).add(kind)
        return True

    def take_drops(self) -> Counter[tuple[str, str]]:
        """What was dropped since this was last asked."""
        taken, self.drops = self.drops, Counter()
        return taken
