"""From a stored agent to whom the engine asks: secrets are opened here and nowhere else."""

import json
from typing import cast

from sqlalchemy.orm import Session

from dcim.accounts.secrets import open_secret
from dcim.config import EncryptionKeys
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential
from dcim.snmp.wire.target import AuthProtocol, PrivProtocol, Target, UsmCredentials, Version


def open_credential(
    session: Session, keys: EncryptionKeys, credential: SnmpCredential
) -> bytes | UsmCredentials:
    """The community, or the USM user. Raises NotFoundError or SecretUnreadableError."""
    secret = open_secret(session, keys, f"snmp-credential/{credential.id}")
    if credential.version != "3":
        return secret.encode()
    words = json.loads(secret)
    return UsmCredentials(
        user=credential.username or "",
        auth=cast(AuthProtocol, credential.auth_protocol or "none"),
        auth_password=str(words.get("auth") or ""),
        priv=cast(PrivProtocol, credential.priv_protocol or "none"),
        priv_password=str(words.get("priv") or ""),
        context=credential.context,
    )


def make_target(
    session: Session,
    keys: EncryptionKeys,
    agent: SnmpAgent,
    *,
    timeout_s: float = 2.0,
    retries: int = 1,
    bulk: bool = True,
) -> Target:
    """Whom to ask for an agent. Check the address first (`registration.check_address`)."""
    return aim(
        session,
        keys,
        agent.credential,
        agent.address,
        agent.udp_port,
        timeout_s=timeout_s,
        retries=retries,
        bulk=bulk,
    )


def aim(
    session: Session,
    keys: EncryptionKeys,
    credential: SnmpCredential,
    address: str,
    udp_port: int,
    *,
    timeout_s: float = 2.0,
    retries: int = 1,
    bulk: bool = True,
) -> Target:
    """Whom to ask at an address that is not saved yet; check it first, as for `make_target`."""
    opened = open_credential(session, keys, credential)
    return Target(
        address,
        udp_port,
        version=cast(Version, credential.version),
        community=opened if isinstance(opened, bytes) else b"",
        credentials=None if isinstance(opened, bytes) else opened,
        timeout_s=timeout_s,
        retries=retries,
        bulk=bulk,
    )
