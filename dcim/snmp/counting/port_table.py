"""What is known of all ports of one device at one poll, as columns of numbers.

Rows of `PortTable.matrix`, int64, a column per port. A poll carries its own times for each port,
as a table comes in several replies and a port that wasn't read keeps what was known before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
UInts = NDArray[np.uint64]

# A number that wasn't read, in every row but the octets; there it is all ones, as agents say it.
NOT_READ = -1
OCTETS_NOT_READ = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


class Item(IntEnum):
    """The rows; units as in `counters.Reading`."""

    TS_MS = 0  # UTC epoch ms of the reply that brought the octets
    MONOTONIC_MS = 1  # of the clock `PortTable.clock`; NOT_READ where by another one
    UPTIME_TICKS = 2
    ENGINE_TIME_S = 3
    DISCONTINUITY = 4
    BITS = 5  # 32 or 64
    SPEED_BPS = 6
    IN_OCTETS = 7  # the bits of an unsigned 64-bit number
    OUT_OCTETS = 8
    IN_ERRORS = 9
    OUT_ERRORS = 10
    IN_DISCARDS = 11
    OUT_DISCARDS = 12


@dataclass(frozen=True, slots=True)
class PortTable:
    """`names` tell the ports apart (ifName), never twice the same; `matrix` is (items, ports)."""

    names: tuple[str, ...]
    clock: str
    matrix: Ints

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, item: Item) -> Ints:
        row: Ints = self.matrix[item]
        return row

    def octets(self, item: Item) -> UInts:
        """IN_OCTETS or OUT_OCTETS as the unsigned numbers they are."""
        row: UInts = self.matrix[item].view(np.uint64)
        return row

    @classmethod
    def empty(cls, names: Sequence[str], clock: str = "") -> PortTable:
        """Nothing read of any port."""
        matrix = np.full((len(Item), len(names)), NOT_READ, dtype=np.int64)
        return cls(tuple(names), clock, matrix)

    def arranged(self, names: tuple[str, ...]) -> PortTable:
        """The same ports in another order, nothing read of those not known here."""
        if names == self.names:
            return self
        place = {name: column for column, name in enumerate(self.names)}
        matrix = np.full((len(Item), len(names)), NOT_READ, dtype=np.int64)
        known = [column for column, name in enumerate(names) if name in place]
        matrix[:, known] = self.matrix[:, [place[names[column]] for column in known]]
        return PortTable(names, self.clock, matrix)
