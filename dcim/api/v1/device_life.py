"""Steps of a device's life, and whole-server rental."""

from typing import Any

from marshmallow import Schema, fields

from dcim.api.fields import Text, Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.inventory import queries, rental
from dcim.inventory.devices import transitions
from dcim.inventory.devices.lifecycle import DEVICE_STATES

device_life = Resource("device_life", "Devices' lives", prefix="devices")


class NewState(Schema):
    to = choice(DEVICE_STATES, required=True)
    answers = fields.Dict(
        keys=fields.String(),
        values=Text(),
        load_default=dict,
        metadata={"description": "What the step asks for, by name."},
    )
    note = Text(low=0, load_default="")
    expected = choice(
        DEVICE_STATES,
        metadata={"description": "The state you saw; refused when it is another by now."},
    )


class NewRental(Schema):
    item_id = Whole(required=True)
    starts_on = fields.Date(allow_none=True, load_default=None)
    note = Text(low=0, load_default="")


class RentalEnd(Schema):
    wiped = Text(required=True, metadata={"description": "How the data was erased."})
    note = Text(low=0, load_default="")


@device_life.post("/<int:device_id>/state")
@device_life.arguments(NewState)
@device_life.response(200, answer_of(queries.DeviceRow))
def change_state(body: dict[str, Any], device_id: int) -> Any:
    """Take one step of a device's life."""
    session, scope = db_session(), current_scope()
    transitions.change_state(
        session,
        scope,
        device_id,
        body["to"],
        body["answers"],
        note=body["note"],
        expected=body.get("expected"),
    )
    return queries.find_device(session, scope, device_id)


@device_life.post("/<int:device_id>/rental")
@device_life.arguments(NewRental)
@device_life.response(200, answer_of(queries.DeviceRow))
def rent_device(body: dict[str, Any], device_id: int) -> Any:
    """Let the operator's machine under a contract item."""
    session, scope = db_session(), current_scope()
    rental.rent_device(
        session,
        scope,
        device_id,
        body["item_id"],
        starts_on=body["starts_on"],
        note=body["note"],
    )
    return queries.find_device(session, scope, device_id)


@device_life.post("/<int:device_id>/rental/end")
@device_life.arguments(RentalEnd)
@device_life.response(200, answer_of(queries.DeviceRow))
def end_rental(body: dict[str, Any], device_id: int) -> Any:
    """Take a let machine back."""
    session, scope = db_session(), current_scope()
    rental.end_rental(session, scope, device_id, wiped=body["wiped"], note=body["note"])
    return queries.find_device(session, scope, device_id)
