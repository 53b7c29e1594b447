"""Stored samples as the values that rules judge: of a stretch of time, and the newest ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from dcim.alarms.rules.limits import Rule
from dcim.alarms.rules.parts import Facts, Floats, Ints, Told, align
from dcim.alarms.rules.quantities import QUANTITIES, Quantity, rates_per_hour, silences
from dcim.alarms.rules.trends import forecast
from dcim.alarms.subjects import Subject
from dcim.metering.discards import QUIET_MS, cut_quiet, spread_quiet
from dcim.metering.families import DISCARDS, find_family
from dcim.metering.store import Latest, SampleStore


@dataclass(frozen=True, slots=True)
class Newest:
    """One value of each subject, in their order: `ts` UTC epoch ms, 0 where there is none."""

    ts: Ints
    values: Floats


def read_values(
    session: Session,
    store: SampleStore,
    rule: Rule,
    subjects: Sequence[Subject],
    start_ms: int,
    end_ms: int,
) -> Iterator[tuple[Subject, Ints, Floats]]:
    """Each subject's values in [start, end), sorted by time; a part of them in memory at a time. Of
    a forecast they are where it goes, at the instants of its grid.

    A port's samples are those of the series that measures it now, its speed and commit today's.
    """
    if rule.kind == "absence":
        yield from _read_silences(session, store, rule, subjects, start_ms, end_ms)
        return
    window_ms = rule.window_s * 1000
    lead = window_ms if rule.kind in ("rate", "forecast") else 0
    quantity = QUANTITIES[rule.quantity]
    told_by = read_told(session, store, quantity, subjects, start_ms - lead, end_ms)
    for subject, told in told_by:
        ts, values = told.ts, quantity.judge(told, facts_of(quantity, subject))
        if rule.kind == "rate":
            values = rates_per_hour(ts, values, window_ms)
        if rule.kind == "forecast":
            ts, values = forecast(
                ts, values, window_ms=window_ms, horizon_ms=rule.horizon_s * 1000,
                above=rule.way == "above", start_ms=start_ms, end_ms=end_ms,
            )  # fmt: skip
        first = int(np.searchsorted(ts, start_ms))
        yield subject, ts[first:], values[first:]


def read_told(
    session: Session,
    store: SampleStore,
    quantity: Quantity,
    subjects: Sequence[Subject],
    start_ms: int,
    end_ms: int,
) -> Iterator[tuple[Subject, Told]]:
    """What each subject's series told in [start, end), of those with several parts also what they
    told just before, as far back as it matters."""
    folds = quantity.family == DISCARDS.name
    series = [one.series[quantity.key] for one in subjects]
    beyond = end_ms + (QUIET_MS if folds else 0)
    alone = [several[0] for several in series if len(several) == 1]
    parts = [number for several in series if len(several) > 1 for number in several]
    # What tells its parts apart is rare, and read further back.
    of_one = store.read(session, quantity.family, alone, start_ms, beyond)
    of_parts = store.read(session, quantity.family, parts, start_ms - quantity.lead_ms, end_ms)
    for subject, several in zip(subjects, series, strict=True):
        read = of_one if len(several) == 1 else of_parts
        found = [next(read)[1] for _number in several]
        if folds:
            inside = cut_quiet(found[0], start_ms, end_ms)
            found = [spread_quiet(inside, subject.step_of(quantity.key) * 1000)]
        yield subject, align(found)


def facts_of(quantity: Quantity, subject: Subject) -> Facts:
    """Of parts as columns, (parts, 1)."""
    parts = subject.parts.get(quantity.key, {})
    return {**subject.facts, **{name: np.array(each)[:, None] for name, each in parts.items()}}


def _read_silences(
    session: Session,
    store: SampleStore,
    rule: Rule,
    subjects: Sequence[Subject],
    start_ms: int,
    end_ms: int,
) -> Iterator[tuple[Subject, Ints, Floats]]:
    """An agent answered when any of its device's series has a sample."""
    family = QUANTITIES[rule.quantity].family
    lead = start_ms - int(rule.raise_at * 1000)
    for subject in subjects:
        answers: list[Ints] = []
        for each, several in subject.series.items():
            if family in ("", each):
                read = store.read(session, each, several, lead, end_ms)
                answers += [columns.ts for _id, columns in read]
        came = np.unique(np.concatenate(answers)) if answers else np.empty(0, dtype=np.int64)
        ts, values = silences(came, end_ms, subject.step_s * 1000)
        first = int(np.searchsorted(ts, start_ms))
        yield subject, ts[first:], values[first:]


class Newests:
    """The newest samples of all series, read once a family and round."""

    def __init__(self, session: Session, store: SampleStore) -> None:
        self._session, self._store = session, store
        self._read: dict[str, dict[int, Latest]] = {}

    def read(self, rule: Rule, subjects: Sequence[Subject]) -> Newest:
        """By `rule`, which is no rate: that takes more than the newest sample."""
        quantity = QUANTITIES[rule.quantity]
        if not subjects:
            return Newest(np.empty(0, dtype=np.int64), np.empty(0))
        if rule.kind == "absence":
            return self._ages(quantity.family, subjects)
        latest = self._of(quantity.family)
        found = [[latest.get(each) for each in one.series[quantity.key]] for one in subjects]
        told = _stack(found, find_family(quantity.family).columns)
        facts: dict[str, Any] = {
            name: np.array([one.facts[name] for one in subjects]) for name in subjects[0].facts
        }
        for name in subjects[0].parts.get(quantity.key, {}):
            several = [one.parts[quantity.key][name] for one in subjects]
            facts[name] = np.array(list(zip_longest(*several, fillvalue=np.nan)))
        values = quantity.judge(told, facts)
        return Newest(told.ts, np.where(told.ts > 0, values, np.nan))

    def _ages(self, family: str, subjects: Sequence[Subject]) -> Newest:
        """How old the newest reading was when it was last asked for: while nobody asks, silence
        is nobody's."""
        asked = np.array([one.polled_ms or 0 for one in subjects], dtype=np.int64)
        if family:
            latest = self._of(family)
            newest = [[latest.get(each) for each in one.series[family]] for one in subjects]
            came = _stack(newest, ()).ts
        else:
            came = np.array([one.answered_ms or 0 for one in subjects], dtype=np.int64)
        ages = np.maximum(asked - came, 0) / 1000.0
        return Newest(asked, np.where((asked > 0) & (came > 0), ages, np.nan))

    def _of(self, family: str) -> dict[int, Latest]:
        if family not in self._read:
            self._read[family] = self._store.latest(self._session, family)
        return self._read[family]


def _stack(found: Sequence[Sequence[Latest | None]], names: Sequence[str]) -> Told:
    """The newest samples of each subject's parts, as if they were all of one; `ts` is that of the
    newest part, 0 without any."""
    nothing = (0,) * (2 + len(names))
    rows = np.array(
        [
            [
                nothing
                if one is None
                else (one.ts, one.span_ms, *(int(one.values[name]) for name in names))
                for one in part
            ]
            for part in zip_longest(*found)
        ],
        dtype=np.int64,
    )
    at, values = rows[:, :, 0], {name: rows[:, :, 2 + n] for n, name in enumerate(names)}
    return Told(at.max(axis=0), rows[0, :, 1], at, values)
