"""Months that wait for approval over the API: preview, two tokens, what is refused, no customer."""

import pytest
from sqlalchemy import select, text

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.approval_models import HeldMonth
from tests.integration.api.conftest import MakeClient
from tests.integration.api.test_incident_rulings import send
from tests.integration.statements.holding_desk import REASON, open_town, run, run_alone
from tests.integration.statements.revising_desk import bring_samples
from tests.integration.statements.town import PERIOD, SYSTEM

MONTHS, PROPOSALS = "/held-months", "/issue-proposals"


@pytest.fixture
def ids(sessions: SessionFactory, settings: Settings) -> dict[str, int]:
    open_town(sessions, settings)
    run_alone(sessions, settings)
    with transaction(sessions, SYSTEM) as session:
        row = session.scalars(select(HeldMonth)).one()
        return {"id": row.id, "customer": row.customer_id}


def test_issuing_takes_a_look_and_two_tokens(
    api: MakeClient, ids: dict[str, int], sessions: SessionFactory
) -> None:
    finance, chief = api("finance"), api("administrator")
    (row,) = send(finance, "GET", f"{MONTHS}?state=held&period={PERIOD}", 200)["items"]
    assert (row["id"], row["contract_number"], row["reasons"]["open"]) == (ids["id"], "HT-3", 1)
    assert send(finance, "GET", f"{MONTHS}?state=approved", 200)["total"] == 0
    send(finance, "GET", f"{MONTHS}?state=odd", 422)
    one = f"{MONTHS}/{ids['id']}"
    send(finance, "POST", f"{MONTHS}/{10**9}/preview", 404)
    seen = send(chief, "POST", f"{one}/preview", 200)
    assert (seen["sha256"], seen["differs"], seen["total"]) == (row["sha256"], False, row["total"])
    told = send(finance, "POST", f"{one}/issue", 409)
    assert "waits for approval: Results left open: 1." in told["detail"]
    wish = {"held_month_id": ids["id"], "seen": seen["sha256"], "reason": REASON}
    for wrong in ({"reason": ""}, {"reason": "长" * 4001}, {"seen": "yes"}):
        send(finance, "POST", PROPOSALS, 422, **{**wish, **wrong})
    send(finance, "POST", PROPOSALS, 404, **{**wish, "held_month_id": 10**9})
    told = send(finance, "POST", PROPOSALS, 409, **{**wish, "seen": "0" * 64})
    assert "isn't what you saw" in told["detail"]
    send(chief, "POST", PROPOSALS, 403, **wish)
    made = send(finance, "POST", PROPOSALS, 201, **wish)
    assert (made["state"], made["period"], made["issued_id"]) == ("open", PERIOD, None)
    told = send(finance, "POST", PROPOSALS, 409, **wish)
    assert "has proposed to issue it" in told["detail"]
    assert send(chief, "GET", one, 200)["proposal_id"] == made["id"]
    path = f"{PROPOSALS}/{made['id']}"
    decision = {"state": "accepted", "reason": "属实"}
    # The right alone isn't enough: whoever proposed it doesn't decide.
    told = send(finance, "PUT", f"{path}/decision", 403, **decision)
    assert "someone else decides" in told["detail"]
    decided = send(chief, "PUT", f"{path}/decision", 200, **decision)
    assert decided["state"] == "accepted"
    told = send(chief, "PUT", f"{path}/decision", 409, **decision)
    assert "has decided this already" in told["detail"]
    with transaction(sessions, SYSTEM) as session:
        jobs = session.scalars(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = 'print_statement'")
        ).all()
    assert jobs == [{"statement_id": decided["issued_id"]}]
    own = api("customer_viewer", customer_id=ids["customer"])
    document = send(own, "GET", f"/statements/{decided['issued_id']}/document", 200)
    assert document["approval"]["text"] == "属实"


def test_a_customer_reads_none_of_it(
    api: MakeClient, ids: dict[str, int], sessions: SessionFactory, settings: Settings
) -> None:
    run(sessions, settings)  # others have their statements
    own = api("customer_viewer", customer_id=ids["customer"])
    for path in (MONTHS, f"{MONTHS}/{ids['id']}", PROPOSALS):
        send(own, "GET", path, 404)
    send(own, "POST", f"{MONTHS}/{ids['id']}/preview", 404)
    contract = send(own, "GET", "/contracts", 200)["items"][0]
    assert not {"approve_open", "approve_above"} & set(contract)
    assert send(own, "GET", f"/statements?period={PERIOD}", 200)["total"] == 0


def test_what_is_mended_is_issued_without_a_second_person(
    api: MakeClient, ids: dict[str, int], sessions: SessionFactory
) -> None:
    finance = api("finance")
    seen = send(finance, "POST", f"{MONTHS}/{ids['id']}/preview", 200)["sha256"]
    wish = {"held_month_id": ids["id"], "seen": seen, "reason": REASON}
    made = send(finance, "POST", PROPOSALS, 201, **wish)
    send(finance, "POST", f"{PROPOSALS}/{made['id']}/withdrawal", 200, reason="看错了")
    with transaction(sessions, SYSTEM) as session:
        bring_samples(session)
    assert send(finance, "POST", f"{MONTHS}/{ids['id']}/preview", 200)["reasons"] == {}
    row = send(finance, "POST", f"{MONTHS}/{ids['id']}/issue", 200)
    assert row["state"] == "freed"


def test_rules_are_records_like_others(api: MakeClient, ids: dict[str, int]) -> None:
    finance, auditor = api("finance"), api("auditor")
    (rule,) = send(auditor, "GET", "/approval-rules", 200)["items"]
    assert (rule["currency"], rule["when_open"], rule["credits_above"]) == ("CNY", True, None)
    send(auditor, "POST", "/approval-rules", 403, currency="USD")
    send(finance, "POST", "/approval-rules", 422, currency="USD", credits_above="-1")
    made = send(finance, "POST", "/approval-rules", 201, currency="USD", credits_above="500")
    assert (made["when_open"], made["credits_above"]) == (True, "500.00")
    send(finance, "POST", "/approval-rules", 409, currency="USD")
