"""Simulated agents that have what the port plan reads, and how to read and check them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from dcim.demo.responder import Agent, Responder, StaticTree
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.column_reply import SMALLEST_ID, Column
from dcim.snmp.wire.if_mib import SYS_UPTIME
from dcim.snmp.wire.port_plan import (
    POLL_PLAN,
    PORT_PLAN,
    Hints,
    PollColumn,
    PortColumn,
    PortsRead,
    PortWalk,
)
from dcim.snmp.wire.sweep import Sweep
from dcim.snmp.wire.target import Target

UPTIME = 777_000


def number(which: int, index: int) -> int:
    tag = PORT_PLAN[which].tag
    if tag == ber.INTEGER:
        return 1 + index % 7
    return (which + 1) * 1_000_003 * (index + 1) % (2**63 if tag == ber.COUNTER64 else 2**32)


def ports(indexes: Sequence[int], leave_out: Sequence[int] = (), behind: bool = True) -> StaticTree:
    objects: dict[Oid, Value] = {
        (*column.oid, index): Value(column.tag, number(which, index))
        for which, column in enumerate(PORT_PLAN)
        if which not in leave_out
        for index in indexes
    }
    objects[SYS_UPTIME] = ber.timeticks(UPTIME)
    if behind:
        objects[(1, 3, 6, 1, 2, 1, 47, 1)] = ber.text("something behind the interfaces")
    return StaticTree(objects)


def poll_ports(indexes: Sequence[int], leave_out: Sequence[int] = ()) -> StaticTree:
    """What a poll reads: the plan's columns, discontinuity times and names."""
    tree = ports(indexes, leave_out)
    objects = {oid: value for oid in tree.under((1, 3)) if (value := tree.get(oid))}
    for which in set(PollColumn) - set(leave_out):
        for index in indexes:
            objects[(*POLL_PLAN[which].oid, index)] = (
                ber.text(name(index)) if which is PollColumn.NAME else ber.timeticks(index % 3)
            )
    return StaticTree(objects)


def name(index: int) -> str:
    return f"GigabitEthernet0/0/{index}"


def names_in(read: PortsRead) -> dict[int, bytes]:
    return {
        index: text
        for part in read.columns[PollColumn.NAME]
        for index, text in zip(part.indexes, part.texts, strict=True)
    }


def walk_of(
    agent: Agent,
    hints: Hints | None = None,
    retries: int = 1,
    plan: tuple[Column, ...] = PORT_PLAN,
) -> PortWalk:
    return PortWalk(Target(agent.host, agent.port, community=b"public"), hints, retries, plan)


def drive(agent: Agent, hints: Hints | None = None) -> PortWalk:
    """Poll an agent without a network; the reply to request n comes at n seconds."""
    walk = walk_of(Agent(agent.tree, port=161), hints, plan=POLL_PLAN)
    turn = 0
    while not walk.done:
        turn += 1
        reply = agent.answer(walk.request(SMALLEST_ID + turn))
        assert reply
        reason, _ = walk.take(reply, turn * 1000, turn * 1000)
        if reason and not walk.done:
            walk.miss()
    return walk


async def read(
    agents: Sequence[Agent],
    hints: Hints | None = None,
    *,
    timeout_s: float = 1.0,
    retries: int = 1,
    window: int = 64,
    kind: type[Sweep] = Sweep,
) -> tuple[dict[int, PortWalk], Sweep]:
    """Sweep the agents once; the walks by port, and the sweep with what it counted."""
    done: dict[int, PortWalk] = {}

    def keep(walk: PortWalk) -> None:
        assert walk.target.port not in done
        done[walk.target.port] = walk

    async with Responder(agents):
        sweep = kind(timeout_s=timeout_s, window=window)
        await sweep.run((walk_of(agent, hints, retries) for agent in agents), keep)
    return done, sweep


def read_one(agent: Agent, hints: Hints | None = None, **options: Any) -> tuple[PortWalk, Sweep]:
    done, sweep = asyncio.run(read([agent], hints, **options))
    return done[agent.port], sweep


def assert_whole(walk: PortWalk, indexes: Sequence[int], leave_out: Sequence[int] = ()) -> None:
    assert walk.read.error is None
    assert walk.read.uptime_ticks == UPTIME
    for which in PortColumn:
        expected = {} if which in leave_out else {i: number(which, i) for i in indexes}
        assert walk.read.column(which) == expected
