"""What people ruled about a contract's incidents, and how they decided that unmeasured time counts,
as the inputs of a statement carry it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from dcim.customers.models import Contract, ContractItem
from dcim.operations.models import Maintenance
from dcim.sla.circumstances import Known, moment
from dcim.sla.decision_models import ReviewDecision
from dcim.sla.rules.facts import Period
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.sla.rules.terms import Terms
from dcim.sla.ruling_models import IncidentLink, IncidentOverrule
from dcim.sla.subjects import both


def concerns(contract: Contract) -> ColumnElement[bool]:
    """Overrules for all whom the incident hit, and for this contract's customer alone."""
    return or_(
        IncidentOverrule.customer_id.is_(None),
        IncidentOverrule.customer_id == contract.customer_id,
    )


def select_moved_into(contract: Contract, period: Period) -> Select[int]:
    """Ids of incidents that two people overruled to have lasted within the period."""
    return select(IncidentOverrule.incident_id).where(
        concerns(contract),
        IncidentOverrule.state == "accepted",
        IncidentOverrule.starts_at < moment(period.end),
        IncidentOverrule.ends_at > moment(period.start),
    )


def describe_rulings(
    session: Session,
    contract: Contract,
    incidents: Sequence[Mapping[str, Any]],
    known: Known,
) -> dict[str, list[dict[str, Any]]]:
    """`overrules` that count and `links` that stand, of these incidents as described; a key is
    there only when it says something."""
    ids = {int(entry["id"].removeprefix("INC-")): entry["id"] for entry in incidents}
    if not ids:
        return {}
    found = {
        "overrules": _overrules(session, contract, ids, known),
        "links": _links(session, ids),
    }
    return {key: rows for key, rows in found.items() if rows}


def _overrules(
    session: Session, contract: Contract, ids: Mapping[int, str], known: Known
) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(IncidentOverrule)
        .where(
            concerns(contract),
            IncidentOverrule.incident_id.in_(ids),
            IncidentOverrule.state == "accepted",
        )
        .order_by(IncidentOverrule.decided_at, IncidentOverrule.id)
    )
    last = {row.incident_id: row for row in rows}
    return [
        _describe(row, ids[row.incident_id], known)
        for row in sorted(last.values(), key=lambda row: row.id)
    ]


def _describe(row: IncidentOverrule, incident: str, known: Known) -> dict[str, Any]:
    instants = [row.measured_from, row.measured_to, row.starts_at, row.ends_at]
    reach = [to_ms(at) for at in instants if at is not None]
    entry: dict[str, Any] = {
        "id": f"OVR-{row.id}",
        "incident": incident,
        "ruling": row.ruling,
        "measured": {
            "start": format_instant(to_ms(row.measured_from)),
            "end": format_instant(to_ms(row.measured_to)),
        },
        **known.place(row.resources, (min(reach), max(reach))),
        "reason": row.reason,
        "proposed_by": row.proposed_by,
        "proposed_at": format_instant(to_ms(row.proposed_at)),
        "accepted_by": row.decided_by,
        "accepted_at": format_instant(to_ms(row.decided_at or row.proposed_at)),
        "decision": row.decision,
    }
    if row.starts_at is not None and row.ends_at is not None:
        entry["start"] = format_instant(to_ms(row.starts_at))
        entry["end"] = format_instant(to_ms(row.ends_at))
    if row.cause_class:
        entry["class"] = row.cause_class
    if row.cause:
        entry["cause"] = both(row.cause, row.cause_en or None)
    return entry


def _links(session: Session, ids: Mapping[int, str]) -> list[dict[str, Any]]:
    """Those between the contract's own incidents; who else's incident it is linked to stays
    with staff."""
    rows = session.execute(
        select(IncidentLink, Maintenance.code)
        .outerjoin(Maintenance, Maintenance.id == IncidentLink.maintenance_id)
        .where(IncidentLink.incident_id.in_(ids), IncidentLink.undone_at.is_(None))
        .order_by(IncidentLink.id)
    )
    found = []
    for row, window in rows:
        if row.other_id is not None and row.other_id not in ids:
            continue
        entry: dict[str, Any] = {
            "id": f"LNK-{row.id}",
            "kind": row.kind,
            "incident": ids[row.incident_id],
            "reason": row.reason,
            "by": row.made_by,
            "made_at": format_instant(to_ms(row.made_at)),
        }
        if row.other_id is not None:
            entry["other"] = ids[row.other_id]
        if window is not None:
            entry["window"] = window
        if row.split_at is not None:
            entry["at"] = format_instant(to_ms(row.split_at))
        found.append(entry)
    return found


def name_results(terms: Terms, items: Iterable[ContractItem]) -> set[str]:
    """What the terms judge of these items: "power.A05" is metric power of item A05."""
    items = list(items)
    return {
        f"{metric.id}.{item.code}"
        for metric in terms.metrics
        for item in items
        if item.kind in metric.applies_to
    }


def describe_decisions(
    session: Session, contract: Contract, period: str, results: Collection[str]
) -> list[dict[str, Any]]:
    """What two people decided about time nobody measured: the last accepted one of each result.

    Those about a result that the month no longer has (its terms or items changed) are left out.
    """
    rows = session.scalars(
        select(ReviewDecision)
        .where(
            ReviewDecision.contract_id == contract.id,
            ReviewDecision.period == period,
            ReviewDecision.state == "accepted",
            ReviewDecision.result.in_(results),
        )
        .order_by(ReviewDecision.decided_at, ReviewDecision.id)
    )
    last = {row.result: row for row in rows}
    return [_describe_decision(row) for row in sorted(last.values(), key=lambda row: row.id)]


def _describe_decision(row: ReviewDecision) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": f"RVD-{row.id}",
        "metric": row.result,
        "treat_unknown": row.treat_unknown,
        "reason": both(row.reason, None),
        "decided_by": row.proposed_by,
        "proposed_at": format_instant(to_ms(row.proposed_at)),
        "approved_by": row.decided_by,
        "decided_at": format_instant(to_ms(row.decided_at or row.proposed_at)),
        "approval": row.decision,
    }
    if row.evidence:
        entry["evidence"] = row.evidence
    return entry
