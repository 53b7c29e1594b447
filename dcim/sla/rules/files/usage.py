"""Usage of a facts file, billed under its terms: one line per kind of usage and item or pool."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from dcim.metering.bins import Bins, fill_bins
from dcim.sla.rules.facts import Item
from dcim.sla.rules.files.facts import FactsFile
from dcim.sla.rules.files.orders import FIXED_METHODS, Ordered
from dcim.sla.rules.files.samples import Measured
from dcim.sla.rules.periods import day_start, month_days
from dcim.sla.rules.terms import Share, Terms, Text, Usage
from dcim.sla.rules.usage.bandwidth import Bandwidth, Member, bill_pool
from dcim.sla.rules.usage.meters import Metered, bill_demand, bill_energy
from dcim.sla.rules.usage.pools import group_members
from dcim.sla.rules.usage.power import PowerBill, bill_power
from dcim.sla.rules.usage.prices import Order
from dcim.sla.rules.usage.readings import NEEDED, PowerOrder, Readings

N = TypeVar("N", int, Decimal)
NOTHING: Text = {
    "zh": "本期没有任何测量值：金额不含超出部分",
    "en": "nothing was measured in the period: the amount holds nothing above the commit",
}
UNREAD: Text = {
    "zh": "本期没有任何电表读数：金额 0 不代表没有用电",
    "en": "no meter was read in the period: an amount of 0 doesn't mean that nothing was used",
}


@dataclass(frozen=True)
class UsageLine:
    """Of one item, or of several billed as one: `pool` is its name then, else None.

    `bill` is None when the file has neither an order nor samples for it, or when `missing` names
    facts without which nothing of it can be billed.
    """

    usage: Usage
    items: tuple[Item, ...]
    pool: str | None
    bill: Bandwidth | Metered | PowerBill | None
    missing: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()

    @property
    def amount(self) -> Decimal | None:
        return None if self.bill is None or self.missing else self.bill.amount


def bill_usage(terms: Terms, file: FactsFile) -> tuple[UsageLine, ...]:
    """By the terms' order, then by item or pool; items out of service are left out.

    TypeError where the items of a pool can't be billed as one.
    """
    lines: list[UsageLine] = []
    for usage in terms.usage:
        items = [
            item
            for item in sorted(file.facts.items, key=lambda each: each.id)
            if item.kind in usage.applies_to and _service(file, item)[0] < _service(file, item)[1]
        ]
        rows = {
            item.id: [m for m in file.measured if (m.usage, m.item) == (usage.id, item.id)]
            for item in items
        }
        if usage.method == "percentile":
            lines += _bill_bandwidth(terms, file, usage, items, rows)
        else:
            lines += (_bill_power(terms, file, usage, item, rows[item.id]) for item in items)
    return tuple(lines)


def _service(file: FactsFile, item: Item) -> tuple[int, int]:
    return max(item.start, file.period.start), min(item.end, file.judged_to)


def _bill_bandwidth(
    terms: Terms,
    file: FactsFile,
    usage: Usage,
    items: Sequence[Item],
    rows: dict[str, list[Measured]],
) -> list[UsageLine]:
    named = {item.id: item for item in items}
    homeless: list[Text] = []  # in which pool they belong isn't known: any could lack them
    known = []
    for item in items:
        if usage.pool == "site" and not item.site:
            homeless.append(_say(item, "所在站点未知", "its site isn't known"))
        elif usage.pool not in ("", "contract", "site") and not rows[item.id]:
            homeless.append(_say(item, "没有订单", "its order isn't known"))
        else:
            known.append(_member(terms, file, usage, item, rows[item.id]))
    lines = []
    for pool in group_members(usage, known):
        there = [named[member.item] for member in pool.members]
        missing = list(homeless)
        for item in there:
            missing += _missing(usage, item, rows[item.id], pooled=bool(pool.name))
        untold = not pool.name and not rows[there[0].id] and _needs_rows(usage)
        bill = None
        if not missing and not untold:
            bill = bill_pool(terms, usage, pool.members)
        notes = () if bill is None or bill.quantity is not None else (NOTHING,)
        lines.append(UsageLine(usage, tuple(there), pool.name or None, bill, tuple(missing), notes))
    placed = {item.id for line in lines for item in line.items}
    lines += [
        UsageLine(usage, (item,), None, None, tuple(homeless))
        for item in items
        if item.id not in placed
    ]
    return lines


def _needs_rows(usage: Usage) -> bool:
    """Without a row in the file nothing can be billed."""
    return usage.mode != "flat" or "item" in (usage.commit, usage.price_committed)


def _missing(usage: Usage, item: Item, rows: list[Measured], *, pooled: bool) -> list[Text]:
    if not rows:
        told = _say(item, "没有订单与用量数据", "neither its order nor samples are known")
        return [told] if pooled else []
    limits = (usage.at_least, usage.at_most)
    of_port = isinstance(usage.commit, Share) or any(
        limit is not None and limit.kind == "port" for limit in limits
    )
    if of_port and usage.port == "item" and _add(rows, lambda o: o.port_bps) is None:
        return [_say(item, "订单未写明端口速率", "the order doesn't name the port's rate")]
    return []


def _say(item: Item, zh: str, en: str) -> Text:
    return {"zh": f"{item.id}：{zh}", "en": f"{item.id}: {en}"}


def _member(
    terms: Terms, file: FactsFile, usage: Usage, item: Item, rows: list[Measured]
) -> Member:
    ordered = rows[0].ordered if rows else Ordered()
    commit = _add(rows, lambda order: order.commit)
    order = Order(
        commit_bps=None if commit is None else int(commit),
        price_committed=ordered.price_committed,
        price_over=ordered.price_over,
        share=_share(terms, file, item),
        port_bps=_add(rows, lambda order: order.port_bps),
    )
    bins = _fill(file, usage, item, rows, usage.peak_of_ms or usage.interval_ms)
    return Member(item.id, bins, order, item.site, ordered.group)


def _add(rows: Sequence[Measured], read: Callable[[Ordered], N | None]) -> N | None:
    """Over all ports, circuits or meters of an item; None where one of them isn't known."""
    total: N | None = None
    for row in rows:
        value = read(row.ordered)
        if value is None:
            return None
        total = value if total is None else total + value
    return total


def _fill(file: FactsFile, usage: Usage, item: Item, rows: list[Measured], step: int) -> Bins:
    """All rows of an item added, covered as far as the least covered of them."""
    low, high = _service(file, item)
    grid = usage.interval_ms
    first, last = -(-low // grid) * grid, -(-high // grid) * grid
    meters = [
        fill_bins(((end, end - start, a, b) for start, end, a, b in m.samples), first, last, step)
        for m in rows
    ] or [fill_bins((), first, last, step)]
    least, inward, outward = meters[0].covered_ms, meters[0].in_octets, meters[0].out_octets
    for other in meters[1:]:
        least = np.minimum(least, other.covered_ms)
        inward, outward = inward + other.in_octets, outward + other.out_octets
    return Bins(first, step, inward, outward, least)


def _bill_power(
    terms: Terms, file: FactsFile, usage: Usage, item: Item, rows: list[Measured]
) -> UsageLine:
    fixed = usage.method in FIXED_METHODS
    if not rows and not fixed:
        return UsageLine(usage, (item,), None, None)
    bill: Metered | PowerBill
    if usage.power is None:
        bill = _bill_meters(terms, file, usage, item, rows)
        unread = not bill.present and not bill.quantity
        return UsageLine(usage, (item,), None, bill, notes=(UNREAD,) if unread else ())
    ordered = rows[0].ordered if rows else Ordered()
    order = PowerOrder(
        amperes=_add(rows, lambda one: one.amperes),
        commit=_add(rows, lambda one: one.commit),
        rating=_add(rows, lambda one: one.rating),
        price_committed=ordered.price_committed,
        price_over=ordered.price_over,
        share=_share(terms, file, item),
        pue=ordered.pue,
    )
    if fixed:
        bill = bill_power(terms, usage, None, order)
    else:
        readings, whole = _read(file, usage, item, rows)
        bill = replace(bill_power(terms, usage, readings, order), present=whole)
    return UsageLine(usage, (item,), None, bill, bill.missing)


def _read(file: FactsFile, usage: Usage, item: Item, rows: list[Measured]) -> tuple[Readings, int]:
    """Readings, and how many intervals were measured whole.

    Energy of an interval measured in part is energy used: it is billed, but counts for no
    coverage. Of means and highest values only whole intervals count.
    """
    bins = _fill(file, usage, item, rows, usage.interval_ms)
    power = usage.power
    unit = NEEDED[power.unit] if power is not None and usage.method == "committed_power" else "mWh"
    step = usage.interval_ms
    covered, values = bins.covered_ms.tolist(), bins.in_octets.tolist()
    whole = sum(1 for each in covered if each == step)
    least = Fraction(power.min_coverage) if power is not None else Fraction(0)
    partly = usage.method == "energy" and whole * 100 >= least * len(covered)
    kept = tuple(
        (value if unit == "mWh" else value // step) if each == step or (partly and value) else None
        for each, value in zip(covered, values, strict=True)
    )
    return Readings(bins.first, step, kept, unit), whole


def _bill_meters(
    terms: Terms, file: FactsFile, usage: Usage, item: Item, rows: list[Measured]
) -> Metered:
    """As statements list energy and demand."""
    bins = _fill(file, usage, item, rows, usage.interval_ms)
    whole = bins.covered_ms == usage.interval_ms
    count, expected = int(whole.sum()), len(bins)
    if usage.method == "demand":
        energy = [int(value) for value in bins.in_octets[whole]]
        return bill_demand(terms, usage, energy, count, expected)
    energy = [int(value) for value in bins.in_octets]
    return bill_energy(terms, usage, energy, count, expected)


def _share(terms: Terms, file: FactsFile, item: Item) -> Fraction:
    """Days in service of the days of the month; a day begun counts whole."""
    if terms.prorate != "days":
        return Fraction(1)
    low, high = max(item.start, file.period.start), min(file.ends[item.id], file.period.end)
    zone = ZoneInfo(terms.timezone)
    first = datetime.fromtimestamp(low / 1000, zone).date()
    last = datetime.fromtimestamp(high / 1000, zone).date()
    days = (last - first).days + (day_start(last, terms.timezone) < high)
    return Fraction(days, len(month_days(file.label)))
