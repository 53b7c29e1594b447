"""evaluate(terms, facts, period): every metric's verdict, credits, caps and rights; pure."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from dcim.sla.rules.availability import Measurement, Outcome, Treatment, measure
from dcim.sla.rules.credits import Given, give_credit
from dcim.sla.rules.facts import Facts, Item, Period
from dcim.sla.rules.intervals import Interval, clip, total
from dcim.sla.rules.quantities import Amount, fixed, money, plain, say_duration, say_span
from dcim.sla.rules.review import (
    say_coverage,
    say_hole,
    say_missing,
    say_unclear,
    say_unknown_facts,
    say_unmet,
)
from dcim.sla.rules.terms import Metric, Termination, Terms, Text

RULES_VERSION = "1"
Result = Literal["met", "breached", "needs_review", "unpriced", "not_eligible"]
RANK: tuple[Result, ...] = ("breached", "needs_review", "unpriced", "not_eligible", "met")


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


@dataclass(frozen=True)
class CapLine:
    """Credit taken back above a cap, a positive amount."""

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


@dataclass(frozen=True)
class Evaluation:
    period: Period
    results: tuple[MetricResult, ...]
    caps: tuple[CapLine, ...]
    credit_total: Decimal
    rights: tuple[Right, ...]

    @property
    def verdict(self) -> Result:
        found = {result.result for result in self.results}
        return next((rank for rank in RANK if rank in found), "met")


def evaluate(terms: Terms, facts: Facts, period: Period) -> Evaluation:
    """Deterministic; the order of the facts doesn't matter."""
    if period.end <= period.start:
        raise ValueError("the period is empty")
    contract_mrc = sum((item.mrc for item in facts.items), Decimal(0))
    results = [
        _evaluate_metric(terms, metric, item, facts, period, contract_mrc)
        for metric in terms.metrics
        for item in sorted(facts.items, key=lambda item: item.id)
        if item.kind in metric.applies_to
        and max(item.start, period.start) < min(item.end, period.end)
    ]
    caps = _cap_lines(terms, results, contract_mrc)
    credits = sum((result.credit.amount for result in results), Decimal(0))
    given = credits - sum((line.amount for line in caps), Decimal(0))
    rights = tuple(
        _right(rule, result, period)
        for rule in terms.termination
        for result in results
        if not rule.metrics or result.metric.id in rule.metrics
    )
    return Evaluation(period, tuple(results), tuple(caps), given, rights)


def _evaluate_metric(
    terms: Terms, metric: Metric, item: Item, facts: Facts, period: Period, contract_mrc: Decimal
) -> MetricResult:
    measurement = measure(metric, item, facts, period, terms.timezone)
    name = f"{metric.id}.{item.id}"
    treatment: Treatment = facts.decisions.get(name, metric.unknown)
    decided = name in facts.decisions
    outcomes = measurement.outcomes
    outcome = outcomes[treatment]
    everything = list(outcomes.values())
    best = min(everything, key=_badness)
    worst = max(everything, key=_badness)

    def credit(of: Outcome) -> Given:
        if not of.missed or metric.credit is None:
            return Given(Decimal(0), Fraction(0), item.mrc)
        return give_credit(
            terms,
            metric,
            item,
            of,
            facts,
            period,
            contract_mrc,
        )

    given = credit(outcome)
    amounts = [credit(of).amount for of in everything] if not decided else [given.amount]
    result, notes = _judge(terms, metric, item, measurement, outcome, given, amounts, decided)
    quantum = Decimal(1).scaleb(-terms.decimals)
    nothing = Given(Decimal(0).quantize(quantum), Fraction(0), given.base, steps=given.steps)
    if result != "breached":
        given = nothing
        if result in ("met", "unpriced", "not_eligible"):
            amounts = [Decimal(0)]
    return MetricResult(
        id=name,
        metric=metric,
        item=item,
        resources=tuple(
            sorted(
                resource.name
                for resource in facts.resources
                if resource.kind == metric.observe and item.id in resource.items
            )
        ),
        result=result,
        measurement=measurement,
        outcome=outcome,
        best=best,
        worst=worst,
        credit=replace(given, amount=given.amount.quantize(quantum)),
        at_least=min(amounts).quantize(quantum),
        at_most=max(amounts).quantize(quantum),
        notes=notes,
    )


def _badness(outcome: Outcome) -> tuple[bool, Fraction, int]:
    availability = outcome.availability
    return (
        bool(outcome.missed),
        -(availability if availability is not None else Fraction(1)),
        outcome.downtime_ms,
    )


def _judge(
    terms: Terms,
    metric: Metric,
    item: Item,
    measurement: Measurement,
    outcome: Outcome,
    given: Given,
    amounts: list[Decimal],
    decided: bool,
) -> tuple[Result, tuple[Text, ...]]:
    notes: list[Text] = []
    if not decided:
        verdicts = {of.missed for of in measurement.outcomes.values()}
        if metric.unknown == "left_out" and (len(verdicts) > 1 or None in verdicts):
            notes.append(say_missing(terms, measurement, amounts))
        if measurement.coverage * 100 < Fraction(metric.min_coverage):
            notes.append(say_coverage(metric, measurement.coverage))
    if given.missing:
        notes.append(say_unknown_facts(given.missing))
    elif given.review:
        notes.append(say_hole())
    if outcome.missed and not notes:
        unmet = [name for name in metric.eligible if item.conditions.get(name) is False]
        if unmet:
            return "not_eligible", (say_unmet(unmet),)
        unclear = [name for name in metric.eligible if name not in item.conditions]
        if unclear:
            notes.append(say_unclear(unclear))
        varies = metric.credit is not None and len(set(amounts)) > 1
        if metric.review_when == "credit" and metric.unknown == "left_out" and varies:
            notes.append(say_missing(terms, measurement, amounts))
    if notes:
        return "needs_review", tuple(notes)
    if not outcome.missed:
        return "met", ()
    if metric.credit is None:
        return "unpriced", ()
    return "breached", ()


def _cap_lines(terms: Terms, results: list[MetricResult], contract_mrc: Decimal) -> list[CapLine]:
    """Combination and caps: within each item first, then over the month."""
    lines: list[CapLine] = []
    left: dict[str, Decimal] = {}
    items = {result.item.id: result.item for result in results}
    for name, item in items.items():
        amounts = [r.credit.amount for r in results if r.item.id == name]
        total_of_item = sum(amounts, Decimal(0))
        if terms.combine_credits == "max" and total_of_item > max(amounts):
            text = {
                "zh": "同一服务项只计最高一项",
                "en": "only the highest credit of the item is given",
            }
            lines.append(CapLine(f"cap:max:{name}", name, total_of_item - max(amounts), text))
            total_of_item = max(amounts)
        cap = _cap(terms, terms.cap_item, item.mrc)
        if cap is not None and total_of_item > cap:
            lines.append(
                CapLine(
                    f"cap:item:{name}", name, total_of_item - cap, _cap_text(cap, terms, "item")
                )
            )
            total_of_item = cap
        left[name] = total_of_item
    credits = sum(left.values(), Decimal(0))
    cap = _cap(terms, terms.cap_month, contract_mrc)
    if cap is not None and credits > cap:
        lines.append(CapLine("cap:month", None, credits - cap, _cap_text(cap, terms, "month")))
    return lines


def _cap(terms: Terms, cap: Amount | None, base: Decimal) -> Decimal | None:
    if cap is None:
        return None
    exact = (
        Fraction(base) * Fraction(cap.value) / 100 if cap.kind == "percent" else Fraction(cap.value)
    )
    return money(exact, terms.decimals, terms.rounding)


def _cap_text(cap: Decimal, terms: Terms, what: str) -> Text:
    if what == "item":
        return {
            "zh": f"单项服务抵扣上限 {cap} {terms.currency}",
            "en": f"Cap of the item's credits, {terms.currency} {cap}",
        }
    return {
        "zh": f"当月抵扣上限 {cap} {terms.currency}",
        "en": f"Cap of the month's credits, {terms.currency} {cap}",
    }


def _right(rule: Termination, result: MetricResult, period: Period) -> Right:
    """Whether a right of termination is reached, over the worst window the facts reach into."""
    events = [event for event in result.outcome.events if event.counted_ms > rule.each_longer_ms]
    spans: list[Interval] = [part for event in events for part in event.parts]
    window = min(rule.window_ms or period.length, period.length)
    starts = sorted({period.start, *(start for start, _ in spans), *(e - window for _, e in spans)})
    starts = [min(max(start, period.start), period.end - window) for start in starts]
    worst = max(total(clip(spans, start, start + window)) for start in starts)
    most = max(
        sum(1 for event in events if event.start < start + window and event.end > start)
        for start in starts
    )
    longest = max((event.counted_ms for event in events), default=0)
    length = rule.window_ms or period.length
    value: Fraction = {
        "downtime_pct": Fraction(worst * 100, length),
        "downtime": Fraction(worst),
        "events": Fraction(most),
        "one_event": Fraction(longest),
    }[rule.measure]
    bound = (
        f"{plain(rule.more_than)} %"
        if rule.measure == "downtime_pct"
        else plain(rule.more_than)
        if rule.measure == "events"
        else say_duration(int(rule.more_than))[1]
    )
    said = (
        f"{plain(fixed(value, 6))} %"
        if rule.measure == "downtime_pct"
        else str(value)
        if rule.measure == "events"
        else " ".join(say_span(int(value))[1:])
    )
    what = {
        "downtime_pct": ("中断占比", "downtime share"),
        "downtime": ("中断合计", "downtime"),
        "events": ("中断次数", "outages"),
        "one_event": ("单次中断", "one outage"),
    }[rule.measure]
    span, title = say_duration(length), result.metric.title
    text = {
        "zh": f"{title['zh']}：{span[0]}内{what[0]}超过 {bound} 时可解约",
        "en": f"{title['en']}: right to terminate when {what[1]} in {span[1]} exceeds {bound}",
    }
    return Right(result.id, rule, value > Fraction(rule.more_than), said, text)
