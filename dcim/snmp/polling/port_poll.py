"""What a finished walk of `POLL_PLAN` says of all ports at once, or why it can't be told from it.

The walk reads column by column, and each comes in replies of its own. So a device that numbers its
ports anew while it is read would have one port's octets told beside another's name: bytes of one
customer on the bill of another. Nothing in a reply of counters shows that. Therefore:

- the names are read last, behind all counters;
- a poll counts only if each ifIndex has the name it had when names were last read, in the poll
  before (`same_ports`). The counters were read between these two readings of names, so whatever was
  renumbered once in that time, within either poll or between them, shows as a difference;
- a poll that differs in any way, and the first one of an agent, is thrown away, and the agent is
  read in the same cycle by the general engine, row by row, where a port's octets and its name come
  in one reply. Its names (that of the poll thrown away) are what the next poll is compared with;
- the names themselves may come in several replies with the change in between. Then a name stands
  there twice, or the ports of each reply changed among themselves, which is the case above.

What this can't see is a device that numbers its ports anew and then back as they were, all between
two readings of their names. Devices do so when they start or a card is changed; of a start
sysUpTime tells.

Ports of which the plan doesn't read enough are no ground for a guess either (`gather_poll`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from dcim.snmp.counting.port_table import NOT_READ, Ints, Item, PortTable
from dcim.snmp.wire import ber
from dcim.snmp.wire.agent_text import clean_text
from dcim.snmp.wire.port_plan import POLL_PLAN, Part, PollColumn, PortColumn, PortsRead

_MEGABIT = 1_000_000
_FASTEST = (1 << 32) - 1  # ifHighSpeed is a Gauge32
_LAST_STATUS = 7  # lowerLayerDown
_ALL_ONES = (1 << 64) - 1  # of which the table's NOT_READ and OCTETS_NOT_READ are the bits

_NUMBERS = POLL_PLAN[: PollColumn.NAME]
# The plan's first columns are the table's last rows, in the same order.
_COUNTED = len(Item) - Item.IN_OCTETS


@dataclass(frozen=True, slots=True)
class PortOrder:
    """Which ports a poll told of, by rising ifIndex: all that the next one is compared with."""

    names: tuple[str, ...]
    if_index: Ints

    @classmethod
    def of(cls, names: tuple[str, ...], indexes: tuple[int, ...]) -> PortOrder:
        """Agents of a kind share the indexes: a worker remembers this of each."""
        return cls(names, _array(indexes))


@dataclass(frozen=True, slots=True)
class PortPoll:
    """All ports of one poll, by rising ifIndex; `table` has them in the same order.

    `oper_status` is ifOperStatus, NOT_READ where it wasn't read or is no number of the MIB.
    """

    table: PortTable
    if_index: Ints
    oper_status: Ints

    @property
    def order(self) -> PortOrder:
        return PortOrder(self.table.names, self.if_index)


@dataclass(frozen=True, slots=True)
class NeedsFullRead:
    """The plan can't tell the truth about this agent: the general engine has to read it."""

    reason: str


def gather_poll(read: PortsRead, clock: str) -> PortPoll | NeedsFullRead:
    """Make a table of what a walk of `POLL_PLAN` read; `clock` names the monotonic clock.

    Every port that any column tells of must have both 64-bit octets and a name of its own:

    - without one of the octets it has 32-bit counters, which the plan doesn't read, or none;
    - without a name the general engine takes ifDescr instead, which the plan doesn't read either;
    - a name that two ports have binds neither, and which of them it was the last time is anybody's
      guess. The general engine leaves out both;
    - a port that only some of these columns know came or went while they were read.

    None at all may be a device without ifXTable. What else is missing of a port was not read: an
    agent has no discontinuity times, or no errors for its VLANs, and that makes nothing untrue.
    A walk that failed says nothing.
    """
    if read.error is not None:
        return NeedsFullRead(f"the walk failed: {read.error}")
    columns = [_indexes(parts) for parts in read.columns]
    indexes = columns[PortColumn.IN_OCTETS]
    reason = _objection(indexes, columns)
    if reason:
        return NeedsFullRead(reason)
    names, reason = _clean_names(_texts(read.columns[PollColumn.NAME]))
    if reason:
        return NeedsFullRead(reason)
    numbers = _numbers(read.columns, columns, indexes)
    matrix = np.empty((len(Item), len(names)), dtype=np.int64)
    _put_times(matrix, read.columns[PortColumn.IN_OCTETS])
    matrix[Item.ENGINE_TIME_S] = NOT_READ
    matrix[Item.BITS] = 64
    matrix[Item.IN_OCTETS :] = numbers[:_COUNTED]
    events = matrix[Item.IN_ERRORS :]
    np.maximum(events, NOT_READ, out=events)  # what is negative is beyond all counters
    np.maximum(numbers[PollColumn.DISCONTINUITY], NOT_READ, out=matrix[Item.DISCONTINUITY])
    matrix[Item.SPEED_BPS] = _between(numbers[PortColumn.HIGH_SPEED], _FASTEST, _MEGABIT)
    status = _between(numbers[PortColumn.OPER_STATUS], _LAST_STATUS)
    return PortPoll(PortTable(names, clock, matrix), _array(indexes), status)


def same_ports(last: PortOrder | None, this: PortPoll) -> bool:
    """Tell whether each ifIndex has the name it had in the last poll; without one it has not."""
    if last is None:
        return False
    if last.names is not this.table.names and last.names != this.table.names:
        return False
    return last.if_index is this.if_index or np.array_equal(last.if_index, this.if_index)


def _indexes(parts: Sequence[Part]) -> tuple[int, ...]:
    if len(parts) == 1:
        return parts[0].indexes
    return tuple(index for part in parts for index in part.indexes)


def _objection(indexes: tuple[int, ...], columns: Sequence[tuple[int, ...]]) -> str:
    """Say what makes the columns no description of the same ports; empty when nothing does."""
    if not indexes and not any(columns):
        return "no ports"
    if columns[PortColumn.OUT_OCTETS] != indexes:
        return "a port without 64-bit counters"
    known: frozenset[int] | None = None
    for which, column in enumerate(columns):
        if column is indexes or column == indexes:
            continue
        known = known or frozenset(indexes)
        if not known.issuperset(column):
            return "a port without 64-bit counters"
        if which == PollColumn.NAME:
            return "a port without a name"
    return ""


def _texts(parts: Sequence[Part]) -> tuple[bytes, ...]:
    if len(parts) == 1:
        return parts[0].texts
    return tuple(chain.from_iterable(part.texts for part in parts))


@lru_cache(maxsize=4_096)
def _clean_names(texts: tuple[bytes, ...]) -> tuple[tuple[str, ...], str]:
    """Clean the names, and say what they can't be used for; agents of a kind share them."""
    names = tuple(map(_clean_name, texts))
    if "" in names:
        return names, "a port without a name"
    return names, "" if len(set(names)) == len(names) else "a name that two ports have"


@lru_cache(maxsize=16_384)
def _clean_name(text: bytes) -> str:
    return clean_text(ber.octet_string(text))


@lru_cache(maxsize=4_096)
def _array(indexes: tuple[int, ...]) -> Ints:
    numbers: Ints = np.array(indexes, dtype=np.int64)
    numbers.flags.writeable = False
    return numbers


def _put_times(matrix: Ints, parts: Sequence[Part]) -> None:
    """Give each port the times of the reply that brought its ifHCInOctets."""
    start = 0
    for part in parts:
        stop = start + len(part.indexes)
        matrix[Item.TS_MS, start:stop] = part.wall_ms
        matrix[Item.MONOTONIC_MS, start:stop] = part.monotonic_ms
        matrix[Item.UPTIME_TICKS, start:stop] = part.uptime_ticks
        start = stop


def _numbers(
    parts: Sequence[Sequence[Part]],
    columns: Sequence[tuple[int, ...]],
    indexes: tuple[int, ...],
) -> Ints:
    """The columns of integers, (columns, ports), as the bits of unsigned 64-bit numbers."""
    numbers = array("Q")
    for of_column, column in zip(parts[: len(_NUMBERS)], columns, strict=False):
        if column is indexes or column == indexes:
            for part in of_column:
                numbers.extend(part.values)
            continue
        values = chain.from_iterable(part.values for part in of_column)
        known = dict(zip(column, values, strict=True))
        numbers.extend([known.get(index, _ALL_ONES) for index in indexes])
    return np.frombuffer(numbers, dtype=np.int64).reshape(len(_NUMBERS), len(indexes))


def _between(numbers: Ints, most: int, unit: int = 1) -> Ints:
    """The numbers from 1 to `most`, times the unit; NOT_READ for all others."""
    return np.where((numbers > 0) & (numbers <= most), numbers * unit, NOT_READ)
