"""Selling space: a U range of a rack to a contract item, from a day on, until it ends."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import ContractItem
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.models import (
    Allocation,
    AllocationSlot,
    Device,
    Hold,
    Installation,
    InstallationSlot,
    Rack,
)
from dcim.inventory.numbering import name_units
from dcim.inventory.space.item_days import check_later_end, check_sale_days
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
    read_again,
    refuse_allocated,
    refuse_barred,
    refuse_closed,
    refuse_held,
    refuse_installed,
    require_staff,
    site_day,
    site_zone,
    told_in_words,
    whole_rack,
)
from dcim.inventory.space.turns import find_turn, give_slots_free, settle_turns


@dataclass(frozen=True, slots=True)
class Ended:
    """`standing`: the customer's devices that stand there still and have to come out."""

    allocation: Allocation
    standing: Sequence[Device]


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
    current one ends becomes "next". Raises ConflictError, InvalidError, ForbiddenError; for days
    the item doesn't cover as `check_sale_days`.
    """
    require_staff(scope)
    rack = lock_rack(session, rack_id)
    check_sale_days(session, scope, item.id, starts_on, ends_on)
    # After the wait for the lock: what expired meanwhile binds nobody.
    moment = now or utc_now()
    if from_hold is not None:
        hold_id = take_hold(session, from_hold)
        if from_hold.rack_id != rack_id:
            raise InvalidError("This hold is in another rack.", {"hold_id": ["another rack"]})
        session.delete(from_hold)
        session.flush()
    allocation = claim_space(
        session, rack, item, Space(u_low, height), starts_on=starts_on, ends_on=ends_on, now=moment
    )
    record(
        session,
        scope,
        "space.allocate",
        f"allocation/{allocation.id}",
        customer_id=item.customer_id,
        rack=rack.code,
        where=name_units(rack, u_low, height),
        item=item.code,
        starts_on=starts_on.isoformat(),
        ends_on=ends_on.isoformat() if ends_on else None,
        **({} if from_hold is None else {"hold": hold_id, "prospect": from_hold.prospect}),
    )
    return allocation


def convert_hold(
    session: Session,
    scope: Scope,
    hold: Hold,
    item: ContractItem,
    *,
    starts_on: dt.date,
    ends_on: dt.date | None = None,
    now: dt.datetime | None = None,
) -> Allocation:
    """Sell exactly what is held; the hold is gone then. Raises as `allocate_space`."""
    return allocate_space(
        session, scope, item, hold.rack_id,
        u_low=hold.u_low, height=hold.height, starts_on=starts_on, ends_on=ends_on,
        from_hold=hold, now=now,
    )  # fmt: skip


def take_hold(session: Session, hold: Hold) -> int:
    """Its id, if it is there still. Call under the rack's lock; raises ConflictError."""
    hold_id = hold.id
    read_again(session, hold)
    return hold_id


def claim_space(
    session: Session,
    rack: Rack,
    item: ContractItem,
    space: Space,
    *,
    starts_on: dt.date,
    ends_on: dt.date | None,
    now: dt.datetime,
    area_claim_id: int | None = None,
) -> Allocation:
    """The decision between the layers and the rows, for one locked rack; audited by the caller."""
    check_range(rack, space)
    refuse_closed(session, rack)
    if ends_on is not None and ends_on <= starts_on:
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    if space != whole_rack(rack):
        for barred in find_barred(session, rack, space):
            raise refuse_barred(rack, barred)
    zone = site_zone(session, rack)
    for hold in clear_expired_holds(session, find_holds(session, rack, space), now):
        # A hold means to buy what it holds: only what ends before it begins is out of its way.
        if ends_on is None or begin_day(ends_on, zone) > hold.starts_at:
            raise refuse_held(rack, hold, now)
    today = now.astimezone(zone).date()
    turn = find_turn(session, rack, space, starts_on, ends_on, today)
    for standing in find_installed(session, rack, space):
        if standing.customer_id != item.customer_id and turn == "current":
            raise refuse_installed(rack, standing)
    allocation = Allocation(
        customer_id=item.customer_id,
        contract_item_id=item.id,
        rack_id=rack.id,
        u_low=space.u_low,
        height=space.height,
        turn=turn,
        starts_on=starts_on,
        ends_on=ends_on,
        area_claim_id=area_claim_id,
        slots=[AllocationSlot(u=u) for u in space.half_units],
    )
    with told_in_words(session, rack):
        session.add(allocation)
        session.flush()
    return allocation


def end_allocation(
    session: Session,
    scope: Scope,
    allocation: Allocation,
    ends_on: dt.date | None,
    *,
    now: dt.datetime | None = None,
) -> Ended:
    """Let it end on a day (the first it is free again), or on another day than was agreed.

    From that day on the space is free; on the day itself its slots are given back here. None takes
    the end away again. What is part of a sold area ends with the area. Raises ConflictError naming
    who comes next, InvalidError for a day that is past, before it began or after its item's end,
    ForbiddenError.
    """
    require_staff(scope)
    rack = lock_rack(session, allocation.rack_id)
    read_again(session, allocation)
    if allocation.area_claim_id is not None:
        raise ConflictError(
            "%(rack)s was sold as part of an area; end the sale of the area instead.",
            rack=rack.code,
        )
    moment = now or utc_now()
    before = allocation.ends_on
    check_later_end(session, scope, allocation.contract_item_id, before, ends_on)
    settle_end(session, rack, allocation, ends_on, moment)
    standing = find_own_devices(session, allocation)
    record(
        session,
        scope,
        "space.end",
        f"allocation/{allocation.id}",
        customer_id=allocation.customer_id,
        rack=rack.code,
        where=name_units(rack, allocation.u_low, allocation.height),
        before=before.isoformat() if before else None,
        ends_on=ends_on.isoformat() if ends_on else None,
        standing=[device.name for device in standing],
    )
    return Ended(allocation, standing)


def settle_end(
    session: Session,
    rack: Rack,
    allocation: Allocation,
    ends_on: dt.date | None,
    now: dt.datetime,
) -> None:
    """Check and set the end of one allocation of a locked rack; audited by the caller."""
    zone = site_zone(session, rack)
    today = now.astimezone(zone).date()
    space = Space(allocation.u_low, allocation.height)
    if allocation.ends_on is not None and allocation.ends_on <= today:
        raise ConflictError(
            "This allocation has ended on %(day)s already.", day=allocation.ends_on.isoformat()
        )
    if ends_on is not None and ends_on < today:
        raise InvalidError("The end can't be in the past.", {"ends_on": ["past"]})
    if ends_on is not None and ends_on <= allocation.starts_on:
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    longer = allocation.ends_on is not None and (ends_on is None or ends_on > allocation.ends_on)
    if longer:
        for other in find_allocations(session, rack, space):
            begins_later = other.starts_on >= (allocation.ends_on or other.starts_on)
            in_the_way = ends_on is None or other.starts_on < ends_on
            if other.id != allocation.id and begins_later and in_the_way:
                raise refuse_allocated(session, rack, other)
        for hold in clear_expired_holds(session, find_holds(session, rack, space), now):
            if ends_on is None or hold.starts_at < begin_day(ends_on, zone):
                raise refuse_held(rack, hold, now)
    allocation.ends_on = ends_on
    session.flush()
    if ends_on is not None and ends_on <= today:
        give_slots_free(session, allocation)
        settle_turns(session, rack, space, today)


def cancel_allocation(
    session: Session, scope: Scope, allocation: Allocation, *, now: dt.datetime | None = None
) -> None:
    """Take back a sale that has not begun. Raises ConflictError for one that has."""
    require_staff(scope)
    rack = lock_rack(session, allocation.rack_id)
    read_again(session, allocation)
    today = site_day(session, rack, now or utc_now())
    if allocation.area_claim_id is not None:
        raise ConflictError(
            "%(rack)s was sold as part of an area; end the sale of the area instead.",
            rack=rack.code,
        )
    if allocation.starts_on <= today:
        raise ConflictError(
            "This allocation began on %(day)s; let it end instead.",
            day=allocation.starts_on.isoformat(),
        )
    space = Space(allocation.u_low, allocation.height)
    allocation_id, customer_id = allocation.id, allocation.customer_id
    session.delete(allocation)
    session.flush()
    settle_turns(session, rack, space, today)
    record(
        session,
        scope,
        "space.cancel",
        f"allocation/{allocation_id}",
        customer_id=customer_id,
        rack=rack.code,
        where=name_units(rack, space.u_low, space.height),
        starts_on=allocation.starts_on.isoformat(),
    )


def find_own_devices(session: Session, allocation: Allocation) -> Sequence[Device]:
    """The customer's devices within an allocation; with a whole rack also those on its rails."""
    space = Space(allocation.u_low, allocation.height)
    rack = session.get_one(Rack, allocation.rack_id)
    within = select(InstallationSlot.installation_id).where(
        InstallationSlot.rack_id == rack.id, InstallationSlot.u.in_(space.half_units)
    )
    here: Any = Installation.id.in_(within)
    if space == whole_rack(rack):
        here = Installation.rack_id == rack.id
    return session.scalars(
        select(Device)
        .join(Installation, Installation.device_id == Device.id)
        .where(here, Device.customer_id == allocation.customer_id)
        .order_by(Device.name)
    ).all()


def find_allocation(session: Session, allocation_id: int) -> Allocation:
    found = session.get(Allocation, allocation_id)
    if found is None:
        raise NotFoundError("No such allocation.")
    return found
