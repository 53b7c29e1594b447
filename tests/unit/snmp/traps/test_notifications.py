"""SNMPv3: a sender's clock goes forward only, and what was heard once isn't heard again."""

from __future__ import annotations

import pytest

from dcim.snmp.traps.v3 import Heard, Notifications, OwnEngine, SenderEngine
from dcim.snmp.wire.target import UsmCredentials
from dcim.snmp.wire.v3_message import Rejected, open_envelope
from tests.agents.trap_sender import LINK_DOWN, V3Sender

USER = UsmCredentials("trapper", "SHA-256", "authentic-words", "AES-128", "private-words")
OWN = OwnEngine(bytes.fromhex("8000000005") + bytes(12), 4, 0.0)
SOURCE = "192.0.2.1"


class Desk:
    """A receiver that knows one user, and remembers the sender's engine as the decoder does."""

    def __init__(self, user: UsmCredentials = USER) -> None:
        self.user = user
        self.judge_all = Notifications(OWN)
        self.sender: SenderEngine | None = None

    def hear(self, packet: bytes, now_s: float = 1_000.0) -> Heard:
        users = {self.user.user.encode(): self.user}
        heard = self.judge_all.judge(packet, SOURCE, users.get, self.sender, now_s)
        self.sender = heard.moved or self.sender
        return heard

    def refuse(self, packet: bytes, now_s: float = 1_000.0) -> str:
        before = self.sender
        with pytest.raises(Rejected) as refused:
            self.hear(packet, now_s)
        assert self.sender == before
        return refused.value.reason


def cut_digest(packet: bytes) -> bytes:
    """The same message with an HMAC of one octet (CVE-2008-0960)."""
    sealed = open_envelope(packet)
    whole = packet[sealed.digest_at : sealed.digest_end]
    short = packet[: sealed.digest_at - 1] + b"\x01" + whole[:1] + packet[sealed.digest_end :]
    fields = bytearray(short)
    # Lengths above it are shorter by as much: of the parameters, their string, the message.
    cut = len(whole) - 1
    at = 0
    for tag_at in _frames(packet, sealed.digest_at):
        at = tag_at + 1
        if fields[at] & 0x80:
            size = fields[at] & 0x7F
            length = int.from_bytes(fields[at + 1 : at + 1 + size], "big") - cut
            fields[at + 1 : at + 1 + size] = length.to_bytes(size, "big")
        else:
            fields[at] -= cut
    return bytes(fields)


def _frames(packet: bytes, inside: int) -> list[int]:
    """Where the frames that hold the octet at `inside` begin, from the outside."""
    found, pos, end = [], 0, len(packet)
    while pos < end:
        size = packet[pos + 1] & 0x7F if packet[pos + 1] & 0x80 else 0
        length = (
            int.from_bytes(packet[pos + 2 : pos + 2 + size], "big") if size else packet[pos + 1]
        )
        start = pos + 2 + size
        if start <= inside < start + length:
            if packet[pos] not in (0x30, 0x04) or inside == start:
                break
            found.append(pos)
            pos, end = start, start + length
        else:
            pos = start + length
    return found


@pytest.mark.parametrize(
    "user",
    [
        USER,
        UsmCredentials("trapper", "SHA", "authentic-words"),
        UsmCredentials("trapper", "SHA-512", "authentic-words", "AES-256", "private-words"),
        UsmCredentials("trapper"),
    ],
)
def test_a_trap_of_any_level_that_its_user_has_is_read(user: UsmCredentials) -> None:
    heard = Desk(user).hear(V3Sender(user).trap(number=9))
    assert heard.told is not None
    assert (heard.told.version, heard.told.oid, heard.answer) == ("3", LINK_DOWN, b"")
    assert heard.told.varbinds[0].value.number == 9
    assert (heard.moved is None) == (user.auth == "none")


def test_replays_are_refused_within_the_window_and_behind_it() -> None:
    desk, sender = Desk(), V3Sender(USER)
    packet = sender.trap()
    desk.hear(packet)
    assert desk.refuse(packet, 1_001.0) == "replayed"
    assert desk.refuse(packet, 1_000.0 + 150) == "replayed"
    assert desk.refuse(packet, 1_000.0 + 151) == "not_in_time_window"
    assert desk.refuse(packet, 1_000.0 + 10_000) == "not_in_time_window"


def test_control_without_memory_and_window_a_replay_is_a_trap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, packet = Desk(), V3Sender(USER).trap()
    desk.hear(packet)
    monkeypatch.setattr(Notifications, "_is_again", lambda *_: False)
    assert desk.hear(packet, 1_001.0).told
    assert desk.refuse(packet, 1_151.0) == "not_in_time_window"
    monkeypatch.setattr("dcim.snmp.traps.v3.check_time", lambda clock, *_: clock)
    assert desk.hear(packet, 1_151.0).told


def test_boots_and_time_never_go_back() -> None:
    desk, sender = Desk(), V3Sender(USER, boots=3, time_s=1_000)
    desk.hear(sender.trap())
    sender.boots, sender.time_s = 2, 50_000
    assert desk.refuse(sender.trap()) == "not_in_time_window"
    sender.boots, sender.time_s = 3, 1_000 - 151
    assert desk.refuse(sender.trap()) == "not_in_time_window"
    sender.boots, sender.time_s = 3, 1_000 - 149  # overtaken on the way
    assert desk.hear(sender.trap()).told
    assert desk.sender is not None
    assert desk.sender.clock is not None
    assert desk.sender.clock.time == 1_000
    sender.boots, sender.time_s = 4, 0  # started anew
    assert desk.hear(sender.trap()).moved is not None
    sender.boots, sender.time_s = 3, 99_999
    assert desk.refuse(sender.trap()) == "not_in_time_window"


def test_what_was_heard_before_we_were_started_is_a_replay() -> None:
    desk, sender = Desk(), V3Sender(USER)
    first = sender.trap()
    sender.time_s += 20
    last = sender.trap()
    desk.hear(first)
    desk.hear(last)
    assert desk.sender is not None
    clock = desk.sender.clock
    assert clock is not None
    anew = Desk()
    anew.sender = SenderEngine(sender.engine_id, clock)
    assert anew.hear(first).told, "the control: what was heard is in no memory but the clock"
    anew = Desk()
    anew.sender = SenderEngine(sender.engine_id, clock, (clock.boots, clock.time))
    assert anew.refuse(first) == "replayed"
    assert anew.refuse(last) == "replayed"
    sender.time_s += 1
    assert anew.hear(sender.trap()).told
    assert anew.refuse(first) == "replayed"
    sender.boots, sender.time_s = 4, 0
    assert anew.hear(sender.trap()).told


def test_another_engine_another_key_and_a_short_digest_are_refused() -> None:
    desk, sender = Desk(), V3Sender(USER)
    desk.hear(sender.trap())
    assert desk.refuse(V3Sender(USER, engine_id=b"\x80\0\0\0\x05other").trap()) == "wrong_engine"
    wrong = UsmCredentials("trapper", "SHA-256", "guessed-words", "AES-128", "private-words")
    assert desk.refuse(V3Sender(wrong).trap()) == "wrong_digest"
    assert desk.refuse(cut_digest(sender.trap())) == "wrong_digest"
    plain = UsmCredentials("trapper")
    assert desk.refuse(V3Sender(plain).trap()) == "wrong_level"
    unknown = UsmCredentials("nobody", "SHA-256", "authentic-words", "AES-128", "private-words")
    assert desk.refuse(V3Sender(unknown).trap()) == "unknown_user"
    in_context = UsmCredentials(
        "trapper", "SHA-256", "authentic-words", "AES-128", "private-words", "bridge"
    )
    assert desk.refuse(V3Sender(in_context).trap()) == "wrong_context"


def test_control_a_receiver_that_compares_what_there_is_takes_a_short_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lenient(sealed: object, keys: object) -> None:
        """As it was done once: so many octets as came are compared."""

    monkeypatch.setattr("dcim.snmp.traps.v3.verify", lenient)
    assert Desk().hear(cut_digest(V3Sender(USER).trap())).told


def test_no_flipped_octet_is_believed() -> None:
    sender = V3Sender(USER)
    packet = sender.trap()
    for at in range(len(packet)):
        for bit in (0x01, 0x80):
            lie = packet[:at] + bytes((packet[at] ^ bit,)) + packet[at + 1 :]
            try:
                heard = Desk().hear(lie)
            except Rejected:
                continue
            assert heard.told is None  # at most our id is told to who asks for it


def test_a_trap_signed_with_our_clock_and_an_inform_with_its_own_are_refused() -> None:
    desk, sender = Desk(), V3Sender(USER)
    ours = sender._message(0xA7, [], OWN.engine_id, OWN.boots, OWN.time(1_000.0), sender.level)
    assert desk.refuse(ours) == "malformed"
    own_clock = sender.inform(sender.engine_id, sender.boots, sender.time_s)
    unreportable = sender._message(
        0xA6,
        [*open_binds(), *open_binds()[2:]],
        sender.engine_id,
        sender.boots,
        sender.time_s,
        sender.level,
    )
    assert desk.refuse(unreportable) == "wrong_engine"
    told = desk.hear(own_clock)
    assert told.told is None
    assert open_envelope(told.answer).envelope.engine_id == OWN.engine_id


def open_binds() -> list:  # type: ignore[type-arg]
    from tests.agents.trap_sender import binds_of

    return binds_of(LINK_DOWN, 1)


def test_informs_outside_our_window_are_told_our_clock_and_not_taken() -> None:
    desk, sender = Desk(), V3Sender(USER)
    now_s = 1_000.0
    for boots, time_s in ((3, 1_000), (5, 1_000), (4, 1_000 - 151), (4, 1_000 + 151)):
        heard = desk.hear(sender.inform(OWN.engine_id, boots, time_s), now_s)
        assert heard.told is None
        assert open_envelope(heard.answer).envelope.boots == 4
    heard = desk.hear(sender.inform(OWN.engine_id, 4, 1_000), now_s)
    assert heard.told is not None
    assert not heard.is_again


def test_who_can_not_sign_has_no_inform_answered() -> None:
    user = UsmCredentials("trapper")
    desk, sender = Desk(user), V3Sender(user)
    assert desk.refuse(sender.inform(OWN.engine_id, 4, 1_000)) == "unauthenticated"
