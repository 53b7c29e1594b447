"""What ports come to together: added bin by bin first, the percentile of that sum afterwards.

Percentiles are never added: ports peak at different times, and the sum of their percentiles is more
(or less) than what flowed at any time.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from dcim.metering.bins import Bins
from dcim.metering.percentile import find_percentile
from dcim.sla.rules.usage.estimate import repeat_week

P95 = Decimal(95)
MIN_COVER = Decimal(50)


@dataclass(frozen=True, slots=True)
class Point:
    """In bit/s over a stretch of bins: percentile and largest bin of each direction; none where no
    bin was measured. `present` of `expected` bins were."""

    in_p95: int | None
    out_p95: int | None
    in_max: int | None
    out_max: int | None
    present: int
    expected: int

    @property
    def p95(self) -> int | None:
        """Of the direction with the higher percentile, as uplinks are billed."""
        return max((one for one in (self.in_p95, self.out_p95) if one is not None), default=None)


@dataclass(frozen=True, slots=True)
class Newest:
    """The last bin that was measured: its rates in bit/s, and when it ended (UTC ms)."""

    in_bps: int
    out_bps: int
    at: int


def find_point(bins: Bins) -> Point:
    there = bins.present(MIN_COVER)
    present = int(there.sum())
    if not present:
        return Point(None, None, None, None, 0, len(bins))
    inward, outward = (rates[there] for rates in bins.rates())
    return Point(
        find_percentile(inward, P95).value,
        find_percentile(outward, P95).value,
        int(inward.max()),
        int(outward.max()),
        present,
        len(bins),
    )


def find_newest(bins: Bins) -> Newest | None:
    there = np.flatnonzero(bins.present(MIN_COVER))
    if not there.size:
        return None
    at = int(there[-1])
    inward, outward = bins.rates()
    return Newest(int(inward[at]), int(outward[at]), bins.first + (at + 1) * bins.interval_ms)


def forecast_point(bins: Bins, end: int) -> Point:
    """Of the whole month that ends at `end` (UTC ms), were the last seven days to come again."""
    done = bins.first + len(bins) * bins.interval_ms
    return find_point(repeat_week(bins, max(-(-(end - done) // bins.interval_ms), 0)))
