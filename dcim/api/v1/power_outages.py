"""Simulated outages of the power chain: a question asked by POST, which changes nothing."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from marshmallow import Schema, fields
from marshmallow.validate import Length

from dcim.api.fields import Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.http.database import current_scope, db_session
from dcim.power.outage import Strain
from dcim.sla.outages import LOADS, MOST_NODES, OutageReading, read_outage

power_outages = Resource("power_outages", "Outage simulation", prefix="power-outages")


class NewOutage(Schema):
    off = fields.List(
        Whole(),
        required=True,
        validate=Length(1, MOST_NODES),
        metadata={"description": "Ids of the power nodes that fail, all of one site."},
    )
    basis = choice(
        LOADS,
        load_default="max",
        metadata={"description": "What racks are taken to draw: max of the month, now, or sold."},
    )


@dataclass(frozen=True, slots=True)
class StrainRow:
    """mA on the fullest phase; `limit_ma` is derated, `rating_ma` the plate; `trips` above it."""

    node_id: int
    code: str
    phase: str
    before_ma: int
    after_ma: int
    limit_ma: int
    rating_ma: int
    overloaded: bool
    trips: bool


@dataclass(frozen=True, slots=True)
class HitRackRow:
    """Feeds as "A", "B", "AB" or "": `last` after what trips next has tripped."""

    rack_id: int
    code: str
    cabinet_id: int
    outcome: str
    before: str
    after: str
    last: str
    load_from: str
    devices: int
    devices_off: int
    fullest: StrainRow | None
    cause: StrainRow | None


@dataclass(frozen=True, slots=True)
class HitCustomerRow:
    customer_id: int
    code: str
    name: str
    outcome: str
    racks: list[str]
    racks_down: list[str]
    devices: int
    devices_off: int
    devices_next: int
    off_with_one_cord: int
    off_without_recorded_cords: int


@dataclass(frozen=True, slots=True)
class HitDeviceRow:
    """`outcome`: down, next (when something trips), no_redundancy. `assumed`: no recorded cord."""

    device_id: int
    name: str
    rack_id: int
    customer_id: int | None
    outcome: str
    assumed: bool
    cords: list[str]


@dataclass(frozen=True, slots=True)
class OutageRow:
    """Node ids in `off`, `dead`, `on_battery`, `switched`; `trips_next` round by round. Batteries
    last for minutes nobody recorded, generators are taken to start."""

    off: list[int]
    load: str
    load_since: dt.datetime
    load_until: dt.datetime
    dead: list[int]
    on_battery: list[int]
    switched: list[int]
    trips_next: list[int]
    racks_with_unknown_load: list[int]
    customers: list[HitCustomerRow]
    racks: list[HitRackRow]
    devices: list[HitDeviceRow]
    strains: list[StrainRow]


@power_outages.post("")
@power_outages.arguments(NewOutage)
@power_outages.response(200, answer_of(OutageRow))
def simulate_outage(asked: dict[str, Any]) -> Any:
    """Simulate that power nodes fail: who is down, overloaded next, without redundancy."""
    now = utc_now()
    local = now.astimezone(ZoneInfo(current_app.config["BABEL_DEFAULT_TIMEZONE"]))
    month_start = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return describe(
        read_outage(
            db_session(),
            current_scope(),
            asked["off"],
            load=asked["basis"],
            now=now,
            month_start=month_start.astimezone(dt.UTC),
        )
    )


def describe(reading: OutageReading) -> OutageRow:
    outage = reading.outage

    def strain(one: Strain | None) -> StrainRow | None:
        if one is None:
            return None
        code = reading.tree.nodes[one.node_id].code
        return StrainRow(
            one.node_id, code, one.phase, one.before, one.after, one.limit, one.rating,
            one.is_over, one.trips,
        )  # fmt: skip

    return OutageRow(
        off=sorted(outage.off),
        load=reading.load,
        load_since=reading.since,
        load_until=reading.until,
        dead=sorted(outage.dead),
        on_battery=list(outage.on_battery),
        switched=list(outage.switched),
        trips_next=[node_id for group in outage.tripped for node_id in group],
        racks_with_unknown_load=list(outage.unknown_racks),
        customers=[
            HitCustomerRow(
                hit.id, hit.code, hit.name, hit.outcome, list(hit.racks), list(hit.down),
                hit.devices, hit.off, hit.next, hit.one_cord, hit.assumed,
            )
            for hit in reading.customers
        ],
        racks=[
            HitRackRow(
                hit.rack.id, hit.rack.code, hit.rack.cabinet_id, hit.loss.outcome,
                hit.loss.before, hit.loss.after, hit.loss.last, hit.loss.basis, hit.devices,
                hit.off, strain(hit.loss.fullest), strain(hit.loss.cause),
            )
            for hit in reading.cabinets
        ],
        devices=[
            HitDeviceRow(
                hit.device_id, hit.name, hit.rack_id, hit.customer_id, hit.outcome, hit.assumed,
                list(hit.cords),
            )
            for hit in reading.devices
        ],
        strains=[row for one in outage.strains if (row := strain(one)) is not None],
    )  # fmt: skip
