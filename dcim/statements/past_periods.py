"""What issued statements say of a contract's earlier months, for terms that look back."""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.sla.rules.evaluation import RULES_VERSION, Evaluation
from dcim.sla.rules.money.settlement import CONTRACT_CAPS
from dcim.sla.rules.periods import format_instant
from dcim.sla.rules.results import MetricResult
from dcim.sla.rules.terms import Terms
from dcim.statements.composition import evaluate_inputs
from dcim.statements.files import unpack_inputs
from dcim.statements.models import Statement

MONTHS = 12
SHORTEST_MONTH_MS = 28 * 86_400_000
LONGEST_MONTH_MS = 31 * 86_400_000


def count_months(terms: Terms, period: str) -> int | None:
    """So many months before this one ("2026-10") may decide something; None: the terms never
    look back."""
    counts = []
    if terms.cap_year is not None:
        begun = dt.date.fromisoformat(f"{period}-01").month - 1
        counts.append(begun if terms.year_is == "calendar_year" else MONTHS - 1)
    for rule in terms.termination:
        if rule.measure == "missed_periods":
            counts.append(int(rule.more_than) - 1)
        elif rule.measure == "caps_reached":
            counts.append(rule.of_periods - 1)
        elif rule.reaches_back:
            length = rule.window_ms or LONGEST_MONTH_MS
            counts.append(-(-length // SHORTEST_MONTH_MS))
    return max(counts) if counts else None


def find_past(
    session: Session, scope: Scope, contract: Contract, terms: Terms, period: str
) -> list[dict[str, Any]] | None:
    """Earlier months as inputs carry them, the newest revision of each; None where the terms never
    look back.

    A month that wasn't issued is missing here, and the rules then know of no month before it.
    """
    months = count_months(terms, period)
    if months is None:
        return None
    statements = session.scalars(
        scope.apply(
            select(Statement)
            .where(
                Statement.contract_id == contract.id,
                Statement.period < period,
                Statement.period >= months_before(period, months),
            )
            .order_by(Statement.period, Statement.revision.desc())
            .ext(distinct_on(Statement.period)),
            Statement.customer_id,
        )
    )
    found = [_describe(statement, terms) for statement in statements]
    return [one for one in found if one is not None]


def months_before(period: str, months: int) -> str:
    """The month that lies so many before "2026-10"."""
    year, month = (int(part) for part in period.split("-"))
    number = year * MONTHS + month - 1 - months
    return f"{number // MONTHS:04}-{number % MONTHS + 1:02}"


def _describe(statement: Statement, terms: Terms) -> dict[str, Any] | None:
    """One month, judged again by its own frozen inputs: the same as was issued, and exact.

    None for a month whose money isn't settled while money is what is asked for, and for one that
    other rules judged.
    """
    inputs = unpack_inputs(statement)
    if inputs["rules_version"] != RULES_VERSION:
        return None
    judged = evaluate_inputs(inputs)
    by_money = terms.cap_year is not None or any(
        rule.measure == "caps_reached" for rule in terms.termination
    )
    if by_money and any(result.result == "needs_review" for result in judged.results):
        return None
    exact = any(rule.reaches_back for rule in terms.termination)
    return {
        "start": format_instant(judged.period.start),
        "end": format_instant(judged.period.end),
        "credited": str(_credited(judged)),
        "capped": any(
            line.key.startswith(CONTRACT_CAPS) for line in (*judged.caps, *judged.held_caps)
        ),
        "results": _describe_results(judged.results, exact=exact),
    }


def _credited(judged: Evaluation) -> Decimal:
    """Money off the invoice, vouchers, and what days of extension stood for."""
    days = sum((one.amount for one in judged.extensions), Decimal(0))
    return judged.credit_total + judged.voucher_total + days


def _is_settled(result: MetricResult, *, exact: bool) -> bool:
    """Whether it can be told: decided, and its outages in one piece where they are asked for.

    Of an outage with an excluded stretch inside, start and end would count too much.
    """
    if result.result == "needs_review" or result.outcome.missed is None:
        return False
    return not exact or all(len(event.parts) == 1 for event in result.outcome.events)


def _describe_results(results: Iterable[MetricResult], *, exact: bool) -> dict[str, Any]:
    """By promise and item; what several versions of the terms said of one in that month is one
    result, told only where all of it can be."""
    parts: dict[str, list[MetricResult]] = {}
    for result in results:
        parts.setdefault(f"{result.metric.promise}.{result.item.id}", []).append(result)
    return {
        name: _describe_result(found)
        for name, found in parts.items()
        if all(_is_settled(one, exact=exact) for one in found)
    }


def _describe_result(parts: Sequence[MetricResult]) -> dict[str, Any]:
    return {
        "missed": any(one.outcome.missed for one in parts),
        "credited": str(sum(one.credit.amount for one in parts)),
        "events": sorted(
            [format_instant(event.parts[0][0]), format_instant(event.end)]
            for one in parts
            for event in one.outcome.events
            if event.parts
        ),
    }
