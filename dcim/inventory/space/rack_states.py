"""The state of every unit of racks as they are now, read in a fixed number of statements."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from dcim.accounts.scope import Scope
from dcim.customers.calendar import today_in
from dcim.errors import ForbiddenError, NotFoundError
from dcim.inventory.models import Cabinet, Rack, Room, Row
from dcim.inventory.space.contents import (
    BarredRow,
    ClaimRow,
    HoldRow,
    InstalledRow,
    list_barred,
    list_claims,
    list_installed,
    list_live_holds,
)
from dcim.inventory.space.states import RackState, UnitState, find_states, sum_up


@dataclass(frozen=True, slots=True)
class UnitsRow:
    """`units`: the state of each half unit, from the bottom whichever way the rack is printed.
    The others count half units in each state; `allocated` is sold and empty."""

    rack_id: int
    code: str
    state: str
    free: int
    held: int
    allocated: int
    occupied: int
    blocked: int
    absent: int
    units: list[str]


def read_units(session: Session, scope: Scope, rack_id: int, now: dt.datetime) -> UnitsRow:
    """Raises NotFoundError, ForbiddenError: what others have in a rack is staff's to know."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff see whose every unit is.")
    rack = session.scalar(
        select(Rack)
        .options(
            joinedload(Rack.cabinet)
            .joinedload(Cabinet.row)
            .joinedload(Row.room)
            .joinedload(Room.site)
        )
        .where(Rack.id == rack_id)
    )
    if rack is None:
        raise NotFoundError("There is no such rack.")
    states = _states_of(
        rack,
        today_in(rack.cabinet.row.room.site.timezone, now),
        list_installed(session, scope, [rack_id]),
        list_barred(session, [rack_id]),
        list_claims(session, scope, rack_ids=[rack_id]),
        list_live_holds(session, scope, [rack_id], now),
    )
    summary = sum_up(states)
    counts = {state.value: count for state, count in summary.half_units.items()}
    return UnitsRow(
        rack.id, rack.code, summary.state.value, **counts, units=[one.value for one in states]
    )


def _states_of(
    rack: Rack,
    today: dt.date,
    installed: Iterable[InstalledRow],
    barred: Iterable[BarredRow],
    claims: Iterable[ClaimRow],
    holds: Iterable[HoldRow],
) -> tuple[UnitState, ...]:
    """Of rows that may be of several racks; sales and holds that begin later bind nothing yet."""
    return find_states(
        rack.u_count,
        installed=[one for one in installed if one.rack_id == rack.id],
        barred=[one for one in barred if one.rack_id == rack.id],
        allocations=[one for one in claims if one.rack_id == rack.id and one.starts_on <= today],
        holds=[one for one in holds if one.rack_id == rack.id and one.begun],
    )


def sum_up_racks(
    racks: Sequence[Rack],
    today: dt.date,
    installed: Sequence[InstalledRow],
    barred: Sequence[BarredRow],
    claims: Sequence[ClaimRow],
    holds: Sequence[HoldRow],
) -> list[tuple[Rack, RackState]]:
    return [
        (rack, sum_up(_states_of(rack, today, installed, barred, claims, holds))) for rack in racks
    ]
