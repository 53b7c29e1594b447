"""Reading MIB files (SMIv1, RFC 1155 and 1212; SMIv2, RFC 2578 and 2579): names and numbers.

Pure, and no more than names need: what an object means, its index and its access are passed over.
A comment ends with its line, as MIB authors mean it, not at a second `--` within it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dcim.snmp.wire.ber import MAX_ARC, MAX_ARCS, Oid

MOST_DEFINITIONS = 50_000  # of one file; the largest vendor modules have about 10,000
_LONGEST_WORD = 255
_LONGEST_NUMBER = 20  # digits; beyond 64 bits there is no number in SMI

# Macros that give a name an OBJECT IDENTIFIER as their value.
_MACROS = frozenset(
    (
        *("OBJECT-TYPE", "OBJECT-IDENTITY", "MODULE-IDENTITY", "NOTIFICATION-TYPE"),
        *("OBJECT-GROUP", "NOTIFICATION-GROUP", "MODULE-COMPLIANCE", "AGENT-CAPABILITIES"),
    )
)
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v]+|--[^\n]*)
      | (?P<line>\n)
      | (?P<text>"[^"]*")
      | (?P<bits>'[^'\n]*'[HhBb])
      | (?P<mark>::=|\.\.|[^\w"'\s])
      | (?P<word>[A-Za-z](?:-?[A-Za-z0-9_])*)
      | (?P<number>[0-9]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class MibError(ValueError):
    """A MIB file, or a definition in it, is wrong: where and why."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


@dataclass(frozen=True, slots=True)
class Syntax:
    """What the values of an object look like; `base` is the type's name as it stands there."""

    base: str = ""
    values: dict[int, str] = field(default_factory=dict)  # of an enumeration
    hint: str = ""  # DISPLAY-HINT (RFC 2579, 3.1)


@dataclass(frozen=True, slots=True)
class Definition:
    """A name with its place: `arcs` below `parent`, or an OID of its own where that is empty."""

    name: str
    parent: str
    arcs: Oid
    kind: str  # the macro, or OBJECT IDENTIFIER
    line: int
    syntax: Syntax | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """One module as it stands in its file; nothing is looked up in others yet."""

    name: str
    file: str
    line: int
    imports: dict[str, str]  # name -> module
    definitions: dict[str, Definition]
    types: dict[str, Syntax]


class _Token(NamedTuple):
    kind: str  # word, number, text, bits, mark, end
    text: str
    line: int


def read_modules(words: str, file: str) -> list[Module]:
    """Read all modules of a file; raise MibError where it isn't one."""
    modules = list(_Parser(words, file).modules())
    if not modules:
        raise MibError(file, 1, "no module begins here (NAME DEFINITIONS ::= BEGIN)")
    return modules


def _tokens(words: str, file: str) -> Iterator[_Token]:
    line = 1
    for found in _TOKEN.finditer(words):
        kind, text = found.lastgroup or "", found[0]
        if kind == "line":
            line += 1
        elif kind == "text":
            yield _Token(kind, text[1:-1][:_LONGEST_WORD], line)
            line += text.count("\n")
        elif kind == "other":
            reason = "a text is never closed" if text == '"' else f"{text!r} doesn't belong here"
            raise MibError(file, line, reason)
        elif (kind == "word" and len(text) > _LONGEST_WORD) or (
            kind == "number" and len(text) > _LONGEST_NUMBER
        ):
            raise MibError(file, line, f"a {kind} of {len(text)} characters")
        elif kind != "space":
            yield _Token(kind, text, line)
    yield _Token("end", "the end of the file", line)


class _Parser:
    """Reads forward with one token of sight, and never calls itself: depth can't hurt it."""

    def __init__(self, words: str, file: str) -> None:
        self.file = file
        self._coming = _tokens(words, file)
        self.now = next(self._coming)
        self._count = 0

    # --- tokens

    def fail(self, reason: str, line: int = 0) -> MibError:
        return MibError(self.file, line or self.now.line, reason)

    def take(self) -> _Token:
        taken = self.now
        if taken.kind == "end":
            raise self.fail("the file ends in the middle of a definition")
        self.now = next(self._coming)
        return taken

    def comes(self, *texts: str) -> bool:
        """Whether one of these marks or words is next; a quoted text is none."""
        return self.now.kind in ("mark", "word") and self.now.text in texts

    def accept(self, text: str) -> bool:
        """Pass over this mark or word when it is what comes."""
        if self.comes(text):
            self.take()
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.fail(f"{text} is due, not {self.now.text!r}")

    def word(self, what: str) -> str:
        if self.now.kind != "word":
            raise self.fail(f"{what} is due, not {self.now.text!r}")
        return self.take().text

    def number(self, most: int) -> int:
        number = int(self.now.text) if self.now.kind == "number" else most + 1
        if number > most:
            raise self.fail(f"a number up to {most} is due, not {self.now.text!r}")
        self.take()
        return number

    def skip_to(self, *ends: str) -> str:
        """Pass over everything up to one of these marks or words; it is taken too."""
        began = self.now.line
        while not self.comes(*ends):
            if self.now.kind == "end":
                raise self.fail(f"no {' or '.join(ends)} after this", began)
            self.take()
        return self.take().text

    def skip_braces(self, opening: str, closing: str) -> None:
        depth = 0
        while True:
            if self.accept(opening):
                depth += 1
            elif self.accept(closing):
                depth -= 1
            else:
                self.take()
            if depth <= 0:
                return

    # --- modules

    def modules(self) -> Iterator[Module]:
        while self.now.kind != "end":
            line, name = self.now.line, self.word("a module's name")
            if self.comes("{"):
                self.skip_braces("{", "}")
            self.expect("DEFINITIONS")
            self.skip_to("::=")
            self.expect("BEGIN")
            if self.accept("EXPORTS"):
                self.skip_to(";")
            imports = self.imports() if self.accept("IMPORTS") else {}
            module = Module(name, self.file, line, imports, {}, {})
            while not self.accept("END"):
                self.assignment(module)
            yield module

    def imports(self) -> dict[str, str]:
        found: dict[str, str] = {}
        names: list[str] = []
        while not self.accept(";"):
            if self.accept("FROM"):
                module = self.word("a module's name")
                if self.comes("{"):
                    self.skip_braces("{", "}")
                found.update(dict.fromkeys(names, module))
                names = []
            else:
                names.append(self.word("a name to import"))
                self.accept(",")
        if names:
            raise self.fail(f"{names[0]} is imported from nowhere")
        return found

    def assignment(self, module: Module) -> None:
        self._count += 1
        if self._count > MOST_DEFINITIONS:
            raise self.fail(f"more than {MOST_DEFINITIONS} definitions")
        line, name = self.now.line, self.word("a definition")
        if self.accept("MACRO"):
            self.skip_to("END")
        elif self.accept("::="):
            module.types[name] = self.type()
        elif self.accept("OBJECT"):
            self.expect("IDENTIFIER")
            self.expect("::=")
            self.keep(module, name, "OBJECT IDENTIFIER", line, None)
        elif self.accept("TRAP-TYPE"):
            self.keep_trap(module, name, line)
        elif self.comes(*_MACROS):
            kind = self.take().text
            syntax = self.type() if kind == "OBJECT-TYPE" and self.accept("SYNTAX") else None
            self.skip_clauses(name, line)
            self.keep(module, name, kind, line, syntax)
        else:
            raise self.fail(f"{name} {self.now.text} is no definition of SMI", line)

    def skip_clauses(self, name: str, line: int) -> None:
        while not self.accept("::="):
            if self.now.kind == "end" or self.comes("OBJECT-TYPE", "TRAP-TYPE", "BEGIN"):
                raise self.fail(f"{name} has no ::= with its number", line)
            self.take()

    # --- values

    def keep(self, module: Module, name: str, kind: str, line: int, syntax: Syntax | None) -> None:
        parent, arcs = self.place(name)
        self.add(module, Definition(name, parent, arcs, kind, line, syntax))

    def keep_trap(self, module: Module, name: str, line: int) -> None:
        """Give a trap of SMIv1 its OID in SMIv2 (RFC 2576, 2.1.2): enterprise, 0, number."""
        self.expect("ENTERPRISE")
        braced = self.accept("{")
        parent = self.word("an enterprise")
        if braced:
            self.expect("}")
        self.skip_clauses(name, line)
        arcs = (0, self.number(MAX_ARC))
        self.add(module, Definition(name, parent, arcs, "TRAP-TYPE", line))

    def add(self, module: Module, definition: Definition) -> None:
        if definition.name in module.definitions:
            raise self.fail(f"{definition.name} is defined twice", definition.line)
        module.definitions[definition.name] = definition

    def place(self, name: str) -> tuple[str, Oid]:
        """Read `{ parent 1 3 }`, `{ iso org(3) 6 }` or `{ 1 3 6 }`."""
        self.expect("{")
        parent, arcs = "", []
        while not self.accept("}"):
            if self.now.kind == "number":
                arcs.append(self.number(MAX_ARC))
            else:
                word = self.word(f"the place of {name}")
                if self.accept("."):  # Module.name: the name says enough, imports say the module
                    word = self.word("a name")
                if self.accept("("):
                    arcs.append(self.number(MAX_ARC))
                    self.expect(")")
                elif parent or arcs:
                    raise self.fail(f"{word} has no number in the place of {name}")
                else:
                    parent = word
            if len(arcs) > MAX_ARCS:
                raise self.fail(f"{name} lies more than {MAX_ARCS} arcs deep")
        if not parent and not arcs:
            raise self.fail(f"{name} has an empty place")
        return parent, tuple(arcs)

    # --- types

    def type(self) -> Syntax:  # noqa: PLR0912 - one per kind of type
        """Read a type, or a TEXTUAL-CONVENTION up to the end of its SYNTAX."""
        hint = ""
        if self.accept("TEXTUAL-CONVENTION"):
            while not self.accept("SYNTAX"):
                if self.accept("DISPLAY-HINT"):
                    if self.now.kind != "text":
                        raise self.fail(f"a text is due, not {self.now.text!r}")
                    hint = self.take().text
                elif self.now.kind == "end" or self.comes("::="):
                    raise self.fail("a TEXTUAL-CONVENTION without SYNTAX")
                else:
                    self.take()
        if self.comes("["):
            self.skip_braces("[", "]")
        if not self.accept("IMPLICIT"):
            self.accept("EXPLICIT")
        base = self.word("a type")
        if self.accept("."):
            base = self.word("a type")
        values: dict[int, str] = {}
        if base in ("SEQUENCE", "SET") and self.accept("OF"):
            self.word("a type")
        elif base in ("SEQUENCE", "SET", "CHOICE"):
            self.skip_braces("{", "}")
        else:
            if base in ("OCTET", "OBJECT") and self.comes("STRING", "IDENTIFIER"):
                base = f"{base} {self.take().text}"
            if self.comes("{"):
                values = self.enumeration()
        if self.comes("("):
            self.skip_braces("(", ")")
        return Syntax(base, values, hint)

    def enumeration(self) -> dict[int, str]:
        """Read `{ up(1), down(2), none(-1) }`; of two words for one number the first stays."""
        self.expect("{")
        values: dict[int, str] = {}
        while not self.accept("}"):
            word = self.word("a named number")
            self.expect("(")
            sign = -1 if self.accept("-") else 1
            number = sign * self.number(2**32 - 1)
            self.expect(")")
            values.setdefault(number, word)
            self.accept(",")
        return values
