"""How incidents hang together: attached, merged, split, by a person who says why; undone alike.

What was found stays as it is. Attaching only tells; merging and splitting tell the terms what is
one event.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.audit import record
from dcim.accounts.people import require_person
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.operations.models import Maintenance
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page
from dcim.sla.models import Incident
from dcim.sla.ruling_models import LINK_KINDS, IncidentLink


@dataclass(frozen=True, slots=True)
class NewLink:
    """See `IncidentLink`: exactly one of `other_id`, `maintenance_id` and `split_at`, by `kind`."""

    incident_id: int
    kind: str
    reason: str
    other_id: int | None = None
    maintenance_id: int | None = None
    split_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkRow:
    """`undone_at` is none while it stands."""

    id: int
    kind: str
    incident_id: int
    other_id: int | None
    maintenance_id: int | None
    maintenance_code: str | None
    split_at: dt.datetime | None
    reason: str
    made_at: dt.datetime
    made_by: str
    undone_at: dt.datetime | None
    undone_by: str
    undo_reason: str


@dataclass(frozen=True, slots=True)
class LinkFilter:
    link_id: int | None = None
    incident_id: int | None = None


def link_incident(session: Session, scope: Scope, wanted: NewLink) -> IncidentLink:
    """Raises ForbiddenError, NotFoundError, InvalidError for what can't hang together,
    ConflictError for what stands already or against another link."""
    require_person(session, scope)
    if wanted.kind not in LINK_KINDS:
        raise InvalidError("No such link.", {"kind": ["unknown"]})
    if not wanted.reason.strip():
        raise InvalidError("Say why.", {"reason": ["missing"]})
    # In the order of their ids: two people who link the same two don't wait for each other.
    ids = sorted({one for one in (wanted.incident_id, wanted.other_id) if one is not None})
    locked = {
        row.id: row
        for row in session.scalars(
            select(Incident).where(Incident.id.in_(ids)).order_by(Incident.id).with_for_update()
        )
    }
    incident = locked.get(wanted.incident_id)
    if incident is None:
        raise NotFoundError("No such incident.")
    if wanted.kind == "during_maintenance":
        _check_maintenance(session, incident, wanted)
    elif wanted.kind == "split":
        _check_split(session, incident, wanted)
    else:
        _check_other(session, incident, locked, wanted)
    _refuse_twice(session, wanted)
    row = IncidentLink(
        kind=wanted.kind,
        incident_id=incident.id,
        other_id=wanted.other_id,
        maintenance_id=wanted.maintenance_id,
        split_at=wanted.split_at,
        reason=wanted.reason.strip(),
        made_by=scope.actor,
    )
    session.add(row)
    session.flush()
    _note(session, scope, "incident.link", row, row.reason)
    return row


def undo_link(session: Session, scope: Scope, link_id: int, reason: str) -> IncidentLink:
    """It no longer stands; that it did, and why, stays on record."""
    require_person(session, scope)
    row = session.scalar(select(IncidentLink).where(IncidentLink.id == link_id).with_for_update())
    if row is None:
        raise NotFoundError("No such link.")
    if not reason.strip():
        raise InvalidError("Say why.", {"reason": ["missing"]})
    if row.undone_at is not None:
        raise ConflictError("%(who)s has undone this already.", who=row.undone_by)
    row.undone_at, row.undone_by, row.undo_reason = utc_now(), scope.actor, reason.strip()
    session.flush()
    _note(session, scope, "incident.unlink", row, row.undo_reason)
    return row


def _note(session: Session, scope: Scope, action: str, row: IncidentLink, reason: str) -> None:
    record(
        session, scope, action, f"incident/{row.incident_id}", link=row.id, kind=row.kind,
        other=row.other_id, maintenance=row.maintenance_id,
        split_at=row.split_at and row.split_at.isoformat(), reason=reason,
    )  # fmt: skip


def _check_maintenance(session: Session, incident: Incident, wanted: NewLink) -> None:
    if wanted.maintenance_id is None:
        raise InvalidError("Choose the maintenance.", {"maintenance_id": ["missing"]})
    window = session.get(Maintenance, wanted.maintenance_id)
    if window is None:
        raise NotFoundError("No such maintenance.")
    if incident.started_at >= window.ends_at or (
        incident.ended_at is not None and incident.ended_at <= window.starts_at
    ):
        raise InvalidError(
            "%(code)s ran at another time.", {"maintenance_id": ["at another time"]},
            code=window.code,
        )  # fmt: skip


def _check_split(session: Session, incident: Incident, wanted: NewLink) -> None:
    at = wanted.split_at
    if at is None:
        raise InvalidError("Say when the second event begins.", {"split_at": ["missing"]})
    if at <= incident.started_at or (incident.ended_at is not None and at >= incident.ended_at):
        raise InvalidError("That is not while it lasted.", {"split_at": ["not while it lasted"]})
    _refuse_both(session, incident.id, "merge")


def _check_other(
    session: Session, incident: Incident, locked: dict[int, Incident], wanted: NewLink
) -> None:
    other = None if wanted.other_id is None else locked.get(wanted.other_id)
    if other is None or other is incident:
        raise InvalidError("Choose another incident.", {"other_id": ["another one"]})
    if wanted.kind == "consequence":
        if other.started_at > incident.started_at:
            raise InvalidError(
                "INC-%(number)s began later; a consequence follows its cause.",
                {"other_id": ["began later"]},
                number=other.id,
            )
        if incident.id in _causes_of(session, other.id):
            raise InvalidError(
                "INC-%(number)s is a consequence of this one.",
                {"other_id": ["is its consequence"]},
                number=other.id,
            )
        return
    if not _resources(incident) & _resources(other):
        raise InvalidError(
            "They have nothing in common: INC-%(number)s concerns other feeds and ports.",
            {"other_id": ["nothing in common"]},
            number=other.id,
        )
    for one in (incident, other):
        _refuse_both(session, one.id, "split")


def _resources(incident: Incident) -> set[str]:
    return {str(entry["resource"]) for entry in incident.evidence if "resource" in entry}


def _causes_of(session: Session, incident_id: int) -> set[int]:
    rows = session.execute(
        select(IncidentLink.incident_id, IncidentLink.other_id).where(
            IncidentLink.kind == "consequence", IncidentLink.undone_at.is_(None)
        )
    ).all()
    found, new = set[int](), {incident_id}
    while new:
        found |= new
        new = {cause for one, cause in rows if one in new and cause is not None} - found
    return found - {incident_id}


def _refuse_both(session: Session, incident_id: int, kind: str) -> None:
    """One event with another and two events by itself: the one is undone before the other."""
    standing = session.scalars(
        select(IncidentLink).where(
            IncidentLink.kind == kind,
            IncidentLink.undone_at.is_(None),
            or_(IncidentLink.incident_id == incident_id, IncidentLink.other_id == incident_id),
        )
    ).first()
    if standing is None:
        return
    if kind == "merge":
        raise ConflictError(
            "INC-%(number)s is merged already; undo that first.", number=incident_id
        )
    raise ConflictError("INC-%(number)s is split already; undo that first.", number=incident_id)


def _refuse_twice(session: Session, wanted: NewLink) -> None:
    pairs = [(wanted.incident_id, wanted.other_id)]
    if wanted.kind == "merge" and wanted.other_id is not None:
        pairs.append((wanted.other_id, wanted.incident_id))
    for one, other in pairs:
        standing = session.scalars(
            select(IncidentLink).where(
                IncidentLink.kind == wanted.kind,
                IncidentLink.undone_at.is_(None),
                IncidentLink.incident_id == one,
                IncidentLink.other_id.is_not_distinct_from(other),
                IncidentLink.maintenance_id.is_not_distinct_from(wanted.maintenance_id),
                IncidentLink.split_at.is_not_distinct_from(wanted.split_at),
            )
        ).first()
        if standing is not None:
            raise ConflictError("%(who)s linked them so already.", who=standing.made_by)


def find_window_id(session: Session, code: str) -> int:
    found = session.scalar(select(Maintenance.id).where(Maintenance.code == code.strip()))
    if found is None:
        raise InvalidError(
            "There is no maintenance %(code)s.", {"maintenance": ["unknown"]}, code=code
        )
    return found


def find_link(session: Session, scope: Scope, link_id: int) -> LinkRow:
    """Raises NotFoundError for one that is absent, ForbiddenError for customers."""
    found = list_links(session, scope, LinkFilter(link_id=link_id)).items
    if not found:
        raise NotFoundError("No such link.")
    return found[0]


def list_links(
    session: Session,
    scope: Scope,
    wanted: LinkFilter = LinkFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[LinkRow]:
    """All that people decided, of an incident from either side, undone ones too; newest first."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see how incidents hang together.")
    window = aliased(Maintenance)
    statement: Query = (
        select(
            IncidentLink.id,
            IncidentLink.kind,
            IncidentLink.incident_id,
            IncidentLink.other_id,
            IncidentLink.maintenance_id,
            window.code.label("maintenance_code"),
            IncidentLink.split_at,
            IncidentLink.reason,
            IncidentLink.made_at,
            IncidentLink.made_by,
            IncidentLink.undone_at,
            IncidentLink.undone_by,
            IncidentLink.undo_reason,
        )
        .outerjoin(window, window.id == IncidentLink.maintenance_id)
        .order_by(IncidentLink.id.desc())
    )
    if wanted.link_id is not None:
        statement = statement.where(IncidentLink.id == wanted.link_id)
    if (one := wanted.incident_id) is not None:
        statement = statement.where(
            or_(IncidentLink.incident_id == one, IncidentLink.other_id == one)
        )
    return fetch_page(session, LinkRow, statement, paging)
