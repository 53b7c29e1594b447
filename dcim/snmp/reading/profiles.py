"""Device profiles (`snmp_mibs/*.yaml`): which objects of a family mean what. Data, checked here.

Every scalar is read as text and duplicate keys are refused. A profile that is wrong names its file,
line and reason, and never stops the others. `docs/profiles.md` describes the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import yaml

from dcim.snmp.reading.optic_specs import OpticSpec, read_optic_specs
from dcim.snmp.wire.ber import BerError, Oid, parse_oid

CLASSES = frozenset(
    (
        *("power", "energy", "current", "voltage", "temperature", "humidity", "frequency"),
        *("power_factor", "load", "charge", "runtime", "state"),
    )
)
UNITS = frozenset(("W", "kWh", "A", "V", "°C", "°F", "K", "%", "Hz", "min", "s", ""))
PLACES = frozenset(
    (
        *("input", "phase", "line", "neutral", "cord", "bank", "outlet", "output", "bypass"),
        *("battery", "ambient", "internal", "transceiver"),
    )
)


# What a trap is about, and how bad that is; "clear" ends what another one told.
TRAP_CLASSES = frozenset(
    (
        *("power", "load", "battery", "temperature", "humidity", "network", "hardware"),
        *("restart", "access", "change", "notice"),
    )
)
SEVERITIES = frozenset(("critical", "warning", "info", "clear"))


class ProfileError(ValueError):
    """A profile file is wrong: where and why."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


@dataclass(frozen=True)
class Kind:
    """What a number is: class, unit and the factor from raw to unit."""

    name: str
    unit: str
    scale: Decimal


@dataclass(frozen=True)
class LabelColumn:
    """A helping column; its index is the reading's without the last `drop` arcs, or a scalar's.

    `words` are what stands for a value in a composed label; conditions see the value itself.
    """

    oid: Oid
    drop: int = 0
    scalar: bool = False
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """Holds when a label column's text is (or, negated, is not) one of `values`."""

    label: str
    values: frozenset[str]
    negated: bool = False


@dataclass(frozen=True)
class Column:
    """One column (or scalar) that gives readings."""

    object: str
    oid: Oid
    kind: Kind | None  # None: by `kinds`
    place: str
    label: str
    sentinels: frozenset[Decimal] = frozenset()
    low: Decimal | None = None
    high: Decimal | None = None
    where: tuple[Condition, ...] = ()
    kinds: dict[str, Kind] = field(default_factory=dict)
    kinds_by: str = ""  # a label's name, or `@n`: the nth arc of the index
    digits: str = ""  # label column: number of decimals in the raw value
    exponent: str = ""  # label column: ENTITY-SENSOR-MIB EntitySensorDataScale
    fahrenheit: Condition | None = None
    above: tuple[Decimal, Decimal] | None = None  # (raw limit, scale beyond it)
    places: tuple[tuple[re.Pattern[str], str], ...] = ()  # by what the label matches


@dataclass(frozen=True)
class TableSpec:
    name: str
    labels: dict[str, LabelColumn]
    columns: tuple[Column, ...]
    # Above 0 it is used only for a (class, place) that no table of a lower rank has given.
    rank: int = 0


@dataclass(frozen=True)
class Match:
    prefix: Oid
    descr: re.Pattern[str] | None = None


@dataclass(frozen=True)
class TrapSpec:
    """What a notification of the family means; `text` is Chinese."""

    object: str
    oid: Oid
    alarm_class: str
    severity: str
    text: str
    text_en: str


@dataclass(frozen=True)
class Profile:
    name: str
    title: str
    source: str
    matches: tuple[Match, ...]
    tables: tuple[TableSpec, ...]
    include: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    ports: bool = True
    bulk: bool = True
    traps: tuple[TrapSpec, ...] = ()
    optics: tuple[OpticSpec, ...] = ()


class _Source(Protocol):
    @property
    def name(self) -> str: ...

    def read_text(self, encoding: str | None = None) -> str: ...


@dataclass(frozen=True)
class Catalogue:
    """All profiles that are sound, and what is wrong with the others."""

    profiles: dict[str, Profile]
    errors: tuple[ProfileError, ...] = ()

    def find(self, sys_object_id: Oid | None, sys_descr: str) -> Profile:
        """Choose by the longest sysObjectID prefix, a matching sysDescr breaking ties."""
        best: tuple[int, bool] = (-1, False)
        chosen = self.profiles["generic"]
        for profile in self.profiles.values():
            for match in profile.matches:
                if (sys_object_id or ())[: len(match.prefix)] != match.prefix:
                    continue
                if match.descr and not match.descr.search(sys_descr):
                    continue
                rank = (len(match.prefix), match.descr is not None)
                if rank > best:
                    best, chosen = rank, profile
        return chosen

    def tables(self, profile: Profile) -> list[TableSpec]:
        """List a profile's own, included and fallback tables, in that order.

        A profile's own fallback tables come before those of other profiles, and these in the
        order in which they are named.
        """
        found = list(profile.tables)
        for name in profile.include:
            found += self.profiles[name].tables
        for step, name in enumerate(profile.fallback, start=1):
            for table in self.profiles[name].tables:
                found.append(replace(table, rank=2 * step + table.rank))
        return found

    def optics(self, profile: Profile) -> list[OpticSpec]:
        """List where optics are read, a profile's own first; of one name only the first counts."""
        found = {spec.name: spec for spec in profile.optics}
        for name in (*profile.include, *profile.fallback):
            for spec in self.profiles[name].optics:
                found.setdefault(spec.name, spec)
        return list(found.values())


def load_catalogue(site: Path | None = None) -> Catalogue:
    """Read the shipped profiles, then a site's folder, whose profiles override by name."""
    shipped = [
        entry for entry in resources.files("snmp_mibs").iterdir() if entry.name.endswith(".yaml")
    ]
    own = sorted(site.glob("*.yaml")) if site and site.is_dir() else []
    return read_profiles([*sorted(shipped, key=lambda entry: entry.name), *own])


@cache
def shipped_catalogue() -> Catalogue:
    """Return the shipped profiles, read once."""
    return load_catalogue()


def read_profiles(files: Iterable[_Source]) -> Catalogue:
    profiles: dict[str, Profile] = {}
    errors: list[ProfileError] = []
    for file in files:
        try:
            profile = read_profile(file.read_text("utf-8"), file.name)
        except ProfileError as error:
            errors.append(error)
        except (OSError, UnicodeDecodeError) as error:
            errors.append(ProfileError(file.name, 1, str(error)))
        else:
            profiles[profile.name] = profile
    for profile in list(profiles.values()):
        for other in (*profile.include, *profile.fallback):
            if other not in profiles:
                errors.append(ProfileError(profile.name, 1, f"includes unknown profile {other!r}"))
                profiles.pop(profile.name, None)
    profiles.setdefault("generic", Profile("generic", "any device", "", (Match(()),), ()))
    return Catalogue(profiles, tuple(errors))


class _Map(dict[str, Any]):
    """A YAML mapping that knows its line."""

    line = 1


class _Loader(yaml.SafeLoader):
    """Scalars stay text; duplicate keys are refused."""


def _construct_map(loader: _Loader, node: yaml.MappingNode) -> _Map:
    made = _Map()
    made.line = node.start_mark.line + 1
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str) or key in made:
            raise yaml.constructor.ConstructorError(
                None, None, f"duplicate or unsound key {key!r}", key_node.start_mark
            )
        made[key] = loader.construct_object(value_node, deep=True)
    return made


_Loader.yaml_implicit_resolvers = {}
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)


def read_profile(words: str, file: str) -> Profile:
    """Read and check one profile; raise ProfileError."""
    try:
        data = yaml.load(words, _Loader)  # noqa: S506 - a SafeLoader that makes text only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "not YAML"
        raise ProfileError(file, mark.line + 1 if mark else 1, str(reason)) from error
    return _Reader(file).profile(data)


class _Reader:
    """Turns checked YAML into a Profile."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.line = 1

    def fail(self, reason: str) -> ProfileError:
        return ProfileError(self.file, self.line, reason)

    def map(self, data: Any, required: str, optional: str = "") -> _Map:
        if not isinstance(data, _Map):
            raise self.fail(f"expected a mapping with {required or optional}")
        self.line = data.line
        allowed = set(required.split()) | set(optional.split())
        for key in data:
            if key not in allowed:
                raise self.fail(f"unknown key {key!r}")
        for key in required.split():
            if key not in data:
                raise self.fail(f"missing key {key!r}")
        return data

    def list(self, data: Any) -> Sequence[Any]:
        if not isinstance(data, list):
            raise self.fail("expected a list")
        return data

    def text(self, data: Any, allowed: frozenset[str] | None = None) -> str:
        if not isinstance(data, str):
            raise self.fail("expected text")
        if allowed is not None and data not in allowed:
            raise self.fail(f"{data!r} is none of {', '.join(sorted(allowed))}")
        return data

    def oid(self, data: Any) -> Oid:
        try:
            return parse_oid(self.text(data))
        except BerError as error:
            raise self.fail(str(error)) from error

    def number(self, data: Any) -> Decimal:
        try:
            number = Decimal(self.text(data))
        except InvalidOperation as error:
            raise self.fail(f"{data!r} is no number") from error
        if not number.is_finite():
            raise self.fail(f"{data!r} is no number")
        return number

    def pattern(self, data: Any) -> re.Pattern[str]:
        try:
            return re.compile(self.text(data), re.IGNORECASE)
        except re.error as error:
            raise self.fail(f"pattern: {error}") from error

    def flag(self, data: Any) -> bool:
        return self.text(data, frozenset(("true", "false"))) == "true"

    def profile(self, data: Any) -> Profile:
        top = self.map(
            data,
            "profile title source match",
            "include fallback ports bulk tables optics traps notes",
        )
        matches = []
        for entry in self.list(top["match"]):
            one = self.map(entry, "sys_object_id", "sys_descr")
            descr = self.pattern(one["sys_descr"]) if "sys_descr" in one else None
            matches.append(Match(self.oid(one["sys_object_id"]), descr))
        tables = tuple(self.table(entry) for entry in self.list(top.get("tables", [])))
        traps = tuple(self.trap(entry) for entry in self.list(top.get("traps", [])))
        optics = read_optic_specs(self, top.get("optics", []))
        self.line = top.line
        return Profile(
            self.text(top["profile"]),
            self.text(top["title"]),
            self.text(top["source"]),
            tuple(matches),
            tables,
            tuple(self.text(name) for name in self.list(top.get("include", []))),
            tuple(self.text(name) for name in self.list(top.get("fallback", []))),
            self.flag(top.get("ports", "true")),
            self.flag(top.get("bulk", "true")),
            traps,
            optics,
        )

    def trap(self, data: Any) -> TrapSpec:
        one = self.map(data, "object oid class severity zh en")
        return TrapSpec(
            self.text(one["object"]),
            self.oid(one["oid"]),
            self.text(one["class"], TRAP_CLASSES),
            self.text(one["severity"], SEVERITIES),
            self.text(one["zh"]),
            self.text(one["en"]),
        )

    def table(self, data: Any) -> TableSpec:
        one = self.map(data, "name readings", "labels where fallback")
        labels = {name: self.label(entry) for name, entry in (one.get("labels") or {}).items()}
        self.line = one.line
        rank = int(self.flag(one.get("fallback", "false")))
        shared = tuple(self.condition(entry, labels) for entry in self.list(one.get("where", [])))
        columns = tuple(self.column(entry, labels, shared) for entry in self.list(one["readings"]))
        return TableSpec(self.text(one["name"]), labels, columns, rank)

    def label(self, data: Any) -> LabelColumn:
        if isinstance(data, str):
            return LabelColumn(self.oid(data))
        one = self.map(data, "oid", "drop scalar words")
        drop = self.number(one.get("drop", "0"))
        scalar = self.flag(one.get("scalar", "false"))
        if drop != int(drop) or drop < 0 or (drop and scalar):
            raise self.fail("'drop' is a number of arcs, and a scalar has none to drop")
        words = one.get("words", _Map())
        if not isinstance(words, _Map):
            raise self.fail("'words' maps values to words")
        return LabelColumn(
            self.oid(one["oid"]),
            int(drop),
            scalar,
            {value: self.text(word) for value, word in words.items()},
        )

    def condition(self, data: Any, labels: dict[str, LabelColumn]) -> Condition:
        one = self.map(data, "label", "in not_in")
        self.known(one["label"], labels)
        if ("in" in one) == ("not_in" in one):
            raise self.fail("a condition has either 'in' or 'not_in'")
        values = self.list(one.get("in", one.get("not_in")))
        return Condition(one["label"], frozenset(map(self.text, values)), "not_in" in one)

    def known(self, name: Any, labels: dict[str, LabelColumn]) -> str:
        if self.text(name) not in labels:
            raise self.fail(f"no label column {name!r}")
        return str(name)

    def kind(self, data: Any) -> Kind:
        one = self.map(data, "class unit", "scale")
        return Kind(
            self.text(one["class"], CLASSES),
            self.text(one["unit"], UNITS),
            self.number(one.get("scale", "1")),
        )

    def column(
        self, data: Any, labels: dict[str, LabelColumn], shared: tuple[Condition, ...]
    ) -> Column:
        one = self.map(
            data,
            "object oid place label",
            "class unit scale kinds kinds_by digits exponent sentinels min max where fahrenheit "
            "above places",
        )
        if ("class" in one) == ("kinds" in one):
            raise self.fail("a reading has either 'class' and 'unit' or 'kinds' and 'kinds_by'")
        kind, kinds, kinds_by = None, {}, ""
        if "kinds" in one:
            kinds = {key: self.kind(entry) for key, entry in one["kinds"].items()}
            self.line = one.line
            kinds_by = self.text(one.get("kinds_by"))
            if not re.fullmatch(r"@-?\d+", kinds_by):
                self.known(kinds_by, labels)
        else:
            made = _Map({key: one[key] for key in ("class", "unit", "scale") if key in one})
            made.line = one.line
            kind = self.kind(made)
        for name in re.findall(r"{([^}@]+)}", self.text(one["label"])):
            self.known(name, labels)
        above = None
        if "above" in one:
            limit = self.map(one["above"], "raw scale")
            above = self.number(limit["raw"]), self.number(limit["scale"])
        conditions = [self.condition(entry, labels) for entry in self.list(one.get("where", []))]
        places = []
        for entry in self.list(one.get("places", [])):
            rule = self.map(entry, "label place")
            places.append((self.pattern(rule["label"]), self.text(rule["place"], PLACES)))
        heat = one.get("fahrenheit")
        self.line = one.line
        return Column(
            self.text(one["object"]),
            self.oid(one["oid"]),
            kind,
            self.text(one["place"], PLACES),
            one["label"],
            frozenset(map(self.number, self.list(one.get("sentinels", [])))),
            self.number(one["min"]) if "min" in one else None,
            self.number(one["max"]) if "max" in one else None,
            (*shared, *conditions),
            kinds,
            kinds_by,
            self.known(one["digits"], labels) if "digits" in one else "",
            self.known(one["exponent"], labels) if "exponent" in one else "",
            self.condition(heat, labels) if heat is not None else None,
            above,
            tuple(places),
        )
