"""Probing a shard of targets: what is due, echoed side by side, and what came of it kept."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import JifangError
from dcim.probing.allowing import check_address
from dcim.probing.carriers import open_icmp
from dcim.probing.echo import OpenCarrier, run_rounds
from dcim.probing.models import ProbeTarget
from dcim.probing.recording import record_rounds
from dcim.probing.rounds import METHODS, EchoTarget, Pace, Round

log = structlog.get_logger(__name__)

# Seconds between two looks of the clock; every interval is a multiple.
BEAT_S = 10
TARGETS_PER_SHARD = 100


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """`answered`: targets with at least one answer; `unsent`: those with echoes that weren't."""

    targets: int
    answered: int
    unsent: int
    strays: int


def find_due(session: Session, now_s: float) -> list[list[int]]:
    """The targets whose round is due at this beat, in shards. Each has its own place within its
    interval, so that not all come at once."""
    rows = session.execute(
        select(ProbeTarget.id, ProbeTarget.every_s)
        .where(ProbeTarget.active)
        .order_by(ProbeTarget.id)
    )
    due = [target_id for target_id, every_s in rows if is_due(target_id, every_s, now_s)]
    return [due[at : at + TARGETS_PER_SHARD] for at in range(0, len(due), TARGETS_PER_SHARD)]


def is_due(target_id: int, every_s: int, now_s: float) -> bool:
    """Whether the beat that `now_s` (UTC epoch, seconds) lies in is one of the target's."""
    beats = max(every_s // BEAT_S, 1)
    return int(now_s // BEAT_S) % beats == target_id % beats


async def probe_targets(
    settings: Settings,
    sessions: SessionFactory,
    target_ids: Sequence[int],
    *,
    pace: Pace | None = None,
    carriers: OpenCarrier = open_icmp,
) -> ProbeReport:
    """One round of each target that is still active, kept as samples.

    It is over after `Pace.longest_s`, however many are dead.
    """
    rounds = await asyncio.to_thread(_plan, settings, sessions, target_ids)
    found = await run_rounds(
        [each.target for each in rounds if not each.problem], pace=pace, carriers=carriers
    )
    rounds = [each for each in rounds if each.problem] + found.rounds

    def keep() -> None:
        with transaction(sessions, Scope.system("probe")) as session:
            record_rounds(session, rounds)

    await asyncio.to_thread(keep)
    report = ProbeReport(
        len(rounds),
        sum(any(rtt is not None for rtt in each.rtts_us) for each in rounds),
        sum(each.unsent > 0 for each in rounds),
        found.strays.total(),
    )
    log.info(
        "targets probed",
        targets=report.targets,
        answered=report.answered,
        unsent=report.unsent,
        strays=dict(found.strays),
    )
    return report


def _plan(settings: Settings, sessions: SessionFactory, target_ids: Sequence[int]) -> list[Round]:
    with transaction(sessions, Scope.system("probe")) as session:
        targets = session.scalars(
            select(ProbeTarget)
            .where(ProbeTarget.id.in_(target_ids), ProbeTarget.active)
            .order_by(ProbeTarget.id)
        )
        return [plan_round(settings, target) for target in targets]


def plan_round(settings: Settings, target: ProbeTarget) -> Round:
    """What is to be sent; `problem` says why nothing may be (its echoes then count as unsent)."""
    method = next(each for each in METHODS if each == target.method)
    refusal = ""
    address = target.address
    try:
        address = check_address(settings, address)
        asked = EchoTarget(target.id, address, method, target.tcp_port, target.count)
    except (JifangError, ValueError) as error:
        refusal = str(error)
        # Stands for what isn't asked: documentation's own network (RFC 5737).
        asked = EchoTarget(target.id, "192.0.2.0", method, target.tcp_port, target.count)
    planned = Round(asked, time.time_ns() // 1_000_000, method)
    if refusal:
        planned.refuse(target.count, refusal)
    return planned
