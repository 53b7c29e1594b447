"""Whom traps are taken of, and by which credentials: read from the database, kept in memory.

A device's traps come with the credential it is polled with, or with one that no device is polled
with: those are there for traps. Who is polled over v3 is not believed over v1 and v2c.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.models import SealedSecret
from dcim.config import EncryptionKeys
from dcim.errors import JifangError
from dcim.intake.senders import Book, Sender
from dcim.snmp.agents.credentials import open_credential
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential
from dcim.snmp.wire.target import UsmCredentials

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TrapSender(Sender):
    """Who sends from an address, and how it is known."""

    communities: tuple[bytes, ...] = field(default=(), repr=False)
    users: Mapping[bytes, UsmCredentials] = field(default_factory=dict, repr=False)

    def knows(self, community: bytes) -> bool:
        """Whether the community is one of its own; which octet of it is wrong can't be timed."""
        return any(hmac.compare_digest(community, own) for own in self.communities)


TrapBook: TypeAlias = Book[TrapSender]


def read_book(session: Session, keys: EncryptionKeys, before: TrapBook | None = None) -> TrapBook:
    """Read who may send; secrets are opened anew only when something has changed."""
    agents = session.execute(
        select(
            SnmpAgent.id,
            SnmpAgent.device_id,
            SnmpAgent.shard,
            SnmpAgent.address,
            SnmpAgent.credential_id,
        )
        .where(SnmpAgent.enabled)
        .order_by(SnmpAgent.id)
    ).all()
    credentials = session.scalars(select(SnmpCredential).order_by(SnmpCredential.id)).all()
    owners = {f"snmp-credential/{one.id}" for one in credentials}
    sealed = session.execute(
        select(SealedSecret.owner, SealedSecret.sealed_at)
        .where(SealedSecret.owner.in_(owners))
        .order_by(SealedSecret.owner)
    ).all()
    version = (
        tuple(tuple(row) for row in agents),
        tuple(
            (one.id, one.version, one.username, one.auth_protocol, one.priv_protocol, one.context)
            for one in credentials
        ),
        tuple(tuple(row) for row in sealed),
    )
    if before is not None and before.version == version:
        return before
    opened = {one.id: _open(session, keys, one) for one in credentials}
    polled = set(session.scalars(select(SnmpAgent.credential_id).distinct()))
    spare = [secret for number, secret in opened.items() if number not in polled]
    senders: dict[str, TrapSender] = {}
    for row in agents:
        own = opened.get(row.credential_id)
        believed = [own, *spare]
        if isinstance(own, UsmCredentials):
            believed = [one for one in believed if isinstance(one, UsmCredentials)]
        # Several agents of one address differ by port, which a trap doesn't tell: the first is it.
        senders.setdefault(row.address, _sender(believed, row.id, row.device_id, row.shard))
    return Book(senders, _sender(spare), version)


def _open(
    session: Session, keys: EncryptionKeys, credential: SnmpCredential
) -> bytes | UsmCredentials | None:
    try:
        return open_credential(session, keys, credential)
    except (JifangError, ValueError) as error:
        log.warning("credential unusable for traps", name=credential.name, why=str(error))
        return None


def _sender(
    believed: list[bytes | UsmCredentials | None],
    agent_id: int | None = None,
    device_id: int | None = None,
    shard: int | None = None,
) -> TrapSender:
    users: dict[bytes, UsmCredentials] = {}
    for one in believed:
        if isinstance(one, UsmCredentials):
            users.setdefault(one.user.encode(), one)
    communities = tuple(one for one in believed if isinstance(one, bytes))
    return TrapSender(agent_id, device_id, shard, communities, users)
