"""How time nobody measured counts takes two: one proposes, another decides; both say why."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import exists, or_, select, tuple_
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.people import require_person
from dcim.accounts.proposals import (
    check_decider,
    check_reason,
    check_withdrawer,
    close_proposal,
)
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.sla.decision_models import TREATMENTS, ReviewDecision
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rulings import name_results
from dcim.sla.terms_in_force import find_agreed
from dcim.statements.issuing import month_bounds, wait_for_turn


@dataclass(frozen=True, slots=True)
class NewDecision:
    """See `ReviewDecision`."""

    contract_id: int
    period: str
    result: str
    treat_unknown: str
    reason: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class ReviewDecisionRow:
    """`state` is open, accepted, refused or withdrawn; `treat_unknown` up, down or left_out."""

    id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    contract_id: int
    contract_number: str
    period: str
    result: str
    treat_unknown: str
    reason: str
    evidence: str
    proposed_at: dt.datetime
    proposed_by: str
    state: str
    decision: str
    decided_at: dt.datetime | None
    decided_by: str


@dataclass(frozen=True, slots=True)
class ReviewDecisionFilter:
    review_decision_id: int | None = None
    customer_id: int | None = None
    contract_id: int | None = None
    period: str | None = None
    state: str | None = None


def propose_decision(
    session: Session, scope: Scope, wanted: NewDecision, now: dt.datetime | None = None
) -> ReviewDecision:
    """Nothing counts otherwise until a second person accepts it.

    Raises ForbiddenError for who isn't a person of staff, NotFoundError, InvalidError for what
    can't be, ConflictError for a draft, for a month that still runs, and for a result about which
    another proposal waits.
    """
    person = require_person(session, scope)
    contract = session.scalar(
        scope.apply(select(Contract).where(Contract.id == wanted.contract_id), Contract.customer_id)
    )
    if contract is None:
        raise NotFoundError("No such contract.")
    if wanted.treat_unknown not in TREATMENTS:
        raise InvalidError(
            "Time counts as up, as down, or is left out.",
            {"treat_unknown": [", ".join(TREATMENTS)]},
        )
    check_reason(wanted.reason)
    wait_for_turn(session, contract.id)
    moment = now or utc_now()
    _check_month(contract, wanted.period, moment)
    if wanted.result not in _find_results(session, scope, contract, wanted.period):
        raise InvalidError(
            "The contract's terms promise no %(result)s in %(period)s.",
            {"result": ["unknown"]},
            result=wanted.result,
            period=wanted.period,
        )
    waiting = session.scalars(
        select(ReviewDecision).where(
            ReviewDecision.contract_id == contract.id,
            ReviewDecision.period == wanted.period,
            ReviewDecision.result == wanted.result,
            ReviewDecision.state == "open",
        )
    ).first()
    if waiting is not None:
        raise ConflictError(
            "%(who)s has proposed to decide it already; that one is decided first.",
            who=waiting.proposed_by,
        )
    row = ReviewDecision(
        customer_id=contract.customer_id,
        contract_id=contract.id,
        period=wanted.period,
        result=wanted.result,
        treat_unknown=wanted.treat_unknown,
        reason=wanted.reason.strip(),
        evidence=wanted.evidence.strip(),
        proposed_at=moment,
        proposed_by=person.email,
        proposer_id=person.id,
    )
    session.add(row)
    session.flush()
    record(
        session, scope, "review_decision.propose", f"contract/{contract.id}",
        customer_id=row.customer_id, decision=row.id, period=row.period, result=row.result,
        treat_unknown=row.treat_unknown, reason=row.reason, evidence=row.evidence,
    )  # fmt: skip
    return row


def _check_month(contract: Contract, period: str, now: dt.datetime) -> None:
    """Over, of a contract that is billed. What is decided about an issued month counts in its next
    revision (`revising`)."""
    if contract.state == "draft":
        raise ConflictError(
            "Contract %(number)s is a draft; nothing is billed by it.", number=contract.number
        )
    _first, after = month_bounds(period)
    if now < dt.datetime.combine(after, dt.time(), ZoneInfo(contract.timezone)):
        # It would count for all unmeasured time of the month: what is still to come too.
        raise ConflictError(
            "%(period)s still runs, and more time may go unmeasured; decide once it is over.",
            period=period,
        )


def _find_results(session: Session, scope: Scope, contract: Contract, period: str) -> set[str]:
    first, after = month_bounds(period)
    try:
        terms = find_agreed(session, scope, contract, period).load()
    except TermsRefusedError as error:
        raise ConflictError(
            "The terms of %(number)s can't be read: %(why)s",
            number=contract.number,
            why=str(error),
        ) from error
    items = session.scalars(
        scope.apply(
            select(ContractItem).where(
                ContractItem.contract_id == contract.id,
                ContractItem.starts_on < after,
                or_(ContractItem.ends_on.is_(None), ContractItem.ends_on > first),
            ),
            ContractItem.customer_id,
        )
    )
    return name_results(terms, items)


def decide_proposal(
    session: Session,
    scope: Scope,
    review_decision_id: int,
    state: str,
    reason: str,
    now: dt.datetime | None = None,
) -> ReviewDecision:
    """`state` is "accepted" or "refused". Never by whoever proposed it.

    Raises ForbiddenError, NotFoundError, InvalidError, and ConflictError for what is decided, for
    accepting what the month can't take any more, and for a clock that has gone backwards.
    """
    person = require_person(session, scope)
    row = _lock(session, scope, review_decision_id)
    check_decider(row, person, state)
    moment = now or utc_now()
    if state == "accepted" and row.state == "open":
        contract = session.get_one(Contract, row.contract_id)
        _check_month(contract, row.period, moment)
        if row.result not in _find_results(session, scope, contract, row.period):
            raise ConflictError(
                "The contract's terms promise no %(result)s in %(period)s any more; refuse it.",
                result=row.result,
                period=row.period,
            )
    _close(session, scope, row, state, reason, person, moment)
    return row


def withdraw_proposal(
    session: Session, scope: Scope, review_decision_id: int, reason: str
) -> ReviewDecision:
    """By whoever proposed it."""
    person = require_person(session, scope)
    row = _lock(session, scope, review_decision_id)
    check_withdrawer(row, person)
    _close(session, scope, row, "withdrawn", reason, person, utc_now())
    return row


def _lock(session: Session, scope: Scope, review_decision_id: int) -> ReviewDecision:
    """Its contract's turn first, as issuing takes it: a month isn't frozen while it is decided."""
    contract_id = session.scalar(
        scope.apply(
            select(ReviewDecision.contract_id).where(ReviewDecision.id == review_decision_id),
            ReviewDecision.customer_id,
        )
    )
    if contract_id is None:
        raise NotFoundError("No such proposal.")
    wait_for_turn(session, contract_id)
    return session.scalars(
        select(ReviewDecision).where(ReviewDecision.id == review_decision_id).with_for_update()
    ).one()


def _close(
    session: Session,
    scope: Scope,
    row: ReviewDecision,
    state: str,
    reason: str,
    person: User,
    now: dt.datetime,
) -> None:
    close_proposal(row, person, state, reason, now)
    session.flush()
    record(
        session, scope, f"review_decision.{state}", f"contract/{row.contract_id}",
        customer_id=row.customer_id, decision=row.id, period=row.period, result=row.result,
        reason=row.decision, proposed_by=row.proposed_by,
    )  # fmt: skip


def was_decided_since(session: Session, contract_id: int, period: str, since: dt.datetime) -> bool:
    """Whether a decision about the month was accepted then or later."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    ReviewDecision.contract_id == contract_id,
                    ReviewDecision.period == period,
                    ReviewDecision.state == "accepted",
                    ReviewDecision.decided_at >= since,
                )
            )
        )
    )


def _select_rows(scope: Scope) -> Any:
    return scope.apply(
        select(
            ReviewDecision.id,
            ReviewDecision.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            ReviewDecision.contract_id,
            Contract.number.label("contract_number"),
            ReviewDecision.period,
            ReviewDecision.result,
            ReviewDecision.treat_unknown,
            ReviewDecision.reason,
            ReviewDecision.evidence,
            ReviewDecision.proposed_at,
            ReviewDecision.proposed_by,
            ReviewDecision.state,
            ReviewDecision.decision,
            ReviewDecision.decided_at,
            ReviewDecision.decided_by,
        )
        .join(Customer, Customer.id == ReviewDecision.customer_id)
        .join(Contract, Contract.id == ReviewDecision.contract_id)
        .order_by(ReviewDecision.proposed_at.desc(), ReviewDecision.id.desc()),
        ReviewDecision.customer_id,
    )


def map_decisions(
    session: Session, scope: Scope, months: Collection[tuple[int, str]]
) -> dict[tuple[int, str, str], ReviewDecisionRow]:
    """By (contract, month, result) what waits, or else was accepted last; one statement of SQL."""
    rows = session.execute(
        _select_rows(scope).where(
            tuple_(ReviewDecision.contract_id, ReviewDecision.period).in_(months),
            ReviewDecision.state.in_(("open", "accepted")),
        )
    )
    found: dict[tuple[int, str, str], ReviewDecisionRow] = {}
    for row in rows:
        found.setdefault(
            (row.contract_id, row.period, row.result), ReviewDecisionRow(**row._mapping)
        )
    return found


def list_decisions(
    session: Session,
    scope: Scope,
    wanted: ReviewDecisionFilter = ReviewDecisionFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[ReviewDecisionRow]:
    """Newest first; a customer sees what was accepted about its own months."""
    statement = _select_rows(scope)
    if not scope.is_staff:
        statement = statement.where(ReviewDecision.state == "accepted")
    statement = narrow(
        statement,
        (ReviewDecision.id, wanted.review_decision_id),
        (ReviewDecision.customer_id, wanted.customer_id),
        (ReviewDecision.contract_id, wanted.contract_id),
        (ReviewDecision.period, wanted.period),
        (ReviewDecision.state, wanted.state),
    )
    return fetch_page(session, ReviewDecisionRow, statement, paging)


def find_decision(session: Session, scope: Scope, review_decision_id: int) -> ReviewDecisionRow:
    """Raises NotFoundError for one that is absent or not for this scope to see."""
    wanted = ReviewDecisionFilter(review_decision_id=review_decision_id)
    found = list_decisions(session, scope, wanted).items
    if not found:
        raise NotFoundError("No such proposal.")
    return found[0]
