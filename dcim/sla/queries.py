"""Reading incidents and whom they hit, through a scope."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem, Customer
from dcim.errors import NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, fetch_page
from dcim.sla.models import Incident, IncidentImpact

# What a customer is told an incident was, in Chinese and English.
KIND_WORDS = {
    "power": ("供电中断", "Power lost"),
    "power_feed": ("一路供电中断", "One feed lost"),
    "network": ("端口中断", "Port down"),
    "temperature": ("温度超限", "Temperature out of range"),
    "telemetry": ("测量数据缺失", "Readings missing"),
}


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """`severity` is "down" or "information"."""

    incident_id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    contract_item_id: int | None
    item_code: str | None
    severity: str


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """`ended_at` is none while it lasts. How it was found and shown is for staff.

    `manual`: recorded by a person, about `subject` ("port/12"), and why; otherwise measured.
    """

    id: int
    kind: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    what: str
    what_en: str
    cause: str
    cause_en: str
    place: str
    key: str | None
    detector: str | None
    evidence: list[dict[str, object]]
    manual: bool
    subject: str
    reason: str
    impacts: list[ImpactRow]


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """`since` and `until`: those that lasted at some time in [since, until)."""

    incident_id: int | None = None
    customer_id: int | None = None
    kind: str | None = None
    open_only: bool = False
    manual: bool | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def list_incidents(
    session: Session,
    scope: Scope,
    wanted: IncidentFilter = IncidentFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[IncidentRow]:
    """Newest first, with impacts; a customer sees those that hit it, and no other's impact."""
    statement = select(
        Incident.id,
        Incident.kind,
        Incident.started_at,
        Incident.ended_at,
        Incident.what,
        Incident.what_en,
        Incident.cause,
        Incident.cause_en,
        Incident.place,
        Incident.key,
        Incident.detector,
        Incident.evidence,
        Incident.manual,
        Incident.subject,
        Incident.reason,
    ).order_by(Incident.started_at.desc(), Incident.id.desc())
    hit = select(IncidentImpact.incident_id).where(scope.filter(IncidentImpact.customer_id))
    if wanted.customer_id is not None:
        hit = hit.where(IncidentImpact.customer_id == wanted.customer_id)
    if not scope.is_staff or wanted.customer_id is not None:
        statement = statement.where(Incident.id.in_(hit))
    if wanted.incident_id is not None:
        statement = statement.where(Incident.id == wanted.incident_id)
    if wanted.kind is not None:
        statement = statement.where(Incident.kind == wanted.kind)
    if wanted.manual is not None:
        statement = statement.where(Incident.manual == wanted.manual)
    if wanted.open_only:
        statement = statement.where(Incident.ended_at.is_(None))
    if wanted.since is not None:
        statement = statement.where(
            or_(Incident.ended_at.is_(None), Incident.ended_at > wanted.since)
        )
    if wanted.until is not None:
        statement = statement.where(Incident.started_at < wanted.until)
    found = fetch_page(session, _bare_incident, statement, paging)
    impacts: dict[int, list[ImpactRow]] = {}
    for impact in _load_impacts(session, scope, [one.id for one in found.items]):
        impacts.setdefault(impact.incident_id, []).append(impact)
    rows = [replace(one, impacts=impacts.get(one.id, [])) for one in found.items]
    if not scope.is_staff:
        rows = [hide_shared(one) for one in rows]
    return found.replace(rows)


def find_incident(session: Session, scope: Scope, incident_id: int) -> IncidentRow:
    """Raises NotFoundError for an absent incident and for one that hit others alone alike."""
    found = list_incidents(session, scope, IncidentFilter(incident_id=incident_id)).items
    if not found:
        raise NotFoundError("No such incident.")
    return found[0]


def hide_shared(incident: IncidentRow) -> IncidentRow:
    """For a customer: an incident is shared by all whom it hit, and its own words and evidence
    name panels and cabinets that others hang on too. What their part was, the statement tells."""
    what, what_en = KIND_WORDS[incident.kind]
    return replace(
        incident,
        what=what,
        what_en=what_en,
        cause="",
        cause_en="",
        place="",
        key=None,
        detector=None,
        evidence=[],
        subject="",
        reason="",
    )


def _bare_incident(**fields: Any) -> IncidentRow:
    return IncidentRow(impacts=[], **fields)


def _load_impacts(session: Session, scope: Scope, incident_ids: list[int]) -> list[ImpactRow]:
    statement = (
        select(
            IncidentImpact.incident_id,
            IncidentImpact.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            IncidentImpact.contract_item_id,
            ContractItem.code.label("item_code"),
            IncidentImpact.severity,
        )
        .join(Customer, Customer.id == IncidentImpact.customer_id)
        .outerjoin(ContractItem, ContractItem.id == IncidentImpact.contract_item_id)
        .where(
            IncidentImpact.incident_id.in_(incident_ids),
            scope.filter(IncidentImpact.customer_id),
        )
        .order_by(IncidentImpact.incident_id, Customer.code, ContractItem.code)
    )
    return [ImpactRow(**row._mapping) for row in session.execute(statement)]
