"""Metrics judged by a figure of the whole period: a mean, an extreme, a percentile by time."""

from dataclasses import replace
from fractions import Fraction

from dcim.sla.rules.facts import Facts, Item, Period, Resource
from dcim.sla.rules.intervals import Interval, Intervals, clip, complement, subtract, total, union
from dcim.sla.rules.measures.exclusions import exclude_time
from dcim.sla.rules.outcomes import Measurement, Outcome, TraceLine, Treatment
from dcim.sla.rules.terms import FigureBound, Metric

TREATMENTS: tuple[Treatment, ...] = ("left_out", "up", "down")
Row = tuple[int, int, int]


def measure_figure(
    metric: Metric, bound: FigureBound, item: Item, facts: Facts, period: Period, zone: str
) -> Measurement:
    """The figure over all measured time in service outside exclusions; weighted by time.

    Of several resources each must hold, so the worst counts; with `combine: all` the best. What
    wasn't measured has no value: it is never up or down, only coverage and `min_coverage` tell.
    """
    service = (max(period.start, item.start), min(period.end, item.end))
    resources = [r for r in facts.resources if r.kind == metric.observe and item.id in r.items]
    names = tuple(sorted(resource.name for resource in resources))
    exclusions, _ = exclude_time(metric, item, facts, names, service, zone)
    gone: Intervals = union(part for e in exclusions if e.valid for part in e.parts)
    counted = subtract([service], gone)
    figures, known = [], [service] if resources else []
    for resource in sorted(resources, key=lambda r: r.name):
        rows = _within(resource, counted)
        known = subtract(known, complement(((s, e) for s, e, _ in rows), *service))
        if rows:
            figures.append(find_figure(bound, rows))
    worst, best = (max, min) if bound.at_most else (min, max)
    figure = (best if metric.combine == "all" else worst)(figures) if figures else None
    unknown = subtract(counted, known)
    outcome = Outcome(
        events=(),
        downtime_ms=0,
        excluded_ms=total(gone),
        unknown_ms=total(unknown),
        denominator_ms=total(counted) - total(unknown),
        missed=None if figure is None else not holds(bound, figure),
        figure=figure,
        by_figure=True,
    )
    trace = [
        TraceLine(s, e, "excluded", each.reason)
        for each in exclusions
        if each.valid
        for s, e in each.parts
    ]
    trace += [TraceLine(s, e, "unknown", NOT_MEASURED) for s, e in unknown]
    base = total(counted)
    coverage = Fraction(base - total(unknown), base) if base else Fraction(1)
    return Measurement(
        service,
        {treatment: replace(outcome) for treatment in TREATMENTS},
        coverage,
        tuple(sorted(trace, key=lambda line: (line.start, line.end))),
        tuple(exclusions),
    )


def holds(bound: FigureBound, figure: Fraction) -> bool:
    limit = Fraction(bound.bound)
    if figure == limit:
        return bound.inclusive
    return figure < limit if bound.at_most else figure > limit


def find_figure(bound: FigureBound, rows: list[Row]) -> Fraction:
    """Exact; the percentile is the lowest value that so large a share of the time stays within."""
    if bound.measure == "highest":
        return Fraction(max(value for _, _, value in rows))
    if bound.measure == "lowest":
        return Fraction(min(value for _, _, value in rows))
    whole = sum(end - start for start, end, _ in rows)
    if bound.measure == "mean":
        return Fraction(sum((end - start) * value for start, end, value in rows), whole)
    need, reached = Fraction(bound.percentile) / 100 * whole, 0
    by_value = sorted((value, end - start) for start, end, value in rows)
    for value, length in by_value:
        reached += length
        if reached >= need:
            return Fraction(value)
    return Fraction(by_value[-1][0])


def _within(resource: Resource, spans: Intervals) -> list[Row]:
    """The resource's values within the spans; where rows overlap the one that began first holds."""
    rows: list[Row] = []
    taken: list[Interval] = []
    for start, end, value in sorted(resource.values or ()):
        parts = [part for low, high in spans for part in clip([(start, end)], low, high)]
        rows += [(s, e, value) for s, e in subtract(parts, taken)]
        taken = union([*taken, *parts])
    return rows


NOT_MEASURED = {"zh": "无测量数据", "en": "not measured"}
