"""Correcting a statement on the pages: preview, proposal, decision, and what each face says."""

import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.files import produce_file
from dcim.statements.models import Statement
from dcim.statements.revision_models import RevisionProposal
from tests.integration.statements.revising_desk import REASON, RevisionDesk
from tests.integration.statements.test_review_decisions import RESULT
from tests.integration.statements.town import PERIOD, SYSTEM
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_chinese_pages import SENTENCE, read_text
from tests.integration.web.test_review_pages import post, read

pytestmark = pytest.mark.usefixtures("november")
LIST = "/staff/statements"


@pytest.fixture
def issued(sessions: SessionFactory, settings: Settings) -> dict[str, int]:
    """Revision 1, and how its unmeasured time counts, decided after it was issued."""
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk(session, settings)
        desk.decide("down")
        return {"id": desk.issued.id, "customer": desk.contract.customer_id}


@pytest.fixture
def enter(app: Flask, make_login: Callable[..., Login]) -> Callable[..., FlaskClient]:
    def make(role: str, **given: object) -> FlaskClient:
        client = app.test_client()
        sign_in(client, make_login(role, **given))
        return client

    return make


def propose(client: FlaskClient, path: str, status: int = 303, **fields: str) -> str:
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', read(client, path))
    assert seen
    return post(client, path, status, **{"seen": seen[1], "reason": REASON} | fields)


def open_proposal(sessions: SessionFactory) -> int:
    with transaction(sessions, SYSTEM) as session:
        return session.scalars(
            select(RevisionProposal.id).where(RevisionProposal.state == "open")
        ).one()


def test_the_page_says_what_the_statement_says(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, issued: dict[str, int]
) -> None:
    with transaction(sessions, SYSTEM) as session:
        document = session.get_one(Statement, issued["id"]).document
    page = unescape(read(enter("finance"), f"{LIST}/{issued['id']}"))
    for metric in document["metrics"]:
        assert metric["label"]["en"] in page
        assert metric["result_text"]["en"] in page
    for line in document["ledger"]:
        assert line["text"]["en"] in page
        assert line["key"] in page
    assert "Total" in page


def test_one_proposes_what_the_preview_shows_and_another_issues_it(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, issued: dict[str, int]
) -> None:
    finance, chief = enter("finance"), enter("administrator")
    page = f"{LIST}/{issued['id']}"
    path = f"{page}/correct"
    assert page in read(finance, LIST)
    assert path in read(finance, page)
    # Who may not propose isn't offered it, and is refused.
    assert path not in read(chief, page)
    read(chief, path, 403)
    preview = read(finance, path)
    for said in ("What revision 2 would change", "Needs review", "Breached", "−¥300.00", RESULT):
        assert said in preview
    # A reason is asked for, and the preview stays.
    refused = propose(finance, path, 422, reason="")
    assert "What revision 2 would change" in refused
    # What was seen binds; the form then shows what would change now.
    told = propose(finance, path, 409, seen="0" * 64)
    assert "isn&#39;t what you saw any more" in told
    assert f'value="{REASON}"' in told
    assert re.search(r'name="seen" value="(?!0{64})[0-9a-f]{64}"', told)
    propose(finance, path)
    proposal = open_proposal(sessions)
    decide, withdraw = (f"/staff/revision-proposals/{proposal}/{deed}" for deed in
                        ("decide", "withdraw"))  # fmt: skip
    for client, offered, hidden in ((finance, withdraw, decide), (chief, decide, withdraw)):
        told = read(client, page)
        assert REASON in told
        assert offered in told
        assert hidden not in told
        assert path not in told
    assert "waits for someone else to decide" in read(enter("auditor"), page)
    assert "Proposed corrections" in read(finance, LIST)
    assert "someone else decides" in post(finance, decide, 403, state="accepted", reason="x")
    # Whoever decides sees what it changes.
    assert "−¥300.00" in read(chief, decide)
    post(chief, decide, 422, state="accepted", reason="")
    post(chief, decide, state="accepted", reason="属实")
    with transaction(sessions, SYSTEM) as session:
        second = session.scalars(select(Statement).where(Statement.revision == 2)).one()
        assert second.credits == Decimal(-300)
        waiting = session.execute(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = 'print_statement'")
        ).scalars().all()  # fmt: skip
        assert waiting == [{"statement_id": second.id}]
        newer = f"{LIST}/{second.id}"
    told = read(finance, newer)
    for said in (
        "What it changes",
        REASON,
        "−¥300.00",
        "not made yet",
        "against SLA-202610-HT-3-01",
    ):
        assert said in told
    told = read(finance, page)
    assert "Revision 2 replaces it." in told
    assert newer in told
    assert "replaced by revision 2" in read(finance, LIST)
    told = read(finance, path)
    assert "SLA-202610-HT-3-01 is replaced already" in told
    assert 'name="seen"' not in told


def test_who_proposed_withdraws_and_another_refuses(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, issued: dict[str, int]
) -> None:
    finance, chief = enter("finance"), enter("administrator")
    path = f"{LIST}/{issued['id']}/correct"
    propose(finance, path)
    post(finance, f"/staff/revision-proposals/{open_proposal(sessions)}/withdraw", reason="看错了")
    propose(finance, path)
    one = f"/staff/revision-proposals/{open_proposal(sessions)}/decide"
    post(chief, one, state="refused", reason="依据不足")
    told = read(finance, f"{LIST}/{issued['id']}")
    for said in ("Withdrawn", "Refused", "依据不足", "看错了"):
        assert said in told
    assert "has decided this already" in post(chief, one, 409, state="accepted", reason="x")


def test_where_nothing_differs_nothing_is_proposed(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        path = f"{LIST}/{RevisionDesk(session, settings).issued.id}/correct"
    page = read(enter("finance"), path)
    assert "Nothing differs" in page
    assert 'name="seen"' not in page


def test_the_customer_sees_both_revisions_and_which_counts(
    enter: Callable[..., FlaskClient],
    sessions: SessionFactory,
    settings: Settings,
    issued: dict[str, int],
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk.reopen(session, settings, issued["id"])
        second = desk.correct()
        produce_file(session, SYSTEM, settings, second)
        newer = second.id
    customer = enter("customer_viewer", customer_id=issued["customer"])
    page = read(customer, "/portal/statements")
    assert "Revision 2 replaces it." in page
    assert page.count(f"/portal/statements/{newer}.pdf") == 2
    assert REASON in page
    other = enter("customer_viewer", customer_id=issued["customer"] - 1)
    read(other, f"/portal/statements/{newer}.pdf", 404)


def test_the_review_queue_offers_to_decide_an_issued_month(
    enter: Callable[..., FlaskClient], sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk(session, settings)
        contract = desk.contract.id
    noc = enter("noc")
    queue, path = (
        "/staff/reviews?state=issued",
        f"/staff/reviews/{contract}/{PERIOD}/{RESULT}/decide",
    )
    assert path in read(noc, queue)
    post(noc, path, treat_unknown="down", reason="上联口中断")
    page = read(noc, queue)
    assert "proposed: as down" in page
    with transaction(sessions, SYSTEM) as session:
        proposal = session.execute(text("SELECT id FROM review_decision")).scalar_one()
    post(enter("administrator"), f"/staff/review-decisions/{proposal}/decide", state="accepted",
         reason="属实")  # fmt: skip
    page = read(noc, queue)
    assert "decided: as down; it counts in the next revision" in page
    assert path not in page


def test_lists_take_the_same_number_of_queries(
    enter: Callable[..., FlaskClient],
    sessions: SessionFactory,
    settings: Settings,
    issued: dict[str, int],
) -> None:
    finance = enter("finance")

    def count(path: str) -> int:
        read(finance, path)
        with Counter(sessions.kw["bind"]) as counter:
            read(finance, path)
        return counter.count

    page = f"{LIST}/{issued['id']}"
    before = count(LIST), count(page)
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk.reopen(session, settings, issued["id"])
        desk.give_file(desk.correct())
    assert (count(LIST), count(page)) == before


def test_a_reader_of_chinese_reads_chinese(
    enter: Callable[..., FlaskClient],
    sessions: SessionFactory,
    settings: Settings,
    issued: dict[str, int],
) -> None:
    finance, chief = enter("finance", language="zh"), enter("administrator", language="zh")
    page = f"{LIST}/{issued['id']}"
    told = read_text(read(finance, f"{page}/correct"))
    for said in ("第 2 版将变更的内容", "待核定", "未达标", "有变化的部分", "服务等级", "人工核定"):
        assert said in told
    assert not SENTENCE.findall(told)
    told = propose(finance, f"{page}/correct", 409, seen="0" * 64)
    assert "将变更的内容与您所见不一致" in told
    propose(finance, f"{page}/correct")
    proposal = open_proposal(sessions)
    decide = f"/staff/revision-proposals/{proposal}/decide"
    for client, path in ((finance, page), (finance, LIST), (chief, decide)):
        assert not SENTENCE.findall(read_text(read(client, path)))
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk.reopen(session, settings, issued["id"])
        second = desk.accept(session.get_one(RevisionProposal, proposal)).id
    own = enter("customer_viewer", customer_id=issued["customer"], language="zh")
    faces = ((finance, f"{LIST}/{second}"), (finance, page), (own, "/portal/statements"))
    for client, path in faces:
        told = read_text(read(client, path))
        assert not SENTENCE.findall(told)
        assert "替代" in told
