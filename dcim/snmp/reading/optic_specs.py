"""Where a family's optics are read: the `optics` of a profile. Data, checked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from dcim.snmp.wire.ber import Oid

QUANTITIES = ("rx", "tx", "bias", "temperature", "voltage")
LIMITS = ("low_alarm", "low_warning", "high_warning", "high_alarm")
MODULE = ("vendor", "part", "serial")
# In which units a family may give each: light as a level or as a power.
_LIGHT = frozenset(("dBm", "W"))
_UNITS = {
    "rx": _LIGHT,
    "tx": _LIGHT,
    "bias": frozenset(("A",)),
    "temperature": frozenset(("°C",)),
    "voltage": frozenset(("V",)),
}
# What the last arc of a row's index numbers: an interface, an entity (ENTITY-MIB), or nothing
# known, so that a column has the port's name.
_BY = frozenset(("ifIndex", "entity", "name"))


@dataclass(frozen=True)
class OpticColumn:
    """raw × scale = value in `unit`; a column of `lanes` is text, a number per lane."""

    object: str
    oid: Oid
    unit: str
    scale: Decimal = Decimal(1)
    sentinels: frozenset[Decimal] = frozenset()
    lanes: bool = False


@dataclass(frozen=True)
class OpticTable:
    """A table with a row per transceiver; limits by (quantity, limit), module by its words."""

    name: str
    by: str
    port: Oid | None
    values: dict[str, OpticColumn]
    limits: dict[tuple[str, str], OpticColumn] = field(default_factory=dict)
    module: dict[str, Oid] = field(default_factory=dict)


@dataclass(frozen=True)
class Thresholds:
    """Rows (sensor, number) as CISCO-ENTITY-SENSOR-MIB has them: how bad, which way, how much."""

    severity: Oid
    relation: Oid
    value: Oid


@dataclass(frozen=True)
class SensorTable:
    """A table of ENTITY-SENSOR-MIB's kind (RFC 3433): a row per sensor, by entPhysicalIndex.

    `limits` are columns beside the value, in its scale and precision.
    """

    name: str
    type: Oid
    exponent: Oid
    digits: Oid
    value: Oid
    status: Oid
    units: Oid | None = None
    limits: dict[str, Oid] = field(default_factory=dict)
    thresholds: Thresholds | None = None


OpticSpec = OpticTable | SensorTable


def name_columns(spec: OpticSpec) -> list[OpticColumn]:
    """The columns that have names of a MIB."""
    return [*spec.values.values(), *spec.limits.values()] if isinstance(spec, OpticTable) else []


class _Reader(Protocol):
    """What `profiles` checks YAML with."""

    def fail(self, reason: str) -> Exception: ...

    def map(self, data: Any, required: str, optional: str = "") -> Any: ...

    def list(self, data: Any) -> Sequence[Any]: ...

    def text(self, data: Any, allowed: frozenset[str] | None = None) -> str: ...

    def oid(self, data: Any) -> Oid: ...

    def number(self, data: Any) -> Decimal: ...

    def flag(self, data: Any) -> bool: ...


def read_optic_specs(reader: _Reader, data: Any) -> tuple[OpticSpec, ...]:
    """Check the `optics` of a profile; the reader's error says what is wrong with them."""
    return tuple(_read_spec(reader, entry) for entry in reader.list(data))


def _read_spec(reader: _Reader, data: Any) -> OpticSpec:
    if isinstance(data, dict) and "sensors" in data:
        return _read_sensors(reader, data)
    one = reader.map(data, "name by values", "port limits module")
    by = reader.text(one["by"], _BY)
    if (by == "name") != ("port" in one):
        raise reader.fail("'port' is the column of names that rows by 'name' need")
    values = reader.map(one["values"], "", " ".join(QUANTITIES))
    limits = {}
    for quantity, entry in _part(reader, one, "limits", QUANTITIES).items():
        for limit, column in reader.map(entry, "", " ".join(LIMITS)).items():
            limits[quantity, limit] = _read_column(reader, quantity, column)
    module = _part(reader, one, "module", MODULE)
    return OpticTable(
        reader.text(one["name"]),
        by,
        reader.oid(one["port"]) if "port" in one else None,
        {name: _read_column(reader, name, column) for name, column in values.items()},
        limits,
        {word: reader.oid(oid) for word, oid in module.items()},
    )


def _part(reader: _Reader, whole: Any, key: str, allowed: Sequence[str]) -> Any:
    return reader.map(whole[key], "", " ".join(allowed)) if key in whole else {}


def _read_column(reader: _Reader, quantity: str, data: Any) -> OpticColumn:
    one = reader.map(data, "object oid unit", "scale sentinels lanes")
    return OpticColumn(
        reader.text(one["object"]),
        reader.oid(one["oid"]),
        reader.text(one["unit"], _UNITS[quantity]),
        reader.number(one.get("scale", "1")),
        frozenset(map(reader.number, reader.list(one.get("sentinels", [])))),
        reader.flag(one.get("lanes", "false")),
    )


def _read_sensors(reader: _Reader, data: Any) -> SensorTable:
    one = reader.map(data, "name sensors", "limits thresholds")
    columns = reader.map(one["sensors"], "type exponent digits value status", "units")
    limits = _part(reader, one, "limits", LIMITS)
    thresholds = None
    if "thresholds" in one:
        those = reader.map(one["thresholds"], "severity relation value")
        thresholds = Thresholds(**{name: reader.oid(oid) for name, oid in those.items()})
    return SensorTable(
        reader.text(one["name"]),
        **{name: reader.oid(oid) for name, oid in columns.items()},
        limits={name: reader.oid(oid) for name, oid in limits.items()},
        thresholds=thresholds,
    )
