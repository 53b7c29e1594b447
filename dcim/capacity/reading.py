"""Reading the facts of all racks, or of some, in a fixed number of statements."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Integer,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from dcim.capacity.chain import Chain, ChainNode
from dcim.capacity.facts import Claim, RackFacts, RoomFacts, Tenant
from dcim.capacity.masks import mask_of
from dcim.columns import utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.inventory.models import (
    Allocation,
    BarredSpace,
    Building,
    Cabinet,
    Device,
    DeviceType,
    Hold,
    Installation,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.network.models import CableEnd, Carrier, Circuit, Port, RoomCarrier, ServiceMembership
from dcim.network.order_models import CrossConnectEnd
from dcim.power.chain import load_tree

# The half units an installation takes, as a string of bits, the highest first.
_HALF_UNITS: ColumnElement[str] = literal_column(
    "bit_or((repeat('1', 120)::bit(120) >> (120 - installation.height)) << installation.u_low)"
)

Picked: TypeAlias = Collection[int] | None


def read_racks(session: Session, rack_ids: Picked = None) -> dict[int, RackFacts]:
    """The facts of all racks, or of those asked for that exist. Six statements."""
    tenants = _read_tenants(session, rack_ids)
    barred = _read_barred(session, rack_ids)
    claims = _read_claims(session, rack_ids)
    ports = _read_ports(session, rack_ids)
    rows = session.execute(
        select(
            Rack.id.label("rack_id"),
            Rack.code,
            Rack.u_count,
            Rack.numbering,
            Rack.position.label("place"),
            Cabinet.id.label("cabinet_id"),
            Cabinet.code.label("cabinet_code"),
            Cabinet.layout,
            Cabinet.position,
            # What the enclosure itself weighs stands in it before anything else does.
            (
                (cast(Cabinet.weight_limit_kg, Integer) - cast(Cabinet.own_weight_kg, Integer))
                * 1000
            ).label("weight_limit_g"),
            Cabinet.state,
            Row.id.label("row_id"),
            Row.code.label("row_code"),
            Row.position.label("row_position"),
            Row.room_id,
            Room.site_id,
            Cabinet.cage_id,
        )
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .where(_picked(Rack.id, rack_ids))
    )
    found = {}
    for row in rows:
        fields = dict(row._mapping)
        state = fields.pop("state")
        rack_id = fields["rack_id"]
        found[rack_id] = RackFacts(
            **fields,
            closed="" if state == "in_service" else state,
            barred=barred.get(rack_id, 0),
            tenants=tuple(tenants.get(rack_id, ())),
            claims=tuple(claims.get(rack_id, ())),
            ports=ports.get(rack_id, {}),
        )
    return found


def _picked(column: Any, rack_ids: Picked) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = true() if rack_ids is None else column.in_(rack_ids)
    return condition


def _read_tenants(session: Session, rack_ids: Picked) -> dict[int, list[Tenant]]:
    rows = session.execute(
        select(
            Installation.rack_id,
            Device.customer_id,
            _HALF_UNITS,
            func.sum(DeviceType.weight_g),
            func.sum(DeviceType.rated_w),
        )
        .join(Device, Device.id == Installation.device_id)
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .where(_picked(Installation.rack_id, rack_ids))
        .group_by(Installation.rack_id, Device.customer_id)
    )
    found: dict[int, list[Tenant]] = {}
    for rack_id, customer_id, bits, weight_g, plate_w in rows:
        found.setdefault(rack_id, []).append(
            Tenant(customer_id, int(bits, 2) if bits else 0, int(weight_g), int(plate_w))
        )
    return found


def _read_barred(session: Session, rack_ids: Picked) -> dict[int, int]:
    found: dict[int, int] = {}
    for rack_id, u_low, height in session.execute(
        select(BarredSpace.rack_id, BarredSpace.u_low, BarredSpace.height).where(
            _picked(BarredSpace.rack_id, rack_ids)
        )
    ):
        found[rack_id] = found.get(rack_id, 0) | mask_of(u_low, height)
    return found


def _read_claims(session: Session, rack_ids: Picked) -> dict[int, list[Claim]]:
    """What is over is left out: that it begins again can't be. Days end at the site's midnight."""
    now = utc_now()
    # A day more than any zone can be behind, the rest is told by the instant.
    yesterday = now.date() - dt.timedelta(days=1)
    zones: dict[str, ZoneInfo] = {}
    found: dict[int, list[Claim]] = {}
    rows = session.execute(
        select(
            Allocation.rack_id,
            Allocation.u_low,
            Allocation.height,
            Allocation.starts_on,
            Allocation.ends_on,
            Allocation.customer_id,
            Allocation.contract_item_id,
            ContractItem.contracted_w,
            Customer.name,
            Site.timezone,
        )
        .join(ContractItem, ContractItem.id == Allocation.contract_item_id)
        .join(Customer, Customer.id == Allocation.customer_id)
        .join(Rack, Rack.id == Allocation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .join(Site, Site.id == Room.site_id)
        .where(
            _picked(Allocation.rack_id, rack_ids),
            or_(Allocation.ends_on.is_(None), Allocation.ends_on > yesterday),
        )
        .order_by(Allocation.id)
    ).all()
    racks = _count_racks(session, rack_ids, yesterday)
    for (
        rack_id,
        u_low,
        height,
        starts_on,
        ends_on,
        customer_id,
        item_id,
        watts,
        name,
        zone,
    ) in rows:
        if zone not in zones:
            zones[zone] = ZoneInfo(zone)
        found.setdefault(rack_id, []).append(
            Claim(
                kind="allocation",
                mask=mask_of(u_low, height),
                until_ms=None if ends_on is None else _midnight(ends_on, zones[zone]),
                watts=-(-(watts or 0) // racks[item_id]),
                holder=name,
                customer_id=customer_id,
                item_id=item_id,
                starts_ms=_midnight(starts_on, zones[zone]),
            )
        )
    for rack_id, u_low, height, starts_at, expires_at, prospect in session.execute(
        select(
            Hold.rack_id, Hold.u_low, Hold.height, Hold.starts_at, Hold.expires_at, Hold.prospect
        )
        .where(_picked(Hold.rack_id, rack_ids), Hold.expires_at > now)
        .order_by(Hold.id)
    ):
        found.setdefault(rack_id, []).append(
            Claim(
                kind="hold",
                mask=mask_of(u_low, height),
                until_ms=round(expires_at.timestamp() * 1000),
                watts=0,
                holder=prospect,
                starts_ms=round(starts_at.timestamp() * 1000),
            )
        )
    return found


def _count_racks(session: Session, rack_ids: Picked, after: dt.date) -> dict[int, int]:
    """In how many racks, of all there are, each item with space here has some: they share its
    watts."""
    here = select(Allocation.contract_item_id).where(_picked(Allocation.rack_id, rack_ids))
    rows = session.execute(
        select(Allocation.contract_item_id, func.count(Allocation.rack_id.distinct()))
        .where(
            true() if rack_ids is None else Allocation.contract_item_id.in_(here),
            or_(Allocation.ends_on.is_(None), Allocation.ends_on > after),
        )
        .group_by(Allocation.contract_item_id)
    )
    return {row[0]: row[1] for row in rows}


def _midnight(day: dt.date, zone: ZoneInfo) -> int:
    return round(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def _read_ports(session: Session, rack_ids: Picked) -> dict[int, dict[int, int]]:
    """Switch ports for customers that nothing is on and nobody has, by their switch's rack and
    speed. That one is switched off doesn't matter: free ones are."""
    taken = (
        exists().where(
            ServiceMembership.port_id == Port.id,
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > utc_now()),
        ),
        exists().where(CableEnd.port_id == Port.id),
        exists().where(CrossConnectEnd.port_id == Port.id),
        exists().where(Circuit.port_id == Port.id),
    )
    found: dict[int, dict[int, int]] = {}
    for rack_id, speed, count in session.execute(
        select(Installation.rack_id, Port.speed_bps, func.count())
        .join(Port, Port.device_id == Installation.device_id)
        .where(
            _picked(Installation.rack_id, rack_ids),
            Port.role == "customer",
            Port.kind == "switch",
            Port.speed_bps > 0,
            *(~one for one in taken),
        )
        .group_by(Installation.rack_id, Port.speed_bps)
    ):
        found.setdefault(rack_id, {})[speed] = count
    return found


def read_rooms(session: Session) -> Mapping[int, RoomFacts]:
    """Two statements."""
    carriers: dict[int, set[str]] = {}
    for room_id, code in session.execute(
        select(RoomCarrier.room_id, Carrier.code).join(
            Carrier, Carrier.id == RoomCarrier.carrier_id
        )
    ):
        carriers.setdefault(room_id, set()).add(code)
    rows = session.execute(
        select(
            Room.id.label("room_id"),
            Room.code,
            Room.name,
            Room.name_en,
            Room.site_id,
            Site.code.label("site_code"),
            func.coalesce(Building.code, "").label("building"),
        )
        .join(Site, Site.id == Room.site_id)
        .outerjoin(Building, Building.id == Room.building_id)
    )
    return {
        row.room_id: RoomFacts(**row._mapping, carriers=frozenset(carriers.get(row.room_id, ())))
        for row in rows
    }


def read_chain(session: Session) -> Chain:
    return Chain(
        ChainNode(
            node.id,
            node.parent_id,
            node.kind,
            node.code,
            node.feed,
            node.rack_id,
            node.derated_w,
            node.closed,
        )
        for node in load_tree(session).nodes.values()
    )
