"""Usage of a facts file, billed under its terms: one line per kind of usage and item."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np

from dcim.metering.bins import Bins, fill_bins
from dcim.sla.rules.facts import Item
from dcim.sla.rules.facts_loading import FactsFile
from dcim.sla.rules.facts_samples import Measured
from dcim.sla.rules.periods import day_start, month_days
from dcim.sla.rules.terms import Terms, Usage
from dcim.sla.rules.usage import Bandwidth, bill_bandwidth
from dcim.sla.rules.usage_meters import Metered, bill_demand, bill_energy
from dcim.sla.rules.usage_prices import Order


@dataclass(frozen=True)
class UsageLine:
    """`bill` is None when the file holds no samples for it."""

    usage: Usage
    item: Item
    bill: Bandwidth | Metered | None


def bill_usage(terms: Terms, file: FactsFile) -> tuple[UsageLine, ...]:
    """By the terms' order, then by item; items out of service in the period are left out."""
    lines = []
    for usage in terms.usage:
        for item in sorted(file.facts.items, key=lambda each: each.id):
            low, high = _service(file, item)
            if item.kind not in usage.applies_to or low >= high:
                continue
            mine = [m for m in file.measured if (m.usage, m.item) == (usage.id, item.id)]
            lines.append(UsageLine(usage, item, _bill(terms, file, usage, item, mine)))
    return tuple(lines)


def _service(file: FactsFile, item: Item) -> tuple[int, int]:
    return max(item.start, file.period.start), min(item.end, file.judged_to)


def _bill(
    terms: Terms, file: FactsFile, usage: Usage, item: Item, mine: list[Measured]
) -> Bandwidth | Metered | None:
    needs_order = "item" in (usage.commit, usage.price_committed, usage.price_over)
    if not mine and (usage.mode != "flat" or usage.method != "percentile" or needs_order):
        return None
    low, high = _service(file, item)
    step = usage.interval_ms
    first, last = -(-low // step) * step, -(-high // step) * step
    meters = [
        fill_bins(((end, end - start, a, b) for start, end, a, b in m.samples), first, last, step)
        for m in mine
    ] or [fill_bins((), first, last, step)]
    least, inward, outward = meters[0].covered_ms, meters[0].in_octets, meters[0].out_octets
    for other in meters[1:]:
        least = np.minimum(least, other.covered_ms)
        inward, outward = inward + other.in_octets, outward + other.out_octets
    if usage.method == "percentile":
        bins = Bins(first, step, inward, outward, least)
        return bill_bandwidth(terms, usage, bins, _order(terms, file, item, mine))
    whole = least == step
    if usage.method == "demand":
        energy = [int(value) for value in inward[whole]]
        return bill_demand(terms, usage, energy, int(whole.sum()), len(whole))
    energy = [int(value) for value in inward]
    return bill_energy(terms, usage, energy, int(whole.sum()), len(whole))


def _order(terms: Terms, file: FactsFile, item: Item, mine: list[Measured]) -> Order:
    """Of several ports, the commits are added; prices are those of the first."""
    commits = [m.commit_bps for m in mine if m.commit_bps is not None]
    first = mine[0] if mine else None
    return Order(
        commit_bps=sum(commits) if commits else None,
        price_committed=first.price_committed if first else None,
        price_over=first.price_over if first else None,
        share=_share(terms, file, item) if terms.prorate == "days" else Fraction(1),
    )


def _share(terms: Terms, file: FactsFile, item: Item) -> Fraction:
    """Days in service of the days of the month; a day begun counts whole."""
    low, high = max(item.start, file.period.start), min(file.ends[item.id], file.period.end)
    zone = ZoneInfo(terms.timezone)
    first = datetime.fromtimestamp(low / 1000, zone).date()
    last = datetime.fromtimestamp(high / 1000, zone).date()
    days = (last - first).days + (day_start(last, terms.timezone) < high)
    return Fraction(days, len(month_days(file.label)))
