"""Putting things into racks: install, remove, move, allocate, hold. All three layers meet here."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import UniqueViolation
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import ContractItem
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.models import (
    FACES,
    SIDES,
    Allocation,
    AllocationSlot,
    Device,
    DeviceType,
    Hold,
    HoldSlot,
    Installation,
    InstallationSlot,
    Rack,
)
from dcim.inventory.occupancy import (
    Space,
    clear_expired_holds,
    find_allocations,
    find_holds,
    find_installed,
    lock_rack,
    refuse_allocated,
    refuse_held,
    refuse_installed,
    site_day,
)


def install_device(
    session: Session,
    scope: Scope,
    device: Device,
    rack_id: int,
    *,
    u_low: int | None,
    face: str = "full",
    side: str = "full",
    at: dt.datetime | None = None,
    override: str = "",
) -> Installation:
    """Put a device with its lowest half unit at `u_low` (None: on the side rail).

    `override` is the reason for building into another's allocation or hold; whether the caller has
    the right to give one is decided before. What stands there already is never overridden. Raises
    ConflictError naming who has the place, InvalidError, ForbiddenError.
    """
    _require_staff(scope)
    now = at or utc_now()
    rack = lock_rack(session, rack_id)
    if device.installation is not None:
        raise ConflictError("%(device)s is installed already; move it instead.", device=device.name)
    height = session.scalars(
        select(DeviceType.height).where(DeviceType.id == device.device_type_id)
    ).one()
    installation = Installation(
        device_id=device.id,
        rack_id=rack.id,
        u_low=u_low,
        height=height,
        face=face,
        side=side,
        installed_at=now,
    )
    overridden: list[str] = []
    if u_low is None:
        if height:
            raise InvalidError(
                "%(device)s needs a U position.", {"u_low": ["required"]}, device=device.name
            )
    else:
        space = Space(
            u_low,
            height,
            FACES if face == "full" else (face,),
            SIDES if side == "full" else (side,),
        )
        _check_range(rack, space)
        overridden = _decide_installation(session, rack, device, space, now, override)
        installation.slots = [
            InstallationSlot(u=u, face=one_face, side=one_side)
            for u in space.half_units
            for one_face in space.faces
            for one_side in space.sides
        ]
    with _told_in_words(session, rack):
        session.add(installation)
        session.flush()
    device.state = "in_service"
    session.refresh(device, ["installation"])
    record(
        session,
        scope,
        "device.install",
        f"device/{device.id}",
        customer_id=device.customer_id,
        rack=rack.code,
        u_low=u_low,
        face=face,
        side=side,
        **({"override": override, "overrode": overridden} if overridden else {}),
    )
    return installation


def _decide_installation(
    session: Session, rack: Rack, device: Device, space: Space, now: dt.datetime, override: str
) -> list[str]:
    """Refuse, or return whose claims the override passes over."""
    for standing in find_installed(session, rack, space):
        raise refuse_installed(rack, standing)
    today = site_day(session, rack, now)
    refusals = [
        refuse_allocated(session, rack, allocation)
        for allocation in find_allocations(session, rack, space)
        if allocation.customer_id != device.customer_id
        and allocation.starts_on <= today
        and (allocation.ends_on is None or allocation.ends_on > today)
    ]
    live = clear_expired_holds(session, find_holds(session, rack, space), now)
    refusals += [refuse_held(rack, hold) for hold in live]
    if refusals and not override.strip():
        raise refusals[0]
    return [str(refusal) for refusal in refusals]


def remove_device(session: Session, scope: Scope, device: Device) -> None:
    """Take a device out of its rack; its slots are free at once."""
    _require_staff(scope)
    installation = device.installation
    if installation is None:
        raise ConflictError("%(device)s is not installed.", device=device.name)
    rack = lock_rack(session, installation.rack_id)
    session.delete(installation)
    session.flush()
    device.state = "removed"
    session.refresh(device, ["installation"])
    record(
        session,
        scope,
        "device.remove",
        f"device/{device.id}",
        customer_id=device.customer_id,
        rack=rack.code,
        u_low=installation.u_low,
    )


def move_device(
    session: Session,
    scope: Scope,
    device: Device,
    rack_id: int,
    *,
    u_low: int | None,
    face: str = "full",
    side: str = "full",
    override: str = "",
) -> Installation:
    """Remove and install in one transaction; a refusal leaves the device where it was."""
    _require_staff(scope)
    if device.installation is None:
        raise ConflictError("%(device)s is not installed.", device=device.name)
    # Both racks in one order, so that two opposite moves don't wait for each other.
    for locked in sorted({device.installation.rack_id, rack_id}):
        lock_rack(session, locked)
    try:
        with session.begin_nested():
            remove_device(session, scope, device)
            return install_device(
                session, scope, device, rack_id,
                u_low=u_low, face=face, side=side, override=override,
            )  # fmt: skip
    except ConflictError:
        session.refresh(device)
        raise


def allocate_space(
    session: Session,
    scope: Scope,
    item: ContractItem,
    rack_id: int,
    *,
    u_low: int,
    height: int,
    starts_on: dt.date,
    ends_on: dt.date | None = None,
    from_hold: Hold | None = None,
    now: dt.datetime | None = None,
) -> Allocation:
    """Give half units of a rack to a contract item; `ends_on` is the first day it is free again.

    `from_hold` is the hold this sale grew out of: it is consumed. A claim that begins where the
    current one ends becomes "next". Raises ConflictError, InvalidError, ForbiddenError.
    """
    _require_staff(scope)
    moment = now or utc_now()
    rack = lock_rack(session, rack_id)
    space = Space(u_low, height)
    _check_range(rack, space)
    if ends_on is not None and ends_on <= starts_on:
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    if from_hold is not None:
        session.delete(from_hold)
        session.flush()
    for hold in clear_expired_holds(session, find_holds(session, rack, space), moment):
        raise refuse_held(rack, hold)
    turn = _find_turn(session, rack, space, starts_on, ends_on, site_day(session, rack, moment))
    for standing in find_installed(session, rack, space):
        if standing.customer_id != item.customer_id and turn == "current":
            raise refuse_installed(rack, standing)
    allocation = Allocation(
        customer_id=item.customer_id,
        contract_item_id=item.id,
        rack_id=rack.id,
        u_low=u_low,
        height=height,
        turn=turn,
        starts_on=starts_on,
        ends_on=ends_on,
        slots=[AllocationSlot(u=u) for u in space.half_units],
    )
    with _told_in_words(session, rack):
        session.add(allocation)
        session.flush()
    record(
        session,
        scope,
        "space.allocate",
        f"allocation/{allocation.id}",
        customer_id=item.customer_id,
        rack=rack.code,
        where=str(space),
        item=item.code,
        starts_on=starts_on.isoformat(),
        ends_on=ends_on.isoformat() if ends_on else None,
    )
    return allocation


def _find_turn(
    session: Session,
    rack: Rack,
    space: Space,
    starts_on: dt.date,
    ends_on: dt.date | None,
    today: dt.date,
) -> str:
    """ "current", or "next" behind those that end in time; raises ConflictError for the others.

    The slots of what is over are given free here; the allocation itself stays as history.
    """
    turn = "current"
    for other in find_allocations(session, rack, space):
        before_us = other.ends_on is not None and other.ends_on <= starts_on
        after_us = ends_on is not None and ends_on <= other.starts_on
        if not before_us and not after_us:
            raise refuse_allocated(session, rack, other)
        if other.ends_on is not None and other.ends_on <= today:
            other.slots.clear()
        elif other.turn == "next" or after_us:
            # Two places in line are all there are: the current one and who comes next.
            raise refuse_allocated(session, rack, other)
        else:
            turn = "next"
    session.flush()
    return turn


def hold_space(
    session: Session,
    scope: Scope,
    rack_id: int,
    *,
    prospect: str,
    u_low: int,
    height: int,
    expires_at: dt.datetime,
    reason: str = "",
    held_by: str = "",
    now: dt.datetime | None = None,
) -> Hold:
    """Promise half units to a prospect until `expires_at`; past that it binds nobody.

    `held_by` is who asked for it (default: the caller). Raises ConflictError, InvalidError,
    ForbiddenError.
    """
    _require_staff(scope)
    moment = now or utc_now()
    rack = lock_rack(session, rack_id)
    space = Space(u_low, height)
    _check_range(rack, space)
    if expires_at <= moment:
        raise InvalidError("A hold ends in the future.", {"expires_at": ["past"]})
    for other in clear_expired_holds(session, find_holds(session, rack, space), moment):
        raise refuse_held(rack, other)
    last_day = site_day(session, rack, expires_at)
    today = site_day(session, rack, moment)
    for allocation in find_allocations(session, rack, space):
        over = allocation.ends_on is not None and allocation.ends_on <= today
        if not over and allocation.starts_on <= last_day:
            raise refuse_allocated(session, rack, allocation)
    for standing in find_installed(session, rack, space):
        raise refuse_installed(rack, standing)
    hold = Hold(
        rack_id=rack.id,
        prospect=prospect,
        held_by=held_by or scope.actor,
        reason=reason,
        u_low=u_low,
        height=height,
        starts_at=moment,
        expires_at=expires_at,
        created_at=moment,
        slots=[HoldSlot(u=u) for u in space.half_units],
    )
    with _told_in_words(session, rack):
        session.add(hold)
        session.flush()
    record(
        session,
        scope,
        "space.hold",
        f"hold/{hold.id}",
        rack=rack.code,
        where=str(space),
        prospect=prospect,
        expires_at=expires_at.isoformat(),
    )
    return hold


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff assign space.")


def _check_range(rack: Rack, space: Space) -> None:
    if space.height <= 0 or space.u_low < 0 or space.u_low + space.height > 2 * rack.u_count:
        raise InvalidError(
            "%(where)s does not fit into %(rack)s, which has %(count)s U.",
            {"u_low": ["out of range"]},
            where=str(space),
            rack=rack.code,
            count=rack.u_count,
        )


@contextmanager
def _told_in_words(session: Session, rack: Rack) -> Iterator[None]:
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
