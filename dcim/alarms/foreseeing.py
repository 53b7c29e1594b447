"""Rules that foresee, live: drawn anew at each instant of their grid, which is some hours apart.

A round between two instants does nothing for them, and so reads nothing.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.alarms.governing import Governed
from dcim.alarms.models import AlarmRound, AlarmRule
from dcim.alarms.readings import read_values
from dcim.alarms.rules.episodes import CALM, Event, State, advance
from dcim.alarms.rules.trends import step_of
from dcim.metering.store import SampleStore
from dcim.sla.rules.periods import to_ms

# So late the samples of a bucket may come and still count, live as on history.
SETTLE_MS = 300_000
# What was missed is drawn again no further back than so many instants.
MOST_MISSED = 28


def feed_forecasts(
    session: Session,
    store: SampleStore,
    row: AlarmRule,
    governed: Sequence[Governed],
    known: Mapping[int, State | None],
    now: dt.datetime,
) -> Iterator[tuple[Governed, State, list[Event]]]:
    """Of each subject: its new state and what happened; nothing where no instant of the grid came
    since the last round and the rule is what it was."""
    if not governed or not (due := _find_due(session, row, now)):
        return
    step = step_of(row.window_s * 1000)
    starts = [_find_start(one, known[one.subject.id], due, step) for one in governed]
    earliest = max(min(starts), due - MOST_MISSED * step)
    subjects = [one.subject for one in governed]
    read = read_values(session, store, governed[0].rule, subjects, earliest, due + 1)
    for one, start, (_subject, ts, values) in zip(governed, starts, read, strict=True):
        first = int(np.searchsorted(ts, start))
        state = known[one.subject.id] or CALM
        yield one, *advance(one.rule.limits, state, ts[first:], values[first:], one.holds_ms)


def _find_due(session: Session, row: AlarmRule, now: dt.datetime) -> int | None:
    """The newest instant whose samples have come (UTC epoch ms); None when it was drawn before."""
    step = step_of(row.window_s * 1000)
    due = (to_ms(now) - SETTLE_MS) // step * step
    last = session.scalar(select(AlarmRound.at))
    if last is not None and row.changed_at <= last and to_ms(last) - SETTLE_MS >= due:
        return None
    return due


def _find_start(one: Governed, state: State | None, due: int, step: int) -> int:
    """From which instant on it is to be judged: what had to last began before."""
    if state is not None and state.last is not None:
        return state.last + 1
    lasting = one.rule.raise_for_s * 1000
    return due - -(-lasting // step) * step
