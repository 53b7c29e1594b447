"""Deciding unmeasured time on the pages: what each choice means, and who is offered what."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.review_decisions import list_decisions
from dcim.statements.risk_models import CreditRisk
from dcim.statements.risk_rounds import measure_risks
from tests.integration.statements.test_review_decisions import AFTER, RESULT, DecisionDesk
from tests.integration.statements.town import PERIOD, SYSTEM
from tests.integration.web.conftest import Login, sign_in

REVIEWS = "/staff/reviews"


@pytest.fixture
def contract(sessions: SessionFactory, settings: Settings) -> int:
    with transaction(sessions, SYSTEM) as session:
        desk = DecisionDesk(session, settings)
        contracts, third = desk.contracts, desk.contract.id
    measure_risks(sessions, contracts, AFTER)
    return third


@pytest.fixture
def enter(app: Flask, make_login: Callable[..., Login]) -> Callable[[str], FlaskClient]:
    def make(role: str) -> FlaskClient:
        client = app.test_client()
        sign_in(client, make_login(role))
        return client

    return make


def read(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def post(client: FlaskClient, path: str, status: int = 303, **fields: str) -> str:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', read(client, path))
    data = fields | ({"csrf_token": token[1]} if token else {})
    answer = client.post(path, data=data)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def test_one_proposes_and_another_accepts(
    enter: Callable[[str], FlaskClient], sessions: SessionFactory, contract: int
) -> None:
    noc, chief = enter("noc"), enter("administrator")
    queue = f"{REVIEWS}?contract={contract}&state=closed"
    path = f"{REVIEWS}/{contract}/{PERIOD}/{RESULT}/decide"
    assert path in read(noc, queue)
    # Who may not propose isn't offered it.
    assert path not in read(enter("finance"), queue)
    form = read(noc, path)
    for said in ("as up: met, credit ¥0.00", "as down: missed, credit ¥300.00", "left out: met"):
        assert said in form
    refused = post(noc, path, 422, treat_unknown="down", evidence="工单 4711")
    # What was typed is still there.
    assert 'value="工单 4711"' in refused
    assert re.search(r'<input[^>]*checked[^>]*value="down"', refused)
    post(noc, path, treat_unknown="down", reason="上联口中断", evidence="工单 4711")
    with transaction(sessions, SYSTEM) as session:
        [row] = list_decisions(session, SYSTEM).items
    decide, withdraw = (f"/staff/review-decisions/{row.id}/{deed}" for deed in
                        ("decide", "withdraw"))  # fmt: skip
    page = read(noc, queue)
    assert "上联口中断 · 工单 4711" in page
    assert path not in page
    assert withdraw in page
    assert decide not in page
    page = read(chief, queue)
    assert decide in page
    assert withdraw not in page
    assert "waits for someone else to decide" in read(enter("staff"), queue)
    # A second proposal while one waits: said, and nothing typed is lost.
    told = post(chief, path, 409, treat_unknown="up", reason="另有看法")
    assert "has proposed to decide it already" in told
    assert "另有看法" in told
    # Whoever accepts sees what it costs.
    assert "as down: missed, credit ¥300.00" in read(chief, decide)
    post(chief, decide, 422, state="accepted", reason="")
    post(chief, decide, state="accepted", reason="属实")
    page = read(chief, queue)
    assert "decided: as down; it counts with the next round" in page
    assert decide not in page


def test_what_no_decision_settles_is_not_offered_one(
    enter: Callable[[str], FlaskClient], sessions: SessionFactory, contract: int
) -> None:
    """Where a fact is missing every choice leaves the result open."""
    noc, path = enter("noc"), f"{REVIEWS}/{contract}/{PERIOD}/{RESULT}/decide"
    assert path in read(noc, REVIEWS)
    with transaction(sessions, SYSTEM) as session:
        [row] = session.scalars(
            select(CreditRisk).where(
                CreditRisk.contract_id == contract, CreditRisk.period == PERIOD
            )
        )
        [review] = row.reviews
        open_still = [one | {"result": "needs_review"} for one in review["meanings"]]
        row.reviews = [review | {"meanings": open_still}]
    assert path not in read(noc, REVIEWS)


def test_who_proposed_is_refused_and_withdraws(
    enter: Callable[[str], FlaskClient], sessions: SessionFactory, contract: int
) -> None:
    chief = enter("administrator")
    path = f"{REVIEWS}/{contract}/{PERIOD}/{RESULT}/decide"
    post(chief, path, treat_unknown="left_out", reason="无从得知")
    with transaction(sessions, SYSTEM) as session:
        [row] = list_decisions(session, SYSTEM).items
    one = f"/staff/review-decisions/{row.id}"
    assert "someone else decides" in post(chief, f"{one}/decide", 403, state="accepted", reason="x")
    post(chief, f"{one}/withdraw", reason="看错了")
    assert path in read(chief, REVIEWS)


def test_a_running_month_waits(enter: Callable[[str], FlaskClient], contract: int) -> None:
    noc = enter("noc")
    page = read(noc, f"{REVIEWS}?contract={contract}&state=running")
    assert "to decide once the month is over" in page
    assert "/decide" not in page
    read(noc, f"{REVIEWS}/{10**9}/{PERIOD}/{RESULT}/decide", 404)
