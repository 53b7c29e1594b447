"""The table of a poll: what it says of each port, and when the plan can't tell the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.demo.responder import Agent, StaticTree
from dcim.snmp.counting.port_table import NOT_READ, OCTETS_NOT_READ, Item
from dcim.snmp.polling.port_poll import NeedsFullRead, PortPoll, gather_poll, same_ports
from dcim.snmp.wire import ber, if_mib
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.faults import Timeout
from dcim.snmp.wire.port_plan import POLL_PLAN, PollColumn, PortColumn
from tests.agents.ports import UPTIME, drive, name, number, poll_ports

Objects = dict[Oid, Value]


def objects_of(indexes: Sequence[int]) -> Objects:
    tree = poll_ports(indexes)
    return {oid: value for oid in tree.under((1, 3)) if (value := tree.get(oid))}


def poll(objects: Objects, **limits: Any) -> PortPoll | NeedsFullRead:
    return gather_poll(drive(Agent(StaticTree(objects), **limits)).read, "clock")


def whole(objects: Objects, **limits: Any) -> PortPoll:
    found = poll(objects, **limits)
    assert isinstance(found, PortPoll), found
    return found


@pytest.mark.parametrize("limits", [{}, {"max_size": 300}, {"max_varbinds": 5}])
@pytest.mark.parametrize(
    "indexes", [range(1, 49), [7], [1, 2, 127, 128, 70_000, 2**32 - 1]], ids=["48", "one", "gaps"]
)
def test_the_table_is_what_the_agent_said(indexes: Sequence[int], limits: dict[str, Any]) -> None:
    found = whole(objects_of(indexes), **limits)
    table = found.table
    assert table.names == tuple(map(name, indexes))
    assert table.clock == "clock"
    assert found.if_index.tolist() == list(indexes)
    assert found.oper_status.tolist() == [number(PortColumn.OPER_STATUS, i) for i in indexes]
    for item, column in [
        (Item.IN_OCTETS, PortColumn.IN_OCTETS),
        (Item.OUT_OCTETS, PortColumn.OUT_OCTETS),
        (Item.IN_ERRORS, PortColumn.IN_ERRORS),
        (Item.OUT_ERRORS, PortColumn.OUT_ERRORS),
        (Item.IN_DISCARDS, PortColumn.IN_DISCARDS),
        (Item.OUT_DISCARDS, PortColumn.OUT_DISCARDS),
    ]:
        assert table[item].tolist() == [number(column, i) for i in indexes], item
    speeds = [number(PortColumn.HIGH_SPEED, i) * 1_000_000 or NOT_READ for i in indexes]
    assert table[Item.SPEED_BPS].tolist() == speeds
    assert table[Item.DISCONTINUITY].tolist() == [index % 3 for index in indexes]
    assert set(table[Item.BITS].tolist()) == {64}
    assert set(table[Item.ENGINE_TIME_S].tolist()) == {NOT_READ}
    assert set(table[Item.UPTIME_TICKS].tolist()) == {UPTIME}


def test_a_port_has_the_times_of_the_reply_that_brought_its_octets() -> None:
    read = drive(Agent(StaticTree(objects_of(range(1, 49))), max_varbinds=11)).read
    found = gather_poll(read, "clock")
    assert isinstance(found, PortPoll)
    # Ten ports a reply, the first of them at one second.
    expected = [1000 * (1 + port // 10) for port in range(48)]
    assert found.table[Item.TS_MS].tolist() == expected
    assert found.table[Item.MONOTONIC_MS].tolist() == expected


def test_octets_of_all_bits_are_kept_as_they_are() -> None:
    objects = objects_of([1, 2])
    objects[(*if_mib.HC_IN, 1)] = ber.counter64(2**64 - 1)
    objects[(*if_mib.HC_IN, 2)] = ber.counter64(2**63 + 5)
    table = whole(objects).table
    assert table.octets(Item.IN_OCTETS).tolist() == [int(OCTETS_NOT_READ), 2**63 + 5]


@pytest.mark.parametrize(
    ("oid", "value", "item", "expected"),
    [
        (if_mib.HIGH_SPEED, ber.gauge32(0), Item.SPEED_BPS, NOT_READ),
        (if_mib.HIGH_SPEED, ber.gauge32(2**32 - 1), Item.SPEED_BPS, (2**32 - 1) * 10**6),
        (if_mib.HIGH_SPEED, ber.counter64(2**32), Item.SPEED_BPS, NOT_READ),
        (if_mib.HIGH_SPEED, ber.counter64(2**64 - 1), Item.SPEED_BPS, NOT_READ),
        (if_mib.IN_ERRORS, ber.counter64(2**63), Item.IN_ERRORS, NOT_READ),
        (if_mib.OUT_DISCARDS, ber.counter64(2**64 - 1), Item.OUT_DISCARDS, NOT_READ),
        (if_mib.DISCONTINUITY, ber.counter64(2**63 + 1), Item.DISCONTINUITY, NOT_READ),
        (if_mib.DISCONTINUITY, ber.timeticks(2**32 - 1), Item.DISCONTINUITY, 2**32 - 1),
    ],
)
def test_what_no_object_of_its_kind_can_say_was_not_read(
    oid: Oid, value: Value, item: Item, expected: int
) -> None:
    objects = objects_of([1, 2, 3])
    untouched = whole(objects)
    objects[(*oid, 2)] = value
    found = whole(objects)
    assert found.table[item].tolist()[1] == expected
    untouched.table.matrix[item, 1] = expected
    assert np.array_equal(untouched.table.matrix, found.table.matrix)


@pytest.mark.parametrize("status", [0, 8, 2**31 - 1])
def test_a_status_that_is_none_was_not_read(status: int) -> None:
    objects = objects_of([1, 2])
    objects[(*if_mib.OPER, 2)] = ber.integer(status)
    assert whole(objects).oper_status.tolist() == [number(PortColumn.OPER_STATUS, 1), NOT_READ]


OPTIONAL = {
    PortColumn.IN_ERRORS: Item.IN_ERRORS,
    PortColumn.OUT_DISCARDS: Item.OUT_DISCARDS,
    PortColumn.HIGH_SPEED: Item.SPEED_BPS,
    PollColumn.DISCONTINUITY: Item.DISCONTINUITY,
}


@pytest.mark.parametrize("lacking", [[2], [1, 2, 3, 4], [4]])
@pytest.mark.parametrize(("column", "item"), OPTIONAL.items())
def test_what_a_port_may_lack_was_not_read(
    column: PortColumn | PollColumn, item: Item, lacking: list[int]
) -> None:
    objects = objects_of([1, 2, 3, 4])
    expected = whole(objects).table.matrix.copy()
    for index in lacking:
        del objects[(*POLL_PLAN[column].oid, index)]
        expected[item, index - 1] = NOT_READ
    found = whole(objects)
    # A column that is missing takes no longer, but what is read behind it comes at another time.
    assert np.array_equal(found.table.matrix, expected)


def test_a_status_may_be_missing() -> None:
    objects = objects_of([1, 2])
    del objects[(*if_mib.OPER, 1)]
    assert whole(objects).oper_status.tolist() == [NOT_READ, number(PortColumn.OPER_STATUS, 2)]


def _without(*places: Oid) -> Callable[[Objects], None]:
    def change(objects: Objects) -> None:
        for place in places:
            objects.pop(place)

    return change


def _with(**changes: Any) -> Callable[[Objects], None]:
    return lambda objects: objects.update(dict(changes["of"]))


LACKS = "a port without 64-bit counters"
REFUSED: dict[str, tuple[str, Callable[[Objects], None]]] = {
    "no octets in": (LACKS, _without((*if_mib.HC_IN, 2))),
    "no octets out": (LACKS, _without((*if_mib.HC_OUT, 2))),
    "no octets of the last": (LACKS, _without((*if_mib.HC_IN, 4), (*if_mib.HC_OUT, 4))),
    "no octets at all": (
        LACKS,
        _without(*((*oid, i) for oid in (if_mib.HC_IN, if_mib.HC_OUT) for i in range(1, 5))),
    ),
    "a status behind the last": (LACKS, _with(of=[((*if_mib.OPER, 9), ber.integer(1))])),
    "a name between": (LACKS, _with(of=[((*if_mib.NAME, 0), ber.text("lo"))])),
    "a name missing": ("a port without a name", _without((*if_mib.NAME, 2))),
    "a name empty": ("a port without a name", _with(of=[((*if_mib.NAME, 2), ber.text(""))])),
    "a name of controls": (
        "a port without a name",
        _with(of=[((*if_mib.NAME, 2), ber.octet_string(b"\x00\x01\x7f"))]),
    ),
    "a name too long": (
        "a port without a name",
        _with(of=[((*if_mib.NAME, 2), ber.octet_string(b"x" * 256))]),
    ),
    "a name twice": (
        "a name that two ports have",
        _with(of=[((*if_mib.NAME, 2), ber.text(name(3)))]),
    ),
    "a name twice when clean": (
        "a name that two ports have",
        _with(of=[((*if_mib.NAME, 2), ber.octet_string(name(3).encode() + b" \x00"))]),
    ),
    "nothing": ("no ports", lambda objects: objects.clear()),
}


@pytest.mark.parametrize(("reason", "change"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_plan_cannot_tell_needs_a_full_read(
    reason: str, change: Callable[[Objects], None]
) -> None:
    objects = objects_of([1, 2, 3, 4])
    whole(objects)  # the control: nothing else is amiss
    change(objects)
    objects[if_mib.SYS_UPTIME] = ber.timeticks(UPTIME)
    assert poll(objects) == NeedsFullRead(reason)


def test_a_walk_that_failed_says_nothing() -> None:
    read = drive(Agent(StaticTree(objects_of([1])))).read
    read.error = Timeout("no answer")
    assert gather_poll(read, "clock") == NeedsFullRead("the walk failed: no answer")


def test_names_are_cleaned_as_the_general_engine_does() -> None:
    objects = objects_of([1, 2, 3])
    objects[(*if_mib.NAME, 1)] = ber.octet_string("上联".encode("gb18030"))
    objects[(*if_mib.NAME, 2)] = ber.octet_string(b"  Gi1/0/1\r\n\x00")
    objects[(*if_mib.NAME, 3)] = ber.text("x" * 255)
    assert whole(objects).table.names == ("上联", "Gi1/0/1", "x" * 255)


# --- the same ports as the last time


def test_the_same_ports_are_the_same_whatever_they_counted() -> None:
    objects = objects_of([1, 2, 3])
    last = whole(objects)
    objects[(*if_mib.HC_IN, 1)] = ber.counter64(5)
    assert same_ports(last.order, whole(objects))
    # And without sharing a single object.
    copy = PortPoll(
        replace(last.table, names=tuple("".join(list(text)) for text in last.table.names)),
        last.if_index.copy(),
        last.oper_status,
    )
    assert same_ports(copy.order, last)


def test_there_is_nothing_to_compare_the_first_poll_with() -> None:
    assert not same_ports(None, whole(objects_of([1])))


@given(st.data())
def test_any_other_pair_of_index_and_name_is_another(data: st.DataObject) -> None:
    ports = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)
    numbered = ports.flatmap(
        lambda names: st.lists(
            st.integers(0, 6), min_size=len(names), max_size=len(names), unique=True
        ).map(lambda indexes: dict(zip(sorted(indexes), names, strict=True)))
    )
    one, other = data.draw(numbered), data.draw(numbered)

    def polled(pairs: dict[int, str]) -> PortPoll:
        objects = objects_of(list(pairs))
        for index, text in pairs.items():
            objects[(*if_mib.NAME, index)] = ber.text(text)
        return whole(objects)

    assert same_ports(polled(one).order, polled(other)) is (one == other)
