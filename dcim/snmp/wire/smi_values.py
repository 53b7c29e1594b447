"""Our values to pysnmp's and back: the only place that knows both."""

from __future__ import annotations

from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type.univ import Null
from pysnmp.proto import rfc1902, rfc1905

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Value

_MAKERS: dict[int, Any] = {
    ber.INTEGER: rfc1902.Integer32,
    ber.OCTET_STRING: rfc1902.OctetString,
    ber.OBJECT_IDENTIFIER: rfc1902.ObjectIdentifier,
    ber.IP_ADDRESS: rfc1902.IpAddress,
    ber.COUNTER32: rfc1902.Counter32,
    ber.GAUGE32: rfc1902.Gauge32,
    ber.TIMETICKS: rfc1902.TimeTicks,
    ber.OPAQUE: rfc1902.Opaque,
    ber.COUNTER64: rfc1902.Counter64,
}
_EXCEPTIONS: dict[int, Any] = {
    ber.NO_SUCH_OBJECT: rfc1905.noSuchObject,
    ber.NO_SUCH_INSTANCE: rfc1905.noSuchInstance,
    ber.END_OF_MIB_VIEW: rfc1905.endOfMibView,
}


def to_pysnmp(value: Value) -> Any:
    """Make the pysnmp object of a value."""
    if value.tag in _EXCEPTIONS:
        return _EXCEPTIONS[value.tag]
    if value.tag == ber.NULL:
        return Null("")
    if value.tag in (ber.OPAQUE_FLOAT, ber.OPAQUE_DOUBLE):
        content, rest = decoder.decode(ber.encode_value(value), asn1Spec=rfc1902.Opaque())
        if rest:
            raise BerError("trailing octets")
        return content
    return _MAKERS[value.tag](value.data)


def from_pysnmp(thing: Any) -> Value:
    """Read a pysnmp object by its BER, so that both engines see the very same values."""
    return ber.decode_value(bytes(encoder.encode(thing)))
