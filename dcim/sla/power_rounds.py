"""The rounds of adding up what sites and rooms drew, day by day.

Which meter stands for a rack's feed, and which racks stand where, is taken as it is when the day
is added up; a day that is settled isn't added up again.
"""

import datetime as dt
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.metering.families import DAY_MS
from dcim.metering.store import PostgresSampleStore
from dcim.power.heat import Load
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.power_board import House, read_house
from dcim.sla.power_day_models import PowerDay
from dcim.sla.power_sums import BINS, INTERVAL_MS, add_feeds
from dcim.sla.pue import Meter, add_readings, start_meter
from dcim.sla.rounds import (
    ONE_DAY,
    SETTLED,
    RoundReport,
    choose_days,
    go_through,
    settles_at,
    today_of,
)
from dcim.sla.rules.periods import day_start, to_ms
from dcim.sla.usage_to_date import LAG_MS

BEAT_S = 600
ROUND_S = 120
# How far back days are added up and kept, for their trend.
DAYS, DAYS_AT_ONCE = 190, 30

# "site_id" or "room_id", and which.
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Fed:
    """A place with racks that have feeds: the series of each feed's meter, of each phase that it
    tells apart, none where it has no meter; and its load now."""

    key: Key
    series: tuple[tuple[int, ...], ...]
    load: Load


def measure_power(
    sessions: SessionFactory, now: dt.datetime | None = None, *, budget_s: float = ROUND_S
) -> RoundReport:
    """Today, and the newest days before that aren't kept or settled yet.

    A day that can't be added up keeps its older figures and stops no other.
    """
    began, now = time.monotonic(), now or utc_now()
    scope = Scope.system("power")
    with transaction(sessions, scope) as session:
        _drop_old(session, now)
        places = list_fed(read_house(session, scope, now))
        due = find_due(session, places, now)
    return go_through(
        sessions,
        scope,
        due,
        lambda session, day: measure_day(session, places, day, now),
        began + budget_s,
    )


def _drop_old(session: Session, now: dt.datetime) -> None:
    session.execute(delete(PowerDay).where(PowerDay.day < today_of(now) - DAYS * ONE_DAY))


def list_fed(house: House) -> list[Fed]:
    """Sites and their rooms."""
    series: dict[Key, list[tuple[int, ...]]] = {}
    for rack_id, feeds in house.fed.items():
        rack = house.racks[rack_id]
        for key in (("site_id", rack.site_id), ("room_id", rack.room_id)):
            series.setdefault(key, []).extend(feed.meter.series for feed in feeds)
    loads = {}
    for site in house.show().sites:
        loads["site_id", site.site.id] = site.load
        loads |= {("room_id", room.room.id): room.load for room in site.rooms}
    return [Fed(key, tuple(several), loads[key]) for key, several in series.items()]


def find_due(session: Session, places: Collection[Fed], now: dt.datetime) -> list[dt.date]:
    """Today, and days of which some place has no settled sum; the newest first."""
    if not places:
        return []
    today, keys = today_of(now), {place.key for place in places}
    settled: dict[dt.date, set[Key]] = {}
    for day, site_id, room_id in session.execute(
        select(PowerDay.day, PowerDay.site_id, PowerDay.room_id).where(
            PowerDay.day >= today - DAYS * ONE_DAY, PowerDay.measured_at >= settles_at(PowerDay.day)
        )
    ):
        settled.setdefault(day, set()).add(_key(site_id, room_id))
    return choose_days(today, DAYS, lambda _: keys, settled, DAYS_AT_ONCE)


def measure_day(session: Session, places: Sequence[Fed], day: dt.date, now: dt.datetime) -> None:
    """Those places' day of which no settled sum is kept."""
    known = {
        _key(row.site_id, row.room_id): row
        for row in session.scalars(select(PowerDay).where(PowerDay.day == day))
    }
    settles = dt.datetime.combine(day, dt.time(), dt.UTC) + ONE_DAY + SETTLED
    wanted = [
        place
        for place in places
        if place.key not in known or known[place.key].measured_at < settles
    ]
    meters = _read_meters(session, wanted, day, now)
    for place in wanted:
        row = known.get(place.key)
        if row is None:
            row = PowerDay(day=day, **{place.key[0]: place.key[1]})
            session.add(row)
        found = add_feeds([meters.get(one) for several in place.series for one in several or (0,)])
        row.measured_at = now
        row.feeds, row.unmeasured = len(place.series), place.series.count(())
        row.known, row.mean_w, row.peak_w = found.known, found.mean_w, found.peak_w
        if day == today_of(now):
            # Of an earlier day nobody knows any more what was sold there.
            row.contracted_w, row.derated_w = place.load.contracted_w, place.load.derated_w


def _read_meters(
    session: Session, places: Iterable[Fed], day: dt.date, now: dt.datetime
) -> Mapping[int, Meter]:
    """By series; of bins that aren't whole yet nothing is known."""
    low = day_start(day, "UTC")
    whole = (to_ms(now) - LAG_MS) // INTERVAL_MS * INTERVAL_MS
    until = min(low + DAY_MS, max(low, whole))
    meters = {
        number: start_meter(BINS)
        for place in places
        for several in place.series
        for number in several
    }
    read = PostgresSampleStore().read(session, "power", sorted(meters), low, until)
    for number, columns in read:
        add_readings(meters[number], columns, low, INTERVAL_MS, until, HOLDS_MS)
    return meters


def _key(site_id: int | None, room_id: int | None) -> Key:
    return ("room_id", room_id or 0) if site_id is None else ("site_id", site_id)
