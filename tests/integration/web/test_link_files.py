"""The map of links as a file, and over the API: the same links in the same order as the page's."""

import csv
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.db import ScopedSession
from dcim.inventory.models import Device
from dcim.sla import links
from tests.integration.web.boards import House
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.link_net import Net
from tests.integration.web.test_link_map import build, bundle

MakeLogin = Callable[..., Login]


@pytest.fixture
def net(session: ScopedSession) -> Net:
    made = Net(House(session))
    build(made)
    return made


def read_csv(client: FlaskClient, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/noc/links.csv{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_the_file_tells_what_the_table_does(net: Net, noc: FlaskClient) -> None:
    rows = read_csv(noc)
    assert [(one["a_device"], one["a_port"], one["z_device"], one["verdict"]) for one in rows] == [
        ("leaf-4", "Te9", "spine-1", "contradicts"),
        ("leaf-4", "Te9", "spine-1", "contradicts"),
        ("leaf-3", "Te9", "spine-1", "heard"),
        ("leaf-2", "Te9", "spine-1", "recorded"),
        ("leaf-1", "Te9", "spine-1", "agrees"),
    ]
    agreed, down, heard = rows[4], rows[3], rows[2]
    assert agreed["via"] == "odf-2 1; odf-1 1"
    assert (agreed["state"], agreed["share"], agreed["is_recorded"]) == ("up", "0.8", "yes")
    assert (agreed["a_hears"], agreed["z_hears"]) == ("yes", "yes")
    assert (down["state"], down["heard_at"], down["a_hears"], down["via"]) == ("down", "", "no", "")
    assert (heard["is_recorded"], heard["z_hears"], heard["a_hears"]) == ("no", "no", "yes")
    assert heard["heard_at"].endswith("Z")
    # By the page's own URL.
    page = noc.get("/noc/links?q=leaf-3&hops=1").text
    leaf = net.session.scalars(select(Device.id).where(Device.name == "leaf-3")).one()
    assert f'href="/noc/links.csv?device={leaf}&amp;hops=1"' in page
    (one,) = read_csv(noc, "?q=leaf-3&hops=1")
    assert one["z_port"] == "Te3"
    machines = read_csv(noc, "?machines=1")
    assert {"server-1"} < {one["z_device"] for one in machines}
    assert noc.get("/noc/links.csv?q=nobody").status_code == 404
    assert noc.get("/noc/links.csv?device=987654").status_code == 404


def test_what_devices_say_is_no_formula(net: Net, noc: FlaskClient) -> None:
    device = net.session.scalars(select(Device).where(Device.name == "leaf-3")).one()
    device.name = '=HYPERLINK("http://evil.example")'
    net.session.commit()
    assert {one["a_device"] for one in read_csv(noc)} >= {'\'=HYPERLINK("http://evil.example")'}


def test_a_place_too_big_for_a_picture_says_so_alike(
    net: Net, noc: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MOST_DEVICES", 3)
    listed = noc.get("/noc/links").text.count('data-label="Other end"')
    assert 0 < len(read_csv(noc)) == listed < 5


def test_over_the_api(net: Net, app: Flask, noc: FlaskClient, make_login: MakeLogin) -> None:
    bundle(net, "Po1", "spine-1 Te1", "leaf-1 Te9")
    found = noc.get("/api/v1/links?size=3").get_json()
    assert (found["total"], len(found["items"])) == (5, 3)
    assert [one["verdict"] for one in found["items"]] == ["contradicts", "contradicts", "heard"]
    (last,) = noc.get("/api/v1/links?size=1&page=5").get_json()["items"]
    assert (last["share"], last["via"]) == (0.8, ["odf-2 1", "odf-1 1"])
    assert {last["a"]["lag"], last["z"]["lag"]} == {"Po1"}
    around = noc.get(f"/api/v1/links?device_id={last['a']['device_id']}&hops=1").get_json()
    assert [one["z"]["port_id"] for one in around["items"]] == [last["z"]["port_id"]]
    assert noc.get("/api/v1/links?machines=true").get_json()["total"] == 6
    assert noc.get("/api/v1/links?hops=4").status_code == 422
    assert noc.get("/api/v1/links?device_id=987654").status_code == 404
    tenant = net.house.add_tenant("A")
    net.session.commit()
    client = app.test_client()
    sign_in(client, make_login("customer_administrator", customer_id=tenant.customer_id))
    for path in ("/api/v1/links", "/noc/links.csv"):
        assert client.get(path).status_code == 404
