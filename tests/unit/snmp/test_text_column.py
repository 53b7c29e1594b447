"""Columns of texts, and of what hardly ever changes: compared where it was the same last time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.demo.responder import Agent, StaticTree
from dcim.snmp.wire import ber, column_reply, if_mib
from dcim.snmp.wire.ber import Message, Value, VarBind
from dcim.snmp.wire.column_reply import UNFRAGMENTED, Asked, Column, ColumnRows, Known, read_reply
from dcim.snmp.wire.if_mib import SYS_UPTIME
from dcim.snmp.wire.port_plan import POLL_PLAN, Hints, PollColumn
from tests.agents.ports import drive, name, names_in, poll_ports

ID = 0x12345678
NAMES = POLL_PLAN[PollColumn.NAME]
TIMES = POLL_PLAN[PollColumn.DISCONTINUITY]


def asked_for(column: Column, known: Known | None = None, after: int = -1, rows: int = 40) -> Asked:
    asked = Asked(b"public", known)
    asked.column, asked.after, asked.rows = column, after, rows
    asked.encode(ID, ber.GETBULK)
    return asked


def reply(binds: list[VarBind], ticks: int = 4242, **changes: Any) -> bytes:
    varbinds = [VarBind(SYS_UPTIME, ber.timeticks(ticks)), *binds]
    honest = Message(ber.V2C, b"public", ber.RESPONSE, ID, 0, 0, varbinds)
    return ber.encode_message(honest._replace(**changes))


def rows_of(texts: dict[int, bytes]) -> list[VarBind]:
    return [VarBind((*NAMES.oid, index), ber.octet_string(text)) for index, text in texts.items()]


def accepted(packet: bytes, asked: Asked) -> ColumnRows:
    rows = read_reply(packet, asked)
    assert isinstance(rows, ColumnRows)
    return rows


TEXTS = st.dictionaries(
    st.integers(0, 300), st.one_of(st.binary(max_size=30), st.binary(max_size=300)), max_size=20
).map(lambda texts: dict(sorted(texts.items())))


@given(TEXTS, st.booleans())
@settings(max_examples=300)
def test_texts_are_read_as_they_are(texts: dict[int, bytes], more: bool) -> None:
    binds = rows_of(texts)
    if not more or not texts:
        binds.append(VarBind((*NAMES.oid[:-1], 2, 1), ber.counter32(7)))
    packet = reply(binds)
    rows = accepted(packet, asked_for(NAMES))
    fitting = {index: text for index, text in texts.items() if len(text) <= 255}
    assert dict(zip(rows.indexes, rows.texts, strict=True)) == fitting
    assert rows.values == []
    assert (rows.fault, rows.uptime_ticks) == ("", 4242)
    assert rows.last == max(texts, default=-1)
    assert rows == column_reply._read_slowly(packet, asked_for(NAMES))


@pytest.mark.parametrize(
    "value",
    [ber.integer(1), ber.counter64(2**63), ber.ip_address(b"abcd"), ber.object_identifier((1, 3)),
     Value(ber.OPAQUE, b"name")],
)  # fmt: skip
def test_what_is_no_text_is_a_fault(value: Value) -> None:
    binds = [*rows_of({1: b"a"}), VarBind((*NAMES.oid, 2), value)]
    rows = accepted(reply(binds), asked_for(NAMES))
    assert rows.fault == "not_a_text"
    assert rows.texts == (b"a",)


@pytest.mark.parametrize(
    ("fault", "binds"),
    [
        ("ended_early", []),
        ("not_increasing", rows_of({2: b"a"}) + rows_of({1: b"b"})),
        ("not_increasing", rows_of({2: b"a"}) * 2),
        ("wrong_index", [VarBind((*NAMES.oid, 1, 1), ber.text("a"))]),
    ],
)
def test_rows_that_do_not_go_on_are_faults(fault: str, binds: list[VarBind]) -> None:
    assert accepted(reply(binds), asked_for(NAMES)).fault == fault


# --- what was the same the last time


def honest(column: Column) -> list[VarBind]:
    if column is NAMES:
        return rows_of({index: name(index).encode() for index in range(1, 21)})
    return [VarBind((*column.oid, index), ber.timeticks(index)) for index in range(1, 21)]


def remembered(column: Column) -> Known:
    asked = asked_for(column)
    accepted(reply(honest(column)), asked)
    assert len(asked.seen) == 1
    return asked.seen


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that were read instead of being known."""
    found: list[bytes] = []
    read = column_reply._read_body

    def count(column: Column, after: int, rows: int, body: bytes) -> Any:
        found.append(body)
        return read(column, after, rows, body)

    monkeypatch.setattr(column_reply, "_read_body", count)
    return found


@pytest.mark.parametrize("column", [NAMES, TIMES], ids=["names", "times"])
def test_the_same_octets_are_not_read_again_but_the_clock_is(
    column: Column, reads: list[bytes]
) -> None:
    known = remembered(column)
    assert len(reads) == 1
    again = asked_for(column, known)
    rows = accepted(reply(honest(column), ticks=99_999), again)
    assert len(reads) == 1
    assert rows.uptime_ticks == 99_999
    assert rows == column_reply._read_slowly(reply(honest(column), ticks=99_999), again)
    assert again.seen == known


@pytest.mark.parametrize("column", [NAMES, TIMES], ids=["names", "times"])
def test_other_octets_or_another_question_are_read(column: Column, reads: list[bytes]) -> None:
    known = remembered(column)
    for count, (packet, asked) in enumerate(
        [
            (reply(honest(column)[:-1]), asked_for(column, known)),
            (reply(honest(column)[1:]), asked_for(column, known)),
            (reply(honest(column)), asked_for(column, known, after=0)),
            (reply(honest(column)), asked_for(column, known, rows=39)),
            (reply(honest(column)), asked_for(column)),
        ],
        2,
    ):
        assert accepted(packet, asked) == column_reply._read_slowly(packet, asked)
        assert len(reads) == count


def test_what_was_known_does_not_answer_another_question() -> None:
    packet = reply(honest(NAMES))
    assert accepted(packet, asked_for(NAMES, remembered(NAMES), after=5)).fault == "not_increasing"
    assert read_reply(packet, asked_for(NAMES, remembered(NAMES), rows=19)) == "wrong_oid"


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("unknown_request_id", {"request_id": ID + 1}),
        ("not_a_response", {"pdu": ber.GETBULK}),
        ("wrong_version", {"version": ber.V1}),
        ("wrong_community", {"community": b"publix"}),
    ],
)
def test_known_rows_behind_a_wrong_head_are_dropped(reason: str, changes: dict[str, Any]) -> None:
    packet = reply(honest(NAMES), **changes)
    assert read_reply(packet, asked_for(NAMES, remembered(NAMES))) == reason


def test_known_rows_behind_another_object_or_a_status_are_not_taken() -> None:
    known = remembered(NAMES)
    binds = [VarBind((1, 3, 6, 1, 2, 1, 1, 4, 0), ber.timeticks(1)), *honest(NAMES)]
    packet = ber.encode_message(Message(ber.V2C, b"public", ber.RESPONSE, ID, 0, 0, binds))
    assert read_reply(packet, asked_for(NAMES, known)) == "wrong_oid"
    refused = accepted(reply(honest(NAMES), error_status=5), asked_for(NAMES, known))
    assert (refused.status, refused.texts) == (5, ())


KNOWN = {column: remembered(column) for column in (NAMES, TIMES)}


@given(
    st.sampled_from([NAMES, TIMES]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255), st.integers(0, 3)), max_size=3),
)
@settings(max_examples=1_000)
def test_spoiled_replies_are_judged_as_ber_judges_them(
    column: Column, spoils: list[tuple[float, int, int]]
) -> None:
    packet = reply(honest(column))
    for where, octet, kind in spoils:
        place = int(where * (len(packet) - 1)) if packet else 0
        piece = (bytes((octet,)), b"", bytes((octet, packet[place] if packet else 0)), None)[kind]
        packet = packet[:place] if piece is None else packet[:place] + piece + packet[place + 1 :]
    asked = asked_for(column, KNOWN[column])
    assert read_reply(packet, asked) == column_reply._read_slowly(packet, asked)


def test_control_a_lax_comparison_takes_what_was_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    known = remembered(NAMES)
    swapped = {index: name(index).encode() for index in range(1, 21)}
    swapped[4], swapped[5] = swapped[5], swapped[4]
    packet = reply(rows_of(swapped))
    assert accepted(packet, asked_for(NAMES, known)).texts[3:5] == (swapped[4], swapped[5])

    def as_long(packet: bytes, at: int, body: bytes) -> bool:
        return len(packet) - at == len(body)

    monkeypatch.setattr(column_reply, "_is_same", as_long)
    assert accepted(packet, asked_for(NAMES, known)).texts[3:5] == (swapped[5], swapped[4])


def test_what_is_remembered_of_an_agent_is_bounded() -> None:
    asked = asked_for(NAMES)
    accepted(reply(rows_of(dict.fromkeys(range(30), b"x" * 100))), asked)
    assert not asked.seen  # longer than a frame
    for after in range(-1, 500):
        asked.after = after
        accepted(reply(rows_of({after + 1: b"x"})), asked)
    assert len(asked.seen) == 128


# --- a whole poll


def test_a_poll_learns_how_many_names_fit_and_then_reads_none(reads: list[bytes]) -> None:
    agent = Agent(poll_ports(range(1, 49)))
    hints: Hints | None = None
    requests = []
    for turn in range(4):
        before = agent.requests
        walk = drive(agent, hints)
        assert walk.read.error is None
        assert names_in(walk.read) == {index: name(index).encode() for index in range(1, 49)}
        assert walk.read.column(PollColumn.DISCONTINUITY) == {i: i % 3 for i in range(1, 49)}
        hints = walk.read.hints
        requests.append(agent.requests - before)
        if turn == 1:
            reads.clear()
    assert not reads
    assert requests == [11, 11, 11, 11]
    assert hints is not None
    assert hints.text_octets == len(name(48))
    assert hints.rows == hints.text_rows == Hints().rows


@pytest.mark.parametrize(("octets", "requests"), [(2, 1), (8, 1), (21, 2), (60, 3), (250, 10)])
def test_names_of_any_length_are_read_in_whole_frames(octets: int, requests: int) -> None:
    sizes: list[int] = []

    class Measured(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            told = super().answer(packet)
            sizes.append(len(told or b""))
            return told

    tree = poll_ports(range(1, 49))
    objects = {oid: value for oid in tree.under((1, 3)) if (value := tree.get(oid))}
    for index in range(1, 49):
        objects[(*if_mib.NAME, index)] = ber.octet_string(b"%02d" % index + b"x" * (octets - 2))
    agent = Measured(StaticTree(objects), max_size=60_000)
    first = drive(agent)
    del sizes[:]
    again = drive(agent, first.read.hints)
    assert names_in(again.read) == names_in(first.read)
    assert len(names_in(again.read)) == 48
    assert max(sizes) <= UNFRAGMENTED
    assert len(sizes) == 9 + requests


def test_an_agent_that_bears_few_names_is_still_asked_for_many_numbers() -> None:
    class Small(Agent):
        def answer(self, packet: bytes) -> bytes | None:
            request = ber.decode_message(packet)
            names = request.varbinds[1].oid[: len(NAMES.oid)] == NAMES.oid
            if names and request.error_index > 10:
                return self._error(request, 1, 0)
            return super().answer(packet)

    walk = drive(Small(poll_ports(range(1, 49))))
    assert walk.read.error is None
    assert len(names_in(walk.read)) == 48
    assert walk.read.hints.text_rows <= 10
    assert walk.read.hints.rows == Hints().rows


def test_an_agent_without_discontinuity_times_is_read_without_error() -> None:
    walk = drive(Agent(poll_ports(range(1, 49), [PollColumn.DISCONTINUITY])))
    assert walk.read.error is None
    assert walk.read.column(PollColumn.DISCONTINUITY) == {}
    assert len(names_in(walk.read)) == 48


def test_the_status_column_shows_ports_behind_the_last_with_counters() -> None:
    tree = poll_ports(range(1, 49))
    objects = {oid: value for oid in tree.under((1, 3)) if (value := tree.get(oid))}
    for index in range(60, 64):
        objects[(*if_mib.OPER, index)] = ber.integer(1)
        objects[(*if_mib.NAME, index)] = ber.text(f"Vlan{index}")
    walk = drive(Agent(StaticTree(objects)))
    assert walk.read.error is None
    assert list(names_in(walk.read)) == [*range(1, 49), *range(60, 64)]
