"""Meters read by hand as a statement's inputs carry them: confirmed readings, who read, who
confirmed, what photo there is."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.scope import Scope
from dcim.columns import is_among
from dcim.inventory.models import Cabinet, Rack, Room, Row
from dcim.meters.entering import standing_readings
from dcim.meters.models import Meter, MeterReading
from dcim.power.chain import PowerTree
from dcim.sla.rules.intervals import Interval
from dcim.sla.rules.periods import format_instant, to_ms
from dcim.sla.subjects import ItemSubjects

# How far the nearest reading may lie from the end of a period; docs/terms.md says so.
WINDOW_S = 72 * 3600
_WHERE = (joinedload(Cabinet.row).joinedload(Row.room).joinedload(Room.site),)


def describe_meters(
    session: Session,
    scope: Scope,
    subjects: Sequence[ItemSubjects],
    services: Mapping[int, Interval],
    tree: PowerTree,
) -> list[dict[str, Any]]:
    """Of these items in their time in service (by id), as `meters` of the inputs; three
    statements of SQL at most, and none grows with the meters."""
    meters = session.scalars(
        scope.apply(
            select(Meter)
            .where(is_among(Meter.contract_item_id, list(services)))
            .options(
                joinedload(Meter.power_node),
                joinedload(Meter.rack).joinedload(Rack.cabinet).options(*_WHERE),
                joinedload(Meter.cabinet).options(*_WHERE),
                joinedload(Meter.room).joinedload(Room.site),
            )
            .order_by(Meter.contract_item_id, Meter.installed_at, Meter.serial, Meter.id),
            Meter.customer_id,
        )
    ).all()
    hanging = [meter for meter in meters if _hangs(meter, services[meter.contract_item_id])]
    if not hanging:
        return []
    readings: dict[int, list[MeterReading]] = {}
    for one in standing_readings(session, [meter.id for meter in hanging]):
        readings.setdefault(one.meter_id, []).append(one)
    by_item = {each.item.id: each for each in subjects}
    cabinets = [meter.cabinet_id for meter in hanging if meter.cabinet_id is not None]
    rows = session.execute(
        select(Rack.id, Rack.cabinet_id).where(is_among(Rack.cabinet_id, cabinets))
    )
    racks = {row.id: row.cabinet_id for row in rows}
    places = name_places(hanging, {each.item.id: each.item.code for each in subjects})
    return [
        _describe(
            meter,
            places[meter.id],
            by_item[meter.contract_item_id],
            services[meter.contract_item_id],
            readings.get(meter.id, []),
            _stands_for(meter, by_item[meter.contract_item_id], tree, racks),
        )
        for meter in hanging
    ]


def _hangs(meter: Meter, service: Interval) -> bool:
    down = None if meter.removed_at is None else to_ms(meter.removed_at)
    return to_ms(meter.installed_at) < service[1] and (down is None or down > service[0])


def _stands_for(
    meter: Meter, each: ItemSubjects, tree: PowerTree, racks: Mapping[int, int]
) -> list[str]:
    """PDUs of the item behind the meter: what they are polled for isn't charged as well."""
    found = []
    for rack in each.racks:
        for pdu in rack.pdus:
            if meter.power_node_id is not None:
                behind = any(node.id == meter.power_node_id for node in tree.path(pdu.id))
            elif meter.rack_id is not None:
                behind = meter.rack_id == rack.rack_id
            elif meter.cabinet_id is not None:
                behind = racks.get(rack.rack_id) == meter.cabinet_id
            else:
                behind = True
            if behind:
                found.append(pdu.code)
    return sorted(set(found))


def _describe(
    meter: Meter,
    place: str,
    each: ItemSubjects,
    service: Interval,
    readings: Sequence[MeterReading],
    stands_for: list[str],
) -> dict[str, Any]:
    low = max(service[0], to_ms(meter.installed_at))
    high = service[1] if meter.removed_at is None else min(service[1], to_ms(meter.removed_at))
    near = _around(readings, low, high)
    confirmed = _around([one for one in readings if one.state == "confirmed"], low, high)
    return {
        "item": each.item.code,
        "serial": meter.serial,
        "label": {"zh": meter.name or meter.serial, "en": meter.name or meter.serial},
        "measures": place,
        "digits": meter.digits,
        "decimals": meter.decimals,
        "multiplier": meter.multiplier,
        "from": format_instant(to_ms(meter.installed_at)),
        "to": None if meter.removed_at is None else format_instant(to_ms(meter.removed_at)),
        "instead_of": stands_for,
        "window_s": WINDOW_S,
        "waiting": sum(one.state == "entered" for one in near),
        "readings": [
            {
                "at": format_instant(to_ms(one.read_at)),
                "value": one.value,
                "rolled_over": one.rolled_over,
                "estimate": one.estimate_reason or None,
                "read_by": one.read_by,
                "confirmed_by": one.decided_by,
                "confirmed_at": format_instant(to_ms(one.decided_at)),
                "photo_sha256": one.photo_sha256,
            }
            for one in confirmed
            if one.decided_at is not None
        ],
    }


def name_places(meters: Sequence[Meter], items: Mapping[int, str]) -> dict[int, str]:
    """What each meter measures, by its id: no two places of one item have the same name.

    The code alone, where it is the only one of the item; else site, room and row with it. The
    meters of one place name it alike.
    """
    places: dict[tuple[int, str], set[tuple[int | None, ...]]] = {}
    keys = {}
    for meter in meters:
        key = meter.contract_item_id, _spell_place(meter, items)[-1]
        keys[meter.id] = key
        places.setdefault(key, set()).add((meter.power_node_id, meter.rack_id, meter.cabinet_id))
    return {
        meter.id: keys[meter.id][1]
        if len(places[keys[meter.id]]) == 1
        else " / ".join(_spell_place(meter, items))
        for meter in meters
    }


def _spell_place(meter: Meter, items: Mapping[int, str]) -> list[str]:
    """From the site down; codes of cabinets are unique in their row, of racks in their cabinet."""
    if meter.power_node is not None:
        return [meter.room.site.code, meter.power_node.code]
    cabinet = meter.cabinet if meter.rack is None else meter.rack.cabinet
    if cabinet is None:
        return [items[meter.contract_item_id]]
    row = cabinet.row
    found = [row.room.site.code, row.room.code, row.code, cabinet.code]
    return found if meter.rack is None else [*found, meter.rack.code]


def _around(readings: Sequence[MeterReading], low: int, high: int) -> Sequence[MeterReading]:
    """From the last one at or before `low` to the first one at or after `high`."""
    at = [to_ms(one.read_at) for one in readings]
    first = max((place for place, one in enumerate(at) if one <= low), default=0)
    last = min((place for place, one in enumerate(at) if one >= high), default=len(at) - 1)
    return readings[first : last + 1]
