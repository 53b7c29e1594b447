"""Polling: a shard of agents is read at once, and what they say is kept, all or nothing."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.models import SealedSecret
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import JifangError, NotFoundError
from dcim.snmp import faults
from dcim.snmp.credentials import make_target
from dcim.snmp.engine import Engine
from dcim.snmp.models import SnmpAgent
from dcim.snmp.probe import ProbeResult, identify, probe
from dcim.snmp.profiles import Catalogue, load_catalogue
from dcim.snmp.readings import DeviceReading, read_device
from dcim.snmp.recording import Outcome, record_outcomes
from dcim.snmp.registration import check_address
from dcim.snmp.target import Target

log = structlog.get_logger(__name__)

# Agents asked side by side; each has one request in flight.
AT_ONCE = 128
# Agents whose samples are committed together.
CHUNK = 25
# So many polls without an answer and an agent is asked once instead of twice, until it answers.
SILENT_AFTER = 3


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
class PollingRoom:
    """One worker's engine and what it remembers of shards between polls."""

    settings: Settings
    sessions: SessionFactory
    catalogue: Catalogue = field(init=False)
    _engine: Engine | None = None
    _plans: dict[int, tuple[object, list[AgentPlan]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.catalogue = load_catalogue(site_profiles(self.settings))

    async def engine(self) -> Engine:
        if self._engine is None:
            engine = Engine()
            await engine.__aenter__()
            self._engine = engine
        return self._engine

    async def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.__aexit__(None, None, None)

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


def site_profiles(settings: Settings) -> Path:
    """Where an operator's own device profiles lie."""
    return settings.data / "snmp_mibs"


async def poll_shard(room: PollingRoom, shard: int) -> int:
    """Poll a shard's agents and keep what they say. Returns how many answered."""
    plans = await asyncio.to_thread(room.plans, shard)
    engine = await room.engine()
    turn = asyncio.Semaphore(AT_ONCE)
    # A poll that isn't done when the next one is due is given up.
    limit_s = max(room.settings.poll_interval_s * 0.85, 4.0)

    async def poll(plan: AgentPlan) -> Outcome:
        async with turn:
            return await poll_agent(room.catalogue, engine, plan, limit_s)

    answered = 0
    for start in range(0, len(plans), AT_ONCE):
        outcomes = await asyncio.gather(*map(poll, plans[start : start + AT_ONCE]))
        answered += sum(outcome.reading is not None for outcome in outcomes)
        await asyncio.to_thread(_record, room, outcomes)
    log.info("shard polled", shard=shard, agents=len(plans), answered=answered)
    return answered


def _record(room: PollingRoom, outcomes: Sequence[Outcome]) -> None:
    for start in range(0, len(outcomes), CHUNK):
        with transaction(room.sessions, Scope.system("poll")) as session:
            record_outcomes(session, outcomes[start : start + CHUNK])


async def poll_agent(
    catalogue: Catalogue, engine: Engine, plan: AgentPlan, limit_s: float
) -> Outcome:
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
                identity = await identify(engine, plan.target, catalogue)
                name = identity.profile
            profile = catalogue.profiles[name]
            target = replace(plan.target, bulk=profile.bulk)
            reading: DeviceReading | None = await read_device(engine, target, profile, catalogue)
        outcome = replace(outcome, reading=reading, identity=identity)
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
