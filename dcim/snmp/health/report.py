"""How polling one device goes: its state now, what was dropped, what wasn't measured and why.

Agents are the operator's: these functions are for staff.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.config import Settings
from dcim.errors import NotFoundError
from dcim.metering.families import CLIMATE, POWER, Family
from dcim.metering.frame_store import find_layouts, read_device_frames
from dcim.metering.frames import open_gaps
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.snmp.agents.drop_counts import DropCount, read_drops
from dcim.snmp.agents.queries import AgentRow, list_agents
from dcim.snmp.counting.counters import GapReason
from dcim.snmp.health.gaps import (
    SAMPLE,
    SILENT,
    Coverage,
    GapSpan,
    Ints,
    Window,
    join_gaps,
    lay_out,
)
from dcim.snmp.polling.room import beat_of
from dcim.snmp.wire.faults import name_explained

WINDOW_S = 86_400
# A poll that is so many intervals old wasn't followed by the next ones: nobody polls.
_STALLED_AFTER = 3
# Causes by which an agent is silent, not refusing.
_SILENCES = ("timeout", "too_slow")


@dataclass(frozen=True, slots=True)
class GapRow:
    """A stretch without samples; `polls` is how many were due in it."""

    reason: str
    begin_at: dt.datetime
    end_at: dt.datetime
    polls: int


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """Samples got of samples due, of a port (`port_id` if the inventory has it) or of a gauge."""

    family: str
    name: str
    port_id: int | None
    due: int
    got: int
    newest_at: dt.datetime | None
    gaps: list[GapRow]

    @property
    def missing(self) -> int:
        return self.due - self.got


@dataclass(frozen=True, slots=True)
class AgentHealth:
    """What there is to know about polling one agent.

    `state` is one of `judge_agent`, `cause` that of `faults.name_fault`. Gaps are those from
    `begin_at` to `end_at`; `polled_since` is set where polls are kept only from then on.
    `damaged_frames` are polls that can't be opened.
    """

    agent: AgentRow
    state: str
    cause: str
    next_poll_at: dt.datetime | None
    interval_s: int
    begin_at: dt.datetime
    end_at: dt.datetime
    polled_since: dt.datetime | None
    polls: int
    damaged_frames: int
    drops: list[DropCount]
    ports: list[CoverageRow]
    gauges: list[CoverageRow]


def find_stalled(now: dt.datetime, interval_s: int) -> dt.datetime:
    """Whose last poll is from before, nobody polls any more."""
    return now - dt.timedelta(seconds=_STALLED_AFTER * interval_s)


def judge_agent(agent: AgentRow, now: dt.datetime, interval_s: int) -> str:
    """off, never (polled), stalled (nobody polls), silent, refused or answering."""
    if not agent.enabled:
        return "off"
    if agent.last_poll_at is None:
        return "never"
    if agent.last_poll_at < find_stalled(now, interval_s):
        return "stalled"
    if agent.silent_polls:
        return "silent" if name_explained(agent.last_error) in _SILENCES else "refused"
    return "answering"


def find_health(
    session: Session,
    settings: Settings,
    now: dt.datetime,
    *,
    agent_id: int | None = None,
    device_id: int | None = None,
) -> AgentHealth:
    """Of an agent, or of a device's agent. A fixed number of statements, whatever it has.

    Raises NotFoundError.
    """
    agents = list_agents(session, agent_id=agent_id, device_id=device_id).items
    if not agents and device_id is not None:
        raise NotFoundError("This device isn't polled.")
    if not agents:
        raise NotFoundError("No such agent.")
    agent = agents[0]
    end_ms = int(now.timestamp() * 1000)
    begin_ms = end_ms - WINDOW_S * 1000
    interval_s = settings.poll_interval_s
    frames, older = read_device_frames(session, agent.device_id, begin_ms, end_ms)
    gaps = open_gaps(frames, find_layouts(session, {each.layout_id for each in frames}))
    last_ms = 0 if agent.last_answer_at is None else int(agent.last_answer_at.timestamp() * 1000)
    before = older or 0 < last_ms < begin_ms
    window = Window(begin_ms, end_ms, interval_s * 1000, before)
    line = lay_out(gaps.times, window)
    ids = session.execute(select(Port.name, Port.id).where(Port.device_id == agent.device_id))
    known = {port.name: port.id for port in ids}
    ports = [
        _row("traffic", each, _newest(gaps.times, gaps.codes[:, column]), known.get(each.name))
        for column, each in enumerate(join_gaps(gaps.names, gaps.codes, line))
    ]
    gauges = [
        row
        for family in (POWER, CLIMATE)
        for row in _cover_gauges(session, family, agent.device_id, window)
    ]
    judged = judge_agent(agent, now, interval_s)
    next_s = (beat_of(settings, now.timestamp()) + 1) * interval_s
    return AgentHealth(
        agent=agent,
        state=judged,
        cause=name_explained(agent.last_error) if agent.last_error else "",
        next_poll_at=_instant(next_s * 1000) if judged not in ("off", "stalled") else None,
        interval_s=interval_s,
        begin_at=_instant(begin_ms),
        end_at=_instant(end_ms),
        polled_since=_instant(int(gaps.times[0])) if len(gaps.times) and not before else None,
        polls=len(gaps.times),
        damaged_frames=gaps.damaged,
        drops=read_drops(session, agent.id, now),
        ports=worst_first(ports),
        gauges=worst_first(gauges),
    )


def _cover_gauges(
    session: Session, family: Family, device_id: int, window: Window
) -> list[CoverageRow]:
    """Gauges have no reasons: a sample is there or isn't. Three statements."""
    rows = session.execute(
        select(Series.id, Series.slot)
        .where(Series.device_id == device_id, Series.family == family.name)
        .order_by(Series.slot)
    ).all()
    ids = [series_id for series_id, _ in rows]
    times = _read_times(session, family, ids, window)
    latest = PostgresSampleStore().latest(session, family.name, ids)
    none = np.empty(0, dtype=np.int64)
    found = []
    for series_id, slot in rows:
        newest = latest[series_id].ts if series_id in latest else None
        seen = times.get(series_id, none)
        # One that was measured some time, and not at all in this one, is missing in all of it.
        before = window.polled_before or (newest is not None and newest < window.begin_ms)
        line = lay_out(seen, replace(window, polled_before=before))
        (cover,) = join_gaps([slot], np.zeros((len(seen), 1), dtype=np.int16), line)
        found.append(_row(family.name, cover, newest))
    return found


def _read_times(
    session: Session, family: Family, series_ids: list[int], window: Window
) -> dict[int, Ints]:
    rows = session.execute(
        text(
            "SELECT series_id, string_agg(int8send(ts), ''::bytea ORDER BY ts)"  # noqa: S608
            f" FROM {family.hot_table} WHERE series_id = ANY(CAST(:ids AS integer[]))"
            " AND ts >= :low AND ts < :high GROUP BY series_id"
        ),
        {"ids": series_ids, "low": window.begin_ms, "high": window.end_ms},
    )
    return {
        series_id: np.frombuffer(bytes(body), dtype=">i8").astype(np.int64)
        for series_id, body in rows
    }


def common_gaps(rows: Iterable[CoverageRow]) -> list[GapRow]:
    """Gaps that all things have alike, in order; of one thing alone none are common."""
    due = [row for row in rows if row.due]
    if len(due) < 2:
        return []
    alike = set(due[0].gaps).intersection(*(row.gaps for row in due[1:]))
    return [gap for gap in due[0].gaps if gap in alike]


def worst_first(rows: Iterable[CoverageRow]) -> list[CoverageRow]:
    """Those that miss most first; else in the device's own order."""
    return sorted(rows, key=lambda row: -row.missing)


def _newest(times: Ints, codes: NDArray[np.int16]) -> int | None:
    there = times[codes == SAMPLE]
    return int(there[-1]) if len(there) else None


def _row(
    family: str, cover: Coverage, newest_ms: int | None, port_id: int | None = None
) -> CoverageRow:
    return CoverageRow(
        family,
        cover.name,
        port_id,
        cover.due,
        cover.got,
        None if newest_ms is None else _instant(newest_ms),
        [_gap(each) for each in cover.gaps],
    )


def _gap(span: GapSpan) -> GapRow:
    return GapRow(span.reason, _instant(span.begin_ms), _instant(span.end_ms), span.polls)


def _instant(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


def explain_gap(
    session: Session, device_id: int, port: str, begin_ms: int, end_ms: int, interval_s: int
) -> list[GapSpan]:
    """Why a port has no samples in [begin_ms, end_ms): the stretches, each with its reason.

    None where it has them all. Two statements.
    """
    frames, _ = read_device_frames(session, device_id, begin_ms, end_ms)
    gaps = open_gaps(frames, find_layouts(session, {each.layout_id for each in frames}))
    if port not in gaps.names:
        # The device answered without this port, or it didn't.
        reason = str(GapReason.MISSING) if frames else SILENT
        return [GapSpan(reason, begin_ms, end_ms, (end_ms - begin_ms) // (interval_s * 1000))]
    line = lay_out(gaps.times, Window(begin_ms, end_ms, interval_s * 1000, polled_before=True))
    column = gaps.names.index(port)
    [found] = join_gaps([port], gaps.codes[:, [column]], line)
    return found.gaps
