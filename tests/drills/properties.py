"""Every property of the SLA rules on thousands of random contracts and months.

`./dev test` tries each property on some hundred examples; here each is tried on at least 2,000
(`--rounds`): overlap counted once, splitting an event changes nothing, order irrelevant, credits
within every cap and monotone where the clause is, excluded time adds nothing, unknown never
decides silently, sums of lines, averages and percentiles beside slow twins, and the second-by-
second evaluator, written separately, on as many contracts and months.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

from tests.drills.outcome import Outcome, Say
from tests.examples import AT_LEAST

ROOT = Path(__file__).parents[2]
EXAMPLES = 2000
WHERE = (
    "tests/unit/sla", "tests/unit/probing/test_figures.py",
    "tests/unit/metering/test_percentile.py", "tests/statements/test_tallies.py",
)  # fmt: skip
TRIED = re.compile(r"- (\d+) passing,")
NAME = re.compile(r"^tests/\S+::(\w+)", re.MULTILINE)


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    wanted = rounds or EXAMPLES
    seed = draw.randrange(2**31)
    command = [
        sys.executable, "-m", "pytest", "-q", "--no-header", "--timeout=3600",
        "--hypothesis-show-statistics", f"--hypothesis-seed={seed}", "-p", "no:cacheprovider",
        *WHERE,
    ]  # fmt: skip
    environment = {**os.environ, AT_LEAST: str(wanted), "PYTHONPATH": str(ROOT)}
    say(f"each property on at least {wanted} examples")
    found = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    statistics = found.stdout.partition("Hypothesis Statistics")[2]
    counts = [int(count) for count in TRIED.findall(statistics)]
    names = NAME.findall(statistics)
    # A property whose every example is counted elsewhere (a few cases in all) may try fewer.
    few = [name for name, count in zip(names, counts, strict=False) if count < wanted]
    last = found.stdout.strip().splitlines()[-1] if found.stdout.strip() else "nothing was said"
    if found.returncode:
        say(found.stdout[-4000:])
    return Outcome(
        found.returncode == 0 and bool(counts),
        [
            ("Properties", str(len(counts))),
            ("Examples that passed", f"{sum(counts):,}"),
            ("Fewest of one property", f"{min(counts, default=0):,}"),
            ("Properties with fewer than asked for", ", ".join(few) or "none"),
            ("All tests of the folders", last.strip("= ")),
        ],
    )
