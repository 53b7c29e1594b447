"""What a contract's running month will come to: rent, bandwidth by its estimate, credits so far.

An estimate beside the statement, made of what its rooms say on their own: the rent is the
statement's rule, bandwidth the estimate of `usage_to_date`, credits the last round of
`risk_rounds`. What has no estimate is named, never guessed.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.charges import Rule, total_of
from dcim.customers.models import ContractItem
from dcim.customers.overview import ContractView, preview_month
from dcim.errors import InvalidError
from dcim.network.models import BandwidthService
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.terms import Terms, Text
from dcim.sla.terms_in_force import find_agreed
from dcim.sla.usage_to_date import UsageToDate, bill_to_date
from dcim.statements.risk_models import CreditRisk


@dataclass(frozen=True, slots=True)
class Range:
    """Money; `likely` is between the others, which are None where there is no bound."""

    least: Decimal | None
    likely: Decimal | None
    most: Decimal | None


@dataclass(frozen=True, slots=True)
class ExpectedUsage:
    """`bps` is the rate that would be billed, by the forecast."""

    label: Text
    amount: Range
    bps: int | None
    commit_bps: int | None
    pool: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExpectedBill:
    """`credits` are positive, as of `credits_as_of`; None where they weren't worked out yet.

    `left_out`: what the terms bill that has no estimate; the sum is without it. `total` is None
    where bandwidth of it has no forecast. Of tax it knows nothing."""

    number: str
    period: str
    currency: str
    rent: Decimal
    usage: tuple[ExpectedUsage, ...]
    credits: Range | None
    credits_as_of: dt.datetime | None
    left_out: tuple[Text, ...]

    @property
    def total(self) -> Range:
        return sum_up(self.rent, [one.amount for one in self.usage], self.credits)


def sum_up(rent: Decimal, usage: Iterable[Range], credits: Range | None) -> Range:
    """The least is with the most credits and the other way round."""
    least: Decimal | None = rent
    likely: Decimal | None = rent
    most: Decimal | None = rent
    for one in usage:
        least, likely, most = _add(least, one.least), _add(likely, one.likely), _add(most, one.most)
    if credits is not None:
        least = None if least is None or credits.most is None else least - credits.most
        likely = None if likely is None or credits.likely is None else likely - credits.likely
        most = None if most is None or credits.least is None else most - credits.least
    return Range(least, likely, most)


def _add(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def expect_bills(
    session: Session, scope: Scope, views: Sequence[ContractView], now: dt.datetime
) -> dict[int, ExpectedBill]:
    """By contract. The number of queries grows with the contracts, never with their items."""
    ids = [view.contract.id for view in views]
    services = session.execute(
        scope.apply(
            select(
                ContractItem.contract_id,
                BandwidthService.id,
                ContractItem.code,
                ContractItem.label,
                ContractItem.label_en,
            )
            .join(ContractItem, ContractItem.id == BandwidthService.contract_item_id)
            .where(ContractItem.contract_id.in_(ids))
            .order_by(BandwidthService.code),
            BandwidthService.customer_id,
        )
    ).all()
    usages = bill_to_date(session, scope, [one.id for one in services], now)
    risks = {
        (one.contract_id, one.period): one
        for one in session.scalars(
            scope.apply(
                select(CreditRisk).where(
                    CreditRisk.contract_id.in_(ids), CreditRisk.as_of.is_not(None)
                ),
                CreditRisk.customer_id,
            )
        )
    }
    found = {}
    for view in views:
        contract = view.contract
        period = f"{now.astimezone(ZoneInfo(contract.timezone)):%Y-%m}"
        try:
            terms = find_agreed(session, scope, contract, period).load()
        except (InvalidError, TermsRefusedError):
            continue
        rule = Rule(terms.prorate, terms.rounding, terms.decimals)
        charges = preview_month(view, dt.date.fromisoformat(f"{period}-01"), rule)
        labels: dict[int, Text] = {
            one.id: {"zh": one.label, "en": one.label_en or one.label}
            for one in services
            if one.contract_id == contract.id
        }
        mine = {one: usages[one] for one in labels if one in usages}
        risk = risks.get((contract.id, period))
        charged = {charge.code for charge in charges}
        kinds = {one.item.kind for one in view.items if one.item.code in charged}
        found[contract.id] = ExpectedBill(
            contract.number,
            period,
            contract.currency,
            total_of(charges),
            tuple(_expect_usage(labels, mine)),
            None if risk is None else Range(risk.owed_least, risk.owed, risk.owed_most),
            None if risk is None else risk.as_of,
            tuple(_left_out(terms, kinds, labels, mine)),
        )
    return found


def _expect_usage(
    labels: Mapping[int, Text], usages: Mapping[int, UsageToDate]
) -> Iterable[ExpectedUsage]:
    """A pool once, under the name of its first service."""
    told = set()
    for service_id, usage in usages.items():
        estimate, key = usage.estimate, usage.pool or service_id
        if estimate is None or key in told:
            continue
        told.add(key)
        forecast = estimate.forecast
        yield ExpectedUsage(
            labels[service_id],
            Range(
                estimate.least_amount,
                None if forecast is None else forecast.amount,
                estimate.most_amount,
            ),
            None if forecast is None else forecast.billed_bps,
            estimate.least.commit_bps,
            usage.pool if len(usage.pool) > 1 else (),
        )


def _left_out(
    terms: Terms,
    kinds: set[str],
    labels: Mapping[int, Text],
    usages: Mapping[int, UsageToDate],
) -> Iterable[Text]:
    """Usage that is billed when the month is over, and bandwidth without an estimate."""
    for usage in terms.usage:
        if usage.method != "percentile" and not kinds.isdisjoint(usage.applies_to):
            yield usage.title
    for service_id, told in usages.items():
        if told.estimate is None and (told.bill is not None or told.problem):
            yield labels[service_id]
