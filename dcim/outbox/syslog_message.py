"""A message as RFC 5424 has it, and its framing for streams (RFC 6587 3.4.1); pure."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

# local0 (RFC 5424 6.2.1): the facilities below are the operating system's own.
FACILITY = 16
APP_NAME = "Jifang"
# 32473 stands for whoever has no number of his own (RFC 5612).
SD_ID = "jifang@32473"
# How bad an alarm is, as syslog says it (RFC 5674, table 1).
SEVERITIES = {
    "critical": 1, "major": 2, "minor": 3, "warning": 4, "indeterminate": 5, "cleared": 5,
}  # fmt: skip
BOM = b"\xef\xbb\xbf"
LONGEST_VALUE = 255
_NAME_REFUSES = frozenset('= ]"')


def write_syslog(
    *,
    severity: int,
    created_at: dt.datetime,
    host: str,
    event: str,
    data: Mapping[str, Any],
    words: str,
    most_bytes: int,
) -> bytes:
    """`data` becomes structured data, nested names joined by dots; `words` are one line in UTF-8,
    cut on a character where the whole has more than `most_bytes`. What isn't words isn't cut: with
    too many of them the last pieces of data are left out."""
    when = created_at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = (
        f"<{FACILITY * 8 + severity}>1 {when} {_name(host, 255)} {_name(APP_NAME, 48)} -"
        f" {_name(event, 32)} "
    ).encode()
    said = _one_line(words).encode()
    element = f"[{SD_ID}"
    for name, value in _flatten(data):
        piece = f' {name}="{_escape(value)}"'
        if len(head) + len((element + piece).encode()) + 2 + len(BOM) > most_bytes // 2:
            break
        element += piece
    whole = head + element.encode() + b"] " + BOM
    room = most_bytes - len(whole)
    if len(said) > room:
        said = said[: room - len("…".encode())].decode(errors="ignore").encode() + "…".encode()
    return whole + said


def frame(message: bytes) -> bytes:
    """Octet counting: how long it is stands before it, so that nothing in it can end it."""
    return str(len(message)).encode() + b" " + message


def severity_of(payload: Mapping[str, Any], usual: int) -> int:
    said = payload.get("severity")
    return SEVERITIES.get(said, usual) if isinstance(said, str) else usual


def _name(text: str, longest: int) -> str:
    """Printable ASCII without spaces (6), or "-" for nothing."""
    return "".join(one for one in text if "!" <= one <= "~")[:longest] or "-"


def _one_line(text: str) -> str:
    printable = "".join(one if one.isprintable() else "\n" for one in text)
    return " / ".join(line for line in (" ".join(x.split()) for x in printable.split("\n")) if line)


def _flatten(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Single values, by names of 32 characters at most (6.3.3); lists are nobody's values."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{before}{key}.")
        elif value is not None and not isinstance(value, list):
            name = "".join(
                one for one in f"{before}{key}" if "!" <= one <= "~" and one not in _NAME_REFUSES
            )
            if name:
                yield name[:32], str(value)


def _escape(value: str) -> str:
    """6.3.3: `"`, `\\` and `]` have a backslash before them."""
    said = _one_line(value)[:LONGEST_VALUE]
    return "".join(f"\\{one}" if one in '"\\]' else one for one in said)
