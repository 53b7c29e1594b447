"""Issued months added up, as management and the customer see them."""

import csv
import io

import pikepdf
import pytest
from flask import Flask

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.tally_models import StatementCause
from reports import annual
from reports.annual import annual_markup
from tests.integration.statements.test_past_periods import STANDARD, Office
from tests.integration.statements.town import SYSTEM
from tests.integration.web.test_credit_claim_pages import MakeLogin
from tests.integration.web.test_staff_forms import Person

SPAN = "first=2026-09&last=2026-10"


@pytest.fixture
def customer(sessions: SessionFactory, settings: Settings) -> int:
    """September missed, October met."""
    with transaction(sessions, SYSTEM) as session:
        office = Office(session, settings)
        office.issue("2026-09", STANDARD, ((5, 500),))
        office.issue("2026-10", STANDARD, ())
        return office.contract.customer_id


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))


def test_management_sees_what_credits_came_of(
    app: Flask, make_login: MakeLogin, customer: int
) -> None:
    finance = Person(app, make_login("finance"))
    page = finance.client.get(f"/staff/statements/summary?{SPAN}").get_data(as_text=True)
    assert "98.843" in page  # 500 of 43,200 minutes
    assert "750.00" in page
    zh = finance.client.get(f"/staff/statements/summary?{SPAN}&lang=zh").get_data(as_text=True)
    assert "超上限扣回" in zh
    told = rows(
        finance.client.get(f"/staff/statements/summary.csv?{SPAN}&lang=en").get_data(as_text=True)
    )
    months = [row for row in told if row[0] == "Month"]
    assert [(row[2], row[6], row[11]) for row in months] == [
        ("2026-09", "1", "750.00"), ("2026-10", "0", "0.00"),
    ]  # fmt: skip
    assert (
        finance.client.get("/staff/statements/summary?first=2026-10&last=2026-09").status_code
        == 422
    )
    bad = finance.client.get("/staff/statements/summary?first=yesterday")
    assert bad.status_code == 422
    assert "2026-10" in bad.get_data(as_text=True)
    assert finance.client.get("/staff/statements/summary.csv?first=yesterday").status_code == 422
    api = finance.client.get(f"/api/v1/statements/summary?{SPAN}").get_json()
    assert [one["credits"] for one in api["months"]] == ["750.00", "0.00"]
    empty = finance.client.get("/staff/statements/summary?first=2020-01&last=2020-02")
    assert empty.status_code == 200


def test_a_customer_reads_its_own_year(app: Flask, make_login: MakeLogin, customer: int) -> None:
    own = Person(app, make_login("customer_viewer", customer_id=customer))
    assert "/portal/statements/years/2026" in own.client.get("/portal/statements").get_data(
        as_text=True
    )
    page = own.client.get("/portal/statements/years/2026?lang=zh").get_data(as_text=True)
    assert "1 / 2" in page
    assert "未达标：2026-09" in page
    told = rows(own.client.get("/portal/statements/years/2026.csv?lang=en").get_data(as_text=True))
    assert len(told) == 2
    assert told[1][4] == "2026-09"
    assert own.client.get("/portal/statements/years/2025").status_code == 404
    # Another customer has no such year, with and without a file.
    other = Person(app, make_login("customer_viewer", customer_id=customer - 1))
    for file in ("", ".csv", ".pdf"):
        path = f"/portal/statements/years/2026{file}"
        assert other.client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("language", "told"),
    [("zh", ("2026 年服务等级年度汇总", "未达标：2026-09", "未签署")),
     ("en", ("Service levels of 2026", "missed: 2026-09", "unsigned"))],
)  # fmt: skip
def test_a_customer_takes_its_year_as_a_pdf(
    app: Flask,
    make_login: MakeLogin,
    customer: int,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    told: tuple[str, ...],
) -> None:
    pages = []

    def keep(summary: dict[str, object]) -> str:
        pages.append(annual_markup(summary))
        return pages[-1]

    monkeypatch.setattr(annual, "annual_markup", keep)
    own = Person(app, make_login("customer_viewer", customer_id=customer))
    link = "/portal/statements/years/2026.pdf"
    assert link in own.client.get("/portal/statements/years/2026").get_data(as_text=True)
    answer = own.client.get(f"{link}?lang={language}")
    assert answer.mimetype == "application/pdf"
    with pikepdf.open(io.BytesIO(answer.data)) as pdf:
        assert len(pdf.pages) == 1
        assert str(pdf.Root["/Lang"]) == ("zh-Hans" if language == "zh" else "en")
    (page,) = pages
    for words in (*told, "1 / 2", "99.4308", "750.00"):
        assert words in page
    assert own.client.get("/portal/statements/years/2025.pdf").status_code == 404


def test_causes_are_text_not_markup(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, settings: Settings
) -> None:
    hostile = "<script>alert(1)</script>"
    with transaction(sessions, SYSTEM) as session:
        office = Office(session, settings)
        office.issue("2026-09", STANDARD, ((5, 500),))
        [cause] = session.query(StatementCause).all()
        session.add(
            StatementCause(
                statement_id=cause.statement_id, customer_id=cause.customer_id, incident="I",
                cause=hostile, cause_en='=HYPERLINK("x")', kind="network", site="S", credit=1,
            )
        )  # fmt: skip
    finance = Person(app, make_login("finance"))
    page = finance.client.get(f"/staff/statements/summary?{SPAN}&lang=zh").get_data(as_text=True)
    assert hostile not in page
    assert "&lt;script&gt;" in page
    told = finance.client.get(f"/staff/statements/summary.csv?{SPAN}&lang=en").get_data(
        as_text=True
    )
    assert "'=HYPERLINK" in told
