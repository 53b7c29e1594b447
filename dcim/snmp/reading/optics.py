"""What a device's transceivers say: light in and out, bias, temperature, voltage, lane by lane."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Decimal

from dcim.metering.families import NO_LIGHT, NO_OPTICS, OPTICS
from dcim.snmp.reading.optic_plan import (
    MOST_LANES,
    ModulePlan,
    OpticPlan,
    Said,
    Source,
    plan_columns,
    plan_optics,
)
from dcim.snmp.reading.optic_specs import OpticSpec
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Value
from dcim.snmp.wire.engine import Engine
from dcim.snmp.wire.target import Target

COLUMN_OF = dict(zip(("rx", "tx", "bias", "temperature", "voltage"), OPTICS.columns, strict=True))
# What a module can have at all, in what is stored; beyond it is no reading but a register.
_POSSIBLE = {
    "rx": (NO_LIGHT, 30_000),
    "tx": (NO_LIGHT, 30_000),
    "bias": (0, 2_000_000),
    "temperature": (-100_000, 200_000),
    "voltage": (1, 50_000),
}
_THOUSANDTHS = {"A": Decimal(10) ** 6, "°C": Decimal(1000), "V": Decimal(1000)}
# RFC 3433: a value that doesn't fit is the largest or the smallest there is.
_LEAST, _MOST = Decimal(-1_000_000_000), Decimal(1_000_000_000)
_FULL = frozenset(map(Decimal, (2**31 - 1, -(2**31), 2**32 - 1)))
_UNAVAILABLE = frozenset((2, 3))  # EntitySensorStatus: unavailable, nonoperational


@dataclass(frozen=True, slots=True)
class Transceiver:
    """A port's module at one reading.

    `lanes` are the columns of family `optics`, lane 1 first; `limits` by quantity and by
    `optic_specs.LIMITS`, in the same units. Texts are empty where the device doesn't tell.
    """

    port: str
    lanes: tuple[Mapping[str, int], ...]
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    vendor: str = ""
    part: str = ""
    serial: str = ""


async def read_optics(
    engine: Engine,
    target: Target,
    specs: Sequence[OpticSpec],
    names: Mapping[int, str],
    plan: OpticPlan | None = None,
) -> tuple[list[Transceiver], OpticPlan]:
    """Read all ports' optics by the plan of an earlier reading, or by a new one where that no
    longer fits. `names` are the ports' (ifName) by ifIndex.
    """
    if plan is not None:
        said = await engine.table(target, plan.columns)
        if plan.holds(said, names):
            found = gather_optics(said, plan, names)
            if plan.told == {one.port for one in found}:
                return found, plan
    said = await engine.table(target, plan_columns(specs))
    plan = plan_optics(said, specs, names)
    found = gather_optics(said, plan, names)
    return found, replace(plan, told=frozenset(one.port for one in found))


def gather_optics(said: Said, plan: OpticPlan, names: Mapping[int, str]) -> list[Transceiver]:
    """Turn what was said into transceivers; those that say nothing at all are left out. Pure."""
    known = set(names.values())
    found: dict[str, Transceiver] = {}
    for module in plan.modules:
        port = names.get(module.port, "") if isinstance(module.port, int) else module.port
        lanes = _gather_lanes(said, module)
        if port in known and port not in found and lanes:
            found[port] = Transceiver(port, lanes, _gather_limits(module), **module.words)
    return list(found.values())


def _gather_lanes(said: Said, module: ModulePlan) -> tuple[Mapping[str, int], ...]:
    lanes: dict[int, dict[str, int]] = {}
    raws: list[Decimal] = []
    for source in module.sources:
        for lane, raw in _raw_numbers(said, source):
            stored = store_value(source.quantity, raw, source.unit, source.scale, source.sentinels)
            if stored is not None:
                raws.append(raw)
                lanes.setdefault(lane, {}).setdefault(COLUMN_OF[source.quantity], stored)
    # A row of zeros is a module without diagnostics, or a port without a module.
    if not any(raws):
        return ()
    last = max(lanes)
    return tuple({**NO_OPTICS, **lanes.get(lane, {})} for lane in range(1, last + 1))


def _raw_numbers(said: Said, source: Source) -> Iterable[tuple[int, Decimal]]:
    """(lane, raw) of what a source says now; what is of the module stands with lane 1."""
    value = said.get(source.column, {}).get(source.index)
    if value is None:
        return
    if source.status is not None:
        status = said.get(source.status, {}).get(source.index)
        if status is not None and status.data in _UNAVAILABLE:
            return
    if source.lanes:
        for lane, text in enumerate(clean_text(value).split(",")[:MOST_LANES], start=1):
            number = _number(text.strip())
            if number is not None:
                yield lane, number
        return
    number = _number_of(value)
    if number is not None:
        yield source.lane or 1, number


def _number_of(value: Value) -> Decimal | None:
    if value.number is not None:
        number = Decimal(str(value.number))
        return number if number.is_finite() else None
    return _number(clean_text(value))


def _number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"-?\d{1,18}(\.\d{1,9})?", text, re.ASCII) else None


def store_value(
    quantity: str,
    raw: Decimal,
    unit: str,
    scale: Decimal,
    sentinels: frozenset[Decimal] = frozenset(),
) -> int | None:
    """A raw value as it is stored; None for what can't be a reading.

    No light isn't nothing: no power at all, a level at or below what a receiver can tell, and the
    least that ENTITY-SENSOR-MIB can say are all NO_LIGHT.
    """
    if raw in sentinels or raw in _FULL or raw >= _MOST:
        return None
    light = quantity in ("rx", "tx")
    if raw <= _LEAST:
        return NO_LIGHT if light else None
    if light and unit == "dBm" and not raw and scale <= Decimal("0.001"):
        return None  # exactly 0.000 dBm: NX-OS says so of what it hasn't read
    measured = raw * scale
    if light and unit == "W":
        if measured <= 0:
            return NO_LIGHT if not measured else None
        measured = 10 * (measured * 1000).log10()
    factor = Decimal(1000) if light else _THOUSANDTHS[unit]
    stored = int((measured * factor).to_integral_value(ROUND_HALF_EVEN))
    low, high = _POSSIBLE[quantity]
    if light and stored < low:
        return NO_LIGHT
    return stored if low <= stored <= high else None


def _gather_limits(module: ModulePlan) -> dict[str, dict[str, int]]:
    """The thresholds that say something: of lanes the first one's; a quantity with none is out."""
    found: dict[str, dict[str, int]] = {}
    for limit in module.limits:
        raw = _number_of(limit.raw)
        if raw is None or abs(raw) >= _MOST:
            continue
        stored = store_value(limit.quantity, raw, limit.unit, limit.scale, limit.sentinels)
        if stored is None and not raw and limit.quantity in ("rx", "tx"):
            stored = 0  # a threshold of 0 dBm is one
        if stored is not None and not (limit.quantity in ("rx", "tx") and stored == NO_LIGHT):
            found.setdefault(limit.quantity, {}).setdefault(limit.limit, stored)
    # All alike, or low above high: a table that was never filled in.
    return {quantity: limits for quantity, limits in found.items() if _are_sound(limits)}


def _are_sound(limits: Mapping[str, int]) -> bool:
    order = [
        limits[name]
        for name in ("low_alarm", "low_warning", "high_warning", "high_alarm")
        if name in limits
    ]
    return order == sorted(order) and (len(order) == 1 or order[0] < order[-1])
