"""The newest sample of every port of some devices, remembered by a process and brought up to date.

A poll of a device changes one row, so only devices that were polled since are read again; of ports
kept sample by sample all are read when any is newer. A correction at the same instant is seen with
the next sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from dcim.metering.families import DISCARDS, STATE, TRAFFIC, find_family
from dcim.metering.frame_store import open_newest
from dcim.metering.store import Latest

_TOTALS = text(
    "SELECT count(*), coalesce(sum(l.ts), 0) FROM series_latest l JOIN series s"
    " ON s.id = l.series_id WHERE s.family IN ('traffic', 'state', 'discards')"
    " AND s.device_id = ANY(CAST(:devices AS bigint[]))"
)
_ROWS = text(
    "SELECT s.family, l.series_id, l.ts, l.span_ms, l.flags, l.values FROM series_latest l"
    " JOIN series s ON s.id = l.series_id WHERE s.family IN ('traffic', 'state', 'discards')"
    " AND s.device_id = ANY(CAST(:devices AS bigint[]))"
)
_TIMES = text(
    "SELECT device_id, ts FROM port_memory WHERE device_id = ANY(CAST(:devices AS bigint[]))"
)
_MEMORIES = text(
    "SELECT m.device_id, m.ts, m.newest, l.traffic_ids, l.state_ids, l.discard_ids"
    " FROM port_memory m JOIN frame_layout l ON l.id = m.layout_id"
    " WHERE m.device_id = ANY(CAST(:devices AS bigint[]))"
)

Newest = dict[int, Latest]


@dataclass(slots=True)
class NewestPorts:
    """By series, of all three families. Not for several threads at once."""

    devices: tuple[int, ...]
    traffic: Newest = field(default_factory=dict)
    state: Newest = field(default_factory=dict)
    discards: Newest = field(default_factory=dict)
    _totals: tuple[int, int] = (-1, -1)
    _times: dict[int, int] = field(default_factory=dict)
    _rows: dict[str, Newest] = field(
        default_factory=lambda: {"traffic": {}, "state": {}, "discards": {}}
    )

    def refresh(self, session: Session) -> set[int]:
        """Which series have another newest sample than at the last call. Two statements where
        nothing is newer, four at most."""
        changed = self._refresh_rows(session)
        times: dict[int, int] = dict(session.execute(_TIMES, {"devices": list(self.devices)}).all())
        polled = [device for device, ts in times.items() if self._times.get(device) != ts]
        self._times = times
        if polled:
            for _device, _ts, body, *ids in session.execute(_MEMORIES, {"devices": polled}):
                for family, known, series in (
                    (TRAFFIC, self.traffic, ids[0]),
                    (STATE, self.state, ids[1]),
                    (DISCARDS, self.discards, ids[2]),
                ):
                    for series_id, ts, span, flags, numbers in open_newest(
                        family, bytes(body), series
                    ):
                        # At the same instant a row is a correction of the frame.
                        row = self._rows[family.name].get(series_id)
                        if row is None or row.ts < ts:
                            named = dict(zip(family.columns, numbers, strict=True))
                            known[series_id] = Latest(ts, span, flags, named)
                            changed.add(series_id)
        return changed

    def _refresh_rows(self, session: Session) -> set[int]:
        count, total = session.execute(_TOTALS, {"devices": list(self.devices)}).one()
        if (count, total) == self._totals:
            return set()
        self._totals = (count, total)
        changed: set[int] = set()
        known: Mapping[str, Newest] = {
            "traffic": self.traffic,
            "state": self.state,
            "discards": self.discards,
        }
        for family, series_id, ts, span, flags, values in session.execute(
            _ROWS, {"devices": list(self.devices)}
        ):
            row = Latest(ts, span, flags, values)
            self._rows[find_family(family).name][series_id] = row
            held = known[family].get(series_id)
            if held is None or held.ts < ts or (held.ts == ts and held != row):
                known[family][series_id] = row
                changed.add(series_id)
        return changed
