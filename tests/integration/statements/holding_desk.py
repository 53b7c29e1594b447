"""October of the third customer waits: a result is left open, and the rule asks for two people."""

from decimal import Decimal
from typing import Any, Self

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.statements.approval_models import ApprovalRule, HeldMonth, IssueProposal
from dcim.statements.approving import HeldPreview, decide_issue, preview_held, propose_issue
from dcim.statements.held_months import find_held
from dcim.statements.models import Statement
from dcim.statements.monthly_run import MonthRun, issue_month
from tests.integration.statements.test_review_decisions import DecisionDesk
from tests.integration.statements.town import PERIOD, SYSTEM

REASON = "已看过，测量缺口属实"


def set_rule(
    session: ScopedSession, *, when_open: bool = True, above: str | None = None
) -> ApprovalRule:
    rule = ApprovalRule(
        currency="CNY", when_open=when_open, credits_above=None if above is None else Decimal(above)
    )
    session.add(rule)
    session.flush()
    return rule


def run(sessions: SessionFactory, settings: Settings, **given: Any) -> MonthRun:
    return issue_month(sessions, SYSTEM, settings, PERIOD, **given)


def run_alone(sessions: SessionFactory, settings: Settings) -> MonthRun:
    """Of the customer whose month is held: nobody looks at what would be drawn for the others."""
    return run(sessions, settings, customer="C3")


class HoldingDesk(DecisionDesk):
    """`ann` proposes, `bob` approves; `rule` is the operator's for the currency."""

    def __init__(self, session: ScopedSession, settings: Settings) -> None:
        super().__init__(session, settings)
        self.rule = set_rule(session)
        # Of the others a result is open too; their contracts ask for nobody.
        for other in self.contracts[:2]:
            session.get_one(Contract, other).approve_open = "never"
        session.flush()

    @classmethod
    def reopen(cls, session: ScopedSession, settings: Settings, contract_id: int) -> Self:
        """In another transaction than the one that made it."""
        desk = cls.__new__(cls)
        desk.session, desk.settings = session, settings
        desk.ann, desk.bob = (Scope.staff(f"{name}@example.com") for name in ("ann", "bob"))
        desk.contract = session.get_one(Contract, contract_id)
        desk.own = Scope.customer("c3@example.com", desk.contract.customer_id)
        return desk

    def held(self) -> HeldMonth:
        row = find_held(self.session, self.contract.id, PERIOD)
        assert row is not None
        return row

    def preview(self) -> HeldPreview:
        return preview_held(self.session, self.ann, self.settings, self.held().id)

    def propose_issue(self, scope: Scope | None = None, **given: Any) -> IssueProposal:
        seen = given.pop("seen", None) or self.preview().sha256
        return propose_issue(
            self.session, scope or self.ann, self.settings, self.held().id, seen,
            given.pop("reason", REASON),
        )  # fmt: skip

    def approve(self, proposal: IssueProposal, scope: Scope | None = None) -> Statement:
        row = decide_issue(
            self.session, scope or self.bob, self.settings, proposal.id, "accepted", "同意出账"
        )
        return self.session.get_one(Statement, row.issued_id)


def open_town(sessions: SessionFactory, settings: Settings) -> int:
    """The contract whose month is held by the next run."""
    with transaction(sessions, SYSTEM) as session:
        return HoldingDesk(session, settings).contract.id
