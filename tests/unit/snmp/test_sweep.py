"""Sweeping many agents at once, the list of targets, and `dcim snmp sweep`."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.demo.responder import Agent, Responder
from dcim.snmp.agents.target_list import TargetListError, read_targets
from dcim.snmp.counting.port_table import Item
from dcim.snmp.polling.port_poll import PortOrder, PortPoll, gather_poll, same_ports
from dcim.snmp.wire.faults import Timeout, WalkError
from dcim.snmp.wire.port_plan import POLL_PLAN, PORT_PLAN, Hints, PortColumn, PortsRead, PortWalk
from dcim.snmp.wire.sweep import Sweep, sweep
from dcim.snmp.wire.target import Target
from tests.agents import load_agent
from tests.agents.ports import assert_whole, ports, read, walk_of


async def poll_walks(
    walks: Iterable[PortWalk],
    *,
    window: int = 512,
    timeout_s: float = 2.0,
    drops: Counter[str] | None = None,
) -> list[PortWalk]:
    """Run walks to their ends; what was not accepted is added to `drops` by reason."""
    all_of_them = list(walks)
    running = Sweep(window=window, timeout_s=timeout_s)
    await running.run(all_of_them, lambda walk: None)
    if drops is not None:
        drops.update(running.drops)
    return all_of_them


def test_one_request_in_flight_per_agent_and_never_more_than_the_window() -> None:
    flying: Counter[int] = Counter()
    most = [0, 0]

    class Slow(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            flying[self.port] += 1
            most[0] = max(most[0], flying[self.port])
            most[1] = max(most[1], flying.total())
            return super().answer(packet)

    class Late(Responder):
        @staticmethod
        def _send(sock: socket.socket, reply: bytes, peer: Any) -> None:
            def out() -> None:
                flying[sock.getsockname()[1]] -= 1
                Responder._send(sock, reply, peer)

            asyncio.get_running_loop().call_later(0.003, out)

    agents = [Slow(ports(range(1, 49))) for _ in range(30)]
    ended: list[PortWalk] = []

    async def work() -> None:
        async with Late(agents):
            # Each of them twice: the second turn waits for the first.
            walks = (walk_of(agent) for agent in agents * 2)
            await Sweep(timeout_s=3, window=6).run(walks, ended.append)

    asyncio.run(work())
    assert len(ended) == 60
    for walk in ended:
        assert_whole(walk, range(1, 49))
    assert most[0] == 1
    assert 1 < most[1] <= 6


def test_the_same_address_many_times_is_read_in_turn() -> None:
    agent = Agent(ports([1, 2]))
    ended: list[PortWalk] = []

    async def work() -> None:
        async with Responder([agent]):
            await Sweep(timeout_s=1).run((walk_of(agent) for _ in range(50)), ended.append)

    asyncio.run(work())
    assert len(ended) == 50
    for walk in ended:
        assert_whole(walk, [1, 2])


def test_dead_agents_delay_the_others_by_no_more_than_their_tries() -> None:
    dead = [Agent(ports([1]), silent=True) for _ in range(16)]
    alive = [Agent(ports(range(1, 49))) for _ in range(40)]
    began = time.monotonic()
    done, sweep = asyncio.run(read([*dead, *alive], timeout_s=0.3, retries=1, window=16))
    took = time.monotonic() - began
    assert 0.6 <= took < 4  # one behind the other they would take 9.6 s
    assert all(isinstance(done[agent.port].read.error, Timeout) for agent in dead)
    for agent in alive:
        assert_whole(done[agent.port], range(1, 49))
    assert sweep.requests == len(dead) * 2 + len(alive) * 8


def test_an_agent_that_is_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class LosesTheFirst(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            self.requests += 1
            return super().answer(packet) if self.requests > 1 else None

    monkeypatch.setattr("dcim.snmp.wire.sweep.LONGEST_S", 0.2)
    agent = LosesTheFirst(ports(range(1, 5)))
    done, _ = asyncio.run(read([agent], timeout_s=0.25))
    assert_whole(done[agent.port], range(1, 5))  # its first try, unheard of, isn't its slowness

    class Slow(Responder):
        @staticmethod
        def _send(sock: socket.socket, reply: bytes, peer: Any) -> None:
            asyncio.get_running_loop().call_later(0.08, Responder._send, sock, reply, peer)

    ended: list[PortWalk] = []

    async def work() -> None:
        async with Slow([agent]):
            await Sweep(timeout_s=1).run([walk_of(agent)], ended.append)

    asyncio.run(work())
    assert isinstance(ended[0].read.error, WalkError)


def test_nothing_to_do_ends_at_once() -> None:
    ended: list[PortWalk] = []
    asyncio.run(Sweep().run([], ended.append))
    assert not ended


@pytest.mark.parametrize("where", ["walks", "done"])
def test_an_error_of_the_caller_reaches_the_caller(where: str) -> None:
    agents = [Agent(ports([1])) for _ in range(3)]

    def walks() -> Any:
        yield from map(walk_of, agents)
        if where == "walks":
            raise RuntimeError("no more")

    def done(walk: PortWalk) -> None:
        if where == "done":
            raise RuntimeError("no more")

    async def work() -> None:
        async with Responder(agents):
            await Sweep(timeout_s=0.2).run(walks(), done)

    with pytest.raises(RuntimeError, match="no more"):
        asyncio.run(work())


def test_several_polls_run_in_one_loop_and_return_their_walks_in_order() -> None:
    shards = [[Agent(ports(range(1, 10 + shard))) for _ in range(8)] for shard in range(6)]
    for agent in shards[2][::2]:
        agent.silent = True  # who waits for them is their own shard
    drops: Counter[str] = Counter()
    together: set[int] = set()
    running = 0
    ended: list[int] = []

    async def poll(number: int) -> list[PortWalk]:
        nonlocal running
        running += 1
        walks = [walk_of(agent, retries=0) for agent in shards[number]]
        done = await poll_walks(iter(walks), window=3, timeout_s=1, drops=drops)
        together.add(running)
        running -= 1
        ended.append(number)
        assert done == walks
        return done

    async def work() -> list[list[PortWalk]]:
        async with Responder([agent for shard in shards for agent in shard]):
            return await asyncio.gather(*map(poll, range(len(shards))))

    found = asyncio.run(work())
    for number, walks in enumerate(found):
        for agent, walk in zip(shards[number], walks, strict=True):
            assert walk.done
            if agent.silent:
                assert isinstance(walk.read.error, Timeout)
            else:
                assert_whole(walk, range(1, 10 + number))
    assert max(together) == len(shards)
    assert ended[-1] == 2
    assert not drops


def test_two_polls_of_one_agent_at_once_do_not_take_each_others_replies() -> None:
    agent = Agent(ports(range(1, 49)))
    drops: Counter[str] = Counter()

    async def work() -> list[list[PortWalk]]:
        async with Responder([agent]):
            polls = (poll_walks([walk_of(agent)], timeout_s=1, drops=drops) for _ in range(5))
            return await asyncio.gather(*polls)

    for (walk,) in asyncio.run(work()):
        assert_whole(walk, range(1, 49))
    assert agent.requests == 5 * 8
    assert not drops


def test_what_a_poll_drops_is_told() -> None:
    class Lying(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            return (super().answer(packet) or b"")[:-1]

    agent = Lying(ports([1]))
    drops = Counter({"malformed": 1})

    async def work() -> None:
        async with Responder([agent]):
            walks = [walk_of(agent, retries=0)]
            await poll_walks(walks, timeout_s=0.2, drops=drops)

    asyncio.run(work())
    assert drops == {"malformed": 2}


# --- the list of targets


def test_a_list_of_targets() -> None:
    lines = [
        "# switches\n",
        "\n",
        "192.0.2.1 public\n",
        "192.0.2.2:1161\tpri#vate # the core\r\n",
        "[2001:db8::1]:162   two words  \n",
        "[2001:db8::2] c",
        "  2001:db8::3 c",
        "192.0.2.3:161,public",
        "192.0.2.4 , a,b",
    ]
    assert [(one.address, one.port, one.community) for one in read_targets(lines)] == [
        ("192.0.2.1", 161, b"public"),
        ("192.0.2.2", 1161, b"pri#vate"),
        ("2001:db8::1", 162, b"two words"),
        ("2001:db8::2", 161, b"c"),
        ("2001:db8::3", 161, b"c"),
        ("192.0.2.3", 161, b"public"),
        ("192.0.2.4", 161, b"a,b"),
    ]


BAD_LINES = {
    "switch.example s3cret": "no numeric IPv4 or IPv6 address",
    "s3cret 192.0.2.1": "no numeric IPv4 or IPv6 address",
    "192.0.2.1": "no community",
    "192.0.2.1 # s3cret": "no community",
    "192.0.2.1:0 s3cret": "the port is no number from 1 to 65535",
    "192.0.2.1:70000 s3cret": "the port is no number from 1 to 65535",
    "192.0.2.1:x s3cret": "the port is no number from 1 to 65535",
    "192.0.2.1: s3cret": "the port is no number from 1 to 65535",
    "[2001:db8::1 s3cret": "no address[:port]",
    "[2001:db8::1]161 s3cret": "no address[:port]",
    "192.0.2.1 s3cret" + "x" * 300: "longer than 255",
}


@pytest.mark.parametrize(("line", "why"), BAD_LINES.items())
def test_a_bad_line_names_line_and_reason_and_no_secret(line: str, why: str) -> None:
    with pytest.raises(TargetListError) as caught:
        read_targets(["192.0.2.1 public", "", line])
    assert caught.value.line == 3
    assert why in caught.value.reason
    assert "s3cret" not in str(caught.value)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_text_is_a_list_or_an_error_of_a_line(lines: list[str]) -> None:
    try:
        read = len(read_targets(lines))
    except TargetListError as error:
        read = error.line
    assert read <= len(lines)


# --- against the load agent, and the command


@pytest.fixture(scope="module")
def compiler() -> None:
    try:
        load_agent.build()
    except load_agent.NoCompilerError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("compiler")
def test_what_the_load_agent_says_is_what_is_read() -> None:
    seen: dict[str, PortsRead] = {}
    with load_agent.running(first=100_000, step=7, ports=60) as (port, _):
        targets = [
            Target(load_agent.address(number), port, community=load_agent.COMMUNITY)
            for number in range(40)
        ]
        report = sweep(targets, each=lambda target, told: seen.update({target.address: told}))
    assert (report.ok, report.failed) == (40, 0)
    assert report.varbinds >= 40 * 8 * 61
    indexes = [100_000 + 7 * row for row in range(60)]
    for address, told in seen.items():
        for which in PortColumn:
            values = told.column(which)
            assert list(values) == indexes
            arc = PORT_PLAN[which].oid[-1]
            if which in (PortColumn.OPER_STATUS, PortColumn.HIGH_SPEED):
                assert set(values.values()) == {1 if which is PortColumn.OPER_STATUS else 10_000}
                continue
            for index, part in told.received(which):
                expected = load_agent.counter(address, index, arc, part.uptime_ticks)
                assert values[index] == expected


@pytest.mark.usefixtures("compiler")
def test_what_the_load_agent_says_comes_out_as_a_table() -> None:
    last: dict[str, PortPoll] = {}
    orders: dict[str, PortOrder] = {}
    with load_agent.running(first=200, ports=60) as (port, _):
        targets = [
            Target(load_agent.address(number), port, community=load_agent.COMMUNITY)
            for number in range(20)
        ]
        hints: dict[str, Hints] = {}
        for turn in range(3):
            walks = [
                PortWalk(target, hints.get(target.address), plan=POLL_PLAN) for target in targets
            ]
            for walk in asyncio.run(poll_walks(walks)):
                assert walk.read.error is None
                address = walk.target.address
                poll = gather_poll(walk.read, "clock")
                assert isinstance(poll, PortPoll)
                assert same_ports(orders.get(address), poll) is (turn > 0)
                last[address], hints[address] = poll, walk.read.hints
                orders[address] = poll.order
    indexes = range(200, 260)
    for address, poll in last.items():
        table = poll.table
        assert table.names == tuple(map(load_agent.name, indexes))
        assert poll.if_index.tolist() == list(indexes)
        assert set(poll.oper_status.tolist()) == {1}
        assert set(table[Item.DISCONTINUITY].tolist()) == {0}
        assert set(table[Item.SPEED_BPS].tolist()) == {10_000_000_000}
        for column, index in enumerate(indexes):
            ticks = int(table[Item.UPTIME_TICKS][column])
            octets = int(table.octets(Item.IN_OCTETS)[column])
            assert octets == load_agent.counter(address, index, 6, ticks)


@pytest.mark.usefixtures("compiler")
def test_loss_is_made_good_and_the_dead_are_told() -> None:
    with load_agent.running(dead_percent=20, loss_percent=3, latency_ms=2) as (port, _):
        addresses = [load_agent.address(number) for number in range(100)]
        targets = [Target(address, port, community=b"public") for address in addresses]
        report = sweep(targets, timeout_s=0.2, retries=4)
    dead = sum(load_agent.is_dead(address, 20) for address in addresses)
    assert 0 < dead < 50
    assert (report.ok, report.failed) == (100 - dead, dead)
    assert report.failures == {"no answer": dead}
    assert report.peak_rss_bytes > 1 << 20


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dcim.cli", "snmp", "sweep", *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("compiler")
def test_the_command_tells_what_a_sweep_came_to(tmp_path: Path) -> None:
    file = tmp_path / "targets"
    with load_agent.running() as (port, _):
        lines = [f"{load_agent.address(number)}:{port} public" for number in range(20)]
        file.write_text("\n".join(["# all there", *lines]), encoding="utf-8")
        done = command("--targets", str(file), "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert list(told) == [
            "ok", "failed", "requests", "varbinds", "wall_s", "cpu_s", "peak_rss_bytes",
        ]  # fmt: skip
        assert (told["ok"], told["failed"]) == (20, 0)
        assert (told["requests"], told["varbinds"]) == (160, 20 * 8 * 49)
        assert 0 < told["cpu_s"] < 5
        assert 0 < told["wall_s"] < 60
        assert told["peak_rss_bytes"] > 10 << 20
        file.write_text("\n".join([*lines[:2], f"127.0.0.9:{port} guess"]), encoding="utf-8")
        done = command("--targets", str(file), "--timeout", "0.2", "--retries", "0")
        file.write_text(f"127.0.0.9:{port} guess", encoding="utf-8")
        nobody = command("--targets", str(file), "--timeout", "0.2", "--retries", "0")
    assert done.returncode == 0, done.stderr
    assert nobody.returncode == 1
    rows = dict(line.rsplit(None, 1) for line in done.stdout.splitlines() if len(line.split()) > 1)
    rows = {name.strip(): value for name, value in rows.items()}
    assert (rows["answered"], rows["failed"], rows["no answer"]) == ("2", "1", "1")


def test_a_bad_line_ends_the_command_with_two(tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text("127.0.0.1 public\n127.0.0.2:x s3cret\n", encoding="utf-8")
    done = command("--targets", str(file), "--json")
    assert done.returncode == 2
    assert "line 2: the port is no number from 1 to 65535" in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    file.write_bytes(b"127.0.0.1 \xff\xfe\n")
    assert command("--targets", str(file)).returncode == 2
