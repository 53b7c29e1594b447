"""The port board and a 30-day chart under 20 clients on gunicorn, beside /healthz alone.

On the board are as many ports as `--racks` says, on switches of 48; 48 times as many are known to
the inventory. Meanwhile a poller's writes go on: every switch has a new frame each minute, spread
over the minute. The bound of the board is ten times the p99 of /healthz alone or 500 ms, that of
the chart twenty times or 300 ms, whichever is larger; a refresh that finds nothing new is measured
without the poller, and must be a 304. The switches have an hour of frames behind them, not a day:
a port's first sparkline in a process costs more where there is more to read. Clients, server,
database and poller share this machine.
"""

import html
import http.client
import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import insert, select, text

from dcim.db import transaction
from dcim.inventory.models import Device
from dcim.metering.batch import Batch
from dcim.metering.bindings import bind_ports
from dcim.metering.frame_store import Newest, PortMemory, make_layouts
from dcim.metering.frames import Frame, Layout, Place
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port, ServiceMembership
from dcim.snmp.counting.port_table import Item
from tests.benchmarks.estate import SCOPE, Estate, Say, median, percentile, running_estate
from tests.benchmarks.lists import CLIENTS, enter_person, load, serving, sign_in

RACKS = 10_000
CABINETS = 10  # of the estate that the switches are entered into
PORTS = 48
KNOWN = 48  # ports of the inventory for each on the board
MINUTE_MS, DAY_MS = 60_000, 86_400_000
BOARDS = ("/noc/?sort=-share", "/noc/?group=device&sort=-in", "/noc/?q=bench-1&sort=-out")

Headers = dict[str, str]


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    switches = -(-racks // PORTS)
    with running_estate(CABINETS, say) as estate:
        layouts = enter(estate, switches, say)
        chart = f"/noc/ports/{enter_month(estate)}?window=30d"
        now = time.time_ns() // 1_000_000
        for minute in range(60, -1, -1):
            write(estate, layouts, now - minute * MINUTE_MS)
        say("an hour of frames written")
        with transaction(estate.sessions, SCOPE) as session:
            login = enter_person(session)
        with serving(estate.folder, estate.database) as port:
            headers = {"Cookie": sign_in(port, login)}
            return measure(estate, layouts, port, headers, chart, say)


def enter(estate: Estate, switches: int, say: Say) -> list[Layout]:
    """Switches with their ports and series, and all the ports that only cables know."""
    names = tuple(f"GigabitEthernet0/0/{n}" for n in range(1, PORTS + 1))
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
        session.execute(
            insert(Port),
            [
                {"device_id": device_id, "name": name, "speed_bps": 10**9, "role": "internal"}
                for device_id in ids
                for name in names
            ],
        )
        session.execute(
            text(
                "INSERT INTO port (device_id, name, kind, speed_bps, media, enabled, alias,"
                " description, role) SELECT d, 'panel ' || n, 'panel', 0, '', true, '', '',"
                " 'internal' FROM unnest(CAST(:ids AS bigint[])) AS d,"
                " generate_series(1, :each) AS n"
            ),
            {"ids": list(ids), "each": PORTS * (KNOWN - 1)},
        )
    layouts: list[Layout] = []
    for start in range(0, len(ids), 100):
        some = ids[start : start + 100]
        with transaction(estate.sessions, SCOPE) as session:
            counted = np.ones(PORTS, dtype=np.int64)
            layouts += make_layouts(session, [(one, names, counted, counted) for one in some])
            bind_ports(session, some, time.time_ns() // 1_000_000)
    say(f"{len(ids) * PORTS:,} ports of {len(ids) * PORTS * KNOWN:,} entered")
    return layouts


def enter_month(estate: Estate) -> int:
    """A customer's port with 30 days of minutes behind it; its id."""
    random = np.random.default_rng(3)
    now = time.time_ns() // 1_000_000
    ts = now - np.arange(30 * 1440)[::-1] * MINUTE_MS
    with transaction(estate.sessions, SCOPE) as session:
        port = session.scalars(
            select(Port).join(ServiceMembership, ServiceMembership.port_id == Port.id).limit(1)
        ).one()
        series = {
            family: Series(family=family, device_id=port.device_id, slot=port.name, port_id=port.id)
            for family in ("traffic", "state")
        }
        session.add_all(series.values())
        session.flush()
        octets = (random.lognormal(0, 0.5, len(ts)) * 3e8).astype(np.int64)
        values: dict[str, ArrayLike] = {
            "in_octets": octets // 3,
            "out_octets": octets,
            "in_errors": 0,
            "out_errors": 0,
        }
        store = PostgresSampleStore()
        traffic = Batch.from_arrays("traffic", series["traffic"].id, ts, values, span_ms=MINUTE_MS)
        store.load_days(session, traffic, now)
        state = Batch.from_arrays("state", series["state"].id, ts, {"state": 1})
        store.load_days(session, state, now)
        return port.id


def write(estate: Estate, layouts: Sequence[Layout], ts_ms: int) -> None:
    """A poll of these switches, frames and memories, as a poller writes them."""
    random = np.random.default_rng(ts_ms)
    frames, memories = [], []
    for layout in layouts:
        octets = (random.lognormal(0, 1, (2, len(layout))) * 2e8).astype(np.int64)
        table = np.zeros((len(Place), len(layout)), dtype=np.int64)
        table[Place.SPAN_MS] = MINUTE_MS
        table[Place.IN_OCTETS], table[Place.OUT_OCTETS] = octets
        table[Place.STATE] = 1
        newest = np.zeros((len(Newest), len(layout)), dtype=np.int64)
        newest[Newest.TRAFFIC_TS] = newest[Newest.STATE_TS] = ts_ms
        newest[Newest.SPAN_MS] = MINUTE_MS
        newest[Newest.IN_OCTETS], newest[Newest.OUT_OCTETS] = octets
        newest[Newest.STATE] = 1
        counters = np.zeros((len(Item), len(layout)), dtype=np.int64)
        frames.append(Frame(layout, ts_ms, table))
        memories.append(PortMemory.pack(layout, ts_ms, "bench", counters, newest))
    with transaction(estate.sessions, SCOPE) as session:
        day = ts_ms // DAY_MS
        session.execute(text("SELECT make_port_frames(:low, :high)"), {"low": day, "high": day + 2})
        now = time.time_ns() // 1_000_000
        PostgresSampleStore().append_frames(session, frames, memories, now)


@contextmanager
def polling(estate: Estate, layouts: Sequence[Layout]) -> Iterator[None]:
    """Every switch once a minute, spread over it."""
    stop = threading.Event()

    def work() -> None:
        while True:
            for layout in layouts:
                if stop.wait(60 / len(layouts)):
                    return
                write(estate, [layout], time.time_ns() // 1_000_000)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measure(
    estate: Estate,
    layouts: Sequence[Layout],
    port: int,
    headers: Headers,
    chart: str,
    say: Say,
) -> list[tuple[str, str]]:
    first = [(path, fetch(port, path, headers)[0]) for path in (*BOARDS, chart)]
    for path, _ in first * 8:
        fetch(port, path, headers)
    before = load(port, "/healthz", {})
    rows = []
    with polling(estate, layouts):
        for path, took in first:
            alone = median([fetch(port, path, headers)[0] for _ in range(15)])
            p99 = percentile(load(port, path, headers), 0.99)
            rows.append((path, took, alone, p99))
            say(
                f"{path}: p99 {p99:.0f} ms, one client {alone:.0f} ms, the very first {took:.0f} ms"
            )
    refresh = measure_refresh(port, headers, BOARDS[0])
    after = load(port, "/healthz", {})
    health = percentile(before + after, 0.99)
    say(f"/healthz: p99 {health:.0f} ms; a refresh: {refresh}")
    figures = [
        (
            "Ports on the board, known",
            f"{len(layouts) * PORTS:,}, {len(layouts) * PORTS * KNOWN:,}",
        ),
        ("Clients", str(CLIENTS)),
        (
            "`/healthz`, p99 before, after, of both",
            f"{percentile(before, 0.99):.1f}, {percentile(after, 0.99):.1f}, {health:.1f} ms",
        ),
    ]
    for path, took, alone, p99 in rows:
        times, floor = (20, 300.0) if path == chart else (10, 500.0)
        verdict = "within" if p99 <= max(times * health, floor) else "**over**"
        name = re.sub(r"\d+\?", "N?", path)
        figures.append(
            (
                f"`{name}`",
                (
                    f"p99 {p99:.0f} ms ({p99 / health:.1f} × healthz; bound {times} × or"
                    f" {floor:.0f} ms: {verdict}); one client {alone:.1f} ms; the first of all"
                    f" {took:.0f} ms"
                ),
            )
        )
    return [*figures, ("A refresh without anything new", refresh)]


def measure_refresh(port: int, headers: Headers, path: str) -> str:
    _took, body = fetch(port, path, headers)
    told = re.search(r'hx-headers="([^"]+)"', body)
    if told is None:
        raise RuntimeError("the board doesn't refresh itself")
    tag = json.loads(html.unescape(told[1]))["If-None-Match"]
    asked = headers | {"HX-Request": "true", "If-None-Match": tag}
    times = sorted(fetch(port, path, asked, 304)[0] for _ in range(50))
    return f"304 fifty times of fifty; one client {median(times):.1f} ms"


def fetch(port: int, path: str, headers: Headers, expected: int = 200) -> tuple[float, str]:
    """Milliseconds to the answer's first byte, and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    took = (time.perf_counter() - began) * 1000
    body = answer.read().decode()
    connection.close()
    if answer.status != expected:
        raise RuntimeError(f"{path} answered {answer.status}, not {expected}")
    return took, body
