"""Measure one thing at full size and write the figures: `python -m tests.benchmarks NAME`."""

import argparse
import importlib
import pkgutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests import benchmarks
from tests.drills.__main__ import machine

REPORTS = Path(__file__).parents[2] / "docs" / "benchmarks"
NOT_BENCHMARKS = ("__main__", "estate")


def names() -> dict[str, str]:
    """Name of each benchmark and its module."""
    modules = [found.name for found in pkgutil.iter_modules(benchmarks.__path__)]
    return {name.replace("_", "-"): name for name in modules if name not in NOT_BENCHMARKS}


def report(name: str, about: str, racks: int, figures: list[tuple[str, str]]) -> str:
    facts = [
        *figures,
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Machine", machine()),
    ]
    lines = [f"# Benchmark: {name}", "", about.strip(), "", "| | |", "|---|---|"]
    lines += [f"| {label} | {value} |" for label, value in facts]
    return "\n".join([*lines, "", f"Again: `./dev bench {name} --racks {racks}`", ""])


def main(arguments: list[str]) -> int:
    known = names()
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(known), metavar="NAME")
    parser.add_argument("--racks", type=int, default=None, help="default: the benchmark's own size")
    parser.add_argument("--list", action="store_true", help="name the benchmarks")
    options = parser.parse_args(arguments)
    if options.list or options.name is None:
        for name in sorted(known):
            doc = importlib.import_module(f"tests.benchmarks.{known[name]}").__doc__ or ""
            sys.stdout.write(f"{name:20} {doc.strip().splitlines()[0]}\n")
        return 0
    module = importlib.import_module(f"tests.benchmarks.{known[options.name]}")
    racks = options.racks or module.RACKS
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.0f} s  {text}\n")

    figures = module.run(racks, say)
    text = report(options.name, module.__doc__ or "", racks, figures)
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{options.name}.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
