"""What a device says of itself against what the inventory knows. Pure: a person decides on it.

A name binds, a number never does: an ifIndex isn't even looked at. What wasn't told at all (a
profile without ports, an empty table) is unknown, and unknown is not gone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Kind = Literal["new", "changed", "gone", "renamed"]
Subject = Literal["identity", "port", "outlet", "sensor", "meter"]
KINDS: tuple[Kind, ...] = ("new", "changed", "gone", "renamed")

T = TypeVar("T")
_LARGEST_OUTLET = 999
# Of a gauge's names the one that stays when a second thing comes to the same place: place-index.
_OUTLET = re.compile(r"outlet-(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Identity:
    """SNMPv2-MIB sysName, sysDescr and sysObjectID, and the profile that was found for them."""

    sys_name: str = ""
    sys_descr: str = ""
    sys_object_id: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class SeenPort:
    """A port as the device tells it; `speed_bps` is None where it tells none."""

    name: str
    descr: str = ""
    alias: str = ""
    speed_bps: int | None = None


@dataclass(frozen=True, slots=True)
class KnownPort:
    name: str
    alias: str = ""
    speed_bps: int = 0


@dataclass(frozen=True, slots=True)
class SeenSensor:
    """A thing that measures; it may be called by any of `names`, the first is the one to keep."""

    family: str
    names: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True, slots=True)
class KnownSensor:
    family: str
    name: str


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """What one reading told; `ports` and `sensors` empty where it told of none. A name that several
    ports have binds nothing, and isn't gone either."""

    identity: Identity
    ports: tuple[SeenPort, ...] = ()
    sensors: tuple[SeenSensor, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What the inventory says. `meters` are the places power nodes are measured at, with the
    node's code; `outlets` the socket numbers of the PDU this device is, None if it is none."""

    identity: Identity
    ports: tuple[KnownPort, ...] = ()
    sensors: tuple[KnownSensor, ...] = ()
    outlets: frozenset[int] | None = None
    meters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One difference. `key` names its subject on the device for good; `details` is JSON-ready,
    and holds nothing that changes from reading to reading: it is what a person decides on."""

    kind: Kind
    subject: Subject
    key: str
    details: Mapping[str, Any]


def compare_device(seen: SeenDevice, known: KnownDevice) -> list[Proposal]:
    """All differences, in an order that doesn't depend on the device's."""
    return [
        *_compare_identity(seen.identity, known.identity),
        *compare_ports(seen.ports, known.ports),
        *compare_sensors(seen.sensors, known.sensors),
        *_compare_outlets(seen.sensors, known.outlets),
        *_compare_meters(seen.sensors, known.meters),
    ]


def _compare_identity(seen: Identity, known: Identity) -> list[Proposal]:
    """What the device doesn't say any more is no news: it is kept."""
    changes = {
        name: [getattr(known, name), getattr(seen, name)]
        for name in ("sys_name", "sys_descr", "sys_object_id", "profile")
        if getattr(seen, name) and getattr(seen, name) != getattr(known, name)
    }
    if not changes:
        return []
    kind: Kind = "changed" if known.sys_object_id or known.sys_name else "new"
    return [Proposal(kind, "identity", "identity", changes)]


def compare_ports(seen: Sequence[SeenPort], known: Sequence[KnownPort]) -> list[Proposal]:
    """Ports by name. A new one that tells a gone one's alias, or its name as its description, may
    be that port renamed; where that fits more than one of either, it is no reason to think so."""
    if not any(port.name for port in seen):
        return []
    told = Counter(port.name for port in seen)
    mine = {port.name: port for port in known}
    theirs = {port.name: port for port in seen if port.name and told[port.name] == 1}
    proposals = [
        Proposal("changed", "port", name, changes)
        for name in mine.keys() & theirs.keys()
        if (changes := _port_changes(theirs[name], mine[name]))
    ]
    fresh = {name: theirs[name] for name in theirs.keys() - mine.keys()}
    gone = {name: mine[name] for name in mine.keys() - told.keys()}
    for old, new in _find_renamed(list(gone.values()), list(fresh.values())):
        gone.pop(old.name)
        fresh.pop(new.name)
        details = {"name": [old.name, new.name], **_port_changes(new, old)}
        proposals.append(Proposal("renamed", "port", old.name, details))
    proposals += [
        Proposal(
            "new",
            "port",
            name,
            {"descr": port.descr, "alias": port.alias, "speed_bps": port.speed_bps or 0},
        )
        for name, port in fresh.items()
    ]
    proposals += [
        Proposal("gone", "port", name, {"alias": port.alias, "speed_bps": port.speed_bps})
        for name, port in gone.items()
    ]
    return sorted(proposals, key=lambda one: (KINDS.index(one.kind), one.key))


def _port_changes(seen: SeenPort, known: KnownPort) -> dict[str, list[Any]]:
    """A port without a speed (down, or virtual) says nothing against the speed we know."""
    changes: dict[str, list[Any]] = {}
    if seen.speed_bps and seen.speed_bps != known.speed_bps:
        changes["speed_bps"] = [known.speed_bps, seen.speed_bps]
    if seen.alias != known.alias:
        changes["alias"] = [known.alias, seen.alias]
    return changes


def _find_renamed(
    gone: Sequence[KnownPort], fresh: Sequence[SeenPort]
) -> list[tuple[KnownPort, SeenPort]]:
    """Pairs that agree, by description first; each port in one pair at most."""
    pairs: list[tuple[KnownPort, SeenPort]] = []
    for of_gone, of_fresh in (
        (lambda port: port.name, lambda port: port.descr),
        (lambda port: port.alias, lambda port: port.alias),
    ):
        taken_old = {old.name for old, _ in pairs}
        taken_new = {new.name for _, new in pairs}
        olds = _unique([port for port in gone if port.name not in taken_old], of_gone)
        news = _unique([port for port in fresh if port.name not in taken_new], of_fresh)
        pairs += [(olds[word], news[word]) for word in sorted(olds.keys() & news.keys()) if word]
    return pairs


def _unique(things: Iterable[T], key: Callable[[T], Hashable]) -> dict[Any, T]:
    """Things by a key that no other has."""
    listed = list(things)
    counts = Counter(key(thing) for thing in listed)
    return {key(thing): thing for thing in listed if counts[key(thing)] == 1}


def compare_sensors(seen: Sequence[SeenSensor], known: Sequence[KnownSensor]) -> list[Proposal]:
    if not seen:
        return []
    mine = {(sensor.family, sensor.name) for sensor in known}
    told: dict[tuple[str, str], dict[str, None]] = {}
    places: dict[tuple[str, str], str] = {}
    for sensor in sorted(seen, key=lambda one: (one.family, one.names, one.place)):
        # Two that are called the same are one: nothing could tell them apart from then on.
        thing = (sensor.family, sensor.names[0])
        told.setdefault(thing, {}).update(dict.fromkeys(sensor.names))
        places.setdefault(thing, sensor.place)
    met = mine & told.keys()
    # By a name it had before only then: another sensor may be called that by now.
    proposals = []
    for (family, first), names in told.items():
        if (family, first) in mine:
            continue
        answered = next(
            (name for name in names if (family, name) in mine and (family, name) not in met), None
        )
        met.add((family, answered or first))
        if answered is None:
            details = {"family": family, "name": first, "place": places[family, first]}
            proposals.append(Proposal("new", "sensor", _sensor_key(family, first), details))
    proposals += [
        Proposal("gone", "sensor", _sensor_key(family, name), {"family": family, "name": name})
        for family, name in sorted(mine - met)
    ]
    return proposals


def _sensor_key(family: str, name: str) -> str:
    return f"{family}/{name}"


def outlet_numbers(sensors: Iterable[SeenSensor]) -> frozenset[int]:
    """The sockets a device measures, where one number says which: chained units have none."""
    numbers = []
    for sensor in sensors:
        if sensor.place == "outlet":
            found = _OUTLET.fullmatch(sensor.names[0])
            if found is None:
                return frozenset()
            numbers.append(int(found[1]))
    return frozenset(number for number in numbers if 1 <= number <= _LARGEST_OUTLET)


def _compare_outlets(sensors: Sequence[SeenSensor], known: frozenset[int] | None) -> list[Proposal]:
    seen = outlet_numbers(sensors)
    if known is None or not seen:
        return []
    return [
        *(Proposal("new", "outlet", str(one), {"number": one}) for one in sorted(seen - known)),
        *(Proposal("gone", "outlet", str(one), {"number": one}) for one in sorted(known - seen)),
    ]


def _compare_meters(sensors: Sequence[SeenSensor], meters: Mapping[str, str]) -> list[Proposal]:
    """Power nodes whose place of measuring the device doesn't have: they are measured by nobody."""
    told = {name for one in sensors if one.family == "power" for name in (*one.names, one.place)}
    if not told:
        return []
    return [
        Proposal("gone", "meter", place, {"place": place, "node": node})
        for place, node in sorted(meters.items())
        if place not in told
    ]
