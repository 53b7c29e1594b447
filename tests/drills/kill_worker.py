"""kill -9 of the polling process at random moments while a port's counters run on.

What is stored afterwards must be the counter's whole way: nothing acknowledged is lost, no octet is
taken twice, whatever the kills. Each acknowledged poll is a frame, a row of `port_frame`; beside
these there is at most the one poll that each kill caught between its commit and its word. Real UDP,
real PostgreSQL; the counter wraps at 64 bits on the way.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from random import Random

from sqlalchemy import select, text

from dcim.accounts.scope import Scope
from dcim.config import EncryptionKeys, Settings
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.demo import trees
from dcim.demo.responder import Agent, LiveTree, Responder
from dcim.instance import Instance
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.postgres import EmbeddedServer
from dcim.snmp.agents.registration import (
    find_or_make_device,
    register_agent,
    store_credential,
)
from dcim.snmp.polling.room import PollingRoom
from dcim.snmp.polling.shards import poll_shard
from tests.drills.outcome import Outcome, Say

ROUNDS = 100
SYSTEM = Scope.system("drill")
START = 2**64 - 50_000_000
KEY = bytes(range(1, 33))
POLLER = """
import asyncio, json, sys
from ipaddress import ip_network
from pathlib import Path
from dcim.config import EncryptionKeys, Settings
from dcim.db import make_engine, make_sessions
from dcim.snmp.polling.shards import poll_shard
from dcim.snmp.polling.room import PollingRoom
words = json.loads(sys.stdin.readline())
settings = Settings(data=Path(words["data"]), secret_key="",
                    encryption=EncryptionKeys("k1", {"k1": bytes.fromhex(words["key"])}),
                    snmp_allowed=(ip_network("127.0.0.0/8"),))
async def main():
    room = PollingRoom(settings, make_sessions(make_engine(words["url"])))
    while True:
        await poll_shard(room, 0)
        print("polled", flush=True)
asyncio.run(main())
"""


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    rounds = rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        server = EmbeddedServer(Path(directory) / "instance")
        with server.lease():
            settings = Settings(
                data=server.data, secret_key="", encryption=EncryptionKeys("k1", {"k1": KEY})
            )
            settings = replace(settings, snmp_allowed=(ip_network("127.0.0.0/8"),))
            Instance(settings, server.app_url, server.owner_url).upgrade()
            engine = make_engine(server.app_url)
            try:
                sessions = make_sessions(engine)
                return asyncio.run(_drill(draw, rounds, say, settings, sessions, server.app_url))
            finally:
                engine.dispose()


async def _drill(
    draw: Random,
    rounds: int,
    say: Say,
    settings: Settings,
    sessions: SessionFactory,
    url: str,
) -> Outcome:
    moved = 0
    booted = time.monotonic()
    port = trees.SwitchPort(
        1, "ge1", 10**10, lambda: (START + moved) % 2**64, lambda: moved, "drill"
    )
    who = trees.Identity(
        "sw", "switch", trees.HUAWEI_SWITCH_ID,
        lambda: int((time.monotonic() - booted + 100_000) * 100),
    )  # fmt: skip
    agent = Agent(LiveTree(trees.switch_tree(who, [port])))
    polls = 0
    async with Responder([agent]):
        _register(settings, sessions, agent.port)
        room = PollingRoom(settings, sessions)
        await poll_shard(room, 0)  # the reading that everything is counted from
        running = True

        async def move() -> None:
            nonlocal moved
            while running:
                moved += draw.randrange(20_000)
                await asyncio.sleep(0.002)

        mover = asyncio.create_task(move())
        for number in range(rounds):
            polls += await _poll_and_kill(draw, settings, url)
            say(f"kill {number + 1} of {rounds}")
        running = False
        await mover
        await poll_shard(room, 0)
        await room.close()
    with transaction(sessions, SYSTEM) as session:
        series = session.scalars(select(Series.id).where(Series.family == "traffic")).one()
        [(_, stored)] = PostgresSampleStore().read(session, "traffic", [series], 0, 2**62)
        frames, rows = session.execute(
            text("SELECT (SELECT count(*) FROM port_frame), (SELECT count(*) FROM traffic_hot)")
        ).one()
    inward, outward = (int(stored.values[name].sum()) for name in ("in_octets", "out_octets"))
    samples = len(stored)
    # Without this process's own two, the first of which has nothing to be compared with.
    unsaid = frames - 2 - polls
    return Outcome(
        inward == outward == moved and 0 <= unsaid <= rounds and samples == frames - 1 and not rows,
        [
            ("Kills", str(rounds)),
            ("Polls acknowledged before a kill", str(polls)),
            ("Polls committed, but killed before they said so", str(unsaid)),
            ("Frames and samples stored", f"{frames} and {samples}"),
            ("Octets counted by the port", f"{moved:,}"),
            ("Octets stored, in (wrapped) and out", f"{inward:,} and {outward:,}"),
        ],
    )


def _register(settings: Settings, sessions: SessionFactory, udp_port: int) -> None:
    with transaction(sessions, SYSTEM) as session:
        register_agent(
            session,
            SYSTEM,
            settings,
            device=find_or_make_device(
                session, SYSTEM, "sw", role="switch", manufacturer="m", model="m"
            ),
            address="127.0.0.1",
            credential=store_credential(
                session, SYSTEM, settings.encryption, name="c", version="2c", community="public"
            ),
            udp_port=udp_port,
        )


async def _poll_and_kill(draw: Random, settings: Settings, url: str) -> int:
    """Let a process poll, kill it somewhere in a poll; return how many polls it acknowledged."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        POLLER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    words = {"url": url, "data": str(settings.data), "key": KEY.hex()}
    process.stdin.write(json.dumps(words).encode() + b"\n")
    wanted, polls = draw.randint(1, 4), 0
    while polls < wanted:
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the polling process ended by itself")
        polls += line == b"polled\n"
    await asyncio.sleep(draw.uniform(0.0, 0.15))
    process.send_signal(signal.SIGKILL)
    rest, _ = await process.communicate()
    return polls + rest.count(b"polled\n")
