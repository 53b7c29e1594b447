"""Claims of credits: the customer's own or entered for it, decided by staff, told to the rules."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, Customer
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.notices.telling import tell_people
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.sla.rules.periods import format_instant, month_period, to_ms
from dcim.sla.rules.terms import Terms
from dcim.sla.rulings import name_results
from dcim.sla.terms_in_force import find_agreed
from dcim.statements.claim_mail import ClaimNews, write_claim
from dcim.statements.claim_models import CreditClaim

DECISIONS = ("accepted", "refused")
# In place of a login of the operator's people, for customers.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class NewClaim:
    """`period` like "2026-10"; no `results`: for all of the month. `made_at`: when it arrived,
    which only staff may say; otherwise now."""

    contract_id: int
    period: str
    results: tuple[str, ...] = ()
    text: str = ""
    made_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class CreditClaimRow:
    """`state` is open, accepted or refused; `reason` says why it was decided so."""

    id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    contract_id: int
    contract_number: str
    period: str
    results: list[str]
    text: str
    made_at: dt.datetime
    entered_at: dt.datetime
    entered_by: str
    state: str
    reason: str
    decided_by: str
    decided_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """`period` is a month as "2026-10"."""

    claim_id: int | None = None
    customer_id: int | None = None
    contract_id: int | None = None
    period: str | None = None
    state: str | None = None


def make_claim(
    session: Session, scope: Scope, wanted: NewClaim, now: dt.datetime | None = None
) -> CreditClaim:
    """Ask for credits of a month. One that is late is kept too: the terms judge when it came.

    Raises NotFoundError for a contract out of reach, InvalidError for a month that hasn't begun,
    terms that know no claims and results that there aren't, ForbiddenError for a customer that
    says itself when it claimed, ConflictError for a draft.
    """
    now = now or utc_now()
    contract = session.scalar(
        scope.apply(select(Contract).where(Contract.id == wanted.contract_id), Contract.customer_id)
    )
    if contract is None:
        raise NotFoundError("No such contract.")
    if contract.state == "draft":
        raise ConflictError(
            "Contract %(number)s is a draft; nothing is billed by it.", number=contract.number
        )
    if wanted.made_at is not None and not scope.is_staff:
        raise ForbiddenError("Only staff enter when a claim arrived.")
    made_at = wanted.made_at or now
    terms = _read_terms(session, scope, contract, wanted.period)
    if made_at > now or to_ms(made_at) < month_period(wanted.period, terms.timezone).start:
        raise InvalidError(
            "A claim arrives after its month has begun, and not in the future.",
            {"made_at": ["before the month or in the future"]},
        )
    known = sorted(name_results(terms, contract.items))
    odd = sorted(set(wanted.results) - set(known))
    if odd:
        raise InvalidError(
            "%(number)s has no %(results)s to claim for; there are %(known)s.",
            {"results": odd},
            number=contract.number,
            results=", ".join(odd),
            known=", ".join(known),
        )
    claim = CreditClaim(
        customer_id=contract.customer_id,
        contract_id=contract.id,
        period=wanted.period,
        results=sorted(set(wanted.results)),
        text=wanted.text,
        made_at=made_at,
        entered_at=now,
        entered_by=scope.actor,
    )
    session.add(claim)
    session.flush()
    record(
        session,
        scope,
        "credit-claim.make",
        f"credit-claim/{claim.id}",
        customer_id=claim.customer_id,
        contract=contract.number,
        period=claim.period,
        results=", ".join(claim.results),
        made_at=made_at.isoformat(),
    )
    return claim


def decide_claim(
    session: Session, scope: Scope, claim_id: int, state: str, reason: str
) -> CreditClaim:
    """Accept or refuse, with a reason that the customer reads. What was decided may be decided
    otherwise; the audit log keeps each decision.

    Raises ForbiddenError for customers, NotFoundError, InvalidError without a reason.
    """
    require_staff(scope)
    if state not in DECISIONS:
        raise InvalidError("A claim is accepted or refused.", {"state": ["accepted or refused"]})
    if not reason.strip():
        raise InvalidError("Say why: the customer reads it.", {"reason": ["missing"]})
    claim = session.scalar(
        scope.apply(
            select(CreditClaim).where(CreditClaim.id == claim_id).with_for_update(),
            CreditClaim.customer_id,
        )
    )
    if claim is None:
        raise NotFoundError("No such claim.")
    before, before_reason = claim.state, claim.reason
    claim.state, claim.reason = state, reason.strip()
    claim.decided_by, claim.decided_at = scope.actor, utc_now()
    session.flush()
    record(
        session,
        scope,
        "credit-claim.decide",
        f"credit-claim/{claim.id}",
        customer_id=claim.customer_id,
        before=before,
        state=state,
        reason=claim.reason,
    )
    if (before, before_reason) != (state, claim.reason):
        _tell_decision(session, claim)
    return claim


def _tell_decision(session: Session, claim: CreditClaim) -> None:
    number = session.scalars(select(Contract.number).where(Contract.id == claim.contract_id)).one()
    news = ClaimNews(number, claim.period, claim.state, claim.reason)
    tell_people(
        session,
        [claim.customer_id],
        "claim.decided",
        f"credit-claim/{claim.id}/{claim.decided_at:%Y%m%dT%H%M%S.%f}",
        lambda reader: write_claim(news, reader.language),
    )


def list_claims(
    session: Session,
    scope: Scope,
    wanted: ClaimFilter = ClaimFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[CreditClaimRow]:
    """Newest first; a customer's own alone, without the logins of the operator's people. Two
    statements of SQL, for customers three."""
    statement = (
        select(
            CreditClaim.id,
            CreditClaim.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            CreditClaim.contract_id,
            Contract.number.label("contract_number"),
            CreditClaim.period,
            CreditClaim.results,
            CreditClaim.text,
            CreditClaim.made_at,
            CreditClaim.entered_at,
            CreditClaim.entered_by,
            CreditClaim.state,
            CreditClaim.reason,
            CreditClaim.decided_by,
            CreditClaim.decided_at,
        )
        .join(Customer, Customer.id == CreditClaim.customer_id)
        .join(Contract, Contract.id == CreditClaim.contract_id)
        .where(scope.filter(CreditClaim.customer_id))
        .order_by(CreditClaim.made_at.desc(), CreditClaim.id.desc())
    )
    statement = narrow(
        statement,
        (CreditClaim.id, wanted.claim_id),
        (CreditClaim.customer_id, wanted.customer_id),
        (CreditClaim.contract_id, wanted.contract_id),
        (CreditClaim.period, wanted.period),
        (CreditClaim.state, wanted.state),
    )
    page = fetch_page(session, CreditClaimRow, statement, paging)
    return page if scope.is_staff else _hide_people(session, scope, page)


def _hide_people(
    session: Session, scope: Scope, page: Page[CreditClaimRow]
) -> Page[CreditClaimRow]:
    own = set(session.scalars(select(User.email).where(User.customer_id == scope.customer_id)))
    own.add(scope.actor)
    return page.replace(
        [
            replace(
                row,
                entered_by=row.entered_by if row.entered_by in own else OPERATOR,
                decided_by=row.decided_by and OPERATOR,
            )
            for row in page.items
        ]
    )


def find_claim(session: Session, scope: Scope, claim_id: int) -> CreditClaimRow:
    """Raises NotFoundError for one that is absent or another customer's."""
    found = list_claims(session, scope, ClaimFilter(claim_id=claim_id)).items
    if not found:
        raise NotFoundError("No such claim.")
    return found[0]


def claims_of(
    session: Session, scope: Scope, contract: Contract, terms: Terms, period: str
) -> list[dict[str, Any]] | None:
    """The month's claims as inputs carry them; None where the terms settle without a claim.

    A claim counts from when it was made, decided or not; one that was refused carries the reason
    and gives nothing.
    """
    if terms.settle is None or not terms.settle.on_claim:
        return None
    claims = session.scalars(
        scope.apply(
            select(CreditClaim)
            .where(
                CreditClaim.contract_id == contract.id,
                CreditClaim.period == period,
            )
            .order_by(CreditClaim.made_at, CreditClaim.id),
            CreditClaim.customer_id,
        )
    )
    return [
        {
            "id": str(claim.id),
            "made_at": format_instant(to_ms(claim.made_at)),
            "results": list(claim.results),
            **({"refused": claim.reason} if claim.state == "refused" else {}),
        }
        for claim in claims
    ]


def _read_terms(session: Session, scope: Scope, contract: Contract, period: str) -> Terms:
    """Those agreed for the month. Raises InvalidError where they give credits without a claim."""
    try:
        month_period(period, contract.timezone)
    except ValueError as error:
        raise InvalidError(
            "%(period)s is no month; write it like 2026-10.", {"period": ["no month"]},
            period=period,
        ) from error  # fmt: skip
    terms = find_agreed(session, scope, contract, period).load()
    if terms.settle is None or not terms.settle.on_claim:
        raise InvalidError(
            "By its terms, contract %(number)s gives credits without a claim.",
            {"contract_id": ["no claim needed"]},
            number=contract.number,
        )
    return terms
