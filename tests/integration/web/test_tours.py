"""Kept boards on a wall, one after another: which are offered, whose turn it is, where it leads."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from dcim.db import ScopedSession, SessionFactory
from dcim.records.models import SavedView
from dcim.web.noc import blueprint, tours
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
EPOCH = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)


@pytest.fixture
def house(session: ScopedSession) -> House:
    made = House(session)
    made.add_tenant("A", 2)
    return made


def keep(session: Session, person: Login, kind: str, query: str, **more: object) -> int:
    view = SavedView(user_id=person.user_id, kind=kind, name=f"{kind} {HOSTILE}", query=query)
    for name, value in more.items():
        setattr(view, name, value)
    session.add(view)
    session.commit()
    return view.id


def stand_at(monkeypatch: pytest.MonkeyPatch, second: float) -> None:
    for module in (tours, blueprint):
        monkeypatch.setattr(module, "utc_now", lambda: EPOCH + dt.timedelta(seconds=second))


@pytest.fixture
def watcher(make_login: MakeLogin) -> Login:
    return make_login("noc")


@pytest.fixture
def client(app: Flask, watcher: Login) -> FlaskClient:
    client = app.test_client()
    sign_in(client, watcher)
    return client


def test_ones_own_boards_and_those_of_all_are_offered(
    client: FlaskClient, watcher: Login, make_login: MakeLogin, house: House
) -> None:
    other = make_login("staff")
    mine = keep(house.session, watcher, "port_board", "sort=-share&group=site")
    theirs = keep(house.session, other, "power_board", "of=derated", shared=True)
    hidden = keep(house.session, other, "pue_board", "window=30d", name="nobody's business")
    elsewhere = keep(house.session, watcher, "device", "q=x", name="a list of devices")
    money = keep(house.session, watcher, "credit_board", "show=open", name="has no wall")
    page = client.get("/noc/walls").get_data(as_text=True)
    for number in ("wall", "overview", mine, theirs):
        assert f'name="show" value="{number}"' in page
    for number in (hidden, elsewhere, money):
        assert f'name="show" value="{number}"' not in page
    assert HOSTILE not in page
    assert 'href="/noc/?sort=-share&amp;group=site"' in page
    # What only oneself sees is no default of a wall that all see.
    box = page.split(f'value="{mine}"', 1)[1].split(">", 1)[0]
    assert "checked" not in box
    assert "checked" in page.split(f'value="{theirs}"', 1)[1].split(">", 1)[0]
    # An address that is chosen already comes back as it was.
    again = client.get(f"/noc/walls?tour=120-{mine}").get_data(as_text=True)
    assert "checked" in again.split(f'value="{mine}"', 1)[1].split(">", 1)[0]
    assert "checked" not in again.split('value="wall"', 1)[1].split(">", 1)[0]
    assert '<option value="120" selected>' in again


def test_each_has_its_turn(
    client: FlaskClient, watcher: Login, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = keep(house.session, watcher, "port_board", "q=OPERATOR&sort=-share")
    power = keep(house.session, watcher, "power_board", "")
    ticked = f"/noc/walls/next?show=wall&show={ports}&show={power}&stay=40"
    stand_at(monkeypatch, 0)
    tour = f"tour=40-wall-{ports}-{power}"
    expected = [
        f"/noc/wall?wall=1&{tour}",
        f"/noc/?q=OPERATOR&sort=-share&wall=1&{tour}",
        f"/noc/power?wall=1&{tour}",
    ]
    first = int(EPOCH.timestamp()) // 40
    seen = []
    for turn in range(3):
        stand_at(monkeypatch, turn * 40 + 1)
        answer = client.get(ticked)
        assert answer.status_code == 303
        seen.append(answer.location)
        assert expected.index(answer.location) == (first + turn) % 3
        page = client.get(answer.location)
        assert page.status_code == 200
        text = page.get_data(as_text=True)
        # It goes on by itself, when this board's time is over.
        assert f'data-tour="/noc/walls/next?{tour}" data-tour-stays="39.0"' in text
        assert client.head(f"/noc/walls/next?{tour}").location == answer.location
        # The part that fetches itself anew stays within the tour.
        assert tour in text.split("hx-get=", 1)[1].split(">", 1)[0]
    assert sorted(seen) == sorted(expected)


def test_without_a_tour_a_wall_stays_where_it_is(client: FlaskClient, house: House) -> None:
    for path in ("/noc/wall", "/noc/?wall=1", "/noc/wall?tour=nonsense", "/noc/?tour=40-wall"):
        assert "data-tour" not in client.get(path).get_data(as_text=True)


def test_a_board_that_is_gone_is_passed_over(
    client: FlaskClient, watcher: Login, make_login: MakeLogin, house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    theirs = keep(house.session, make_login("staff"), "port_board", "")
    for second in (0, 20, 40, 60):
        stand_at(monkeypatch, second)
        answer = client.get(f"/noc/walls/next?tour=20-{theirs}-overview-4711")
        assert answer.location == f"/noc/overview?wall=1&tour=20-{theirs}-overview-4711"
    answer = client.get(f"/noc/walls/next?tour=20-{theirs}", follow_redirects=True)
    assert "None of these boards is there any more." in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "query",
    ["", "stay=40", "show=wall", "show=wall&stay=41", "show=%00&stay=40", "show=a-b&stay=40",
     "tour=40-//elsewhere.example", "show=//elsewhere.example&stay=40",
     "stay=40&" + "&".join(f"show={n + 1}" for n in range(40))],
)  # fmt: skip
def test_what_is_no_choice_is_told_so(client: FlaskClient, house: House, query: str) -> None:
    answer = client.get(f"/noc/walls/next?{query}")
    assert (answer.status_code, answer.location) == (303, "/noc/walls")
    back = client.get("/noc/walls")
    page = back.get_data(as_text=True)
    assert back.status_code == 200
    assert "Tick at least one board, and at most 30." in page


def test_the_choice_costs_the_same_however_many_are_kept(
    client: FlaskClient, watcher: Login, house: House, sessions: SessionFactory
) -> None:
    engine = sessions.kw["bind"]
    counts = []
    for kept in (1, 12):
        for number in range(kept):
            keep(house.session, watcher, "port_board", "", name=f"{kept} {number}")
        client.get("/noc/walls")
        with Counter(engine) as counter:
            client.get("/noc/walls")
        counts.append(counter.count)
    assert counts[0] == counts[1]
