"""Priced lines of usage: what an accounting system books, each with how it came about."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.quantities import grouped, money
from dcim.sla.rules.steps import Step, both, say_exact
from dcim.sla.rules.terms import PriceRows, Terms, Text, Usage

COLUMNS = (
    "contract", "item", "period", "revision", "line", "quantity", "unit", "unit_price", "factor",
    "currency", "amount", "clause", "note",
)  # fmt: skip


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
    """It may charge more than a committed fee and an overage at one price of one item, which is
    all that statements list yet."""
    return (
        usage.method not in ("percentile", "energy", "demand")
        or usage.power is not None
        or bool(usage.pool)
        or usage.partial_month != "as_measured"
        or bool(usage.included)
        or bool(usage.peak_of_ms)
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


@dataclass(frozen=True)
class Booking:
    """What the lines belong to; `line` of a row is unique within contract, period, revision."""

    contract: str
    item: str
    period: str  # 2026-10
    revision: int
    usage: str
    clause: str


def accounting_rows(
    terms: Terms, booking: Booking, lines: tuple[PricedLine, ...]
) -> list[dict[str, str]]:
    """One row a line in the order of COLUMNS, all text, for CSV, the API and accounting.

    Quantities with at most six decimals, prices and amounts as they are; nothing is rounded
    again, so that the rows add up to the total. A line without a price has an empty amount and
    says in `note` what is missing.
    """
    rows = []
    for line in lines:
        values = (
            booking.contract,
            line.item or booking.item,
            booking.period,
            str(booking.revision),
            f"usage:{booking.usage}.{booking.item}:{line.key}",
            "" if line.quantity is None else say_exact(line.quantity).replace(",", ""),
            line.unit,
            "" if line.unit_price is None else str(line.unit_price),
            str(line.factor),
            terms.currency,
            "" if line.amount is None else str(line.amount),
            booking.clause,
            "" if line.note is None else line.note["en"],
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows
