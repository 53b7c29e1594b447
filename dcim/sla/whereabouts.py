"""At which sites things are: items, incidents, work. By records alone; what stands nowhere that is
recorded is at no site."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from dcim.columns import is_among
from dcim.inventory.models import Allocation, Cabinet, Device, Installation, Rack, Room, Row
from dcim.metering.models import Series
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.operations.queries import MaintenanceRow
from dcim.power.models import PowerNode
from dcim.sla.queries import IncidentRow

Sites = Mapping[int, frozenset[int]]


def locate_items(session: Session, item_ids: Collection[int]) -> Sites:
    """Where a contract's items have space that isn't given back, or ports now; one statement."""
    racks = (
        select(Allocation.contract_item_id, Room.site_id)
        .join(Rack, Rack.id == Allocation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .where(
            is_among(Allocation.contract_item_id, item_ids),
            Allocation.starts_on <= func.current_date(),
            or_(Allocation.ends_on.is_(None), Allocation.ends_on > func.current_date()),
        )
    )
    ports = _from_devices(
        select(BandwidthService.contract_item_id, Room.site_id)
        .join(ServiceMembership, ServiceMembership.service_id == BandwidthService.id)
        .join(Port, Port.id == ServiceMembership.port_id)
        .join(Device, Device.id == Port.device_id),
    ).where(
        is_among(BandwidthService.contract_item_id, item_ids),
        ServiceMembership.starts_at <= func.now(),
        or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > func.now()),
    )
    return _gather(session.execute(union_all(racks, ports)))


def locate_incidents(session: Session, incidents: Collection[IncidentRow]) -> Sites:
    """By the series that show them; what none shows by the items it concerns. Two statements."""
    series = {one.id: [entry.get("series") for entry in one.evidence] for one in incidents}
    rows = session.execute(
        _from_devices(
            select(Series.id, func.coalesce(PowerNode.site_id, Room.site_id)).join(
                Device, Device.id == Series.device_id
            )
        )
        .outerjoin(PowerNode, PowerNode.id == Series.power_node_id)
        .where(
            is_among(Series.id, [k for keys in series.values() for k in keys if isinstance(k, int)])
        )
    )
    measured = _gather(rows)
    found = {
        key: frozenset(site for k in keys if isinstance(k, int) for site in measured.get(k, ()))
        for key, keys in series.items()
    }
    left = [one for one in incidents if not found[one.id]]
    items = [impact.contract_item_id for one in left for impact in one.impacts]
    concerned = locate_items(session, [item for item in items if item is not None])
    for one in left:
        found[one.id] = frozenset(
            site
            for impact in one.impacts
            for site in concerned.get(impact.contract_item_id or 0, ())
        )
    return {key: sites for key, sites in found.items() if sites}


def locate_works(session: Session, works: Iterable[MaintenanceRow]) -> Sites:
    """By what they are on; one statement."""
    targets = [(one.id, target) for one in works for target in one.targets]
    kinds: list[tuple[str, Any, Any]] = [
        ("node", PowerNode.id, select(PowerNode.id, PowerNode.site_id)),
        ("room", Room.id, select(Room.id, Room.site_id)),
        (
            "port",
            Port.id,
            _from_devices(select(Port.id, Room.site_id).join(Device, Device.id == Port.device_id)),
        ),
    ]
    wanted = {
        "node": {target.power_node_id for _, target in targets},
        "room": {target.room_id for _, target in targets},
        "port": {target.port_id for _, target in targets},
    }
    parts = [
        statement.add_columns(literal(kind).label("kind")).where(
            is_among(column, [key for key in wanted[kind] if key is not None])
        )
        for kind, column, statement in kinds
    ]
    sites = {
        (kind, key): site_id
        for key, site_id, kind in session.execute(union_all(*parts))
        if site_id is not None
    }
    found: dict[int, set[int]] = {}
    for work_id, target in targets:
        for key in (
            ("node", target.power_node_id), ("room", target.room_id), ("port", target.port_id)
        ):  # fmt: skip
            if key in sites:
                found.setdefault(work_id, set()).add(sites[key])
    return {key: frozenset(several) for key, several in found.items()}


def _from_devices(statement: Any) -> Any:
    """Joined from the device to the room it stands in, where it stands in one."""
    return (
        statement.outerjoin(Installation, Installation.device_id == Device.id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Row, Row.id == Cabinet.row_id)
        .outerjoin(Room, Room.id == Row.room_id)
    )


def _gather(rows: Iterable[Any]) -> Sites:
    found: dict[int, set[int]] = {}
    for key, site_id in rows:
        if site_id is not None:
            found.setdefault(key, set()).add(site_id)
    return {key: frozenset(sites) for key, sites in found.items()}
