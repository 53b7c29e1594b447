"""SNMPv3: our two readers (our own and pysnmp) against pysnmp's agents and Net-SNMP's.

What our own reader does by itself is tested in `test_v3_transport.py`.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections import Counter
from typing import Any

import pytest

from dcim.demo.responder import StaticTree
from dcim.demo.responder_v3 import AgentV3, ResponderV3
from dcim.snmp.wire import ber, faults
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target, UsmCredentials

ROOT = (1, 3, 6, 1, 4, 1, 99999)
OBJECTS: dict[Oid, Value] = {
    (*ROOT, column, row): ber.counter64(2**40 + column * 1000 + row)
    for column in (1, 2)
    for row in range(1, 40)
}
USER = UsmCredentials("noc", "SHA-256", "authpass-1", "AES-128", "privpass-1")


@pytest.fixture(params=[True, False], ids=["own", "pysnmp"])
def fast(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def reader(agent: AgentV3, user: UsmCredentials, **changes: Any) -> Target:
    given: dict[str, Any] = {"timeout_s": 1.0, "retries": 0} | changes
    return Target(agent.host, agent.port, version="3", credentials=user, **given)


@pytest.mark.parametrize(
    ("auth", "priv"),
    [
        ("SHA-256", "AES-128"),
        ("SHA-512", "AES-256"),
        ("SHA-224", "AES-192"),
        ("SHA-384", "none"),
        ("SHA", "AES-256-BLUMENTHAL"),
        ("MD5", "AES-192"),
        ("SHA-256", "AES-192-BLUMENTHAL"),
        ("MD5", "DES"),
        ("none", "none"),
    ],
)
def test_a_v3_agent_is_read_like_any_other(fast: bool, auth: Any, priv: Any) -> None:
    user = UsmCredentials("noc", auth, "authpass-1", priv, "privpass-1")
    agent = AgentV3(StaticTree(OBJECTS), user)

    async def work() -> None:
        async with ResponderV3([agent]), Engine(fast_v3=fast) as engine:
            there = reader(agent, user)
            assert dict(await engine.walk(there, ROOT)) == OBJECTS
            table = await engine.table(there, [(*ROOT, 1), (*ROOT, 2)])
            assert table[(*ROOT, 2)] == {(r,): OBJECTS[(*ROOT, 2, r)] for r in range(1, 40)}
            got = await engine.get(there, [(*ROOT, 1, 1), (*ROOT, 9)])
            assert got[0].value == OBJECTS[(*ROOT, 1, 1)]
            assert got[1].value.missing

    asyncio.run(work())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"user": "nobody"}, faults.UnknownUser),
        ({"auth_password": "authpass-2"}, faults.WrongDigest),
        ({"priv_password": "privpass-2"}, faults.DecryptionFailed),
        ({"priv": "none"}, faults.UnsupportedSecurityLevel),
        ({"context": "other"}, faults.SnmpError),  # this agent is silent about it, others report
    ],
)
def test_causes_are_told_apart(fast: bool, change: dict[str, Any], fault: type[Exception]) -> None:
    agent = AgentV3(StaticTree(OBJECTS), USER)

    async def work() -> None:
        async with ResponderV3([agent]), Engine(fast_v3=fast) as engine:
            wrong = UsmCredentials(**{**USER.__dict__, **change})
            with pytest.raises(fault):
                await engine.get(reader(agent, wrong), [(*ROOT, 1, 1)])
            # two users of one name with different passwords do not disturb each other
            assert (await engine.get(reader(agent, USER), [(*ROOT, 1, 1)]))[0].value.number

    asyncio.run(work())


def test_silence_is_a_timeout(fast: bool) -> None:
    agent = AgentV3(StaticTree(OBJECTS), USER, silent=True)

    async def work() -> None:
        async with ResponderV3([agent]), Engine(fast_v3=fast) as engine:
            with pytest.raises(faults.Timeout):
                await engine.get(reader(agent, USER, timeout_s=0.3), [(*ROOT, 1, 1)])

    asyncio.run(work())


def test_contexts_are_passed(fast: bool) -> None:
    user = UsmCredentials("noc", "SHA-256", "authpass-1", "AES-128", "privpass-1", "vrf-mgmt")
    agent = AgentV3(StaticTree(OBJECTS), user)

    async def work() -> None:
        async with ResponderV3([agent]), Engine(fast_v3=fast) as engine:
            assert dict(await engine.walk(reader(agent, user), ROOT)) == OBJECTS

    asyncio.run(work())


class Renamed(ResponderV3):
    """The agent's successor at the same address: another engine id."""

    @staticmethod
    def _name_engine(engine: Any, agent: AgentV3) -> None:
        stand_in = AgentV3(agent.tree, agent.credentials, agent.port, "192.0.2.1")
        ResponderV3._name_engine(engine, stand_in)


@pytest.mark.parametrize("responder", [ResponderV3, Renamed])
def test_a_restarted_or_replaced_pysnmp_agent_is_read_on(responder: type[ResponderV3]) -> None:
    """By our own reader; pysnmp's has no answer to a new engine id."""
    agent = AgentV3(StaticTree(OBJECTS), USER)

    async def work() -> None:
        async with Engine() as engine:
            async with ResponderV3([agent]):
                assert dict(await engine.walk(reader(agent, USER), ROOT)) == OBJECTS
            async with responder([agent]):
                assert dict(await engine.walk(reader(agent, USER), ROOT)) == OBJECTS
            assert engine._usm is None

    asyncio.run(work())


def test_ipv6(fast: bool) -> None:
    agent = AgentV3(StaticTree(OBJECTS), USER, host="::1")

    async def work() -> None:
        try:
            responder = await ResponderV3([agent]).__aenter__()
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        async with Engine(fast_v3=fast) as engine:
            assert (await engine.get(reader(agent, USER), [(*ROOT, 1, 1)]))[0].value.number
        await responder.__aexit__(None, None, None)

    asyncio.run(work())


class Relay:
    """Stands before an agent; passes its first replies on from its own port, later ones not.

    The very first is the engine's discovery, which pysnmp ties to its source by itself.
    """

    def __init__(self, agent: AgentV3, honest: int) -> None:
        self.agent, self.honest = agent, honest
        self.front, self.back, self.other = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)
        )
        for sock in (self.front, self.back, self.other):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        self.client: Any = None
        loop = asyncio.get_running_loop()
        loop.add_reader(self.front, self._ask)
        loop.add_reader(self.back, self._answer)

    def _ask(self) -> None:
        packet, self.client = self.front.recvfrom(65_535)
        self.back.sendto(packet, (self.agent.host, self.agent.port))

    def _answer(self) -> None:
        out = self.front if self.honest > 0 else self.other
        self.honest -= 1
        out.sendto(self.back.recv(65_535), self.client)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in (self.front, self.back, self.other):
            loop.remove_reader(sock)
            sock.close()


async def read_through_relay(honest: int, *, fast: bool) -> Counter[str]:
    user = UsmCredentials("noc")  # neither signed nor encrypted: only the source speaks for it
    agent = AgentV3(StaticTree(OBJECTS), user)
    async with ResponderV3([agent]), Engine(fast_v3=fast) as engine:
        relay = Relay(agent, honest)
        try:
            there = Target(
                "127.0.0.1",
                relay.front.getsockname()[1],
                version="3",
                credentials=user,
                timeout_s=0.4,
                retries=0,
            )
            assert (await engine.get(there, [(*ROOT, 1, 1)]))[0].value.number
            return engine.drops
        finally:
            relay.close()


def test_a_v3_reply_from_elsewhere_is_dropped(fast: bool) -> None:
    with pytest.raises(faults.Timeout):
        asyncio.run(read_through_relay(honest=1, fast=fast))
    assert not asyncio.run(read_through_relay(honest=9, fast=fast))


def test_control_without_the_guard_a_v3_reply_from_elsewhere_is_believed(
    fast: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dcim.snmp.wire.usm.UsmTransport._is_awaited", lambda *_: True)
    monkeypatch.setattr("dcim.snmp.wire.v3_transport.V3Transport._is_source", lambda *_: True)
    asyncio.run(read_through_relay(honest=1, fast=fast))


@pytest.mark.skipif(not shutil.which("snmpbulkwalk"), reason="Net-SNMP tools are not installed")
@pytest.mark.parametrize(("auth", "priv"), [("SHA-256", "AES-128"), ("SHA-512", "none")])
def test_net_snmp_reads_the_simulated_v3_agent(auth: Any, priv: Any) -> None:
    user = UsmCredentials("noc", auth, "authpass-1", priv, "privpass-1")
    agent = AgentV3(StaticTree(OBJECTS), user)

    async def work() -> str:
        async with ResponderV3([agent]):
            level = "authNoPriv" if priv == "none" else "authPriv"
            words = ["snmpbulkwalk", "-v3", "-l", level, "-u", "noc", "-a", auth]
            words += ["-A", "authpass-1", "-x", "AES", "-X", "privpass-1", "-On", "-t5"]
            words += [f"127.0.0.1:{agent.port}", ber.format_oid(ROOT)]
            process = await asyncio.create_subprocess_exec(
                *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            out, error = await process.communicate()
            assert process.returncode == 0, error
            return out.decode()

    lines = [line for line in asyncio.run(work()).splitlines() if "No more variables" not in line]
    assert lines == [
        f".{ber.format_oid(oid)} = Counter64: {value.number}" for oid, value in OBJECTS.items()
    ]
