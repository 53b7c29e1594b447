"""Starting, watching and stopping an instance, with real processes and real signals."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dcim.preflight import StartRefusedError, check_directory, check_disk, check_port
from dcim.supervisor import command, web
from dcim.tether import UNTIED, tethered

ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"  # a zombie has ended; whoever adopted it has not looked yet


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Instance:
    """`tests.supervised` in a process of its own."""

    def __init__(self, data: Path, *children: str, port: int | None = None, **env: str) -> None:
        self.data = data
        self.log = data.with_suffix(".out")
        self.port = port or free_port()
        argv = [sys.executable, "-m", "tests.supervised", str(data), str(self.port), *children]
        with self.log.open("wb") as out:
            self.popen = subprocess.Popen(
                argv, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, **env}
            )

    @property
    def words(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def saying(self, text: str) -> "Instance":
        def said() -> bool:
            if text in self.words:
                return True
            assert self.popen.poll() is None or text in self.words, self.words
            return False

        until(said)
        return self

    def pid(self, name: str) -> int:
        path = self.data / f"{name}.pid"
        until(path.exists)
        return int(path.read_text(encoding="ascii"))

    def grandchild(self, name: str) -> int:
        path = self.data / f"{name}.grandchild"
        until(lambda: path.exists() and path.read_text(encoding="ascii"))
        return int(path.read_text(encoding="ascii"))

    def database(self) -> int:
        """Number of its process, once it has written it: a database that begins anew has none."""
        path = self.data / "pg" / "postmaster.pid"

        def read() -> str:
            with suppress(FileNotFoundError):
                return path.read_text(encoding="utf-8").partition("\n")[0]
            return ""

        until(read)
        return int(read() or 0)

    def end(self, number: int = signal.SIGINT) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(timeout=30)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Instance]]:
    started: list[Instance] = []

    def begin(*children: str, port: int | None = None, **env: str) -> Instance:
        instance = Instance(tmp_path / "i", *children, port=port, **env)
        started.append(instance)
        return instance

    yield begin
    for instance in started:
        instance.popen.kill()
        instance.popen.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_children_grandchildren_and_database(
    start: Callable[..., Instance], number: int
) -> None:
    instance = start("one=steady", "two=parent").saying("READY")
    pids = [instance.pid("one"), instance.pid("two"), instance.grandchild("two")]
    pids.append(instance.database())
    assert all(alive(pid) for pid in pids)
    assert instance.end(number) == 0
    assert [pid for pid in pids if alive(pid)] == []
    assert instance.words.rstrip().endswith("Stopped.")


def test_hanging_child_is_killed(start: Callable[..., Instance]) -> None:
    instance = start("one=steady", "stubborn=hangs", NO_DATABASE="1").saying("READY")
    pids = [instance.pid("one"), instance.pid("stubborn")]
    assert instance.end() == 0
    assert [pid for pid in pids if alive(pid)] == []
    assert "stubborn does not stop by itself: killed" in instance.words
    assert "one does not stop" not in instance.words


def test_nothing_outlives_a_killed_supervisor(start: Callable[..., Instance]) -> None:
    instance = start("one=steady", "stubborn=hangs").saying("READY")
    pids = [instance.pid("one"), instance.pid("stubborn"), instance.database()]
    assert instance.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(alive(pid) for pid in pids))


def test_control_untied_child_outlives_its_parent() -> None:
    line = tethered(["/bin/sleep", "600"], death_signal=UNTIED)
    script = (
        "import os, subprocess, sys; "
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(p.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *line], capture_output=True, text=True, check=False
    )
    pid = int(done.stdout)
    try:
        time.sleep(0.3)
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_crashed_child_is_started_again_later_and_later(start: Callable[..., Instance]) -> None:
    instance = start("one=steady", "weak=crashes", NO_DATABASE="1").saying("READY")
    first = instance.pid("weak")
    instance.saying("weak ended (status 3); again in 0.5 s")
    until(lambda: instance.pid("weak") != first)
    instance.saying("weak ended (status 3); again in 1 s")
    os.kill(instance.pid("one"), signal.SIGKILL)
    instance.saying("one ended (SIGKILL); again in 0.5 s")
    assert instance.end() == 0


def test_child_that_never_comes_up_stops_the_start(start: Callable[..., Instance]) -> None:
    instance = start("one=steady", "dead=stillborn", NO_DATABASE="1")
    assert instance.popen.wait(timeout=30) == 1
    assert "dead does not come up" in instance.words
    assert "no such setting: FROG" in instance.words
    assert "READY" not in instance.words
    assert not alive(instance.pid("one"))


def test_announces_only_when_the_web_answers(start: Callable[..., Instance]) -> None:
    instance = start("web=serves", NO_DATABASE="1").saying("READY")
    assert instance.words.index("✓ web") < instance.words.index("READY")
    socket.create_connection(("127.0.0.1", instance.port), timeout=5).close()
    assert instance.end() == 0


def test_preparation_can_be_interrupted(start: Callable[..., Instance]) -> None:
    instance = start("one=steady", SLOW_PREPARATION="1").saying("half-way")
    database = instance.database()
    assert instance.end(signal.SIGTERM) == 0
    assert not alive(database)
    assert not (instance.data / "one.pid").exists()


def test_killed_database_is_started_again(start: Callable[..., Instance]) -> None:
    instance = start("one=steady").saying("READY")
    first = instance.database()
    os.kill(first, signal.SIGKILL)
    instance.saying("The database has stopped")
    until(lambda: instance.database() not in (0, first))
    second = instance.database()
    assert instance.end() == 0
    assert not alive(second)


def test_second_start_on_the_same_data_says_who_runs_it(start: Callable[..., Instance]) -> None:
    first = start("one=steady", NO_DATABASE="1").saying("READY")
    child = first.pid("one")
    second = Instance(first.data, "one=steady", port=free_port(), NO_DATABASE="1")
    second.log = first.log  # same file name: the second's words replaced the first's
    assert second.popen.wait(timeout=30) == 1
    assert "Jifang already runs on" in second.words
    assert f"process {first.popen.pid}, http://127.0.0.1:{first.port}" in second.words
    assert first.pid("one") == child
    assert alive(child)


def test_taken_port_is_told_before_anything_starts(start: Callable[..., Instance]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        instance = start("one=steady", port=taken.getsockname()[1])
        assert instance.popen.wait(timeout=30) == 1
    assert "cannot be used" in instance.words
    assert "--port " in instance.words
    assert not (instance.data / "pg").exists()
    assert not (instance.data / "one.pid").exists()


def test_port_advice_names_a_port_that_works() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        with pytest.raises(StartRefusedError) as refusal:
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", int(str(refusal.value).rsplit(" ", 1)[1]))
    check_port("127.0.0.1", port)  # control: free again, accepted
    with pytest.raises(StartRefusedError, match="no address"):
        check_port("no such host.invalid", port)


def test_unusable_directory(tmp_path: Path) -> None:
    check_directory(tmp_path / "fine")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StartRefusedError, match=r"cannot be written.*\n.*--data DIR"):
        check_directory(tmp_path / "file")
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(StartRefusedError, match="Permission denied"):
            check_directory(tmp_path / "closed")


@pytest.mark.parametrize(
    ("free", "outcome"),
    [(199_999_999, "refused"), (200_000_000, "warned"), (1_000_000_000, "fine")],
)
def test_disk_nearly_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, outcome: str
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    if outcome == "refused":
        with pytest.raises(StartRefusedError, match="Free some space"):
            check_disk(tmp_path)
    else:
        assert (check_disk(tmp_path) is not None) == (outcome == "warned")


def test_command_lines_hold_no_shell_and_no_control_socket() -> None:
    assert list(command("worker", "--queue", "poll").argv[1:]) == [
        *("-m", "dcim.cli", "worker", "--queue", "poll")
    ]
    assert command("worker", "--polling").name != command("worker", "--others").name
    process = web("::", 8080)
    assert "--no-control-socket" in process.argv
    assert "[::]:8080" in process.argv
    assert process.ready_url == "http://[::1]:8080/readyz"
