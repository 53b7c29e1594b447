"""From states and values to counted downtime: one metric of one item over one period.

Order: average -> limit -> bridge -> clock -> combine -> qualify -> report -> exclusions ->
clip to service -> round each event -> sum -> denominator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from dcim.sla.rules.facts import Facts, Item, Period
from dcim.sla.rules.intervals import (
    Interval,
    Intervals,
    clip,
    intersect,
    subtract,
    sweep,
    total,
    union,
)
from dcim.sla.rules.measures.clocks import is_reported, run_clock
from dcim.sla.rules.measures.exclusions import Doubtful, exclude_time
from dcim.sla.rules.measures.states import States, judge_resources
from dcim.sla.rules.outcomes import (
    Event,
    Excluded,
    Measurement,
    Outcome,
    TraceClass,
    TraceLine,
    Treatment,
)
from dcim.sla.rules.terms import Metric, Target, Text


@dataclass(frozen=True)
class _Combined:
    down: Intervals
    unknown: Intervals
    before_clock: Intervals
    bad: list[Intervals]  # of each resource by itself


def measure_downtime(
    metric: Metric, item: Item, facts: Facts, period: Period, zone: str
) -> Measurement:
    """Numbers of a metric for an item; the item must be in service for part of the period."""
    service = (max(period.start, item.start), min(period.end, item.end))
    resources = [r for r in facts.resources if r.kind == metric.observe and item.id in r.items]
    states = judge_resources(metric, resources, period)
    names = tuple(state.name for state in states)
    exclusions, doubtful = exclude_time(metric, item, facts, names, service, zone)
    outcomes: dict[Treatment, Outcome] = {}
    trace: tuple[TraceLine, ...] = ()
    known = Fraction(0)
    doubts: list[Text] = []
    for treatment in ("left_out", "up", "down"):
        work = _Work(metric, states, facts, exclusions, service, treatment, zone)
        outcomes[treatment] = work.outcome(period)
        if treatment == "left_out":
            trace = work.trace()
            base = service[1] - service[0] - outcomes["left_out"].excluded_ms
            known = Fraction(base - outcomes["left_out"].unknown_ms, base) if base else Fraction(1)
            doubts = work.doubts(doubtful)
    return Measurement(service, outcomes, known, trace, tuple(exclusions), tuple(doubts))


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
    states: list[States]
    facts: Facts
    exclusions: list[Excluded]
    service: Interval
    treatment: Treatment
    zone: str

    def _combine(self, without: dict[str, Intervals]) -> _Combined:
        """Combined over resources, with `without` taken out of a resource's bad time first."""
        downs, maybes, early = [], [], []
        for state in self.states:
            gone = without.get(state.name, [])
            bad = union([*state.down, *state.unknown]) if self.treatment == "down" else state.down
            clocked = run_clock(self.metric, state.name, bad, self.facts.tickets, self.service[1])
            downs.append(subtract(clocked, gone))
            early.append(subtract(bad, clocked))
            unknown = state.unknown if self.treatment == "left_out" else []
            maybes.append(union([*downs[-1], *subtract(unknown, gone)]))
        need = _needed(self.metric, len(self.states))
        down = _deep(downs, need)
        raw = _deep([union([*d, *e]) for d, e in zip(downs, early, strict=True)], need)
        unknown = subtract(_deep(maybes, need), down)
        return _Combined(down, unknown, subtract(raw, down), downs)

    def _occurrences(self, down: Intervals) -> list[Intervals]:
        """What is one event each: unbroken downtime, but for what people merged and split."""
        names = {state.name for state in self.states}
        cuts = [cut.at for cut in self.facts.cuts if names & set(cut.resources)]
        pieces = [piece for one in down for piece in cut_at(one, cuts)]
        found = [[piece] for piece in pieces]
        if self.metric.qualify_within_ms:
            found = gather_within(pieces, cuts, self._is_long_enough, self.metric.qualify_within_ms)
        for merged in self.facts.merged:
            if names & set(merged.resources):
                together = [one for one in found if intersect(one, merged.parts)]
                if together:
                    found = [one for one in found if one not in together]
                    found.append(sorted(piece for one in together for piece in one))
        return sorted(found)

    def _qualified(self, down: Intervals) -> list[tuple[Interval, Intervals]]:
        """(whole event, parts that count) of events that are long enough and were reported."""
        metric = self.metric
        kept = []
        for parts in self._occurrences(down):
            whole = (parts[0][0], parts[-1][1])
            if self._is_long_enough(parts) and self._reported(*whole) is not False:
                late = metric.counts_from == "threshold"
                kept.append((whole, skip_first(parts, metric.qualify_ms) if late else parts))
        return kept

    def _is_long_enough(self, parts: Intervals) -> bool:
        length, least = total(parts), self.metric.qualify_ms
        return length > least if self.metric.qualify_strictly else length >= least

    def _reported(self, start: int, end: int) -> bool | None:
        names = tuple(state.name for state in self.states)
        facts = self.facts
        return is_reported(
            self.metric, (start, end), names, facts.tickets, self.zone, facts.calendar
        )

    def _excusing(self, effects: tuple[str, ...]) -> list[tuple[Excluded, Intervals]]:
        """Valid windows with the part of each that excuses: some excuse only short outages."""
        chosen = [e for e in self.exclusions if e.valid and e.rule.effect in effects]
        found = []
        for each in chosen:
            parts = list(each.parts)
            if each.rule.outage_up_to_ms is not None:
                longest = each.rule.outage_up_to_ms
                events = self._occurrences(self._combine({}).down)
                short = [part for one in events if total(one) <= longest for part in one]
                parts = intersect(parts, short)
            found.append((each, parts))
        return found

    def _left_out(self, effects: tuple[str, ...]) -> Intervals:
        """Excluded time; where the metric is down and anything of it outside the windows, it
        counts: that the rest was being worked on doesn't excuse what failed beside it."""
        chosen = self._excusing(effects)
        windows = union(part for _, parts in chosen for part in parts)
        if not windows:
            return []
        without = {
            state.name: union(
                part
                for each, parts in chosen
                if not each.window.resources or state.name in each.window.resources
                for part in parts
            )
            for state in self.states
        }
        alone = union(part for state in self._combine(without).bad for part in state)
        return subtract(windows, intersect(self._combine({}).down, alone))

    def doubts(self, doubtful: Doubtful) -> list[Text]:
        """Counted time that a circumstance nobody measured, or an unknown deadline, may excuse."""
        down = clip(self._combine({}).down, *self.service)
        found = [say_circumstance(name) for name, spans in doubtful if intersect(down, spans)]
        events = self._occurrences(down)
        if any(self._reported(one[0][0], one[-1][1]) is None for one in events):
            found.append(NO_CALENDAR)
        return found

    def _events(self) -> list[Event]:
        excluded = self._left_out(("out_of_both", "not_down"))
        events = []
        for (start, end), counting in self._qualified(self._combine({}).down):
            parts = clip(subtract(counting, excluded), *self.service)
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
        out_of_both = total(clip(self._left_out(("out_of_both",)), *self.service))
        denominator = base - out_of_both - unknown
        downtime = sum(event.counted_ms for event in events)
        return Outcome(
            events=tuple(events),
            downtime_ms=downtime,
            excluded_ms=total(excluded),
            unknown_ms=unknown,
            denominator_ms=max(denominator, 0),
            missed=misses(
                metric.target,
                downtime,
                max(denominator, 0),
                len(events),
                unknown,
                max((event.counted_ms for event in events), default=0),
            ),
            out_of_both_ms=out_of_both,
        )

    def trace(self) -> tuple[TraceLine, ...]:
        """Every interval of the service period that is not plain up; classes don't overlap."""
        combined = self._combine({})
        qualified = self._qualified(combined.down)
        counted = union(part for _, parts in qualified for part in parts)
        long_enough = [one for one in self._occurrences(combined.down) if self._is_long_enough(one)]
        late = union(
            part
            for one in long_enough
            if self._reported(one[0][0], one[-1][1]) is False
            for part in one
        )
        short = subtract(combined.down, [*counted, *late])
        lines: list[TraceLine] = []
        taken: Intervals = []
        excluded = self._left_out(("out_of_both", "not_down"))
        for item, spans in self._excusing(("out_of_both", "not_down")):
            parts = subtract(intersect(spans, excluded), taken)
            lines += [TraceLine(s, e, "excluded", item.reason) for s, e in parts]
            taken = union([*taken, *parts])
        classes: list[tuple[TraceClass, Intervals, Text]] = [
            ("down", counted, _reason_down(self.metric)),
            ("before_clock", combined.before_clock, BEFORE_CLOCK[self.metric.clock_start]),
            ("ignored", late, NOT_REPORTED),
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


def cut_at(whole: Interval, cuts: list[int]) -> Intervals:
    """An interval in pieces that begin at the cuts inside it."""
    start, end = whole
    edges = [start, *sorted({at for at in cuts if start < at < end}), end]
    return list(pairwise(edges))


def gather_within(
    pieces: Intervals, cuts: list[int], enough: Callable[[Intervals], bool], window: int
) -> list[Intervals]:
    """Pieces of downtime that add up to enough within any window so long, as one event each: those
    that such windows hold together. A window never reaches over a cut; the rest stays alone."""
    # What a window holds changes its slope here alone; beside it the next piece is just touched.
    turns = {edge - back for piece in pieces for edge in piece for back in (0, window)}
    edges = sorted({at + beside for at in turns for beside in (-1, 0, 1)})
    joined = [False] * len(pieces)  # with the piece before
    for at in edges:
        held = [
            number for number, (start, end) in enumerate(pieces) if start < at + window and end > at
        ]
        if held and enough(clip([pieces[number] for number in held], at, at + window)):
            for before, number in pairwise(held):
                joined[number] |= pieces[number][0] not in cuts or pieces[before][1] not in cuts
    found: list[Intervals] = []
    for number, piece in enumerate(pieces):
        if joined[number]:
            found[-1].append(piece)
        else:
            found.append([piece])
    return found


def skip_first(parts: Intervals, length: int) -> Intervals:
    """The parts without their first milliseconds, so many."""
    rest: Intervals = []
    for start, end in parts:
        begin = min(start + length, end)
        length -= begin - start
        if begin < end:
            rest.append((begin, end))
    return rest


def round_event(metric: Metric, length: int) -> int:
    """Milliseconds of one event after the rounding of the terms; nothing stays nothing."""
    how, unit = metric.event_rounding
    if how == "up":
        return -(-length // unit) * unit
    return length // unit * unit if how == "down" else length


def misses(
    target: Target, downtime: int, denominator: int, events: int, unknown: int, longest: int = 0
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
    if target.longest_ms is not None:
        parts.append(longest > target.longest_ms)
    if any(parts):
        return True
    return None if None in parts else False


def _not_started(zh: str, en: str) -> Text:
    return {
        "zh": f"条款约定的计时尚未开始（{zh}）",
        "en": f"the clock of the terms had not started ({en})",
    }


# By what starts the clock; one that starts with the outage has no time before it.
BEFORE_CLOCK: dict[str, Text] = {
    "event": _not_started("未报障", "no ticket yet"),
    "ticket": _not_started("未报障", "no ticket yet"),
    "notice": _not_started("客户尚未通知", "no notice of the customer's yet"),
    "detected": _not_started("监控尚未发现", "not detected yet"),
}
NOT_REPORTED = {
    "zh": "未在条款约定的时间内报障，不计",
    "en": "not reported within the time the terms allow: not counted",
}
NO_CALENDAR = {
    "zh": "报障期限按工作日计，而工作日历未登记：须由人核定是否按时报障",
    "en": "the time to report runs in business days and no calendar of holidays is on record: "
    "a person must check whether it was reported in time",
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


def say_circumstance(name: str) -> Text:
    return {
        "zh": f"{name} 在中断期间没有测量数据：须由人核定该中断是否除外",
        "en": f"{name} was not measured during an outage: a person must decide whether the "
        "outage is left out",
    }


def _reason_down(metric: Metric) -> Text:
    if metric.limit is not None:
        return {"zh": "超出限值", "en": "beyond the limit"}
    if metric.combine == "all":
        return {"zh": "同时中断", "en": "all down at once"}
    return {"zh": "中断", "en": "down"}
