"""The times that devices write into messages, in the forms there are. Pure, total.

Kept as written: most say neither year nor offset, and clocks of devices are wrong. As an instant
only where the device says both.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

_TIME = r"\d{1,2}:\d{2}:\d{2}(?:[.,:]\d{1,9})?"
_OFFSET = r"(?:Z|[+-]\d{2}:?\d{2})"
# Names of zones stand in capitals behind the time, before the colon that ends it.
_ZONE = r"(?: [A-Z]{2,5}(?=[: ]|$))?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_FORMS = re.compile(
    # Cisco: * for a clock that isn't set, . for one that isn't in step.
    r"[*.]?(?:"
    rf"(?:\d{{4}} )?{_MONTH} {{1,2}}\d{{1,2}} (?:\d{{4}} )?{_TIME}"
    rf"(?: \d{{4}}(?=[ :]|$))?{_OFFSET}?{_ZONE}"
    rf"|\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}[T ]{_TIME} ?{_OFFSET}?{_ZONE}"
    # Up for so long, of a router without a clock: 00:00:46, 2d03h, 1w2d.
    r"|\d{2}:\d{2}:\d{2}(?=:)|\d{1,4}[wd]\d{1,2}[dh](?=:)"
    r")(:?)(?= |$|:|%)",
    re.ASCII,
)
_ISO = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[T ](\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?"
    rf" ?({_OFFSET}| UTC)?$",
    re.ASCII,
)


# A clock that says another year is not off: it says nothing.
_FIRST_YEAR, _LAST_YEAR = 1970, 2100


class Stamp(NamedTuple):
    """The time as written, and as an instant (UTC epoch ms) where it says year and offset."""

    text: str
    at_ms: int | None


def read_iso(text: str) -> Stamp | None:
    """RFC 5424, 6.2.3, and what is near it; None for what isn't a time."""
    found = _ISO.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(one) for one in found.groups()[:6])
    micros = int((found[7] or "0")[:6].ljust(6, "0"))
    offset = found[8]
    try:
        # A leap second is taken for the one before it.
        last = 59 if second == 60 else second
        local = dt.datetime(year, month, day, hour, minute, last, micros, tzinfo=dt.UTC)
        if not offset or not _FIRST_YEAR <= year <= _LAST_YEAR:
            return Stamp(text, None)
        return Stamp(text, int((local - _read_offset(offset.strip())).timestamp() * 1000))
    except (ValueError, OverflowError):
        return None


def _read_offset(offset: str) -> dt.timedelta:
    if offset in ("Z", "UTC"):
        return dt.timedelta(0)
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return dt.timedelta(minutes=-minutes if offset[0] == "-" else minutes)


def find_stamp(words: str, pos: int) -> tuple[Stamp, int, bool] | None:
    """The time that stands there, where what follows begins, and whether a colon ended it."""
    while words[pos : pos + 1] == " ":
        pos += 1
    found = _FORMS.match(words, pos)
    if found is None:
        return None
    text = found[0].removesuffix(":")
    end = found.end()
    closed = bool(found[1]) or words[end : end + 1] == ":"
    while end < len(words) and words[end] in " :":
        end += 1
    return read_iso(text) or Stamp(text, None), end, closed
