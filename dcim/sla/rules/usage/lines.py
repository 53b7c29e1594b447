"""Priced lines of usage: what an accounting system books, each with how it came about."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.quantities import grouped, money
from dcim.sla.rules.steps import Step, both, say_exact
from dcim.sla.rules.terms import PriceRows, Terms, Text, Usage


@dataclass(frozen=True)
class PricedLine:
    """quantity x unit_price x factor, rounded once.

    `quantity` and `unit_price` are None for a sum of money (a minimum, a ceiling). `amount` is
    None where it can't be priced; `note` names the fact that is missing.
    """

    key: str
    text: Text
    quantity: Fraction | None
    unit: str
    unit_price: Decimal | None
    amount: Decimal | None
    factor: Fraction = Fraction(1)
    note: Text | None = None
    item: str = ""  # of a pool's member; "" = the item billed


def needs_lines(usage: Usage) -> bool:
    """It may charge more than a committed fee and an overage at one price of one item: then a
    statement lists it line by line."""
    return (
        usage.method not in ("percentile", "energy", "demand")
        or usage.power is not None
        or bool(usage.pool)
        or usage.partial_month != "as_measured"
        or bool(usage.included)
        or bool(usage.peak_of_ms or usage.rank_of_ms)
        or isinstance(usage.price_over, PriceRows)
        or any(part is not None for part in (usage.at_least, usage.at_most, usage.valid_days))
    )


def price_line(
    terms: Terms,
    key: str,
    text: Text,
    quantity: Fraction,
    unit: str,
    price: Decimal,
    factor: Fraction = Fraction(1),
    item: str = "",
) -> PricedLine:
    exact = quantity * Fraction(price) * factor
    amount = money(exact, terms.decimals, terms.rounding)
    return PricedLine(key, text, quantity, unit, price, amount, factor, item=item)


def unpriced_line(key: str, text: Text, unit: str, price: Decimal | None, note: Text) -> PricedLine:
    return PricedLine(key, text, None, unit, price, None, note=note)


def say_line(line: PricedLine) -> Text:
    """The formula of its amount, without the result."""
    if line.note is not None:
        return line.note
    if line.quantity is None or line.unit_price is None:
        return line.text
    said = f"{say_exact(line.quantity)} {line.unit} × {line.unit_price}"
    return both(said if line.factor == 1 else f"{said} × {line.factor}")


def line_step(line: PricedLine) -> Step:
    unpriced: Text = {"zh": "无法计价", "en": "can't be priced"}
    result = unpriced if line.amount is None else both(grouped(line.amount))
    return Step(line.key, line.text, say_line(line), result)


def make_step(key: str, zh: str, en: str, formula: Text | str, result: Text | str) -> Step:
    return Step(key, {"zh": zh, "en": en}, both(formula), both(result))
