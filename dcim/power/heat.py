"""Pure: what a place draws, of what is sold there and of what its feeds may carry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Base = Literal["contracted", "derated"]
BASES: tuple[Base, ...] = ("contracted", "derated")


@dataclass(frozen=True, slots=True)
class Load:
    """W of racks that have feeds. `measured_w` leaves out the `silent` ones, of whose feeds not
    all were read: while there are any it is a lower bound. `derated_w` is what one feed may carry
    for long while the other is dead."""

    racks: int = 0
    silent: int = 0
    measured_w: int = 0
    contracted_w: int = 0
    derated_w: int = 0

    @property
    def is_least(self) -> bool:
        return self.silent > 0

    def base_w(self, base: Base) -> int:
        return self.contracted_w if base == "contracted" else self.derated_w

    def share(self, base: Base) -> float | None:
        """None where no rack is read, or there is nothing to divide by."""
        whole = self.base_w(base)
        return self.measured_w / whole if whole and self.racks > self.silent else None


def add_loads(loads: Iterable[Load], derated_w: int | None = None) -> Load:
    """Several together; `derated_w` is what feeds all of them, where it gives less than the sum of
    their own circuits."""
    several = list(loads)
    circuits = sum(one.derated_w for one in several)
    return Load(
        racks=sum(one.racks for one in several),
        silent=sum(one.silent for one in several),
        measured_w=sum(one.measured_w for one in several),
        contracted_w=sum(one.contracted_w for one in several),
        derated_w=circuits if derated_w is None else min(circuits, derated_w),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A PDU of a rack's feed and what it may carry, W; `breaker_id` and `breaker_w` of the breaker
    that it may share with others."""

    feed: str
    watts: int
    breaker_id: int | None = None
    breaker_w: int = 0


def find_feed_limit(lines: Iterable[Line]) -> int:
    """W that one feed of a rack may carry: of PDUs that bring the same feed together, no more than
    the breakers that they share; of the weaker feed; 0 without any."""
    sums: dict[str, int] = {}
    shared: dict[tuple[str, int], tuple[int, int]] = {}
    for line in lines:
        sums.setdefault(line.feed, 0)
        if line.breaker_id is None:
            sums[line.feed] += line.watts
            continue
        key = line.feed, line.breaker_id
        shared[key] = shared.get(key, (0, 0))[0] + line.watts, line.breaker_w
    for (feed, _), (watts, breaker_w) in shared.items():
        sums[feed] += min(watts, breaker_w)
    return min(sums.values(), default=0)


@dataclass(frozen=True, slots=True)
class Above:
    """What stands above a rack on one of its feeds; W that it may carry for long."""

    feed: str
    node_id: int
    derated_w: int


def find_limit(racks: Iterable[Sequence[Above]]) -> int:
    """W of what stands above some racks, each node once, while one feed is dead: of the feed
    that gives less. A rack that hasn't the other feed counts with what it has."""
    several = list(racks)

    def give(feed: str) -> int:
        left = {
            one.node_id: one.derated_w
            for rack in several
            for one in ([one for one in rack if one.feed == feed] or rack)
        }
        return sum(left.values())

    feeds = {one.feed for rack in several for one in rack}
    return min(give(feed) for feed in feeds)


def find_fullest(loads: Iterable[Load], base: Base) -> float | None:
    """The largest share: of a cabinet the rack that is nearest to its limit counts."""
    shares = [share for one in loads if (share := one.share(base)) is not None]
    return max(shares, default=None)
