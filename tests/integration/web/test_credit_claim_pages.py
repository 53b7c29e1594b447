"""Claims by their pages: made in the portal from the statement, decided by staff."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.claimable import list_claimable
from dcim.statements.credit_claims import list_claims
from dcim.statements.models import Statement
from tests.integration.statements.test_credit_claims import CLAIMED, IN_TIME, TOO_LATE, Desk
from tests.integration.statements.test_past_periods import OCTOBER
from tests.integration.statements.town import SYSTEM
from tests.integration.web.conftest import Login
from tests.integration.web.test_staff_forms import Person

MakeLogin = Callable[..., Login]
LONG = CLAIMED.replace("within: 10 d", "within: 3650 d")


@pytest.fixture
def issued(sessions: SessionFactory, settings: Settings) -> tuple[int, int, str]:
    """Statement, customer, and the result that 300.00 may be claimed for through ten years."""
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session, settings)
        desk.agree(LONG)
        desk.issue("2026-10", LONG, OCTOBER)
        statement = session.query(Statement).one()
        assert statement.verdict == "breached"
        return statement.id, desk.contract.customer_id, desk.result


def test_a_claim_from_the_statement_to_the_decision(
    app: Flask,
    make_login: MakeLogin,
    sessions: SessionFactory,
    issued: tuple[int, int, str],
) -> None:
    statement, customer, result = issued
    own = Person(app, make_login("customer_viewer", customer_id=customer))
    path = f"/portal/statements/{statement}/claim"
    assert path in own.client.get("/portal/statements").get_data(as_text=True)
    page = own.client.get(path).get_data(as_text=True)
    assert result in page
    assert "300.00" in page
    assert own.post(path, results="power.X", text="").status_code == 422
    assert "HX-Redirect" in own.post(path, results=result, text="CLAIM-TEXT").headers
    with transaction(sessions, SYSTEM) as session:
        (claim,) = list_claims(session, SYSTEM).items
        assert (claim.results, claim.period, claim.state) == ([result], "2026-10", "open")
    # It is claimed: there is nothing more to claim.
    assert result not in own.client.get(path).get_data(as_text=True)

    staff = Person(app, make_login("finance"))
    assert "CLAIM-TEXT" in staff.client.get("/staff/credit-claims").get_data(as_text=True)
    decide = f"/staff/credit-claims/{claim.id}/decide"
    assert staff.client.get(decide).status_code == 200
    assert staff.post(decide, state="refused", reason="").status_code == 422
    assert "HX-Redirect" in staff.post(decide, state="refused", reason="NO-OUTAGE").headers
    assert "CLAIM-TEXT" not in staff.client.get("/staff/credit-claims").get_data(as_text=True)
    refused = staff.client.get("/staff/credit-claims?state=refused").get_data(as_text=True)
    assert "NO-OUTAGE" in refused


def test_another_customer_finds_no_statement_to_claim_for(
    app: Flask, make_login: MakeLogin, issued: tuple[int, int, str]
) -> None:
    statement, customer, _ = issued
    other = Person(app, make_login("customer_administrator", customer_id=customer - 1))
    assert other.client.get(f"/portal/statements/{statement}/claim").status_code == 404


def test_after_the_deadline_nothing_is_claimable(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session, settings)
        desk.issue("2026-10", CLAIMED, OCTOBER)
        statement = session.query(Statement).one().id

        def found(now: dt.datetime) -> list[str]:
            return [row.result for row in list_claimable(session, desk.own, statement, now)]

        assert found(IN_TIME) == [desk.result]
        assert found(TOO_LATE) == []
