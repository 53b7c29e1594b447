"""Issued statements as the history that terms look back on."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from dcim.config import Settings
from dcim.customers.models import Contract, ContractTerms
from dcim.db import ScopedSession
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.evaluation import Evaluation
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import month_period
from dcim.statements.composition import compose, evaluate_inputs
from dcim.statements.history import add_history
from dcim.statements.issuing import book_composed, describe_document, describe_operator
from dcim.statements.past_periods import count_months
from dcim.statements.replaying import replay_month
from tests.integration.statements.town import SYSTEM, TERMS, build_town

STANDARD = TERMS.read_text("utf-8")
RIGHTS = """
termination:
  - {metrics: network, when: consecutive missed periods >= 2}
  - {metrics: network, when: events >= 3, each_longer_than: 30 min, window: any 50 d}
  - {when: caps reached 2 times in 2 periods}
caps: {item: 200.00}
"""
YEAR = "\ncaps: {year: 400.00, year_is: calendar_year}\n"
ZONE = "Asia/Shanghai"
# Two in September, one in October: (day, minutes), from noon.
SEPTEMBER = ((20, 40), (25, 40))
OCTOBER = ((5, 50),)


def words(more: str) -> str:
    """The standard terms with these sections in place of their own."""
    kept, skipping = [], False
    for line in STANDARD.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            skipping = line.startswith(("termination:", "caps:"))
        if not skipping:
            kept.append(line)
    return "\n".join(kept) + more


class Office:
    """One contract that began in September; its months with outages as told."""

    def __init__(
        self, session: ScopedSession, settings: Settings, contract_id: int | None = None
    ) -> None:
        self.session, self.settings = session, settings
        self.contract = session.get_one(Contract, contract_id or build_town(session)[2])
        self.contract.starts_on = dt.date(2026, 9, 1)
        self.contract.items[0].starts_on = dt.date(2026, 9, 1)
        session.flush()

    def gather(
        self, period: str, terms: str, outages: Sequence[tuple[int, int]] | None
    ) -> dict[str, Any]:
        """None: nothing was measured."""
        number = f"SLA-{period}-{self.contract.number}"
        inputs = gather_inputs(
            self.session, SYSTEM, self.contract, period,
            document=describe_document(self.settings, self.contract, period, number),
            operator=describe_operator(self.settings), terms=terms,
        )  # fmt: skip
        whole = month_period(period, ZONE)
        states, at = [], whole.start
        for day, minutes in outages or ():
            noon = whole.start + ((day - 1) * 24 + 12) * 3_600_000
            states.append([at, noon, "up"])
            at = noon + minutes * 60_000
            states.append([noon, at, "down"])
        states.append([at, whole.end, "up" if outages is not None else "unknown"])
        (port,) = (one for one in inputs["resources"] if one["kind"] == "port")
        port["states"] = states
        return add_history(self.session, SYSTEM, self.contract, inputs)

    def issue(
        self,
        period: str,
        terms: str,
        outages: Sequence[tuple[int, int]] | None,
        revision: int = 1,
    ) -> None:
        inputs = self.gather(period, terms, outages)
        number = f"{inputs['document']['number']}-{revision}"
        inputs["document"] |= {"revision": revision, "number": number}
        book_composed(self.session, SYSTEM, self.contract, period, number, compose(inputs))

    def judge(self, terms: str) -> Evaluation:
        return evaluate_inputs(self.gather("2026-10", terms, OCTOBER))


@pytest.fixture
def office(session: ScopedSession, settings: Settings) -> Office:
    return Office(session, settings)


def rights(judged: Evaluation) -> list[tuple[str, bool, bool]]:
    return [(right.value, right.reached, right.known) for right in judged.rights]


def test_a_history_of_two_months_decides_rights(office: Office) -> None:
    terms = words(RIGHTS)
    office.issue("2026-09", terms, SEPTEMBER)
    judged = office.judge(terms)
    assert rights(judged) == [("2", True, True), ("3", True, True), ("2", True, True)]


def test_a_good_month_decides_too(office: Office) -> None:
    terms = words(RIGHTS)
    office.issue("2026-09", terms, ())
    judged = office.judge(terms)
    assert rights(judged) == [("1", False, True), ("1", False, True), ("1", False, True)]


def test_a_month_never_issued_leaves_rights_not_known(office: Office) -> None:
    terms = words(RIGHTS)
    inputs = office.gather("2026-10", terms, OCTOBER)
    assert inputs["past"] == []
    assert rights(evaluate_inputs(inputs)) == [("not known", False, False)] * 3


def test_a_month_left_open_is_no_history(office: Office) -> None:
    """Nobody has decided about September: neither its misses nor its money are known."""
    terms = words(RIGHTS)
    office.issue("2026-09", terms, None)
    assert rights(office.judge(terms)) == [("not known", False, False)] * 3
    # Without a rule about money the month is told, but not what is open in it.
    missed = words(
        "\ntermination:\n  - {metrics: network, when: consecutive missed periods >= 2}\n"
    )
    inputs = office.gather("2026-10", missed, OCTOBER)
    assert [one["results"] for one in inputs["past"]] == [{}]
    assert rights(evaluate_inputs(inputs)) == [("not known", False, False)]


def test_the_newest_revision_counts(office: Office) -> None:
    terms = words(RIGHTS)
    office.issue("2026-09", terms, ())
    office.issue("2026-09", terms, SEPTEMBER, revision=2)
    inputs = office.gather("2026-10", terms, OCTOBER)
    (month,) = inputs["past"]
    (result,) = month["results"].values()
    assert (month["start"], month["end"]) == ("2026-08-31T16:00:00Z", "2026-09-30T16:00:00Z")
    # 80 minutes of September: 10 % of 3000.00, of which the item's cap leaves 200.00.
    assert (month["credited"], month["capped"], result["missed"]) == ("200.00", True, True)
    assert result["events"] == [
        ["2026-09-20T04:00:00Z", "2026-09-20T04:40:00Z"],
        ["2026-09-25T04:00:00Z", "2026-09-25T04:40:00Z"],
    ]


def test_a_cap_of_the_year_takes_what_was_given_before(office: Office) -> None:
    terms = words(YEAR)
    unknown = office.judge(terms)
    assert [result.result for result in unknown.results] == ["needs_review"]
    assert unknown.credit_total == 0
    office.issue("2026-09", terms, SEPTEMBER)
    # 300.00 of 400.00 went in September: of October's 300.00 there are 100.00 left.
    judged = office.judge(terms)
    assert judged.credit_total == Decimal("100.00")
    assert [line.key for line in judged.caps] == ["cap:year"]


def test_another_contract_s_months_are_not_read(office: Office, session: ScopedSession) -> None:
    terms = words(RIGHTS)
    office.issue("2026-09", terms, SEPTEMBER)
    other = next(one for one in session.query(Contract) if one.number == "HT-1")
    inputs = office.gather("2026-10", terms, OCTOBER)
    assert len(inputs["past"]) == 1
    assert add_history(session, SYSTEM, other, inputs)["past"] == []


def test_terms_that_do_not_look_back_get_no_history(office: Office) -> None:
    office.issue("2026-09", STANDARD, SEPTEMBER)
    assert "past" not in office.gather("2026-10", STANDARD, OCTOBER)


def test_a_replay_judges_each_version_by_its_own_facts(
    office: Office, session: ScopedSession
) -> None:
    """What is agreed looks back on the year; without its history October would be left open."""
    yearly = words(YEAR)
    (agreed,) = session.query(ContractTerms).filter_by(contract_id=office.contract.id)
    agreed.document, agreed.sha256 = yearly, load_terms(yearly).sha256
    session.flush()
    office.issue("2026-09", yearly, SEPTEMBER)
    replay = replay_month(session, SYSTEM, office.contract, STANDARD, "2026-10")
    assert all(line.before is not None for line in replay.lines)
    assert all(line.before == line.after for line in replay.lines)


@pytest.mark.parametrize(
    ("more", "months"),
    [
        ("", None),
        ("\ntermination:\n  - {when: events > 3, window: 30 d}\n", None),
        ("\ntermination:\n  - {when: events > 3, window: any 30 d}\n", 2),
        ("\ntermination:\n  - {when: events > 3, window: any 56 d}\n", 2),
        ("\ntermination:\n  - {when: consecutive missed periods >= 3}\n", 2),
        ("\ncaps: {item: 100 %}\ntermination:\n  - {when: caps reached 2 times in 6 periods}\n", 5),
        (YEAR, 9),
        ("\ncaps: {year: 400.00, year_is: twelve_months}\n", 11),
    ],
)
def test_how_far_terms_look_back(more: str, months: int | None) -> None:
    assert count_months(load_terms(words(more)), "2026-10") == months
