"""The demo's devices on the network: one process that answers SNMP for all of them on loopback."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from dcim.demo.instance import DemoInstance
from dcim.demo.load_metering import AUTH_PROTOCOL, PRIV_PROTOCOL
from dcim.demo.physics import World
from dcim.demo.plan_parts import AgentPlan, DemoPlan
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.demo.responder_v3 import AgentV3, ResponderV3
from dcim.demo.served_trees import Snapshots, build_tree
from dcim.snmp.wire.target import UsmCredentials

# How often the v3 agents look whether they are dead; the others look at every request.
TICK_S = 0.25

Clock = Callable[[], int]


def wall_clock() -> int:
    """UTC epoch ms."""
    return time.time_ns() // 1_000_000


@dataclass
class MortalAgent(Agent):
    """Silent while its device has no power, restarts, or can't be reached."""

    alive: Callable[[], bool] = lambda: True

    def answer(self, packet: bytes) -> bytes | None:
        return super().answer(packet) if self.alive() else None


class DemoAgents:
    """All agents of a demo: `async with DemoAgents(demo): ...` serves them."""

    def __init__(self, demo: DemoInstance, *, clock: Clock = wall_clock) -> None:
        self.demo = demo
        self.plan: DemoPlan = demo.plan()
        self.world = World(self.plan)
        self._clock = clock
        snapshots = Snapshots(self.world, clock)
        self.v2c: dict[str, MortalAgent] = {}
        self.v3: dict[str, AgentV3] = {}
        for agent in self.plan.agents:
            tree = LiveTree(build_tree(agent, self.plan, snapshots))
            port = demo.base_port + agent.number
            if agent.version == "3":
                self.v3[agent.device] = AgentV3(tree, self._user(), port, demo.host)
            else:
                self.v2c[agent.device] = MortalAgent(
                    tree,
                    port,
                    demo.host,
                    demo.community.encode(),
                    alive=self._life_of(agent),
                )
        self._responder = Responder(self.v2c.values())
        self._responder_v3 = ResponderV3(self.v3.values())
        self._ticking: asyncio.Task[None] | None = None

    def _user(self) -> UsmCredentials:
        return UsmCredentials(
            self.demo.v3_user,
            AUTH_PROTOCOL,
            self.demo.v3_auth_password,
            PRIV_PROTOCOL,
            self.demo.v3_priv_password,
        )

    def _life_of(self, agent: AgentPlan) -> Callable[[], bool]:
        def alive() -> bool:
            now = np.array([self._clock()], dtype=np.int64)
            return bool(self.world.outages.answers(agent.device, now)[0])

        return alive

    def refresh(self) -> None:
        """Let the v3 agents fall silent or speak again."""
        for agent in self.plan.agents:
            if agent.version == "3":
                self.v3[agent.device].silent = not self._life_of(agent)()

    async def _tick(self) -> None:
        while True:
            self.refresh()
            await asyncio.sleep(TICK_S)

    async def __aenter__(self) -> "DemoAgents":
        await self._responder.__aenter__()
        try:
            await self._responder_v3.__aenter__()
        except BaseException:
            self._responder.close()
            raise
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        await self._responder_v3.__aexit__(kind, error, trace)
        await self._responder.__aexit__(kind, error, trace)


def run_agents(demo: DemoInstance, ready: Callable[[int], None] = lambda count: None) -> None:
    """Serve every agent until SIGTERM or SIGINT; `ready` is told how many there are.

    Raises OSError when one of the demo's UDP ports is in use.
    """
    asyncio.run(_serve(demo, ready))


async def _serve(demo: DemoInstance, ready: Callable[[int], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with DemoAgents(demo) as agents:
        ready(len(agents.plan.agents))
        await stop.wait()
