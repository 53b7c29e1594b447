"""Trying a saved agent: does it answer, and if not, what is there to look at."""

import asyncio
from dataclasses import dataclass

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.errors import NotFoundError
from dcim.snmp import faults
from dcim.snmp.credentials import make_target
from dcim.snmp.engine import Engine
from dcim.snmp.models import SnmpAgent
from dcim.snmp.polling_room import site_profiles
from dcim.snmp.probe import ProbeResult, probe
from dcim.snmp.profiles import load_catalogue
from dcim.snmp.registration import check_address


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """Result of trying a saved agent; `problem` is empty when it answered."""

    answered: bool
    problem: str
    result: ProbeResult | None


def check_connection(
    settings: Settings, sessions: SessionFactory, agent_id: int
) -> ConnectionCheck:
    """Try a saved agent now; only saved addresses inside the allowed networks are asked.

    Raises NotFoundError, and ForbiddenError for an address that is no longer allowed.
    """
    with transaction(sessions, Scope.system("check-connection")) as session:
        agent = session.get(SnmpAgent, agent_id)
        if agent is None:
            raise NotFoundError("No such agent.")
        check_address(settings, agent.address)
        target = make_target(session, settings.encryption, agent)

    async def ask() -> ProbeResult:
        async with Engine() as engine:
            return await probe(
                target, engine=engine, catalogue=load_catalogue(site_profiles(settings))
            )

    try:
        return ConnectionCheck(True, "", asyncio.run(ask()))
    except faults.SnmpError as error:
        return ConnectionCheck(False, faults.explain(error), None)
