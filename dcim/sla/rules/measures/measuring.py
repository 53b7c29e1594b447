"""One metric of one item over one period, by what its terms measure."""

from dcim.sla.rules.facts import Facts, Item, Period
from dcim.sla.rules.measures.answers import measure_answers
from dcim.sla.rules.measures.availability import measure_downtime
from dcim.sla.rules.measures.figures import measure_figure
from dcim.sla.rules.outcomes import Measurement
from dcim.sla.rules.terms import Metric


def measure(metric: Metric, item: Item, facts: Facts, period: Period, zone: str) -> Measurement:
    """The item must be in service for part of the period."""
    if metric.answers is not None:
        return measure_answers(metric, metric.answers, item, facts, period, zone)
    if metric.target.figure is not None:
        return measure_figure(metric, metric.target.figure, item, facts, period, zone)
    return measure_downtime(metric, item, facts, period, zone)
