"""Probing a shard of targets: what is due, echoed side by side, and what came of it kept."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import or_, select
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
# Of a reference that is asked along with a shard.
WITNESS_ECHOES = 2


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
    """One round of each target that is still active, kept as samples; references are asked along.

    It is over after `Pace.longest_s`, however many are dead.
    """
    planned = await asyncio.to_thread(_plan, settings, sessions, target_ids)
    found = await run_rounds(
        [each.target for each in (*planned.due, *planned.witnesses) if not each.problem],
        pace=pace,
        carriers=carriers,
    )
    doubt_silence(found.rounds, planned.references)
    due = {each.target.key for each in planned.due}
    rounds = [each for each in planned.due if each.problem]
    rounds += [each for each in found.rounds if each.target.key in due]

    def keep() -> None:
        with transaction(sessions, Scope.system("probe")) as session:
            record_rounds(session, rounds)

    await asyncio.to_thread(keep)
    report = ProbeReport(
        len(rounds),
        sum(each.answered for each in rounds),
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


@dataclass(frozen=True, slots=True)
class _Planned:
    """`witnesses` are references that aren't due; `references` the keys of all there are."""

    due: list[Round]
    witnesses: list[Round]
    references: frozenset[int]


def _plan(settings: Settings, sessions: SessionFactory, target_ids: Sequence[int]) -> _Planned:
    wanted = set(target_ids)
    planned = _Planned([], [], frozenset())
    with transaction(sessions, Scope.system("probe")) as session:
        targets = session.scalars(
            select(ProbeTarget)
            .where(
                or_(ProbeTarget.id.in_(wanted), ProbeTarget.reference),
                ProbeTarget.active,
            )
            .order_by(ProbeTarget.id)
        ).all()
        for target in targets:
            round_ = plan_round(settings, target)
            if target.id in wanted:
                planned.due.append(round_)
            else:
                few = min(target.count, WITNESS_ECHOES)
                planned.witnesses.append(replace(round_, target=replace(round_.target, count=few)))
    references = frozenset(target.id for target in targets if target.reference)
    return replace(planned, references=references)


def doubt_silence(rounds: Sequence[Round], references: Collection[int]) -> None:
    """Where there are references and none answered, it may be the prober that is cut off: what
    nobody answered is then unknown, not lost. Without references everything is believed."""
    if not references or any(each.answered for each in rounds if each.target.key in references):
        return
    for each in rounds:
        if not each.answered:
            each.witnessed = False
            each.problem = each.problem or "no reference answered either"


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
