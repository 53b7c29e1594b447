"""Meters and their readings over the API."""

import base64
from typing import Any

from flask.testing import FlaskClient

from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.meters.house import JPEG, build_house
from tests.integration.statements.town import SYSTEM

METERS, READINGS = "/api/v1/meters", "/api/v1/meter-readings"


def send(client: FlaskClient, way: str, url: str, status: int, **body: Any) -> Any:
    answer = client.open(url, method=way, json=body)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_from_a_meter_to_a_confirmed_reading(api: MakeClient, sessions: SessionFactory) -> None:
    with transaction(sessions, SYSTEM) as session:
        house = build_house(session)
        item, room, node = house.items[0].id, house.room.id, house.pdus[0][0].id
        customers = [one.customer_id for one in house.contracts]
    staff, second = api("staff"), api("administrator")
    new = {
        "serial": "SN-1", "contract_item_id": item, "room_id": room, "power_node_id": node,
        "decimals": 1, "installed_at": "2026-09-01T00:00:00+08:00",
    }  # fmt: skip
    meter = send(staff, "POST", METERS, 201, **new)
    assert meter["customer_id"] == customers[0]
    held = send(staff, "POST", METERS, 409, **new)
    assert "SN-1 hangs elsewhere" in held["detail"]
    fixed = send(staff, "PATCH", f"{METERS}/{meter['id']}", 422, multiplier=40)
    assert "multiplier" in fixed["errors"]

    first = send(
        staff, "POST", READINGS, 201, meter_id=meter["id"], value="001000.0",
        read_at="2026-09-01T00:00:00+08:00", photo=base64.b64encode(JPEG).decode(),
    )  # fmt: skip
    assert (first["register"], first["state"], first["used_kwh"]) == ("1000.0", "entered", None)
    content = staff.get(f"/api/v1/stored-files/{first['photo_id']}/content")
    assert content.data == JPEG
    lower = send(staff, "POST", READINGS, 422, meter_id=meter["id"], value="999")
    assert "less than the 1000.0" in lower["detail"]
    at = "2026-09-02T00:00:00+08:00"
    odd = send(staff, "POST", READINGS, 422, meter_id=meter["id"], value="1180", read_at=at)
    assert odd["errors"] == {"doubt_reason": ["above_breaker"]}
    given = {"meter_id": meter["id"], "value": "1180", "read_at": at, "doubt_reason": "checked"}
    assert send(staff, "POST", READINGS, 201, **given)["doubts"] == ["above_breaker"]

    decision = f"{READINGS}/{first['id']}/decision"
    assert send(staff, "PUT", decision, 403, state="confirmed")["detail"].startswith("You read")
    assert send(api("noc"), "PUT", decision, 403, state="confirmed")
    done = send(second, "PUT", decision, 200, state="confirmed")
    assert (done["decided_by"], done["state"]) == ("administrator-0@example.com", "confirmed")
    send(second, "PUT", decision, 409, state="refused", note="no")

    own = api("customer_viewer", customer_id=customers[0])
    assert [one["register"] for one in own.get(READINGS).get_json()["items"]] == [
        "1180.0", "1000.0",
    ]  # fmt: skip
    send(own, "POST", READINGS, 404, meter_id=meter["id"], value="1300")
    other = api("customer_administrator", customer_id=customers[1])
    assert other.get(READINGS).get_json()["items"] == []
    assert other.get(f"{READINGS}/{first['id']}").status_code == 404
    assert other.get(METERS).get_json()["items"] == []
    assert other.get(f"/api/v1/stored-files/{first['photo_id']}/content").status_code == 404


def test_a_meter_is_changed_and_ended(api: MakeClient, sessions: SessionFactory) -> None:
    with transaction(sessions, SYSTEM) as session:
        house = build_house(session)
        old = house.hang("SN-1").id
    staff = api("staff")
    last = {"value": "12", "at": "2026-09-10T14:00:00+08:00"}
    new = {"serial": "SN-2", "value": "0.5", "decimals": 1, "multiplier": 30}
    send(api("noc"), "POST", f"{METERS}/{old}/change", 403, last=last, new=new)
    made = send(staff, "POST", f"{METERS}/{old}/change", 201, last=last, new=new)
    assert (made["serial"], made["last_value"], made["multiplier"]) == ("SN-2", 5, 30)
    send(staff, "POST", f"{METERS}/{old}/change", 409, last=last, new=new)
    end = {"value": "0.4", "at": "2026-09-11T14:00:00+08:00"}
    send(staff, "POST", f"{METERS}/{made['id']}/end", 422, **end)
    ended = send(staff, "POST", f"{METERS}/{made['id']}/end", 200, **end | {"value": "0.6"})
    assert ended["removed_at"] == "2026-09-11T06:00:00Z"
