"""Claims of credits over the API: a customer's own, staff's for it, and their decision."""

from typing import Any

from flask.testing import FlaskClient

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.statements.test_credit_claims import Desk
from tests.integration.statements.town import SYSTEM

URL = "/api/v1/credit-claims"


def build(sessions: SessionFactory, settings: Settings) -> tuple[int, int, str]:
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session, settings)
        return desk.contract.id, desk.contract.customer_id, desk.result


def post(client: FlaskClient, status: int, **body: Any) -> Any:
    answer = client.post(URL, json={"period": "2026-10", **body})
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_a_claim_from_request_to_decision(
    api: MakeClient, sessions: SessionFactory, settings: Settings
) -> None:
    contract, customer, result = build(sessions, settings)
    own = api("customer_viewer", customer_id=customer)
    made = post(own, 201, contract_id=contract, results=[result], text="断网")
    assert (made["state"], made["results"], made["contract_number"]) == ("open", [result], "HT-3")
    post(own, 403, contract_id=contract, made_at="2026-11-02T00:00:00Z")
    post(own, 422, contract_id=contract, results=["power.A05"])
    post(own, 422, contract_id=contract, period="2026-13")
    decision = {"state": "accepted", "reason": "核实"}
    assert own.put(f"{URL}/{made['id']}/decision", json=decision).status_code == 404

    finance = api("finance")
    entered = post(finance, 201, contract_id=contract, made_at="2026-11-02T00:00:00Z")
    assert entered["made_at"] == "2026-11-02T00:00:00Z"
    answer = finance.put(f"{URL}/{made['id']}/decision", json=decision)
    assert (answer.status_code, answer.get_json()["state"]) == (200, "accepted")
    assert own.get(f"{URL}/{made['id']}").get_json()["reason"] == "核实"
    listed = finance.get(f"{URL}?state=open&period=2026-10").get_json()
    assert [one["id"] for one in listed["items"]] == [entered["id"]]

    noc = api("noc")
    assert noc.get(URL).status_code == 403
    post(noc, 403, contract_id=contract)


def test_another_customer_sees_and_claims_nothing(
    api: MakeClient, sessions: SessionFactory, settings: Settings
) -> None:
    contract, customer, _ = build(sessions, settings)
    made = post(api("finance"), 201, contract_id=contract)
    other = api("customer_administrator", customer_id=customer - 1)
    assert other.get(URL).get_json()["total"] == 0
    assert other.get(f"{URL}/{made['id']}").status_code == 404
    post(other, 404, contract_id=contract)
