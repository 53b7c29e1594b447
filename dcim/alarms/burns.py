"""Rules on how fast error budgets burn: by what is known of counted downtime, live and on history.

Judged at each minute of the grid up to which it is known; time goes on by that, not by the clock,
and of an item whose contract is behind it stands still: unknown, its alarm neither begins nor ends.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.governing import Governed
from dcim.alarms.models import AlarmRule
from dcim.alarms.rules.burning import STEP_MS, burn_worst
from dcim.alarms.rules.episodes import CALM, Event, State, advance
from dcim.alarms.rules.limits import Rule
from dcim.alarms.rules.parts import Floats, Ints
from dcim.alarms.subjects import Subject
from dcim.sla.burn_progress import KnownSpan, UnjudgedRow, list_unjudged, read_known
from dcim.sla.burned_stretches import find_burning, read_stretches


def read_burns(
    session: Session, rule: Rule, subjects: Sequence[Subject], start_ms: int, end_ms: int
) -> Iterator[tuple[Subject, Ints, Floats]]:
    """Each item's burn at the minutes of [start, end) at which it is known; two statements."""
    known = read_known(session)
    if known is None:
        nothing = np.empty(0, dtype=np.int64), np.empty(0)
        yield from ((subject, *nothing) for subject in subjects)
    else:
        yield from _read(session, rule, subjects, known, start_ms, end_ms)


def _read(
    session: Session,
    rule: Rule,
    subjects: Sequence[Subject],
    known: KnownSpan,
    start_ms: int,
    end_ms: int,
) -> Iterator[tuple[Subject, Ints, Floats]]:
    low, high = max(start_ms, known.since), min(end_ms, known.until + 1)
    window_ms = rule.window_s * 1000
    stretches = read_stretches(session, [one.id for one in subjects], low - window_ms, high)
    for subject in subjects:
        promises, end = stretches.get(subject.id, {}), min(high, known.reach(subject.id) + 1)
        yield subject, *burn_worst(promises, window_ms=window_ms, start_ms=low, end_ms=end)


def feed_burns(
    session: Session,
    rule: Rule,
    governed: Sequence[Governed],
    remembered: Mapping[int, State | None],
    known: KnownSpan | None,
    judged: KnownSpan | None,
) -> Iterator[tuple[Governed, State, list[Event]]]:
    """Of each item that burns or is remembered: its new state and what happened. `known`: how far,
    now; `judged`: how far it was when the last round judged."""
    if known is None or not governed:
        return
    dues = {one.subject.id: known.reach(one.subject.id) // STEP_MS * STEP_MS for one in governed}
    starts = {
        one.subject.id: _find_start(one, remembered[one.subject.id], dues[one.subject.id], judged)
        for one in governed
    }
    end = max(dues.values()) + 1
    burning = find_burning(session, min(starts.values()) - rule.window_s * 1000, end)
    stirred = [
        one
        for one in governed
        if one.subject.id in burning or remembered[one.subject.id] is not None
    ]
    subjects = [one.subject for one in stirred]
    first_of_all = min((starts[one.id] for one in subjects), default=end)
    read = _read(session, rule, subjects, known, first_of_all, end)
    for one, (_subject, ts, values) in zip(stirred, read, strict=True):
        first = int(np.searchsorted(ts, starts[one.subject.id]))
        state = remembered[one.subject.id] or CALM
        yield one, *advance(one.rule.limits, state, ts[first:], values[first:], one.holds_ms)


def _find_start(one: Governed, state: State | None, due: int, judged: KnownSpan | None) -> int:
    """From which instant on it is to be judged. Of one that was calm what the last rounds judged is
    looked at again: what is calm is forgotten only when that can tell nothing twice."""
    if state is not None and state.last is not None:
        return state.last + 1
    again = due - one.rule.raise_for_s * 1000 - one.holds_ms
    return again if judged is None else min(again, judged.reach(one.subject.id) + 1)


def list_unknown(session: Session, scope: Scope, now: dt.datetime) -> list[UnjudgedRow]:
    """Contracts of which it isn't known what burns, if a rule that is on asks for it. For staff."""
    is_asked = select(exists().where(AlarmRule.enabled, AlarmRule.kind == "burn"))
    return list_unjudged(session, scope, now) if session.scalar(is_asked) else []


def write_span(known: KnownSpan | None) -> dict[str, Any] | None:
    """As JSON, items by instant; `read_span` reads it back."""
    if known is None:
        return None
    behind: dict[str, list[int]] = {}
    for item_id, until in sorted(known.behind.items()):
        behind.setdefault(str(until), []).append(item_id)
    return {"since": known.since, "until": known.until, "behind": behind}


def read_span(body: Mapping[str, Any] | None) -> KnownSpan | None:
    if body is None:
        return None
    behind = {one: int(until) for until, items in body["behind"].items() for one in items}
    return KnownSpan(body["since"], body["until"], behind)
