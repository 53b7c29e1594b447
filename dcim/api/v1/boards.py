"""What the boards show: sums of ports, how full the power is, sensors. For staff, to read."""

from typing import Any

from marshmallow import Schema

from dcim.api.fields import Flag, PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.board_figures import (
    choose_site,
    current_aggregates,
    current_climate,
    current_extremes,
    current_power,
    current_power_uses,
    current_pue,
)
from dcim.http.database import current_scope, db_session
from dcim.inventory.queries import list_sites
from dcim.paging import EVERYTHING, slice_page
from dcim.power.heat import BASES
from dcim.sla import aggregate_rows, climate_rows, link_rows, power_rows, pue_rows
from dcim.sla.links import HOPS, USUAL_HOPS, Wish, read_link_map
from dcim.sla.power_board import Place, PowerBoard
from dcim.sla.traffic_months import GROUPINGS

aggregates = Resource("aggregates", "Sums of ports by carrier, line, site, customer, LAG")
power_board = Resource(
    "power_board", "How full the power is, and what a lost feed would do", prefix="power-board"
)
environment = Resource("environment", "Temperature and humidity against the standards")
pue = Resource("pue", "PUE of sites")
link_map = Resource("links", "Links between devices, as recorded and as heard")


class AggregateQuery(PageQuery):
    by = choice(GROUPINGS, load_default="carrier")
    q = Text(high=100, load_default="", metadata={"description": "A part of a code or a name."})
    sort = choice(tuple(aggregate_rows.SORTS), load_default="name")
    descending = Flag(load_default=False)


class PlaceQuery(PageQuery):
    site_id = query_id()
    room_id = query_id()
    row_id = query_id()


class CabinetQuery(PlaceQuery):
    of = choice(
        BASES,
        load_default="derated",
        metadata={"description": "Of what is sold, or of what one feed may carry for long."},
    )


class FeedQuery(PlaceQuery):
    sort = choice(tuple(power_rows.FEED_SORTS), load_default="chain")
    descending = Flag(load_default=False)


class SensorQuery(PageQuery):
    site_id = query_id()
    room_id = query_id()
    q = Text(high=100, load_default="", metadata={"description": "A part of a name or a code."})
    state = choice(
        climate_rows.STATES, load_default="", metadata={"description": "`off`: anything but ok."}
    )
    sort = choice(tuple(climate_rows.SORTS), load_default="state")
    descending = Flag(load_default=False)


class PueQuery(Schema):
    window = choice(
        tuple(pue_rows.WINDOWS),
        load_default="24h",
        metadata={"description": "By quarters of an hour, hours or days of UTC."},
    )


class LinkQuery(PageQuery):
    site_id = query_id()
    room_id = query_id()
    device_id = query_id()
    hops = Whole(
        HOPS[0], HOPS[-1], in_query=True, load_default=USUAL_HOPS,
        metadata={"description": "How far from the device."},
    )  # fmt: skip
    machines = Flag(
        load_default=False, metadata={"description": "Also links of servers' and other ports."}
    )


@aggregates.get("")
@aggregates.arguments(AggregateQuery, location="query")
@aggregates.response(200, page_of(aggregate_rows.AggregateRow))
def list_aggregates(query: dict[str, Any]) -> Any:
    """List what ports come to together, with what is bought and sold and when it runs out. Measured
    figures are those of `measured_at`; they are added up every ten minutes."""
    paging = take_paging(query)
    wish = aggregate_rows.AggregateWish(query["q"], query["sort"], query["descending"])
    by = query["by"]
    found = current_aggregates(db_session(), current_scope(), by, utc_now())
    page = slice_page(aggregate_rows.choose_aggregates(found, wish), paging)
    return page.replace([aggregate_rows.describe_aggregate(one, by) for one in page.items])


@power_board.get("/places")
@power_board.arguments(PlaceQuery, location="query")
@power_board.response(200, page_of(power_rows.PowerPlaceRow))
def list_places(query: dict[str, Any]) -> Any:
    """List sites, their rooms and rows with what is drawn, sold and may be carried."""
    paging = take_paging(query)
    return slice_page(power_rows.describe_places(_board(query)), paging)


@power_board.get("/cabinets")
@power_board.arguments(CabinetQuery, location="query")
@power_board.response(200, page_of(power_rows.PowerCabinetRow))
def list_cabinets(query: dict[str, Any]) -> Any:
    """List cabinets as they stand with what is drawn, sold and may be carried."""
    paging = take_paging(query)
    return slice_page(power_rows.describe_cabinets(_board(query)), paging)


@power_board.get("/feeds")
@power_board.arguments(FeedQuery, location="query")
@power_board.response(200, page_of(power_rows.PowerFeedRow))
def list_feeds(query: dict[str, Any]) -> Any:
    """List the stations above the racks with their phases."""
    paging = take_paging(query)
    feeds = power_rows.sort_feeds(_board(query).feeds, query["sort"], query["descending"])
    page = slice_page(feeds, paging)
    return page.replace([power_rows.describe_feed(one) for one in page.items])


@power_board.get("/risks")
@power_board.arguments(PlaceQuery, location="query")
@power_board.response(200, page_of(power_rows.PowerRiskRow))
def list_risks(query: dict[str, Any]) -> Any:
    """List what a lost feed would darken or overload, the worst first."""
    paging = take_paging(query)
    page = slice_page(list(_board(query).risks), paging)
    return page.replace([power_rows.describe_risk(one) for one in page.items])


@power_board.get("/days")
@power_board.arguments(PlaceQuery, location="query")
@power_board.response(200, page_of(power_rows.PowerDayRow))
def list_days(query: dict[str, Any]) -> Any:
    """List what sites and rooms drew on the newest day that counts, and when their power runs
    out."""
    paging = take_paging(query)
    uses = current_power_uses(db_session(), current_scope(), utc_now())
    return slice_page(power_rows.describe_days(_board(query), uses), paging)


@environment.get("")
@environment.arguments(SensorQuery, location="query")
@environment.response(200, page_of(climate_rows.ClimateRow))
def list_sensors(query: dict[str, Any]) -> Any:
    """List the sensors of rooms and cabinets, room by room, with their last 24 hours."""
    paging, session, now = take_paging(query), db_session(), utc_now()
    board = current_climate(
        session, current_scope(), now, query.get("site_id"), query.get("room_id")
    )
    wish = climate_rows.ClimateWish(query["q"], query["state"], query["sort"], query["descending"])
    rooms = climate_rows.choose_rooms(board, wish)
    page = slice_page([(room, one) for room in rooms for one in room.sensors], paging)
    days = current_extremes(session, [one for _room, one in page.items], now)
    return page.replace(
        [
            climate_rows.describe_sensor(one, room, days.get(one.series_id))
            for room, one in page.items
        ]
    )


@pue.get("/<int:site_id>")
@pue.arguments(PueQuery, location="query")
@pue.response(200, answer_of(pue_rows.PueRow))
def show_pue(query: dict[str, Any], site_id: int) -> Any:
    """Show a site's PUE over a stretch, step by step; nothing is filled in."""
    session, scope, window = db_session(), current_scope(), query["window"]
    choose_site(list_sites(session, scope, EVERYTHING).items, site_id)
    now = current_pue(session, scope, utc_now(), site_id, window)
    return pue_rows.describe_pue(site_id, window, now)


@link_map.get("")
@link_map.arguments(LinkQuery, location="query")
@link_map.response(200, page_of(link_rows.DeviceLinkRow))
def list_links(query: dict[str, Any]) -> Any:
    """List the links of a site or room, around a device, or of the whole house: what wants a person
    first. Of a place with more than 80 linked devices, those around one of them."""
    paging = take_paging(query)
    wish = Wish(
        query.get("site_id"), query.get("room_id"), query.get("device_id"), query["hops"],
        query["machines"],
    )  # fmt: skip
    found = read_link_map(db_session(), current_scope(), wish, utc_now())
    page = slice_page(link_rows.sort_links(found.links), paging)
    return page.replace([link_rows.describe_link(one) for one in page.items])


def _board(query: dict[str, Any]) -> PowerBoard:
    """NotFoundError where no such place is, or nothing stands there."""
    place = Place(query.get("site_id"), query.get("room_id"), query.get("row_id"))
    base = query.get("of", "derated")
    return current_power(db_session(), current_scope(), utc_now(), place, base).board
