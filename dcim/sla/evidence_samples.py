"""The samples around the edges of an incident: by which reading it began and ended."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.metering.families import DOWN, NO_TEMPERATURE, UP
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore, SampleStore
from dcim.sla.circumstances import moment
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.queries import IncidentRow
from dcim.sla.rules.periods import to_ms

# An incident of a large panel names hundreds of meters; the first ones are told.
MOST_SERIES = 8
STATE_NAMES = {UP: "up", DOWN: "down"}
# What of a family tells the state, with its unit and how many of what is stored make one.
TOLD = {"power": (("mv", "V", 1000), ("mw", "W", 1000)), "climate": (("mc", "°C", 1000),)}


@dataclass(frozen=True, slots=True)
class EdgeSample:
    """`edge` is "start" or "end"; `reading` is up, down, unknown, or numbers with units."""

    series: str
    edge: str
    at: dt.datetime
    reading: str


def read_edges(
    session: Session, scope: Scope, incident: IncidentRow, store: SampleStore | None = None
) -> list[EdgeSample]:
    """As far before and after each edge as a sample holds, by series. Staff only."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see how an incident was found.")
    store = store or PostgresSampleStore()
    names = {
        entry["series"]: str(entry.get("name"))
        for entry in incident.evidence
        if isinstance(entry.get("series"), int)
    }
    rows = session.execute(
        select(Series.id, Series.family)
        .where(Series.id.in_(names), Series.family.in_(("state", *TOLD)))
        .order_by(Series.id)
        .limit(MOST_SERIES)
    ).all()
    edges = [("start", incident.started_at)]
    if incident.ended_at is not None:
        edges.append(("end", incident.ended_at))
    found = []
    for edge, instant in edges:
        at = to_ms(instant)
        for family in sorted({family for _, family in rows}):
            ids = [series for series, of in rows if of == family]
            for series, columns in store.read(
                session, family, ids, at - HOLDS_MS, at + HOLDS_MS + 1
            ):
                for number, ts in enumerate(columns.ts.tolist()):
                    values = {name: int(row[number]) for name, row in columns.values.items()}
                    reading = _say(family, values)
                    found.append(EdgeSample(names[series], edge, moment(ts), reading))
    return sorted(found, key=lambda one: (one.series, one.at))


def _say(family: str, values: dict[str, int]) -> str:
    if family == "state":
        return STATE_NAMES.get(values["state"], "unknown")
    said = [
        f"{values[name] / scale:.1f} {unit}"
        for name, unit, scale in TOLD[family]
        if values[name] not in (NO_TEMPERATURE, -1)
    ]
    return ", ".join(said) or "unknown"
