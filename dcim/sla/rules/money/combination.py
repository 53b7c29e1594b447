"""Several credits for one item: added, the highest, time counted once, or not combinable."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from dcim.sla.rules.intervals import Interval, Intervals, subtract, total, union
from dcim.sla.rules.measures.availability import misses, round_event
from dcim.sla.rules.outcomes import Event, Outcome
from dcim.sla.rules.results import CapLine, MetricResult
from dcim.sla.rules.steps import Given
from dcim.sla.rules.terms import Metric, Terms, Text

Recredit = Callable[[MetricResult, Outcome], Given]
HIGHEST: Text = {
    "zh": "同一服务项只计最高一项",
    "en": "only the highest credit of the item is given",
}
GROUP: Text = {
    "zh": "互斥的各项只计最高一项",
    "en": "of credits that exclude each other only the highest is given",
}
ALONE: Text = {
    "zh": "该项抵扣不可与其他抵扣并用，取其高者",
    "en": "a credit that can't be combined stands against the others; the higher is given",
}
ONCE: Text = {
    "zh": "同一时间的多项中断只抵扣一次",
    "en": "failures over the same time give one credit",
}


def keep_events(metric: Metric, outcome: Outcome, events: tuple[Event, ...]) -> Outcome:
    """The outcome as if only these outages had been, judged anew by the target."""
    downtime = sum(event.counted_ms for event in events)
    longest = max((event.counted_ms for event in events), default=0)
    missed = misses(
        metric.target, downtime, outcome.denominator_ms, len(events), outcome.unknown_ms, longest
    )
    if outcome.by_figure:  # a share answered in time can't be taken apart
        missed = outcome.missed if events else False
    return replace(outcome, events=events, downtime_ms=downtime, missed=missed)


def without_time(metric: Metric, outcome: Outcome, taken: Intervals) -> Outcome:
    """The outcome without the time that gave a credit already."""
    events = []
    for event in outcome.events:
        parts = tuple(subtract(event.parts, taken))
        if parts == tuple(union(event.parts)):
            events.append(event)
        elif parts:
            counted = min(event.counted_ms, round_event(metric, total(parts)))
            events.append(replace(event, parts=parts, counted_ms=counted))
    return keep_events(metric, outcome, tuple(events))


def combine(
    terms: Terms, results: list[MetricResult], earned: dict[str, Decimal], recredit: Recredit
) -> tuple[list[CapLine], dict[str, Text]]:
    """What the combination takes back, of the results of one item; and results left open.

    `earned` is the amount of each result by its id.
    """
    left = {result.id: earned[result.id] for result in results if earned[result.id] > 0}
    lines: list[CapLine] = []
    for number, group in enumerate(terms.exclusive, 1):
        ids = [
            result.id for result in results if result.metric.promise in group and result.id in left
        ]
        lines += _only_highest(f"cap:exclusive:{number}", results, ids, left, GROUP)
    if terms.combine_credits == "max":
        lines += _only_highest("cap:max", results, list(left), left, HIGHEST)
    alone = [r.id for r in results if r.metric.promise in terms.not_combinable and r.id in left]
    others = [name for name in left if name not in alone]
    opened: dict[str, Text] = {}
    if terms.combine_credits == "once_per_time":
        once, opened = _once_per_time(results, left, recredit)
        lines += once
    if alone:
        best = max(alone, key=lambda name: (left[name], name))
        rest = sum((left[name] for name in others), Decimal(0))
        lost = [name for name in left if name != best] if left[best] >= rest else alone
        amount = sum((left[name] for name in lost), Decimal(0))
        if amount:
            item = results[0].item.id
            lines.append(CapLine(f"cap:alone:{item}", item, amount, ALONE))
    return lines, opened


def _only_highest(
    key: str, results: list[MetricResult], ids: list[str], left: dict[str, Decimal], text: Text
) -> list[CapLine]:
    if len(ids) < 2:
        return []
    best = max(ids, key=lambda name: (left[name], name))
    amount = sum((left[name] for name in ids if name != best), Decimal(0))
    for name in ids:
        if name != best:
            del left[name]
    item = results[0].item.id
    return [CapLine(f"{key}:{item}", item, amount, text)] if amount else []


def _once_per_time(
    results: list[MetricResult], left: dict[str, Decimal], recredit: Recredit
) -> tuple[list[CapLine], dict[str, Text]]:
    """The highest credit stands; each next one counts only the time not credited yet."""
    lines: list[CapLine] = []
    opened: dict[str, Text] = {}
    taken: list[Interval] = []
    chosen = [result for result in results if result.id in left]
    for result in sorted(chosen, key=lambda r: (-left[r.id], r.id)):
        spans = [part for event in result.outcome.events for part in event.parts]
        if taken and spans:
            rest = without_time(result.metric, result.outcome, union(taken))
            amount = Decimal(0)
            if rest.missed and rest != result.outcome:
                again = recredit(result, rest)
                if again.review:
                    opened[result.id] = ONCE
                amount = min(again.amount, left[result.id])
            elif rest.missed:
                amount = left[result.id]
            if amount < left[result.id]:
                key = f"cap:once:{result.id}"
                lines.append(CapLine(key, result.item.id, left[result.id] - amount, ONCE))
                left[result.id] = amount
        taken += spans
    return lines, opened
