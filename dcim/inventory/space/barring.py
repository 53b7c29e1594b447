"""Half units where nothing can be installed: blocked for a reason, or not there at all."""

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import InvalidError, NotFoundError
from dcim.inventory.models import FACES, SIDES, BarredSpace, InstallationSlot
from dcim.inventory.numbering import name_units
from dcim.inventory.space.occupancy import (
    Space,
    check_range,
    clear_expired_holds,
    find_allocations,
    find_barred,
    find_holds,
    find_installed,
    lock_rack,
    read_again,
    refuse_allocated,
    refuse_barred,
    refuse_held,
    refuse_installed,
    require_staff,
    site_day,
    told_in_words,
    whole_rack,
)

KINDS = ("blocked", "absent")


def bar_space(
    session: Session,
    scope: Scope,
    rack_id: int,
    *,
    u_low: int,
    height: int,
    reason: str,
    face: str = "full",
    kind: str = "blocked",
) -> BarredSpace:
    """Take half units out of use. A whole rack that is sold or held may have such; a U range not.

    Raises ConflictError naming what stands there or whose range it is, InvalidError,
    ForbiddenError.
    """
    require_staff(scope)
    rack = lock_rack(session, rack_id)
    if kind not in KINDS:
        raise InvalidError("Blocked or absent.", {"kind": ["unknown"]})
    if face not in (*FACES, "full"):
        raise InvalidError("Front, rear or full.", {"face": ["unknown"]})
    if kind == "absent" and face != "full":
        raise InvalidError("A unit that isn't there has no face.", {"face": ["full"]})
    if not reason.strip():
        raise InvalidError("Say why nothing can stand there.", {"reason": ["required"]})
    space = Space(u_low, height, FACES if face == "full" else (face,))
    check_range(rack, space)
    for standing in find_installed(session, rack, space):
        raise refuse_installed(rack, standing)
    for other in find_barred(session, rack, space):
        raise refuse_barred(rack, other)
    now = utc_now()
    today = site_day(session, rack, now)
    whole = whole_rack(rack).height
    for allocation in find_allocations(session, rack, space):
        over = allocation.ends_on is not None and allocation.ends_on <= today
        if not over and allocation.height < whole:
            raise refuse_allocated(session, rack, allocation)
    for hold in clear_expired_holds(session, find_holds(session, rack, space), now):
        if hold.height < whole:
            raise refuse_held(rack, hold, now)
    barred = BarredSpace(
        rack_id=rack.id,
        u_low=u_low,
        height=height,
        face=face,
        kind=kind,
        reason=reason.strip(),
        slots=[
            InstallationSlot(u=u, face=one_face, side=side)
            for u in space.half_units
            for one_face in space.faces
            for side in SIDES
        ],
    )
    with told_in_words(session, rack):
        session.add(barred)
        session.flush()
    record(
        session,
        scope,
        "space.bar",
        f"barred-space/{barred.id}",
        rack=rack.code,
        where=name_units(rack, space.u_low, space.height),
        face=face,
        kind=kind,
        reason=barred.reason,
    )
    return barred


def unbar_space(session: Session, scope: Scope, barred: BarredSpace) -> None:
    """The half units can be used again."""
    require_staff(scope)
    rack = lock_rack(session, barred.rack_id)
    barred_id = barred.id
    read_again(session, barred)
    session.delete(barred)
    session.flush()
    record(
        session,
        scope,
        "space.unbar",
        f"barred-space/{barred_id}",
        rack=rack.code,
        where=name_units(rack, barred.u_low, barred.height),
        kind=barred.kind,
    )


def find_barred_space(session: Session, barred_id: int) -> BarredSpace:
    found = session.get(BarredSpace, barred_id)
    if found is None:
        raise NotFoundError("There is no such blocked space.")
    return found
