"""Keeping what polls said of ports: raw counters to frames, in the caller's transaction.

A recorder belongs to one worker. It remembers each device's last counters between polls, and
believes itself only where the database's are of the same poll: another worker may have had the
device in between, or this one's last transaction may have failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering.bindings import bind_ports
from dcim.metering.families import DOWN, UNKNOWN, UP
from dcim.metering.frame_store import (
    Newest,
    PortMemory,
    find_memory_times,
    make_layouts,
    read_memories,
)
from dcim.metering.frames import LONGEST_POLL_MS, NO_STATE, Frame, Layout, Place
from dcim.metering.store import PostgresSampleStore
from dcim.snmp.counting.counter_arrays import REASONS, PortDeltas, advance_ports
from dcim.snmp.counting.counters import GapReason
from dcim.snmp.counting.port_table import NOT_READ, OCTETS_NOT_READ, Ints, Item, PortTable
from dcim.snmp.polling.port_poll import PortOrder, PortPoll
from dcim.snmp.reading.measuring import unpack_state
from dcim.snmp.reading.ports import STATUS_WORDS, PortReading

# By ifOperStatus, in the order of `ports.STATUS_WORDS`; testing and unknown are what the agent
# itself can't tell. NOT_READ, -1, takes the last.
OPER_STATES = np.array([NO_STATE, UP, DOWN, UNKNOWN, UNKNOWN, DOWN, DOWN, DOWN, NO_STATE])
_MISSING = 1 + REASONS.index(GapReason.MISSING)
_CLOCK = 1 + REASONS.index(GapReason.CLOCK)
# What a poll is that was recorded already, or is older than one that was.
_OLD = [1 + REASONS.index(reason) for reason in (GapReason.DUPLICATE, GapReason.STALE)]
# Of so many devices of a batch series of discards are made beside those of traffic: after an update
# that begins to keep them all would be due at once, and all polls late by that.
GROWING = 10


@cache
def boot_clock() -> str:
    """Names this machine's monotonic clock; readings are compared by it only within one boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class _Remembered:
    """`order` is None where the next poll can't be compared with this one."""

    memory: PortMemory
    order: PortOrder | None


@dataclass(slots=True)
class PortRecorder:
    """What one worker remembers of devices' ports."""

    _remembered: dict[int, _Remembered] = field(default_factory=dict)

    def recall_orders(self, session: Session, device_ids: Sequence[int]) -> dict[int, PortOrder]:
        """The ports of the last polls, by device: only of those the next can be compared with."""
        found = self._recall(session, device_ids)
        orders = {device_id: each.order for device_id, each in found.items()}
        return {device_id: order for device_id, order in orders.items() if order is not None}

    def _recall(self, session: Session, device_ids: Sequence[int]) -> dict[int, _Remembered]:
        """What the last polls of these devices left, by device; those never polled are left out."""
        times = find_memory_times(session, device_ids)
        known = self._remembered
        changed = [
            device_id
            for device_id, ts_ms in times.items()
            if device_id not in known or known[device_id].memory.ts_ms != ts_ms
        ]
        for device_id in changed:
            known.pop(device_id, None)
        if changed:
            for device_id, memory in read_memories(session, changed, len(Item)).items():
                known[device_id] = _Remembered(memory, _order_of(memory))
        return {device_id: known[device_id] for device_id in times if device_id in known}

    def record(self, session: Session, polls: Sequence[tuple[int, PortPoll]], now_ms: int) -> None:
        """Write the frames of polls of (device_id, poll) and what the next ones start from.

        The caller holds locks that keep others from recording the same devices meanwhile.
        """
        polls = [(device_id, poll) for device_id, poll in polls if len(poll.table)]
        if not polls:
            return
        device_ids = [device_id for device_id, _ in polls]
        known = {key: each.memory for key, each in self._recall(session, device_ids).items()}
        strange = [device_id for device_id in device_ids if device_id not in known]
        older = _take_over(session, strange) if strange else {}
        advanced: list[tuple[PortPoll, PortTable, PortDeltas]] = []
        for device_id, poll in polls:
            memory = known.get(device_id)
            before = older.get(device_id)
            if memory is not None:
                before = PortTable(
                    memory.layout.names, memory.clock, memory.open_counters(len(Item))
                )
            advanced.append((poll, *advance_ports(before, poll.table)))
        began_ms = min(int(poll.table[Item.TS_MS].min()) for _, poll in polls)
        tables = [after for _, after, _ in advanced]
        layouts = _find_layouts(session, device_ids, known, tables, began_ms)
        frames: list[Frame] = []
        memories: list[PortMemory] = []
        renewed: dict[int, _Remembered] = {}
        for layout, (poll, after, deltas) in zip(layouts, advanced, strict=True):
            if np.isin(deltas.reason, _OLD).all():
                continue
            frame = _make_frame(layout, poll, deltas)
            newest = _renew_newest(known.get(layout.device_id), layout, poll, frame)
            frames.append(frame)
            memory = PortMemory.pack(layout, frame.ts_ms, after.clock, after.matrix, newest)
            memories.append(memory)
            renewed[layout.device_id] = _Remembered(
                memory, poll.order if is_comparable(poll.table) else None
            )
        PostgresSampleStore().append_frames(session, frames, memories, now_ms)
        # Believed only if the transaction comes to be: see `_recall`.
        self._remembered.update(renewed)


def _take_over(session: Session, device_ids: Sequence[int]) -> dict[int, PortTable]:
    """Counters that were kept port by port, by a version before frames or by a back-fill."""
    rows = session.execute(
        text(
            "WITH taken AS (DELETE FROM counter_memory c USING series s WHERE c.series_id = s.id"
            " AND s.family = 'traffic' AND s.device_id = ANY(CAST(:devices AS bigint[]))"
            " RETURNING s.device_id, s.slot, c.state)"
            " SELECT device_id, slot, state FROM taken ORDER BY device_id, slot"
        ),
        {"devices": list(device_ids)},
    )
    tables: dict[int, dict[str, tuple[str, list[int]]]] = {}
    for device_id, slot, packed in rows:
        state = unpack_state(packed)
        if state is not None:
            last = state.last
            items = [
                last.ts_ms,
                _or_unread(last.monotonic_ms),
                _or_unread(last.uptime_ticks),
                _or_unread(last.engine_time_s),
                _or_unread(last.discontinuity),
                last.bits,
                _or_unread(last.speed_bps),
                *map(_octets, (last.in_octets, last.out_octets)),
                *map(
                    _or_unread,
                    (last.in_errors, last.out_errors, last.in_discards, last.out_discards),
                ),
            ]
            tables.setdefault(device_id, {})[slot] = (last.clock, items)
    found: dict[int, PortTable] = {}
    for device_id, ports in tables.items():
        clock = next(iter(ports.values()))[0]
        for other, items in ports.values():
            if other != clock:
                items[Item.MONOTONIC_MS] = NOT_READ
        matrix = np.array([items for _, items in ports.values()], dtype=np.int64).T
        found[device_id] = PortTable(tuple(ports), clock, np.ascontiguousarray(matrix))
    return found


def _or_unread(number: int | None) -> int:
    return NOT_READ if number is None else number


def _octets(number: int | None) -> int:
    """The bits of an unsigned number as a signed one."""
    return int(np.uint64(OCTETS_NOT_READ if number is None else number).view(np.int64))


def _find_layouts(
    session: Session,
    device_ids: Sequence[int],
    known: dict[int, PortMemory],
    tables: Sequence[PortTable],
    at_ms: int,
) -> list[Layout]:
    """The layouts of tables, polled since `at_ms`: mostly those of the last poll."""
    found: list[Layout | None] = []
    growing = 0
    wanted: list[tuple[int, tuple[str, ...], Ints, Ints]] = []
    for device_id, table in zip(device_ids, tables, strict=True):
        counts = table.octets(Item.IN_OCTETS) != OCTETS_NOT_READ
        # Octets decide where there is a gap, so discards are only told beside them.
        told = np.maximum(table[Item.IN_DISCARDS], table[Item.OUT_DISCARDS]) >= 0
        drops = counts & told
        layout = known[device_id].layout if device_id in known else None
        if layout is not None and layout.names == table.names:
            counted = layout.traffic_ids > 0
            dropped = layout.discard_ids > 0
            is_counting = bool(np.any(counts & ~counted))
            is_growing = bool(np.any(drops & ~dropped)) and not is_counting
            # Until its turn comes a device goes on as before.
            if not is_counting and (not is_growing or growing >= GROWING):
                found.append(layout)
                continue
            growing += is_growing
            counts |= counted
            drops |= dropped
        wanted.append((device_id, table.names, counts.astype(np.int64), drops.astype(np.int64)))
        found.append(None)
    made = iter(make_layouts(session, wanted) if wanted else ())
    bind_ports(session, sorted({device_id for device_id, *_ in wanted}), at_ms)
    return [layout if layout is not None else next(made) for layout in found]


def _make_frame(layout: Layout, poll: PortPoll, deltas: PortDeltas) -> Frame:
    """The poll's samples; a port of the layout that it doesn't name is missing there."""
    told = len(poll.table)
    ts_ms = int(deltas.ts_ms.min())
    table = np.zeros((len(Place), len(layout)), dtype=np.int64)
    table[Place.STATE] = NO_STATE
    table[Place.GAP] = _MISSING
    table[Place.LATE_MS, :told] = deltas.ts_ms - ts_ms
    table[Place.STATE, :told] = OPER_STATES[poll.oper_status]
    table[Place.GAP, :told] = deltas.reason
    gaps = deltas.reason > 0
    for place, numbers in (
        (Place.SPAN_MS, deltas.span_ms),
        (Place.IN_OCTETS, deltas.in_octets),
        (Place.OUT_OCTETS, deltas.out_octets),
        (Place.IN_ERRORS, deltas.in_errors),
        (Place.OUT_ERRORS, deltas.out_errors),
        (Place.IN_DISCARDS, deltas.in_discards),
        (Place.OUT_DISCARDS, deltas.out_discards),
    ):
        # What isn't a sample takes no room.
        table[place, :told] = np.where(gaps, 0, numbers)
    stepped = table[Place.LATE_MS] >= LONGEST_POLL_MS
    if stepped.any():  # the wall clock was set while the device was read
        table[:, stepped] = 0
        table[Place.STATE, stepped] = NO_STATE
        table[Place.GAP, stepped] = _CLOCK
    return Frame(layout, ts_ms, table)


def _renew_newest(memory: PortMemory | None, layout: Layout, poll: PortPoll, frame: Frame) -> Ints:
    """Each port's newest samples after this frame; they never go back in time."""
    newest = np.full((len(Newest), len(layout)), -1, dtype=np.int64)
    if memory is not None:
        if memory.layout.names == layout.names:
            newest = memory.open_newest()
        else:
            place = {name: column for column, name in enumerate(layout.names)}
            old = [c for c, name in enumerate(memory.layout.names) if name in place]
            new = [place[memory.layout.names[column]] for column in old]
            newest[:, new] = memory.open_newest()[:, old]
    newest[Newest.IF_INDEX] = -1
    newest[Newest.IF_INDEX, : len(poll.table)] = poll.if_index
    table = frame.table
    ts = frame.ts_ms + table[Place.LATE_MS]
    fresh = (table[Place.GAP] == 0) & (ts >= newest[Newest.TRAFFIC_TS])
    np.copyto(newest[Newest.TRAFFIC_TS], ts, where=fresh)
    # The frame's rows from the span to the errors are these rows, in the same order; so are those
    # of discards.
    np.copyto(
        newest[Newest.SPAN_MS : Newest.OUT_ERRORS + 1],
        table[Place.SPAN_MS : Place.OUT_ERRORS + 1],
        where=fresh,
    )
    np.copyto(
        newest[Newest.IN_DISCARDS : Newest.OUT_DISCARDS + 1],
        table[Place.IN_DISCARDS : Place.OUT_DISCARDS + 1],
        where=fresh,
    )
    known = (table[Place.STATE] != NO_STATE) & (ts >= newest[Newest.STATE_TS])
    np.copyto(newest[Newest.STATE_TS], ts, where=known)
    np.copyto(newest[Newest.STATE], table[Place.STATE], where=known)
    return newest


def poll_of_readings(
    ports: Sequence[PortReading],
    uptime_ticks: int | None,
    engine_time_s: int | None,
    clock: str,
) -> PortPoll:
    """A poll's table of what the general engine read row by row; names tell the ports apart."""
    columns = [
        [
            port.received.wall_ms,
            port.received.monotonic_ms,
            _or_unread(uptime_ticks),
            _or_unread(engine_time_s),
            _or_unread(port.discontinuity),
            _or_unread(port.counter_bits),
            _or_unread(port.speed_bps),
            *map(_octets, (port.in_octets, port.out_octets)),
            *map(
                _or_unread,
                (port.in_errors, port.out_errors, port.in_discards, port.out_discards),
            ),
        ]
        for port in ports
    ]
    matrix = np.array(columns, dtype=np.int64).reshape(len(ports), len(Item)).T
    names = tuple(port.name for port in ports)
    # The word for none of the numbers stands at 0.
    status = [STATUS_WORDS.index(port.oper_status) or NOT_READ for port in ports]
    return PortPoll(
        PortTable(names, clock, np.ascontiguousarray(matrix)),
        np.array([port.if_index for port in ports], dtype=np.int64),
        np.array(status, dtype=np.int64),
    )


def _order_of(memory: PortMemory) -> PortOrder | None:
    """Which ports the last poll had, by ifIndex; None if the next one can't be compared with it."""
    indexes = memory.open_newest()[Newest.IF_INDEX]
    told = int(np.count_nonzero(indexes >= 0))
    if not told or np.any(indexes[:told] < 0):
        return None
    names = memory.layout.names
    counters = memory.open_counters(len(Item))
    if not is_comparable(PortTable(names[:told], memory.clock, counters[:, :told])):
        return None
    return PortOrder.of(
        names if told == len(names) else names[:told], tuple(indexes[:told].tolist())
    )


def is_comparable(table: PortTable) -> bool:
    """Whether the agent told its sysUpTime: the plan believes no reply without it."""
    return bool(np.all(table[Item.UPTIME_TICKS] >= 0))
