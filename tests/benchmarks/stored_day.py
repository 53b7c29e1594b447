"""A day of polls at 60 s: what it costs hot, what it costs closed, and how long closing takes.

Switches of 48 ports are written minute by minute through `append_frames` as a poller does, 100
switches a transaction, frames and memories together: 1,440 minutes as fast as they go. Then the
day is closed by `maintain`, and one port's day read from either. Traffic is by the hour of the day
with 15 % noise; a third of the ports are nearly idle. The size (`--racks`) is the number of ports;
what is said for more ports follows from it in proportion: nothing here grows faster than the ports.
"""

import time
from collections.abc import Sequence

import numpy as np
from sqlalchemy import insert, select, text

from dcim.db import transaction
from dcim.inventory.models import Device
from dcim.metering.families import DAY_MS
from dcim.metering.frame_store import Newest, PortMemory, make_layouts
from dcim.metering.frames import Frame, Layout, Place
from dcim.metering.maintenance import CLOSED_AFTER_DAYS
from dcim.metering.store import PostgresSampleStore
from dcim.snmp.counting.port_table import Item, PortTable
from tests.benchmarks.estate import SCOPE, Estate, Say, median, running_estate

RACKS = 10_000
CABINETS = 10  # of the estate the switches stand in
PORTS = 48
MINUTES = 1_440
MINUTE_MS = 60_000
DAY = 20_727
START = DAY * DAY_MS
AT_ONCE = 100  # switches a transaction
SAID_FOR = (10_000, 50_000, 480_000)
HOT_BOUND = 10e9  # at 50,000 ports (issue C)

Sizes = dict[str, int]


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    switches = -(-racks // PORTS)
    ports = switches * PORTS
    with running_estate(CABINETS, say) as estate:
        layouts = enter(estate, switches)
        say(f"{switches} switches, {ports} ports entered")
        written = write_day(estate, layouts, say)
        hot = measure(estate)
        frames_ms = read_port(estate, layouts)
        began = time.perf_counter()
        with estate.sessions() as session:
            session.use_scope(SCOPE)
            now_ms = START + CLOSED_AFTER_DAYS * DAY_MS
            closed = PostgresSampleStore().maintain(session, now_ms)
        closing_s = time.perf_counter() - began
        say(f"closed in {closing_s:.0f} s")
        after = measure(estate)
        blocks_ms = read_port(estate, layouts)
    left = after["frames"]
    per_port = hot["frames"] / ports
    figures = [
        ("Switches, ports, samples of a day", f"{switches:,}, {ports:,}, {ports * MINUTES:,}"),
        (
            "A minute's frames and memories written",
            (
                f"{median(written) * 1000:.0f} ms (longest {max(written) * 1000:.0f} ms),"
                f" {median(written) * 1e6 / switches:.0f} µs a switch"
            ),
        ),
        (
            "Hot: a day's frames with their index",
            f"{hot['frames'] / 1e6:.0f} MB, {per_port / MINUTES:.1f} B a port and poll",
        ),
        ("What the next polls start from", f"{hot['memories'] / 1e6:.0f} MB"),
        (
            "Closing the day",
            (
                f"{closing_s:.0f} s for {closed.blocks:,} blocks of {closed.samples:,} samples;"
                f" {left / 1e6:.1f} MB of frames left"
            ),
        ),
        (
            "Closed: blocks with their index",
            (
                f"{after['blocks'] / 1e6:.0f} MB, {after['blocks'] / ports / MINUTES:.1f} B a port"
                " and poll, traffic and state"
            ),
        ),
        ("One port's day read", f"{frames_ms:.1f} ms of frames, {blocks_ms:.1f} ms of its block"),
    ]
    for said in SAID_FOR:
        times = said / ports
        # At most: today, yesterday, and the day before until the night's work is done.
        most_hot = (CLOSED_AFTER_DAYS + 1) * per_port * said + hot["memories"] * times
        bound = ""
        if said == 50_000:
            bound = " (bound 10 GB: " + ("within)" if most_hot <= HOT_BOUND else "**over**)")
        figures.append(
            (
                f"{said:,} ports",
                (
                    f"hot at most {most_hot / 1e9:.1f} GB{bound}, closed"
                    f" {after['blocks'] * times / 1e9:.2f} GB a day,"
                    f" {after['blocks'] * times * 36 * 30.4 / 1e12:.2f} TB in 36 months;"
                    f" closing {closing_s * times / 60:.1f} min a night"
                ),
            )
        )
    return figures


def enter(estate: Estate, switches: int) -> list[Layout]:
    names = tuple(f"GigabitEthernet0/0/{n}" for n in range(1, PORTS + 1))
    counted = np.ones(PORTS, dtype=np.int64)
    with transaction(estate.sessions, SCOPE) as session:
        kind = session.scalars(select(Device.device_type_id).limit(1)).one()
        session.execute(
            insert(Device),
            [
                {
                    "device_type_id": kind,
                    "name": f"bench-{n}",
                    "role": "switch",
                    "state": "in_stock",
                }
                for n in range(switches)
            ],
        )
        ids = session.scalars(select(Device.id).where(Device.name.like("bench-%"))).all()
        session.execute(text("SELECT make_port_frames(:day, :day + 2)"), {"day": DAY})
    layouts: list[Layout] = []
    for start in range(0, len(ids), AT_ONCE):
        with transaction(estate.sessions, SCOPE) as session:
            wanted = [
                (device_id, names, counted, counted) for device_id in ids[start : start + AT_ONCE]
            ]
            layouts += make_layouts(session, wanted)
    return layouts


def write_day(estate: Estate, layouts: Sequence[Layout], say: Say) -> list[float]:
    """Seconds each minute took to write."""
    random = np.random.default_rng(1)
    shape = (len(layouts), 2, PORTS)
    rates = np.exp(random.normal(15.0, 2.0, shape))  # octets a second
    rates[random.random(shape) < 0.35] = 40.0
    counters = random.integers(0, 2**45, shape)
    store = PostgresSampleStore()
    took = []
    for minute in range(MINUTES):
        hours = 1.2 + np.sin(minute / MINUTES * 2 * np.pi)
        octets = (rates * 60 * hours * random.normal(1.0, 0.15, shape).clip(0.1)).astype(np.int64)
        counters += octets
        jitter = random.integers(0, 4_000, len(layouts))
        polls = [
            make_poll(layout, START + minute * MINUTE_MS + int(late), moved, total)
            for layout, late, moved, total in zip(layouts, jitter, octets, counters, strict=True)
        ]
        began = time.perf_counter()
        for start in range(0, len(polls), AT_ONCE):
            part = polls[start : start + AT_ONCE]
            with transaction(estate.sessions, SCOPE) as session:
                frames, memories = [frame for frame, _ in part], [memory for _, memory in part]
                store.append_frames(session, frames, memories, START + minute * MINUTE_MS)
        took.append(time.perf_counter() - began)
        if minute % 120 == 0:
            say(f"{minute} minutes written")
    return took


def make_poll(
    layout: Layout, ts_ms: int, octets: np.ndarray, counters: np.ndarray
) -> tuple[Frame, PortMemory]:
    table = np.zeros((len(Place), PORTS), dtype=np.int64)
    table[Place.LATE_MS, PORTS // 2 :] = 3  # ports come in two replies
    table[Place.SPAN_MS] = MINUTE_MS - ts_ms % 7
    table[Place.IN_OCTETS], table[Place.OUT_OCTETS] = octets
    table[Place.STATE] = 1
    newest = np.full((len(Newest), PORTS), ts_ms, dtype=np.int64)
    newest[Newest.IF_INDEX] = np.arange(1, PORTS + 1)
    newest[Newest.SPAN_MS : Newest.OUT_ERRORS + 1] = table[Place.SPAN_MS : Place.OUT_ERRORS + 1]
    newest[Newest.STATE] = 1
    raw = PortTable.empty(layout.names, "boot").matrix
    raw[Item.TS_MS] = raw[Item.MONOTONIC_MS] = ts_ms
    raw[Item.UPTIME_TICKS] = ts_ms // 10 % 2**32
    raw[Item.BITS], raw[Item.SPEED_BPS] = 64, 10**9
    raw[Item.IN_OCTETS], raw[Item.OUT_OCTETS] = counters
    raw[Item.IN_ERRORS :] = 0
    return Frame(layout, ts_ms, table), PortMemory.pack(layout, ts_ms, "boot", raw, newest)


def measure(estate: Estate) -> Sizes:
    with transaction(estate.sessions, SCOPE) as session:
        frames, memories, blocks = session.execute(
            text(
                "SELECT (SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)"
                " FROM pg_inherits WHERE inhparent = 'port_frame'::regclass),"
                " pg_total_relation_size('port_memory'),"
                " (SELECT sum(pg_total_relation_size(inhrelid))"
                " FROM pg_inherits WHERE inhparent = 'sample_block'::regclass)"
            )
        ).one()
    return {"frames": int(frames), "memories": int(memories), "blocks": int(blocks)}


def read_port(estate: Estate, layouts: Sequence[Layout]) -> float:
    """Milliseconds, the median of some ports."""
    took = []
    for layout in layouts[:: max(1, len(layouts) // 20)]:
        series = [int(layout.traffic_ids[7])]
        with transaction(estate.sessions, SCOPE) as session:
            began = time.perf_counter()
            read = PostgresSampleStore().read(session, "traffic", series, START, START + DAY_MS)
            [(_, columns)] = list(read)
            took.append((time.perf_counter() - began) * 1000)
        if len(columns) != MINUTES:
            raise RuntimeError(f"{len(columns)} samples were read")
    return median(took)
