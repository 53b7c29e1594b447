"""Stored samples as the values that rules judge: of a stretch of time, and the newest ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from dcim.alarms.rules.limits import Rule
from dcim.alarms.rules.quantities import (
    QUANTITIES,
    Floats,
    Ints,
    rates_per_hour,
    silences,
)
from dcim.alarms.rules.trends import forecast
from dcim.alarms.subjects import Subject
from dcim.metering.batch import Columns
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
    quantity = QUANTITIES[rule.quantity]
    window_ms = rule.window_s * 1000
    lead = window_ms if rule.kind in ("rate", "forecast") else 0
    by_series = [one.series[quantity.family] for one in subjects]
    folds = quantity.family == DISCARDS.name
    beyond = QUIET_MS if folds else 0
    read = store.read(session, quantity.family, by_series, start_ms - lead, end_ms + beyond)
    for subject, (_id, found) in zip(subjects, read, strict=True):
        columns = found
        if folds:
            inside = cut_quiet(found, start_ms - lead, end_ms)
            columns = spread_quiet(inside, subject.step_s * 1000)
        ts, values = _measure(rule, subject, columns)
        if rule.kind == "forecast":
            ts, values = forecast(
                ts, values, window_ms=window_ms, horizon_ms=rule.horizon_s * 1000,
                above=rule.way == "above", start_ms=start_ms, end_ms=end_ms,
            )  # fmt: skip
        first = int(np.searchsorted(ts, start_ms))
        yield subject, ts[first:], values[first:]


def _measure(rule: Rule, subject: Subject, columns: Columns) -> tuple[Ints, Floats]:
    quantity = QUANTITIES[rule.quantity]
    values = quantity.measure(columns.values, columns.span_ms, subject.facts)
    if rule.kind == "rate":
        values = rates_per_hour(columns.ts, values, rule.window_s * 1000)
    return columns.ts, values


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
        for each, series_id in subject.series.items():
            if family in ("", each):
                ((_id, columns),) = store.read(session, each, [series_id], lead, end_ms)
                answers.append(columns.ts)
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
        latest = [self._of(quantity.family).get(one.series[quantity.family]) for one in subjects]
        names = find_family(quantity.family).columns
        rows = np.array(
            [
                (0, 0, *(0 for _name in names))
                if one is None
                else (one.ts, one.span_ms, *(int(one.values[name]) for name in names))
                for one in latest
            ],
            dtype=np.int64,
        ).T
        columns = {name: rows[2 + place] for place, name in enumerate(names)}
        facts = {
            name: np.array([one.facts[name] for one in subjects]) for name in subjects[0].facts
        }
        values = quantity.measure(columns, rows[1], facts)
        return Newest(rows[0], np.where(rows[0] > 0, values, np.nan))

    def _ages(self, family: str, subjects: Sequence[Subject]) -> Newest:
        """How old the newest reading was when it was last asked for: while nobody asks, silence
        is nobody's."""
        asked = np.array([one.polled_ms or 0 for one in subjects], dtype=np.int64)
        if family:
            latest = self._of(family)
            newest = [latest.get(one.series[family]) for one in subjects]
            came = np.array([0 if one is None else one.ts for one in newest], dtype=np.int64)
        else:
            came = np.array([one.answered_ms or 0 for one in subjects], dtype=np.int64)
        ages = np.maximum(asked - came, 0) / 1000.0
        return Newest(asked, np.where((asked > 0) & (came > 0), ages, np.nan))

    def _of(self, family: str) -> dict[int, Latest]:
        if family not in self._read:
            self._read[family] = self._store.latest(self._session, family)
        return self._read[family]
