"""The month that still runs, judged by the same rules as a statement: provisional, never booked."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.db import ScopedSession
from dcim.errors import NotFoundError
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.evaluation import Evaluation, MetricResult, evaluate
from dcim.sla.rules.facts import Period
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.metric_words import say_promise
from dcim.sla.rules.outcomes import Outcome
from dcim.sla.rules.periods import format_instant, month_period, to_ms
from dcim.sla.rules.terms import Text
from dcim.statements.history import add_history
from dcim.statements.inputs import Case, read_case
from dcim.statements.performance import percent, say_reached

# The newest poll may be on its way: judged only up to so long ago.
LAG_MS = 120_000


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One promise of one item. Milliseconds; `allowed_ms` is of the whole month, none where the
    target is no length of time. `used_max_ms` counts what was not measured as down."""

    id: str
    title: Text
    item: str
    label: Text
    place: str
    clause: str
    target: Text
    availability_pct: str | None
    availability_worst_pct: str | None
    used_ms: int
    used_max_ms: int
    unknown_ms: int
    excluded_ms: int
    allowed_ms: int | None
    events: int
    state: str  # fine | short | missed | unknown
    # What a metric judged by a figure has come to so far; then there is no availability.
    by_figure: bool = False
    figure: Text | None = None

    @property
    def left_ms(self) -> int | None:
        return None if self.allowed_ms is None else self.allowed_ms - self.used_ms

    @property
    def left_min_ms(self) -> int | None:
        return None if self.allowed_ms is None else self.allowed_ms - self.used_max_ms


@dataclass(frozen=True, slots=True)
class MonthToDate:
    """`elapsed` is the share of the month that is over, 0..1; `until` UTC ms."""

    contract: str
    period: str
    start: int
    end: int
    until: int
    lines: list[BudgetLine]

    @property
    def elapsed(self) -> float:
        return (self.until - self.start) / (self.end - self.start)

    def count(self, state: str) -> int:
        return sum(line.state == state for line in self.lines)


def tell_month(
    session: ScopedSession, scope: Scope, contract_id: int, now: dt.datetime
) -> MonthToDate:
    """The running month of a contract. Seconds of work: keep the answer for a while.

    Raises NotFoundError for a contract out of reach, InvalidError when it has no terms.
    """
    contract = session.scalar(
        scope.apply(select(Contract).where(Contract.id == contract_id), Contract.customer_id)
    )
    if contract is None:
        raise NotFoundError("No such contract.")
    period = f"{now.astimezone(ZoneInfo(contract.timezone)):%Y-%m}"
    with _see_meters(session, scope):
        inputs = gather_inputs(
            session, scope, contract, period, document={"frozen_at": None}, operator={}
        )
        inputs = add_history(session, scope, contract, inputs)
    return evaluate_to_date(inputs, to_ms(now) - LAG_MS)


@contextmanager
def _see_meters(session: ScopedSession, scope: Scope) -> Iterator[None]:
    """Row security shows a customer no device of the operator's, and so no meter by its name.

    Inside, the session sees them; what is asked for stays within the caller's scope, and nothing
    of a device leaves but the states and values of the customer's own resources.
    """
    session.use_scope(Scope.system("month-to-date"))
    try:
        yield
    finally:
        session.use_scope(scope)


def evaluate_to_date(inputs: dict[str, Any], until: int) -> MonthToDate:
    """Judge [start of month, until) of inputs whose month may still be open; pure."""
    case = _open_case(inputs)
    start, end = case.period.start, case.period.end
    until = min(max(until // 1000 * 1000, start + 1000), end)
    done: Evaluation = evaluate(case.terms, case.facts, Period(start, until))
    entries = {entry["id"]: entry for entry in inputs["items"]}
    lines = [_tell(result, entries[result.item.id], case.period) for result in done.results]
    return MonthToDate(inputs["contract"]["number"], inputs["period"], start, end, until, lines)


def _open_case(inputs: dict[str, Any]) -> Case:
    """A case of a month that need not be over: read as if it were frozen right at its end."""
    period = month_period(inputs["period"], load_terms(inputs["terms"]).timezone)
    document = {**inputs["document"], "frozen_at": format_instant(period.end)}
    return read_case({**inputs, "document": document})


def _tell(result: MetricResult, entry: dict[str, Any], month: Period) -> BudgetLine:
    metric, outcome = result.metric, result.outcome
    outcomes = result.measurement.outcomes
    worst = outcomes["down"]
    allowed = _allowed_ms(result, month)
    target = say_promise(metric)
    return BudgetLine(
        id=result.id,
        title=metric.title,
        item=result.item.id,
        label=entry["label"],
        place=entry["place"],
        clause=metric.clause,
        target=target,
        availability_pct=percent(outcome.availability, 4),
        availability_worst_pct=percent(worst.availability, 4),
        used_ms=outcome.downtime_ms,
        used_max_ms=max(worst.downtime_ms, outcome.downtime_ms),
        unknown_ms=outcomes["left_out"].unknown_ms,
        excluded_ms=outcome.excluded_ms,
        allowed_ms=allowed,
        events=len(outcome.events),
        state=_judge(result, outcome, worst, allowed),
        by_figure=outcome.by_figure,
        figure=say_reached(result) if outcome.by_figure else None,
    )


def _allowed_ms(result: MetricResult, month: Period) -> int | None:
    """What the target leaves of the whole month, less what is excluded so far."""
    target, item = result.metric.target, result.item
    service = min(item.end, month.end) - max(item.start, month.start)
    parts: list[int] = []
    if target.availability is not None and target.governs != "minutes":
        share = (100 - Fraction(target.availability)) / 100
        parts.append((share * (service - result.outcome.excluded_ms)).__floor__())
    if target.downtime_ms is not None and (
        target.governs != "percent" or target.availability is None
    ):
        parts.append(target.downtime_ms)
    return min(parts) if parts else None


def _judge(result: MetricResult, outcome: Outcome, worst: Outcome, allowed: int | None) -> str:
    """Missed for good, open because of what was not measured, nearly used up, or fine."""
    target = result.metric.target

    def is_over(of: Outcome) -> bool:
        if of.by_figure:
            return bool(of.missed)
        if target.longest_ms is not None and any(
            event.counted_ms > target.longest_ms for event in of.events
        ):
            return True
        if target.events is not None and len(of.events) > target.events:
            return True
        if allowed is None or not of.downtime_ms:
            return False
        strict = target.downtime_ms == allowed and not target.downtime_inclusive
        return of.downtime_ms >= allowed if strict else of.downtime_ms > allowed

    if is_over(outcome):
        return "missed"
    if is_over(worst):
        return "unknown"
    used = outcome.downtime_ms
    return "short" if allowed and used and used * 4 >= allowed * 3 else "fine"
