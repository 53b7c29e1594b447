"""Write the demo's building and equipment: rooms to racks, power nodes, devices in them."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.demo.plan_parts import DemoPlan, NodePlan
from dcim.demo.records import Records
from dcim.inventory.devices.models import DeviceSupply, DeviceTypeSupply
from dcim.inventory.devices.registration import add_supplies
from dcim.inventory.models import (
    Building,
    Cabinet,
    Cage,
    Device,
    DeviceType,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.inventory.space.placement import install_device
from dcim.network.models import Port
from dcim.power.models import Outlet, PowerNode

# Every sixth socket of a PDU is a C19.
LARGE_SOCKET = 6


def load_space(session: Session, plan: DemoPlan, records: Records) -> None:
    """Site, rooms, rows, cabinets, racks."""
    site = Site(
        code=plan.site.code,
        name=plan.site.name,
        name_en=plan.site.name_en,
        timezone=plan.site.timezone,
        address=plan.site.address,
    )
    session.add(site)
    building = Building(site=site, code="B1", name="一号楼", name_en="Building 1")
    for room in plan.rooms:
        records.rooms[room.code] = Room(
            site=site,
            building=building,
            floor="2F",
            code=room.code,
            name=room.name,
            name_en=room.name_en,
        )
    for row in plan.rows:
        records.rows[row.code] = Row(
            room=records.rooms[row.room], code=row.code, position=row.position
        )
    for cage in plan.cages:
        made = Cage(room=records.rooms[cage.room], code=cage.code, name=cage.name)
        records.cages |= dict.fromkeys(cage.cabinets, made)
    for cabinet in plan.cabinets:
        records.cabinets[cabinet.code] = Cabinet(
            row=records.rows[cabinet.row],
            code=cabinet.code,
            position=cabinet.position,
            layout=cabinet.layout,
            cage=records.cages.get(cabinet.code),
            grid_x=cabinet.grid_x,
            grid_y=cabinet.grid_y,
            facing=cabinet.facing,
        )
    for rack in plan.racks:
        records.racks[rack.code] = Rack(
            cabinet=records.cabinets[rack.cabinet],
            code=rack.code,
            position=rack.position,
            u_count=rack.u_count,
        )
    session.add_all(records.racks.values())
    session.flush()
    records.site_id = site.id


def load_devices(session: Session, plan: DemoPlan, records: Records) -> None:
    """Types and devices, not yet anywhere; and the ports of switches."""
    types = {
        kind.model: DeviceType(
            manufacturer=kind.manufacturer,
            model=kind.model,
            height=kind.height,
            full_depth=kind.full_depth,
            half_width=kind.half_width,
            weight_g=kind.weight_g,
            rated_w=kind.rated_w,
            category=kind.category,
            airflow=kind.airflow,
            source="invented for the demo",
        )
        for kind in plan.types
    }
    for device in plan.devices:
        owner = records.customers[device.customer].id if device.customer else None
        records.devices[device.name] = Device(
            device_type=types[device.model],
            customer_id=owner,
            name=device.name,
            role=device.role,
            serial=device.serial,
        )
    session.add_all(records.devices.values())
    session.flush()
    _load_supplies(session, plan, types, records)
    for port in plan.ports:
        records.ports[port.key] = Port(
            device_id=records.devices[port.device].id,
            name=port.name,
            speed_bps=port.speed_bps,
            alias=port.alias,
            role=port.role,
        )
    session.add_all(records.ports.values())
    session.flush()


def _load_supplies(
    session: Session, plan: DemoPlan, types: dict[str, DeviceType], records: Records
) -> None:
    """The power supplies of each type, and of each device by its type."""
    for kind in plan.types:
        session.add_all(
            DeviceTypeSupply(
                type_id=types[kind.model].id,
                name=f"PSU{number}",
                connector=connector,
                maximum_w=watts,
            )
            for number, (connector, watts) in enumerate(kind.supplies, 1)
        )
    session.flush()
    for device in records.devices.values():
        add_supplies(session, device)


def load_power(session: Session, plan: DemoPlan, records: Records) -> None:
    """The chain of both feeds, with the devices that measure it, and every PDU's sockets."""
    for node in plan.nodes:
        records.nodes[node.code] = _node(node, records)
        session.add(records.nodes[node.code])
        session.flush()  # a parent's id is needed by those below it
    plugged = {
        cord: records.devices[device.name].id for device in plan.devices for cord in device.cords
    }
    banks = {
        (node.parent, number): records.nodes[node.code].id
        for node in plan.nodes
        if node.bank_of is not None
        for number in range(node.bank_of[0], node.bank_of[1] + 1)
    }
    supplies = _plug_in(session, plan, records)
    session.add_all(
        Outlet(
            pdu_id=records.nodes[node.code].id,
            bank_id=banks.get((node.code, number)),
            number=number,
            connector="C19" if number % LARGE_SOCKET == 0 else "C13",
            device_id=plugged.get((node.code, number)),
            supply_id=supplies.get((node.code, number)),
        )
        for node in plan.nodes
        for number in range(1, node.outlets + 1)
    )
    session.flush()


def _plug_in(session: Session, plan: DemoPlan, records: Records) -> dict[tuple[str, int], int]:
    """The supply at each cord, by PDU and socket: the type's own, or one made for the cord."""
    rated = {kind.model: kind.rated_w for kind in plan.types}
    known = {(one.device_id, one.name): one for one in session.scalars(select(DeviceSupply))}
    plugged: dict[tuple[str, int], DeviceSupply] = {}
    for device in plan.devices:
        for place, cord in enumerate(device.cords, start=1):
            key = (records.devices[device.name].id, f"PSU{place}")
            supply = known.get(key)
            if supply is None:
                supply = DeviceSupply(
                    device_id=key[0],
                    name=key[1],
                    connector="C20" if cord[1] % LARGE_SOCKET == 0 else "C14",
                    maximum_w=rated[device.model],
                )
                session.add(supply)
            supply.allocated_w = -(-rated[device.model] // len(device.cords))
            plugged[cord] = supply
    session.flush()
    return {cord: supply.id for cord, supply in plugged.items()}


def _node(node: NodePlan, records: Records) -> PowerNode:
    return PowerNode(
        site_id=records.site_id,
        parent_id=records.nodes[node.parent].id if node.parent else None,
        second_parent_id=records.nodes[node.second_parent].id if node.second_parent else None,
        kind=node.kind,
        code=node.code,
        feed=node.feed,
        capacity_w=node.capacity_w,
        power_factor_pct=node.power_factor_pct,
        phase=node.phase,
        poles=node.poles,
        position=node.position,
        rated_a=node.rated_a,
        volts=node.volts,
        phases=node.phases,
        derate_pct=node.derate_pct,
        rack_id=records.racks[node.rack].id if node.rack else None,
        meter_device_id=records.devices[node.meter_device].id if node.meter_device else None,
        meter_place=node.meter_place,
    )


def install_devices(session: Session, scope: Scope, plan: DemoPlan, records: Records) -> None:
    """Put every device of the plan that has a rack into it, through the placement service."""
    starts = {contract.customer: contract.starts_on for contract in plan.contracts}
    opened = dt.datetime.fromtimestamp(plan.month_start_ms / 1000, dt.UTC) - dt.timedelta(days=1500)
    for device in plan.devices:
        if device.rack is None:
            continue
        at = opened
        if device.customer is not None:
            noon = dt.time(4, tzinfo=dt.UTC)
            at = dt.datetime.combine(starts[device.customer], noon)
        install_device(
            session,
            scope,
            records.devices[device.name],
            records.racks[device.rack].id,
            u_low=device.u_low,
            face=device.face,
            side=device.side,
            at=at,
        )
