"""Prices of usage, read from their words: one price, a multiple, rows; least and most."""

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any, cast

from dcim.errors import Message
from dcim.sla.rules.language import checks
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import plain, read_money, read_number, read_percent, read_rate
from dcim.sla.rules.terms import Limit, PriceRow, PriceRows, Range, Share

Convert = Callable[[str], Decimal]
OVER_CHOICES = ("72.00", "item", "1.2 times committed", "committed + 20 %")


def read_price(text: str, currency: str) -> Any:
    """A price, or `item`: as ordered."""
    return text if text == "item" else read_money(text, currency)


def read_price_or_rows(words: Reader, key: str, currency: str, quantity: Convert) -> Any:
    """A price, `item`, or rows; `quantity` reads the rows' bounds in what the price is of."""
    node = (words.node.words or {}).get(key)
    if node is not None and node.words is not None:
        below = words.group(key)
        return Decimal(0) if below is None else _read_rows(below, currency, quantity)
    return words.need(key, lambda text: read_price(text, currency), Decimal(0))


def read_over(prices: Reader, currency: str, quantity: Convert) -> tuple[Any, Decimal | None]:
    """(price, None), or (0, factor) of a multiple of the committed price."""
    node = (prices.node.words or {}).get("over")
    if node is not None and node.text is not None and "committed" in node.text:
        return Decimal(0), prices.need("over", _read_factor, Decimal(1))
    return read_price_or_rows(prices, "over", currency, quantity), None


def _read_factor(text: str) -> Decimal:
    times = re.fullmatch(r"(\S+) times committed", text)
    if times:
        return read_number(times[1])
    more = re.fullmatch(r"committed \+ (.+)", text)
    if more:
        return 1 + read_percent(more[1]) / 100
    raise ValueError(
        Message(
            "%(text)r must read like one of %(choices)s", text=text, choices=", ".join(OVER_CHOICES)
        )
    )


def _read_rows(words: Reader, currency: str, quantity: Convert) -> PriceRows:
    by = words.choose("by", ("whole", "parts"))
    rows = []
    for entry in words.entries("rows"):
        bounds = checks.read_range(entry, quantity)
        price = entry.need("price", lambda text: read_money(text, currency), Decimal(0))
        entry.finish()
        rows.append(PriceRow(bounds, price))
    if not rows:
        words.refuse("rows", Message("is missing: at least one row with a price"))
        rows = [PriceRow(Range(None, False, None, False), Decimal(0))]
    _refuse_flaws(words, [row.range for row in rows])
    words.finish()
    return PriceRows(cast(Any, by), tuple(rows))


def _refuse_flaws(words: Reader, rows: list[Range]) -> None:
    """Every quantity from 0 on lies in exactly one row, in the order written."""
    first, last = rows[0], rows[-1]
    if first.low:
        words.refuse("rows", Message("nothing says the price below %(low)s", low=plain(first.low)))
    if last.high is not None:
        words.refuse(
            "rows",
            Message("nothing says the price above %(high)s: leave it open", high=plain(last.high)),
        )
    for lower, upper in pairwise(rows):
        if lower.high is None or upper.low is None or upper.low < lower.high:
            words.refuse(
                "rows", Message("two rows overlap, or don't stand from the lowest to the highest")
            )
        elif upper.low > lower.high:
            words.refuse(
                "rows",
                Message(
                    "nothing says the price from %(high)s to %(low)s",
                    high=plain(lower.high),
                    low=plain(upper.low),
                ),
            )
        elif lower.high_inclusive == upper.low_inclusive:
            at = plain(upper.low)
            said = (
                Message("exactly %(at)s is in two rows", at=at)
                if lower.high_inclusive
                else Message("exactly %(at)s is in no row", at=at)
            )
            words.refuse("rows", said, ("up_to and above", "below and from"))


def read_share(text: str, of: str) -> Share | None:
    """`40 % of port`; None where the text is something else."""
    found = re.fullmatch(rf"(\S+ ?%) of {of}", text)
    return Share(read_percent(found[1])) if found else None


def read_limit(text: str, currency: str, thousand: int) -> Limit:
    """A rate, a percentage of the commit or the port, or money."""
    for kind in ("commit", "port"):
        share = read_share(text, kind)
        if share is not None:
            return Limit(cast(Any, kind), share.percent)
    if text == "port":
        return Limit("port", Decimal(100))
    if text.endswith("bit/s"):
        return Limit("rate", Decimal(read_rate(text, thousand)))
    try:
        return Limit("money", read_money(text, currency))
    except ValueError as error:
        raise ValueError(
            Message(
                "%(text)r must be a rate (10 Mbit/s), 20 %% of port, 150 %% of commit, "
                "or a sum of money in %(currency)s",
                text=text,
                currency=currency,
            )
        ) from error


def read_money_limits(words: Reader, currency: str) -> tuple[Limit | None, Limit | None]:
    """(least, most), both sums of money, where nothing else can be meant."""

    def limit(text: str) -> Limit:
        return Limit("money", read_money(text, currency))

    least = words.read("at_least", limit, None)
    most = words.read("at_most", limit, None)
    refuse_crossed(words, least, most)
    return least, most


def refuse_crossed(words: Reader, least: Limit | None, most: Limit | None) -> None:
    if least and most and least.kind == most.kind and least.value > most.value:
        words.refuse("at_least", Message("lies above at_most"))
