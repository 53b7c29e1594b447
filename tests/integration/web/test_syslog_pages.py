"""Syslog on the NOC's pages and over the API: what it says, and that hostile text stays text."""

import csv
import datetime as dt
import io
from collections import Counter as Counts
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.due import make_chimes
from dcim.inventory.models import Device, DeviceType
from dcim.records.writing import change_record, delete_record
from dcim.snmp.agents.received import record_drops
from dcim.syslog.entries import Spooled, make_entry
from dcim.syslog.kinds import SYSLOG_MAPPING
from dcim.syslog.mappings import read_mappings
from dcim.syslog.message import parse
from dcim.syslog.models import SyslogDrop, SyslogMapping, SyslogMessage
from dcim.syslog.recording import prune_syslog, record
from dcim.syslog.rules import shipped_rules
from tests.integration.web.boards import HOSTILE, Counter
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_trap_pages import post, read

MakeLogin = Callable[..., Login]
SYSTEM = Scope.system("test")
LIST, UNKNOWN, API = "/noc/syslog", "/noc/syslog/unknown", "/api/v1/syslog"
LINK_DOWN = b"<187>7: Nov 27 10:00:00: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down"
LINK_UP = LINK_DOWN.replace(b"down", b"up").replace(b"<187>", b"<189>")
LOGIN = b"<38>Nov 27 10:00:00 srv1 sshd[7]: Accepted publickey for root"
DATED = b'<165>1 2026-11-27T10:00:00Z mx1 mgd 7 UI_COMMIT [junos@2636 u="li"] committed'


class SyslogBook:
    """Records messages as the writer does."""

    def __init__(self, sessions: SessionFactory) -> None:
        self.sessions = sessions
        self.made = 0
        with transaction(sessions, SYSTEM) as session:
            kind = DeviceType(manufacturer="M", model="T", height=2)
            session.add(kind)
            session.flush()
            device = Device(name="EDGE-SWITCH", role="switch", device_type_id=kind.id)
            session.add(device)
            session.flush()
            self.device_id = device.id

    def add(self, octets: bytes, *, ago: dt.timedelta = dt.timedelta(), count: int = 1) -> int:
        self.made += 1
        at_ms = int((utc_now() - ago).timestamp() * 1000)
        entry = make_entry(
            f"s-{self.made}", at_ms, "192.0.2.7", None, self.device_id, parse(octets)
        )
        entry.count = count
        with transaction(self.sessions, SYSTEM) as session:
            record(session, Spooled([entry], []), (read_mappings(session), shipped_rules()))
            return session.scalars(
                select(SyslogMessage.id).where(SyslogMessage.uid == entry.uid)
            ).one()

    def read(self, message_id: int) -> tuple[str, str, str]:
        kept = SyslogMessage
        with transaction(self.sessions, SYSTEM) as session:
            row = session.execute(
                select(kept.alarm_class, kept.severity, kept.rule).where(kept.id == message_id)
            ).one()
            return row.alarm_class, row.severity, row.rule


@pytest.fixture
def book(sessions: SessionFactory) -> SyslogBook:
    return SyslogBook(sessions)


def ask(client: FlaskClient, path: str) -> int:
    with client.get(path) as answer:
        return answer.status_code


def test_the_list_says_what_came_and_narrows(noc: FlaskClient, book: SyslogBook) -> None:
    assert "No syslog is received" in read(noc, LIST)
    book.add(LINK_DOWN, count=12)
    book.add(LOGIN)
    book.add(DATED, ago=dt.timedelta(days=3))
    page = read(noc, LIST)
    assert "A port has lost its link" in page
    assert "changed state to down" in page
    assert "Accepted publickey" in page
    assert "UI_COMMIT" not in page
    assert "UI_COMMIT" in read(noc, f"{LIST}?period=7d")
    for query in (
        "event=%25LINK-3-UPDOWN", "event=updown", "text=STATE+to", "level=3", "class=network",
        "severity=warning", f"device={book.device_id}&text=Gi0/1", "who=edge&event=LINK",
    ):  # fmt: skip
        narrowed = read(noc, f"{LIST}?{query}")
        assert "changed state to down" in narrowed, query
        assert "Accepted publickey" not in narrowed, query
    assert "Accepted publickey" in read(noc, f"{LIST}?event=sshd&who=SRV1&class=unknown&level=6")
    for nothing in ("text=%25_LINK", "level=0", "who=<b>", "text=x%00y"):
        assert "No message fits" in read(noc, f"{LIST}?{nothing}"), nothing


def test_what_a_message_said_stays_text(noc: FlaskClient, book: SyslogBook) -> None:
    hostile = f'<13>1 - {HOSTILE.replace(" ", "")} a b c [e n="{HOSTILE[:20]}\u202e"] '.encode()
    message_id = book.add(hostile + HOSTILE.encode() + "\x1b一号机房\u202e\x00".encode())
    for path in (LIST, UNKNOWN, f"{LIST}/{message_id}"):
        page = read(noc, path)
        assert "<script>alert(" not in page
        assert "&lt;script&gt;" in page
        assert "一号机房" in page
        assert not any(mark in page for mark in "\u202e\x1b\x00")
    assert "unsigned" in page
    read(noc, f"{LIST}/987654321", 404)


def test_a_devices_clock_that_is_off_is_told(noc: FlaskClient, book: SyslogBook) -> None:
    ahead = (utc_now() + dt.timedelta(hours=8, minutes=5)).isoformat()
    said = f"<13>1 {ahead} mx1 a - - - x".encode()
    page = read(noc, f"{LIST}/{book.add(said)}")
    assert "its clock is ahead by 8 h" in page
    told = read(noc, f"{LIST}/{book.add(DATED.replace(b'2026', b'2021'))}")
    assert "its clock is behind by" in told
    assert "2021-11-27T10:00:00Z" in told
    assert "its clock" not in read(noc, f"{LIST}/{book.add(LOGIN)}")


def test_an_unknown_message_is_mapped_and_those_kept_follow(
    noc: FlaskClient, book: SyslogBook, sessions: SessionFactory
) -> None:
    first, other = book.add(LOGIN, count=5), book.add(LOGIN.replace(b"Accepted", b"REFUSED"))
    book.add(LINK_DOWN)
    book.add(DATED, ago=dt.timedelta(days=9))
    page = read(noc, UNKNOWN)
    assert "LINK-UPDOWN" not in page
    assert "UI_COMMIT" not in page
    link = "/staff/syslog-mappings/new?event=sshd"
    assert f'href="{link}"' in page
    form = read(noc, link)
    said = {"event": "sshd", "contains": "accepted", "alarm_class": "access", "severity": "info",
            "meaning": "有人登录服务器", "meaning_en": "Somebody signed in"}  # fmt: skip
    assert post(noc, "/staff/syslog-mappings/new", form, **said) in (302, 303)
    with transaction(sessions, SYSTEM) as session:
        mapping_id = session.scalars(select(SyslogMapping.id)).one()
        assert session.scalars(
            select(AuditEntry).where(AuditEntry.action == "syslog_mapping.create")
        ).one()
    assert book.read(first) == ("access", "info", f"mapping {mapping_id}")
    assert book.read(other) == ("", "", "")
    assert book.read(book.add(LOGIN)) == ("access", "info", f"mapping {mapping_id}")
    assert "Somebody signed in" in read(noc, LIST)
    assert f"/staff/syslog-mappings/{mapping_id}" in read(noc, f"{LIST}/{first}")
    # Now whatever it says, and then no more.
    change = {"contains": "", "meaning": ""}
    with transaction(sessions, SYSTEM) as session:
        change_record(session, SYSTEM, SYSLOG_MAPPING, mapping_id, change)
    assert book.read(other)[1] == "info"
    with transaction(sessions, SYSTEM) as session:
        delete_record(session, SYSTEM, SYSLOG_MAPPING, mapping_id)
    assert book.read(first) == book.read(other) == ("", "", "")


def test_an_operators_word_goes_before_the_programs_and_gives_it_back(
    noc: FlaskClient, book: SyslogBook, sessions: SessionFactory
) -> None:
    down, up = book.add(LINK_DOWN), book.add(LINK_UP)
    assert (book.read(down)[1:], book.read(up)[1:]) == (
        ("warning", "shipped"), ("clear", "shipped"),
    )  # fmt: skip
    assert "LINK-3-UPDOWN" in read(noc, "/staff/syslog-mappings/import")
    said = {"event": "%LINK-3-UPDOWN", "contains": "State To Down", "alarm_class": "network",
            "severity": "critical"}  # fmt: skip
    path = "/staff/syslog-mappings/new"
    page = read(noc, path)
    assert post(noc, path, page, **said) in (302, 303)
    assert (book.read(down)[1], book.read(up)[1]) == ("critical", "clear")
    assert post(noc, path, page, **said) in (409, 422)
    assert post(noc, path, page, **said | {"contains": ""}) in (302, 303)
    assert (book.read(down)[1], book.read(up)[1]) == ("critical", "critical")
    for wrong in ({"event": ""}, {"event": " : "}, {"severity": "loud"}):
        assert post(noc, path, page, **said | wrong) in (400, 422), wrong
    with transaction(sessions, SYSTEM) as session:
        for mapping_id in session.scalars(select(SyslogMapping.id)).all():
            delete_record(session, SYSTEM, SYSLOG_MAPPING, mapping_id)
    assert (book.read(down)[1:], book.read(up)[1:]) == (
        ("warning", "shipped"), ("clear", "shipped"),
    )  # fmt: skip


def test_drops_are_told_by_reason(noc: FlaskClient, book: SyslogBook) -> None:
    drops: Counts[tuple[int | None, str]] = Counts(
        {(None, "unknown_source"): 1_234, (None, "empty"): 2, (None, "newer"): 1}
    )
    with transaction(book.sessions, SYSTEM) as session:
        record_drops(session, SyslogDrop, drops, utc_now())
        record_drops(session, SyslogDrop, drops, utc_now())
    page = read(noc, LIST)
    for told in ("Unknown address", "2,468", "DCIM_SYSLOG_IN_ALLOWED", "Nothing in it", "newer"):
        assert told in page


def test_the_list_is_a_file_too_and_no_formula(noc: FlaskClient, book: SyslogBook) -> None:
    book.add(LINK_DOWN, count=3)
    book.add(b"<13>=cmd|' /C calc'!A0")
    book.add(DATED, ago=dt.timedelta(days=3))
    with noc.get(f"{LIST}/messages.csv?who=edge") as answer:
        assert answer.mimetype == "text/csv"
        rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert [row[-1] for row in rows[1:]] == [
        "'=cmd|' /C calc'!A0", "%LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
    ]  # fmt: skip
    assert rows[2][2:4] == ["3", "EDGE-SWITCH"]
    assert len({len(row) for row in rows}) == 1
    page = read(noc, f"{LIST}?who=edge&page=1")
    assert 'href="/noc/syslog/messages.csv?who=edge"' in page


@pytest.mark.parametrize("path", [LIST, UNKNOWN, f"{API}?size=50", f"{LIST}/messages.csv"])
def test_lists_cost_the_same_for_one_row_and_for_many(
    noc: FlaskClient, book: SyslogBook, sessions: SessionFactory, path: str
) -> None:
    book.add(LOGIN)
    assert ask(noc, path) == 200
    with Counter(sessions.kw["bind"]) as one:
        ask(noc, path)
    for number in range(30):
        book.add(LOGIN.replace(b"sshd", b"prog%d" % number))
    with Counter(sessions.kw["bind"]) as many:
        ask(noc, path)
    assert many.count == one.count <= 16


def test_of_very_many_the_newest_are_counted_and_told_as_such(
    noc: FlaskClient, book: SyslogBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.syslog.queries.MOST", 5)
    monkeypatch.setattr("dcim.web.noc.syslog.MOST", 5)
    for number in range(7):
        book.add(b"<13>number %d" % number, ago=dt.timedelta(minutes=number))
    page = read(noc, LIST)
    assert "There are more: the newest 5 are listed" in page
    assert "number 4" in page
    assert "number 5" not in page
    assert noc.get(f"{API}?page=2&size=3").get_json()["total"] == 5
    assert len(noc.get(f"{API}?page=2&size=3").get_json()["items"]) == 2
    assert noc.get(f"{API}?page=9&size=3").get_json()["items"] == []
    monkeypatch.setattr("dcim.syslog.queries.MOST_UNKNOWN", 3)
    [unknown] = noc.get(f"{API}/unknown").get_json()["items"]
    assert (unknown["event"], unknown["messages"], unknown["text"]) == ("", 3, "number 2")


def test_the_api_lists_and_shows(noc: FlaskClient, book: SyslogBook) -> None:
    message_id = book.add(DATED)
    book.add(LINK_DOWN)
    page = noc.get(f"{API}?level=3&since=2026-01-01T00:00:00Z").get_json()
    assert page["total"] == 1
    assert page["items"][0]["alarm_class"] == "network"
    shown = noc.get(f"{API}/{message_id}").get_json()
    assert shown["message"]["device_name"] == "EDGE-SWITCH"
    assert shown["message"]["device_at"] == "2026-11-27T10:00:00Z"
    assert shown["data"] == [{"element": "junos@2636", "name": "u", "value": "li"}]
    [unknown] = noc.get(f"{API}/unknown").get_json()["items"]
    assert (unknown["event"], unknown["text"]) == ("UI_COMMIT", "committed")
    for wrong in ("level=8", "alarm_class=money", "text=", "device_id=x"):
        assert noc.get(f"{API}?{wrong}").status_code == 422, wrong
    assert noc.get(f"{API}?text=a%00b").status_code in (200, 422)
    assert noc.get(f"{API}/987654321").status_code == 404


def test_customers_and_strangers_see_none_of_it(
    app: Flask, book: SyslogBook, make_login: MakeLogin
) -> None:
    message_id = book.add(LOGIN)
    paths = (LIST, UNKNOWN, f"{LIST}/{message_id}", f"{LIST}/messages.csv")
    client = app.test_client()
    for path in paths:
        assert ask(client, path) in (303, 401), path
    sign_in(client, make_login("auditor"))
    for path in paths:
        assert ask(client, path) == 200, path
    # Who may only look isn't led to where it can't write.
    assert "Say what it means" not in read(client, UNKNOWN)


def test_old_messages_are_deleted(book: SyslogBook, settings: Settings) -> None:
    chimes = {chime.name for chime in make_chimes(settings, "postgresql://x/y")}
    assert "prune-syslog" in chimes
    book.add(LOGIN, ago=dt.timedelta(days=31))
    kept = book.add(LOGIN)
    with transaction(book.sessions, SYSTEM) as session:
        assert prune_syslog(session, 30) == 1
        assert session.scalars(select(SyslogMessage.id)).all() == [kept]
