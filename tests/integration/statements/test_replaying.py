"""A past month under other terms: answers out of tickets, and beside them what was agreed."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from dcim.customers.models import Contract
from dcim.db import ScopedSession
from dcim.errors import InvalidError
from dcim.operations.models import Ticket
from dcim.sla.observations import gather_inputs
from dcim.statements.replaying import replay_month
from tests.integration.statements.town import (
    PERIOD,
    SYSTEM,
    TERMS,
    build_town,
    moment,
)  # fmt: skip

STANDARD = TERMS.read_text("utf-8")
ANSWERS = """metrics:
  answers:
    title: {zh: 报障响应, en: Response to faults}
    kind: response
    applies_to: bandwidth
    answers: {to: fault, within: 15 min}
    target: no downtime
    credit: {form: per_event, each: 2 %}
"""
NEW = STANDARD.replace("metrics:\n", ANSWERS, 1)


def add_ticket(
    session: ScopedSession, contract: Contract, number: str, opened: int, answered: int | None
) -> None:
    """In minutes of the month."""
    session.add(
        Ticket(
            customer_id=contract.customer_id, number=number, kind="fault", title="x",
            opened_at=moment(opened),
            responded_at=None if answered is None else moment(answered),
            closed_at=moment(max(opened + 600, answered or 0)),
        )
    )  # fmt: skip
    session.flush()


def test_answers_are_read_from_tickets_and_nothing_is_kept(session: ScopedSession) -> None:
    ids = build_town(session)
    contract, other = (session.get_one(Contract, one) for one in ids[:2])
    add_ticket(session, contract, "T-1", 100, 115)
    add_ticket(session, contract, "T-2", 200, 216)
    add_ticket(session, contract, "T-3", 300, None)
    add_ticket(session, other, "T-4", 100, 900)
    replay = replay_month(session, SYSTEM, contract, NEW, PERIOD)
    found = {line.id: line for line in replay.lines}
    line = found["answers.HT-1-01"]
    assert line.before is None
    assert line.after is not None
    # T-1 in time, T-2 a minute late, T-3 never answered: two cases, 2 % of 3000.00 each.
    assert (line.after.result, line.after.amount) == ("breached", Decimal("120.00"))
    kept = [one for one in found.values() if one.before is not None]
    assert kept
    assert all(one.after == one.before for one in kept)
    assert replay.before is not None
    assert replay.after == replay.before + Decimal("120.00")
    assert contract.terms[-1].document == STANDARD
    assert not session.new
    assert not session.dirty


def test_a_statement_carries_requests_only_where_its_terms_ask(session: ScopedSession) -> None:
    contract = session.get_one(Contract, build_town(session)[0])
    add_ticket(session, contract, "T-1", 100, 115)

    def keys(terms: str) -> set[str]:
        found = gather_inputs(
            session, SYSTEM, contract, PERIOD, document={}, operator={}, terms=terms
        )
        return {"requests", "request_kinds"} & set(found)

    assert keys(STANDARD) == set()
    assert keys(NEW) == {"requests", "request_kinds"}


def test_a_month_that_runs_is_refused(session: ScopedSession) -> None:
    contract = session.get_one(Contract, build_town(session)[0])
    running = f"{dt.datetime.now(ZoneInfo(contract.timezone)):%Y-%m}"
    with pytest.raises(InvalidError, match="still runs"):
        replay_month(session, SYSTEM, contract, STANDARD, running)
    with pytest.raises(InvalidError, match="can't be used"):
        replay_month(session, SYSTEM, contract, "terms: x", PERIOD)
