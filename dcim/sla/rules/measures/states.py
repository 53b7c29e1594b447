"""What was observed of each resource, as down and unknown time: limit, average, bridges."""

from collections.abc import Sequence
from dataclasses import dataclass

from dcim.errors import Message
from dcim.sla.rules.facts import Period, Resource
from dcim.sla.rules.intervals import (
    Interval,
    Intervals,
    bridge,
    complement,
    subtract,
    union,
)
from dcim.sla.rules.measures.averages import split_by_limit
from dcim.sla.rules.terms import Metric


@dataclass(frozen=True)
class States:
    """Of one resource over the horizon: disjoint; what is in neither is up."""

    name: str
    down: Intervals
    unknown: Intervals


def judge_resources(metric: Metric, resources: list[Resource], period: Period) -> list[States]:
    """Sorted by name; where nothing observes the metric all is unknown, never silently up."""
    horizon = _horizon(resources, period)
    states = [
        _judge(metric, resource, horizon) for resource in sorted(resources, key=lambda r: r.name)
    ]
    return states or [States("", [], [horizon])]


def _horizon(resources: list[Resource], period: Period) -> Interval:
    starts, ends = [period.start], [period.end]
    for resource in resources:
        rows: Sequence[tuple[int, int, object]] = resource.states or resource.values or ()
        if rows:
            starts.append(min(row[0] for row in rows))
            ends.append(max(row[1] for row in rows))
    return min(starts), max(ends)


def _judge(metric: Metric, resource: Resource, horizon: Interval) -> States:
    """Down beats unknown beats up where the facts say both; what nothing covers is unknown."""
    if resource.values is not None:
        if metric.limit is None:
            raise ValueError(
                Message(
                    "%(resource)s has values, metric %(metric)s states no limit",
                    resource=resource.name,
                    metric=metric.id,
                )
            )
        up, down = split_by_limit(resource.values, metric.limit, metric.average)
        unknown: Intervals = []
    else:
        up = union((s, e) for s, e, state in resource.states if state == "up")
        down = union((s, e) for s, e, state in resource.states if state == "down")
        unknown = union((s, e) for s, e, state in resource.states if state == "unknown")
    unknown = subtract([*unknown, *complement([*up, *down], *horizon)], down)
    if metric.bridge_ms:
        down = bridge(down, unknown, metric.bridge_ms)
        unknown = subtract(unknown, down)
    if metric.bridge_up_ms:
        held = bridge(subtract(up, [*down, *unknown]), unknown, metric.bridge_up_ms)
        unknown = subtract(unknown, held)
    return States(resource.name, down, unknown)
