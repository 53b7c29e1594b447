"""Marked copies over the API: made for somebody, listed, downloaded; customers have none of it."""

import hashlib

import pytest

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.issuing import issue_statement
from dcim.statements.marked_copies import LONGEST, trace_copies
from dcim.statements.models import Statement
from tests.integration.api.conftest import MakeClient
from tests.integration.api.test_incident_rulings import API, send
from tests.integration.statements.town import PERIOD, SYSTEM, build_town


@pytest.fixture
def ids(sessions: SessionFactory, settings: Settings) -> dict[str, int]:
    with transaction(sessions, SYSTEM) as session:
        contract = build_town(session)[0]
    found = issue_statement(sessions, SYSTEM, settings, contract, PERIOD).statement_id
    with transaction(sessions, SYSTEM) as session:
        return {"id": found, "customer": session.get_one(Statement, found).customer_id}


def test_a_copy_is_made_listed_and_downloaded(
    api: MakeClient, ids: dict[str, int], sessions: SessionFactory
) -> None:
    finance, auditor = api("finance"), api("auditor")
    path = f"/statements/{ids['id']}/copies"
    assert send(auditor, "GET", path, 200)["total"] == 0
    for wrong in ({}, {"recipient": ""}, {"recipient": "x" * (LONGEST + 1)}, {"recipient": 1}):
        send(finance, "POST", path, 422, **wrong)
    send(auditor, "POST", path, 403, recipient="示例审计")
    send(finance, "POST", f"/statements/{10**9}/copies", 404, recipient="示例审计")
    send(finance, "GET", f"/statements/{10**9}/copies", 404)
    made = send(finance, "POST", path, 201, recipient="示例审计")
    assert (made["recipient"], made["number"]) == ("示例审计", "SLA-202610-HT-1-01")
    assert send(auditor, "GET", path, 200)["items"] == [made]
    answer = auditor.get(f"{API}/statements/copies/{made['id']}/pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert hashlib.sha256(answer.data).hexdigest() == made["sha256"]
    with transaction(sessions, SYSTEM) as session:
        assert [one.id for one in trace_copies(session, SYSTEM, answer.data)] == [made["id"]]
    own = api("customer_administrator", customer_id=ids["customer"])
    send(own, "GET", path, 404)
    send(own, "POST", path, 404, recipient="自己")
    send(own, "GET", f"/statements/copies/{made['id']}/pdf", 404)
    send(finance, "GET", f"/statements/copies/{10**9}/pdf", 404)
