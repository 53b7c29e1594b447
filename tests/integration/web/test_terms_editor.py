"""Terms under the pen: what is wrong named by its line, an outage priced, a month replayed."""

import re
from collections.abc import Callable
from importlib import resources

import pytest
from flask import Flask
from markupsafe import escape
from sqlalchemy import func, select

from dcim.customers.models import Contract, ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.sla.preset_terms import load_preset, preset_names
from tests.integration.web.conftest import Login
from tests.integration.web.staff_house import SCOPE, StaffHouse, build_staff_house
from tests.integration.web.test_contract_pages import contract_of, read
from tests.integration.web.test_staff_forms import Person
from tests.integration.web.test_staff_pages import counted

MakeLogin = Callable[..., Login]
STANDARD = (resources.files("dcim.demo") / "terms" / "standard.yaml").read_text("utf-8")
SUPPOSED = {"start": "2026-10-12T03:20", "end": "2026-10-12T04:07", "metric": "power"}


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    return build_staff_house(sessions, 2)


@pytest.fixture
def administrator(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("administrator"))


def tried(person: Person, contract_id: int, document: str, **wish: object) -> str:
    answer = person.client.post(
        f"/staff/contracts/{contract_id}/terms/try?lang=en",
        data={"document": document, "csrf_token": person.token, **wish},
    )
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_wrong_word_is_named_by_line_and_choices(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)
    wrong = STANDARD.replace("combine: all ", "combine: alle ", 1)
    line = wrong[: wrong.index("combine: alle")].count("\n") + 1
    page = tried(administrator, contract_id, wrong)
    assert f'data-wrong="{line}"' in page
    assert f'data-line="{line}"' in page
    assert "metrics.power.combine" in page
    # Markup in the text stays text.
    page = tried(administrator, contract_id, f"terms: <script>x</script>\n{STANDARD}")
    assert "<script>x" not in page


def test_an_outage_is_priced_by_the_text_as_it_stands(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)
    with transaction(sessions, SCOPE) as session:
        item = session.get_one(Contract, contract_id).items[0]
        item.kind, fee = "cabinet", item.monthly_fee
    page = tried(administrator, contract_id, STANDARD, lane=["A", "B"], **SUPPOSED)
    # 47 min: the row above 45 min and up to 4 h gives 10 % of the fee.
    assert f"{fee * 10 / 100:,.2f}" in page
    assert "47 min" in page
    cheaper = STANDARD.replace("credit: 10 %", "credit: 3 %")
    page = tried(administrator, contract_id, cheaper, lane=["A", "B"], **SUPPOSED)
    assert f"<strong>{fee * 3 / 100:,.2f}</strong>" in page
    page = tried(administrator, contract_id, STANDARD, lane=["A"], **SUPPOSED)
    assert "<strong>0.00</strong>" in page


@pytest.mark.parametrize(
    "wish",
    [
        {"start": "yesterday", "end": "never"},
        {"start": "2026-10-12T04:07", "end": "2026-10-12T03:20"},
        {"start": "0001-01-01T00:00", "end": "9999-12-31T23:59"},
        {"start": "2026-10-31T23:00", "end": "2026-12-01T01:00"},
        {"metric": "none", "item": "x" * 300, "lane": ["Z"] * 50},
    ],
)
def test_an_odd_wish_is_made_whole(
    sessions: SessionFactory, house: StaffHouse, administrator: Person, wish: dict[str, object]
) -> None:
    contract_id, _ = contract_of(sessions)
    assert 'id="trial"' in tried(administrator, contract_id, STANDARD, **wish)


def test_nothing_is_written_while_trying(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)

    def versions() -> int:
        with transaction(sessions, SCOPE) as session:
            return session.scalar(select(func.count(ContractTerms.id))) or 0

    before = versions()
    tried(administrator, contract_id, STANDARD)
    answer = administrator.client.post(
        f"/staff/contracts/{contract_id}/terms/replay",
        data={"document": STANDARD, "month": "1999-01", "csrf_token": administrator.token},
    )
    assert answer.status_code == 200
    assert versions() == before


def test_a_replay_of_terms_that_cannot_be_used_says_so(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)
    for document in ("terms: x", STANDARD.replace("CNY", "EUR")):
        answer = administrator.client.post(
            f"/staff/contracts/{contract_id}/terms/replay",
            data={"document": document, "csrf_token": administrator.token},
        )
        assert answer.status_code == 422
        assert "is-down" in answer.get_data(as_text=True)


def test_a_text_may_begin_from_any_preset(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)
    for name in preset_names():
        page = read(administrator, f"/staff/contracts/{contract_id}/terms?from={name}")
        first = load_preset(name).text.splitlines()[0]
        assert str(escape(first)) in page
        assert re.search(rf'<option value="{name}" selected>', page)
    # Whatever else is asked for begins from what is agreed.
    assert 'name="document"' in read(
        administrator, f"/staff/contracts/{contract_id}/terms?from=../../etc/passwd"
    )


def test_the_page_asks_a_constant_number_of_queries(
    app: Flask, sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)
    path = f"/staff/contracts/{contract_id}/terms?from=standard"
    page = read(administrator, path)
    assert re.search(r'name="document"', page)
    with counted(sessions) as queries:
        read(administrator, path)
    assert len(queries) <= 12


def test_beginnings_are_named_in_the_readers_language(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)
    page = read(administrator, f"/staff/contracts/{contract_id}/terms")
    assert "Premium colocation service levels</option>" in page
    answer = administrator.client.get(f"/staff/contracts/{contract_id}/terms?lang=zh")
    assert "尊享托管服务等级条款</option>" in answer.get_data(as_text=True)


def test_refusals_are_said_in_the_readers_language(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract_id, _ = contract_of(sessions)
    wrong = STANDARD.replace("combine: all ", "combine: alle ", 1)
    path = f"/staff/contracts/{contract_id}/terms"
    given = {"document": wrong, "csrf_token": administrator.token}
    page = administrator.client.post(f"{path}/try?lang=zh", data=given).get_data(as_text=True)
    assert "应为 single、any、all，或写成" in page
    assert "must be single" not in page
    given["effective_from"] = "2030-01-01"
    answer = administrator.client.post(f"{path}?lang=zh", data=given)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "第 21 行，metrics.power.combine：" in page
    assert "must be single" not in page
    english = administrator.client.post(f"{path}?lang=en", data=given).get_data(as_text=True)
    assert "line 21, metrics.power.combine: " in english
