"""Selling, holding and moving through the API: what is answered, who is named in a refusal."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Site
from dcim.power.models import Outlet, PowerNode
from tests.integration.inventory.house import House, build_house

MakeClient = Callable[..., FlaskClient]
MONTH = dt.timedelta(days=30)


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@pytest.fixture
def house(sessions: SessionFactory) -> House:
    with transaction(sessions, Scope.system("test")) as session:
        return build_house(session)


@pytest.fixture
def staff(api: MakeClient) -> FlaskClient:
    return api("staff")


def said(answer: TestResponse) -> Any:
    return answer.json


def sale(house: House, name: str = "Reed", **rest: Any) -> dict[str, Any]:
    return {
        "contract_item_id": house.items[name].id,
        "rack_id": house.rack.id,
        "u_low": 0,
        "height": 8,
        "starts_on": today().isoformat(),
        **rest,
    }


def test_a_sale_ends_and_names_what_stands_there(house: House, staff: FlaskClient) -> None:
    made = staff.post("/api/v1/allocations", json=sale(house))
    assert made.status_code == 201
    assert said(made)["turn"] == "current"
    refused = staff.post("/api/v1/allocations", json=sale(house, "Moss"))
    assert refused.status_code == 409
    assert "allocated to Reed" in said(refused)["detail"]
    device_id = house.devices["Reed1"].id
    staff.post(
        f"/api/v1/devices/{device_id}/installation", json={"rack_id": house.rack.id, "u_low": 0}
    )
    day = (today() + MONTH).isoformat()
    ended = staff.post(f"/api/v1/allocations/{said(made)['id']}/end", json={"ends_on": day})
    assert ended.status_code == 200
    assert said(ended)["allocation"]["ends_on"] == day
    assert said(ended)["standing"] == [{"id": device_id, "name": "Reed1"}]
    ahead = staff.post("/api/v1/allocations", json=sale(house, "Moss", starts_on=day))
    assert said(ahead)["turn"] == "next"
    assert staff.delete(f"/api/v1/allocations/{said(made)['id']}").status_code == 409
    assert staff.delete(f"/api/v1/allocations/{said(ahead)['id']}").status_code == 204
    assert staff.delete(f"/api/v1/allocations/{said(ahead)['id']}").status_code == 404


def test_an_area_is_sold_whole(house: House, staff: FlaskClient) -> None:
    body = {
        "contract_item_id": house.items["Reed"].id,
        "extent": "room",
        "area_id": house.rack.cabinet.row.room_id,
        "starts_on": today().isoformat(),
    }
    made = staff.post("/api/v1/area-claims", json=body)
    assert made.status_code == 201
    assert said(made)["path"] == "M1"
    assert len(said(made)["allocation_ids"]) == 2
    body = {**body, "extent": "rack", "area_id": house.rack.id}
    again = staff.post("/api/v1/area-claims", json=body)
    assert again.status_code == 409
    assert "M1 is sold to Reed" in said(again)["detail"]
    path = f"/api/v1/area-claims/{said(made)['id']}"
    ended = staff.post(f"{path}/end", json={"ends_on": (today() + MONTH).isoformat()})
    assert said(ended)["area_claim"]["ends_on"] == (today() + MONTH).isoformat()
    assert said(staff.get(path))["ends_on"] == (today() + MONTH).isoformat()
    absent = staff.post("/api/v1/area-claims", json={**body, "area_id": 10**9})
    assert absent.status_code == 404


def test_a_hold_from_begin_to_sale(house: House, staff: FlaskClient) -> None:
    soon = dt.datetime.now(dt.UTC) + MONTH
    made = staff.post(
        "/api/v1/holds",
        json={
            "rack_id": house.rack.id, "prospect": "Fern", "u_low": 0, "height": 8,
            "expires_at": soon.isoformat(),
        },
    )  # fmt: skip
    assert made.status_code == 201
    path = f"/api/v1/holds/{said(made)['id']}"
    refused = staff.post("/api/v1/allocations", json=sale(house))
    assert "held for Fern" in said(refused)["detail"]
    later = (soon + MONTH).isoformat()
    assert staff.post(f"{path}/extension", json={"expires_at": later}).status_code == 422
    longer = staff.post(f"{path}/extension", json={"expires_at": later, "reason": "lawyers"})
    assert said(longer)["extensions"] == 1
    sold = staff.post(
        f"{path}/conversion",
        json={"contract_item_id": house.items["Moss"].id, "starts_on": today().isoformat()},
    )
    assert sold.status_code == 201
    assert said(sold)["height"] == 8
    assert staff.delete(path).status_code == 404


def test_two_devices_change_places_in_one_call(house: House, staff: FlaskClient) -> None:
    ids = [house.devices[name].id for name in ("Reed1", "Moss1")]
    racks = [house.rack.id, house.other_rack.id]
    for device_id, rack_id in zip(ids, racks, strict=True):
        staff.post(
            f"/api/v1/devices/{device_id}/installation", json={"rack_id": rack_id, "u_low": 0}
        )
    moves = [
        {"device_id": device_id, "rack_id": rack_id, "u_low": 0}
        for device_id, rack_id in zip(ids, reversed(racks), strict=True)
    ]
    one = staff.post("/api/v1/moves", json={"moves": moves[:1]})
    assert one.status_code == 409
    assert "taken by Moss1" in said(one)["detail"]
    both = staff.post("/api/v1/moves", json={"moves": moves})
    assert both.status_code == 201
    assert [item["rack_id"] for item in said(both)["items"]] == racks[::-1]
    forbidden = staff.post("/api/v1/moves", json={"moves": moves, "override": "because"})
    assert forbidden.status_code == 403


def test_a_move_and_a_removal_say_what_was_unplugged(
    house: House, staff: FlaskClient, sessions: SessionFactory
) -> None:
    device_id = house.devices["Reed1"].id
    path = f"/api/v1/devices/{device_id}/installation"
    staff.post(path, json={"rack_id": house.rack.id, "u_low": 0})
    with transaction(sessions, Scope.system("test")) as session:
        for rack_id, code in ((house.rack.id, "PDU-1"), (house.other_rack.id, "PDU-2")):
            pdu = PowerNode(
                site_id=session.scalars(select(Site.id)).one(), kind="pdu", code=code, feed="A",
                rated_a=16, rack_id=rack_id, volts=230,
            )  # fmt: skip
            session.add(pdu)
            session.flush()
            session.add(Outlet(pdu_id=pdu.id, number=4, device_id=device_id))
            session.flush()
    move = {"device_id": device_id, "rack_id": house.other_rack.id, "u_low": 0}
    moved = said(staff.post("/api/v1/moves", json={"moves": [move]}))
    assert (moved["unplugged"], moved["cross_connected"]) == (["PDU-1 4"], [])
    removed = staff.delete(path)
    assert (removed.status_code, said(removed)) == (
        200, {"unplugged": ["PDU-2 4"], "cross_connected": []},
    )  # fmt: skip


def test_an_empty_cabinet_is_split(house: House, staff: FlaskClient) -> None:
    path = f"/api/v1/cabinets/{house.rack.cabinet_id}/split"
    done = staff.post(path, json={"layout": "quarters"})
    assert [rack["u_count"] for rack in said(done)["racks"]] == [5, 5, 5, 5]
    assert staff.post(path, json={"layout": "halves", "u_counts": [9]}).status_code == 422


def test_a_customer_sells_and_moves_nothing(house: House, api: MakeClient) -> None:
    customer = api("customer_administrator", customer_id=house.items["Reed"].customer_id)
    for path in ("/api/v1/allocations", "/api/v1/holds", "/api/v1/moves", "/api/v1/area-claims"):
        assert customer.post(path, json={}).status_code == 404
