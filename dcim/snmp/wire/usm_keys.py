"""Keys of SNMPv3's User-based Security Model: from passwords to what signs and encrypts; pure.

RFC 3414 (A.2: password to key, localisation), RFC 7860 (SHA-2), RFC 3826 (AES); for AES-192/256
keys longer than the hash, the two extensions that devices use: draft-reeder-snmpv3-usm-3desede
and draft-blumenthal-aes-usm.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from dcim.snmp.wire.target import UsmCredentials

try:  # cryptography is moving it
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:  # pragma: no cover
    from cryptography.hazmat.primitives.ciphers.modes import CFB

_EXPANDED = 1 << 20  # octets of repeated password that are hashed (RFC 3414, A.2)
_PASSWORDS = 1_024
_ENGINES = 16_384
SALT_OCTETS = 8
_IV = struct.Struct(">II8s")


class Authentication(NamedTuple):
    """A hash by hashlib's name, and to how many octets its HMAC is cut."""

    hash_name: str
    digest_octets: int


AUTHENTICATION = {
    "MD5": Authentication("md5", 12),
    "SHA": Authentication("sha1", 12),
    "SHA-224": Authentication("sha224", 16),
    "SHA-256": Authentication("sha256", 24),
    "SHA-384": Authentication("sha384", 32),
    "SHA-512": Authentication("sha512", 48),
}
AES_KEY_OCTETS = {
    "AES-128": 16,
    "AES-192": 24,
    "AES-256": 32,
    "AES-192-BLUMENTHAL": 24,
    "AES-256-BLUMENTHAL": 32,
}


class Keys:
    """What signs and encrypts for one user at one engine; shows nothing when printed."""

    __slots__ = ("_aes", "_mac", "digest_octets")

    def __init__(self, authentication: Authentication | None, auth: bytes, priv: bytes) -> None:
        self.digest_octets = authentication.digest_octets if authentication else 0
        # The key's own two hash blocks are worked once; every message copies the state.
        self._mac = hmac.new(auth, digestmod=authentication.hash_name) if authentication else None
        self._aes = AES(priv) if priv else None

    def sign(self, *pieces: bytes) -> bytes:
        """Return the HMAC over the pieces one after the other, cut to its length."""
        if self._mac is None:
            raise ValueError("these credentials do not sign")
        mac = self._mac.copy()
        for piece in pieces:
            mac.update(piece)
        return mac.digest()[: self.digest_octets]

    def encrypt(self, plain: bytes, boots: int, time: int, salt: bytes) -> bytes:
        """AES-CFB with the IV of RFC 3826, 3.1.2.1: boots, time (s) and 8 octets of salt."""
        # CFB is a stream: nothing is left for a finalize().
        return self._cipher(boots, time, salt).encryptor().update(plain)

    def decrypt(self, encrypted: bytes, boots: int, time: int, salt: bytes) -> bytes:
        return self._cipher(boots, time, salt).decryptor().update(encrypted)

    def _cipher(self, boots: int, time: int, salt: bytes) -> Cipher[CFB]:
        if self._aes is None:
            raise ValueError("these credentials do not encrypt")
        return Cipher(self._aes, CFB(_IV.pack(boots, time, salt)))


@lru_cache(maxsize=_PASSWORDS)
def digest_password(hash_name: str, password: bytes) -> bytes:
    """Return Ku, the password's key before localisation: 1 MiB hashed, so it is remembered."""
    return _digest_expanded(hash_name, password)


def _digest_expanded(hash_name: str, password: bytes) -> bytes:
    whole, rest = divmod(_EXPANDED, len(password))
    return hashlib.new(hash_name, password * whole + password[:rest]).digest()


def localise(hash_name: str, key: bytes, engine_id: bytes) -> bytes:
    """Return Kul, the key at one engine."""
    return hashlib.new(hash_name, key + engine_id + key).digest()


def _extend(hash_name: str, key: bytes, engine_id: bytes, octets: int, priv: str) -> bytes:
    if priv.endswith("-BLUMENTHAL"):
        while len(key) < octets:
            key += hashlib.new(hash_name, key).digest()
    else:
        while len(key) < octets:  # Reeder: what there is serves as the next password
            key += localise(hash_name, _digest_expanded(hash_name, key), engine_id)
    return key[:octets]


def privacy_key(hash_name: str, password: bytes, engine_id: bytes, priv: str) -> bytes:
    """Return the localised AES key of a privacy protocol of `AES_KEY_OCTETS`."""
    key = localise(hash_name, digest_password(hash_name, password), engine_id)
    return _extend(hash_name, key, engine_id, AES_KEY_OCTETS[priv], priv)


@lru_cache(maxsize=_ENGINES)
def derive_keys(credentials: UsmCredentials, engine_id: bytes) -> Keys:
    """Make the keys of a user at an engine. KeyError for a protocol that is not in the tables."""
    if credentials.auth == "none":
        return Keys(None, b"", b"")
    authentication = AUTHENTICATION[credentials.auth]
    name = authentication.hash_name
    password = credentials.auth_password.encode()
    auth = localise(name, digest_password(name, password), engine_id)
    if credentials.priv == "none":
        return Keys(authentication, auth, b"")
    priv = privacy_key(name, credentials.priv_password.encode(), engine_id, credentials.priv)
    return Keys(authentication, auth, priv)
