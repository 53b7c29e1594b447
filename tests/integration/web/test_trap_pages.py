"""Traps on the NOC's pages and over the API: what they say, and that hostile text stays text."""

import datetime as dt
from collections import Counter as Counts
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.due import make_chimes
from dcim.inventory.models import Device, DeviceType
from dcim.records.writing import change_record, delete_record
from dcim.snmp.agents.received import record_drops
from dcim.snmp.traps.decoding import decode
from dcim.snmp.traps.entries import EngineNote, Spooled, make_entry, write_varbind
from dcim.snmp.traps.kinds import TRAP_MAPPING
from dcim.snmp.traps.mappings import read_mappings
from dcim.snmp.traps.meanings import shipped_meanings
from dcim.snmp.traps.models import Trap, TrapDrop, TrapMapping
from dcim.snmp.traps.recording import prune_traps, record
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, VarBind
from tests.agents.trap_sender import LINK_DOWN, v1, v2c
from tests.integration.web.boards import HOSTILE, Counter
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
SYSTEM = Scope.system("test")
OWN: Oid = (1, 3, 6, 1, 4, 1, 99_999, 0, 7)
LIST, UNKNOWN, API = "/noc/traps", "/noc/traps/unknown", "/api/v1/traps"


class TrapBook:
    """Records traps as the writer does."""

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

    def add(self, packet: bytes, *, ago: dt.timedelta = dt.timedelta(), count: int = 1) -> int:
        self.made += 1
        at_ms = int((utc_now() - ago).timestamp() * 1000)
        entry = make_entry(
            f"t-{self.made}", at_ms, "192.0.2.7", None, self.device_id, decode(packet)
        )
        entry.count = count
        with transaction(self.sessions, SYSTEM) as session:
            record(session, Spooled([entry], [], []), (read_mappings(session), shipped_meanings()))
            return session.scalars(select(Trap.id).where(Trap.uid == entry.uid)).one()

    def read(self, trap_id: int) -> Any:
        with transaction(self.sessions, SYSTEM) as session:
            return session.execute(
                select(Trap.alarm_class, Trap.severity, Trap.rule).where(Trap.id == trap_id)
            ).one()


@pytest.fixture
def book(sessions: SessionFactory) -> TrapBook:
    return TrapBook(sessions)


def read(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def post(client: FlaskClient, path: str, page: str, **fields: str) -> int:
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    return client.post(path, data={"csrf_token": token, **fields}).status_code


def test_the_list_says_what_came_and_narrows(noc: FlaskClient, book: TrapBook) -> None:
    book.add(v2c(), count=12)
    book.add(v1(specific=7))
    book.add(v2c(OWN), ago=dt.timedelta(days=20))
    page = read(noc, LIST)
    assert "A port has lost its link" in page
    assert "IF-MIB::linkDown" in page
    assert "The battery is low and will soon be empty" in page
    assert "99999.0.7" not in page
    assert "99999.0.7" in read(noc, f"{LIST}?period=all")
    for query in (
        "oid=linkDown", "oid=1.3.6.1.6.3", "class=network", "severity=warning",
        f"device={book.device_id}&class=network", "who=edge&oid=IF-MIB::linkDown",
    ):  # fmt: skip
        narrowed = read(noc, f"{LIST}?{query}")
        assert "A port has lost its link" in narrowed, query
        assert "soon be empty" not in narrowed, query
    assert "99999.0.7" in read(noc, f"{LIST}?class=unknown&period=all")
    wrong = read(noc, f"{LIST}?oid=nothing-like-it&who=<b>")
    assert "neither an OID nor the name" in wrong
    assert "No trap fits" in wrong


def test_what_a_trap_said_stays_text(noc: FlaskClient, book: TrapBook) -> None:
    binds = (
        VarBind((1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, 3), ber.octet_string(HOSTILE.encode())),
        VarBind((1, 3, 6, 1, 2, 1, 2, 2, 1, 8, 3), ber.integer(2)),
        VarBind((1, 3, 6, 1, 4, 1, 9, 1), ber.octet_string(b"\x00\xff\x01")),
        VarBind((1, 3, 6, 1, 4, 1, 9, 2), ber.octet_string("一号机房\u202e".encode())),
    )
    trap_id = book.add(v1(binds=binds, address=bytes((10, 9, 8, 7))))
    page = read(noc, f"{LIST}/{trap_id}")
    assert "<script>alert(" not in page
    assert "&lt;script&gt;" in page
    assert "IF-MIB::ifAlias.3" in page
    assert "down(2)" in page
    assert "00 FF 01" in page
    assert "一号机房" in page
    assert "\u202e" not in page
    assert "it calls itself 10.9.8.7" in page
    assert "unsigned" in page
    read(noc, f"{LIST}/987654321", 404)


def test_an_unknown_trap_is_mapped_and_those_kept_follow(
    noc: FlaskClient, book: TrapBook, sessions: SessionFactory
) -> None:
    first, other = book.add(v2c(OWN), count=5), book.add(v2c((*OWN, 1)))
    page = read(noc, UNKNOWN)
    assert page.index("1.3.6.1.4.1.99999.0.7") < page.index("1.3.6.1.4.1.99999.0.7.1")
    link = "/staff/trap-mappings/new?oid=1.3.6.1.4.1.99999.0.7"
    assert f'href="{link}"' in page
    form = read(noc, link)
    assert 'value="1.3.6.1.4.1.99999.0.7"' in form
    said = {"oid": ".1.3.6.1.4.1.99999.0.7", "alarm_class": "power", "severity": "critical",
            "meaning": "断路器跳闸", "meaning_en": "A breaker has tripped"}  # fmt: skip
    assert post(noc, "/staff/trap-mappings/new", form, **said) in (302, 303)
    with transaction(sessions, SYSTEM) as session:
        mapping = session.scalars(select(TrapMapping)).one()
        assert mapping.oid == "1.3.6.1.4.1.99999.0.7"
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "trap_mapping.create")
        ).one()
        assert entry.subject == f"trap-mapping/{mapping.id}"
        mapping_id = mapping.id
    assert tuple(book.read(first)) == ("power", "critical", f"mapping {mapping_id}")
    assert tuple(book.read(other)) == ("", "", "")
    assert tuple(book.read(book.add(v2c(OWN, 3)))) == ("power", "critical", f"mapping {mapping_id}")
    assert "A breaker has tripped" in read(noc, LIST)
    assert f"/staff/trap-mappings/{mapping_id}" in read(noc, f"{LIST}/{first}")
    # Now for all below it, and then no more.
    with transaction(sessions, SYSTEM) as session:
        change = {"below": True, "meaning": ""}
        change_record(session, SYSTEM, TRAP_MAPPING, mapping_id, change)
    assert book.read(other).severity == "critical"
    with transaction(sessions, SYSTEM) as session:
        delete_record(session, SYSTEM, TRAP_MAPPING, mapping_id)
    assert tuple(book.read(first)) == tuple(book.read(other)) == ("", "", "")


def test_an_operators_word_goes_before_the_familys_and_gives_it_back(
    noc: FlaskClient, book: TrapBook
) -> None:
    trap_id = book.add(v2c(LINK_DOWN))
    assert book.read(trap_id).rule == "profile generic"
    api = {"oid": "1.3.6.1.6.3.1.1.5.3", "alarm_class": "network", "severity": "critical"}
    made = noc.post("/staff/trap-mappings/new", data=api)
    assert made.status_code == 400  # no token
    page = read(noc, "/staff/trap-mappings/new")
    assert post(noc, "/staff/trap-mappings/new", page, **api) in (302, 303)
    assert book.read(trap_id).severity == "critical"
    again = noc.get("/staff/trap-mappings/new").get_data(as_text=True)
    token = again.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    answer = noc.post("/staff/trap-mappings/new", data={"csrf_token": token, **api})
    assert answer.status_code in (409, 422)
    assert "said already" in answer.get_data(as_text=True)
    for wrong in ("linkDown", "1.3.x", "9.9.9", ""):
        answer = noc.post(
            "/staff/trap-mappings/new", data={"csrf_token": token, **api, "oid": wrong}
        )
        assert answer.status_code in (400, 422), wrong


def test_drops_are_told_by_reason(noc: FlaskClient, book: TrapBook) -> None:
    with transaction(book.sessions, SYSTEM) as session:
        drops: Counts[tuple[int | None, str]] = Counts(
            {(None, "unknown_source"): 1_234, (None, "replayed"): 2, (None, "newer"): 1}
        )
        record_drops(session, TrapDrop, drops, utc_now())
        record_drops(session, TrapDrop, drops, utc_now())
    page = read(noc, LIST)
    assert "Unknown address" in page
    assert "2,468" in page
    assert "Heard before" in page
    assert "newer" in page


def test_a_replaced_devices_engine_is_forgotten_by_a_person(
    noc: FlaskClient, book: TrapBook, app: Flask, make_login: MakeLogin
) -> None:
    trap_id = book.add(v2c())
    with transaction(book.sessions, SYSTEM) as session:
        record(session, Spooled([], [], [EngineNote("192.0.2.7", "80aa", 1, 2, 3)]), ())
        session.execute(text("UPDATE trap SET version = '3'"))
    page = read(noc, f"{LIST}/{trap_id}")
    assert "80aa" in page
    reader = app.test_client()
    sign_in(reader, make_login("auditor"))
    assert "forget-engine" not in read(reader, f"{LIST}/{trap_id}")
    assert post(reader, f"{LIST}/{trap_id}/forget-engine", read(reader, LIST)) == 403
    assert post(noc, f"{LIST}/{trap_id}/forget-engine", page) in (302, 303)
    with transaction(book.sessions, SYSTEM) as session:
        assert session.scalar(text("SELECT count(*) FROM trap_engine")) == 0
        assert session.scalars(
            select(AuditEntry).where(AuditEntry.action == "trap-engine.forget")
        ).one()
    assert post(noc, f"{LIST}/{trap_id}/forget-engine", page) == 404


@pytest.mark.parametrize("path", [f"{LIST}?period=all", UNKNOWN, f"{API}?size=50"])
def test_lists_cost_the_same_for_one_row_and_for_many(
    noc: FlaskClient, book: TrapBook, sessions: SessionFactory, path: str
) -> None:
    book.add(v2c(OWN))
    read(noc, path)
    with Counter(sessions.kw["bind"]) as one:
        read(noc, path)
    for number in range(30):
        book.add(v2c((*OWN, number), number))
    with Counter(sessions.kw["bind"]) as many:
        read(noc, path)
    assert many.count == one.count <= 16


def test_the_api_lists_and_shows(noc: FlaskClient, book: TrapBook) -> None:
    trap_id = book.add(v2c(number=9))
    book.add(v2c(OWN))
    page = noc.get(f"{API}?oid=1.3.6.1.6&since=2026-01-01T00:00:00Z").get_json()
    assert page["total"] == 1
    assert page["items"][0]["alarm_class"] == "network"
    shown = noc.get(f"{API}/{trap_id}").get_json()
    assert shown["trap"]["device_name"] == "EDGE-SWITCH"
    bind = write_varbind(VarBind((1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 9), ber.integer(9)))
    assert shown["varbinds"] == [dict(zip(("oid", "tag", "text"), bind, strict=True))]
    assert noc.get(f"{API}/unknown").get_json()["items"][0]["oid"] == "1.3.6.1.4.1.99999.0.7"
    assert noc.get(f"{API}?oid=x").status_code == 422
    assert noc.get(f"{API}?alarm_class=money").status_code == 422
    assert noc.get(f"{API}/987654321").status_code == 404


def test_old_traps_are_deleted(book: TrapBook, settings: Settings) -> None:
    chimes = {chime.name: chime for chime in make_chimes(settings, "postgresql://x/y")}
    assert "prune-traps" in chimes
    book.add(v2c(), ago=dt.timedelta(days=91))
    kept = book.add(v2c())
    with transaction(book.sessions, SYSTEM) as session:
        assert prune_traps(session, 90) == 1
        assert session.scalars(select(Trap.id)).all() == [kept]
