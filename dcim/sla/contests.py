"""Contesting an incident: customers their own, staff any; answered by a ruling or a refusal."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.people import require_person
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Customer
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.sla.queries import find_incident
from dcim.sla.ruling_models import IncidentContest, IncidentOverrule


@dataclass(frozen=True, slots=True)
class ContestRow:
    """`state` is open, upheld (an overrule was accepted) or refused; `answer` says why."""

    id: int
    incident_id: int
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    customer_name_en: str | None
    reason: str
    made_at: dt.datetime
    made_by: str
    state: str
    answer: str
    answered_by: str
    answered_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ContestFilter:
    contest_id: int | None = None
    incident_id: int | None = None
    customer_id: int | None = None
    state: str | None = None


def contest_incident(
    session: Session, scope: Scope, incident_id: int, reason: str
) -> IncidentContest:
    """Raises NotFoundError for an incident that is absent or hit others alone, InvalidError
    without a reason, ConflictError where the own contest is still open."""
    incident = find_incident(session, scope, incident_id)
    if not reason.strip():
        raise InvalidError("Say what is wrong with it.", {"reason": ["missing"]})
    waiting = session.scalars(
        select(IncidentContest).where(
            IncidentContest.incident_id == incident.id,
            IncidentContest.customer_id.is_not_distinct_from(scope.customer_id),
            IncidentContest.state == "open",
        )
    ).first()
    if waiting is not None:
        raise ConflictError(
            "%(who)s contested it on %(day)s; the answer is still to come.",
            who=waiting.made_by,
            day=f"{waiting.made_at:%Y-%m-%d}",
        )
    row = IncidentContest(
        incident_id=incident.id,
        customer_id=scope.customer_id,
        reason=reason.strip(),
        made_by=scope.actor,
    )
    session.add(row)
    session.flush()
    record(
        session, scope, "incident.contest", f"incident/{incident.id}", contest=row.id,
        reason=row.reason,
    )  # fmt: skip
    return row


def refuse_contest(session: Session, scope: Scope, contest_id: int, answer: str) -> IncidentContest:
    """The incident stays as it is; whoever contested it reads the answer."""
    require_person(session, scope)
    row = session.scalar(
        select(IncidentContest).where(IncidentContest.id == contest_id).with_for_update()
    )
    if row is None:
        raise NotFoundError("No such contest.")
    if not answer.strip():
        raise InvalidError("Say why: whoever contested it reads this.", {"answer": ["missing"]})
    if row.state != "open":
        raise ConflictError("%(who)s answered this contest already.", who=row.answered_by)
    _answer(session, scope, row, "refused", answer.strip())
    return row


def uphold_contests(session: Session, scope: Scope, overrule: IncidentOverrule) -> None:
    """An accepted overrule answers the open contests of those whom it concerns."""
    rows = session.scalars(
        select(IncidentContest)
        .where(IncidentContest.incident_id == overrule.incident_id, IncidentContest.state == "open")
        .with_for_update()
    )
    for row in rows.all():
        if overrule.customer_id is None or row.customer_id in (None, overrule.customer_id):
            _answer(session, scope, row, "upheld", overrule.decision)


def _answer(session: Session, scope: Scope, row: IncidentContest, state: str, answer: str) -> None:
    row.state, row.answer = state, answer
    row.answered_by, row.answered_at = scope.actor, utc_now()
    session.flush()
    record(
        session, scope, "incident.contest.answer", f"incident/{row.incident_id}",
        customer_id=row.customer_id, contest=row.id, state=state, answer=answer,
    )  # fmt: skip


def list_contests(
    session: Session,
    scope: Scope,
    wanted: ContestFilter = ContestFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[ContestRow]:
    """Newest first; a customer's own alone, without the login of who answered. Two statements of
    SQL."""
    statement = (
        select(
            IncidentContest.id,
            IncidentContest.incident_id,
            IncidentContest.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            IncidentContest.reason,
            IncidentContest.made_at,
            IncidentContest.made_by,
            IncidentContest.state,
            IncidentContest.answer,
            (IncidentContest.answered_by if scope.is_staff else literal("")).label("answered_by"),
            IncidentContest.answered_at,
        )
        .outerjoin(Customer, Customer.id == IncidentContest.customer_id)
        .where(scope.filter(IncidentContest.customer_id))
        .order_by(IncidentContest.made_at.desc(), IncidentContest.id.desc())
    )
    statement = narrow(
        statement,
        (IncidentContest.id, wanted.contest_id),
        (IncidentContest.incident_id, wanted.incident_id),
        (IncidentContest.customer_id, wanted.customer_id),
        (IncidentContest.state, wanted.state),
    )
    return fetch_page(session, ContestRow, statement, paging)


def find_contest(session: Session, scope: Scope, contest_id: int) -> ContestRow:
    """Raises NotFoundError for one that is absent or another customer's."""
    found = list_contests(session, scope, ContestFilter(contest_id=contest_id)).items
    if not found:
        raise NotFoundError("No such contest.")
    return found[0]
