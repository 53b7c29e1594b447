"""Pure: a calendar as text after RFC 5545, for programs that subscribe to it."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

FOLD_OCTETS = 75
# Programs are asked to look again after so long (RFC 7986, and what older ones read).
REFRESH = "PT1H"
# A text holds no control characters but the tab; ends of lines are written as \n.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Event:
    """[starts_at, ends_at); no end for what still lasts. `changed_at`: of what is told here.
    `status` is TENTATIVE, CONFIRMED or CANCELLED."""

    uid: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    changed_at: dt.datetime
    sequence: int
    status: str
    category: str
    summary: str
    description: str
    url: str


@dataclass(frozen=True, slots=True)
class Calendar:
    name: str
    language: str
    events: Sequence[Event]


def write_calendar(calendar: Calendar) -> bytes:
    """UTF-8 with lines of at most 75 octets. The same calendar is the same bytes."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//Jifang//Portal//{calendar.language.upper()}",
        "CALSCALE:GREGORIAN",
        f"NAME:{escape_text(calendar.name)}",
        f"X-WR-CALNAME:{escape_text(calendar.name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}",
        f"X-PUBLISHED-TTL:{REFRESH}",
    ]
    for event in calendar.events:
        lines += _write_event(event)
    lines.append("END:VCALENDAR")
    return b"".join(fold_line(line) for line in lines)


def _write_event(event: Event) -> list[str]:
    changed = format_utc(event.changed_at)
    lines = [
        "BEGIN:VEVENT",
        f"UID:{escape_text(event.uid)}",
        f"DTSTAMP:{changed}",
        f"LAST-MODIFIED:{changed}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTART:{format_utc(event.starts_at)}",
    ]
    if event.ends_at is not None:
        lines.append(f"DTEND:{format_utc(event.ends_at)}")
    return [
        *lines,
        f"STATUS:{event.status}",
        # Work on our side doesn't take the reader's time.
        "TRANSP:TRANSPARENT",
        "CLASS:PRIVATE",
        f"CATEGORIES:{escape_text(event.category)}",
        f"SUMMARY:{escape_text(event.summary)}",
        f"DESCRIPTION:{escape_text(event.description)}",
        f"URL:{event.url}",
        "END:VEVENT",
    ]


def format_utc(instant: dt.datetime) -> str:
    """RFC 5545 form 2; whole seconds."""
    return instant.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")


def escape_text(text: str) -> str:
    """A value of type TEXT: nothing in it can end its line or begin another property."""
    plain = re.sub(r"\r\n?|[\x85\u2028\u2029]", "\n", text)
    plain = _CONTROL.sub("", plain)
    for mark in ("\\", ";", ","):
        plain = plain.replace(mark, f"\\{mark}")
    return plain.replace("\n", "\\n")


def fold_line(line: str) -> bytes:
    """With its CRLF; a long line goes on after CRLF and a space, never within a character."""
    content = line.encode()
    parts, limit = [], FOLD_OCTETS
    while len(content) > limit:
        cut = limit
        while content[cut] & 0xC0 == 0x80:
            cut -= 1
        parts.append(content[:cut])
        content = content[cut:]
        # The space of a continuation counts too.
        limit = FOLD_OCTETS - 1
    return b"\r\n ".join([*parts, content]) + b"\r\n"
