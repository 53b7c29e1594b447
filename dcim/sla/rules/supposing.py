"""What an outage that never was would cost under terms: the worked preview of an editor; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from dcim.sla.rules.evaluation import MetricResult, evaluate
from dcim.sla.rules.facts import Calendar, Facts, Item, Period, Request, Resource, Ticket
from dcim.sla.rules.intervals import Interval, clip, subtract, total
from dcim.sla.rules.language.metric_words import say_answer_time
from dcim.sla.rules.quantities import fixed, plain
from dcim.sla.rules.steps import Step, both, span
from dcim.sla.rules.terms import Metric, Terms, Text


@dataclass(frozen=True)
class Supposition:
    """`result` of the metric alone; `amount` after the caps of the item and the month."""

    result: MetricResult
    amount: Decimal
    period: Period
    lanes: tuple[tuple[str, tuple[Interval, ...]], ...]


def name_lanes(metric: Metric) -> tuple[str, ...]:
    """As many resources as the clause is about: A and B where all must be down at once."""
    if metric.combine == "all":
        return ("A", "B")
    if metric.combine == "at_least":
        return tuple("ABCDEFGHIJ"[: max(metric.at_least_down, 2)])
    return ("A",)


def suppose(
    terms: Terms,
    metric: Metric,
    item: Item,
    down: Mapping[str, Interval],
    period: Period,
    days: int,
) -> Supposition | None:
    """All is well in the month but for `down` (by lane); reported at once, every condition held,
    no window or circumstance excused it.

    None for a metric judged by a figure of the whole month: an outage says nothing about it; and
    for one that isn't about such an item.
    """
    if metric.target.figure is not None and metric.answers is None:
        return None
    if item.kind not in metric.applies_to:
        return None
    metric = replace(metric, exclude=tuple(e for e in metric.exclude if e.circumstance is None))
    names = name_lanes(metric)
    asked = [span for name in names if (span := down.get(name)) is not None]
    facts = Facts(
        items=(
            replace(
                item,
                conditions={
                    **dict.fromkeys(metric.eligible, True),
                    **{name: True for name, _ in metric.targets_if},
                    **item.conditions,
                },
                figures={one.name: one.bound for one in metric.eligible_figures} | item.figures,
            ),
        ),
        resources=tuple(_resource(metric, name, item, down.get(name), period) for name in names),
        tickets=tuple(
            Ticket(f"{kind} {start}", start, end, (), kind)
            for start, end in asked
            for kind in ("ticket", "notice", "detection")
        ),
        days_in_period=days,
        requests=tuple(Request(f"{start}", metric.answers.kind, start, end) for start, end in asked)
        if metric.answers
        else (),
        calendar=Calendar(),
        good_standing=True,
    )
    alone = replace(terms, metrics=(metric,), termination=())
    evaluation = evaluate(alone, facts, period)
    [result] = evaluation.results
    lanes = tuple((name, (down[name],) if name in down else ()) for name in names)
    return Supposition(result, evaluation.credit_total, period, lanes)


def _resource(
    metric: Metric, name: str, item: Item, down: Interval | None, period: Period
) -> Resource:
    spans = [] if down is None else [down]
    up = subtract([(period.start, period.end)], spans)
    return Resource(
        name,
        metric.observe,
        (item.id,),
        (
            *((s, e, "down") for s, e in clip(spans, period.start, period.end)),
            *((s, e, "up") for s, e in up),
        ),
    )


DENOMINATORS: dict[str, Text] = {
    "service": {"zh": "当期服务时长", "en": "the part of the period in service"},
    "period": {"zh": "整个账期", "en": "the whole period"},
    "fixed": {"zh": "条款约定的固定时长", "en": "the fixed length the terms state"},
}


def tell_steps(supposition: Supposition) -> list[Step]:
    """From the outage to the availability, before the credit's own steps."""
    result = supposition.result
    metric, outcome = result.metric, result.outcome
    down = span(outcome.downtime_ms)
    if metric.answers is not None:
        return [_step("late", "逾时", "Late by", say_answer_time(metric.answers), down)]
    how = {"all": "∩", "any": "∪", "single": "", "at_least": f"≥ {metric.at_least_down}"}
    names = f" {how[metric.combine]} ".join(name for name, _ in supposition.lanes)
    raw = total(part for event in outcome.events for part in event.parts)
    steps = [_step("combine", "合并", "Combined", both(names), span(raw))]
    if metric.event_rounding[0] != "none":
        up = metric.event_rounding[0] == "up"
        unit = span(metric.event_rounding[1])
        rule = {
            "zh": f"{'进' if up else '舍'}整到 {unit['zh']}",
            "en": f"{'up' if up else 'down'} to {unit['en']}",
        }
        steps.append(_step("rounding", "取整", "Rounded", rule, down))
    whole = span(outcome.denominator_ms)
    steps.append(
        _step("denominator", "分母", "Denominator", DENOMINATORS[metric.denominator], whole)
    )
    if outcome.availability is not None:
        share = plain(fixed(outcome.availability * 100, 6))
        formula = {
            language: f"({whole[language]} − {down[language]}) ÷ {whole[language]}"
            for language in ("zh", "en")
        }
        steps.append(_step("availability", "可用率", "Availability", formula, both(f"{share} %")))
    return steps


def _step(key: str, zh: str, en: str, formula: Text, result: Text) -> Step:
    return Step(key, {"zh": zh, "en": en}, formula, result)
