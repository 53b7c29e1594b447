"""The boards besides that of ports: kept under names, found and sorted, and as files."""

import csv
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from dcim.db import ScopedSession, SessionFactory
from dcim.inventory.models import Device
from dcim.network.models import Port
from dcim.records.models import SavedView
from dcim.sla.power_rounds import measure_power
from dcim.sla.traffic_rounds import measure_traffic
from tests.integration.web.boards import House
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_aggregates import NOW, Uplinks
from tests.integration.web.test_environment_board import Climate
from tests.integration.web.test_lags import Lags
from tests.integration.web.test_noc_pages import tag_of
from tests.integration.web.test_port_board import token_of
from tests.integration.web.test_power_board import PoweredHouse

MakeLogin = Callable[..., Login]
FORMULA = '=HYPERLINK("http://evil.example")'


def read_csv(client: FlaskClient, path: str) -> list[dict[str, str]]:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv"), path
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


# (board, what is asked for, what is kept of it).
KEPT = (
    (
        "/noc/aggregates",
        "by=site&sort=-p95&q=S1&top=20&page=2&wall=1&next=//x.example",
        "by=site&sort=-p95&q=S1&top=20",
    ),
    ("/noc/aggregates", "by=nonsense&top=7&sort=nonsense", "by=carrier&sort=name"),
    ("/noc/power", "of=contracted&row=x&sort=-kw&risks=all", "of=contracted&sort=-kw&risks=all"),
    ("/noc/power", "of=nonsense&risks=few", "of=derated"),
    ("/noc/environment", "state=off&q=hot&sort=-dew", "state=off&q=hot&sort=-dew"),
    ("/noc/environment", "state=burning&wall=1&q=hot", "q=hot"),
    ("/noc/pue", "window=30d&step=1", "window=30d"),
    ("/noc/pue", "window=nonsense", "window=24h"),
    ("/noc/links", "machines=1&hops=3&wall=1&device=x", "machines=1&hops=3"),
    ("/noc/credits", "show=open&manager=Li&currency=CNYX", "show=open&manager=Li&currency=CNY"),
)


def test_a_board_keeps_what_it_would_show_itself(noc: FlaskClient, session: ScopedSession) -> None:
    form = {"csrf_token": token_of(noc.get("/noc/pue").text)}
    for number, (board, asked, kept) in enumerate(KEPT):
        name = f"B{number}"
        answer = noc.post(f"{board}/boards?{asked}", data=form | {"name": name})
        assert (answer.status_code, answer.location) == (303, f"{board}?{kept}")
        assert session.scalars(select(SavedView.query).where(SavedView.name == name)).one() == kept
        # What is kept is what is open now, in whatever order it is asked for.
        turned = "&".join(reversed(kept.split("&")))
        href = f"{board}?{kept}".replace("&", "&amp;")
        assert f'<a href="{href}" aria-current="true">{name}' in noc.get(f"{board}?{turned}").text
        assert f'<a href="{href}">{name}' in noc.get(f"{board}?site=&lang=en").text


def test_boards_are_each_ones_own_and_shared(
    app: Flask, noc: FlaskClient, make_login: MakeLogin, session: ScopedSession
) -> None:
    other = app.test_client()
    sign_in(other, make_login("staff"))
    boards = {
        "/noc/aggregates": "aggregate_board", "/noc/power": "power_board",
        "/noc/environment": "environment_board", "/noc/pue": "pue_board",
        "/noc/links": "link_board", "/noc/credits": "credit_board",
    }  # fmt: skip
    for path, face in boards.items():
        form = {"csrf_token": token_of(noc.get(path).text), "name": f"N {face}"}
        noc.post(f"{path}/boards", data=form)
        assert f">N {face}" not in other.get(path).text
        noc.post(f"{path}/boards", data=form | {"shared": "1"})
        theirs = other.get(path).text
        assert f">N {face} <small>shared" in theirs
        view = session.scalars(select(SavedView).where(SavedView.kind == face)).one()
        gone = {"csrf_token": token_of(theirs), "deed": "forget", "view": str(view.id)}
        other.post(f"{path}/boards", data=gone)
        assert f">N {face}" in noc.get(path).text
        noc.post(f"{path}/boards", data=gone | {"csrf_token": form["csrf_token"]})
        assert f">N {face}" not in noc.get(path).text
        # What is kept of one board isn't offered on another; an absent place is kept by none.
        noc.post(f"{path}/boards", data=form)
        for another in {"/noc/", *boards} - {path}:
            assert f">N {face}" not in noc.get(another).text
        session.execute(delete(SavedView))
        session.commit()
        nameless = noc.post(f"{path}/boards", data=form | {"name": " "}, follow_redirects=True)
        assert "A view needs a name" in nameless.text
        absent = {"/noc/power", "/noc/environment", "/noc/pue"}
        wrong = "q=nobody" if path == "/noc/links" else "site=999999"
        if path in {*absent, "/noc/links"}:
            assert noc.post(f"{path}/boards?{wrong}", data=form).status_code == 404
    assert session.scalars(select(SavedView)).all() == []


def test_sums_as_a_file_are_the_rows_of_the_page(
    noc: FlaskClient, session: ScopedSession, sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from dcim.web.noc import aggregates

    monkeypatch.setattr(aggregates, "utc_now", lambda: NOW)
    uplinks = Uplinks(session)
    uplinks.carrier.name = FORMULA
    first, second = uplinks.add_line("L1"), uplinks.add_line("L2")
    uplinks.add_line("L3", measured=False)
    uplinks.house.add_tenant("A", 2)
    measure_traffic(sessions, NOW)
    (carrier,) = read_csv(noc, "/noc/aggregates.csv")
    assert carrier["name"] == f"'{FORMULA}"
    assert (carrier["grouping"], carrier["lines"], carrier["members"]) == ("carrier", "3", "3")
    assert (carrier["bought_bps"], carrier["unmeasured"]) == ("6000000000", "1")
    assert (carrier["in_bps"], carrier["out_bps"]) == ("80000000", "16000000")
    assert (carrier["in_p95_bps"], carrier["p95_bps"]) == ("80000000", "80000000")
    assert carrier["measured_at"] == "2026-11-20T12:00:00Z"
    assert (carrier["at_100_percent_state"], carrier["at_100_percent_likely"]) == ("too_little", "")
    assert carrier["lag_state"] == carrier["space_capacity_u"] == ""
    (site,) = read_csv(noc, "/noc/aggregates.csv?by=site")
    assert (site["code"], site["space_capacity_u"]) == ("S1", "84")
    (customer,) = read_csv(noc, "/noc/aggregates.csv?by=customer")
    assert (customer["code"], customer["services"], customer["at_80_percent_state"]) == (
        "C-A", "2", "",
    )  # fmt: skip
    lines = read_csv(noc, "/noc/aggregates.csv?by=line&sort=-p95&top=10&page=2")
    assert {one["code"] for one in lines} == {"L1", "L2", "L3"}
    # What isn't known stands last, and is empty.
    assert (lines[-1]["code"], lines[-1]["p95_bps"]) == ("L3", "")
    assert {lines[0]["port_id"], lines[1]["port_id"]} == {str(first.port_id), str(second.port_id)}
    (found,) = read_csv(noc, "/noc/aggregates.csv?by=line&q=l2")
    assert found["code"] == "L2"
    assert read_csv(noc, "/noc/aggregates.csv?by=lag") == []
    # The page's own link leads there.
    assert '/noc/aggregates.csv?by=line&amp;q=l2"' in noc.get("/noc/aggregates?by=line&q=l2").text


def test_lags_as_a_file(
    noc: FlaskClient, session: ScopedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcim.web.noc import aggregates

    monkeypatch.setattr(aggregates, "utc_now", lambda: NOW)
    lags = Lags(session)
    for name, state in (("ae0", 1), ("xe-1", 1), ("xe-2", 2)):
        lags.port(name, state=state)
    lags.bundle("ae0", "xe-1", "xe-2")
    (lag,) = read_csv(noc, "/noc/aggregates.csv?by=lag")
    assert (lag["lag_state"], lag["lag_members"], lag["lag_up"]) == ("degraded", "2", "1")
    assert (lag["lag_lacking"], lag["lag_speed_bps"]) == ("xe-2", "10000000000")
    assert (lag["in_bps"], lag["capacity_bps"]) == ("40000000", "20000000000")


def test_ports_as_a_file(noc: FlaskClient, session: ScopedSession) -> None:
    house = House(session)
    house.add_tenant("A", 2)
    house.add_tenant("B", silent=True)
    for port in session.scalars(select(Port).where(Port.name == "B/0")):
        port.alias = FORMULA
    session.commit()
    rows = {one["port"]: one for one in read_csv(noc, "/noc/ports.csv?page=9")}
    assert list(rows) == ["A/0", "A/1", "B/0"]
    own = rows["A/1"]
    assert (own["customer"], own["state"], own["in_bps"], own["out_bps"]) == (
        "C-A", "up", "40000000", "8000000",
    )  # fmt: skip
    assert (own["share_of_speed"], own["commit_bps"]) == ("0.04", "100000000")
    silent = rows["B/0"]
    assert (silent["state"], silent["in_bps"], silent["errors"]) == ("unknown", "", "")
    assert silent["alias"] == f"'{FORMULA}"
    told = read_csv(noc, "/noc/ports.csv?q=c-a&sort=-port&top=10&group=customer")
    assert [one["port"] for one in told] == ["A/1", "A/0"]
    assert '/noc/ports.csv?state=up"' in noc.get("/noc/?state=up&page=2").text


def test_sums_have_tops_and_a_wall(
    noc: FlaskClient, session: ScopedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcim.web.noc import aggregates

    monkeypatch.setattr(aggregates, "utc_now", lambda: NOW)
    uplinks = Uplinks(session)
    for number in range(12):
        uplinks.add_line(f"L{number:02}", measured=False)
    page = noc.get("/noc/aggregates?by=line&top=10").text
    assert (">L09<" in page, ">L10<" in page) == (True, False)
    wall = noc.get("/noc/aggregates?by=line&wall=1").text
    assert 'class="face-noc wall"' in wall
    assert "<form" not in wall.split("<main", 1)[1]
    shown = [number for number in range(12) if f">L{number:02}<" in wall]
    assert len(shown) in (aggregates.WALL_ROWS, 12 - aggregates.WALL_ROWS)
    part = {"HX-Request": "true", "If-None-Match": tag_of(wall)}
    assert noc.get("/noc/aggregates?by=line&wall=1", headers=part).status_code == 304


def test_power_as_files(noc: FlaskClient, session: ScopedSession, sessions: SessionFactory) -> None:
    house = PoweredHouse(session)
    house.hang("A", "L1")
    house.hang("B", "L1", None)
    house.panels["A"].code = "=RPP-A"
    session.commit()
    measure_power(sessions)
    cabinets = {one["cabinet_code"]: one for one in read_csv(noc, "/noc/power/cabinets.csv")}
    own = cabinets["CANARY-A-cab"]
    assert (own["measured_w"], own["contracted_w"], own["derated_w"], own["share"]) == (
        "1840", "4000", "2944", "0.625",
    )  # fmt: skip
    # Nobody reads it: that isn't nothing.
    silent = cabinets["CANARY-B-cab"]
    assert (silent["measured_w"], silent["share"], silent["racks_unread"]) == ("", "", "1")
    (_, of_sold) = read_csv(noc, "/noc/power/cabinets.csv?of=contracted&sort=name")
    assert of_sold["share_of"] == "contracted"
    feeds = read_csv(noc, "/noc/power/feeds.csv?sort=-name")
    assert [one["code"] for one in feeds] == ["RPP-B", "'=RPP-A"]
    assert (feeds[0]["kind"], feeds[0]["has_meter"], feeds[0]["measured_w"]) == ("panel", "no", "")
    assert (feeds[0]["l1_a"], feeds[0]["l2_a"], feeds[0]["derated_a"]) == ("4", "0", "12.8")
    risks = read_csv(noc, "/noc/power/risks.csv")
    page = noc.get("/noc/power?risks=all").text
    assert len(risks) == page.count('<li><div class="row-between"><strong>')
    assert {"C-A"} == {one["customers"] for one in risks if one["name"] == "CANARY-A-cab"}
    days = read_csv(noc, "/noc/power/days.csv")
    assert [(one["site_code"], one["room_code"]) for one in days] == [("S1", ""), ("S1", "R1")]
    row_id = house.row_id
    assert len(read_csv(noc, f"/noc/power/cabinets.csv?row={row_id}")) == 2
    for name in ("cabinets", "feeds", "risks", "days"):
        assert noc.get(f"/noc/power/{name}.csv?room=999999").status_code == 404
        assert f"/noc/power/{name}.csv" in page


def test_feeds_in_the_order_asked_for(noc: FlaskClient, session: ScopedSession) -> None:
    house = PoweredHouse(session)
    house.hang("A", "L1", 2.0)
    for node in house.nodes_of(house.hang("B", "L2", 6.0)):
        if node.feed == "A":
            node.parent_id = house.panels["B"].id
    session.commit()

    def order(query: str) -> list[str]:
        page = noc.get(f"/noc/power{query}").text
        at = {name: page.index(f'>{name}</a><span class="sub">') for name in ("RPP-A", "RPP-B")}
        return sorted(at, key=at.__getitem__)

    assert order("") == order("?sort=nonsense") == order("?sort=share") == ["RPP-A", "RPP-B"]
    assert order("?sort=-share") == ["RPP-B", "RPP-A"]


def test_sensors_are_found_sorted_and_a_file(noc: FlaskClient, session: ScopedSession) -> None:
    house = Climate(session)
    tenant = house.add_tenant("A")
    house.add_sensor("hot", (0, 33_100, 300), (60, 35_600, 280))
    house.add_sensor("fine", (0, 22_000, 500), rack_id=tenant.rack_id)
    house.add_sensor("mute")
    session.scalars(select(Device).where(Device.name == "mute")).one().name = "@mute"
    session.commit()
    rows = {one["name"]: one for one in read_csv(noc, "/noc/environment.csv")}
    hot = rows["hot/1"]
    assert (hot["grade"], hot["temperature_c"], hot["humidity_percent"]) == ("down", "33.1", "30")
    assert (hot["day_low_c"], hot["day_high_c"]) == ("33.1", "35.6")
    assert "temperature above 32 (ASHRAE A1)" in hot["departures"].split("; ")
    assert (rows["fine/1"]["cabinet_code"], rows["fine/1"]["departures"]) == ("CANARY-A-cab", "")
    mute = rows["'@mute/1"]
    assert (mute["grade"], mute["temperature_c"], mute["day_high_c"], mute["measured_at"]) == (
        "unknown", "", "", "",
    )  # fmt: skip
    order = [one["name"] for one in read_csv(noc, "/noc/environment.csv?sort=temperature")]
    assert order == ["fine/1", "hot/1", "'@mute/1"]
    # Page and file by the same URL.
    for query, names in {
        "?state=off": {"hot/1", "'@mute/1"},
        "?state=ok": {"fine/1"},
        "?state=unknown": {"'@mute/1"},
        "?q=canary-a": {"fine/1"},
        "?state=nonsense": {"hot/1", "fine/1", "'@mute/1"},
        "?state=ok&q=hot": set(),
    }.items():
        assert {one["name"] for one in read_csv(noc, f"/noc/environment.csv{query}")} == names
        page = noc.get(f"/noc/environment{query}").text
        tables = page.split('<div class="stack">', 1)[1]
        for name in ("hot/1", "fine/1", "@mute/1"):
            assert (f">{name}<" in tables) == (name in {one.lstrip("'") for one in names}), query
        assert ("No sensor fits" in page) == (not names)
    assert noc.get("/noc/environment.csv?room=999999").status_code == 404
