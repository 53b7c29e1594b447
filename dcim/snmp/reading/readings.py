"""What a device measures, read by its profile: power, current, temperature and the like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from dcim.snmp.reading.ports import PortReading, read_ports
from dcim.snmp.reading.profiles import (
    Catalogue,
    Column,
    Condition,
    Kind,
    LabelColumn,
    Profile,
    TableSpec,
    shipped_catalogue,
)
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid, Value, format_oid
from dcim.snmp.wire.engine import Engine, Table
from dcim.snmp.wire.target import Target

_PLACEHOLDER = re.compile(r"{(@-?\d+|[^}]+)}")
_HUNDREDTH = Decimal("0.01")
_BEYOND_ALL = Decimal(10) ** 24  # no house has it, and two decimals of it still fit a Decimal
# What agents send when a 32 or 64-bit register holds nothing: all ones, the largest, the smallest.
_NOTHING = frozenset(map(Decimal, (2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, 2**64 - 1)))


@dataclass(frozen=True)
class Reading:
    """One measured value in its unit; `kind` is the class (power, current, ...)."""

    kind: str
    oid: Oid
    label: str
    value: Decimal
    unit: str
    place: str

    def to_json(self) -> dict[str, Any]:
        number = int(self.value) if self.value == self.value.to_integral() else float(self.value)
        return {
            "class": self.kind,
            "oid": format_oid(self.oid),
            "label": self.label,
            "value": number,
            "unit": self.unit,
            "place": self.place,
        }


@dataclass(frozen=True)
class DeviceReading:
    """One poll of one device.

    `ports` are by name; a name that two ports share binds nothing and stands in `shared_names`.
    """

    uptime_ticks: int | None
    engine_time_s: int | None
    ports: dict[str, PortReading]
    readings: list[Reading]
    shared_names: frozenset[str] = field(default_factory=frozenset)


async def read_device(
    engine: Engine, target: Target, profile: Profile, catalogue: Catalogue | None = None
) -> DeviceReading:
    """Poll ports (if the profile has any) and readings once.

    `catalogue` is where the profile's includes are looked up: the shipped one unless given.
    """
    ports: dict[str, PortReading] = {}
    shared: set[str] = set()
    uptime = engine_time = None
    if profile.ports:
        interfaces = await read_ports(engine, target)
        uptime, engine_time = interfaces.uptime_ticks, interfaces.engine_time_s
        for port in interfaces.ports:
            if port.name in ports or port.name in shared:
                shared.add(port.name)
                ports.pop(port.name, None)
            else:
                ports[port.name] = port
    readings = await read_readings(
        engine, target, (catalogue or shipped_catalogue()).tables(profile)
    )
    return DeviceReading(uptime, engine_time, ports, readings, frozenset(shared))


async def read_readings(
    engine: Engine, target: Target, tables: Sequence[TableSpec]
) -> list[Reading]:
    """Read the tables of a profile; what means "no reading" is left out."""
    wanted: dict[Oid, None] = {}
    for spec in tables:
        wanted.update(dict.fromkeys(column.oid for column in spec.columns))
        wanted.update(dict.fromkeys(label.oid for label in spec.labels.values()))
    if not wanted:
        return []
    answered = await engine.table(target, list(wanted))
    return interpret(answered, tables)


def interpret(answered: Table, tables: Sequence[TableSpec]) -> list[Reading]:
    """Turn raw columns into readings; pure."""
    readings: dict[Oid, Reading] = {}
    given: set[tuple[str, str]] = set()
    for rank in sorted({spec.rank for spec in tables}):
        found = [
            reading
            for spec in tables
            if spec.rank == rank
            for column in spec.columns
            for reading in _column_readings(answered, spec, column)
        ]
        for reading in found:
            if not rank or (reading.kind, reading.place) not in given:
                readings.setdefault(reading.oid, reading)
        given |= {(reading.kind, reading.place) for reading in found}
    return list(readings.values())


def _column_readings(answered: Table, spec: TableSpec, column: Column) -> list[Reading]:
    found = []
    for index, value in answered[column.oid].items():
        labels = {
            name: _label(answered[source.oid].get(_index(source, index)))
            for name, source in spec.labels.items()
        }
        if not all(_holds(condition, labels) for condition in column.where):
            continue
        kind = _kind(column, index, labels)
        number = _number(value)
        if kind is None or number is None or number in _NOTHING or number in column.sentinels:
            continue
        measured, unit = _measure(column, kind, number, labels)
        if measured is None or _implausible(column, kind, measured):
            continue
        said = {name: spec.labels[name].words.get(text, text) for name, text in labels.items()}
        label = _compose(column.label, index, said)
        place = next((place for rule, place in column.places if rule.search(label)), column.place)
        if place == "transceiver" and kind.name in ("power", "current"):
            continue  # laser bias and light are nobody's rack power
        found.append(Reading(kind.name, (*column.oid, *index), label, measured, unit, place))
    return found


def _index(source: LabelColumn, index: Oid) -> Oid:
    return (0,) if source.scalar else index[: len(index) - source.drop]


def _label(value: Value | None) -> str:
    if value is None:
        return ""
    return clean_text(value) if value.octets is not None else str(value.number or 0)


def _holds(condition: Condition, labels: dict[str, str]) -> bool:
    return (labels[condition.label] in condition.values) is not condition.negated


def _kind(column: Column, index: Oid, labels: dict[str, str]) -> Kind | None:
    if column.kind:
        return column.kind
    if column.kinds_by.startswith("@"):
        arc = _arc(column.kinds_by, index)
        return column.kinds.get(arc)
    return column.kinds.get(labels[column.kinds_by])


def _arc(name: str, index: Oid) -> str:
    """Return the arc of an index that `@0`, `@1`, `@-1` ... names, or nothing."""
    position = int(name[1:])
    return str(index[position]) if -len(index) <= position < len(index) else ""


def _number(value: Value) -> Decimal | None:
    """Read a number, also from agents that send it as text."""
    if value.number is not None:
        number = Decimal(str(value.number))
        return number if number.is_finite() else None
    words = clean_text(value)
    return Decimal(words) if re.fullmatch(r"-?\d{1,18}(\.\d{1,9})?", words) else None


def _measure(
    column: Column, kind: Kind, number: Decimal, labels: dict[str, str]
) -> tuple[Decimal | None, str]:
    scale = kind.scale
    if column.above and number > column.above[0]:
        scale = column.above[1]
    measured = number * scale
    if column.digits:
        digits = labels[column.digits]
        if not re.fullmatch(r"-?\d", digits):
            return None, kind.unit
        # RFC 3433: a negative precision counts accurate digits, it doesn't move the point.
        measured = measured.scaleb(-max(int(digits), 0))
    if column.exponent:
        step = labels[column.exponent]
        if not re.fullmatch(r"\d{1,2}", step) or not 1 <= int(step) <= 17:
            return None, kind.unit
        measured = measured.scaleb(3 * (int(step) - 9))  # 9 is units, 8 milli, 10 kilo
    if abs(measured) > _BEYOND_ALL:
        return None, kind.unit
    unit = kind.unit
    if unit == "°F" or (column.fahrenheit and _holds(column.fahrenheit, labels)):
        measured, unit = ((measured - 32) * 5 / 9).quantize(_HUNDREDTH), "°C"
    elif unit == "K":
        measured, unit = measured - Decimal("273.15"), "°C"
    elif unit == "s":
        measured, unit = (measured / 60).quantize(_HUNDREDTH), "min"
    return measured.normalize(), unit


def _implausible(column: Column, kind: Kind, measured: Decimal) -> bool:
    if kind.name == "humidity" and not 0 <= measured <= 100:
        return True  # a probe that's away, whatever its family says instead of a value
    return (column.low is not None and measured < column.low) or (
        column.high is not None and measured > column.high
    )


def _compose(template: str, index: Oid, labels: dict[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        name = found[1]
        return _arc(name, index) if name.startswith("@") else labels[name]

    return " ".join(_PLACEHOLDER.sub(part, template).split())
