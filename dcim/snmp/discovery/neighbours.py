"""Which of our devices and ports a switch's LLDP neighbours are. Pure: texts in, links out.

What a neighbour says of itself is believed by nobody: it only finds what a person then decides on.
Where two of ours fit, or what it says points at two, none is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum


class IdKind(StrEnum):
    """What an LLDP chassis or port ID is (IEEE 802.1AB 8.5.2.2, 8.5.3.2)."""

    COMPONENT = "component"
    ALIAS = "alias"
    MAC = "mac"
    ADDRESS = "address"
    NAME = "name"
    CIRCUIT = "circuit"
    LOCAL = "local"
    UNKNOWN = "unknown"


class Doubt(StrEnum):
    """Why a neighbour makes no link."""

    NONE = ""
    OWN_PORT = "own_port"
    DEVICE = "unknown_device"
    DEVICES = "several_devices"
    PORT = "unknown_port"
    ITSELF = "itself"


@dataclass(frozen=True, slots=True)
class Identifier:
    """MACs as "aa:bb:cc:dd:ee:ff", addresses in their canonical form, all else as told."""

    kind: IdKind
    text: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One row of lldpRemTable. `local_port` is our port's name, or empty where the device's own
    table doesn't say which interface it means; `local_label` is what it calls it then."""

    local_port: str
    local_label: str
    chassis: Identifier
    port: Identifier
    port_descr: str = ""
    sys_name: str = ""
    sys_descr: str = ""
    addresses: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return "|".join((self.local_port or self.local_label, self.chassis.text, self.port.text))


@dataclass(frozen=True, slots=True)
class KnownPort:
    id: int
    device_id: int
    name: str
    alias: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """Our devices by what neighbours may call them; all words as `fold` and `fold_mac` make them.

    `ports` by device.
    """

    by_name: Mapping[str, Set[int]] = field(default_factory=dict)
    by_mac: Mapping[str, Set[int]] = field(default_factory=dict)
    by_address: Mapping[str, Set[int]] = field(default_factory=dict)
    ports: Mapping[int, Sequence[KnownPort]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A neighbour as far as it is known: all three ids and no doubt, or the doubt."""

    neighbour: Neighbour
    port_id: int | None = None
    device_id: int | None = None
    other_port_id: int | None = None
    doubt: Doubt = Doubt.NONE


@dataclass(frozen=True, slots=True)
class Claim:
    """That `device_id` sees `other_port_id` at its port `port_id`."""

    device_id: int
    port_id: int
    other_port_id: int

    @property
    def ends(self) -> tuple[int, int]:
        low, high = sorted((self.port_id, self.other_port_id))
        return low, high


@dataclass(frozen=True, slots=True)
class ProposedLink:
    """Two ports that are joined, as seen by one end or both. Disputed: somebody sees one of its
    ends joined to another port."""

    ends: tuple[int, int]
    seen_by: frozenset[int]
    disputed: bool

    @property
    def agreed(self) -> bool:
        return len(self.seen_by) > 1 and not self.disputed


def fold(name: str) -> str:
    return name.strip().lower()


def fold_mac(text: str) -> str:
    """A MAC in any spelling as "aa:bb:cc:dd:ee:ff"; nothing for what is none."""
    digits = "".join(mark for mark in text.lower() if mark not in ":-. ")
    if len(digits) != 12 or any(mark not in "0123456789abcdef" for mark in digits):
        return ""
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def recognise(device_id: int, neighbour: Neighbour, directory: Directory) -> Sighting:
    """Say which port of which of our devices this neighbour of `device_id` is."""
    own = [
        port
        for port in directory.ports.get(device_id, ())
        if port.name and port.name == (neighbour.local_port)
    ]
    port_id = own[0].id if len(own) == 1 else None
    devices = _find_devices(neighbour, directory)
    if len(devices) != 1:
        doubt = Doubt.DEVICES if devices else Doubt.DEVICE
        return Sighting(neighbour, port_id, doubt=doubt)
    (other,) = devices
    found = _find_port(neighbour, directory.ports.get(other, ()))
    if found is None:
        return Sighting(neighbour, port_id, other, doubt=Doubt.PORT)
    if port_id is None:
        return Sighting(neighbour, None, other, found.id, Doubt.OWN_PORT)
    if found.id == port_id:  # a loop on a cable tester, or a device that hears itself
        return Sighting(neighbour, port_id, other, found.id, Doubt.ITSELF)
    return Sighting(neighbour, port_id, other, found.id)


def _find_devices(neighbour: Neighbour, directory: Directory) -> frozenset[int]:
    """Devices that all that is known of them allows; several when its words contradict."""
    named = fold(neighbour.sys_name)
    hints: list[Set[int]] = [directory.by_name.get(named, frozenset()) if named else frozenset()]
    if not hints[0] and "." in named:  # its host name where its full one isn't ours
        hints[0] = directory.by_name.get(named.partition(".")[0], frozenset())
    if neighbour.chassis.kind is IdKind.MAC:
        hints.append(directory.by_mac.get(fold_mac(neighbour.chassis.text), frozenset()))
    addresses = set(neighbour.addresses)
    if neighbour.chassis.kind is IdKind.ADDRESS:
        addresses.add(neighbour.chassis.text)
    hints.append(
        frozenset(
            one for address in addresses for one in directory.by_address.get(address, frozenset())
        )
    )
    if not named and neighbour.chassis.kind in (IdKind.LOCAL, IdKind.COMPONENT):
        hints.append(directory.by_name.get(fold(neighbour.chassis.text), frozenset()))
    said = [frozenset(hint) for hint in hints if hint]
    if not said:
        return frozenset()
    common = frozenset.intersection(*said)
    return common if len(common) == 1 else frozenset.union(*said)


def _find_port(neighbour: Neighbour, ports: Sequence[KnownPort]) -> KnownPort | None:
    """By its ID as its kind says, else by its description where that is a port's very name."""
    text = neighbour.port.text
    if neighbour.port.kind is IdKind.MAC:
        found = _only(port for port in ports if port.mac and port.mac == fold_mac(text))
    elif neighbour.port.kind is IdKind.ALIAS:
        found = _only(port for port in ports if port.alias and port.alias == text)
    elif neighbour.port.kind in (IdKind.ADDRESS, IdKind.CIRCUIT):
        found = None
    else:
        found = _by_name(text, ports)
    return found or _by_name(neighbour.port_descr, ports)


def _by_name(text: str, ports: Sequence[KnownPort]) -> KnownPort | None:
    if not text:
        return None
    exact = _only(port for port in ports if port.name == text)
    return exact or _only(port for port in ports if fold(port.name) == fold(text))


def _only(ports: Iterable[KnownPort]) -> KnownPort | None:
    found = list(ports)
    return found[0] if len(found) == 1 else None


def join_claims(claims: Iterable[Claim]) -> list[ProposedLink]:
    """One link for what both ends say alike; where they disagree each one's, marked as disputed."""
    seen: dict[tuple[int, int], set[int]] = {}
    for claim in claims:
        seen.setdefault(claim.ends, set()).add(claim.port_id)
    at_port: dict[int, set[tuple[int, int]]] = {}
    for ends in seen:
        for port_id in ends:
            at_port.setdefault(port_id, set()).add(ends)
    return [
        ProposedLink(
            ends,
            frozenset(by),
            disputed=any(len(at_port[port_id]) > 1 for port_id in ends),
        )
        for ends, by in sorted(seen.items())
    ]
