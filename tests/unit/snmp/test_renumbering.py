"""A device that numbers its ports anew while it is polled: no byte is told of another port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.demo.responder import Agent, LiveTree
from dcim.snmp.counting.counters import CounterState, Delta, Reading, advance
from dcim.snmp.counting.port_table import Item
from dcim.snmp.polling.port_poll import PortOrder, PortPoll, gather_poll, same_ports
from dcim.snmp.reading.ports import read_ports
from dcim.snmp.wire import ber, if_mib
from dcim.snmp.wire.ber import Message, Value, VarBind
from dcim.snmp.wire.column_reply import SMALLEST_ID
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.port_plan import POLL_PLAN, Hints, PortWalk
from dcim.snmp.wire.target import Reply, Request, Target

TARGET = Target("192.0.2.1", community=b"public")
PORTS = 7
POLLS = 4
SHIFT_S = 20  # between two polls

Same = Callable[[PortOrder | None, PortPoll], bool]
# Numbering after the event: the port that stands at each place.
SWAPS = {
    "the first two": [1, 0, 2, 3, 4, 5, 6],
    "the first and the last": [6, 1, 2, 3, 4, 5, 0],
    "all by one": [1, 2, 3, 4, 5, 6, 0],
}


def in_rate(port: int) -> int:
    return 1_000_003 + 2 * port


def out_rate(port: int) -> int:
    return 2_000_003 + 2 * port


class Switch(Agent):
    """Numbers its ports anew just before it answers request `moment`; each request takes a second.

    Ports count at nearly the same rate, so that taking one for another looks sound.
    """

    def __init__(self, moment: int, order: Sequence[int], **limits: Any) -> None:
        self.now = 10_000
        self.moment = moment
        self.later = list(order)
        self.order = list(range(PORTS))
        objects: dict[Any, Any] = {if_mib.SYS_UPTIME: lambda: ber.timeticks(self.now * 100)}
        for place in range(PORTS):
            for oid, value in self._row(place).items():
                objects[(*oid, 10 + place)] = value
        super().__init__(LiveTree(objects), **limits)

    def _row(self, place: int) -> dict[Any, Any]:
        def counting(rate: Callable[[int], int], tag: int) -> Callable[[], Value]:
            return lambda: Value(tag, rate(self.order[place]) * self.now)

        return {
            if_mib.HC_IN: counting(in_rate, ber.COUNTER64),
            if_mib.HC_OUT: counting(out_rate, ber.COUNTER64),
            if_mib.IN_ERRORS: counting(lambda port: 2 + port, ber.COUNTER32),
            if_mib.OPER: ber.integer(1),
            if_mib.HIGH_SPEED: ber.gauge32(10_000),
            if_mib.NAME: lambda: ber.text(f"port {self.order[place]}"),
        }

    def answer(self, packet: bytes) -> bytes | None:
        self.now += 1
        if self.requests + 1 == self.moment:
            self.order = self.later
        return super().answer(packet)


class Wire:
    """Carries the general engine's requests to the switch."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    async def exchange(self, target: Target, attempts: Sequence[Request]) -> Reply:
        asked = attempts[0]
        binds = [VarBind(oid, ber.NULL_VALUE) for oid in asked.oids]
        numbers = (asked.non_repeaters, asked.max_repetitions)
        packet = self.switch.answer(
            ber.encode_message(Message(ber.V2C, b"public", asked.pdu, 7, *numbers, binds))
        )
        assert packet
        told = ber.decode_message(packet)
        at = self.switch.now * 1000
        return Reply(0, told.error_status, told.error_index, told.varbinds, at, at, len(packet))


class Poller:
    """Polls as the poller does, and writes down what it counted."""

    def __init__(self, switch: Switch, same: Same) -> None:
        self.switch = switch
        self.same = same
        self.hints: Hints | None = None
        self.last: PortOrder | None = None
        self.states: dict[str, CounterState | None] = {}
        self.counted: list[tuple[str, Delta]] = []
        self.full_reads = 0

    async def cycle(self) -> None:
        walk = PortWalk(TARGET, self.hints, plan=POLL_PLAN)
        while not walk.done:
            reply = self.switch.answer(walk.request(SMALLEST_ID + self.switch.now))
            at = self.switch.now * 1000
            walk.take(reply or b"", at, at)
        assert walk.read.error is None
        self.hints = walk.read.hints
        poll = gather_poll(walk.read, "clock")
        if isinstance(poll, PortPoll):
            last, self.last = self.last, poll.order
            if self.same(last, poll):
                self._count(readings_of(poll))
                return
        else:
            self.last = None
        self.full_reads += 1
        self._count(await self._full_read())

    async def _full_read(self) -> list[tuple[str, Reading]]:
        engine: Any = Engine()
        engine.transport = Wire(self.switch)
        found = await read_ports(engine, TARGET)
        names = [port.name for port in found.ports]
        return [
            (port.name, port.counters(found.uptime_ticks, clock="clock"))
            for port in found.ports
            if names.count(port.name) == 1  # as read_device does
        ]

    def _count(self, readings: Iterable[tuple[str, Reading]]) -> None:
        for name, reading in readings:
            state, outcome = advance(self.states.get(name), reading)
            self.states[name] = state
            if isinstance(outcome, Delta):
                self.counted.append((name, outcome))


def readings_of(poll: PortPoll) -> list[tuple[str, Reading]]:
    table = poll.table
    return [
        (
            name,
            Reading(
                ts_ms=int(table[Item.TS_MS][column]),
                bits=int(table[Item.BITS][column]),
                in_octets=int(table.octets(Item.IN_OCTETS)[column]),
                out_octets=int(table.octets(Item.OUT_OCTETS)[column]),
                uptime_ticks=int(table[Item.UPTIME_TICKS][column]),
                monotonic_ms=int(table[Item.MONOTONIC_MS][column]),
                speed_bps=int(table[Item.SPEED_BPS][column]),
                in_errors=int(table[Item.IN_ERRORS][column]),
                clock=table.clock,
            ),
        )
        for column, name in enumerate(table.names)
    ]


def wrong_ones(poller: Poller) -> list[tuple[str, Delta]]:
    """What was counted but isn't what the port of this name counted."""
    wrong = []
    for name, delta in poller.counted:
        port = int(name.removeprefix("port "))
        inward = in_rate(port) * delta.span_ms == delta.in_octets * 1000
        seconds, rest = divmod(delta.out_octets, out_rate(port))
        if not inward or rest or abs(seconds * 1000 - delta.span_ms) > 30_000:
            wrong.append((name, delta))
    return wrong


def poll_with(moment: int, order: Sequence[int], same: Same, **limits: Any) -> Poller:
    poller = Poller(Switch(moment, order, **limits), same)

    async def work() -> None:
        for _ in range(POLLS):
            await poller.cycle()
            poller.switch.now += SHIFT_S

    asyncio.run(work())
    return poller


# A row of the general engine is twelve varbinds; the first reply has two clocks before it.
LIMITS: list[dict[str, Any]] = [{}, {"max_varbinds": 14}, {"max_varbinds": 20}]


@pytest.mark.parametrize("limits", LIMITS, ids=["whole", "row by row", "cut rows"])
@pytest.mark.parametrize("order", SWAPS.values(), ids=SWAPS.keys())
def test_no_byte_is_told_of_another_port_whenever_it_happens(
    order: Sequence[int], limits: dict[str, Any]
) -> None:
    calm = poll_with(-1, order, same_ports, **limits)
    assert calm.full_reads == 1  # the first time
    assert len(calm.counted) == PORTS * (POLLS - 1)
    for moment in range(1, calm.switch.requests + 2):
        poller = poll_with(moment, order, same_ports, **limits)
        assert wrong_ones(poller) == [], moment
        assert poller.full_reads <= 3
        assert len(poller.counted) >= PORTS, moment


def believe(last: PortOrder | None, this: PortPoll) -> bool:
    return True


@pytest.mark.parametrize("order", SWAPS.values(), ids=SWAPS.keys())
def test_control_without_the_comparison_bytes_are_told_of_another_port(
    order: Sequence[int],
) -> None:
    requests = poll_with(-1, order, believe).switch.requests
    wrong = [bool(wrong_ones(poll_with(moment, order, believe))) for moment in range(1, requests)]
    assert any(wrong)


def test_control_the_first_poll_alone_shows_nothing() -> None:
    """Without a poll before it, a poll may be of two numberings and look like any other."""

    def but_for_the_first(last: PortOrder | None, this: PortPoll) -> bool:
        return last is None or same_ports(last, this)

    order = SWAPS["the first two"]
    requests = poll_with(-1, order, but_for_the_first).switch.requests
    assert any(
        wrong_ones(poll_with(moment, order, but_for_the_first)) for moment in range(1, requests)
    )


@given(st.permutations(range(PORTS)), st.integers(1, 60), st.integers(14, 60))
@settings(max_examples=150)
def test_any_new_numbering_at_any_moment(order: list[int], moment: int, varbinds: int) -> None:
    assert wrong_ones(poll_with(moment, order, same_ports, max_varbinds=varbinds)) == []
