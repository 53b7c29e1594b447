"""Credits without and with tax: each line rounded once, net + tax = gross."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.quantities import money
from dcim.sla.rules.results import CapLine, MetricResult, Taxed
from dcim.sla.rules.terms import Tax, Terms


def split_tax(key: str, amount: Decimal, is_gross: bool, tax: Tax, terms: Terms) -> Taxed:
    """The amount is as it stands; the other side is rounded once by the terms."""
    factor = 1 + Fraction(tax.rate) / 100
    if is_gross:
        net = money(Fraction(amount) / factor, terms.decimals, terms.rounding)
        return Taxed(key, net, amount - net, amount)
    gross = money(Fraction(amount) * factor, terms.decimals, terms.rounding)
    return Taxed(key, amount, gross - amount, gross)


def tax_fee(key: str, amount: Decimal, terms: Terms) -> Taxed:
    """A fee or charge of the terms; without a word on tax there is none."""
    tax = terms.tax or Tax(Decimal(0), "included", "gross")
    return split_tax(key, amount, tax.mode == "included", tax, terms)


def tax_lines(
    terms: Terms, results: Iterable[MetricResult], caps: Iterable[CapLine]
) -> tuple[Taxed, ...]:
    """Credits (positive), what caps take back (negative), and `total`, the sum of the lines."""
    if terms.tax is None:
        return ()
    gross = terms.tax.credit_is == "gross"
    lines = [
        split_tax(f"credit:{result.id}", result.credit.amount, gross, terms.tax, terms)
        for result in results
        if result.credit.amount
    ]
    for cap in caps:
        line = split_tax(cap.key, cap.amount, gross, terms.tax, terms)
        lines.append(Taxed(cap.key, -line.net, -line.tax, -line.gross))
    nothing = Decimal(0).quantize(Decimal(1).scaleb(-terms.decimals))
    total = Taxed(
        "total",
        sum((line.net for line in lines), nothing),
        sum((line.tax for line in lines), nothing),
        sum((line.gross for line in lines), nothing),
    )
    return (*lines, total)
