"""Switch ports with their latest rates, and the bandwidth services on them."""

from typing import Any

from marshmallow import fields

from dcim.api.fields import Flag, PageQuery, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.network import queries

ports = Resource("ports", "Ports and their utilisation")
services = Resource("services", "Bandwidth services")


class PortQuery(PageQuery):
    device_id = query_id("For staff.")
    customer_id = query_id()
    service_id = query_id()
    role = choice(("customer", "uplink", "internal"))
    sort = fields.Enum(queries.PortSort, by_value=True, load_default=queries.PortSort.NAME)
    descending = Flag(load_default=False)


class ServiceQuery(PageQuery):
    customer_id = query_id()


@ports.get("")
@ports.arguments(PortQuery, location="query")
@ports.response(200, page_of(queries.PortRow))
def list_ports(query: dict[str, Any]) -> Any:
    """List the ports with who uses them and how much; a customer's are those of its services."""
    paging = take_paging(query)
    sort, descending = query.pop("sort"), query.pop("descending")
    return queries.list_ports(
        db_session(),
        current_scope(),
        queries.PortFilter(**query),
        paging,
        sort=sort,
        descending=descending,
    )


@ports.get("/<int:port_id>")
@ports.response(200, answer_of(queries.PortRow))
def show_port(port_id: int) -> Any:
    """Show one port with its latest rates."""
    return queries.find_port(db_session(), current_scope(), port_id)


@services.get("")
@services.arguments(ServiceQuery, location="query")
@services.response(200, page_of(queries.ServiceRow))
def list_services(query: dict[str, Any]) -> Any:
    """List the bandwidth services."""
    return queries.list_services(db_session(), current_scope(), take_paging(query), **query)
