"""Polling: a shard of agents is read at once, and what they say is kept, all or nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.models import SealedSecret
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, is_passing, transaction
from dcim.errors import JifangError, NotFoundError
from dcim.snmp import faults
from dcim.snmp.credentials import make_target
from dcim.snmp.engine import Engine
from dcim.snmp.keeping import OutcomeKeeper
from dcim.snmp.models import SnmpAgent
from dcim.snmp.port_poll import PortPoll
from dcim.snmp.port_recording import (
    PortRecorder,
    boot_clock,
    is_comparable,
    last_poll,
    poll_of_readings,
)
from dcim.snmp.port_walking import FULL_READ_EVERY_S, AgentHabits, Walked, walk_agents
from dcim.snmp.probe import ProbeResult, identify, probe
from dcim.snmp.profiles import Catalogue, Profile, load_catalogue
from dcim.snmp.readings import Reading, read_device, read_readings
from dcim.snmp.recording import Outcome, find_measured
from dcim.snmp.registration import check_address
from dcim.snmp.target import Target

log = structlog.get_logger(__name__)

# Agents asked side by side; each has one request in flight.
AT_ONCE = 128
# So many polls without an answer and an agent is asked once instead of twice, until it answers.
SILENT_AFTER = 3

Keep: TypeAlias = Callable[[Sequence[Outcome]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """What is needed to poll one agent; `refusal` says why it can't be."""

    agent_id: int
    device_id: int
    target: Target | None
    profile: str
    identified: bool
    silent: bool
    refusal: str = ""


@dataclass(slots=True)
class Round:
    """What a worker remembers of a shard from its last poll, to go on without the database.

    `last` are the polls before by agent id; `began` is by the monotonic clock, seconds. Secrets of
    the targets stay in memory. `turn` keeps polls of the shard apart.
    """

    plans: Sequence[AgentPlan] = ()
    last: dict[int, PortPoll] = field(default_factory=dict)
    began: float = float("-inf")
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class PollingRoom:
    """One worker's engine and what it remembers of shards between polls."""

    settings: Settings
    sessions: SessionFactory
    catalogue: Catalogue = field(init=False)
    keeper: OutcomeKeeper = field(init=False)
    habits: dict[int, AgentHabits] = field(default_factory=dict)
    rounds: dict[int, Round] = field(default_factory=dict)
    _engine: Engine | None = None
    _plans: dict[int, tuple[object, list[AgentPlan]]] = field(default_factory=dict)
    _under_way: set[asyncio.Task[int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.catalogue = load_catalogue(site_profiles(self.settings))
        self.keeper = OutcomeKeeper(self.settings, self.sessions)

    @property
    def recorder(self) -> PortRecorder:
        return self.keeper.recorder

    async def engine(self) -> Engine:
        if self._engine is None:
            engine = Engine()
            await engine.__aenter__()
            self._engine = engine
        return self._engine

    async def carry_through(self, work: Coroutine[Any, Any, int]) -> int:
        """Await work that goes on though the one who awaits it is cancelled: a poll under way when
        the queue's connection breaks is finished, and kept.
        """
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.__aexit__(None, None, None)

    def database_answers(self) -> bool:
        """Whether the database can be written to now; a standby can't."""
        try:
            with transaction(self.sessions, Scope.system("poll")) as session:
                asked = session.execute(text("SELECT current_setting('transaction_read_only')"))
                return bool(asked.scalar_one() == "off")
        except SQLAlchemyError:
            return False

    def plans(self, shard: int) -> list[AgentPlan]:
        """The shard's agents; secrets are opened anew only when something has changed."""
        with transaction(self.sessions, Scope.system("poll")) as session:
            agents = session.scalars(
                select(SnmpAgent)
                .where(SnmpAgent.shard == shard, SnmpAgent.enabled)
                .options(joinedload(SnmpAgent.credential))
                .order_by(SnmpAgent.id)
            ).all()
            owners = {f"snmp-credential/{agent.credential_id}" for agent in agents}
            sealed = session.execute(
                select(SealedSecret.owner, SealedSecret.sealed_at)
                .where(SealedSecret.owner.in_(owners))
                .order_by(SealedSecret.owner)
            ).all()
            version = (
                tuple(
                    (
                        agent.id,
                        agent.address,
                        agent.udp_port,
                        agent.credential_id,
                        agent.credential.version,
                        agent.profile,
                        agent.sys_object_id,
                        agent.silent_polls >= SILENT_AFTER,
                    )
                    for agent in agents
                ),
                tuple((owner, at) for owner, at in sealed),
            )
            known = self._plans.get(shard)
            if known is None or known[0] != version:
                known = (version, [self._plan(session, agent) for agent in agents])
                self._plans[shard] = known
            return known[1]

    def _plan(self, session: Session, agent: SnmpAgent) -> AgentPlan:
        profile = self.catalogue.profiles.get(agent.profile)
        silent = agent.silent_polls >= SILENT_AFTER
        plan = AgentPlan(
            agent.id,
            agent.device_id,
            None,
            agent.profile,
            identified=profile is not None and bool(agent.sys_object_id),
            silent=silent,
        )
        try:
            check_address(self.settings, agent.address)
            target = make_target(
                session,
                self.settings.encryption,
                agent,
                retries=0 if silent else 1,
                bulk=profile.bulk if profile else True,
            )
        except (JifangError, ValueError) as error:
            return replace(plan, refusal=str(error))
        return replace(plan, target=target)

    def last_polls(self, plans: Sequence[AgentPlan]) -> dict[int, PortPoll]:
        """The polls before, by agent: only of those whose ports can be compared with them."""
        strange = [plan for plan in plans if plan.agent_id not in self.habits]
        with transaction(self.sessions, Scope.system("poll")) as session:
            memories = self.recorder.recall(session, [plan.device_id for plan in plans])
            measured = find_measured(session, [plan.device_id for plan in strange])
        for plan in strange:
            self.habits[plan.agent_id] = AgentHabits.of_stranger(
                plan.agent_id, has_readings=plan.device_id in measured
            )
        found = {
            plan.agent_id: last_poll(memories[plan.device_id])
            for plan in plans
            if plan.device_id in memories
        }
        return {agent_id: poll for agent_id, poll in found.items() if poll is not None}

    def is_quick(self, plan: AgentPlan, last: Mapping[int, PortPoll]) -> bool:
        """Whether the sweep can read this agent's ports: over v2c, of a profile that allows it."""
        profile = self.catalogue.profiles.get(plan.profile)
        habits = self.habits[plan.agent_id]
        return (
            plan.agent_id in last
            and plan.identified
            and plan.target is not None
            and plan.target.version == "2c"
            and profile is not None
            and profile.ports
            and profile.bulk
            and habits.unfit_until <= time.monotonic() < habits.full_read_at
        )


def site_profiles(settings: Settings) -> Path:
    """Where an operator's own device profiles lie."""
    return settings.data / "snmp_mibs"


def beat_of(settings: Settings, now_s: float) -> int:
    """The number of the poll interval that an instant (UTC epoch, seconds) lies in."""
    return int(now_s // settings.poll_interval_s)


async def poll_shard(room: PollingRoom, shard: int) -> int:
    """Poll a shard's agents and keep what they say. Returns how many answered.

    While the database is away, the agents are those of this worker's last poll of the shard.
    """
    round_ = room.rounds.setdefault(shard, Round())
    async with round_.turn:
        # Told to the machine's other workers, which then don't think that nobody polls it.
        room.keeper.spool.claim_beat(shard, beat_of(room.settings, time.time()))
        try:
            plans = await asyncio.to_thread(room.plans, shard)
            last = await asyncio.to_thread(room.last_polls, plans)
        except SQLAlchemyError as error:
            if not round_.plans or not is_passing(error):
                raise
            return await _poll_round(room, shard, round_)
        round_.plans, round_.last = plans, last
        return await _poll_round(room, shard, round_)


async def poll_remembered(room: PollingRoom, shard: int) -> int:
    """Poll a shard as it was at this worker's last poll of it, without asking the database."""
    round_ = room.rounds[shard]
    async with round_.turn:
        return await _poll_round(room, shard, round_)


async def _poll_round(room: PollingRoom, shard: int, round_: Round) -> int:
    round_.began = time.monotonic()
    plans, last = round_.plans, round_.last
    # A poll that isn't done when the next one is due is given up.
    limit_s = max(room.settings.poll_interval_s * 0.85, 4.0)
    quick = [plan for plan in plans if room.is_quick(plan, last)]
    chosen = {plan.agent_id for plan in quick}
    others = [plan for plan in plans if plan.agent_id not in chosen]

    async def keep(outcomes: Sequence[Outcome]) -> None:
        if not await asyncio.to_thread(room.keeper.keep, shard, outcomes):
            # The database can't tell of them the next time.
            round_.last.update(
                {
                    each.agent_id: each.ports
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


async def _poll_quickly(
    room: PollingRoom,
    plans: Sequence[AgentPlan],
    last: Mapping[int, PortPoll],
    limit_s: float,
    keep: Keep,
) -> int:
    """Sweep ports; read gauges, and whole whoever the sweep can't tell the truth about."""
    targets = [(plan.agent_id, plan.target) for plan in plans if plan.target is not None]
    walked = await walk_agents(targets, last, room.habits, limit_s)
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
        error="" if walked.error is None else explain(walked.error),
        duration_ms=walked.duration_ms,
    )
    tables = room.catalogue.tables(room.catalogue.profiles[plan.profile])
    if walked.error or plan.target is None or not tables:
        return outcome
    if not room.habits[plan.agent_id].has_readings:
        return outcome
    began = time.monotonic()
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
    try:
        async with asyncio.timeout(limit_s):
            identity: ProbeResult | None = None
            name = plan.profile
            if not plan.identified:
                identity = await identify(engine, plan.target, room.catalogue)
                name = identity.profile
            profile = room.catalogue.profiles[name]
            outcome = replace(outcome, identity=identity)
            outcome = await _read_whole(room, engine, plan.target, profile, outcome)
    except faults.SnmpError as error:
        outcome = replace(outcome, error=explain(error))
    except TimeoutError:
        outcome = replace(outcome, error=f"gave up after {limit_s:.0f} s: the agent is too slow")
    except Exception as error:
        # A device must never be able to stop the others by what it sends.
        log.exception("poll failed", agent=plan.agent_id)
        outcome = replace(outcome, error=f"unexpected: {type(error).__name__}")
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


def explain(error: faults.SnmpError) -> str:
    """What to look at, told apart as far as the protocol can."""
    words = {
        faults.Timeout: "no answer: agent off, address wrong, or (v1/v2c) wrong community",
        faults.Refused: "nobody listens at this address and port",
        faults.UnknownUser: "the agent doesn't know this SNMPv3 user",
        faults.WrongDigest: "authentication password or protocol is wrong",
        faults.DecryptionFailed: "privacy password or protocol is wrong",
        faults.UnsupportedSecurityLevel: "the agent doesn't allow this security level",
        faults.NotInTimeWindow: "engine boots and time couldn't be agreed on",
        faults.UnknownContext: "the agent has no such context",
    }
    return words.get(type(error), str(error))[:255]


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """Result of trying a saved agent; `problem` is empty when it answered."""

    answered: bool
    problem: str
    result: ProbeResult | None


def check_connection(
    settings: Settings, sessions: SessionFactory, agent_id: int
) -> ConnectionCheck:
    """Try a saved agent now; only saved addresses inside the allowed networks are asked.

    Raises NotFoundError, and ForbiddenError for an address that is no longer allowed.
    """
    with transaction(sessions, Scope.system("check-connection")) as session:
        agent = session.get(SnmpAgent, agent_id)
        if agent is None:
            raise NotFoundError("No such agent.")
        check_address(settings, agent.address)
        target = make_target(session, settings.encryption, agent)

    async def ask() -> ProbeResult:
        async with Engine() as engine:
            return await probe(
                target, engine=engine, catalogue=load_catalogue(site_profiles(settings))
            )

    try:
        return ConnectionCheck(True, "", asyncio.run(ask()))
    except faults.SnmpError as error:
        return ConnectionCheck(False, explain(error), None)
