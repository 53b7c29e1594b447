"""LAGs in sums: what a LAG carries its members carry too, so one of both counts. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dcim.metering.bins import Bins
from dcim.sla.rules.intervals import Interval, Intervals, intersect, union

# Of a LAG that is as good as idle no imbalance is told: it is of a few packets.
LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Membership:
    """A port in a LAG in [start, end), UTC ms, both by the ids of their ports."""

    lag_id: int
    port_id: int
    start: int
    end: int


def find_covered(
    by_lag: Mapping[int, Iterable[Membership]], counted: Mapping[int, Sequence[Interval]]
) -> dict[int, Intervals]:
    """When which port's octets are in those of its LAG, which is `counted` then: by port."""
    found: dict[int, Intervals] = {}
    for lag_id, spans in counted.items():
        for one in by_lag.get(lag_id, ()):
            if inside := intersect([(one.start, one.end)], spans):
                found[one.port_id] = union([*found.get(one.port_id, ()), *inside])
    return found


def leave_out(bins: Bins, spans: Collection[Interval]) -> Bins:
    """The bins with nothing in those that begin within `spans`, which lack nothing either."""
    starts = bins.first + np.arange(len(bins), dtype=np.int64) * bins.interval_ms
    out = np.zeros(len(bins), dtype=bool)
    for low, high in spans:
        out |= (starts >= low) & (starts < high)
    return Bins(
        bins.first,
        bins.interval_ms,
        np.where(out, 0, bins.in_octets),
        np.where(out, 0, bins.out_octets),
        np.where(out, bins.interval_ms, bins.covered_ms),
    )


def find_imbalance(loads: Sequence[tuple[float | None, int]]) -> tuple[int, float] | None:
    """Which member is the busiest, and how many times its fair part of all it carries.

    `loads` are rates of one direction with speeds, bit/s, of the members that are up; its fair part
    is its share of their speed. None with fewer than two, where one isn't known, and when idle.
    """
    speed = sum(each for _, each in loads)
    rates = [rate for rate, _ in loads if rate is not None]
    if len(loads) < 2 or len(rates) < len(loads) or not all(each for _, each in loads):
        return None
    carried = sum(rates)
    if carried < LEAST_SHARE * speed:
        return None
    fair = [rate / carried / (each / speed) for rate, (_, each) in zip(rates, loads, strict=True)]
    most = max(range(len(fair)), key=fair.__getitem__)
    return most, fair[most]
