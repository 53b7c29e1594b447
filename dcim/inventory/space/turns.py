"""Who is on at a place and who comes next: two turns a half unit, settled as time goes by."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dcim.inventory.models import Allocation, AllocationSlot, Rack
from dcim.inventory.space.occupancy import Space, find_allocations, refuse_allocated


def find_turn(
    session: Session,
    rack: Rack,
    space: Space,
    starts_on: dt.date,
    ends_on: dt.date | None,
    today: dt.date,
) -> str:
    """The turn of a new claim on this space: "current", or "next" behind those that end in time.

    What is over gives its slots free here and stays as history; one that begins later than the new
    one ends goes back in line. Raises ConflictError in the name of who is in the way: two places
    in line are all there are. The rack is locked.
    """
    others = settle_turns(session, rack, space, today)
    before = [one for one in others if one.ends_on is not None and one.ends_on <= starts_on]
    after = [one for one in others if ends_on is not None and ends_on <= one.starts_on]
    for other in others:
        if other not in before and other not in after:
            raise refuse_allocated(session, rack, other)
    for other in before:
        if other.turn == "next" or after:
            raise refuse_allocated(session, rack, after[0] if after else other)
    for other in after:
        if other.turn == "current":
            _send_back(session, rack, other)
    return "next" if before else "current"


def settle_turns(
    session: Session, rack: Rack, space: Space, today: dt.date
) -> Sequence[Allocation]:
    """Free the slots of what is over, let who is next move up; the allocations that are left."""
    left = []
    for allocation in find_allocations(session, rack, space):
        if allocation.ends_on is not None and allocation.ends_on <= today:
            give_slots_free(session, allocation)
        else:
            left.append(allocation)
    for allocation in left:
        if allocation.turn == "next" and not _is_taken(session, rack, allocation, "current"):
            change_turn(session, allocation, "current")
    return left


def give_slots_free(session: Session, allocation: Allocation) -> None:
    session.execute(delete(AllocationSlot).where(AllocationSlot.allocation_id == allocation.id))
    session.expire(allocation, ["slots"])


def change_turn(session: Session, allocation: Allocation, turn: str) -> None:
    """The slots follow by the foreign key."""
    session.expire(allocation, ["slots"])
    session.execute(update(Allocation).where(Allocation.id == allocation.id).values(turn=turn))
    session.refresh(allocation)


def _send_back(session: Session, rack: Rack, allocation: Allocation) -> None:
    if _is_taken(session, rack, allocation, "next"):
        raise refuse_allocated(session, rack, allocation)
    change_turn(session, allocation, "next")


def _is_taken(session: Session, rack: Rack, allocation: Allocation, turn: str) -> bool:
    """Whether somebody else has this turn in any of the allocation's half units."""
    return (
        session.scalars(
            select(AllocationSlot.allocation_id)
            .where(
                AllocationSlot.rack_id == rack.id,
                AllocationSlot.turn == turn,
                AllocationSlot.allocation_id != allocation.id,
                AllocationSlot.u.in_(range(allocation.u_low, allocation.u_low + allocation.height)),
            )
            .limit(1)
        ).first()
        is not None
    )
