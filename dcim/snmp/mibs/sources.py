"""Where names of OIDs come from: pysnmp's modules, IF-MIB, the operator's MIB files, the profiles.

MIB files are read as text by `text`; nothing in them is ever run, nothing is fetched. A file
that is wrong is told with its line and reason and stops no other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from dcim.snmp.mibs.names import MibNames, Named, link
from dcim.snmp.mibs.text import MibError, Module, Syntax, read_modules
from dcim.snmp.reading.optic_specs import name_columns
from dcim.snmp.reading.profiles import Catalogue
from dcim.snmp.wire.ber import Oid

LARGEST_FILE = 4 << 20  # octets; the largest vendor modules have 3 MB
MOST_OCTETS = 48 << 20  # of all files together
MOST_FILES = 2_000
_MOST_ENTRIES = 20_000  # looked at in one folder, whatever they are called
_ENDINGS = frozenset(("", ".mib", ".my", ".txt", ".smi", ".asn", ".asn1"))

# What pysnmp brings, the ones with names of their own first.
_PYSNMP = (
    *("SNMPv2-SMI", "SNMPv2-TC", "SNMPv2-MIB", "SNMPv2-TM", "SNMP-FRAMEWORK-MIB"),
    *("SNMP-MPD-MIB", "SNMP-TARGET-MIB", "SNMP-NOTIFICATION-MIB", "SNMP-COMMUNITY-MIB"),
    *("SNMP-PROXY-MIB", "SNMP-USER-BASED-SM-MIB", "SNMP-VIEW-BASED-ACM-MIB", "SNMP-USM-AES-MIB"),
    *("SNMP-USM-DH-OBJECTS-MIB", "SNMP-USM-HMAC-SHA2-MIB", "INET-ADDRESS-MIB"),
    *("TRANSPORT-ADDRESS-MIB", "RFC1213-MIB", "RFC1158-MIB"),
)

# RFC 2863: the columns by their numbers from 1. pysnmp brings no IF-MIB, and its RFC1213-MIB no
# interfaces.
_MIB_2: Oid = (1, 3, 6, 1, 2, 1)
_IF_TABLE = (
    *("ifIndex", "ifDescr", "ifType", "ifMtu", "ifSpeed", "ifPhysAddress", "ifAdminStatus"),
    *("ifOperStatus", "ifLastChange", "ifInOctets", "ifInUcastPkts", "ifInNUcastPkts"),
    *("ifInDiscards", "ifInErrors", "ifInUnknownProtos", "ifOutOctets", "ifOutUcastPkts"),
    *("ifOutNUcastPkts", "ifOutDiscards", "ifOutErrors", "ifOutQLen", "ifSpecific"),
)
_IF_X_TABLE = (
    *("ifName", "ifInMulticastPkts", "ifInBroadcastPkts", "ifOutMulticastPkts"),
    *("ifOutBroadcastPkts", "ifHCInOctets", "ifHCInUcastPkts", "ifHCInMulticastPkts"),
    *("ifHCInBroadcastPkts", "ifHCOutOctets", "ifHCOutUcastPkts", "ifHCOutMulticastPkts"),
    *("ifHCOutBroadcastPkts", "ifLinkUpDownTrapEnable", "ifHighSpeed", "ifPromiscuousMode"),
    *("ifConnectorPresent", "ifAlias", "ifCounterDiscontinuityTime"),
)
_IF_NODES: dict[str, Oid] = {
    "interfaces": (*_MIB_2, 2), "ifNumber": (*_MIB_2, 2, 1), "ifTable": (*_MIB_2, 2, 2),
    "ifEntry": (*_MIB_2, 2, 2, 1), "ifMIB": (*_MIB_2, 31), "ifMIBObjects": (*_MIB_2, 31, 1),
    "ifXTable": (*_MIB_2, 31, 1, 1), "ifXEntry": (*_MIB_2, 31, 1, 1, 1),
    "linkDown": (1, 3, 6, 1, 6, 3, 1, 1, 5, 3), "linkUp": (1, 3, 6, 1, 6, 3, 1, 1, 5, 4),
}  # fmt: skip
_ADMIN = {1: "up", 2: "down", 3: "testing"}
_TRUTH = {1: "true", 2: "false"}
_IF_SYNTAX: dict[str, Syntax] = {
    "ifAdminStatus": Syntax("INTEGER", _ADMIN),
    "ifOperStatus": Syntax(
        "INTEGER",
        _ADMIN | {4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"},
    ),
    "ifPhysAddress": Syntax("OCTET STRING", {}, "1x:"),
    "ifLinkUpDownTrapEnable": Syntax("INTEGER", {1: "enabled", 2: "disabled"}),
    "ifPromiscuousMode": Syntax("INTEGER", _TRUTH),
    "ifConnectorPresent": Syntax("INTEGER", _TRUTH),
}


@dataclass(frozen=True)
class MibSource:
    """Where one module's names come from; `origin` is pysnmp, Jifang, profile NAME or a path."""

    module: str
    origin: str
    names: int


@dataclass(frozen=True)
class MibCollection:
    """All names, whose they are, and what was wrong with the files."""

    names: MibNames
    sources: tuple[MibSource, ...]
    problems: tuple[MibError, ...]


def load_names(folders: Iterable[Path], catalogue: Catalogue) -> MibCollection:
    """Gather names from all sources. A file of an earlier folder is preferred to a later one's.

    What comes with the program keeps its names; profiles come last and only add what is missing.
    """
    names = MibNames()
    origins: dict[str, str] = {}
    for named in (*_pysnmp_names(names), *_if_mib_names()):
        names.add(named)
        origins.setdefault(named.module, "Jifang" if named.module == "IF-MIB" else "pysnmp")
    modules: list[Module] = []
    problems: list[MibError] = []
    for file, text in _read_files(folders, problems):
        try:
            modules += read_modules(text, file)
        except MibError as error:
            problems.append(error)
    problems += link(modules, names)
    for module in modules:
        origins.setdefault(module.name, module.file)
    for named, origin in _profile_names(catalogue):
        names.add(named)
        origins.setdefault(named.module, origin)
    sources = [
        MibSource(module, origin, len(names.by_module[module]))
        for module, origin in origins.items()
    ]
    return MibCollection(names, tuple(sources), tuple(problems))


def shipped_folder() -> Path | None:
    """`snmp_mibs/` of the checkout, when it is a folder on disk."""
    folder = resources.files("snmp_mibs")
    return folder if isinstance(folder, Path) else None


def _read_files(folders: Iterable[Path], problems: list[MibError]) -> Iterator[tuple[str, str]]:
    """Path and text of each MIB file, as long as the bounds allow."""
    count = octets = 0
    for path in _find_files(folders, problems):
        file = str(path)
        count += 1
        if count > MOST_FILES:
            problems.append(MibError(file, 1, f"more than {MOST_FILES} files; the rest is left"))
            return
        try:
            with path.open("rb") as opened:
                content = opened.read(LARGEST_FILE + 1)
        except OSError as error:
            problems.append(MibError(file, 1, error.strerror or "can't be read"))
            continue
        octets += len(content)
        if octets > MOST_OCTETS:
            reason = f"more than {MOST_OCTETS >> 20} MiB in all; the rest is left"
            problems.append(MibError(file, 1, reason))
            return
        if len(content) > LARGEST_FILE:
            problems.append(MibError(file, 1, f"larger than {LARGEST_FILE >> 20} MiB"))
        elif b"\x00" in content:
            problems.append(MibError(file, content[: content.index(b"\x00")].count(b"\n") + 1,
                                     "it holds octets that no text has"))  # fmt: skip
        else:
            yield file, _decode(content)


def _find_files(folders: Iterable[Path], problems: list[MibError]) -> Iterator[Path]:
    """Plain files with an ending of MIB files, folders in them too; links are not followed."""
    for folder in folders:
        seen = 0
        for where, inner, files in os.walk(folder):
            inner[:] = sorted(name for name in inner if not name.startswith((".", "__")))
            for name in sorted(files):
                seen += 1
                if seen > _MOST_ENTRIES:
                    reason = f"more than {_MOST_ENTRIES} files here; the rest is left"
                    problems.append(MibError(str(folder), 1, reason))
                    return
                path = Path(where, name)
                if (
                    not name.startswith(".")
                    and path.suffix.lower() in _ENDINGS
                    and path.is_file()
                    and not path.is_symlink()
                ):
                    yield path


def _decode(content: bytes) -> str:
    """What names are made of is ASCII; descriptions may be in anything."""
    try:
        return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _pysnmp_names(names: MibNames) -> list[Named]:
    """Names of the modules that pysnmp brings, and into `names` the types they define."""
    from pysnmp.smi.builder import MibBuilder, ZipMibSource

    builder: Any = MibBuilder()
    # Its own package alone: it would look into folders that the environment names and run what
    # lies there.
    builder.set_mib_sources(ZipMibSource("pysnmp.smi.mibs"))
    builder.load_modules(*_PYSNMP)
    found: list[Named] = []
    for module in _PYSNMP:
        types = names.types.setdefault(module, {})
        for name, symbol in builder.mibSymbols[module].items():
            if isinstance(symbol, type):
                types[name] = _pysnmp_syntax(symbol)
            elif hasattr(symbol, "getName") and name != builder.module_id:
                kind = symbol.getSyntax() if hasattr(symbol, "getSyntax") else None
                syntax = None if kind is None else _pysnmp_syntax(kind)
                found.append(Named(module, name, tuple(symbol.getName()), syntax))
    return found


def _pysnmp_syntax(kind: Any) -> Syntax:
    named = getattr(kind, "namedValues", None)
    values = {int(number): str(word) for word, number in named.items()} if named else {}
    name = kind.__name__ if isinstance(kind, type) else type(kind).__name__
    return Syntax(name, values, str(getattr(kind, "displayHint", "") or ""))


def _if_mib_names() -> Iterator[Named]:
    places = dict(_IF_NODES)
    for entry, columns in (("ifEntry", _IF_TABLE), ("ifXEntry", _IF_X_TABLE)):
        places |= {name: (*places[entry], at) for at, name in enumerate(columns, start=1)}
    for name, oid in places.items():
        yield Named("IF-MIB", name, oid, _IF_SYNTAX.get(name))


def _profile_names(catalogue: Catalogue) -> Iterator[tuple[Named, str]]:
    """Objects that profiles read. A profile that cites several modules names none of them."""
    for profile in catalogue.profiles.values():
        cited = re.findall(r"[A-Za-z][\w-]*", re.sub(r"\([^)]*\)", " ", profile.source))
        module = cited[0] if len(cited) == 1 else profile.name
        for table in profile.tables:
            for column in table.columns:
                if re.fullmatch(r"[A-Za-z][\w-]{0,254}", column.object):
                    yield Named(module, column.object, column.oid), f"profile {profile.name}"
        for spec in profile.optics:
            for optic in name_columns(spec):
                yield Named(module, optic.object, optic.oid), f"profile {profile.name}"
        for trap in profile.traps:
            own, _, name = trap.object.rpartition("::")
            yield Named(own or module, name, trap.oid), f"profile {profile.name}"
