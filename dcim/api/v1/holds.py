"""Holding space for a prospect: hold, extend with a reason, release, convert into a sale."""

from typing import Any

from marshmallow import Schema

from dcim.api.fields import Instant, Text, Whole
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.api.v1.allocations import HALF_UNITS, Term, find_item
from dcim.api.v1.devices import LOWEST, MAX_HALF_UNIT
from dcim.http.database import current_scope, db_session
from dcim.inventory.claim_rows import read_allocation, read_hold
from dcim.inventory.queries import AllocationRow
from dcim.inventory.space import allocating, holding
from dcim.inventory.space.contents import HoldRow

holds = Resource("holding", "Holding space", prefix="holds")


class NewHold(Schema):
    rack_id = Whole(required=True)
    prospect = Text(required=True)
    u_low = Whole(0, MAX_HALF_UNIT, required=True, metadata={"description": LOWEST})
    height = Whole(1, HALF_UNITS, required=True, metadata={"description": "In half units."})
    starts_at = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "Where an allocation ends; now, if not given."},
    )
    expires_at = Instant(required=True)
    reason = Text(low=0, load_default="")


class Extension(Schema):
    expires_at = Instant(required=True)
    reason = Text(required=True)


class Conversion(Term):
    contract_item_id = Whole(required=True)


@holds.post("")
@holds.arguments(NewHold)
@holds.response(201, answer_of(HoldRow))
def create_hold(body: dict[str, Any]) -> Any:
    """Hold a U range of a rack for a prospect; it expires by itself."""
    return read_hold(holding.hold_space(db_session(), current_scope(), body.pop("rack_id"), **body))


@holds.post("/<int:hold_id>/extension")
@holds.arguments(Extension)
@holds.response(200, answer_of(HoldRow))
def extend_hold(body: dict[str, Any], hold_id: int) -> Any:
    """Let a hold last longer, with a reason."""
    session = db_session()
    found = holding.find_hold(session, hold_id)
    return read_hold(
        holding.extend_hold(
            session, current_scope(), found, body["expires_at"], reason=body["reason"]
        )
    )


@holds.post("/<int:hold_id>/conversion")
@holds.arguments(Conversion)
@holds.response(201, answer_of(AllocationRow))
def convert_hold(body: dict[str, Any], hold_id: int) -> Any:
    """Sell what is held to a contract item; the hold is gone then."""
    session, scope = db_session(), current_scope()
    found = holding.find_hold(session, hold_id)
    item = find_item(body.pop("contract_item_id"))
    return read_allocation(
        session, scope, allocating.convert_hold(session, scope, found, item, **body)
    )


@holds.delete("/<int:hold_id>")
@holds.response(204)
def release_hold(hold_id: int) -> None:
    """Give held space back before it expires."""
    session = db_session()
    holding.release_hold(session, current_scope(), holding.find_hold(session, hold_id))
