"""What an evaluation says: verdicts, credits, what is taken back, what they become, rights."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from dcim.sla.rules.facts import Item, Period
from dcim.sla.rules.outcomes import Measurement, Outcome
from dcim.sla.rules.steps import Given
from dcim.sla.rules.terms import Metric, Termination, Text

Result = Literal["met", "breached", "needs_review", "unpriced", "not_eligible"]
State = Literal["given", "claimable", "late", "refused", "not_claimed"]
RANK: tuple[Result, ...] = ("breached", "needs_review", "unpriced", "not_eligible", "met")


@dataclass(frozen=True)
class Settlement:
    """What becomes of one credit. `amount` is settled, `claimable` may still be asked for."""

    kind: Literal["credit", "voucher", "extension"]
    on: Literal["this_invoice", "next_invoice"]
    state: State
    amount: Decimal
    claimable: Decimal
    until: int | None  # last millisecond in which a claim is in time
    claimed_at: int | None
    expires_at: int | None  # of a voucher
    text: Text


@dataclass(frozen=True)
class MetricResult:
    """One metric of one item. `credit` is what is booked; the range says what a review may give."""

    id: str
    metric: Metric
    item: Item
    resources: tuple[str, ...]
    result: Result
    measurement: Measurement
    outcome: Outcome  # by the terms, or by a person's decision
    best: Outcome
    worst: Outcome
    credit: Given
    at_least: Decimal
    at_most: Decimal
    notes: tuple[Text, ...]
    settlement: Settlement | None = None  # None where the terms say nothing about it

    def left_open(self, note: Text) -> "MetricResult":
        """The same, but for a person to decide; nothing is booked."""
        notes = self.notes if note in self.notes else (*self.notes, note)
        nothing = self.credit.amount * 0
        credit = replace(self.credit, amount=nothing)
        return replace(
            self,
            result="needs_review",
            credit=credit,
            at_least=nothing,
            notes=notes,
            settlement=None,
        )


@dataclass(frozen=True)
class CapLine:
    """Credit taken back above a cap or by the combination, a positive amount."""

    key: str
    item: str | None
    amount: Decimal
    text: Text


@dataclass(frozen=True)
class Right:
    metric: str
    rule: Termination
    reached: bool
    value: str
    text: Text
    known: bool = True  # False: it hangs on facts nobody has; `reached` is then False
    exercise_until: int | None = None
    lapsed: bool = False


@dataclass(frozen=True)
class Extension:
    """Days by which the term of an item is extended in place of money."""

    item: str
    amount: Decimal  # the credit they stand for
    days: Decimal


@dataclass(frozen=True)
class Taxed:
    """One line without and with tax; each rounded once, net + tax = gross."""

    key: str
    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True)
class Evaluation:
    """`credit_total` is money off an invoice: credits less `caps`. The rest is kept apart."""

    period: Period
    results: tuple[MetricResult, ...]
    caps: tuple[CapLine, ...]
    credit_total: Decimal
    rights: tuple[Right, ...]
    claimable_total: Decimal = Decimal(0)  # more, if all is claimed in time
    voucher_total: Decimal = Decimal(0)
    extensions: tuple[Extension, ...] = ()
    held_caps: tuple[CapLine, ...] = ()  # of vouchers and extensions, which are no money here
    carried: Decimal | None = None  # part of the credits the invoice can't take; None: not known
    taxed: tuple[Taxed, ...] = ()

    @property
    def verdict(self) -> Result:
        found = {result.result for result in self.results}
        return next((rank for rank in RANK if rank in found), "met")
