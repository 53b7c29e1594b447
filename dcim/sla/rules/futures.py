"""The rest of a month that still runs, supposed: all is well, as of late, what is open lasts; pure.

Facts end at an instant `until`; each of these adds what might be measured after it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Literal, TypeVar

from dcim.sla.rules.facts import Facts, Notice, Period, Resource, State, Ticket
from dcim.sla.rules.intervals import Interval, clip, subtract, union
from dcim.sla.rules.measures.states import judge_resources
from dcim.sla.rules.terms import Circumstance, Metric, Range

Row = tuple[int, int, State]
Rows = tuple[Row, ...]
Seen = TypeVar("Seen", State, int)
DAY_MS = 86_400_000
# What is repeated: so many days up to now, fewer where less was in service, never less than one.
WEEK_MS, LEAST_MS = 7 * DAY_MS, DAY_MS
REPORTS: tuple[Literal["ticket", "notice", "detection"], ...] = ("ticket", "notice", "detection")


@dataclass(frozen=True)
class Future:
    """[until, end) to be filled, and the stretch [start, until) that may come again."""

    start: int
    until: int
    end: int

    @property
    def window_ms(self) -> int:
        return self.until - self.start

    @property
    def runs(self) -> bool:
        return self.until < self.end

    @property
    def repeats(self) -> bool:
        """Whether there is something to fill, and enough to fill it with."""
        return self.runs and self.window_ms >= LEAST_MS


def find_future(facts: Facts, until: int, end: int) -> Future:
    """The last seven days, or as far back as anything was measured."""
    begun = [row[0] for each in facts.resources for row in (*each.states, *(each.values or ()))[:1]]
    return Future(max(until - WEEK_MS, min(begun, default=until)), until, end)


def cut_facts(facts: Facts, until: int) -> Facts:
    """What is known at `until`, judged then."""
    return replace(
        facts, resources=tuple(_cut(each, until) for each in facts.resources), as_of=until
    )


def _cut(resource: Resource, until: int) -> Resource:
    states = tuple((s, min(e, until), state) for s, e, state in resource.states if s < until)
    if resource.values is None:
        return replace(resource, states=states)
    values = tuple((s, min(e, until), value) for s, e, value in resource.values if s < until)
    return replace(resource, values=values)


def as_states(metric: Metric, facts: Facts, period: Period, until: int) -> tuple[Resource, ...]:
    """The metric's resources as states up to `until`: values are judged by its limit."""
    mine = [each for each in facts.resources if each.kind == metric.observe]
    return tuple(
        each if each.values is None else _judge_values(metric, each, period, until) for each in mine
    )


def _judge_values(metric: Metric, resource: Resource, period: Period, until: int) -> Resource:
    [judged] = judge_resources(metric, [resource], Period(period.start, until))
    start = min([period.start, *(row[0] for row in resource.values or ())])
    up = subtract([(start, until)], [*judged.down, *judged.unknown])
    rows: list[Row] = [(s, e, "down") for s, e in judged.down]
    rows += [(s, e, "unknown") for s, e in judged.unknown] + [(s, e, "up") for s, e in up]
    return replace(resource, values=None, states=tuple(sorted(rows)))


def state_at(resource: Resource, until: int) -> State:
    """What was last known, right before `until`; down beats up where facts say both."""
    found = {state for s, e, state in resource.states if s < until <= e}
    return "down" if "down" in found else "up" if "up" in found else "unknown"


def down_since(resource: Resource, until: int) -> int:
    """When the outage that lasts at `until` began."""
    down = union((s, e) for s, e, state in resource.states if state == "down")
    return next(s for s, e in reversed(down) if s < until <= e)


def hit_within(resource: Resource, start: int, until: int) -> bool:
    """Whether anything but up was seen in [start, until)."""
    up = clip(((s, e) for s, e, state in resource.states if state == "up"), start, until)
    return up != [(start, until)]


# -- what may be measured ------------------------------------------------------------------------


def stay_well(future: Future) -> Callable[[Resource], Rows]:
    return lambda resource: ((future.until, future.end, "up"),)


def stay_so(future: Future) -> Callable[[Resource], Rows]:
    """What is down at `until` stays down."""
    return lambda resource: (
        (
            future.until,
            future.end,
            "down" if state_at(resource, future.until) == "down" else "up",
        ),
    )


def turn_at(future: Future, length_ms: int) -> int:
    """When an outage from now on is over, the month's end at the latest."""
    return min(future.until + length_ms, future.end)


def go_down(future: Future, length_ms: int) -> Callable[[Resource], Rows]:
    """All down at once for so long, then well."""
    turn = turn_at(future, length_ms)
    down: Rows = ((future.until, turn, "down"),)
    well: Rows = ((turn, future.end, "up"),)
    return lambda resource: (
        (down if turn > future.until else ()) + (well if turn < future.end else ())
    )


def come_again(future: Future) -> Callable[[Resource], Rows]:
    """As in the window, over and over; before anything was measured of it, it was well."""

    def repeat(resource: Resource) -> Rows:
        rows = _seen_within(resource.states, future)
        first = min((row[0] for row in rows), default=future.until)
        if first > future.start:
            rows.append((future.start, first, "up"))
        return _again(rows, future)

    return repeat


def _seen_within(
    rows: Iterable[tuple[int, int, Seen]], future: Future
) -> list[tuple[int, int, Seen]]:
    """What was seen in the window."""
    return [(start, end, seen) for s, e, seen in rows for start, end in _clip((s, e), future)]


def _again(rows: list[tuple[int, int, Seen]], future: Future) -> tuple[tuple[int, int, Seen], ...]:
    """The rows of the window, over and over until the end."""
    return tuple(
        (s + shift, min(e + shift, future.end), seen)
        for shift in _shifts(future)
        for s, e, seen in rows
        if s + shift < future.end
    )


def extend(
    facts: Facts,
    resources: Iterable[Resource],
    rows: Callable[[Resource], Rows],
    around: Iterable[Resource] = (),
) -> Facts:
    """These resources alone and what comes after, with what is measured `around` them."""
    extended = [replace(each, states=each.states + rows(each)) for each in resources]
    return replace(facts, resources=(*extended, *around))


# -- circumstances that excuse (`exclude: while`) ------------------------------------------------


def find_around(metric: Metric, facts: Facts) -> tuple[Resource, ...]:
    """What the circumstances of the metric are measured by."""
    kinds = {one.observe for one in _circumstances(metric)}
    return tuple(each for each in facts.resources if each.kind in kinds)


def turn_usual(metric: Metric, around: Iterable[Resource], future: Future) -> tuple[Resource, ...]:
    """What is measured around up to `until`; from then on no circumstance holds.

    That is known, too, else an outage to come would be doubtful. Only where the week comes again
    do circumstances come with it: `repeat_around`.
    """
    supposed = []
    circumstances = _circumstances(metric)
    for kind in sorted({one.observe for one in circumstances}):
        ranges = [one.range for one in circumstances if one.observe == kind]
        value = _outside(ranges)
        if value is not None and future.runs:
            rows = ((future.until, future.end, value),)
            supposed.append(Resource(f"{kind} from now", kind, (), values=rows))
    return (*_beside(around), *supposed)


def repeat_around(around: Iterable[Resource], future: Future) -> tuple[Resource, ...]:
    """As measured in the window, over and over; what wasn't measured then isn't later."""
    return tuple(
        replace(each, values=(*values, *_again(_seen_within(values, future), future)))
        for each in _beside(around)
        if (values := each.values or ())
    )


def _beside(around: Iterable[Resource]) -> Iterable[Resource]:
    """Of no item in particular, so that none of them is judged by its promise."""
    return (replace(each, items=()) for each in around)


def _circumstances(metric: Metric) -> list[Circumstance]:
    return [rule.circumstance for rule in metric.exclude if rule.circumstance is not None]


def _outside(ranges: list[Range]) -> int | None:
    """A value right beside a bound and in none of the ranges; None where they leave none."""
    bounds = [bound for one in ranges for bound in (one.low, one.high) if bound is not None]
    beside = [value for bound in bounds for value in (floor(bound) - 1, ceil(bound) + 1)]
    return next(
        (value for value in beside if not any(one.contains(Fraction(value)) for one in ranges)),
        None,
    )


def _shifts(future: Future) -> range:
    if not future.repeats:
        return range(0)
    return range(future.window_ms, future.end - future.start, future.window_ms)


def repeat_circumstances(facts: Facts, future: Future) -> Facts:
    """Windows and tickets of the repeated stretch come again with it, told as early as then."""
    windows, tickets = list(facts.windows), list(facts.tickets)
    for number, shift in enumerate(_shifts(future), 1):
        for one in facts.windows:
            for start, end in _clip((one.start, one.end), future):
                told = None if one.announced_at is None else one.announced_at + shift
                windows.append(
                    replace(
                        one,
                        id=f"{one.id}+{number}",
                        start=start + shift,
                        end=end + shift,
                        announced_at=told,
                        notices=tuple(
                            Notice(each.at + shift, each.start + shift, each.end + shift)
                            for each in one.notices
                        ),
                    )
                )
        for each in facts.tickets:
            closed = each.closed_at
            if _clip((each.opened_at, future.until if closed is None else closed), future):
                tickets.append(
                    replace(
                        each,
                        id=f"{each.id}+{number}",
                        opened_at=each.opened_at + shift,
                        closed_at=None if closed is None else closed + shift,
                    )
                )
    return replace(facts, windows=tuple(windows), tickets=tuple(tickets))


def _clip(span: Interval, future: Future) -> list[Interval]:
    return clip([span], future.start, future.until)


def report_now(facts: Facts, until: int, closed_at: int | None = None) -> Facts:
    """Whatever is open at `until` is reported then, where it wasn't yet: clocks run from there,
    where the closing of a ticket stops them until `closed_at`, or on and on."""
    now = tuple(Ticket(f"{kind} now", until, closed_at, (), kind) for kind in REPORTS)
    return replace(facts, tickets=(*facts.tickets, *now))
