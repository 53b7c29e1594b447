"""What a cabinet bears: its own weight, all that stands in it, and what is to come."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.errors import ConflictError
from dcim.inventory.models import Cabinet, Device, DeviceType, Installation, Rack


def find_rack_mates(session: Session, rack_ids: Sequence[int]) -> list[int]:
    """All racks of the cabinets these racks are in: they bear together, and are locked together."""
    cabinets = select(Rack.cabinet_id).where(Rack.id.in_(rack_ids))
    return list(session.scalars(select(Rack.id).where(Rack.cabinet_id.in_(cabinets))))


def find_overloads(session: Session, arrivals: Mapping[int, int]) -> dict[int, ConflictError]:
    """Refusals by device id, of devices that are to stand in a rack (device id → rack id) whose
    cabinet can't bear them all.

    What stays within its cabinet adds nothing to it. A type without a weight counts nothing. Call
    before anything is taken out, with the racks of the cabinets locked. Two statements.
    """
    coming = session.execute(
        select(Device.id, Device.name, DeviceType.weight_g, Rack.cabinet_id)
        .join(DeviceType, DeviceType.id == Device.device_type_id)
        .outerjoin(Installation, Installation.device_id == Device.id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .where(Device.id.in_(arrivals))
        .order_by(Device.id)
    ).all()
    bearing = session.execute(
        select(
            Cabinet.id,
            Cabinet.code,
            Cabinet.weight_limit_kg,
            Cabinet.own_weight_kg,
            func.array_agg(Rack.id.distinct()),
            func.coalesce(
                func.sum(DeviceType.weight_g).filter(Device.id.not_in(list(arrivals))), 0
            ),
        )
        .join(Rack, Rack.cabinet_id == Cabinet.id)
        .outerjoin(Installation, Installation.rack_id == Rack.id)
        .outerjoin(Device, Device.id == Installation.device_id)
        .outerjoin(DeviceType, DeviceType.id == Device.device_type_id)
        .where(Cabinet.id.in_(select(Rack.cabinet_id).where(Rack.id.in_(list(arrivals.values())))))
        .group_by(Cabinet.id)
    )
    refusals = {}
    for cabinet_id, code, limit_kg, own_kg, racks, standing_g in bearing:
        here = [one for one in coming if arrivals[one.id] in racks]
        load_g = own_kg * 1000 + int(standing_g) + sum(one.weight_g for one in here)
        over_g = load_g - limit_kg * 1000
        for one in here:
            if over_g > 0 and one.weight_g and one.cabinet_id != cabinet_id:
                refusals[one.id] = ConflictError(
                    "Cabinet %(cabinet)s would bear %(load)s kg with %(device)s; its limit is"
                    " %(limit)s kg, %(over)s kg less.",
                    cabinet=code,
                    load=f"{load_g / 1000:g}",
                    device=one.name,
                    limit=limit_kg,
                    over=f"{over_g / 1000:g}",
                )
    return refusals
