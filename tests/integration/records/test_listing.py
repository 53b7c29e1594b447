"""Lists: what a URL may ask, what comes back, and what it costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.errors import ConflictError, NotFoundError
from dcim.inventory.models import Site
from dcim.paging import Paging
from dcim.records.listing import list_records, read_wish
from dcim.records.titles import find_by_key, find_paths, resolve_paths
from dcim.records.views import choose_columns, delete_view, find_columns, list_views, save_view
from dcim.records.writing import create_record
from tests.integration.records.kinds import DEVICE_TYPE, ROOM, ROW, SITE

STAFF = Scope.staff("li@dc.example")


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def rooms(session: ScopedSession) -> list[int]:
    """R1 to R6 in two sites."""
    made = []
    for code, name in (("SH1", "上海"), ("BJ1", "北京")):
        site = create_record(session, STAFF, SITE, {"code": code, "name": name, "address": code})
        for n in (1, 2, 3):
            values = {"site_id": site.id, "code": f"R{n}", "name": f"{name}{n}"}
            made.append(create_record(session, STAFF, ROOM, values).id)
    return made


def codes(session: Session, query: str) -> list[str]:
    pairs = [tuple(part.split("=", 1)) for part in query.split("&") if part]
    wish = read_wish(ROOM, pairs)  # type: ignore[arg-type]
    assert not wish.problems, wish.problems
    found = list_records(session, STAFF, ROOM, wish)
    assert found.total == len(found.items)
    return [f"{one.titles['site_id']}/{one['code']}" for one in found.items]


def test_filters_and_order(session: ScopedSession, rooms: list[int]) -> None:
    everything = ["BJ1/R1", "BJ1/R2", "BJ1/R3", "SH1/R1", "SH1/R2", "SH1/R3"]
    assert codes(session, "") == everything
    assert codes(session, "sort=-code,site_id&q=R3") == ["BJ1/R3", "SH1/R3"]
    assert codes(session, "code=R1&code=R2&name__contains=上") == ["SH1/R1", "SH1/R2"]
    assert codes(session, "code__not=R1&code__not=R2") == ["BJ1/R3", "SH1/R3"]
    site = find_by_key(session, STAFF, SITE, [("SH1",)])["SH1",]
    assert codes(session, f"site_id={site}&name_en__empty=yes") == ["SH1/R1", "SH1/R2", "SH1/R3"]
    assert codes(session, "name_en__empty=no") == []
    # A pattern is taken literally.
    assert codes(session, "q=%") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("colour=red", "There is nothing of this name to filter by."),
        ("code__like=x", "Not one of the choices"),
        ("site_id=SH1", "The number of a record"),
        ("code__from=R1", "no order"),
        ("code=a\0b", "Control characters"),
    ],
)
def test_what_makes_no_sense_is_said(query: str, said: str) -> None:
    name, value = query.split("=", 1)
    wish = read_wish(ROOM, [(name, value)])
    assert wish.filters == ()
    assert said in str(wish.problems[name])


def test_a_list_costs_the_same_for_any_length(session: ScopedSession, rooms: list[int]) -> None:
    costs = []
    for size in (1, 6):
        with counted(session) as statements:
            list_records(session, STAFF, ROOM, paging=Paging(1, size))
        costs.append(len(statements))
    assert costs == [3, 3]


def test_customers_see_neither_staffs_records_nor_internal_fields(
    session: ScopedSession, rooms: list[int]
) -> None:
    customer = Scope.customer("c@c.example", 1)
    assert list_records(session, customer, ROOM).total == 0
    wish = read_wish(SITE, [("address", "SH1"), ("sort", "address")], internal=False)
    assert wish.filters == ()
    assert wish.sort == ()
    assert "address" in wish.problems


def test_nobody_finds_by_what_he_is_not_shown(session: ScopedSession, rooms: list[int]) -> None:
    customer = Scope.customer("c@c.example", 1)
    open_room = replace(ROOM, reach=lambda scope: None)
    site = find_by_key(session, STAFF, SITE, [("SH1",)])["SH1",]
    by_site = read_wish(ROOM, [("site_id", str(site))])
    assert list_records(session, STAFF, open_room, by_site).total == 3
    shown = list_records(session, customer, open_room)
    assert {one["site_id"] for one in shown.items} == {None}
    assert list_records(session, customer, open_room, by_site).total == 0
    without = read_wish(ROOM, [("site_id__empty", "yes")])
    assert list_records(session, customer, open_room, without).total == 6
    # Nor by the words of a field that is staff's own.
    fields = tuple(
        replace(one, internal=True) if one.name == "name_en" else one for one in SITE.fields
    )
    open_site = replace(SITE, reach=lambda scope: None, fields=fields)
    session.execute(update(Site).values(name_en="back door"))
    wish = read_wish(open_site, [("q", "back door")])
    assert list_records(session, STAFF, open_site, wish).total == 2
    assert list_records(session, customer, open_site, wish).total == 0


def test_paths_name_records_and_find_them(session: ScopedSession, rooms: list[int]) -> None:
    row = create_record(session, STAFF, ROW, {"room_id": rooms[0], "code": "A", "position": 1})
    assert find_paths(session, STAFF, ROW, [row.id]) == {row.id: "SH1/R1/A"}
    found = resolve_paths(session, STAFF, ROOM, ["SH1/R1", "r1", "sh1 / R2", "R9", "XX/R1", ""])
    assert found == {
        "SH1/R1": [rooms[0]],
        "r1": [rooms[0], rooms[3]],
        "sh1 / R2": [rooms[1]],
        "R9": [],
        "XX/R1": [],
    }


def test_heights_are_read_in_units() -> None:
    wish = read_wish(DEVICE_TYPE, [("height__from", "1.5"), ("full_depth", "是")])
    assert [(one.name, one.values) for one in wish.filters] == [
        ("height__from", (3,)),
        ("full_depth", (True,)),
    ]


def make_user(session: Session, email: str) -> int:
    user = User(email=email, name=email, password="-", fs_uniquifier=email)
    session.add(user)
    session.flush()
    return user.id


def test_views_are_ones_own_unless_shared(session: ScopedSession) -> None:
    mine, theirs = make_user(session, "a@dc.example"), make_user(session, "b@dc.example")
    save_view(session, mine, ROOM, "一号", "code=R1")
    save_view(session, mine, ROOM, "一号", "code=R2")
    shared = save_view(session, theirs, ROOM, "all", "", shared=True)
    save_view(session, theirs, ROOM, "secret", "")
    assert [(one.name, one.query) for one in list_views(session, mine, ROOM)] == [
        ("all", ""),
        ("一号", "code=R2"),
    ]
    with pytest.raises(NotFoundError):
        delete_view(session, mine, shared.id)
    for number in range(99):
        save_view(session, mine, ROOM, str(number), "")
    with pytest.raises(ConflictError, match="At most 100"):
        save_view(session, mine, ROOM, "one too many", "")


def test_columns_are_remembered(session: ScopedSession) -> None:
    user = make_user(session, "a@dc.example")
    assert find_columns(session, user, ROOM) == ["site_id", "code", "name", "name_en"]
    choose_columns(session, user, ROOM, ["name", "nonsense", "code", "name"])
    choose_columns(session, user, ROOM, ["name", "code"])
    assert find_columns(session, user, ROOM) == ["name", "code"]
    choose_columns(session, user, ROOM, [])
    assert find_columns(session, user, ROOM)[0] == "site_id"
