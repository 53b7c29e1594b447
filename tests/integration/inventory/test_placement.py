"""The three layers of occupancy: who is refused, in whose name, and one winner in a race."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.models import (
    Allocation,
    AllocationSlot,
    Device,
    Hold,
    Installation,
    InstallationSlot,
    Rack,
)
from dcim.inventory.space import placement
from dcim.inventory.space.allocating import allocate_space
from dcim.inventory.space.holding import hold_space
from dcim.inventory.space.occupancy import Space
from dcim.inventory.space.placement import install_device, move_device, remove_device
from tests.integration.inventory.house import NOW, SCOPE, TODAY, WEEK, House, build_house


def install(session: Session, house: House, name: str, u_low: int, **rest: Any) -> Installation:
    return install_device(
        session, SCOPE, house.devices[name], house.rack.id, u_low=u_low, at=NOW, **rest
    )


def test_an_installed_device_takes_every_slot_it_covers(session: Session, house: House) -> None:
    install(session, house, "shallow", 10, face="front")
    slots = session.scalars(select(InstallationSlot)).all()
    assert {(slot.u, slot.face, slot.side) for slot in slots} == {
        (u, "front", side) for u in (10, 11, 12, 13) for side in ("left", "right")
    }
    entry = session.scalars(select(AuditEntry)).one()
    assert entry.action == "device.install"


def test_a_taken_place_is_refused_in_the_name_of_what_stands_there(
    session: Session, house: House
) -> None:
    install(session, house, "Reed1", 10)
    with pytest.raises(ConflictError, match="A-01 U6–7 is taken by Reed1"):
        install(session, house, "Moss1", 12)


def test_faces_and_sides_are_places_of_their_own(session: Session, house: House) -> None:
    install(session, house, "shallow", 10)
    install(session, house, "narrow1", 10, face="rear", side="left")
    install(session, house, "narrow2", 10, face="rear", side="right")
    assert session.scalar(select(func.count()).select_from(InstallationSlot)) == 16


def test_a_device_on_the_side_rail_takes_no_slot(session: Session, house: House) -> None:
    strip = house.devices["strip"]
    install_device(session, SCOPE, strip, house.rack.id, u_low=None, at=NOW)
    assert session.scalar(select(func.count()).select_from(InstallationSlot)) == 0
    assert strip.state == "in_service"


def test_the_rack_has_an_end(session: Session, house: House) -> None:
    with pytest.raises(InvalidError, match="does not fit into A-01, which has 20 U"):
        install(session, house, "Reed1", 37)


def test_a_customer_places_nothing(session: Session, house: House) -> None:
    scope = Scope.customer("reed", house.items["Reed"].customer_id)
    with pytest.raises(ForbiddenError):
        install_device(session, scope, house.devices["Reed1"], house.rack.id, u_low=0)


def test_anothers_allocation_refuses_and_a_reason_overrides(session: Session, house: House) -> None:
    allocate(session, house, "Reed", 0, 20)
    install(session, house, "Reed1", 0)
    with pytest.raises(ConflictError, match=r"U1–10 is allocated to Reed .* without an end"):
        install(session, house, "Moss1", 4)
    with pytest.raises(ConflictError):
        install(session, house, "Moss1", 4, override="  ")
    install(session, house, "Moss1", 4, override="Reed lends U3 for the migration, T-4711")
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert entry.detail["override"].endswith("T-4711")
    assert "Reed" in entry.detail["overrode"][0]


def test_a_standing_device_is_never_overridden(session: Session, house: House) -> None:
    install(session, house, "Reed1", 0)
    with pytest.raises(ConflictError, match="taken by Reed1"):
        install(session, house, "Moss1", 0, override="because")


def test_a_hold_refuses_until_it_expires(session: Session, house: House) -> None:
    hold_space(
        session, SCOPE, house.rack.id,
        prospect="Fern", held_by="sales", u_low=0, height=8, expires_at=NOW + WEEK, now=NOW,
    )  # fmt: skip
    with pytest.raises(ConflictError, match="held for Fern by sales until 2026-11-10T08:00Z"):
        install(session, house, "Reed1", 0)
    later = NOW + WEEK
    install_device(session, SCOPE, house.devices["Reed1"], house.rack.id, u_low=0, at=later)
    assert session.scalar(select(func.count()).select_from(Hold)) == 0


def allocate(
    session: Session,
    house: House,
    name: str,
    u_low: int,
    height: int,
    start: dt.date = TODAY,
    end: dt.date | None = None,
) -> Allocation:
    return allocate_space(
        session, SCOPE, house.items[name], house.rack.id,
        u_low=u_low, height=height, starts_on=start, ends_on=end, now=NOW,
    )  # fmt: skip


def test_the_next_claim_begins_where_the_current_one_ends(session: Session, house: House) -> None:
    allocate(session, house, "Reed", 0, 10, end=TODAY + WEEK)
    with pytest.raises(ConflictError, match=f"until {TODAY + WEEK}"):
        allocate(session, house, "Moss", 8, 4, start=TODAY + WEEK - dt.timedelta(days=1))
    following = allocate(session, house, "Moss", 8, 4, start=TODAY + WEEK)
    assert following.turn == "next"
    with pytest.raises(ConflictError, match="allocated to Moss"):
        allocate(session, house, "Reed", 8, 4, start=TODAY + 2 * WEEK)


def test_what_is_over_gives_its_slots_and_stays_as_history(session: Session, house: House) -> None:
    old = allocate(session, house, "Reed", 0, 10, start=TODAY - 2 * WEEK, end=TODAY - WEEK)
    fresh = allocate(session, house, "Moss", 0, 10)
    assert fresh.turn == "current"
    kept = session.scalars(select(AllocationSlot.allocation_id).distinct()).all()
    assert kept == [fresh.id]
    assert session.get(Allocation, old.id) is not None


def test_a_hold_becomes_an_allocation(session: Session, house: House) -> None:
    hold = hold_space(
        session, SCOPE, house.rack.id,
        prospect="Moss", u_low=0, height=8, expires_at=NOW + WEEK, now=NOW,
    )  # fmt: skip
    with pytest.raises(ConflictError, match="held for Moss"):
        allocate(session, house, "Moss", 0, 8)
    allocate_space(
        session, SCOPE, house.items["Moss"], house.rack.id,
        u_low=0, height=8, starts_on=TODAY, from_hold=hold, now=NOW,
    )  # fmt: skip


def test_a_hold_respects_devices_and_running_allocations(session: Session, house: House) -> None:
    install(session, house, "Reed1", 0)
    allocate(session, house, "Moss", 10, 4, end=TODAY + WEEK)

    def hold(u_low: int, until: dt.datetime) -> Hold:
        return hold_space(
            session, SCOPE, house.rack.id,
            prospect="Fern", u_low=u_low, height=2, expires_at=until, now=NOW,
        )  # fmt: skip

    with pytest.raises(ConflictError, match="taken by Reed1"):
        hold(2, NOW + WEEK)
    with pytest.raises(ConflictError, match="allocated to Moss"):
        hold(12, NOW + WEEK)
    with pytest.raises(InvalidError):
        hold(20, NOW)


def test_space_with_anothers_devices_is_not_sold(session: Session, house: House) -> None:
    install(session, house, "Reed1", 0)
    with pytest.raises(ConflictError, match="taken by Reed1"):
        allocate(session, house, "Moss", 0, 8)


def test_a_refused_move_leaves_the_device_where_it_was(session: Session, house: House) -> None:
    install(session, house, "Reed1", 0)
    install(session, house, "Moss1", 8)
    device = house.devices["Reed1"]
    with pytest.raises(ConflictError, match="taken by Moss1"):
        move_device(session, SCOPE, device, house.rack.id, u_low=10)
    assert device.installation is not None
    assert device.installation.u_low == 0
    assert device.state == "in_service"
    move_device(session, SCOPE, device, house.other_rack.id, u_low=2)
    assert device.installation.rack_id == house.other_rack.id
    remove_device(session, SCOPE, device)
    assert device.installation is None
    left = session.scalars(select(InstallationSlot.u).distinct()).all()
    assert sorted(left) == [8, 9, 10, 11]


@contextmanager
def racers(sessions: SessionFactory) -> Iterator[tuple[Callable[[], list[str]], House]]:
    """Two people who put Reed1 and Moss1 into U1–2 in overlapping transactions."""
    with transaction(sessions, SCOPE) as session:
        house = build_house(session)
    rack_id = house.rack.id
    ids = [house.devices[name].id for name in ("Reed1", "Moss1")]

    def race() -> list[str]:
        outcomes: list[str] = []
        started = threading.Barrier(2, timeout=20)

        def place(device_id: int) -> None:
            try:
                with transaction(sessions, SCOPE) as session:
                    device = session.get_one(Device, device_id)
                    started.wait()
                    install_device(session, SCOPE, device, rack_id, u_low=0, at=NOW)
            except ConflictError as conflict:
                outcomes.append(str(conflict))
            else:
                outcomes.append("won")

        threads = [threading.Thread(target=place, args=(device_id,)) for device_id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        return sorted(outcomes, key=lambda words: words != "won")

    yield race, house


def test_of_two_who_want_one_place_one_wins(sessions: SessionFactory) -> None:
    with racers(sessions) as (race, _):
        winner, loser = race()
    assert winner == "won"
    assert "is taken by" in loser


def read_without_lock(session: Session, rack_id: int) -> Rack:
    return session.get_one(Rack, rack_id)


def test_the_unique_key_decides_where_nobody_locks(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "lock_rack", read_without_lock)
    monkeypatch.setattr(placement, "find_installed", lambda *_: [])
    with racers(sessions) as (race, _):
        winner, loser = race()
    assert winner == "won"
    assert "just now" in loser


def test_control_without_lock_and_slots_both_win(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "lock_rack", read_without_lock)
    monkeypatch.setattr(Space, "half_units", property(lambda _: range(0)))
    with racers(sessions) as (race, _):
        assert race() == ["won", "won"]
