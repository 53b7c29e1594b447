"""Cabinets with their racks, and who has which U range."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from dcim.api.fields import Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.errors import NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.inventory import queries
from dcim.inventory.models import Cabinet
from dcim.inventory.space.structure import RACKS_IN
from dcim.inventory.space.structure import split_cabinet as split

cabinets = Resource("cabinets", "Cabinets and racks")


class Split(Schema):
    layout = choice(tuple(RACKS_IN), required=True)
    u_counts = fields.List(
        Whole(1, 60),
        allow_none=True,
        load_default=None,
        validate=Length(1, 4),
        metadata={"description": "U of each rack from the top; equal parts, if not given."},
    )


class AllocationList(Schema):
    items = fields.List(fields.Nested(answer_of(queries.AllocationRow)), required=True)


@cabinets.get("/<int:cabinet_id>/racks")
@cabinets.response(200, answer_of(queries.CabinetRow))
def show_racks(cabinet_id: int) -> Any:
    """Show a cabinet's racks and how full they are; a customer sees its own racks."""
    return queries.find_cabinet(db_session(), current_scope(), cabinet_id)


@cabinets.get("/<int:cabinet_id>/allocations")
@cabinets.response(200, AllocationList)
def list_allocations(cabinet_id: int) -> Any:
    """List who has which half units of this cabinet's racks, now and next."""
    session, scope = db_session(), current_scope()
    cabinet = queries.find_cabinet(session, scope, cabinet_id)
    return {"items": queries.list_allocations(session, scope, [r.id for r in cabinet.racks])}


@cabinets.post("/<int:cabinet_id>/split")
@cabinets.arguments(Split)
@cabinets.response(200, answer_of(queries.CabinetRow))
def split_cabinet(body: dict[str, Any], cabinet_id: int) -> Any:
    """Make an empty cabinet's racks anew: one, two halves or four quarters."""
    session, scope = db_session(), current_scope()
    queries.find_cabinet(session, scope, cabinet_id)
    cabinet = session.get(Cabinet, cabinet_id)
    if cabinet is None:
        raise NotFoundError("No such cabinet.")
    split(session, scope, cabinet, body["layout"], u_counts=body["u_counts"])
    return queries.find_cabinet(session, scope, cabinet_id)
