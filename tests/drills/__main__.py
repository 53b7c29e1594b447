"""Run one full-size proof and write its figures: `python -m tests.drills NAME [--seed N]`."""

import argparse
import importlib
import os
import pkgutil
import platform
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from tests import drills
from tests.drills.outcome import Drill, Outcome

REPORTS = Path(__file__).parents[2] / "docs" / "drills"
NOT_DRILLS = ("__main__", "outcome", "polled_switches")


def names() -> dict[str, str]:
    """Name of each drill and its module."""
    modules = [found.name for found in pkgutil.iter_modules(drills.__path__)]
    return {name.replace("_", "-"): name for name in modules if name not in NOT_DRILLS}


def machine() -> str:
    """The figures mean nothing without it; no names, only sizes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}, Python {python}"
    )


def report(name: str, about: str, seed: int, seconds: float, outcome: Outcome) -> str:
    facts = [
        ("Result", "passed" if outcome.passed else "**failed**"),
        *outcome.figures,
        ("Took", f"{seconds:.0f} s"),
        ("Seed", str(seed)),
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Machine", machine()),
    ]
    lines = [f"# Drill: {name}", "", about.strip(), "", "| | |", "|---|---|"]
    lines += [f"| {label} | {value} |" for label, value in facts]
    return "\n".join([*lines, "", f"Again: `./dev drill {name} --seed {seed}`", ""])


def main(arguments: list[str]) -> int:
    known = names()
    parser = argparse.ArgumentParser(prog="./dev drill", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(known), metavar="NAME")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, recorded")
    parser.add_argument("--rounds", type=int, default=None, help="default: the drill's own size")
    parser.add_argument("--list", action="store_true", help="name the drills")
    options = parser.parse_args(arguments)
    if options.list or options.name is None:
        for name in sorted(known):
            doc = importlib.import_module(f"tests.drills.{known[name]}").__doc__ or ""
            sys.stdout.write(f"{name:20} {doc.strip().splitlines()[0]}\n")
        return 0
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**31)
    module = importlib.import_module(f"tests.drills.{known[options.name]}")

    def say(text: str) -> None:
        sys.stderr.write(text + "\n")

    say(f"{options.name}, seed {seed}")
    began = time.monotonic()
    outcome = cast("Drill", module).run(random.Random(seed), options.rounds, say)
    text = report(options.name, module.__doc__ or "", seed, time.monotonic() - began, outcome)
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{options.name}.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
