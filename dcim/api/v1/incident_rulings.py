"""What people say of incidents: contests, proposals to overrule and their decision, links."""

from typing import Any

from marshmallow import Schema

from dcim.accounts.proposals import PROPOSAL_STATES
from dcim.api.fields import Instant, PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.sla.contests import (
    ContestFilter,
    ContestRow,
    contest_incident,
    find_contest,
    list_contests,
    refuse_contest,
)
from dcim.sla.incident_links import (
    LinkFilter,
    LinkRow,
    NewLink,
    find_link,
    link_incident,
    list_links,
    undo_link,
)
from dcim.sla.overrules import (
    NewOverrule,
    OverruleFilter,
    OverruleRow,
    decide_overrule,
    find_overrule,
    list_overrules,
    propose_overrule,
    withdraw_overrule,
)
from dcim.sla.ruling_models import CONTEST_STATES, LINK_KINDS, RULINGS

contests = Resource("incident_contests", "Contested incidents", prefix="incident-contests")
overrules = Resource("incident_overrules", "Overruled incidents", prefix="incident-overrules")
links = Resource("incident_links", "Links of incidents", prefix="incident-links")


class ContestQuery(PageQuery):
    incident_id = query_id()
    customer_id = query_id()
    state = choice(CONTEST_STATES)


class NewContest(Schema):
    incident_id = Whole(required=True)
    reason = Text(high=4000, required=True)


class ContestAnswer(Schema):
    answer = Text(high=4000, required=True, metadata={"description": "Whoever contested reads it."})


class OverruleQuery(PageQuery):
    incident_id = query_id()
    customer_id = query_id()
    state = choice(PROPOSAL_STATES)


class NewIncidentOverrule(Schema):
    incident_id = Whole(required=True)
    ruling = choice(RULINGS, required=True)
    reason = Text(high=4000, required=True, metadata={"description": "The statement tells it."})
    customer_id = Whole(
        allow_none=True,
        load_default=None,
        metadata={"description": "For this customer alone; none: for all whom it hit."},
    )
    starts_at = Instant(
        allow_none=True, load_default=None, metadata={"description": "With `times`."}
    )
    ends_at = Instant(allow_none=True, load_default=None)
    cause_class = Text(
        low=0,
        high=64,
        load_default="",
        metadata={"description": "As the terms exclude it: customer_caused, force_majeure, …"},
    )
    cause = Text(low=0, load_default="")
    cause_en = Text(low=0, load_default="")


class OverruleDecision(Schema):
    state = choice(("accepted", "refused"), required=True)
    reason = Text(high=4000, required=True, metadata={"description": "The statement tells it."})


class Reason(Schema):
    reason = Text(high=4000, required=True)


class LinkQuery(PageQuery):
    incident_id = query_id()


class NewIncidentLink(Schema):
    """One of `other_id`, `maintenance_id` and `split_at`, as `kind` asks."""

    incident_id = Whole(required=True)
    kind = choice(LINK_KINDS, required=True)
    reason = Text(high=4000, required=True)
    other_id = Whole(allow_none=True, load_default=None)
    maintenance_id = Whole(allow_none=True, load_default=None)
    split_at = Instant(allow_none=True, load_default=None)


@contests.get("")
@contests.arguments(ContestQuery, location="query")
@contests.response(200, page_of(ContestRow))
def list_incident_contests(query: dict[str, Any]) -> Any:
    """List the contests, newest first; a customer's are its own."""
    paging = take_paging(query)
    return list_contests(db_session(), current_scope(), ContestFilter(**query), paging)


@contests.get("/<int:incident_contest_id>")
@contests.response(200, answer_of(ContestRow))
def show_contest(incident_contest_id: int) -> Any:
    """Show one contest and its answer."""
    return find_contest(db_session(), current_scope(), incident_contest_id)


@contests.post("")
@contests.arguments(NewContest)
@contests.response(201, answer_of(ContestRow))
def create_contest(body: dict[str, Any]) -> Any:
    """Contest an incident: customers one that hit them, staff any."""
    session, scope = db_session(), current_scope()
    row = contest_incident(session, scope, **body)
    return find_contest(session, scope, row.id)


@contests.put("/<int:incident_contest_id>/answer")
@contests.arguments(ContestAnswer)
@contests.response(200, answer_of(ContestRow))
def refuse_incident_contest(body: dict[str, Any], incident_contest_id: int) -> Any:
    """Refuse a contest, with the answer; one is upheld by overruling the incident."""
    session, scope = db_session(), current_scope()
    refuse_contest(session, scope, incident_contest_id, **body)
    return find_contest(session, scope, incident_contest_id)


@overrules.get("")
@overrules.arguments(OverruleQuery, location="query")
@overrules.response(200, page_of(OverruleRow))
def list_incident_overrules(query: dict[str, Any]) -> Any:
    """List proposals and decisions, newest first; a customer's are those accepted about it."""
    paging = take_paging(query)
    return list_overrules(db_session(), current_scope(), OverruleFilter(**query), paging)


@overrules.get("/<int:incident_overrule_id>")
@overrules.response(200, answer_of(OverruleRow))
def show_overrule(incident_overrule_id: int) -> Any:
    """Show one proposal and its decision."""
    return find_overrule(db_session(), current_scope(), incident_overrule_id)


@overrules.post("")
@overrules.arguments(NewIncidentOverrule)
@overrules.response(201, answer_of(OverruleRow))
def create_overrule(body: dict[str, Any]) -> Any:
    """Propose to count an incident otherwise than measured; someone else decides."""
    session, scope = db_session(), current_scope()
    row = propose_overrule(session, scope, NewOverrule(**body))
    return find_overrule(session, scope, row.id)


@overrules.put("/<int:incident_overrule_id>/decision")
@overrules.arguments(OverruleDecision)
@overrules.response(200, answer_of(OverruleRow))
def decide_incident_overrule(body: dict[str, Any], incident_overrule_id: int) -> Any:
    """Accept or refuse what someone else proposed, with the reason."""
    session, scope = db_session(), current_scope()
    decide_overrule(session, scope, incident_overrule_id, **body)
    return find_overrule(session, scope, incident_overrule_id)


@overrules.post("/<int:incident_overrule_id>/withdrawal")
@overrules.arguments(Reason)
@overrules.response(200, answer_of(OverruleRow))
def withdraw_incident_overrule(body: dict[str, Any], incident_overrule_id: int) -> Any:
    """Withdraw a proposal of one's own."""
    session, scope = db_session(), current_scope()
    withdraw_overrule(session, scope, incident_overrule_id, **body)
    return find_overrule(session, scope, incident_overrule_id)


@links.get("")
@links.arguments(LinkQuery, location="query")
@links.response(200, page_of(LinkRow))
def list_incident_links(query: dict[str, Any]) -> Any:
    """List how incidents hang together, undone links too, newest first."""
    paging = take_paging(query)
    return list_links(db_session(), current_scope(), LinkFilter(**query), paging)


@links.post("")
@links.arguments(NewIncidentLink)
@links.response(201, answer_of(LinkRow))
def create_link(body: dict[str, Any]) -> Any:
    """Attach an incident, merge it with another, or split it."""
    session, scope = db_session(), current_scope()
    row = link_incident(session, scope, NewLink(**body))
    return find_link(session, scope, row.id)


@links.post("/<int:incident_link_id>/undo")
@links.arguments(Reason)
@links.response(200, answer_of(LinkRow))
def undo_incident_link(body: dict[str, Any], incident_link_id: int) -> Any:
    """Undo a link; it stays on record."""
    session, scope = db_session(), current_scope()
    row = undo_link(session, scope, incident_link_id, **body)
    return find_link(session, scope, row.id)
