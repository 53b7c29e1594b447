"""What a walk says, row by row: name, type, value and how that reads. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from dcim.snmp.mibs.names import MibNames
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, VarBind, format_oid

# By tag: what RFC 2578 calls a type, and what Net-SNMP's tools print for it.
_TYPES: dict[int, tuple[str, str]] = {
    ber.INTEGER: ("INTEGER", "INTEGER"),
    ber.OCTET_STRING: ("OCTET STRING", "STRING"),
    ber.OBJECT_IDENTIFIER: ("OBJECT IDENTIFIER", "OID"),
    ber.IP_ADDRESS: ("IpAddress", "IpAddress"),
    ber.COUNTER32: ("Counter32", "Counter32"),
    ber.GAUGE32: ("Gauge32", "Gauge32"),
    ber.TIMETICKS: ("TimeTicks", "Timeticks"),
    ber.OPAQUE: ("Opaque", "Opaque"),
    ber.OPAQUE_FLOAT: ("Opaque", "Opaque: Float"),
    ber.OPAQUE_DOUBLE: ("Opaque", "Opaque: Double"),
    ber.COUNTER64: ("Counter64", "Counter64"),
    ber.NULL: ("Null", "NULL"),
}
_LONGEST = ber.MAX_MESSAGE  # characters: all that a datagram can carry
_BARE = MibNames()


@dataclass(frozen=True, slots=True)
class WalkRow:
    """One instance; `name` and `text` are cleaned, but still the network's words."""

    oid: Oid
    name: str
    type: str
    label: str
    value: int | float | str | None
    text: str

    def line(self) -> str:
        return f"{self.name} = {self.label}: {self.text}".rstrip(" ")

    def to_json(self) -> str:
        """One object on one line; octets are hexadecimal, so that nothing of them is lost."""
        return json.dumps(
            {
                "oid": format_oid(self.oid),
                "name": self.name,
                "type": self.type,
                "value": self.value,
                "text": self.text,
            },
            ensure_ascii=False,
            allow_nan=False,
        )


def read_row(varbind: VarBind, names: MibNames | None) -> WalkRow:
    """A row by the names there are; None leaves numbers and values as they are."""
    oid, value = varbind
    kind, label = _TYPES.get(value.tag, ("Null", "NULL"))
    shown = (names or _BARE).show(oid, value, longest=_LONGEST)
    text = shown.text
    if shown.is_hex and value.tag == ber.OCTET_STRING:
        label = f"Hex-{label}"
    data = value.data
    if names is not None and value.tag == ber.TIMETICKS and text == str(data):
        text = f"({text}) {_duration(int(text))}"
    if value.tag == ber.OPAQUE_FLOAT and isinstance(data, float):
        text = f"{data:.7g}"  # what single precision holds
    if isinstance(data, bytes):
        plain: int | float | str | None = text if value.tag == ber.IP_ADDRESS else data.hex()
    elif isinstance(data, tuple):
        plain = format_oid(data)
    elif isinstance(data, float) and not math.isfinite(data):
        plain = None  # JSON has no word for it
    else:
        plain = data
    return WalkRow(oid, shown.name, kind, label, plain, text)


def _duration(hundredths: int) -> str:
    """As Net-SNMP has it: 1 day, 2:03:04.05."""
    minutes, rest = divmod(hundredths, 6_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    before = f"{days} day{'' if days == 1 else 's'}, " if days else ""
    return f"{before}{hours}:{minutes:02}:{rest // 100:02}.{rest % 100:02}"
