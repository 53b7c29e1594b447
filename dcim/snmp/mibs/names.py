"""Names of OIDs and back: `IF-MIB::ifHCInOctets.5` <-> 1.3.6.1.2.1.31.1.1.1.6.5. Pure.

`link` puts modules that were read apart (`text`) on top of those already known;
`sources` says which there are. A name belongs to its module: two modules may use the same one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from dcim.snmp.mibs.display_hint import show_number, show_octets
from dcim.snmp.mibs.text import Definition, MibError, Module, Syntax
from dcim.snmp.wire.agent_text import LONGEST, clean_text
from dcim.snmp.wire.ber import (
    IP_ADDRESS,
    MAX_ARCS,
    BerError,
    Oid,
    Value,
    format_oid,
    octet_string,
    parse_oid,
)

_ROOTS: dict[str, Oid] = {
    "ccitt": (0,), "itu-t": (0,), "iso": (1,), "joint-iso-ccitt": (2,), "joint-iso-itu-t": (2,),
}  # fmt: skip
# Older modules whose objects were carried over into newer ones (RFC 2578, RFC 2863, RFC 4293).
_OLDER = frozenset(
    (
        *("RFC1155-SMI", "RFC1065-SMI", "RFC-1212", "RFC-1215", "RFC1213-MIB", "RFC1158-MIB"),
        "SNMPv2-SMI",
    )
)
_Key = tuple[str, str]  # module, name
_LONGEST_NAME = 2_000
_LONGEST_WORD = 80  # compared with all names
_DEEPEST_TYPE = 16
_MOST_TOLD = 5


class MibNameError(ValueError):
    """A name that stands for no OID, or for several."""


@dataclass(frozen=True, slots=True)
class Named:
    """One name of one module, with what its values look like."""

    module: str
    name: str
    oid: Oid
    syntax: Syntax | None = None

    def __str__(self) -> str:
        return f"{self.module}::{self.name}"


class Shown(NamedTuple):
    """An instance's name and its value's text; `is_hex`: octets that aren't text."""

    name: str
    text: str
    is_hex: bool = False


@dataclass
class MibNames:
    """All names there are. What is added first is preferred where an OID has several names."""

    by_module: dict[str, dict[str, Named]] = field(default_factory=dict)
    types: dict[str, dict[str, Syntax]] = field(
        default_factory=dict
    )  # module -> type -> what it is
    _by_oid: dict[Oid, Named] = field(default_factory=dict)
    _by_name: dict[str, list[Named]] = field(default_factory=dict)

    def add(self, named: Named) -> None:
        """Take a name in; the second of one module and name is passed over."""
        names = self.by_module.setdefault(named.module, {})
        if names.setdefault(named.name, named) is named:
            self._by_oid.setdefault(named.oid, named)
            self._by_name.setdefault(named.name, []).append(named)

    def find(self, oid: Oid) -> tuple[Named, Oid] | None:
        """The nearest name at or above an OID, and the arcs below it."""
        for depth in range(min(len(oid), MAX_ARCS), 0, -1):
            if named := self._by_oid.get(oid[:depth]):
                return named, oid[depth:]
        return None

    def name_of(self, oid: Oid) -> str:
        """`MODULE::name.index`; the number itself where nothing above it has a name."""
        found = self.find(oid)
        if not found:
            return format_oid(oid)
        named, index = found
        return ".".join((str(named), *map(str, index)))

    def oid_of(self, text: str) -> Oid:
        """Read 1.3.6.1, MODULE::name.index or name.index; raise MibNameError."""
        words = text.strip()
        if len(words) > _LONGEST_NAME:
            raise MibNameError(f"a name of {len(words)} characters")
        try:
            if not words[:1].isalpha():
                return parse_oid(words)
            module, colons, rest = words.rpartition("::")
            name, dot, index = rest.partition(".")
            arcs = parse_oid(f"1.3.{index}")[2:] if dot else ()
            found = self._named(module, name) if colons else self._unqualified(name)
            return parse_oid(format_oid((*found.oid, *arcs)))
        except BerError as error:
            raise MibNameError(f"{words[:80]!r} is no OID and no name of one") from error

    def _named(self, module: str, name: str) -> Named:
        if module not in self.by_module:
            raise MibNameError(f"no module {module[:80]!r} is known")
        if named := self.by_module[module].get(name):
            return named
        raise MibNameError(f"module {module} has no {name[:80]!r}")

    def _unqualified(self, name: str) -> Named:
        found = self._by_name.get(name, [])
        if not found:
            raise MibNameError(f"no object {name[:80]!r} is known{self._meant(name)}")
        if len({named.oid for named in found}) > 1:
            several = [f"{named} ({format_oid(named.oid)})" for named in found[:_MOST_TOLD]]
            raise MibNameError(f"{name!r} is several objects: {', '.join(several)}")
        return found[0]

    def _meant(self, name: str) -> str:
        folded = name.casefold()
        meant = next((known for known in self._by_name if known.casefold() == folded), "")
        return f"; {meant} is" if meant else ""

    def alike(self, text: str, most: int = _MOST_TOLD) -> list[Named]:
        """Names that hold this text, whatever its case, the shortest first; else similar ones."""
        words = text.rpartition("::")[2].partition(".")[0].casefold()[:_LONGEST_WORD]
        if not words:
            return []
        holding = [name for name in self._by_name if words in name.casefold()]
        holding.sort(key=lambda name: (len(name), name))
        found = holding or get_close_matches(words, self._by_name, n=most, cutoff=0.75)
        return [named for name in found[:most] for named in self._by_name[name]][:most]

    def show(self, oid: Oid, value: Value, longest: int = LONGEST) -> Shown:
        """What an instance is called and what its value says.

        That is the word of an enumeration, its DISPLAY-HINT, or as it is. It stays the network's
        text: cleaned, on one line, at most `longest` characters.
        """
        found = self.find(oid)
        named, index = found or (None, oid)
        name = ".".join((str(named), *map(str, index))) if named else format_oid(oid)
        syntax = (named.syntax if named else None) or Syntax()
        data = value.data
        if isinstance(data, int):
            if data in syntax.values:
                return Shown(name, f"{syntax.values[data]}({data})")
            return Shown(
                name, (show_number(data, syntax.hint) if syntax.hint else None) or str(data)
            )
        if isinstance(data, bytes):
            if value.tag == IP_ADDRESS:
                return Shown(name, ".".join(map(str, data)))
            return Shown(name, *_octets_text(data, syntax.hint, longest))
        if isinstance(data, tuple):
            return Shown(name, self.name_of(data))
        return Shown(name, "" if data is None else str(data))


def _octets_text(octets: bytes, hint: str, longest: int) -> tuple[str, bool]:
    """Octets as text, and whether that is hexadecimal as they are."""
    shown = show_octets(octets[: 2 * longest], hint) if hint else None
    if shown is not None:
        return clean_text(octet_string(shown.encode()), longest), False
    text = octets.rstrip(b"\x00")
    if all(32 <= octet < 127 or octet in b"\t\r\n" or octet >= 128 for octet in text):
        return clean_text(octet_string(octets), longest), False
    return octets[: (longest + 1) // 3].hex(" ").upper(), True


def link(modules: Iterable[Module], names: MibNames) -> list[MibError]:
    """Add modules to `names`; tell what could not be placed, once for each cause.

    The second file of a module is left out; a module that the program has itself is added to,
    what it has stays. An object whose parent is unknown is left out with all that lies below it.
    """
    problems: list[MibError] = []
    added: dict[str, Module] = {}
    for module in modules:
        first = added.setdefault(module.name, module)
        if first is not module:
            reason = f"module {module.name} was read already, from {first.file}"
            problems.append(MibError(module.file, module.line, reason))
    linker = _Linker(added, names)
    for module in added.values():
        problems += linker.place_all(module)
    for module in added.values():
        known = names.types.setdefault(module.name, {})
        for name, kind in module.types.items():
            known.setdefault(name, linker.syntax_of(module.name, kind))
    for module in added.values():
        names.by_module.setdefault(module.name, {})
        for definition in module.definitions.values():
            if oid := linker.placed.get((module.name, definition.name)):
                syntax = definition.syntax and linker.syntax_of(module.name, definition.syntax)
                names.add(Named(module.name, definition.name, oid, syntax))
    return problems


class _Linker:
    """Finds every object's place through the parents it names, in its own module and others."""

    def __init__(self, modules: dict[str, Module], names: MibNames) -> None:
        self.modules, self.names = modules, names
        self.placed: dict[_Key, Oid | None] = {}  # None: its place can't be found

    def place_all(self, module: Module) -> list[MibError]:
        told: dict[str, MibError] = {}
        for definition in module.definitions.values():
            reason = self._place(module.name, definition)
            if reason:
                told.setdefault(reason, MibError(module.file, definition.line, reason))
        return list(told.values())

    def _place(self, module: str, definition: Definition) -> str:
        """Place an object and those above it; return why that can't be done, or nothing."""
        chain: dict[_Key, Definition] = {}
        key: _Key | None = (module, definition.name)
        base: Oid | None = None
        reason = ""
        while key is not None:
            if key in chain:
                reason = f"{key[1]} lies below itself"
                break
            if key in self.placed:  # where it is None, that was told when it was tried first
                base = self.placed[key]
                break
            one = chain[key] = self.modules[key[0]].definitions[key[1]]
            key, base, reason = self._parent(key[0], one.parent)
        for at, one in reversed(chain.items()):
            base = None if base is None else (*base, *one.arcs)
            if base is not None and not _sound(base):
                reason, base = f"{one.name} has an OID that can't be", None
            self.placed[at] = base
        return reason

    def _parent(  # noqa: PLR0911 - one per place it may have
        self, module: str, name: str
    ) -> tuple[_Key | None, Oid | None, str]:
        """Where a parent is defined; or its OID; or in words why it is nowhere."""
        if not name:
            return None, (), ""
        own = self.modules[module]
        if name in own.definitions:
            return (module, name), None, ""
        source = own.imports.get(name)
        if source is None:
            root = _ROOTS.get(name)
            return None, root, "" if root else f"{name} is neither defined nor imported"
        if source in self.modules and name in self.modules[source].definitions:
            return (source, name), None, ""
        if named := self.names.by_module.get(source, {}).get(name):
            return None, named.oid, ""
        if source in _OLDER:
            for newer in self.names.by_module.values():
                if name in newer:
                    return None, newer[name].oid, ""
        if source in self.modules or source in self.names.by_module:
            return None, None, f"{source} defines no {name}"
        return None, None, f"module {source} is missing: {name} is imported from it"

    def syntax_of(self, module: str, syntax: Syntax) -> Syntax:
        """Follow a type's name to its enumeration and hint, through other modules too."""
        values, hint, base = syntax.values, syntax.hint, syntax.base
        for _step in range(_DEEPEST_TYPE):
            if values and hint:
                break
            own = self.modules.get(module)
            following: Syntax | None = None
            if own and base in own.types:
                following = own.types[base]
            elif own and base in own.imports:
                module = own.imports[base]
                if module in self.modules:
                    following = self.modules[module].types.get(base)
                else:
                    following = self.names.types.get(module, {}).get(base)
            if following is None:
                break
            values, hint = values or following.values, hint or following.hint
            base = following.base
        return Syntax(base, values, hint)


def _sound(oid: Oid) -> bool:
    return len(oid) <= MAX_ARCS and oid[0] <= 2 and (oid[0] == 2 or oid[1:2] < (40,))
