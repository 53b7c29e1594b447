"""Bringing a device under polling by its address alone: it is asked who it is, then registered.

What it has is then compared with the inventory (`discovery`), for a person to accept.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.errors import InvalidError
from dcim.inventory.models import Device
from dcim.snmp.agents.credentials import aim
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential
from dcim.snmp.agents.registration import (
    check_address,
    find_or_make_device,
    refuse_polled,
    register_agent,
)
from dcim.snmp.discovery.neighbours import fold
from dcim.snmp.polling.room import site_profiles
from dcim.snmp.reading.probe import identify
from dcim.snmp.reading.profiles import Catalogue, load_catalogue
from dcim.snmp.wire import faults
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

# Somebody waits for the answer: three objects and the first serial numbers.
LIMIT_S = 15.0
SERIAL: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11)  # ENTITY-MIB entPhysicalSerialNum
_SHORTEST_SERIAL = 5
Way = Literal["given", "serial", "name", "new"]


@dataclass(frozen=True, slots=True)
class Met:
    """Who a device says it is; cleaned, but its own words."""

    sys_name: str
    serial: str


@dataclass(frozen=True, slots=True)
class Introduced:
    """A registered agent, and how its device was found; `new` was not in the inventory."""

    agent: SnmpAgent
    device: Device
    way: Way


def introduce_agent(
    session: Session,
    scope: Scope,
    settings: Settings,
    *,
    address: str,
    udp_port: int,
    credential: SnmpCredential,
    device: Device | None = None,
    role: str = "switch",
) -> Introduced:
    """Ask the device at an address who it is and poll it from the next minute on.

    Without `device` it is the one of the inventory that has its serial number or its sysName, else
    a new one of that name and this role. When it doesn't answer nothing is kept, and the credential
    goes only to addresses that may be polled and aren't yet.

    Raises as `register_agent`; InvalidError when it doesn't answer or can't be told apart.
    """
    canonical = check_address(settings, address)
    refuse_polled(session, canonical, udp_port, device)
    target = aim(session, settings.encryption, credential, canonical, udp_port)
    catalogue = load_catalogue(site_profiles(settings))
    try:
        met = asyncio.run(meet(target, catalogue))
    except (faults.SnmpError, TimeoutError) as error:
        raise _explain(error, canonical, udp_port) from error
    way: Way = "given"
    if device is None:
        device, way = find_met(session, met)
    if device is None:
        device = find_or_make_device(
            session, scope, met.sys_name, role=role, manufacturer="unknown", model="unknown"
        )
    agent = register_agent(
        session,
        scope,
        settings,
        device=device,
        address=canonical,
        udp_port=udp_port,
        credential=credential,
    )
    return Introduced(agent, device, way)


async def meet(target: Target, catalogue: Catalogue) -> Met:
    """Ask who it is. Raises the errors of `wire.faults`, and TimeoutError past the limit."""
    async with asyncio.timeout(LIMIT_S), Engine() as engine:
        found = await identify(engine, target, catalogue)
        serial = await _read_serial(engine, target)
        return Met(found.sys_name, serial)


async def _read_serial(engine: Engine, target: Target) -> str:
    """The first serial number it has, mostly the chassis'; one that can be nobody else's."""
    try:
        async with aclosing(engine.walk_on(target, SERIAL)) as replies:
            async for rows in replies:  # the first reply alone: a large chassis has thousands
                texts = [clean_text(row.value) for row in rows]
                return next((text for text in texts if is_serial(text)), "")
    except faults.SnmpError:
        pass  # many devices have no ENTITY-MIB, and some fail at it
    return ""


def is_serial(text: str) -> bool:
    """Whether it is no filler as N/A, 0 or 000000."""
    return len(text) >= _SHORTEST_SERIAL and any(map(str.isdigit, text)) and len(set(text)) > 2


def find_met(session: Session, met: Met) -> tuple[Device | None, Way]:
    """The device of the inventory that this one is, and how that is known; None: a new one.

    Raises InvalidError where serial number and name speak of different ones, or it has no name.
    """
    by_serial = session.scalars(
        select(Device).where(func.lower(Device.serial) == met.serial.lower())
    ).all()
    by_name = _find_named(session, met.sys_name)
    if met.serial and by_serial:
        if by_name and by_name != by_serial:
            raise InvalidError(
                "Its serial number is that of %(one)s, its name that of %(other)s: give the"
                " device.",
                {"device": ["ambiguous"]},
                one=by_serial[0].name,
                other=by_name[0].name,
            )
        return by_serial[0], "serial"
    if len(by_name) > 1:
        raise InvalidError(
            "Several devices may be called %(name)s: give the device.",
            {"device": ["ambiguous"]},
            name=met.sys_name,
        )
    if by_name:
        return by_name[0], "name"
    if not met.sys_name:
        raise InvalidError(
            "The device says no name of its own (sysName): give the device.",
            {"device": ["required"]},
        )
    return None, "new"


def _find_named(session: Session, sys_name: str) -> Sequence[Device]:
    """Those of this name; else those whose name is the host's alone, without its domain."""
    whole = fold(sys_name)
    host = whole.partition(".")[0]
    for name in (whole, "" if host.isdigit() else host):
        found = session.scalars(
            select(Device).where(func.lower(Device.name) == name).limit(2)
        ).all()
        if name and found:
            return found
    return []


def _explain(error: Exception, address: str, udp_port: int) -> InvalidError:
    where = {"address": ["unreachable"]}
    if isinstance(error, faults.Timeout | TimeoutError):
        return InvalidError(
            "No answer from %(address)s port %(port)s: the address or the credential is wrong, the"
            " device is off, or a filter drops the packets. Nothing was saved.",
            where,
            address=address,
            port=udp_port,
        )
    if isinstance(error, faults.Refused):
        return InvalidError(
            "Nothing listens at %(address)s port %(port)s, or no way leads there. Nothing was"
            " saved.",
            where,
            address=address,
            port=udp_port,
        )
    if isinstance(error, faults.SecurityError):
        return InvalidError(
            "The device answered and refused the credential (%(why)s). Nothing was saved.",
            {"credential": ["refused"]},
            why=type(error).__name__,
        )
    return InvalidError(
        "What %(address)s answers can't be used: %(why)s. Nothing was saved.",
        where,
        address=address,
        why=error,
    )
