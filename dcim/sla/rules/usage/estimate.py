"""What the month that runs will cost: what holds already, the most it can be, and a forecast."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

import numpy as np

from dcim.metering.bin_sets import find_valid_days
from dcim.metering.bins import Bins
from dcim.metering.charging import split_days
from dcim.sla.rules.terms import PriceRows, Terms, Usage
from dcim.sla.rules.usage.bandwidth import Bandwidth, Member, bill_pool
from dcim.sla.rules.usage.prices import agree

DAY_MS = 86_400_000
WEEK_DAYS = 7
Fill = Callable[[Bins, int], Bins]


@dataclass(frozen=True)
class Estimate:
    """Bills of the whole month under three futures.

    `least` holds whatever still comes: its rate and amount can't be undercut. `most` can't be
    exceeded: every interval to come at the port's rate both ways; None where no port rate is
    agreed. `forecast`: the last seven days come again (or as many whole days as there are, or all
    there is of a first day); None where nothing was measured yet.

    `amounts_hold` is False where a price in rows makes more cost less: then the rates hold, the
    amounts of `least` and `most` are those of their rates only.
    """

    until: int
    end: int
    least: Bandwidth
    most: Bandwidth | None
    forecast: Bandwidth | None
    amounts_hold: bool

    @property
    def least_amount(self) -> Decimal | None:
        return self.least.amount if self.amounts_hold else None

    @property
    def most_amount(self) -> Decimal | None:
        return self.most.amount if self.most is not None and self.amounts_hold else None


def estimate_month(
    terms: Terms, usage: Usage, members: Sequence[Member], until: int, end: int
) -> Estimate:
    """Of one item or pool, whose bins are whole up to `until`; the month or service ends at `end`
    (UTC ms). A member whose bins end before `until` has left.

    Missing bins of the past stay missing. ValueError where `until` is off the grid or a member
    has bins beyond it; TypeError as `bill_pool`.
    """
    if until % usage.interval_ms or any(_end(one.bins) > until for one in members):
        raise ValueError("bins are whole up to the instant of the estimate")
    quiet = [
        _extend(_forget_invalid(terms, usage, one, low=True), until, end, _silence)
        for one in members
    ]
    ports = [agree(usage, one.order).port_bps for one in members]
    most = None
    if all(port is not None for port in ports):
        full = [
            _extend(_forget_invalid(terms, usage, one, low=False), until, end, _flood(port or 0))
            for one, port in zip(members, ports, strict=True)
        ]
        most = bill_pool(terms, usage, full)
    forecast = None
    if any(one.bins.present(usage.min_cover).any() for one in members):
        again = [_extend(one, until, end, repeat_week) for one in members]
        forecast = bill_pool(terms, usage, again)
    return Estimate(
        until=until,
        end=end,
        least=bill_pool(terms, _least_terms(usage), quiet),
        most=most,
        forecast=forecast,
        amounts_hold=not _falls(usage),
    )


def _end(bins: Bins) -> int:
    return bins.first + len(bins) * bins.interval_ms


def _falls(usage: Usage) -> bool:
    rows = usage.price_over
    return (
        isinstance(rows, PriceRows)
        and rows.by == "whole"
        and any(later.price < earlier.price for earlier, later in pairwise(rows.rows))
    )


def _least_terms(usage: Usage) -> Usage:
    """Days to come may become valid with next to no traffic, and their points then rank."""
    if usage.valid_days is None:
        return usage
    return replace(usage, valid_days=replace(usage.valid_days, points="all_days"))


def _forget_invalid(terms: Terms, usage: Usage, member: Member, *, low: bool) -> Member:
    """Where only points of valid days rank: points of past days that aren't valid never will.

    Those of today may: for the most they are left out, for the least (`low`) they are points of 0.
    """
    rule = usage.valid_days
    bins = member.bins
    if rule is None or rule.points == "all_days" or not len(bins):
        return member
    valid = find_valid_days(bins, terms.timezone, rule.above, rule.unit, usage.min_cover)
    days = split_days(bins, terms.timezone)
    ins, outs, covered = bins.in_octets.copy(), bins.out_octets.copy(), bins.covered_ms.copy()
    for day in days:
        if day in valid:
            continue
        part = slice(day[1], day[2])
        if low:
            ins[part] = outs[part] = 0
        if not low or day != days[-1]:
            covered[part] = 0
    return replace(member, bins=Bins(bins.first, bins.interval_ms, ins, outs, covered))


def _extend(member: Member, until: int, end: int, fill: Fill) -> Member:
    """With the intervals that begin in [until, end) as one future has them."""
    bins = member.bins
    interval = bins.interval_ms
    count = max(-(-(end - until) // interval), 0)
    if not count or (len(bins) and _end(bins) < until):
        return member
    if not len(bins):
        bins = replace(bins, first=until)
    return replace(member, bins=fill(bins, count))


def _append(bins: Bins, octets: int, count: int) -> Bins:
    more = np.full(count, octets, dtype=np.int64)
    whole = np.full(count, bins.interval_ms, dtype=np.int64)
    return Bins(
        bins.first,
        bins.interval_ms,
        np.concatenate([bins.in_octets, more]),
        np.concatenate([bins.out_octets, more]),
        np.concatenate([bins.covered_ms, whole]),
    )


def _silence(bins: Bins, count: int) -> Bins:
    return _append(bins, 0, count)


def _flood(port_bps: int) -> Fill:
    """The port's rate both ways, rounded up to whole octets of an interval."""

    def fill(bins: Bins, count: int) -> Bins:
        return _append(bins, -(-port_bps * bins.interval_ms // 8000), count)

    return fill


def repeat_week(bins: Bins, count: int) -> Bins:
    """With the last seven days again, or as many whole days as there are, for `count` bins more;
    what was missing is missing again."""
    known = len(bins)
    if not known:
        return _append(bins, 0, count)
    day = DAY_MS // bins.interval_ms
    step = min(known // day, WEEK_DAYS) * day or known
    source = known - step + np.arange(count) % step
    return Bins(
        bins.first,
        bins.interval_ms,
        np.concatenate([bins.in_octets, bins.in_octets[source]]),
        np.concatenate([bins.out_octets, bins.out_octets[source]]),
        np.concatenate([bins.covered_ms, bins.covered_ms[source]]),
    )
