"""Files are whole or not there, and what a killed run left goes with the next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dcim.statements import files
from dcim.statements.files import open_partial, write_durably

WRITER = """
import sys
from pathlib import Path
from dcim.statements.files import open_partial
with open_partial(Path(sys.argv[1])) as file:
    file.write(b"half")
    print("open", flush=True)
    sys.stdin.read()
"""


def start_writer(path: Path) -> "subprocess.Popen[str]":
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    return writer


def end(writer: "subprocess.Popen[str]") -> None:
    writer.communicate()


def test_what_is_being_written_stays_and_what_a_killed_run_left_goes(tmp_path: Path) -> None:
    path = tmp_path / "SLA-1.pdf"
    writer = start_writer(path)
    write_durably(path, b"whole")
    assert len(list(tmp_path.glob(".SLA-1.pdf.*"))) == 1
    os.kill(writer.pid, signal.SIGKILL)
    os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)
    # Dead, but nobody has taken notice: its process number is still there.
    os.kill(writer.pid, 0)
    write_durably(path, b"anew")
    end(writer)
    assert [one.name for one in tmp_path.iterdir()] == ["SLA-1.pdf"]
    assert path.read_bytes() == b"anew"


def test_control_without_looking_the_left_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "SLA-1.pdf"
    writer = start_writer(path)
    os.kill(writer.pid, signal.SIGKILL)
    end(writer)
    monkeypatch.setattr(files, "_remove_left", lambda partial: None)
    write_durably(path, b"whole")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no"), open_partial(tmp_path / "a") as file:
        raise RuntimeError(f"no {file.write(b'x')}")
    assert list(tmp_path.iterdir()) == []


def test_swept_before_it_was_locked_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer of the same file comes between making it and locking it."""
    path, real = tmp_path / "SLA-1.pdf", os.fchmod
    swept: list[Path] = []

    def sweep(number: int, mode: int) -> None:
        real(number, mode)
        if not swept:
            swept.extend(tmp_path.glob(".SLA-1.pdf.*"))
            write_durably(path, b"the other's")

    monkeypatch.setattr(os, "fchmod", sweep)
    write_durably(path, b"ours")
    assert len(swept) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["SLA-1.pdf"]
    assert path.read_bytes() == b"ours"
