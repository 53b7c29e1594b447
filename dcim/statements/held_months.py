"""Holding a month back: judged when it would be issued, kept once a month, told anew on change.

Whoever issues asks `check_held` in the contract's turn; HeldError says why it may not, and is
kept (`keep_held`) after the transaction that would have issued it is undone.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract
from dcim.errors import ConflictError
from dcim.records.fields import mark
from dcim.statements.approval_models import HeldMonth, IssueProposal
from dcim.statements.approval_rules import find_reasons, find_rule, say_reasons
from dcim.statements.differences import hash_content
from dcim.statements.models import Statement


@dataclass(frozen=True, slots=True)
class Finding:
    """What would be issued, and why it waits: see `HeldMonth`."""

    customer_id: int
    contract_id: int
    period: str
    currency: str
    verdict: str
    total: Decimal
    credits: Decimal
    reasons: dict[str, Any]
    sha256: str


class HeldError(ConflictError):
    """A month that two people approve before it is issued."""

    def __init__(self, contract: Contract, finding: Finding) -> None:
        super().__init__(
            mark("%(number)s, %(period)s, waits for approval: %(why)s"),
            number=contract.number,
            period=finding.period,
            why=say_reasons(finding.reasons, finding.currency),
        )
        self.finding = finding


def say_why(finding: Finding) -> str:
    """In a line, for logs and commands."""
    return " ".join(say_reasons(finding.reasons, finding.currency))


def judge_month(
    session: Session, contract: Contract, period: str, document: Mapping[str, Any]
) -> Finding | None:
    """Why what this document says waits; none where it may be issued.

    What is held stays held while it says the same, whatever became of the rule: a month isn't
    freed by one person who raises the limit.
    """
    sha256 = hash_content(document)
    row = find_held(session, contract.id, period)
    if row is not None and row.state == "held" and row.sha256 == sha256:
        reasons = row.reasons
    else:
        reasons = find_reasons(find_rule(session, contract), document)
    if not reasons:
        return None
    totals = document["totals"]
    return Finding(
        contract.customer_id,
        contract.id,
        period,
        contract.currency,
        document["verdict"]["result"],
        Decimal(totals["total"]),
        Decimal(totals["credits"]),
        reasons,
        sha256,
    )


def check_held(
    session: Session, contract: Contract, period: str, document: Mapping[str, Any]
) -> None:
    """Raises HeldError where the month waits for approval."""
    finding = judge_month(session, contract, period, document)
    if finding is not None:
        raise HeldError(contract, finding)


def keep_held(session: Session, scope: Scope, finding: Finding) -> HeldMonth | None:
    """Write that the month waits, once, in its contract's turn; none where it was issued meanwhile.

    Where it waits already and says something else now, it is told anew, and a proposal about what
    it said before lapses.
    """
    issued = select(Statement.id).where(
        Statement.contract_id == finding.contract_id, Statement.period == finding.period
    )
    if session.scalars(issued.limit(1)).first() is not None:
        return None
    row = find_held(session, finding.contract_id, finding.period)
    if row is not None and row.sha256 == finding.sha256:
        return row
    now, deed = utc_now(), "held_month.hold"
    if row is None:
        row = HeldMonth(
            customer_id=finding.customer_id,
            contract_id=finding.contract_id,
            period=finding.period,
            held_at=now,
        )
        session.add(row)
    else:
        deed = "held_month.renew"
        lapse_proposal(session, scope, row, now)
    row.currency, row.verdict = finding.currency, finding.verdict
    row.total, row.credits = finding.total, finding.credits
    row.reasons, row.sha256, row.seen_at = finding.reasons, finding.sha256, now
    session.flush()
    _record(session, scope, deed, row, reasons=row.reasons, credits=str(row.credits))
    return row


def end_held(
    session: Session, scope: Scope, contract_id: int, statement: Statement, state: str
) -> HeldMonth | None:
    """The month is issued: "approved" by two people, or "freed" because nothing holds it."""
    row = find_held(session, contract_id, statement.period)
    if row is None:
        return None
    now = utc_now()
    if state == "freed":
        lapse_proposal(session, scope, row, now)
    row.state, row.ended_at, row.statement_id = state, now, statement.id
    session.flush()
    _record(session, scope, f"held_month.{state}", row, number=statement.number)
    return row


def lapse_proposal(session: Session, scope: Scope, row: HeldMonth, now: dt.datetime) -> None:
    """What was proposed isn't what would be issued any more; nobody decides about it."""
    waiting = session.scalars(
        select(IssueProposal)
        .where(IssueProposal.held_month_id == row.id, IssueProposal.state == "open")
        .with_for_update()
    ).one_or_none()
    if waiting is None:
        return
    waiting.state, waiting.decision = "lapsed", "What would be issued has changed."
    waiting.decided_at, waiting.decided_by = max(now, waiting.proposed_at), scope.actor
    session.flush()
    _record(session, scope, "issue_proposal.lapsed", row, proposal=waiting.id)


def find_held(session: Session, contract_id: int, period: str) -> HeldMonth | None:
    return session.scalars(
        select(HeldMonth)
        .where(HeldMonth.contract_id == contract_id, HeldMonth.period == period)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _record(session: Session, scope: Scope, deed: str, row: HeldMonth, **more: Any) -> None:
    record(
        session, scope, deed, f"contract/{row.contract_id}", customer_id=row.customer_id,
        period=row.period, sha256=row.sha256, **more,
    )  # fmt: skip
