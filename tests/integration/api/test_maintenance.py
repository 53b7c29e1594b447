"""Planned work over the API: planned, approved, announced, decided by the customer, carried out."""

import datetime as dt
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.operations.test_maintenance import Desk
from tests.integration.statements.town import SYSTEM

URL = "/api/v1/maintenance"


@pytest.fixture
def desk(sessions: SessionFactory) -> tuple[int, int]:
    """Port and customer."""
    with transaction(sessions, SYSTEM) as session:
        found = Desk(session)
        return found.port_id, found.customer_id


def at(**ahead: float) -> str:
    return (utc_now() + dt.timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def body(port: int, **given: Any) -> dict[str, Any]:
    return {
        "title": "升级", "title_en": "Upgrade", "starts_at": at(days=10), "ends_at": at(days=10.1),
        "targets": {"ports": [port]}, **given,
    }  # fmt: skip


def said(answer: TestResponse, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.get_json()


def act(client: FlaskClient, number: int, deed: str, status: int = 200, **given: Any) -> Any:
    return said(client.post(f"{URL}/{number}/{deed}", json=given or None), status)


def test_from_the_plan_to_the_decision(api: MakeClient, desk: tuple[int, int]) -> None:
    port, customer = desk
    staff, noc = api("staff"), api("noc")
    own = api("customer_administrator", customer_id=customer)
    other = api("customer_administrator", customer_id=customer - 1)
    made = said(staff.post(URL, json=body(port, work_plan="SECRET")), 201)
    number = made["id"]
    assert (made["state"], made["targets"][0]["name"]) == ("planned", "sw-1 ge3")
    act(staff, number, "approval", 409)
    assert act(noc, number, "approval")["state"] == "approved"
    (row,) = said(staff.get(f"{URL}/{number}/affected"), 200)["items"]
    assert (row["customer_id"], row["standing"], row["worst"]) == (customer, "due", "port")
    assert row["at_stake"] == [{"currency": "CNY", "amount": "300.00"}]
    told = act(staff, number, "notices", 201, channel="portal")
    assert (len(told["notices"]), told["unreached"]) == (1, [])
    act(staff, number, "notices", 422, channel="email", customers=[customer - 1])
    act(staff, number, "notices", 422, channel="smoke")

    seen = said(own.get(f"{URL}/{number}"), 200)
    assert (seen["work_plan"], seen["targets"], len(seen["notices"])) == (None, [], 1)
    assert "升级" in seen["notices"][0]["text"]
    assert said(own.get(URL), 200)["items"][0]["notices"][0]["text"] is None
    assert other.get(f"{URL}/{number}").status_code == 404
    decision = f"{URL}/{number}/decision"
    times = {name: seen[name] for name in ("starts_at", "ends_at")}
    said(own.put(decision, json={"decision": "objected", **times}), 422)
    said(own.put(decision, json={"decision": "approved"}), 422)
    said(own.put(decision, json={"decision": "approved", **times, "ends_at": at(days=9)}), 409)
    said(other.put(decision, json={"decision": "approved", **times}), 404)
    said(staff.put(decision, json={"decision": "approved", **times}), 403)
    answer = own.put(decision, json={"decision": "objected", "reason": "SALE", **times})
    decided = said(answer, 200)
    assert decided["consents"][0]["decision"] == "objected"

    moved = said(staff.patch(f"{URL}/{number}", json={"ends_at": at(days=10.2)}), 200)
    assert (moved["state"], moved["consents"][0]["stands"]) == ("planned", False)
    act(noc, number, "approval")
    act(noc, number, "beginning", 409)
    act(noc, number, "end", 409)
    act(staff, number, "cancellation", 422, reason="")
    assert act(staff, number, "cancellation", reason="NO-PARTS")["state"] == "cancelled"
    assert said(staff.get(f"{URL}?state=cancelled"), 200)["total"] == 1
    assert said(staff.get(f"{URL}?state=planned"), 200)["total"] == 0


def test_who_may_not(api: MakeClient, desk: tuple[int, int]) -> None:
    port, customer = desk
    for role in ("finance", "auditor"):
        said(api(role).post(URL, json=body(port)), 403)
    own = api("customer_administrator", customer_id=customer)
    assert own.post(URL, json=body(port)).status_code in (403, 404)
    made = said(api("staff").post(URL, json=body(port)), 201)
    act(api("noc"), made["id"], "approval")
    viewer = api("customer_viewer", customer_id=customer)
    times = {name: made[name] for name in ("starts_at", "ends_at")}
    answer = viewer.put(f"{URL}/{made['id']}/decision", json={"decision": "approved", **times})
    assert answer.status_code in (403, 404)


def test_what_can_not_be_planned(api: MakeClient, desk: tuple[int, int]) -> None:
    port, _ = desk
    staff = api("staff")
    wrong: tuple[dict[str, Any], ...] = (
        {"ends_at": at(days=1)}, {"starts_at": at(days=-1)}, {"targets": {"ports": [987_654]}},
        {"targets": {}}, {"kind": "party"}, {"starts_at": "soon"},
    )  # fmt: skip
    for given in wrong:
        said(staff.post(URL, json=body(port, **given)), 422)
    begun = said(
        staff.post(
            URL,
            json=body(port, kind="emergency", starts_at=at(days=-1), ends_at=at(days=-0.9)),
        ),
        201,
    )  # fmt: skip
    assert begun["after_fact"]
