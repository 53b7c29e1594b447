"""Neighbours as LLDP-MIB tells them (IEEE 802.1AB-2005, clause 12): lldpRemTable with the device's
own lldpLocPortTable, and the addresses of lldpRemManAddrTable. All of it is hostile text.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence

from dcim.snmp.discovery.neighbours import Identifier, IdKind, Neighbour, fold_mac
from dcim.snmp.reading.ports import PortReading
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.ber import Oid, Value
from dcim.snmp.wire.engine import Engine, Table
from dcim.snmp.wire.target import Target

_LLDP: Oid = (1, 0, 8802, 1, 1, 2, 1)
_LOCAL: Oid = (*_LLDP, 3, 7, 1)  # lldpLocPortEntry
LOCAL_SUBTYPE, LOCAL_ID, LOCAL_DESCR = (*_LOCAL, 2), (*_LOCAL, 3), (*_LOCAL, 4)
_REMOTE: Oid = (*_LLDP, 4, 1, 1)  # lldpRemEntry
CHASSIS_SUBTYPE, CHASSIS_ID = (*_REMOTE, 4), (*_REMOTE, 5)
PORT_SUBTYPE, PORT_ID, PORT_DESCR = (*_REMOTE, 6), (*_REMOTE, 7), (*_REMOTE, 8)
SYS_NAME, SYS_DESCR = (*_REMOTE, 9), (*_REMOTE, 10)
# lldpRemManAddrIfSubtype: what is wanted, the address, stands in its index.
MANAGEMENT = (*_LLDP, 4, 2, 1, 3)

# A switch has a handful of neighbours a port; who tells of more makes them up.
MOST_NEIGHBOURS = 4_096
MOST_ADDRESSES = 8

# LldpChassisIdSubtype and LldpPortIdSubtype number the same things differently.
CHASSIS_KINDS = {
    1: IdKind.COMPONENT, 2: IdKind.ALIAS, 3: IdKind.COMPONENT, 4: IdKind.MAC, 5: IdKind.ADDRESS,
    6: IdKind.NAME, 7: IdKind.LOCAL,
}  # fmt: skip
PORT_KINDS = {
    1: IdKind.ALIAS, 2: IdKind.COMPONENT, 3: IdKind.MAC, 4: IdKind.ADDRESS, 5: IdKind.NAME,
    6: IdKind.CIRCUIT, 7: IdKind.LOCAL,
}  # fmt: skip
_NO_PORT = -1
_ADDRESS_OCTETS = {1: 4, 2: 16}  # IANA address family numbers: IPv4, IPv6


async def read_neighbours(
    engine: Engine, target: Target, ports: Sequence[PortReading]
) -> list[Neighbour]:
    """Read whom a device hears; nothing where it has no LLDP. Raises as `dcim.snmp.wire.faults`.

    `ports` are the device's own, read just before: LLDP numbers ports in its own way.
    Rows that can't be read are counted in `engine.drops`.
    """
    remote = await engine.table(
        target,
        (CHASSIS_SUBTYPE, CHASSIS_ID, PORT_SUBTYPE, PORT_ID, PORT_DESCR, SYS_NAME, SYS_DESCR),
    )
    if not remote[CHASSIS_ID] and not remote[PORT_ID]:
        return []
    remote.update(await engine.table(target, (LOCAL_SUBTYPE, LOCAL_ID, LOCAL_DESCR)))
    remote.update(await engine.table(target, (MANAGEMENT,)))
    return interpret(remote, ports, engine.drops)


def interpret(table: Table, ports: Sequence[PortReading], drops: Counter[str]) -> list[Neighbour]:
    """Turn the raw columns into neighbours; pure but for the counts."""
    addresses = _addresses(table[MANAGEMENT], drops)
    # One neighbour's row may stand there anew under a later time mark: the latest one holds.
    latest: dict[tuple[int, int], Oid] = {}
    for index in sorted({*table[CHASSIS_ID], *table[PORT_ID]}):
        if len(index) == 3:
            latest[index[1], index[2]] = index
        elif len(index) == 1:  # RouterOS: a row's number alone, which names no port of its own
            latest[_NO_PORT, index[0]] = index
        else:
            drops["lldp_index"] += 1
    rows = sorted(latest.items())
    if len(rows) > MOST_NEIGHBOURS:
        drops["lldp_too_many"] += len(rows) - MOST_NEIGHBOURS
        rows = rows[:MOST_NEIGHBOURS]
    names = {number: _own_name(table, number, ports) for (number, _), _ in rows}
    found: dict[Neighbour, None] = {}
    for (number, _), index in rows:
        chassis = _identifier(
            CHASSIS_KINDS, table[CHASSIS_SUBTYPE].get(index), table[CHASSIS_ID].get(index)
        )
        port = _identifier(PORT_KINDS, table[PORT_SUBTYPE].get(index), table[PORT_ID].get(index))
        if not chassis.text and not port.text:
            drops["lldp_nameless"] += 1
            continue
        label = _own_label(table, number)
        neighbour = Neighbour(
            local_port=names[number],
            local_label=label,
            chassis=chassis,
            port=port,
            port_descr=clean_text(table[PORT_DESCR].get(index)),
            sys_name=clean_text(table[SYS_NAME].get(index)),
            sys_descr=clean_text(table[SYS_DESCR].get(index)),
            addresses=addresses.get(index, ()),
        )
        found[neighbour] = None
    return list(found)


def _identifier(kinds: dict[int, IdKind], subtype: Value | None, value: Value | None) -> Identifier:
    number = subtype.number if subtype else None
    kind = kinds.get(number, IdKind.UNKNOWN) if isinstance(number, int) else IdKind.UNKNOWN
    octets = (value.octets if value else None) or b""
    if kind is IdKind.MAC and len(octets) == 6:
        return Identifier(kind, octets.hex(":"))
    if kind is IdKind.ADDRESS and octets and len(octets) - 1 == _ADDRESS_OCTETS.get(octets[0]):
        return Identifier(kind, str(ipaddress.ip_address(octets[1:])))
    if kind is IdKind.UNKNOWN and len(octets) == 6 and not octets.isascii():
        return Identifier(IdKind.MAC, octets.hex(":"))
    text = clean_text(value)
    # Some write a MAC out in letters.
    return Identifier(kind, fold_mac(text) or text if kind is IdKind.MAC else text)


def _own_label(table: Table, number: int) -> str:
    if number == _NO_PORT:
        return ""
    index = (number,)
    local = _identifier(PORT_KINDS, table[LOCAL_SUBTYPE].get(index), table[LOCAL_ID].get(index))
    return local.text or clean_text(table[LOCAL_DESCR].get(index)) or f"#{number}"


def _own_name(table: Table, number: int, ports: Sequence[PortReading]) -> str:
    """The ifName of what LLDP calls port `number`, by its ID, else its description.

    Never by the number alone: LldpPortNumber has no mandatory relationship to ifIndex.
    """
    index = (number,)
    local = _identifier(PORT_KINDS, table[LOCAL_SUBTYPE].get(index), table[LOCAL_ID].get(index))
    words = [local.text, clean_text(table[LOCAL_DESCR].get(index))]
    if local.kind is IdKind.ALIAS:
        del words[0]
        found = _only(port.name for port in ports if port.alias and port.alias == local.text)
        if found:
            return found
    for word in filter(None, words):
        found = _only(port.name for port in ports if port.name == word) or _only(
            port.name for port in ports if port.descr == word
        )
        if found:
            return found
    if local.kind in (IdKind.LOCAL, IdKind.UNKNOWN) and local.text == str(number):
        # An ID of its own choosing that is its number too: an agent that goes by ifIndex.
        return _only(port.name for port in ports if port.if_index == number)
    return ""


def _only(names: Iterable[str]) -> str:
    found = list(names)
    return found[0] if len(found) == 1 else ""


def _addresses(column: dict[Oid, Value], drops: Counter[str]) -> dict[Oid, tuple[str, ...]]:
    """Management addresses by the row of lldpRemTable they belong to; their index is that row's,
    the family, the length and the octets."""
    found: dict[Oid, tuple[str, ...]] = {}
    for index in column:
        row, rest = index[:3], index[3:]
        if len(rest) < 2 or rest[1] != len(rest) - 2 or any(arc > 255 for arc in rest[2:]):
            drops["lldp_address"] += 1
            continue
        if rest[1] != _ADDRESS_OCTETS.get(rest[0]):
            continue  # a MAC or another family, which finds nobody
        told = found.get(row, ())
        if len(told) < MOST_ADDRESSES:
            found[row] = (*told, str(ipaddress.ip_address(bytes(rest[2:]))))
    return found
