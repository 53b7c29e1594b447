"""Who is in the way: the claims of all three layers on half units of a rack, told in words."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.customers.models import Customer
from dcim.errors import ConflictError, NotFoundError
from dcim.inventory.models import (
    FACES,
    SIDES,
    Allocation,
    AllocationSlot,
    Cabinet,
    Device,
    Hold,
    HoldSlot,
    Installation,
    InstallationSlot,
    Rack,
    Room,
    Row,
    Site,
)


@dataclass(frozen=True, slots=True)
class Space:
    """Half units `[u_low, u_low + height)` of a rack; `faces` and `sides` of a device in it."""

    u_low: int
    height: int
    faces: tuple[str, ...] = FACES
    sides: tuple[str, ...] = SIDES

    @property
    def half_units(self) -> range:
        return range(self.u_low, self.u_low + self.height)

    def __str__(self) -> str:
        return name_units(self.u_low, self.height)


def name_units(u_low: int, height: int) -> str:
    """The U positions as people say them: "U10-12"; a lone half unit is "U10 lower"."""
    low, high = u_low // 2 + 1, (u_low + height + 1) // 2
    if height == 1:
        return f"U{low} {'upper' if u_low % 2 else 'lower'}"
    return f"U{low}" if low == high else f"U{low}-{high}"


def lock_rack(session: Session, rack_id: int) -> Rack:
    """The rack, locked until the transaction ends: whoever decides about it comes one by one."""
    rack = session.scalar(select(Rack).where(Rack.id == rack_id).with_for_update(key_share=True))
    if rack is None:
        raise NotFoundError("There is no such rack.")
    return rack


def site_day(session: Session, rack: Rack, now: dt.datetime) -> dt.date:
    """The day at the rack's site."""
    zone = session.scalars(
        select(Site.timezone)
        .join(Room, Room.site_id == Site.id)
        .join(Row, Row.room_id == Room.id)
        .join(Cabinet, Cabinet.row_id == Row.id)
        .where(Cabinet.id == rack.cabinet_id)
    ).one()
    return now.astimezone(ZoneInfo(zone)).date()


def find_installed(session: Session, rack: Rack, space: Space) -> Sequence[Device]:
    """Devices that take any of this space."""
    return session.scalars(
        select(Device)
        .join(Installation, Installation.device_id == Device.id)
        .join(InstallationSlot, InstallationSlot.installation_id == Installation.id)
        .where(
            InstallationSlot.rack_id == rack.id,
            InstallationSlot.u.in_(space.half_units),
            InstallationSlot.face.in_(space.faces),
            InstallationSlot.side.in_(space.sides),
        )
        .distinct()
        .order_by(Device.id)
    ).all()


def find_allocations(session: Session, rack: Rack, space: Space) -> Sequence[Allocation]:
    """Allocations, current and next, that hold slots here, over or not."""
    return session.scalars(
        select(Allocation)
        .join(AllocationSlot, AllocationSlot.allocation_id == Allocation.id)
        .where(AllocationSlot.rack_id == rack.id, AllocationSlot.u.in_(space.half_units))
        .distinct()
        .order_by(Allocation.id)
    ).all()


def find_holds(session: Session, rack: Rack, space: Space) -> Sequence[Hold]:
    """Holds that have slots here, expired or not."""
    return session.scalars(
        select(Hold)
        .join(HoldSlot, HoldSlot.hold_id == Hold.id)
        .where(HoldSlot.rack_id == rack.id, HoldSlot.u.in_(space.half_units))
        .distinct()
        .order_by(Hold.id)
    ).all()


def clear_expired_holds(session: Session, holds: Collection[Hold], now: dt.datetime) -> list[Hold]:
    """Drop those that bind nobody any more; return the others."""
    for hold in holds:
        if hold.expires_at <= now:
            session.delete(hold)
    session.flush()
    return [hold for hold in holds if hold.expires_at > now]


def refuse_installed(rack: Rack, device: Device) -> ConflictError:
    installed = device.installation
    where = "" if installed is None else name_units(installed.u_low or 0, installed.height)
    return ConflictError(
        "%(rack)s %(where)s is taken by %(device)s until it is removed.",
        rack=rack.code,
        where=where,
        device=device.name,
    )


def refuse_allocated(session: Session, rack: Rack, allocation: Allocation) -> ConflictError:
    name = session.scalar(select(Customer.name).where(Customer.id == allocation.customer_id))
    places = {
        "rack": rack.code,
        "where": name_units(allocation.u_low, allocation.height),
        "customer": name,
        "from_day": allocation.starts_on.isoformat(),
    }
    if allocation.ends_on is None:
        return ConflictError(
            "%(rack)s %(where)s is allocated to %(customer)s from %(from_day)s, without an end.",
            **places,
        )
    return ConflictError(
        "%(rack)s %(where)s is allocated to %(customer)s from %(from_day)s until %(until)s.",
        **places,
        until=allocation.ends_on.isoformat(),
    )


def refuse_held(rack: Rack, hold: Hold) -> ConflictError:
    return ConflictError(
        "%(rack)s %(where)s is held for %(prospect)s by %(person)s until %(until)s.",
        rack=rack.code,
        where=name_units(hold.u_low, hold.height),
        prospect=hold.prospect,
        person=hold.held_by,
        until=f"{hold.expires_at:%Y-%m-%dT%H:%MZ}",
    )
