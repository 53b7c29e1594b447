"""What a trap means: the class of alarm and how bad, by its OID. Pure.

What an operator says comes before what device families say; a whole OID before one that stands
for all below it, of these the longest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from dcim.snmp.reading.profiles import Profile, shipped_catalogue
from dcim.snmp.wire.ber import Oid


class Meaning(NamedTuple):
    """`rule` names who says so: "profile NAME", or "mapping ID". Texts may be empty."""

    alarm_class: str
    severity: str
    text: str
    text_en: str
    rule: str


@dataclass
class Meanings:
    """Meanings of OIDs, and of all below an OID."""

    _exact: dict[Oid, Meaning] = field(default_factory=dict)
    _below: dict[Oid, Meaning] = field(default_factory=dict)

    def add(self, oid: Oid, meaning: Meaning, *, below: bool) -> None:
        """The first of an OID stays."""
        (self._below if below else self._exact).setdefault(oid, meaning)

    def find(self, oid: Oid) -> Meaning | None:
        if found := self._exact.get(oid):
            return found
        if self._below:
            for length in range(len(oid), 0, -1):
                if found := self._below.get(oid[:length]):
                    return found
        return None


@cache
def shipped_meanings() -> Meanings:
    """What the device families that come with the program say, read once."""
    return gather_meanings(shipped_catalogue().profiles.values())


def gather_meanings(profiles: Iterable[Profile]) -> Meanings:
    """What device families say; the first of an OID is it."""
    meanings = Meanings()
    for profile in profiles:
        for trap in profile.traps:
            meaning = Meaning(
                trap.alarm_class, trap.severity, trap.text, trap.text_en, f"profile {profile.name}"
            )
            meanings.add(trap.oid, meaning, below=False)
    return meanings


def find_meaning(oid: Oid, layers: Iterable[Meanings]) -> Meaning | None:
    """What the first of the layers that knows the OID says."""
    return next((found for layer in layers if (found := layer.find(oid))), None)
