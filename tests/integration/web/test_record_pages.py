"""The pages that every kind of record has: lists, forms, one record, what they cost."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.http.policy import UndeclaredRouteError
from dcim.policy import POLICY
from dcim.records.listing import find_record
from dcim.records.writing import change_record, create_record
from tests.integration.records.kinds import DEVICE_TYPE, ROOM, ROW, SITE
from tests.integration.web.conftest import Login
from tests.integration.web.lending import lend_app
from tests.integration.web.record_pages import (
    CABINET,
    STAFF,
    TRIED,
    Browser,
    counted,
    make_app,
    rows_of,
    said,
)

MakeLogin = Callable[..., Login]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def app(settings: Settings, sessions: SessionFactory) -> Flask:
    return lend_app(make_app, settings, sessions)


@pytest.fixture
def staff(app: Flask, make_login: MakeLogin) -> Browser:
    return Browser(app, make_login("administrator"))


@pytest.fixture
def rooms(sessions: SessionFactory) -> list[int]:
    """R1 to R3 in SH1 and in BJ1."""
    made = []
    with transaction(sessions, STAFF) as session:
        for code, name in (("SH1", "上海"), ("BJ1", HOSTILE)):
            site = create_record(session, STAFF, SITE, {"code": code, "name": name})
            for n in (1, 2, 3):
                values = {"site_id": site.id, "code": f"R{n}", "name": f"{name}{n}"}
                made.append(create_record(session, STAFF, ROOM, values).id)
    return made


def add_types(sessions: SessionFactory, first: int, count: int) -> list[int]:
    with transaction(sessions, STAFF) as session:
        return [
            create_record(
                session, STAFF, DEVICE_TYPE,
                {"manufacturer": f"Maker {n % 3}", "model": f"M{n:03}", "height": 2,
                 "weight_g": 1000 * n, "full_depth": n % 2 == 0},
            ).id
            for n in range(first, first + count)
        ]  # fmt: skip


def test_a_route_without_its_policy_stops_the_start(
    settings: Settings, sessions: SessionFactory
) -> None:
    from dcim.app import create_app

    with pytest.raises(UndeclaredRouteError, match=r"staff\.list_site"):
        create_app(
            settings,
            sessions,
            kinds=TRIED,
            policy={name: one for name, one in POLICY.items() if "_site" not in name},
        )


def test_everyone_gets_what_their_rights_allow(
    app: Flask, make_login: MakeLogin, rooms: list[int]
) -> None:
    noc, finance = (Browser(app, make_login(role)) for role in ("noc", "finance"))
    page = noc.get("/staff/sites?view=0")
    assert "/staff/sites/new" not in page
    assert "formaction" in page
    assert 'value="delete"' not in page
    for path in ("/staff/sites/new", "/staff/sites/1/edit", "/staff/sites/1/delete"):
        assert noc.client.get(path).status_code == 403
    assert noc.post("/staff/sites/bulk", {"ids": "1", "deed": "remove"}).status_code == 403
    for path in ("/staff/sites", "/staff/sites/1", "/staff/sites/export", "/staff/sites/options"):
        assert finance.client.get(path).status_code == 403


def test_lists_filter_sort_and_tell_by_the_url(staff: Browser, rooms: list[int]) -> None:
    page = staff.get("/staff/rooms?sort=-code")
    assert rows_of(page) == ["R3", "R3", "R2", "R2", "R1", "R1"]
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
    page = staff.get("/staff/rooms?sort=site_id&code=R1&code=R2&name__contains=上")
    assert rows_of(page) == ["R1", "R2"]
    assert "Code: R1, R2" in said(page)
    assert "Name contains “上”" in said(page)
    # Removing one filter keeps the others.
    removal = re.search(r'href="([^"]*)" aria-label="Remove: Code', page)
    assert removal
    assert removal[1].replace("&amp;", "&").endswith("?sort=site_id&name__contains=%E4%B8%8A")
    page = staff.get("/staff/rooms?name_en__empty=no")
    assert "Nothing fits" in said(page)


def test_what_makes_no_sense_is_told_and_can_be_removed(staff: Browser, rooms: list[int]) -> None:
    page = staff.get("/staff/rooms?colour=red&code=R1")
    assert "colour: There is nothing of this name to filter by." in said(page)
    assert rows_of(page) == ["R1", "R1"]
    assert re.search(r'href="/staff/rooms\?code=R1" aria-label="Remove: colour', page)
    for odd in ("page=-1", "page=99999999999999999999", "size=7", "sort=,,-", "view=x", "q=%00",
                "site_id=x", "columns=,", "site_id__path=%00", "code__empty=perhaps"):  # fmt: skip
        assert staff.client.get(f"/staff/rooms?{odd}").status_code in {200, 303}, odd


def test_paths_are_typed_where_no_script_runs(staff: Browser, rooms: list[int]) -> None:
    answer = staff.client.get("/staff/rooms?site_id__path=sh1&code__contains=&name_en__empty=")
    assert answer.status_code == 303
    assert re.fullmatch(r"/staff/rooms\?site_id=\d+", answer.location)
    assert rows_of(staff.get(answer.location)) == ["R1", "R2", "R3"]
    page = staff.get("/staff/rooms?site_id__path=XX9")
    assert "There is nothing called XX9." in said(page)


def test_lists_cost_the_same_at_any_length(
    staff: Browser, sessions: SessionFactory, rooms: list[int]
) -> None:
    with transaction(sessions, STAFF) as session:
        create_record(session, STAFF, ROW, {"room_id": rooms[0], "code": "A", "position": 1})
    add_types(sessions, 1, 1)
    paths = [
        "/staff/rooms?code=R1",
        "/staff/rows?view=0",
        "/staff/device-types?view=0",
    ]

    def ask() -> list[int]:
        costs = []
        for path in paths:
            with counted(sessions) as seen:
                staff.get(path)
            costs.append(len(seen))
        return costs

    ask()
    few = ask()
    add_types(sessions, 2, 49)
    with transaction(sessions, STAFF) as session:
        site = create_record(session, STAFF, SITE, {"code": "GZ1", "name": "广州"})
        for n in range(50):
            values = {"site_id": site.id, "code": f"R{n}", "name": "x"}
            create_record(session, STAFF, ROOM, values)
            create_record(
                session, STAFF, ROW, {"room_id": rooms[n % 6], "code": f"Z{n}", "position": n}
            )
    assert ask() == few
    assert max(few) <= 9


def test_columns_sizes_and_views_are_remembered(staff: Browser, rooms: list[int]) -> None:
    staff.post("/staff/rooms/view", {"deed": "columns", "columns": ["name", "code"]})
    page = staff.get("/staff/rooms?view=0&size=25")
    heads = re.findall(r'<th scope="col"[^>]*><a href="[^"]*">([^<]*)', page)
    assert heads == ["Name", "Code"]
    assert 'aria-current="true">25<' in staff.get("/staff/rooms?view=0")
    answer = staff.post(
        "/staff/rooms/view",
        {"deed": "save", "name": "一号", "query": "code=R1&page=3", "standard": "on"},
    )
    assert answer.status_code == 303
    opened = staff.client.get("/staff/rooms")
    assert opened.status_code == 303
    assert "code=R1&view=" in opened.location
    assert rows_of(staff.get(opened.location)) == ["R1", "R1"]
    assert len(rows_of(staff.get("/staff/rooms?view=0"))) == 6
    number = opened.location.rsplit("=", 1)[1]
    staff.post("/staff/rooms/view", {"deed": "forget", "view": number})
    assert staff.client.get("/staff/rooms").status_code == 200
    # Another's view can't be deleted, a nameless one not saved.
    for data in ({"deed": "forget", "view": "99"}, {"deed": "save", "name": " "}, {}):
        assert staff.post("/staff/rooms/view", data).status_code == 303


def test_views_are_shared_only_when_meant(
    app: Flask, staff: Browser, make_login: MakeLogin, rooms: list[int]
) -> None:
    staff.post("/staff/rooms/view", {"deed": "save", "name": "mine", "query": "code=R1"})
    staff.post("/staff/rooms/view", {"deed": "save", "name": "ours", "query": "q=2", "shared": "1"})
    page = said(Browser(app, make_login("noc")).get("/staff/rooms?view=0"))
    assert "ours" in page
    assert "mine" not in page


def test_from_nothing_to_a_cabinet_by_the_pages_alone(staff: Browser) -> None:
    """Each empty list leads to what has to be there first; each page to what comes next."""
    page = staff.get("/staff/cabinets?view=0")
    assert "First enter: Row" in said(page)
    assert "/staff/rows/new" in page
    page = staff.get("/staff/rooms?view=0")
    assert "First enter: Site" in said(page)
    staff.create("/staff/sites", code="SH1", name="上海一号", timezone="Asia/Shanghai")
    site = staff.get("/staff/sites/1")
    assert "上海一号" in said(site)
    for plural, parent in (("rooms", "sites"), ("rows", "rooms"), ("cabinets", "rows")):
        here = f"/staff/{parent}/1" + ("" if parent == "sites" else "/record")
        page = staff.get(here)
        link = re.search(rf'href="(/staff/{plural}/new\?[^"]*)"', page)
        assert link, plural
        form = staff.get(link[1].replace("&amp;", "&"))
        known = re.search(r'name="(\w+)__known" value="([^"]*)"', form)
        text = re.search(r'name="\w+__path" value="([^"]*)"', form)
        assert known
        assert text
        typed = {
            f"{known[1]}__path": text[1], f"{known[1]}__known": known[2], "code": "A",
            "name": "一", "position": "1", "layout": "full", "width_mm": "600",
            "back": here,
        }  # fmt: skip
        answer = staff.create(f"/staff/{plural}", **typed)
        assert answer.location == here
    assert "SH1/A/A/A" in said(staff.get("/staff/cabinets/1/record"))


def test_a_page_written_by_hand_leads_to_the_record(staff: Browser, rooms: list[int]) -> None:
    page = staff.get("/staff/rooms?code=R1&site_id=1")
    assert f'<th scope="row"><a href="/staff/rooms/{rooms[0]}">' in page
    own = staff.get(f"/staff/rooms/{rooms[0]}")
    assert f'href="/staff/rooms/{rooms[0]}/record"' in own, own


def test_references_are_typed_by_their_path(staff: Browser, rooms: list[int]) -> None:
    for text, told in (
        ("XX", "There is nothing called XX."),
        ("R1", "2 are called R1; write the whole path."),
        ("", "This is needed."),
    ):
        answer = staff.post(
            "/staff/rows/new", {"room_id__path": text, "code": "A/", "position": "x"}
        )
        assert answer.status_code == 422
        # Everything wrong at once, nothing typed lost.
        assert told in said(answer)
        assert "A whole number is needed here." in said(answer)
        page = answer.get_data(as_text=True)
        assert 'value="A/"' in page
        assert 'value="x"' in page
        assert f'name="room_id__path" value="{text}"' in page
    answer = staff.create("/staff/rows", room_id__path="bj1/r1", code="A", position="1")
    assert answer.location == "/staff/rows/1"
    # What stood beside the text before it was changed no longer counts.
    stale = {"room_id__path": "SH1/R2", "room_id__known": f"{rooms[0]}|SH1/R1"}
    staff.create("/staff/rows", **stale, code="B", position="2")
    assert "SH1/R2/B" in said(staff.get("/staff/rows/2"))


def test_what_is_taken_is_told_in_the_form(staff: Browser, rooms: list[int]) -> None:
    answer = staff.post("/staff/rooms/new", {"site_id__path": "SH1", "code": "R1", "name": "neu"})
    assert answer.status_code == 409
    assert "SH1/R1 has the same Code already: R1." in said(answer)
    assert 'value="neu"' in answer.get_data(as_text=True)


def test_adding_another_keeps_the_parent(staff: Browser, rooms: list[int]) -> None:
    answer = staff.create(
        "/staff/rows", room_id=1, room_id__path="SH1/R1", code="A", position="1", another="1"
    )
    assert answer.location == f"/staff/rows/new?room_id={rooms[0]}"
    assert 'value="SH1/R1"' in staff.get(answer.location)


def test_a_copy_has_all_but_the_own_code(staff: Browser, sessions: SessionFactory) -> None:
    (one,) = add_types(sessions, 7, 1)
    page = staff.get(f"/staff/device-types/new?clone={one}")
    assert 'name="manufacturer" value="Maker 1"' in page
    assert 'name="model" value=""' in page
    assert 'name="weight_g" value="7000"' in page
    assert staff.client.get("/staff/device-types/new?clone=987654").status_code == 404


def test_a_change_made_meanwhile_shows_both_values(
    staff: Browser, sessions: SessionFactory, rooms: list[int]
) -> None:
    path = f"/staff/rooms/{rooms[0]}/edit"
    version = re.search(r'name="version" value="(\w+)"', staff.get(path))
    assert version
    with transaction(sessions, STAFF) as session:
        change_record(session, STAFF, ROOM, rooms[0], {"name": "他人所改"})
    typed = {"code": "R1", "name": "我改的", "name_en": "", "version": version[1]}
    answer = staff.post(path, typed)
    assert answer.status_code == 412
    assert "他人所改" in said(answer)
    page = answer.get_data(as_text=True)
    assert 'value="我改的"' in page
    # Saving again, having seen both, writes what was typed.
    fresh = re.search(r'name="version" value="(\w+)"', page)
    assert fresh
    answer = staff.post(path, {**typed, "version": fresh[1]})
    assert answer.status_code == 303
    with transaction(sessions, STAFF) as session:
        assert find_record(session, STAFF, ROOM, rooms[0])["name"] == "我改的"


def test_the_way_back_stays_within_the_house(staff: Browser, rooms: list[int]) -> None:
    for back, target in (
        ("/staff/sites?q=1", "/staff/sites?q=1"),
        ("//evil.example", "/staff/sites/"),
        ("https://evil.example/staff", "/staff/sites/"),
        ("\\\\evil.example", "/staff/sites/"),
        ("/staff\n/x", "/staff/sites/"),
    ):
        answer = staff.create("/staff/sites", code=f"S{abs(hash(back))}", name="x", back=back)
        assert answer.location.startswith(target), back


def test_one_record_tells_facts_relations_notes_and_history(
    staff: Browser, sessions: SessionFactory, rooms: list[int]
) -> None:
    with transaction(sessions, STAFF) as session:
        row = create_record(session, STAFF, ROW, {"room_id": rooms[0], "code": "A", "position": 1})
        change_record(session, STAFF, ROW, row.id, {"room_id": rooms[4], "position": 2})
        cabinet = create_record(
            session, STAFF, CABINET, {"row_id": row.id, "code": "A-01", "position": 1}
        )
        change_record(session, STAFF, CABINET, cabinet.id, {"layout": "halves", "width_mm": 800})
    page = staff.get(f"/staff/rows/{row.id}/record")
    assert "Room R1 → R2" in said(page)
    assert f'href="/staff/cabinets?row_id={row.id}"' in page
    page = said(staff.get(f"/staff/cabinets/{cabinet.id}/record"))
    # Choices by their words, widths with their unit.
    assert "Layout Whole cabinet → Two halves" in page
    assert "Width 600 mm → 800 mm" in page
    answer = staff.post(f"/staff/rows/{row.id}/notes", {"text": f"钥匙 {HOSTILE}"})
    assert answer.status_code == 303
    page = staff.get(f"/staff/rows/{row.id}/record")
    assert "钥匙" in page
    assert HOSTILE not in page
    answer = staff.post(f"/staff/rows/{row.id}/notes", {"text": " "})
    assert answer.status_code == 422
    assert "A note has 1 to 4000 characters." in said(answer)


def test_one_record_costs_the_same_however_much_refers_to_it(
    staff: Browser, sessions: SessionFactory, rooms: list[int]
) -> None:
    def cost() -> int:
        with counted(sessions) as seen:
            staff.get(f"/staff/rooms/{rooms[0]}/record")
        return len(seen)

    cost()
    few = cost()
    with transaction(sessions, STAFF) as session:
        for n in range(20):
            create_record(session, STAFF, ROW, {"room_id": rooms[0], "code": f"{n}", "position": n})
            change_record(session, STAFF, ROOM, rooms[0], {"name": f"x{n}"})
    assert cost() == few


def test_options_are_few_and_found_by_path(staff: Browser, rooms: list[int]) -> None:
    def options(text: str) -> list[str]:
        answer = staff.client.get("/staff/rooms/options", query_string={"q": text})
        assert answer.status_code == 200
        found = answer.get_json()
        return [one["path"] for one in found["options"]]

    assert sorted(options("r1")) == ["BJ1/R1", "SH1/R1"]
    assert options("sh1/r1") == ["SH1/R1"]
    assert len(options("")) == 6
    assert options("%") == []
    assert options("\0") == options("")


def test_search_reaches_every_kind(
    app: Flask, staff: Browser, make_login: MakeLogin, sessions: SessionFactory, rooms: list[int]
) -> None:
    add_types(sessions, 1, 30)
    answer = staff.client.get("/staff/search?q=sh1")
    assert (answer.status_code, answer.location) == (303, "/staff/sites/1")
    page = staff.get("/staff/search?q=m0")
    assert "Model: <mark>M0</mark>01" in page
    # At most twelve of a kind.
    assert page.count("<mark>M0</mark>") == 12
    with counted(sessions) as seen:
        staff.get("/staff/search?q=m0")
    assert sum("device_type" in one for one in seen) == 1
    # Only what the reader may see is found.
    finance = Browser(app, make_login("finance"))
    assert "M001" not in said(finance.get("/staff/search?q=m0"))
    assert finance.client.get("/staff/search?q=sh1").status_code == 200


def test_the_navigation_lists_the_kinds(app: Flask, staff: Browser, make_login: MakeLogin) -> None:
    page = staff.get("/staff/sites?view=0")
    nav = page.split('<nav class="nav-main"', 1)[1].split("</nav>", 1)[0]
    assert 'href="/staff/sites" aria-current="page"' in nav
    assert 'href="/staff/sites/new"' in nav
    nav = Browser(app, make_login("finance")).get("/staff/statements").split("</nav>", 1)[0]
    assert "/staff/sites" not in nav
