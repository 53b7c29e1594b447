"""A file of v2c agents to sweep: one a line, `address[:port] community`; a comma does as well."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcim.snmp.wire.target import Target, split_address

_LONGEST_COMMUNITY = 255
_BETWEEN = re.compile(r"\s*,\s*|\s+")


class TargetListError(ValueError):
    """A line can't be read; `line` counts from 1, `reason` says why and shows no community."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def read_targets(lines: Iterable[str]) -> list[Target]:
    """Read the lines of a target list; raise TargetListError for the first bad one.

    Addresses are numeric, `[IPv6]:port` with a port. What follows a `#` that begins the line or
    stands behind white space is a comment.
    """
    targets = []
    for number, line in enumerate(lines, 1):
        words = _without_comment(line)
        if not words:
            continue
        place, *community = _BETWEEN.split(words, maxsplit=1)
        try:
            address, port = split_address(place)
            targets.append(Target(address, port, community=_octets("".join(community))))
        except ValueError as error:
            raise TargetListError(number, str(error)) from error
    return targets


def _without_comment(line: str) -> str:
    words = line.replace("\t", " ").removeprefix("\ufeff").strip()
    return "" if words.startswith("#") else words.partition(" #")[0].rstrip()


def _octets(community: str) -> bytes:
    if not community:
        raise ValueError("no community behind the address")
    octets = community.encode()
    if len(octets) > _LONGEST_COMMUNITY:
        raise ValueError(f"a community longer than {_LONGEST_COMMUNITY} octets")
    return octets
