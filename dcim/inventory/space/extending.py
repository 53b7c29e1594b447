"""Selling longer: where an item's end moves later, the space it sold until then goes on with it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.calendar import today_in
from dcim.customers.contracts import renew_contract
from dcim.customers.models import Contract, ContractItem
from dcim.inventory.models import Allocation
from dcim.inventory.space.allocating import end_allocation
from dcim.inventory.space.areas import area_of, end_area
from dcim.inventory.space.claims import AreaClaim
from dcim.inventory.space.occupancy import lock_racks, lock_room

# By item: the first day no longer paid for.
Ends = dict[int, dt.date | None]


def renew(
    session: Session, scope: Scope, contract: Contract, months: int, now: dt.datetime | None = None
) -> None:
    """Renew the contract and with it the space that would have ended with it. All or nothing.

    Raises as `renew_contract`, and ConflictError naming who has the space from the old end on.
    """
    with space_follows(session, scope, contract, now):
        renew_contract(session, scope, contract, months, now)


@contextmanager
def space_follows(
    session: Session, scope: Scope, contract: Contract, now: dt.datetime | None = None
) -> Iterator[None]:
    """What changes ends within: allocations and sales of areas that ended exactly where an item
    did end then where it ends now, if that is later. What is over stays so.

    A refusal undoes all that was done within. The contract is locked before the racks here, the
    other way round than by a sale: of two that wait for each other the database refuses one, who
    is told to try again.
    """
    moment = now or utc_now()
    with session.begin_nested():
        before = _find_ends(contract)
        yield
        today = today_in(contract.timezone, moment)
        later = {
            item_id: (old, new)
            for item_id, new in _find_ends(contract).items()
            if (old := before.get(item_id)) is not None
            and old > today
            and (new is None or new > old)
        }
        _extend(session, scope, later, moment)


def _find_ends(contract: Contract) -> Ends:
    def end(item: ContractItem) -> dt.date | None:
        return min((day for day in (item.ends_on, contract.ends_on) if day), default=None)

    return {item.id: end(item) for item in contract.items}


def _extend(
    session: Session,
    scope: Scope,
    later: dict[int, tuple[dt.date, dt.date | None]],
    now: dt.datetime,
) -> None:
    if not later:
        return
    areas = [
        claim
        for claim in session.scalars(
            select(AreaClaim)
            .where(AreaClaim.contract_item_id.in_(later), AreaClaim.turn != "over")
            .order_by(AreaClaim.id)
        )
        if claim.ends_on == later[claim.contract_item_id][0]
    ]
    alone = [
        one
        for one in session.scalars(
            select(Allocation)
            .where(Allocation.contract_item_id.in_(later), Allocation.area_claim_id.is_(None))
            .order_by(Allocation.id)
        )
        if one.ends_on == later[one.contract_item_id][0]
    ]
    for room_id in sorted({area_of(session, claim).room_id for claim in areas}):
        lock_room(session, room_id)
    lock_racks(
        session,
        [one.rack_id for claim in areas for one in claim.allocations]
        + [one.rack_id for one in alone],
    )
    for claim in areas:
        end_area(session, scope, claim, later[claim.contract_item_id][1], now=now)
    for allocation in alone:
        new = later[allocation.contract_item_id][1]
        end_allocation(session, scope, allocation, new, now=now)
