"""Pure: what several feeds drew together by five minutes, and how much of it is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dcim.metering.families import DAY_MS
from dcim.sla.pue import MIN_COVER, Meter

INTERVAL_MS = 300_000
BINS = DAY_MS // INTERVAL_MS


@dataclass(frozen=True, slots=True)
class DaySum:
    """W over the `known` bins of BINS; none where there are none."""

    known: int
    mean_w: int | None
    peak_w: int | None


def add_feeds(meters: Sequence[Meter | None], interval_ms: int = INTERVAL_MS) -> DaySum:
    """Of feeds, none for one without a meter. A bin is known when all of them together were read
    for MIN_COVER of it. What wasn't read counts as nothing, so that a sum may be too low and is
    never too high, not even while a load moves from a feed that dies to another."""
    read = [meter for meter in meters if meter is not None]
    if not read:
        return DaySum(0, None, None)
    count = len(read[0].energy)
    total, spans = np.zeros(count), np.zeros(count)
    for meter in read:
        # The last reading of a bin holds into the next.
        total += meter.energy / np.maximum(meter.read_ms, interval_ms) / 1000
        spans += meter.read_ms
    known = spans >= MIN_COVER * interval_ms * len(meters)
    if not known.any():
        return DaySum(0, None, None)
    return DaySum(int(known.sum()), round(float(total[known].mean())), round(total[known].max()))
