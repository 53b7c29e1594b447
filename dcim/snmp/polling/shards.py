"""Polling: a shard of agents is read at once, and what they say is kept, all or nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import structlog
from sqlalchemy.exc import SQLAlchemyError

from dcim.db import is_passing
from dcim.snmp.polling.port_poll import PortOrder
from dcim.snmp.polling.port_recording import boot_clock, is_comparable, poll_of_readings
from dcim.snmp.polling.port_walking import (
    FULL_READ_EVERY_S,
    OPTICS_EVERY_S,
    Walked,
    walk_agents,
)
from dcim.snmp.polling.recording import Outcome
from dcim.snmp.polling.room import AgentPlan, PollingRoom, Round, beat_of
from dcim.snmp.reading.optics import read_optics
from dcim.snmp.reading.probe import ProbeResult, identify
from dcim.snmp.reading.profiles import Profile
from dcim.snmp.reading.readings import Reading, read_device, read_readings
from dcim.snmp.wire import faults
from dcim.snmp.wire.drops import Drops
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

log = structlog.get_logger(__name__)

# Agents asked side by side; each has one request in flight.
AT_ONCE = 128
# With less time for it than that nobody is polled between the shard's own polls, seconds.
LEAST_S = 2.0
# What an agent's optics may take of a poll, seconds.
OPTICS_LIMIT_S = 10.0

Keep: TypeAlias = Callable[[Sequence[Outcome]], Awaitable[None]]


async def poll_shard(
    room: PollingRoom, shard: int, agent_ids: Collection[int] | None = None
) -> int:
    """Poll a shard's agents and keep what they say. Returns how many answered.

    While the database is away, the agents are those of this worker's last poll of the shard.
    `agent_ids`: these alone, between the shard's own polls, and as far as there is time until the
    next of them. Who doesn't answer isn't called silent for it: that is the shard's own poll's.
    """
    round_ = room.rounds.setdefault(shard, Round())
    async with round_.turn:
        if agent_ids is None:
            # Told to the machine's other workers, which then don't think that nobody polls it.
            room.keeper.spool.claim_beat(shard, beat_of(room.settings, time.time()))
        try:
            plans = await asyncio.to_thread(room.plans, shard)
            last = await asyncio.to_thread(room.last_orders, plans)
        except SQLAlchemyError as error:
            if not round_.plans or not is_passing(error):
                raise
            return await _poll_round(room, shard, round_, agent_ids)
        round_.plans, round_.last = plans, last
        return await _poll_round(room, shard, round_, agent_ids)


async def poll_remembered(room: PollingRoom, shard: int) -> int:
    """Poll a shard as it was at this worker's last poll of it, without asking the database."""
    round_ = room.rounds[shard]
    async with round_.turn:
        return await _poll_round(room, shard, round_)


async def _poll_round(
    room: PollingRoom, shard: int, round_: Round, agent_ids: Collection[int] | None = None
) -> int:
    plans, last = round_.plans, round_.last
    # A poll that isn't done when the next one is due is given up.
    limit_s = max(room.settings.poll_interval_s * 0.85, 4.0)
    if agent_ids is None:
        round_.began = time.monotonic()
    else:
        plans = [plan for plan in plans if plan.agent_id in agent_ids]
        # Sweep, gauges and what is read whole come one after the other.
        limit_s = min(limit_s, _left_of_beat(room.settings.poll_interval_s, time.time()) / 3)
        if limit_s < LEAST_S:
            return 0  # they are polled in a moment, with all others
    quick = [plan for plan in plans if room.is_quick(plan, last)]
    chosen = {plan.agent_id for plan in quick}
    others = [plan for plan in plans if plan.agent_id not in chosen]

    async def keep(outcomes: Sequence[Outcome]) -> None:
        if agent_ids is not None:
            outcomes = [each for each in outcomes if not each.error]
        outcomes = with_drops(room.drops, plans, outcomes)
        if not await asyncio.to_thread(room.keeper.keep, shard, outcomes):
            # The database can't tell of them the next time.
            round_.last.update(
                {
                    each.agent_id: each.ports.order
                    for each in outcomes
                    if each.ports is not None and is_comparable(each.ports.table)
                }
            )

    answered = sum(
        await asyncio.gather(
            _poll_quickly(room, quick, last, limit_s, keep),
            _poll_whole(room, others, limit_s, keep),
        )
    )
    log.info("shard polled", shard=shard, agents=len(plans), answered=answered, quick=len(quick))
    return answered


def _left_of_beat(interval_s: int, now_s: float) -> float:
    """Seconds until the next beat (`beat_of`)."""
    return interval_s - now_s % interval_s


def with_drops(
    drops: Drops, plans: Sequence[AgentPlan], outcomes: Sequence[Outcome]
) -> Sequence[Outcome]:
    """Put what was dropped into the outcomes of whom it concerns; of nobody, into the first."""
    if not drops.waiting or not outcomes:
        return outcomes
    peers = {plan.agent_id: plan.target.peer for plan in plans if plan.target is not None}
    told = [
        replace(each, drops=drops.take(peers[each.agent_id])) if each.agent_id in peers else each
        for each in outcomes
    ]
    told[0] = replace(told[0], strays=drops.take_strays())
    return told


async def _poll_quickly(
    room: PollingRoom,
    plans: Sequence[AgentPlan],
    last: Mapping[int, PortOrder],
    limit_s: float,
    keep: Keep,
) -> int:
    """Sweep ports; read gauges, and whole whoever the sweep can't tell the truth about."""
    targets = [(plan.agent_id, plan.target) for plan in plans if plan.target is not None]
    walked = await walk_agents(targets, last, room.habits, limit_s, room.drops)
    again = [plan for plan in plans if walked[plan.agent_id].again]
    rest = [plan for plan in plans if not walked[plan.agent_id].again]
    outcomes = await asyncio.gather(
        *(_complete(room, plan, walked[plan.agent_id], limit_s) for plan in rest)
    )
    await keep(outcomes)
    answered = sum(not outcome.error for outcome in outcomes)
    if again:
        log.info("agents read whole", agents=len(again), why=walked[again[0].agent_id].again)
        answered += await _poll_whole(room, again, limit_s, keep)
    return answered


async def _complete(room: PollingRoom, plan: AgentPlan, walked: Walked, limit_s: float) -> Outcome:
    """Make the outcome of a walk, reading what the profile has beside the ports."""
    outcome = Outcome(
        plan.agent_id,
        plan.device_id,
        walked.at_ms,
        ports=walked.ports,
        error="" if walked.error is None else faults.explain(walked.error),
        duration_ms=walked.duration_ms,
    )
    tables = room.catalogue.tables(room.catalogue.profiles[plan.profile])
    if walked.error or plan.target is None:
        return outcome
    began = time.monotonic()
    outcome = await add_optics(room, plan, plan.profile, outcome, limit_s / 2)
    if not tables or not room.habits[plan.agent_id].has_readings:
        return outcome
    readings: Sequence[Reading] = ()
    try:
        async with asyncio.timeout(limit_s):
            readings = await read_readings(await room.engine(), plan.target, tables)
    except Exception as error:
        if not isinstance(error, faults.SnmpError | TimeoutError):
            log.exception("gauges can't be read", agent=plan.agent_id)
        # The ports are known; the next whole reading says what is the matter.
        room.habits[plan.agent_id].full_read_at = 0.0
    room.habits[plan.agent_id].has_readings = bool(readings)
    took_ms = int((time.monotonic() - began) * 1000)
    return replace(
        outcome,
        readings=readings,
        at_ms=time.time_ns() // 1_000_000,
        duration_ms=outcome.duration_ms + took_ms,
    )


async def _poll_whole(
    room: PollingRoom, plans: Sequence[AgentPlan], limit_s: float, keep: Keep
) -> int:
    """Read everything of agents with the general engine."""
    engine = await room.engine()
    turn = asyncio.Semaphore(AT_ONCE)

    async def poll(plan: AgentPlan) -> Outcome:
        async with turn:
            return await poll_agent(room, engine, plan, limit_s)

    answered = 0
    for start in range(0, len(plans), AT_ONCE):
        outcomes = await asyncio.gather(*map(poll, plans[start : start + AT_ONCE]))
        answered += sum(not outcome.error for outcome in outcomes)
        await keep(outcomes)
    return answered


async def poll_agent(room: PollingRoom, engine: Engine, plan: AgentPlan, limit_s: float) -> Outcome:
    """Read one agent; whatever goes wrong with it is its own outcome, never the shard's."""
    began_ns = time.monotonic_ns()
    outcome = Outcome(plan.agent_id, plan.device_id, time.time_ns() // 1_000_000)
    if plan.target is None:
        return replace(outcome, error=plan.refusal)
    name = plan.profile
    try:
        async with asyncio.timeout(limit_s):
            identity: ProbeResult | None = None
            if not plan.identified:
                identity = await identify(engine, plan.target, room.catalogue)
                name = identity.profile
            profile = room.catalogue.profiles[name]
            outcome = replace(outcome, identity=identity)
            outcome = await _read_whole(room, engine, plan.target, profile, outcome)
    except faults.SnmpError as error:
        outcome = replace(outcome, error=faults.explain(error))
    except TimeoutError:
        outcome = replace(outcome, error=f"gave up after {limit_s:.0f} s: the agent is too slow")
    except Exception as error:
        # A device must never be able to stop the others by what it sends.
        log.exception("poll failed", agent=plan.agent_id)
        outcome = replace(outcome, error=f"unexpected: {type(error).__name__}")
    took_s = (time.monotonic_ns() - began_ns) / 1e9
    if not outcome.error:
        outcome = await add_optics(room, plan, name, outcome, limit_s - took_s)
    now_ms = time.time_ns() // 1_000_000
    took_ms = (time.monotonic_ns() - began_ns) // 1_000_000
    return replace(outcome, at_ms=now_ms, duration_ms=took_ms)


async def _read_whole(
    room: PollingRoom, engine: Engine, target: Target, profile: Profile, outcome: Outcome
) -> Outcome:
    target = replace(target, bulk=profile.bulk)
    reading = await read_device(engine, target, profile, room.catalogue)
    ports = [port for name, port in reading.ports.items() if name]
    habits = room.habits[outcome.agent_id]
    habits.has_readings = bool(reading.readings)
    habits.full_read_at = time.monotonic() + FULL_READ_EVERY_S
    poll = poll_of_readings(ports, reading.uptime_ticks, reading.engine_time_s, boot_clock())
    return replace(
        outcome,
        ports=poll if ports else None,
        readings=reading.readings,
        aliases={port.name: port.alias for port in ports},
    )


async def add_optics(
    room: PollingRoom, plan: AgentPlan, profile: str, outcome: Outcome, limit_s: float
) -> Outcome:
    """Read the ports' optics where it is time for them, in what is left of the poll.

    They are the least of it: where they can't be read the outcome is the same without them, and
    they are tried again at their next turn.
    """
    habits, now = room.habits[outcome.agent_id], time.monotonic()
    known = room.catalogue.profiles.get(profile)
    specs = [] if known is None else room.catalogue.optics(known)
    ports = outcome.ports
    if not specs or known is None or plan.target is None or ports is None:
        return outcome
    if now < habits.optics_at or limit_s < LEAST_S:
        return outcome
    # A little less: the poll of five minutes on may come a moment early.
    habits.optics_at = now + 0.9 * OPTICS_EVERY_S
    names = dict(zip(ports.if_index.tolist(), ports.table.names, strict=True))
    told = habits.optics if now < habits.optics_until else None
    try:
        # No longer than that: all of the shard waits for the last of it.
        async with asyncio.timeout(min(limit_s, OPTICS_LIMIT_S)):
            found, used = await read_optics(
                await room.engine(), replace(plan.target, bulk=known.bulk), specs, names, told
            )
    except Exception as error:
        if not isinstance(error, faults.SnmpError | TimeoutError):
            log.exception("optics can't be read", agent=plan.agent_id)
        habits.optics = None
        return outcome
    if used.modules or habits.optics is None or not habits.optics.modules:
        if used is not told:
            habits.optics, habits.optics_until = used, now + FULL_READ_EVERY_S
    else:
        # The last module was pulled: nothing would be asked by a plan without any, and the next
        # one may be put in at any moment.
        habits.optics_until = now
    return replace(outcome, optics=found)
