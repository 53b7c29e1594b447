"""The promises of a month that may still run: what each has used of its error budget; pure."""

from dataclasses import dataclass
from typing import Any

from dcim.sla.rules.budget import allowed_ms
from dcim.sla.rules.evaluation import Evaluation, MetricResult, evaluate
from dcim.sla.rules.facts import Period
from dcim.sla.rules.language.metric_words import say_promise
from dcim.sla.rules.outcomes import Outcome
from dcim.sla.rules.periods import format_instant, month_period
from dcim.sla.rules.quantities import say_share
from dcim.sla.rules.terms import Text
from dcim.statements.inputs import Case, load_agreed, read_case
from dcim.statements.performance import say_reached


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


def evaluate_to_date(inputs: dict[str, Any], until: int) -> MonthToDate:
    """Judge [start of month, until) of inputs whose month may still be open; pure."""
    return judge_to_date(open_case(inputs), until)


def judge_to_date(case: Case, until: int) -> MonthToDate:
    inputs = case.inputs
    start, end = case.period.start, case.period.end
    until = min(max(until // 1000 * 1000, start + 1000), end)
    done: Evaluation = evaluate(case.terms, case.facts, Period(start, until))
    entries = {entry["id"]: entry for entry in inputs["items"]}
    lines = [_tell(result, entries[result.item.id], case.period) for result in done.results]
    return MonthToDate(inputs["contract"]["number"], inputs["period"], start, end, until, lines)


def open_case(inputs: dict[str, Any]) -> Case:
    """A case of a month that need not be over: read as if it were frozen right at its end."""
    period = month_period(inputs["period"], load_agreed(inputs).timezone)
    document = {**inputs["document"], "frozen_at": format_instant(period.end)}
    return read_case({**inputs, "document": document})


def _tell(result: MetricResult, entry: dict[str, Any], month: Period) -> BudgetLine:
    metric, outcome = result.metric, result.outcome
    outcomes = result.measurement.outcomes
    worst = outcomes["down"]
    allowed = allowed_ms(result, month)
    target = say_promise(metric)
    return BudgetLine(
        id=result.id,
        title=metric.title,
        item=result.item.id,
        label=entry["label"],
        place=entry["place"],
        clause=metric.clause,
        target=target,
        availability_pct=say_share(outcome.availability, 4, metric.target.availability),
        availability_worst_pct=say_share(worst.availability, 4, metric.target.availability),
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
