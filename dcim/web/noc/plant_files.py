"""The power board as files: the rows that its page shows of the same place, in the same order."""

from flask import Response

from dcim.columns import utc_now
from dcim.http.board_figures import current_power, current_power_uses
from dcim.http.database import current_scope, db_session
from dcim.sla.power_board import PowerBoard
from dcim.sla.power_rows import (
    FEED_SORTS,
    PowerCabinetRow,
    PowerDayRow,
    PowerFeedRow,
    PowerRiskRow,
    describe_cabinets,
    describe_days,
    describe_feed,
    describe_risk,
    sort_feeds,
)
from dcim.web.board_csv import answer_rows
from dcim.web.noc.blueprint import noc
from dcim.web.noc.plant import choose_base, read_place
from dcim.web.staff.arguments import read_listing, read_text


@noc.get("/power/cabinets.csv")
def power_cabinets_csv() -> Response:
    return answer_rows(PowerCabinetRow, describe_cabinets(_board()), "power-cabinets", utc_now())


@noc.get("/power/feeds.csv")
def power_feeds_csv() -> Response:
    listing = read_listing(tuple(FEED_SORTS))
    feeds = sort_feeds(_board().feeds, listing.sort, listing.descending)
    return answer_rows(PowerFeedRow, map(describe_feed, feeds), "power-feeds", utc_now())


@noc.get("/power/risks.csv")
def power_risks_csv() -> Response:
    """All of them, however many the page shows."""
    return answer_rows(PowerRiskRow, map(describe_risk, _board().risks), "power-risks", utc_now())


@noc.get("/power/days.csv")
def power_days_csv() -> Response:
    uses = current_power_uses(db_session(), current_scope(), utc_now())
    return answer_rows(PowerDayRow, describe_days(_board(), uses), "power-days", utc_now())


def _board() -> PowerBoard:
    """NotFoundError where the page has nothing to show of such a place."""
    base = choose_base(read_text("of"))
    return current_power(db_session(), current_scope(), utc_now(), read_place(), base).board
