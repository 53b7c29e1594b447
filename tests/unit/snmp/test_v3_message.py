"""SNMPv3 messages: round trips, hostile bytes, 10,000 forgeries, and agreement with pysnmp."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder
from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

from dcim.snmp.wire import ber, v3_message, v3_reply
from dcim.snmp.wire.ber import BerError, Pdu, Value, VarBind
from dcim.snmp.wire.target import Request, UsmCredentials
from dcim.snmp.wire.usm_keys import Keys, derive_keys
from dcim.snmp.wire.v3_message import AUTH, PRIV, REPORTABLE, Envelope, Rejected
from dcim.snmp.wire.v3_reply import Answered, EngineClock, Question, Reported, check_time, judge

ENGINE = b"\x80\x00\x4f\xb8\x05engine"
OTHER_ENGINE = b"\x80\x00\x4f\xb8\x05another"
AUTH_PRIV = UsmCredentials("noc", "SHA-256", "authpass-1", "AES-128", "privpass-1", "vrf")
AUTH_ONLY = UsmCredentials("noc", "SHA-256", "authpass-1", context="vrf")
NOBODY = UsmCredentials("noc", context="vrf")
OTHER_USER = UsmCredentials("guest", "SHA-256", "guestpass-1", "AES-128", "guestpass-2", "vrf")
OID = (1, 3, 6, 1, 2, 1, 1, 3, 0)
CLOCK = EngineClock(7, 100_000, 50.0)
NOW = 60.0  # on our monotonic clock: the engine's time is 100,010 s
SALT = b"saltsalt"

USERS = {3: AUTH_PRIV, 1: AUTH_ONLY, 0: NOBODY}


def keys_of(level: int, user: UsmCredentials | None = None, engine: bytes = ENGINE) -> Keys:
    return derive_keys(user or USERS[level], engine)


def question(level: int, request: Request | None = None) -> Question:
    asked = request or Request(ber.GET, (OID,))
    return Question(4711, 815, level, ENGINE, b"noc", b"vrf", keys_of(level), asked, 0, 0)


def varbinds(number: int = 42) -> list[VarBind]:
    return [VarBind(OID, ber.timeticks(number))]


def message(level: int, keys: Keys | None = None, **changes: Any) -> bytes:
    """The reply to the question, but for the changes."""
    given: dict[str, Any] = {
        "message_id": 4711,
        "flags": level,
        "engine_id": ENGINE,
        "boots": 7,
        "time": 100_012,
        "user": b"noc",
        "request_id": 815,
        "tag": ber.RESPONSE,
        "context": b"vrf",
        "context_engine": ENGINE,
        "binds": varbinds(),
    } | changes
    envelope = Envelope(
        *(given[name] for name in ("message_id", "flags", "engine_id", "boots", "time", "user"))
    )
    scoped = v3_message.encode_scoped_pdu(
        given["context_engine"],
        given["context"],
        Pdu(given["tag"], given["request_id"], 0, 0, []),
        b"".join(map(ber.encode_varbind, given["binds"])),
    )
    salt = SALT if given["flags"] & PRIV else b""
    return v3_message.seal(envelope, scoped, keys or keys_of(level), salt)


def verdict(packet: bytes, level: int) -> Answered | Reported:
    return judge(v3_message.open_envelope(packet), question(level), CLOCK, NOW)


def reason(packet: bytes, level: int) -> str:
    with pytest.raises(Rejected) as caught:
        verdict(packet, level)
    return caught.value.reason


# --- what is honest


@pytest.mark.parametrize("level", [0, 1, 3])
def test_an_honest_reply_is_taken(level: int) -> None:
    found = verdict(message(level), level)
    assert isinstance(found, Answered)
    assert found.pdu.varbinds == varbinds()
    assert found.clock == (EngineClock(7, 100_012, NOW) if level else None)


octets32 = st.binary(max_size=32)
naturals = st.integers(0, 2**31 - 1)
envelopes = st.builds(
    Envelope,
    naturals,
    st.sampled_from([0, 1, 3, 4, 5, 7]),
    octets32,
    naturals,
    naturals,
    octets32,
    st.integers(484, 2**31 - 1),
)


@given(
    envelopes,
    octets32,
    st.binary(max_size=60),
    st.integers(-(2**31), 2**31 - 1),
    st.lists(st.binary(max_size=200), max_size=5),
    st.binary(min_size=8, max_size=8),
)
def test_a_message_survives_the_round_trip(
    envelope: Envelope,
    engine: bytes,
    context: bytes,
    request_id: int,
    texts: list[bytes],
    salt: bytes,
) -> None:
    binds = [VarBind((1, 3, 6, 1, n), ber.octet_string(text)) for n, text in enumerate(texts)]
    pdu = Pdu(ber.RESPONSE, request_id, 0, 0, binds)
    scoped = v3_message.encode_scoped_pdu(
        engine, context, pdu, b"".join(map(ber.encode_varbind, binds))
    )
    keys = keys_of(3)
    given_salt = salt if envelope.flags & PRIV else b""
    packet = v3_message.seal(envelope, scoped, keys, given_salt)
    sealed = v3_message.open_envelope(packet)
    assert sealed.envelope == envelope
    assert sealed.salt == given_salt
    if envelope.flags & AUTH:
        v3_message.verify(sealed, keys)
    assert v3_message.open_payload(sealed, keys) == (engine, context, pdu)


@pytest.mark.parametrize("level", [0, 1, 3])
def test_pysnmp_reads_our_messages(level: int) -> None:
    packet = message(level, flags=level | REPORTABLE)
    theirs, rest = decoder.decode(packet, asn1Spec=SNMPv3Message())
    assert not rest
    header = theirs["msgGlobalData"]
    assert [int(header[n]) for n in ("msgID", "msgMaxSize", "msgSecurityModel")] == [
        4711,
        ber.MAX_MESSAGE,
        3,
    ]
    assert bytes(header["msgFlags"]) == bytes((level | REPORTABLE,))
    parameters, rest = decoder.decode(
        bytes(theirs["msgSecurityParameters"]), asn1Spec=UsmSecurityParameters()
    )
    assert not rest
    assert bytes(parameters["msgAuthoritativeEngineId"]) == ENGINE
    assert int(parameters["msgAuthoritativeEngineBoots"]) == 7
    assert int(parameters["msgAuthoritativeEngineTime"]) == 100_012
    assert bytes(parameters["msgUserName"]) == b"noc"
    assert len(bytes(parameters["msgAuthenticationParameters"])) == (24 if level else 0)
    assert bytes(parameters["msgPrivacyParameters"]) == (SALT if level == 3 else b"")


def test_agents_that_pad_before_aes_are_understood() -> None:
    keys = keys_of(3)
    binds = b"".join(map(ber.encode_varbind, varbinds()))
    scoped = v3_message.encode_scoped_pdu(ENGINE, b"vrf", Pdu(ber.RESPONSE, 815, 0, 0, []), binds)
    envelope = Envelope(4711, 3, ENGINE, 7, 100_012, b"noc")
    for spare, taken in ((0, True), (15, True), (16, False)):
        packet = v3_message.seal(envelope, scoped + bytes(spare), keys, SALT)
        if taken:
            assert isinstance(verdict(packet, 3), Answered)
        else:
            assert reason(packet, 3) == "malformed"
    plain = v3_message.seal(envelope._replace(flags=1), scoped + b"\x00", keys_of(1))
    assert reason(plain, 1) == "malformed"


# --- what does not fit


@pytest.mark.parametrize(
    ("why", "level", "changes"),
    [
        ("unknown_message_id", 3, {"message_id": 4712}),
        ("reportable_reply", 3, {"flags": 7}),
        ("wrong_engine", 3, {"engine_id": OTHER_ENGINE}),
        ("wrong_engine", 0, {"engine_id": OTHER_ENGINE}),
        ("wrong_user", 3, {"user": b"guest"}),
        ("wrong_user", 0, {"user": b"guest"}),
        ("wrong_digest", 3, {"keys": derive_keys(OTHER_USER, ENGINE)}),
        ("wrong_digest", 3, {"keys": derive_keys(AUTH_PRIV, OTHER_ENGINE)}),
        ("not_in_time_window", 3, {"boots": 6}),
        ("not_in_time_window", 1, {"time": 100_010 - 151}),
        ("not_in_time_window", 3, {"boots": 2**31 - 1}),
        ("wrong_level", 3, {"flags": 1}),
        ("wrong_level", 3, {"flags": 0}),
        ("wrong_level", 1, {"flags": 0}),
        ("wrong_level", 1, {"flags": 3, "keys": derive_keys(AUTH_PRIV, ENGINE)}),
        ("wrong_level", 0, {"flags": 1, "keys": derive_keys(AUTH_PRIV, ENGINE)}),
        ("not_a_response", 3, {"tag": ber.GET}),
        ("not_a_response", 3, {"tag": 0xA7}),
        ("wrong_context", 3, {"context": b"other"}),
        ("wrong_context", 3, {"context_engine": OTHER_ENGINE}),
        ("unknown_request_id", 3, {"request_id": 816}),
        ("wrong_oid", 3, {"binds": [VarBind((1, 3, 6, 1), ber.integer(1))]}),
        ("wrong_oid", 3, {"binds": []}),
        ("malformed", 3, {"tag": ber.REPORT, "binds": []}),
    ],
)
def test_what_does_not_fit_is_dropped_for_its_reason(
    why: str, level: int, changes: dict[str, Any]
) -> None:
    assert reason(message(level, **changes), level) == why


def test_a_response_to_a_discovery_is_none() -> None:
    asked = Question(4711, 815, 0, b"", b"", b"", keys_of(0), None, 0, 0)
    packet = message(0, engine_id=b"", user=b"", context=b"", context_engine=b"")
    with pytest.raises(Rejected, match="not_a_response"):
        judge(v3_message.open_envelope(packet), asked, None, NOW)


def test_headers_out_of_bounds_are_refused() -> None:
    good = message(1)
    flags = good.index(b"\x04\x01\x01")
    assert reason(good[: flags + 2] + b"\x02" + good[flags + 3 :], 1) == "malformed"
    model = flags + 3
    assert good[model : model + 3] == b"\x02\x01\x03"
    assert reason(good[: model + 2] + b"\x02" + good[model + 3 :], 1) == "wrong_security_model"
    version = good.index(b"\x02\x01\x03")
    assert reason(good[: version + 2] + b"\x01" + good[version + 3 :], 1) == "wrong_version"
    small = v3_message.seal(Envelope(1, 0, b"", 0, 0, b"", 483), b"0\x00", keys_of(0))
    with pytest.raises(Rejected):
        v3_message.open_envelope(small)
    with pytest.raises(Rejected):
        v3_message.open_envelope(bytes(ber.MAX_MESSAGE + 1))
    for unsound in (Envelope(2**31, 0, b"", 0, 0, b""), Envelope(1, 0, b"", 2**31, 0, b"")):
        with pytest.raises(BerError):
            v3_message.seal(unsound, b"", keys_of(0))
    with pytest.raises(BerError):
        v3_message.seal(Envelope(1, 0, b"", 0, 0, b""), bytes(ber.MAX_MESSAGE), keys_of(0))


# --- the clock


def test_the_window_moves_forward_only() -> None:
    assert check_time(None, 3, 5, 9.0) == EngineClock(3, 5, 9.0)
    assert check_time(CLOCK, 8, 0, NOW) == EngineClock(8, 0, NOW)
    assert check_time(CLOCK, 7, 100_001, NOW) == EngineClock(7, 100_001, NOW)
    assert check_time(CLOCK, 7, 100_000, NOW) == CLOCK
    assert check_time(CLOCK, 7, 100_010 - 150, NOW) == CLOCK
    for boots, time in ((7, 100_010 - 151), (6, 2**31 - 1), (0, 0), (2**31 - 1, 0)):
        with pytest.raises(Rejected, match="not_in_time_window"):
            check_time(CLOCK, boots, time, NOW)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 500), st.integers(0, 300)), min_size=1))
def test_a_clock_never_goes_back(heard: list[tuple[int, int, int]]) -> None:
    clock: EngineClock | None = None
    now = 0.0
    for boots, time, passed in heard:
        now += passed
        try:
            following = check_time(clock, boots, time, now)
        except Rejected:
            assert clock is not None
            assert (boots, time) <= (clock.boots, clock.time)
            continue
        if clock:
            assert following[:2] >= clock[:2]
            assert following.time_at(now) <= max(time, clock.time_at(now))
        clock = following


# --- hostile bytes


def judged(packet: bytes, level: int) -> Answered | Reported | None:
    """The verdict, or None; whatever else is raised fails the test."""
    try:
        return verdict(packet, level)
    except Rejected:
        return None


@settings(max_examples=1000)
@given(st.binary(max_size=300))
@example(b"")
@example(b"0\x84\xff\xff\xff\xff")
@example(b"0\x03\x02\x01\x03")
def test_random_bytes_raise_only_rejected(packet: bytes) -> None:
    for level in USERS:
        assert judged(packet, level) is None


@settings(max_examples=400)
@given(st.sampled_from([0, 1, 3]), st.data())
def test_damaged_messages_raise_only_rejected(level: int, data: st.DataObject) -> None:
    honest = message(level)
    packet = bytearray(honest)
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    found = judged(bytes(packet), level)
    if level and bytes(packet) != honest:
        assert found is None
    cut = data.draw(st.integers(0, len(packet) - 1))
    assert judged(bytes(packet[:cut]), level) is None


@settings(max_examples=300)
@given(st.sampled_from([1, 3]), st.binary(max_size=200))
def test_any_authentic_payload_raises_only_rejected(level: int, payload: bytes) -> None:
    envelope = Envelope(4711, level, ENGINE, 7, 100_012, b"noc")
    packet = v3_message.seal(envelope, payload, keys_of(level), SALT if level & PRIV else b"")
    assert judged(packet, level) is None


# --- forgeries


def rewritten(packet: bytes, *, digest: bytes) -> bytes:
    """The message with another digest, of any length, its frames made to fit."""
    sealed = v3_message.open_envelope(packet)
    envelope = sealed.envelope
    parameters = ber.tlv(
        ber.SEQUENCE,
        ber.tlv(ber.OCTET_STRING, envelope.engine_id)
        + ber.integer_field(envelope.boots)
        + ber.integer_field(envelope.time)
        + ber.tlv(ber.OCTET_STRING, envelope.user)
        + ber.tlv(ber.OCTET_STRING, digest)
        + ber.tlv(ber.OCTET_STRING, sealed.salt),
    )
    header = ber.tlv(
        ber.SEQUENCE,
        ber.integer_field(envelope.message_id)
        + ber.integer_field(envelope.max_size)
        + ber.tlv(ber.OCTET_STRING, bytes((envelope.flags,)))
        + ber.integer_field(3),
    )
    return ber.tlv(
        ber.SEQUENCE,
        ber.integer_field(3)
        + header
        + ber.tlv(ber.OCTET_STRING, parameters)
        + packet[sealed.payload_at :],
    )


def digest_of(packet: bytes) -> bytes:
    sealed = v3_message.open_envelope(packet)
    return packet[sealed.digest_at : sealed.digest_end]


Forge = Callable[[random.Random, int], bytes]


def flip_bits(draw: random.Random, level: int) -> bytes:
    honest = message(level)
    packet = bytearray(honest)
    while bytes(packet) == honest:
        for _ in range(draw.randint(1, 6)):
            bit = draw.randrange(8 * len(packet))
            packet[bit >> 3] ^= 1 << (bit & 7)
    return bytes(packet)


def zero_digest(draw: random.Random, level: int) -> bytes:
    return rewritten(message(level, binds=varbinds(draw.randrange(2**31))), digest=bytes(24))


def cut_digest(draw: random.Random, level: int) -> bytes:
    """CVE-2008-0960: agents once compared as many octets as the message brought."""
    size = draw.randrange(24)
    honest = message(level)
    return rewritten(honest, digest=digest_of(honest)[:size])


def change_parameters(draw: random.Random, level: int) -> bytes:
    changes: dict[str, Any] = draw.choice(
        [
            {"engine_id": draw.randbytes(draw.randint(5, 32))},
            {"boots": draw.randrange(2**31)},
            {"time": draw.randrange(2**31)},
            {"boots": 8, "time": draw.randrange(1_000)},
            {"user": draw.randbytes(draw.randint(1, 32))},
            {"message_id": draw.randrange(2**31)},
        ]
    )
    changed = message(level, **changes)
    return rewritten(changed, digest=digest_of(message(level)))


def change_payload(draw: random.Random, level: int) -> bytes:
    changed = message(level, binds=varbinds(1 + draw.randrange(2**31)))
    return rewritten(changed, digest=digest_of(message(level, binds=varbinds(0))))


def replay(draw: random.Random, level: int) -> bytes:
    """What the agent itself signed, long ago, for the very same ids."""
    if draw.random() < 0.5:
        return message(level, boots=draw.randrange(7), time=draw.randrange(2**31))
    return message(level, time=draw.randrange(100_010 - 150))


def other_user(draw: random.Random, level: int) -> bytes:
    keys = derive_keys(OTHER_USER, ENGINE)
    return message(level, keys=keys, user=draw.choice([b"noc", b"guest"]))


def downgrade(draw: random.Random, level: int) -> bytes:
    binds = varbinds(draw.randrange(2**31))
    lower = 0 if level == 1 else draw.choice([0, 1])
    return message(level, flags=lower, binds=binds)


FORGERIES: list[Forge] = [
    flip_bits,
    zero_digest,
    cut_digest,
    change_parameters,
    change_payload,
    replay,
    other_user,
    downgrade,
]


def count_accepted(forgeries: list[Forge], rounds: int) -> int:
    draw = random.Random(20261126)
    accepted = 0
    for number in range(rounds):
        level = draw.choice([1, 3])
        packet = forgeries[number % len(forgeries)](draw, level)
        if judged(packet, level) is not None:
            accepted += 1
    return accepted


def test_none_of_ten_thousand_forgeries_is_accepted() -> None:
    assert count_accepted(FORGERIES, 10_000) == 0


@pytest.mark.parametrize("level", [1, 3])
def test_every_single_bit_counts(level: int) -> None:
    honest = message(level)
    for bit in range(8 * len(honest)):
        packet = bytearray(honest)
        packet[bit >> 3] ^= 1 << (bit & 7)
        assert judged(bytes(packet), level) is None, bit


@pytest.mark.parametrize(
    "forge", [flip_bits, zero_digest, cut_digest, change_parameters, change_payload]
)
def test_control_without_the_hmac_forgeries_get_in(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v3_reply, "verify", lambda *_: None)
    assert count_accepted([forge], 300) > 0


def test_control_without_the_window_replays_get_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v3_reply, "check_time", lambda *_: CLOCK)
    assert count_accepted([replay], 100) == 100


def test_control_only_the_level_keeps_a_signed_downgrade_out() -> None:
    sealed = v3_message.open_envelope(message(3, flags=1))
    assert isinstance(judge(sealed, question(3)._replace(level=1), CLOCK, NOW), Answered)
    with pytest.raises(Rejected, match="wrong_level"):
        judge(sealed, question(3), CLOCK, NOW)


def test_nothing_is_decoded_before_the_hmac_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []

    def spy(sealed: v3_message.Sealed, keys: Keys) -> Any:
        opened.append(sealed.packet)
        return v3_message.open_payload(sealed, keys)

    monkeypatch.setattr(v3_reply, "open_payload", spy)
    for forge in (zero_digest, cut_digest, change_parameters, change_payload, replay, other_user):
        assert judged(forge(random.Random(1), 3), 3) is None
    assert not opened
    assert judged(message(3), 3)
    assert len(opened) == 1


def test_an_unsigned_report_proves_nothing() -> None:
    oid = (1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0)
    binds = [VarBind(oid, ber.counter32(1))]
    packet = message(3, flags=0, tag=ber.REPORT, binds=binds, boots=2**31 - 1)
    found = verdict(packet, 3)
    assert found == Reported(oid, ENGINE, 2**31 - 1, 100_012, None)
    signed = verdict(message(3, flags=1, tag=ber.REPORT, binds=binds, request_id=0), 3)
    assert signed == Reported(oid, ENGINE, 7, 100_012, EngineClock(7, 100_012, NOW))


def test_values_of_every_kind_come_through() -> None:
    value = Value(ber.OPAQUE_FLOAT, 1.5)
    found = verdict(message(3, binds=[VarBind(OID, value)]), 3)
    assert isinstance(found, Answered)
    assert found.pdu.varbinds[0].value == value
