"""Incidents and maintenance windows as a statement tells them: with whom and what they concern."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.operations.consents import find_standing, load_consents
from dcim.operations.models import (
    Maintenance,
    MaintenanceConsent,
    MaintenanceNotice,
    MaintenanceTarget,
)
from dcim.operations.queries import SETTLED_STATES
from dcim.sla.meters import Meters
from dcim.sla.models import BY_ALARM, Incident, IncidentImpact
from dcim.sla.rules.facts import Period
from dcim.sla.rules.intervals import Interval, Intervals, clip, subtract, union
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.sla.subjects import ItemSubjects, both, climate_name, feed_name

DETECTORS = {
    "poller": both("SNMP 采集", "SNMP polling"),
    BY_ALARM: both("告警", "an alarm"),
}


def moment(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """The contract's own resources by name, with their places; `aliases` are other names of them.

    Nothing but these, and these `series`, may appear in its statement. `spans`: when each port
    carried the service, by its own name.
    """

    places: Mapping[str, str]
    aliases: Mapping[str, str]
    series: frozenset[str]
    until: int
    spans: Mapping[str, Intervals]

    def resolve(self, name: str) -> str | None:
        found = self.aliases.get(name, name)
        return found if found in self.places else None

    def place(self, names: Iterable[str], within: Interval) -> dict[str, Any]:
        """`resources`, the contract's own of these; `limits` where one was so for a part of the
        time only."""
        limits: dict[str, Intervals] = {}
        resources = set()
        for name in names:
            if (found := self.resolve(name)) is None:
                continue
            resources.add(found)
            if name in self.spans:
                limits[found] = union([*limits.get(found, []), *self.spans[name]])
        bounded = {
            name: [[format_instant(a), format_instant(b)] for a, b in clip(spans, *within)]
            for name, spans in sorted(limits.items())
            if subtract([within], spans)
        }
        return {"resources": sorted(resources), **({"limits": bounded} if bounded else {})}


def describe_incidents(
    session: Session,
    scope: Scope,
    contract: Contract,
    period: Period,
    known: Known,
    beside: Select[int],
) -> list[dict[str, Any]]:
    """Every incident of the period that concerns the contract, counted or not; `beside` selects
    ids of those that people put into the period.

    An incident is shared by all whom it hit; only the contract's own part of it is told, and one
    that still lasts as far as it is known.
    """
    items = set(
        session.scalars(select(ContractItem.id).where(ContractItem.contract_id == contract.id))
    )
    rows = session.scalars(
        select(Incident)
        .where(
            Incident.id.in_(
                scope.apply(
                    select(IncidentImpact.incident_id).where(
                        IncidentImpact.customer_id == contract.customer_id,
                        or_(
                            IncidentImpact.contract_item_id.is_(None),
                            IncidentImpact.contract_item_id.in_(items),
                        ),
                    ),
                    IncidentImpact.customer_id,
                )
            ),
            or_(
                and_(
                    Incident.started_at < moment(period.end),
                    or_(Incident.ended_at.is_(None), Incident.ended_at > moment(period.start)),
                ),
                Incident.id.in_(beside),
            ),
        )
        .order_by(Incident.started_at, Incident.id)
    )
    found = []
    for incident in rows:
        start = to_ms(incident.started_at)
        end = known.until if incident.ended_at is None else to_ms(incident.ended_at)
        span = (start, max(end, start + 1))
        names = [str(entry["resource"]) for entry in incident.evidence if "resource" in entry]
        placed = known.place(names, span)
        if not placed["resources"]:
            continue
        series = [
            str(entry["name"]) for entry in incident.evidence if entry.get("name") in known.series
        ]
        described = {
            "id": f"INC-{incident.id}",
            "start": format_instant(span[0]),
            "end": format_instant(span[1]),
            "what": both(incident.what, incident.what_en),
            "place": ", ".join(sorted({known.places[name] for name in placed["resources"]})),
            "cause": both(incident.cause, incident.cause_en),
            "detector": DETECTORS.get(incident.detector, both(incident.detector)),
            "resources": placed["resources"],
            "evidence": list(dict.fromkeys(series)),
        }
        if incident.manual:
            by = incident.detector
            described |= placed | {
                "detector": both(f"人工登记：{by}", f"recorded by {by}"),
                "recorded": {
                    "by": by,
                    "at": format_instant(to_ms(incident.created_at)),
                    "reason": incident.reason,
                },
            }
        found.append(described)
    return found


def describe_maintenance(
    session: Session,
    scope: Scope,
    contract: Contract,
    period: Period,
    subjects: Sequence[ItemSubjects],
    meters: Meters,
) -> list[dict[str, Any]]:
    """Windows in the period that touch the contract, with the notices this customer got, if any,
    and what it said to them. What nobody approved, and what was given up, is no window."""
    rows = session.scalars(
        select(Maintenance)
        .where(
            Maintenance.starts_at < moment(period.end),
            Maintenance.ends_at > moment(period.start),
            Maintenance.state.in_(SETTLED_STATES),
        )
        .options(selectinload(Maintenance.targets))
        .order_by(Maintenance.starts_at, Maintenance.code)
    ).all()
    notices: dict[int, list[MaintenanceNotice]] = {}
    for notice in session.scalars(
        scope.apply(
            select(MaintenanceNotice).where(
                MaintenanceNotice.customer_id == contract.customer_id,
                MaintenanceNotice.maintenance_id.in_([row.id for row in rows]),
            ),
            MaintenanceNotice.customer_id,
        )
    ):
        notices.setdefault(notice.maintenance_id, []).append(notice)
    consents = load_consents(session, scope, [row.id for row in rows])
    found = []
    for row in rows:
        resources = sorted(
            {name for target in row.targets for name in _touched(target, subjects, meters)}
        )
        if not resources:
            continue
        told = sorted(notices.get(row.id, []), key=lambda notice: (notice.sent_at, notice.id))
        found.append(
            {
                "id": row.code,
                "class": row.kind,
                "title": both(row.title, row.title_en),
                "start": format_instant(to_ms(row.starts_at)),
                "end": format_instant(to_ms(row.ends_at)),
                # An announcement that never reached this customer is none.
                "announced_at": format_instant(to_ms(told[0].sent_at)) if told else None,
                "recipients": sorted({notice.recipient for notice in told}),
                "resources": resources,
                **_describe_proof(row, told, consents.get((row.id, contract.customer_id), [])),
            }
        )
    return found


def _describe_proof(
    row: Maintenance,
    told: Sequence[MaintenanceNotice],
    consents: Sequence[MaintenanceConsent],
) -> dict[str, Any]:
    """What proves the window's class, approval and notice, each where there is something to say.

    Notices are told one by one where their words are on record, and where one named other times
    than the window has.
    """
    found: dict[str, Any] = {}
    other = any((one.starts_at, one.ends_at) != (row.starts_at, row.ends_at) for one in told)
    if other or any(one.sha256 for one in told):
        found["notices"] = [
            {
                "at": format_instant(to_ms(one.sent_at)),
                "start": format_instant(to_ms(one.starts_at)),
                "end": format_instant(to_ms(one.ends_at)),
                "channel": one.channel,
                "recipient": one.recipient,
                **({"sha256": one.sha256} if one.sha256 else {}),
            }
            for one in told
        ]
    standing = find_standing(consents, row.starts_at, row.ends_at)
    if standing is not None:
        found["approved"] = standing.decision == "approved"
        found["approval"] = {
            "by": standing.decided_by,
            "at": format_instant(to_ms(standing.decided_at)),
            **({"reason": standing.reason} if standing.reason else {}),
        }
    if row.evidence:
        found["evidence"] = row.evidence
    return found


def _touched(
    target: MaintenanceTarget, subjects: Sequence[ItemSubjects], meters: Meters
) -> set[str]:
    """Names of the contract's resources that work on the target can interrupt."""
    names: set[str] = set()
    for each in subjects:
        names |= {
            lane.name
            for lane in each.lanes
            if any(port.port_id == target.port_id for port in lane.ports)
        }
        for rack in each.racks:
            whole_room = target.room_id == rack.room.id
            if whole_room:
                names |= {
                    climate_name(meter.name)
                    for meter in meters.by_room.get(rack.room.id, [])
                    if meter.family == "climate"
                }
            for pdu in rack.pdus:
                fed_by = {node.id for node in meters.tree.path(pdu.id)}
                if whole_room or target.power_node_id in fed_by:
                    names.add(feed_name(pdu))
    return names
