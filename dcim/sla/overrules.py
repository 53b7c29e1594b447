"""Overruling an incident takes two: one proposes, another accepts or refuses; both say why."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import and_, or_, select
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
from dcim.customers.models import Customer
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page, narrow
from dcim.sla.contests import uphold_contests
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.ruling_models import RULINGS, IncidentOverrule


@dataclass(frozen=True, slots=True)
class NewOverrule:
    """See `IncidentOverrule`; `starts_at` and `ends_at` go with "times", `cause`, `cause_en` and
    `cause_class` with "cause". `customer_id` none: for all whom the incident hit."""

    incident_id: int
    ruling: str
    reason: str
    customer_id: int | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    cause_class: str = ""
    cause: str = ""
    cause_en: str = ""


@dataclass(frozen=True, slots=True)
class OverruleRow:
    """`state` is open, accepted, refused or withdrawn."""

    id: int
    incident_id: int
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    customer_name_en: str | None
    ruling: str
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    cause_class: str
    cause: str
    cause_en: str
    measured_from: dt.datetime
    measured_to: dt.datetime
    reason: str
    proposed_at: dt.datetime
    proposed_by: str
    state: str
    decision: str
    decided_at: dt.datetime | None
    decided_by: str


@dataclass(frozen=True, slots=True)
class OverruleFilter:
    overrule_id: int | None = None
    incident_id: int | None = None
    customer_id: int | None = None
    state: str | None = None


def propose_overrule(
    session: Session, scope: Scope, wanted: NewOverrule, now: dt.datetime | None = None
) -> IncidentOverrule:
    """Nothing counts otherwise until a second person accepts it.

    Raises ForbiddenError for who isn't a person of staff, NotFoundError, InvalidError for what
    can't be, ConflictError for an incident that still lasts or waits for another decision.
    """
    person = require_person(session, scope)
    incident = session.scalar(
        select(Incident).where(Incident.id == wanted.incident_id).with_for_update()
    )
    if incident is None:
        raise NotFoundError("No such incident.")
    _check(session, incident, wanted, now or utc_now())
    if incident.ended_at is None:
        raise ConflictError("It still lasts; it can be overruled once it is over.")
    waiting = session.scalars(
        select(IncidentOverrule).where(
            IncidentOverrule.incident_id == incident.id, IncidentOverrule.state == "open"
        )
    ).first()
    if waiting is not None:
        raise ConflictError(
            "%(who)s has proposed to overrule it already; that one is decided first.",
            who=waiting.proposed_by,
        )
    row = IncidentOverrule(
        incident_id=incident.id,
        customer_id=wanted.customer_id,
        ruling=wanted.ruling,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        cause_class=wanted.cause_class,
        cause=wanted.cause,
        cause_en=wanted.cause_en,
        measured_from=incident.started_at,
        measured_to=incident.ended_at,
        resources=sorted({str(e["resource"]) for e in incident.evidence if "resource" in e}),
        reason=wanted.reason.strip(),
        proposed_at=now or utc_now(),
        proposed_by=person.email,
        proposer_id=person.id,
    )
    session.add(row)
    session.flush()
    record(
        session, scope, "incident.overrule.propose", f"incident/{incident.id}",
        customer_id=row.customer_id, overrule=row.id, ruling=row.ruling, reason=row.reason,
        measured_from=row.measured_from.isoformat(), measured_to=row.measured_to.isoformat(),
        starts_at=row.starts_at and row.starts_at.isoformat(),
        ends_at=row.ends_at and row.ends_at.isoformat(),
        cause_class=row.cause_class, cause=row.cause,
    )  # fmt: skip
    return row


def _check(session: Session, incident: Incident, wanted: NewOverrule, now: dt.datetime) -> None:
    if wanted.ruling not in RULINGS:
        raise InvalidError("No such ruling.", {"ruling": ["unknown"]})
    check_reason(wanted.reason)
    timed = wanted.starts_at is not None or wanted.ends_at is not None
    if wanted.ruling == "times":
        _check_times(incident, wanted, now)
    elif timed:
        raise InvalidError(
            "Times are for a ruling about the times alone.", {"starts_at": ["not for this ruling"]}
        )
    caused = wanted.cause or wanted.cause_en or wanted.cause_class
    if wanted.ruling == "cause" and not (wanted.cause or wanted.cause_class):
        raise InvalidError("Say which cause, or of which class it is.", {"cause": ["missing"]})
    if wanted.ruling != "cause" and caused:
        raise InvalidError(
            "A cause is for a ruling about the cause alone.", {"cause": ["not for this ruling"]}
        )
    if wanted.ruling == "as_measured" and not _is_overruled(session, incident.id):
        raise InvalidError(
            "It counts as measured already; nothing is to be taken back.",
            {"ruling": ["nothing to take back"]},
        )
    if (
        wanted.customer_id is not None
        and not session.scalars(
            select(IncidentImpact.id).where(
                IncidentImpact.incident_id == incident.id,
                IncidentImpact.customer_id == wanted.customer_id,
            )
        ).first()
    ):
        raise InvalidError(
            "The incident didn't hit this customer.", {"customer_id": ["not hit by it"]}
        )


def _check_times(incident: Incident, wanted: NewOverrule, now: dt.datetime) -> None:
    start, end = wanted.starts_at, wanted.ends_at
    if start is None or end is None:
        raise InvalidError("Give both times.", {"starts_at": ["missing"], "ends_at": ["missing"]})
    if end <= start:
        raise InvalidError("It ends before it begins.", {"ends_at": ["before the start"]})
    if end > now:
        raise InvalidError("That is in the future.", {"ends_at": ["in the future"]})
    inside = incident.ended_at is not None and (
        incident.started_at <= start and end <= incident.ended_at
    )
    if incident.kind == "temperature" and not inside:
        raise InvalidError(
            "Temperatures can be struck out but not made up: stay within what was measured.",
            {"starts_at": ["outside the measured time"]},
        )


def _is_overruled(session: Session, incident_id: int) -> bool:
    last = session.scalars(
        select(IncidentOverrule.ruling)
        .where(IncidentOverrule.incident_id == incident_id, IncidentOverrule.state == "accepted")
        .order_by(IncidentOverrule.decided_at.desc(), IncidentOverrule.id.desc())
        .limit(1)
    ).first()
    return last not in (None, "as_measured")


def decide_overrule(
    session: Session,
    scope: Scope,
    overrule_id: int,
    state: str,
    reason: str,
    now: dt.datetime | None = None,
) -> IncidentOverrule:
    """`state` is "accepted" or "refused". Never by whoever proposed it.

    Raises ForbiddenError, NotFoundError, InvalidError, and ConflictError for what is decided, for
    an incident that was measured anew since, and for a clock that has gone backwards.
    """
    person = require_person(session, scope)
    row = _lock(session, overrule_id)
    check_decider(row, person, state)
    incident = session.get_one(Incident, row.incident_id)
    measured = (incident.started_at, incident.ended_at)
    if state == "accepted" and measured != (row.measured_from, row.measured_to):
        raise ConflictError(
            "It has been measured anew since %(who)s proposed this; refuse it, and propose again.",
            who=row.proposed_by,
        )
    _close(session, scope, row, state, reason, person, now or utc_now())
    if state == "accepted":
        uphold_contests(session, scope, row)
    return row


def withdraw_overrule(
    session: Session, scope: Scope, overrule_id: int, reason: str
) -> IncidentOverrule:
    """By whoever proposed it."""
    person = require_person(session, scope)
    row = _lock(session, overrule_id)
    check_withdrawer(row, person)
    _close(session, scope, row, "withdrawn", reason, person, utc_now())
    return row


def _lock(session: Session, overrule_id: int) -> IncidentOverrule:
    row = session.scalar(
        select(IncidentOverrule).where(IncidentOverrule.id == overrule_id).with_for_update()
    )
    if row is None:
        raise NotFoundError("No such proposal.")
    return row


def _close(
    session: Session,
    scope: Scope,
    row: IncidentOverrule,
    state: str,
    reason: str,
    person: User,
    now: dt.datetime,
) -> None:
    close_proposal(row, person, state, reason, now)
    session.flush()
    record(
        session, scope, f"incident.overrule.{state}", f"incident/{row.incident_id}",
        customer_id=row.customer_id, overrule=row.id, reason=row.decision,
        proposed_by=row.proposed_by,
    )  # fmt: skip


def list_overrules(
    session: Session,
    scope: Scope,
    wanted: OverruleFilter = OverruleFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[OverruleRow]:
    """Newest first; a customer sees what was accepted about incidents that hit it."""
    statement = (
        select(
            IncidentOverrule.id,
            IncidentOverrule.incident_id,
            IncidentOverrule.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            IncidentOverrule.ruling,
            IncidentOverrule.starts_at,
            IncidentOverrule.ends_at,
            IncidentOverrule.cause_class,
            IncidentOverrule.cause,
            IncidentOverrule.cause_en,
            IncidentOverrule.measured_from,
            IncidentOverrule.measured_to,
            IncidentOverrule.reason,
            IncidentOverrule.proposed_at,
            IncidentOverrule.proposed_by,
            IncidentOverrule.state,
            IncidentOverrule.decision,
            IncidentOverrule.decided_at,
            IncidentOverrule.decided_by,
        )
        .outerjoin(Customer, Customer.id == IncidentOverrule.customer_id)
        .order_by(IncidentOverrule.proposed_at.desc(), IncidentOverrule.id.desc())
    )
    if not scope.is_staff:
        hit = select(IncidentImpact.incident_id).where(scope.filter(IncidentImpact.customer_id))
        statement = statement.where(
            IncidentOverrule.state == "accepted",
            or_(
                scope.filter(IncidentOverrule.customer_id),
                and_(IncidentOverrule.customer_id.is_(None), IncidentOverrule.incident_id.in_(hit)),
            ),
        )
    statement = narrow(
        statement,
        (IncidentOverrule.id, wanted.overrule_id),
        (IncidentOverrule.incident_id, wanted.incident_id),
        (IncidentOverrule.customer_id, wanted.customer_id),
        (IncidentOverrule.state, wanted.state),
    )
    return fetch_page(session, OverruleRow, statement, paging)


def find_overrule(session: Session, scope: Scope, overrule_id: int) -> OverruleRow:
    """Raises NotFoundError for one that is absent or not for this scope to see."""
    found = list_overrules(session, scope, OverruleFilter(overrule_id=overrule_id)).items
    if not found:
        raise NotFoundError("No such proposal.")
    return found[0]
