"""Judging a month of many customers: eight items of three metrics each, out of samples each minute.

Every item is a cabinet with two feeds, a path and a temperature in its cold aisle; each is sampled
every minute of October (44,640 samples), with outages, silence and heat thrown in by seed. Samples
become states and values by the functions that statements use (`dcim.sla.evidence`); that is
printed as "facts". Then `evaluate` judges by terms with both feeds at once, tiers, temperature
with minutes, caps and a right to terminate. Both are measured in one process and in two, half
of the customers each; the bound is 60 s for judging 1,000 customers on two cores. The size
(`--racks`) is the number of customers; the first and the last tenth show how it grows.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

import dcim.demo
from dcim.metering.batch import Columns
from dcim.metering.families import DOWN, UP
from dcim.sla.evidence import port_states, temperature_values
from dcim.sla.rules.evaluation import evaluate
from dcim.sla.rules.facts import Facts, Item, Resource
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import month_period
from tests.benchmarks.estate import Say

RACKS = 1000  # customers
ITEMS = 8
MINUTE = 60_000
PROCESSES = 2
BOUND_S = 60
MONTH = month_period("2026-10", "Asia/Shanghai")
TERMS = Path(dcim.demo.__file__).parent / "terms" / "standard.yaml"

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Took:
    """Seconds, and what came out: results, of these missed, open; the sum of the credits."""

    facts_s: float
    judged_s: float
    results: int
    missed: int
    reviews: int
    credits: Decimal


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    tenth = max(racks // 10, 1)
    judge_customers(0, 2)  # imports, caches
    alone = judge_customers(0, racks)
    say(f"one process: facts {alone.facts_s:.1f} s, judged {alone.judged_s:.1f} s")
    first, last = judge_customers(0, tenth), judge_customers(racks - tenth, racks)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(judge_customers, [0] * PROCESSES, [2] * PROCESSES))
        began = time.perf_counter()
        cuts = [racks * part // PROCESSES for part in range(PROCESSES + 1)]
        halves = list(pool.map(judge_customers, cuts[:-1], cuts[1:]))
        wall = time.perf_counter() - began
    judged = max(half.judged_s for half in halves)
    if sum((half.credits for half in halves), Decimal(0)) != alone.credits:
        raise RuntimeError("the halves give other credits than the whole")
    per = alone.results
    return [
        ("Customers, items, metrics judged", f"{racks}, {racks * ITEMS}, {alone.results}"),
        ("Samples they rest on", f"{racks * ITEMS * 4 * samples():,}"),
        ("Missed, to review, credits", f"{alone.missed}, {alone.reviews}, {alone.credits}"),
        (
            "Judged, one process",
            (
                f"{alone.judged_s:.1f} s ({alone.judged_s / per * 1000:.2f} ms each metric),"
                f" {alone.judged_s / alone.facts_s:.2f} × making the facts ({alone.facts_s:.1f} s)"
            ),
        ),
        (
            f"Judged, {PROCESSES} processes",
            (
                f"**{judged:.1f} s** ({'within' if judged <= BOUND_S else '**over**'} {BOUND_S} s);"
                f" with the facts {wall:.1f} s"
            ),
        ),
        (
            "The last tenth beside the first",
            f"{last.judged_s / first.judged_s:.2f} × (it grows with the customers alone)",
        ),
    ]


def samples() -> int:
    return (MONTH.end - MONTH.start) // MINUTE


def judge_customers(first: int, end: int) -> Took:
    """Customers by number, each from its own seed, so that any half gives the same."""
    terms = load_terms(TERMS.read_text("utf-8"))
    facts_s = judged_s = 0.0
    results = missed = reviews = 0
    credits = Decimal(0)
    for customer in range(first, end):
        began = time.perf_counter()
        facts = make_facts(customer)
        between = time.perf_counter()
        found = evaluate(terms, facts, MONTH)
        judged_s += time.perf_counter() - between
        facts_s += between - began
        results += len(found.results)
        missed += sum(bool(one.outcome.missed) for one in found.results)
        reviews += sum(one.result == "needs_review" for one in found.results)
        credits += found.credit_total
    return Took(facts_s, judged_s, results, missed, reviews, credits)


def make_facts(customer: int) -> Facts:
    draw = np.random.default_rng(customer)
    items, resources = [], []
    for number in range(ITEMS):
        code = f"C{customer}-{number}"
        fee = Decimal(3000)
        items.append(Item(code, "cabinet", fee, fee, MONTH.start, MONTH.end, {"dual_fed": True}))
        for feed in "AB":
            states = port_states(sample_states(draw), MONTH.start, MONTH.end)
            resources.append(Resource(f"feed:{code}:{feed}", "power_feed", (code,), tuple(states)))
        bandwidth = f"{code}-BW"
        items.append(Item(bandwidth, "bandwidth", fee, fee, MONTH.start, MONTH.end))
        states = port_states(sample_states(draw), MONTH.start, MONTH.end)
        resources.append(Resource(f"port:{code}", "port", (bandwidth,), tuple(states)))
        values = temperature_values(sample_temperature(draw), MONTH.start, MONTH.end)
        resources.append(Resource(f"t:{code}", "temperature", (code,), values=tuple(values)))
    return Facts(tuple(items), tuple(resources), days_in_period=31)


def sample_states(draw: np.random.Generator) -> Columns:
    """Up each minute but for a few outages; a few hours in which nobody asked."""
    ts = MONTH.start + np.arange(samples(), dtype=np.int64) * MINUTE
    states = np.full(len(ts), UP, dtype=np.int64)
    for at in draw.integers(0, len(ts), draw.integers(0, 4)):
        states[at : at + draw.integers(1, 90)] = DOWN
    asked = np.ones(len(ts), dtype=bool)
    for at in draw.integers(0, len(ts), draw.integers(0, 3)):
        asked[at : at + draw.integers(1, 60)] = False
    return columns(ts[asked], "state", states[asked])


def sample_temperature(draw: np.random.Generator) -> Columns:
    """A slow walk in tenths of a degree, and now and then an hour of heat."""
    ts = MONTH.start + np.arange(samples(), dtype=np.int64) * MINUTE
    drift = np.cumsum(draw.choice([-1, 0, 0, 0, 0, 0, 0, 0, 0, 1], len(ts)))
    tenths = 225 + np.clip(drift, -30, 30)
    if draw.random() < 0.2:
        at = int(draw.integers(0, len(ts)))
        tenths[at : at + 90] = 285
    return columns(ts, "mc", tenths * 100)


def columns(ts: Ints, name: str, values: Ints) -> Columns:
    return Columns(ts, np.full(len(ts), MINUTE), np.zeros(len(ts), dtype=np.int64), {name: values})
