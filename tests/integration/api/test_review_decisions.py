"""Decisions about unmeasured time over the API: two people, the customer's own, what is refused."""

import pytest

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.api.test_incident_rulings import send
from tests.integration.statements.test_review_decisions import RESULT, DecisionDesk
from tests.integration.statements.town import PERIOD, SYSTEM

PATH = "/review-decisions"


@pytest.fixture
def ids(sessions: SessionFactory, settings: Settings) -> dict[str, int]:
    with transaction(sessions, SYSTEM) as session:
        desk = DecisionDesk(session, settings)
        return {"contract_id": desk.contract.id, "customer": desk.contract.customer_id}


def test_deciding_takes_two_tokens_of_two_people(api: MakeClient, ids: dict[str, int]) -> None:
    noc, chief, finance = api("noc"), api("administrator"), api("finance")
    wish = {
        "contract_id": ids["contract_id"], "period": PERIOD, "result": RESULT,
        "treat_unknown": "down", "reason": "上联口中断",
    }  # fmt: skip
    send(noc, "POST", PATH, 422, **{**wish, "treat_unknown": "leave_out"})
    send(noc, "POST", PATH, 422, **{**wish, "period": "2026-13"})
    send(noc, "POST", PATH, 422, **{**wish, "reason": ""})
    send(noc, "POST", PATH, 404, **{**wish, "contract_id": 10**9})
    told = send(noc, "POST", PATH, 422, **{**wish, "result": "power.X"})
    assert "promise no power.X in 2026-10" in told["detail"]
    send(finance, "POST", PATH, 403, **wish)
    made = send(chief, "POST", PATH, 201, **wish, evidence="工单 4711")
    assert (made["state"], made["result"], made["evidence"]) == ("open", RESULT, "工单 4711")
    assert "has proposed to decide it" in send(noc, "POST", PATH, 409, **wish)["detail"]
    one = f"{PATH}/{made['id']}"
    decision = {"state": "accepted", "reason": "核实"}
    # The right alone isn't enough: whoever proposed it doesn't decide.
    told = send(chief, "PUT", f"{one}/decision", 403, **decision)
    assert "someone else decides" in told["detail"]
    send(noc, "PUT", f"{one}/decision", 403, **decision)
    send(noc, "POST", f"{one}/withdrawal", 403, reason="x")
    own = api("customer_viewer", customer_id=ids["customer"])
    send(own, "GET", one, 404)
    assert send(finance, "PUT", f"{one}/decision", 200, **decision)["state"] == "accepted"
    told = send(finance, "PUT", f"{one}/decision", 409, **decision)
    assert "has decided this already" in told["detail"]
    listed = send(own, "GET", f"{PATH}?period={PERIOD}&state=accepted", 200)["items"]
    assert [row["reason"] for row in listed] == ["上联口中断"]
    other = api("customer_viewer", customer_id=ids["customer"] - 1)
    assert send(other, "GET", PATH, 200)["total"] == 0
    send(other, "GET", one, 404)
    send(own, "POST", PATH, 404, **wish)


def test_a_proposal_is_withdrawn_by_its_own_token(api: MakeClient, ids: dict[str, int]) -> None:
    noc = api("noc")
    wish = {
        "contract_id": ids["contract_id"], "period": PERIOD, "result": RESULT,
        "treat_unknown": "up", "reason": "上联口正常",
    }  # fmt: skip
    made = send(noc, "POST", PATH, 201, **wish)
    one = f"{PATH}/{made['id']}/withdrawal"
    send(noc, "POST", one, 422, reason="")
    assert send(noc, "POST", one, 200, reason="看错了")["state"] == "withdrawn"
    send(noc, "POST", one, 409, reason="看错了")
    assert send(noc, "GET", f"{PATH}?state=open", 200)["total"] == 0
