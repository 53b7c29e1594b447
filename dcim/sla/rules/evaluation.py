"""evaluate(terms, facts, period): every metric's verdict, credits, caps and rights; pure."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.conditions import check_conditions, settle_target
from dcim.sla.rules.facts import Facts, Item, Period
from dcim.sla.rules.measures.measuring import measure
from dcim.sla.rules.money.credits import give_credit
from dcim.sla.rules.money.settlement import Settled, settle_credits, settle_result
from dcim.sla.rules.money.tax import tax_lines
from dcim.sla.rules.money.termination import find_rights
from dcim.sla.rules.outcomes import Measurement, Outcome, Treatment
from dcim.sla.rules.results import CapLine, Evaluation, MetricResult, Result, Right
from dcim.sla.rules.review import (
    say_coverage,
    say_hole,
    say_missing,
    say_unclear,
    say_unknown_facts,
    say_unmet,
    say_unsettled,
)
from dcim.sla.rules.steps import Given
from dcim.sla.rules.terms import Metric, Part, Terms, Text

RULES_VERSION = "1"
__all__ = [
    "RULES_VERSION",
    "CapLine",
    "Evaluation",
    "MetricResult",
    "Result",
    "Right",
    "evaluate",
    "evaluate_metric",
    "list_judged",
    "settle_results",
    "sum_fees",
]


def evaluate(terms: Terms, facts: Facts, period: Period) -> Evaluation:
    """Deterministic; the order of the facts doesn't matter."""
    if period.end <= period.start:
        raise ValueError("the period is empty")
    contract_mrc = sum_fees(facts)
    results = [
        evaluate_metric(terms, metric, item, facts, period, contract_mrc)
        for metric, item in list_judged(terms, facts, period)
    ]
    settled = settle_results(terms, results, facts, period)
    rights = find_rights(terms, settled.results, settled.capped, facts, period)
    return Evaluation(
        period,
        settled.results,
        settled.caps,
        settled.credit_total,
        rights,
        claimable_total=settled.claimable_total,
        voucher_total=settled.voucher_total,
        extensions=settled.extensions,
        held_caps=settled.held_caps,
        carried=settled.carried,
        taxed=tax_lines(terms, settled.results, settled.caps),
    )


def sum_fees(facts: Facts) -> Decimal:
    return sum((item.mrc for item in facts.items), Decimal(0))


def list_judged(terms: Terms, facts: Facts, period: Period) -> list[tuple[Metric, Item]]:
    """Every metric with each item that it applies to and that is in service in the period: from
    when to when, where the terms change within it."""
    found = []
    for metric in terms.metrics:
        for item in sorted(facts.items, key=lambda item: item.id):
            if item.kind not in metric.applies_to:
                continue
            mine = _promised(item, metric.part)
            if max(mine.start, period.start) < min(mine.end, period.end):
                found.append((metric, mine))
    return found


def _promised(item: Item, part: Part | None) -> Item:
    """The item as long as this version of the promise holds."""
    if part is None:
        return item
    start = item.start if part.start is None else max(item.start, part.start)
    end = item.end if part.end is None else min(item.end, part.end)
    return replace(item, start=start, end=end)


def settle_results(
    terms: Terms, results: Iterable[MetricResult], facts: Facts, period: Period
) -> Settled:
    """What the results together come to: claims, combination, caps."""
    contract_mrc = sum_fees(facts)

    def recredit(result: MetricResult, outcome: Outcome) -> Given:
        return give_credit(terms, result.metric, result.item, outcome, facts, period, contract_mrc)

    settled = [settle_result(each, terms, facts, period, recredit) for each in results]
    return settle_credits(terms, settled, facts, period, recredit)


def evaluate_metric(
    terms: Terms, metric: Metric, item: Item, facts: Facts, period: Period, contract_mrc: Decimal
) -> MetricResult:
    """One metric of one item, before what claims and caps make of its credit."""
    metric, unsettled = settle_target(metric, item)
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
    result, notes = _judge(
        terms, metric, item, measurement, outcome, given, amounts, decided, facts, unsettled
    )
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
    facts: Facts,
    unsettled: list[str],
) -> tuple[Result, tuple[Text, ...]]:
    notes = _open_questions(terms, metric, measurement, outcome, given, amounts, decided)
    if unsettled:
        notes.insert(0, say_unsettled(unsettled))
    if outcome.missed and not notes:
        unmet, unclear = check_conditions(metric, item, facts)
        if unmet:
            return "not_eligible", (say_unmet(unmet),)
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


def _open_questions(
    terms: Terms,
    metric: Metric,
    measurement: Measurement,
    outcome: Outcome,
    given: Given,
    amounts: list[Decimal],
    decided: bool,
) -> list[Text]:
    """What nobody measured, established or agreed, so that a person must decide."""
    notes = list(measurement.doubts)
    if not decided:
        verdicts = {of.missed for of in measurement.outcomes.values()}
        said = outcome.by_figure and bool(notes)
        if metric.unknown == "left_out" and (len(verdicts) > 1 or None in verdicts) and not said:
            notes.append(say_missing(terms, measurement, amounts))
        if measurement.coverage * 100 < Fraction(metric.min_coverage):
            notes.append(say_coverage(metric, measurement.coverage))
    if given.missing:
        notes.append(say_unknown_facts(given.missing))
    elif given.review:
        notes.append(say_hole())
    return notes
