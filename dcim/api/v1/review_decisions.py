"""How time nobody measured counts: proposals, and what a second person decides."""

from typing import Any

from marshmallow import Schema, fields

from dcim.accounts.proposals import PROPOSAL_STATES
from dcim.api.fields import PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.api.v1.credit_claims import MONTH
from dcim.api.v1.incident_rulings import OverruleDecision, Reason
from dcim.http.database import current_scope, db_session
from dcim.sla.decision_models import TREATMENTS
from dcim.statements.review_decisions import (
    NewDecision,
    ReviewDecisionFilter,
    ReviewDecisionRow,
    decide_proposal,
    find_decision,
    list_decisions,
    propose_decision,
    withdraw_proposal,
)

review_decisions = Resource(
    "review_decisions", "Decisions about unmeasured time", prefix="review-decisions"
)


class ReviewDecisionQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    period = fields.String(validate=MONTH)
    state = choice(PROPOSAL_STATES)


class NewReviewDecision(Schema):
    contract_id = Whole(required=True)
    period = fields.String(required=True, validate=MONTH)
    result = Text(required=True, metadata={"description": "Metric and item, like power.A05."})
    treat_unknown = choice(
        TREATMENTS,
        required=True,
        metadata={"description": "What all unmeasured time of the result counts as."},
    )
    reason = Text(high=4000, required=True, metadata={"description": "The statement tells it."})
    evidence = Text(
        low=0,
        high=4000,
        load_default="",
        metadata={"description": "What shows it; the statement tells it."},
    )


@review_decisions.get("")
@review_decisions.arguments(ReviewDecisionQuery, location="query")
@review_decisions.response(200, page_of(ReviewDecisionRow))
def list_review_decisions(query: dict[str, Any]) -> Any:
    """List proposals and decisions, newest first; a customer's are those accepted about it."""
    paging = take_paging(query)
    return list_decisions(db_session(), current_scope(), ReviewDecisionFilter(**query), paging)


@review_decisions.get("/<int:review_decision_id>")
@review_decisions.response(200, answer_of(ReviewDecisionRow))
def show_review_decision(review_decision_id: int) -> Any:
    """Show one proposal and its decision."""
    return find_decision(db_session(), current_scope(), review_decision_id)


@review_decisions.post("")
@review_decisions.arguments(NewReviewDecision)
@review_decisions.response(201, answer_of(ReviewDecisionRow))
def create_review_decision(body: dict[str, Any]) -> Any:
    """Propose how the unmeasured time of a result counts, in a month that is over; someone else
    decides. In a month that is issued it counts in the next revision."""
    session, scope = db_session(), current_scope()
    row = propose_decision(session, scope, NewDecision(**body))
    return find_decision(session, scope, row.id)


@review_decisions.put("/<int:review_decision_id>/decision")
@review_decisions.arguments(OverruleDecision)
@review_decisions.response(200, answer_of(ReviewDecisionRow))
def decide_review_decision(body: dict[str, Any], review_decision_id: int) -> Any:
    """Accept or refuse what someone else proposed, with the reason."""
    session, scope = db_session(), current_scope()
    decide_proposal(session, scope, review_decision_id, **body)
    return find_decision(session, scope, review_decision_id)


@review_decisions.post("/<int:review_decision_id>/withdrawal")
@review_decisions.arguments(Reason)
@review_decisions.response(200, answer_of(ReviewDecisionRow))
def withdraw_review_decision(body: dict[str, Any], review_decision_id: int) -> Any:
    """Withdraw a proposal of one's own."""
    session, scope = db_session(), current_scope()
    withdraw_proposal(session, scope, review_decision_id, **body)
    return find_decision(session, scope, review_decision_id)
