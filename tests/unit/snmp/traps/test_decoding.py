"""v1 and v2c notifications: what is read of them, and that nothing else ever happens."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.intake.frames import Frames, make_frame, read_datagrams, write_datagram
from dcim.snmp.traps.decoding import (
    SYS_UP_TIME,
    Notification,
    decode,
    find_version,
    translate,
)
from dcim.snmp.traps.entries import (
    EngineNote,
    decode_entries,
    encode_entries,
    make_entry,
    read_varbind,
    write_varbind,
)
from dcim.snmp.traps.peeking import peek_kind
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Value, VarBind, parse_oid
from dcim.snmp.wire.v3_message import Rejected
from tests.agents.trap_sender import LINK_DOWN, V3Sender, binds_of, v1, v2c
from tests.unit.snmp.traps.test_notifications import USER

APC = (1, 3, 6, 1, 4, 1, 318)


def test_a_trap_of_v2c() -> None:
    told = decode(v2c(number=4, uptime=77))
    assert (told.version, told.oid, told.uptime_ticks) == ("2c", LINK_DOWN, 77)
    assert told.community == b"trap-community"
    assert told.request is None
    assert [bind.value.number for bind in told.varbinds] == [4]


@pytest.mark.parametrize("uptime", [ber.counter64(2**64 - 1), ber.integer(-5), ber.text("long")])
def test_an_uptime_of_another_type_is_none(uptime: Value) -> None:
    binds = [VarBind(SYS_UP_TIME, uptime), *binds_of(LINK_DOWN, 4)[1:]]
    told = decode(ber.encode_message(ber.Message(ber.V2C, b"c", ber.TRAP, 1, 0, 0, binds)))
    assert (told.oid, told.uptime_ticks) == (LINK_DOWN, None)


def test_an_inform_keeps_what_is_to_be_answered() -> None:
    told = decode(v2c(pdu=ber.INFORM, request_id=9))
    assert told.request is not None
    assert told.request.request_id == 9
    assert len(told.request.varbinds) == 3


def test_a_trap_of_v1_has_its_oid_of_v2() -> None:
    told = decode(v1(APC, 6, 5, address=bytes((10, 0, 0, 7))))
    assert told.oid == (*APC, 0, 5)
    assert (told.enterprise, told.generic, told.specific) == (APC, 6, 5)
    assert told.agent_address == "10.0.0.7"
    assert decode(v1(APC, 2, 0)).oid == LINK_DOWN
    assert decode(v1(APC, 2, 0)).agent_address == ""


def test_rfc_3584_translates_generic_traps() -> None:
    assert [translate(APC, generic, 0)[-1] for generic in range(6)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "malformed"),
        (v2c(pdu=ber.GET), "not_a_trap"),
        (v2c(pdu=ber.RESPONSE), "not_a_trap"),
        (v1(generic=7), "malformed"),
        (v1(specific=-1), "malformed"),
        (v2c() + b"\0", "malformed"),
        (v1() + b"\0", "malformed"),
        (v2c()[:-1], "malformed"),
        (
            ber.encode_message(ber.Message(ber.V2C, b"c", ber.TRAP, 1, 0, 0, [])),
            "malformed",
        ),
    ],
)
def test_what_is_no_trap_is_told_by_reason(packet: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as refused:
        decode(packet)
    assert refused.value.reason == reason


def judge(packet: bytes) -> Notification | None:
    with suppress(Rejected):
        return None if find_version(packet) == 3 else decode(packet)
    return None


@settings(max_examples=600, deadline=None)
@given(st.binary(max_size=400))
def test_octets_of_any_kind_are_read_or_refused(packet: bytes) -> None:
    judge(packet)
    assert isinstance(peek_kind(packet), bytes)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from([v2c(), v1(), v2c(pdu=ber.INFORM), V3Sender(USER).trap()]), st.data())
def test_mutated_traps_are_read_or_refused(original: bytes, data: st.DataObject) -> None:
    packet = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(packet) - 1))
        packet[at] = data.draw(st.integers(0, 255))
    told = judge(bytes(packet[: data.draw(st.integers(0, len(packet)))]))
    assert isinstance(peek_kind(bytes(packet)), bytes)
    if told is not None:  # what is read can be kept, and read again
        entry = make_entry("a-1", 1, "192.0.2.1", 1, 2, told)
        assert decode_entries(encode_entries([entry])).entries == [entry]
        assert tuple(map(read_varbind, entry.varbinds)) == told.varbinds or any(
            bind.value.data != bind.value.data
            for bind in told.varbinds  # a NaN is none
        )


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(ber.integer),
    st.binary(max_size=40).map(ber.octet_string),
    st.binary(min_size=4, max_size=4).map(ber.ip_address),
    st.integers(0, 2**32 - 1).map(ber.timeticks),
    st.integers(0, 2**64 - 1).map(ber.counter64),
    st.just(Value(ber.NULL, None)),
    st.just(ber.object_identifier((1, 3, 6))),
    st.floats(width=32, allow_nan=False).map(lambda number: Value(ber.OPAQUE_FLOAT, number)),
    st.sampled_from([float("inf"), float("-inf")]).map(lambda n: Value(ber.OPAQUE_DOUBLE, n)),
)


@given(VALUES)
def test_values_are_kept_as_they_are(value: Value) -> None:
    bind = VarBind((1, 3, 6, 1), value)
    assert read_varbind(write_varbind(bind)) == bind


def test_a_spool_file_that_is_none_is_refused() -> None:
    for content in (b"", b"{}", b"[]", b'{"traps":[{}],"grown":[],"engines":[]}'):
        with pytest.raises(ValueError):  # noqa: PT011
            decode_entries(content)
    note = EngineNote("192.0.2.1", "80", 1, 2, 3)
    kept = decode_entries(encode_entries([], [("a-1", 2, 3)], [note]))
    assert kept == ([], [("a-1", 2, 3)], [note])


@given(st.lists(st.tuples(st.sampled_from(["192.0.2.1", "2001:db8::1"]), st.binary(max_size=99))))
def test_frames_come_out_as_they_went_in(sent: list[tuple[str, bytes]]) -> None:
    body = b"".join(write_datagram(1.5, source, 162, octets) for source, octets in sent)
    stream = make_frame(1, body) + make_frame(2, b"")
    frames = Frames()
    found = [each for at in range(0, len(stream), 7) for each in frames.feed(stream[at : at + 7])]
    assert [kind for kind, _ in found] == [1, 2]
    assert [(one.source, one.octets) for one in read_datagrams(found[0][1])] == sent


def test_kinds_of_traps_are_told_apart_without_decoding() -> None:
    kinds = [
        peek_kind(packet)
        for packet in (
            v2c(),
            v2c(parse_oid("1.3.6.1.6.3.1.1.5.4")),
            v1(APC, 6, 5),
            v1(APC, 6, 6),
            v1(APC, 2, 0),
            v1((*APC, 1), 6, 5),
        )
    ]
    assert len(set(kinds)) == 6
    assert all(kinds)
    assert peek_kind(v2c(number=2)) == peek_kind(v2c(number=200, uptime=1 << 31))
    assert peek_kind(V3Sender(USER).trap()) == b""
