"""Listing what discovery found, and deciding on it. Findings are the operator's: for staff."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.audit import Deed, record_many
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Device
from dcim.network.cables import MEDIA
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page
from dcim.records.kinds import Kind
from dcim.snmp.agents.models import DiscoveryFinding, SnmpAgent
from dcim.snmp.discovery.accepting import Acceptance
from dcim.snmp.discovery.neighbours import Claim, join_claims

SUBJECTS = ("identity", "port", "outlet", "sensor", "meter", "link", "neighbour")
DECISIONS = ("open", "accepted", "dismissed")
# So many are decided on at once; a form with more is a mistake, or somebody trying.
MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class FindingRow:
    """`verdict` of a link: "agreed" when both ends say so, "disputed" when somebody sees one of
    its ends elsewhere, else empty."""

    id: int
    agent_id: int
    device_id: int
    device_name: str
    kind: str
    subject: str
    key: str
    details: dict[str, object]
    port_id: int | None
    other_port_id: int | None
    first_seen_at: dt.datetime
    last_seen_at: dt.datetime
    decision: str
    decided_at: dt.datetime | None
    decided_by: str
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class FindingFilter:
    device_id: int | None = None
    agent_id: int | None = None
    kind: str | None = None
    subject: str | None = None
    decision: str = "open"


def list_findings(
    session: Session, wanted: FindingFilter = FindingFilter(), paging: Paging = FIRST_PAGE
) -> Page[FindingRow]:
    """By device, three statements. Of a link that both its ends see one row is listed."""
    statement: Query = (
        select(
            DiscoveryFinding.id,
            DiscoveryFinding.agent_id,
            SnmpAgent.device_id,
            Device.name.label("device_name"),
            DiscoveryFinding.kind,
            DiscoveryFinding.subject,
            DiscoveryFinding.key,
            DiscoveryFinding.details,
            DiscoveryFinding.port_id,
            DiscoveryFinding.other_port_id,
            DiscoveryFinding.first_seen_at,
            DiscoveryFinding.last_seen_at,
            DiscoveryFinding.decision,
            DiscoveryFinding.decided_at,
            DiscoveryFinding.decided_by,
        )
        .join(SnmpAgent, SnmpAgent.id == DiscoveryFinding.agent_id)
        .join(Device, Device.id == SnmpAgent.device_id)
        .where(*_conditions(wanted))
        .order_by(Device.name, DiscoveryFinding.subject, DiscoveryFinding.kind, DiscoveryFinding.id)
    )
    page = fetch_page(session, FindingRow, statement, paging)
    return page.replace(_judge_links(session, page.items))


def _conditions(wanted: FindingFilter) -> list[ColumnElement[bool]]:
    one = DiscoveryFinding
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (SnmpAgent.device_id, wanted.device_id),
        (one.agent_id, wanted.agent_id),
        (one.kind, wanted.kind),
        (one.subject, wanted.subject),
    ):
        if value is not None:
            conditions.append(column == value)
    conditions.append(one.decision == ("" if wanted.decision == "open" else wanted.decision))
    if wanted.agent_id is None and wanted.device_id is None:
        twin = aliased(DiscoveryFinding)
        conditions.append(
            or_(
                one.subject != "link",
                ~exists().where(
                    twin.subject == "link",
                    twin.port_id == one.other_port_id,
                    twin.key == one.key,
                    twin.decision == one.decision,
                    twin.id < one.id,
                ),
            )
        )
    return conditions


def _judge_links(session: Session, rows: list[FindingRow]) -> list[FindingRow]:
    """Mark the links of a page by what all ends say now; one statement, if there are links."""
    ports = {port for row in rows for port in (row.port_id, row.other_port_id) if port is not None}
    if not ports:
        return rows
    one = DiscoveryFinding
    claims = session.execute(
        select(SnmpAgent.device_id, one.port_id, one.other_port_id)
        .join(SnmpAgent, SnmpAgent.id == one.agent_id)
        .where(
            one.subject == "link",
            one.decision == "",
            or_(one.port_id.in_(ports), one.other_port_id.in_(ports)),
        )
    )
    verdicts = {
        link.ends: "disputed" if link.disputed else "agreed" if link.agreed else ""
        for link in join_claims(
            Claim(device_id, port_id, other_id)
            for device_id, port_id, other_id in claims
            if port_id is not None and other_id is not None
        )
    }
    return [
        row
        if row.port_id is None or row.other_port_id is None or row.decision
        else _replace_verdict(row, verdicts)
        for row in rows
    ]


def _replace_verdict(row: FindingRow, verdicts: dict[tuple[int, int], str]) -> FindingRow:
    low, high = sorted((row.port_id or 0, row.other_port_id or 0))
    return replace(row, verdict=verdicts.get((low, high), ""))


def accept_findings(
    session: Session,
    scope: Scope,
    finding_ids: Sequence[int],
    *,
    media: str = "smf",
    kinds: Sequence[Kind] = (),
) -> int:
    """Make the inventory say what the devices say; all of it or nothing. Returns how many.

    `media` is what links are laid with where a port doesn't say; `kinds` are all there are, to
    name what is still in use. Raises NotFoundError, ConflictError for what was decided already,
    for an inventory that changed since, and for what can't be applied.
    """
    if media not in MEDIA:
        raise InvalidError("There is no such kind of cable.", {"media": ["unknown"]})
    findings = _lock(session, scope, finding_ids)
    with session.begin_nested():
        work = Acceptance(session, scope, media=media, kinds=kinds)
        work.apply(findings)
    _decide(session, scope, findings, "accepted")
    return len(findings)


def dismiss_findings(session: Session, scope: Scope, finding_ids: Sequence[int]) -> int:
    """Leave the inventory as it is; they come back only when what the device says changes."""
    findings = _lock(session, scope, finding_ids)
    _decide(session, scope, findings, "dismissed")
    return len(findings)


def _lock(session: Session, scope: Scope, finding_ids: Sequence[int]) -> list[DiscoveryFinding]:
    """These, and what the other ends say of the same links; agents first, as checks lock them."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff decide on findings.")
    wanted = sorted(set(finding_ids))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise InvalidError(
            "Choose between 1 and %(most)s findings.", {"ids": ["count"]}, most=MOST_AT_ONCE
        )
    one, twin = DiscoveryFinding, aliased(DiscoveryFinding)
    ids = set(
        session.scalars(
            select(twin.id)
            .join(one, and_(one.key == twin.key, one.other_port_id == twin.port_id))
            .where(
                one.id.in_(wanted),
                one.subject == "link",
                twin.subject == "link",
                twin.decision == "",
            )
        )
    ).union(wanted)
    agents = select(one.agent_id).where(one.id.in_(ids))
    session.execute(
        select(SnmpAgent.id)
        .where(SnmpAgent.id.in_(agents))
        .order_by(SnmpAgent.id)
        .with_for_update()
    )
    findings = session.scalars(
        select(one)
        .where(one.id.in_(ids))
        .order_by(one.id)
        .execution_options(populate_existing=True)
    ).all()
    if not {finding.id for finding in findings}.issuperset(wanted):
        raise NotFoundError(
            "One of these findings is gone: the device and the inventory agree now."
        )
    for finding in findings:
        if finding.decision:
            raise ConflictError(
                "%(who)s decided on one of these already. Look at the list again.",
                who=finding.decided_by,
            )
    return list(findings)


def _decide(
    session: Session, scope: Scope, findings: Sequence[DiscoveryFinding], decision: str
) -> None:
    now = utc_now()
    by_agent: dict[int, list[str]] = {}
    for finding in findings:
        finding.decision, finding.decided_at = decision, now
        finding.decided_by = scope.actor[:255]
        by_agent.setdefault(finding.agent_id, []).append(
            f"{finding.subject} {finding.kind}: {finding.key}"
        )
    session.flush()
    verb = "accept" if decision == "accepted" else "dismiss"
    record_many(
        session,
        scope,
        [
            Deed(f"discovery.{verb}", f"snmp-agent/{agent_id}", None, {"findings": told[:200]})
            for agent_id, told in sorted(by_agent.items())
        ],
    )
