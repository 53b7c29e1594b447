"""The raw samples by all three faces, in parts and audited; marked copies as staff makes them."""

import hashlib
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import SessionFactory, transaction
from dcim.statements import marked_copies, sample_files
from dcim.statements.issuing import issue_statement
from dcim.statements.models import MarkedCopy, Statement
from dcim.statements.sample_files import samples_path
from reports.marking import find_codes
from tests.integration.api.conftest import MakeClient, api  # noqa: F401 - a fixture
from tests.integration.api.test_lists import counting
from tests.integration.statements.town import PERIOD, SYSTEM, build_town
from tests.integration.web.conftest import Login, sign_in


@pytest.fixture
def issued(sessions: SessionFactory, settings: Settings) -> tuple[int, int, int, bytes]:
    """(statement, its customer, another, its archive)."""
    with transaction(sessions, SYSTEM) as session:
        contracts = build_town(session)
        mine, other = (session.get_one(Contract, one).customer_id for one in contracts[:2])
    found = issue_statement(sessions, SYSTEM, settings, contracts[0], PERIOD)
    return found.statement_id, mine, other, samples_path(settings, found.number).read_bytes()


@pytest.fixture
def as_role(app: Flask, make_login: Callable[..., Login]) -> Callable[..., FlaskClient]:
    def client(role: str, **rest: object) -> FlaskClient:
        one = app.test_client()
        assert sign_in(one, make_login(role, **rest)) == 302
        return one

    return client


def test_every_face_sends_the_samples_whole_and_in_parts(
    issued: tuple[int, int, int, bytes],
    as_role: Callable[..., FlaskClient],
    api: MakeClient,  # noqa: F811
    sessions: SessionFactory,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number, mine, other, archive = issued
    monkeypatch.setattr(sample_files, "PART", 10_000)
    staff_path = f"/staff/statements/{number}.samples.zip"
    portal_path = f"/portal/statements/{number}.samples.zip"
    api_path = f"/api/v1/statements/{number}/samples"
    staff, customer = as_role("staff"), as_role("customer_administrator", customer_id=mine)
    for client, path in (
        (staff, staff_path),
        (customer, portal_path),
        (api("customer_viewer", customer_id=mine), api_path),
    ):
        answer = client.get(path)
        parts = list(answer.iter_encoded())
        answer.close()
        assert b"".join(parts) == archive, path
        assert len(parts) == -(-len(archive) // 10_000) > 1
        assert answer.mimetype == "application/zip"
        assert answer.headers["Content-Length"] == str(len(archive))
        assert "SLA-202610-HT-1-01.samples.zip" in answer.headers["Content-Disposition"]
    stranger = as_role("customer_administrator", customer_id=other)
    for client, path in (
        (stranger, portal_path),
        (stranger, portal_path.replace(str(number), "999999")),
        (api("customer_viewer", customer_id=other), api_path),
        (staff, "/staff/statements/999999.samples.zip"),
    ):
        assert client.get(path).status_code == 404, path
    assert as_role("noc").get(staff_path).status_code == 403
    sha256 = hashlib.sha256(archive).hexdigest()
    with transaction(sessions, SYSTEM) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.subject.like("statement/%")))
        read = [one for one in told if one.action == "statement.download"]
        assert len(read) == 3
        assert {one.detail["sha256"] for one in read} == {sha256}
    page = customer.get("/portal/statements").get_data(as_text=True)
    assert portal_path in page
    assert sha256 in page
    samples_path(settings, "SLA-202610-HT-1-01").write_bytes(archive[:-1])
    assert customer.get(portal_path).status_code == 500


def test_a_statement_without_samples_offers_none(
    issued: tuple[int, int, int, bytes],
    as_role: Callable[..., FlaskClient],
    sessions: SessionFactory,
) -> None:
    """As those are that were issued before there were such files."""
    with transaction(sessions, SYSTEM) as session:
        one = session.get_one(Statement, issued[0])
        old = Statement(
            customer_id=one.customer_id, contract_id=one.contract_id, number="OLD",
            period="2026-09", currency="CNY", total=one.total, credits=one.credits,
            verdict="met", document={},
            document_sha256="0" * 64, inputs=b"", inputs_sha256="0" * 64,
        )  # fmt: skip
        session.add(old)
        session.flush()
        path = f"/portal/statements/{old.id}.samples.zip"
    customer = as_role("customer_administrator", customer_id=issued[1])
    page = customer.get("/portal/statements").get_data(as_text=True)
    assert "OLD" in page
    assert path not in page
    assert customer.get(path).status_code == 404


def token_of(page: str) -> str:
    return page.split('csrf-token" content="', 1)[1].split('"', 1)[0]


def test_staff_makes_a_copy_for_somebody_and_gets_it(
    issued: tuple[int, int, int, bytes],
    as_role: Callable[..., FlaskClient],
    sessions: SessionFactory,
) -> None:
    path = f"/staff/statements/{issued[0]}/copies"
    finance = as_role("finance")
    own_page = finance.get(f"/staff/statements/{issued[0]}").get_data(as_text=True)
    assert path in own_page
    in_chinese = finance.get(f"/staff/statements/{issued[0]}?lang=zh").get_data(as_text=True)
    cards = re.findall(r"<h2[^>]*>(.*?)</h2>", in_chinese)
    heads = re.findall(r"<th [^>]*>([^<]+)</th>", in_chinese)
    assert any(card.startswith("费用明细") for card in cards), cards
    assert heads[:8] == ["承诺", "结论", "可用率", "中断时长", "抵扣", "项目", "条款号", "金额"]
    page = finance.get(path).get_data(as_text=True)
    assert "SLA-202610-HT-1-01" in page
    data = {"csrf_token": token_of(page)}
    for name in ("", "  ", "x" * 121):
        answer = finance.post(path, data=data | {"recipient": name})
        assert answer.status_code == 422, name
        assert name.strip() in answer.get_data(as_text=True)
    odd = finance.post(path, data=data | {"recipient": "a\u202eb"})
    assert odd.status_code == 422
    assert finance.post(path, data=data | {"recipient": "审计 <Auditors>"}).status_code == 303
    page = finance.get(path).get_data(as_text=True)
    assert "审计 &lt;Auditors&gt;" in page
    with transaction(sessions, SYSTEM) as session:
        copy = session.scalars(select(MarkedCopy)).one()
        assert copy.made_by.startswith("finance")
    answer = finance.get(f"/staff/statements/copies/{copy.id}.pdf")
    assert hashlib.sha256(answer.data).hexdigest() == copy.sha256
    assert find_codes(answer.data) == {copy.code}
    # The verify page knows the very file, and says for whom it is from the file itself.
    assert finance.get(f"/staff/statements/copies/{copy.id + 1}.pdf").status_code == 404
    assert finance.get("/staff/statements/999999/copies").status_code == 404
    assert as_role("noc").get(path).status_code == 403
    reader = as_role("staff")
    page = reader.get(path).get_data(as_text=True)
    assert "copy-form" not in page
    answer = reader.post(path, data={"csrf_token": token_of(page), "recipient": "x"})
    assert answer.status_code == 403
    customer = as_role("customer_administrator", customer_id=issued[1])
    assert customer.get(path).status_code == 404


def test_a_copy_that_cannot_be_drawn_is_told_and_what_was_typed_stays(
    issued: tuple[int, int, int, bytes],
    as_role: Callable[..., FlaskClient],
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dcim.statements import printer

    monkeypatch.setattr(printer, "WALL_S", 0.01)
    path = f"/staff/statements/{issued[0]}/copies"
    finance = as_role("finance")
    token = token_of(finance.get(path).get_data(as_text=True))
    for headers in ({}, {"HX-Request": "true"}):
        answer = finance.post(
            path, data={"csrf_token": token, "recipient": "Auditors"}, headers=headers
        )
        assert answer.status_code == 409
        text = answer.get_data(as_text=True)
        assert 'value="Auditors"' in text
        assert ("<html" in text) is not bool(headers)
    with transaction(sessions, SYSTEM) as session:
        assert session.scalars(select(MarkedCopy)).all() == []


def test_the_list_costs_the_same_however_many_copies_there_are(
    issued: tuple[int, int, int, bytes], sessions: SessionFactory
) -> None:
    costs = []
    for many in (1, 20):
        add_copies(sessions, issued, many)
        with transaction(sessions, SYSTEM) as session:
            session.connection()
            with counting(session) as seen:
                found = marked_copies.list_copies(session, SYSTEM, issued[0])
            costs.append(len(seen))
    assert found.total == 21
    assert costs[0] == costs[1] > 0


def add_copies(sessions: SessionFactory, issued: tuple[int, int, int, bytes], many: int) -> None:
    with transaction(sessions, SYSTEM) as session:
        for number in range(many):
            session.add(
                MarkedCopy(
                    customer_id=issued[1], statement_id=issued[0], code=f"{many:010d}{number:010d}",
                    recipient="x", original_sha256="0" * 64, sha256=f"{many:032d}{number:032d}",
                    unsigned_sha256="0" * 64, size=1, pages=1, signer="s", made_by="m",
                )
            )  # fmt: skip
