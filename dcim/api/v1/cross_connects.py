"""Cross-connect orders: asking for one, leading it on, its letters."""

import base64
import binascii
import datetime as dt
from typing import Any

from flask import Response
from marshmallow import Schema, fields
from marshmallow.validate import Range

from dcim.api.fields import PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.network.cross_connect_rules import ACTIONS
from dcim.network.cross_connects import (
    CONNECTORS,
    MEDIA,
    NewOrder,
    advance_cross_connect,
    choose_ends,
    request_cross_connect,
)
from dcim.network.files import (
    KINDS,
    LARGEST,
    StoredFileRow,
    attach_file,
    describe_download,
    read_file,
)
from dcim.network.order_queries import ConnectOrderRow, ConnectOrderView, find_order, list_orders

orders = Resource("cross_connect_orders", "Cross-connect orders", prefix="cross-connect-orders")
files = Resource("stored_files", "Files that were handed in", prefix="stored-files")


class OrderQuery(PageQuery):
    customer_id = query_id()


class NewCrossConnectOrder(Schema):
    customer_id = Whole(required=True)
    media = choice(MEDIA, required=True)
    connector = choice(CONNECTORS, load_default="lc")
    contract_item_id = Whole(allow_none=True, load_default=None)
    a_port_id = Whole(
        allow_none=True, load_default=None, metadata={"description": "Staff choose ports."}
    )
    z_port_id = Whole(allow_none=True, load_default=None)
    z_party = Text(low=0, load_default="")
    a_wish = Text(low=0, load_default="", metadata={"description": "The end in words."})
    z_wish = Text(low=0, load_default="")
    note = Text(low=0, load_default="")


class CrossConnectEnds(Schema):
    a_port_id = Whole(allow_none=True, load_default=None)
    z_port_id = Whole(allow_none=True, load_default=None)
    z_party = Text(low=0, load_default="")


class Level(fields.Decimal):
    """dB or dBm, two decimals, as a string; `low` and `high` are the bounds, inclusive."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        # Not bare: of a Range, the specification would say bounds of a number about a string.
        within = Range(low, high)
        super().__init__(
            places=2, validate=lambda value: within(value) is not None, as_string=True, **options
        )


class CrossConnectAdvance(Schema):
    """One step on; which fields it needs is said by `action`."""

    action = choice(tuple(ACTIONS), required=True)
    note = Text(low=0, load_default="")
    via = fields.List(
        Whole(),
        load_default=list,
        metadata={"description": "Patch: panel ports between, in order."},
    )
    colour = Text(low=0, high=64, load_default="")
    length_m = Whole(1, 100_000, allow_none=True, load_default=None)
    loss_db = Level(0, 60, allow_none=True, load_default=None)
    light_dbm = Level(-60, 30, allow_none=True, load_default=None)
    billed_from = fields.Date(allow_none=True, load_default=None)
    contract_item_id = Whole(allow_none=True, load_default=None)


class NewStoredFile(Schema):
    """A PDF, PNG or JPEG of at most 7 MB; larger ones (10 MB) go by the page."""

    name = Text(required=True)
    kind = choice(KINDS, load_default="loa")
    expires_on = fields.Date(allow_none=True, load_default=None)
    content = fields.String(required=True, metadata={"description": "Base64.", "format": "byte"})


@orders.get("")
@orders.arguments(OrderQuery, location="query")
@orders.response(200, page_of(ConnectOrderRow))
def list_cross_connects(query: dict[str, Any]) -> Any:
    """List the orders, newest first; a customer's are its own."""
    return list_orders(db_session(), current_scope(), take_paging(query), **query)


@orders.get("/<int:order_id>")
@orders.response(200, answer_of(ConnectOrderView))
def show_cross_connect(order_id: int) -> Any:
    """Show one order with its ends, steps and files."""
    return find_order(db_session(), current_scope(), order_id)


@orders.post("")
@orders.arguments(NewCrossConnectOrder)
@orders.response(201, answer_of(ConnectOrderView))
def create_cross_connect(body: dict[str, Any]) -> Any:
    """Ask for a cross-connect: staff for anyone and by ports, customers for themselves in words."""
    session, scope = db_session(), current_scope()
    order = request_cross_connect(session, scope, NewOrder(**body))
    return find_order(session, scope, order.id)


@orders.put("/<int:order_id>/ends")
@orders.arguments(CrossConnectEnds)
@orders.response(200, answer_of(ConnectOrderView))
def choose_ports(body: dict[str, Any], order_id: int) -> Any:
    """Choose the ports of an order that isn't patched yet."""
    session, scope = db_session(), current_scope()
    choose_ends(session, scope, order_id, **body)
    return find_order(session, scope, order_id)


@orders.post("/<int:order_id>/steps")
@orders.arguments(CrossConnectAdvance)
@orders.response(201, answer_of(ConnectOrderView))
def advance(body: dict[str, Any], order_id: int) -> Any:
    """Lead an order one step on. A customer may cancel its own request."""
    session, scope = db_session(), current_scope()
    advance_cross_connect(session, scope, order_id, body.pop("action"), body)
    return find_order(session, scope, order_id)


@orders.post("/<int:order_id>/files")
@orders.arguments(NewStoredFile)
@orders.response(201, answer_of(StoredFileRow))
def attach(body: dict[str, Any], order_id: int) -> Any:
    """Hand in a letter of authorisation or another file."""
    expires_on: dt.date | None = body["expires_on"]
    return attach_file(
        db_session(),
        current_scope(),
        order_id,
        name=body["name"],
        kind=body["kind"],
        expires_on=expires_on,
        content=decode_base64(body["content"], LARGEST),
    )


@files.get("/<int:file_id>/content")
@files.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/octet-stream",
    description="The file as it was handed in.",
)
def download(file_id: int) -> Response:
    """Download a file; never shown in place."""
    file = read_file(db_session(), current_scope(), file_id)
    response = Response(file.content, mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    for name, value in describe_download():
        response.headers.set(name, value)
    return response


def decode_base64(text: str, most: int) -> bytes:
    """Raises InvalidError for what isn't base64, or more than `most` bytes."""
    if len(text) > most * 4 // 3 + 4:
        raise InvalidError(
            "A file may have at most %(count)s MB.", {"content": ["too large"]}, count=most >> 20
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidError("The content isn't base64.", {"content": ["malformed"]}) from error
