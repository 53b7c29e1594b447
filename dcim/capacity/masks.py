"""Pure: free space as masks of half units, and the stretches of whole U that are free in them."""

from collections.abc import Iterator
from functools import lru_cache

# Bit n is half unit n from the bottom: bits 0 and 1 are U1.
TALLEST_U = 60


def mask_of(u_low: int, height: int) -> int:
    """Half units `[u_low, u_low + height)`."""
    return ((1 << height) - 1) << u_low


def whole(u_count: int) -> int:
    """All half units of a rack of so many U."""
    return (1 << 2 * u_count) - 1


@lru_cache(maxsize=65_536)
def find_runs(free: int, u_count: int) -> tuple[tuple[int, int], ...]:
    """The longest possible stretches of whole free U, as (lowest U counted from 0, length)."""
    runs, start = [], None
    for u in range(u_count):
        if (free >> 2 * u) & 3 == 3:
            start = u if start is None else start
        elif start is not None:
            runs.append((start, u - start))
            start = None
    if start is not None:
        runs.append((start, u_count - start))
    return tuple(runs)


def longest_run(free: int, u_count: int) -> int:
    return max((length for _, length in find_runs(free, u_count)), default=0)


def choose_places(free: int, u_count: int, units: int, count: int) -> list[int]:
    """The lowest U (counted from 0) of up to `count` places of `units` U, each at the bottom of the
    shortest stretch it fits into: what is left in one piece stays as large as can be."""
    chosen: list[int] = []
    runs = list(find_runs(free, u_count))
    while len(chosen) < count:
        fitting = [(length, low) for low, length in runs if length >= units]
        if not fitting:
            break
        length, low = min(fitting)
        runs.remove((low, length))
        if length > units:
            runs.append((low + units, length - units))
        chosen.append(low)
    return chosen


def count_places(free: int, u_count: int, units: int) -> int:
    return sum(length // units for _, length in find_runs(free, u_count))


def iterate_stretches(mask: int) -> Iterator[tuple[int, int]]:
    """(lowest, length) of each stretch of half units in a mask, from the bottom."""
    at = 0
    while mask >> at:
        low = at + ((mask >> at) & -(mask >> at)).bit_length() - 1
        run = ~(mask >> low)
        length = (run & -run).bit_length() - 1
        yield low, length
        at = low + length
