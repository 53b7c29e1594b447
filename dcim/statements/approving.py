"""Issuing a month that is held: one person proposes what the preview shows, another approves it.

What is issued is exactly what both saw; it goes the way of every statement (`issuing`).
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.people import require_person
from dcim.accounts.proposals import check_decider, check_reason, check_withdrawer, close_proposal
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.errors import ConflictError, ForbiddenError, NotFoundError
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.statements.approval_models import HeldMonth, IssueProposal
from dcim.statements.differences import hash_content
from dcim.statements.drafts import UNMADE, compose_draft, refuse_unmade
from dcim.statements.held_months import judge_month, keep_held
from dcim.statements.held_queries import staff_alone
from dcim.statements.issuing import Approved, freeze_statement, wait_for_turn
from dcim.statements.models import Statement


@dataclass(frozen=True, slots=True)
class HeldPreview:
    """What would be issued now; a proposal names its `sha256`.

    `reasons` is why it waits (`approval_rules.find_reasons`), empty where nothing holds it any
    more; `differs` whether it says something else than when the row was written last.
    """

    held_month_id: int
    currency: str
    verdict: str
    total: Decimal
    credits: Decimal
    reasons: dict[str, object]
    sha256: str
    differs: bool
    metrics: list[dict[str, object]]
    ledger: list[dict[str, object]]


def preview_held(
    session: Session,
    scope: Scope,
    settings: Settings,
    held_month_id: int,
    now: dt.datetime | None = None,
) -> HeldPreview:
    """Compose the month anew; nothing is written.

    Raises ForbiddenError for customers, NotFoundError, ConflictError for one that is issued or of
    which no statement can be made: it says why.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff see what waits for approval.")
    row = _find(session, scope, held_month_id)
    _check_waits(session, row)
    document = compose_draft(session, scope, settings, row.contract_id, row.period, now).data
    return _preview(session, row, document)


def _preview(session: Session, row: HeldMonth, document: dict[str, Any]) -> HeldPreview:
    contract = session.get_one(Contract, row.contract_id)
    finding = judge_month(session, contract, row.period, document)
    sha256, totals = hash_content(document), document["totals"]
    return HeldPreview(
        row.id,
        contract.currency,
        document["verdict"]["result"],
        Decimal(totals["total"]),
        Decimal(totals["credits"]),
        {} if finding is None else finding.reasons,
        sha256,
        sha256 != row.sha256,
        document["metrics"],
        document["ledger"],
    )


def propose_issue(
    session: Session,
    scope: Scope,
    settings: Settings,
    held_month_id: int,
    seen: str,
    reason: str,
    now: dt.datetime | None = None,
) -> IssueProposal:
    """Nothing is issued until a second person approves it. `seen` is the preview's `sha256`.

    Raises ForbiddenError for who isn't a person of staff, InvalidError without a reason,
    ConflictError as `preview_held`, where something else would be issued than was seen, where
    nothing holds it any more, and where another proposal waits.
    """
    person = require_person(session, scope)
    said = check_reason(reason)
    row = _lock_month(session, scope, held_month_id)
    _check_waits(session, row)
    composed = compose_draft(session, scope, settings, row.contract_id, row.period)
    if hash_content(composed.data) != seen:
        raise ConflictError("What would be issued isn't what you saw any more; look at it again.")
    contract = session.get_one(Contract, row.contract_id)
    finding = judge_month(session, contract, row.period, composed.data)
    if finding is None:
        raise ConflictError("Nothing holds this month any more; issue it.")
    keep_held(session, scope, finding)
    waiting = session.scalars(
        select(IssueProposal).where(
            IssueProposal.held_month_id == row.id, IssueProposal.state == "open"
        )
    ).first()
    if waiting is not None:
        raise ConflictError(
            "%(who)s has proposed to issue it already; that one is decided first.",
            who=waiting.proposed_by,
        )
    proposal = IssueProposal(
        customer_id=row.customer_id,
        held_month_id=row.id,
        verdict=row.verdict,
        total=row.total,
        credits=row.credits,
        sha256=row.sha256,
        reason=said,
        proposed_at=now or utc_now(),
        proposed_by=person.email,
        proposer_id=person.id,
    )
    session.add(proposal)
    session.flush()
    _record(session, scope, proposal, row, "propose", said)
    return proposal


def decide_issue(
    session: Session,
    scope: Scope,
    settings: Settings,
    issue_proposal_id: int,
    state: str,
    reason: str,
    now: dt.datetime | None = None,
) -> IssueProposal:
    """`state` is "accepted", which freezes and books the month, or "refused": then it goes on
    waiting. Never by whoever proposed it. The PDF is made afterwards (`files.produce_file`).

    Raises ForbiddenError, NotFoundError, InvalidError, and ConflictError for what is decided, what
    would not be issued as it was seen any more, and a clock that has gone backwards.
    """
    person = require_person(session, scope)
    proposal, row = _lock(session, scope, issue_proposal_id)
    check_decider(proposal, person, state)
    decision, moment = check_reason(reason), now or utc_now()
    if state == "accepted" and proposal.state == "open":
        statement = _issue(session, scope, settings, proposal, row, person, decision, moment)
        proposal.issued_id = statement.id
    _close(session, scope, proposal, row, state, decision, person, moment)
    return proposal


def withdraw_issue(
    session: Session, scope: Scope, issue_proposal_id: int, reason: str
) -> IssueProposal:
    """By whoever proposed it."""
    person = require_person(session, scope)
    proposal, row = _lock(session, scope, issue_proposal_id)
    check_withdrawer(proposal, person)
    _close(session, scope, proposal, row, "withdrawn", reason, person, utc_now())
    return proposal


def release_month(
    session: Session, scope: Scope, settings: Settings, held_month_id: int
) -> Statement:
    """Issue a month that nothing holds any more, because what it follows from was corrected.

    Raises HeldError where something still does. The PDF is made afterwards.
    """
    require_person(session, scope)
    row = _lock_month(session, scope, held_month_id)
    _check_waits(session, row)
    return _freeze(session, scope, settings, row)


def _issue(
    session: Session,
    scope: Scope,
    settings: Settings,
    proposal: IssueProposal,
    row: HeldMonth,
    person: User,
    decision: str,
    now: dt.datetime,
) -> Statement:
    _check_waits(session, row)
    told = {
        "proposed_by": proposal.proposed_by,
        "proposed_at": format_instant(to_ms(proposal.proposed_at)),
        "reason": proposal.reason,
        "approved_by": person.email,
        "approved_at": format_instant(to_ms(now)),
        "text": decision,
    }
    return _freeze(session, scope, settings, row, Approved(proposal.sha256, told))


def _freeze(
    session: Session,
    scope: Scope,
    settings: Settings,
    row: HeldMonth,
    approved: Approved | None = None,
) -> Statement:
    """Raises ConflictError where the facts make no statement: it says what stands in the way."""
    try:
        statement, _new = freeze_statement(
            session, scope, settings, row.contract_id, row.period, approved=approved
        )
    except UNMADE as error:
        contract = session.get_one(Contract, row.contract_id)
        raise refuse_unmade(contract, row.period, error) from error
    return statement


def _check_waits(session: Session, row: HeldMonth) -> None:
    if row.state == "held":
        return
    number = session.get_one(Statement, row.statement_id).number
    raise ConflictError(
        "%(period)s is issued already as %(number)s.", period=row.period, number=number
    )


def _find(session: Session, scope: Scope, held_month_id: int) -> HeldMonth:
    row = session.scalars(
        select(HeldMonth)
        .where(HeldMonth.id == held_month_id, staff_alone(scope))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFoundError("No such month.")
    return row


def _lock_month(session: Session, scope: Scope, held_month_id: int) -> HeldMonth:
    """In its contract's turn, as issuing takes it; read anew once it has come."""
    wait_for_turn(session, _find(session, scope, held_month_id).contract_id)
    return _find(session, scope, held_month_id)


def _lock(
    session: Session, scope: Scope, issue_proposal_id: int
) -> tuple[IssueProposal, HeldMonth]:
    """Its contract's turn first: of two who approve at once one issues."""
    month_id = session.scalar(
        select(IssueProposal.held_month_id).where(
            IssueProposal.id == issue_proposal_id, staff_alone(scope)
        )
    )
    if month_id is None:
        raise NotFoundError("No such proposal.")
    row = _lock_month(session, scope, month_id)
    proposal = session.scalars(
        select(IssueProposal)
        .where(IssueProposal.id == issue_proposal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return proposal, row


def _close(
    session: Session,
    scope: Scope,
    proposal: IssueProposal,
    row: HeldMonth,
    state: str,
    reason: str,
    person: User,
    now: dt.datetime,
) -> None:
    if proposal.state == "lapsed":
        raise ConflictError(
            "What would be issued has changed since it was proposed; look at the month and propose "
            "it anew."
        )
    close_proposal(proposal, person, state, reason, now)
    session.flush()
    _record(session, scope, proposal, row, state, proposal.decision, issued=proposal.issued_id)


def _record(
    session: Session,
    scope: Scope,
    proposal: IssueProposal,
    row: HeldMonth,
    deed: str,
    reason: str,
    **more: Any,
) -> None:
    record(
        session, scope, f"issue_proposal.{deed}", f"contract/{row.contract_id}",
        customer_id=proposal.customer_id, proposal=proposal.id, period=row.period, reason=reason,
        sha256=proposal.sha256, proposed_by=proposal.proposed_by, **more,
    )  # fmt: skip
