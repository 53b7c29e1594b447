"""The key that signs statements: the operator's own, or one made at the first start."""

import secrets
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import open_secret, seal_secret
from dcim.config import Settings
from dcim.errors import NotFoundError

if TYPE_CHECKING:
    from reports.sign import Signer

OWNER = "statement-signer/key"


def obtain_signer(session: Session, scope: Scope, settings: Settings) -> "Signer":
    """The instance's signer. Its key file is encrypted; the pass phrase is a sealed secret.

    Raises reports.sign.SigningError when the files are there but can't be used.
    """
    from reports.sign import KEY_NAME, generate_signer, load_signer

    folder = settings.keys_folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        passphrase = open_secret(session, settings.encryption, OWNER).encode()
    except NotFoundError:
        if (folder / KEY_NAME).exists():
            # The operator put a key of their own there, without a pass phrase.
            return load_signer(folder)
        passphrase = secrets.token_urlsafe(32).encode()
        signer = generate_signer(folder, settings.operator_name, passphrase=passphrase)
        seal_secret(session, settings.encryption, OWNER, passphrase.decode())
        record(session, scope, "signer.generate", "signer", fingerprint=signer.fingerprint)
        return signer
    return load_signer(folder, passphrase=passphrase)
