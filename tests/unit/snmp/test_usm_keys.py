"""USM keys: the vectors of RFC 3414, agreement with pysnmp, and what must not show."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from pysnmp.proto.rfc1902 import OctetString
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel

from dcim.snmp.wire import usm_keys
from dcim.snmp.wire.target import UsmCredentials
from dcim.snmp.wire.usm import AUTH_PROTOCOLS, PRIV_PROTOCOLS
from dcim.snmp.wire.usm_keys import AES_KEY_OCTETS, AUTHENTICATION, derive_keys

PASSWORD = b"maplesyrup"
ENGINE = bytes(11) + b"\x02"


@pytest.mark.parametrize(
    ("name", "key", "localised"),
    [
        ("md5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        (
            "sha1",
            "9fb5cc0381497b3793528939ff788d5d79145211",
            "6695febc9288e36282235fc7151f128497b38f3f",
        ),
    ],
)
def test_the_vectors_of_rfc_3414_a_3(name: str, key: str, localised: str) -> None:
    assert usm_keys.digest_password(name, PASSWORD).hex() == key
    assert usm_keys.localise(name, bytes.fromhex(key), ENGINE).hex() == localised


@pytest.mark.parametrize("auth", list(AUTHENTICATION))
@pytest.mark.parametrize("password", ["maplesyrup", "x" * 64, "odd-length-13", "y" * 200])
def test_authentication_keys_are_pysnmps(auth: str, password: str) -> None:
    service = SnmpUSMSecurityModel.AUTH_SERVICES[AUTH_PROTOCOLS[auth]]
    engine = OctetString(b"\x80\x00\x4f\xb8\x05abcdef")
    theirs = service.localize_key(service.hash_passphrase(password), engine)
    name = AUTHENTICATION[auth].hash_name
    key = usm_keys.digest_password(name, password.encode())
    assert usm_keys.localise(name, key, bytes(engine)) == bytes(theirs)
    assert AUTHENTICATION[auth].digest_octets == service.digest_length


@pytest.mark.parametrize(("auth", "priv"), list(itertools.product(AUTHENTICATION, AES_KEY_OCTETS)))
def test_privacy_keys_and_encryption_are_pysnmps(auth: Any, priv: Any) -> None:
    service = SnmpUSMSecurityModel.PRIV_SERVICES[PRIV_PROTOCOLS[priv]]
    oid = AUTH_PROTOCOLS[auth]
    engine = OctetString(b"\x80\x00\x4f\xb8\x05abcdef")
    theirs = service.localize_key(oid, service.hash_passphrase(oid, "privpass-1"), engine)
    name = AUTHENTICATION[auth].hash_name
    ours = usm_keys.privacy_key(name, b"privpass-1", bytes(engine), priv)
    assert ours == bytes(theirs)
    assert len(ours) == AES_KEY_OCTETS[priv]
    keys = derive_keys(UsmCredentials("noc", auth, "authpass-1", priv, "privpass-1"), bytes(engine))
    encrypted, salt = service.encrypt_data(theirs, (3, 70_000, None), b"some scoped PDU, odd")
    assert keys.decrypt(bytes(encrypted), 3, 70_000, bytes(salt)) == b"some scoped PDU, odd"
    back = keys.encrypt(b"and the other way", 3, 70_001, b"saltsalt")
    plain = service.decrypt_data(theirs, (3, 70_001, OctetString(b"saltsalt")), OctetString(back))
    assert bytes(plain) == b"and the other way"


def test_a_signature_covers_its_pieces_in_order_and_is_used_again() -> None:
    keys = derive_keys(UsmCredentials("noc", "SHA-512", "authpass-1"), ENGINE)
    assert keys.sign(b"ab", b"c") == keys.sign(b"abc") == keys.sign(b"a", b"", b"bc")
    assert keys.sign(b"abd") != keys.sign(b"abc")
    assert len(keys.sign(b"abc")) == 48


def test_a_password_is_expanded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    expand = usm_keys._digest_expanded

    def counted(name: str, password: bytes) -> bytes:
        calls.append(name)
        return expand(name, password)

    monkeypatch.setattr(usm_keys, "_digest_expanded", counted)
    user = UsmCredentials("noc", "SHA-256", "only here once", "AES-128", "and this one too")
    for number in range(50):
        derive_keys(user, b"engine%d" % number)
    assert len(calls) == 2
    assert usm_keys.digest_password.cache_info().maxsize
    assert derive_keys.cache_info().maxsize


def test_keys_without_privacy_or_authentication_refuse() -> None:
    none = derive_keys(UsmCredentials("noc"), ENGINE)
    signs = derive_keys(UsmCredentials("noc", "SHA", "authpass-1"), ENGINE)
    with pytest.raises(ValueError, match="sign"):
        none.sign(b"")
    with pytest.raises(ValueError, match="encrypt"):
        signs.encrypt(b"x", 0, 0, bytes(8))
    assert none.digest_octets == 0


def test_keys_do_not_show() -> None:
    user = UsmCredentials("noc", "SHA-256", "authpass-1", "AES-128", "privpass-1")
    keys = derive_keys(user, ENGINE)
    secret = usm_keys.privacy_key("sha256", b"privpass-1", ENGINE, "AES-128")
    assert isinstance(keys._aes, AES)
    shown = repr(keys) + str(keys)
    assert secret.hex() not in shown
    assert repr(secret)[2:-1] not in shown
