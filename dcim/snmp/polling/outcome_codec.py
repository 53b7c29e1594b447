"""Outcomes of polls as octets of their own format, for a file that waits for the database.

Layout: eight octets of magic, the last the version; the SHA-256 of what follows; then, deflated,
the length of a JSON text in four octets (big-endian), that text, and the tables of ports one after
the other as `metering.narrow` packs them. The JSON holds what is small: who was polled, when, the
names of ports, readings, descriptions, identity, error, what was dropped (files of before have
no such words). No secret is in an outcome, so none here.

What `identify` leaves empty of an identity (ports, readings) isn't kept: nobody records it.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from dcim.metering import narrow
from dcim.snmp.counting.port_table import Item, PortTable
from dcim.snmp.polling.port_poll import PortPoll
from dcim.snmp.polling.recording import Outcome
from dcim.snmp.reading.optics import Transceiver
from dcim.snmp.reading.probe import ProbeResult
from dcim.snmp.reading.readings import Reading

_MAGIC = b"JFPOLLS\x01"
_DIGEST = 32
# A hundred agents of the largest chassis take a few MB; what claims more was not written by us.
_LARGEST = 256 << 20
# The table's items, then ifIndex and ifOperStatus.
_ROWS = len(Item) + 2


class DamagedSpoolError(ValueError):
    """The octets aren't what `encode` made; the message says in which way."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Outcomes of one shard that are recorded together, each agent at most once.

    `refusals` say of each why the database refuses it; empty of a batch that waits.
    """

    shard: int
    outcomes: tuple[Outcome, ...]
    refusals: tuple[str, ...] = ()


def encode(batch: Batch) -> bytes:
    """Make the octets of a file."""
    tables: list[bytes] = []
    words = [_to_words(outcome, tables) for outcome in batch.outcomes]
    whole: dict[str, Any] = {"shard": batch.shard, "outcomes": words}
    if batch.refusals:
        whole["refusals"] = batch.refusals
    text = json.dumps(whole, separators=(",", ":")).encode()
    body = zlib.compress(b"".join((len(text).to_bytes(4, "big"), text, *tables)), 1)
    return _MAGIC + hashlib.sha256(body).digest() + body


def decode(octets: bytes) -> Batch:
    """Undo `encode`. Raises DamagedSpoolError, and nothing else, for whatever isn't such octets."""
    start = len(_MAGIC) + _DIGEST
    if octets[: len(_MAGIC)] != _MAGIC:
        raise DamagedSpoolError("not a file of polls, or of a version this program doesn't know")
    body = octets[start:]
    if hashlib.sha256(body).digest() != octets[len(_MAGIC) : start]:
        raise DamagedSpoolError("its SHA-256 is another: cut short or changed")
    try:
        return _read(body)
    except (
        zlib.error, LookupError, TypeError, ValueError, ArithmeticError, AttributeError,
        RecursionError, narrow.DamagedFrameError,
    ) as error:  # fmt: skip
        raise DamagedSpoolError(f"{type(error).__name__} in it: {error}") from error


def _read(body: bytes) -> Batch:
    inflate = zlib.decompressobj()
    plain = inflate.decompress(body, _LARGEST)
    if not inflate.eof or inflate.unused_data:
        raise ValueError("longer or shorter than it says")
    end = 4 + int.from_bytes(plain[:4], "big")
    words = json.loads(plain[4:end])
    tables = _Tables(plain, end)
    outcomes = tuple(_from_words(each, tables) for each in words["outcomes"])
    if tables.at != len(plain):
        raise ValueError("longer or shorter than it says")
    refusals = tuple(map(str, words.get("refusals", ())))
    if len(refusals) not in (0, len(outcomes)):
        raise ValueError("refusals of other outcomes")
    return Batch(int(words["shard"]), outcomes, refusals)


def _to_words(outcome: Outcome, tables: list[bytes]) -> dict[str, Any]:
    words: dict[str, Any] = {
        "agent": outcome.agent_id,
        "device": outcome.device_id,
        "at": outcome.at_ms,
        "took": outcome.duration_ms,
    }
    if outcome.error:
        words["error"] = outcome.error
    if outcome.aliases:
        words["aliases"] = dict(outcome.aliases)
    if outcome.readings:
        words["readings"] = [
            [each.kind, each.oid, each.label, str(each.value), each.unit, each.place]
            for each in outcome.readings
        ]
    if outcome.optics is not None:
        words["optics"] = [asdict(each) for each in outcome.optics]
    if outcome.drops:
        words["drops"] = dict(outcome.drops)
    if outcome.strays:
        words["strays"] = dict(outcome.strays)
    if (who := outcome.identity) is not None:
        words["identity"] = [
            who.sys_name, who.sys_descr, who.sys_object_id, who.profile, who.uptime_ticks,
        ]  # fmt: skip
    if (poll := outcome.ports) is not None:
        packed = b""
        if len(poll.table):
            packed = narrow.pack(np.vstack((poll.table.matrix, poll.if_index, poll.oper_status)))
        tables.append(packed)
        words["ports"] = [poll.table.names, poll.table.clock, len(packed)]
    return words


@dataclass(slots=True)
class _Tables:
    octets: bytes
    at: int

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.octets) - self.at:
            raise ValueError("longer or shorter than it says")
        part = self.octets[self.at : self.at + count]
        self.at += count
        return part


def _from_words(words: Mapping[str, Any], tables: _Tables) -> Outcome:
    identity = None
    if "identity" in words:
        name, descr, oid, profile, uptime = words["identity"]
        identity = ProbeResult(
            name, descr, oid, profile, ports=[], readings=[], uptime_ticks=uptime
        )
    return Outcome(
        words["agent"],
        words["device"],
        words["at"],
        ports=_poll(words["ports"], tables) if "ports" in words else None,
        readings=[
            Reading(kind, tuple(oid), label, Decimal(value), unit, place)
            for kind, oid, label, value, unit, place in words.get("readings", ())
        ],
        optics=_optics(words["optics"]) if "optics" in words else None,
        aliases=words.get("aliases", {}),
        identity=identity,
        error=words.get("error", ""),
        duration_ms=words["took"],
        drops=_counts(words.get("drops", {})),
        strays=_counts(words.get("strays", {})),
    )


def _optics(words: Sequence[Mapping[str, Any]]) -> list[Transceiver]:
    return [Transceiver(**{**each, "lanes": tuple(each["lanes"])}) for each in words]


def _counts(words: Mapping[str, Any]) -> dict[str, int]:
    return {reason: int(count) for reason, count in words.items()}


def _poll(words: Sequence[Any], tables: _Tables) -> PortPoll:
    names, clock, size = words
    packed = tables.take(size)
    if not names:
        nothing = np.empty(0, dtype=np.int64)
        return PortPoll(PortTable.empty((), clock), nothing, nothing)
    rows = narrow.unpack(packed, {1: _ROWS}, len(names))
    return PortPoll(
        PortTable(tuple(names), clock, np.ascontiguousarray(rows[: len(Item)])),
        np.ascontiguousarray(rows[-2]),
        np.ascontiguousarray(rows[-1]),
    )
