"""Putting devices into racks and taking them out."""

from typing import Any

from marshmallow import Schema, fields

from dcim.accounts.roles import Right
from dcim.api.fields import Text, Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.errors import ForbiddenError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.inventory import queries
from dcim.inventory.models import Device
from dcim.inventory.space import placement
from dcim.inventory.space.rails import RAIL_PLACES
from dcim.operations.relocation import Loosened, take_out

devices = Resource("devices", "Devices")

# The highest half unit of the tallest rack there can be.
MAX_HALF_UNIT = 119
OVERRIDE = (
    "The reason for building into another's space, or above the cabinet's weight limit; takes a"
    " right."
)
LOWEST = (
    "Lowest half unit, counted from 0 at the rack's bottom, also where its units are printed from"
    " the top (`numbering` down)."
)


class NewInstallation(Schema):
    rack_id = Whole(required=True)
    u_low = Whole(
        0,
        MAX_HALF_UNIT,
        allow_none=True,
        load_default=None,
        metadata={"description": LOWEST},
    )
    face = choice(
        ("front", "rear", "full"),
        allow_none=True,
        load_default=None,
        metadata={"description": "As its type says, if not given."},
    )
    side = choice(("left", "right", "full"), allow_none=True, load_default=None)
    rail = choice(
        ("left", "right"),
        allow_none=True,
        load_default=None,
        metadata={"description": "For a 0U device; the first free place, if not given."},
    )
    rail_position = Whole(1, RAIL_PLACES, allow_none=True, load_default=None)
    override = Text(
        high=255,
        load_default="",
        metadata={"description": OVERRIDE},
    )


@devices.post("/<int:device_id>/installation")
@devices.arguments(NewInstallation)
@devices.response(201, answer_of(queries.DeviceRow))
def install_device(body: dict[str, Any], device_id: int) -> Any:
    """Install a device into a rack."""
    session, scope = db_session(), current_scope()
    if body["override"] and not has_right(Right.OVERRIDE_SPACE):
        raise ForbiddenError("Building into another's space takes the right to override.")
    placement.install_device(session, scope, _find(device_id), body.pop("rack_id"), **body)
    return queries.find_device(session, scope, device_id)


class LoosenedCords(Schema):
    unplugged = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Outlets that are free now: the PDU's code and the number."},
    )
    cross_connected = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "Ports that are part of a cross-connect still, with its order; their"
            " cables are the order's to part."
        },
    )


def tell_loosened(loosened: Loosened) -> dict[str, list[str]]:
    return {"unplugged": loosened.outlets, "cross_connected": loosened.ports}


@devices.delete("/<int:device_id>/installation")
@devices.response(200, LoosenedCords)
def remove_device(device_id: int) -> Any:
    """Take a device out of its rack; its power cords come out of their outlets, which are named."""
    return tell_loosened(take_out(db_session(), current_scope(), _find(device_id)))


def _find(device_id: int) -> Device:
    queries.find_device(db_session(), current_scope(), device_id)
    device = db_session().get(Device, device_id)
    if device is None:
        raise NotFoundError("No such device.")
    return device
