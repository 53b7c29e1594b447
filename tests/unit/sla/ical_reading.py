"""A strict reader of RFC 5545, small: what it takes, calendar programs take."""

import re
from dataclasses import dataclass, field

PROPERTY = re.compile(r"([A-Z][A-Z0-9-]*)((?:;[A-Z0-9-]+=[^;:,\"]+)*):(.*)\Z", re.DOTALL)
UTC_FORM = re.compile(r"\d{8}T\d{6}Z\Z")
TEXTS = {"UID", "SUMMARY", "DESCRIPTION", "CATEGORIES", "NAME", "X-WR-CALNAME"}
ONCE = ("UID", "DTSTAMP", "DTSTART", "SEQUENCE", "STATUS", "SUMMARY")


@dataclass
class Read:
    properties: dict[str, str]
    events: list[dict[str, str]] = field(default_factory=list)


def read_ical(content: bytes) -> Read:
    """Raises AssertionError for whatever the RFC doesn't allow."""
    assert content.endswith(b"\r\n")
    assert not content.replace(b"\r\n", b"").count(b"\n"), "a bare line feed"
    assert not content.replace(b"\r\n", b"").count(b"\r"), "a bare carriage return"
    raw = content[:-2].split(b"\r\n")
    for octets in raw:
        assert len(octets) <= 75, octets
        # Folded within a character it would be no UTF-8.
        octets.decode()
    lines = re.sub(rb"\r\n[ \t]", b"", content[:-2]).decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-1] == "END:VCALENDAR"
    read = Read({})
    event: dict[str, str] | None = None
    for line in lines[1:-1]:
        assert line, "an empty line"
        found = PROPERTY.match(line)
        assert found, line
        name, value = found.group(1), found.group(3)
        if name == "BEGIN":
            assert value == "VEVENT"
            assert event is None
            event = {}
        elif name == "END":
            assert value == "VEVENT"
            assert event is not None
            assert all(event.get(one) for one in ONCE), event
            if "DTEND" in event:
                assert event["DTEND"] > event["DTSTART"]
            read.events.append(event)
            event = None
        else:
            target = read.properties if event is None else event
            assert name not in target, f"{name} twice"
            target[name] = _unescape(value) if name in TEXTS else _plain(name, value)
    assert event is None
    assert read.properties["VERSION"] == "2.0"
    assert read.properties["PRODID"]
    uids = [one["UID"] for one in read.events]
    assert len(uids) == len(set(uids))
    return read


def _plain(name: str, value: str) -> str:
    if name in {"DTSTAMP", "DTSTART", "DTEND", "LAST-MODIFIED"}:
        assert UTC_FORM.match(value), value
    if name == "SEQUENCE":
        assert value.isdecimal()
    if name == "STATUS":
        assert value in {"TENTATIVE", "CONFIRMED", "CANCELLED"}
    return value


def _unescape(value: str) -> str:
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", value), value
    assert not re.search(r"(?<!\\)(?:\\\\)*\\[^\\;,nN]", value), value
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value), value
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found.group(1), found.group(1)), value)
