"""Promising space to a prospect: hold, extend with a reason, release. What expired binds nobody."""

import datetime as dt

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.models import Hold, HoldSlot, Rack
from dcim.inventory.numbering import name_units
from dcim.inventory.space.allocating import take_hold
from dcim.inventory.space.occupancy import (
    Space,
    begin_day,
    check_range,
    clear_expired_holds,
    find_allocations,
    find_barred,
    find_holds,
    find_installed,
    lock_rack,
    refuse_allocated,
    refuse_barred,
    refuse_closed,
    refuse_held,
    refuse_installed,
    require_staff,
    site_zone,
    told_in_words,
    whole_rack,
)


def hold_space(
    session: Session,
    scope: Scope,
    rack_id: int,
    *,
    prospect: str,
    u_low: int,
    height: int,
    expires_at: dt.datetime,
    starts_at: dt.datetime | None = None,
    reason: str = "",
    held_by: str = "",
    now: dt.datetime | None = None,
) -> Hold:
    """Promise half units to a prospect until `expires_at`; past that it binds nobody.

    `starts_at` none is now; a later one lets it begin where an allocation ends. `held_by` is who
    asked for it (default: the caller). Raises ConflictError, InvalidError, ForbiddenError.
    """
    require_staff(scope)
    rack = lock_rack(session, rack_id)
    # After the wait for the lock: who came before has begun by now.
    moment = now or utc_now()
    start = max(starts_at or moment, moment)
    space = Space(u_low, height)
    check_range(rack, space)
    refuse_closed(session, rack)
    if expires_at <= start:
        raise InvalidError(
            "A hold ends in the future, after its start.", {"expires_at": ["too early"]}
        )
    if space != whole_rack(rack):
        for barred in find_barred(session, rack, space):
            raise refuse_barred(rack, barred)
    for other in clear_expired_holds(session, find_holds(session, rack, space), moment):
        raise refuse_held(rack, other, moment)
    refuse_sold(session, rack, space, start, expires_at)
    _refuse_standing(session, rack, space, start, moment)
    hold = Hold(
        rack_id=rack.id,
        prospect=prospect,
        held_by=held_by or scope.actor,
        reason=reason,
        u_low=u_low,
        height=height,
        starts_at=start,
        expires_at=expires_at,
        created_at=moment,
        slots=[HoldSlot(u=u) for u in space.half_units],
    )
    with told_in_words(session, rack):
        session.add(hold)
        session.flush()
    record(
        session,
        scope,
        "space.hold",
        f"hold/{hold.id}",
        rack=rack.code,
        where=name_units(rack, space.u_low, space.height),
        prospect=prospect,
        starts_at=start.isoformat(),
        expires_at=expires_at.isoformat(),
    )
    return hold


def extend_hold(
    session: Session,
    scope: Scope,
    hold: Hold,
    expires_at: dt.datetime,
    *,
    reason: str,
    now: dt.datetime | None = None,
) -> Hold:
    """Let a hold last longer, with a reason; it is counted and kept in the audit log.

    Raises ConflictError for one that has expired or that would reach into an allocation,
    InvalidError without a reason or for an end that is no later.
    """
    require_staff(scope)
    rack = lock_rack(session, hold.rack_id)
    moment = now or utc_now()
    take_hold(session, hold)
    if hold.expires_at <= moment:
        raise ConflictError(
            "This hold for %(prospect)s expired at %(until)s; make a new one.",
            prospect=hold.prospect,
            until=f"{hold.expires_at:%Y-%m-%dT%H:%MZ}",
        )
    if not reason.strip():
        raise InvalidError("Say why the hold is extended.", {"reason": ["required"]})
    if expires_at <= hold.expires_at:
        raise InvalidError(
            "The new end must come after the present one.", {"expires_at": ["too early"]}
        )
    refuse_sold(session, rack, Space(hold.u_low, hold.height), hold.starts_at, expires_at)
    before = hold.expires_at
    hold.expires_at = expires_at
    hold.extensions += 1
    session.flush()
    record(
        session,
        scope,
        "space.extend",
        f"hold/{hold.id}",
        rack=rack.code,
        where=name_units(rack, hold.u_low, hold.height),
        prospect=hold.prospect,
        before=before.isoformat(),
        expires_at=expires_at.isoformat(),
        reason=reason.strip(),
        extensions=hold.extensions,
    )
    return hold


def release_hold(session: Session, scope: Scope, hold: Hold) -> None:
    """Give the space back before the hold expires. Raises ConflictError for one that is gone."""
    require_staff(scope)
    rack = lock_rack(session, hold.rack_id)
    hold_id = take_hold(session, hold)
    session.delete(hold)
    session.flush()
    record(
        session,
        scope,
        "space.release",
        f"hold/{hold_id}",
        rack=rack.code,
        where=name_units(rack, hold.u_low, hold.height),
        prospect=hold.prospect,
    )


def refuse_sold(
    session: Session, rack: Rack, space: Space, starts_at: dt.datetime, expires_at: dt.datetime
) -> None:
    """Raise ConflictError for an allocation that runs at any time of `[starts_at, expires_at)`."""
    zone = site_zone(session, rack)
    for allocation in find_allocations(session, rack, space):
        over = allocation.ends_on is not None and begin_day(allocation.ends_on, zone) <= starts_at
        if not over and begin_day(allocation.starts_on, zone) < expires_at:
            raise refuse_allocated(session, rack, allocation)


def _refuse_standing(
    session: Session, rack: Rack, space: Space, starts_at: dt.datetime, now: dt.datetime
) -> None:
    """What stands there refuses, unless the allocation it stands in ends before the hold begins."""
    leaving: dict[int, set[int]] = {}
    if starts_at > now:
        zone = site_zone(session, rack)
        for allocation in find_allocations(session, rack, space):
            if allocation.ends_on and now < begin_day(allocation.ends_on, zone) <= starts_at:
                leaving.setdefault(allocation.customer_id, set()).update(
                    range(allocation.u_low, allocation.u_low + allocation.height)
                )
    for standing in find_installed(session, rack, space):
        at = standing.installation
        covered = leaving.get(standing.customer_id or 0, set())
        if at is None or at.u_low is None:
            continue
        if not covered.issuperset(range(at.u_low, at.u_low + at.height)):
            raise refuse_installed(rack, standing)


def find_hold(session: Session, hold_id: int) -> Hold:
    found = session.get(Hold, hold_id)
    if found is None:
        raise NotFoundError("This hold is gone already.")
    return found
