"""Which port of the inventory a series measures, and from when to when.

The name binds: a port is measured by the series that its device has under the port's name. When
either is renamed, the port goes on with another series from then on; what was measured before stays
the port's. A port keeps its series as long as no other port bears that name and its device knows
no series by the port's own: a slip of the pen doesn't take a customer's meter away.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Subquery, null, select, text, union_all
from sqlalchemy.orm import Session

from dcim.columns import is_among
from dcim.metering.models import FormerBinding, Series
from dcim.metering.series_making import UNMEASURED
from dcim.metering.store import PostgresSampleStore, SampleStore

# Ends of time, UTC epoch ms: of a binding that holds from the first sample on, and to the last.
BEGINNING, OPEN_END = 0, 253_402_300_800_000
# So far back a change of names is looked for in the samples when the inventory follows it.
_LOOK_BACK_MS = 62 * 86_400_000


@dataclass(frozen=True, slots=True)
class PortBinding:
    """A series measures a port in [start, end), UTC epoch ms."""

    port_id: int
    series_id: int
    family: str
    start: int
    end: int


def select_bindings() -> Subquery:
    """All there are and were: port_id, series_id, family, start_ms, end_ms (null: open)."""
    now = select(
        Series.port_id,
        Series.id.label("series_id"),
        Series.family,
        Series.bound_since_ms.label("start_ms"),
        null().label("end_ms"),
    ).where(Series.port_id.is_not(None))
    before = select(
        FormerBinding.port_id,
        FormerBinding.series_id,
        Series.family,
        FormerBinding.start_ms,
        FormerBinding.end_ms,
    ).join(Series, Series.id == FormerBinding.series_id)
    return union_all(now, before).subquery("port_binding")


def read_bindings(
    session: Session,
    *,
    port_ids: Collection[int] | None = None,
    series_ids: Collection[int] | None = None,
) -> list[PortBinding]:
    """Of all ports and series unless told otherwise; those of a port by family and time."""
    bindings = select_bindings()
    wanted = select(bindings).order_by(
        bindings.c.port_id, bindings.c.family, bindings.c.start_ms.nulls_first()
    )
    if port_ids is not None:
        wanted = wanted.where(is_among(bindings.c.port_id, port_ids))
    if series_ids is not None:
        wanted = wanted.where(is_among(bindings.c.series_id, series_ids))
    return [
        PortBinding(
            port_id,
            series_id,
            family,
            BEGINNING if start is None else start,
            OPEN_END if end is None else end,
        )
        for port_id, series_id, family, start, end in session.execute(wanted)
    ]


def measures(port_ids: Iterable[int] | ColumnElement[int]) -> ColumnElement[bool]:
    """The condition on `Series` that it measures one of these ports, or once did."""
    former = select(FormerBinding.series_id).where(FormerBinding.port_id.in_(port_ids))
    return Series.port_id.in_(port_ids) | Series.id.in_(former)


def bind_ports(
    session: Session,
    device_ids: Sequence[int],
    now_ms: int,
    store: SampleStore | None = None,
) -> None:
    """Have the ports of these devices measured by the series of their names, in the caller's
    transaction. `now_ms`, UTC epoch ms, is when a binding changes hands unless samples tell better.
    """
    if not device_ids:
        return
    _bind_newcomers(session, device_ids)
    for change in _find_changes(session, device_ids):
        _rebind(session, change, now_ms, store or PostgresSampleStore())


def _bind_newcomers(session: Session, device_ids: Sequence[int]) -> None:
    """Series that never measured anything, of ports that nothing measured in that family."""
    session.execute(
        text(
            "UPDATE series s SET port_id = p.id FROM port p"  # noqa: S608
            " WHERE s.device_id = ANY(CAST(:devices AS bigint[]))"
            " AND s.family IN ('traffic', 'state', 'discards') AND p.device_id = s.device_id"
            " AND p.name = s.slot AND num_nonnulls(s.port_id, s.power_node_id, s.room_id) = 0"
            " AND NOT EXISTS (SELECT FROM former_binding f WHERE f.series_id = s.id)"
            f" AND {UNMEASURED.format(family='s.family')}"
        ),
        {"devices": list(device_ids)},
    )


@dataclass(frozen=True, slots=True)
class _Change:
    """A port is to be measured by the series of its name."""

    family: str
    series_id: int
    port_id: int


def _find_changes(session: Session, device_ids: Sequence[int]) -> list[_Change]:
    rows = session.execute(
        text(
            "SELECT s.family, s.id, p.id FROM series s"
            " JOIN port p ON p.device_id = s.device_id AND p.name = s.slot"
            " WHERE s.device_id = ANY(CAST(:devices AS bigint[]))"
            " AND s.family IN ('traffic', 'state', 'discards') AND s.port_id IS DISTINCT FROM p.id"
            " AND num_nonnulls(s.power_node_id, s.room_id) = 0"
            " ORDER BY s.id FOR UPDATE OF s"
        ),
        {"devices": list(device_ids)},
    )
    return [_Change(*row) for row in rows]


def _rebind(session: Session, change: _Change, now_ms: int, store: SampleStore) -> None:
    holder = session.scalar(select(Series.port_id).where(Series.id == change.series_id))
    before = session.scalar(
        select(Series.id)
        .where(Series.port_id == change.port_id, Series.family == change.family)
        .with_for_update()
    )
    last = session.scalar(
        select(FormerBinding)
        .where(FormerBinding.series_id == change.series_id)
        .order_by(FormerBinding.end_ms.desc())
        .limit(1)
    )
    of_port = session.scalars(
        select(FormerBinding.end_ms)
        .join(Series, Series.id == FormerBinding.series_id)
        .where(FormerBinding.port_id == change.port_id, Series.family == change.family)
    ).all()
    if (
        before is None
        and holder is None
        and last is not None
        and last.port_id == change.port_id
        and last.end_ms >= max(of_port)
    ):
        # Nobody had either of them meanwhile: it was never another's.
        start = last.start_ms
        session.delete(last)
        session.flush()
    else:
        start = now_ms
        if before is None:
            ends = [*of_port, *([] if last is None else [last.end_ms])]
            start = max(ends, default=now_ms) if holder is None else now_ms
        elif holder is None and last is None:
            start = _find_turn(session, store, change.family, before, change.series_id, now_ms)
        for series_id in (before, change.series_id if holder is not None else None):
            if series_id is not None:
                _end_binding(session, series_id, start)
    session.execute(
        text("UPDATE series SET port_id = :port, bound_since_ms = :start WHERE id = :series"),
        {"port": change.port_id, "start": start, "series": change.series_id},
    )
    session.expire_all()


def _end_binding(session: Session, series_id: int, end_ms: int) -> None:
    session.execute(
        text(
            "WITH held AS (SELECT id, port_id, bound_since_ms FROM series WHERE id = :series),"
            " kept AS (INSERT INTO former_binding (series_id, port_id, start_ms, end_ms)"
            " SELECT id, port_id, bound_since_ms, :end FROM held"
            # Bound and let go within the same instant, it measured nothing.
            " WHERE bound_since_ms IS NULL OR bound_since_ms < :end)"
            " UPDATE series SET port_id = NULL, bound_since_ms = NULL WHERE id = :series"
        ),
        {"series": series_id, "end": end_ms},
    )


def _find_turn(
    session: Session, store: SampleStore, family: str, old: int, new: int, now_ms: int
) -> int:
    """When the port went on under its new name: where its first sample under it begins.

    Only if all samples under the old one lie before that. Where both were measured side by side
    they are two things of the device, and the port is the other one from now on.
    """
    found = dict(store.read(session, family, [old, new], now_ms - _LOOK_BACK_MS, now_ms + 1))
    before, after = found[old], found[new]
    if not len(before) or not len(after):
        return now_ms
    first = int(after.ts[0] - after.span_ms[0])
    return now_ms if before.ts[-1] > first else first
