"""Correcting issued statements: what would change, proposals, and what a second person decides."""

from typing import Any, cast

from flask import current_app
from marshmallow import Schema, fields
from marshmallow.validate import Regexp

from dcim import jobs
from dcim.accounts.proposals import PROPOSAL_STATES
from dcim.api.fields import PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.api.v1.credit_claims import MONTH
from dcim.api.v1.incident_rulings import OverruleDecision, Reason
from dcim.config import Settings
from dcim.http.database import current_scope, db_session
from dcim.statements.revising import (
    LONGEST_REASON,
    Preview,
    decide_revision,
    preview_revision,
    propose_revision,
    withdraw_revision,
)
from dcim.statements.revision_queries import (
    RevisionProposalFilter,
    RevisionProposalRow,
    find_revision_proposal,
    list_revision_proposals,
)

statement_revisions = Resource(
    "statement_revisions", "Corrections of issued statements", prefix="statement-revisions"
)


class RevisionQuery(PageQuery):
    customer_id = query_id()
    contract_id = query_id()
    statement_id = query_id()
    period = fields.String(validate=MONTH)
    state = choice(PROPOSAL_STATES)


class WhichStatement(Schema):
    statement_id = Whole(required=True, metadata={"description": "What it replaces."})


class NewRevision(WhichStatement):
    seen = fields.String(
        required=True,
        validate=Regexp(r"^[0-9a-f]{64}\Z", error="The sha256 of the preview."),
        metadata={"description": "The preview's `sha256`: nothing else is issued."},
    )
    reason = Text(
        high=LONGEST_REASON,
        required=True,
        metadata={"description": "It stands on the first page of the statement."},
    )


@statement_revisions.post("/preview")
@statement_revisions.arguments(WhichStatement)
@statement_revisions.response(200, answer_of(Preview))
def preview_statement_revision(body: dict[str, Any]) -> Any:
    """Compute what the next revision of a statement would change; nothing is written."""
    return preview_revision(db_session(), current_scope(), _settings(), body["statement_id"])


@statement_revisions.get("")
@statement_revisions.arguments(RevisionQuery, location="query")
@statement_revisions.response(200, page_of(RevisionProposalRow))
def list_statement_revisions(query: dict[str, Any]) -> Any:
    """List proposals, newest first; a customer's are those accepted about its statements."""
    paging = take_paging(query)
    return list_revision_proposals(
        db_session(), current_scope(), RevisionProposalFilter(**query), paging
    )


@statement_revisions.get("/<int:revision_proposal_id>")
@statement_revisions.response(200, answer_of(RevisionProposalRow))
def show_statement_revision(revision_proposal_id: int) -> Any:
    """Show one proposal with what it changes, and its decision."""
    return find_revision_proposal(db_session(), current_scope(), revision_proposal_id)


@statement_revisions.post("")
@statement_revisions.arguments(NewRevision)
@statement_revisions.response(201, answer_of(RevisionProposalRow))
def create_statement_revision(body: dict[str, Any]) -> Any:
    """Propose the next revision of a statement as previewed; someone else decides."""
    session, scope = db_session(), current_scope()
    row = propose_revision(
        session, scope, _settings(), body["statement_id"], body["seen"], body["reason"]
    )
    return find_revision_proposal(session, scope, row.id)


@statement_revisions.put("/<int:revision_proposal_id>/decision")
@statement_revisions.arguments(OverruleDecision)
@statement_revisions.response(200, answer_of(RevisionProposalRow))
def decide_statement_revision(body: dict[str, Any], revision_proposal_id: int) -> Any:
    """Accept what someone else proposed, which issues it (`issued_id`; its PDF follows), or refuse
    it, with the reason."""
    session, scope = db_session(), current_scope()
    row = decide_revision(session, scope, _settings(), revision_proposal_id, **body)
    if row.issued_id is not None:
        jobs.defer_print(session, row.issued_id)
    return find_revision_proposal(session, scope, revision_proposal_id)


@statement_revisions.post("/<int:revision_proposal_id>/withdrawal")
@statement_revisions.arguments(Reason)
@statement_revisions.response(200, answer_of(RevisionProposalRow))
def withdraw_statement_revision(body: dict[str, Any], revision_proposal_id: int) -> Any:
    """Withdraw a proposal of one's own."""
    session, scope = db_session(), current_scope()
    withdraw_revision(session, scope, revision_proposal_id, **body)
    return find_revision_proposal(session, scope, revision_proposal_id)


def _settings() -> Settings:
    return cast(Settings, current_app.config["JIFANG"])
