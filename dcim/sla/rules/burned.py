"""What counted against promises, as it was known at each instant: kept by appending and closing;
pure.

What counts changes backwards: an outage that counts from five minutes on counts from its start, a
window approved afterwards takes it back. Whoever judges the past as it was seen then needs both
times: when it was, and from when to when it was known to count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dcim.sla.rules.budget import share_left
from dcim.sla.rules.evaluation import evaluate_metric, list_judged, sum_fees
from dcim.sla.rules.facts import Facts, Period
from dcim.sla.rules.futures import cut_facts
from dcim.sla.rules.intervals import Intervals, clip, subtract, union
from dcim.sla.rules.terms import Terms

# A promise that leaves nothing burns at no rate: it is taken as 99.999 %, which any second breaks.
LEAST_LEFT = 0.00001


@dataclass(frozen=True, slots=True)
class Stretch:
    """Counted downtime [start, end), UTC epoch ms, of a promise that leaves `left` of its time
    (more than 0). Counts at instants in [known, undone); None: it still does."""

    start: int
    end: int
    known: int
    undone: int | None = None
    left: float = 0.001


@dataclass(frozen=True, slots=True)
class Burned:
    """What counts against one promise, `metric` of the item with this code, as judged."""

    item: str
    metric: str
    left: float
    parts: Intervals


@dataclass(frozen=True, slots=True)
class Kept:
    """A stretch that is kept and still counts."""

    key: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes the kept ones say what was judged: new ends by key, keys to close, new ones."""

    grown: dict[int, int]
    undone: tuple[int, ...]
    new: Intervals


def judge_burned(terms: Terms, facts: Facts, month: Period, until: int) -> list[Burned]:
    """Of each promise whose target is a length of time, what counts of [start of month, until), by
    what is known at `until`. Judged by a figure or by answers, a promise has no such target."""
    facts, so_far = cut_facts(facts, until), Period(month.start, until)
    fees, found = sum_fees(facts), []
    for metric, item in list_judged(terms, facts, so_far):
        result = evaluate_metric(terms, metric, item, facts, so_far, fees)
        left = share_left(result, month)
        if left is not None:
            parts = union(part for event in result.outcome.events for part in event.parts)
            burned = Burned(item.id, metric.id, max(float(left), LEAST_LEFT), parts)
            found.append(burned)
    return found


def compare(
    kept: Sequence[Kept], judged: Iterable[tuple[int, int]], span: Period, published: int | None
) -> Changes:
    """Both of one promise; only `span` was judged, what is kept outside of it stays.

    What was judged up to `published` was acted upon: nothing that was seen by then may change. So
    a stretch grows only where it lasted then, and is otherwise closed, or followed by a new one.
    """
    parts = clip(judged, span.start, span.end)
    undone, stay, new = [], [], []
    for one in kept:
        whole = [(one.start, one.end)]
        if subtract(clip(whole, span.start, span.end), parts):
            undone.append(one.key)
            new += subtract(whole, [(span.start, span.end)])
        else:
            stay.append(one)
    rest = subtract(parts, [(one.start, one.end) for one in stay])
    growing = {one.end: one.key for one in stay if published is None or one.end >= published}
    grown = {growing[start]: end for start, end in rest if start in growing}
    new += [part for part in rest if part[0] not in growing]
    return Changes(grown, tuple(undone), sorted(new))
