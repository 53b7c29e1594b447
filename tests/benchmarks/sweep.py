"""The port plan over v2c: our sweep, our general engine and pysnmp beside each other, in one run.

The work is the same for all: sysUpTime and eight columns of 48 ports from each agent, by GETBULK.
The agents are one process in C (`tests/agents/load_agent.c`) on the other core; the clients run in
turns, several rounds each, with everything they keep between polls warmed. CPU is that of the
client's process, user and system; ratios are the median of the rounds' ratios. pysnmp is used as
its documentation has it: one SnmpEngine for all, `bulk_cmd` of hlapi.v3arch.asyncio, without MIB
lookup. Prometheus' snmp_exporter is measured beside them when it is installed: it walks each
column to its end and writes the text of its page, which is counted with it. The size (`--racks`)
is the number of agents that `dcim snmp sweep`, the command in a process of its own, polls at once.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.if_mib import SYS_UPTIME
from dcim.snmp.wire.port_plan import PORT_PLAN
from dcim.snmp.wire.sweep import sweep
from dcim.snmp.wire.target import Target
from tests.agents import snmp_exporter
from tests.agents.load_agent import COMMUNITY, address, is_dead, running
from tests.benchmarks.estate import Say

RACKS = 10_000
PORTS = 48
VARBINDS = len(PORT_PLAN) * (1 + PORTS)  # of one poll
ROUNDS = 9
# Agents a round: about as long for each client.
SWEPT, ENGINE_READ, PYSNMP_READ, EXPORTED = 1_000, 50, 10, 100
DEAD_PERCENT, LATENCY_MS = 5, 5


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    with _own_core() as agents_core:
        with running(cpu=agents_core, ports=PORTS) as (port, _):
            figures = _compare_all(port, say)
            figures += _all_at_once(racks, port, say)
        with running(
            cpu=agents_core, ports=PORTS, dead_percent=DEAD_PERCENT, latency_ms=LATENCY_MS
        ) as (port, _):
            figures += _with_dead(racks, port, say)
    return figures


@contextmanager
def _own_core() -> Iterator[int | None]:
    """Keep to one core and leave another to the agents; None where there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        yield None
        return
    os.sched_setaffinity(0, cores[:1])
    try:
        yield cores[1]
    finally:
        os.sched_setaffinity(0, cores)


def _targets(count: int, port: int) -> list[Target]:
    return [Target(address(number), port, community=COMMUNITY) for number in range(count)]


def _compare_all(port: int, say: Say) -> list[tuple[str, str]]:
    clients: dict[str, Callable[[], float]] = {
        "sweep": lambda: _swept(port),
        "engine": lambda: _engine_read(port),
        "pysnmp": lambda: _pysnmp_read(port),
    }
    program = snmp_exporter.find()
    if program is None:
        return [*_compare(clients, say), ("snmp_exporter", "not installed")]
    with snmp_exporter.running(program, COMMUNITY.decode(), PORTS) as exporter:
        clients["snmp_exporter"] = lambda: _exported(exporter, port)
        return _compare(clients, say)


def _compare(clients: dict[str, Callable[[], float]], say: Say) -> list[tuple[str, str]]:
    took: dict[str, list[float]] = {name: [] for name in clients}
    for turn in range(ROUNDS + 1):
        for name, work in clients.items():
            milliseconds = work()
            if turn:  # the first round fills caches
                took[name].append(milliseconds)
                say(f"{name}: {milliseconds:.2f} ms CPU per 1,000 varbinds")
    ms = {name: statistics.median(rounds) for name, rounds in took.items()}

    def line(name: str) -> str:
        each = f"{ms[name]:.2f} ms ({min(took[name]):.2f} to {max(took[name]):.2f})"
        # Of one round each, so that what disturbs the machine for a while disturbs both.
        ratios = [theirs / ours for theirs, ours in zip(took["pysnmp"], took[name], strict=True)]
        ratio = f", pysnmp / this: {statistics.median(ratios):.0f}" if name != "pysnmp" else ""
        return f"{each}{ratio}; {60_000 / (ms[name] * VARBINDS / 1000):,.0f} polls a minute"

    rounds = f"median of {ROUNDS} rounds"
    return [
        (f"**CPU per 1,000 varbinds, {rounds}; polls a minute and core**", ""),
        ("`dcim.snmp.wire.sweep` (this plan)", line("sweep")),
        ("`dcim.snmp.wire.engine` (any table)", line("engine")),
        ("pysnmp, GETBULK", line("pysnmp")),
        *[(name, line(name)) for name in ms if name == "snmp_exporter"],
    ]


def _swept(port: int) -> float:
    report = sweep(_targets(SWEPT, port))
    if report.failed or report.varbinds != SWEPT * VARBINDS:
        raise RuntimeError(f"the sweep isn't whole: {report}")
    return report.cpu_s * 1e6 / report.varbinds


def _engine_read(port: int) -> float:
    targets = _targets(ENGINE_READ, port)
    columns = [column.oid for column in PORT_PLAN]

    async def work() -> float:
        async with Engine() as engine:

            async def read(target: Target) -> int:
                table = await engine.table(target, columns, [SYS_UPTIME])
                return sum(map(len, table.values()))

            return await _cpu_of(lambda: _gather(read, targets), 1 + len(PORT_PLAN) * PORTS)

    return asyncio.run(work())


def _pysnmp_read(port: int) -> float:
    from pysnmp.hlapi.v3arch import asyncio as hlapi

    targets = _targets(PYSNMP_READ, port)

    async def work() -> float:
        engine = hlapi.SnmpEngine()
        community = hlapi.CommunityData(COMMUNITY.decode(), mpModel=1)  # noqa: S508 - v2c is meant
        uptime = hlapi.ObjectType(hlapi.ObjectIdentity(SYS_UPTIME[:-1]))
        peers = {
            target: await hlapi.UdpTransportTarget.create(target.peer, timeout=10, retries=0)
            for target in targets
        }

        async def read(target: Target) -> int:
            count = 0
            for column in PORT_PLAN:
                error, status, _, binds = await hlapi.bulk_cmd(
                    engine,
                    community,
                    peers[target],
                    hlapi.ContextData(),
                    1,
                    PORTS,
                    uptime,
                    hlapi.ObjectType(hlapi.ObjectIdentity(column.oid)),
                    lookupMib=False,
                )
                if error or status:
                    raise RuntimeError(f"pysnmp: {error or status}")
                count += len(binds)
            return count

        await _gather(read, targets)  # its first contact with a target is dearer than the others
        took = await _cpu_of(lambda: _gather(read, targets), VARBINDS)
        engine.close_dispatcher()
        return took

    return asyncio.run(work())


def _exported(exporter: snmp_exporter.Exporter, port: int) -> float:
    began = exporter.cpu_s()
    with ThreadPoolExecutor(8) as threads:
        agents = [f"{address(number)}:{port}" for number in range(EXPORTED)]
        counts = set(threads.map(exporter.scrape, agents))
    if counts != {1 + len(PORT_PLAN) * PORTS}:
        raise RuntimeError(f"snmp_exporter tells {sorted(counts)} values")
    return (exporter.cpu_s() - began) * 1e6 / (EXPORTED * VARBINDS)


async def _gather(
    read: Callable[[Target], Coroutine[Any, Any, int]], targets: list[Target]
) -> list[int]:
    return list(await asyncio.gather(*map(read, targets)))


async def _cpu_of(work: Callable[[], Coroutine[Any, Any, list[int]]], each: int) -> float:
    """CPU milliseconds per 1,000 varbinds; every agent must have told all of them."""
    began = time.process_time()
    counts = await work()
    took = time.process_time() - began
    if set(counts) != {each}:
        raise RuntimeError(f"not the same work: {sorted(set(counts))} varbinds instead of {each}")
    return took * 1e6 / sum(counts)


def _command(agents: int, port: int) -> dict[str, float]:
    """Run `dcim snmp sweep` over so many agents; its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "targets"
        file.write_text(
            "".join(f"{address(number)}:{port} public\n" for number in range(agents)),
            encoding="utf-8",
        )
        command = [
            sys.executable, "-m", "dcim.cli", "snmp", "sweep", "--targets", str(file), "--json",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.decode()[-500:])
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _line(figures: dict[str, float]) -> str:
    return (
        f"{figures['wall_s']:.1f} s, {figures['cpu_s']:.1f} s CPU,"
        f" {figures['requests']:.0f} requests, {figures['varbinds']:.0f} varbinds,"
        f" peak memory {figures['peak_rss_bytes'] / 1e6:.0f} MB"
    )


def _all_at_once(agents: int, port: int, say: Say) -> list[tuple[str, str]]:
    figures = _command(agents, port)
    say(f"{agents} agents: {figures}")
    ms = figures["cpu_s"] * 1e6 / figures["varbinds"]
    return [
        (f"**`dcim snmp sweep`, {agents} agents, one process**", ""),
        ("Answered, failed", f"{figures['ok']:.0f}, {figures['failed']:.0f}"),
        ("Took", _line(figures)),
        ("CPU per 1,000 varbinds", f"{ms:.2f} ms"),
    ]


def _with_dead(agents: int, port: int, say: Say) -> list[tuple[str, str]]:
    figures = _command(agents, port)
    say(f"{agents} agents, some dead: {figures}")
    dead = sum(is_dead(address(number), DEAD_PERCENT) for number in range(agents))
    return [
        (f"**The same, {DEAD_PERCENT} % of them dead, {LATENCY_MS} ms latency**", ""),
        ("Answered, failed", f"{figures['ok']:.0f}, {figures['failed']:.0f} ({dead} are dead)"),
        ("Took", f"{_line(figures)} (two tries of 2 s are the floor)"),
    ]
