"""A frame: what one poll of a device said of all its ports, kept as one row.

A row per port would cost several times the disk and most of a minute at ten thousand switches.
Which port stands where is told by the frame's layout, which hardly ever changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dcim.metering import narrow
from dcim.metering.batch import Batch, Columns, Ints, keep_last
from dcim.metering.families import DISCARDS, STATE, TRAFFIC, Family

NO_STATE = -1
# Ports of one poll answer within this time; what a device took longer for is another frame.
LONGEST_POLL_MS = 600_000
# A frame's families; those of other things come as rows.
FRAMED = {TRAFFIC.name: TRAFFIC, STATE.name: STATE, DISCARDS.name: DISCARDS}


class Place(IntEnum):
    """Rows of a frame's table, a column per port."""

    LATE_MS = 0  # a sample's time is the frame's and this
    SPAN_MS = 1
    FLAGS = 2
    IN_OCTETS = 3
    OUT_OCTETS = 4
    IN_ERRORS = 5
    OUT_ERRORS = 6
    STATE = 7  # NO_STATE: the port has no sample of it
    GAP = 8  # 0: a sample of traffic; else why there is none, as `snmp.counter_arrays` counts them
    IN_DISCARDS = 9  # NOT_REPORTED where the device doesn't tell
    OUT_DISCARDS = 10


_VERSION = 2
# Frames of version 1 were written before discards were kept: of those nothing is known in them.
_ROWS = {1: Place.GAP + 1, _VERSION: len(Place)}
# What a family's samples are made of, after their time: span, flags, values.
_TAKEN = {
    TRAFFIC.name: (
        Place.SPAN_MS,
        Place.FLAGS,
        Place.IN_OCTETS,
        Place.OUT_OCTETS,
        Place.IN_ERRORS,
        Place.OUT_ERRORS,
    ),
    STATE.name: (Place.FLAGS, Place.FLAGS, Place.STATE),
    DISCARDS.name: (Place.SPAN_MS, Place.FLAGS, Place.IN_DISCARDS, Place.OUT_DISCARDS),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The ports of a device in a fixed order; series ids, 0 where there is no such series."""

    id: int
    device_id: int
    names: tuple[str, ...]
    traffic_ids: Ints
    state_ids: Ints
    discard_ids: Ints

    def __len__(self) -> int:
        return len(self.names)

    def ids(self, family: str) -> Ints:
        return {
            TRAFFIC.name: self.traffic_ids,
            STATE.name: self.state_ids,
            DISCARDS.name: self.discard_ids,
        }[family]


@dataclass(frozen=True, slots=True)
class Frame:
    """`table` has the shape (places, ports of the layout); `ts_ms` is UTC epoch ms."""

    layout: Layout
    ts_ms: int
    table: Ints

    def pack(self) -> bytes:
        return narrow.pack(self.table, _VERSION)

    def batches(self) -> list[Batch]:
        """The frame's samples as rows: for where it comes too late to be kept as a frame."""
        ts = self.ts_ms + self.table[Place.LATE_MS]
        batches = []
        for family in FRAMED.values():
            ids = self.layout.ids(family.name)
            table = dict(enumerate(self.table))
            chosen = np.flatnonzero(_is_present(family, table) & (ids > 0))
            if len(chosen):
                span, flags, *values = (part[chosen] for part in _take(family, table))
                batches.append(
                    Batch.from_arrays(
                        family,
                        ids[chosen],
                        ts[chosen],
                        dict(zip(family.columns, values, strict=True)),
                        span_ms=span,
                        flags=flags,
                    )
                )
        return batches


def _is_present(family: Family, table: Mapping[int, Ints]) -> NDArray[np.bool_]:
    """Where there is a sample of the family."""
    if family is TRAFFIC:
        return np.equal(table[Place.GAP], 0)
    if family is DISCARDS:
        told = np.maximum(table[Place.IN_DISCARDS], table[Place.OUT_DISCARDS]) >= 0
        return np.equal(table[Place.GAP], 0) & told
    return np.not_equal(table[Place.STATE], NO_STATE)


def _take(family: Family, table: Mapping[int, Ints]) -> list[Ints]:
    """Span, flags and values of the family's samples."""
    taken = [table[place] for place in _TAKEN[family.name]]
    if family is STATE:
        taken[0] = np.zeros_like(taken[0])  # a state covers no time of its own
    return taken


@dataclass(frozen=True, slots=True)
class StoredFrame:
    layout_id: int
    ts_ms: int
    body: bytes


def open_frames(
    family: Family,
    stored: Iterable[StoredFrame],
    layouts: Mapping[int, Layout],
    series_ids: Sequence[int] | None = None,
) -> dict[int, Columns]:
    """One device's frames, sorted by time, as samples by series; of those asked for, else of all.

    Raises narrow.DamagedFrameError.
    """
    groups: dict[tuple[int, bytes], list[StoredFrame]] = {}
    for frame in stored:
        key = (frame.layout_id, narrow.shape_key(frame.body, _ROWS))
        groups.setdefault(key, []).append(frame)
    parts: dict[int, list[Ints]] = {}
    wanted = None if series_ids is None else np.asarray(series_ids, dtype=np.int64)
    for (layout_id, shape), frames in groups.items():
        if narrow.count_rows(shape, _ROWS) <= max(_TAKEN[family.name]):
            continue
        layout = layouts[layout_id]
        ids = layout.ids(family.name)
        chosen = ids > 0 if wanted is None else (ids > 0) & np.isin(ids, wanted)
        columns = np.flatnonzero(chosen)
        if len(columns):
            _open_group(family, frames, layout, columns, parts)
    return {series_id: _join(family, found) for series_id, found in parts.items()}


@dataclass(frozen=True, slots=True)
class Gaps:
    """Why ports have no samples: `codes` has a row per frame, a column per port that counts.

    A code is a frame's (`Place.GAP`), -1 where the frame's layout hasn't the port. `damaged` counts
    frames that can't be opened; they aren't among `times` (UTC epoch ms, rising).
    """

    names: tuple[str, ...]
    times: Ints
    codes: NDArray[np.int16]
    damaged: int


def open_gaps(stored: Sequence[StoredFrame], layouts: Mapping[int, Layout]) -> Gaps:
    """Read one device's frames, sorted by time, for their gaps only."""
    groups: dict[tuple[int, bytes], list[int]] = {}
    for row, frame in enumerate(stored):
        key = (frame.layout_id, narrow.shape_key(frame.body, _ROWS))
        groups.setdefault(key, []).append(row)
    places: dict[str, int] = {}
    for layout_id in dict.fromkeys(frame.layout_id for frame in reversed(stored)):
        layout = layouts[layout_id]
        for column in np.flatnonzero(layout.traffic_ids > 0).tolist():
            places.setdefault(layout.names[column], len(places))
    codes = np.full((len(stored), len(places)), -1, dtype=np.int16)
    sound = np.ones(len(stored), dtype=np.bool_)
    for (layout_id, _), rows in groups.items():
        layout = layouts[layout_id]
        columns = np.flatnonzero(layout.traffic_ids > 0)
        bodies = [stored[row].body for row in rows]
        try:
            (opened,) = narrow.unpack_many(bodies, [Place.GAP], columns, _ROWS, len(layout))
        except narrow.DamagedFrameError:
            sound[rows] = False
            continue
        there = [places[layout.names[column]] for column in columns.tolist()]
        codes[np.ix_(rows, there)] = opened
    times = np.array([frame.ts_ms for frame in stored], dtype=np.int64)
    return Gaps(tuple(places), times[sound], codes[sound], int(np.count_nonzero(~sound)))


def _open_group(
    family: Family,
    frames: Sequence[StoredFrame],
    layout: Layout,
    columns: Ints,
    parts: dict[int, list[Ints]],
) -> None:
    """Add each chosen port's samples, shape (3 + values, n), to its parts."""
    needed = sorted({Place.LATE_MS, Place.GAP, *_TAKEN[family.name]})
    opened = narrow.unpack_many(
        [frame.body for frame in frames], needed, columns, _ROWS, len(layout)
    )
    table: dict[int, Ints] = dict(zip(map(int, needed), opened, strict=True))
    ts = np.array([frame.ts_ms for frame in frames], dtype=np.int64)
    ts = ts[:, np.newaxis] + table[Place.LATE_MS]
    present = _is_present(family, table)
    whole = np.stack([ts, *_take(family, table)])
    ids = layout.ids(family.name)
    for place, column in enumerate(columns.tolist()):
        rows = present[:, place]
        if rows.any():
            found = whole[:, :, place] if rows.all() else whole[:, rows, place]
            parts.setdefault(int(ids[column]), []).append(found)


def _join(family: Family, parts: Sequence[Ints]) -> Columns:
    matrix = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    if matrix.shape[1] > 1 and int(np.diff(matrix[0]).min()) <= 0:
        matrix = keep_last(matrix, (0,))  # several layouts, or a clock that was set back
    return Columns.from_matrix(family, np.ascontiguousarray(matrix))
