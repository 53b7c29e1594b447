"""PostgreSQL stopped for ten minutes while switches are polled: spooled on disk, replayed once.

A real worker and a real clock poll simulated switches each minute over UDP. The database is stopped
and started again; ports count on all the while. Afterwards the stored deltas of every port must be
what it counted, and each poll a sample of its own at its own time: spans that lie end to end, none
much longer than an interval. `--rounds` is how many intervals the outage lasts.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from random import Random

import numpy as np
from sqlalchemy import select

from dcim import clock, due
from dcim.accounts.scope import Scope
from dcim.config import EncryptionKeys, Settings
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.instance import Instance
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.postgres import EmbeddedServer
from dcim.snmp.agents.registration import find_or_make_device, register_agent, store_credential
from dcim.snmp.polling.spool import Spool
from dcim.snmp.wire.ber import Oid, Value
from tests.drills.outcome import Outcome, Say

ROUNDS = 10
INTERVAL_S = 60
SWITCHES = 30
PORTS = 8
CLOCKS_MS = 5
SYSTEM = Scope.system("drill")
KEY = bytes(range(1, 33))
WORKER = """
import json, sys
from ipaddress import ip_network
from pathlib import Path
from dcim import jobs
from dcim.config import EncryptionKeys, Settings
from dcim.db import make_engine, make_sessions
words = json.loads(sys.stdin.readline())
exec(words["sabotage"])
settings = Settings(data=Path(words["data"]), secret_key="",
                    encryption=EncryptionKeys("k1", {"k1": bytes.fromhex(words["key"])}),
                    snmp_allowed=(ip_network("127.0.0.0/8"),),
                    poll_interval_s=words["interval_s"])
workplace = jobs.Workplace(settings, make_sessions(make_engine(words["url"])))
jobs.run_worker(words["url"], workplace, ["poll"])
"""


@dataclass(frozen=True)
class Figures:
    """What is in the store at the end; times in ms, spans of samples that follow another."""

    samples: int
    spooled_files: int
    during_outage: int
    counted: int
    stored: int
    wrong_ports: int
    longest_span_ms: int
    holes: int
    left_in_spool: int


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    rounds = rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        outage = Outage(Path(directory) / "instance", draw, say, INTERVAL_S, rounds)
        found = outage.run()
    passed = (
        not found.wrong_ports
        and not found.holes
        and not found.left_in_spool
        and found.longest_span_ms < 1.6 * INTERVAL_S * 1000
        and found.during_outage >= (rounds - 1) * SWITCHES * PORTS
    )
    return Outcome(
        passed,
        [
            ("PostgreSQL stopped for", f"{rounds * INTERVAL_S} s, polls each {INTERVAL_S} s"),
            ("Ports", f"{SWITCHES} switches of {PORTS}"),
            ("Files in the spool when it was started again", str(found.spooled_files)),
            ("Samples polled while it was stopped", f"{found.during_outage:,}"),
            ("Samples in all", f"{found.samples:,}"),
            ("Octets counted by the ports", f"{found.counted:,}"),
            ("Octets stored", f"{found.stored:,}"),
            ("Ports with other octets than they counted", str(found.wrong_ports)),
            ("Samples that don't begin where the one before ends", str(found.holes)),
            ("Longest sample", f"{found.longest_span_ms / 1000:.1f} s"),
            ("Files left in the spool", str(found.left_in_spool)),
        ],
    )


@dataclass
class Outage:
    """The course of events; `sabotage` is Python run in the worker before it starts."""

    data: Path
    draw: Random
    say: Say
    interval_s: int
    rounds: int
    sabotage: str = ""
    kill_in_replay: bool = False
    counted: list[list[int]] = field(default_factory=lambda: [[0] * PORTS for _ in range(SWITCHES)])
    booted: float = field(default_factory=time.monotonic)
    moving: bool = False
    stopped_ms: tuple[int, int] = (0, 0)
    spooled: int = 0

    def run(self) -> Figures:
        server = EmbeddedServer(self.data)
        server.ensure_started()
        try:
            settings = Settings(
                data=self.data, secret_key="", encryption=EncryptionKeys("k1", {"k1": KEY})
            )
            settings = replace(
                settings,
                snmp_allowed=(ip_network("127.0.0.0/8"),),
                poll_interval_s=self.interval_s,
            )
            Instance(settings, server.app_url, server.owner_url).upgrade()
            engine = make_engine(server.app_url)
            try:
                return asyncio.run(self._course(server, settings, make_sessions(engine)))
            finally:
                engine.dispose()
        finally:
            server.stop()

    async def _course(
        self, server: EmbeddedServer, settings: Settings, sessions: SessionFactory
    ) -> Figures:
        agents = [Agent(LiveTree(self._tree(number))) for number in range(SWITCHES)]
        spool = Spool(settings.spool_folder, settings.spool_limit_bytes)
        async with Responder(agents):
            _register(settings, sessions, [agent.port for agent in agents])
            beat = clock.Clock(
                server.app_url,
                [
                    clock.Chime("poll", clock.every(self.interval_s), due.defer_polls),
                    clock.Chime(
                        "retry-stalled",
                        clock.every(10),
                        lambda session: due.take_back_stalled(server.app_url),
                    ),
                ],
            )
            thread = threading.Thread(target=beat.run)
            thread.start()
            worker = self._start_worker(server.app_url)
            mover: asyncio.Task[None] | None = None
            try:
                await self._until(lambda: _newest(sessions) is not None)
                self.moving = True
                mover = asyncio.create_task(self._move())
                before = _newest(sessions)
                await self._until(lambda: _newest(sessions) != before)
                self.say("polls arrive; stopping PostgreSQL")
                began_ms = _now_ms()
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(self.rounds * self.interval_s)
                self.spooled = len(spool.waiting())
                self.say(f"{self.spooled} files in the spool; starting PostgreSQL")
                await asyncio.to_thread(server.ensure_started)
                self.stopped_ms = (began_ms, _now_ms())
                if self.kill_in_replay:
                    await self._until(lambda: len(spool.waiting()) < self.spooled, pause_s=0.001)
                    worker.kill()
                    worker.wait()
                    self.say(f"worker killed with {len(spool.waiting())} files left")
                    worker = self._start_worker(server.app_url)
                await self._until(lambda: not spool.waiting())
                self.moving = False
                await mover
                still_ms = _now_ms()
                await self._until(lambda: (_newest(sessions) or 0) > still_ms)
                # What is polled last may still be on its way.
                await asyncio.sleep(1)
                return self._judge(sessions, len(spool.waiting()))
            finally:
                self.moving = False
                worker.send_signal(signal.SIGKILL)
                worker.wait()
                beat.stop()
                await asyncio.to_thread(thread.join)

    async def _until(self, done: Callable[[], bool], pause_s: float = 0.1) -> None:
        deadline = time.monotonic() + 3 * self.interval_s + 60
        while not await asyncio.to_thread(done):
            if time.monotonic() > deadline:
                raise RuntimeError("what the drill waits for doesn't come")
            await asyncio.sleep(pause_s)

    def _tree(self, number: int) -> Mapping[Oid, Value | Callable[[], Value | None]]:
        who = trees.Identity(
            f"sw{number}", "switch", trees.HUAWEI_SWITCH_ID,
            lambda: int((time.monotonic() - self.booted + 100_000) * 100),
        )  # fmt: skip

        def counter(port: int) -> Callable[[], int]:
            return lambda: self.counted[number][port]

        ports = [
            trees.SwitchPort(n + 1, f"ge{n}", 10**10, counter(n), counter(n), "drill")
            for n in range(PORTS)
        ]
        return trees.switch_tree(who, ports)

    async def _move(self) -> None:
        while self.moving:
            for ports in self.counted:
                for port in range(PORTS):
                    ports[port] += self.draw.randrange(20_000)
            await asyncio.sleep(0.05)

    def _start_worker(self, url: str) -> subprocess.Popen[bytes]:
        with (self.data / "log" / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-c", WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        words = {
            "url": url,
            "data": str(self.data),
            "key": KEY.hex(),
            "interval_s": self.interval_s,
            "sabotage": self.sabotage,
        }
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(words).encode() + b"\n")
        worker.stdin.close()
        return worker

    def _judge(self, sessions: SessionFactory, left: int) -> Figures:
        samples = during = stored = wrong = holes = longest = 0
        began_ms, ended_ms = self.stopped_ms
        with transaction(sessions, SYSTEM) as session:
            series = session.scalars(select(Series).where(Series.family == "traffic")).all()
            devices = sorted({each.device_id or 0 for each in series})
            for each in series:
                parts = list(PostgresSampleStore().read(session, "traffic", [each.id], 0, 2**62))
                ts = np.concatenate([part.ts for _, part in parts])
                span = np.concatenate([part.span_ms for _, part in parts])
                octets = sum(int(part.values["in_octets"].sum()) for _, part in parts)
                counted = self.counted[devices.index(each.device_id or 0)][int(each.slot[2:])]
                samples += len(ts)
                during += int(np.count_nonzero((ts > began_ms) & (ts < ended_ms)))
                stored += octets
                wrong += octets != counted
                # Spans are of the monotonic clock, in whole ms.
                holes += int(np.count_nonzero(np.abs(ts[1:] - span[1:] - ts[:-1]) > CLOCKS_MS))
                longest = max(longest, int(span.max()))
        counted_in_all = sum(map(sum, self.counted))
        return Figures(
            samples, self.spooled, during, counted_in_all, stored, wrong, longest, holes, left
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _newest(sessions: SessionFactory) -> int | None:
    """The oldest of the devices' newest polls, once all have one; UTC epoch ms."""
    with transaction(sessions, SYSTEM) as session:
        times = session.connection().exec_driver_sql("SELECT ts FROM port_memory").scalars().all()
    return min(times) if len(times) == SWITCHES else None


def _register(settings: Settings, sessions: SessionFactory, udp_ports: list[int]) -> None:
    with transaction(sessions, SYSTEM) as session:
        credential = store_credential(
            session, SYSTEM, settings.encryption, name="c", version="2c", community="public"
        )
        for number, udp_port in enumerate(udp_ports):
            register_agent(
                session,
                SYSTEM,
                settings,
                device=find_or_make_device(
                    session, SYSTEM, f"sw{number}", role="switch", manufacturer="m", model="m"
                ),
                address="127.0.0.1",
                credential=credential,
                udp_port=udp_port,
            )
