"""Maintenance and incidents that concern a customer, as events of a calendar."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.operations.queries import MaintenanceRow, list_maintenance
from dcim.paging import EVERYTHING
from dcim.sla.ical import Calendar, Event
from dcim.sla.notice_text import KIND_WORDS as WORK_WORDS
from dcim.sla.notice_text import RISK_WORDS
from dcim.sla.queries import KIND_WORDS, IncidentFilter, IncidentRow, list_incidents
from dcim.sla.rules.terms import Text

# What is over longer is found in the portal.
PAST = dt.timedelta(days=92)
STATUS = {
    "planned": "TENTATIVE",
    "approved": "CONFIRMED",
    "announced": "CONFIRMED",
    "under_way": "CONFIRMED",
    "done": "CONFIRMED",
    "cancelled": "CANCELLED",
}
STATE_WORDS: dict[str, Text] = {
    "planned": {"zh": "待批准，时间可能变化", "en": "waits for approval; the times may change"},
    "approved": {"zh": "已批准", "en": "approved"},
    "announced": {"zh": "已通知", "en": "announced"},
    "under_way": {"zh": "进行中", "en": "under way"},
    "done": {"zh": "已完成", "en": "done"},
    "cancelled": {"zh": "已取消", "en": "cancelled"},
}
DECISION_WORDS: dict[str, Text] = {
    "approved": {"zh": "贵方已同意这一时间", "en": "You agreed to these times"},
    "objected": {"zh": "贵方已提出异议", "en": "You objected"},
}
# Deeds that change what is told here. Those that concern one customer alone, a notice or a
# decision, aren't among them: how many there were would tell of the others.
WORK_DEEDS = tuple(
    f"maintenance.{deed}" for deed in ("plan", "change", "approve", "begin", "finish", "cancel")
)
INCIDENT_DEEDS = ("incident.record", "incident.edit")
# Of these, the ones that make it another event: other times, given up.
REVISIONS = {"maintenance.change", "maintenance.cancel", "incident.edit"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """`base` ("https://portal.example") begins each page's address, `host` ends each UID."""

    base: str
    host: str


@dataclass(frozen=True, slots=True)
class _Changes:
    revisions: int
    last_at: dt.datetime


def read_calendar(
    session: Session, scope: Scope, language: str, addresses: Addresses, now: dt.datetime
) -> Calendar:
    """What the portal's pages list, from three months back on, in "zh" or "en"; a fixed number
    of statements."""
    works = list_maintenance(session, scope, EVERYTHING, since=now - PAST, soonest_first=True).items
    incidents = list_incidents(session, scope, IncidentFilter(since=now - PAST), EVERYTHING).items
    changes = _count_changes(
        session,
        [f"maintenance/{one.id}" for one in works] + [f"incident/{one.id}" for one in incidents],
    )
    events = [_tell_work(one, changes, language, addresses) for one in works]
    events += [_tell_incident(one, changes, language, addresses) for one in reversed(incidents)]
    name = "机房：维护与事件" if language == "zh" else "Jifang: maintenance and incidents"
    return Calendar(name, language, events)


def _tell_work(
    work: MaintenanceRow, changes: Mapping[str, _Changes], language: str, addresses: Addresses
) -> Event:
    title = work.title_en if language == "en" and work.title_en else work.title
    reason = work.reason_en if language == "en" and work.reason_en else work.reason
    kind, state = WORK_WORDS[work.kind][language], STATE_WORDS[work.state][language]
    risk = RISK_WORDS[work.risk][language]
    lines = [f"{work.code} · {kind}", state]
    lines.append(f"风险：{risk}" if language == "zh" else f"risk: {risk}")
    lines += [reason] if reason else []
    lines += [work.cancel_reason] if work.cancel_reason else []
    if work.consents and work.consents[0].stands:
        lines.append(DECISION_WORDS[work.consents[0].decision][language])
    key = f"maintenance/{work.id}"
    url = f"{addresses.base}/portal/{key}"
    told = changes.get(key)
    cancelled = work.state == "cancelled"
    mark = STATE_WORDS["cancelled"][language] if cancelled else kind
    return Event(
        uid=f"maintenance-{work.id}@{addresses.host}",
        starts_at=work.starts_at,
        ends_at=work.ends_at,
        changed_at=told.last_at if told else work.starts_at,
        sequence=told.revisions if told else 0,
        status=STATUS[work.state],
        category="维护" if language == "zh" else "Maintenance",
        summary=f"{title}（{mark}）" if language == "zh" else f"{title} ({mark})",
        description="\n".join([*lines, url]),
        url=url,
    )


def _tell_incident(
    incident: IncidentRow, changes: Mapping[str, _Changes], language: str, addresses: Addresses
) -> Event:
    words = KIND_WORDS[incident.kind][1 if language == "en" else 0]
    codes = dict.fromkeys(impact.item_code for impact in incident.impacts if impact.item_code)
    is_open = incident.ended_at is None
    if language == "zh":
        lasting, what = "仍在持续", "事件"
    else:
        lasting, what = "still open", "Incident"
    key = f"incidents/{incident.id}"
    url = f"{addresses.base}/portal/{key}"
    told = changes.get(f"incident/{incident.id}")
    instants = [incident.started_at, *([incident.ended_at] if incident.ended_at else [])]
    lines = [f"INC-{incident.id}", *([", ".join(codes)] if codes else [])]
    summary = f"{words}（{lasting}）" if language == "zh" else f"{words} ({lasting})"
    return Event(
        uid=f"incident-{incident.id}@{addresses.host}",
        starts_at=incident.started_at,
        ends_at=incident.ended_at,
        changed_at=max([*instants, *([told.last_at] if told else [])]),
        sequence=(told.revisions if told else 0) + (0 if is_open else 1),
        status="CONFIRMED",
        category=what,
        summary=summary if is_open else words,
        description="\n".join([*lines, *([lasting] if is_open else []), url]),
        url=url,
    )


def _count_changes(session: Session, subjects: Collection[str]) -> dict[str, _Changes]:
    """By subject, from the log of deeds, which is never rewritten: so a number never goes back."""
    rows = session.execute(
        select(
            AuditEntry.subject,
            func.count().filter(AuditEntry.action.in_(REVISIONS)),
            func.max(AuditEntry.at),
        )
        .where(
            AuditEntry.subject.in_(list(subjects)),
            AuditEntry.action.in_((*WORK_DEEDS, *INCIDENT_DEEDS)),
        )
        .group_by(AuditEntry.subject)
    )
    return {subject: _Changes(count, last_at) for subject, count, last_at in rows}
