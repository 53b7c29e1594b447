"""Business days out of the calendar: only where the terms count them, and known or left out."""

import datetime as dt

import pytest

from dcim.customers.kinds import CALENDAR_DAY
from dcim.customers.models import CalendarDay, Contract
from dcim.db import ScopedSession
from dcim.errors import ConflictError, InvalidError
from dcim.records.writing import create_record
from dcim.sla.business_calendar import find_reach
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.money.claims import find_deadline
from dcim.sla.rules.periods import month_period
from dcim.statements.further_facts import read_further
from dcim.statements.inputs import read_money
from tests.integration.statements.town import SYSTEM, TERMS, build_town

STANDARD = TERMS.read_text("utf-8")
ON_CLAIM = STANDARD + (
    "\nsettle:\n  as: credit\n  when: on_claim\n"
    "  claim: {within: 5 business days, from: period_end}\n"
)
NOTICE = STANDARD.replace("notice: 72 h", "notice: 7 business days", 1)
ZONE = "Asia/Shanghai"
# 国庆节 2026: the first week of October is free, a Sunday before and a Saturday after are worked.
FREE = [dt.date(2026, 10, day) for day in range(1, 8)]
WORKED = [dt.date(2026, 9, 20), dt.date(2026, 10, 10)]


def enter_national_day(session: ScopedSession) -> None:
    for kind, days in (("holiday", FREE), ("worked", WORKED)):
        for day in days:
            create_record(
                session, SYSTEM, CALENDAR_DAY,
                {"day": day.isoformat(), "kind": kind, "name": "国庆节"},
            )  # fmt: skip


def gather(
    session: ScopedSession, contract: Contract, period: str, terms: str
) -> dict[str, object]:
    return gather_inputs(session, SYSTEM, contract, period, document={}, operator={}, terms=terms)


def test_a_claim_runs_on_over_the_national_day(session: ScopedSession) -> None:
    contract = session.get_one(Contract, build_town(session)[0])
    enter_national_day(session)
    inputs = gather(session, contract, "2026-09", ON_CLAIM)
    assert inputs["calendar"] == {
        "holidays": [day.isoformat() for day in FREE],
        "worked": [day.isoformat() for day in WORKED],
    }
    known = read_further(inputs, lambda text, place: 0, read_money)
    settle = load_terms(ON_CLAIM).settle
    assert settle is not None
    end = month_period("2026-09", ZONE).end
    # After Wednesday 30 September: Thu 8, Fri 9, Sat 10 (worked), Mon 12, Tue 13 October.
    until = find_deadline(settle, end - 1, ZONE, known["calendar"])
    assert until == dt.datetime(2026, 10, 13, 16, tzinfo=dt.UTC).timestamp() * 1000 - 1


def test_only_terms_that_count_business_days_get_a_calendar(session: ScopedSession) -> None:
    contract = session.get_one(Contract, build_town(session)[0])
    enter_national_day(session)
    assert "calendar" not in gather(session, contract, "2026-10", STANDARD)
    assert "calendar" in gather(session, contract, "2026-10", NOTICE)


def test_a_year_without_a_holiday_is_not_known(session: ScopedSession) -> None:
    contract = session.get_one(Contract, build_town(session)[0])
    assert "calendar" not in gather(session, contract, "2026-10", ON_CLAIM)
    session.add(CalendarDay(day=WORKED[1], kind="worked"))
    session.flush()
    assert "calendar" not in gather(session, contract, "2026-10", ON_CLAIM)
    session.add(CalendarDay(day=FREE[0], kind="holiday"))
    session.flush()
    assert "calendar" in gather(session, contract, "2026-10", ON_CLAIM)
    # A claim for December is made in the next year, which nobody has entered.
    assert "calendar" not in gather(session, contract, "2026-12", ON_CLAIM)
    session.add(CalendarDay(day=dt.date(2027, 1, 1), kind="holiday"))
    session.flush()
    assert gather(session, contract, "2026-12", ON_CLAIM)["calendar"] == {
        "holidays": ["2026-10-01", "2027-01-01"],
        "worked": ["2026-10-10"],
    }


def test_a_day_stands_once(session: ScopedSession) -> None:
    create_record(session, SYSTEM, CALENDAR_DAY, {"day": "2026-10-01"})
    with pytest.raises((ConflictError, InvalidError)):
        create_record(session, SYSTEM, CALENDAR_DAY, {"day": "2026-10-01", "kind": "worked"})


def test_the_reach_of_notices_answers_reports_and_claims() -> None:
    period = month_period("2026-10", ZONE)

    def reach(document: str) -> tuple[str, str] | None:
        found = find_reach(load_terms(document), period)
        return None if found is None else (found[0].isoformat(), found[1].isoformat())

    assert reach(STANDARD) is None
    # Seven business days: 35 days before.
    assert reach(NOTICE) == ("2026-08-27", "2026-11-01")
    assert reach(ON_CLAIM) == ("2026-10-01", "2026-12-02")
    answers = """metrics:
  answers:
    title: {zh: 报障响应, en: Response to faults}
    kind: response
    applies_to: bandwidth
    answers: {to: fault, within: 18 h, hours: "09:00-18:00", days: business}
    target: no downtime
    credit: {form: per_event, each: 2 %}
"""
    # Two days of nine hours, begun somewhere in a day: three days.
    found = reach(STANDARD.replace("metrics:\n", answers, 1))
    assert found == ("2026-10-01", "2026-11-28")
    report = STANDARD.replace(
        "    qualify: at_least 60 s\n",
        "    qualify: at_least 60 s\n    report: {within: 5 business days, from: end}\n",
        1,
    )
    assert reach(report) == ("2026-10-01", "2026-12-02")
