"""The optics of the demo's switches, as HUAWEI-ENTITY-EXTENT-MIB and ENTITY-MIB have them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dcim.demo.trees import Number, Objects
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Value

_OPTICS: Oid = (1, 3, 6, 1, 4, 1, 2011, 5, 25, 31, 1, 1, 3, 1)
_ENTITY: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
_ALIAS: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)
_IF_INDEX: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
# Entities of ports lie at this number and the ifIndex.
_FIRST_ENTITY = 67_469_000
# Of a module for 10 km, in hundredths of a dBm, and in which column they stand.
LIMITS = {
    "rx": {"low_alarm": -1440, "high_alarm": 250, "low_warning": -1240, "high_warning": 50},
    "tx": {"low_alarm": -920, "high_alarm": 150, "low_warning": -820, "high_warning": 50},
}
_LIMIT_COLUMNS = {
    "rx": {"low_alarm": 13, "high_alarm": 14, "low_warning": 20, "high_warning": 21},
    "tx": {"low_alarm": 15, "high_alarm": 16, "low_warning": 22, "high_warning": 23},
}


@dataclass(frozen=True)
class Lane:
    """Light in dBm and bias in mA; None is no reading."""

    rx: Number
    tx: Number
    bias: Number


@dataclass(frozen=True)
class Module:
    """A transceiver in the port `index` called `name`; °C and V are of all its lanes."""

    index: int
    name: str
    vendor: str
    part: str
    serial: str
    lanes: Sequence[Lane]
    celsius: Number
    volts: Number


def optics_tree(modules: Sequence[Module]) -> Objects:
    """Build hwOpticalModuleInfoTable, and the ports it lies in."""
    tree: Objects = {}
    for module in modules:
        entity = _FIRST_ENTITY + module.index
        tree |= {
            (*_ENTITY, 2, entity): ber.text("Port"),
            (*_ENTITY, 4, entity): ber.integer(0),
            (*_ENTITY, 5, entity): ber.integer(10),
            (*_ENTITY, 7, entity): ber.text(module.name),
            (*_ALIAS, entity, 1): ber.object_identifier((*_IF_INDEX, module.index)),
            (*_OPTICS, 4, entity): ber.text(module.serial),
            (*_OPTICS, 5, entity): partial(_whole, module.celsius, 1, -255),
            (*_OPTICS, 6, entity): partial(_whole, module.volts, 1000, -1),
            (*_OPTICS, 24, entity): ber.text(module.vendor),
            (*_OPTICS, 25, entity): ber.text(module.part),
            (*_OPTICS, 31, entity): _by_lane([lane.bias for lane in module.lanes], 1),
            (*_OPTICS, 32, entity): _by_lane([lane.rx for lane in module.lanes], 100),
            (*_OPTICS, 33, entity): _by_lane([lane.tx for lane in module.lanes], 100),
        }
        for quantity, limits in LIMITS.items():
            for name, raw in limits.items():
                column = _LIMIT_COLUMNS[quantity][name]
                tree[(*_OPTICS, column, entity)] = ber.integer(raw)
    return tree


def _whole(getter: Number, factor: int, absent: int) -> Value:
    number = getter()
    return ber.integer(absent if number is None else round(number * factor))


def _by_lane(getters: Sequence[Number], factor: int) -> Callable[[], Value]:
    def say() -> Value:
        numbers = [getter() for getter in getters]
        return ber.text(",".join("" if n is None else f"{n * factor:.2f}" for n in numbers))

    return say
