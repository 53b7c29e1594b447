"""Months that wait for approval on the pages: list, proposal, decision, and what others see."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.approval_models import HeldMonth, IssueProposal
from dcim.statements.models import Statement
from tests.integration.statements.holding_desk import (
    REASON,
    HoldingDesk,
    open_town,
    run,
    run_alone,
)
from tests.integration.statements.revising_desk import bring_samples
from tests.integration.statements.town import PERIOD, SYSTEM
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_chinese_pages import SENTENCE, read_text
from tests.integration.web.test_review_pages import post, read

pytestmark = pytest.mark.usefixtures("november")
LIST = "/staff/statements/held"


@pytest.fixture
def contract_id(sessions: SessionFactory, settings: Settings) -> int:
    """HT-3 waits."""
    found = open_town(sessions, settings)
    run_alone(sessions, settings)
    return found


@pytest.fixture
def page(sessions: SessionFactory, contract_id: int) -> str:
    with transaction(sessions, SYSTEM) as session:
        return f"{LIST}/{session.scalars(select(HeldMonth.id)).one()}"


@pytest.fixture
def enter(app: Flask, make_login: Callable[..., Login]) -> Callable[..., FlaskClient]:
    def make(role: str, **given: object) -> FlaskClient:
        client = app.test_client()
        sign_in(client, make_login(role, **given))
        return client

    return make


def propose(client: FlaskClient, page: str, status: int = 303, **fields: str) -> str:
    path = f"{page}/propose"
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', read(client, path))
    assert seen
    return post(client, path, status, **{"seen": seen[1], "reason": REASON} | fields)


def release(client: FlaskClient, page: str) -> None:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', read(client, f"{page}/propose"))
    assert token
    assert client.post(f"{page}/issue", data={"csrf_token": token[1]}).status_code == 303


def open_proposal(sessions: SessionFactory) -> int:
    with transaction(sessions, SYSTEM) as session:
        return session.scalars(select(IssueProposal.id).where(IssueProposal.state == "open")).one()


def test_one_proposes_what_would_be_issued_and_another_issues_it(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, page: str
) -> None:
    finance, chief, auditor = enter("finance"), enter("administrator"), enter("auditor")
    for client in (finance, chief, auditor):
        told = read(client, LIST)
        for said in ("HT-3", PERIOD, "results left open: 1", "nobody looked yet"):
            assert said in told
    statements = read(finance, "/staff/statements")
    assert "Months waiting for approval before they are issued: 1" in statements
    assert "waiting for approval: 1" in statements
    assert "Months waiting for approval" in read(chief, "/staff/")
    # NOC sees that one waits, and no amount of it.
    noc = enter("noc")
    assert "Months waiting for approval" in read(noc, "/noc/credits")
    read(noc, LIST, 403)
    path = f"{page}/propose"
    assert path in read(finance, page)
    # Who may not propose isn't offered it, and is refused.
    assert path not in read(chief, page)
    read(chief, path, 403)
    preview = read(finance, path)
    for said in ("What would be issued", "Needs review", "monthly fee", "results left open: 1"):
        assert said in preview
    refused = propose(finance, page, 422, reason="")
    assert "What would be issued" not in refused or 'name="seen"' in refused
    told = propose(finance, page, 409, seen="0" * 64)
    assert "isn&#39;t what you saw any more" in told
    assert f'value="{REASON}"' in told
    propose(finance, page)
    proposal = open_proposal(sessions)
    decide, withdraw = (f"/staff/issue-proposals/{proposal}/{deed}" for deed in
                        ("decide", "withdraw"))  # fmt: skip
    for client, offered, hidden in ((finance, withdraw, decide), (chief, decide, withdraw)):
        told = read(client, page)
        assert REASON in told
        assert offered in told
        assert hidden not in told
        assert path not in told
    assert "waits for someone else to decide" in read(auditor, page)
    assert "someone else decides" in post(finance, decide, 403, state="accepted", reason="x")
    assert "monthly fee" in read(chief, decide)
    post(chief, decide, 422, state="accepted", reason="")
    post(chief, decide, state="accepted", reason="属实")
    with transaction(sessions, SYSTEM) as session:
        made = session.scalars(select(Statement).where(Statement.number.contains("HT-3"))).one()
        waiting = session.execute(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = 'print_statement'")
        ).scalars().all()  # fmt: skip
        assert waiting == [{"statement_id": made.id}]
        number = made.id
    told = read(finance, f"/staff/statements/{number}")
    for said in ("Approved before it was issued", REASON, "属实"):
        assert said in told
    assert "Nothing waits for approval" in read(finance, LIST)
    assert "issued by two people" in read(finance, f"{LIST}?state=approved")
    assert "is issued already as" in read(finance, path)
    assert "Months waiting for approval" not in read(finance, "/staff/statements")


def test_who_proposed_withdraws_and_another_refuses(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, page: str
) -> None:
    finance, chief = enter("finance"), enter("administrator")
    propose(finance, page)
    post(finance, f"/staff/issue-proposals/{open_proposal(sessions)}/withdraw", reason="看错了")
    propose(finance, page)
    one = f"/staff/issue-proposals/{open_proposal(sessions)}/decide"
    post(chief, one, state="refused", reason="依据不足")
    told = read(finance, page)
    for said in ("Withdrawn", "Refused", "依据不足", "看错了", "Look and propose"):
        assert said in told
    assert "has decided this already" in post(chief, one, 409, state="accepted", reason="x")


def test_what_has_changed_is_said_before_it_is_approved(
    enter: Callable[..., FlaskClient],
    sessions: SessionFactory,
    settings: Settings,
    page: str,
    contract_id: int,
) -> None:
    finance, chief = enter("finance"), enter("administrator")
    propose(finance, page)
    one = f"/staff/issue-proposals/{open_proposal(sessions)}/decide"
    with transaction(sessions, SYSTEM) as session:
        HoldingDesk.reopen(session, settings, contract_id).decide("down")
    assert "It says something else now than when it was proposed" in read(chief, one)
    told = post(chief, one, 409, state="accepted", reason="x")
    assert "isn&#39;t what was proposed any more" in told


def test_what_nothing_holds_any_more_is_issued_from_its_page(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, page: str
) -> None:
    finance = enter("finance")
    release(finance, page)
    assert "waits for approval" in read(finance, page)
    with transaction(sessions, SYSTEM) as session:
        bring_samples(session)
    told = read(finance, f"{page}/propose")
    assert "Nothing holds it any more" in told
    assert 'name="seen"' not in told
    release(finance, page)
    assert "issued: nothing held it any more" in read(finance, page)


def test_the_customer_sees_that_it_isn_t_issued_and_nothing_else(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, settings: Settings, page: str
) -> None:
    run(sessions, settings)  # others have theirs
    with transaction(sessions, SYSTEM) as session:
        customer_id = session.scalars(select(HeldMonth.customer_id)).one()
    own = enter("customer_viewer", customer_id=customer_id)
    told = read(own, "/portal/statements")
    assert "No statement" in told
    for path in ("/portal/", "/portal/statements", "/portal/contracts"):
        told = read(own, path)
        for said in ("pproval", "held-month", "SLA-202610", REASON):
            assert said not in told, (path, said)
    read(own, page, 404)


def test_lists_take_the_same_number_of_queries(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, page: str
) -> None:
    finance = enter("finance")

    def count(path: str) -> int:
        read(finance, path)
        with Counter(sessions.kw["bind"]) as counter:
            read(finance, path)
        return counter.count

    paths = (LIST, "/staff/statements", page)
    before = [count(path) for path in paths]
    with transaction(sessions, SYSTEM) as session:
        row = session.scalars(select(HeldMonth)).one()
        for month in range(1, 13):
            session.add(
                HeldMonth(
                    customer_id=row.customer_id, contract_id=row.contract_id, currency="CNY",
                    period=f"2025-{month:02d}", verdict="met", total=1, credits=-5, sha256="0" * 64,
                    reasons={"credits": "5.00", "above": "1.00"},
                )
            )  # fmt: skip
    propose(finance, page)
    assert [count(path) for path in paths] == before


def test_a_reader_of_chinese_reads_chinese(
    enter: Callable[..., FlaskClient],
    sessions: SessionFactory,
    settings: Settings,
    page: str,
    contract_id: int,
) -> None:
    run(sessions, settings)  # the list of statements isn't empty
    finance, chief = enter("finance", language="zh"), enter("administrator", language="zh")
    told = read_text(read(finance, f"{page}/propose"))
    for said in ("将出具的对账单内容", "待核定", "月费"):
        assert said in told
    assert not SENTENCE.findall(told)
    told = propose(finance, page, 409, seen="0" * 64)
    assert "与您所见不一致" in told
    propose(finance, page)
    decide = f"/staff/issue-proposals/{open_proposal(sessions)}/decide"
    for client, path in (
        (finance, LIST),
        (finance, page),
        (finance, "/staff/statements"),
        (chief, decide),
        (chief, "/staff/approval-rules"),
        (chief, "/staff/approval-rules/new"),
    ):
        assert not SENTENCE.findall(read_text(read(client, path))), path
    with transaction(sessions, SYSTEM) as session:
        HoldingDesk.reopen(session, settings, contract_id).decide("down")
    told = post(chief, decide, 409, state="accepted", reason="x")
    assert not SENTENCE.findall(read_text(told))
