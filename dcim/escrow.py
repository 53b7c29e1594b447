"""The key file of a backup: the secrets without which its sealed fields cannot be opened.

Kept apart from the backup. With a passphrase it is sealed (scrypt, AES-256-GCM).
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from dcim.archive import BackupError

FORMAT = "jifang.keys/1"
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**15, 8, 1  # RFC 7914; 32 MiB, about a tenth of a second
SEALED = "sealed"
SETTINGS = "settings.env"
# Passwords of the embedded database: a restored instance makes its own.
LEFT_OUT = frozenset({"keys/database.json"})


def collect_secrets(data: Path) -> dict[str, bytes]:
    """The instance's secret files by their names relative to `data`."""
    paths = [data / SETTINGS, *sorted((data / "keys").rglob("*"))]
    named = {path.relative_to(data).as_posix(): path for path in paths if path.is_file()}
    return {name: path.read_bytes() for name, path in named.items() if name not in LEFT_OUT}


def write_key_file(
    target: Path, keys_id: str, contents: Mapping[str, bytes], passphrase: str | None
) -> None:
    """Write `contents` to `target` (0600), which must not exist."""
    encoded = {name: base64.b64encode(content).decode() for name, content in contents.items()}
    document: dict[str, Any] = {"format": FORMAT, "keys_id": keys_id}
    if passphrase is None:
        document["files"] = encoded
        document["sha256"] = _digest(encoded)
    else:
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
        plain = json.dumps(encoded).encode()
        box = AESGCM(_derive(passphrase, salt)).encrypt(nonce, plain, keys_id.encode())
        parts = {"salt": salt, "nonce": nonce, "box": box}
        document[SEALED] = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(document, handle, indent=1)
        handle.flush()
        os.fsync(handle.fileno())


def read_key_file(source: Path, keys_id: str, passphrase: str | None) -> dict[str, bytes]:
    """What `write_key_file` wrote. Raises BackupError when it is missing, belongs to another backup
    or the passphrase is wrong."""
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise BackupError(f"{source} is not a key file this version knows.")
        if document["keys_id"] != keys_id:
            raise BackupError(f"{source} belongs to another backup.")
        encoded = document.get("files")
        if encoded is None:
            encoded = _open(document[SEALED], keys_id, passphrase, source)
        elif document["sha256"] != _digest(encoded):
            raise BackupError(f"{source} is damaged: its SHA-256 does not fit.")
        return {name: base64.b64decode(text, validate=True) for name, text in encoded.items()}
    except FileNotFoundError as error:
        raise BackupError(
            f"The key file {source} is missing. Without it the sealed credentials of this backup "
            "cannot be opened; name the place where it is kept."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{source} is damaged and cannot be used ({error}).") from error


def _open(
    sealed: Mapping[str, str], keys_id: str, passphrase: str | None, source: Path
) -> dict[str, str]:
    if passphrase is None:
        raise BackupError(f"{source} is sealed: its passphrase is needed.")
    salt, nonce, box = (base64.b64decode(sealed[name]) for name in ("salt", "nonce", "box"))
    try:
        plain = AESGCM(_derive(passphrase, salt)).decrypt(nonce, box, keys_id.encode())
    except InvalidTag as error:
        raise BackupError(f"The passphrase does not open {source}, or it is damaged.") from error
    files: dict[str, str] = json.loads(plain)
    return files


def _digest(encoded: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(encoded, sort_keys=True).encode()).hexdigest()


def _derive(passphrase: str, salt: bytes) -> bytes:
    kdf = Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return kdf.derive(passphrase.encode("utf-8"))
