"""Incidents by hand, contests, overrules by two and links over the API."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.statements.incident_desk import IncidentDesk
from tests.integration.statements.town import SYSTEM

API = "/api/v1"


@pytest.fixture
def ids(sessions: SessionFactory, settings: Settings) -> dict[str, int]:
    with transaction(sessions, SYSTEM) as session:
        desk = IncidentDesk(session, settings)
        return {
            "incident": desk.incident.id,
            "port": desk.port_id,
            "customer": desk.contract.customer_id,
        }


def send(client: FlaskClient, method: str, path: str, status: int, **body: Any) -> Any:
    answer = client.open(f"{API}{path}", method=method, json=body)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_overruling_takes_two_tokens_of_two_people(api: MakeClient, ids: dict[str, int]) -> None:
    noc, chief = api("noc"), api("administrator")
    wish = {"incident_id": ids["incident"], "reason": "误报"}
    send(noc, "POST", "/incident-overrules", 422, **wish, ruling="times")
    made = send(chief, "POST", "/incident-overrules", 201, **wish, ruling="did_not_happen")
    assert (made["state"], made["measured_from"]) == ("open", "2026-10-05T04:00:00Z")
    path = f"/incident-overrules/{made['id']}"
    decision = {"state": "accepted", "reason": "核实"}
    # The right alone isn't enough: whoever proposed it doesn't decide.
    told = send(chief, "PUT", f"{path}/decision", 403, **decision)
    assert "someone else decides" in told["detail"]
    send(noc, "PUT", f"{path}/decision", 403, **decision)
    send(noc, "POST", f"{path}/withdrawal", 403, reason="x")
    finance = api("finance")
    assert send(finance, "PUT", f"{path}/decision", 200, **decision)["state"] == "accepted"
    told = send(finance, "PUT", f"{path}/decision", 409, **decision)
    assert "has decided this already" in told["detail"]
    own = api("customer_viewer", customer_id=ids["customer"])
    listed = send(own, "GET", "/incident-overrules", 200)["items"]
    assert [one["reason"] for one in listed] == ["误报"]
    send(own, "POST", "/incident-overrules", 404, **wish, ruling="did_not_happen")


def test_a_customer_contests_its_own(api: MakeClient, ids: dict[str, int]) -> None:
    own = api("customer_viewer", customer_id=ids["customer"])
    other = api("customer_viewer", customer_id=ids["customer"] - 1)
    wish = {"incident_id": ids["incident"], "reason": "实际两小时"}
    send(other, "POST", "/incident-contests", 404, **wish)
    made = send(own, "POST", "/incident-contests", 201, **wish)
    send(own, "POST", "/incident-contests", 409, **wish)
    path = f"/incident-contests/{made['id']}"
    send(other, "GET", path, 404)
    send(own, "PUT", f"{path}/answer", 404, answer="x")
    noc = api("noc")
    assert send(noc, "GET", "/incident-contests?state=open", 200)["total"] == 1
    assert send(noc, "PUT", f"{path}/answer", 200, answer="以采集为准")["state"] == "refused"
    assert send(own, "GET", path, 200)["answer"] == "以采集为准"


def test_an_incident_by_hand_and_its_links(api: MakeClient, ids: dict[str, int]) -> None:
    noc = api("noc")
    words = {"started_at": "2026-10-07T00:00:00Z", "reason": "客户报障"}
    about = {"subject_kind": "port", "subject_id": ids["port"], "kind": "network"}
    late = {"ended_at": "2026-10-06T00:00:00Z"}
    told = send(noc, "POST", "/incidents", 422, **words, **about, **late)
    assert "ended_at" in str(told)
    send(noc, "POST", "/incidents", 404, **words, **{**about, "subject_id": 10**9})
    made = send(noc, "POST", "/incidents", 201, **words, **about)
    assert (made["manual"], made["ended_at"], made["subject"]) == (
        True, None, f"port/{ids['port']}",
    )  # fmt: skip
    path = f"/incidents/{made['id']}"
    fixed = {**words, "ended_at": "2026-10-07T01:00:00Z"}
    assert send(noc, "PUT", path, 200, **fixed)["ended_at"] == "2026-10-07T01:00:00Z"
    send(noc, "PUT", f"/incidents/{ids['incident']}", 409, **fixed)
    listed = send(noc, "GET", "/incidents?manual=true", 200)["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    send(api("finance"), "POST", "/incidents", 403, **words, **about)

    wish = {"incident_id": made["id"], "kind": "merge", "reason": "同一故障"}
    send(noc, "POST", "/incident-links", 422, **wish)
    link = send(noc, "POST", "/incident-links", 201, **wish, other_id=ids["incident"])
    send(noc, "POST", "/incident-links", 409, **wish, other_id=ids["incident"])
    undone = send(noc, "POST", f"/incident-links/{link['id']}/undo", 200, reason="看错了")
    assert undone["undone_at"] is not None
    assert send(noc, "GET", f"/incident-links?incident_id={made['id']}", 200)["total"] == 1
    own = api("customer_viewer", customer_id=ids["customer"])
    seen = send(own, "GET", path, 200)
    # It was one of its own; who said so, and about which device, stays with staff.
    assert (seen["manual"], seen["reason"], seen["subject"]) == (True, "", "")
    send(own, "GET", f"/incident-links?incident_id={made['id']}", 404)
