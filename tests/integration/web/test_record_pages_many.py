"""Many records at once: changed, deleted, brought back, written to sheets."""

import csv
import io
import re
from collections.abc import Callable

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from dcim.accounts.models import AuditEntry
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import DeviceType, Site
from dcim.records.models import DeletedRecord
from dcim.records.writing import change_record, create_record
from tests.integration.records.kinds import DEVICE_TYPE, ROOM, SITE
from tests.integration.web.conftest import Login
from tests.integration.web.lending import lend_app
from tests.integration.web.record_pages import STAFF, Browser, make_app, said

MakeLogin = Callable[..., Login]
BULK = "/staff/device-types/bulk"


@pytest.fixture
def app(settings: Settings, sessions: SessionFactory) -> Flask:
    return lend_app(make_app, settings, sessions)


@pytest.fixture
def staff(app: Flask, make_login: MakeLogin) -> Browser:
    return Browser(app, make_login("administrator"))


@pytest.fixture
def types(sessions: SessionFactory) -> list[int]:
    with transaction(sessions, STAFF) as session:
        return [
            create_record(
                session, STAFF, DEVICE_TYPE,
                {"manufacturer": "Maker", "model": f"M{n}", "height": 2, "weight_g": 1000},
            ).id
            for n in range(4)
        ]  # fmt: skip


def weights(sessions: SessionFactory) -> list[int]:
    with transaction(sessions, STAFF) as session:
        return list(session.scalars(select(DeviceType.weight_g).order_by(DeviceType.model)))


def seen_of(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found
    return found[1]


def test_a_change_of_many_is_shown_before_it_is_made(
    staff: Browser, sessions: SessionFactory, types: list[int]
) -> None:
    chosen = {"ids": ",".join(str(one) for one in types[:3])}
    page = staff.post(BULK, {**chosen, "deed": "edit"}).get_data(as_text=True)
    # Not offered: what tells one record from another is offered, what is fixed is not.
    assert 'name="weight_g"' in page
    change = {**chosen, "weight_g": "2000", "rated_w": ""}
    answer = staff.post(BULK, {**change, "deed": "diff"})
    assert answer.status_code == 200
    assert said(answer).count("1000 g 2000 g") == 3
    assert weights(sessions) == [1000] * 4
    seen = seen_of(answer.get_data(as_text=True))
    answer = staff.post(BULK, {**change, "deed": "apply", "seen": seen})
    assert answer.status_code == 303
    assert weights(sessions) == [2000, 2000, 2000, 1000]
    # The same again: nothing would change.
    assert "Nothing would change" in said(staff.post(BULK, {**change, "deed": "diff"}))


def test_what_refuses_is_named_and_nothing_is_done(
    staff: Browser, sessions: SessionFactory, types: list[int]
) -> None:
    change = {"ids": ",".join(map(str, types)), "weight_g": "2001"}
    page = staff.post(BULK, {**change, "deed": "diff"}).get_data(as_text=True)
    answer = staff.post(BULK, {**change, "deed": "apply", "seen": seen_of(page)})
    assert answer.status_code == 422
    assert "Nothing was changed: 4 of 4 records refuse." in said(answer)
    assert "Maker/M0" in said(answer)
    assert 'name="weight_g" value="2001"' in answer.get_data(as_text=True)
    assert weights(sessions) == [1000] * 4


def test_what_someone_else_changed_is_shown_again(
    staff: Browser, sessions: SessionFactory, types: list[int]
) -> None:
    change = {"ids": ",".join(map(str, types)), "weight_g": "2000"}
    page = staff.post(BULK, {**change, "deed": "diff"}).get_data(as_text=True)
    with transaction(sessions, STAFF) as session:
        change_record(session, STAFF, DEVICE_TYPE, types[0], {"weight_g": 1500})
    answer = staff.post(BULK, {**change, "deed": "apply", "seen": seen_of(page)})
    assert answer.status_code == 412
    assert "Someone changed one of these" in said(answer)
    assert weights(sessions) == [1500, 1000, 1000, 1000]


def test_blank_is_unchanged_and_nothing_is_said_in_so_many_words(
    staff: Browser, sessions: SessionFactory
) -> None:
    with transaction(sessions, STAFF) as session:
        sites = [
            create_record(session, STAFF, SITE, {"code": f"S{n}", "name": "x", "name_en": "X"}).id
            for n in range(2)
        ]
    chosen = {"ids": ",".join(map(str, sites))}
    answer = staff.post("/staff/sites/bulk", {**chosen, "name_en": "", "deed": "diff"})
    assert answer.status_code == 422
    assert "Nothing is to be changed" in said(answer)
    answer = staff.post("/staff/sites/bulk", {**chosen, "name__nothing": "yes", "deed": "diff"})
    assert answer.status_code == 422
    assert "This is needed." in said(answer)
    change = {**chosen, "name_en__nothing": "yes"}
    page = staff.post("/staff/sites/bulk", {**change, "deed": "diff"}).get_data(as_text=True)
    staff.post("/staff/sites/bulk", {**change, "deed": "apply", "seen": seen_of(page)})
    with transaction(sessions, STAFF) as session:
        assert set(session.scalars(select(Site.name_en))) == {""}


def test_all_that_fit_are_those_of_the_filters(
    staff: Browser, sessions: SessionFactory, types: list[int]
) -> None:
    change = {"all": "1", "query": "model=M1&model=M2&page=9", "weight_g": "3000"}
    page = staff.post(BULK, {**change, "deed": "diff"}).get_data(as_text=True)
    staff.post(BULK, {**change, "deed": "apply", "seen": seen_of(page)})
    assert weights(sessions) == [1000, 3000, 3000, 1000]
    # A filter nobody understands would have meant everything.
    answer = staff.post(BULK, {"all": "1", "query": "colour=red", "deed": "remove"})
    assert answer.status_code == 303
    assert len(weights(sessions)) == 4
    for odd in ({}, {"ids": "x,-1,99999999999999999999"}, {"ids": "987654321"}):
        assert staff.post(BULK, {**odd, "deed": "remove"}).status_code == 303
    assert len(weights(sessions)) == 4


def test_no_more_than_a_thousand_at_once(staff: Browser, sessions: SessionFactory) -> None:
    with transaction(sessions, STAFF) as session:
        session.add_all(
            DeviceType(manufacturer="Maker", model=f"M{n}", height=2) for n in range(1001)
        )
    staff.post(BULK, {"all": "1", "query": "", "deed": "edit"})
    assert "At most 1000 records at once." in said(staff.get("/staff/device-types?view=0"))
    answer = staff.post(BULK, {"all": "1", "query": "model__not=M7", "deed": "edit"})
    assert answer.status_code == 200


def test_many_are_deleted_or_none(
    staff: Browser, sessions: SessionFactory, types: list[int]
) -> None:
    with transaction(sessions, STAFF) as session:
        sites = [
            create_record(session, STAFF, SITE, {"code": f"S{n}", "name": "x"}).id for n in (1, 2)
        ]
        create_record(session, STAFF, ROOM, {"site_id": sites[0], "code": "R", "name": "x"})
    chosen = {"ids": ",".join(map(str, sites))}
    page = staff.post("/staff/sites/bulk", {**chosen, "deed": "delete"})
    assert "S1" in said(page)
    answer = staff.post("/staff/sites/bulk", {**chosen, "deed": "remove"})
    assert answer.status_code == 422
    assert "S1 : Still in use by: 1 × Rooms." in said(answer)
    with transaction(sessions, STAFF) as session:
        assert len(session.scalars(select(Site)).all()) == 2
    chosen = {"ids": ",".join(map(str, types))}
    assert staff.post(BULK, {**chosen, "deed": "remove"}).status_code == 303
    assert weights(sessions) == []


def test_a_record_is_deleted_and_brought_back(
    app: Flask, staff: Browser, make_login: MakeLogin, sessions: SessionFactory
) -> None:
    with transaction(sessions, STAFF) as session:
        site = create_record(session, STAFF, SITE, {"code": "SH1", "name": "x"}).id
        room = create_record(session, STAFF, ROOM, {"site_id": site, "code": "R", "name": "x"}).id
    page = staff.get(f"/staff/sites/{site}/delete")
    assert f'href="/staff/rooms?site_id={site}"' in page
    answer = staff.post(f"/staff/sites/{site}/delete")
    assert answer.status_code == 409
    assert "Still in use by: 1 × Rooms." in said(answer)
    assert staff.post(f"/staff/rooms/{room}/delete", {"version": "stale"}).status_code == 412
    answer = staff.post(f"/staff/rooms/{room}/delete")
    assert answer.status_code == 303
    page = staff.get(answer.location)
    undo = re.search(r'action="(/staff/deleted/\d+/restore)"', page)
    assert undo
    assert "SH1/R" in said(staff.get("/staff/deleted"))
    # Who may only look sees what was deleted, and can't bring it back.
    noc = Browser(app, make_login("noc"))
    assert "restore" not in noc.get("/staff/deleted")
    assert noc.post(undo[1]).status_code == 403
    assert staff.client.get(f"/staff/rooms/{room}").status_code == 404
    assert staff.post(undo[1]).location == f"/staff/rooms/{room}"
    assert staff.post(undo[1]).status_code == 404


def test_a_place_taken_meanwhile_is_told(staff: Browser, sessions: SessionFactory) -> None:
    staff.create("/staff/sites", code="SH1", name="x")
    staff.post("/staff/sites/1/delete")
    staff.create("/staff/sites", code="SH1", name="y")
    with transaction(sessions, STAFF) as session:
        kept = session.scalars(select(DeletedRecord.id)).one()
    assert staff.post(f"/staff/deleted/{kept}/restore").status_code == 303
    assert "SH1 can't come back" in said(staff.get("/staff/deleted"))


def download(answer: TestResponse) -> bytes:
    assert answer.status_code == 200
    content = answer.get_data()
    answer.close()
    return content


def read_csv(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_exports_are_whole_harmless_and_audited(staff: Browser, sessions: SessionFactory) -> None:
    with transaction(sessions, STAFF) as session:
        site = create_record(
            session, STAFF, SITE, {"code": "SH1", "name": '=HYPERLINK("http://x")'}
        ).id
        for n, name in enumerate(("-5", "+x", "@a", "机房,一", '"q"')):
            create_record(session, STAFF, ROOM, {"site_id": site, "code": f"R{n}", "name": name})
    assert read_csv(download(staff.client.get("/staff/rooms/export?format=csv&sort=code"))) == [
        ["Site", "Code", "Name", "English name"],
        ["SH1", "R0", "-5", ""],
        ["SH1", "R1", "'+x", ""],
        ["SH1", "R2", "'@a", ""],
        ["SH1", "R3", "机房,一", ""],
        ["SH1", "R4", '"q"', ""],
    ]
    answer = staff.client.get("/staff/rooms/export?format=csv&code=R1&columns=name")
    assert read_csv(download(answer)) == [["Name"], ["'+x"]]
    answer = staff.post("/staff/sites/export", {"format": "xlsx", "id": str(site)})
    book = openpyxl.load_workbook(io.BytesIO(download(answer)))
    cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert cells[1][:2] == ["SH1", '\'=HYPERLINK("http://x")']
    with transaction(sessions, STAFF) as session:
        noted = session.scalars(
            select(AuditEntry).where(AuditEntry.action.like("%.export")).order_by(AuditEntry.id)
        ).all()
        assert [(one.action, one.detail["count"]) for one in noted] == [
            ("room.export", 5), ("room.export", 1), ("site.export", 1)
        ]  # fmt: skip
        assert noted[1].detail["filters"] == [["code", ["R1"]]]
    assert staff.client.get("/staff/rooms/export?colour=red").status_code == 422
    assert staff.post("/staff/rooms/export", {"format": "csv"}).status_code == 422


def test_numbers_stay_numbers_and_long_lists_are_whole(
    staff: Browser, sessions: SessionFactory
) -> None:
    with transaction(sessions, STAFF) as session:
        session.add_all(
            DeviceType(manufacturer="Maker", model=f"M{n:04}", height=3, weight_g=n)
            for n in range(2345)
        )
    answer = staff.client.get("/staff/device-types/export?format=xlsx&fields=all")
    sheet = openpyxl.load_workbook(io.BytesIO(download(answer))).active
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == 2346
    assert rows[7][:4] == ("Maker", "M0006", 1.5, "yes")
    assert rows[7][5] == 6
