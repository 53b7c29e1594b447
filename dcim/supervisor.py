"""Starts the processes of one instance, watches them, restarts what crashes, and stops them all."""

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click

from dcim.postgres import EmbeddedServer, PostgresError
from dcim.preflight import (
    StartRefusedError,
    check_directory,
    check_disk,
    check_port,
    instance_lock,
)
from dcim.privileges import PrivilegeError
from dcim.tether import tethered

CODE = Path(__file__).resolve().parent.parent
TICK = 0.1  # seconds between looks at the children
LOOK_AROUND = 2.0  # seconds between looks at the database, the disk and the logs
READY_TIMEOUT = 90.0  # seconds
STOP_GRACE = 10.0  # seconds from SIGTERM to SIGKILL
BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the first, second ... restart
STEADY = 60.0  # seconds of life after which the back-off begins anew
START_TRIES = 3  # a child that ends this often before it was ever ready stops the start
LOG_LIMIT = 20 * 1000**2  # bytes

Say = Callable[[str], None]


@dataclass(frozen=True)
class Process:
    """One program of the instance. `ready_url` answers 200 when it works; without one, living is
    enough."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None


@dataclass(frozen=True)
class Preparation:
    """Work done once before the processes start, with the database up: migrations, demo data.

    `action` gets a function that shows a line of progress.
    """

    title: str
    action: Callable[[Say], None]


def command(name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Process:
    """The process `dcim NAME ARGUMENTS...`: `command("worker", "--queue", "poll")`."""
    argv = (sys.executable, "-m", "dcim.cli", name, *arguments)
    title = "-".join(word.lstrip("-") for word in (name, *arguments))  # also names its log
    return Process(title, argv, env or {})


def web(host: str, port: int, *, workers: int = 2, threads: int = 8) -> Process:
    """gunicorn serving `wsgi:app`. The control socket it would open under $HOME stays off."""
    argv = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
    argv += ["--worker-class", "dcim.http.worker.EvenWorker"]
    # Imported once, then forked: workers share the memory and start at once.
    argv += ["--preload", "--workers", str(workers), "--threads", str(threads)]
    argv += ["--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    argv += ["--graceful-timeout", "8", "--timeout", "60", "--chdir", str(CODE), "wsgi:app"]
    return Process("web", argv, ready_url=f"http://{_reachable(host)}:{port}/readyz")


def _reachable(host: str) -> str:
    """Where a server listening on `host` is found from here."""
    if host in ("", "0.0.0.0"):  # noqa: S104  compared, not bound
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def run(
    data: Path,
    *,
    host: str,
    port: int,
    server: EmbeddedServer | None,
    preparations: Sequence[Preparation],
    processes: Sequence[Process],
    announce: Callable[[], str],
    say: Say = click.echo,
) -> int:
    """Run the instance in `data` until SIGINT, SIGTERM or SIGHUP. Returns the exit status.

    Checks directory, disk, instance lock and port before anything starts; then the embedded
    database (`server` is None with an external one), `preparations`, `processes`; once all are
    ready says what `announce` returns. Call it from the main thread.
    """
    data = data.absolute()
    try:
        check_directory(data)
        with instance_lock(data, f"http://{_reachable(host)}:{port}"):
            check_port(host, port)
            warning = check_disk(data)
            if warning:
                say(warning)
            return _Supervisor(data, server, processes, say).run(preparations, announce)
    except (StartRefusedError, PostgresError, PrivilegeError) as error:
        say(str(error))
        return 1


class _InterruptedError(BaseException):
    """Ctrl-C or SIGTERM during a preparation."""


class _GaveUpError(Exception):
    """A process does not come up; the text says which and shows its last words."""


class _Child:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.popen: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.crashes = 0
        self.ever_ready = False
        self.restart_at: float | None = None

    def signal_group(self, number: int) -> None:
        if self.popen is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, number)


class _Supervisor:
    def __init__(
        self, data: Path, server: EmbeddedServer | None, processes: Sequence[Process], say: Say
    ) -> None:
        self.data = data
        self.server = server
        self.children = [_Child(process) for process in processes]
        self._say = say
        self._stops = 0
        self._interruptible = False
        self._disk_warned = False

    # -- the course of a run

    def run(self, preparations: Sequence[Preparation], announce: Callable[[], str]) -> int:
        status = 0
        with self._signals(), contextlib.ExitStack() as stack:
            stack.callback(self._farewell)
            try:
                if self.server is not None:
                    began = time.monotonic()
                    stack.enter_context(self.server.lease(tied=True))
                    self.say(f"✓ Database ({time.monotonic() - began:.1f} s)")
                for preparation in preparations:
                    self._prepare(preparation)
                stack.callback(self._stop_children)
                self._start_all()
                if not self._stops:
                    self.say("\n" + announce())
                self._watch()
            except _InterruptedError:
                pass
            except _GaveUpError as error:
                self.say(str(error))
                status = 1
        return status

    def say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            self._say(text)

    def _prepare(self, preparation: Preparation) -> None:
        self.say(f"… {preparation.title}")
        began = time.monotonic()
        try:
            self._interruptible = True
            if self._stops:
                raise _InterruptedError
            preparation.action(lambda line: self.say(f"    {line}"))
        finally:
            self._interruptible = False
        self.say(f"✓ {preparation.title} ({time.monotonic() - began:.1f} s)")

    def _start_all(self) -> None:
        began = time.monotonic()
        for child in self.children:
            if self._stops:
                return
            self._start(child)
        waiting = list(self.children)
        while waiting and not self._stops:
            for child in list(waiting):
                self._tend(child)
                if not child.ever_ready and child.crashes >= START_TRIES:
                    raise _GaveUpError(self._obituary(child, "does not come up"))
                if self._is_ready(child):
                    child.ever_ready = True
                    waiting.remove(child)
                    took = time.monotonic() - began
                    self.say(f"✓ {child.process.name} ({took:.1f} s)")
            if waiting and time.monotonic() - began > READY_TIMEOUT:
                reason = f"is not ready after {READY_TIMEOUT:.0f} s"
                raise _GaveUpError(self._obituary(waiting[0], reason))
            time.sleep(TICK)

    def _watch(self) -> None:
        looked = time.monotonic()
        while not self._stops:
            for child in self.children:
                self._tend(child)
            if time.monotonic() - looked >= LOOK_AROUND:
                self._look_around()
                looked = time.monotonic()
            time.sleep(TICK)

    def _look_around(self) -> None:
        if self.server is not None and not self.server.is_running():
            self.say("The database has stopped: starting it again")
            try:
                self.server.ensure_started(tied=True)
            except PostgresError as error:
                self.say(f"{error}\nTrying again")
        for child in self.children:
            self._trim(self._log_path(child))
        with contextlib.suppress(OSError):
            try:
                warning = check_disk(self.data)
            except StartRefusedError as error:
                warning = str(error)
            if warning and not self._disk_warned:
                self.say(warning)
            self._disk_warned = warning is not None

    # -- children

    def _log_path(self, child: _Child) -> Path:
        return self.data / "log" / f"{child.process.name}.log"

    def _start(self, child: _Child) -> None:
        path = self._log_path(child)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        environment = {**os.environ, "DCIM_DATA": str(self.data), **child.process.env}
        places = [str(CODE), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, dict.fromkeys(places)))
        child.restart_at = None
        child.started = time.monotonic()
        with path.open("ab") as log:
            child.popen = subprocess.Popen(  # noqa: S603  our own programs, no shell
                # SIGKILL: when the supervisor itself was killed nobody is left to insist.
                tethered(child.process.argv, death_signal=signal.SIGKILL),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches them through us, in order
            )

    def _tend(self, child: _Child) -> None:
        """Notice that a child ended, and start it again when its pause is over."""
        if child.popen is not None:
            status = child.popen.poll()
            if status is None:
                return
            child.signal_group(signal.SIGKILL)  # what it left behind
            lived = time.monotonic() - child.started
            child.crashes = 1 if lived >= STEADY else child.crashes + 1
            pause = BACK_OFF[min(child.crashes, len(BACK_OFF)) - 1]
            child.popen = None
            child.restart_at = time.monotonic() + pause
            how = signal.Signals(-status).name if status < 0 else f"status {status}"
            self.say(
                f"{child.process.name} ended ({how}); again in {pause:g} s. "
                f"Its words: {self._log_path(child)}"
            )
        elif child.restart_at is not None and time.monotonic() >= child.restart_at:
            self._start(child)

    def _is_ready(self, child: _Child) -> bool:
        if child.popen is None or child.popen.poll() is not None:
            return False
        if child.process.ready_url is None:
            return time.monotonic() - child.started >= 0.5
        place = urlsplit(child.process.ready_url)
        connection = http.client.HTTPConnection(place.netloc, timeout=2.0)
        try:
            connection.request("GET", place.path or "/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _obituary(self, child: _Child, reason: str) -> str:
        path = self._log_path(child)
        words = path.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        return "\n".join([f"{child.process.name} {reason}. Its last words ({path}):", *words])

    def _trim(self, path: Path) -> None:
        """Keep one older file; the child appends, so it goes on at the new end."""
        with contextlib.suppress(OSError):
            if path.stat().st_size > LOG_LIMIT:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)

    # -- the end

    def _stop_children(self) -> None:
        self.say("Stopping ...")
        alive = [child for child in self.children if child.popen is not None]
        for child in reversed(alive):
            if child.popen is not None:
                child.popen.terminate()
        asked_at, stops_then = time.monotonic(), self._stops
        while alive:
            for child in list(alive):
                if child.popen is None or child.popen.poll() is not None:
                    alive.remove(child)
            impatient = self._stops > stops_then and self._stops > 1
            if alive and (impatient or time.monotonic() - asked_at > STOP_GRACE):
                for child in alive:
                    self.say(f"{child.process.name} does not stop by itself: killed")
                    child.signal_group(signal.SIGKILL)
                asked_at = float("inf")  # said once; SIGKILL cannot be ignored
            time.sleep(0.02)
        for child in self.children:
            child.signal_group(signal.SIGKILL)

    def _farewell(self) -> None:
        self.say("Stopped.")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            self._stops += 1
            if self._interruptible:
                self._interruptible = False
                raise _InterruptedError

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
