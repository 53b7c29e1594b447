"""A whole instance as `./dev run` starts it: every process, the demo, and its three logins."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A first start writes two months of readings and seventeen statements; two slow cores need a while.
START_S = 480
STOP_S = 60


@dataclass
class Running:
    data: Path
    base_url: str
    process: subprocess.Popen[str]
    # title ("IDC staff", "NOC", "Customer …") -> (address, one-time password)
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def dcim(self, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        """A command on this instance, beside its running processes."""
        return subprocess.run(
            [sys.executable, "-m", "dcim.cli", "--data", str(self.data), *arguments],
            cwd=ROOT,
            env={**os.environ, **options},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def pids(self, words: str) -> list[int]:
        """This instance's processes whose command line holds `words`."""
        mark = f"DCIM_DATA={self.data}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if words in command and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return sorted(found)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def run_instance(data: Path, *arguments: str) -> Iterator[Running]:
    """Start an instance in `data` and wait until it says it is up; stop it as Ctrl-C does."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "dcim.cli", "up", "--data", str(data), "--port", str(port),
            *arguments,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    running = Running(data, f"http://127.0.0.1:{port}", process)
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.lines.append(line.rstrip("\n"))
            if login := re.match(r"  (\S.*?)\s{2,}(\S+@\S+)\s+(\S.*)$", line):
                running.logins[login[1]] = (login[2], login[3])
            if "Ctrl-C stops" in line:
                ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        deadline = time.monotonic() + START_S
        while not ready.wait(0.5):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("it didn't start:\n" + "\n".join(running.lines[-30:]))
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            # What the killed one leaves holds its output open: nothing would end the reader.
            for pid in [process.pid, *running.pids("")]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        reader.join(STOP_S)
        assert process.stdout is not None
        process.stdout.close()
