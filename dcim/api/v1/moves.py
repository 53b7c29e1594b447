"""Moving devices, several at once, so that two can change places."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from dcim.accounts.roles import Right
from dcim.api.fields import Text, Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.api.v1.devices import LOWEST, MAX_HALF_UNIT, OVERRIDE, LoosenedCords, tell_loosened
from dcim.errors import ForbiddenError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.inventory import queries
from dcim.inventory.space import placement
from dcim.inventory.space.rails import RAIL_PLACES
from dcim.operations.relocation import relocate

moves = Resource("moves", "Moving devices")

MOST_MOVES = 100


class NewPlace(Schema):
    """`u_low` null is the side rail. Without `face` and `side` the device's type decides."""

    rack_id = Whole(required=True)
    u_low = Whole(
        0, MAX_HALF_UNIT, allow_none=True, load_default=None, metadata={"description": LOWEST}
    )
    face = choice(("front", "rear", "full"), allow_none=True, load_default=None)
    side = choice(("left", "right", "full"), allow_none=True, load_default=None)
    rail = choice(("left", "right"), allow_none=True, load_default=None)
    rail_position = Whole(1, RAIL_PLACES, allow_none=True, load_default=None)


class NewMove(NewPlace):
    device_id = Whole(required=True)


class Moves(Schema):
    moves = fields.List(fields.Nested(NewMove), required=True, validate=Length(1, MOST_MOVES))
    override = Text(
        low=0,
        load_default="",
        metadata={"description": OVERRIDE},
    )


class MovedDevices(LoosenedCords):
    items = fields.List(fields.Nested(answer_of(queries.DeviceRow)), required=True)


@moves.post("")
@moves.arguments(Moves)
@moves.response(201, MovedDevices)
def move_devices(body: dict[str, Any]) -> Any:
    """Move devices: all come out, then all go in; all or none.

    Into another rack they lose their cords to the old rack's power strips; the answer names the
    outlets that are free now, and the ports whose cables are left to their orders.
    """
    session, scope = db_session(), current_scope()
    if body["override"] and not has_right(Right.OVERRIDE_SPACE):
        raise ForbiddenError("Building into another's space takes the right to override.")
    wanted = []
    for one in body["moves"]:
        device = placement.find_device(session, scope, one.pop("device_id"))
        wanted.append(placement.Move(device, placement.Place(**one)))
    loosened = relocate(session, scope, wanted, override=body["override"])
    return {
        "items": [queries.find_device(session, scope, one.device.id) for one in wanted],
        **tell_loosened(loosened),
    }
