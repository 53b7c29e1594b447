"""Issued months as the next statement tells them: the newest revision, and only of its contract."""

import pytest

from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import ScopedSession
from dcim.statements.composition import compose
from dcim.statements.issued_months import add_issued_months
from dcim.statements.models import Statement
from tests.integration.statements.test_past_periods import (
    OCTOBER,
    SEPTEMBER,
    STANDARD,
    Office,
)
from tests.integration.statements.town import SYSTEM


@pytest.fixture
def office(session: ScopedSession, settings: Settings) -> Office:
    return Office(session, settings)


def test_nothing_is_told_where_nothing_was_issued(office: Office, session: ScopedSession) -> None:
    inputs = office.gather("2026-10", STANDARD, OCTOBER)
    assert add_issued_months(session, SYSTEM, office.contract, inputs) is inputs


def test_the_newest_revision_is_told_by_its_hash(office: Office, session: ScopedSession) -> None:
    office.issue("2026-09", STANDARD, ())
    office.issue("2026-09", STANDARD, SEPTEMBER, revision=2)
    inputs = office.gather("2026-10", STANDARD, OCTOBER)
    (month,) = add_issued_months(session, SYSTEM, office.contract, inputs)["months"]
    newest = session.query(Statement).filter_by(period="2026-09", revision=2).one()
    assert (month["revision"], month["sha256"]) == (2, newest.document_sha256)
    (level,) = month["levels"].values()
    assert level == {"result": "breached", "availability_pct": "99.814815"}
    trend = compose(inputs | {"months": [month]}).data["trend"]
    assert [one["result"] for one in trend["levels"][0]["months"]] == ["breached", "breached"]


def test_later_months_and_another_contract_s_are_not_read(
    office: Office, session: ScopedSession
) -> None:
    office.issue("2026-09", STANDARD, SEPTEMBER)
    office.issue("2026-10", STANDARD, OCTOBER)
    inputs = office.gather("2026-10", STANDARD, OCTOBER)
    months = add_issued_months(session, SYSTEM, office.contract, inputs)["months"]
    assert [month["period"] for month in months] == ["2026-09"]
    other = next(one for one in session.query(Contract) if one.number == "HT-1")
    assert "months" not in add_issued_months(session, SYSTEM, other, inputs)
