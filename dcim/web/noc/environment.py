"""The environment board: temperature and humidity against the standards, and PUE over time."""

from typing import Any

from flask import Response as FileResponse
from flask import make_response, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.http.board_figures import current_climate, current_extremes
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.paging import Paging, count_pages
from dcim.sla.climate_bands import ASHRAE_A1, BANDS, GB_50174, Departure
from dcim.sla.climate_board import GRADES, ClimateBoard, Sensor
from dcim.sla.climate_rows import (
    OFF,
    SORTS,
    STATES,
    ClimateRow,
    ClimateWish,
    choose_rooms,
    describe_sensor,
)
from dcim.web.board_csv import answer_rows
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import Shelf, keep_board, list_kept
from dcim.web.noc.turning import asked_tour, turn_wall
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import Listing, read_int, read_listing, read_text

SHELF = Shelf("environment_board", "noc.environment", "noc.keep_environment")
STATE_WORDS = {
    "": _l("All"),
    OFF: _l("Not in range or unknown"),
    "down": _l("Not allowable"),
    "warning": _l("Out of range"),
    "unknown": _l("Unknown"),
    "ok": _l("In range"),
}
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
    board = current_climate(session, scope, now, site_id, room_id)
    on_wall, listing = read_text("wall") == "1", read_listing(tuple(SORTS))
    wish = read_wish(listing)
    page, pages, rooms = 1, 1, choose_rooms(board, wish)
    if on_wall:
        page = turn_wall(Paging(1, WALL_ROOMS), len(rooms), now, asked_tour()).page
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
        return render_template(
            "noc/environment_part.html" if wants_part() else "noc/environment.html",
            board=board,
            rooms=rooms,
            shown=shown,
            extremes=current_extremes(session, shown, now),
            listing=listing,
            wish=wish,
            offered=[(name, STATE_WORDS[name]) for name in ("", OFF, *GRADES)],
            kept=None if on_wall or wants_part() else list_kept(SHELF, _take(listing)),
            csv_url=_with("noc.environment_csv", wall=None),
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
            wall_url=_with(wall="1"),
            board_url=_with(wall=None),
            is_stale=is_stale,
            stale_after=STALE_S,
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


@noc.post("/environment/boards")
def keep_environment() -> Response:
    """NotFoundError where the board has nothing to show of such a place."""
    current_climate(db_session(), current_scope(), utc_now(), read_int("site"), read_int("room"))
    return keep_board(SHELF, _take(read_listing(tuple(SORTS))))


@noc.get("/environment.csv")
def environment_csv() -> FileResponse:
    """The sensors that the board of the same URL shows, in its order."""
    session, now = db_session(), utc_now()
    board = current_climate(session, current_scope(), now, read_int("site"), read_int("room"))
    rooms = choose_rooms(board, read_wish(read_listing(tuple(SORTS))))
    several = [(room, one) for room in rooms for one in room.sensors]
    days = current_extremes(session, [one for _room, one in several], now)
    lines = (describe_sensor(one, room, days.get(one.series_id)) for room, one in several)
    return answer_rows(ClimateRow, lines, "environment", now)


def read_wish(listing: Listing) -> ClimateWish:
    state = read_text("state")
    return ClimateWish(
        read_text("q"), state if state in STATES else "", listing.sort, listing.descending
    )


def _take(listing: Listing) -> dict[str, object]:
    """What the URL asks for, as far as the board knows it."""
    wish = read_wish(listing)
    return {
        "site": read_int("site"),
        "room": read_int("room"),
        "q": wish.text,
        "state": wish.state,
        "sort": listing.sort_text,
    }


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


def _with(endpoint: str = "noc.environment", **changes: str | None) -> str:
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if value}
    values = {name: value for name, value in (kept | changes).items() if value is not None}
    return url_for(endpoint, **values)


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
