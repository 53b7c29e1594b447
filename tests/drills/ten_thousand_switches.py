"""10,000 switches of 48 ports, polled and stored each minute by the processes that do it for real.

The switches are the load agent (C) at 10,000 loopback addresses; `dcim clock` and one
`dcim worker --polling` poll them into the embedded PostgreSQL on production settings. A first
reading of everything, which makes the series, is not counted. Then so many cycles as they come,
and as many with 5 % of the switches dead and 5 ms of latency. Each cycle must end inside its
minute, every living switch have its frame in each, and for each of the 480,000 ports the stored
octets be exactly what its counters moved by. Memory is that of the project's processes, sampled
each second: resident (pages shared between them counted in each), PostgreSQL's apart.
"""

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
from sqlalchemy import text

from dcim.config import write_settings_file
from dcim.db import SessionFactory, transaction
from dcim.instance import Instance, open_instance
from dcim.metering.families import TRAFFIC
from dcim.metering.frame_store import PortMemory, find_layouts, read_memories
from dcim.metering.frames import StoredFrame, open_frames
from dcim.snmp.counting.port_table import Item
from tests.agents.load_agent import is_dead, running
from tests.drills.outcome import Outcome, Say
from tests.drills.polled_switches import (
    MINUTE,
    SYSTEM,
    finish_cycle,
    processes,
    read_all,
    register,
)

SWITCHES = 10_000
CYCLES = 10
DEAD_PERCENT, LATENCY_MS = 5, 5
RSS_BOUND = 500e6
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    return measure(SWITCHES, rounds or CYCLES, say)


def measure(switches: int, cycles: int, say: Say) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        data = Path(directory) / "instance"
        data.mkdir(mode=0o700)
        write_settings_file(data, {"DCIM_SNMP_ALLOWED": "127.0.0.0/8", "DCIM_LOG_LEVEL": "WARNING"})
        with open_instance(data) as instance:
            instance.upgrade()
            sessions = instance.make_sessions()
            try:
                return _drill(instance, sessions, switches, cycles, say)
            finally:
                sessions.kw["bind"].dispose()


def _drill(
    instance: Instance, sessions: SessionFactory, switches: int, cycles: int, say: Say
) -> Outcome:
    with running() as (port, _):
        register(instance, sessions, switches, port)
        say(f"{switches} switches registered; reading everything once")
        first_s = read_all(instance, sessions, switches)
        say(f"read in {first_s:.0f} s")
        plain = _poll(instance, sessions, switches, cycles, say, dead_percent=0)
    time.sleep(1)
    with running(dead_percent=DEAD_PERCENT, latency_ms=LATENCY_MS) as (port, _):
        with transaction(sessions, SYSTEM) as session:
            session.execute(text("UPDATE snmp_agent SET udp_port = :port"), {"port": port})
        hard = _poll(instance, sessions, switches, cycles, say, dead_percent=DEAD_PERCENT)
    figures = [
        ("Switches, ports", f"{switches:,}, {switches * 48:,}"),
        ("First reading of everything, series made", f"{first_s:.0f} s"),
        *plain.figures("All alive"),
        *hard.figures(f"{DEAD_PERCENT} % dead, {LATENCY_MS} ms latency"),
    ]
    return Outcome(plain.passed and hard.passed, figures)


@dataclass
class _Measured:
    """`ends_s`: when each cycle's last job was done, seconds after its minute began."""

    ends_s: list[float] = field(default_factory=list)
    frames_missing: int = 0
    ports_compared: int = 0
    ports_wrong: int = 0
    rss: int = 0
    postgres_pss: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return (
            max(self.ends_s) < MINUTE
            and not self.frames_missing
            and not self.ports_wrong
            and self.ports_compared > 0
            and self.rss <= RSS_BOUND
        )

    def figures(self, title: str) -> list[tuple[str, str]]:
        ends = ", ".join(f"{seconds:.0f}" for seconds in self.ends_s)
        cpu = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.cpu_s.items())
        return [
            (f"**{title}**", ""),
            ("Cycles' ends, seconds of their minute", ends),
            ("CPU a cycle", cpu),
            ("Frames missing", str(self.frames_missing)),
            ("Ports compared, wrong", f"{self.ports_compared:,}, {self.ports_wrong}"),
            ("Memory of our processes, PostgreSQL's", _megabytes(self.rss, self.postgres_pss)),
        ]


def _megabytes(*octets: int) -> str:
    return ", ".join(f"{number / 1e6:.0f} MB" for number in octets)


def _poll(
    instance: Instance,
    sessions: SessionFactory,
    switches: int,
    cycles: int,
    say: Say,
    *,
    dead_percent: int,
) -> _Measured:
    """One cycle to come to rest, then as many as are measured."""
    measured = _Measured()
    with processes(instance.settings.data) as pids:
        watch = _Watch(pids)
        finish_cycle(sessions, say)
        if dead_percent:
            for _ in range(3):  # until the dead are known to be silent
                finish_cycle(sessions, say)
        before = _memories(sessions)
        watch.start()
        for _ in range(cycles):
            measured.ends_s.append(finish_cycle(sessions, say))
        watch.stop()
        after = _memories(sessions)
    measured.rss, measured.postgres_pss = watch.rss, watch.postgres_pss
    measured.cpu_s = {name: seconds / cycles for name, seconds in watch.cpu_s().items()}
    with transaction(sessions, SYSTEM) as session:
        known = session.execute(text("SELECT device_id, address FROM snmp_agent"))
        alive = [row.device_id for row in known if not is_dead(row.address, dead_percent)]
    if dead_percent and len(alive) == switches:
        raise RuntimeError("nobody is dead")
    for device_id in alive:
        _compare(sessions, before[device_id], after[device_id], cycles, measured)
    return measured


def _memories(sessions: SessionFactory) -> dict[int, PortMemory]:
    found: dict[int, PortMemory] = {}
    with transaction(sessions, SYSTEM) as session:
        devices = session.execute(text("SELECT device_id FROM port_memory")).scalars().all()
        for start in range(0, len(devices), 500):
            found.update(read_memories(session, devices[start : start + 500], len(Item)))
    return found


def _compare(
    sessions: SessionFactory,
    before: PortMemory,
    after: PortMemory,
    cycles: int,
    measured: _Measured,
) -> None:
    """Count the frames since `before`, and hold each port's octets against its counters."""
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(
            text(
                "SELECT ts, layout_id, body FROM port_frame WHERE device_id = :device"
                " AND ts > :low AND ts <= :high ORDER BY ts"
            ),
            {"device": before.layout.device_id, "low": before.ts_ms, "high": after.ts_ms},
        ).all()
        layouts = find_layouts(session, {row.layout_id for row in rows})
    measured.frames_missing += abs(cycles - len(rows))
    stored = [StoredFrame(row.layout_id, row.ts, bytes(row.body)) for row in rows]
    samples = open_frames(TRAFFIC, stored, layouts)
    starts, ends = before.open_counters(len(Item)), after.open_counters(len(Item))
    moved = {
        name: ends[item].view(np.uint64) - starts[item].view(np.uint64)
        for name, item in (("in_octets", Item.IN_OCTETS), ("out_octets", Item.OUT_OCTETS))
    }
    same = before.layout.names == after.layout.names
    for column, series_id in enumerate(after.layout.traffic_ids.tolist()):
        measured.ports_compared += 1
        columns = samples.get(series_id)
        if (
            not same
            or columns is None
            or len(columns) != cycles
            or any(int(columns.values[n].sum()) != int(moved[n][column]) for n in moved)
        ):
            measured.ports_wrong += 1


# -- memory and time of processes


class _Watch(threading.Thread):
    """Samples the processes each second: the most memory they had together, their CPU."""

    def __init__(self, pids: dict[str, int]) -> None:
        super().__init__(daemon=True)
        self._pids = pids
        self._ended = threading.Event()
        self._cpu: list[dict[str, float]] = []
        self.rss = 0
        self.postgres_pss = 0

    def run(self) -> None:
        self._cpu.append(self._times())
        while not self._ended.wait(1.0):
            self.rss = max(self.rss, sum(map(_rss, self._pids.values())))
            self.postgres_pss = max(self.postgres_pss, sum(map(_pss, _postgres())))

    def stop(self) -> None:
        self._ended.set()
        self.join()
        self._cpu.append(self._times())

    def _times(self) -> dict[str, float]:
        times = {name: _cpu_s(pid) for name, pid in self._pids.items()}
        return {**times, "PostgreSQL": sum(map(_cpu_s, _postgres()))}

    def cpu_s(self) -> dict[str, float]:
        first, last = self._cpu
        return {name: last[name] - first[name] for name in first}


def _postgres() -> Sequence[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text().strip() == "postgres":
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _rss(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def _cpu_s(pid: int) -> float:
    """CPU of a process and of its children that have ended, user and system."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK
