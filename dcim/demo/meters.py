"""Counters without a loop over the past: amounts per minute, summed once per day and kept."""

from collections.abc import Callable

import numpy as np

from dcim.demo.noise import Ints

MINUTE_MS = 60_000
DAY_MINUTES = 1_440
DAY_MS = DAY_MINUTES * MINUTE_MS


class Meter:
    """A running total from `epoch_ms` (a UTC midnight) on, exact to the millisecond and monotone.

    `amounts(minutes)` gives the whole, never negative, amount of each minute since the Unix epoch;
    within a minute the total grows evenly.
    """

    def __init__(self, epoch_ms: int, amounts: Callable[[Ints], Ints], initial: int = 0) -> None:
        if epoch_ms % DAY_MS:
            raise ValueError("a meter begins at a UTC midnight")
        self._first_day = epoch_ms // DAY_MS
        self._amounts = amounts
        # Totals at the midnights from the first day on.
        self._midnights = [initial]
        self._span: tuple[int, int] = (0, -1)  # days of the cached sums, both included
        self._sums: Ints = np.empty(0, dtype=np.int64)

    def total(self, instants: Ints) -> Ints:
        """The reading at each instant (UTC ms). Raises ValueError before the epoch."""
        if not len(instants):
            return np.empty(0, dtype=np.int64)
        first, last = int(instants.min()) // DAY_MS, int(instants.max()) // DAY_MS
        if first < self._first_day:
            raise ValueError("before the meter's epoch")
        if first < self._span[0] or last > self._span[1]:
            self._cache(first, last)
        minutes = instants // MINUTE_MS - self._span[0] * DAY_MINUTES
        before, after = self._sums[minutes], self._sums[minutes + 1]
        part: Ints = before + (after - before) * (instants % MINUTE_MS) // MINUTE_MS
        return part

    def _cache(self, first: int, last: int) -> None:
        self._reach(first)
        sums = np.cumsum(self._amounts_of(first, last))
        start = self._midnights[first - self._first_day]
        self._sums = start + np.concatenate((np.zeros(1, dtype=np.int64), sums))
        self._span = (first, last)

    def _reach(self, day: int) -> None:
        """Know the total at the midnight that begins `day`."""
        known = self._first_day + len(self._midnights) - 1
        if day > known:
            daily = self._amounts_of(known, day - 1).reshape(-1, DAY_MINUTES).sum(axis=1)
            self._midnights += (self._midnights[-1] + np.cumsum(daily)).tolist()

    def _amounts_of(self, first: int, last: int) -> Ints:
        minutes = np.arange(first * DAY_MINUTES, (last + 1) * DAY_MINUTES, dtype=np.int64)
        return self._amounts(minutes)
