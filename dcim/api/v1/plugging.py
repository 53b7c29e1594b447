"""What is plugged into outlets: plugging in, pulling out. An outlet itself is a kind of record."""

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema
from sqlalchemy import select

from dcim.api.fields import Flag, Whole
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.inventory.devices.models import DeviceSupply
from dcim.inventory.models import Device
from dcim.power.models import Outlet
from dcim.power.plugging import connect_supply, disconnect_outlet

plugging = Resource("plugging", "Plugging in", prefix="outlets")


class NewConnection(Schema):
    device_id = Whole(required=True)
    supply_id = Whole(
        allow_none=True,
        load_default=None,
        metadata={"description": "The device's first free supply, if not given."},
    )
    moving = Flag(load_default=False, metadata={"description": "Pull it out of where it hangs."})


@dataclass(frozen=True, slots=True)
class PluggedRow:
    id: int
    pdu_id: int
    number: int
    device_id: int | None
    device_name: str | None
    supply_id: int | None
    supply_name: str | None


@plugging.post("/<int:outlet_id>/connection")
@plugging.arguments(NewConnection)
@plugging.response(200, answer_of(PluggedRow))
def connect(body: dict[str, Any], outlet_id: int) -> Any:
    """Plug a device's supply into an outlet; a taken one answers 409 naming who has it."""
    return _describe(connect_supply(db_session(), current_scope(), outlet_id, **body))


@plugging.delete("/<int:outlet_id>/connection")
@plugging.response(200, answer_of(PluggedRow))
def disconnect(outlet_id: int) -> Any:
    """Pull out what is plugged into an outlet."""
    return _describe(disconnect_outlet(db_session(), current_scope(), outlet_id))


def _describe(outlet: Outlet) -> PluggedRow:
    names = db_session().execute(
        select(
            select(Device.name).where(Device.id == outlet.device_id).scalar_subquery(),
            select(DeviceSupply.name).where(DeviceSupply.id == outlet.supply_id).scalar_subquery(),
        )
    )
    device, supply = names.one()
    return PluggedRow(
        outlet.id, outlet.pdu_id, outlet.number, outlet.device_id, device, outlet.supply_id, supply
    )
