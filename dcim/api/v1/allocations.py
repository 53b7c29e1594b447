"""Selling space: a U range, or a whole room, cage, cabinet or rack; letting a sale end."""

from typing import Any

from marshmallow import Schema, fields

from dcim.api.fields import Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.api.v1.devices import LOWEST, MAX_HALF_UNIT
from dcim.customers.models import ContractItem
from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.inventory.claim_rows import AreaClaimRow, read_allocation, read_claim
from dcim.inventory.models import Device
from dcim.inventory.queries import AllocationRow
from dcim.inventory.space import allocating, areas
from dcim.inventory.space.claims import EXTENTS

allocations = Resource("allocating", "Selling space", prefix="allocations")
area_claims = Resource("area_claims", "Selling whole areas", prefix="area-claims")

# The highest half unit of the tallest rack there can be, and how many there are.
HALF_UNITS = 120


class Term(Schema):
    """Days are half-open: `ends_on` is the first day the space is free again."""

    starts_on = fields.Date(required=True)
    ends_on = fields.Date(allow_none=True, load_default=None)


class NewAllocation(Term):
    contract_item_id = Whole(required=True)
    rack_id = Whole(required=True)
    u_low = Whole(
        0,
        MAX_HALF_UNIT,
        required=True,
        metadata={"description": LOWEST},
    )
    height = Whole(1, HALF_UNITS, required=True, metadata={"description": "In half units."})


class NewAreaClaim(Term):
    contract_item_id = Whole(required=True)
    extent = choice(EXTENTS, required=True)
    area_id = Whole(required=True, metadata={"description": "Of the room, cage, cabinet or rack."})


class End(Schema):
    ends_on = fields.Date(
        required=True,
        allow_none=True,
        metadata={"description": "The first day it is free again; null takes the end away."},
    )


class StandingDevice(Schema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)


class EndedAllocation(Schema):
    allocation = fields.Nested(answer_of(AllocationRow), required=True)
    standing = fields.List(
        fields.Nested(StandingDevice),
        required=True,
        metadata={"description": "The customer's devices that have to come out."},
    )


class EndedAreaClaim(Schema):
    area_claim = fields.Nested(answer_of(AreaClaimRow), required=True)
    standing = fields.List(fields.Nested(StandingDevice), required=True)


@allocations.post("")
@allocations.arguments(NewAllocation)
@allocations.response(201, answer_of(AllocationRow))
def create_allocation(body: dict[str, Any]) -> Any:
    """Allocate a U range of a rack to a contract item."""
    session, scope = db_session(), current_scope()
    item = find_item(body.pop("contract_item_id"))
    made = allocating.allocate_space(session, scope, item, body.pop("rack_id"), **body)
    return read_allocation(session, scope, made)


@allocations.post("/<int:allocation_id>/end")
@allocations.arguments(End)
@allocations.response(200, EndedAllocation)
def end_allocation(body: dict[str, Any], allocation_id: int) -> Any:
    """Let an allocation end on a day, and hear what stands there."""
    session, scope = db_session(), current_scope()
    found = allocating.find_allocation(session, allocation_id)
    ended = allocating.end_allocation(session, scope, found, body["ends_on"])
    return {
        "allocation": read_allocation(session, scope, ended.allocation),
        "standing": list_names(ended.standing),
    }


@allocations.delete("/<int:allocation_id>")
@allocations.response(204)
def cancel_allocation(allocation_id: int) -> None:
    """Take back an allocation that has not begun."""
    session = db_session()
    found = allocating.find_allocation(session, allocation_id)
    allocating.cancel_allocation(session, current_scope(), found)


@area_claims.post("")
@area_claims.arguments(NewAreaClaim)
@area_claims.response(201, answer_of(AreaClaimRow))
def create_area_claim(body: dict[str, Any]) -> Any:
    """Allocate a whole room, cage, cabinet or rack to a contract item."""
    session = db_session()
    item = find_item(body.pop("contract_item_id"))
    claim = areas.allocate_area(
        session, current_scope(), item, body.pop("extent"), body.pop("area_id"), **body
    )
    return read_claim(session, claim)


@area_claims.get("/<int:area_claim_id>")
@area_claims.response(200, answer_of(AreaClaimRow))
def show_area_claim(area_claim_id: int) -> Any:
    """Show the sale of an area."""
    session = db_session()
    return read_claim(session, areas.find_claim(session, area_claim_id))


@area_claims.post("/<int:area_claim_id>/end")
@area_claims.arguments(End)
@area_claims.response(200, EndedAreaClaim)
def end_area_claim(body: dict[str, Any], area_claim_id: int) -> Any:
    """Let the sale of an area end on a day, and hear what stands there."""
    session = db_session()
    found = areas.find_claim(session, area_claim_id)
    ended = areas.end_area(session, current_scope(), found, body["ends_on"])
    return {
        "area_claim": read_claim(session, ended.claim),
        "standing": list_names(ended.standing),
    }


@area_claims.delete("/<int:area_claim_id>")
@area_claims.response(204)
def cancel_area_claim(area_claim_id: int) -> None:
    """Take back the sale of an area that has not begun."""
    session = db_session()
    areas.cancel_area(session, current_scope(), areas.find_claim(session, area_claim_id))


def find_item(item_id: int) -> ContractItem:
    found = db_session().get(ContractItem, item_id)
    if found is None:
        raise InvalidError("There is no such contract item.", {"contract_item_id": ["unknown"]})
    return found


def list_names(devices: Any) -> list[dict[str, Any]]:
    found: list[Device] = list(devices)
    return [{"id": device.id, "name": device.name} for device in found]
