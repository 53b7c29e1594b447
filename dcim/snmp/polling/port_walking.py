"""The quick way of polling ports: all agents of a shard in one sweep, over v2c.

An agent comes here when its last poll is known to be comparable (`port_poll`); whatever is odd
about what it says now sends it to the general engine in the same cycle.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from dcim.snmp.polling.port_poll import NeedsFullRead, PortOrder, PortPoll, gather_poll, same_ports
from dcim.snmp.polling.port_recording import boot_clock
from dcim.snmp.reading.optic_plan import OpticPlan
from dcim.snmp.wire import faults
from dcim.snmp.wire.drops import Drops
from dcim.snmp.wire.port_plan import POLL_PLAN, Hints, PortWalk
from dcim.snmp.wire.sweep import Sweep
from dcim.snmp.wire.target import Target

log = structlog.get_logger(__name__)

# How often everything is read of an agent, seconds: descriptions, and which gauges it has.
FULL_READ_EVERY_S = 3_600.0
# How often optics are read, seconds: they age over months.
OPTICS_EVERY_S = 300.0
# So many walks in a row for nothing, and an agent is read in general for as long.
_STRIKES = 2


@dataclass(slots=True)
class AgentHabits:
    """What polls of an agent taught its worker for the next ones; forgotten with the worker.

    `has_readings`: its profile's tables gave readings when they were last read. `full_read_at`, by
    the monotonic clock, is when everything is to be read again; until `unfit_until` it isn't worth
    walking: it has ports that the plan can't tell of. From `optics_at` on its optics are to be
    read, by the `optics` plan until `optics_until`.
    """

    has_readings: bool
    full_read_at: float
    hints: Hints | None = None
    unfit_until: float = 0.0
    strikes: int = 0
    optics: OpticPlan | None = None
    optics_at: float = 0.0
    optics_until: float = 0.0

    @classmethod
    def of_stranger(cls, agent_id: int, *, has_readings: bool) -> "AgentHabits":
        """Of an agent this worker hasn't polled yet.

        When it is read whole is spread over the time between: not all of them after a restart.
        """
        share = (agent_id * 2_654_435_761 % 4_096) / 4_096
        now = time.monotonic()
        return cls(
            has_readings,
            now + FULL_READ_EVERY_S * share,
            optics_at=now + OPTICS_EVERY_S * share,
        )

    def learn(self, fit: bool) -> None:
        """Take note whether a walk told all there is to tell."""
        self.strikes = 0 if fit else self.strikes + 1
        if self.strikes >= _STRIKES:
            self.strikes = 0
            self.unfit_until = time.monotonic() + FULL_READ_EVERY_S


@dataclass(frozen=True, slots=True)
class Walked:
    """What came of walking one agent: its ports, or an error, or `again`: read it in general.

    `at_ms` is when its last answer was in, UTC epoch ms.
    """

    ports: PortPoll | None = None
    error: faults.SnmpError | None = None
    again: str = ""
    at_ms: int = 0
    duration_ms: int = 0


@dataclass(slots=True)
class _Round:
    last: Mapping[int, PortOrder]
    habits: Mapping[int, AgentHabits]
    ids: dict[int, int] = field(default_factory=dict)
    walked: dict[int, Walked] = field(default_factory=dict)

    def take(self, walk: PortWalk) -> None:
        agent_id = self.ids[id(walk)]
        try:
            walked = judge(walk, self.last.get(agent_id))
        except Exception as error:
            # What a device sends must never be able to stop the others of its sweep.
            log.exception("walk can't be judged", agent=agent_id)
            walked = Walked(again=f"unexpected: {type(error).__name__}")
        self.walked[agent_id] = walked
        habits = self.habits[agent_id]
        if walk.read.error is None:
            habits.hints = walk.read.hints
        habits.learn(fit=not walked.again)


def judge(walk: PortWalk, last: PortOrder | None) -> Walked:
    """Decide about a walk that ended; `last` is of the poll before it."""
    at_ms = time.time_ns() // 1_000_000
    took_ms = int((time.monotonic() - walk.started) * 1000)
    error = walk.read.error
    if isinstance(error, faults.Timeout | faults.Refused):
        return Walked(error=error, at_ms=at_ms, duration_ms=took_ms)
    if error is not None:
        return Walked(again=str(error))
    poll = gather_poll(walk.read, boot_clock())
    if isinstance(poll, NeedsFullRead):
        return Walked(again=poll.reason)
    if not same_ports(last, poll):
        return Walked(again="its ports aren't those of the last poll")
    return Walked(poll, at_ms=at_ms, duration_ms=took_ms)


async def walk_agents(
    targets: Sequence[tuple[int, Target]],
    last: Mapping[int, PortOrder],
    habits: Mapping[int, AgentHabits],
    limit_s: float,
    drops: Drops,
) -> dict[int, Walked]:
    """Read the ports of all agents (id, target) at once; `last` and `habits` are by agent id.

    Those that aren't done after `limit_s` have an error. What was dropped goes to `drops`.
    """
    if not targets:
        return {}
    round_ = _Round(last, habits)
    walks = []
    for agent_id, target in targets:
        hints = habits[agent_id].hints
        known = last.get(agent_id)
        if hints is None:
            hints = Hints() if known is None else Hints(ports=len(known.names))
        walk = PortWalk(target, plan=POLL_PLAN, hints=hints, retries=target.retries)
        round_.ids[id(walk)] = agent_id
        walks.append(walk)
    sweep = Sweep(window=len(walks), timeout_s=targets[0][1].timeout_s, drops=drops)
    try:
        async with asyncio.timeout(limit_s):
            await sweep.run(walks, round_.take)
    except TimeoutError:
        now_ms = time.time_ns() // 1_000_000
        for agent_id, _ in targets:
            late = faults.Timeout(f"gave up after {limit_s:.0f} s: the agent is too slow")
            unheard = Walked(error=late, at_ms=now_ms, duration_ms=int(limit_s * 1000))
            round_.walked.setdefault(agent_id, unheard)
    return round_.walked
