"""The network over its pages and REST: what a person sees, what is refused, what is downloaded."""

import base64
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.db import SessionFactory, transaction
from dcim.network.cross_connects import NewOrder, request_cross_connect
from dcim.network.files import LARGEST
from tests.integration.api.conftest import MakeClient, api
from tests.integration.network.plant import STAFF, Plant
from tests.integration.web.conftest import Login, app, make_login, sign_in

__all__ = ["api", "app", "make_login"]

PDF = b"%PDF-1.7 letter"


@pytest.fixture
def browse(app: Flask, make_login: Callable[..., Login]) -> Callable[..., FlaskClient]:
    """A browser of a person of this role, which sends its CSRF token as htmx does."""

    def open_browser(role: str = "administrator", *, customer_id: int | None = None) -> FlaskClient:
        client = app.test_client()
        assert sign_in(client, make_login(role, customer_id=customer_id)) in {302, 303}
        home = "/staff/cross-connects" if customer_id is None else "/portal/addresses"
        page = client.get(home).get_data(as_text=True)
        token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
        client.environ_base["HTTP_X_CSRFTOKEN"] = token
        return client

    return open_browser


@pytest.fixture
def order_id(kept_plant: Plant, sessions: SessionFactory) -> int:
    with transaction(sessions, STAFF) as session:
        new = NewOrder(
            kept_plant.a, "smf", a_port_id=kept_plant.ports["cab"],
            z_port_id=kept_plant.ports["far"], z_party="Carrier", a_wish="A-01",
        )  # fmt: skip
        return request_cross_connect(session, STAFF, new).id


def test_an_order_is_led_over_rest(api: MakeClient, kept_plant: Plant, order_id: int) -> None:
    client = api()
    url = f"/api/v1/cross-connect-orders/{order_id}"
    assert client.post(f"{url}/steps", json={"action": "approve"}).status_code == 201
    refused = client.post(f"{url}/steps", json={"action": "patch"})
    assert refused.status_code == 409
    assert "letter of authorisation" in refused.get_json()["detail"]
    for content, status in ((b"<html>", 422), (PDF, 201)):
        body = {"name": "../loa.pdf", "content": base64.b64encode(content).decode()}
        answer = client.post(f"{url}/files", json=body)
        assert answer.status_code == status, answer.get_json()
    assert answer.get_json()["name"] == "loa.pdf"
    assert client.post(f"{url}/files", json={"name": "x", "content": "%%"}).status_code == 422
    assert client.post(f"{url}/steps", json={"action": "patch"}).status_code == 201
    trace = client.get(f"/api/v1/traces/{kept_plant.ports['cab']}").get_json()
    assert [hop["port"]["device_name"] for hop in trace["hops"]] == [
        "odf-cab", "odf-mmr", "odf-far",
    ]  # fmt: skip
    done = client.post(f"{url}/steps", json={"action": "test", "loss_db": "0.4"})
    assert done.get_json()["order"]["state"] == "tested"
    assert done.get_json()["actions"] == ["test", "bill", "disconnect"]


def test_addresses_are_given_and_looked_up_over_rest(api: MakeClient, kept_plant: Plant) -> None:
    client = api()
    body = {"prefix_id": kept_plant.prefixes["sold"], "customer_id": kept_plant.a}
    made = client.post("/api/v1/addresses/next-free", json=body).get_json()
    assert made["network"] == "10.0.1.1"
    again = client.post("/api/v1/addresses", json={"network": "10.0.1.1"})
    assert again.status_code == 409
    assert "客户 A" in again.get_json()["detail"]
    found = client.get("/api/v1/addresses/lookup?address=10.0.1.1").get_json()["items"]
    assert [row["customer_code"] for row in found] == ["A"]
    assert client.post(f"/api/v1/addresses/{made['id']}/release", json={}).status_code == 204
    assert client.get("/api/v1/addresses/lookup?address=nonsense").status_code == 422
    own = api("customer_viewer", customer_id=kept_plant.a)
    assert own.get("/api/v1/addresses/lookup?address=10.0.1.1").status_code == 404


def test_staff_pages_show_it(
    browse: Callable[..., FlaskClient], kept_plant: Plant, order_id: int
) -> None:
    client = browse()
    for url, words in (
        ("/staff/cross-connects", "X-20"),
        (f"/staff/network/orders/{order_id}", "odf-far 1"),
        (f"/staff/network/orders/{order_id}/steps/approve", "Approve"),
        (f"/staff/network/orders/{order_id}/work-order", "odf-far 1"),
        (f"/staff/network/ports/{kept_plant.ports['cab']}", "TRUNK-1"),
        ("/staff/network/port-options?a_port=odf", "odf-mmr 1"),
        ("/staff/network/prefixes", "10.0.1.0/24"),
        (f"/staff/network/prefixes/{kept_plant.prefixes['sold']}", "10.0.1.1"),
        (f"/staff/network/prefixes/{kept_plant.prefixes['v6']}", "2001:db8:1::1"),
        ("/staff/addresses/lookup?address=10.0.1.7", "Nobody"),
    ):
        answer = client.get(url)
        assert answer.status_code == 200, url
        assert words in answer.get_data(as_text=True), url
    assert client.get("/staff/addresses/lookup?address=x").status_code == 422


def test_forms_do_what_they_say(
    browse: Callable[..., FlaskClient], kept_plant: Plant, order_id: int
) -> None:
    client = browse()
    order = f"/staff/network/orders/{order_id}"
    assert client.post(f"{order}/steps/refuse", data={}).status_code == 422
    assert client.post(f"{order}/steps/approve", data={}).status_code == 303
    hostile = {"file": (io.BytesIO(b"MZ"), "letter.pdf"), "kind": "loa"}
    assert client.post(f"{order}/files", data=hostile).status_code == 422
    letter = {"file": (io.BytesIO(PDF), "..\\a b.pdf"), "kind": "loa"}
    assert client.post(f"{order}/files", data=letter).status_code == 303
    got = client.get("/staff/network/files/1")
    assert got.data == PDF
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.mimetype == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert client.post(f"{order}/steps/patch", data={"via": "odf-mmr 9"}).status_code == 422
    assert client.post(f"{order}/steps/patch", data={"colour": "yellow"}).status_code == 303
    port = f"/staff/network/ports/{kept_plant.ports['spare']}"
    cable = {"face": "front", "other": "odf-far 2", "other_face": "front", "media": "smf"}
    assert client.post(port, data=cable).status_code == 303
    assert client.post(port, data=cable | {"face": "rear"}).status_code == 409
    prefix = f"/staff/network/prefixes/{kept_plant.prefixes['sold']}"
    assert client.post(prefix, data={"customer": "A", "length": "29"}).status_code == 303
    assert client.post(prefix, data={"network": "10.0.1.3", "customer": "B"}).status_code == 409
    assert client.post(prefix, data={"network": "x"}).status_code == 422
    assert client.post("/staff/network/addresses/1/release").status_code == 303


def test_who_only_watches_changes_nothing(
    browse: Callable[..., FlaskClient], kept_plant: Plant, order_id: int
) -> None:
    client = browse("noc")
    port = f"/staff/network/ports/{kept_plant.ports['spare']}"
    cable = {"face": "front", "other": "odf-far 2", "other_face": "front", "media": "smf"}
    assert client.get(port).status_code == 200
    assert client.post(port, data=cable).status_code == 403
    prefix = f"/staff/network/prefixes/{kept_plant.prefixes['sold']}"
    assert client.post(prefix, data={"customer": "A"}).status_code == 403
    assert client.post(f"/staff/network/orders/{order_id}/steps/approve").status_code == 403


def test_a_customer_asks_and_follows(
    browse: Callable[..., FlaskClient], kept_plant: Plant, order_id: int
) -> None:
    client = browse("customer_viewer", customer_id=kept_plant.a)
    assert client.get("/portal/cross-connects").status_code == 200
    page = client.get(f"/portal/cross-connects/{order_id}").get_data(as_text=True)
    # The operator's panels are its own affair.
    assert "odf-" not in page
    wish = {"a_wish": "A-01 U1", "z_wish": "the carrier", "media": "smf", "connector": "lc"}
    made = client.post("/portal/cross-connects/new", data=wish)
    assert made.status_code == 303
    letter = {"file": (io.BytesIO(PDF), "loa.pdf"), "kind": "loa"}
    assert client.post(made.location, data=letter).status_code == 303
    assert client.get("/portal/files/1").data == PDF
    assert client.post(f"{made.location}/cancel").status_code == 303
    assert client.get("/portal/addresses").status_code == 200


def test_another_customer_sees_nothing_of_it(
    browse: Callable[..., FlaskClient], kept_plant: Plant, order_id: int
) -> None:
    client = browse("customer_viewer", customer_id=kept_plant.b)
    assert "X-20" not in client.get("/portal/cross-connects").get_data(as_text=True)
    assert client.get(f"/portal/cross-connects/{order_id}").status_code == 404
    assert client.post(f"/portal/cross-connects/{order_id}/cancel").status_code == 404
    assert client.get("/portal/files/1").status_code == 404


MEGABYTE = 1 << 20


def test_the_one_list_of_orders_offers_what_the_other_did(
    browse: Callable[..., FlaskClient], order_id: int
) -> None:
    client = browse()
    assert client.get("/staff/network/orders").location == "/staff/cross-connects"
    page = client.get("/staff/cross-connects").get_data(as_text=True)
    assert 'href="/staff/network/orders/new"' in page
    assert f'href="/staff/network/orders/{order_id}"' in page


def test_who_may_not_enter_one_is_not_offered_it(
    browse: Callable[..., FlaskClient], order_id: int
) -> None:
    page = browse("noc").get("/staff/cross-connects").get_data(as_text=True)
    assert "/staff/network/orders/new" not in page


@pytest.mark.parametrize(
    ("size", "status"),
    [(99 * MEGABYTE // 10, 303), (LARGEST, 303), (105 * MEGABYTE // 10, 413)],
)
@pytest.mark.parametrize("own", [False, True])
def test_a_letter_of_ten_megabytes_passes_and_a_larger_one_is_told_why(
    browse: Callable[..., FlaskClient], kept_plant: Plant, order_id: int, size: int, status: int,
    own: bool,
) -> None:  # fmt: skip
    content = PDF + b"\0" * (size - len(PDF))
    form = {"kind": "loa", "file": (io.BytesIO(content), "loa.pdf")}
    if own:
        client = browse("customer_administrator", customer_id=kept_plant.a)
        address = f"/portal/cross-connects/{order_id}"
    else:
        client, address = browse(), f"/staff/network/orders/{order_id}/files"
    answer = client.post(address, data=form)
    # The test's own large file, which its client leaves open.
    answer.request.environ["wsgi.input"].close()
    assert answer.status_code == status
    if status == 413:
        assert "At most 10 MB can be sent here." in answer.get_data(as_text=True)


def test_other_routes_take_no_more_than_before(
    browse: Callable[..., FlaskClient], order_id: int
) -> None:
    form = {"note": "x", "file": (io.BytesIO(b"\0" * (10 * MEGABYTE)), "x")}
    answer = browse().post("/staff/sites/new", data=form)
    answer.request.environ["wsgi.input"].close()
    assert answer.status_code == 413
