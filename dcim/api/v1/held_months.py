"""Months that wait for approval before they are issued: what would be issued, and who decides."""

from typing import Any, cast

from flask import current_app
from marshmallow import Schema, fields
from marshmallow.validate import Regexp

from dcim import jobs
from dcim.api.fields import PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.api.v1.credit_claims import MONTH
from dcim.api.v1.incident_rulings import OverruleDecision, Reason
from dcim.config import Settings
from dcim.http.database import current_scope, db_session
from dcim.statements.approval_models import HELD_STATES, ISSUE_STATES
from dcim.statements.approving import (
    HeldPreview,
    decide_issue,
    preview_held,
    propose_issue,
    release_month,
    withdraw_issue,
)
from dcim.statements.held_queries import (
    HeldMonthFilter,
    HeldMonthRow,
    IssueProposalFilter,
    IssueProposalRow,
    find_held_month,
    find_issue_proposal,
    list_held,
    list_issue_proposals,
)

held_months = Resource(
    "held_months", "Months that wait for approval before they are issued", prefix="held-months"
)
issue_proposals = Resource(
    "issue_proposals", "Proposals to issue months that wait", prefix="issue-proposals"
)


class HeldQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    period = fields.String(validate=MONTH)
    state = choice(HELD_STATES)


class ProposalQuery(PageQuery):
    held_month_id = query_id()
    customer_id = query_id()
    state = choice(ISSUE_STATES)


class NewIssueProposal(Schema):
    held_month_id = Whole(required=True)
    seen = fields.String(
        required=True,
        validate=Regexp(r"^[0-9a-f]{64}\Z", error="The sha256 of the preview."),
        metadata={"description": "The preview's `sha256`: nothing else is issued."},
    )
    reason = Text(high=4000, required=True, metadata={"description": "The statement tells it."})


@held_months.get("")
@held_months.arguments(HeldQuery, location="query")
@held_months.response(200, page_of(HeldMonthRow))
def list_held_months(query: dict[str, Any]) -> Any:
    """List months, the longest waiting first, then those that were issued."""
    paging = take_paging(query)
    return list_held(db_session(), current_scope(), HeldMonthFilter(**query), paging)


@held_months.get("/<int:held_month_id>")
@held_months.response(200, answer_of(HeldMonthRow))
def show_held_month(held_month_id: int) -> Any:
    """Show one month with why it waits."""
    return find_held_month(db_session(), current_scope(), held_month_id)


@held_months.post("/<int:held_month_id>/preview")
@held_months.response(200, answer_of(HeldPreview))
def preview_held_month(held_month_id: int) -> Any:
    """Compute what would be issued now; nothing is written."""
    return preview_held(db_session(), current_scope(), _settings(), held_month_id)


@held_months.post("/<int:held_month_id>/issue")
@held_months.response(200, answer_of(HeldMonthRow))
def issue_held_month(held_month_id: int) -> Any:
    """Issue a month that nothing holds any more; its PDF follows. 409 where something does."""
    session, scope = db_session(), current_scope()
    jobs.defer_print(session, release_month(session, scope, _settings(), held_month_id).id)
    return find_held_month(session, scope, held_month_id)


@issue_proposals.get("")
@issue_proposals.arguments(ProposalQuery, location="query")
@issue_proposals.response(200, page_of(IssueProposalRow))
def list_proposals(query: dict[str, Any]) -> Any:
    """List proposals, newest first."""
    paging = take_paging(query)
    return list_issue_proposals(db_session(), current_scope(), IssueProposalFilter(**query), paging)


@issue_proposals.get("/<int:issue_proposal_id>")
@issue_proposals.response(200, answer_of(IssueProposalRow))
def show_proposal(issue_proposal_id: int) -> Any:
    """Show one proposal, and its decision."""
    return find_issue_proposal(db_session(), current_scope(), issue_proposal_id)


@issue_proposals.post("")
@issue_proposals.arguments(NewIssueProposal)
@issue_proposals.response(201, answer_of(IssueProposalRow))
def create_proposal(body: dict[str, Any]) -> Any:
    """Propose to issue a month as previewed; someone else decides."""
    session, scope = db_session(), current_scope()
    row = propose_issue(
        session, scope, _settings(), body["held_month_id"], body["seen"], body["reason"]
    )
    return find_issue_proposal(session, scope, row.id)


@issue_proposals.put("/<int:issue_proposal_id>/decision")
@issue_proposals.arguments(OverruleDecision)
@issue_proposals.response(200, answer_of(IssueProposalRow))
def decide_proposal(body: dict[str, Any], issue_proposal_id: int) -> Any:
    """Accept what someone else proposed, which issues it (`issued_id`; its PDF follows), or refuse
    it, with the reason."""
    session, scope = db_session(), current_scope()
    row = decide_issue(session, scope, _settings(), issue_proposal_id, **body)
    if row.issued_id is not None:
        jobs.defer_print(session, row.issued_id)
    return find_issue_proposal(session, scope, issue_proposal_id)


@issue_proposals.post("/<int:issue_proposal_id>/withdrawal")
@issue_proposals.arguments(Reason)
@issue_proposals.response(200, answer_of(IssueProposalRow))
def withdraw_proposal(body: dict[str, Any], issue_proposal_id: int) -> Any:
    """Withdraw a proposal of one's own."""
    session, scope = db_session(), current_scope()
    withdraw_issue(session, scope, issue_proposal_id, **body)
    return find_issue_proposal(session, scope, issue_proposal_id)


def _settings() -> Settings:
    return cast(Settings, current_app.config["JIFANG"])
