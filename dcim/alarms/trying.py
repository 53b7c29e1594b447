"""A rule tried on stored samples before it is on: how often it would have fired, on what, for how
long. By the evaluation that runs live; one subject's samples in memory at a time.

It takes speeds, commits, light's thresholds and exceptions as they are today, and each port's
samples from the series that measures it now. What maintenance would have silenced is counted too.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.alarms.burns import read_burns
from dcim.alarms.details import tell_details
from dcim.alarms.governing import Governed, Key, changes_of, govern
from dcim.alarms.models import AlarmRule, AlarmTrial
from dcim.alarms.readings import read_values
from dcim.alarms.rule_keeping import CHANGEABLE
from dcim.alarms.rules.episodes import CALM, Episode, advance, gather
from dcim.alarms.rules.limits import Change, Rule, check_rule
from dcim.alarms.rules.quantities import QUANTITIES
from dcim.alarms.subjects import load_subjects
from dcim.customers.registration import require_staff
from dcim.db import SessionFactory, transaction
from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.metering.store import PostgresSampleStore, SampleStore

LONGEST = dt.timedelta(days=92)
# So many alarms are listed by one test; the others are counted.
LISTED = 200
CHUNK = 100

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Firing:
    """One alarm that there would have been; `ms` is how long it lasted within the window."""

    subject_kind: str
    subject_id: int
    label: str
    severity: str
    raised_ms: int
    cleared_ms: int | None
    ms: int
    value: float
    flapping: bool
    detail: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """`fired` counts all alarms, `firings` lists the first of them by time; `silent` are subjects
    without a single known value."""

    subjects: int
    silent: int
    hit: int
    fired: int
    flapping: int
    open: int
    longest_ms: int
    total_ms: int
    firings: tuple[Firing, ...]


def try_rule(
    session: Session,
    scope: Scope,
    rule: Rule,
    start_ms: int,
    end_ms: int,
    *,
    changes: Mapping[Key, Change] | None = None,
    progress: Progress = lambda done, total: None,
    store: SampleStore | None = None,
) -> TrialResult:
    """Evaluate [start, end) in UTC epoch ms. Raises InvalidError for a rule that can't be meant."""
    require_staff(scope)
    check_rule(rule)
    kind = QUANTITIES[rule.quantity].subject
    governed = govern(rule, changes or {}, load_subjects(session, {rule.quantity})[kind])
    listed: list[Firing] = []
    counts = {"silent": 0, "hit": 0, "fired": 0, "flapping": 0, "open": 0, "total_ms": 0}
    longest = 0
    store = store or PostgresSampleStore()
    for place, (one, known, episodes) in enumerate(
        _judge_all(session, store, rule, governed, start_ms, end_ms)
    ):
        found = [_tell(one, episode, end_ms) for episode in episodes]
        counts["silent"] += not known
        counts["hit"] += bool(found)
        counts["fired"] += len(found)
        counts["flapping"] += sum(each.flapping for each in found)
        counts["open"] += sum(each.cleared_ms is None for each in found)
        counts["total_ms"] += sum(each.ms for each in found)
        longest = max([longest, *(each.ms for each in found)])
        listed = sorted([*listed, *found], key=lambda each: (each.raised_ms, each.label))[:LISTED]
        if (place + 1) % CHUNK == 0 or place + 1 == len(governed):
            progress(place + 1, len(governed))
    firings = tuple(_add_details(session, store, rule, governed, listed))
    return TrialResult(subjects=len(governed), longest_ms=longest, firings=firings, **counts)


def _add_details(
    session: Session,
    store: SampleStore,
    rule: Rule,
    governed: Sequence[Governed],
    firings: Sequence[Firing],
) -> Iterator[Firing]:
    """One subject's samples in memory at a time."""
    instants: dict[int, list[int]] = {}
    for one in firings:
        instants.setdefault(one.subject_id, []).append(one.raised_ms)
    told: dict[tuple[int, int], dict[str, Any]] = {}
    for each in governed:
        if (asked := instants.get(each.subject.id)) is not None:
            told |= tell_details(session, store, rule.quantity, [(each.subject, asked)])
    for one in firings:
        yield replace(one, detail=told.get((one.subject_id, one.raised_ms)))


def _judge_all(
    session: Session,
    store: SampleStore,
    rule: Rule,
    governed: list[Governed],
    start_ms: int,
    end_ms: int,
) -> Iterator[tuple[Governed, bool, list[Episode]]]:
    """Each with whether anything is known of it at all."""
    for at in range(0, len(governed), CHUNK):
        chunk = governed[at : at + CHUNK]
        subjects = [one.subject for one in chunk]
        read = (
            read_burns(session, rule, subjects, start_ms, end_ms)
            if rule.kind == "burn"
            else read_values(session, store, rule, subjects, start_ms, end_ms)
        )
        for one, (_subject, ts, values) in zip(chunk, read, strict=True):
            _state, events = advance(one.rule.limits, CALM, ts, values, one.holds_ms)
            yield one, not np.isnan(values).all(), gather(events)


def _tell(one: Governed, episode: Episode, end_ms: int) -> Firing:
    return Firing(
        one.subject.kind,
        one.subject.id,
        one.subject.label,
        one.rule.severity,
        episode.raised,
        episode.cleared,
        (episode.cleared or end_ms) - episode.raised,
        round(episode.value, 3),
        episode.flapping,
    )


def ask_trial(
    session: Session,
    scope: Scope,
    rule: Rule,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    *,
    rule_id: int | None = None,
    name: str = "",
) -> AlarmTrial:
    """Enter a test that a worker carries out. Raises InvalidError."""
    require_staff(scope)
    check_rule(rule)
    if not starts_at < ends_at <= starts_at + LONGEST:
        raise InvalidError(
            "A test is over 92 days at most, and ends after it begins.",
            {"days": ["1 to 92"]},
        )
    trial = AlarmTrial(
        rule_id=rule_id,
        name=name[:255],
        rule=asdict(rule),
        starts_at=starts_at,
        ends_at=ends_at,
        asked_by=scope.actor[:255],
    )
    session.add(trial)
    session.flush()
    record(
        session, scope, "alarm-rule.test", f"alarm-trial/{trial.id}",
        rule=rule_id, starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat(),
    )  # fmt: skip
    return trial


def carry_out_trial(sessions: SessionFactory, trial_id: int) -> str:
    """Work on a test and write its result; how far it is shows meanwhile. Returns its new state."""
    scope = Scope.system("alarm-test")

    def note(done: int, total: int) -> None:
        _write(sessions, trial_id, state="running", done=done, total=total)

    with transaction(sessions, scope) as session:
        trial = session.get(AlarmTrial, trial_id)
        if trial is None or trial.state in ("done", "failed"):
            return "" if trial is None else trial.state
        rule = Rule(**trial.rule)
        changes = _changes_of(session, trial.rule_id)
        try:
            result = try_rule(
                session,
                scope,
                rule,
                _ms(trial.starts_at),
                _ms(trial.ends_at),
                changes=changes,
                progress=note,
            )
        except JifangError:
            _write(sessions, trial_id, state="failed")
            return "failed"
    _write(sessions, trial_id, state="done", result=asdict(result))
    return "done"


def _write(sessions: SessionFactory, trial_id: int, **values: Any) -> None:
    with transaction(sessions, Scope.system("alarm-test")) as session:
        session.execute(update(AlarmTrial).where(AlarmTrial.id == trial_id).values(**values))


def _changes_of(session: Session, rule_id: int | None) -> dict[Key, Change]:
    row = None if rule_id is None else session.get(AlarmRule, rule_id)
    return {} if row is None else changes_of(row.overrides)


def find_by_code(session: Session, scope: Scope, code: str) -> AlarmRule:
    """Raises NotFoundError."""
    require_staff(scope)
    row = session.scalar(select(AlarmRule).where(AlarmRule.code == code))
    if row is None:
        raise NotFoundError("There is no rule %(code)s.", code=code)
    return row


def retype(rule: Rule, changes: Mapping[str, Any]) -> Rule:
    """The rule with some of it written otherwise, as typed and not yet saved."""
    return replace(rule, **{name: changes[name] for name in CHANGEABLE if name in changes})


def _ms(instant: dt.datetime) -> int:
    return round(instant.timestamp() * 1000)
