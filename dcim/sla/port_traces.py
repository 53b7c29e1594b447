"""The last 24 hours of ports as boards draw them, remembered in this process.

What a day of a port looked like is read once; afterwards only what came since, and only for ports
that somebody looks at.
"""

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dcim.metering.batch import Columns
from dcim.metering.downsampling import Floats, bucket_rates, listed
from dcim.metering.families import DAY_MS, DISCARDS
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.sla.ports import PortNow, find_since, hold_of

STEP_MS = 900_000
STEPS = DAY_MS // STEP_MS
# About 2 kB each.
MOST = 20_000


@dataclass(frozen=True, slots=True)
class Trace:
    """A day of a port: mean of the busier direction by the quarter hour, in bit/s.

    `errors` and `discards` are sums of what is known. `since` is when the present state began; none
    when that was before the day.
    """

    values: list[float | None]
    errors: int
    discards: int
    since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class _Day:
    """`values`, `errors` and `discards` by the quarter hour up to `end`; read up to `read_ms`.
    `newest` is the newest sample then and `state` what it said, `since_ms` when that began, where
    it is known."""

    end: int
    read_ms: int
    newest: dt.datetime | None
    state: str
    since_ms: int | None
    values: Floats
    errors: Floats
    discards: Floats


_Key = tuple[int, int | None, int | None, int | None]


class _Memory:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.days: dict[_Key, _Day] = {}
        # What was told of a day at the end of which quarter hour: the same object while it holds.
        self.told: dict[_Key, tuple[_Day, int, Trace]] = {}


_memories: "WeakKeyDictionary[Engine, _Memory]" = WeakKeyDictionary()
_memories_lock = threading.Lock()


def read_traces(
    session: Session,
    ports: Sequence[PortNow],
    now: dt.datetime,
    store: SampleStore | None = None,
) -> dict[int, Trace]:
    """The last 24 hours of each port, by its id."""
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    with _memories_lock:
        memory = _memories.setdefault(engine, _Memory())
    now_ms = round(now.timestamp() * 1000)
    end = (now_ms // STEP_MS + 1) * STEP_MS
    with memory.lock:
        if len(memory.days) > MOST:
            memory.days.clear()
            memory.told.clear()
        known = {port.id: memory.days.get(_key(port)) for port in ports}
    # Somebody may have looked an instant later, and a clock may be set back.
    end = max([end, *(day.end for day in known.values() if day is not None)])
    days: dict[int, _Day] = {}
    late: dict[int, list[PortNow]] = {}
    for port in ports:
        day = known[port.id]
        if day is not None and day.read_ms <= now_ms - DAY_MS // 2:
            day = known[port.id] = None
        if day is None:
            late.setdefault(end - DAY_MS, []).append(port)
        elif (day.newest, day.state) != (port.newest_at, port.state):
            late.setdefault(max(_last_known(day), end - DAY_MS), []).append(port)
        else:
            days[port.id] = day
    # Those read to nearly the same instant are read together.
    if late:
        older = late.pop(end - DAY_MS, [])
        rest = [port for several in late.values() for port in several]
        for start, several in ((end - DAY_MS, older), (min(late, default=0), rest)):
            if several:
                days |= _read_days(
                    session, several, known, start, end, now_ms, store or PostgresSampleStore()
                )
    found = {}
    with memory.lock:
        for port in ports:
            key, day = _key(port), days[port.id]
            memory.days[key] = day
            told = memory.told.get(key)
            if told is None or told[0] is not day or told[1] != end:
                told = memory.told[key] = (day, end, _tell(day, end))
            found[port.id] = told[2]
    return found


def _last_known(day: _Day) -> int:
    """The quarter hour before that of its newest sample, ms: from there on a day is told anew. What
    waited in a poller comes in order, long after its time: when it was read says nothing."""
    newest_ms = 0 if day.newest is None else round(day.newest.timestamp() * 1000)
    return newest_ms // STEP_MS * STEP_MS - STEP_MS


def _key(port: PortNow) -> _Key:
    return port.id, port.traffic_id, port.state_id, port.discards_id


def _read_days(
    session: Session,
    ports: Sequence[PortNow],
    known: dict[int, _Day | None],
    start: int,
    end: int,
    now_ms: int,
    store: SampleStore,
) -> dict[int, _Day]:
    """What is known with [start, end) told anew."""
    traffic = dict(store.read(session, "traffic", _ids([p.traffic_id for p in ports]), start, end))
    states = dict(store.read(session, "state", _ids([p.state_id for p in ports]), start, end))
    dropped = _ids([p.discards_id for p in ports])
    discards = dict(store.read(session, "discards", dropped, start, end))
    found = {}
    for port in ports:
        before = known[port.id]
        count = (end - start) // STEP_MS
        values = np.full(count, np.nan)
        columns = traffic.get(port.traffic_id or 0)
        if columns is not None:
            ways = [bucket_rates(columns, way, start, end, STEP_MS).mean for way in ("in", "out")]
            values = np.fmax(*ways)
        errors = _count(columns, ("in_errors", "out_errors"), start, count)
        lost = _count(discards.get(port.discards_id or 0), DISCARDS.columns, start, count)
        since = find_since(states.get(port.state_id or 0), port.state, hold_of(port), start)
        since_ms = None if since is None else round(since.timestamp() * 1000)
        if before is not None:
            values = _shift(before.values, before.end, end, values, np.nan)
            errors = _shift(before.errors, before.end, end, errors, 0)
            lost = _shift(before.discards, before.end, end, lost, 0)
            if since_ms is None and before.state == port.state:
                since_ms = before.since_ms
        found[port.id] = _Day(
            end, now_ms, port.newest_at, port.state, since_ms, values, errors, lost
        )
    return found


def _count(columns: Columns | None, names: Sequence[str], start: int, steps: int) -> Floats:
    """What both columns count in each quarter hour from `start`."""
    found = np.zeros(steps)
    if columns is not None:
        places = (columns.ts - start) // STEP_MS
        for name in names:
            np.add.at(found, places, np.maximum(columns.values[name], 0))
    return found


def _shift(old: Floats, old_end: int, end: int, fresh: Floats, nothing: float) -> Floats:
    """A day up to `end`: the newest part is `fresh`, before it what was there."""
    moved = np.full(STEPS, nothing)
    by = (end - old_end) // STEP_MS
    if by < STEPS:
        moved[: STEPS - by] = old[by:]
    moved[STEPS - len(fresh) :] = fresh
    return moved


def _tell(day: _Day, end: int) -> Trace:
    nothing = np.full(0, np.nan)
    values, errors, discards = day.values, day.errors, day.discards
    if day.end != end:
        values = _shift(values, day.end, end, nothing, np.nan)
        errors = _shift(errors, day.end, end, nothing, 0)
        discards = _shift(discards, day.end, end, nothing, 0)
    since = None
    if day.since_ms is not None and day.since_ms > end - DAY_MS:
        since = dt.datetime.fromtimestamp(day.since_ms / 1000, dt.UTC)
    some = not np.isnan(values).all()
    shown = listed(values, digits=0) if some else []
    return Trace(shown, int(errors.sum()), int(discards.sum()), since)


def _ids(several: Sequence[int | None]) -> list[int]:
    return [one for one in several if one is not None]
