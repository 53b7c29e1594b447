"""Giving back what a customer that moves out had allocated: units, racks, whole areas."""

import datetime as dt

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError
from dcim.inventory.models import Allocation, Rack
from dcim.inventory.space.allocating import cancel_allocation, end_allocation, find_own_devices
from dcim.inventory.space.areas import cancel_area, end_area
from dcim.inventory.space.claims import AreaClaim
from dcim.inventory.space.occupancy import site_day


def free_space(
    session: Session,
    scope: Scope,
    allocation: Allocation,
    day: dt.date,
    now: dt.datetime | None,
) -> None:
    """End it, or take back what hasn't begun; what was sold as an area ends with the area.

    Raises ConflictError while the customer's equipment stands in what would be free at once.
    """
    claim = None
    if allocation.area_claim_id is not None:
        claim = session.get_one(AreaClaim, allocation.area_claim_id)
    # Days of a place begin where the house is, which may be a day ahead of the customer's.
    today = site_day(session, session.get_one(Rack, allocation.rack_id), now or utc_now())
    if allocation.starts_on >= day and allocation.starts_on > today:
        if claim is not None:
            cancel_area(session, scope, claim, now=now)
        else:
            cancel_allocation(session, scope, allocation, now=now)
        return
    day = max(day, today)
    for part in [allocation] if claim is None else claim.allocations:
        for device in find_own_devices(session, part) if day <= today else ():
            raise ConflictError(
                "%(device)s still stands in %(rack)s; take it out first.",
                device=device.name,
                rack=session.get_one(Rack, part.rack_id).code,
            )
    if claim is not None:
        end_area(session, scope, claim, day, now=now)
    else:
        end_allocation(session, scope, allocation, day, now=now)
