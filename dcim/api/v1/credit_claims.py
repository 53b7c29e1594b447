"""Claims of credits: a customer's own, or entered for it by staff, and their decision."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, Regexp

from dcim.api.fields import Instant, PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.statements.claim_models import CLAIM_STATES
from dcim.statements.credit_claims import (
    DECISIONS,
    ClaimFilter,
    CreditClaimRow,
    NewClaim,
    decide_claim,
    find_claim,
    list_claims,
    make_claim,
)

credit_claims = Resource("credit_claims", "Claims of credits", prefix="credit-claims")

MONTH = Regexp(r"^[0-9]{4}-(0[1-9]|1[0-2])\Z", error="Write a month as 2026-10.")


class ClaimQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    period = fields.String(validate=MONTH)
    state = choice(CLAIM_STATES)


class NewCreditClaim(Schema):
    contract_id = Whole(required=True)
    period = fields.String(required=True, validate=MONTH)
    results = fields.List(
        Text(high=200),
        load_default=list,
        validate=Length(0, 500),
        metadata={"description": "Like power.A05; empty: all of the month."},
    )
    text = Text(low=0, high=4000, load_default="")
    made_at = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "When it arrived; only staff say it, otherwise it is now."},
    )


class CreditClaimDecision(Schema):
    state = choice(DECISIONS, required=True)
    reason = Text(high=4000, required=True, metadata={"description": "The customer reads it."})


@credit_claims.get("")
@credit_claims.arguments(ClaimQuery, location="query")
@credit_claims.response(200, page_of(CreditClaimRow))
def list_credit_claims(query: dict[str, Any]) -> Any:
    """List the claims, newest first; a customer's are its own."""
    paging = take_paging(query)
    return list_claims(db_session(), current_scope(), ClaimFilter(**query), paging)


@credit_claims.get("/<int:credit_claim_id>")
@credit_claims.response(200, answer_of(CreditClaimRow))
def show_credit_claim(credit_claim_id: int) -> Any:
    """Show one claim and its decision."""
    return find_claim(db_session(), current_scope(), credit_claim_id)


@credit_claims.post("")
@credit_claims.arguments(NewCreditClaim)
@credit_claims.response(201, answer_of(CreditClaimRow))
def create_credit_claim(body: dict[str, Any]) -> Any:
    """Claim credits of a month: customers for themselves, staff for anyone."""
    session, scope = db_session(), current_scope()
    body["results"] = tuple(body["results"])
    claim = make_claim(session, scope, NewClaim(**body))
    return find_claim(session, scope, claim.id)


@credit_claims.put("/<int:credit_claim_id>/decision")
@credit_claims.arguments(CreditClaimDecision)
@credit_claims.response(200, answer_of(CreditClaimRow))
def decide_credit_claim(body: dict[str, Any], credit_claim_id: int) -> Any:
    """Accept or refuse a claim, with the reason."""
    session, scope = db_session(), current_scope()
    decide_claim(session, scope, credit_claim_id, **body)
    return find_claim(session, scope, credit_claim_id)
