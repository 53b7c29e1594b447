"""A town whose contracts have all of the money that goes on: claims, and credits of the next month.

September is issued already and left credits; in October every port was down for 50 minutes, and the
credits of both months are claimed. October must then take September's and leave its own, each once.
"""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import ContractTerms
from dcim.db import ScopedSession
from dcim.sla.rules.language.loading import load_terms
from dcim.statements.credit_claims import NewClaim, decide_claim, make_claim
from dcim.statements.models import LedgerEntry, Statement
from tests.integration.statements.test_past_periods import SEPTEMBER, Office, words
from tests.integration.statements.town import PERIOD, build_town

CLERK = Scope.staff("clerk@example.com")
BEFORE = "2026-09"
TERMS = words(
    "\nsettle: {on: next_invoice, carry_forward: yes, when: on_claim,"
    " claim: {within: 60 d, from: period_end}}\n"
)
# From noon of the 5th.
DOWN = range(4 * 1440 + 720, 4 * 1440 + 770)
CLAIMED = {BEFORE: dt.datetime(2026, 10, 5, tzinfo=dt.UTC),
           PERIOD: dt.datetime(2026, 11, 5, tzinfo=dt.UTC)}  # fmt: skip
# Those whose port changes hands were measured for half of the month: left to a person, no credit.
IDLE = (0, 1)
# 10 % of 3000.00, for more than 43 minutes.
CREDIT = Decimal("300.00")
Line = tuple[int, str, Decimal]  # contract, line, amount


def build_owing_town(session: ScopedSession, settings: Settings, customers: int = 4) -> list[int]:
    """Contract ids; those of the places `IDLE` have no credits in either month."""
    contracts = build_town(session, customers, down=DOWN, everywhere=True)
    for number, contract_id in enumerate(contracts):
        (agreed,) = session.query(ContractTerms).filter_by(contract_id=contract_id)
        agreed.document, agreed.sha256 = TERMS, load_terms(TERMS).sha256
        session.flush()
        office = Office(session, settings, contract_id)
        for period, made_at in CLAIMED.items():
            claim = make_claim(session, CLERK, NewClaim(contract_id, period, made_at=made_at))
            decide_claim(session, CLERK, claim.id, "accepted", "属实")
        if number not in IDLE:
            office.issue(BEFORE, TERMS, SEPTEMBER)
    return contracts


def read_lines(session: ScopedSession) -> list[Line]:
    """October's lines of money but rent and usage."""
    rows = session.execute(
        select(LedgerEntry.contract_id, LedgerEntry.key, LedgerEntry.amount)
        .join(Statement, Statement.id == LedgerEntry.statement_id)
        .where(Statement.period == PERIOD, LedgerEntry.kind.not_in(("rent", "usage")))
    )
    return [(contract, key.rsplit("/", 1)[1], amount) for contract, key, amount in rows]


def judge_money(lines: Iterable[Line], contracts: list[int]) -> list[str]:
    """What was lost or given twice, in words."""
    faults = []
    given: dict[tuple[int, str], list[Decimal]] = {}
    for contract, line, amount in lines:
        given.setdefault((contract, line.split(".")[0]), []).append(amount)
    wanted = {
        (contract, line): amount
        for number, contract in enumerate(contracts)
        if number not in IDLE
        for line, amount in (
            ("credit:network", -CREDIT),
            (f"carried:{BEFORE}", -CREDIT),
            (f"left:{PERIOD}", CREDIT),
        )
    }
    for key in wanted.keys() | given.keys():
        contract, line = key
        found, due = given.get(key, []), wanted.get(key)
        if found != [due]:
            faults.append(f"contract {contract}, {line}: {found} and not {due}")
    return faults
