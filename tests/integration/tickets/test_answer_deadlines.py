"""Until when tickets must be answered by the terms, and the queue that is sorted by it."""

import datetime as dt
from typing import Any

import pytest

from dcim.customers.models import CalendarDay, ContractTerms
from dcim.db import ScopedSession
from dcim.operations.ticket_queries import TicketFilter, find_ticket
from dcim.sla.answer_deadlines import AnswerDeadline, find_answer_deadlines, list_queue
from dcim.sla.preset_terms import load_preset
from dcim.sla.rules.language.loading import load_terms
from tests.integration.api.test_lists import counting
from tests.integration.metering.test_observations import instant
from tests.integration.tickets.desk import CLERK, Desk
from tests.integration.tickets.test_ticket_facts import DAY, NINE

PRESET = load_preset("response-time").text
BUSINESS = PRESET.replace('hours: "09:00-18:00"', 'hours: "09:00-18:00", days: business')


@pytest.fixture
def desk(session: ScopedSession) -> Desk:
    desk = Desk(session)
    agree(desk, PRESET)
    return desk


def agree(desk: Desk, document: str) -> None:
    agreed = desk.session.query(ContractTerms).filter_by(contract_id=desk.contract.id).one()
    agreed.document, agreed.sha256 = document, load_terms(document).sha256
    desk.session.flush()


def due(desk: Desk, minute: int, **given: Any) -> AnswerDeadline | None:
    row = find_ticket(desk.session, CLERK, desk.open(minute, **given).id).ticket
    return find_answer_deadlines(desk.session, CLERK, [row]).get(row.id)


def test_the_promise_that_a_ticket_falls_under(desk: Desk) -> None:
    urgent = due(desk, NINE, urgent=True)
    assert urgent is not None
    assert (urgent.at, urgent.clause, urgent.contract_number) == (
        instant(NINE + 15), "7.1", "HT-1",
    )  # fmt: skip
    # Four hours of those from nine to six: one today, three tomorrow.
    hands = due(desk, NINE + 8 * 60, kind="remote_hands")
    assert hands is not None
    assert hands.at == instant(NINE + DAY + 3 * 60)
    # Both promises: the earlier one.
    both = due(desk, NINE, kind="remote_hands", urgent=True)
    assert both is not None
    assert both.at == instant(NINE + 15)
    assert due(desk, NINE) is None
    assert due(desk, NINE, kind="visit") is None
    # The port is no cabinet, and the neighbour has no terms.
    assert due(desk, NINE, urgent=True, port_ids=[desk.ports["ge1"]]) is None
    assert due(desk, NINE, urgent=True, customer_id=desk.other) is None


def test_terms_of_a_later_month_promise_nothing_yet(desk: Desk) -> None:
    """As a statement chooses: in force when the month begins, else the first to begin within it."""
    agreed = desk.session.query(ContractTerms).filter_by(contract_id=desk.contract.id).one()
    agreed.effective_from = dt.date(2026, 10, 31)
    assert due(desk, NINE, urgent=True) is not None
    agreed.effective_from = dt.date(2026, 11, 1)
    assert due(desk, NINE, urgent=True) is None


def test_business_days_need_a_calendar(desk: Desk, session: ScopedSession) -> None:
    """Friday the 9th at five: one hour that day, three on Monday; on Tuesday after a holiday."""
    agree(desk, BUSINESS)
    assert due(desk, NINE + 8 * 60, kind="remote_hands") is None
    session.add(CalendarDay(day=dt.date(2026, 10, 1), kind="holiday", name="国庆节"))
    session.flush()
    monday = due(desk, NINE + 8 * 60, kind="remote_hands")
    assert monday is not None
    assert monday.at == instant(NINE + 3 * DAY + 3 * 60)
    session.add(CalendarDay(day=dt.date(2026, 10, 12), kind="holiday", name="休"))
    session.flush()
    tuesday = due(desk, NINE + 8 * 60, kind="remote_hands")
    assert tuesday is not None
    assert tuesday.at == instant(NINE + 4 * DAY + 3 * 60)


def test_the_queue_is_what_is_nearest_to_be_late(desk: Desk, session: ScopedSession) -> None:
    question = desk.open(NINE - 600, kind="question")
    hands = desk.open(NINE, kind="remote_hands")
    urgent = desk.open(NINE + 30, urgent=True)
    answered = desk.open(NINE - 700, urgent=True)
    desk.lead(answered, "answer", NINE - 690)
    closed = desk.open(NINE - 800)
    desk.lead(closed, "answer", NINE - 790)
    desk.lead(closed, "close", NINE - 780)
    since = TicketFilter(unclosed=True, since=instant(NINE - 1_000))
    found = list_queue(session, CLERK, since).items
    assert [one.ticket.id for one in found] == [urgent.id, hands.id, question.id, answered.id]
    assert [one.deadline is not None for one in found] == [True, True, False, False]

    def cost() -> int:
        session.expire_all()
        with counting(session) as seen:
            list_queue(session, CLERK, since)
        return len(seen)

    few = cost()
    for minute in range(20):
        desk.open(NINE + minute, urgent=True, rack_ids=[desk.racks["A-01"]])
    assert cost() == few
