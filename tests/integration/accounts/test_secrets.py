"""Sealed secrets: bound to their owner, readable only with their key, rotated in place."""

import base64
import dataclasses
import secrets

import pytest
from sqlalchemy import select, text

from dcim.accounts.models import SealedSecret
from dcim.accounts.scope import Scope
from dcim.accounts.secrets import (
    SecretUnreadableError,
    open_secret,
    rotate_secrets,
    seal_secret,
)
from dcim.config import EncryptionKeys, Settings
from dcim.db import ScopedSession
from dcim.errors import NotFoundError

SCOPE = Scope.system("test")


@pytest.fixture
def keys(settings: Settings) -> EncryptionKeys:
    return settings.encryption


def with_new_key(keys: EncryptionKeys) -> EncryptionKeys:
    return EncryptionKeys("k2", {"k2": secrets.token_bytes(32), **keys.keys})


def test_what_is_sealed_opens_and_does_not_lie_in_the_table(
    session: ScopedSession, keys: EncryptionKeys
) -> None:
    seal_secret(session, keys, "snmp-credential/1", "a community nobody knows")
    assert open_secret(session, keys, "snmp-credential/1") == "a community nobody knows"
    stored = session.execute(text("SELECT sealed_secret::text FROM sealed_secret")).scalar_one()
    assert "community" not in stored
    assert base64.b16encode(b"community").decode().lower() not in stored
    with pytest.raises(NotFoundError):
        open_secret(session, keys, "snmp-credential/2")


def test_a_moved_secret_does_not_open(session: ScopedSession, keys: EncryptionKeys) -> None:
    seal_secret(session, keys, "snmp-credential/1", "first")
    seal_secret(session, keys, "snmp-credential/2", "second")
    first, second = session.scalars(select(SealedSecret).order_by(SealedSecret.owner)).all()
    first.nonce, second.nonce = second.nonce, first.nonce
    first.ciphertext, second.ciphertext = second.ciphertext, first.ciphertext
    session.flush()
    for owner in ("snmp-credential/1", "snmp-credential/2"):
        with pytest.raises(SecretUnreadableError):
            open_secret(session, keys, owner)


def test_a_changed_secret_does_not_open(session: ScopedSession, keys: EncryptionKeys) -> None:
    seal_secret(session, keys, "x/1", "plain")
    row = session.scalars(select(SealedSecret)).one()
    row.ciphertext = bytes([row.ciphertext[0] ^ 1]) + row.ciphertext[1:]
    session.flush()
    with pytest.raises(SecretUnreadableError):
        open_secret(session, keys, "x/1")


def test_rotation_reseals_all_and_the_old_key_can_go(
    session: ScopedSession, keys: EncryptionKeys
) -> None:
    for number in range(5):
        seal_secret(session, keys, f"x/{number}", f"secret {number}")
    both = with_new_key(keys)
    seal_secret(session, both, "x/4", "secret 4")
    report = rotate_secrets(session, SCOPE, both)
    assert (report.resealed, report.already_active) == (4, 1)
    only_new = EncryptionKeys("k2", {"k2": both.keys["k2"]})
    for number in range(5):
        assert open_secret(session, only_new, f"x/{number}") == f"secret {number}"
    with pytest.raises(SecretUnreadableError, match="k2"):
        open_secret(session, keys, "x/0")


def test_without_the_owner_in_the_seal_a_move_goes_unseen(
    session: ScopedSession, keys: EncryptionKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the associated data that binds a secret to its owner."""
    monkeypatch.setattr("dcim.accounts.secrets._associated", lambda owner, key_id: b"")
    seal_secret(session, keys, "x/1", "first")
    row = session.scalars(select(SealedSecret)).one()
    row.owner = "x/2"
    session.flush()
    assert open_secret(session, keys, "x/2") == "first"


def test_settings_stay_frozen(settings: Settings) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]
