"""Who is in the way: the claims of all three layers on half units of a rack, told in words."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from psycopg.errors import UniqueViolation
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import (
    FACES,
    SIDES,
    Allocation,
    AllocationSlot,
    BarredSpace,
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
from dcim.inventory.numbering import name_units


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


def whole_rack(rack: Rack) -> Space:
    return Space(0, 2 * rack.u_count)


def require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff assign space.")


def check_range(rack: Rack, space: Space) -> None:
    if space.height <= 0 or space.u_low < 0 or space.u_low + space.height > 2 * rack.u_count:
        raise InvalidError(
            "%(where)s does not fit into %(rack)s, which has %(count)s U.",
            {"u_low": ["out of range"]},
            where=name_units(rack, space.u_low, space.height),
            rack=rack.code,
            count=rack.u_count,
        )


def lock_rack(session: Session, rack_id: int) -> Rack:
    """The rack, locked until the transaction ends: whoever decides about it comes one by one.

    Everyone locks in one order, so that nobody waits in a circle: devices, the room (where the
    structure changes or an area is sold), racks by id, the audit log.
    """
    rack = session.scalar(
        select(Rack)
        .where(Rack.id == rack_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if rack is None:
        raise NotFoundError("There is no such rack.")
    return rack


def lock_racks(session: Session, rack_ids: Iterable[int]) -> dict[int, Rack]:
    """Several racks, locked in the order of their ids whatever order they are named in."""
    return {rack_id: lock_rack(session, rack_id) for rack_id in sorted(set(rack_ids))}


def lock_room(session: Session, room_id: int) -> Room:
    """The room, locked: no cabinet or rack comes or goes meanwhile, and no area of it is sold."""
    room = session.scalar(
        select(Room)
        .where(Room.id == room_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if room is None:
        raise NotFoundError("There is no such room.")
    return room


def read_again(session: Session, row: object, *, lock: bool = False) -> None:
    """The row as it is now; with `lock`, it stays so. Raises ConflictError for one that is gone.

    What is decided under a lock is decided by what is read under that lock.
    """
    try:
        session.refresh(row, with_for_update={"key_share": True} if lock else None)
    except InvalidRequestError as error:
        raise ConflictError("Someone deleted this just now.") from error


def refuse_closed(session: Session, rack: Rack) -> None:
    """Raise ConflictError for a rack in a blocked cabinet."""
    blocked = session.execute(
        select(Cabinet.code, Cabinet.note).where(
            Cabinet.id == rack.cabinet_id, Cabinet.state == "blocked"
        )
    ).one_or_none()
    if blocked is not None:
        raise ConflictError(
            "Cabinet %(cabinet)s is blocked until staff open it: %(reason)s.",
            cabinet=blocked.code,
            reason=blocked.note or "–",
        )


@contextmanager
def told_in_words(session: Session, rack: Rack) -> Iterator[None]:
    """The unique keys are the last word; what they refuse is a conflict, not a crash.

    Under the rack's lock this can only happen to writers that don't take it.
    """
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        raise ConflictError(
            "Someone else took this place in %(rack)s just now.", rack=rack.code
        ) from error


def site_day(session: Session, rack: Rack, now: dt.datetime) -> dt.date:
    """The day at the rack's site."""
    return now.astimezone(site_zone(session, rack)).date()


def begin_day(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The instant a day begins."""
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def site_zone(session: Session, rack: Rack) -> ZoneInfo:
    zone = session.scalars(
        select(Site.timezone)
        .join(Room, Room.site_id == Site.id)
        .join(Row, Row.room_id == Room.id)
        .join(Cabinet, Cabinet.row_id == Row.id)
        .where(Cabinet.id == rack.cabinet_id)
    ).one()
    return ZoneInfo(zone)


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


def find_barred(session: Session, rack: Rack, space: Space) -> Sequence[BarredSpace]:
    """What is blocked or absent in any of this space."""
    return session.scalars(
        select(BarredSpace)
        .join(InstallationSlot, InstallationSlot.barred_id == BarredSpace.id)
        .where(
            InstallationSlot.rack_id == rack.id,
            InstallationSlot.u.in_(space.half_units),
            InstallationSlot.face.in_(space.faces),
            InstallationSlot.side.in_(space.sides),
        )
        .distinct()
        .order_by(BarredSpace.id)
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
    where = "" if installed is None else name_units(rack, installed.u_low or 0, installed.height)
    return ConflictError(
        "%(rack)s %(where)s is taken by %(device)s until it is removed.",
        rack=rack.code,
        where=where,
        device=device.name,
    )


def refuse_barred(rack: Rack, barred: BarredSpace) -> ConflictError:
    where = name_units(rack, barred.u_low, barred.height)
    if barred.kind == "absent":
        return ConflictError(
            "%(rack)s has no %(where)s: %(reason)s.",
            rack=rack.code,
            where=where,
            reason=barred.reason,
        )
    return ConflictError(
        "%(rack)s %(where)s is blocked until staff open it: %(reason)s.",
        rack=rack.code,
        where=where,
        reason=barred.reason,
    )


def refuse_allocated(session: Session, rack: Rack, allocation: Allocation) -> ConflictError:
    name = session.scalar(select(Customer.name).where(Customer.id == allocation.customer_id))
    places = {
        "rack": rack.code,
        "where": name_units(rack, allocation.u_low, allocation.height),
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


def refuse_held(rack: Rack, hold: Hold, now: dt.datetime | None = None) -> ConflictError:
    """In words; with `now` also from when, for a hold that has not begun."""
    if now is not None and hold.starts_at > now:
        return ConflictError(
            "%(rack)s %(where)s is held for %(prospect)s by %(person)s from %(start)s until"
            " %(until)s.",
            rack=rack.code,
            where=name_units(rack, hold.u_low, hold.height),
            prospect=hold.prospect,
            person=hold.held_by,
            start=f"{hold.starts_at:%Y-%m-%dT%H:%MZ}",
            until=f"{hold.expires_at:%Y-%m-%dT%H:%MZ}",
        )
    return ConflictError(
        "%(rack)s %(where)s is held for %(prospect)s by %(person)s until %(until)s.",
        rack=rack.code,
        where=name_units(rack, hold.u_low, hold.height),
        prospect=hold.prospect,
        person=hold.held_by,
        until=f"{hold.expires_at:%Y-%m-%dT%H:%MZ}",
    )
