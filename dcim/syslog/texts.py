"""The octets of a message as text that is safe to keep and to show. Pure, total."""

from __future__ import annotations

import unicodedata

BOM = b"\xef\xbb\xbf"
# Bidirectional controls can make hostile text show as something else (Unicode TR 36); what ends a
# line elsewhere must not end one here.
_HIDDEN = frozenset(
    "\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068"
    "\u2069\ufeff"
)
_MOST_CUT = 3  # octets of a character of UTF-8 whose end was cut off


def decode_text(octets: bytes) -> str:
    """UTF-8 where it is that, or says so by a BOM (RFC 5424, 6.4); GB 18030 where that fits, which
    devices set to Chinese send; else UTF-8 with U+FFFD for what isn't."""
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        # Devices cut what is longer than their buffer wherever that is.
        if error.reason == "unexpected end of data" and len(octets) - error.start <= _MOST_CUT:
            return octets[: error.start].decode() + "\ufffd"
    if BOM not in octets:
        try:
            return octets.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return octets.decode(errors="replace")


def make_visible(text: str, longest: int) -> str:
    """At most so many characters, the last being an ellipsis where some are left out. Tabs are
    spaces; other controls are shown by their picture (U+2400) or number."""
    cut = text[: longest + 1]
    if not cut.isprintable():
        cut = "".join(map(_show, cut))
    return cut if len(cut) <= longest else cut[: longest - 1] + "…"


def _show(mark: str) -> str:
    code = ord(mark)
    if mark == "\t":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if mark in _HIDDEN or unicodedata.category(mark) in ("Cc", "Cs"):
        return f"\\u{code:04x}"
    return mark
