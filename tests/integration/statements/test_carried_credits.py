"""Credits that statements leave to each other, over the database: once, whoever issues when."""

import contextlib
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from dcim.config import Settings
from dcim.customers.models import Contract, ContractTerms
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.sla.rules.language.loading import load_terms
from dcim.statements import issuing
from dcim.statements.composition import compose
from dcim.statements.files import unpack_inputs
from dcim.statements.history import add_history
from dcim.statements.issuing import freeze_statement
from dcim.statements.models import LedgerEntry, Statement
from tests.integration.statements.test_past_periods import (
    SEPTEMBER as OUTAGES,
)
from tests.integration.statements.test_past_periods import (
    STANDARD,
    Office,
    words,
)
from tests.integration.statements.town import SYSTEM

NEXT = words("\nsettle: {on: next_invoice, carry_forward: yes}\n")


class Books(Office):
    """The contract a month older: August earns what September may take."""

    def __init__(self, session: ScopedSession, settings: Settings) -> None:
        super().__init__(session, settings)
        self.contract.starts_on = self.contract.items[0].starts_on = dt.date(2026, 8, 1)
        (agreed,) = session.query(ContractTerms).filter_by(contract_id=self.contract.id)
        agreed.document, agreed.sha256 = NEXT, load_terms(NEXT).sha256
        session.flush()

    def owes(self) -> dict[str, Decimal]:
        """By month what is left of its credits, counted from the newest statements alone."""
        newest = dict(
            self.session.execute(
                select(Statement.period, func.max(Statement.revision)).group_by(Statement.period)
            ).all()
        )
        sums: dict[str, Decimal] = {}
        for key, amount in lines(self.session).items():
            period, revision, line = key.split("/")
            what, month = line.split(":")
            if int(revision) == newest[period] and what in ("left", "carried"):
                sums[month] = sums.get(month, Decimal(0)) + amount
        return {month: amount for month, amount in sums.items() if amount}


@pytest.fixture
def office(session: ScopedSession, settings: Settings) -> Books:
    return Books(session, settings)


def lines(session: ScopedSession) -> dict[str, Decimal]:
    """All that is carried: {"2026-09/1/carried:2026-08": -300.00}."""
    rows = session.execute(
        select(LedgerEntry.key, LedgerEntry.amount).where(LedgerEntry.kind == "carried")
    )
    return {key.split("/", 1)[1]: amount for key, amount in rows}


def test_a_credit_comes_off_the_following_statement_once(
    office: Books, session: ScopedSession
) -> None:
    """80 minutes in August are 10 % of 3000.00; September and October have none."""
    office.issue("2026-08", NEXT, OUTAGES)
    assert lines(session) == {"2026-08/1/left:2026-08": Decimal(300)}
    office.issue("2026-09", NEXT, ())
    office.issue("2026-10", NEXT, ())
    assert lines(session) == {
        "2026-08/1/left:2026-08": Decimal(300),
        "2026-09/1/carried:2026-08": Decimal(-300),
    }
    totals = dict(session.execute(select(Statement.period, Statement.total)).all())
    fees = totals["2026-10"]
    assert (totals["2026-08"], totals["2026-09"]) == (fees, fees - 300)
    issued = {one.period: one for one in session.scalars(select(Statement))}
    october = issued["2026-09"]
    (entry,) = october.document["settlement"]["earlier"]
    assert entry["sha256"] == issued["2026-08"].document_sha256
    assert compose(unpack_inputs(october)).data == october.document


def test_a_corrected_month_carries_the_difference(office: Books, session: ScopedSession) -> None:
    office.issue("2026-08", NEXT, OUTAGES)
    office.issue("2026-09", NEXT, ())
    office.issue("2026-08", NEXT, (), revision=2)
    office.issue("2026-10", NEXT, ())
    # August gave nothing after all: October takes back what September gave for it.
    assert lines(session)["2026-10/1/carried:2026-08"] == Decimal(300)
    assert office.owes() == {}
    # September issued again stands for itself: what October settled is not settled again.
    office.issue("2026-09", NEXT, (), revision=2)
    assert lines(session)["2026-09/2/carried:2026-08"] == Decimal(-300)
    assert office.owes() == {}


def test_amended_terms_still_owe_what_was_left(office: Books, session: ScopedSession) -> None:
    office.issue("2026-08", NEXT, OUTAGES)
    office.issue("2026-09", STANDARD, ())
    assert lines(session)["2026-09/1/carried:2026-08"] == Decimal(-300)
    assert office.owes() == {}
    # Nothing left and nothing said of settlement: the inputs are as they always were.
    assert "earlier" not in office.gather("2026-10", STANDARD, ())


def test_another_contract_s_credits_are_not_taken(office: Books, session: ScopedSession) -> None:
    office.issue("2026-08", NEXT, OUTAGES)
    other = next(one for one in session.query(Contract) if one.number == "HT-1")
    inputs = {"terms": NEXT, "period": "2026-09"}
    assert add_history(session, SYSTEM, other, inputs)["earlier"] == []
    assert len(add_history(session, SYSTEM, office.contract, inputs)["earlier"]) == 1


@pytest.fixture
def owed(sessions: SessionFactory, settings: Settings) -> int:
    """A contract whose August left 300.00; its September and October are still to be issued."""
    with transaction(sessions, SYSTEM) as session:
        office = Books(session, settings)
        office.issue("2026-08", NEXT, OUTAGES)
        return office.contract.id


def issue_both(
    sessions: SessionFactory,
    settings: Settings,
    contract_id: int,
    monkeypatch: Any,
    *,
    within_s: float = 3,
) -> dict[str, Decimal]:
    """August's and September's statements at once: both have read before either is written."""
    meet = threading.Barrier(2)
    add = add_history

    def add_together(*args: Any) -> dict[str, Any]:
        found = add(*args)
        # Alone at the barrier: the other waits for its turn, as it should.
        with contextlib.suppress(threading.BrokenBarrierError):
            meet.wait(within_s)
        return found

    def freeze(period: str) -> None:
        with transaction(sessions, SYSTEM) as session:
            freeze_statement(session, SYSTEM, settings, contract_id, period)

    monkeypatch.setattr(issuing, "add_history", add_together)
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(freeze, period) for period in ("2026-09", "2026-10")]:
            run.result()
    with transaction(sessions, SYSTEM) as session:
        return {key: amount for key, amount in lines(session).items() if "carried:" in key}


def test_two_months_at_once_take_it_once(
    sessions: SessionFactory, settings: Settings, owed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = issue_both(sessions, settings, owed, monkeypatch)
    assert sum(taken.values()) == Decimal(-300)
    assert len(taken) == 1


def test_without_the_lock_it_would_be_taken_twice(
    sessions: SessionFactory, settings: Settings, owed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "wait_for_turn", lambda *args: None)
    taken = issue_both(sessions, settings, owed, monkeypatch, within_s=60)
    assert sum(taken.values()) == Decimal(-600)


def test_a_month_may_take_and_leave(office: Books, session: ScopedSession) -> None:
    office.issue("2026-08", NEXT, OUTAGES)
    office.issue("2026-09", NEXT, OUTAGES)
    assert lines(session)["2026-09/1/left:2026-09"] == Decimal(300)
    assert office.owes() == {"2026-09": Decimal(300)}
