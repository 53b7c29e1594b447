"""Sites and rooms."""

from typing import Any

from dcim.api.fields import PageQuery, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.inventory import queries

sites = Resource("sites", "Sites")
rooms = Resource("rooms", "Rooms")


class RoomQuery(PageQuery):
    site_id = query_id()


@sites.get("")
@sites.arguments(PageQuery, location="query")
@sites.response(200, page_of(queries.SiteRow))
def list_sites(query: dict[str, Any]) -> Any:
    """List the sites; a customer's are those with racks of its own."""
    return queries.list_sites(db_session(), current_scope(), take_paging(query))


@rooms.get("")
@rooms.arguments(RoomQuery, location="query")
@rooms.response(200, page_of(queries.RoomRow))
def list_rooms(query: dict[str, Any]) -> Any:
    """List the rooms with how many cabinets they have."""
    return queries.list_rooms(db_session(), current_scope(), take_paging(query), **query)


@rooms.get("/<int:room_id>")
@rooms.response(200, answer_of(queries.RoomRow))
def show_room(room_id: int) -> Any:
    """Show one room."""
    return queries.find_room(db_session(), current_scope(), room_id)
