"""Hanging up meters: for which item, where, and that nothing is measured twice."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import ContractItem
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import Cabinet, Rack, Room, Row
from dcim.meters.models import PLACES, Meter
from dcim.power.chain import load_tree
from dcim.power.models import PowerNode

Values = dict[str, Any]


def check_meter(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """Raises InvalidError, naming fields, for a place that isn't one; ConflictError when another
    meter hangs there, or measures the same for the same item."""
    named = [name for name in PLACES if after.get(name) is not None]
    if len(named) > 1:
        raise InvalidError(
            "A meter hangs at one place: a breaker or PDU, a rack, or a cabinet.",
            {name: ["one of them"] for name in named},
        )
    room = session.get_one(Room, after["room_id"])
    if named and not _is_in(session, room, named[0], after[named[0]]):
        raise InvalidError(
            "This isn't in room %(room)s.",
            {"room_id": ["another room"], named[0]: ["another room"]},
            room=room.code,
        )
    if before is None:
        _refuse_twice(session, room, after)


def create_meter(session: Session, scope: Scope, values: Values) -> Meter:
    """The customer is the item's. Audited by who calls."""
    customer_id = session.scalars(
        scope.apply(
            select(ContractItem.customer_id).where(ContractItem.id == values["contract_item_id"]),
            ContractItem.customer_id,
        )
    ).one()
    meter = Meter(**values, customer_id=customer_id)
    session.add(meter)
    session.flush()
    return meter


def _is_in(session: Session, room: Room, name: str, place_id: int) -> bool:
    """A breaker in a panel is told of its site only; what serves a rack is where the rack is."""
    where = select(Row.room_id).join(Cabinet, Cabinet.row_id == Row.id)
    if name == "cabinet_id":
        return session.scalar(where.where(Cabinet.id == place_id)) == room.id
    rack_id: int | None = place_id
    if name == "power_node_id":
        node = session.get_one(PowerNode, place_id)
        if node.rack_id is None:
            return node.site_id == room.site_id
        rack_id = node.rack_id
    found = session.scalar(
        where.join(Rack, Rack.cabinet_id == Cabinet.id).where(Rack.id == rack_id)
    )
    return found == room.id


def _refuse_twice(session: Session, room: Room, after: Values) -> None:
    """Whatever hangs at the new one's time: of that number, or measuring what this one would."""
    item = Meter.contract_item_id == after["contract_item_id"]
    whole = not any(after.get(name) for name in PLACES)
    same = _overlapping(session, room, after)
    same.append(item if whole else and_(item, *(getattr(Meter, name).is_(None) for name in PLACES)))
    other = session.scalar(
        select(Meter)
        .where(
            or_(Meter.serial == after["serial"], *same),
            or_(Meter.removed_at.is_(None), Meter.removed_at > after["installed_at"]),
        )
        .order_by(Meter.serial != after["serial"], Meter.id)
        .limit(1)
    )
    if other is None:
        return
    if other.serial == after["serial"]:
        raise ConflictError(
            "Meter %(serial)s hangs elsewhere since %(since)s; end it there first.",
            serial=other.serial,
            since=other.installed_at.date().isoformat(),
        )
    raise ConflictError(
        "Meter %(serial)s measures this already; change it on its page, or end it first.",
        serial=other.serial,
    )


def _overlapping(session: Session, room: Room, after: Values) -> list[ColumnElement[bool]]:
    """Conditions for meters of the same current: at the place, behind it, or before it."""
    tree = load_tree(session, room.site_id)
    racks: set[int] = set()
    nodes: set[int] = set()
    if (cabinet_id := after.get("cabinet_id")) is not None:
        racks |= set(session.scalars(select(Rack.id).where(Rack.cabinet_id == cabinet_id)))
    elif (rack_id := after.get("rack_id")) is not None:
        racks.add(rack_id)
    elif (node_id := after.get("power_node_id")) is not None:
        nodes |= {one for one in tree.nodes if any(n.id == node_id for n in tree.path(one))}
    nodes |= {node.id for node in tree.nodes.values() if node.rack_id in racks}
    racks |= {rack for one in nodes if (rack := tree.nodes[one].rack_id) is not None}
    nodes |= {above.id for one in list(nodes) for above in tree.path(one)}
    cabinets = select(Rack.cabinet_id).where(Rack.id.in_(racks))
    return [
        Meter.power_node_id.in_(nodes),
        Meter.rack_id.in_(racks),
        Meter.cabinet_id.in_(cabinets),
    ]
