"""`pip install jifang` is for customers: what `jifang-verify` imports is what it installs."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from reports.verdict import EXIT_CODES

ROOT = Path(__file__).parents[2]
# Named in docs/statement.md.
NEEDS = {"click", "cryptography", "numpy", "pyhanko", "pyyaml", "tzdata"}

# Runs the program where the other packages can't be imported, as on the customer's machine.
ALONE = """
import sys
others = set(sys.argv[1].split(","))
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in others:
            raise ModuleNotFoundError(f"no module named {name} on this machine", name=name)
sys.meta_path.insert(0, Wall())
extra, sys.argv = sys.argv[2], ["jifang-verify", *sys.argv[3:]]
if extra:
    __import__(extra)
from dcim.commands.verify import main
main()
"""


def base_dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"]["jifang-verify"] == "dcim.commands.verify:main"
    names: list[str] = project["dependencies"]
    return [Requirement(one).name for one in names]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_with(names: list[str]) -> set[str]:
    """These distributions and all that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonical(waiting.pop())
        if name in found:
            continue
        found.add(name)
        for line in metadata.distribution(name).requires or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name)
    return found


def modules_beside(names: set[str]) -> set[str]:
    """Of every other distribution here."""
    return {
        module
        for module, owners in metadata.packages_distributions().items()
        if not names & {canonical(owner) for owner in owners}
    }


def run_alone(extra: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    others = modules_beside(installed_with(base_dependencies())) - {"dcim", "reports"}
    return subprocess.run(
        [sys.executable, "-c", ALONE, ",".join(sorted(others)), extra, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_the_base_is_what_is_documented() -> None:
    assert set(base_dependencies()) == NEEDS
    documented = (ROOT / "docs" / "statement.md").read_text("utf-8")
    assert all(f"`{name}`" in documented for name in NEEDS)


def test_with_these_alone_everything_is_verified(sampled: tuple[Path, Path]) -> None:
    path, samples = sampled
    done = run_alone("", path, "--evidence", samples)
    assert done.returncode == EXIT_CODES["signer_unknown"], done.stderr
    assert "values agree" in done.stdout
    assert "bins agree" in done.stdout
    # Drawing the pages again takes WeasyPrint and the same fonts: without them it isn't known.
    assert "? The printed pages could not be confirmed" in done.stdout


@pytest.mark.parametrize("extra", ["flask", "sqlalchemy", "weasyprint", "pysnmp", "psycopg"])
def test_control_what_a_customer_does_not_have_stops_it(
    extra: str, sampled: tuple[Path, Path]
) -> None:
    done = run_alone(extra, sampled[0])
    assert done.returncode == 1
    assert f"no module named {extra}" in done.stderr


def test_errors_are_told_in_a_line(tmp_path: Path) -> None:
    done = run_alone("", tmp_path / "none.pdf")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.startswith("Error: There is no file")
    assert run_alone("").returncode == 2
    assert "--evidence" in run_alone("", "--help").stdout
