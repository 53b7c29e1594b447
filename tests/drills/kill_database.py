"""kill -9 of the database and of the supervisor at random moments while rows are being committed.

Every row whose commit was acknowledged must be there afterwards, no process may be left behind, and
the next start must come up by itself. Durability settings are those of production.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from dcim.postgres import EmbeddedServer
from tests.drills.outcome import Outcome, Say

ROUNDS = 60
HOLDER = (
    "import sys, time; from pathlib import Path; from dcim.postgres import EmbeddedServer; "
    "lease = EmbeddedServer(Path(sys.argv[1])).lease(tied=True); lease.__enter__(); "
    "print('up', flush=True); time.sleep(600)"
)
# Prints a number once its commit has been acknowledged.
WRITER = (
    "import sys, psycopg, sqlalchemy as sa; from pathlib import Path; "
    "from dcim.postgres import EmbeddedServer; "
    "engine = sa.create_engine(EmbeddedServer(Path(sys.argv[1])).owner_url)\n"
    "with engine.connect() as c:\n"
    "    while True:\n"
    "        n = c.exec_driver_sql('INSERT INTO kept DEFAULT VALUES RETURNING n').scalar_one()\n"
    "        c.commit()\n"
    "        sys.stdout.write(f'{n}\\n'); sys.stdout.flush()\n"
)


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    rounds = rounds or ROUNDS
    acknowledged: set[int] = set()
    left_behind, slowest, kills = 0, 0.0, {"database": 0, "supervisor": 0}
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        data = Path(directory) / "instance"
        _create_table(data)
        for number in range(rounds):
            began = time.monotonic()
            holder = _start(HOLDER, data)
            assert holder.stdout is not None
            holder.stdout.readline()
            slowest = max(slowest, time.monotonic() - began)
            postmaster = EmbeddedServer(data).ensure_started().pid
            writer = _start(WRITER, data)
            assert writer.stdout is not None
            acknowledged.add(int(writer.stdout.readline()))
            time.sleep(draw.uniform(0.0, 0.8))
            victim = draw.choice(("database", "supervisor"))
            kills[victim] += 1
            os.kill(postmaster if victim == "database" else holder.pid, signal.SIGKILL)
            acknowledged.update(_read_numbers(writer))
            holder.kill()
            holder.communicate()
            left_behind += _wait_for_end(postmaster)
            say(f"round {number + 1} of {rounds}: {len(acknowledged)} rows acknowledged")
        found = _rows(data)
    lost = acknowledged - found
    return Outcome(
        passed=not lost and not left_behind and bool(acknowledged),
        figures=[
            ("Kills", f"{kills['database']} of the database, {kills['supervisor']} of its owner"),
            ("Rows acknowledged", str(len(acknowledged))),
            ("Rows lost", str(len(lost))),
            ("Processes left behind", str(left_behind)),
            ("Slowest start, recovery included", f"{slowest:.1f} s"),
        ],
    )


def _start(script: str, data: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(data)],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
    )


def _read_numbers(writer: subprocess.Popen[bytes]) -> list[int]:
    """The writer ends by itself when its connection breaks."""
    try:
        out, _ = writer.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        writer.kill()
        out, _ = writer.communicate()
    lines = out.split(b"\n")[:-1]  # a last line cut short was not said
    return [int(line) for line in lines]


def _wait_for_end(pid: int) -> int:
    """0 when `pid` ends within 20 s, else 1."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        except FileNotFoundError:
            return 0
        if stat.rpartition(")")[2].split()[0] in "ZX":
            return 0
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return 1


def _create_table(data: Path) -> None:
    import sqlalchemy as sa

    server = EmbeddedServer(data)
    with server.lease():
        engine = sa.create_engine(server.owner_url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE kept (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)"
            )


def _rows(data: Path) -> set[int]:
    import sqlalchemy as sa

    server = EmbeddedServer(data)
    with server.lease():
        engine = sa.create_engine(server.owner_url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return set(connection.exec_driver_sql("SELECT n FROM kept").scalars())
