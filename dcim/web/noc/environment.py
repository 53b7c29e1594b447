"""The environment board: temperature and humidity against the standards, and PUE over time."""

from typing import Any

from flask import make_response, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.paging import Paging
from dcim.sla.climate_bands import ASHRAE_A1, BANDS, GB_50174, Departure
from dcim.sla.climate_board import (
    ClimateBoard,
    Sensor,
    read_climate_board,
    read_extremes,
    widen_extremes,
)
from dcim.web.noc.blueprint import noc
from dcim.web.noc.minute_memory import remember_briefly
from dcim.web.noc.ports import count_pages, turn_wall
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_int, read_text

# So many rooms stand on a wall at a time.
WALL_ROOMS = 2
# The scale of the drawing, thousandths of a degree: what a room may come to.
COLDEST_MC, HOTTEST_MC = 10_000, 40_000
QUANTITIES = {"mc": _l("temperature"), "dew": _l("dew point"), "rh": _l("humidity")}
CLAUSES = {
    "GB 50174-2017": _l("5.1.1 and annex A"),
    "ASHRAE TC 9.9": _l("Thermal Guidelines 2015, recommended"),
    "ASHRAE A1": _l("Thermal Guidelines 2015, allowable"),
}


@noc.get("/environment")
def environment() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    site_id, room_id = read_int("site"), read_int("room")
    board = read_climate_board(session, scope, now, site_id=site_id, room_id=room_id)
    if (site_id is not None or room_id is not None) and not board.rooms:
        raise NotFoundError("No such place, or no sensor is bound to it.")
    on_wall = read_text("wall") == "1"
    page, pages, rooms = 1, 1, board.rooms
    if on_wall:
        page = turn_wall(Paging(1, WALL_ROOMS), len(rooms), now).page
        pages = count_pages(len(rooms), WALL_ROOMS)
        rooms = rooms[(page - 1) * WALL_ROOMS : page * WALL_ROOMS]
    newest = board.newest
    is_stale = (
        newest is None
        or (now - newest).total_seconds() > STALE_S
        or len(board.silent) == len(board.sensors)
    )
    # By the minute, as the extremes of a day are: of hundreds of sensors there is always one newer.
    minute = now.replace(second=0, microsecond=0)
    tag = tag_of(scope, board, page, is_stale, minute)

    def render(quoted: str) -> str:
        shown = [one for room in rooms for one in room.sensors]
        about = ("climate", tuple(one.series_id for one in shown), minute)
        return render_template(
            "noc/environment_part.html" if wants_part() else "noc/environment.html",
            board=board,
            rooms=rooms,
            shown=shown,
            extremes=widen_extremes(
                remember_briefly(about, lambda: read_extremes(session, shown, now)), shown
            ),
            bands=BANDS,
            clauses=CLAUSES,
            recommended=GB_50174,
            allowable=ASHRAE_A1,
            along=along,
            say_departures=say_departures,
            page=page,
            pages=pages,
            crumbs=[] if on_wall else _place_links(board, site_id, room_id),
            open_at=open_at,
            wall=on_wall,
            wall_url=_with_wall("1"),
            board_url=_with_wall(None),
            is_stale=is_stale,
            stale_after=STALE_S,
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


def along(mc: int) -> str:
    """Where on the scale a temperature lies, percent with two digits."""
    share = (mc - COLDEST_MC) / (HOTTEST_MC - COLDEST_MC)
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}"


def say_departures(sensor: Sensor) -> list[str]:
    """What is outside of which range, by how it is written there."""
    return [_say(one) for one in sensor.departures]


def _say(one: Departure) -> str:
    quantity = str(QUANTITIES[one.quantity])
    bound = f"{one.bound / 10:.0f} %" if one.quantity == "rh" else f"{one.bound / 1000:g} °C"
    if one.way == "low":
        return _(
            "%(quantity)s below %(bound)s (%(band)s)",
            quantity=quantity, bound=bound, band=one.band.name,
        )  # fmt: skip
    return _(
        "%(quantity)s above %(bound)s (%(band)s)",
        quantity=quantity, bound=bound, band=one.band.name,
    )  # fmt: skip


def open_at(**changes: Any) -> str:
    return url_for("noc.environment", **changes)


def _with_wall(wall: str | None) -> str:
    kept: dict[str, Any] = {
        name: value for name in ("site", "room") if (value := request.args.get(name))
    }
    return url_for("noc.environment", wall=wall, **kept)


def _place_links(
    board: ClimateBoard, site_id: int | None, room_id: int | None
) -> list[tuple[str, str]]:
    if site_id is None and room_id is None:
        return []
    room = board.rooms[0]
    links = [(_("All sites"), open_at()), (room.site_code, open_at(site=room.site_id))]
    if room_id is not None:
        links.append((pick_text(room.name, room.name_en), open_at(room=room.id)))
    return links
