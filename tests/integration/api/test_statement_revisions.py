"""Correcting statements over the API: preview, two people, the customer's own, what is refused."""

import pytest
from sqlalchemy import text

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from tests.integration.api.conftest import MakeClient
from tests.integration.api.test_incident_rulings import send
from tests.integration.statements.revising_desk import REASON, RevisionDesk
from tests.integration.statements.town import PERIOD, SYSTEM

PATH = "/statement-revisions"
PREVIEW = f"{PATH}/preview"


@pytest.fixture
def ids(sessions: SessionFactory, settings: Settings) -> dict[str, int]:
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk(session, settings)
        desk.decide("down")
        return {"id": desk.issued.id, "customer": desk.contract.customer_id}


def test_correcting_takes_a_look_and_two_tokens(
    api: MakeClient, ids: dict[str, int], sessions: SessionFactory
) -> None:
    finance, chief = api("finance"), api("administrator")
    send(chief, "POST", PREVIEW, 403, statement_id=ids["id"])
    send(finance, "POST", PREVIEW, 404, statement_id=10**9)
    seen = send(finance, "POST", PREVIEW, 200, statement_id=ids["id"])
    assert (seen["revision"], seen["changes"], seen["credits"]) == (2, True, "-300.00")
    (line,) = seen["differences"]["lines"]
    assert line["difference"] == "-300.00"
    wish = {"statement_id": ids["id"], "seen": seen["sha256"], "reason": REASON}
    send(finance, "POST", PATH, 422, **{**wish, "reason": ""})
    send(finance, "POST", PATH, 422, **{**wish, "reason": "长" * 256})
    send(finance, "POST", PATH, 422, **{**wish, "seen": "yes"})
    send(finance, "POST", PATH, 404, **{**wish, "statement_id": 10**9})
    told = send(finance, "POST", PATH, 409, **{**wish, "seen": "0" * 64})
    assert "isn't what you saw" in told["detail"]
    send(chief, "POST", PATH, 403, **wish)
    made = send(finance, "POST", PATH, 201, **wish)
    assert (made["state"], made["period"], made["issued_id"]) == ("open", PERIOD, None)
    assert made["differences"] == seen["differences"]
    assert "has proposed to correct it" in send(finance, "POST", PATH, 409, **wish)["detail"]
    one = f"{PATH}/{made['id']}"
    decision = {"state": "accepted", "reason": "属实"}
    # The right alone isn't enough: whoever proposed it doesn't decide.
    told = send(finance, "PUT", f"{one}/decision", 403, **decision)
    assert "someone else decides" in told["detail"]
    own = api("customer_viewer", customer_id=ids["customer"])
    send(own, "GET", one, 404)
    send(own, "POST", PREVIEW, 404, statement_id=ids["id"])
    decided = send(chief, "PUT", f"{one}/decision", 200, **decision)
    assert decided["state"] == "accepted"
    told = send(finance, "POST", PREVIEW, 409, statement_id=ids["id"])
    assert "is replaced already" in told["detail"]
    told = send(chief, "PUT", f"{one}/decision", 409, **decision)
    assert "has decided this already" in told["detail"]
    # Its PDF is under way, once.
    with transaction(sessions, SYSTEM) as session:
        jobs = session.scalars(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = 'print_statement'")
        ).all()
    assert jobs == [{"statement_id": decided["issued_id"]}]
    row = send(own, "GET", f"/statements/{decided['issued_id']}", 200)
    assert (row["revision"], row["reason"], row["newest_id"]) == (2, REASON, row["id"])
    old = send(own, "GET", f"/statements/{ids['id']}", 200)
    assert (old["newest_id"], old["newest_revision"]) == (row["id"], 2)
    assert send(own, "GET", f"{PATH}?statement_id={ids['id']}", 200)["total"] == 1
    # All lines of the month add up to the newest revision, the revision's to what it changes.
    lines = send(own, "GET", f"/ledger?statement_id={row['id']}&kind=correction", 200)["items"]
    assert {line["amount"][0] for line in lines} == {"-"}
    other = api("customer_viewer", customer_id=ids["customer"] - 1)
    assert send(other, "GET", PATH, 200)["total"] == 0
    send(other, "GET", one, 404)


def test_a_proposal_is_withdrawn_by_its_own_token(api: MakeClient, ids: dict[str, int]) -> None:
    finance = api("finance")
    seen = send(finance, "POST", PREVIEW, 200, statement_id=ids["id"])["sha256"]
    wish = {"statement_id": ids["id"], "seen": seen, "reason": REASON}
    made = send(finance, "POST", PATH, 201, **wish)
    one = f"{PATH}/{made['id']}/withdrawal"
    send(finance, "POST", one, 422, reason="")
    assert send(finance, "POST", one, 200, reason="看错了")["state"] == "withdrawn"
    send(finance, "POST", one, 409, reason="看错了")
    assert send(finance, "GET", f"{PATH}?state=open", 200)["total"] == 0
    send(finance, "POST", PATH, 201, **wish)
