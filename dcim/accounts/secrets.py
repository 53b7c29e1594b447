"""Secrets at rest: AES-256-GCM, each bound to its owner, under keys that can be rotated."""

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import SealedSecret
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.config import EncryptionKeys
from dcim.errors import JifangError, NotFoundError

# NIST SP 800-38D: 96 bits, random; at our numbers a repeat is out of reach.
NONCE_BYTES = 12


class SecretUnreadableError(JifangError):
    """The key that sealed it is gone, or the row was tampered with."""


@dataclass(frozen=True, slots=True)
class RotationReport:
    resealed: int
    already_active: int


def seal_secret(session: Session, keys: EncryptionKeys, owner: str, plaintext: str) -> None:
    """Store `plaintext` for `owner` (e.g. "snmp-credential/12"), replacing what was there."""
    row = session.scalar(select(SealedSecret).where(SealedSecret.owner == owner))
    if row is None:
        row = SealedSecret(owner=owner)
        session.add(row)
    _seal_into(row, keys, plaintext)
    session.flush()


def open_secret(session: Session, keys: EncryptionKeys, owner: str) -> str:
    """The plaintext. Raises NotFoundError, or SecretUnreadableError when no key opens it."""
    row = session.scalar(select(SealedSecret).where(SealedSecret.owner == owner))
    if row is None:
        raise NotFoundError("No secret is stored for %(owner)s.", owner=owner)
    return _open(row, keys)


def drop_secret(session: Session, owner: str) -> None:
    """Forget it; nothing where there is none."""
    session.execute(delete(SealedSecret).where(SealedSecret.owner == owner))


def rotate_secrets(session: Session, scope: Scope, keys: EncryptionKeys) -> RotationReport:
    """Reseal everything under the active key; afterwards older keys may be dropped."""
    resealed = already = 0
    for row in session.scalars(select(SealedSecret).order_by(SealedSecret.id).with_for_update()):
        if row.key_id == keys.active:
            already += 1
            continue
        _seal_into(row, keys, _open(row, keys))
        resealed += 1
    record(session, scope, "secrets.rotate", "secrets", key_id=keys.active, resealed=resealed)
    return RotationReport(resealed, already)


def _associated(owner: str, key_id: str) -> bytes:
    return f"jifang|sealed_secret|{owner}|{key_id}".encode()


def _seal_into(row: SealedSecret, keys: EncryptionKeys, plaintext: str) -> None:
    row.key_id = keys.active
    row.nonce = os.urandom(NONCE_BYTES)
    row.ciphertext = AESGCM(keys.keys[keys.active]).encrypt(
        row.nonce, plaintext.encode(), _associated(row.owner, row.key_id)
    )
    row.sealed_at = utc_now()


def _open(row: SealedSecret, keys: EncryptionKeys) -> str:
    key = keys.keys.get(row.key_id)
    if key is None:
        raise SecretUnreadableError(
            "The secret of %(owner)s was sealed with key %(key)s, which DCIM_ENCRYPTION_KEYS"
            " doesn't hold.",
            owner=row.owner,
            key=row.key_id,
        )
    try:
        plain = AESGCM(key).decrypt(row.nonce, row.ciphertext, _associated(row.owner, row.key_id))
    except InvalidTag as error:
        raise SecretUnreadableError(
            "The secret of %(owner)s doesn't open: it was changed or moved.", owner=row.owner
        ) from error
    return plain.decode()
