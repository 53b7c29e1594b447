"""Hold all places of a proposal at once: every one of them, or none."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError
from dcim.inventory.models import Hold
from dcim.inventory.space.holding import hold_space


@dataclass(frozen=True, slots=True)
class Spot:
    """Half units `[u_low, u_low + height)` of a rack."""

    rack_id: int
    u_low: int
    height: int


def hold_places(
    session: Session,
    scope: Scope,
    spots: Sequence[Spot],
    *,
    prospect: str,
    expires_at: dt.datetime,
    starts_at: dt.datetime | None = None,
    reason: str = "",
) -> list[Hold]:
    """In the caller's transaction; a refusal leaves none of them held. Raises what hold_space does,
    InvalidError for no places."""
    if not spots:
        raise InvalidError("Nothing is to be held.", {"places": ["required"]})
    with session.begin_nested():
        # In one order, so that two who want the same don't wait for each other.
        return [
            hold_space(
                session,
                scope,
                spot.rack_id,
                prospect=prospect,
                u_low=spot.u_low,
                height=spot.height,
                expires_at=expires_at,
                starts_at=starts_at,
                reason=reason,
            )
            for spot in sorted(spots, key=lambda one: (one.rack_id, one.u_low))
        ]
