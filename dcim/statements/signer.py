"""The key that signs statements: the operator's own, or one made at the first start."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import open_secret, seal_secret
from dcim.config import Settings
from dcim.errors import NotFoundError
from reports.sign import CERTIFICATE_NAME, KEY_NAME, SigningError

if TYPE_CHECKING:
    from reports.sign import Signer

OWNER = "statement-signer/key"
# Beside a key that we made, not the operator.
MADE = "statement-signer.made"


def obtain_signer(session: Session, scope: Scope, settings: Settings) -> "Signer":
    """The instance's signer. Its key file is encrypted; the pass phrase is a sealed secret.

    Raises reports.sign.SigningError when the files are there but can't be used.
    """
    from reports.sign import generate_signer, load_signer

    folder = settings.keys_folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passphrase = _find_passphrase(session, settings)
    if passphrase is None:
        # One at a time until commit: whoever comes second finds what the first has sealed.
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": OWNER}
        )
        passphrase = _find_passphrase(session, settings)
    if passphrase is not None:
        return load_signer(folder, passphrase=passphrase)
    if (folder / KEY_NAME).exists():
        try:
            # The operator put a key of their own there, without a pass phrase.
            return load_signer(folder)
        except SigningError:
            if not (folder / MADE).exists():
                raise
            _discard(folder)
    passphrase = secrets.token_urlsafe(32).encode()
    (folder / MADE).touch(mode=0o600)
    signer = generate_signer(folder, settings.operator_name, passphrase=passphrase)
    seal_secret(session, settings.encryption, OWNER, passphrase.decode())
    record(session, scope, "signer.generate", "signer", fingerprint=signer.fingerprint)
    return signer


def _find_passphrase(session: Session, settings: Settings) -> bytes | None:
    try:
        return open_secret(session, settings.encryption, OWNER).encode()
    except NotFoundError:
        return None


def _discard(folder: Path) -> None:
    """Let go of a key of ours whose pass phrase went with a transaction that never committed:
    nothing that it signed was registered."""
    for name in (KEY_NAME, CERTIFICATE_NAME):
        (folder / name).unlink(missing_ok=True)
