"""Trying a saved agent: does it answer, and if not, what is there to look at."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, NotFoundError, TooManyError
from dcim.snmp.agents.credentials import make_target
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import check_address
from dcim.snmp.polling.room import site_profiles
from dcim.snmp.reading.probe import ProbeResult, probe
from dcim.snmp.reading.profiles import Catalogue, load_catalogue, shipped_catalogue
from dcim.snmp.wire import faults
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

# Who waits for it is a person, and a thread of the web server: it is over then, whatever comes.
LIMIT_S = 15.0
# So many tries at once in the whole installation: each holds a thread and a connection.
AT_ONCE = 4
# Advisory locks of two numbers: the first is one of these, the second the agent or the place.
_AGENT_LOCK, _PLACE_LOCK = 7_410_031, 7_410_032


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """Result of trying a saved agent; `problem` is empty when it answered, `cause` names it
    (`faults.name_fault`). Texts are the network's words, cleaned.
    """

    answered: bool
    cause: str
    problem: str
    duration_ms: int
    sys_name: str
    sys_descr: str
    sys_object_id: str
    profile: str
    ports: int
    readings: int


def check_connection(
    settings: Settings,
    sessions: SessionFactory,
    scope: Scope,
    agent_id: int,
    *,
    limit_s: float = LIMIT_S,
    starting: Callable[[], object] | None = None,
) -> ConnectionCheck:
    """Try a saved agent now; only saved addresses inside the allowed networks are asked.

    It is over after `limit_s`, and goes into the audit log. `starting` is called right before the
    first packet. Not to be called where an event loop runs. Raises NotFoundError; ForbiddenError
    for an address that is no longer allowed; ConflictError while the agent is being tried already,
    TooManyError while others are.
    """
    catalogue = _find_catalogue(site_profiles(settings))
    with transaction(sessions, scope) as session:
        agent = session.get(SnmpAgent, agent_id)
        if agent is None:
            raise NotFoundError("No such agent.")
        check_address(settings, agent.address)
        _take_turn(session, agent)
        target = make_target(session, settings.encryption, agent)
        if starting:
            starting()
        found = asyncio.run(_ask(target, catalogue, limit_s))
        record(
            session,
            scope,
            "agent.try",
            f"snmp-agent/{agent.id}",
            address=f"{agent.address}:{agent.udp_port}",
            answered=found.answered,
            cause=found.cause,
        )
        return found


def _find_catalogue(folder: Path) -> Catalogue:
    """The profiles as they are on disk now: reading them all takes a second, so once a version."""
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    stats = [(path.name, path.stat()) for path in files]
    return _read_catalogue(
        folder, tuple((name, one.st_mtime_ns, one.st_size) for name, one in stats)
    )


@lru_cache(maxsize=1)
def _read_catalogue(folder: Path, version: tuple[tuple[str, int, int], ...]) -> Catalogue:
    return load_catalogue(folder) if version else shipped_catalogue()


def _take_turn(session: Session, agent: SnmpAgent) -> None:
    """Hold the agent and a place until the transaction ends."""
    if not _lock(session, _AGENT_LOCK, agent.id):
        raise ConflictError("%(device)s is being tried already.", device=agent.device.name)
    if not any(_lock(session, _PLACE_LOCK, place) for place in range(AT_ONCE)):
        raise TooManyError("Other agents are being tried; wait a few seconds.")


def _lock(session: Session, kind: int, number: int) -> bool:
    taken = session.execute(
        text("SELECT pg_try_advisory_xact_lock(:kind, :number)"),
        {"kind": kind, "number": number % (1 << 31)},
    )
    return bool(taken.scalar_one())


async def _ask(target: Target, catalogue: Catalogue, limit_s: float) -> ConnectionCheck:
    began = time.monotonic()
    result: ProbeResult | None = None
    cause = problem = ""
    try:
        async with asyncio.timeout(limit_s), Engine() as engine:
            result = await probe(target, engine=engine, catalogue=catalogue)
    except faults.SnmpError as error:
        cause, problem = faults.name_fault(error), faults.explain(error)
    except TimeoutError:
        cause = faults.TOO_SLOW
        problem = f"gave up after {limit_s:.0f} s: the agent is too slow"
    return ConnectionCheck(
        answered=result is not None,
        cause=cause,
        problem=problem,
        duration_ms=int((time.monotonic() - began) * 1000),
        sys_name=result.sys_name if result else "",
        sys_descr=result.sys_descr if result else "",
        sys_object_id=result.sys_object_id if result else "",
        profile=result.profile if result else "",
        ports=len(result.ports) if result else 0,
        readings=len(result.readings) if result else 0,
    )
