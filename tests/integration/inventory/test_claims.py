"""Selling, holding and barring: dates, turns, areas; who is refused and in whose name."""

import datetime as dt

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.models import Allocation, AllocationSlot, Cage, Hold, InstallationSlot
from dcim.inventory.space.allocating import (
    allocate_space,
    cancel_allocation,
    convert_hold,
    end_allocation,
)
from dcim.inventory.space.areas import allocate_area, cancel_area, end_area
from dcim.inventory.space.barring import bar_space, unbar_space
from dcim.inventory.space.holding import extend_hold, hold_space, release_hold
from dcim.inventory.space.placement import install_device
from dcim.inventory.space.structure import create_cabinet
from tests.integration.inventory.house import NOW, SCOPE, TODAY, WEEK, House

DAY = dt.timedelta(days=1)
# The session is not told what a statement changed, as when another one made it.
UNNOTICED = {"synchronize_session": False}


def sell(
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


def hold(
    session: Session,
    house: House,
    u_low: int = 0,
    height: int = 8,
    start: dt.datetime | None = None,
    until: dt.datetime = NOW + WEEK,
) -> Hold:
    return hold_space(
        session, SCOPE, house.rack.id, prospect="Fern", held_by="sales",
        u_low=u_low, height=height, starts_at=start, expires_at=until, now=NOW,
    )  # fmt: skip


def last_entry(session: Session) -> AuditEntry:
    return session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()


def test_a_sale_before_one_that_begins_later_goes_first(session: Session, house: House) -> None:
    later = sell(session, house, "Reed", 0, 8, start=TODAY + 2 * WEEK)
    assert later.turn == "current"
    first = sell(session, house, "Moss", 0, 8, end=TODAY + WEEK)
    assert (first.turn, later.turn) == ("current", "next")
    with pytest.raises(ConflictError, match=f"Reed from {TODAY + 2 * WEEK}"):
        sell(session, house, "Moss", 4, 2, start=TODAY + WEEK)


def test_who_is_next_moves_up_when_the_first_is_over(session: Session, house: House) -> None:
    sell(session, house, "Reed", 0, 8, start=TODAY - 3 * WEEK, end=TODAY - WEEK)
    # Sold while Reed was there still.
    following = allocate_space(
        session, SCOPE, house.items["Moss"], house.rack.id, u_low=0, height=8,
        starts_on=TODAY - WEEK, ends_on=TODAY + WEEK, now=NOW - 2 * WEEK,
    )  # fmt: skip
    assert following.turn == "next"
    third = sell(session, house, "Reed", 0, 8, start=TODAY + WEEK)
    assert (following.turn, third.turn) == ("current", "next")
    turns = session.execute(
        select(AllocationSlot.allocation_id, AllocationSlot.turn).distinct()
    ).all()
    assert sorted(map(tuple, turns)) == [(following.id, "current"), (third.id, "next")]


def test_an_end_names_what_stands_there_and_frees_the_space_that_day(
    session: Session, house: House
) -> None:
    sold = sell(session, house, "Reed", 0, 8, start=TODAY - WEEK)
    install_device(session, SCOPE, house.devices["Reed1"], house.rack.id, u_low=0, at=NOW)
    ended = end_allocation(session, SCOPE, sold, TODAY + WEEK, now=NOW)
    assert [device.name for device in ended.standing] == ["Reed1"]
    assert last_entry(session).detail["standing"] == ["Reed1"]
    # Until the day is there, the slots are Reed's.
    assert session.scalar(select(func.count()).select_from(AllocationSlot)) == 8
    end_allocation(session, SCOPE, sold, TODAY, now=NOW)
    assert session.scalar(select(func.count()).select_from(AllocationSlot)) == 0
    with pytest.raises(ConflictError, match="taken by Reed1"):
        sell(session, house, "Moss", 0, 8)
    sell(session, house, "Moss", 4, 4)
    with pytest.raises(ConflictError, match=f"ended on {TODAY} already"):
        end_allocation(session, SCOPE, sold, TODAY + WEEK, now=NOW)


def test_an_end_can_be_put_off_only_until_the_next_begins(session: Session, house: House) -> None:
    sold = sell(session, house, "Reed", 0, 8, end=TODAY + WEEK)
    sell(session, house, "Moss", 0, 8, start=TODAY + 2 * WEEK)
    end_allocation(session, SCOPE, sold, TODAY + 2 * WEEK, now=NOW)
    for later in (TODAY + 2 * WEEK + DAY, None):
        with pytest.raises(ConflictError, match="allocated to Moss"):
            end_allocation(session, SCOPE, sold, later, now=NOW)
    with pytest.raises(InvalidError, match="past"):
        end_allocation(session, SCOPE, sold, TODAY - DAY, now=NOW)


def test_space_is_sold_on_days_its_item_covers(session: Session, house: House) -> None:
    """The control is the same sale a day later or earlier."""
    item = house.items["Reed"]
    item.starts_on, item.ends_on = TODAY, TODAY + 4 * WEEK
    session.flush()
    with pytest.raises(InvalidError, match=f"Item Reed-1 begins on {TODAY}"):
        sell(session, house, "Reed", 0, 8, start=TODAY - DAY, end=TODAY + WEEK)
    for late in (TODAY + 4 * WEEK + DAY, None):
        with pytest.raises(InvalidError, match=f"Item Reed-1 ends on {TODAY + 4 * WEEK}"):
            sell(session, house, "Reed", 0, 8, end=late)
        with pytest.raises(InvalidError, match="Item Reed-1 ends on"):
            allocate_area(
                session, SCOPE, item, "rack", house.other_rack.id, starts_on=TODAY, ends_on=late,
                now=NOW,
            )  # fmt: skip
    session.expire_all()
    sold = sell(session, house, "Reed", 0, 8, end=TODAY + 4 * WEEK)
    claim = allocate_area(
        session, SCOPE, item, "rack", house.other_rack.id, starts_on=TODAY, ends_on=TODAY + WEEK,
        now=NOW,
    )  # fmt: skip
    for put_off in (
        lambda day: end_allocation(session, SCOPE, sold, day, now=NOW),
        lambda day: end_area(session, SCOPE, claim, day, now=NOW),
    ):
        with pytest.raises(InvalidError, match="Item Reed-1 ends on"):
            put_off(TODAY + 5 * WEEK)
        with pytest.raises(InvalidError, match="Item Reed-1 ends on"):
            put_off(None)
        put_off(TODAY + 2 * WEEK)
        put_off(TODAY + 4 * WEEK)
    # The contract's own end bounds items without one.
    contract = session.get_one(Contract, item.contract_id)
    contract.ends_on, item.ends_on = TODAY + 2 * WEEK, None
    session.flush()
    with pytest.raises(InvalidError, match=f"Item Reed-1 ends on {TODAY + 2 * WEEK}"):
        sell(session, house, "Reed", 8, 4)


def test_a_drafts_space_is_held_not_sold(session: Session, house: House) -> None:
    item = house.items["Reed"]
    contract = session.get_one(Contract, item.contract_id)
    contract.state = "draft"
    session.flush()
    with pytest.raises(ConflictError, match=r"Reed-1 is of draft HT-Reed: hold the space"):
        sell(session, house, "Reed", 0, 8)
    held = hold(session, house)
    with pytest.raises(ConflictError, match="draft HT-Reed"):
        convert_hold(session, SCOPE, held, item, starts_on=TODAY, now=NOW)


def test_only_what_has_not_begun_is_cancelled(session: Session, house: House) -> None:
    running = sell(session, house, "Reed", 0, 8, end=TODAY + WEEK)
    ahead = sell(session, house, "Moss", 0, 8, start=TODAY + WEEK)
    with pytest.raises(ConflictError, match="let it end instead"):
        cancel_allocation(session, SCOPE, running, now=NOW)
    cancel_allocation(session, SCOPE, ahead, now=NOW)
    assert sell(session, house, "Reed", 0, 8, start=TODAY + WEEK).turn == "next"


def test_a_hold_begins_where_an_allocation_ends(session: Session, house: House) -> None:
    sell(session, house, "Reed", 0, 8, end=TODAY + WEEK)
    install_device(session, SCOPE, house.devices["Reed1"], house.rack.id, u_low=0, at=NOW)
    ends = dt.datetime.combine(TODAY + WEEK, dt.time(), dt.UTC)
    with pytest.raises(ConflictError, match="allocated to Reed"):
        hold(session, house, start=ends - 2 * DAY, until=ends + WEEK)
    hold(session, house, start=ends, until=ends + WEEK)
    # Until then Reed goes on using the space; nobody else does.
    install_device(session, SCOPE, house.devices["Reed2"], house.rack.id, u_low=4, at=NOW)
    with pytest.raises(ConflictError, match=r"held for Fern by sales from .* until"):
        sell(session, house, "Moss", 0, 8, start=TODAY + WEEK)


def test_a_future_hold_refuses_who_has_no_claim_of_their_own(
    session: Session, house: House
) -> None:
    hold(session, house, start=NOW + WEEK, until=NOW + 2 * WEEK)
    with pytest.raises(ConflictError, match="held for Fern by sales from"):
        install_device(session, SCOPE, house.devices["Moss1"], house.rack.id, u_low=0, at=NOW)
    # A sale that ends before the hold begins is none of its business.
    sell(session, house, "Moss", 0, 8, end=TODAY + WEEK)
    install_device(session, SCOPE, house.devices["Moss1"], house.rack.id, u_low=0, at=NOW)


def test_an_extension_has_a_reason_and_stops_at_the_next_sale(
    session: Session, house: House
) -> None:
    held = hold(session, house)
    sell_from = TODAY + 3 * WEEK
    # Sold behind the hold's back, as an import of old data would.
    session.add(
        Allocation(
            customer_id=house.items["Reed"].customer_id, contract_item_id=house.items["Reed"].id,
            rack_id=house.rack.id, u_low=0, height=8, turn="current", starts_on=sell_from,
            slots=[AllocationSlot(u=u) for u in range(8)],
        )
    )  # fmt: skip
    session.flush()
    with pytest.raises(InvalidError, match="Say why"):
        extend_hold(session, SCOPE, held, NOW + 2 * WEEK, reason=" ", now=NOW)
    with pytest.raises(InvalidError, match="after the present one"):
        extend_hold(session, SCOPE, held, NOW + WEEK, reason="waiting for signature", now=NOW)
    extend_hold(session, SCOPE, held, NOW + 2 * WEEK, reason="waiting for signature", now=NOW)
    assert held.extensions == 1
    assert last_entry(session).detail["reason"] == "waiting for signature"
    with pytest.raises(ConflictError, match="allocated to Reed"):
        extend_hold(session, SCOPE, held, NOW + 4 * WEEK, reason="still waiting", now=NOW)
    with pytest.raises(ConflictError, match="expired at"):
        extend_hold(session, SCOPE, held, NOW + 9 * WEEK, reason="late", now=NOW + 3 * WEEK)


def test_a_hold_is_converted_once(session: Session, house: House) -> None:
    held = hold(session, house)
    made = convert_hold(session, SCOPE, held, house.items["Moss"], starts_on=TODAY, now=NOW)
    assert (made.u_low, made.height) == (0, 8)
    assert last_entry(session).detail["prospect"] == "Fern"
    assert session.scalar(select(func.count()).select_from(Hold)) == 0


def test_a_hold_that_another_released_is_told_to_be_gone(session: Session, house: House) -> None:
    made = hold(session, house, 20)
    session.execute(delete(Hold).where(Hold.id == made.id), execution_options=UNNOTICED)
    with pytest.raises(ConflictError, match="deleted this just now"):
        release_hold(session, SCOPE, made)


def test_a_barred_unit_takes_nothing_whatever_the_reason(session: Session, house: House) -> None:
    barred = bar_space(session, SCOPE, house.rack.id, u_low=4, height=4, reason="bent rail")
    device = house.devices["Reed1"]
    for override in ("", "I must"):
        with pytest.raises(ConflictError, match=r"A-01 U3–4 is blocked until .* bent rail"):
            install_device(
                session, SCOPE, device, house.rack.id, u_low=6, at=NOW, override=override
            )
    with pytest.raises(ConflictError, match="bent rail"):
        sell(session, house, "Reed", 0, 8)
    with pytest.raises(ConflictError, match="bent rail"):
        hold(session, house)
    # A whole rack is sold as it is.
    sell(session, house, "Reed", 0, 40)
    unbar_space(session, SCOPE, barred)
    install_device(session, SCOPE, device, house.rack.id, u_low=6, at=NOW)
    assert last_entry(session).action == "device.install"


def test_what_is_used_is_not_barred(session: Session, house: House) -> None:
    install_device(session, SCOPE, house.devices["Reed1"], house.rack.id, u_low=0, at=NOW)
    sell(session, house, "Moss", 10, 4)
    for u_low, who in ((2, "Reed1"), (12, "Moss")):
        with pytest.raises(ConflictError, match=who):
            bar_space(session, SCOPE, house.rack.id, u_low=u_low, height=2, reason="pipe")
    # Behind a shallow device the rear is free to be barred, and refuses a deep one.
    shallow = house.devices["shallow"]
    install_device(session, SCOPE, shallow, house.rack.id, u_low=20, at=NOW)
    bar_space(session, SCOPE, house.rack.id, u_low=20, height=4, face="rear", reason="cables")
    assert session.scalar(
        select(func.count()).where(InstallationSlot.barred_id.is_not(None))
    ) == 8  # fmt: skip
    with pytest.raises(InvalidError):
        bar_space(session, SCOPE, house.rack.id, u_low=30, height=2, face="rear",
                  kind="absent", reason="shelf")  # fmt: skip


def test_an_area_takes_every_rack_or_none(session: Session, house: House) -> None:
    room = house.rack.cabinet.row.room
    item = house.items["Reed"]
    sold = sell(session, house, "Moss", 0, 4)
    with pytest.raises(ConflictError, match="allocated to Moss"):
        allocate_area(session, SCOPE, item, "room", room.id, starts_on=TODAY, now=NOW)
    session.rollback()
    assert session.get(Allocation, sold.id) is None


def test_racks_that_come_into_a_sold_area_are_sold(session: Session, house: House) -> None:
    row = house.rack.cabinet.row
    cage = Cage(room_id=row.room_id, code="G1", name="Cage 1")
    session.add(cage)
    session.flush()
    house.rack.cabinet.cage_id = cage.id
    session.flush()
    claim = allocate_area(
        session, SCOPE, house.items["Reed"], "cage", cage.id, starts_on=TODAY, now=NOW
    )
    assert last_entry(session).detail["racks"] == ["A-01"]
    with pytest.raises(ConflictError, match=r"M1/G1 is sold to Reed .* without an end"):
        allocate_area(
            session, SCOPE, house.items["Moss"], "room", row.room_id, starts_on=TODAY, now=NOW
        )
    added = create_cabinet(
        session, SCOPE, {"row_id": row.id, "code": "A-03", "cage_id": cage.id, "layout": "halves"}
    )
    allocations = session.scalars(
        select(Allocation).where(Allocation.area_claim_id == claim.id)
    ).all()
    assert len(allocations) == 3
    assert {one.rack_id for one in allocations} == {house.rack.id, *(r.id for r in added.racks)}
    with pytest.raises(ConflictError, match="sold as part of an area"):
        end_allocation(session, SCOPE, allocations[0], TODAY + WEEK, now=NOW)
    end_area(session, SCOPE, claim, TODAY + WEEK, now=NOW)
    assert {one.ends_on for one in allocations} == {TODAY + WEEK}
    following = allocate_area(
        session, SCOPE, house.items["Moss"], "cage", cage.id, starts_on=TODAY + WEEK, now=NOW
    )
    assert following.turn == "next"
    cancel_area(session, SCOPE, following, now=NOW)
    end_area(session, SCOPE, claim, TODAY + WEEK, now=NOW)
    assert session.scalar(select(func.count()).select_from(Allocation)) == 3


def test_a_customer_sells_nothing(session: Session, house: House) -> None:
    scope = Scope.customer("reed", house.items["Reed"].customer_id)
    item, rack = house.items["Reed"], house.rack
    sold = sell(session, house, "Reed", 0, 4)
    held = hold(session, house, 20)
    for forbidden in (
        lambda: allocate_space(
            session, scope, item, rack.id, u_low=8, height=2, starts_on=TODAY, now=NOW
        ),
        lambda: end_allocation(session, scope, sold, TODAY, now=NOW),
        lambda: cancel_allocation(session, scope, sold, now=NOW),
        lambda: allocate_area(session, scope, item, "rack", rack.id, starts_on=TODAY, now=NOW),
        lambda: extend_hold(session, scope, held, NOW + 2 * WEEK, reason="mine", now=NOW),
        lambda: release_hold(session, scope, held),
        lambda: bar_space(session, scope, rack.id, u_low=30, height=2, reason="mine"),
    ):
        with pytest.raises(ForbiddenError):
            forbidden()
