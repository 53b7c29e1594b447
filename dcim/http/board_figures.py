"""What the boards show, as pages, files and the API ask for it: worked out once in a process for
all staff who look.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from flask import current_app
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import NotFoundError
from dcim.http.minute_memory import remember_briefly
from dcim.http.plant_memory import Known, PlantMemory
from dcim.i18n import choose_zone
from dcim.inventory.queries import SiteRow
from dcim.power.heat import Base
from dcim.sla.aggregates import Aggregate, read_aggregates
from dcim.sla.climate_board import (
    ClimateBoard,
    Extremes,
    Sensor,
    read_climate_board,
    read_extremes,
    widen_extremes,
)
from dcim.sla.power_board import Place, read_house
from dcim.sla.power_rounds import Key
from dcim.sla.power_use import PowerUse, read_power_use, stamp_power_use
from dcim.sla.pue_meters import find_pue_meters, read_pue
from dcim.sla.pue_rows import PueNow, find_window
from dcim.sla.traffic_months import Grouping, TrafficMemory


def current_aggregates(
    session: Session, scope: Scope, grouping: Grouping, now: dt.datetime
) -> list[Aggregate]:
    """By code; of the month that runs in the reader's zone."""
    memory: TrafficMemory = current_app.extensions.setdefault("jifang_traffic", TrafficMemory())
    return read_aggregates(session, scope, grouping, now, choose_zone(), memory)


def current_power(
    session: Session, scope: Scope, now: dt.datetime, place: Place, base: Base
) -> Known:
    """The power board of a place; NotFoundError where none is or nothing stands there."""
    memory: PlantMemory = current_app.extensions.setdefault("jifang_plant", PlantMemory())
    known = memory.find(scope, place, base, lambda: read_house(session, scope, now))
    if place != Place() and not known.board.sites:
        raise NotFoundError("No such place, or nothing stands there.")
    return known


def current_power_uses(session: Session, scope: Scope, now: dt.datetime) -> dict[Key, PowerUse]:
    """As the last round left it. One statement, or two."""
    about = ("power-use", now.astimezone(dt.UTC).date(), *stamp_power_use(session))
    return remember_briefly(about, lambda: read_power_use(session, scope, now))


def choose_site(sites: list[SiteRow], wanted: int | None) -> SiteRow | None:
    """The first unless told which; none where there are none."""
    if wanted is None:
        return sites[0] if sites else None
    found = next((one for one in sites if one.id == wanted), None)
    if found is None:
        raise NotFoundError("No such site.")
    return found


def current_pue(
    session: Session, scope: Scope, now: dt.datetime, site_id: int, window: str
) -> PueNow:
    """Of a site, over one of WINDOWS; worked out once a minute."""
    meters, bounds = find_pue_meters(session, scope, site_id), find_window(window, now)
    if not meters.is_enough:
        return PueNow(meters, None, *bounds)
    minute = now.replace(second=0, microsecond=0)
    about = ("pue", site_id, bounds, tuple(meters.total), tuple(meters.it), minute)
    found = remember_briefly(about, lambda: read_pue(session, meters, *bounds))
    return PueNow(meters, found, *bounds)


def current_climate(
    session: Session, scope: Scope, now: dt.datetime, site_id: int | None, room_id: int | None
) -> ClimateBoard:
    """NotFoundError where no such place is, or no sensor is bound to it."""
    board = read_climate_board(session, scope, now, site_id=site_id, room_id=room_id)
    if (site_id is not None or room_id is not None) and not board.rooms:
        raise NotFoundError("No such place, or no sensor is bound to it.")
    return board


def current_extremes(
    session: Session, sensors: Sequence[Sensor], now: dt.datetime
) -> Mapping[int, Extremes]:
    """The last 24 hours by series, read once a minute and widened by what is shown now."""
    minute = now.replace(second=0, microsecond=0)
    about = ("climate", tuple(sorted(one.series_id for one in sensors)), minute)
    found = remember_briefly(about, lambda: read_extremes(session, sensors, now))
    return widen_extremes(found, sensors)
