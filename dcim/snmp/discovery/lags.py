"""Members of link aggregation groups as a device tells them: ifStackTable of IF-MIB (RFC 2863) and
dot3adAggPortTable of IEEE8023-LAG-MIB (IEEE 802.1AX, annex D)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dcim.snmp.reading.ports import PortReading
from dcim.snmp.wire.ber import Oid
from dcim.snmp.wire.engine import Engine, Table
from dcim.snmp.wire.if_mib import STACK_STATUS, TYPE
from dcim.snmp.wire.target import Target

_AGG_PORT: Oid = (1, 2, 840, 10006, 300, 43, 1, 2, 1, 1)  # dot3adAggPortEntry, by ifIndex
SELECTED_AGG, ATTACHED_AGG = (*_AGG_PORT, 12), (*_AGG_PORT, 13)

# IANAifType-MIB.
_LAG, _VIRTUAL = 161, (1, 53)  # ieee8023adLag; other, propVirtual
_PHYSICAL = frozenset((6, 62, 69, 117))  # Ethernet under its present and former names
_ACTIVE = 1  # RowStatus
# What vendors call a LAG: Huawei, Cisco, Arista, Ruijie, Juniper, H3C, ZTE, IOS XR, Linux, HPE.
# Some give it the type of anything virtual.
_LAG_NAME = re.compile(
    r"(eth-trunk|port-?channel|po|ag|aggregateport|ae|(bridge|route)-aggregation|bagg|ragg|smartgroup"
    r"|bundle-ether|be|bond|trk|lag|link-?aggregation)[ _-]?\d+(\.\d+)?",
    re.IGNORECASE,
)
# No chassis has more ports; who tells of more makes them up.
MOST_MEMBERS = 4_096


@dataclass(frozen=True, slots=True)
class ToldMember:
    """`port` is in `lag`, both by ifName. Not attached: LACP is run there and left it out."""

    lag: str
    port: str
    is_attached: bool


async def read_members(
    engine: Engine, target: Target, ports: Sequence[PortReading]
) -> list[ToldMember] | None:
    """None where the device says nothing of how its interfaces are layered. Raises as
    `dcim.snmp.wire.faults`.

    `ports` are the device's own, read just before.
    """
    table = await engine.table(target, (TYPE, STACK_STATUS, SELECTED_AGG, ATTACHED_AGG))
    return interpret(table, ports, engine.drops)


def interpret(
    table: Table, ports: Sequence[PortReading], drops: Counter[str]
) -> list[ToldMember] | None:
    """Turn the raw columns into members; pure but for the counts."""
    if not any(table[column] for column in (STACK_STATUS, SELECTED_AGG, ATTACHED_AGG)):
        return None
    device = _Device(table, ports)
    attached, selected = _numbers(table, ATTACHED_AGG), _numbers(table, SELECTED_AGG)
    runs_lacp = {device.lag_of(number) for number in attached.values()} - {None}
    found: dict[int, tuple[int, bool]] = {}
    # By LACP first: it says of one port one LAG.
    for index in attached.keys() | selected.keys():
        lag = device.lag_of(attached.get(index) or selected.get(index))
        if lag is not None and lag != index and index in device.names:
            found[index] = (lag, attached.get(index) != 0)
    for unit in sorted(device.lags):
        lag = device.lag_of(unit)
        for index in device.walk_down(unit):
            if lag is None or index == lag:
                continue
            left_out = attached.get(index) == 0 and lag in runs_lacp
            held, _ = found.setdefault(index, (lag, not left_out))
            if held != lag:
                drops["lag_twice"] += 1
    members = [
        ToldMember(device.names[lag], device.names[index], is_attached)
        for index, (lag, is_attached) in sorted(found.items())
        if device.names[lag] != device.names[index]
    ]
    if len(members) > MOST_MEMBERS:
        drops["lag_too_many"] += len(members) - MOST_MEMBERS
    return members[:MOST_MEMBERS]


class _Device:
    """The interfaces by ifIndex, and which lies over which."""

    def __init__(self, table: Table, ports: Sequence[PortReading]) -> None:
        self.names = {port.if_index: port.name for port in ports if port.name}
        self._types = _numbers(table, TYPE)
        self._indexes = {name: index for index, name in self.names.items()}
        self._lower: dict[int, set[int]] = {}
        for row, value in table[STACK_STATUS].items():
            if len(row) == 2 and value.number == _ACTIVE and self.names.keys() >= set(row):
                self._lower.setdefault(row[0], set()).add(row[1])
        self.lags = {index for index in self.names if self._is_lag(index)}

    def _is_lag(self, index: int) -> bool:
        kind = self._types.get(index)
        if kind == _LAG:
            return True
        return kind in _VIRTUAL and _LAG_NAME.fullmatch(self.names[index]) is not None

    def lag_of(self, index: int | None) -> int | None:
        """The LAG itself, of one of its units too (`ae0` of `ae0.0`); None for what is no LAG."""
        if index not in self.lags:
            return None
        below = [lower for lower in sorted(self._lower.get(index, ())) if lower in self.lags]
        parent = self._parent(index)
        if parent in self.lags:
            below.append(parent)
        return below[0] if below else index

    def walk_down(self, unit: int) -> Iterator[int]:
        """The ports beneath, through their units: `xe-0/0/1` of `xe-0/0/1.0`."""
        waiting, seen = sorted(self._lower.get(unit, ())), {unit}
        for index in waiting:  # grows while it is gone through
            if index in seen or index in self.lags:
                continue
            seen.add(index)
            below = sorted(self._lower.get(index, ()))
            parent = self._parent(index)
            if self._types.get(index) in _PHYSICAL or not (below or parent):
                yield index
            else:
                waiting += below or [parent or 0]

    def _parent(self, index: int) -> int | None:
        """What a unit is of by its name, where the table of layers doesn't say."""
        name, dot, number = self.names[index].rpartition(".")
        return self._indexes.get(name) if dot and number.isdecimal() else None


def _numbers(table: Table, column: Oid) -> Mapping[int, int]:
    return {
        index[0]: value.number
        for index, value in table[column].items()
        if len(index) == 1 and isinstance(value.number, int)
    }
