"""Two clocks as real processes: one leads, the other takes over, no tick is doubled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from dcim.db import ScopedSession
from tests.servers import Database

CLOCK = """
import os, signal, sys
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import text
from dcim.clock import Chime, Clock, Leadership
url = sys.stdin.readline().strip()
if sys.argv[1] == "unguarded":
    Leadership._lock = lambda self, connection: True
def strike(session, job="tick"):
    session.execute(text(
        "INSERT INTO job_run (job, key, started_at)"
        " VALUES (:job, to_char(now(), 'HH24MISS') || ' ' || :pid, now())"),
        {"job": job, "pid": os.getpid()})
clock = Clock(url, [
    Chime("tick", CronTrigger(second="*", timezone="UTC"), strike),
    *(Chime(job, CronTrigger(year="2999", timezone="UTC"),
            lambda session, job=job: strike(session, job), at_once=job == "first")
      for job in ("first", "later")),
])
signal.signal(signal.SIGTERM, clock.stop)
clock.run()
"""
Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(clean_database: Database) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def begin(mode: str = "guarded") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", CLOCK, mode],
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        running.append(process)
        assert process.stdin
        process.stdin.write(clean_database.app_url + "\n")
        process.stdin.close()
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()


def ticks(session: ScopedSession, job: str = "tick") -> list[tuple[str, int]]:
    rows = session.execute(
        text("SELECT key FROM job_run WHERE job = :job ORDER BY key"), {"job": job}
    )
    found = [(second, int(pid)) for second, pid in (key.split() for key in rows.scalars())]
    session.rollback()
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it didn't happen in time"
        time.sleep(0.1)


def test_the_lead_passes_on_by_kill_and_by_a_broken_connection(
    session: ScopedSession, start: Start, clean_database: Database
) -> None:
    clocks = {process.pid: process for process in (start("guarded"), start("guarded"))}

    def led() -> list[int]:
        return [pid for _, pid in ticks(session)]

    wait_for(lambda: len(led()) >= 2)
    first = led()[-1]
    assert set(led()) == {first}
    clocks[first].send_signal(signal.SIGKILL)
    clocks[first].wait()
    [other] = set(clocks) - {first}
    wait_for(lambda: other in led())
    # The leader's connection is cut: it steps down and is elected again, or a third one is.
    before = len(led())
    session.execute(
        text(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l"
            " JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()"
            " WHERE l.locktype = 'advisory' AND l.objid = 7410003 AND l.granted"
        )
    )
    session.rollback()
    wait_for(lambda: len(led()) >= before + 2)
    seconds = [second for second, _ in ticks(session)]
    assert len(seconds) == len(set(seconds)), "a tick was doubled"
    clocks[other].send_signal(signal.SIGTERM)
    assert clocks[other].wait(10) == 0
    # What is due at once is so for each who begins to lead, and only then; what isn't, never here.
    began = [pid for _, pid in ticks(session, "first")]
    assert began[0] == first
    assert 2 <= len(began) <= 3
    assert ticks(session, "later") == []


def test_without_the_lock_ticks_double(session: ScopedSession, start: Start) -> None:
    """The control of the test above: it would notice."""
    start("unguarded")
    start("unguarded")

    def doubled() -> bool:
        seconds = [second for second, _ in ticks(session)]
        return len(seconds) > len(set(seconds))

    wait_for(doubled)
