"""Giving allocated space back on a day."""

import datetime as dt

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.models import Allocation
from dcim.inventory.occupancy import Space, find_installed, lock_rack, name_units, site_day


def end_allocation(
    session: Session,
    scope: Scope,
    allocation: Allocation,
    ends_on: dt.date,
    *,
    now: dt.datetime | None = None,
) -> None:
    """`ends_on` is the first day the space is free again; a day reached frees it at once.

    Raises ConflictError when the customer's equipment still stands there on a day reached, or when
    the space is promised on; InvalidError, ForbiddenError.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff assign space.")
    rack = lock_rack(session, allocation.rack_id)
    if ends_on <= allocation.starts_on:
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    over = ends_on <= site_day(session, rack, now or utc_now())
    if over:
        for device in find_installed(session, rack, Space(allocation.u_low, allocation.height)):
            if device.customer_id == allocation.customer_id:
                raise ConflictError(
                    "%(device)s still stands in %(rack)s; take it out first.",
                    device=device.name,
                    rack=rack.code,
                )
        # Only what holds slots stands in anyone's way; the allocation itself stays as history.
        allocation.slots.clear()
    before, allocation.ends_on = allocation.ends_on, ends_on
    session.flush()
    record(
        session,
        scope,
        "space.end",
        f"allocation/{allocation.id}",
        customer_id=allocation.customer_id,
        rack=rack.code,
        where=name_units(allocation.u_low, allocation.height),
        ends_on=ends_on.isoformat(),
        before=before.isoformat() if before else None,
    )
