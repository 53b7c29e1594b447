"""Claims as the faces read them: one allocation, one sale of an area, one hold, through a scope."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import NotFoundError
from dcim.inventory.models import Allocation, Hold
from dcim.inventory.queries import AllocationRow, list_allocations
from dcim.inventory.space.areas import area_of
from dcim.inventory.space.claims import AreaClaim
from dcim.inventory.space.contents import HoldRow


@dataclass(frozen=True, slots=True)
class AreaClaimRow:
    """`area_id` is of the room, cage, cabinet or rack that `extent` says; `path` names it."""

    id: int
    extent: str
    area_id: int
    path: str
    customer_id: int
    contract_item_id: int
    turn: str
    starts_on: dt.date
    ends_on: dt.date | None
    allocation_ids: list[int]


def read_allocation(session: Session, scope: Scope, allocation: Allocation) -> AllocationRow:
    rows = list_allocations(session, scope, [allocation.rack_id])
    found = next((row for row in rows if row.id == allocation.id), None)
    if found is None:
        raise NotFoundError("No such allocation.")
    return found


def read_hold(hold: Hold) -> HoldRow:
    return HoldRow(
        id=hold.id,
        rack_id=hold.rack_id,
        prospect=hold.prospect,
        held_by=hold.held_by,
        reason=hold.reason,
        u_low=hold.u_low,
        height=hold.height,
        expires_at=hold.expires_at,
        starts_at=hold.starts_at,
        extensions=hold.extensions,
        begun=hold.starts_at <= utc_now(),
    )


def read_claim(session: Session, claim: AreaClaim) -> AreaClaimRow:
    area = area_of(session, claim)
    session.expire(claim, ["allocations"])
    return AreaClaimRow(
        id=claim.id,
        extent=claim.extent,
        area_id=area.id,
        path=area.path,
        customer_id=claim.customer_id,
        contract_item_id=claim.contract_item_id,
        turn=claim.turn,
        starts_on=claim.starts_on,
        ends_on=claim.ends_on,
        allocation_ids=[one.id for one in claim.allocations],
    )
