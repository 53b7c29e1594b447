"""Kept boards on a wall, one after another: which, how long each, and whose turn it is."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.http.database import db_session
from dcim.http.policy import has_right
from dcim.i18n import gettext as _
from dcim.records.views import list_views_of
from dcim.web.noc import aggregates, environment, links, plant, ports, pue
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import with_query
from dcim.web.noc.policy import NOC_POLICY
from dcim.web.noc.turning import MOST_BOARDS, STAYS_S, Tour, asked_tour

# Boards that a wall can show, in the order they are offered: as they are, by a word in the tour,
# and as they are kept.
BOARDS = {
    "ports": (ports.SHELF, _l("Ports")),
    "sums": (aggregates.SHELF, _l("Uplinks and sums")),
    "power": (plant.SHELF, _l("Power board")),
    "environment": (environment.SHELF, _l("Environment")),
    "pue": (pue.SHELF, "PUE"),
    "links": (links.SHELF, _l("Map of links")),
}
# Those of which there is one: ticked unless said otherwise.
USUAL = {
    "wall": ("noc.wall", _l("Wall")),
    "overview": ("noc.overview", _l("Sites at a glance")),
}


@dataclass(frozen=True, slots=True)
class Stop:
    """A board that may be part of a tour. `url` is the board's own, `wall_url` on a wall; one that
    is kept has a name. One that isn't shared is seen by its maker alone."""

    key: str
    board: str
    name: str
    url: str
    wall_url: str
    is_shared: bool
    is_usual: bool


@noc.get("/walls")
def walls() -> str:
    """Choose the boards; the form's answer is the address for the wall's browser."""
    tour = asked_tour()
    return render_template(
        "noc/walls.html",
        stops=list_stops(tour),
        chosen=tour.boards if tour else (),
        stay_s=tour.stay_s if tour else 40,
        stays=STAYS_S,
    )


@noc.get("/walls/next")
def next_wall() -> Response:
    """On to the board whose turn it is: of `tour`, or of what the form has ticked."""
    tour = asked_tour() or _read_form()
    if tour is None:
        flash(_("Tick at least one board, and at most %(most)s.", most=MOST_BOARDS), "error")
        return redirect(url_for("noc.walls"), code=303)
    stop = choose_stop(tour, {one.key: one for one in list_stops(tour)}, utc_now())
    if stop is None:
        flash(_("None of these boards is there any more."), "error")
        return redirect(url_for("noc.walls"), code=303)
    return redirect(stop.wall_url, code=303)


def list_stops(tour: Tour | None = None) -> list[Stop]:
    """Those that this person sees, with one statement."""
    carried = urlencode({"wall": "1"} | ({"tour": str(tour)} if tour else {}))
    pages = USUAL | {key: (shelf.board, word) for key, (shelf, word) in BOARDS.items()}
    stops = [
        Stop(key, str(word), "", url_for(page), with_query(page, carried), True, key in USUAL)
        for key, (page, word) in pages.items()
        if _may_see(page)
    ]
    shelves = {shelf.face: (shelf, word) for shelf, word in BOARDS.values()}
    views = list_views_of(db_session(), current_user.id, shelves)
    for face, (shelf, word) in shelves.items():
        kept = [view for view in views if view.kind == face] if _may_see(shelf.board) else []
        stops += [
            Stop(
                str(view.id), str(word), view.name, shelf.url_of(view),
                shelf.url_of(view, carried), view.shared, view.shared,
            )
            for view in kept
        ]  # fmt: skip
    return stops


def choose_stop(tour: Tour, stops: Mapping[str, Stop], now: dt.datetime) -> Stop | None:
    """The one whose turn it is; where that one is gone, the next that isn't."""
    at = tour.place(now)
    for key in (*tour.boards[at:], *tour.boards[:at]):
        if key in stops:
            return stops[key]
    return None


def _read_form() -> Tour | None:
    return Tour.of(request.args.getlist("show"), request.args.get("stay", ""))


def _may_see(page: str) -> bool:
    return has_right(*NOC_POLICY[page].rights)
