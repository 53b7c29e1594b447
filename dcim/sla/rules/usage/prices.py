"""What the order and the terms agree together, and prices in rows, least and most."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.quantities import money
from dcim.sla.rules.terms import Limit, PriceRows, Share, Terms, Usage
from dcim.sla.rules.usage.lines import PricedLine


@dataclass(frozen=True)
class Order:
    """What the customer ordered, where the terms say `item`; prices per Mbit/s and month."""

    commit_bps: int | None = None
    price_committed: Decimal | None = None
    price_over: Decimal | None = None
    share: Fraction = Fraction(1)  # of the period in service, for the committed fee
    port_bps: int | None = None  # the port's rate, or the most that may be used


@dataclass(frozen=True)
class Agreed:
    """Terms and order of one item as one; rates in bit/s."""

    commit_bps: int | None
    port_bps: int | None
    price_committed: Decimal | None
    price_over: Decimal | PriceRows
    share: Fraction


def agree(usage: Usage, order: Order) -> Agreed:
    """TypeError naming what the terms leave to the order and it doesn't have."""
    port = order.port_bps if usage.port == "item" else usage.port
    port = port if isinstance(port, int) else None
    commit = order.commit_bps if usage.commit == "item" else usage.commit
    if isinstance(commit, Share):
        rate = Fraction(_need_port(usage, port)) * Fraction(commit.percent) / 100
        commit = rate.__floor__()
    committed = order.price_committed if usage.price_committed == "item" else usage.price_committed
    committed = committed if isinstance(committed, Decimal) else None
    over = order.price_over if usage.price_over == "item" else usage.price_over
    if usage.over_factor is not None:
        over = None if committed is None else committed * usage.over_factor
    if over is None or isinstance(over, str):
        raise TypeError(f"usage {usage.id}: the terms leave the price to the order, it has none")
    commit = commit if isinstance(commit, int) else None
    if usage.mode == "flat" and (commit is None or committed is None):
        raise TypeError(f"usage {usage.id}: a flat port needs the order's commit and price")
    return Agreed(commit, port, committed, over, order.share)


def _need_port(usage: Usage, port_bps: int | None) -> int:
    if port_bps is None:
        raise TypeError(
            f"usage {usage.id}: a share of the port is agreed, the order names no port rate"
        )
    return port_bps


def rate_limit(usage: Usage, limit: Limit | None, commit: int, port: int | None) -> int | None:
    """Bit/s of a least or most that is a rate, rounded down; None for none and for money."""
    if limit is None or limit.kind == "money":
        return None
    if limit.kind == "rate":
        return int(limit.value)
    of = commit if limit.kind == "commit" else _need_port(usage, port)
    return (Fraction(of) * Fraction(limit.value) / 100).__floor__()


@dataclass(frozen=True)
class Part:
    """A quantity at one price; `row` counts from 1, 0 where the price has no rows."""

    row: int
    quantity: Fraction
    price: Decimal


def price_parts(count: Fraction, price: Decimal | PriceRows) -> tuple[Part, ...]:
    """A quantity by the rows of its price; at least one part, also of nothing."""
    if isinstance(price, Decimal):
        return (Part(0, count, price),)
    found = []
    for place, row in enumerate(price.rows, 1):
        if price.by == "whole":
            if row.range.contains(count):
                return (Part(place, count, row.price),)
            continue
        low = Fraction(row.range.low or 0)
        high = count if row.range.high is None else min(count, Fraction(row.range.high))
        if high > low:
            found.append(Part(place, high - low, row.price))
    return tuple(found) or (Part(1, Fraction(0), price.rows[0].price),)


def sum_parts(counts: Sequence[Fraction], price: Decimal | PriceRows) -> tuple[Part, ...]:
    """Several quantities (days), each by the rows on its own, added row by row."""
    sums: dict[int, Part] = {}
    for count in counts:
        for part in price_parts(count, price):
            before = sums.get(part.row, Part(part.row, Fraction(0), part.price))
            sums[part.row] = Part(part.row, before.quantity + part.quantity, part.price)
    return tuple(sums[row] for row in sorted(sums)) or price_parts(Fraction(0), price)


def limit_amount(terms: Terms, usage: Usage, total: Decimal) -> tuple[PricedLine, ...]:
    """The line that lifts a sum to the least or lowers it to the most; none where it lies
    between. Raised first, then lowered: a ceiling holds whatever the least says."""
    lines = []
    least, most = usage.at_least, usage.at_most
    if least is not None and least.kind == "money" and total < least.value:
        rest = money(Fraction(least.value - total), terms.decimals, terms.rounding)
        text = {"zh": f"补足最低收费 {least.value}", "en": f"up to the minimum of {least.value}"}
        lines.append(PricedLine("minimum", text, None, "", None, rest))
        total += rest
    if most is not None and most.kind == "money" and total > most.value:
        highest = money(Fraction(most.value), terms.decimals, "down")
        rest = highest - total
        text = {"zh": f"减至最高收费 {most.value}", "en": f"down to the ceiling of {most.value}"}
        lines.append(PricedLine("ceiling", text, None, "", None, rest))
    return tuple(lines)


def share_free(
    free: Fraction,
    energy: Sequence[Fraction],
    prices: Sequence[Decimal],
    taken_from: str | None,
) -> list[Fraction]:
    """How much of `free` (kWh) falls on each hours' energy, at most that energy: in proportion
    to it ("all_hours"), or on the dearest or cheapest hours first; hours of one price in order."""
    total = sum(energy, Fraction(0))
    left = min(free, total)
    if taken_from == "all_hours":
        return [left * part / total if total else Fraction(0) for part in energy]
    sign = -1 if taken_from == "dearest" else 1
    found = [Fraction(0)] * len(energy)
    for place in sorted(range(len(energy)), key=lambda place: (sign * prices[place], place)):
        found[place] = min(left, energy[place])
        left -= found[place]
    return found
