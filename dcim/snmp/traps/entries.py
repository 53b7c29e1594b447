"""A trap as it is kept on disk and in the database: JSON that no text of the network can break.

Octets are kept as hexadecimal digits, so hostile text is data until a page shows it, cleaned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from itertools import chain
from typing import Any, NamedTuple

from dcim.intake.repeats import Grown, digest
from dcim.snmp.traps.decoding import Notification
from dcim.snmp.wire.ber import OBJECT_IDENTIFIER, Value, VarBind, format_oid, parse_oid

_FLOATS = (0x9F78, 0x9F79)


@dataclass(slots=True)
class TrapEntry:
    """One trap with its `count` so far. `uid` makes recording it again the same as once.

    Times are UTC epoch ms. `agent_id`, `device_id`: whose address it came from, if anybody's.
    `varbinds` are [oid, tag, text] each (`write_varbind`).
    """

    uid: str
    at_ms: int
    last_ms: int
    source: str
    agent_id: int | None
    device_id: int | None
    version: str
    is_inform: bool
    oid: str
    enterprise: str = ""
    generic: int | None = None
    specific: int | None = None
    agent_address: str = ""
    uptime_ticks: int | None = None
    varbinds: list[list[Any]] = field(default_factory=list)
    count: int = 1


class EngineNote(NamedTuple):
    """A sender's SNMPv3 engine (hexadecimal) and its clock as authenticated at `heard_ms`."""

    source: str
    engine_id: str
    boots: int
    time_s: int
    heard_ms: int


_FIELDS = tuple(one.name for one in fields(TrapEntry))


def make_entry(
    uid: str,
    at_ms: int,
    source: str,
    agent_id: int | None,
    device_id: int | None,
    told: Notification,
) -> TrapEntry:
    return TrapEntry(
        uid,
        at_ms,
        at_ms,
        source,
        agent_id,
        device_id,
        told.version,
        told.request is not None,
        format_oid(told.oid),
        format_oid(told.enterprise) if told.enterprise else "",
        told.generic,
        told.specific,
        told.agent_address,
        told.uptime_ticks,
        [write_varbind(bind) for bind in told.varbinds],
    )


def key_of(source: str, told: Notification) -> bytes:
    """Tells whether two traps are the same in all but the uptime."""
    return digest((source, told.version, told.oid, told.enterprise, told.specific, told.varbinds))


def write_varbind(bind: VarBind) -> list[Any]:
    data = bind.value.data
    if isinstance(data, bytes):
        text = data.hex()
    elif isinstance(data, tuple):
        text = format_oid(data)
    else:
        text = "" if data is None else repr(data)
    return [format_oid(bind.oid), bind.value.tag, text]


def read_varbind(kept: Iterable[Any]) -> VarBind:
    """Raises ValueError (BerError) for what `write_varbind` didn't write."""
    oid, tag, text = kept
    data: Any
    if tag in (0x04, 0x40, 0x44):
        data = bytes.fromhex(text)
    elif tag == OBJECT_IDENTIFIER:
        data = parse_oid(text)
    elif tag in _FLOATS:
        data = float(text)
    else:
        data = int(text) if text else None
    return VarBind(parse_oid(oid), Value(tag, data))


def encode_entries(
    entries: Iterable[TrapEntry],
    grown: Iterable[Grown] = (),
    engines: Iterable[EngineNote] = (),
) -> bytes:
    """A spool file's content."""
    told = {
        "traps": [{name: getattr(entry, name) for name in _FIELDS} for entry in entries],
        "grown": list(grown),
        "engines": list(engines),
    }
    return json.dumps(told, separators=(",", ":")).encode()


class Spooled(NamedTuple):
    """What a spool file holds."""

    entries: list[TrapEntry]
    grown: list[Grown]
    engines: list[EngineNote]


def decode_entries(content: bytes) -> Spooled:
    """Raises ValueError for what `encode_entries` didn't write."""
    try:
        told: Mapping[str, Any] = json.loads(content)
        return Spooled(
            [TrapEntry(**each) for each in told["traps"]],
            [(str(uid), int(count), int(at)) for uid, count, at in told["grown"]],
            [EngineNote(*each) for each in told["engines"]],
        )
    except (KeyError, TypeError) as error:
        raise ValueError("no traps are in it") from error


def take_apart(spooled: Spooled) -> list[Spooled]:
    """Each thing by itself, in the order they are to be recorded in."""
    return [
        *(Spooled([each], [], []) for each in spooled.entries),
        *(Spooled([], [each], []) for each in spooled.grown),
        *(Spooled([], [], [each]) for each in spooled.engines),
    ]


def join(parts: Iterable[Spooled]) -> bytes:
    """A spool file's content of what `take_apart` gave."""
    entries, grown, engines = (list(chain(*each)) for each in zip(*parts, strict=True))
    return encode_entries(entries, grown, engines)
