"""What a worker knows and remembers to poll shards: plans, last polls, its engine."""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.models import SealedSecret
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import JifangError
from dcim.snmp.agents.credentials import make_target
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import check_address
from dcim.snmp.polling.keeping import OutcomeKeeper
from dcim.snmp.polling.port_poll import PortOrder
from dcim.snmp.polling.port_recording import PortRecorder
from dcim.snmp.polling.port_walking import AgentHabits
from dcim.snmp.polling.recording import find_measured
from dcim.snmp.reading.profiles import Catalogue, load_catalogue
from dcim.snmp.wire.drops import Drops
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

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
class Round:
    """What a worker remembers of a shard from its last poll, to go on without the database.

    `last` are the ports of the polls before by agent id; `began` is by the monotonic clock,
    seconds. Secrets of the targets stay in memory. `turn` keeps polls of the shard apart.
    """

    plans: Sequence[AgentPlan] = ()
    last: dict[int, PortOrder] = field(default_factory=dict)
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
    drops: Drops = field(default_factory=Drops)
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
            engine = Engine(drops=self.drops)
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

    def last_orders(self, plans: Sequence[AgentPlan]) -> dict[int, PortOrder]:
        """The ports of the polls before, by agent: only where they can be compared with."""
        strange = [plan for plan in plans if plan.agent_id not in self.habits]
        with transaction(self.sessions, Scope.system("poll")) as session:
            orders = self.recorder.recall_orders(session, [plan.device_id for plan in plans])
            measured = find_measured(session, [plan.device_id for plan in strange])
        for plan in strange:
            self.habits[plan.agent_id] = AgentHabits.of_stranger(
                plan.agent_id, has_readings=plan.device_id in measured
            )
        return {plan.agent_id: orders[plan.device_id] for plan in plans if plan.device_id in orders}

    def is_quick(self, plan: AgentPlan, last: Mapping[int, PortOrder]) -> bool:
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
