"""Devices: what they are, where they stand, putting them in and taking them out."""

from typing import Any

from marshmallow import Schema, fields

from dcim.accounts.roles import Right
from dcim.api.fields import Flag, PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.errors import ForbiddenError, NotFoundError
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.inventory import placement, queries
from dcim.inventory.models import Device
from dcim.inventory.rails import RAIL_PLACES
from dcim.inventory.registration import register_device

devices = Resource("devices", "Devices")
device_types = Resource("device_types", "Device types", prefix="device-types")

STATES = ("planned", "in_stock", "installed", "in_service", "removed", "returned")
# The highest half unit of the tallest rack there can be.
MAX_HALF_UNIT = 119


class DeviceQuery(PageQuery):
    q = Text(high=100, metadata={"description": "Looked for in name, serial and asset tag."})
    customer_id = query_id()
    device_type_id = query_id()
    rack_id = query_id()
    cabinet_id = query_id()
    room_id = query_id()
    role = Text(high=64)
    state = choice(STATES)
    sort = fields.Enum(queries.DeviceSort, by_value=True, load_default=queries.DeviceSort.NAME)
    descending = Flag(load_default=False)


class NewDevice(Schema):
    name = Text(required=True)
    role = Text(high=64, required=True)
    device_type_id = Whole(required=True)
    customer_id = Whole(allow_none=True, load_default=None)
    serial = Text(high=64, allow_none=True, load_default=None)
    asset_tag = Text(high=64, allow_none=True, load_default=None)


class NewInstallation(Schema):
    rack_id = Whole(required=True)
    u_low = Whole(
        0,
        MAX_HALF_UNIT,
        allow_none=True,
        load_default=None,
        metadata={"description": "Lowest half unit from the bottom, 0 is the lower half of U1."},
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
        metadata={"description": "The reason for building into another's space; takes a right."},
    )


@device_types.get("")
@device_types.arguments(PageQuery, location="query")
@device_types.response(200, page_of(queries.DeviceTypeRow))
def list_device_types(query: dict[str, Any]) -> Any:
    """List the catalogue of device types."""
    return queries.list_device_types(db_session(), take_paging(query))


@devices.get("")
@devices.arguments(DeviceQuery, location="query")
@devices.response(200, page_of(queries.DeviceRow))
def list_devices(query: dict[str, Any]) -> Any:
    """List the devices with their places."""
    paging = take_paging(query)
    sort, descending = query.pop("sort"), query.pop("descending")
    wanted = queries.DeviceFilter(text=query.pop("q", ""), **query)
    return queries.list_devices(
        db_session(), current_scope(), wanted, paging, sort=sort, descending=descending
    )


@devices.get("/<int:device_id>")
@devices.response(200, answer_of(queries.DeviceRow))
def show_device(device_id: int) -> Any:
    """Show one device with its place."""
    return queries.find_device(db_session(), current_scope(), device_id)


@devices.post("")
@devices.arguments(NewDevice)
@devices.response(201, answer_of(queries.DeviceRow))
def create_device(body: dict[str, Any]) -> Any:
    """Enter a device into stock."""
    session, scope = db_session(), current_scope()
    device = register_device(session, scope, **body)
    return queries.find_device(session, scope, device.id)


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


@devices.delete("/<int:device_id>/installation")
@devices.response(204)
def remove_device(device_id: int) -> None:
    """Take a device out of its rack."""
    placement.remove_device(db_session(), current_scope(), _find(device_id))


def _find(device_id: int) -> Device:
    queries.find_device(db_session(), current_scope(), device_id)
    device = db_session().get(Device, device_id)
    if device is None:
        raise NotFoundError("No such device.")
    return device
