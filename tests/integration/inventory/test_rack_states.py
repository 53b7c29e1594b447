"""What state each unit of a rack is in, of what the three layers and the bars hold right now."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError, NotFoundError
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.barring import bar_space
from dcim.inventory.space.holding import hold_space
from dcim.inventory.space.placement import install_device
from dcim.inventory.space.rack_states import read_units
from tests.integration.inventory.house import NOW, SCOPE, TODAY, WEEK, House


def fill(session: Session, house: House) -> None:
    rack = house.rack.id
    reed, end = house.items["Reed"], TODAY + WEEK
    allocate_space(session, SCOPE, reed, rack, u_low=0, height=8, starts_on=TODAY, now=NOW)
    install_device(session, SCOPE, house.devices["Reed1"], rack, u_low=0)
    hold_space(
        session, SCOPE, rack, prospect="Fern", u_low=8, height=4, now=NOW,
        expires_at=NOW + WEEK,
    )  # fmt: skip
    bar_space(session, SCOPE, rack, u_low=12, height=2, kind="blocked", reason="beam")
    bar_space(session, SCOPE, rack, u_low=14, height=2, kind="absent", reason="cut out")
    # Begin later: nothing is bound yet.
    moss = house.items["Moss"]
    allocate_space(session, SCOPE, moss, rack, u_low=16, height=4, starts_on=end, now=NOW)
    hold_space(
        session, SCOPE, rack, prospect="Ash", u_low=20, height=2, now=NOW,
        starts_at=NOW + WEEK, expires_at=NOW + 2 * WEEK,
    )  # fmt: skip


def test_every_state_of_a_unit(session: Session, house: House) -> None:
    fill(session, house)
    found = read_units(session, SCOPE, house.rack.id, NOW)
    told = [*["occupied"] * 4, *["allocated"] * 4, *["held"] * 4, *["blocked"] * 2, *["absent"] * 2]
    assert found.units == told + ["free"] * (40 - len(told))
    assert found.state == "occupied"
    counts = (found.free, found.held, found.allocated, found.occupied, found.blocked, found.absent)
    assert counts == (24, 4, 4, 4, 2, 2)
    assert read_units(session, SCOPE, house.other_rack.id, NOW).state == "free"


def test_what_has_run_out_holds_nothing(session: Session, house: House) -> None:
    fill(session, house)
    later = read_units(session, SCOPE, house.rack.id, NOW + WEEK + dt.timedelta(minutes=1))
    assert later.held == 2, "Fern's hold is over, Ash's has begun"


def test_five_statements_however_full(session: Session, house: House) -> None:
    fill(session, house)
    rack_id = house.rack.id
    session.expire_all()
    seen: list[str] = []

    def note(*given: Any) -> None:
        seen.append(given[2])

    event.listen(session.get_bind(), "before_cursor_execute", note)
    read_units(session, SCOPE, rack_id, NOW)
    event.remove(session.get_bind(), "before_cursor_execute", note)
    assert len(seen) == 5


def test_staff_alone(session: Session, house: House) -> None:
    with pytest.raises(ForbiddenError):
        read_units(session, Scope.customer("x", 1), house.rack.id, NOW)
    with pytest.raises(NotFoundError):
        read_units(session, SCOPE, 10**9, NOW)
