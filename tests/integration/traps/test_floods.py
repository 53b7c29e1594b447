"""Short forms of the drill: floods, garbage, and a database that is away."""

import random
import threading
import time
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy.exc import OperationalError

from dcim.intake.buckets import Admission
from dcim.intake.spool import Spool
from dcim.snmp.traps.decoding import decode
from dcim.snmp.traps.entries import decode_entries, encode_entries, make_entry
from dcim.snmp.traps.peeking import peek_kind
from dcim.snmp.traps.receiver import SPOOL, SUFFIX, TrapReceiver
from tests.agents.trap_sender import V3Sender, open_at, v1, v2c
from tests.integration.traps.conftest import USER, TrapHouse

OTHER = (1, 3, 6, 1, 4, 1, 99_999, 0, 7)


def test_every_trap_within_the_limits_is_kept(house: TrapHouse) -> None:
    with house.receiving(trap_source_rate=2_000, trap_total_rate=5_000) as receiver:
        devices = [open_at(f"127.0.9.{number}") for number in (1, 2, 3)]
        for number in range(600):
            devices[number % 3].sendto(v2c(number=number), receiver.address)
            time.sleep(0.001)
        for device in devices:
            device.close()
        house.wait_for(lambda: house.count() == 600)
    assert house.query("SELECT count(*) FROM trap")[0][0] == 600
    assert house.drops() == {}


def test_the_same_within_a_minute_is_counted(house: TrapHouse) -> None:
    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        for uptime in range(20):
            device.sendto(v2c(uptime=uptime), receiver.address)
        device.sendto(v2c(number=2), receiver.address)
        house.wait_for(lambda: house.count() == 21)
    rows = house.query("SELECT count, last_at >= received_at FROM trap ORDER BY count")
    assert [tuple(row) for row in rows] == [(1, True), (20, True)]


def test_a_flood_hides_neither_a_quiet_device_nor_what_is_new_in_it(house: TrapHouse) -> None:
    with (
        house.receiving(trap_source_rate=5, trap_source_burst=5) as receiver,
        open_at("127.0.9.1") as loud,
        open_at("127.0.9.2") as quiet,
    ):
        began = time.monotonic()
        for number in range(5_000):
            loud.sendto(v2c(number=number), receiver.address)
            if number == 2_500:
                quiet.sendto(v2c(), receiver.address)
                loud.sendto(v2c(OTHER), receiver.address)
                loud.sendto(v1(specific=7), receiver.address)
        house.wait_for(lambda: len(house.query("SELECT DISTINCT source, oid FROM trap")) == 4)
        house.wait_for(lambda: house.count() + sum(house.drops().values()) == 5_003)
        lasted = time.monotonic() - began
    assert set(house.drops()) == {"source_rate"}
    # What was saved up, and five a second: nobody waited behind five thousand.
    assert house.count() < 20 + 5 * lasted


def test_control_without_the_reserve_what_is_new_in_a_flood_is_lost() -> None:
    class Plain(Admission):
        def _is_first(self, *_: object) -> bool:
            return False

    packet = v2c(OTHER)
    for kind, admitted in ((Plain, False), (Admission, True)):
        admission = kind(peek_kind, source_rate=5, source_burst=5, total_rate=50, total_burst=50)
        admission.allow(["192.0.2.1"], [])
        for number in range(1_000):
            admission.admit("192.0.2.1", 100, partial(v2c, number=number), 1.0)
        assert admission.admit("192.0.2.1", len(packet), lambda: packet, 1.0) is admitted


def test_garbage_ends_nothing(house: TrapHouse) -> None:
    draw = random.Random(7)
    originals = [v2c(), v1(), V3Sender(USER).trap(), v2c(pdu=0xA6)]
    with (
        house.receiving(
            trap_source_rate=100_000, trap_source_burst=100_000, trap_total_rate=100_000
        ) as receiver,
        open_at("127.0.9.1") as plain,
        open_at("127.0.9.100") as secure,
    ):
        for number in range(3_000):
            packet = bytearray(draw.choice(originals))
            for _ in range(draw.randrange(1, 6)):
                packet[draw.randrange(len(packet))] = draw.randrange(256)
            sent = bytes(packet[: draw.randrange(1, len(packet) + 1)])
            (plain, secure)[number % 2].sendto(sent, receiver.address)
            if number % 100 == 0:
                time.sleep(0.01)
        for number in range(200):
            plain.sendto(v2c(OTHER, 10_000 + number), receiver.address)
        house.wait_for(
            lambda: (
                house.query(
                    "SELECT count(*) FROM trap WHERE oid = '1.3.6.1.4.1.99999.0.7'"
                    " AND varbinds->0->>2 >= '10000'"
                )[0][0]
                == 200
            )
        )
    assert "unexpected" not in house.drops()


def test_while_the_database_is_away_traps_wait_on_disk(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("away", {}, Exception())

    with monkeypatch.context() as patch:
        patch.setattr("dcim.snmp.traps.writer.record", refuse)
        with house.receiving() as receiver, open_at("127.0.9.1") as device:
            device.sendto(v2c(), receiver.address)
            house.wait_for(lambda: bool(receiver.spool.waiting()))
        assert house.count() == 0
    with house.receiving():
        house.wait_for(lambda: house.count() == 1)


def test_a_file_that_was_recorded_already_changes_nothing(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("dcim.intake.spool.Spool.remove", lambda *_: None)  # killed before it
        with house.receiving() as receiver, open_at("127.0.9.1") as device:
            device.sendto(v2c(), receiver.address)
            house.wait_for(lambda: house.count() == 1)
            assert receiver.spool.waiting()
    with house.receiving() as receiver:
        house.wait_for(lambda: not receiver.spool.waiting())
    assert house.count() == 1


def test_a_trap_has_its_device_polled_and_opens_nothing(house: TrapHouse) -> None:
    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        for number in range(30):
            device.sendto(v1(specific=number), receiver.address)
            time.sleep(0.02)
        house.wait_for(lambda: house.count() == 30)
    [agent_id] = house.query("SELECT id FROM snmp_agent WHERE address = '127.0.9.1'")[0]
    assert house.polled == [{0: [agent_id]}]
    assert house.query("SELECT count(*) FROM incident")[0][0] == 0
    assert house.query("SELECT count(*) FROM ledger_entry")[0][0] == 0


def test_one_trap_that_is_refused_takes_no_other_with_it(house: TrapHouse) -> None:
    told = [decode(v1(specific=number)) for number in (1, 2, 3)]
    entries = [
        make_entry(f"u-{number}", 1_000, "127.0.9.1", None, None, each)
        for number, each in enumerate(told)
    ]
    entries[1].uptime_ticks = 2**64  # more than the column holds
    entries[2].oid = "no OID"
    spool = Spool(house.settings.spool_folder / SPOOL, 1_000_000, SUFFIX)
    spool.put(encode_entries(entries, [("u-0", 5, 2_000)]))
    with house.receiving() as receiver:
        assert not receiver.spool.waiting()
    assert [tuple(row) for row in house.query("SELECT uid, count FROM trap")] == [("u-0", 5)]
    [aside] = spool.folder.iterdir()
    assert aside.name.endswith(".damaged")
    assert [one.uid for one in decode_entries(aside.read_bytes()).entries] == ["u-1", "u-2"]


def test_a_database_that_is_away_is_left_alone_for_a_while(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []

    def refuse(*_: object) -> None:
        tries.append(time.monotonic())
        raise OperationalError("away", {}, Exception())

    monkeypatch.setattr("dcim.snmp.traps.writer.record", refuse)
    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        began = time.monotonic()
        for number in range(15):
            device.sendto(v2c(number=number), receiver.address)
            time.sleep(0.1)
        house.wait_for(lambda: bool(tries))
        # At once, and then after two seconds each.
        assert len(tries) <= 1 + (time.monotonic() - began) / 2


def test_a_receiver_without_its_writer_ends(
    house: TrapHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is started again; else it would put traps on disk that nobody records."""
    monkeypatch.setattr("dcim.intake.receiver._BOOK_S", 0.2)
    monkeypatch.setattr("dcim.intake.writer.Writer.run", lambda *_: None)
    settings = replace(house.settings, trap_listen=("127.0.0.1", 0))
    receiver = TrapReceiver(settings, house.sessions, house.defer)
    giving_up = threading.Timer(20, receiver.stop)
    giving_up.start()
    with pytest.raises(RuntimeError, match="writer"):
        receiver.run()
    giving_up.cancel()
