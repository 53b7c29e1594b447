"""Giving held space back before the hold expires."""

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.models import Hold
from dcim.inventory.occupancy import lock_rack, name_units


def release_hold(session: Session, scope: Scope, hold: Hold) -> None:
    """Anyone may take the space afterwards. Raises ForbiddenError for other than staff."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff assign space.")
    rack = lock_rack(session, hold.rack_id)
    session.delete(hold)
    session.flush()
    record(
        session,
        scope,
        "space.release",
        f"hold/{hold.id}",
        rack=rack.code,
        where=name_units(hold.u_low, hold.height),
        prospect=hold.prospect,
    )
