"""From states and values to counted downtime: one metric of one item over one period.

Order: limit -> bridge -> clock -> combine -> qualify -> exclusions -> clip to service ->
round each event -> sum -> denominator.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from dcim.sla.rules.exclusions import Excluded, exclude_windows
from dcim.sla.rules.facts import Facts, Item, Period, Resource, Ticket
from dcim.sla.rules.intervals import (
    Interval,
    Intervals,
    bridge,
    clip,
    complement,
    intersect,
    subtract,
    sweep,
    total,
    union,
)
from dcim.sla.rules.terms import Metric, Target, Text

Treatment = Literal["left_out", "up", "down"]
TraceClass = Literal["down", "excluded", "unknown", "degraded", "ignored", "before_clock"]


@dataclass(frozen=True)
class Event:
    """One counted outage; `counted_ms` is what remains after exclusions, clipping and rounding."""

    start: int
    end: int
    parts: tuple[Interval, ...]
    counted_ms: int


@dataclass(frozen=True)
class TraceLine:
    start: int
    end: int
    kind: TraceClass
    reason: Text
    resource: str = ""  # the one that was down, of a degraded stretch


@dataclass(frozen=True)
class Outcome:
    """The metric's numbers when unknown time is treated in one of three ways (milliseconds)."""

    events: tuple[Event, ...]
    downtime_ms: int
    excluded_ms: int
    unknown_ms: int
    denominator_ms: int
    missed: bool | None  # None: nothing to judge by

    @property
    def availability(self) -> Fraction | None:
        """0..1, None when the denominator is empty."""
        if self.denominator_ms <= 0:
            return None
        return Fraction(max(self.denominator_ms - self.downtime_ms, 0), self.denominator_ms)


@dataclass(frozen=True)
class Measurement:
    service: Interval
    outcomes: dict[Treatment, Outcome]
    coverage: Fraction  # known share of the service period outside exclusions, 0..1
    trace: tuple[TraceLine, ...]
    exclusions: tuple[Excluded, ...]


@dataclass(frozen=True)
class _States:
    """Of one resource over the horizon: disjoint, together everything."""

    name: str
    down: Intervals
    unknown: Intervals


@dataclass(frozen=True)
class _Combined:
    down: Intervals
    unknown: Intervals
    before_clock: Intervals


def measure(metric: Metric, item: Item, facts: Facts, period: Period, zone: str) -> Measurement:
    """Numbers of a metric for an item; the item must be in service for part of the period."""
    service = (max(period.start, item.start), min(period.end, item.end))
    resources = sorted(
        (r for r in facts.resources if r.kind == metric.observe and item.id in r.items),
        key=lambda resource: resource.name,
    )
    horizon = _horizon(resources, period)
    states = [_judge(metric, resource, horizon) for resource in resources]
    if not states:  # nothing observes it: all is unknown, never silently up
        states = [_States("", [], [horizon])]
    names = tuple(state.name for state in states)
    exclusions = exclude_windows(metric, facts.windows, names, service, zone)
    outcomes: dict[Treatment, Outcome] = {}
    trace: tuple[TraceLine, ...] = ()
    known = Fraction(0)
    for treatment in ("left_out", "up", "down"):
        work = _Work(metric, states, facts.tickets, exclusions, service, treatment)
        outcomes[treatment] = work.outcome(period)
        if treatment == "left_out":
            trace = work.trace()
            base = service[1] - service[0] - outcomes["left_out"].excluded_ms
            known = Fraction(base - outcomes["left_out"].unknown_ms, base) if base else Fraction(1)
    return Measurement(service, outcomes, known, trace, tuple(exclusions))


def _horizon(resources: list[Resource], period: Period) -> Interval:
    starts, ends = [period.start], [period.end]
    for resource in resources:
        spans: list[tuple[int, int]] = [(s[0], s[1]) for s in resource.states]
        spans += [(v[0], v[1]) for v in resource.values or ()]
        starts += [start for start, _ in spans]
        ends += [end for _, end in spans]
    return min(starts), max(ends)


def _judge(metric: Metric, resource: Resource, horizon: Interval) -> _States:
    """Down beats unknown beats up where the facts say both; what nothing covers is unknown."""
    if resource.values is not None:
        if metric.limit is None:
            raise ValueError(f"{resource.name} has values, metric {metric.id} states no limit")
        limit = metric.limit
        verdicts = [(s, e, limit.contains(Fraction(v))) for s, e, v in resource.values]
        up = union((s, e) for s, e, good in verdicts if good)
        down = union((s, e) for s, e, good in verdicts if not good)
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
    return _States(resource.name, down, unknown)


def run_clock(metric: Metric, name: str, down: Intervals, tickets: tuple[Ticket, ...]) -> Intervals:
    """The part of each outage during which the clock of the terms runs."""
    if metric.clock_start == "event" and metric.clock_stop == "restored":
        return down
    running: Intervals = []
    for start, end in union(down):
        mine = sorted(
            (
                ticket
                for ticket in tickets
                if (not ticket.resources or name in ticket.resources)
                and ticket.opened_at < end
                and (ticket.closed_at is None or ticket.closed_at > start)
            ),
            key=lambda ticket: (ticket.opened_at, ticket.id),
        )
        if metric.clock_start == "ticket":
            if not mine:
                continue
            begin = max(start, mine[0].opened_at)
        else:
            begin = start
        stop = end
        if metric.clock_stop == "ticket_closed" and mine and mine[0].closed_at is not None:
            stop = max(begin, mine[0].closed_at)
        running.append((begin, stop))
    return union(running)


def _needed(metric: Metric, count: int) -> int:
    """How many resources must be down together."""
    if metric.combine == "all":
        return count
    return metric.at_least_down if metric.combine == "at_least" else 1


def _deep(layers: list[Intervals], depth: int) -> Intervals:
    return union((start, end) for start, end, found in sweep(layers) if found >= depth)


@dataclass(frozen=True)
class _Work:
    metric: Metric
    states: list[_States]
    tickets: tuple[Ticket, ...]
    exclusions: list[Excluded]
    service: Interval
    treatment: Treatment

    def _combine(self, without: dict[str, Intervals]) -> _Combined:
        """Combined over resources, with `without` taken out of a resource's bad time first."""
        downs, maybes, early = [], [], []
        for state in self.states:
            gone = without.get(state.name, [])
            bad = union([*state.down, *state.unknown]) if self.treatment == "down" else state.down
            clocked = run_clock(self.metric, state.name, bad, self.tickets)
            downs.append(subtract(clocked, gone))
            early.append(subtract(bad, clocked))
            unknown = state.unknown if self.treatment == "left_out" else []
            maybes.append(union([*downs[-1], *subtract(unknown, gone)]))
        need = _needed(self.metric, len(self.states))
        down = _deep(downs, need)
        raw = _deep([union([*d, *e]) for d, e in zip(downs, early, strict=True)], need)
        return _Combined(down, subtract(_deep(maybes, need), down), subtract(raw, down))

    def _qualified(self, down: Intervals) -> list[tuple[Interval, Interval]]:
        """(whole event, part that counts) of events that are long enough."""
        metric = self.metric
        kept = []
        for start, end in down:
            length = end - start
            long_enough = (
                length > metric.qualify_ms
                if metric.qualify_strictly
                else length >= metric.qualify_ms
            )
            if long_enough:
                begin = start + metric.qualify_ms if metric.counts_from == "threshold" else start
                kept.append(((start, end), (begin, end)))
        return kept

    def _left_out(self, effects: tuple[str, ...]) -> Intervals:
        """Excluded time; where the metric is down by resources outside the windows, it counts."""
        chosen = [e for e in self.exclusions if e.valid and e.rule.effect in effects]
        windows = union(part for e in chosen for part in e.parts)
        if not windows:
            return []
        without = {
            state.name: union(
                part
                for e in chosen
                if not e.window.resources or state.name in e.window.resources
                for part in e.parts
            )
            for state in self.states
        }
        return subtract(windows, self._combine(without).down)

    def _events(self) -> list[Event]:
        excluded = self._left_out(("out_of_both", "not_down"))
        events = []
        for (start, end), part in self._qualified(self._combine({}).down):
            parts = clip(subtract([part], excluded), *self.service)
            counted = round_event(self.metric, total(parts))
            if parts:
                events.append(Event(start, end, tuple(parts), counted))
        return events

    def outcome(self, period: Period) -> Outcome:
        metric = self.metric
        events = self._events()
        excluded = self._left_out(("out_of_both", "not_down"))
        unknown = total(clip(subtract(self._combine({}).unknown, excluded), *self.service))
        base = {
            "service": self.service[1] - self.service[0],
            "period": period.length,
            "fixed": metric.fixed_ms,
        }[metric.denominator]
        denominator = base - total(clip(self._left_out(("out_of_both",)), *self.service)) - unknown
        downtime = sum(event.counted_ms for event in events)
        return Outcome(
            events=tuple(events),
            downtime_ms=downtime,
            excluded_ms=total(excluded),
            unknown_ms=unknown,
            denominator_ms=max(denominator, 0),
            missed=misses(metric.target, downtime, max(denominator, 0), len(events), unknown),
        )

    def trace(self) -> tuple[TraceLine, ...]:
        """Every interval of the service period that is not plain up; classes don't overlap."""
        combined = self._combine({})
        qualified = self._qualified(combined.down)
        counted = union(part for _, part in qualified)
        short = subtract(combined.down, counted)
        lines: list[TraceLine] = []
        taken: Intervals = []
        excluded = self._left_out(("out_of_both", "not_down"))
        for item in self.exclusions:
            if item.valid:
                parts = subtract(intersect(list(item.parts), excluded), taken)
                lines += [TraceLine(s, e, "excluded", item.reason) for s, e in parts]
                taken = union([*taken, *parts])
        classes: list[tuple[TraceClass, Intervals, Text]] = [
            ("down", counted, _reason_down(self.metric)),
            ("before_clock", combined.before_clock, BEFORE_CLOCK),
            ("ignored", short, IGNORED),
            ("unknown", combined.unknown, UNKNOWN),
        ]
        for kind, spans, reason in classes:
            parts = clip(subtract(spans, taken), *self.service)
            lines += [TraceLine(s, e, kind, reason) for s, e in parts]
            taken = union([*taken, *parts])
        for state in self.states:
            reason = degraded_reason({"zh": state.name, "en": state.name})
            parts = clip(subtract(state.down, taken), *self.service)
            lines += [TraceLine(s, e, "degraded", reason, state.name) for s, e in parts]
            taken = union([*taken, *parts])
        return tuple(sorted(lines, key=lambda line: (line.start, line.end)))


def round_event(metric: Metric, length: int) -> int:
    """Milliseconds of one event after the rounding of the terms; nothing stays nothing."""
    how, unit = metric.event_rounding
    if how == "up":
        return -(-length // unit) * unit
    return length // unit * unit if how == "down" else length


def misses(
    target: Target, downtime: int, denominator: int, events: int, unknown: int
) -> bool | None:
    """Whether the target is missed; None when nothing was measured that could tell."""
    parts: list[bool | None] = []
    if target.availability is not None and target.governs != "minutes":
        if denominator > 0:
            up = Fraction(max(denominator - downtime, 0), denominator)
            parts.append(up * 100 < Fraction(target.availability))
        else:
            parts.append(None if unknown else False)
    if target.downtime_ms is not None and (
        target.governs != "percent" or target.availability is None
    ):
        over = downtime > target.downtime_ms or (
            downtime == target.downtime_ms and not target.downtime_inclusive
        )
        parts.append(None if denominator <= 0 and unknown and not over else over)
    if target.events is not None:
        parts.append(events > target.events)
    if any(parts):
        return True
    return None if None in parts else False


BEFORE_CLOCK = {
    "zh": "条款约定的计时尚未开始（未报障）",
    "en": "the clock of the terms had not started (no ticket yet)",
}
IGNORED = {"zh": "短于条款约定的最短时长，不计", "en": "shorter than the terms count"}
UNKNOWN = {
    "zh": "无测量数据，是否中断不可知",
    "en": "not measured: neither up nor down is known",
}


def degraded_reason(label: Text) -> Text:
    return {
        "zh": f"仅 {label['zh']}中断，其余正常：按条款不计",
        "en": f"only {label['en']} was down, the rest carried: not counted under the terms",
    }


def _reason_down(metric: Metric) -> Text:
    if metric.limit is not None:
        return {"zh": "超出限值", "en": "beyond the limit"}
    if metric.combine == "all":
        return {"zh": "同时中断", "en": "all down at once"}
    return {"zh": "中断", "en": "down"}
