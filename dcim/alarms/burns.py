"""Rules on how fast error budgets burn: by what is known of counted downtime, live and on history.

Judged at each minute of the grid up to which it is known; time goes on by that, not by the clock.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy.orm import Session

from dcim.alarms.governing import Governed
from dcim.alarms.rules.burning import STEP_MS, burn_worst
from dcim.alarms.rules.episodes import CALM, Event, State, advance
from dcim.alarms.rules.limits import Rule
from dcim.alarms.rules.parts import Floats, Ints
from dcim.alarms.subjects import Subject
from dcim.sla.burned_stretches import find_burning, read_known, read_stretches

# What was missed is judged again no further back.
MOST_MISSED_MS = 6 * 3_600_000


def read_burns(
    session: Session, rule: Rule, subjects: Sequence[Subject], start_ms: int, end_ms: int
) -> Iterator[tuple[Subject, Ints, Floats]]:
    """Each item's burn at the minutes of [start, end) at which it is known; two statements."""
    known = read_known(session)
    if known is None:
        nothing = np.empty(0, dtype=np.int64), np.empty(0)
        yield from ((subject, *nothing) for subject in subjects)
        return
    low, high = max(start_ms, known.since), min(end_ms, known.until + 1)
    window_ms = rule.window_s * 1000
    stretches = read_stretches(session, [one.id for one in subjects], low - window_ms, high)
    for subject in subjects:
        promises = stretches.get(subject.id, {})
        yield subject, *burn_worst(promises, window_ms=window_ms, start_ms=low, end_ms=high)


def feed_burns(
    session: Session,
    rule: Rule,
    governed: Sequence[Governed],
    remembered: Mapping[int, State | None],
) -> Iterator[tuple[Governed, State, list[Event]]]:
    """Of each item that burns or is remembered: its new state and what happened."""
    known = read_known(session)
    if known is None:
        return
    due = known.until // STEP_MS * STEP_MS
    earliest = due - MOST_MISSED_MS
    burning = find_burning(session, earliest - rule.window_s * 1000, due + 1)
    stirred = [
        one
        for one in governed
        if one.subject.id in burning or remembered[one.subject.id] is not None
    ]
    starts = [max(_find_start(one, remembered[one.subject.id], due), earliest) for one in stirred]
    subjects = [one.subject for one in stirred]
    read = read_burns(session, rule, subjects, min(starts, default=due), due + 1)
    for one, start, (_subject, ts, values) in zip(stirred, starts, read, strict=True):
        first = int(np.searchsorted(ts, start))
        state = remembered[one.subject.id] or CALM
        yield one, *advance(one.rule.limits, state, ts[first:], values[first:], one.holds_ms)


def _find_start(one: Governed, state: State | None, due: int) -> int:
    """From which instant on it is to be judged. Of one that was calm the last rounds' are looked at
    again: what is calm is forgotten only when they can tell nothing twice."""
    if state is not None and state.last is not None:
        return state.last + 1
    return due - one.rule.raise_for_s * 1000 - one.holds_ms
