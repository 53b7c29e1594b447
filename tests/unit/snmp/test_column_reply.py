"""The fast reader of one column: it takes what ber.py takes, and tells the same numbers."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dcim.snmp.wire import ber, column_reply
from dcim.snmp.wire.ber import Message, Value, VarBind
from dcim.snmp.wire.column_reply import (
    Asked,
    Column,
    ColumnRows,
    encode_request,
    read_indexes,
    read_reply,
)
from dcim.snmp.wire.if_mib import SYS_UPTIME
from dcim.snmp.wire.port_plan import PORT_PLAN

ID = 0x12345678
UPTIME = VarBind(SYS_UPTIME, ber.timeticks(4242))
COLUMNS = st.sampled_from(PORT_PLAN)
INDEXES = st.lists(
    st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1)), max_size=30, unique=True
).map(sorted)


def asked_for(column: Column, community: bytes = b"public", after: int = -1) -> Asked:
    asked = Asked(community)
    asked.column, asked.after, asked.rows = column, after, 40
    asked.encode(ID, ber.GETBULK)
    return asked


def number_of(column: Column, draw: st.DrawFn) -> Value:
    bits = {ber.COUNTER64: 64, ber.INTEGER: 31}.get(column.tag, 32)
    return Value(column.tag, draw(st.integers(0, 2 ** draw(st.integers(1, bits)) - 1)))


def response(varbinds: list[VarBind], community: bytes = b"public", **changes: Any) -> bytes:
    honest = Message(ber.V2C, community, ber.RESPONSE, ID, 0, 0, varbinds)
    return ber.encode_message(honest._replace(**changes))


@st.composite
def honest_replies(draw: st.DrawFn) -> tuple[bytes, Asked, dict[int, int], bool]:
    """A reply as agents send it: packet, what was asked, its rows, whether the column ends."""
    column = draw(COLUMNS)
    rows = {index: number_of(column, draw) for index in draw(INDEXES)}
    binds = [VarBind((*column.oid, index), value) for index, value in rows.items()]
    ended = draw(st.booleans()) or not rows
    if ended:
        place = (*column.oid[:-1], column.oid[-1] + 1, 1)
        behind = [VarBind(place, ber.octet_string(b"x")), VarBind((*place, 1), ber.gauge32(5))]
        last = binds[-1].oid if binds else column.oid
        end = VarBind(last, Value(ber.END_OF_MIB_VIEW, None))
        binds += draw(st.sampled_from([behind, [end], [end, end], behind[:1]]))
    community = draw(st.sampled_from([b"public", b"", b"c" * 140]))
    numbers = {index: value.data for index, value in rows.items() if isinstance(value.data, int)}
    return response([UPTIME, *binds], community), asked_for(column, community), numbers, ended


@given(honest_replies())
@settings(max_examples=500)
def test_honest_replies_are_read_as_they_are(
    case: tuple[bytes, Asked, dict[int, int], bool],
) -> None:
    packet, asked, numbers, ended = case
    got = read_reply(packet, asked)
    assert isinstance(got, ColumnRows)
    assert dict(zip(got.indexes, got.values, strict=True)) == numbers
    assert (got.ended, got.fault, got.uptime_ticks) == (ended, "", 4242)
    assert got == column_reply._read_slowly(packet, asked)


@given(honest_replies())
def test_usual_replies_are_read_the_fast_way(
    case: tuple[bytes, Asked, dict[int, int], bool],
) -> None:
    packet, asked, _, _ = case
    assert column_reply._read_fast(packet, asked) is not None


def long_form(packet: bytes) -> bytes:
    """The same message with its outermost length in three octets more than it takes."""
    whole = ber.decode_message(packet)
    body = packet[2 if packet[1] < 0x80 else 2 + (packet[1] & 0x7F) :]
    assert whole
    return b"\x30\x84" + len(body).to_bytes(4, "big") + body


@st.composite
def spoiled_replies(draw: st.DrawFn) -> tuple[bytes, Asked]:
    """A reply with something wrong in it, mostly something small."""
    packet, asked, _, _ = draw(honest_replies())
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, max(0, len(packet) - 1)))
        octet = bytes((draw(st.integers(0, 255)),))
        kind = draw(st.integers(0, 5))
        if kind <= 1:
            packet = packet[:place] + octet + packet[place + 1 :]
        elif kind == 2:
            packet = packet[:place] + octet + packet[place:]
        elif kind == 3:
            packet = packet[:place] + packet[place + 1 :]
        elif kind == 4:
            packet = packet[:place]
        else:
            asked.after = draw(st.sampled_from([0, 5, 127, 2**31]))
    return packet, asked


@given(spoiled_replies())
@settings(max_examples=1_000)
def test_spoiled_replies_are_judged_as_ber_judges_them(case: tuple[bytes, Asked]) -> None:
    packet, asked = case
    assert read_reply(packet, asked) == column_reply._read_slowly(packet, asked)


@st.composite
def odd_rows(draw: st.DrawFn) -> tuple[bytes, Asked]:
    """Well-formed BER whose rows aren't what was asked for, or written as few would."""
    column = draw(COLUMNS)
    indexes = draw(st.lists(st.integers(0, 300), max_size=8))
    columns = st.sampled_from([column.oid, PORT_PLAN[0].oid, PORT_PLAN[-1].oid, (1, 3, 6)])
    values = st.one_of(
        st.integers(0, 2**32 - 1).map(ber.counter32),
        st.integers(0, 2**64 - 1).map(ber.counter64),
        st.integers(-(2**40), 2**70).map(ber.integer),
        st.binary(max_size=5).map(ber.octet_string),
        st.sampled_from([Value(tag, None) for tag in (ber.NULL, 0x80, 0x81, 0x82)]),
    )
    binds = [VarBind((*draw(columns), index), draw(values)) for index in indexes]
    first = draw(st.sampled_from([UPTIME, UPTIME._replace(value=ber.integer(7)), *binds]))
    changes: dict[str, Any] = draw(
        st.sampled_from(
            [{}, {"request_id": 1}, {"version": 0}, {"pdu": ber.GET}, {"error_status": 1}]
        )
    )
    packet = response([first, *binds], **changes)
    return draw(st.sampled_from([packet, long_form(packet)])), asked_for(column)


@given(odd_rows())
@settings(max_examples=500)
def test_odd_rows_are_judged_as_ber_judges_them(case: tuple[bytes, Asked]) -> None:
    packet, asked = case
    assert read_reply(packet, asked) == column_reply._read_slowly(packet, asked)


@given(st.binary(max_size=200), COLUMNS)
@example(b"", PORT_PLAN[0])
@example(b"\x30", PORT_PLAN[0])
def test_any_bytes_are_only_dropped(packet: bytes, column: Column) -> None:
    assert read_reply(packet, asked_for(column)) == "malformed"


@given(honest_replies(), st.binary(max_size=60))
def test_any_bytes_behind_an_honest_beginning_raise_nothing(
    case: tuple[bytes, Asked, dict[int, int], bool], junk: bytes
) -> None:
    packet, asked, _, _ = case
    for cut in range(0, len(packet), 7):
        read_reply(packet[:cut] + junk, asked)


def row_with_wrong_length() -> tuple[bytes, Asked]:
    """Two rows whose own lengths lie, one by as much more as the other by less."""
    column = PORT_PLAN[0]
    binds = [VarBind((*column.oid, index), ber.counter64(70_000)) for index in (1, 2)]
    packet = bytearray(response([UPTIME, *binds]))
    rows = [found.start() for found in re.finditer(re.escape(column.content), packet)]
    packet[rows[0] - 3] += 1
    packet[rows[1] - 3] -= 1
    return bytes(packet), asked_for(column)


def test_lengths_that_lie_are_malformed() -> None:
    assert read_reply(*row_with_wrong_length()) == "malformed"


def test_control_without_the_look_at_lengths_a_lie_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def lax(self: Column, index_octets: int) -> bytes:
        return re.sub(rb"\(\?<=.*?\.\{\d+\}", b"(?<=", strict(self, index_octets), flags=re.DOTALL)

    strict = Column._row
    monkeypatch.setattr(Column, "_row", lax)
    packet, asked = row_with_wrong_length()
    asked.column = Column(PORT_PLAN[0].oid, PORT_PLAN[0].tag)
    assert isinstance(read_reply(packet, asked), ColumnRows)


def honest_reply() -> tuple[list[VarBind], Asked]:
    column = PORT_PLAN[0]
    binds = [VarBind((*column.oid, index), ber.counter64(9)) for index in range(1, 5)]
    return [UPTIME, *binds], asked_for(column)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("unknown_request_id", {"request_id": ID + 1}),
        ("not_a_response", {"pdu": ber.GETBULK}),
        ("wrong_version", {"version": ber.V1}),
    ],
)
def test_what_does_not_fit_is_dropped(
    reason: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    binds, asked = honest_reply()
    assert read_reply(response(binds, **changes), asked) == reason
    monkeypatch.setattr(column_reply, "objection", lambda message, asked: "")
    control = read_reply(response(binds, **changes), asked)
    assert isinstance(control, ColumnRows)
    assert control.values == [9, 9, 9, 9]


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("wrong_community", lambda binds: response(binds, b"publix")),
        ("wrong_community", lambda binds: response(binds, b"")),
        ("wrong_oid", lambda binds: response([])),
        ("wrong_oid", lambda binds: response(binds[1:])),
        ("wrong_oid", lambda binds: response([VarBind((1, 3), binds[0].value), *binds[1:]])),
        (
            "wrong_oid",  # more rows than were asked for
            lambda binds: response([*binds, *(_row(index) for index in range(5, 60))]),
        ),
    ],
)
def test_what_does_not_fit_is_dropped_too(
    reason: str, spoil: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    binds, asked = honest_reply()
    assert callable(spoil)
    assert read_reply(spoil(binds), asked) == reason
    monkeypatch.setattr(column_reply, "objection", lambda message, asked: "")
    assert isinstance(read_reply(spoil(binds), asked), ColumnRows)


def _row(index: int, value: Value | None = None) -> VarBind:
    return VarBind((*PORT_PLAN[0].oid, index), value or ber.counter64(9))


@pytest.mark.parametrize(
    ("fault", "rows"),
    [
        ("ended_early", []),
        ("not_increasing", [_row(1), _row(1)]),
        ("not_increasing", [_row(2), _row(1)]),
        ("not_increasing", [VarBind((1, 3, 6), ber.integer(1))]),
        ("not_increasing", [_row(1), VarBind((1, 3, 6), ber.integer(1))]),
        ("not_a_number", [_row(1), _row(2, ber.octet_string(b"9"))]),
        ("not_a_number", [_row(1, ber.integer(-9))]),
        ("not_a_number", [_row(1, ber.integer(2**64))]),
        ("wrong_index", [VarBind((*PORT_PLAN[0].oid, 1, 1), ber.counter64(9))]),
    ],
)
def test_rows_that_do_not_go_on_are_faults(fault: str, rows: list[VarBind]) -> None:
    got = read_reply(response([UPTIME, *rows]), asked_for(PORT_PLAN[0]))
    assert isinstance(got, ColumnRows)
    assert got.fault == fault


def test_an_answer_may_not_start_at_or_before_the_last_index() -> None:
    packet = response([UPTIME, _row(5), _row(6)])
    for after, fault in ((4, ""), (5, "not_increasing"), (9, "not_increasing")):
        got = read_reply(packet, asked_for(PORT_PLAN[0], after=after))
        assert isinstance(got, ColumnRows)
        assert got.fault == fault


@given(
    COLUMNS,
    st.integers(-1, 2**32 - 1),
    st.integers(1, 120),
    st.binary(max_size=40),
    st.integers(column_reply.SMALLEST_ID, column_reply.LARGEST_ID),
    st.sampled_from([ber.GETBULK, ber.GETNEXT]),
)
def test_requests_are_what_ber_would_write(
    column: Column, after: int, rows: int, community: bytes, request_id: int, pdu: int
) -> None:
    asked = Asked(community)
    asked.column, asked.after, asked.rows = column, after, rows
    message = ber.decode_message(asked.encode(request_id, pdu))
    cursor = column.oid if after < 0 else (*column.oid, after)
    assert message == Message(
        ber.V2C,
        community,
        pdu,
        request_id,
        1 if pdu == ber.GETBULK else 0,
        rows if pdu == ber.GETBULK else 0,
        [VarBind(SYS_UPTIME[:-1], ber.NULL_VALUE), VarBind(cursor, ber.NULL_VALUE)],
    )


def test_a_community_that_looks_like_an_id_is_left_alone() -> None:
    community = b"\x02\x04\x55\x55\x55\x55"
    before, behind = encode_request(community, ber.GETBULK, PORT_PLAN[0], -1, 9)
    assert ber.decode_message(before + b"\x11" * 4 + behind).community == community


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_indexes_rise_or_there_are_none(indexes: list[int]) -> None:
    arcs = b"".join(ber.encode_oid((1, 3, index))[1:] for index in indexes)
    rising = all(one < other for one, other in pairwise(indexes))
    assert read_indexes(arcs) == (tuple(indexes) if rising else ())


@given(COLUMNS, st.integers(0, 2**32 - 1), st.binary(max_size=60))
def test_as_many_rows_as_are_said_to_fit_do(column: Column, last: int, community: bytes) -> None:
    count = column.rows_that_fit(last, community)
    bits = {ber.COUNTER64: 64, ber.INTEGER: 31}.get(column.tag, 32)
    row = VarBind((*column.oid, last), Value(column.tag, 2**bits - 1))
    packet = response([UPTIME._replace(value=ber.timeticks(2**32 - 1)), *[row] * count], community)
    assert len(packet) <= column_reply.UNFRAGMENTED
