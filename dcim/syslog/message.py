"""What a syslog datagram says. Pure, total, bounded: whatever octets come in, a message comes out.

RFC 5424 as it is written; else RFC 3164 as devices really send it: with the sequence numbers,
years, fractions and zones that each vendor adds, in any order. What isn't understood stays in the
text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dcim.syslog.stamps import Stamp, find_stamp, read_iso
from dcim.syslog.texts import BOM, decode_text, make_visible

LONGEST_TEXT = 4_000  # characters
_LONGEST_HOST, _LONGEST_APP, _LONGEST_PROC, _LONGEST_ID = 255, 48, 128, 32  # RFC 5424, 6
_LONGEST_EVENT = 200
_MOST_DATA = 64  # parameters that are kept
_LONGEST_VALUE = 1_000
NOTICE = 5

_PRI = re.compile(r"<([0-9]{1,3})>")
_HEAD = re.compile(r"1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32})(?: |$)")
_SD_NAME = re.compile(r'[^\s="\]]{1,64}')
_SEQUENCE = re.compile(r"(?::? *\d{1,10})?: +")
# Where an IOS XR router has it, before the time: RP/0/RSP0/CPU0:
_NODE = re.compile(r"[A-Z]{1,4}/[A-Z0-9]{1,4}/[A-Z0-9]{1,8}(?:/[A-Z0-9]{1,8})?:")
# By its own name, where it is told to say it (logging origin-id), before the time.
_ORIGIN = re.compile(r"([^\s:%\[\]]{1,255}): ")
_HOST = re.compile(r"(?![%:])([^\s\[\]%]{0,254}[^\s\[\]%:]) +")
_TAG = re.compile(r"([A-Za-z0-9_./@()+-]{1,64})(?:\[([^\]\s]{1,128})\])? ?:(?= |$)")
# Cisco, Arista, Ruijie: %FACILITY[-SUBFACILITY]-SEVERITY-MNEMONIC:
_CISCO = re.compile(r"%([A-Z][A-Z0-9_-]{0,80}?)-([0-7])-([A-Z0-9_]{1,80})(?![A-Za-z0-9_])")
# Huawei, H3C: %%ddMODULE/SEVERITY/BRIEF; China Mobile's form of it has one %.
_CHINA = re.compile(
    r"%{1,2} ?\d{2} ?([A-Za-z][A-Za-z0-9_-]{0,63})/([0-7])/([A-Za-z0-9_-]{1,96})"
    r"(?:\([a-z]\))?(?: ?\[\d{1,10}\])?"
)
# Juniper: its own name of the event, before the words.
_JUNIPER = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+):")
_FRONT = 400  # characters in which the name of an event is looked for


class Message(NamedTuple):
    """One message; all texts are bounded and shown visibly (`texts`), empty where there is none.

    `form` is "5424" or "3164". `facility` (0..23) is None where no priority was said; `level` is
    the severity, 0 emergency to 7 debug. `device_time` is what the device says of the time, as it
    writes it; `device_ms` the same in UTC epoch ms, None unless it says year and offset. `event` is
    what this kind of message is called: the vendor's name without its level (LINK-UPDOWN,
    IFNET/linkDown_active), else the message id, else the program. `data` are structured data as
    (element, parameter, value). `text` begins with whatever names the event or the program;
    `alike` is the part of it that is the same when the same is said again.
    """

    form: str
    facility: int | None
    level: int
    device_time: str
    device_ms: int | None
    host: str
    app: str
    procid: str
    msgid: str
    event: str
    data: tuple[tuple[str, str, str], ...]
    text: str
    alike: str


def parse(octets: bytes) -> Message:
    """Read one datagram; never raises."""
    words = decode_text(octets.rstrip(b"\r\n\x00"))
    facility, level, rest = _read_priority(words)
    return _read_5424(facility, level, rest) or _read_3164(facility, level, rest)


def name_event(words: str) -> str:
    """The event that words of a person name: as a device writes it, or as it is called here."""
    words = words.strip().rstrip(": ")
    found = _find_name(words)
    for mark in ("%", "%%01"):
        # Without what it begins with, as people name it.
        named = _find_name(mark + words) if found is None else None
        if named is not None and named.end == len(mark + words):
            found = named
    return make_visible(found.event if found else words, _LONGEST_EVENT)


def _read_priority(words: str) -> tuple[int | None, int | None, str]:
    """RFC 5424, 6.2.1: facility times 8 plus severity, 191 at most."""
    found = _PRI.match(words)
    if found is None or int(found[1]) > 191:
        return None, None, words
    number = int(found[1])
    return number >> 3, number & 7, words[found.end() :]


# -- RFC 5424


def _read_5424(facility: int | None, level: int | None, rest: str) -> Message | None:
    """RFC 5424, 6; None where the head isn't one."""
    head = _HEAD.match(rest)
    if level is None or head is None:
        return None
    stamp, host, app, procid, msgid = head.groups()
    time_ms = None
    if stamp != "-":
        read = read_iso(stamp)
        if read is None:
            return None
        time_ms = read.at_ms
    data, text = _read_data(rest[head.end() :])
    text = text.removeprefix(BOM.decode())
    app, procid, msgid = (_said(one) for one in (app, procid, msgid))
    named = _find_name(text)
    return _make(
        "5424",
        facility,
        level,
        Stamp("" if stamp == "-" else stamp, time_ms),
        _said(host),
        app,
        procid,
        msgid,
        data,
        text,
        named,
    )


def _said(word: str) -> str:
    return "" if word == "-" else word


def _read_data(rest: str) -> tuple[list[tuple[str, str, str]], str]:
    """Structured data (RFC 5424, 6.3) and what is behind them; unsound ones stay in the text."""
    if rest == "-" or rest.startswith("- "):
        return [], rest[2:]
    found: list[tuple[str, str, str]] = []
    pos = 0
    while pos < len(rest) and rest[pos] == "[":
        element = _SD_NAME.match(rest, pos + 1)
        if element is None:
            return [], rest
        pos = element.end()
        if rest[pos : pos + 1] == "]":
            found.append((element[0], "", ""))
        while rest[pos : pos + 1] == " ":
            name = _SD_NAME.match(rest, pos + 1)
            if name is None or rest[name.end() : name.end() + 2] != '="':
                return [], rest
            value, pos = _read_value(rest, name.end() + 2)
            if pos < 0:
                return [], rest
            found.append((element[0], name[0], value))
        if rest[pos : pos + 1] != "]":
            return [], rest
        pos += 1
    return found, rest[pos:].removeprefix(" ")


def _read_value(rest: str, pos: int) -> tuple[str, int]:
    """A value and where the quote behind it ends; -1 without one. RFC 5424, 6.3.3: a backslash
    before quote, backslash or bracket takes their meaning away."""
    start, kept = pos, []
    while pos < len(rest):
        mark = rest[pos]
        if mark == '"':
            kept.append(rest[start:pos])
            return "".join(kept), pos + 1
        if mark == "\\" and rest[pos + 1 : pos + 2] in ('"', "\\", "]"):
            kept.append(rest[start:pos])
            start = pos + 1
            pos += 2
            continue
        pos += 1
    return "", -1


# -- RFC 3164


class _Name(NamedTuple):
    """What a vendor calls the event: module, name, level, and where the words begin behind it."""

    app: str
    event: str
    level: int | None
    end: int


def _find_name(text: str) -> _Name | None:
    front = text[:_FRONT]
    if found := _CISCO.search(front):
        return _Name(found[1], f"{found[1]}-{found[3]}", int(found[2]), found.end())
    if found := _CHINA.search(front):
        return _Name(found[1], f"{found[1]}/{found[3]}", int(found[2]), found.end())
    return None


def _read_3164(facility: int | None, level: int | None, rest: str) -> Message:
    """RFC 3164, 4.1.2 and 4.1.3, and what devices make of them: sequence number, node, time and
    host, each where there is one."""
    host, stamp, kept, pos = "", Stamp("", None), "", 0
    # A relay puts its own time and host before the device's (RFC 3164, 4.3.2): the inner is it.
    for _ in range(2):
        sequence = _SEQUENCE.match(rest, pos)
        if sequence is not None:
            pos = sequence.end()
        node = _NODE.match(rest, pos)
        if node is not None:
            kept, pos = node[0] + " ", node.end()
        stamp_at = find_stamp(rest, pos)
        origin = _ORIGIN.match(rest, pos) if stamp_at is None else None
        if origin is not None and (stamp_at := find_stamp(rest, origin.end())) is not None:
            host = host or origin[1]
        if stamp_at is None:
            break
        stamp, pos, closed = stamp_at
        named = None if closed else _HOST.match(rest, pos)
        if named is None:
            break
        host, pos = host or named[1], named.end()
    if not stamp.text and not kept and (named := _HOST.match(rest, pos)):
        # Some leave out the time alone: "SW-01 %%01IFNET/...".
        after = rest[named.end() :]
        if (found := _find_name(after)) is not None and after.startswith("%"):
            host, pos = named[1], named.end()
    text = rest[pos:].lstrip(" :")
    tag = _TAG.match(text)
    app, procid = (tag[1], tag[2] or "") if tag else ("", "")
    found = _find_name(text)
    if found is None and tag is not None:
        behind = text[tag.end() :].lstrip()
        if juniper := _JUNIPER.match(behind):
            end = len(text) - len(behind) + juniper.end()
            found = _Name(app, juniper[1], None, end)
    return _make("3164", facility, level, stamp, host, app, procid, "", [], text, found, kept)


def _make(
    form: str,
    facility: int | None,
    level: int | None,
    stamp: Stamp,
    host: str,
    app: str,
    procid: str,
    msgid: str,
    data: list[tuple[str, str, str]],
    text: str,
    named: _Name | None,
    node: str = "",
) -> Message:
    if level is None:
        # RFC 3164, 4.3.3: without a priority it is a notice.
        level = named.level if named is not None and named.level is not None else NOTICE
    event = named.event if named else msgid or app
    alike = text[named.end :] if named else text
    return Message(
        form,
        facility,
        level,
        make_visible(stamp.text, 64),
        stamp.at_ms,
        make_visible(host, _LONGEST_HOST),
        make_visible(app or (named.app if named else ""), _LONGEST_APP),
        make_visible(procid, _LONGEST_PROC),
        make_visible(msgid, _LONGEST_ID),
        make_visible(event, _LONGEST_EVENT),
        tuple(
            (make_visible(one, 64), make_visible(name, 64), make_visible(value, _LONGEST_VALUE))
            for one, name, value in data[:_MOST_DATA]
        ),
        make_visible(node + text, LONGEST_TEXT),
        node + alike,
    )
