"""Would it be let in? The real placement, carried out and taken back."""

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Device
from dcim.inventory.placement import move_device

Refusal = ConflictError | ForbiddenError | InvalidError | NotFoundError


def try_move(
    session: Session,
    scope: Scope,
    device: Device,
    rack_id: int,
    *,
    u_low: int | None,
    face: str = "full",
    side: str = "full",
) -> Refusal | None:
    """What `move_device` would refuse with; none when it would do it. Nothing stays of either.

    No second set of rules: the move is made within a savepoint, which is then rolled back, its
    audit entry and its locks included.
    """
    attempt = session.begin_nested()
    try:
        move_device(session, scope, device, rack_id, u_low=u_low, face=face, side=side)
    except (ConflictError, ForbiddenError, InvalidError, NotFoundError) as refusal:
        return refusal
    finally:
        if attempt.is_active:
            attempt.rollback()
        session.expire_all()
    return None
