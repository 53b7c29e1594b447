"""Terms under the pen: what is wrong named by its line, an outage priced, a month replayed."""

import re
from collections.abc import Callable
from html import unescape
from importlib import resources

import pytest
from flask import Flask
from markupsafe import escape
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from dcim.customers.models import Contract, ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.sla.preset_terms import load_preset, preset_names
from dcim.sla.rules.language.loading import load_terms
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


class Pen:
    """The form of a contract's terms as a browser without a script holds and sends it."""

    def __init__(self, person: Person, contract_id: int, page: str) -> None:
        self.person, self.path = person, f"/staff/contracts/{contract_id}/terms"
        self.take(page)

    def take(self, page: str) -> None:
        self.page, self.held = page, held_values(page)

    def send(self, do: str, status: int = 200, to: str = "", **more: str) -> TestResponse:
        answer = self.person.client.post(
            f"{self.path}{to}?lang=en",
            data={**self.held, "csrf_token": self.person.token, "do": do, **more},
        )
        assert answer.status_code == status
        if status in {200, 422}:
            self.take(answer.get_data(as_text=True))
        return answer

    def text(self) -> str:
        """What the form says as a text."""
        other = Pen(self.person, 0, self.page)
        other.path, other.held = self.path, dict(self.held)
        other.send("text", without_comments="yes")
        return other.held["document"]


def held_values(page: str) -> dict[str, str]:
    """What a browser would send of the terms' form."""
    form = page[page.index('id="terms-form"') :]
    held = {}
    for tag in re.findall(r"<input [^>]*>", form):
        parts = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if parts.get("type") != "checkbox" and "name" in parts:
            held[parts["name"]] = unescape(parts.get("value", ""))
    for name, body in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        options = re.findall(r'<option value="([^"]*)"( selected)?>', body)
        chosen = (
            [value for value, selected in options if selected] or [options[0][0]] if options else []
        )
        if chosen:
            held[name] = unescape(chosen[0])
    found = re.search(r"<textarea [^>]*>\r?\n?(.*?)</textarea>", form, re.S)
    held["document"] = unescape(found[1]) if found else ""
    return held


@pytest.fixture
def pen(sessions: SessionFactory, house: StaffHouse, administrator: Person) -> Pen:
    contract_id, _ = contract_of(sessions)
    page = read(administrator, f"/staff/contracts/{contract_id}/terms?from=standard")
    return Pen(administrator, contract_id, page)


class TestForm:
    def test_untouched_gives_the_very_text(self, pen: Pen) -> None:
        assert pen.held["mode"] == "form"
        assert pen.text() == STANDARD

    def test_a_change_keeps_comments_and_all_else(self, pen: Pen) -> None:
        pen.held["f.metrics.power.combine"] = "any"
        assert pen.text() == STANDARD.replace("combine: all ", "combine: any ", 1)

    def test_every_preset_opens_and_comes_back(
        self, sessions: SessionFactory, pen: Pen, administrator: Person
    ) -> None:
        for name in preset_names():
            pen.take(read(administrator, f"{pen.path}?from={name}"))
            assert pen.text() == load_preset(name).text, name

    def test_what_it_does_not_show_is_named_and_kept(self, pen: Pen) -> None:
        clock = STANDARD.replace("    target: no", "    clock: {start: ticket}\n    target: no", 1)
        pen.send("text")
        pen.held["document"] = clock
        pen.send("form")
        line = clock[: clock.index("clock:")].count("\n") + 1
        assert "<code>metrics.power.clock</code>" in pen.page
        assert f"line {line}" in pen.page
        pen.held["f.metrics.power.credit.tiers.1.credit.n"] = "3"
        assert pen.text() == clock.replace("credit: 2.5 %", "credit: 3 %")

    def test_a_text_that_is_no_yaml_stays_a_text(self, pen: Pen) -> None:
        pen.send("text")
        pen.held["document"] = "terms: [a"
        pen.send("form")
        assert pen.held["document"] == "terms: [a"
        assert pen.held.get("mode") != "form"
        assert "The form can't open this text" in pen.page.replace("&#39;", "'")

    def test_a_text_of_more_than_a_form_can_hold_stays_a_text(self, pen: Pen) -> None:
        start = STANDARD.index("  temperature:")
        end = STANDARD.index("usage:")
        many = "".join(
            STANDARD[start:end].replace("temperature:", f"temperature-{n}:", 1) for n in range(100)
        )
        pen.send("text")
        pen.held["document"] = STANDARD[:end] + many + STANDARD[end:]
        pen.send("form")
        assert "more than a form can hold" in pen.page
        assert pen.held["document"] == STANDARD[:end] + many + STANDARD[end:]

    def test_what_is_wrong_stands_at_its_field(self, pen: Pen) -> None:
        pen.held["f.metrics.power.credit.tiers.2.credit.n"] = "five"
        pen.held["effective_from"] = "2031-01-01"
        pen.send("", 422)
        field = pen.page[pen.page.index('data-place="metrics.power.credit.tiers"') :]
        assert "does not begin with a number" in field[field.index("data-error") :][:200]
        other = pen.page[pen.page.index('data-place="metrics.network.credit.tiers"') :]
        assert "does not begin with a number" not in other[other.index("data-error") :][:200]
        # What was typed is still there.
        assert pen.held["f.metrics.power.credit.tiers.2.credit.n"] == "five"

    def test_rows_and_promises_come_and_go(self, pen: Pen) -> None:
        pen.send("drop-row:metrics.power.credit.tiers.6")
        pen.send("add-row:metrics.power.credit.tiers")
        assert pen.held["f.metrics.power.credit.tiers.6.low.n"] == "24"
        pen.held["f.metrics.power.credit.tiers.6.credit.n"] = "90"
        pen.held["f.metrics.power.credit.tiers.6.credit.u"] = "%"
        assert "- {above: 24 h, credit: 90 %}" in pen.text()
        pen.send("add:energy")
        assert "f.usage.energy.price.n" in pen.held
        pen.send("drop:metrics.temperature")
        terms = load_terms(pen.text())
        assert [metric.id for metric in terms.metrics] == ["power", "network"]
        assert [usage.id for usage in terms.usage] == ["bandwidth", "energy"]

    def test_htmx_is_answered_with_the_form_and_what_it_means(self, pen: Pen) -> None:
        pen.person.client.environ_base["HTTP_HX_REQUEST"] = "true"
        answer = pen.person.client.post(
            f"{pen.path}/sheet",
            data={**pen.held, "csrf_token": pen.person.token, "do": "add:response"},
        )
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert "<html" not in page
        assert 'name="f.metrics.response.answers.within.n"' in page
        assert 'hx-swap-oob="true"' in page

    def test_comments_are_not_lost_without_a_word(self, sessions: SessionFactory, pen: Pen) -> None:
        pen.send("drop:usage.bandwidth")
        assert "# per Mbit/s and month" in pen.page
        pen.held["effective_from"] = "2031-01-01"
        for do in ("", "text"):
            pen.send(do, 422)
            assert "Write it without them" in pen.page
        with transaction(sessions, SCOPE) as session:
            before = session.scalar(select(func.count(ContractTerms.id))) or 0
        pen.send("", 303, without_comments="yes")
        with transaction(sessions, SCOPE) as session:
            newest = session.scalars(
                select(ContractTerms).order_by(ContractTerms.id.desc())
            ).first()
            assert session.scalar(select(func.count(ContractTerms.id))) == before + 1
            assert newest is not None
            assert "usage:" not in newest.document
            assert newest.document.startswith(STANDARD[: STANDARD.index("usage:")].rstrip())

    def test_an_outage_is_priced_by_what_the_form_holds(
        self, sessions: SessionFactory, pen: Pen
    ) -> None:
        with transaction(sessions, SCOPE) as session:
            contract = session.scalars(select(Contract).where(Contract.number == "HT-1")).one()
            contract.items[0].kind, fee = "cabinet", contract.items[0].monthly_fee
        pen.held["f.metrics.power.credit.tiers.3.credit.n"] = "3"
        answer = pen.person.client.post(
            f"{pen.path}/try?lang=en",
            data={**pen.held, "csrf_token": pen.person.token, "lane": ["A", "B"], **SUPPOSED},
        )
        page = answer.get_data(as_text=True)
        assert f"<strong>{fee * 3 / 100:,.2f}</strong>" in page
        # The text that it would be, marked where it is another than what is agreed.
        assert "up_to: 4 h, credit: 3 %}" in unescape(page)

    @pytest.mark.parametrize(
        "sent",
        [
            {"do": "drop-row:metrics.power.credit.tiers.99999999"},
            {"do": "add-row:nothing.at.all"},
            {"do": "drop:usage"},
            {"do": "add:<script>"},
            {"do": "::::"},
            {"f.metrics.<script>.in": "outages", "do": "redraw"},
            {"f.metrics.x.in": "nothing", "f.usage.y.in": "energy", "do": "redraw"},
            {"f.metrics.power.target": "x", "f.metrics.power.target.how": "how", "do": "redraw"},
            {"f.title.zh": "\u0000\ud7ff\u2028" * 400, "do": "redraw"},
            {"document": "a: &x b", "do": "redraw"},
            {"document": "- a\n- b", "do": "redraw"},
            {"document": "metrics: [a]\nusage: b", "do": "add:energy"},
            {"document": "metrics:\n  power: text\n", "do": "add:power_both"},
            {"document": "", "do": "text"},
        ],
    )
    def test_whatever_is_sent_is_answered(self, pen: Pen, sent: dict[str, str]) -> None:
        pen.held |= sent
        answer = pen.person.client.post(pen.path, data={**pen.held, "csrf_token": pen.person.token})
        assert answer.status_code in (200, 422)
        assert "<script>.in" not in answer.get_data(as_text=True)

    def test_a_contract_without_terms_begins_with_what_all_need(
        self, sessions: SessionFactory, pen: Pen
    ) -> None:
        with transaction(sessions, SCOPE) as session:
            contract = session.scalars(select(Contract).where(Contract.number == "HT-1")).one()
            fresh = Contract(
                customer_id=contract.customer_id, number="HT-NEW",
                starts_on=contract.starts_on, state="draft",
            )  # fmt: skip
            session.add(fresh)
            session.flush()
            fresh_id = fresh.id
        new = Pen(pen.person, fresh_id, read(pen.person, f"/staff/contracts/{fresh_id}/terms"))
        for kind in ("power_both", "bandwidth", "energy"):
            new.send(f"add:{kind}")
        new.send("", 303)
        with transaction(sessions, SCOPE) as session:
            document = session.get_one(Contract, fresh_id).terms[0].document
        terms = load_terms(document)
        assert (terms.currency, len(terms.metrics), len(terms.usage)) == ("CNY", 1, 2)
