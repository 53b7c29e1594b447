"""Bringing a device under polling: its credential, its address, the ports a person accepts."""

import ipaddress
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import seal_secret
from dcim.config import EncryptionKeys, Settings
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Device, DeviceType
from dcim.metering.bindings import bind_ports
from dcim.network.models import Port
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential

# A poll job is one shard; its devices are read side by side within a minute.
AGENTS_PER_SHARD = 100


@dataclass(frozen=True, slots=True)
class UsmSecrets:
    auth_password: str = ""
    priv_password: str = ""


@dataclass(frozen=True, slots=True)
class FoundPort:
    """A port as the device told it; a person accepts it into the inventory."""

    name: str
    speed_bps: int
    alias: str = ""


def store_credential(
    session: Session,
    scope: Scope,
    keys: EncryptionKeys,
    *,
    name: str,
    version: str,
    community: str | None = None,
    username: str | None = None,
    auth_protocol: str = "none",
    priv_protocol: str = "none",
    secrets: UsmSecrets | None = None,
    context: str = "",
) -> SnmpCredential:
    """Keep a community (v1, v2c) or a USM user (v3); the secrets are sealed at once.

    Raises InvalidError for a mix that can't work, ConflictError when the name is taken.
    """
    if version == "3":
        if not username or community is not None:
            raise InvalidError("SNMPv3 needs a user name and no community.")
        _check_usm(auth_protocol, priv_protocol, secrets or UsmSecrets())
    elif version in {"1", "2c"}:
        if not community or username:
            raise InvalidError("SNMP v1 and v2c need a community and nothing else.")
    else:
        raise InvalidError("The version is 1, 2c or 3.", {"version": ["1, 2c, 3"]})
    if session.scalar(select(SnmpCredential.id).where(SnmpCredential.name == name)) is not None:
        raise ConflictError("A credential called %(name)s exists already.", name=name)
    credential = SnmpCredential(
        name=name,
        version=version,
        username=username,
        auth_protocol=auth_protocol if version == "3" else None,
        priv_protocol=priv_protocol if version == "3" else None,
        context=context,
    )
    session.add(credential)
    session.flush()
    given = secrets or UsmSecrets()
    plain = (
        json.dumps({"auth": given.auth_password, "priv": given.priv_password})
        if version == "3"
        else str(community)
    )
    seal_secret(session, keys, f"snmp-credential/{credential.id}", plain)
    record(
        session,
        scope,
        "credential.create",
        f"snmp-credential/{credential.id}",
        name=name,
        version=version,
    )
    return credential


def _check_usm(auth: str, priv: str, secrets: UsmSecrets) -> None:
    from dcim.snmp.wire.target import UsmCredentials

    try:
        UsmCredentials("check", auth, secrets.auth_password, priv, secrets.priv_password)  # type: ignore[arg-type]
    except ValueError as error:
        raise InvalidError("%(problem)s.", problem=error) from error


def check_address(settings: Settings, address: str) -> str:
    """The address in its canonical form, if polling it is allowed.

    Raises InvalidError for no address, ForbiddenError for one outside DCIM_SNMP_ALLOWED: a
    credential must never be sent to an address somebody talked us into.
    """
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError as error:
        raise InvalidError(
            "%(address)s is no IP address; names are not polled.", address=address
        ) from error
    if not any(
        parsed in network for network in settings.snmp_allowed if network.version == parsed.version
    ):
        raise ForbiddenError(
            "%(address)s lies outside the management networks. Add its network to"
            " DCIM_SNMP_ALLOWED if it belongs there.",
            address=parsed,
        )
    return str(parsed)


def register_agent(
    session: Session,
    scope: Scope,
    settings: Settings,
    *,
    device: Device,
    address: str,
    credential: SnmpCredential,
    udp_port: int = 161,
) -> SnmpAgent:
    """Poll this device at this address from the next minute on.

    Raises as `check_address`; ConflictError when the device or the address is polled already.
    """
    canonical = check_address(settings, address)
    refuse_polled(session, canonical, udp_port, device)
    agent = SnmpAgent(
        device_id=device.id,
        credential_id=credential.id,
        address=canonical,
        udp_port=udp_port,
        shard=choose_shard(session),
    )
    session.add(agent)
    session.flush()
    record(
        session,
        scope,
        "agent.register",
        f"snmp-agent/{agent.id}",
        device=device.name,
        address=canonical,
    )
    return agent


def refuse_polled(session: Session, address: str, udp_port: int, device: Device | None) -> None:
    """Raise ConflictError when the address, in its canonical form, or the device is polled."""
    taken = session.scalar(
        select(Device.name)
        .join(SnmpAgent, SnmpAgent.device_id == Device.id)
        .where(
            (SnmpAgent.device_id == (device.id if device else None))
            | ((SnmpAgent.address == address) & (SnmpAgent.udp_port == udp_port))
        )
    )
    if taken is not None:
        raise ConflictError(
            "%(address)s port %(port)s or the device is polled already, as %(device)s.",
            address=address,
            port=udp_port,
            device=taken,
        )


def choose_shard(session: Session) -> int:
    """The fullest shard that still has room, else a new one."""
    counts = session.execute(
        select(SnmpAgent.shard, func.count()).group_by(SnmpAgent.shard).order_by(SnmpAgent.shard)
    ).all()
    for shard, count in counts:
        if count < AGENTS_PER_SHARD:
            return int(shard)
    return max((int(shard) for shard, _ in counts), default=-1) + 1


def accept_ports(
    session: Session, scope: Scope, device: Device, found: Iterable[FoundPort]
) -> list[Port]:
    """Take ports that the device told of into the inventory; the ones known stay as they are."""
    known = set(session.scalars(select(Port.name).where(Port.device_id == device.id)))
    ports = [
        Port(device_id=device.id, name=port.name, speed_bps=port.speed_bps, alias=port.alias)
        for port in found
        if port.name and port.name not in known
    ]
    session.add_all(ports)
    session.flush()
    if ports:
        # Polls bind series only when they read everything, once an hour.
        bind_ports(session, [device.id], time.time_ns() // 1_000_000)
        record(
            session,
            scope,
            "port.accept",
            f"device/{device.id}",
            ports=[port.name for port in ports][:200],
        )
    return ports


def find_or_make_device(
    session: Session, scope: Scope, name: str, *, role: str, manufacturer: str, model: str
) -> Device:
    """The device of this name, or a new one of the operator's, not yet installed anywhere."""
    device = session.scalar(select(Device).where(Device.name == name))
    if device is not None:
        return device
    kind = session.scalar(
        select(DeviceType).where(DeviceType.manufacturer == manufacturer, DeviceType.model == model)
    )
    if kind is None:
        kind = DeviceType(manufacturer=manufacturer, model=model, height=0 if role == "pdu" else 2)
        session.add(kind)
        session.flush()
    device = Device(name=name, role=role, device_type_id=kind.id, state="in_stock")
    session.add(device)
    session.flush()
    record(session, scope, "device.create", f"device/{device.id}", name=name, role=role)
    return device


def find_credential(session: Session, name: str) -> SnmpCredential:
    credential = session.scalar(select(SnmpCredential).where(SnmpCredential.name == name))
    if credential is None:
        raise NotFoundError("No credential is called %(name)s.", name=name)
    return credential
