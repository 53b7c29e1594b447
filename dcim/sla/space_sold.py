"""How much of each site's rack space is sold, day by day, and when it is sold out."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.inventory.models import Allocation, Cabinet, Rack, Room, Row
from dcim.sla.rules.runout import RunOut, find_run_outs

DAYS = 190
HALVES = 2


@dataclass(frozen=True, slots=True)
class SpaceSold:
    """In U: `sold` today of the `capacity` of all racks there are; halves are possible."""

    sold: float
    capacity: int
    run_outs: list[RunOut]

    @property
    def share(self) -> float:
        return self.sold / self.capacity


def read_space_sold(session: Session, today: dt.date) -> dict[int, SpaceSold]:
    """By site, of those with racks. Two statements."""
    sites = dict(
        session.execute(
            select(Room.site_id, func.sum(Rack.u_count))
            .join(Row, Row.room_id == Room.id)
            .join(Cabinet, Cabinet.row_id == Row.id)
            .join(Rack, Rack.cabinet_id == Cabinet.id)
            .group_by(Room.site_id)
        ).all()
    )
    first = today - dt.timedelta(days=DAYS - 1)
    rows = session.execute(
        select(Room.site_id, Allocation.starts_on, Allocation.ends_on, func.sum(Allocation.height))
        .join(Rack, Rack.id == Allocation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .where(
            Allocation.starts_on <= today,
            or_(Allocation.ends_on.is_(None), Allocation.ends_on > first),
        )
        .group_by(Room.site_id, Allocation.starts_on, Allocation.ends_on)
    )
    spans: dict[int, list[tuple[dt.date, dt.date | None, int]]] = {}
    for site_id, starts_on, ends_on, halves in rows:
        spans.setdefault(site_id, []).append((starts_on, ends_on, int(halves)))
    found = {}
    for site_id, units in sites.items():
        days = add_days(spans.get(site_id, []), first)
        found[site_id] = SpaceSold(
            float(days[-1]), int(units), find_run_outs(date_days(days, first), int(units), today)
        )
    return found


def add_days(
    spans: Iterable[tuple[dt.date, dt.date | None, int]], first: dt.date
) -> npt.NDArray[np.float64]:
    """U on each of DAYS days from `first`, of (first day, first day without, half units)."""
    change = np.zeros(DAYS + 1)
    for starts_on, ends_on, halves in spans:
        change[min(max((starts_on - first).days, 0), DAYS)] += halves
        if ends_on is not None:
            change[min(max((ends_on - first).days, 0), DAYS)] -= halves
    return np.cumsum(change)[:DAYS] / HALVES


def date_days(days: npt.NDArray[np.float64], first: dt.date) -> dict[dt.date, float]:
    """By the day, from the first that something was sold on: before that nothing was on offer, and
    what sold since is the trend."""
    if not days.any():
        return {}
    begun = int(np.flatnonzero(days)[0])
    return {first + dt.timedelta(days=n): float(days[n]) for n in range(begun, len(days))}
