"""How a value reads by its DISPLAY-HINT (RFC 2579, 3.1). Pure; a hint may be any text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_WHOLE = re.compile(r"d(?:-(\d{1,2}))?|[xob]")
_PART = re.compile(r"(\*?)(\d{1,5})([xdoat])([^\d*]?)([^\d*]?)")


@dataclass(frozen=True)
class _Part:
    """One octet-format: repeat indicator, octets, format, separator, repeat terminator."""

    repeated: bool
    octets: int
    form: str
    separator: str
    terminator: str


def show_number(number: int, hint: str) -> str | None:
    """An integer by its hint: `d-2` shifts the point, x, o and b are bases; None: no such hint."""
    found = _WHOLE.fullmatch(hint)
    if not found:
        return None
    sign, size = "-" if number < 0 else "", abs(number)
    if hint[0] != "d":
        return sign + format(size, hint)
    places = int(found[1] or 0)
    if not places:
        return str(number)
    digits = str(size).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def show_octets(octets: bytes, hint: str) -> str | None:
    """Octets by their hint, e.g. `1x:`; None where the hint is none or text isn't text.

    The last part repeats until the octets end; separators at the very end are left out.
    """
    parts = _parts(hint)
    if not parts:
        return None
    shown: list[str] = []
    position, step = 0, 0
    separator = ""
    while position < len(octets):
        part = parts[min(step, len(parts) - 1)]
        step += 1
        times = 1
        if part.repeated:
            times, position = octets[position], position + 1
        for turn in range(times):
            piece = octets[position : position + part.octets]
            if not piece:
                break
            position += len(piece)
            text = _show(piece, part.form)
            if text is None:
                return None
            shown += (separator, text)
            last = turn == times - 1
            separator = part.terminator if last and part.repeated and part.terminator else ""
            separator = separator or part.separator
    return "".join(shown)


@lru_cache(maxsize=1024)
def _parts(hint: str) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    position = 0
    while position < len(hint):
        found = _PART.match(hint, position)
        if not found or int(found[2]) == 0:
            return ()  # a part of no octets would never end
        repeated, octets, form, separator, terminator = found.groups()
        if terminator and not repeated:
            return ()
        parts.append(_Part(bool(repeated), int(octets), form, separator, terminator))
        position = found.end()
    return tuple(parts)


def _show(piece: bytes, form: str) -> str | None:
    if form in "at":
        try:
            return piece.decode("ascii" if form == "a" else "utf-8")
        except UnicodeDecodeError:
            return None
    if form == "x":
        return piece.hex().upper()
    if len(piece) > 64:
        return None  # no number that anybody reads, and decimal digits cost their square
    return format(int.from_bytes(piece, "big"), form)
