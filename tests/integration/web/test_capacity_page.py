"""The capacity page: proposals, refusals with numbers, a hold of all places or of none."""

import csv
import io
import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, text, update

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.demo.estate.load import load_estate
from dcim.inventory.models import Hold, Rack
from tests.integration.capacity.hall import build_hall
from tests.integration.web.conftest import Login, sign_in

SCOPE = Scope.system("test")
WISH = "/staff/capacity?go=1&units=8&count=2&kw=1&relation=same_row"


@pytest.fixture
def staff(app: Flask, make_login: Callable[..., Login]) -> FlaskClient:
    client = app.test_client()
    assert sign_in(client, make_login("administrator")) in {302, 303}
    # As the page's script does: the token of the session in a header.
    page = client.get("/staff/capacity").get_data(as_text=True)
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    client.environ_base["HTTP_X_CSRFTOKEN"] = token
    return client


def look(client: FlaskClient, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return unescape(answer.get_data(as_text=True))


def test_proposals_and_refusals_are_shown_with_their_numbers(
    staff: FlaskClient, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        build_hall(session)
    page = look(staff, WISH)
    assert "from 6 of 6 racks" in page
    assert "A-01 and A-02" in page or "B-01 and B-02" in page
    page = look(staff, "/staff/capacity?go=1&units=20&kw=3")
    assert "kW left, 3.0 needed" in page
    assert "Longest free run 19 U of 20, 19 U free in all." in page
    assert "Power: 3 kW → 2.5 kW" in page
    assert "From 1 to 60." in look(staff, "/staff/capacity?go=1&units=61")
    assert "From 0 to 200." in look(staff, "/staff/capacity?go=1&kw=nan")
    assert "No customer has this code." in look(staff, "/staff/capacity?go=1&near=nobody")


def test_a_proposal_is_held_in_one_go(staff: FlaskClient, sessions: SessionFactory) -> None:
    with transaction(sessions, SCOPE) as session:
        build_hall(session)
    form = read_form(look(staff, WISH))
    answer = staff.post("/staff/capacity/hold?n=1", data=form)
    assert answer.status_code == 303
    with transaction(sessions, SCOPE) as session:
        holds = session.scalars(select(Hold)).all()
        assert [(hold.height, hold.prospect) for hold in holds] == [(16, "Fern"), (16, "Fern")]
        assert len({hold.rack_id for hold in holds}) == 2


def test_of_places_one_of_which_is_gone_none_is_held(
    staff: FlaskClient, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        build_hall(session)
    form = read_form(look(staff, WISH))
    last = form["p1-places"].split()[-1]
    assert (
        staff.post("/staff/capacity/hold?n=1", data={**form, "p1-places": last}).status_code == 303
    )
    again = staff.post("/staff/capacity/hold?n=1", data=form, headers={"HX-Request": "true"})
    assert again.status_code == 409
    assert "is held for Fern" in again.get_data(as_text=True)
    with transaction(sessions, SCOPE) as session:
        assert len(session.scalars(select(Hold)).all()) == 1


@pytest.mark.parametrize("places", ["", "x", "1:2", "0:0:1", "1:0:500", "1:0:2 " * 300])
def test_places_that_cannot_be_read_are_refused(staff: FlaskClient, places: str) -> None:
    form = {"p1-prospect": "Fern", "p1-until": f"{utc_now().date()}", "p1-places": places}
    assert staff.post("/staff/capacity/hold?n=1", data=form).status_code == 422


def read_form(page: str) -> dict[str, str]:
    """The first proposal's form, filled in."""
    fields = dict(re.findall(r'name="(p1-[a-z_]+)"[^>]*value="([^"]*)"', page))
    return fields | {"p1-prospect": "Fern"}


def test_the_page_costs_as_many_statements_for_many_racks(
    staff: FlaskClient, sessions: SessionFactory
) -> None:
    """Each count after a first look, so that what is remembered is."""
    with transaction(sessions, SCOPE) as session:
        load_estate(session, 20, 1, scope=SCOPE)
    few = count_statements(staff, sessions, WISH)
    with transaction(sessions, SCOPE) as session:
        more = session.scalars(select(Rack).limit(1)).one()
        session.execute(
            text(
                "INSERT INTO rack (cabinet_id, code, position, u_count, numbering)"
                " SELECT :cabinet, 'X' || n, 10 + n, 42, 'up' FROM generate_series(1, 300) AS n"
            ),
            {"cabinet": more.cabinet_id},
        )
    assert count_statements(staff, sessions, WISH) == few <= 12


def count_statements(client: FlaskClient, sessions: SessionFactory, url: str) -> int:
    look(client, url)
    statements: list[str] = []

    def note(*call: object) -> None:
        statements.append(str(call[2]))

    engine = sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    try:
        look(client, url)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(statements)


def test_a_search_is_kept_shared_and_forgotten(
    staff: FlaskClient, sessions: SessionFactory, app: Flask, make_login: Callable[..., Login]
) -> None:
    with transaction(sessions, SCOPE) as session:
        build_hall(session)
    page = look(staff, WISH)
    query = re.findall(r'name="query" value="([^"]*)"', page)[0]
    answer = staff.post(
        "/staff/capacity/views", data={"query": query, "name": "两处", "shared": "y"}
    )
    assert answer.status_code == 303
    assert answer.location == f"/staff/capacity?{query}"
    other = app.test_client()
    assert sign_in(other, make_login("noc")) in {302, 303}
    page = look(other, "/staff/capacity")
    assert f'href="/staff/capacity?{query}"' in page
    assert "两处" in page
    # Only its maker forgets it.
    number = re.findall(r'name="view" value="(\d+)"', look(staff, "/staff/capacity"))[0]
    token = page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]
    forget = {"deed": "forget", "view": number}
    other.post("/staff/capacity/views", data=forget, headers={"X-CSRFToken": token})
    assert "两处" in look(staff, "/staff/capacity")
    staff.post("/staff/capacity/views", data=forget)
    assert "favourite is deleted" in look(staff, "/staff/capacity")
    assert "两处" not in look(staff, "/staff/capacity")
    answer = staff.post("/staff/capacity/views", data={"query": query, "name": ""})
    assert answer.status_code == 303
    # A saved search is no view of a list.
    assert staff.get("/staff/racks").status_code == 200


def read_first(client: FlaskClient) -> dict[str, str]:
    answer = client.get("/staff/capacity/answer.csv?go=1&units=8&kw=1")
    content = answer.get_data().decode("utf-8-sig")
    answer.close()
    return next(csv.DictReader(io.StringIO(content, newline="")))


def test_the_answer_is_a_sheet_with_every_refused_rack(
    staff: FlaskClient, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        build_hall(session)
        session.scalars(select(Rack).order_by(Rack.id)).first().code = "=cmd"  # type: ignore[union-attr]
    answer = staff.get("/staff/capacity/answer.csv?go=1&units=20&kw=3")
    content = answer.get_data()
    answer.close()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    page = look(staff, "/staff/capacity?go=1&units=20&kw=3")
    refused = [row for row in rows if row["Answer"] == "Refused"]
    assert len(rows) == 6
    assert f"{len(refused)} racks, by their first reason" in page
    assert any("Longest free run 19 U of 20" in row["Why not"] for row in refused)
    assert all(row["Reason"] for row in refused)
    assert {"'=cmd"} == {row["Rack"] for row in rows if "cmd" in row["Rack"]}
    first = read_first(staff)
    assert (first["Answer"], first["Proposal"], first["Height (U)"]) == ("Proposed", "1", "8")
    # Units are those printed on the rails: of 20, counted from the top.
    with transaction(sessions, SCOPE) as session:
        session.execute(update(Rack).values(numbering="down"))
    turned = read_first(staff)
    assert turned["Rack"] == first["Rack"]
    assert int(turned["Lowest U"]) == 20 + 2 - 8 - int(first["Lowest U"])
    assert turned["Lowest U"] != first["Lowest U"]
    assert staff.get("/staff/capacity/answer.csv?go=1&units=61").status_code == 422
