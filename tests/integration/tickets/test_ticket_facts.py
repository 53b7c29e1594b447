"""Tickets in the inputs of a statement, and a month judged and issued by them to the cent."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract, ContractItem, ContractTerms
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.operations.models import Ticket
from dcim.operations.tickets import comment_ticket, correct_time
from dcim.sla.observations import gather_inputs
from dcim.sla.preset_terms import load_preset
from dcim.sla.rules.language.loading import load_terms
from dcim.statements.composition import compose, evaluate_inputs
from dcim.statements.files import read_file, unpack_inputs
from dcim.statements.issuing import issue_statement
from dcim.statements.models import Statement
from dcim.statements.verifying import verify_file
from tests.integration.metering.test_observations import (
    DOCUMENT,
    LOSS,
    OPERATOR,
    PORT_DOWN,
    TERMS,
    instant,
)
from tests.integration.tickets.desk import CLERK, Desk

SYSTEM = Scope.system("test")
STANDARD = TERMS.read_text("utf-8")
DAY = 1_440
# The 9th of October, at nine in Shanghai: a working day, and hours run.
NINE = 8 * DAY + 9 * 60


@pytest.fixture
def desk(session: ScopedSession) -> Desk:
    return Desk(session)


def gather(desk: Desk, terms: str = STANDARD, period: str = "2026-10") -> dict[str, Any]:
    return gather_inputs(
        desk.session, SYSTEM, desk.contract, period, document=DOCUMENT, operator=OPERATOR,
        terms=terms,
    )  # fmt: skip


def reports(desk: Desk, terms: str = STANDARD, period: str = "2026-10") -> dict[str, list[str]]:
    """Resources by number, without the room's own T-1."""
    found = gather(desk, terms, period)["tickets"]
    return {one["id"]: one["resources"] for one in found if one["id"] != "T-1"}


def downtime(desk: Desk, clause: str) -> int:
    """Of the port's 25 minutes, in seconds, when the network's metric has this as well."""
    terms = STANDARD.replace("    observe: port\n", f"    observe: port\n    {clause}\n", 1)
    (result,) = (
        one
        for one in evaluate_inputs(gather(desk, terms)).results
        if one.metric.id == "network"
    )  # fmt: skip
    return result.outcome.downtime_ms // 1000


def test_a_fault_names_the_resources_that_it_is_about(desk: Desk) -> None:
    everything = desk.open(3_001)
    cabinet = desk.open(3_002, item_ids=[desk.items["I1"]])
    rack = desk.open(3_003, rack_ids=[desk.racks["A-01"]])
    port = desk.open(3_004, port_ids=[desk.ports["ge1"]])
    both = desk.open(3_005, item_ids=[desk.items["BW1"]], rack_ids=[desk.racks["A-01"]])
    of_rack = ["climate/env/env", "feed/PDU-1-A", "feed/PDU-1-B"]
    assert reports(desk) == {
        everything.number: [],
        cabinet.number: of_rack,
        rack.number: of_rack,
        port.number: ["port/sw/ge1"],
        both.number: [*of_rack, "port/sw/ge1"],
    }


def test_a_fault_of_another_contract_reports_nothing_here(
    desk: Desk, session: ScopedSession
) -> None:
    """Without a name of ours it would concern all of ours."""
    other = Contract(
        customer_id=desk.customer, number="HT-9", starts_on=date(2026, 1, 1), state="signed"
    )
    session.add(other)
    session.flush()
    item = ContractItem(
        contract_id=other.id, customer_id=desk.customer, code="X1", kind="server", label="x",
        label_en="x", monthly_fee=Decimal(1), starts_on=date(2026, 1, 1),
    )  # fmt: skip
    session.add(item)
    session.flush()
    desk.open(PORT_DOWN[0] + 5, item_ids=[item.id], urgent=True)
    assert reports(desk) == {}
    preset = load_preset("response-time").text
    assert [one["id"] for one in gather(desk, preset)["requests"]] == ["T-1", "T-2"]
    assert downtime(desk, "clock: {start: ticket, stop: restored}") == 0
    desk.open(PORT_DOWN[0] + 5)
    assert downtime(desk, "clock: {start: ticket, stop: restored}") == 20 * 60


def test_the_clock_starts_for_what_the_ticket_is_about(desk: Desk) -> None:
    ticket = "clock: {start: ticket, stop: restored}"
    begin, end = PORT_DOWN
    assert downtime(desk, "clock: {start: event, stop: restored}") == (end - begin) * 60
    assert downtime(desk, ticket) == 0
    desk.open(begin + 2, rack_ids=[desk.racks["A-01"]])
    assert downtime(desk, ticket) == 0
    opened = desk.open(begin + 10, port_ids=[desk.ports["ge1"]])
    assert downtime(desk, ticket) == (end - begin - 10) * 60
    desk.lead(opened, "answer", begin + 12)
    desk.lead(opened, "close", begin + 15)
    assert downtime(desk, "clock: {start: ticket, stop: ticket_closed}") == 5 * 60
    # A call is the customer's notice, too; terms that don't ask for it don't carry it.
    assert downtime(desk, "clock: {start: notice, stop: restored}") == (end - begin - 10) * 60
    assert {one.get("kind", "ticket") for one in gather(desk)["tickets"]} == {"ticket"}
    # When the call came was entered wrongly.
    correct_time(desk.session, CLERK, opened.id, "opened_at", instant(begin + 5), "录音")
    assert downtime(desk, ticket) == (end - begin - 5) * 60


def test_an_outage_is_reported_within_the_days_of_the_terms(desk: Desk) -> None:
    clause = "report: {within: 5 d, from: end}"
    begin, end = PORT_DOWN
    assert downtime(desk, clause) == 0
    late = desk.open(end + 5 * DAY + 1, port_ids=[desk.ports["ge1"]])
    assert downtime(desk, clause) == 0
    correct_time(
        desk.session, CLERK, late.id, "opened_at", instant(end + 5 * DAY), "邮件到达时间"
    )  # fmt: skip
    assert downtime(desk, clause) == (end - begin) * 60


def test_a_ticket_that_nobody_closed_reports_no_later_months(desk: Desk) -> None:
    forgotten = desk.open(-20 * DAY)
    assert reports(desk, period="2026-09") == {forgotten.number: []}
    assert reports(desk) == {}
    assert downtime(desk, "report: {within: 5 d, from: end}") == 0
    # A week before the month is near enough: the outage may be the same one.
    near = desk.open(-7 * DAY)
    assert list(reports(desk)) == [near.number]
    # Something noted in the month keeps it alive, and it reports as before.
    desk.lead(forgotten, "answer", PORT_DOWN[0] - 30)
    assert list(reports(desk)) == [forgotten.number, near.number]
    assert downtime(desk, "report: {within: 5 d, from: end}") == 25 * 60


def test_corrections_and_what_staff_say_among_themselves_keep_no_ticket_alive(desk: Desk) -> None:
    forgotten = desk.open(-30 * DAY)
    in_october = instant(DAY)
    comment_ticket(desk.session, CLERK, forgotten.id, "x", internal=True, now=in_october)
    desk.lead(forgotten, "answer", -29 * DAY)
    assert reports(desk) == {}
    correct_time(desk.session, CLERK, forgotten.id, "responded_at", instant(-28 * DAY), "录音")
    assert reports(desk) == {}
    # The control: what the customer reads does.
    comment_ticket(desk.session, CLERK, forgotten.id, "仍在处理", now=in_october)
    assert list(reports(desk)) == [forgotten.number]


def test_one_closed_before_the_outage_reports_nothing(desk: Desk) -> None:
    clause = "report: {within: 5 d, from: end}"
    ticket = desk.open(LOSS[0])
    desk.lead(ticket, "answer", LOSS[0] + 1)
    desk.lead(ticket, "close", PORT_DOWN[0] - 1)
    assert downtime(desk, clause) == 0
    desk.lead(ticket, "reopen", PORT_DOWN[0] - 1)
    assert downtime(desk, clause) == 25 * 60


def test_requests_are_of_the_items_and_urgent_ones_of_both_kinds(desk: Desk) -> None:
    preset = load_preset("response-time").text
    call = desk.open(100, kind="question", urgent=True, rack_ids=[desk.racks["A-01"]])
    hands = desk.open(200, kind="remote_hands")
    desk.lead(hands, "answer", 210)
    desk.open(300, kind="visit")
    found = gather(desk, preset)
    assert found["request_kinds"] == ["fault", "remote_hands", "question", "urgent_call"]
    mine = [one for one in found["requests"] if one["id"] not in ("T-1", "T-2")]
    assert [(one["id"], one["kind"], one.get("items"), one["answered_at"]) for one in mine] == [
        (call.number, "question", ["I1"], None),
        (call.number, "urgent_call", ["I1"], None),
        (hands.number, "remote_hands", None, "2026-09-30T19:30:00Z"),
    ]
    assert "requests" not in gather(desk, STANDARD)


def test_where_urgency_was_not_asked_a_person_judges(desk: Desk, session: ScopedSession) -> None:
    """A ticket from before it was asked may have been an urgent call."""
    preset = load_preset("response-time").text
    verdicts = {one.id: one.result for one in evaluate_inputs(gather(desk, preset)).results}
    assert verdicts["urgent.I1"] == "met"
    session.add(
        Ticket(
            customer_id=desk.customer, number="T-OLD", kind="fault", title="x",
            opened_at=instant(100), responded_at=instant(105), closed_at=instant(200),
        )
    )  # fmt: skip
    session.flush()
    assert "urgent_call" not in gather(desk, preset)["request_kinds"]
    verdicts = {one.id: one.result for one in evaluate_inputs(gather(desk, preset)).results}
    assert verdicts["urgent.I1"] == "needs_review"


def test_a_month_of_calls_is_issued_to_the_cent(
    sessions: SessionFactory, settings: Settings
) -> None:
    """In time to the second, late by one, unanswered: two days of 5000.00 a month."""
    document = load_preset("response-time").text
    with transaction(sessions, SYSTEM) as session:
        desk = Desk(session)
        agreed = session.query(ContractTerms).filter_by(contract_id=desk.contract.id).one()
        agreed.document, agreed.sha256 = document, load_terms(document).sha256
        in_time = desk.open(NINE, urgent=True)
        desk.lead(in_time, "answer", NINE + 15)
        late = desk.open(NINE + 60, urgent=True, rack_ids=[desk.racks["A-01"]])
        desk.lead(late, "answer", NINE + 76)
        never = desk.open(NINE + 120, urgent=True)
        # Of the neighbour, and of a port: no cabinet waits for them.
        desk.open(NINE, urgent=True, customer_id=desk.other)
        desk.open(NINE, urgent=True, port_ids=[desk.ports["ge1"]])
        # Hours run from nine to six: an hour of the 9th, three of the 10th.
        hands = desk.open(NINE + 8 * 60, kind="remote_hands")
        desk.lead(hands, "answer", NINE + DAY + 3 * 60)
        numbers = (in_time.number, late.number, never.number)
        contract, customer = desk.contract.id, desk.customer
    issued = issue_statement(sessions, SYSTEM, settings, contract, "2026-10")
    with transaction(sessions, SYSTEM) as session:
        statement = session.get_one(Statement, issued.statement_id)
        metrics = {one["id"]: one for one in statement.document["metrics"]}
        pdf = read_file(session, SYSTEM, settings, statement.id)
        inputs = unpack_inputs(statement)
        credited, verdict = statement.credits, statement.verdict
        assert statement.customer_id == customer
    urgent, remote = metrics["urgent.I1"], metrics["hands.I1"]
    assert (urgent["result"], remote["result"]) == ("breached", "met")
    # 2 × 5000/30 = 333.33
    assert (credited, verdict) == (Decimal("-333.33"), "breached")
    told = str(urgent)
    assert [number in told for number in numbers] == [False, True, True]
    assert compose(inputs).data == statement.document
    found = verify_file(pdf)
    # Every number comes out again; whose certificate it is was not asked.
    assert found.outcome == "signer_unknown", found


def test_the_verdict_hangs_on_the_answer(desk: Desk) -> None:
    """The control of the month above: one minute earlier, and nothing is owed."""
    preset = load_preset("response-time").text
    late = desk.open(NINE, urgent=True)
    desk.lead(late, "answer", NINE + 16)

    def judged() -> tuple[str, Decimal]:
        (result,) = (
            one
            for one in evaluate_inputs(gather(desk, preset)).results
            if one.id == "urgent.I1"
        )  # fmt: skip
        return result.result, result.credit.amount

    assert judged() == ("breached", Decimal("166.67"))
    correct_time(desk.session, CLERK, late.id, "responded_at", instant(NINE + 15), "录音")
    assert judged() == ("met", Decimal("0.00"))
