"""A message as it is kept on disk and in the database: JSON that no text can break."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, NamedTuple

from dcim.intake.repeats import Grown, digest
from dcim.syslog.message import Message


@dataclass(slots=True)
class SyslogEntry:
    """One message with its `count` so far. `uid` makes recording it again the same as once.

    Times are UTC epoch ms. `agent_id`, `device_id`: whose address it came from, if anybody's. The
    rest is as in `Message`.
    """

    uid: str
    at_ms: int
    last_ms: int
    source: str
    agent_id: int | None
    device_id: int | None
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
    data: list[list[str]]
    text: str
    count: int = 1


def make_entry(
    uid: str, at_ms: int, source: str, agent_id: int | None, device_id: int | None, told: Message
) -> SyslogEntry:
    return SyslogEntry(
        uid,
        at_ms,
        at_ms,
        source,
        agent_id,
        device_id,
        told.form,
        told.facility,
        told.level,
        told.device_time,
        told.device_ms,
        told.host,
        told.app,
        told.procid,
        told.msgid,
        told.event,
        [list(each) for each in told.data],
        told.text,
    )


def key_of(source: str, told: Message) -> bytes:
    """Tells whether two messages are the same in all but time and sequence number."""
    return digest(
        (source, told.facility, told.level, told.host, told.app, told.event, told.data, told.alike)
    )


class Spooled(NamedTuple):
    """What a spool file holds."""

    entries: list[SyslogEntry]
    grown: list[Grown]


def encode_entries(entries: Iterable[SyslogEntry], grown: Iterable[Grown] = ()) -> bytes:
    """A spool file's content."""
    told = {"messages": [asdict(entry) for entry in entries], "grown": list(grown)}
    return json.dumps(told, separators=(",", ":")).encode()


def decode_entries(content: bytes) -> Spooled:
    """Raises ValueError for what `encode_entries` didn't write."""
    try:
        told: Mapping[str, Any] = json.loads(content)
        return Spooled(
            [SyslogEntry(**each) for each in told["messages"]],
            [(str(uid), int(count), int(at)) for uid, count, at in told["grown"]],
        )
    except (KeyError, TypeError) as error:
        raise ValueError("no messages are in it") from error


def take_apart(spooled: Spooled) -> list[Spooled]:
    """Each thing by itself, in the order they are to be recorded in."""
    return [
        *(Spooled([each], []) for each in spooled.entries),
        *(Spooled([], [each]) for each in spooled.grown),
    ]


def join(parts: Iterable[Spooled]) -> bytes:
    """A spool file's content of what `take_apart` gave."""
    entries, grown = (list(chain(*each)) for each in zip(*parts, strict=True))
    return encode_entries(entries, grown)
