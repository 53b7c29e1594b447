"""A month of 5-minute samples of every port out of day blocks, beside numpy on arrays in memory.

Each port's 8,928 samples of 31 days are read through `PostgresSampleStore.read`, every block's
SHA-256 checked, and its exact 95th percentile taken three times: of in, of out and of the higher
of both. numpy gets the same numbers as int64 arrays it already holds, and does the same by
`np.percentile(…, method="inverted_cdf")`, the nearest rank; the bound is six times that. The bare
selection under it, `np.partition` at the known rank, is printed beside it. All three sides must
agree on every number; they take turns, 500 ports at a time. One process is the job that issues a
month's statements; two, half of the ports each, are the pages, which two workers serve. Client and
server share this machine; the server has read its pages before. The size (`--racks`) is the number
of ports.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
from sqlalchemy import select, text

from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.inventory.models import Device
from dcim.metering.batch import Batch
from dcim.metering.families import DAY_MS, FLAG_LOADED
from dcim.metering.percentile import find_percentile, find_rank
from dcim.metering.store import PostgresSampleStore
from tests.benchmarks.estate import SCOPE, Estate, Say, running_estate

RACKS = 10_000
CABINETS = 10  # of the estate the ports stand in
STEP_MS = 300_000
DAYS = 31
POINTS = DAYS * DAY_MS // STEP_MS
FIRST_DAY = 20_727  # 2026-10-01
START, END = FIRST_DAY * DAY_MS, (FIRST_DAY + DAYS) * DAY_MS
AT_ONCE = 40  # ports a transaction
SLICE = 500  # ports a turn
PERCENT = Decimal(95)
BOUND = 6
PROCESSES = 2

Ints = npt.NDArray[np.int64]
Three = tuple[int, int, int]


@dataclass
class Took:
    """Seconds of each side, slice by slice of the ports; the sides take turns."""

    one: list[float] = field(default_factory=list)
    two: list[float] = field(default_factory=list)
    numpy: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    octets = np.empty((racks, 2, POINTS), dtype=np.int64)
    with running_estate(CABINETS, say) as estate:
        series = enter_series(estate, racks)
        loaded_s, size = load(estate, series, octets, say)
        took = measure(estate.database.app_url, series, octets, say)
    whole = sum(took.numpy)
    return [
        ("Ports, samples, blocks", f"{racks}, {racks * POINTS}, {racks * DAYS}"),
        (
            "Loaded by `load_days`",
            f"{loaded_s:.0f} s, {size / 2**20:.0f} MiB ({size / racks / POINTS:.1f} B a sample)",
        ),
        ("numpy, `np.percentile` in memory", f"{whole:.2f} s"),
        ("numpy, `np.partition` in memory", f"{sum(took.bare):.2f} s"),
        ("Read and ranked, one process", beside(took.one, took)),
        (f"Read and ranked, {PROCESSES} processes, half of the ports each", beside(took.two, took)),
        ("Numbers compared", f"{3 * racks} on every side, all equal"),
    ]


def measure(url: str, series: list[int], octets: Ints, say: Say) -> Took:
    took = Took()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(read_all, [url] * PROCESSES, [series[:1]] * PROCESSES))  # started
        read_all(url, series)  # the server's cache
        say("read once")
        for at in range(0, len(series), SLICE):
            part = series[at : at + SLICE]
            mine = octets[at : at + SLICE]
            halves = [half.tolist() for half in np.array_split(np.array(part), PROCESSES)]
            sides = [
                clocked(took.one, partial(read_all, url, part)),
                clocked(took.numpy, partial(rank_all, by_percentile, mine)),
                clocked(took.two, partial(read_halves, pool, url, halves)),
                clocked(took.bare, partial(rank_all, by_partition, mine)),
            ]
            if any(side != sides[0] for side in sides):
                raise RuntimeError(f"ports {at} to {at + len(part)}: the percentiles differ")
            say(
                f"{at + len(part)} ports: {took.one[-1]:.1f} s, {took.two[-1]:.1f} s,"
                f" numpy {took.numpy[-1]:.2f} s"
            )
    return took


def clocked(into: list[float], work: Callable[[], list[Three]]) -> list[Three]:
    began = time.perf_counter()
    found = work()
    into.append(time.perf_counter() - began)
    return found


def beside(seconds: list[float], took: Took) -> str:
    whole = sum(seconds)
    ratio = whole / sum(took.numpy)
    each = sorted(one / two for one, two in zip(seconds, took.numpy, strict=True))
    verdict = f"within {BOUND}" if ratio <= BOUND else f"**over {BOUND}**"
    return (
        f"{whole:.2f} s: **{ratio:.1f} ×** `np.percentile` ({verdict}; slices of {SLICE} ports"
        f" {each[0]:.1f} to {each[-1]:.1f}), {whole / sum(took.bare):.0f} × `np.partition`"
    )


def enter_series(estate: Estate, ports: int) -> list[int]:
    with transaction(estate.sessions, SCOPE) as session:
        device_id = session.scalars(select(Device.id).order_by(Device.id).limit(1)).one()
        rows = session.execute(
            text(
                "INSERT INTO series (family, device_id, slot, step_s)"
                " SELECT 'traffic', :device, 'bench-' || n, 300 FROM generate_series(1, :count) n"
                " RETURNING id"
            ),
            {"device": device_id, "count": ports},
        )
        return sorted(rows.scalars())


def load(estate: Estate, series: list[int], octets: Ints, say: Say) -> tuple[float, int]:
    """Fill `octets` (ports, in and out, points) and the store; seconds it took, bytes of blocks."""
    ts = START + np.arange(POINTS, dtype=np.int64) * STEP_MS
    hours = (ts // 60_000 % 1440) / 1440 * 2 * np.pi
    random = np.random.default_rng(1)
    store = PostgresSampleStore()
    took = 0.0
    for at in range(0, len(series), AT_ONCE):
        chunk = series[at : at + AT_ONCE]
        part = octets[at : at + AT_ONCE]
        # By day, with noise, up to some Gbit/s; each direction on its own.
        scale = random.uniform(1e6, 8e10, (len(chunk), 2, 1))
        part[:] = scale * (1.2 + np.sin(hours)) * random.uniform(0.7, 1.3, part.shape)
        batch = Batch.from_arrays(
            "traffic",
            np.repeat(chunk, POINTS),
            np.tile(ts, len(chunk)),
            {
                "in_octets": part[:, 0].ravel(), "out_octets": part[:, 1].ravel(),
                "in_errors": 0, "out_errors": 0,
            },
            span_ms=STEP_MS,
            flags=FLAG_LOADED,
        )  # fmt: skip
        began = time.perf_counter()
        with transaction(estate.sessions, SCOPE) as session:
            store.load_days(session, batch, END + 10 * DAY_MS)
        took += time.perf_counter() - began
        if at // AT_ONCE % 25 == 0:
            say(f"{at + len(chunk)} ports loaded")
    with transaction(estate.sessions, SCOPE) as session:
        size = session.execute(text("SELECT sum(length(body)) FROM sample_block")).scalar_one()
    return took, int(size)


@cache
def connect(url: str) -> SessionFactory:
    """Once a process, as workers do."""
    return make_sessions(make_engine(url))


def read_ports(url: str, series: list[int]) -> Iterator[Three]:
    """As a job does: one session, one read, port after port."""
    with transaction(connect(url), SCOPE) as session:
        for _, columns in PostgresSampleStore().read(session, "traffic", series, START, END):
            ins, outs = columns.values["in_octets"], columns.values["out_octets"]
            if len(columns) != POINTS:
                raise RuntimeError(f"{len(columns)} samples were read")
            yield (
                find_percentile(ins).value,
                find_percentile(outs).value,
                find_percentile(np.maximum(ins, outs)).value,
            )


def read_all(url: str, series: list[int]) -> list[Three]:
    return list(read_ports(url, series))


def read_halves(pool: Executor, url: str, halves: list[list[int]]) -> list[Three]:
    found = pool.map(read_all, [url] * len(halves), halves)
    return [three for half in found for three in half]


def rank_all(rank: Callable[[Ints, Ints], Three], octets: Ints) -> list[Three]:
    return [rank(ins, outs) for ins, outs in octets]


def by_percentile(ins: Ints, outs: Ints) -> Three:
    a, b, c = (
        int(np.percentile(line, 95, method="inverted_cdf"))
        for line in (ins, outs, np.maximum(ins, outs))
    )
    return a, b, c


def by_partition(ins: Ints, outs: Ints) -> Three:
    place = find_rank(POINTS, PERCENT, "nearest") - 1
    a, b, c = (int(np.partition(line, place)[place]) for line in (ins, outs, np.maximum(ins, outs)))
    return a, b, c
