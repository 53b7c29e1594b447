"""From the wire to the table, with the processes that do it for real."""

import random
from functools import partial
from ipaddress import ip_network

import pytest
from sqlalchemy.exc import OperationalError

from dcim.db import transaction
from dcim.intake.spool import Spool
from dcim.syslog.entries import decode_entries, encode_entries, make_entry
from dcim.syslog.message import parse
from dcim.syslog.models import SyslogMapping
from dcim.syslog.receiver import SPOOL, SUFFIX
from tests.agents.trap_sender import open_at
from tests.integration.syslog.conftest import SyslogHouse
from tests.integration.traps.conftest import SYSTEM

LINK_DOWN = b"<187>%d: Nov 27 10:00:00: %%LINK-3-UPDOWN: Interface Gi0/1, changed state to down"
LOGIN = b"<38>Nov 27 10:00:00 srv1 sshd[%d]: Accepted publickey for root"
HUAWEI = "<187>Nov 27 2026 10:00:00 核心 %%01IFNET/2/linkDown_active(l)[3]:接口断开\x1b".encode(
    "gbk"
)
DATED = b'<165>1 2026-11-27T10:00:00+08:00 mx1 mgd 7 UI_COMMIT [junos@2636 u="li"] commit'


def test_messages_are_kept_with_what_they_say_and_mean(house: SyslogHouse) -> None:
    network = (ip_network("127.0.8.0/24"),)
    with (
        house.receiving(syslog_in_allowed=network) as receiver,
        open_at("127.0.9.1") as device,
        open_at("127.0.8.1") as server,
        open_at("127.0.7.1") as stranger,
    ):
        stranger.sendto(LINK_DOWN % 1, receiver.address)
        device.sendto(HUAWEI, receiver.address)
        device.sendto(DATED, receiver.address)
        device.sendto(b"<13>\n", receiver.address)
        server.sendto(LOGIN % 4711, receiver.address)
        house.wait_for(lambda: house.count() == 3)
        house.wait_for(lambda: house.drops() == {"unknown_source": 1, "empty": 1})
    rows = house.query(
        "SELECT m.source, d.name, m.form, m.facility, m.level, m.device_time,"
        " extract(epoch FROM m.device_at)::bigint, m.host, m.app, m.procid, m.msgid, m.event,"
        " m.data, m.text, m.alarm_class, m.severity,"
        " m.rule FROM syslog_message m LEFT JOIN device d ON d.id = m.device_id"
        ' ORDER BY m.event COLLATE "C"'
    )
    assert [tuple(row) for row in rows] == [
        ("127.0.9.1", "device-127.0.9.1", "3164", 23, 3, "Nov 27 2026 10:00:00", None, "核心",
         "IFNET", "", "", "IFNET/linkDown_active", [],
         "%%01IFNET/2/linkDown_active(l)[3]:接口断开␛", "network", "warning", "shipped"),
        ("127.0.9.1", "device-127.0.9.1", "5424", 20, 5, "2026-11-27T10:00:00+08:00",
         1_795_744_800, "mx1", "mgd", "7", "UI_COMMIT", "UI_COMMIT",
         [["junos@2636", "u", "li"]], "commit", "", "", ""),
        ("127.0.8.1", None, "3164", 4, 6, "Nov 27 10:00:00", None, "srv1", "sshd", "4711", "",
         "sshd", [], "sshd[4711]: Accepted publickey for root", "", "", ""),
    ]  # fmt: skip


def test_what_means_something_has_its_device_polled_and_opens_nothing(house: SyslogHouse) -> None:
    with (
        house.receiving() as receiver,
        open_at("127.0.9.1") as device,
        open_at("127.0.9.2") as other,
    ):
        for number in range(5):
            other.sendto(LOGIN % number, receiver.address)
        house.wait_for(lambda: house.count() == 5)
        assert house.polled == []
        device.sendto(LINK_DOWN % 1, receiver.address)
        house.wait_for(lambda: bool(house.polled))
    [agent_id] = house.query("SELECT id FROM snmp_agent WHERE address = '127.0.9.1'")[0]
    assert house.polled == [{0: [agent_id]}]
    assert house.query("SELECT count(*) FROM incident")[0][0] == 0
    assert house.query("SELECT count(*) FROM ledger_entry")[0][0] == 0


def test_the_same_within_a_minute_is_counted(house: SyslogHouse) -> None:
    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        for number in range(20):
            device.sendto(LINK_DOWN % number, receiver.address)
        device.sendto((LINK_DOWN % 20).replace(b"down", b"up"), receiver.address)
        house.wait_for(lambda: house.count() == 21)
    rows = house.query("SELECT count, severity FROM syslog_message ORDER BY count")
    assert [tuple(row) for row in rows] == [(1, "clear"), (20, "warning")]


def test_a_flood_of_one_keeps_out_neither_others_nor_what_is_new_in_it(house: SyslogHouse) -> None:
    # As many as the kernel's smallest buffer holds, however late the reader comes to it.
    flood = 100
    with (
        house.receiving(syslog_in_source_rate=1, syslog_in_source_burst=1) as receiver,
        open_at("127.0.9.1") as loud,
        open_at("127.0.9.2") as quiet,
    ):
        for number in range(flood):
            loud.sendto(LOGIN % number, receiver.address)
        quiet.sendto(LOGIN % 0, receiver.address)
        loud.sendto(LINK_DOWN % 1, receiver.address)
        house.wait_for(lambda: house.count() + sum(house.drops().values()) == flood + 2, 30)
    assert set(house.drops()) == {"source_rate"}
    rows = house.query("SELECT DISTINCT source, event FROM syslog_message ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [
        ("127.0.9.1", "LINK-UPDOWN"), ("127.0.9.1", "sshd"), ("127.0.9.2", "sshd"),
    ]  # fmt: skip


def _holds(house: SyslogHouse, text: str) -> bool:
    found = house.query("SELECT count(*) FROM syslog_message WHERE text = :text", text=text)
    return bool(found[0][0])


def test_garbage_ends_nothing(house: SyslogHouse) -> None:
    draw = random.Random(7)
    limits = {
        f"syslog_in_{name}": 100_000 for name in ("source_rate", "source_burst", "total_rate")
    }
    originals = [LINK_DOWN % 1, LOGIN % 1, HUAWEI, DATED]
    with house.receiving(**limits) as receiver, open_at("127.0.9.1") as device:
        for sound in range(1, 11):
            for _ in range(100):
                packet = bytearray(draw.choice(originals))
                for _ in range(draw.randrange(1, 9)):
                    packet[draw.randrange(len(packet))] = draw.randrange(256)
                device.sendto(bytes(packet[: draw.randrange(1, len(packet) + 1)]), receiver.address)
            device.sendto(b"<13>sound %d" % sound, receiver.address)
            # It is in the table before more is sent: no buffer decides what is seen here.
            house.wait_for(partial(_holds, house, f"sound {sound}"), 30)
    assert "unexpected" not in house.drops()


def test_while_the_database_is_away_messages_wait_on_disk_and_outlive_the_process(
    house: SyslogHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("away", {}, Exception())

    with monkeypatch.context() as patch:
        patch.setattr("dcim.syslog.writer.record", refuse)
        with house.receiving() as receiver, open_at("127.0.9.1") as device:
            device.sendto(LINK_DOWN % 1, receiver.address)
            house.wait_for(lambda: bool(receiver.spool.waiting()))
        assert house.count() == 0
    with monkeypatch.context() as patch:
        patch.setattr("dcim.intake.spool.Spool.remove", lambda *_: None)  # killed before it
        with house.receiving():
            assert house.count() == 1
    with house.receiving() as receiver:
        assert not receiver.spool.waiting()
    assert house.count() == 1


def test_one_message_that_is_refused_takes_no_other_with_it(house: SyslogHouse) -> None:
    told = parse(LINK_DOWN % 1)
    entries = [make_entry(f"u-{n}", 1_000, "127.0.9.1", None, None, told) for n in range(3)]
    entries[1].level = 9
    spool = Spool(house.settings.spool_folder / SPOOL, 1_000_000, SUFFIX)
    spool.put(encode_entries(entries, [("u-0", 5, 2_000)]))
    with house.receiving() as receiver:
        assert not receiver.spool.waiting()
    rows = house.query("SELECT uid, count FROM syslog_message ORDER BY uid")
    assert [tuple(row) for row in rows] == [("u-0", 5), ("u-2", 1)]
    [aside] = spool.folder.iterdir()
    assert [one.uid for one in decode_entries(aside.read_bytes()).entries] == ["u-1"]


def test_messages_follow_a_mapping_that_comes_back_by_itself(
    house: SyslogHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.intake.receiver._BOOK_S", 0.1)

    def severities() -> list[str]:
        return [row[0] for row in house.query("SELECT severity FROM syslog_message ORDER BY text")]

    with house.receiving() as receiver, open_at("127.0.9.1") as device:
        device.sendto(LINK_DOWN % 1, receiver.address)
        device.sendto((LINK_DOWN % 1).replace(b"down", b"up"), receiver.address)
        house.wait_for(lambda: severities() == ["warning", "clear"])
        with transaction(house.sessions, SYSTEM) as session:  # as undoing a deletion does
            session.add(
                SyslogMapping(
                    event="LINK-UPDOWN", contains="State to DOWN", alarm_class="network",
                    severity="critical",
                )
            )  # fmt: skip
        house.wait_for(lambda: severities() == ["critical", "clear"])


def test_without_an_address_nothing_is_received(
    house: SyslogHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert house.settings.syslog_in_listen is None
    receiver = house.receiver(house.settings, house.sessions, house.defer)
    receiver.run()
    assert not receiver.ready.is_set()
