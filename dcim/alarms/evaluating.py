"""The live evaluation: the newest samples against the rules that are on, in one transaction with
what is remembered, so that a round that dies has never been.

An alarm is about now: samples that are older than they hold wait until their series speaks again,
and then what lies between is read and fed in its order. What came and went while nobody evaluated,
or came late, is history: a test on history finds it.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from dcim.alarms.burns import feed_burns, read_span
from dcim.alarms.details import tell_details
from dcim.alarms.foreseeing import feed_forecasts
from dcim.alarms.governing import Governed, changes_of, govern, rule_of
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRound, AlarmRule, AlarmState
from dcim.alarms.readings import Newest, Newests, read_values
from dcim.alarms.rules.episodes import (
    CALM,
    Event,
    State,
    advance,
    read_state,
    write_state,
)
from dcim.alarms.rules.limits import Limits, Rule
from dcim.alarms.rules.parts import Floats, Ints
from dcim.alarms.rules.quantities import QUANTITIES
from dcim.alarms.subjects import Subject, load_subjects
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.sla.burn_progress import KnownSpan, read_known

# What was missed is read back no further than this.
LOOK_BACK_MS = 6 * 3_600_000
# Ids of a rule and a subject.
Key = tuple[int, int]
# A poller's clock may be so far ahead of ours.
AHEAD_MS = 60_000


@dataclass(slots=True)
class Evaluation:
    """What a round found: alarms raised and ended by it, how many subjects it looked at, and up to
    when it judged what promises leave."""

    subjects: int = 0
    burned: KnownSpan | None = None
    raised: list[Alarm] = field(default_factory=list)
    ended: list[Alarm] = field(default_factory=list)


def evaluate(session: Session, now: dt.datetime, store: SampleStore | None = None) -> Evaluation:
    """Judge what is newest by every rule that is on. The caller lets one at a time do it."""
    store = store or PostgresSampleStore()
    rows = session.scalars(
        select(AlarmRule)
        .where(AlarmRule.enabled)
        .options(selectinload(AlarmRule.overrides))
        .order_by(AlarmRule.id)
    ).all()
    subjects = load_subjects(session, {row.quantity for row in rows})
    states = _read_states(session)
    newest = Newests(session, store)
    ledger = _Ledger(session, now, sum(map(len, subjects.values())))
    burned = ledger.found.burned = read_known(session)
    burned_before = read_span(session.scalar(select(AlarmRound.burned)))
    written: dict[Key, State] = {}
    calm: set[Key] = set()
    held: set[Key] = set()
    for row in rows:
        rule = rule_of(row)
        of_kind = subjects[QUANTITIES[rule.quantity].subject]
        governed = govern(rule, changes_of(row.overrides), of_kind)
        known: dict[int, State | None] = {}
        for one in governed:
            key = (row.id, one.subject.id)
            held.add(key)
            known[one.subject.id] = states.get(key, _LOST if key in ledger.open else None)
        if rule.kind == "forecast":
            fed = feed_forecasts(session, store, row, governed, known, now)
        elif rule.kind == "burn":
            fed = feed_burns(session, rule, governed, known, burned, burned_before)
        else:
            fed = _Feeding(session, store, rule, now).feed(newest, governed, known)
        for one, state, events in fed:
            key = (row.id, one.subject.id)
            written[key] = state
            if state.is_calm(memory_of(one.rule.limits, one.holds_ms)):
                calm.add(key)
            ledger.apply(row.id, one, events)
    ledger.end_others(held)
    ledger.add_details(session, store)
    _write_states(session, states, written, (states.keys() - held) | calm)
    session.flush()
    return ledger.found


# An alarm that is open though nothing is remembered of it.
_LOST = State(beyond=True)


class _Feeding:
    """One rule's round."""

    def __init__(self, session: Session, store: SampleStore, rule: Rule, now: dt.datetime) -> None:
        self.session, self.store, self.rule = session, store, rule
        self.now_ms = round(now.timestamp() * 1000)

    def feed(
        self,
        newest: Newests,
        governed: Sequence[Governed],
        known: Mapping[int, State | None],
    ) -> Iterator[tuple[Governed, State, list[Event]]]:
        """Of each subject that stirs: its new state and what happened. All others are calm and
        stay so, which is one comparison of arrays."""
        if self.rule.kind == "rate":
            values = self._newest_rates(governed)
        else:
            values = newest.read(self.rule, [one.subject for one in governed])
        stirred = self._find_stirred(values, governed, known)
        missed = {
            place: start
            for place in stirred
            if (
                start := self._find_start(
                    governed[place], known[governed[place].subject.id], int(values.ts[place])
                )
            )
            is not None
        }
        read_back = self._read_back(governed, missed)
        for place in stirred:
            one = governed[place]
            newest_one = values.ts[place : place + 1], values.values[place : place + 1]
            ts, numbers = read_back.get(place, newest_one)
            state, events = advance(
                one.rule.limits,
                known[one.subject.id] or CALM,
                ts,
                numbers,
                one.holds_ms,
            )
            yield one, state, events

    def _find_stirred(
        self,
        newest: Newest,
        governed: Sequence[Governed],
        known: Mapping[int, State | None],
    ) -> list[int]:
        """Places of those whose newest sample is fresh and news, and not calm as before."""
        if not governed:
            return []
        holds = np.array([one.holds_ms for one in governed])
        raise_at = np.array([one.rule.raise_at for one in governed])
        above = self.rule.way == "above"
        bad = newest.values >= raise_at if above else newest.values <= raise_at
        states = [known[one.subject.id] for one in governed]
        last = np.array([0 if one is None else one.last or 0 for one in states], dtype=np.int64)
        remembered = np.array([one is not None for one in states])
        fresh = newest.ts >= self.now_ms - holds
        stirred = fresh & (newest.ts > last) & (bad | remembered)
        return [int(place) for place in np.flatnonzero(stirred)]

    def _find_start(self, one: Governed, state: State | None, ts: int) -> int | None:
        """From when on samples may lie before the newest one, at `ts`, that weren't fed: after a
        pause of ours, and where the limit is passed now and had to be for a while. None: none."""
        limits = one.rule.limits
        if self.rule.kind == "absence":
            return None
        if state is None or state.last is None:
            start = ts - limits.raise_for_ms - one.holds_ms
            return start if limits.raise_for_ms else None
        # Polls come at their step, a little sooner or later.
        return None if ts - state.last <= one.step_ms * 3 // 2 else state.last + 1

    def _read_back(
        self, governed: Sequence[Governed], missed: Mapping[int, int]
    ) -> dict[int, tuple[Ints, Floats]]:
        """By place: the samples from each start on."""
        if not missed:
            return {}
        earliest = max(min(missed.values()), self.now_ms - LOOK_BACK_MS)
        read = read_values(
            self.session,
            self.store,
            self.rule,
            [governed[place].subject for place in missed],
            earliest,
            self.now_ms + AHEAD_MS,
        )
        found = {}
        for (place, start), (_subject, ts, values) in zip(missed.items(), read, strict=True):
            first = int(np.searchsorted(ts, start))
            if first < len(ts):
                found[place] = ts[first:], values[first:]
        return found

    def _newest_rates(self, governed: Sequence[Governed]) -> Newest:
        subjects = [one.subject for one in governed]
        ts, values = np.zeros(len(subjects), dtype=np.int64), np.full(len(subjects), np.nan)
        start = self.now_ms - max((one.holds_ms for one in governed), default=0)
        read = read_values(
            self.session, self.store, self.rule, subjects, start, self.now_ms + AHEAD_MS
        )
        for place, (_subject, at, numbers) in enumerate(read):
            if len(at):
                ts[place], values[place] = at[-1], numbers[-1]
        return Newest(ts, values)


class _Ledger:
    """The alarms as a round leaves them."""

    def __init__(self, session: Session, now: dt.datetime, subjects: int) -> None:
        self.session, self.now = session, now
        self.found = Evaluation(subjects)
        # What this round raised, by the quantity: of which part isn't told yet.
        self.untold: dict[str, list[tuple[Subject, int, Alarm]]] = {}
        self.open = {
            (alarm.rule_id, alarm.subject_id): alarm
            for alarm in session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None)))
        }

    def apply(self, rule_id: int, one: Governed, events: Sequence[Event]) -> None:
        key = (rule_id, one.subject.id)
        for event in events:
            alarm, at = self.open.get(key), _instant(event.at)
            if event.kind == "raised":
                if alarm is None:
                    self._raise(key, one, event)
                continue
            if alarm is None:
                continue
            if event.kind == "cleared":
                self._end(key, "cleared", at)
            else:
                alarm.flapping = event.kind == "flapping"
                self._note(alarm, at, event.kind)

    def end_others(self, held: Collection[Key]) -> None:
        """Alarms that no rule holds for any more: it was switched off, or what it was about is
        gone."""
        for key in [key for key in self.open if key not in held]:
            self._end(key, "ended", self.now)

    def add_details(self, session: Session, store: SampleStore) -> None:
        for quantity, raised in self.untold.items():
            asked = [(subject, [at]) for subject, at, _alarm in raised]
            told = tell_details(session, store, quantity, asked)
            for subject, at, alarm in raised:
                alarm.detail = told.get((subject.id, at))

    def _raise(self, key: Key, one: Governed, event: Event) -> None:
        subject, rule = one.subject, one.rule
        alarm = self._over_before.get((*key, _instant(event.at)))
        if alarm is None:
            alarm = Alarm(
                rule_id=key[0],
                subject_kind=subject.kind,
                subject_id=subject.id,
                raised_at=_instant(event.at),
            )
            self.session.add(alarm)
        # Or the same one again: its rule was off meanwhile, and nothing of it was remembered. It
        # had ended by that, and people were told that it is over, or it was over before.
        alarm.label, alarm.site_id, alarm.severity = subject.label, subject.site_id, rule.severity
        alarm.began_at, alarm.seen_at = _instant(event.began), self.now
        alarm.cleared_at, alarm.ending, alarm.notified_at = None, "", None
        alarm.value, alarm.limit = event.value, rule.raise_at
        alarm.detail = None
        self.open[key] = alarm
        self.found.raised.append(alarm)
        self.untold.setdefault(rule.quantity, []).append((subject, event.at, alarm))
        self._note(alarm, alarm.raised_at, "raised")

    def _end(self, key: Key, ending: str, at: dt.datetime) -> None:
        alarm = self.open.pop(key)
        alarm.cleared_at, alarm.ending = max(at, alarm.raised_at), ending
        alarm.flapping = False
        self.found.ended.append(alarm)
        self._note(alarm, alarm.cleared_at, ending)

    def _note(self, alarm: Alarm, at: dt.datetime, kind: str) -> None:
        self.session.add(AlarmEvent(alarm=alarm, at=at, kind=kind))

    @cached_property
    def _over_before(self) -> dict[tuple[int, int, dt.datetime], Alarm]:
        since = self.now - dt.timedelta(milliseconds=LOOK_BACK_MS)
        rows = self.session.scalars(
            select(Alarm).where(Alarm.cleared_at.is_not(None), Alarm.raised_at >= since)
        )
        return {(one.rule_id, one.subject_id, one.raised_at): one for one in rows}


def _read_states(session: Session) -> dict[tuple[int, int], State]:
    rows = session.execute(select(AlarmState.rule_id, AlarmState.subject_id, AlarmState.body))
    return {(rule_id, subject_id): read_state(body) for rule_id, subject_id, body in rows}


def memory_of(limits: Limits, holds_ms: int) -> int:
    """So long after a change it is remembered: flapping counts it, and samples that are read back
    must not tell it again."""
    return max(limits.flap_within_ms, limits.raise_for_ms + limits.clear_for_ms + 2 * holds_ms)


def _write_states(
    session: Session,
    before: Mapping[Key, State],
    written: Mapping[Key, State],
    forgotten: Collection[Key],
) -> None:
    rows: list[dict[str, Any]] = [
        {"rule_id": key[0], "subject_id": key[1], "body": write_state(state)}
        for key, state in sorted(written.items())
        if key not in forgotten and state != before.get(key)
    ]
    if rows:
        statement = insert(AlarmState)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["rule_id", "subject_id"],
                set_={"body": statement.excluded.body},
            ),
            rows,
        )
    gone = [key for key in forgotten if key in before]
    if gone:
        both = tuple_(AlarmState.rule_id, AlarmState.subject_id)
        session.execute(delete(AlarmState).where(both.in_(gone)))


def _instant(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
