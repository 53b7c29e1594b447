"""Of which kind a datagram probably is, without decoding it. Pure, total and cheap.

Only for telling kinds apart while there are too many datagrams: the priority, and what the vendor
calls the event.
"""

from __future__ import annotations

import re

_FRONT = 300  # octets
_PRIORITY = re.compile(rb"<\d{1,3}>")
_NAME = re.compile(
    rb"%[A-Z][A-Z0-9_-]{0,80}?-[0-7]-[A-Z0-9_]{1,80}"
    rb"|%\d{2} ?[A-Za-z][A-Za-z0-9_-]{0,63}/[0-7]/[A-Za-z0-9_-]{1,96}"
    rb"|[A-Z][A-Z0-9]{1,30}(?:_[A-Z0-9]{1,30}){1,8}[: ]"
)


def peek_kind(packet: bytes) -> bytes:
    priority, name = _PRIORITY.match(packet), _NAME.search(packet[:_FRONT])
    return (priority[0] if priority else b"") + (name[0] if name else b"")
