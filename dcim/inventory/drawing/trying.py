"""Moving within a drawing: what a drop means, and whether it would be let in."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Device, Installation
from dcim.inventory.space.placement import Move, Place, move_devices

Refusal = ConflictError | ForbiddenError | InvalidError | NotFoundError


def plan_moves(session: Session, scope: Scope, device: Device, place: Place) -> list[Move]:
    """The move; and where exactly one device of the same size stands there, that the two change
    places."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff assign space.")
    moves = [Move(device, place)]
    own = device.installation
    if own is None or own.u_low is None or place.u_low is None:
        return moves
    standing = session.scalars(
        select(Device)
        .join(Installation, Installation.device_id == Device.id)
        .where(
            Installation.rack_id == place.rack_id,
            Installation.u_low < place.u_low + own.height,
            Installation.u_low + Installation.height > place.u_low,
            Device.id != device.id,
        )
        .order_by(Device.id)
    ).all()
    if len(standing) != 1:
        return moves
    other = standing[0].installation
    same = (
        other is not None
        and (other.u_low, other.height) == (place.u_low, own.height)
        and (other.face, other.side) == (own.face, own.side)
    )
    if same and other is not None:
        back = Place(own.rack_id, own.u_low, other.face, other.side)
        moves.append(Move(standing[0], back))
    return moves


def try_moves(session: Session, scope: Scope, moves: Sequence[Move]) -> Refusal | None:
    """What `move_devices` would refuse with; none when it would do it. Nothing stays of either.

    No second set of rules: the moves are made within a savepoint, which is then rolled back, its
    audit entries and its locks included.
    """
    attempt = session.begin_nested()
    try:
        move_devices(session, scope, moves)
    except (ConflictError, ForbiddenError, InvalidError, NotFoundError) as refusal:
        return refusal
    finally:
        if attempt.is_active:
            attempt.rollback()
        session.expire_all()
    return None
