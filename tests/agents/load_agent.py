"""The load agent of `load_agent.c`: built with the machine's C compiler, started, and its figures.

One process is a switch at every address of 127.0.0.0/8; what it says can be worked out here.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
COMMUNITY = b"public"
_MASK = 0xFFFF_FFFF
# Modulus of a counter's rate a tick, by the last arc of its column; see COLUMNS in the source.
RATES = {6: 10_000_000, 10: 10_000_000, 13: 3, 14: 2, 19: 3, 20: 2}


class NoCompilerError(RuntimeError):
    """The machine has no C compiler, or no loopback of its own to be these switches on."""


@functools.cache
def build() -> Path:
    """Build the agent once a process; raise NoCompilerError where that can't be done."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("no C compiler (cc) on this machine")
    folder = tempfile.mkdtemp(prefix="jifang-agent-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = Path(folder) / "load_agent"
    done = subprocess.run(
        [compiler, "-O2", "-o", program, SOURCE], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NoCompilerError(f"the load agent doesn't compile here: {done.stderr[-500:]}")
    return program


@contextmanager
def running(cpu: int | None = None, **options: float | str) -> Iterator[tuple[int, int]]:
    """Run the agent with its options (`dead_percent=5`); gives its UDP port and process id."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    given = {"port": port, **options}
    words = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    command = [str(build()), *(word.replace("_", "-") for word in words)]
    if cpu is not None and shutil.which("taskset"):
        command = ["taskset", "-c", str(cpu), *command]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        try:
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError("the load agent didn't start")
            yield port, process.pid
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait(10)


def address(number: int) -> str:
    """The address of switch `number`, from 0; none ends in 0 or 255."""
    rest, last = divmod(number, 250)
    high, low = divmod(rest, 256)
    return f"127.{1 + high}.{low}.{1 + last}"


def _mix(address: str, salt: int) -> int:
    packed = int.from_bytes(socket.inet_aton(address), "big")
    x = packed * 2654435761 & _MASK ^ salt * 2246822519 & _MASK
    x ^= x >> 15
    x = x * 2246822519 & _MASK
    x ^= x >> 13
    x = x * 3266489917 & _MASK
    return x ^ x >> 16


def is_dead(address: str, dead_percent: float) -> bool:
    return _mix(address, 1) % 10_000 < int(dead_percent * 100)


def name(row: int) -> str:
    """What a port is called (ifName, ifDescr)."""
    return f"GigabitEthernet0/0/{row}"


def counter(address: str, row: int, arc: int, uptime_ticks: int) -> int:
    """What a counter says at this sysUpTime; `arc` is the last of its column's OID."""
    number = (_mix(address, row * 64 + arc) % RATES[arc]) * uptime_ticks
    return number % (1 << (64 if arc in (6, 10) else 32))
