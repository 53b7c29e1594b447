"""The power board: how full each place is, what a lost feed would overload, each feed's phases.

And what the wall shows of it: stations and sensors now.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import make_response, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.http.board_figures import current_power, current_power_uses
from dcim.http.database import current_scope, db_session
from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.queries import RoomRow, SiteRow
from dcim.paging import Paging, count_pages
from dcim.power.heat import BASES, Base, Load
from dcim.sla.climate_bands import grade_air
from dcim.sla.feeds import NodeNow, load_supply
from dcim.sla.power_board import (
    CabinetHeat,
    FeedNow,
    Place,
    PowerBoard,
    RoomHeat,
    RowHeat,
    SiteHeat,
)
from dcim.sla.power_rounds import BEAT_S as POWER_BEAT_S
from dcim.sla.power_rounds import Key
from dcim.sla.power_rows import FEED_SORTS, sort_feeds
from dcim.sla.power_use import PowerUse
from dcim.sla.pue import MIN_COVER
from dcim.sla.rooms import SensorNow, read_sensors
from dcim.sla.rules.runout import HORIZON_DAYS, LEAST_DAYS
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import Shelf, keep_board, list_kept
from dcim.web.noc.turning import asked_tour, turn_wall
from dcim.web.refreshing import STALE_S, answer_part, tag_of, wants_part
from dcim.web.staff.arguments import read_int, read_listing, read_text
from dcim.web.staff.floor_layers import Mark, make_keys, mark_share, mark_unknown
from dcim.web.staff.names import NODE_KINDS

SHELF = Shelf("power_board", "noc.plant", "noc.keep_plant")
# The stations worth a tile, from the utility down; breakers and PDUs are counted.
STATIONS = ("utility", "generator", "transformer", "ats", "ups", "panel")
# More cabinets than these are drawn as rows, more rows than these as rooms.
MOST_CELLS, MOST_ROWS = 600, 120
# Three rounds missed: what is shown is old.
POWER_STALE_S = 3 * POWER_BEAT_S
SHOWN_RISKS, WALL_ROOMS, WALL_RISKS, WALL_FEEDS = 12, 2, 6, 6


@dataclass(frozen=True, slots=True)
class Station:
    """`share` of the derated current of one phase; none where it isn't measured."""

    now: NodeNow
    share: float | None
    dead_below: int
    silent_below: int

    @property
    def is_metered(self) -> bool:
        return self.now.series_id is not None


@dataclass(frozen=True, slots=True)
class Plant:
    stations: list[Station]
    sensors: list[SensorNow]
    newest: dt.datetime | None

    @property
    def dead(self) -> list[Station]:
        return [one for one in self.stations if one.now.state == "down"]

    @property
    def silent(self) -> list[Station]:
        return [one for one in self.stations if one.is_metered and one.now.state == "unknown"]

    @property
    def out_of_range(self) -> list[SensorNow]:
        return [one for one in self.sensors if judge_sensor(one) in ("warning", "down")]

    def of_kind(self, kind: str, feed: str) -> list[Station]:
        return [s for s in self.stations if s.now.node.kind == kind and s.now.node.feed == feed]


def read_plant(session: Session, scope: Scope, now: dt.datetime) -> Plant:
    """A fixed number of statements, however large the house is."""
    supply = load_supply(session, now)
    stations = []
    for one in supply.nodes.values():
        if one.node.kind not in STATIONS:
            continue
        below = [supply.nodes[node.id] for node in supply.tree.descendants(one.node.id)]
        # What takes either feed isn't dark because this one is.
        pdus = [each for each in below if each.node.kind == "pdu" and each.node.feed != "AB"]
        stations.append(
            Station(
                one,
                None if one.amps is None else one.amps / one.derated_a,
                sum(each.state == "down" for each in pdus),
                sum(each.state == "unknown" for each in pdus),
            )
        )
    stations.sort(key=lambda s: (STATIONS.index(s.now.node.kind), s.now.node.code))
    sensors = read_sensors(session, scope, now)
    instants = [
        at
        for at in (
            *(one.now.measured_at for one in stations),
            *(one.measured_at for one in sensors),
        )
        if at is not None
    ]
    return Plant(stations, sensors, max(instants, default=None))


def judge_sensor(sensor: SensorNow) -> str:
    return grade_air(sensor.mc, sensor.rh)


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the board is drawn: cabinets, rows or rooms one by one; `page` of `pages` rooms."""

    detail: str
    rooms: Sequence[RoomHeat]
    page: int = 1
    pages: int = 1

    @property
    def room_ids(self) -> set[int]:
        return {one.room.id for one in self.rooms}

    @property
    def cabinets(self) -> list[CabinetHeat]:
        """Those that are drawn one by one."""
        if self.detail != "cabinets":
            return []
        return [one for room in self.rooms for row in room.rows for one in row.cabinets]


@noc.get("/power")
def plant() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    base, listing = choose_base(read_text("of")), read_listing(tuple(FEED_SORTS))
    on_wall = read_text("wall") == "1"
    known = current_power(session, scope, now, read_place(), base)
    board = known.board
    shown = choose_rooms(board, on_wall=on_wall, now=now)
    # Readings are worth less than three minutes: with none left nothing on the board is of now.
    is_stale = (
        board.newest is None
        or (now - board.newest).total_seconds() > STALE_S
        or 0 < board.load.racks == board.load.silent
    )
    most = WALL_RISKS if on_wall else None if read_text("risks") == "all" else SHOWN_RISKS
    uses = [] if on_wall else name_uses(board, current_power_uses(session, scope, now))
    tag = tag_of(scope, known.digest, shown.page, is_stale, uses)

    def render(quoted: str) -> str:
        marks = {one.id: mark_cabinet(one) for one in shown.cabinets}
        return render_template(
            "noc/plant_part.html" if wants_part() else "noc/plant.html",
            board=board,
            shown=shown,
            marks=marks,
            mark_load=mark_load,
            keys=make_keys("measured", list(marks.values())),
            risks=board.risks[:most],
            feeds=choose_feeds(board.feeds)
            if on_wall
            else sort_feeds(board.feeds, listing.sort, listing.descending),
            listing=listing,
            kept=None if on_wall or wants_part() else list_kept(SHELF, _take(board)),
            csv_urls=[] if on_wall else _csv_links(),
            bases=_base_links(base),
            crumbs=[] if on_wall else _place_links(board),
            uses=uses,
            uses_at=max((one.use.measured_at for one in uses), default=None),
            uses_stale_after=POWER_STALE_S,
            least_days=LEAST_DAYS,
            horizon_months=round(HORIZON_DAYS / 30.4),
            min_cover=round(MIN_COVER * 100),
            kinds=NODE_KINDS,
            all_risks=_with(risks="all"),
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


@noc.post("/power/boards")
def keep_plant() -> Response:
    """NotFoundError where the board has nothing to show of such a place."""
    session, scope = db_session(), current_scope()
    base = choose_base(read_text("of"))
    return keep_board(
        SHELF, _take(current_power(session, scope, utc_now(), read_place(), base).board)
    )


@dataclass(frozen=True, slots=True)
class UseOf:
    """What a site, or a room of it, draws by the day."""

    site: SiteRow
    room: RoomRow | None
    use: PowerUse


def name_uses(board: PowerBoard, uses: Mapping[Key, PowerUse]) -> list[UseOf]:
    """Of the board's sites, each with its rooms after it; of a room or a row the room alone."""
    whole = board.place.room_id is None and board.place.row_id is None
    places: list[tuple[Key, SiteRow, RoomRow | None]] = []
    for one in board.sites:
        if whole:
            places.append((("site_id", one.site.id), one.site, None))
        places += [(("room_id", each.room.id), one.site, each.room) for each in one.rooms]
    return [UseOf(site, room, uses[key]) for key, site, room in places if key in uses]


def read_place() -> Place:
    return Place(read_int("site"), read_int("room"), read_int("row"))


def _take(board: PowerBoard) -> dict[str, object]:
    """What the URL asks for, as far as the board knows it."""
    return {
        "site": board.place.site_id,
        "room": board.place.room_id,
        "row": board.place.row_id,
        "of": board.base,
        "sort": read_listing(tuple(FEED_SORTS)).sort_text,
        "risks": "all" if read_text("risks") == "all" else None,
    }


def choose_base(text: str) -> Base:
    return text if text in BASES else "derated"


def choose_feeds(feeds: Sequence[FeedNow]) -> Sequence[FeedNow]:
    """What a wall has room for: what has no power, what is uneven, then the fullest."""
    return sorted(
        feeds, key=lambda one: (one.now.state != "down", not one.is_uneven, -(one.share or 0))
    )[:WALL_FEEDS]


def choose_rooms(board: PowerBoard, *, on_wall: bool, now: dt.datetime) -> Shown:
    """A wall shows some rooms at a time and turns by the clock, all walls together."""
    rooms = [room for site in board.sites for room in site.rooms]
    page, pages = 1, 1
    if on_wall:
        paging = turn_wall(Paging(1, WALL_ROOMS), len(rooms), now, asked_tour())
        page, pages = paging.page, count_pages(len(rooms), WALL_ROOMS)
        rooms = rooms[(page - 1) * WALL_ROOMS : page * WALL_ROOMS]
    rows = sum(len(room.rows) for room in rooms)
    cells = sum(len(row.cabinets) for room in rooms for row in room.rows)
    detail = "cabinets" if cells <= MOST_CELLS else "rows" if rows <= MOST_ROWS else "rooms"
    return Shown(detail, rooms, page, pages)


def mark_cabinet(one: CabinetHeat) -> Mark:
    return _mark(one.load, one.share, _detail(one.load))


def mark_load(board: PowerBoard, heat: RowHeat | RoomHeat | SiteHeat) -> Mark:
    return _mark(heat.load, heat.load.share(board.base), "")


def _mark(load: Load, share: float | None, detail: str) -> Mark:
    if not load.racks:
        return Mark("—", "none", _("no PDU"))
    if load.racks == load.silent:
        return mark_unknown(_("no power reading"))
    if share is None:
        return Mark("—", "none", _("nothing sold"), detail=detail)
    return mark_share(_percent(share, is_least=load.is_least), share, detail)


def _percent(share: float, *, is_least: bool) -> str:
    return f"{'≥ ' if is_least else ''}{share * 100:.0f}"


def _detail(load: Load) -> str:
    return (
        f"{load.measured_w / 1000:.2f} kW · "
        + _("contracted %(kw)s kW", kw=f"{load.contracted_w / 1000:.2f}")
        + " · "
        + _("derated %(kw)s kW", kw=f"{load.derated_w / 1000:.2f}")
    )


def open_at(**changes: int | None) -> str:
    """The same board of another place."""
    values: dict[str, Any] = {"site": None, "room": None, "row": None, "risks": None}
    return _with(**(values | changes))


def _with(endpoint: str = "noc.plant", **changes: Any) -> str:
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if value}
    values = {name: value for name, value in (kept | changes).items() if value is not None}
    return url_for(endpoint, **values)


def _csv_links() -> list[tuple[str, str]]:
    return [
        (_("Cabinets"), _with("noc.power_cabinets_csv")),
        (_("Feeds and phases"), _with("noc.power_feeds_csv")),
        (_("If a feed dies"), _with("noc.power_risks_csv")),
        (_("When power runs out"), _with("noc.power_days_csv")),
    ]


def _base_links(base: Base) -> list[tuple[str, str, bool]]:
    words = {"contracted": _("of contracted"), "derated": _("of derated, one feed")}
    return [(words[one], _with(of=one), one == base) for one in reversed(BASES)]


def _place_links(board: PowerBoard) -> list[tuple[str, str]]:
    """The way to where we are; empty for the whole house."""
    if board.place == Place():
        return []
    site = board.sites[0]
    links = [(_("All sites"), open_at()), (site.site.code, open_at(site=site.site.id))]
    if board.place.room_id is None and board.place.row_id is None:
        return links
    room = site.rooms[0]
    links.append((pick_text(room.room.name, room.room.name_en), open_at(room=room.room.id)))
    if board.place.row_id is not None:
        row = room.rows[0]
        links.append((_("Row %(code)s", code=row.code), open_at(row=row.id)))
    return links
