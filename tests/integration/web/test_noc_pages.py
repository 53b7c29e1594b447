"""The NOC's pages: what they say, to whom, at what cost, and that hostile text stays text."""

import html
import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.sla.ports import read_ports
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
PAGES = ("/noc/", "/noc/environment", "/noc/events", "/noc/links", "/noc/power", "/noc/wall")


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


def tag_of(page: str) -> str:
    headers = page.split('hx-headers="', 1)[1].split('"', 1)[0]
    return str(json.loads(html.unescape(headers))["If-None-Match"])


def test_an_empty_house_has_pages_that_say_so(noc: FlaskClient) -> None:
    for path in PAGES:
        answer = noc.get(path)
        assert answer.status_code == 200, path
    assert "No port fits" in noc.get("/noc/").get_data(as_text=True)


def test_ports_show_user_load_and_state(noc: FlaskClient, house: House) -> None:
    house.add_tenant("A")
    house.add_tenant("B", silent=True)
    page = noc.get("/noc/").get_data(as_text=True)
    assert "CANARY-A-name" in page
    # 300 MB in 60 s are 40 Mbit/s: 4 % of the port, 40 % of the commit.
    assert '40<span class="unit">Mbps' in page
    assert '4.0<span class="unit">%' in page
    silent = page.split("B/0</a>", 1)[1].split("</tr>", 1)[0]
    assert "Unknown" in silent
    assert "Mbps" not in silent.split('data-label="In"', 1)[1].split("</td>", 1)[0]


def test_a_silent_port_is_unknown_and_not_down(house: House, session: ScopedSession) -> None:
    house.add_tenant("B", silent=True)
    (port,) = read_ports(session, Scope.system("test"), house.now)
    assert (port.state, port.in_bps, port.share) == ("unknown", None, None)
    assert port.newest_at is not None


def test_filters_sort_and_group_by_url(noc: FlaskClient, house: House) -> None:
    house.add_tenant("A", 2)
    house.add_tenant("B", silent=True)
    page = noc.get("/noc/?q=canary-b-svc0").get_data(as_text=True)
    assert "B/0</a>" in page
    assert "A/0</a>" not in page
    page = noc.get("/noc/?state=unknown").get_data(as_text=True)
    assert "A/0</a>" not in page
    for sort in ("state", "-in", "out", "share", "-commit", "errors", "customer", "nonsense"):
        page = noc.get(f"/noc/?sort={sort}&group=customer").get_data(as_text=True)
        assert page.count('class="group-row"') == 2, sort
    first = noc.get("/noc/?sort=-in").get_data(as_text=True)
    assert first.index("A/0</a>") < first.index("B/0</a>")


@pytest.mark.parametrize("path", PAGES)
def test_unchanged_part_is_answered_empty(noc: FlaskClient, house: House, path: str) -> None:
    house.add_tenant("A")
    tag = tag_of(noc.get(path).get_data(as_text=True))
    again = noc.get(path, headers={"HX-Request": "true", "If-None-Match": tag})
    if path in ("/noc/events", "/noc/wall", "/noc/environment") and again.status_code == 200:
        # Their tag holds for the minute; ask again within the new one.
        tag = tag_of(again.get_data(as_text=True))
        again = noc.get(path, headers={"HX-Request": "true", "If-None-Match": tag})
    assert again.status_code == 304
    assert again.data == b""


def test_new_samples_make_a_new_part(
    noc: FlaskClient, house: House, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A")
    tag = tag_of(noc.get("/noc/").get_data(as_text=True))
    ms = round(house.now.timestamp() * 1000) + 1
    (port,) = [p for p in read_ports(session, _staff(), house.now) if p.id == tenant.ports[0]]
    assert port.traffic_id is not None
    house.store.append(session, "traffic", [(port.traffic_id, ms, 60_000, 0, 75_000_000, 0, 1, 0)])
    session.commit()
    again = noc.get("/noc/", headers={"HX-Request": "true", "If-None-Match": tag})
    assert again.status_code == 200
    assert '10<span class="unit">Mbps' in again.get_data(as_text=True)
    assert "<html" not in again.get_data(as_text=True)


def test_one_persons_tag_confirms_nothing_to_another(
    app: Flask, noc: FlaskClient, make_login: MakeLogin, house: House
) -> None:
    house.add_tenant("A")
    tag = tag_of(noc.get("/noc/").get_data(as_text=True))
    other = app.test_client()
    sign_in(other, make_login("staff"))
    assert other.get("/noc/", headers={"HX-Request": "1", "If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_statements_do_not_grow_with_ports(noc: FlaskClient, house: House, path: str) -> None:
    engine = house.session.get_bind().engine

    def look() -> str:
        # Of the power of the house what is read counts, not what is remembered for seconds.
        noc.application.extensions.pop("jifang_plant", None)
        return noc.get(path).get_data(as_text=True)

    house.add_tenant("A", 3)
    look()
    with Counter(engine) as few:
        look()
    house.add_tenant("B", 27)
    # Once to read what the inventory has new; then as before.
    look()
    with Counter(engine) as many:
        page = look()
    assert few.count > 3
    assert many.count == few.count
    if path == "/noc/":
        assert page.count('data-label="State"') == 30


def test_port_page_and_csv(noc: FlaskClient, house: House) -> None:
    port_id = house.add_tenant("A").ports[0]
    for window in ("1h", "24h", "7d", "30d", "month", "last-month", "12m", "36m", "nonsense"):
        page = noc.get(f"/noc/ports/{port_id}?window={window}").get_data(as_text=True)
        assert "CANARY-A-svc0" in page
        assert "data-series=" in page
    answer = noc.get(f"/noc/ports/{port_id}/samples.csv")
    lines = answer.get_data(as_text=True).splitlines()
    assert len(lines) == 11
    assert lines[1].split(",")[4:6] == ["40000000", "8000000"]
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    assert noc.get("/noc/ports/999999").status_code == 404


def test_hostile_text_is_escaped_everywhere(noc: FlaskClient, house: House) -> None:
    port_id = house.add_tenant("A").ports[0]
    house.add_tenant("B")
    for path in (*PAGES, f"/noc/ports/{port_id}"):
        page = noc.get(path).get_data(as_text=True)
        assert HOSTILE not in page
        assert "<script>alert" not in page
    # The control: it is there, as text.
    assert "&lt;script&gt;alert" in noc.get("/noc/events").get_data(as_text=True)


def test_who_may_come(app: Flask, make_login: MakeLogin, house: House) -> None:
    tenant = house.add_tenant("A")
    port = f"/noc/ports/{tenant.ports[0]}"
    paths = (*PAGES, "/noc/pue", port, f"{port}/samples.csv")
    for role, status in (("staff", 200), ("auditor", 200), ("finance", 403)):
        client = app.test_client()
        sign_in(client, make_login(role))
        for path in paths:
            assert client.get(path).status_code == status, (role, path)
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=tenant.customer_id))
    for path in paths:
        assert client.get(path).status_code == 404, path
    for path in paths:
        assert app.test_client().get(path).status_code == 303, path


def _staff() -> Scope:
    return Scope.system("test")
