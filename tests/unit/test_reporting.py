"""A run that hangs or is cut off says what failed, and where it stood."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FAILING = """
import time

def test_fails():
    assert "the meter" == "the money"

def test_hangs():
    time.sleep(120)

def test_goes_on():
    pass
"""


def run(folder: Path, *options: str) -> str:
    (folder / "test_one.py").write_text(FAILING)
    # A worker of xdist tells nothing itself.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(folder), *options,
         "-p", "no:xdist", "-p", "no:cacheprovider", "--timeout=2", "-v", str(folder)],
        cwd=ROOT, env=plain, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout


def test_a_failure_is_told_before_the_next_test_ends(tmp_path: Path) -> None:
    said = run(tmp_path, "-p", "tests.reporting")
    before, _, after = said.partition("test_hangs FAILED")
    assert "assert 'the meter' == 'the money'" in before
    assert "Timeout" in after
    assert "time.sleep(120)" in after
    assert "2 failed, 1 passed" in after


def test_without_the_plugin_it_is_told_at_the_end_alone(tmp_path: Path) -> None:
    before, _, _ = run(tmp_path).partition("test_hangs FAILED")
    assert "the meter" not in before
