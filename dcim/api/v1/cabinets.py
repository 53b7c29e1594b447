"""Cabinets with their racks, and who has which U range."""

from typing import Any

from marshmallow import Schema, fields

from dcim.api.fields import PageQuery, Text, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.inventory import queries

cabinets = Resource("cabinets", "Cabinets and racks")


class CabinetQuery(PageQuery):
    room_id = query_id()
    code = Text(high=64)


class AllocationList(Schema):
    items = fields.List(fields.Nested(answer_of(queries.AllocationRow)), required=True)


@cabinets.get("")
@cabinets.arguments(CabinetQuery, location="query")
@cabinets.response(200, page_of(queries.CabinetRow))
def list_cabinets(query: dict[str, Any]) -> Any:
    """List the cabinets with their racks; of a shared cabinet a customer sees its own racks."""
    return queries.list_cabinets(db_session(), current_scope(), take_paging(query), **query)


@cabinets.get("/<int:cabinet_id>")
@cabinets.response(200, answer_of(queries.CabinetRow))
def show_cabinet(cabinet_id: int) -> Any:
    """Show one cabinet with its racks."""
    return queries.find_cabinet(db_session(), current_scope(), cabinet_id)


@cabinets.get("/<int:cabinet_id>/allocations")
@cabinets.response(200, AllocationList)
def list_allocations(cabinet_id: int) -> Any:
    """List who has which half units of this cabinet's racks, now and next."""
    session, scope = db_session(), current_scope()
    cabinet = queries.find_cabinet(session, scope, cabinet_id)
    return {"items": queries.list_allocations(session, scope, [r.id for r in cabinet.racks])}
