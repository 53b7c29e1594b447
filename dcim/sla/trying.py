"""Terms under the pen: what is wrong with them, what they say, what an outage would cost."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from dcim.customers.models import Contract
from dcim.sla.rules.facts import Item
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import Problem, TermsRefusedError
from dcim.sla.rules.periods import month_days, month_period, to_ms
from dcim.sla.rules.supposing import Supposition, name_lanes, suppose
from dcim.sla.rules.terms import Metric, Terms

# Where a contract has no item yet that a clause is about.
EXAMPLE_FEE = Decimal("1000.00")


@dataclass(frozen=True, slots=True)
class Reading:
    """One of `terms` and `problems` is empty; `mismatch` when currency or zone aren't the
    contract's."""

    terms: Terms | None
    problems: tuple[Problem, ...] = ()
    mismatch: bool = False


def read_draft(contract: Contract, document: str) -> Reading:
    """Never raises for what is written."""
    try:
        terms = load_terms(document)
    except TermsRefusedError as error:
        return Reading(None, tuple(error.problems))
    same = (terms.currency, terms.timezone) == (contract.currency, contract.timezone)
    return Reading(terms, mismatch=not same)


@dataclass(frozen=True, slots=True)
class Wish:
    """An outage to suppose. Local wall clock of the terms' zone; `lanes` of those that are down."""

    metric: str = ""
    item: str = ""
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    lanes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """The same outage otherwise: `kind` current, one_lane or short."""

    kind: str
    supposition: Supposition | None


@dataclass(frozen=True, slots=True)
class Worked:
    """What is supposed, made whole from the wish; `supposition` is None for a figure's metric."""

    metric: Metric
    item: Item
    is_example: bool
    month: str
    start: dt.datetime
    end: dt.datetime
    lanes: tuple[str, ...]
    supposition: Supposition | None
    alternatives: tuple[Alternative, ...]


def work_out(
    contract: Contract, terms: Terms, wish: Wish, today: dt.date, current: Terms | None = None
) -> Worked | None:
    """An outage priced by the terms; what the wish leaves open is chosen. None without a metric.

    An outage is kept within one month: one that ends later is cut at the month's end.
    """
    if not terms.metrics:
        return None
    metric = next((one for one in terms.metrics if one.id == wish.metric), terms.metrics[0])
    item, is_example = _choose_item(contract, metric, wish.item)
    first = (today.replace(day=1) - dt.timedelta(days=1)).replace(day=12)
    start = wish.start or dt.datetime.combine(first, dt.time(3, 20))
    end = wish.end if wish.end and wish.end > start else start + dt.timedelta(minutes=47)
    month = f"{start:%Y-%m}"
    lanes = tuple(name for name in name_lanes(metric) if name in wish.lanes) or name_lanes(metric)

    def price(
        by: Terms, of: Metric, who: tuple[str, ...], until: dt.datetime
    ) -> Supposition | None:
        period = month_period(month, by.timezone)
        span: Interval = (_instant(start, by.timezone), _instant(until, by.timezone))
        down: Mapping[str, Interval] = dict.fromkeys(who, span)
        inside = Item(
            item.id, item.kind, item.mrc, item.mrc, period.start, period.end, item.conditions
        )
        return suppose(by, of, inside, down, period, len(month_days(month)))

    others = []
    same = next((one for one in current.metrics if one.id == metric.id), None) if current else None
    if current is not None and same is not None:
        others.append(Alternative("current", price(current, same, lanes, end)))
    if len(name_lanes(metric)) > 1 and len(lanes) > 1:
        others.append(Alternative("one_lane", price(terms, metric, lanes[:1], end)))
    short = start + dt.timedelta(minutes=5)
    if end > short:
        others.append(Alternative("short", price(terms, metric, lanes, short)))
    return Worked(
        metric, item, is_example, month, start, end, lanes,
        price(terms, metric, lanes, end), tuple(others),
    )  # fmt: skip


def current_terms(contract: Contract) -> Terms | None:
    """The newest version agreed, to compare with; None where there is none that can be read."""
    if not contract.terms:
        return None
    return read_draft(contract, contract.terms[-1].document).terms


def _choose_item(contract: Contract, metric: Metric, code: str) -> tuple[Item, bool]:
    fitting = [one for one in contract.items if one.kind in metric.applies_to]
    chosen = next((one for one in fitting if one.code == code), fitting[0] if fitting else None)
    if chosen is None:
        return Item("—", metric.applies_to[0], EXAMPLE_FEE, EXAMPLE_FEE, 0, 0), True
    return Item(chosen.code, chosen.kind, chosen.monthly_fee, chosen.monthly_fee, 0, 0), False


def _instant(local: dt.datetime, zone: str) -> int:
    return to_ms(local.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC))
