"""Tickets over the API: a customer's own, staff's work on them, lists, keys, rights."""

from typing import Any

from flask.testing import FlaskClient

from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.statements.town import SYSTEM
from tests.integration.tickets.desk import Desk

URL = "/api/v1/tickets"


def build(sessions: SessionFactory) -> Desk:
    with transaction(sessions, SYSTEM) as session:
        return Desk(session)


def post(client: FlaskClient, path: str, status: int, **body: Any) -> Any:
    answer = client.post(f"{URL}{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_a_ticket_from_the_call_to_the_end(api: MakeClient, sessions: SessionFactory) -> None:
    desk = build(sessions)
    own, noc = api("customer_viewer", customer_id=desk.customer), api("noc")
    words = {"kind": "fault", "title": "A 路断电", "text": "第一行\n第二行"}
    made = post(own, "", 201, **words, urgent=True, rack_ids=[desk.racks["A-01"]])
    ticket = made["ticket"]
    assert (ticket["state"], ticket["channel"], ticket["urgent"]) == ("open", "portal", True)
    assert made["text"] == "第一行\n第二行"
    assert [one["name"] for one in ticket["subjects"]] == ["A-01"]
    path = f"/{ticket['id']}"
    post(own, f"{path}/steps", 403, action="answer")
    post(own, f"{path}/comments", 403, text="x", internal=True)
    post(own, f"{path}/comments", 201, text="还在断")
    correction = {"time": "opened_at", "at": "2026-10-09T01:00:00Z", "reason": "录音"}
    post(own, f"{path}/corrections", 404, **correction)

    post(noc, f"{path}/comments", 201, text="INTERNAL", internal=True)
    post(noc, f"{path}/corrections", 201, **correction)
    answered = post(noc, f"{path}/steps", 201, action="answer", at="2026-10-09T01:10:00Z")
    assert answered["ticket"]["responded_at"] == "2026-10-09T01:10:00Z"
    assert answered["actions"] == ["wait", "resolve", "close"]
    post(noc, f"{path}/steps", 422, action="wait")
    post(noc, f"{path}/steps", 409, action="answer")
    post(noc, f"{path}/steps", 422, action="close", at="2026-10-09T01:09:59Z")
    assert post(own, f"{path}/steps", 201, action="close")["ticket"]["state"] == "closed"
    seen = own.get(f"{URL}{path}")
    assert "INTERNAL" not in seen.text
    assert [one["kind"] for one in seen.get_json()["events"]] == [
        "open", "comment", "correct", "answer", "close",
    ]  # fmt: skip


def test_staff_enter_a_call_once(api: MakeClient, sessions: SessionFactory) -> None:
    desk = build(sessions)
    clerk = api("staff")
    body = {
        "customer_id": desk.customer, "kind": "remote_hands", "title": "重启", "channel": "phone",
        "opened_at": "2026-10-09T01:00:00Z",
    }  # fmt: skip
    key = {"Idempotency-Key": "call-1"}
    first = clerk.post(URL, json=body, headers=key)
    again = clerk.post(URL, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    found = clerk.get(f"{URL}?kind=remote_hands").get_json()
    assert [one["opened_at"] for one in found["items"]] == ["2026-10-09T01:00:00Z"]
    post(clerk, "", 422, **{**body, "channel": None})
    post(clerk, "", 422, **{**body, "opened_at": "2099-01-01T00:00:00Z"})
    post(clerk, "", 422, **{**body, "item_ids": [desk.items["I2"]]})
    post(clerk, "", 422, **{**body, "title": "a\u0007b"})
    for role in ("finance", "auditor"):
        reader = api(role)
        post(reader, "", 403, **body)
        assert reader.get(URL).status_code == 200


def test_another_customer_sees_and_does_nothing(api: MakeClient, sessions: SessionFactory) -> None:
    desk = build(sessions)
    made = post(
        api("noc"), "", 201,
        customer_id=desk.customer, kind="fault", title="x", channel="mail",
    )  # fmt: skip
    other = api("customer_administrator", customer_id=desk.other)
    path = f"/{made['ticket']['id']}"
    assert other.get(f"{URL}?kind=fault").get_json()["total"] == 0
    assert other.get(f"{URL}{path}").status_code == 404
    post(other, f"{path}/comments", 404, text="x")
    post(other, f"{path}/steps", 404, action="close")
    post(other, "", 404, customer_id=desk.customer, kind="fault", title="x")
    post(other, "", 422, kind="fault", title="x", rack_ids=[desk.racks["A-01"]])


def test_a_list_is_sorted_and_filtered(api: MakeClient, sessions: SessionFactory) -> None:
    desk = build(sessions)
    noc = api("noc")
    with transaction(sessions, SYSTEM) as session:
        desk.session = session
        for minute in (100, 200):
            desk.open(minute, rack_ids=[desk.racks["A-01"]], urgent=minute == 200)

    def found(query: str) -> list[str]:
        answer = noc.get(f"{URL}?until=2026-10-03T00:00:00Z&{query}")
        assert answer.status_code == 200, answer.text
        return [one["opened_at"] for one in answer.get_json()["items"]]

    first, second = "2026-09-30T17:40:00Z", "2026-09-30T19:20:00Z"
    assert found("sort=opened_at") == [first, second]
    assert found("") == [second, first]
    assert found("urgent=true") == [second]
    assert found("size=1&page=2") == [first]
    assert found("state=closed") == []
    assert noc.get(f"{URL}?sort=title").status_code == 422
    assert noc.get(f"{URL}?urgent=perhaps").status_code == 422
