"""Pure: which of a device's objects tell of the optics of which port.

Finding that out takes ENTITY-MIB and what the family has beside its values; it holds until modules
are plugged in or out. With the plan only the values are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from dcim.snmp.reading.optic_specs import MODULE, OpticSpec, OpticTable, SensorTable
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid, Value

Said = Mapping[Oid, Mapping[Oid, Value]]

_ENTITY: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)  # ENTITY-MIB entPhysicalEntry (RFC 6933)
DESCR, WITHIN, CLASS, NAME = (*_ENTITY, 2), (*_ENTITY, 4), (*_ENTITY, 5), (*_ENTITY, 7)
SERIAL, VENDOR, PART = (*_ENTITY, 11), (*_ENTITY, 12), (*_ENTITY, 13)
ALIAS: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)  # entAliasMappingIdentifier
ENTITY_COLUMNS = (DESCR, WITHIN, CLASS, NAME, SERIAL, VENDOR, PART, ALIAS)
_IF_INDEX: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
# PhysicalClass: where going up from a sensor ends, and what a module may be.
_CHASSIS, _MODULES, _PORT = frozenset((3, 4, 11)), frozenset((5, 9, 10)), 10
_DEEPEST = 8
MOST_LANES = 16

# EntitySensorDataType (RFC 3433); CISCO-ENTITY-SENSOR-MIB and others go on with dBm.
_VOLTS, _AMPERES, _WATTS, _CELSIUS, _DBM = frozenset(("3", "4")), "5", "6", "8", "14"
_OTHER = frozenset(("1", "2"))
# EntitySensorThresholdRelation of CISCO-ENTITY-SENSOR-MIB: below, above.
_SIDES = {"1": "low", "2": "low", "3": "high", "4": "high"}
_LANE = re.compile(r"\b(?:lane|channel)\s*(\d{1,2})\b", re.IGNORECASE)
_LIGHT = re.compile(r"power|light|optical|\bdBm\b", re.IGNORECASE)
_RX = re.compile(r"\brx\b|receiv|\binput\b", re.IGNORECASE)
_TX = re.compile(r"\btx\b|transmit|\boutput\b", re.IGNORECASE)
_BIAS = re.compile(r"bias|laser", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """An instance that tells a quantity of a lane; 0 is the module itself.

    raw × scale = value in `unit`. `status` is the column of EntitySensorStatus, if there is one.
    """

    column: Oid
    index: Oid
    quantity: str
    lane: int
    unit: str
    scale: Decimal
    sentinels: frozenset[Decimal] = frozenset()
    lanes: bool = False
    status: Oid | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold of a quantity as it was read, still to be turned into what is stored."""

    quantity: str
    limit: str
    raw: Value
    unit: str
    scale: Decimal
    sentinels: frozenset[Decimal] = frozenset()


@dataclass(slots=True)
class ModulePlan:
    """A port's transceiver: the port by ifIndex, or by its name where only that is told."""

    port: int | str
    sources: list[Source] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpticPlan:
    """`columns` are to be read; as long as `rows` of them are there, and the ports it knows by
    ifIndex are called as they were, the plan holds.

    `told` are the ports that had something to tell when it was made: on some devices a row stays
    when its module is pulled out.
    """

    modules: tuple[ModulePlan, ...]
    columns: tuple[Oid, ...]
    rows: frozenset[tuple[Oid, Oid]]
    names: Mapping[int, str]
    told: frozenset[str] = frozenset()

    def holds(self, said: Said, names: Mapping[int, str]) -> bool:
        called = all(names.get(index) == name for index, name in self.names.items())
        return called and count_rows(said, self.columns) == self.rows


def plan_columns(specs: Sequence[OpticSpec]) -> list[Oid]:
    """All that a plan is made of, and the values with it."""
    found: dict[Oid, None] = {}
    for spec in specs:
        if isinstance(spec, SensorTable):
            found |= dict.fromkeys(ENTITY_COLUMNS)
            own = (spec.type, spec.exponent, spec.digits, spec.value, spec.status)
            found |= dict.fromkeys((*own, *spec.limits.values()))
            if spec.units is not None:
                found[spec.units] = None
            if spec.thresholds is not None:
                those = spec.thresholds
                found |= dict.fromkeys((those.severity, those.relation, those.value))
        else:
            if spec.by == "entity":
                found |= dict.fromkeys(ENTITY_COLUMNS)
            if spec.port is not None:
                found[spec.port] = None
            columns = (*spec.values.values(), *spec.limits.values())
            found |= dict.fromkeys(column.oid for column in columns)
            found |= dict.fromkeys(spec.module.values())
    return list(found)


def plan_optics(said: Said, specs: Sequence[OpticSpec], names: Mapping[int, str]) -> OpticPlan:
    """`names` are those of the device's ports (ifName) by ifIndex."""
    entities = _Entities(said, frozenset(names.values()))
    modules: dict[int | str, ModulePlan] = {}
    for spec in specs:
        if isinstance(spec, SensorTable):
            _plan_sensors(said, spec, entities, modules)
        else:
            _plan_table(said, spec, entities, modules)
    # Something with a temperature and no light is no optics, whatever port it is at.
    found = tuple(
        plan
        for plan in modules.values()
        if any(source.quantity in ("rx", "tx", "bias") for source in plan.sources)
    )
    for plan in found:
        plan.sources = _count_from_one(plan.sources)
    sources = [source for plan in found for source in plan.sources]
    columns = dict.fromkeys(source.column for source in sources)
    columns |= dict.fromkeys(source.status for source in sources if source.status is not None)
    called = {
        plan.port: names[plan.port]
        for plan in found
        if isinstance(plan.port, int) and plan.port in names
    }
    return OpticPlan(found, tuple(columns), count_rows(said, columns), called)


def _count_from_one(sources: list[Source]) -> list[Source]:
    """Number lanes from 1, of a device that counts them from 0 as well."""
    lanes = {source.lane for source in sources if source.lane}
    more = 0 if 1 in lanes else 1
    return [replace(one, lane=one.lane - more) if one.lane else one for one in sources]


def count_rows(said: Said, columns: Iterable[Oid]) -> frozenset[tuple[Oid, Oid]]:
    return frozenset((column, index) for column in columns for index in said.get(column, ()))


def _plan_table(
    said: Said, spec: OpticTable, entities: _Entities, modules: dict[int | str, ModulePlan]
) -> None:
    for index in sorted({i for column in spec.values.values() for i in said.get(column.oid, ())}):
        port: int | str | None
        if spec.by == "entity":
            port = entities.port_of(index[-1])
        elif spec.port is not None:
            port = clean_text(said.get(spec.port, {}).get(index)) or None
        else:
            port = index[-1]
        if port is None:
            continue
        plan = modules.setdefault(port, ModulePlan(port))
        told = {source.quantity for source in plan.sources}
        for quantity, column in spec.values.items():
            value = said.get(column.oid, {}).get(index)
            # A column that has nothing at this row leaves the quantity to the next table.
            if quantity in told or value is None or (column.lanes and not clean_text(value)):
                continue
            plan.sources.append(
                Source(
                    column.oid, index, quantity, 0, column.unit, column.scale, column.sentinels,
                    lanes=column.lanes,
                )
            )  # fmt: skip
        for (quantity, name), column in spec.limits.items():
            value = said.get(column.oid, {}).get(index)
            if value is not None:
                plan.limits.append(
                    Limit(quantity, name, value, column.unit, column.scale, column.sentinels)
                )
        for word, oid in spec.module.items():
            plan.words.setdefault(word, clean_text(said.get(oid, {}).get(index)))


def _plan_sensors(
    said: Said, spec: SensorTable, entities: _Entities, modules: dict[int | str, ModulePlan]
) -> None:
    thresholds = _read_thresholds(said, spec)
    for index in sorted(said.get(spec.value, ())):
        if len(index) != 1:
            continue
        number = index[0]
        unit_text = "" if spec.units is None else clean_text(said.get(spec.units, {}).get(index))
        what = _quantity_of(_number_text(said, spec.type, index), unit_text, entities.call(number))
        scale = _scale_of(said, spec, index)
        port = None if what is None or scale is None else entities.port_of(number)
        if what is None or scale is None or port is None:
            continue
        quantity, unit = what
        plan = modules.setdefault(port, ModulePlan(port))
        lane = entities.lane_of(number)
        if lane > MOST_LANES:
            continue
        plan.sources.append(
            Source(spec.value, index, quantity, lane, unit, scale, status=spec.status)
        )
        limits = [(name, said.get(oid, {}).get(index)) for name, oid in spec.limits.items()]
        for name, value in (*limits, *thresholds.get(number, ())):
            if value is not None:
                plan.limits.append(Limit(quantity, name, value, unit, scale))
        for word, text in entities.module_of(number).items():
            plan.words.setdefault(word, text)


def _quantity_of(kind: str, units: str, words: str) -> tuple[str, str] | None:
    """What a sensor measures and in which unit; None unless optics have such a thing."""
    if kind in _VOLTS:
        return "voltage", "V"
    if kind == _CELSIUS:
        return "temperature", "°C"
    if kind == _AMPERES:
        return ("bias", "A") if _BIAS.search(words) else None
    unit = "W" if kind == _WATTS else "dBm"
    if kind not in (_WATTS, _DBM) and not (kind in _OTHER and units.lower() == "dbm"):
        return None
    receives, sends = bool(_RX.search(words)), bool(_TX.search(words))
    if receives is sends or not _LIGHT.search(words):
        return None
    return "rx" if receives else "tx", unit


def _scale_of(said: Said, spec: SensorTable, index: Oid) -> Decimal | None:
    """EntitySensorDataScale and Precision as one factor; None where they say nothing sound."""
    step, digits = (_number_text(said, oid, index) for oid in (spec.exponent, spec.digits))
    if not re.fullmatch(r"\d{1,2}", step) or not 1 <= int(step) <= 17:
        return None
    if not re.fullmatch(r"-?\d", digits):
        return None
    # 9 is units, 8 milli; a negative precision counts accurate digits, it doesn't move the point.
    return Decimal(1).scaleb(3 * (int(step) - 9) - max(int(digits), 0))


def _read_thresholds(said: Said, spec: SensorTable) -> dict[int, list[tuple[str, Value]]]:
    """By sensor. Severity 10 is minor, more is worse; what isn't told, or is equality, is none."""
    found: dict[int, list[tuple[str, Value]]] = {}
    if spec.thresholds is None:
        return found
    for index, value in said.get(spec.thresholds.value, {}).items():
        severity = _number_text(said, spec.thresholds.severity, index)
        relation = _number_text(said, spec.thresholds.relation, index)
        side = _SIDES.get(relation)
        if len(index) != 2 or severity not in ("10", "20", "30") or side is None:
            continue
        name = f"{side}_{'warning' if severity == '10' else 'alarm'}"
        found.setdefault(index[0], []).append((name, value))
    return found


def _number_text(said: Said, column: Oid, index: Oid) -> str:
    value = said.get(column, {}).get(index)
    return "" if value is None or not isinstance(value.data, int) else str(value.data)


@dataclass(slots=True)
class _Entities:
    """ENTITY-MIB as one device tells it: believed to be neither whole nor free of circles."""

    said: Said
    names: frozenset[str]
    aliases: dict[int, set[int]] = field(default_factory=dict)
    # What each is called, the ports it names, its lane: read once, however many lie in it.
    _called: dict[int, str] = field(default_factory=dict)
    _naming: dict[int, frozenset[str]] = field(default_factory=dict)
    _lanes: dict[int, int] = field(default_factory=dict)
    _modules: dict[int, dict[str, str] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, value in self.said.get(ALIAS, {}).items():
            oid = value.data
            if isinstance(oid, tuple) and oid[:-1] == _IF_INDEX and index:
                self.aliases.setdefault(index[0], set()).add(oid[-1])

    def _text(self, column: Oid, number: int) -> str:
        return clean_text(self.said.get(column, {}).get((number,)))

    def _number(self, column: Oid, number: int) -> int:
        value = self.said.get(column, {}).get((number,))
        return value.data if value is not None and isinstance(value.data, int) else 0

    def call(self, number: int) -> str:
        """Its name and description."""
        if (known := self._called.get(number)) is not None:
            return known
        name, descr = self._text(NAME, number), self._text(DESCR, number)
        called = name if descr in name else f"{name} {descr}".strip()
        self._called[number] = called
        return called

    def _upward(self, number: int) -> list[int]:
        """The entity and what it lies in, up to the port's own, never the chassis."""
        found: list[int] = []
        while number and len(found) < _DEEPEST:  # a circle ends there, too
            kind = self._number(CLASS, number)
            if kind in _CHASSIS:
                break
            found.append(number)
            if kind == _PORT:
                break
            number = self._number(WITHIN, number)
        return found

    def port_of(self, number: int) -> int | str | None:
        """The ifIndex by entAliasMappingTable, else the only port that a name up there names."""
        way = self._upward(number)
        for each in way:
            pointed = self.aliases.get(each, set())
            if len(pointed) == 1:
                return next(iter(pointed))
        for each in way:
            if len(named := self._names_in(each)) == 1:
                return next(iter(named))
        return None

    def _names_in(self, number: int) -> frozenset[str]:
        if (known := self._naming.get(number)) is not None:
            return known
        words = re.split(r"[\s,:;()\[\]]+", self.call(number))
        named = frozenset(word for word in words if word in self.names and _is_port_name(word))
        self._naming[number] = named
        return named

    def lane_of(self, number: int) -> int:
        """One more than its number there, as some count from 0; 0 is no lane."""
        for each in self._upward(number):
            if each not in self._lanes:
                found = _LANE.search(self.call(each))
                self._lanes[each] = int(found[1]) + 1 if found else 0
            if self._lanes[each]:
                return self._lanes[each]
        return 0

    def module_of(self, number: int) -> dict[str, str]:
        """Vendor, part and serial of the nearest thing that a sensor, or its lane, lies in."""
        for each in self._upward(number):
            if each not in self._modules:
                self._modules[each] = self._module(each)
            if (module := self._modules[each]) is not None:
                return module
        return {}

    def _module(self, number: int) -> dict[str, str] | None:
        if self._number(CLASS, number) not in _MODULES or _LANE.match(self.call(number)):
            return None
        texts = (self._text(column, number) for column in (VENDOR, PART, SERIAL))
        return dict(zip(MODULE, texts, strict=True))


def _is_port_name(word: str) -> bool:
    """A port named "1" would be found in any text."""
    return len(word) >= 3 and any(mark.isdigit() for mark in word)
