"""The port plan against simulated agents of many kinds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from dcim.demo.responder import Agent, StaticTree
from dcim.snmp.wire import ber, port_plan
from dcim.snmp.wire.ber import Message, Oid, Value, VarBind
from dcim.snmp.wire.faults import AgentError, WalkError
from dcim.snmp.wire.if_mib import SYS_UPTIME
from dcim.snmp.wire.port_plan import PORT_PLAN, Hints, PortColumn, PortWalk
from dcim.snmp.wire.target import Target
from tests.agents.ports import UPTIME, assert_whole, ports, read_one

INDEXES = {
    "48": range(1, 49),
    "none": [],
    "one": [7],
    "fewer": range(1, 25),
    "many more": range(1, 400),
    "with gaps": [1, 2, 5, 9, 127, 128, 129, 1000, 16_383, 16_384, 70_000],
    "large": [436_207_616 + 4096 * row for row in range(48)],
    "largest": [0, 2**32 - 2, 2**32 - 1],
}


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("indexes", INDEXES.values(), ids=INDEXES.keys())
def test_all_ports_are_read_whatever_their_indexes(indexes: Sequence[int], behind: bool) -> None:
    agent = Agent(ports(indexes, behind=behind))
    walk, sweep = read_one(agent)
    assert_whole(walk, indexes)
    assert not sweep.drops
    again, _ = read_one(agent, walk.read.hints)
    assert_whole(again, indexes)


def test_a_known_agent_costs_one_request_a_column() -> None:
    agent = Agent(ports(range(1, 49)))
    walk, sweep = read_one(agent)
    assert sweep.requests == agent.requests == 8
    assert sweep.varbinds == 8 * 49
    assert walk.read.hints.ports == 48
    assert [len(parts) for parts in walk.read.columns] == [1] * 8
    indexes = {part.indexes for parts in walk.read.columns for part in parts}
    assert indexes == {tuple(range(1, 49))}


def test_rows_know_when_they_came_and_what_the_clock_of_the_agent_said() -> None:
    before = time.time() * 1000, time.monotonic() * 1000
    walk, _ = read_one(Agent(ports(range(1, 100))))
    after = time.time() * 1000, time.monotonic() * 1000
    rows = list(walk.read.received(PortColumn.OUT_OCTETS))
    assert [index for index, _ in rows] == list(range(1, 100))
    for _, part in rows:
        assert before[0] - 2 <= part.wall_ms <= after[0] + 2
        assert before[1] - 2 <= part.monotonic_ms <= after[1] + 2
        assert part.uptime_ticks == UPTIME


@pytest.mark.parametrize("leave_out", [[0, 1], [0], [3], [6, 7], [7], list(range(8))])
@pytest.mark.parametrize("behind", [True, False])
def test_a_column_the_agent_has_not_is_empty(leave_out: list[int], behind: bool) -> None:
    walk, _ = read_one(Agent(ports(range(1, 60), leave_out, behind)))
    assert_whole(walk, range(1, 60), leave_out)


def test_a_column_with_holes_of_its_own_is_read_to_its_end() -> None:
    tree = ports(range(1, 49))
    lacking = set(range(30, 49))
    objects = {
        oid: value
        for oid in tree.under((1, 3, 6))
        if (value := tree.get(oid)) and not (oid[:-1] == PORT_PLAN[2].oid and oid[-1] in lacking)
    }
    walk, _ = read_one(Agent(StaticTree(objects)))
    assert set(walk.read.column(PortColumn.IN_ERRORS)) == set(range(1, 30))
    assert len(walk.read.column(PortColumn.HIGH_SPEED)) == 48


@pytest.mark.parametrize("limits", [{"max_size": 200}, {"max_varbinds": 2}, {"max_varbinds": 7}])
def test_short_replies_lose_nothing(limits: dict[str, Any]) -> None:
    walk, sweep = read_one(Agent(ports(range(1, 49)), **limits))
    assert_whole(walk, range(1, 49))
    assert not sweep.drops


def test_replies_beyond_a_frame_are_read_and_then_avoided() -> None:
    sizes: list[int] = []

    class Wide(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            reply = super().answer(packet)
            sizes.append(len(reply or b""))
            return reply

    indexes = [2**32 - 1 - row for row in range(60, 0, -1)]
    objects: dict[Oid, Value] = {
        (*column.oid, index): Value(column.tag, 2**64 - 1 if column.tag == ber.COUNTER64 else 1)
        for column in PORT_PLAN
        for index in indexes
    }
    objects[SYS_UPTIME] = ber.timeticks(UPTIME)
    walk, _ = read_one(Wide(StaticTree(objects), max_size=60_000), Hints(ports=60))
    assert walk.read.error is None
    assert list(walk.read.column(PortColumn.IN_OCTETS)) == indexes
    assert sizes[0] > 1_472
    assert max(sizes[1:]) <= 1_472


@pytest.mark.parametrize("bears", [1, 5, 20])
def test_too_big_halves_the_rows(bears: int) -> None:
    asked: list[int] = []

    class Small(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            request = ber.decode_message(packet)
            asked.append(request.error_index)
            if request.pdu == ber.GETBULK and request.error_index > bears:
                return self._error(request, 1, 0)
            return super().answer(packet)

    walk, _ = read_one(Small(ports(range(1, 49))))
    assert_whole(walk, range(1, 49))
    assert asked[:3] == [49, 24, 12]
    assert sum(count > bears for count in asked) < 7  # it learns
    assert walk.read.hints.rows <= max(bears, 1)


def test_an_agent_without_getbulk_is_read_by_getnext() -> None:
    walk, sweep = read_one(Agent(ports(range(1, 6)), bulk_works=False), timeout_s=0.2)
    assert_whole(walk, range(1, 6))
    assert not walk.read.hints.bulk
    again, sweep = read_one(Agent(ports(range(1, 6)), bulk_works=False), walk.read.hints)
    assert_whole(again, range(1, 6))
    assert sweep.requests == 6 + 7 * 5


@pytest.mark.parametrize("status", [2, 5, 13])
def test_an_agent_that_refuses_getbulk_is_read_by_getnext(status: int) -> None:
    class Refusing(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            request = ber.decode_message(packet)
            if request.pdu == ber.GETBULK:
                return self._error(request, status, 0)
            return super().answer(packet)

    walk, _ = read_one(Refusing(ports(range(1, 6))))
    assert_whole(walk, range(1, 6))


def test_an_agent_with_only_an_error_is_failed() -> None:
    class Broken(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            return self._error(ber.decode_message(packet), 5, 1)

    walk, sweep = read_one(Broken(ports([1])))
    assert isinstance(walk.read.error, AgentError)
    assert walk.read.error.status == 5
    assert sweep.varbinds == 0


def test_lost_packets_are_asked_for_again_with_fewer_rows() -> None:
    class Lossy(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            asked.append(ber.decode_message(packet))
            return None if len(asked) in (1, 3, 6) else super().answer(packet)

    asked: list[Message] = []
    walk, _ = read_one(Lossy(ports(range(1, 49))), timeout_s=0.25, retries=2)
    assert_whole(walk, range(1, 49))
    assert [message.error_index for message in asked[:2]] == [49, 24]
    assert len({message.request_id for message in asked}) == len(asked)
    assert walk.read.hints.bulk


def test_an_agent_that_restarts_meanwhile_is_failed() -> None:
    class Restarting(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            reply = super().answer(packet)
            if self.requests <= 3 or reply is None:
                return reply
            told = ber.decode_message(reply)
            return ber.encode_message(
                told._replace(varbinds=[VarBind(SYS_UPTIME, ber.timeticks(5)), *told.varbinds[1:]])
            )

    walk, _ = read_one(Restarting(ports(range(1, 49))))
    assert isinstance(walk.read.error, WalkError)
    assert "restarted" in str(walk.read.error)


def test_an_agent_that_goes_on_for_ever_is_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            request = ber.decode_message(packet)
            cursor = request.varbinds[1].oid
            after = cursor[-1] + 1 if len(cursor) > len(PORT_PLAN[0].oid) else 1
            row = VarBind((*PORT_PLAN[0].oid, after), Value(ber.NO_SUCH_INSTANCE, None))
            rows = [VarBind(SYS_UPTIME, ber.timeticks(UPTIME)), row]
            reply = request._replace(pdu=ber.RESPONSE, error_status=0, error_index=0)
            return ber.encode_message(reply._replace(varbinds=rows))

    monkeypatch.setattr(port_plan, "_MOST_PORTS", 100)
    walk, sweep = read_one(Endless(ports([])))
    assert isinstance(walk.read.error, WalkError)
    assert "more than 100" in str(walk.read.error)
    assert sweep.requests == 101


def test_ipv6() -> None:
    agent = Agent(ports(range(1, 49)), host="::1")
    try:
        walk, _ = read_one(agent)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert_whole(walk, range(1, 49))


def test_only_v2c_is_swept() -> None:
    with pytest.raises(ValueError, match="v2c"):
        PortWalk(Target("127.0.0.1", version="1", community=b"x"))
