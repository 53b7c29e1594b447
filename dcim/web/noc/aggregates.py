"""Carriers, lines, sites, customers and LAGs together: bought and sold, what flows, when it runs
out."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from flask import Response as FileResponse
from flask import make_response, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from dcim.columns import utc_now
from dcim.http.board_figures import current_aggregates
from dcim.http.database import current_scope, db_session
from dcim.paging import count_pages, slice_page
from dcim.sla.aggregate_rows import (
    SORTS,
    TOPS,
    AggregateRow,
    AggregateWish,
    choose_aggregates,
    describe_aggregate,
)
from dcim.sla.aggregates import Aggregate, sum_aggregates
from dcim.sla.lags import count_unknown_lags
from dcim.sla.rules.runout import HORIZON_DAYS, LEAST_DAYS
from dcim.sla.traffic_months import GROUPINGS, Grouping
from dcim.sla.traffic_rounds import BEAT_S
from dcim.web.board_csv import answer_rows
from dcim.web.noc import kept_boards
from dcim.web.noc.blueprint import noc
from dcim.web.noc.kept_boards import Shelf, list_kept
from dcim.web.noc.lag_words import LAG_LOOKS
from dcim.web.noc.turning import asked_tour, turn_wall
from dcim.web.refreshing import answer_part, tag_of, wants_part
from dcim.web.staff.arguments import Listing, read_int, read_listing, read_text

SHELF = Shelf("aggregate_board", "noc.aggregates", "noc.keep_aggregates")
WORDS = {
    "carrier": _l("Carriers"),
    "line": _l("Circuits"),
    "site": _l("Sites"),
    "customer": _l("Customers"),
    "lag": _l("LAGs"),
}
# Three rounds missed: what is shown is old.
STALE_S = 3 * BEAT_S
# So many rows stand on a wall.
WALL_ROWS = 10


@noc.get("/aggregates")
def aggregates() -> Response:
    session, scope, now = db_session(), current_scope(), utc_now()
    on_wall = read_text("wall") == "1"
    listing = read_listing(tuple(SORTS), WALL_ROWS if on_wall else 50)
    grouping, wish = read_grouping(), read_wish(listing)
    found = current_aggregates(session, scope, grouping, now)
    rows = choose_aggregates(found, wish)
    paging = listing.paging
    if on_wall:
        paging = turn_wall(paging, len(rows), now, asked_tour())
    page = slice_page(rows, paging)
    newest = max((one.measured_at for one in found if one.measured_at), default=None)
    is_stale = newest is not None and (now - newest).total_seconds() > STALE_S
    totals = sum_aggregates(rows)
    states = Counter(one.lag.state for one in rows if one.lag)
    unknown_lags = count_unknown_lags(session) if grouping == "lag" else 0
    tag = tag_of(scope, page, totals, states, unknown_lags, newest, is_stale)

    def render(quoted: str) -> str:
        return render_template(
            "noc/aggregates_part.html" if wants_part() else "noc/aggregates.html",
            page=page,
            pages=count_pages(page.total, page.size),
            listing=listing,
            grouping=grouping,
            heading=WORDS[grouping],
            choices=[
                (WORDS[name], url_for("noc.aggregates", by=name), name == grouping)
                for name in GROUPINGS
            ],
            wish=wish,
            tops=TOPS,
            kept=None if on_wall or wants_part() else list_kept(SHELF, _take(listing)),
            csv_url=_with("noc.aggregates_csv", wall=None),
            wall=on_wall,
            wall_url=_with(wall="1"),
            board_url=_with(wall=None),
            totals=totals,
            states=states,
            unknown_lags=unknown_lags,
            lag_looks=LAG_LOOKS,
            least_days=LEAST_DAYS,
            horizon_months=round(HORIZON_DAYS / 30.4),
            newest=newest,
            is_stale=is_stale,
            stale_after=STALE_S,
            tag=quoted,
            now=now,
        )

    if wants_part():
        return answer_part(tag, render)
    return make_response(render(f'"{tag}"'))


@noc.post("/aggregates/boards")
def keep_aggregates() -> Response:
    return kept_boards.keep_board(SHELF, _take(read_listing(tuple(SORTS))))


@noc.get("/aggregates.csv")
def aggregates_csv() -> FileResponse:
    """All rows that the board of the same URL has, on whatever page, in its order."""
    now, grouping = utc_now(), read_grouping()
    found = current_aggregates(db_session(), current_scope(), grouping, now)
    rows: Sequence[Aggregate] = choose_aggregates(found, read_wish(read_listing(tuple(SORTS))))
    lines = (describe_aggregate(one, grouping) for one in rows)
    return answer_rows(AggregateRow, lines, f"aggregates-{grouping}", now)


def read_grouping() -> Grouping:
    by = read_text("by")
    return next((one for one in GROUPINGS if one == by), GROUPINGS[0])


def read_wish(listing: Listing) -> AggregateWish:
    top = read_int("top")
    return AggregateWish(
        read_text("q"), listing.sort, listing.descending, top if top in TOPS else 0
    )


def _take(listing: Listing) -> dict[str, object]:
    """What the URL asks for, as far as the board knows it."""
    wish = read_wish(listing)
    return {
        "by": read_grouping(),
        "q": wish.text,
        "top": wish.top,
        "sort": listing.sort_text,
    }


def _with(endpoint: str = "noc.aggregates", **changes: str | None) -> str:
    kept = {name: value for name, value in request.args.items() if name != "page" and value}
    values = {name: value for name, value in (kept | changes).items() if value is not None}
    return url_for(endpoint, **cast(dict[str, Any], values))
