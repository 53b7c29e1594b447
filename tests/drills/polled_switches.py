"""Simulated switches (the load agent) that the project's own processes poll, for drills.

`register` enters them, `read_all` reads everything once, `processes` polls them from then on and
`finish_cycle` tells when a minute's polls are done.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import insert, text

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction
from dcim.instance import Instance
from dcim.inventory.models import Device
from dcim.snmp.agents.registration import AGENTS_PER_SHARD, find_or_make_device, store_credential
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from tests.agents.load_agent import COMMUNITY, address
from tests.drills.outcome import Say

MINUTE = 60
SYSTEM = Scope.system("drill")


def register(instance: Instance, sessions: SessionFactory, switches: int, port: int) -> None:
    settings = instance.settings
    with transaction(sessions, SYSTEM) as session:
        credential = store_credential(
            session,
            SYSTEM,
            settings.encryption,
            name="load",
            version="2c",
            community=COMMUNITY.decode(),
        )
        one = find_or_make_device(
            session, SYSTEM, "switch", role="switch", manufacturer="Load", model="48"
        )
        session.execute(
            insert(Device),
            [
                {
                    "device_type_id": one.device_type_id,
                    "name": f"switch-{number}",
                    "role": "switch",
                    "state": "in_stock",
                }
                for number in range(switches)
            ],
        )
        session.execute(
            text(
                "INSERT INTO snmp_agent (device_id, credential_id, address, udp_port, shard,"
                " enabled, profile, sys_name, sys_descr, sys_object_id, last_error, silent_polls,"
                " last_check_error)"
                " SELECT d.id, :credential, a.address, :port, a.n / :size, true, 'generic', '',"
                " '', '1.3', '', 0, '' FROM unnest(CAST(:addresses AS text[]))"
                " WITH ORDINALITY AS a (address, n)"
                " JOIN device d ON d.name = 'switch-' || (a.n - 1)"
            ),
            {
                "credential": credential.id,
                "port": port,
                "size": AGENTS_PER_SHARD,
                "addresses": [address(number) for number in range(switches)],
            },
        )
    with sessions.kw["bind"].connect() as connection:
        connection.execute(text("ANALYZE device"))


def read_all(instance: Instance, sessions: SessionFactory, switches: int) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    asyncio.run(_read_all(instance, sessions, switches))
    return time.monotonic() - began


async def _read_all(instance: Instance, sessions: SessionFactory, switches: int) -> None:
    room = PollingRoom(instance.settings, sessions)
    try:
        for shard in range(switches // AGENTS_PER_SHARD + 1):
            await poll_shard(room, shard)
    finally:
        await room.close()


@contextmanager
def processes(data: Path) -> Iterator[dict[str, int]]:
    """Start what polls; their process ids by name."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    environment = {**os.environ, "DCIM_DATA": str(data)}
    try:
        for name, words in (("poller", ["worker", "--polling"]), ("clock", ["clock"])):
            started[name] = subprocess.Popen(
                [sys.executable, "-m", "dcim.cli", *words], env=environment
            )
        yield {name: process.pid for name, process in started.items()}
    finally:
        for process in started.values():
            process.send_signal(signal.SIGTERM)
        for process in started.values():
            process.wait(60)


def finish_cycle(sessions: SessionFactory, say: Say) -> float:
    """Wait for the next minute's polls to be done; seconds from its beginning."""
    begin = (int(time.time()) // MINUTE + 1) * MINUTE
    time.sleep(max(0.0, begin - time.time()) + 1.0)  # the clock has given out the jobs by then
    waiting = text(
        "SELECT count(*) FROM procrastinate_jobs"
        " WHERE queue_name = 'poll' AND status IN ('todo', 'doing')"
    )
    while True:
        with transaction(sessions, SYSTEM) as session:
            if not session.execute(waiting).scalar_one():
                break
        time.sleep(0.25)
    took = time.time() - begin
    say(f"cycle done {took:.1f} s after its minute began")
    return took
