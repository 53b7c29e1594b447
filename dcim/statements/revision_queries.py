"""Reading proposals to correct statements, and what a statement says of its revisions."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, Customer
from dcim.errors import NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.statements.models import Statement
from dcim.statements.revision_models import RevisionProposal


@dataclass(frozen=True, slots=True)
class RevisionProposalRow:
    """`state` is open, accepted, refused or withdrawn; `number` what it replaces, `issued_id` the
    revision that was issued; `differences` is what both people saw."""

    id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    contract_id: int
    contract_number: str
    period: str
    currency: str
    statement_id: int
    number: str
    issued_id: int | None
    differences: dict[str, object]
    reason: str
    proposed_at: dt.datetime
    proposed_by: str
    state: str
    decision: str
    decided_at: dt.datetime | None
    decided_by: str


@dataclass(frozen=True, slots=True)
class RevisionProposalFilter:
    """`period` is a month as "2026-10"."""

    proposal_id: int | None = None
    customer_id: int | None = None
    contract_id: int | None = None
    statement_id: int | None = None
    period: str | None = None
    state: str | None = None


def list_revision_proposals(
    session: Session,
    scope: Scope,
    wanted: RevisionProposalFilter = RevisionProposalFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[RevisionProposalRow]:
    """Newest first; a customer sees what was accepted about its own. Two statements of SQL."""
    statement = scope.apply(
        select(
            RevisionProposal.id,
            RevisionProposal.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            RevisionProposal.contract_id,
            Contract.number.label("contract_number"),
            Statement.period,
            Statement.currency,
            RevisionProposal.statement_id,
            Statement.number,
            RevisionProposal.issued_id,
            RevisionProposal.differences,
            RevisionProposal.reason,
            RevisionProposal.proposed_at,
            RevisionProposal.proposed_by,
            RevisionProposal.state,
            RevisionProposal.decision,
            RevisionProposal.decided_at,
            RevisionProposal.decided_by,
        )
        .join(Customer, Customer.id == RevisionProposal.customer_id)
        .join(Contract, Contract.id == RevisionProposal.contract_id)
        .join(Statement, Statement.id == RevisionProposal.statement_id)
        .order_by(RevisionProposal.proposed_at.desc(), RevisionProposal.id.desc()),
        RevisionProposal.customer_id,
    )
    if not scope.is_staff:
        statement = statement.where(RevisionProposal.state == "accepted")
    statement = narrow(
        statement,
        (RevisionProposal.id, wanted.proposal_id),
        (RevisionProposal.customer_id, wanted.customer_id),
        (RevisionProposal.contract_id, wanted.contract_id),
        (RevisionProposal.statement_id, wanted.statement_id),
        (Statement.period, wanted.period),
        (RevisionProposal.state, wanted.state),
    )
    return fetch_page(session, RevisionProposalRow, statement, paging)


def find_revision_proposal(session: Session, scope: Scope, proposal_id: int) -> RevisionProposalRow:
    """Raises NotFoundError for one that is absent or not for this scope to see."""
    wanted = RevisionProposalFilter(proposal_id=proposal_id)
    found = list_revision_proposals(session, scope, wanted).items
    if not found:
        raise NotFoundError("No such proposal.")
    return found[0]
