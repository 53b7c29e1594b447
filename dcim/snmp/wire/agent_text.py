"""What agents call things, made safe to keep."""

from __future__ import annotations

import unicodedata

from dcim.snmp.wire.ber import Value

LONGEST = 255  # characters
# Bidirectional controls can make hostile text show as something else (Unicode TR 36).
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(value: Value | None, longest: int = LONGEST) -> str:
    """Make hostile text of the network safe to keep: NFC, no controls, on one line, bounded.

    UTF-8 where it is that, GB 18030 where that fits (older Chinese agents), else Latin-1.
    """
    octets = value.octets if value else None
    if not octets:
        return ""
    for encoding in ("utf-8", "gb18030", "latin-1"):
        try:
            words = octets.rstrip(b"\x00").decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    spaced = "".join(" " if mark in "\r\n\t" else mark for mark in words)
    kept = "".join(
        mark
        for mark in spaced
        if unicodedata.category(mark) not in ("Cc", "Cs") and mark not in _BIDI
    )
    return " ".join(unicodedata.normalize("NFC", kept).split())[:longest]
