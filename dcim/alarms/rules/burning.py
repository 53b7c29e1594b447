"""Pure: how fast promises' error budgets burn, on a grid, as it was known at each instant.

After Google's SRE workbook (chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"): the share of a
window that was down, divided by the share that the target leaves. 1 uses up a month's budget in
exactly a month. What is judged is the lower of the long window's and its twelfth's: both burn when
it is at the limit, and when the short one is over so is it.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from dcim.alarms.rules.parts import Floats, Ints
from dcim.sla.rules.burned import Stretch

STEP_MS = 60_000
# Of the long window.
SHORT = 12


def first_instant(start_ms: int) -> int:
    """Of the grid, at or after `start_ms`."""
    return -(-start_ms // STEP_MS) * STEP_MS


def burn_worst(
    promises: Mapping[str, Iterable[Stretch]], *, window_ms: int, start_ms: int, end_ms: int
) -> tuple[Ints, Floats]:
    """As `burn`, of the promise of these that burns fastest at each instant; 0 without any."""
    at, _none = burn((), window_ms=window_ms, start_ms=start_ms, end_ms=end_ms)
    worst = np.zeros(len(at))
    for stretches in promises.values():
        _at, rates = burn(stretches, window_ms=window_ms, start_ms=start_ms, end_ms=end_ms)
        worst = np.maximum(worst, rates)
    return at, worst


def burn(
    stretches: Iterable[Stretch], *, window_ms: int, start_ms: int, end_ms: int
) -> tuple[Ints, Floats]:
    """Of one promise: (instants of the grid in [start, end), times the sustainable rate).

    Stretches that count at one instant don't overlap; they have to reach back a window before
    `start_ms`. In the same order they say the same to the last bit, whatever comes after.
    """
    at = np.arange(first_instant(start_ms), end_ms, STEP_MS, dtype=np.int64)
    long, short = np.zeros(len(at)), np.zeros(len(at))
    for one in stretches:
        last = end_ms if one.undone is None else min(one.undone, end_ms)
        # Nothing of it is in the window outside of these.
        low = int(np.searchsorted(at, max(one.known, one.start)))
        high = int(np.searchsorted(at, min(last, one.end + window_ms)))
        if low >= high:
            continue
        seen = at[low:high]
        until = np.minimum(seen, one.end)
        long[low:high] += np.maximum(until - np.maximum(seen - window_ms, one.start), 0) / one.left
        recent = np.maximum(seen - window_ms // SHORT, one.start)
        short[low:high] += np.maximum(until - recent, 0) / one.left
    return at, np.minimum(long / window_ms, short / (window_ms // SHORT))
