"""Checking a device against the inventory: what differs is kept as findings, for a person.

A finding stays what it is from check to check; a decision holds until its details change. What no
longer differs goes, unless somebody dismissed it: it may come back.
"""

import asyncio
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import JifangError, NotFoundError
from dcim.network.cables import find_places, read_joints
from dcim.network.tracing import trace_line
from dcim.snmp.agents.credentials import make_target
from dcim.snmp.agents.models import DiscoveryFinding, LagMember, SnmpAgent
from dcim.snmp.agents.registration import check_address
from dcim.snmp.discovery.examining import Examination, examine
from dcim.snmp.discovery.hearing import fit_key, keep_neighbours
from dcim.snmp.discovery.inventory_view import read_directory, read_known
from dcim.snmp.discovery.memberships import keep_members
from dcim.snmp.discovery.neighbours import Claim, Neighbour, Sighting, recognise
from dcim.snmp.discovery.proposals import compare_device
from dcim.snmp.polling.room import site_profiles
from dcim.snmp.reading.profiles import Catalogue, load_catalogue
from dcim.snmp.wire import faults
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

log = structlog.get_logger(__name__)

# A device that is slower than this is asked again tomorrow.
LIMIT_S = 240.0
# Devices asked side by side: a check reads all a device has, and nobody waits for it.
AT_ONCE = 8
EVERY = dt.timedelta(days=1)
# A device one of whose LAGs lacks a member is asked more often: it may be whole again.
EVERY_WHILE_LACKING = dt.timedelta(hours=1)
# The clock asks every 15 minutes; so a full round is over within 18 hours.
ROUNDS_A_DAY = 72
FEWEST_DUE = 10
SCOPE = Scope.system("discovery")


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding before it is kept; `claim` for a link."""

    kind: str
    subject: str
    key: str
    details: dict[str, Any]
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What came of a check; `problem` is empty when the device answered."""

    agent_id: int
    problem: str = ""
    lldp_problem: str = ""
    lag_problem: str = ""
    new: int = 0
    open: int = 0
    resolved: int = 0


async def check_agent(
    settings: Settings,
    sessions: SessionFactory,
    agent_id: int,
    *,
    engine: Engine | None = None,
    catalogue: Catalogue | None = None,
) -> CheckReport:
    """Read a saved agent and keep what differs. A device that doesn't answer changes nothing.

    Raises NotFoundError, and ForbiddenError for an address that is no longer allowed.
    """
    if engine is None:
        async with Engine() as own:
            return await check_agent(settings, sessions, agent_id, engine=own, catalogue=catalogue)
    known = catalogue or load_catalogue(site_profiles(settings))
    problem = ""
    examination: Examination | None = None
    target = await asyncio.to_thread(_find_target, settings, sessions, known, agent_id)
    try:
        examination = await examine(engine, target, known, limit_s=LIMIT_S)
    except faults.SnmpError as error:
        problem = faults.explain(error)
    except TimeoutError:
        problem = f"gave up after {LIMIT_S:.0f} s: the agent is too slow"
    return await asyncio.to_thread(_keep_apart, sessions, agent_id, examination, problem)


def _find_target(
    settings: Settings, sessions: SessionFactory, catalogue: Catalogue, agent_id: int
) -> Target:
    with transaction(sessions, SCOPE) as session:
        agent = session.get(SnmpAgent, agent_id)
        if agent is None:
            raise NotFoundError("No such agent.")
        check_address(settings, agent.address)
        profile = catalogue.profiles.get(agent.profile)
        return make_target(
            session, settings.encryption, agent, bulk=profile.bulk if profile else True
        )


def _keep_apart(
    sessions: SessionFactory, agent_id: int, examination: Examination | None, problem: str
) -> CheckReport:
    with transaction(sessions, SCOPE) as session:
        return keep_examination(session, agent_id, examination, problem)


async def check_agents(
    settings: Settings,
    sessions: SessionFactory,
    agent_ids: Iterable[int],
    *,
    catalogue: Catalogue | None = None,
) -> list[CheckReport]:
    """Check many, a few at once; none of them can stop the others."""
    known = catalogue or load_catalogue(site_profiles(settings))
    turn = asyncio.Semaphore(AT_ONCE)
    async with Engine() as engine:

        async def check(agent_id: int) -> CheckReport:
            async with turn:
                try:
                    return await check_agent(
                        settings, sessions, agent_id, engine=engine, catalogue=known
                    )
                except (JifangError, ValueError) as error:
                    # No longer there, no longer allowed, or a secret that can't be opened.
                    problem = str(error)
                except Exception as error:
                    # What a device sends must never be able to keep the others from being checked.
                    log.exception("check failed", agent=agent_id)
                    problem = f"unexpected: {type(error).__name__}"
                return await asyncio.to_thread(_keep_apart, sessions, agent_id, None, problem)

        return await asyncio.gather(*map(check, agent_ids))


def find_due(session: Session, now: dt.datetime) -> list[int]:
    """The agents whose daily check is due, or that of a lacking LAG; who waits longest first.

    So few at a time that a house's checks are spread over the day also when all are due at once.
    """
    enabled = session.scalar(select(func.count()).where(SnmpAgent.enabled)) or 0
    is_lacking = exists().where(
        LagMember.device_id == SnmpAgent.device_id,
        LagMember.ends_at.is_(None),
        LagMember.detached_at.is_not(None),
    )
    return list(
        session.scalars(
            select(SnmpAgent.id)
            .where(
                SnmpAgent.enabled,
                or_(
                    SnmpAgent.last_check_at.is_(None),
                    SnmpAgent.last_check_at <= now - EVERY,
                    and_(SnmpAgent.last_check_at <= now - EVERY_WHILE_LACKING, is_lacking),
                ),
            )
            .order_by(SnmpAgent.last_check_at.nulls_first(), SnmpAgent.id)
            .limit(max(FEWEST_DUE, -(-enabled // ROUNDS_A_DAY)))
        )
    )


def keep_examination(
    session: Session,
    agent_id: int,
    examination: Examination | None,
    problem: str = "",
    at: dt.datetime | None = None,
) -> CheckReport:
    """Write what an examination found; None only notes the problem. Locks the agent's row."""
    now = at or utc_now()
    agent = session.get(SnmpAgent, agent_id, with_for_update={"of": SnmpAgent})
    if agent is None:  # deleted while it was asked
        return CheckReport(agent_id, problem)
    agent.last_check_at = now
    if examination is None:
        agent.last_check_error = problem[:255]
        return CheckReport(agent_id, problem)
    problems = (examination.lldp_problem, examination.lag_problem)
    agent.last_check_error = "; ".join(filter(None, problems))[:255]
    found = [
        Difference(one.kind, one.subject, fit_key(one.key), dict(one.details))
        for one in compare_device(examination.seen, read_known(session, agent))
    ]
    judged = {"identity"}
    if examination.seen.ports:
        judged.add("port")
    if examination.seen.sensors:
        judged |= {"outlet", "sensor", "meter"}
    if examination.neighbours is not None:
        judged |= {"link", "neighbour"}
        sightings = _recognise_all(session, agent.device_id, examination.neighbours)
        keep_neighbours(session, agent_id, sightings, now)
        found += _compare_neighbours(session, agent.device_id, sightings)
    if examination.members is not None:
        ports = examination.result.ports
        keep_members(session, agent.device_id, examination.members, ports, now)
    report = _keep(session, agent_id, found, judged, now)
    return replace(
        report, lldp_problem=examination.lldp_problem, lag_problem=examination.lag_problem
    )


def _recognise_all(session: Session, device_id: int, neighbours: list[Neighbour]) -> list[Sighting]:
    directory = read_directory(session, device_id, neighbours)
    return [recognise(device_id, neighbour, directory) for neighbour in neighbours]


def _compare_neighbours(
    session: Session, device_id: int, sightings: list[Sighting]
) -> list[Difference]:
    found: dict[tuple[str, str], Difference] = {}
    claims: dict[tuple[int, int], Claim] = {}
    for sighting in sightings:
        if sighting.doubt or sighting.port_id is None or sighting.other_port_id is None:
            one = _describe_neighbour(sighting)
            found.setdefault((one.subject, one.key), one)
        else:
            claim = Claim(device_id, sighting.port_id, sighting.other_port_id)
            claims.setdefault(claim.ends, claim)
    return [*found.values(), *_compare_links(session, list(claims.values()))]


def _describe_neighbour(sighting: Sighting) -> Difference:
    told = sighting.neighbour
    details = {
        "port": told.local_port or told.local_label,
        "doubt": str(sighting.doubt),
        "device_id": sighting.device_id,
        "sys_name": told.sys_name,
        "sys_descr": told.sys_descr,
        "chassis": told.chassis.text,
        "remote_port": told.port.text,
        "remote_descr": told.port_descr,
        "addresses": sorted(told.addresses),
    }
    return Difference("new", "neighbour", fit_key(told.key), details)


def _compare_links(session: Session, claims: list[Claim]) -> list[Difference]:
    """Links that the cables don't show: none there, or one that leads elsewhere."""
    ids = {port_id for claim in claims for port_id in claim.ends}
    joints, panels = read_joints(session, ids)
    lines = {port_id: trace_line(port_id, joints, panels).port_ids for port_id in ids}
    far = {port_id: _far_end(line, port_id) for port_id, line in lines.items()}
    places = find_places(session, ids | {one for one in far.values() if one is not None})
    found = []
    for claim in claims:
        low, high = claim.ends
        if far[low] == high:
            continue
        cabled = sorted(
            f"{places[end].label} – {places[other].label}"
            for end in (low, high)
            if (other := far[end]) is not None
        )
        details = {"ends": [places[low].label, places[high].label], "cabled": cabled}
        kind = "changed" if cabled else "new"
        found.append(Difference(kind, "link", f"{low}-{high}", details, claim))
    return found


def _far_end(line: tuple[int, ...], port_id: int) -> int | None:
    """Where the line from this port ends; a line it stands in the middle of ends nowhere."""
    if len(line) < 2:
        return None
    return line[-1] if line[0] == port_id else line[0]


def _keep(
    session: Session,
    agent_id: int,
    found: list[Difference],
    judged: set[str],
    now: dt.datetime,
) -> CheckReport:
    kept = {
        (one.subject, one.key): one
        for one in session.scalars(
            select(DiscoveryFinding).where(DiscoveryFinding.agent_id == agent_id)
        )
    }
    new = still_open = resolved = 0
    for one in found:
        finding = kept.pop((one.subject, one.key), None)
        if finding is None:
            finding = DiscoveryFinding(
                agent_id=agent_id,
                subject=one.subject,
                key=one.key,
                decision="",
                first_seen_at=now,
            )
            session.add(finding)
            new += 1
        elif finding.decision and (
            # What was accepted and differs again was undone since: that is news.
            finding.decision == "accepted"
            or (finding.kind, finding.details) != (one.kind, one.details)
        ):
            finding.decision, finding.decided_at, finding.decided_by = "", None, ""
            finding.first_seen_at = now
            new += 1
        finding.kind, finding.details, finding.last_seen_at = one.kind, one.details, now
        if one.claim is not None:
            finding.port_id, finding.other_port_id = one.claim.port_id, one.claim.other_port_id
        still_open += finding.decision != "dismissed"
    for finding in kept.values():
        if finding.subject in judged and not finding.decision:
            session.delete(finding)
            resolved += 1
    session.flush()
    return CheckReport(agent_id, new=new, open=still_open, resolved=resolved)
