"""Reads device recordings (`OID|TAG|VALUE`, TAG an ASN.1 number, `x` for hexadecimal)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Oid, Value

_TAGS = {
    ber.INTEGER, ber.OCTET_STRING, ber.NULL, ber.OBJECT_IDENTIFIER, ber.IP_ADDRESS, ber.COUNTER32,
    ber.GAUGE32, ber.TIMETICKS, ber.OPAQUE, ber.COUNTER64,
}  # fmt: skip


def recordings() -> Path:
    """Find the recordings, or skip the test that needs them."""
    named = os.environ.get("JIFANG_RECORDINGS")
    repository = Path(__file__).resolve().parents[2]
    folder = Path(named) if named else repository.parent / "shared" / "recordings"
    if not (folder / "expected.json").is_file():
        pytest.skip("device recordings are not on this machine (JIFANG_RECORDINGS)")
    return folder


def load(path: Path) -> dict[Oid, Value]:
    """Read one recording; rows whose value was made anonymous beyond its type are left out."""
    objects = {}
    for line in path.read_text("utf-8", errors="surrogateescape").splitlines():
        oid, _, rest = line.partition("|")
        tag, _, words = rest.partition("|")
        if not oid or line.startswith("#") or not tag.rstrip("xe").isdigit():
            continue
        try:
            value = _value(int(tag.rstrip("xe")), words, is_hex=tag.endswith("x"))
            ber.encode_value(value)
            objects[ber.parse_oid(oid)] = value
        except (BerError, ValueError):
            continue
    return objects


def _value(tag: int, words: str, *, is_hex: bool) -> Value:
    if tag not in _TAGS:
        raise BerError("no such type")
    if tag == ber.NULL:
        return ber.NULL_VALUE
    if tag == ber.OBJECT_IDENTIFIER:
        return ber.object_identifier(ber.parse_oid(words))
    octets = bytes.fromhex(words) if is_hex else words.encode("utf-8", "surrogateescape")
    if tag in (ber.OCTET_STRING, ber.OPAQUE):
        return Value(tag, octets)
    if tag == ber.IP_ADDRESS:
        return Value(tag, octets if is_hex else bytes(int(part) for part in words.split(".")))
    return Value(tag, int(words))
