"""The BER codec: round trips, hostile bytes, and agreement with pyasn1."""

import struct
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Message, Value, VarBind

arcs = st.integers(0, 2**32 - 1)
oids = st.builds(
    lambda head, rest: (*head, *rest),
    st.one_of(
        st.tuples(st.integers(0, 1), st.integers(0, 39)),
        st.tuples(st.just(2), st.integers(0, 2**32 - 81)),
    ),
    st.lists(arcs, max_size=20),
)
floats32 = st.floats(width=32, allow_nan=False)
values = st.one_of(
    st.builds(Value, st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.builds(
        Value,
        st.sampled_from([ber.COUNTER32, ber.GAUGE32, ber.TIMETICKS]),
        st.integers(0, 2**32 - 1),
    ),
    st.builds(Value, st.just(ber.COUNTER64), st.integers(0, 2**64 - 1)),
    st.builds(Value, st.just(ber.OCTET_STRING), st.binary(max_size=300)),
    st.builds(Value, st.just(ber.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.builds(Value, st.just(ber.OBJECT_IDENTIFIER), oids),
    st.builds(Value, st.just(ber.OPAQUE_FLOAT), floats32),
    st.builds(Value, st.just(ber.OPAQUE_DOUBLE), st.floats(allow_nan=False)),
    st.builds(
        Value,
        st.sampled_from([ber.NULL, ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB_VIEW]),
        st.none(),
    ),
)
messages = st.builds(
    Message,
    st.sampled_from([ber.V1, ber.V2C]),
    st.binary(max_size=40),
    st.sampled_from([ber.GET, ber.GETNEXT, ber.RESPONSE, ber.GETBULK]),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 18),
    st.integers(0, 200),
    st.lists(st.builds(VarBind, oids, values), max_size=8),
)


@given(messages)
def test_a_message_survives_the_round_trip(message: Message) -> None:
    assert ber.decode_message(ber.encode_message(message)) == message


@settings(max_examples=1000)
@given(st.binary(max_size=200))
@example(b"0\x84\xff\xff\xff\xff")
@example(b"0\x80\x00\x00")
@example(b"")
def test_random_bytes_raise_only_ber_error(packet: bytes) -> None:
    try:
        ber.decode_message(packet)
    except BerError:
        return


@settings(max_examples=300)
@given(messages, st.data())
def test_damaged_messages_raise_only_ber_error(message: Message, data: st.DataObject) -> None:
    packet = bytearray(ber.encode_message(message))
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packet)))
    for damaged in (bytes(packet), bytes(packet[:cut])):
        try:
            ber.decode_message(damaged)
        except BerError:
            continue


@given(messages)
def test_every_cut_is_refused(message: Message) -> None:
    packet = ber.encode_message(message)
    for cut in range(len(packet)):
        with pytest.raises(BerError):
            ber.decode_message(packet[:cut])
    with pytest.raises(BerError):
        ber.decode_message(packet + b"\x00")


def _pysnmp_value(pmod: Any, value: Value) -> Any:
    kinds = {
        ber.INTEGER: "Integer",
        ber.COUNTER32: "Counter",
        ber.GAUGE32: "Gauge",
        ber.TIMETICKS: "TimeTicks",
        ber.OCTET_STRING: "OctetString",
        ber.IP_ADDRESS: "IpAddress",
        ber.OBJECT_IDENTIFIER: "ObjectIdentifier",
    }
    if value.tag == ber.COUNTER64:
        return api.v2c.Counter64(value.data)
    kind = getattr(pmod, kinds[value.tag], None) or getattr(pmod, kinds[value.tag] + "32")
    return kind(value.data)


def _is_padded_by_pyasn1(value: Value) -> bool:
    """-128, -32768, …: pyasn1 writes an octet more than X.690 8.3.2 allows."""
    number = value.data
    return (
        isinstance(number, int)
        and number < 0
        and number in {-(1 << 8 * n - 1) for n in (1, 2, 3, 4)}
    )


plain = values.filter(
    lambda value: (
        value.tag < 0x80
        and value.tag not in (ber.NULL, ber.OPAQUE)
        and not _is_padded_by_pyasn1(value)
    )
)


@pytest.mark.parametrize("number", [-128, -32768, -(2**31)])
def test_what_pyasn1_pads_we_write_shortest_and_read_both(number: int) -> None:
    def message(value: Value) -> Message:
        return Message(ber.V2C, b"c", ber.RESPONSE, 1, 0, 0, [VarBind((1, 3), value)])

    packet = ber.encode_message(message(Value(ber.INTEGER, number)))
    assert ber.decode_message(packet) == message(Value(ber.INTEGER, number))
    shortest = number.to_bytes((-number - 1).bit_length() // 8 + 1, "big", signed=True)
    assert packet.endswith(bytes([ber.INTEGER, len(shortest)]) + shortest)


@settings(deadline=None)
@given(
    st.integers(0, 2**31 - 1), st.binary(max_size=20), st.lists(st.tuples(oids, plain), max_size=4)
)
def test_our_encoding_is_pysnmps_encoding(
    request_id: int, community: bytes, pairs: list[tuple[ber.Oid, Value]]
) -> None:
    pmod = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
    pdu = pmod.ResponsePDU()
    pmod.apiPDU.set_defaults(pdu)
    pmod.apiPDU.set_request_id(pdu, request_id)
    pmod.apiPDU.set_varbinds(pdu, [(oid, _pysnmp_value(pmod, value)) for oid, value in pairs])
    theirs = pmod.Message()
    pmod.apiMessage.set_defaults(theirs)
    pmod.apiMessage.set_community(theirs, community)
    pmod.apiMessage.set_pdu(theirs, pdu)
    varbinds = [VarBind(*pair) for pair in pairs]
    ours = Message(ber.V2C, community, ber.RESPONSE, request_id, 0, 0, varbinds)
    packet = encoder.encode(theirs)
    assert ber.encode_message(ours) == packet
    assert ber.decode_message(packet) == ours
    again, rest = decoder.decode(ber.encode_message(ours), asn1Spec=pmod.Message())
    assert not rest
    assert int(pmod.apiPDU.get_request_id(pmod.apiMessage.get_pdu(again))) == request_id


def test_agents_habits_are_understood() -> None:
    def one(value: bytes) -> Value:
        bind = b"\x30" + bytes([4 + len(value)]) + b"\x06\x02\x2b\x06" + value
        binds = b"\x30" + bytes([len(bind)]) + bind
        pdu = b"\x02\x01\x01\x02\x01\x00\x02\x01\x00" + binds
        body = b"\x02\x01\x01\x04\x01p\xa2" + bytes([len(pdu)]) + pdu
        return (
            ber.decode_message(b"\x30\x82" + struct.pack(">H", len(body)) + body).varbinds[0].value
        )

    assert one(b"\x42\x04\xff\xff\xff\xff") == ber.gauge32(2**32 - 1)  # no leading zero
    assert one(b"\x46\x08" + b"\xff" * 8) == ber.counter64(2**64 - 1)
    assert one(b"\x06\x00") == ber.object_identifier((0, 0))
    assert one(b"\x44\x07\x9f\x78\x04\x41\x20\x00\x00").number == 10.0
    with pytest.raises(BerError):
        one(b"\x42\x05\x01\x00\x00\x00\x00")


def test_values_out_of_range_are_not_written() -> None:
    for value in (ber.counter32(2**32), ber.gauge32(-1), ber.ip_address(b"123"), Value(4, 5)):
        with pytest.raises(BerError):
            ber.encode_value(value)
    for oid in ((1,), (3, 1), (1, 40), (1, 3, -1), (1, 3, 2**32), (1, 3, *([1] * 127))):
        with pytest.raises(BerError):
            ber.encode_oid(oid)


def test_oversized_messages_are_refused() -> None:
    with pytest.raises(BerError):
        ber.decode_message(b"\x30\x84\x00\x01\x00\x00" + b"\x00" * 65_536)
    binds = [VarBind((1, 3, 6), ber.octet_string(b"x" * 66_000))]
    with pytest.raises(BerError):
        ber.encode_message(Message(ber.V2C, b"", ber.RESPONSE, 1, 0, 0, binds))


def test_a_huge_oid_is_refused_quickly() -> None:
    with pytest.raises(BerError):
        ber._read_oid(b"\xff" * 60_000 + b"\x01")


@pytest.mark.parametrize("dotted", ["", "1", "1.x", "1.3.-6", "a.b", "1.3.99999999999", "1..3"])
def test_unsound_dotted_oids_are_refused(dotted: str) -> None:
    with pytest.raises(BerError):
        ber.parse_oid(dotted)
