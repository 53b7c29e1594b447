"""A credit under way: its exact money, and each step of it in words."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.facts import Item, Period
from dcim.sla.rules.language.credit_words import say_amount
from dcim.sla.rules.outcomes import Outcome
from dcim.sla.rules.quantities import Amount, fixed, grouped, plain, say_span
from dcim.sla.rules.terms import Credit, Metric, Terms, Text, Tier


@dataclass(frozen=True)
class Step:
    key: str
    label: Text
    formula: Text
    result: Text


@dataclass(frozen=True)
class Given:
    """A credit in money, rounded once; `review` when the terms leave a hole to a person.

    `missing` says which facts the credit needs that aren't known; the amount is then 0.
    """

    amount: Decimal
    pct: Fraction
    base: Decimal
    capped: bool = False
    row: Text | None = None
    steps: tuple[Step, ...] = ()
    review: bool = False
    missing: tuple[Text, ...] = ()


@dataclass
class Work:
    terms: Terms
    metric: Metric
    credit: Credit
    item: Item
    outcome: Outcome
    period: Period
    base: Fraction
    day: Fraction
    amount: Fraction = Fraction(0)
    row: Text | None = None
    review: bool = False
    missing: list[Text] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def worth(self, amount: Amount) -> Fraction:
        if amount.kind == "percent":
            return self.base * Fraction(amount.value) / 100
        if amount.kind == "days":
            return self.day * Fraction(amount.value)
        if amount.kind == "per_unit":
            if self.item.units is None:
                self.miss(UNITS)
            return Fraction(amount.value) * Fraction(self.item.units or 0)
        return Fraction(amount.value)

    def miss(self, fact: Text) -> None:
        if fact not in self.missing:
            self.missing.append(fact)

    def note(self, key: str, zh: str, en: str, formula: Text | str, result: Text | str) -> None:
        self.steps.append(Step(key, {"zh": zh, "en": en}, both(formula), both(result)))

    def add(self, amount: Amount | None, times: Fraction = Fraction(1)) -> None:
        if amount is None:
            raise ValueError("the form of credit lacks its amount")
        worth = self.worth(amount) * times
        self.amount += worth
        often = "" if times == 1 else f" × {times}"
        basis = f"{plain_money(self.base)} × " if amount.kind == "percent" else ""
        formula = {key: f"{basis}{said}{often}" for key, said in say_amount(amount).items()}
        if amount.kind == "per_unit" and self.item.units is not None:
            units = plain(self.item.units)
            formula = {key: f"{said} × {units}{often}" for key, said in say_amount(amount).items()}
        self.note("give", "抵扣", "Credit", formula, say_exact(worth))


UNITS: Text = {"zh": "服务项的计量数量 (units)", "en": "how many units the item has (units)"}


def both(said: Text | str) -> Text:
    """Figures and symbols read the same in both languages."""
    return {"zh": said, "en": said} if isinstance(said, str) else said


def span(ms: int) -> Text:
    zh, en = say_span(ms)
    return {"zh": zh, "en": en}


def join_spans(lengths: Iterable[int]) -> Text:
    """Lengths added up, the middle of many left out."""
    said: Text = {}
    spans = [span(length) for length in lengths]
    for language in ("zh", "en"):
        parts = [length[language] for length in spans]
        parts = parts if len(parts) <= 6 else [*parts[:5], "…", parts[-1]]
        said[language] = " + ".join(parts)
    return said


def say_exact(number: Fraction) -> str:
    """At most six decimals; steps before the rounding of money."""
    return grouped(plain(fixed(number, 6)))


def plain_money(number: Fraction) -> str:
    return grouped(fixed(number, 2))


def row_amounts(credit: Credit) -> list[Amount]:
    """Everything the credit may give."""
    tiers: tuple[Tier, ...] = credit.tiers
    given = [credit.give, credit.each, credit.initial, *(tier.credit for tier in tiers)]
    return [amount for amount in given if amount is not None]
