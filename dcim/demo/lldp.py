"""What the demo's switches say of their neighbours: LLDP-MIB (IEEE 802.1AB-2005, clause 12)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dcim.demo.network_plan import plan_trunks
from dcim.demo.noise import salt_of
from dcim.demo.plan_parts import PortPlan
from dcim.demo.trees import Objects
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Value

_LLDP: Oid = (1, 0, 8802, 1, 1, 2, 1)
_LOCAL: Oid = (*_LLDP, 3)  # lldpLocalSystemData
_LOCAL_PORT: Oid = (*_LOCAL, 7, 1)
_REMOTE: Oid = (*_LLDP, 4, 1, 1)
# LldpChassisIdSubtype macAddress, LldpPortIdSubtype interfaceName.
_MAC, _NAME = 4, 5
# LldpSystemCapabilitiesMap: bridge and router of its eight bits.
_SWITCH = b"\x28"
_LOCAL_BIT = 0x02


@dataclass(frozen=True)
class Heard:
    """A neighbour at the port with this ifIndex. `alive` is whether the link carries anything:
    what isn't heard any more is forgotten."""

    at: int
    device: str
    port: str
    alive: Callable[[], bool]


def find_heard(ports: Iterable[PortPlan], is_up: Callable[[str], bool]) -> list[Heard]:
    """Whom a switch with these ports hears: the other end of each trunk, as it is plugged and not
    as it is recorded. `is_up` is told a port's key, "device:name".
    """
    partner = {own: other for ends in plan_trunks() for own, other in (ends, ends[::-1])}
    found = []
    for port in ports:
        if port.key in partner:
            other = partner[port.key]
            name, _, there = other.partition(":")
            found.append(Heard(port.index, name, there, _both_up(is_up, port.key, other)))
    return found


def _both_up(is_up: Callable[[str], bool], own: str, other: str) -> Callable[[], bool]:
    return lambda: is_up(own) and is_up(other)


def mac_of(seed: int, device: str) -> bytes:
    """The demo's own, locally administered."""
    return bytes([_LOCAL_BIT]) + (salt_of(seed, "mac", device) >> 24).to_bytes(5, "big")


def lldp_tree(
    seed: int, device: str, ports: Sequence[PortPlan], heard: Sequence[Heard], descr: str
) -> Objects:
    """lldpLocChassisId to lldpLocSysDesc, lldpLocPortTable and lldpRemTable. Ports are numbered by
    their ifIndex."""
    tree: Objects = {
        (*_LOCAL, 1, 0): ber.integer(_MAC),
        (*_LOCAL, 2, 0): ber.octet_string(mac_of(seed, device)),
        (*_LOCAL, 3, 0): ber.text(device),
        (*_LOCAL, 4, 0): ber.text(descr),
    }
    for port in ports:
        tree[(*_LOCAL_PORT, 2, port.index)] = ber.integer(_NAME)
        tree[(*_LOCAL_PORT, 3, port.index)] = ber.text(port.name)
        tree[(*_LOCAL_PORT, 4, port.index)] = ber.text(port.alias)
    for number, one in enumerate(heard, 1):
        columns = {
            4: ber.integer(_MAC),
            5: ber.octet_string(mac_of(seed, one.device)),
            6: ber.integer(_NAME),
            7: ber.text(one.port),
            8: ber.text(one.port),
            9: ber.text(one.device),
            10: ber.text(descr),
            11: ber.octet_string(_SWITCH),
            12: ber.octet_string(_SWITCH),
        }
        for column, value in columns.items():
            # lldpRemTimeMark, lldpRemLocalPortNum, lldpRemIndex.
            tree[(*_REMOTE, column, 0, one.at, number)] = _while_alive(one, value)
    return tree


def _while_alive(one: Heard, value: Value) -> Callable[[], Value | None]:
    return lambda: value if one.alive() else None
