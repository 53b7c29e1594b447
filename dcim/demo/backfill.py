"""Give the demo a past: the closed month and the running one, through the sample store."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from dcim.accounts.models import JobRun
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.demo.causes import explain_incidents
from dcim.demo.instance import DemoInstance
from dcim.demo.load import DEMO_JOB, is_demo
from dcim.demo.optics import past_optics
from dcim.demo.physics import World
from dcim.demo.polls import PastPolls, Samples
from dcim.errors import ConflictError
from dcim.inventory.models import Device
from dcim.metering.batch import Batch
from dcim.metering.families import FLAG_LOADED
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, write_counter_memory
from dcim.sla.incidents import derive_incidents
from dcim.snmp.agents.models import SnmpAgent, Transceiver

BACKFILL_KEY = "backfill"
# Series per transaction: bounds memory, and what a crash has to do again.
CHUNK = 12

Say = Callable[[str], None]


@dataclass(frozen=True)
class BackfillReport:
    """`done` is False when the past was there already."""

    done: bool
    series: int
    samples: int
    seconds: float


# The meters ran before the month began: its first second is as well known as any other.
LEAD_MS = 2 * 86_400_000
OVERLAP_MS = 600_000


def backfill(
    sessions: SessionFactory,
    demo: DemoInstance,
    say: Say = lambda line: None,
    *,
    now_ms: int | None = None,
    start_ms: int | None = None,
) -> BackfillReport:
    """Write the past from before the closed month (or `start_ms`) until now, once.

    Then derive its incidents, and give them the causes that the demo's people found out.
    Safe to kill and to run again: what was written is written once more, to the same effect.
    Raises ConflictError when the demo isn't loaded.
    """
    began = time.monotonic()
    now = now_ms or time.time_ns() // 1_000_000
    scope = Scope.system("demo-backfill")
    with transaction(sessions, scope) as session:
        if not is_demo(session):
            raise ConflictError("Load the demo before you give it a past.")
        if session.get(JobRun, (DEMO_JOB, BACKFILL_KEY)) is not None:
            say("The demo has its past already; nothing was changed.")
            return BackfillReport(False, 0, 0, 0.0)
        ids = _find_series(session)
    plan = demo.plan()
    polls = PastPolls(World(plan), start_ms or plan.month_start_ms - LEAD_MS, now)
    chunk: list[tuple[int, Samples]] = []
    series = samples = 0
    for key, found in _every_series(polls):
        chunk.append((ids[key], found))
        series += 1
        if len(chunk) == CHUNK:
            samples += _write(sessions, scope, chunk, now)
            chunk.clear()
            say(f"{series} of {len(ids)} series, {samples:,} samples")
    samples += _write(sessions, scope, chunk, now)
    say("Deriving incidents from what was measured")
    with transaction(sessions, scope) as session:
        _note_optics(session, now)
        derived = derive_incidents(session, PostgresSampleStore(), polls.start_ms, now)
        explained = explain_incidents(session, plan)
        say(f"{derived.new + derived.known} incidents, {explained} explained")
        outcome: dict[str, object] = {"from_ms": polls.start_ms, "to_ms": now, "samples": samples}
        moment = utc_now()
        session.add(
            JobRun(
                job=DEMO_JOB,
                key=BACKFILL_KEY,
                started_at=moment,
                finished_at=moment,
                outcome=outcome,
            )
        )
    seconds = time.monotonic() - began
    say(f"{samples:,} samples of {series} series in {seconds:.0f} s")
    return BackfillReport(True, series, samples, seconds)


def catch_up(
    sessions: SessionFactory,
    demo: DemoInstance,
    say: Say = lambda line: None,
    *,
    now_ms: int | None = None,
) -> int:
    """Write what was measured since the past was written, until the first live poll is due.

    Does nothing once an agent was polled: from then on a gap is a gap. Returns the samples written.
    """
    now = now_ms or time.time_ns() // 1_000_000
    scope = Scope.system("demo-backfill")
    with transaction(sessions, scope) as session:
        run = session.get(JobRun, (DEMO_JOB, BACKFILL_KEY))
        polled = session.scalar(
            select(func.count()).select_from(SnmpAgent).where(SnmpAgent.last_poll_at.is_not(None))
        )
        if run is None or run.outcome is None or polled:
            return 0
        written_to = int(str(run.outcome["to_ms"]))
        ids = _find_series(session)
    # A little before: the first delta needs the counters of the poll before it.
    polls = PastPolls(World(demo.plan()), written_to - OVERLAP_MS, now)
    chunk = [(ids[key], found.since(written_to)) for key, found in _every_series(polls)]
    samples = _write(sessions, scope, chunk, now)
    with transaction(sessions, scope) as session:
        run = session.get_one(JobRun, (DEMO_JOB, BACKFILL_KEY))
        run.outcome = {**(run.outcome or {}), "to_ms": now}
        _note_optics(session, now)
    say(f"{samples:,} samples of the last minutes")
    return samples


def _every_series(polls: PastPolls) -> Iterator[tuple[tuple[str, str, str], Samples]]:
    """((family, device, slot), samples) of all that polling would have filled."""
    for one, found in polls.every_series():
        yield (one.family, one.device, one.slot), found
    for device, slot, found in past_optics(polls):
        yield (found.family.name, device, slot), found


def _note_optics(session: Session, now_ms: int) -> None:
    """The past tells of every module up to now."""
    read_at = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    session.execute(update(Transceiver).where(Transceiver.since < read_at).values(read_at=read_at))


def _find_series(session: Session) -> dict[tuple[str, str, str], int]:
    rows = session.execute(
        select(Series.family, Device.name, Series.slot, Series.id).join(
            Device, Device.id == Series.device_id
        )
    )
    return {(family, device, slot): series_id for family, device, slot, series_id in rows}


def _write(
    sessions: SessionFactory, scope: Scope, chunk: list[tuple[int, Samples]], now_ms: int
) -> int:
    store = PostgresSampleStore()
    families = {samples.family.name: samples.family for _, samples in chunk}
    written = 0
    with transaction(sessions, scope) as session:
        for name, family in families.items():
            parts = [(key, one) for key, one in chunk if one.family.name == name and len(one.ts)]
            if not parts:
                continue
            batch = Batch.from_arrays(
                family,
                np.concatenate([np.full(len(one.ts), key) for key, one in parts]),
                np.concatenate([one.ts for _, one in parts]),
                {
                    column: np.concatenate([one.values[column] for _, one in parts])
                    for column in family.columns
                },
                span_ms=np.concatenate([one.span_ms for _, one in parts]),
                flags=FLAG_LOADED,
            )
            written += store.load_days(session, batch, now_ms)
        write_counter_memory(
            session, {key: one.memory for key, one in chunk if one.memory is not None}
        )
    return written
