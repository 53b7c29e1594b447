"""What is answered, and what isn't: nobody gets an octet who hasn't shown who they are."""

import socket
import time

import pytest

from dcim.intake.decoder import SPOOL_FULL
from dcim.snmp.traps import v3
from dcim.snmp.wire import ber
from dcim.snmp.wire.target import UsmCredentials
from dcim.snmp.wire.usm_keys import derive_keys
from dcim.snmp.wire.v3_message import AUTH, PRIV, open_envelope, open_payload, verify
from tests.agents.trap_sender import V3Sender, open_at, v2c
from tests.integration.traps.conftest import USER, TrapHouse


def test_an_inform_over_v2c_is_answered_once_it_is_kept_and_counted_once(house: TrapHouse) -> None:
    inform = v2c(pdu=ber.INFORM, request_id=77)
    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        for _ in range(2):  # the answer was lost, as far as the device knows
            device.sendto(inform, receiver.address)
            answer = ber.decode_message(device.recv(8192))
            assert (answer.pdu, answer.request_id) == (ber.RESPONSE, 77)
            assert answer.varbinds == ber.decode_message(inform).varbinds
        house.wait_for(lambda: house.count() == 1)
    assert [tuple(row) for row in house.query("SELECT is_inform, count FROM trap")] == [(True, 1)]


def test_an_inform_over_v3_asks_for_our_clock_and_is_answered_signed(house: TrapHouse) -> None:
    sender = V3Sender(USER)
    with house.receiving() as receiver, open_at("127.0.9.100") as device:
        device.sendto(sender.discovery(), receiver.address)
        told = open_envelope(device.recv(8192))
        engine = told.envelope.engine_id
        report = open_payload(told, derive_keys(UsmCredentials(""), engine))
        assert report.pdu.tag == ber.REPORT
        assert report.pdu.varbinds[0].oid == v3.UNKNOWN_ENGINE_IDS
        # With no clock of ours yet, it is told by a signed report.
        device.sendto(sender.inform(engine, 0, 0), receiver.address)
        told = open_envelope(device.recv(8192))
        keys = derive_keys(USER, engine)
        verify(told, keys)
        assert open_payload(told, keys).pdu.varbinds[0].oid == v3.NOT_IN_TIME_WINDOWS
        boots, time_s = told.envelope.boots, told.envelope.time
        inform = sender.inform(engine, boots, time_s, number=5)
        for _ in range(2):
            device.sendto(inform, receiver.address)
            answer = open_envelope(device.recv(8192))
            assert answer.envelope.flags == AUTH | PRIV
            verify(answer, keys)
            pdu = open_payload(answer, keys).pdu
            assert (pdu.tag, pdu.request_id) == (ber.RESPONSE, sender.number)
        house.wait_for(lambda: house.count() == 1)
    assert house.drops() == {}


def test_our_engine_stays_and_its_boots_go_on(house: TrapHouse) -> None:
    seen = []
    for _ in range(2):
        with house.receiving() as receiver, open_at("127.0.9.100") as device:
            device.sendto(V3Sender(USER).discovery(), receiver.address)
            envelope = open_envelope(device.recv(8192)).envelope
            seen.append((envelope.engine_id, envelope.boots))
    assert seen[1] == (seen[0][0], seen[0][1] + 1)


def _hear(device: socket.socket) -> int:
    octets = 0
    device.settimeout(0.6)
    try:
        while True:
            octets += len(device.recv(65_535))
    except TimeoutError:
        return octets


def _send_unauthenticated(house: TrapHouse, number: int) -> int:
    """How many octets come back for datagrams of everybody who can't show who they are."""
    stranger = UsmCredentials("trapper", "SHA-256", "guessed-words", "AES-128", "guessed-words")
    guessing = V3Sender(stranger)
    packets = [
        v2c(pdu=ber.INFORM, community=b"public"),
        v2c(pdu=ber.GET),
        v2c(),
        v2c(pdu=ber.INFORM),
        guessing.trap(),
        b"",
        b"\x30\x80",
        bytes(8_193),
    ]
    limits = {"trap_source_rate": 100_000, "trap_source_burst": 100_000, "trap_total_rate": 100_000}
    with house.receiving(**limits) as receiver:
        sources = [open_at(each) for each in ("127.0.9.200", "127.0.9.100")]
        probe = V3Sender(USER)
        sources[1].sendto(probe.discovery(), receiver.address)
        engine = open_envelope(sources[1].recv(8192)).envelope.engine_id
        packets.append(guessing.inform(engine, 1, 1))
        for at in range(number):
            sources[at % 2].sendto(packets[at // 2 % len(packets)], receiver.address)
            if at % 200 == 0:
                time.sleep(0.01)
        octets = sum(map(_hear, sources))
        for each in sources:
            each.close()
    return octets


def test_ten_thousand_unauthenticated_datagrams_are_answered_with_nothing(
    house: TrapHouse,
) -> None:
    assert _send_unauthenticated(house, 10_000) == 0
    assert house.count() == 0
    drops = house.drops()
    assert sum(drops.values()) == 10_000
    assert drops["unknown_source"] == 5_000
    assert {"wrong_version", "wrong_digest", "malformed", "not_a_trap"} <= set(drops)


def test_control_who_answers_before_the_community_is_checked_answers_anybody(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.snmp.traps.senders.TrapSender.knows", lambda *_: True)
    assert _send_unauthenticated(house, 200) > 0


def test_discovery_is_answered_only_so_often(house: TrapHouse) -> None:
    with (
        house.receiving(trap_source_rate=1_000, trap_source_burst=1_000) as receiver,
        open_at("127.0.9.100") as device,
        open_at("127.0.9.201") as stranger,
    ):
        sender = V3Sender(USER)
        for _ in range(100):
            device.sendto(sender.discovery(), receiver.address)
            stranger.sendto(sender.discovery(), receiver.address)
        assert 0 < _hear(device) < 6 * 150
        assert _hear(stranger) == 0
        house.wait_for(lambda: house.drops().get("report_rate", 0) >= 94)


def test_an_inform_that_can_not_be_kept_is_not_answered(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        device.settimeout(1.0)
        with monkeypatch.context() as patch:
            patch.setattr("dcim.intake.spool.Spool.taken", lambda self: 1 << 60)
            device.sendto(v2c(pdu=ber.INFORM), receiver.address)
            with pytest.raises(TimeoutError):
                device.recv(8192)
            house.wait_for(lambda: house.drops() == {SPOOL_FULL: 1})
        # The device sends it again, and now there is room.
        device.sendto(v2c(pdu=ber.INFORM), receiver.address)
        assert device.recv(8192)
        house.wait_for(lambda: house.count() == 1)
