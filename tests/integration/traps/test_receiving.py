"""From the wire to the table, with the processes that do it for real."""

import socket
import threading
from dataclasses import replace
from ipaddress import ip_network

import pytest

from dcim.commands.traps import queue_polls
from dcim.db import transaction
from dcim.snmp.agents.registration import store_credential
from dcim.snmp.traps.engines import forget_engine
from dcim.snmp.traps.models import TrapMapping
from dcim.snmp.traps.receiver import TrapReceiver
from dcim.snmp.wire import ber
from dcim.whole_files import UNFINISHED
from tests.agents.trap_sender import V3Sender, open_at, v1, v2c
from tests.integration.traps.conftest import SYSTEM, USER, TrapHouse


def test_traps_of_all_versions_are_kept_with_what_they_mean(house: TrapHouse) -> None:
    with (
        house.receiving() as receiver,
        open_at("127.0.9.1") as plain,
        open_at("127.0.9.100") as secure,
    ):
        plain.sendto(v1(), receiver.address)
        plain.sendto(v2c(), receiver.address)
        secure.sendto(V3Sender(USER).trap(), receiver.address)
        house.wait_for(lambda: house.count() == 3)
    rows = house.query(
        "SELECT t.version, t.oid, t.source, t.alarm_class, t.severity, t.rule, d.name"
        " FROM trap t JOIN device d ON d.id = t.device_id ORDER BY t.version"
    )
    assert [tuple(row) for row in rows] == [
        ("1", "1.3.6.1.4.1.318.0.5", "127.0.9.1", "power", "critical", "profile apc_ups",
         "device-127.0.9.1"),
        ("2c", "1.3.6.1.6.3.1.1.5.3", "127.0.9.1", "network", "warning", "profile generic",
         "device-127.0.9.1"),
        ("3", "1.3.6.1.6.3.1.1.5.3", "127.0.9.100", "network", "warning", "profile generic",
         "first"),
    ]  # fmt: skip
    assert house.drops() == {}


def test_a_senders_clock_and_engine_outlive_the_receiver(house: TrapHouse) -> None:
    sender = V3Sender(USER)
    captured = sender.trap(number=1)
    sender.time_s += 500
    newer = sender.trap(number=2)
    with house.receiving() as receiver, open_at("127.0.9.100") as device:
        device.sendto(newer, receiver.address)
        house.wait_for(lambda: house.count() == 1)
    # Started anew, it knows what the sender's clock was: what is older than the window is refused.
    other = V3Sender(USER, engine_id=bytes.fromhex("80001f8804") + b"sender-2")
    with house.receiving() as receiver, open_at("127.0.9.100") as device:
        device.sendto(captured, receiver.address)
        house.wait_for(lambda: house.drops() == {"not_in_time_window": 1})
        device.sendto(other.trap(), receiver.address)
        house.wait_for(lambda: house.drops().get("wrong_engine") == 1)
        sender.boots += 1
        sender.time_s = 3
        device.sendto(sender.trap(number=3), receiver.address)
        house.wait_for(lambda: house.count() == 2)
        # A person says that the device was replaced: now the other one is believed.
        with transaction(house.sessions, SYSTEM) as session:
            forget_engine(session, SYSTEM, "127.0.9.100")
        house.wait_for(lambda: _send_until(device, other, receiver.address, house), 20)
    rows = house.query("SELECT engine_id, boots FROM trap_engine")
    assert [(bytes(row[0]), row[1]) for row in rows] == [(other.engine_id, 3)]


def _send_until(
    device: socket.socket, sender: V3Sender, address: tuple[str, int], house: TrapHouse
) -> bool:
    sender.time_s += 1
    device.sendto(sender.trap(number=sender.time_s), address)
    return house.count() > 2


def test_control_without_what_was_kept_an_old_trap_is_believed(house: TrapHouse) -> None:
    sender = V3Sender(USER)
    captured = sender.trap(number=1)
    sender.time_s += 500
    with house.receiving() as receiver, open_at("127.0.9.100") as device:
        device.sendto(sender.trap(number=2), receiver.address)
        house.wait_for(lambda: house.count() == 1)
    with transaction(house.sessions, SYSTEM) as session:
        forget_engine(session, SYSTEM, "127.0.9.100")
    with house.receiving() as receiver, open_at("127.0.9.100") as device:
        device.sendto(captured, receiver.address)
        house.wait_for(lambda: house.count() == 2)


def test_one_devices_trap_is_not_believed_of_another_with_the_same_password(
    house: TrapHouse,
) -> None:
    sender = V3Sender(USER)
    network = (ip_network("127.0.8.0/24"),)
    with transaction(house.sessions, SYSTEM) as session:
        store_credential(
            session,
            SYSTEM,
            house.settings.encryption,
            name="for traps",
            version="2c",
            community="for-traps",
        )
        session.connection().exec_driver_sql(
            "UPDATE snmp_agent SET credential_id = (SELECT id FROM snmp_credential"
            " WHERE name = 'plain') WHERE address = '127.0.9.100'"
        )
    # Now nobody is polled with the user, so that it is one kept for traps: of the network too.
    with (
        house.receiving(trap_allowed=network) as receiver,
        open_at("127.0.9.100") as device,
        open_at("127.0.8.1") as other,
    ):
        other.sendto(v2c(community=b"for-traps"), receiver.address)
        device.sendto(v2c(community=b"for-traps"), receiver.address)
        device.sendto(sender.trap(), receiver.address)
        house.wait_for(lambda: house.count() == 3)
        sender.time_s += 10
        other.sendto(sender.trap(), receiver.address)
        house.wait_for(lambda: house.drops() == {"wrong_engine": 1})


def test_polls_are_queued_once_a_shard_and_wait_for_its_own(house: TrapHouse) -> None:
    with transaction(house.sessions, SYSTEM) as session:
        assert queue_polls(session, {0: [1, 2], 3: [9]}) == [0, 3]
        assert queue_polls(session, {0: [3]}) == []
    rows = house.query("SELECT task_name, lock, priority, args FROM procrastinate_jobs ORDER BY id")
    # None goes before a shard's own, which has no priority either.
    assert [tuple(row) for row in rows] == [
        ("poll_shard", "poll:0", 0, {"shard": 0, "agent_ids": [1, 2]}),
        ("poll_shard", "poll:3", 0, {"shard": 3, "agent_ids": [9]}),
    ]


def test_ipv4_is_heard_and_answered_at_a_socket_of_both_families(house: TrapHouse) -> None:
    with house.receiving(trap_listen=("::", 0)) as receiver, open_at("127.0.9.1") as device:
        device.sendto(v2c(pdu=ber.INFORM), ("127.0.0.1", receiver.address[1]))
        assert ber.decode_message(device.recv(8192)).pdu == ber.RESPONSE
        house.wait_for(lambda: house.count() == 1)
    assert house.query("SELECT source FROM trap")[0][0] == "127.0.9.1"


def test_while_its_port_is_anothers_the_receiver_waits(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.intake.receiver._RETRY_S", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        settings = replace(house.settings, trap_listen=other.getsockname())
        receiver = TrapReceiver(settings, house.sessions, house.defer)
        receiver.spool.folder.mkdir(parents=True)
        others = receiver.spool.folder / f"1.traps{UNFINISHED}"  # which the other one is writing
        others.touch()
        running = threading.Thread(target=receiver.run)
        running.start()
        assert not receiver.ready.wait(0.5)
        assert others.exists()
    try:
        assert receiver.ready.wait(20)
        assert receiver.address == settings.trap_listen
    finally:
        receiver.stop()
        running.join(20)


def test_traps_follow_a_mapping_that_comes_back_by_itself(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.intake.receiver._BOOK_S", 0.2)

    def severity() -> str:
        return str(house.query("SELECT severity FROM trap")[0][0])

    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        device.sendto(v2c(), receiver.address)
        house.wait_for(lambda: house.count() == 1)
        assert severity() == "warning"
        with transaction(house.sessions, SYSTEM) as session:  # as undoing a deletion does
            session.add(
                TrapMapping(oid="1.3.6.1.6.3", below=True, alarm_class="notice", severity="info")
            )
        house.wait_for(lambda: severity() == "info")
