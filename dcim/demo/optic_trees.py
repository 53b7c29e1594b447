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
# Hundredths of a dBm by column: alarms and warnings of a module for 10 km.
_LIMITS = {13: -1440, 14: 250, 15: -920, 16: 150, 20: -1240, 21: 50, 22: -820, 23: 50}


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
        tree |= {(*_OPTICS, column, entity): ber.integer(raw) for column, raw in _LIMITS.items()}
    return tree


def _whole(getter: Number, factor: int, absent: int) -> Value:
    number = getter()
    return ber.integer(absent if number is None else round(number * factor))


def _by_lane(getters: Sequence[Number], factor: int) -> Callable[[], Value]:
    def say() -> Value:
        numbers = [getter() for getter in getters]
        return ber.text(",".join("" if n is None else f"{n * factor:.2f}" for n in numbers))

    return say
