"""The MIB trees of the demo's devices, made of plain getters in W, V, A, kWh, °C and %.

A getter that returns None means "no reading": it is served the way the real family says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

from dcim.snmp.wire import ber, if_mib
from dcim.snmp.wire.ber import Oid, Value, parse_oid

Number = Callable[[], float | None]
Count = Callable[[], int]
Objects = dict[Oid, Value | Callable[[], Value | None]]

_ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)
APC_RPDU2_ID = "1.3.6.1.4.1.318.1.3.4.6"
UPS_ID = "1.3.6.1.2.1.33"
RARITAN_ID = "1.3.6.1.4.1.13742.6"
SENSOR_ID = "1.3.6.1.4.1.8072.3.2.10"  # Net-SNMP on Linux, as small sensor hubs answer
HUAWEI_SWITCH_ID = "1.3.6.1.4.1.2011.2.23.291"


@dataclass(frozen=True)
class Identity:
    """What an agent says in SNMPv2-MIB's system group; `uptime_ticks` in 1/100 s."""

    name: str
    descr: str
    object_id: str
    uptime_ticks: Count
    location: str = ""


def _always_up() -> int:
    return 1


@dataclass(frozen=True)
class SwitchPort:
    """One interface. Octets, errors and discards are running counters; states as IF-MIB: 1 up, 2
    down.

    `lag` is the index of the LAG that it is a member of."""

    index: int
    name: str
    speed_bps: int
    in_octets: Count
    out_octets: Count
    alias: str = ""
    oper: Count = _always_up
    admin: Count = _always_up
    in_errors: Count | None = None
    out_errors: Count | None = None
    in_discards: Count | None = None
    out_discards: Count | None = None
    lag: int | None = None


@dataclass(frozen=True)
class Outlet:
    number: int
    name: str
    amperes: Number
    watts: Number
    kwh: Number


@dataclass(frozen=True)
class Phase:
    """One phase of a PDU, or of a UPS's input or output."""

    volts: Number
    amperes: Number
    watts: Number


@dataclass(frozen=True)
class Branch:
    """One breaker of a panel; `closed` False when it has tripped or is switched off."""

    name: str
    amperes: Number
    watts: Number
    kwh: Number
    closed: Callable[[], bool]


@dataclass(frozen=True)
class Battery:
    """A UPS battery; `status` as upsBatteryStatus: 2 normal, 3 low, 4 depleted."""

    status: Count
    seconds_on_battery: Count
    minutes_remaining: Number
    charge_percent: Number
    volts: Number
    celsius: Number


@dataclass(frozen=True)
class Sensor:
    """One sensor of a hub: `kind` is `temperature` (°C) or `humidity` (%)."""

    name: str
    kind: str
    value: Number


def _scaled(
    getter: Number, factor: float, tag: int = ber.INTEGER, absent: int | None = -1
) -> Value | None:
    number = getter()
    if number is None:
        return None if absent is None else Value(tag, absent)
    return Value(tag, round(number * factor))


def _counted(getter: Count, tag: int, bits: int) -> Value:
    return Value(tag, getter() % (1 << bits))


def system_tree(who: Identity) -> Objects:
    """Build the system group and snmpEngineTime."""
    system: Oid = (1, 3, 6, 1, 2, 1, 1)
    return {
        (*system, 1, 0): ber.text(who.descr),
        (*system, 2, 0): ber.object_identifier(parse_oid(who.object_id)),
        (*system, 3, 0): partial(_counted, who.uptime_ticks, ber.TIMETICKS, 32),
        (*system, 4, 0): ber.text(""),
        (*system, 5, 0): ber.text(who.name),
        (*system, 6, 0): ber.text(who.location),
        (*system, 7, 0): ber.integer(72),
        (1, 3, 6, 1, 6, 3, 10, 2, 1, 3, 0): lambda: ber.integer(who.uptime_ticks() // 100),
    }


def switch_tree(who: Identity, ports: Sequence[SwitchPort]) -> Objects:
    """Build IF-MIB's ifTable and ifXTable, and with LAGs ifStackTable."""
    tree = system_tree(who)
    tree[(1, 3, 6, 1, 2, 1, 2, 1, 0)] = ber.integer(len(ports))
    lags = {port.lag for port in ports if port.lag is not None}
    for port in ports:
        tree.update(_interface(port))
        tree.update(_interface_extension(port))
        if port.index in lags:
            tree[(*if_mib.TYPE, port.index)] = ber.integer(161)  # ieee8023adLag
    if lags:
        tree.update(_stack(ports, lags))
    return tree


def _stack(ports: Sequence[SwitchPort], lags: Set[int]) -> Objects:
    """Which interface lies over which; 0 is nothing (RFC 2863)."""
    rows = {(port.lag or 0, port.index) for port in ports}
    rows |= {(port.index, 0) for port in ports if port.index not in lags}
    return {(*if_mib.STACK_STATUS, *row): ber.integer(1) for row in rows}


def _zero() -> int:
    return 0


def _interface(port: SwitchPort) -> Objects:
    base: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
    c32 = ber.COUNTER32
    columns: dict[int, Value | Callable[[], Value | None]] = {
        1: ber.integer(port.index),
        2: ber.text(port.name),
        3: ber.integer(6),
        4: ber.integer(1500),
        5: ber.gauge32(min(port.speed_bps, 2**32 - 1)),
        7: lambda: ber.integer(port.admin()),
        8: lambda: ber.integer(port.oper()),
        9: ber.timeticks(0),
        10: partial(_counted, port.in_octets, c32, 32),
        13: partial(_counted, port.in_discards or _zero, c32, 32),
        14: partial(_counted, port.in_errors or _zero, c32, 32),
        16: partial(_counted, port.out_octets, c32, 32),
        19: partial(_counted, port.out_discards or _zero, c32, 32),
        20: partial(_counted, port.out_errors or _zero, c32, 32),
    }
    return {(*base, column, port.index): value for column, value in columns.items()}


def _interface_extension(port: SwitchPort) -> Objects:
    base: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
    columns: dict[int, Value | Callable[[], Value | None]] = {
        1: ber.text(port.name),
        6: partial(_counted, port.in_octets, ber.COUNTER64, 64),
        10: partial(_counted, port.out_octets, ber.COUNTER64, 64),
        15: ber.gauge32(port.speed_bps // 1_000_000),
        18: ber.text(port.alias),
        19: ber.timeticks(0),
    }
    return {(*base, column, port.index): value for column, value in columns.items()}


def apc_rpdu2_tree(
    who: Identity,
    watts: Number,
    kwh: Number,
    phases: Sequence[Phase],
    outlets: Sequence[Outlet] = (),
    *,
    banks: Sequence[Number] = (),
    model: str = "AP8959EU3",
) -> Objects:
    """Build PowerNet-MIB's rPDU2 tables; `banks` are currents in A."""
    base: Oid = (*_ENTERPRISES, 318, 1, 1, 26)
    tree = system_tree(who)
    device: Oid = (*base, 4, 3, 1)
    tree[(*base, 2, 1, 8, 1)] = ber.text(model)
    tree[(*device, 1, 1)] = tree[(*device, 2, 1)] = ber.integer(1)
    tree[(*device, 3, 1)] = ber.text(who.name)
    tree[(*device, 4, 1)] = ber.integer(2)
    tree[(*device, 5, 1)] = partial(_scaled, watts, 0.1)  # hundredths of a kilowatt
    tree[(*device, 9, 1)] = partial(_scaled, kwh, 10)
    for number, phase in enumerate(phases, 1):
        row: Oid = (*base, 6, 3, 1)
        tree[(*row, 1, number)] = ber.integer(number)
        tree[(*row, 2, number)] = ber.integer(1)
        tree[(*row, 3, number)] = ber.integer(number)
        tree[(*row, 4, number)] = ber.integer(2)
        tree[(*row, 5, number)] = partial(_scaled, phase.amperes, 10)
        tree[(*row, 6, number)] = partial(_scaled, phase.volts, 1)
        tree[(*row, 7, number)] = partial(_scaled, phase.watts, 0.1)
    for number, amperes in enumerate(banks, 1):
        row = (*base, 8, 3, 1)
        tree[(*row, 1, number)] = ber.integer(number)
        tree[(*row, 2, number)] = ber.integer(1)
        tree[(*row, 3, number)] = ber.integer(number)
        tree[(*row, 5, number)] = partial(_scaled, amperes, 10)
    for at, outlet in enumerate(outlets, 1):
        row = (*base, 9, 4, 3, 1)
        tree[(*row, 1, at)] = ber.integer(at)
        tree[(*row, 2, at)] = ber.integer(1)
        tree[(*row, 3, at)] = ber.text(outlet.name)
        tree[(*row, 4, at)] = ber.integer(outlet.number)
        tree[(*row, 6, at)] = partial(_scaled, outlet.amperes, 10)
        tree[(*row, 7, at)] = partial(_scaled, outlet.watts, 1)
        tree[(*row, 11, at)] = partial(_scaled, outlet.kwh, 10)
    return tree


def ups_tree(
    who: Identity,
    battery: Battery,
    inputs: Sequence[Phase],
    outputs: Sequence[Phase],
    *,
    load_percent: Number,
    source: Count = lambda: 3,
) -> Objects:
    """Build UPS-MIB (RFC 1628); `source` as upsOutputSource: 3 normal, 4 bypass, 5 battery."""
    base: Oid = (1, 3, 6, 1, 2, 1, 33, 1)
    tree = system_tree(who)
    tree[(*base, 1, 1, 0)] = ber.text("Jifang")
    tree[(*base, 1, 2, 0)] = ber.text(who.descr)
    tree[(*base, 2, 1, 0)] = lambda: ber.integer(battery.status())
    tree[(*base, 2, 2, 0)] = lambda: ber.integer(battery.seconds_on_battery())
    for column, getter, factor in (
        (3, battery.minutes_remaining, 1),
        (4, battery.charge_percent, 1),
        (5, battery.volts, 10),
        (7, battery.celsius, 1),
    ):
        tree[(*base, 2, column, 0)] = partial(_scaled, getter, factor, absent=None)
    tree[(*base, 3, 2, 0)] = ber.integer(len(inputs))
    for line, phase in enumerate(inputs, 1):
        row: Oid = (*base, 3, 3, 1)
        tree[(*row, 2, line)] = ber.integer(500)
        tree[(*row, 3, line)] = partial(_scaled, phase.volts, 1, absent=None)
        tree[(*row, 4, line)] = partial(_scaled, phase.amperes, 10, absent=None)
        tree[(*row, 5, line)] = partial(_scaled, phase.watts, 1, absent=None)
    tree[(*base, 4, 1, 0)] = lambda: ber.integer(source())
    tree[(*base, 4, 2, 0)] = ber.integer(500)
    tree[(*base, 4, 3, 0)] = ber.integer(len(outputs))
    for line, phase in enumerate(outputs, 1):
        row = (*base, 4, 4, 1)
        tree[(*row, 2, line)] = partial(_scaled, phase.volts, 1, absent=None)
        tree[(*row, 3, line)] = partial(_scaled, phase.amperes, 10, absent=None)
        tree[(*row, 4, line)] = partial(_scaled, phase.watts, 1, absent=None)
        tree[(*row, 5, line)] = partial(_scaled, load_percent, 1, absent=None)
    return tree


# PDU2-MIB SensorTypeEnumeration and the decimal digits this meter reports with.
_RMS_CURRENT, _RMS_VOLTAGE, _ACTIVE_POWER, _ACTIVE_ENERGY, _TRIP = 1, 4, 5, 8, 15
_DIGITS = {_RMS_CURRENT: 3, _RMS_VOLTAGE: 1, _ACTIVE_POWER: 0, _ACTIVE_ENERGY: 0}
_TRIP_OPEN, _TRIP_CLOSED = 0, 1


def branch_meter_tree(
    who: Identity,
    volts: Number,
    watts: Number,
    kwh: Number,
    branches: Sequence[Branch],
    *,
    amperes: Number,
) -> Objects:
    """Build a panel's branch meter as PDU2-MIB: one inlet, one protector per branch."""
    config: Oid = (*_ENTERPRISES, 13742, 6, 3)
    tree = system_tree(who)
    tree[(*config, 3, 3, 1, 2, 1, 1)] = ber.text("I1")
    inlet = {
        _RMS_CURRENT: partial(_scaled, amperes, 1000, ber.GAUGE32, None),
        _RMS_VOLTAGE: partial(_scaled, volts, 10, ber.GAUGE32, None),
        _ACTIVE_POWER: partial(_scaled, watts, 1, ber.GAUGE32, None),
        _ACTIVE_ENERGY: partial(_scaled, kwh, 1000, ber.GAUGE32, None),
    }
    tree.update(_raritan_sensors((3, 4), (2, 3), (1, 1), inlet))
    for number, branch in enumerate(branches, 1):
        tree[(*config, 4, 3, 1, 2, 1, number)] = ber.text(f"B{number}")
        tree[(*config, 4, 3, 1, 3, 1, number)] = ber.text(branch.name)
        measured = {
            _RMS_CURRENT: partial(_scaled, branch.amperes, 1000, ber.GAUGE32, None),
            _ACTIVE_POWER: partial(_scaled, branch.watts, 1, ber.GAUGE32, None),
            _ACTIVE_ENERGY: partial(_scaled, branch.kwh, 1000, ber.GAUGE32, None),
        }
        tree.update(_raritan_sensors((4, 4), (3, 3), (1, number), measured))
        state: Oid = (*_ENTERPRISES, 13742, 6, 5, 3, 3, 1, 3, 1, number, _TRIP)
        tree[state] = partial(_trip_state, branch)
    return tree


def _trip_state(branch: Branch) -> Value:
    return ber.integer(_TRIP_CLOSED if branch.closed() else _TRIP_OPEN)


def _raritan_sensors(
    config: tuple[int, int],
    measurements: tuple[int, int],
    index: tuple[int, int],
    sensors: Mapping[int, Callable[[], Value | None]],
) -> Objects:
    root: Oid = (*_ENTERPRISES, 13742, 6)
    tree: Objects = {}
    for kind, value in sensors.items():
        tree[(*root, 3, *config, 1, 7, *index, kind)] = ber.gauge32(_DIGITS[kind])
        tree[(*root, 5, *measurements, 1, 2, *index, kind)] = ber.integer(1)
        tree[(*root, 5, *measurements, 1, 4, *index, kind)] = value
    return tree


def temperature_tree(who: Identity, sensors: Sequence[Sensor]) -> Objects:
    """Build ENTITY-SENSOR-MIB with names in ENTITY-MIB; tenths of a degree or per cent."""
    entity: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
    base: Oid = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1)
    tree = system_tree(who)
    for at, sensor in enumerate(sensors, 1):
        tree[(*entity, 2, at)] = ber.text(f"{sensor.kind} probe")
        tree[(*entity, 5, at)] = ber.integer(8)  # PhysicalClass sensor
        tree[(*entity, 7, at)] = ber.text(sensor.name)
        tree[(*base, 1, at)] = ber.integer({"temperature": 8, "humidity": 9}[sensor.kind])
        tree[(*base, 2, at)] = ber.integer(9)  # units
        tree[(*base, 3, at)] = ber.integer(1)
        tree[(*base, 4, at)] = partial(_scaled, sensor.value, 10, absent=0)
        tree[(*base, 5, at)] = partial(_sensor_status, sensor)
    return tree


def _sensor_status(sensor: Sensor) -> Value:
    return ber.integer(2 if sensor.value() is None else 1)  # unavailable or ok
