"""The power chain from utility to PDU with its latest readings."""

from typing import Any

from dcim.api.fields import PageQuery, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.power import queries
from dcim.power.models import NODE_KINDS

power_readings = Resource("power_readings", "What power nodes read", prefix="power-readings")


class NodeQuery(PageQuery):
    site_id = query_id()
    parent_id = query_id("For staff.")
    rack_id = query_id()
    feed = choice(("A", "B", "AB"))
    kind = choice(NODE_KINDS)


@power_readings.get("")
@power_readings.arguments(NodeQuery, location="query")
@power_readings.response(200, page_of(queries.NodeRow))
def list_readings(query: dict[str, Any]) -> Any:
    """List the power nodes with their latest readings; a customer's are the feeds of its racks."""
    paging = take_paging(query)
    return queries.list_power_nodes(
        db_session(), current_scope(), queries.NodeFilter(**query), paging
    )


@power_readings.get("/<int:node_id>")
@power_readings.response(200, answer_of(queries.NodeRow))
def show_reading(node_id: int) -> Any:
    """Show one power node with its latest reading."""
    return queries.find_power_node(db_session(), current_scope(), node_id)
