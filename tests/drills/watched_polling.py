"""Do people who watch the port board make the poller late? 10,000 ports, 50 clients.

208 switches of 48 ports are polled each minute by `dcim clock` and one `dcim worker --polling` into
the embedded PostgreSQL, on production settings. So many cycles are counted with nobody watching,
as many while 50 clients have the board open on gunicorn and refresh it every ten seconds as the
page does (by its ETag; what changed is sent anew), and as many alone again. How late a cycle is, is
when the last of its switches was read, in seconds of its minute. It passes when no cycle is lost,
each client had, on the average, news of every cycle but one, and nothing but the board or a 304,
and the median cycle with clients is at most a second later than the slower of the two without.
Switches, clients, server and database share this machine.
"""

import http.client
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import text

from dcim.config import write_settings_file
from dcim.db import SessionFactory, transaction
from dcim.instance import Instance, open_instance
from dcim.metering.bindings import bind_ports
from tests.agents.load_agent import running
from tests.benchmarks.estate import median, percentile
from tests.benchmarks.lists import Headers, enter_person, serve, sign_in
from tests.drills.outcome import Outcome, Say
from tests.drills.polled_switches import SYSTEM, finish_cycle, processes, read_all, register

SWITCHES, PORTS = 208, 48
CLIENTS, REFRESH_S = 50, 10
CYCLES = 5
BOARD = "/noc/?sort=-share"
LATER_S = 1.0


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    cycles = rounds or CYCLES
    with tempfile.TemporaryDirectory(prefix="drill-") as directory, running() as (port, _):
        data = Path(directory) / "instance"
        data.mkdir(mode=0o700)
        write_settings_file(data, {"DCIM_SNMP_ALLOWED": "127.0.0.0/8", "DCIM_LOG_LEVEL": "WARNING"})
        with open_instance(data) as instance:
            instance.upgrade()
            sessions = instance.make_sessions()
            try:
                register(instance, sessions, SWITCHES, port)
                read_all(instance, sessions, SWITCHES)
                enter_ports(sessions)
                return measure(instance, sessions, cycles, draw, say)
            finally:
                sessions.kw["bind"].dispose()


def enter_ports(sessions: SessionFactory) -> None:
    """The ports that were seen, as accepting what was discovered does."""
    with transaction(sessions, SYSTEM) as session:
        devices = session.scalars(
            text(
                "INSERT INTO port (device_id, name, kind, speed_bps, media, enabled, alias,"
                " description, role) SELECT device_id, slot, 'switch', 1000000000, '', true, '',"
                " '', 'internal' FROM series WHERE family = 'traffic' RETURNING device_id"
            )
        ).all()
        bind_ports(session, sorted(set(devices)), time.time_ns() // 1_000_000)


def measure(
    instance: Instance, sessions: SessionFactory, cycles: int, draw: Random, say: Say
) -> Outcome:
    with transaction(sessions, SYSTEM) as session:
        login = enter_person(session)
    folder = instance.settings.data
    with (
        processes(folder),
        serve({"DCIM_DATA": str(folder)}, folder / "web.log") as port,
    ):
        headers = {"Cookie": sign_in(port, login)}
        cycle(sessions, say)  # everything has come to rest
        before = [cycle(sessions, say) for _ in range(cycles)]
        say(f"{CLIENTS} clients begin to watch")
        with watching(port, headers, draw) as seen:
            cycle(sessions, say)
            seen.clear()
            watched = [cycle(sessions, say) for _ in range(cycles)]
        after = [cycle(sessions, say) for _ in range(cycles)]
    alone = max(median(before), median(after))
    passed = (
        max(*before, *watched, *after) < 60
        and median(watched) <= alone + LATER_S
        and not seen.failed
        and seen.changed >= CLIENTS * (cycles - 1)
    )
    return Outcome(
        passed,
        [
            ("Ports on the board", f"{SWITCHES * PORTS:,}"),
            ("Clients, refreshing every", f"{CLIENTS}, {REFRESH_S} s"),
            ("The last is read alone, seconds of its minute", tell(before)),
            ("Watched", tell(watched)),
            ("Alone again", tell(after)),
            (
                "Refreshes with news, 304, anything else",
                f"{seen.changed:,}, {seen.unchanged:,}, {seen.failed}",
            ),
            (
                "A refresh, whole, median, p99",
                f"{median(seen.took):.0f}, {percentile(seen.took, 0.99):.0f} ms",
            ),
        ],
    )


def cycle(sessions: SessionFactory, say: Say) -> float:
    """When the last of all switches was read, seconds of its minute."""
    finish_cycle(sessions, say)
    minute = int(time.time()) // 60 * 60
    with transaction(sessions, SYSTEM) as session:
        first, last = session.execute(text("SELECT min(ts), max(ts) FROM port_memory")).one()
    if first < minute * 1000:
        raise RuntimeError("a switch wasn't read in this minute")
    return float(last / 1000 - minute)


def tell(ends_s: list[float]) -> str:
    return ", ".join(f"{seconds:.2f}" for seconds in ends_s)


@dataclass
class Seen:
    """What the clients saw; `took` in ms."""

    took: list[float] = field(default_factory=list)
    changed: int = 0
    unchanged: int = 0
    failed: int = 0

    def clear(self) -> None:
        self.took.clear()
        self.changed = self.unchanged = self.failed = 0


@contextmanager
def watching(port: int, headers: Headers, draw: Random) -> Iterator[Seen]:
    """Clients that refresh the board as its page does, each beginning at an instant of its own."""
    seen, lock, stop = Seen(), threading.Lock(), threading.Event()

    def work(begin_s: float) -> None:
        if stop.wait(begin_s):
            return
        tag = ""
        while not stop.is_set():
            asked = headers | {"HX-Request": "true", "If-None-Match": tag}
            began = time.perf_counter()
            try:
                status, tag = ask(port, asked)
            except OSError:
                status = 0
            took = (time.perf_counter() - began) * 1000
            with lock:
                seen.took.append(took)
                seen.changed += status == 200
                seen.unchanged += status == 304
                seen.failed += status not in {200, 304}
            stop.wait(REFRESH_S)

    clients = [
        threading.Thread(target=work, args=(draw.uniform(0, REFRESH_S),)) for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        stop.set()
        for client in clients:
            client.join()


def ask(port: int, headers: Headers) -> tuple[int, str]:
    """The board's status and its ETag. A connection each: idle ones don't live as long."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", BOARD, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("ETag", "")
