"""What is open at an instant, as plain values: what one shift hands to the next."""

import datetime as dt
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.alarms.models import AlarmEvent
from dcim.alarms.queries import AlarmFilter, list_alarms
from dcim.columns import is_among
from dcim.handovers.models import HandoverItem
from dcim.operations.queries import STANDING_STATES, list_maintenance
from dcim.operations.ticket_queries import TicketFilter
from dcim.paging import EVERYTHING, Paging
from dcim.sla.answer_deadlines import list_queue
from dcim.sla.models import Incident

# What is listed of each but the items carried on; how many there are is told beside it.
MOST = 200
# The alarm's newest notes.
MOST_NOTES = 3
AHEAD = dt.timedelta(hours=24)
# A ticket whose answer is due within that is near.
NEAR = dt.timedelta(hours=8)


def freeze_open(session: Session, scope: Scope, now: dt.datetime) -> dict[str, Any]:
    """Alarms (causes alone), incidents, maintenance under way or within 24 hours, tickets whose
    answer is due within 8 hours or late, and items carried on. A constant number of statements.

    Each is {"total": int, "rows": [...]}; instants are ISO 8601 in UTC."""
    return {
        "at": now.isoformat(),
        "alarms": _freeze_alarms(session, scope, now),
        "incidents": _freeze_incidents(session),
        "maintenance": _freeze_maintenance(session, scope, now),
        "tickets": _freeze_tickets(session, scope, now),
        "carried": _freeze_carried(session),
    }


def _freeze_alarms(session: Session, scope: Scope, now: dt.datetime) -> dict[str, Any]:
    page = list_alarms(session, scope, AlarmFilter(show="causes"), Paging(1, MOST), now=now)
    notes = _find_notes(session, [one.id for one in page.items])
    rows = [
        {
            "id": one.id,
            "severity": one.severity,
            "rule": {"zh": one.rule_name, "en": one.rule_name_en},
            "label": one.label,
            "site": one.site_code or "",
            "since": one.began_at.isoformat(),
            "acknowledged_by": one.acknowledged_by,
            "assigned_to": one.assigned_to,
            "snoozed_until": _iso(one.snoozed_until if one.is_snoozed(now) else None),
            "maintenance": one.silenced_by_code or "",
            "consequences": one.consequences,
            "notes": notes.get(one.id, []),
        }
        for one in page.items
    ]
    return {"total": page.total, "rows": rows}


def _find_notes(session: Session, alarm_ids: list[int]) -> dict[int, list[dict[str, str]]]:
    """Of each the newest, oldest of them first."""
    place = func.row_number().over(
        partition_by=AlarmEvent.alarm_id, order_by=(AlarmEvent.at.desc(), AlarmEvent.id.desc())
    )
    numbered = (
        select(AlarmEvent.alarm_id, AlarmEvent.at, AlarmEvent.actor, AlarmEvent.text)
        .add_columns(place.label("place"))
        .where(
            is_among(AlarmEvent.alarm_id, alarm_ids), AlarmEvent.actor != "", AlarmEvent.text != ""
        )
        .subquery()
    )
    found: dict[int, list[dict[str, str]]] = {}
    for row in session.execute(
        select(numbered).where(numbered.c.place <= MOST_NOTES).order_by(numbered.c.place.desc())
    ):
        said = {"at": row.at.isoformat(), "actor": row.actor, "text": row.text}
        found.setdefault(row.alarm_id, []).append(said)
    return found


def _freeze_incidents(session: Session) -> dict[str, Any]:
    is_open = Incident.ended_at.is_(None)
    rows = session.execute(
        select(
            Incident.id, Incident.kind, Incident.what, Incident.what_en, Incident.place,
            Incident.started_at,
        )
        .where(is_open)
        .order_by(Incident.started_at.desc(), Incident.id.desc())
        .limit(MOST)
    )  # fmt: skip
    told = [
        {
            "id": row.id,
            "kind": row.kind,
            "what": {"zh": row.what, "en": row.what_en},
            "place": row.place,
            "since": row.started_at.isoformat(),
        }
        for row in rows
    ]
    return {"total": session.scalar(select(func.count()).where(is_open)) or 0, "rows": told}


def _freeze_maintenance(session: Session, scope: Scope, now: dt.datetime) -> dict[str, Any]:
    page = list_maintenance(
        session, scope, Paging(1, MOST),
        since=now, until=now + AHEAD, states=STANDING_STATES, soonest_first=True,
    )  # fmt: skip
    rows = [
        {
            "id": one.id,
            "code": one.code,
            "title": {"zh": one.title, "en": one.title_en},
            "state": one.state,
            "starts_at": one.starts_at.isoformat(),
            "ends_at": one.ends_at.isoformat(),
        }
        for one in page.items
    ]
    return {"total": page.total, "rows": rows}


def _freeze_tickets(session: Session, scope: Scope, now: dt.datetime) -> dict[str, Any]:
    queued = list_queue(session, scope, TicketFilter(unclosed=True), EVERYTHING).items
    near = [one for one in queued if one.deadline is not None and one.deadline.at <= now + NEAR]
    rows = [
        {
            "id": one.ticket.id,
            "number": one.ticket.number,
            "title": one.ticket.title,
            "customer": {"zh": one.ticket.customer_name, "en": one.ticket.customer_name_en},
            "answer_by": _iso(one.deadline.at if one.deadline else None),
        }
        for one in near[:MOST]
    ]
    return {"total": len(near), "rows": rows}


def _freeze_carried(session: Session) -> dict[str, Any]:
    rows = session.scalars(
        select(HandoverItem).where(HandoverItem.ticked_at.is_(None)).order_by(HandoverItem.id)
    ).all()
    told = [
        {
            "id": row.id,
            "text": row.text,
            "entered_at": row.entered_at.isoformat(),
            "entered_by": row.entered_by,
            "handover_id": row.handover_id,
        }
        for row in rows
    ]
    return {"total": len(told), "rows": told}


def _iso(instant: dt.datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
