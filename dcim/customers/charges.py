"""What a month's rent comes to before it is billed; pure.

The same rule as the statement's (`dcim.statements.inputs.prorate`): days are half-open and those of
the contract's zone, an item pays for the days on which both it and its contract run, each line is
computed exactly and rounded once, the total is the sum of the rounded lines.
"""

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Rule:
    """How the terms prorate ("days" | "none") and round ("half_up" | "half_even" | "down").

    The defaults are those of the terms language.
    """

    prorate: str = "days"
    rounding: str = "half_up"
    decimals: int = 2


@dataclass(frozen=True, slots=True)
class Rented:
    """An item as it is priced in the month; `end` is the first day no longer paid for."""

    code: str
    monthly_fee: Decimal
    start: dt.date
    end: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """[first, end) of `days_in_month` days, and what they cost."""

    code: str
    monthly_fee: Decimal
    first: dt.date
    end: dt.date
    days: int
    days_in_month: int
    amount: Decimal


def month_of(day: dt.date) -> tuple[dt.date, dt.date]:
    """The first day of this day's month and the first after it."""
    first = day.replace(day=1)
    return first, first + dt.timedelta(days=calendar.monthrange(first.year, first.month)[1])


def charge_month(
    items: Sequence[Rented],
    month: dt.date,
    start: dt.date,
    end: dt.date | None = None,
    rule: Rule | None = None,
) -> list[Charge]:
    """The rent of what runs in the month of this day; `start` and `end` are the contract's."""
    rule = rule or Rule()
    first, after = month_of(month)
    days_in_month = (after - first).days
    charges = []
    for item in items:
        begin = max(first, start, item.start)
        stop = min([after, *(day for day in (end, item.end) if day is not None)])
        if begin >= stop:
            continue
        days = (stop - begin).days
        share = Fraction(days, days_in_month) if rule.prorate == "days" else Fraction(1)
        charges.append(
            Charge(
                item.code, item.monthly_fee, begin, stop, days, days_in_month,
                _round(Fraction(item.monthly_fee) * share, rule),
            )
        )  # fmt: skip
    return charges


def total_of(charges: Sequence[Charge]) -> Decimal:
    return sum((charge.amount for charge in charges), Decimal(0))


def _round(exact: Fraction, rule: Rule) -> Decimal:
    """Once, from the exact share, so that a tie is a tie. Fees are never negative."""
    scaled = exact * 10**rule.decimals
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest - scaled.denominator
    if rule.rounding == "half_up":
        whole += twice >= 0
    elif rule.rounding == "half_even":
        whole += twice > 0 or (twice == 0 and whole % 2 == 1)
    return Decimal(whole).scaleb(-rule.decimals)
