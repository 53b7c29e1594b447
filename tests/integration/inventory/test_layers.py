"""Whatever is done in whatever order, the layers never overlap, and every refusal names someone."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.db import ScopedSession, SessionFactory
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import (
    Allocation,
    AllocationSlot,
    BarredSpace,
    Device,
    Hold,
    HoldSlot,
    Installation,
    InstallationSlot,
)
from dcim.inventory.space.allocating import allocate_space, cancel_allocation, end_allocation
from dcim.inventory.space.barring import bar_space, unbar_space
from dcim.inventory.space.holding import extend_hold, hold_space, release_hold
from dcim.inventory.space.placement import install_device, move_device, remove_device
from tests.integration.inventory.house import NOW, SCOPE, TODAY, House, build_house

U = 6
DAY = dt.timedelta(days=1)
NAMES = ("Reed1", "Reed2", "Moss1", "Moss2", "shallow", "narrow1", "narrow2")
WHO = (*NAMES, "Reed", "Moss", "Fern", "pipe", "is not installed", "is installed already",
       "began on", "ended on", "expired at")  # fmt: skip

u_lows = st.integers(0, 2 * U - 1)
heights = st.integers(1, 6)
days = st.integers(-2, 6)
operations = st.one_of(
    st.tuples(st.just("install"), st.sampled_from(NAMES), u_lows,
              st.sampled_from([None, "front", "rear"]), st.sampled_from([None, "left", "right"])),
    st.tuples(st.just("move"), st.sampled_from(NAMES), u_lows),
    st.tuples(st.just("remove"), st.sampled_from(NAMES)),
    st.tuples(st.just("allocate"), st.sampled_from(["Reed", "Moss"]), u_lows, heights, days,
              st.none() | days),
    st.tuples(st.just("hold"), u_lows, heights, days, days),
    st.tuples(st.just("bar"), u_lows, heights, st.sampled_from(["full", "front", "rear"])),
    st.tuples(st.sampled_from(["unbar", "release", "cancel"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["end", "extend"]), st.integers(0, 9), days),
)  # fmt: skip


@pytest.fixture
def world(sessions: SessionFactory) -> Iterator[tuple[ScopedSession, House]]:
    with sessions() as session:
        session.use_scope(SCOPE)
        house = build_house(session)
        house.rack.u_count = U
        session.commit()
        yield session, house
        session.rollback()


def attempt(session: Session, house: House, operation: tuple[Any, ...]) -> str:
    """What a refused operation said; "" for one that was done or made no sense."""
    said = ""
    try:
        with session.begin_nested():
            act(session, house, operation)
    except ConflictError as conflict:
        said = str(conflict)
    except InvalidError:
        pass
    else:
        return said
    session.expire_all()
    return said


def act(session: Session, house: House, operation: tuple[Any, ...]) -> None:  # noqa: PLR0912
    rack = house.rack.id
    match operation:
        case ("install", name, u_low, face, side):
            device = house.devices[name]
            install_device(session, SCOPE, device, rack, u_low=u_low, face=face, side=side, at=NOW)
        case ("move", name, u_low):
            at = house.devices[name].installation
            move_device(
                session, SCOPE, house.devices[name], rack, u_low=u_low,
                face=at.face if at else None, side=at.side if at else None,
            )  # fmt: skip
        case ("remove", name):
            remove_device(session, SCOPE, house.devices[name])
        case ("allocate", name, u_low, height, start, end):
            allocate_space(
                session, SCOPE, house.items[name], rack, u_low=u_low, height=height,
                starts_on=TODAY + start * DAY, ends_on=None if end is None else TODAY + end * DAY,
                now=NOW,
            )  # fmt: skip
        case ("hold", u_low, height, start, end):
            hold_space(
                session, SCOPE, rack, prospect="Fern", u_low=u_low, height=height,
                starts_at=NOW + start * DAY, expires_at=NOW + end * DAY, now=NOW,
            )  # fmt: skip
        case ("bar", u_low, height, face):
            bar_space(session, SCOPE, rack, u_low=u_low, height=height, face=face, reason="pipe")
        case ("unbar", number):
            if found := pick(session, BarredSpace, number):
                unbar_space(session, SCOPE, found)
        case ("release", number):
            if found := pick(session, Hold, number):
                release_hold(session, SCOPE, found)
        case ("cancel", number):
            if found := pick(session, Allocation, number):
                cancel_allocation(session, SCOPE, found, now=NOW)
        case ("end", number, day):
            if found := pick(session, Allocation, number):
                end_allocation(session, SCOPE, found, TODAY + day * DAY, now=NOW)
        case ("extend", number, day):
            if found := pick(session, Hold, number):
                extend_hold(session, SCOPE, found, NOW + day * DAY, reason="more", now=NOW)


def pick(session: Session, model: Any, number: int) -> Any:
    found = session.scalars(select(model).order_by(model.id)).all()
    return found[number % len(found)] if found else None


@given(st.lists(operations, min_size=4, max_size=14))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_layers_never_overlap_whatever_is_done(
    world: tuple[ScopedSession, House], done: list[tuple[Any, ...]]
) -> None:
    session, house = world
    try:
        for operation in done:
            refusal = attempt(session, house, operation)
            assert not refusal or any(name in refusal for name in WHO), refusal
            check_layers(session)
    finally:
        session.rollback()
        session.expire_all()


def check_layers(session: Session) -> None:
    """From the rows of the things themselves, not from their slots."""
    taken: dict[tuple[int, str, str], str] = {}
    standing = session.execute(
        select(Installation, Device.name).join(Device, Device.id == Installation.device_id)
    ).all()
    bars = session.scalars(select(BarredSpace)).all()
    things: list[tuple[Any, str]] = [(one, name) for one, name in standing]
    things += [(bar, "bar") for bar in bars]
    for thing, name in things:
        faces = ("front", "rear") if thing.face == "full" else (thing.face,)
        side = getattr(thing, "side", "full")
        sides = ("left", "right") if side == "full" else (side,)
        for cell in (
            (u, face, one)
            for u in range(thing.u_low, thing.u_low + thing.height)
            for face in faces
            for one in sides
        ):
            assert cell[0] < 2 * U
            assert taken.setdefault(cell, name) is name, f"{name} and {taken[cell]} in {cell}"
    slots = session.execute(
        select(InstallationSlot.u, InstallationSlot.face, InstallationSlot.side)
    ).all()
    assert {tuple(slot) for slot in slots} == set(taken)
    check_allocations(session)
    check_holds(session, bars)


def check_allocations(session: Session) -> None:
    sold = session.scalars(select(Allocation).order_by(Allocation.id)).all()
    live = [one for one in sold if one.ends_on is None or one.ends_on > TODAY]
    for index, one in enumerate(live):
        rows = session.scalars(
            select(AllocationSlot.u).where(AllocationSlot.allocation_id == one.id)
        ).all()
        assert sorted(rows) == list(range(one.u_low, one.u_low + one.height))
        for other in live[index + 1 :]:
            apart = one.u_low + one.height <= other.u_low or other.u_low + other.height <= one.u_low
            before = one.ends_on is not None and one.ends_on <= other.starts_on
            after = other.ends_on is not None and other.ends_on <= one.starts_on
            assert apart or before or after, (one.id, other.id)


def check_holds(session: Session, bars: Any) -> None:
    live = [one for one in session.scalars(select(Hold)) if one.expires_at > NOW]
    units: set[int] = set()
    for one in live:
        here = set(range(one.u_low, one.u_low + one.height))
        assert not units & here
        units |= here
        rows = session.scalars(select(HoldSlot.u).where(HoldSlot.hold_id == one.id)).all()
        assert set(rows) == here
        if one.height < 2 * U:
            assert all(not here & set(range(b.u_low, b.u_low + b.height)) for b in bars)
