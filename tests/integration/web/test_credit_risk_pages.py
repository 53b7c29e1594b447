"""Credits at risk and what is to be reviewed, on their pages and over the API, at what cost."""

import csv
import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.columns import utc_now
from dcim.customers.models import Contract, Customer
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.statements.risk_models import CreditRisk
from tests.integration.statements.town import SYSTEM
from tests.integration.web.boards import HOSTILE, Counter
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
NOW = utc_now().replace(microsecond=0)
BOARD, REVIEWS, API = "/noc/credits", "/staff/reviews", "/api/v1/credits-at-risk"
SAID = {"zh": "供电可用率", "en": "Power availability"}
AMOUNTS = {"likely": "100.00", "least": "100.00", "most": "300.00"}


def line(name: str) -> dict[str, Any]:
    return {
        "id": f"power.{name}", "title": SAID, "item": name, "label": {"zh": name, "en": name},
        "place": "", "clause": "4.2", "target": SAID, "state": "missed", "figure": None,
        "allowed_ms": 2_592_000, "used_ms": 3_000_000, "used_max_ms": 3_600_000,
        "unknown_ms": 600_000, "owed": AMOUNTS, "at_rate": AMOUNTS, "if_open": None,
        "open_since": None, "is_dark": False, "runs_out_at": None,
        "step": {"after_ms": 900_000, "amount": "200.00"},
    }  # fmt: skip


def review(name: str, most: str = "300.00") -> dict[str, Any]:
    start = int((NOW - dt.timedelta(hours=5)).timestamp()) * 1000
    cause = {"device": f"pdu-{name}", "device_id": None, "reason": "silent"}
    return {
        "id": f"power.{name}", "title": SAID, "item": name, "name": {"zh": name, "en": name},
        "clause": "4.2", "result": "needs_review", "least": "0.00", "most": most,
        "notes": [{"zh": "须由人核定", "en": f"a person must decide {HOSTILE}"}],
        "gaps_in_all": 1, "unknown_ms": 600_000,
        "gaps": [{"start": start, "end": start + 600_000, "reason": SAID, "causes": [cause]}],
    }  # fmt: skip


class Book:
    """Contracts with a row of figures each."""

    def __init__(self, session: ScopedSession) -> None:
        self.session = session
        self.made = 0

    def add(self, name: str, **figures: Any) -> CreditRisk:
        manager = figures.pop("manager", "")
        customer = Customer(code=name, name=f"客户{name}", name_en=f"Customer {name}")
        customer.account_manager = manager
        self.session.add(customer)
        self.session.flush()
        contract = Contract(
            customer_id=customer.id, number=f"HT-{name}", starts_on=dt.date(2026, 1, 1)
        )
        self.session.add(contract)
        self.session.flush()
        row = CreditRisk(
            customer_id=customer.id, contract_id=contract.id, period="2026-11", currency="CNY",
            tried_at=NOW, as_of=NOW, owed=Decimal(100), owed_least=Decimal(100),
            owed_most=Decimal(300), at_rate=Decimal(150), at_rate_least=Decimal(150),
            at_rate_most=Decimal(300), at_risk=Decimal(150), window_s=604_800, step_s=900,
            step_amount=Decimal(200), lines=[line(name)], reviews=[review(name)],
        )  # fmt: skip
        for key, value in figures.items():
            setattr(row, key, value)
        self.session.add(row)
        self.session.flush()
        self.made += 1
        return row


@pytest.fixture
def book(sessions: SessionFactory) -> Any:
    """What is added is there for the pages once `with book() as it` is left."""
    return lambda: _Open(sessions)


class _Open:
    def __init__(self, sessions: SessionFactory) -> None:
        self.context = transaction(sessions, SYSTEM)

    def __enter__(self) -> Book:
        return Book(self.context.__enter__())

    def __exit__(self, *what: Any) -> None:
        self.context.__exit__(*what)


def read(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def test_open_outages_come_first_then_the_most_money(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        it.add("LOW", at_risk=Decimal(150))
        it.add("HIGH", at_risk=Decimal(9000))
        it.add(
            "OPEN", at_risk=Decimal(1), open_since=NOW - dt.timedelta(minutes=20),
            if_open=Decimal(700), if_open_least=Decimal(700), if_open_most=Decimal(700),
        )  # fmt: skip
    page = read(noc, BOARD)
    assert page.index("Customer OPEN") < page.index("Customer HIGH") < page.index("Customer LOW")
    # Ticks to the instant at which it costs more; the others name the outage it takes.
    ends = (NOW + dt.timedelta(seconds=900)).isoformat()
    assert page.count("data-until=") == 1
    assert f'data-until="{ends}"' in page
    assert page.count("by an outage of") == 2
    # The file has the board's rows in its order.
    rows = list(csv.DictReader(io.StringIO(read(noc, f"{BOARD}.csv").removeprefix("\ufeff"))))
    assert [one["customer_code"] for one in rows] == ["OPEN", "HIGH", "LOW"]
    assert (Decimal(rows[1]["at_risk"]), rows[1]["if_open"]) == (Decimal(9000), "")
    assert len(read(noc, f"{BOARD}.csv?show=open").splitlines()) == 2
    assert f"{BOARD}.csv?show=open" in read(noc, f"{BOARD}?show=open")
    assert "100.00" in page
    assert "300.00" in page


def test_currencies_stand_apart(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        it.add("A", owed=Decimal("1000.00"))
        it.add("B", owed=Decimal("7.00"), currency="USD")
        it.add("C", owed=Decimal("20.00"), currency="USD")
    page = read(noc, BOARD)
    assert "27.00" in page
    assert "1,000.00" in page
    assert "1,027.00" not in page


def test_old_figures_are_said_loudly(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        it.add("A")
        assert it.made
    assert "Old figures" not in read(noc, BOARD)
    with book() as it:
        old = it.add("B", as_of=NOW - dt.timedelta(hours=2), problem="RuntimeError")
        contract = old.contract_id
        it.add("NEVER", as_of=None, problem="Contract HT-NEVER has no terms.")
    page = read(noc, BOARD)
    assert "Old figures" in page
    assert "2 of 3 contracts" in page
    assert "be worked out: 2; each says why" in page
    assert "Contract HT-NEVER has no terms." in page
    page = read(noc, f"{BOARD}/{contract}")
    assert "Old figures" in page
    assert "RuntimeError" in page


def test_filters_stand_in_the_url(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        it.add("A", manager="李四")
        it.add("B", manager="王五", open_since=NOW)
    page = read(noc, f"{BOARD}?manager=李四")
    assert "Customer A" in page
    assert "Customer B" not in page
    page = read(noc, f"{BOARD}?show=open")
    assert "Customer A" not in page
    assert "Customer B" in page
    assert "No contract fits" in read(noc, f"{BOARD}?site=1")
    with book() as it:
        it.add("OVER", is_closed=True, period="2026-10")
    assert "Customer OVER" not in read(noc, BOARD)
    page = read(noc, f"{BOARD}?show=closed")
    assert "Customer OVER" in page
    assert "Customer A" not in page
    assert "Customer A" in read(noc, f"{BOARD}?site=nonsense&page=x&currency=")


def test_a_contract_shows_every_promise(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        contract = it.add("A").contract_id
    page = read(noc, f"{BOARD}/{contract}")
    # 43.2 minutes allowed, 50 used, 60 at worst.
    assert "−16.8" in page
    assert "−6.8" in page
    assert "used up" in page
    assert "the last 7.0 days come again" in page
    read(noc, f"{BOARD}/999999", 404)


def test_an_empty_house_says_what_will_fill_it(noc: FlaskClient) -> None:
    assert "Nothing worked out yet" in read(noc, BOARD)
    assert "Nothing to review" in read(noc, REVIEWS)


def test_reviews_say_why_since_when_by_what_and_for_how_much(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        contract = it.add("A").contract_id
        it.add("B", reviews=[review("B", most="900.00")], is_closed=True, period="2026-10")
        it.add("C", reviews=[])
    page = read(noc, REVIEWS)
    assert page.index("Customer B") < page.index("Customer A")
    assert "Customer C" not in page
    assert "pdu-A" in page
    assert "No poll kept" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert f"/noc/credits/{contract}" in page
    page = read(noc, f"{REVIEWS}?state=closed")
    assert "Customer A" not in page
    assert "Customer B" in page
    page = read(noc, f"{REVIEWS}?contract={contract}")
    assert "Customer B" not in page


def test_a_customers_page_shows_its_risk(app: Flask, make_login: MakeLogin, book: Any) -> None:
    with book() as it:
        row = it.add("A")
        customer, contract = row.customer_id, row.contract_id
    for role in ("staff", "finance", "auditor"):
        client = app.test_client()
        sign_in(client, make_login(role))
        page = read(client, f"/staff/customers/{customer}")
        assert "Credits at risk" in page
        assert f"/noc/credits/{contract}" in page


def test_customers_reach_none_of_it(app: Flask, make_login: MakeLogin, book: Any) -> None:
    with book() as it:
        row = it.add("A")
        customer, contract, risk = row.customer_id, row.contract_id, row.id
    client = app.test_client()
    sign_in(client, make_login("customer_administrator", customer_id=customer))
    for path in (BOARD, f"{BOARD}/{contract}", REVIEWS, API, f"{API}/{risk}/lines"):
        assert client.get(path).status_code in (403, 404), path


@pytest.mark.parametrize("path", [BOARD, REVIEWS, API, f"{API}/reviews", "/noc/wall"])
def test_the_number_of_queries_stays_the_same(
    noc: FlaskClient, sessions: SessionFactory, book: Any, path: str
) -> None:
    with book() as it:
        it.add("A")
    read(noc, path)
    with sessions() as session:
        engine = session.get_bind().engine
    counts = []
    for more in (0, 12):
        with book() as it:
            for number in range(more):
                it.add(f"M{number}")
        # Once to read what the inventory has new, which a process remembers.
        read(noc, path)
        with Counter(engine) as counted:
            read(noc, path)
        counts.append(counted.count)
    assert counts[0] == counts[1]


def test_an_unchanged_board_is_not_sent_again(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        it.add("A")
    first = noc.get(BOARD, headers={"HX-Request": "true"})
    tag = first.headers["ETag"]
    again = noc.get(BOARD, headers={"HX-Request": "true", "If-None-Match": tag})
    assert again.status_code in (200, 304)  # 200 where a minute has gone by
    with book() as it:
        it.add("B")
    changed = noc.get(BOARD, headers={"HX-Request": "true", "If-None-Match": tag})
    assert changed.status_code == 200
    assert "Customer B" in changed.get_data(as_text=True)


def test_the_api_says_the_same(noc: FlaskClient, book: Any) -> None:
    with book() as it:
        row = it.add("A", manager="李四")
        risk, contract = row.id, row.contract_id
        it.add("B", currency="USD")
    found = noc.get(f"{API}?account_manager=李四").get_json()
    assert found["total"] == 1
    [one] = found["items"]
    assert (one["owed"], one["owed_most"], one["currency"]) == ("100.00", "300.00", "CNY")
    assert one["as_of"].startswith(f"{NOW:%Y-%m-%dT%H:%M:%S}")
    assert one["reviews"] == 1
    [told] = noc.get(f"{API}/{risk}/lines").get_json()
    assert (told["id"], told["step_s"], told["step_amount"]) == ("power.A", 900, "200.00")
    assert noc.get(f"{API}/999999/lines").status_code == 404
    reviews = noc.get(f"{API}/reviews?contract_id={contract}").get_json()
    assert [one["contract_number"] for one in reviews["items"]] == ["HT-A"]
    assert reviews["items"][0]["gaps"][0]["causes"][0]["reason"] == "silent"
    assert noc.get(f"{API}?site_id=x").status_code == 422
    assert noc.get(f"{API}?currency=EURO").status_code == 422
