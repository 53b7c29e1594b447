"""Reading months that wait for approval and the proposals to issue them; staff alone do."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, false, func, select, true
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, Customer
from dcim.errors import NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.statements.approval_models import HeldMonth, IssueProposal


@dataclass(frozen=True, slots=True)
class HeldMonthRow:
    """`state` is held, approved or freed; `reasons` why it waits (`approval_rules.find_reasons`).

    `proposal_id` is the proposal that waits, by `proposed_by`; `statement_id` what was issued.
    """

    id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    contract_id: int
    contract_number: str
    period: str
    currency: str
    verdict: str
    total: Decimal
    credits: Decimal
    reasons: dict[str, object]
    sha256: str
    held_at: dt.datetime
    seen_at: dt.datetime
    state: str
    ended_at: dt.datetime | None
    statement_id: int | None
    proposal_id: int | None
    proposed_by: str | None


@dataclass(frozen=True, slots=True)
class HeldMonthFilter:
    """`period` is a month as "2026-10"."""

    held_month_id: int | None = None
    customer_id: int | None = None
    contract_id: int | None = None
    period: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class IssueProposalFilter:
    issue_proposal_id: int | None = None
    held_month_id: int | None = None
    customer_id: int | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class IssueProposalRow:
    """`state` is open, accepted, refused, withdrawn, or lapsed: what would be issued has changed.
    `issued_id` is the statement that was issued."""

    id: int
    held_month_id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    contract_id: int
    contract_number: str
    period: str
    currency: str
    verdict: str
    total: Decimal
    credits: Decimal
    sha256: str
    issued_id: int | None
    reason: str
    proposed_at: dt.datetime
    proposed_by: str
    state: str
    decision: str
    decided_at: dt.datetime | None
    decided_by: str


def staff_alone(scope: Scope) -> ColumnElement[bool]:
    """Of a month that waits a customer sees nothing; row security says so too."""
    return true() if scope.is_staff else false()


def list_held(
    session: Session,
    scope: Scope,
    wanted: HeldMonthFilter = HeldMonthFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[HeldMonthRow]:
    """The longest waiting first, then what was issued, newest first. Two statements of SQL."""
    waits = HeldMonth.state == "held"
    statement = (
        select(
            HeldMonth.id,
            HeldMonth.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            HeldMonth.contract_id,
            Contract.number.label("contract_number"),
            HeldMonth.period,
            HeldMonth.currency,
            HeldMonth.verdict,
            HeldMonth.total,
            HeldMonth.credits,
            HeldMonth.reasons,
            HeldMonth.sha256,
            HeldMonth.held_at,
            HeldMonth.seen_at,
            HeldMonth.state,
            HeldMonth.ended_at,
            HeldMonth.statement_id,
            IssueProposal.id.label("proposal_id"),
            IssueProposal.proposed_by,
        )
        .join(Customer, Customer.id == HeldMonth.customer_id)
        .join(Contract, Contract.id == HeldMonth.contract_id)
        .outerjoin(
            IssueProposal,
            (IssueProposal.held_month_id == HeldMonth.id) & (IssueProposal.state == "open"),
        )
        .order_by(
            waits.desc(), HeldMonth.ended_at.desc().nulls_first(), HeldMonth.held_at, HeldMonth.id
        )
        .where(staff_alone(scope))
    )
    statement = narrow(
        statement,
        (HeldMonth.id, wanted.held_month_id),
        (HeldMonth.customer_id, wanted.customer_id),
        (HeldMonth.contract_id, wanted.contract_id),
        (HeldMonth.period, wanted.period),
        (HeldMonth.state, wanted.state),
    )
    return fetch_page(session, HeldMonthRow, statement, paging)


def find_held_month(session: Session, scope: Scope, held_month_id: int) -> HeldMonthRow:
    """Raises NotFoundError for one that is absent or not for this scope to see."""
    found = list_held(session, scope, HeldMonthFilter(held_month_id=held_month_id)).items
    if not found:
        raise NotFoundError("No such month.")
    return found[0]


def count_held(session: Session, scope: Scope, period: str | None = None) -> int:
    """How many months wait; one statement of SQL."""
    statement = select(func.count()).where(HeldMonth.state == "held", staff_alone(scope))
    return session.scalar(narrow(statement, (HeldMonth.period, period))) or 0


def list_issue_proposals(
    session: Session,
    scope: Scope,
    wanted: IssueProposalFilter = IssueProposalFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[IssueProposalRow]:
    """Newest first. Two statements of SQL."""
    statement = (
        select(
            IssueProposal.id,
            IssueProposal.held_month_id,
            IssueProposal.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            HeldMonth.contract_id,
            Contract.number.label("contract_number"),
            HeldMonth.period,
            HeldMonth.currency,
            IssueProposal.verdict,
            IssueProposal.total,
            IssueProposal.credits,
            IssueProposal.sha256,
            IssueProposal.issued_id,
            IssueProposal.reason,
            IssueProposal.proposed_at,
            IssueProposal.proposed_by,
            IssueProposal.state,
            IssueProposal.decision,
            IssueProposal.decided_at,
            IssueProposal.decided_by,
        )
        .join(HeldMonth, HeldMonth.id == IssueProposal.held_month_id)
        .join(Customer, Customer.id == IssueProposal.customer_id)
        .join(Contract, Contract.id == HeldMonth.contract_id)
        .order_by(IssueProposal.proposed_at.desc(), IssueProposal.id.desc())
        .where(staff_alone(scope))
    )
    statement = narrow(
        statement,
        (IssueProposal.id, wanted.issue_proposal_id),
        (IssueProposal.held_month_id, wanted.held_month_id),
        (IssueProposal.customer_id, wanted.customer_id),
        (IssueProposal.state, wanted.state),
    )
    return fetch_page(session, IssueProposalRow, statement, paging)


def find_issue_proposal(session: Session, scope: Scope, issue_proposal_id: int) -> IssueProposalRow:
    """Raises NotFoundError for one that is absent or not for this scope to see."""
    wanted = IssueProposalFilter(issue_proposal_id=issue_proposal_id)
    found = list_issue_proposals(session, scope, wanted).items
    if not found:
        raise NotFoundError("No such proposal.")
    return found[0]
