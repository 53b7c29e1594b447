"""Selling a whole room, cage, cabinet or rack: one claim, every rack in it, all or nothing."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.errors import ConflictError, InvalidError, NotFoundError
from dcim.inventory.models import Allocation, Cabinet, Cage, Device, Rack, Room, Row, Site
from dcim.inventory.space.allocating import claim_space, find_own_devices, settle_end
from dcim.inventory.space.claims import AreaClaim
from dcim.inventory.space.item_days import check_later_end, check_sale_days
from dcim.inventory.space.occupancy import (
    Space,
    lock_rack,
    lock_racks,
    lock_room,
    read_again,
    require_staff,
    whole_rack,
)
from dcim.inventory.space.turns import settle_turns
from dcim.paging import Query


@dataclass(frozen=True, slots=True)
class Area:
    """A thing that can be sold whole; `path` is how people name it: "M1/A/A-01"."""

    extent: str
    id: int
    room_id: int
    path: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class EndedArea:
    """`standing`: the customer's devices in it that have to come out."""

    claim: AreaClaim
    standing: Sequence[Device]


# By extent: what an area is called, what leads from the room to it, its id.
_PATHS: dict[str, tuple[Any, tuple[Any, ...], Any]] = {
    "room": (Room.code, (), Room.id),
    "cage": (Room.code + "/" + Cage.code, ((Cage, Cage.room_id == Room.id),), Cage.id),
    "cabinet": (
        Room.code + "/" + Row.code + "/" + Cabinet.code,
        ((Row, Row.room_id == Room.id), (Cabinet, Cabinet.row_id == Row.id)),
        Cabinet.id,
    ),
    "rack": (
        Room.code + "/" + Row.code + "/" + Rack.code,
        (
            (Row, Row.room_id == Room.id),
            (Cabinet, Cabinet.row_id == Row.id),
            (Rack, Rack.cabinet_id == Cabinet.id),
        ),
        Rack.id,
    ),
}


def select_path(extent: str, area_id: Any) -> Any:
    """What an area is called, as a part of a statement that has its id."""
    path, joins, column = _PATHS[extent]
    statement = select(path).select_from(Room)
    for table, condition in joins:
        statement = statement.join(table, condition)
    return statement.where(column == area_id).scalar_subquery()


def find_area(session: Session, extent: str, area_id: int) -> Area:
    """Raises NotFoundError, and InvalidError for what is no extent."""
    if extent not in _PATHS:
        raise InvalidError("A room, cage, cabinet or rack.", {"extent": ["unknown"]})
    path, joins, column = _PATHS[extent]
    statement: Query = select(Room.id, path, Site.timezone).join(Site, Site.id == Room.site_id)
    for table, condition in joins:
        statement = statement.join(table, condition)
    found = session.execute(statement.where(column == area_id)).one_or_none()
    if found is None:
        raise NotFoundError("There is no such area.")
    return Area(extent, area_id, found[0], found[1], ZoneInfo(found[2]))


def select_racks(extent: str, area_id: int) -> Query:
    """Ids of the racks in an area."""
    statement = select(Rack.id)
    if extent == "rack":
        return statement.where(Rack.id == area_id)
    statement = statement.join(Cabinet, Cabinet.id == Rack.cabinet_id)
    if extent == "cabinet":
        return statement.where(Cabinet.id == area_id)
    if extent == "cage":
        return statement.where(Cabinet.cage_id == area_id)
    return statement.join(Row, Row.id == Cabinet.row_id).where(Row.room_id == area_id)


def allocate_area(
    session: Session,
    scope: Scope,
    item: ContractItem,
    extent: str,
    area_id: int,
    *,
    starts_on: dt.date,
    ends_on: dt.date | None = None,
    now: dt.datetime | None = None,
) -> AreaClaim:
    """Give a whole area to a contract item: each rack in it, and each that comes into it later.

    One that can't be given refuses the whole sale. Raises ConflictError naming who has what,
    InvalidError, NotFoundError, ForbiddenError.
    """
    require_staff(scope)
    moment = now or utc_now()
    area = find_area(session, extent, area_id)
    lock_room(session, area.room_id)
    if ends_on is not None and ends_on <= starts_on:
        raise InvalidError("The end must come after the start.", {"ends_on": ["too early"]})
    racks = lock_racks(session, session.scalars(select_racks(extent, area_id)))
    check_sale_days(session, scope, item.id, starts_on, ends_on)
    today = moment.astimezone(area.zone).date()
    turn = _find_claim_turn(session, area, starts_on, ends_on, today)
    claim = AreaClaim(
        customer_id=item.customer_id,
        contract_item_id=item.id,
        extent=extent,
        turn=turn,
        starts_on=starts_on,
        ends_on=ends_on,
        **{f"{extent}_id": area_id},
    )
    session.add(claim)
    session.flush()
    for rack in racks.values():
        _claim_rack(session, rack, claim, item, moment)
    record(
        session,
        scope,
        "area.allocate",
        f"area-claim/{claim.id}",
        customer_id=item.customer_id,
        extent=extent,
        area=area.path,
        item=item.code,
        racks=[rack.code for rack in racks.values()],
        starts_on=starts_on.isoformat(),
        ends_on=ends_on.isoformat() if ends_on else None,
    )
    return claim


def end_area(
    session: Session,
    scope: Scope,
    claim: AreaClaim,
    ends_on: dt.date | None,
    *,
    now: dt.datetime | None = None,
) -> EndedArea:
    """Let the sale of an area end on a day, with every rack in it. Raises as `end_allocation`."""
    require_staff(scope)
    moment = now or utc_now()
    area = area_of(session, claim)
    lock_room(session, area.room_id)
    read_again(session, claim)
    if claim.turn == "over":
        raise ConflictError(
            "This allocation has ended on %(day)s already.",
            day=claim.ends_on.isoformat() if claim.ends_on else "",
        )
    before, today = claim.ends_on, moment.astimezone(area.zone).date()
    _refuse_overlap(session, area, claim.starts_on, ends_on, besides=claim.id)
    allocations = _open_allocations(session, claim)
    racks = lock_racks(session, [one.rack_id for one in allocations])
    check_later_end(session, scope, claim.contract_item_id, before, ends_on)
    standing: list[Device] = []
    for allocation in allocations:
        settle_end(session, racks[allocation.rack_id], allocation, ends_on, moment)
        standing += find_own_devices(session, allocation)
    if ends_on is not None and (ends_on < today or ends_on <= claim.starts_on):
        raise InvalidError("The end can't be in the past.", {"ends_on": ["past"]})
    claim.ends_on = ends_on
    if ends_on is not None and ends_on <= today:
        claim.turn = "over"
    session.flush()
    record(
        session,
        scope,
        "area.end",
        f"area-claim/{claim.id}",
        customer_id=claim.customer_id,
        extent=claim.extent,
        area=area.path,
        before=before.isoformat() if before else None,
        ends_on=ends_on.isoformat() if ends_on else None,
        standing=[device.name for device in standing],
    )
    return EndedArea(claim, standing)


def cancel_area(
    session: Session, scope: Scope, claim: AreaClaim, *, now: dt.datetime | None = None
) -> None:
    """Take back the sale of an area that has not begun. Raises ConflictError for one that has."""
    require_staff(scope)
    area = area_of(session, claim)
    lock_room(session, area.room_id)
    read_again(session, claim)
    today = (now or utc_now()).astimezone(area.zone).date()
    if claim.starts_on <= today:
        raise ConflictError(
            "This allocation began on %(day)s; let it end instead.",
            day=claim.starts_on.isoformat(),
        )
    claim_id, allocations = claim.id, _open_allocations(session, claim)
    racks = lock_racks(session, [one.rack_id for one in allocations])
    for allocation in allocations:
        rack, space = racks[allocation.rack_id], Space(allocation.u_low, allocation.height)
        session.delete(allocation)
        session.flush()
        settle_turns(session, rack, space, today)
    session.expire(claim, ["allocations"])
    session.delete(claim)
    session.flush()
    record(
        session,
        scope,
        "area.cancel",
        f"area-claim/{claim_id}",
        customer_id=claim.customer_id,
        area=area.path,
        starts_on=claim.starts_on.isoformat(),
    )


def claim_new_rack(session: Session, rack_id: int, *, now: dt.datetime | None = None) -> None:
    """Give a rack that came into a sold area to who bought the area; the room is locked.

    Raises ConflictError when it is somebody else's already.
    """
    area = find_area(session, "rack", rack_id)
    rack = lock_rack(session, rack_id)
    moment = now or utc_now()
    for claim in find_claims_around(session, area, now=moment):
        item = session.get_one(ContractItem, claim.contract_item_id)
        here = select(Allocation.id).where(
            Allocation.rack_id == rack_id, Allocation.area_claim_id == claim.id
        )
        if session.scalar(here) is None:
            _claim_rack(session, rack, claim, item, moment)


def refuse_claimed(session: Session, area: Area, claim: AreaClaim) -> ConflictError:
    name = session.scalar(select(Customer.name).where(Customer.id == claim.customer_id))
    whole = area_of(session, claim)
    until = claim.ends_on.isoformat() if claim.ends_on else None
    places = {"area": whole.path, "customer": name, "from_day": claim.starts_on.isoformat()}
    if until is None:
        return ConflictError(
            "%(area)s is sold to %(customer)s from %(from_day)s, without an end.", **places
        )
    return ConflictError(
        "%(area)s is sold to %(customer)s from %(from_day)s until %(until)s.",
        **places,
        until=until,
    )


def area_of(session: Session, claim: AreaClaim) -> Area:
    area_id = getattr(claim, f"{claim.extent}_id")
    return find_area(session, claim.extent, area_id)


def find_claim(session: Session, claim_id: int) -> AreaClaim:
    found = session.get(AreaClaim, claim_id)
    if found is None:
        raise NotFoundError("No such allocation.")
    return found


def find_running_claims(session: Session, area: Area) -> Sequence[AreaClaim]:
    """Claims of this very area that are not over, who is first in line first."""
    column = getattr(AreaClaim, f"{area.extent}_id")
    return session.scalars(
        select(AreaClaim)
        .where(column == area.id, AreaClaim.turn != "over")
        .order_by(AreaClaim.starts_on)
    ).all()


def _claim_rack(
    session: Session, rack: Rack, claim: AreaClaim, item: ContractItem, now: dt.datetime
) -> None:
    claim_space(
        session, rack, item, whole_rack(rack),
        starts_on=claim.starts_on, ends_on=claim.ends_on, now=now, area_claim_id=claim.id,
    )  # fmt: skip


def _open_allocations(session: Session, claim: AreaClaim) -> Sequence[Allocation]:
    return session.scalars(
        select(Allocation).where(Allocation.area_claim_id == claim.id).order_by(Allocation.rack_id)
    ).all()


def _find_claim_turn(
    session: Session, area: Area, starts_on: dt.date, ends_on: dt.date | None, today: dt.date
) -> str:
    """As space.turns does for half units: what is over leaves, who is next moves up."""
    for claim in find_running_claims(session, area):
        if claim.ends_on is not None and claim.ends_on <= today:
            claim.turn = "over"
    session.flush()
    _refuse_overlap(session, area, starts_on, ends_on)
    waiting = find_running_claims(session, area)
    if len(waiting) > 1:
        raise refuse_claimed(session, area, waiting[-1])
    if not waiting:
        return "current"
    ours_first = starts_on < waiting[0].starts_on
    waiting[0].turn = "next" if ours_first else "current"
    session.flush()
    return "current" if ours_first else "next"


def _refuse_overlap(
    session: Session,
    area: Area,
    starts_on: dt.date,
    ends_on: dt.date | None,
    *,
    besides: int | None = None,
) -> None:
    """Raise ConflictError for a claim of this area, one around or one inside it at that time."""
    racks = select_racks(area.extent, area.id)
    cabinets = select(Rack.cabinet_id).where(Rack.id.in_(racks))
    inside: list[Any] = [AreaClaim.rack_id.in_(racks)]
    if area.extent != "rack":
        inside.append(AreaClaim.cabinet_id.in_(cabinets))
    if area.extent == "room":
        inside.append(AreaClaim.cage_id.in_(select(Cage.id).where(Cage.room_id == area.id)))
    statement = select(AreaClaim).where(
        or_(*inside, *_around(area)),
        AreaClaim.turn != "over",
        or_(AreaClaim.ends_on.is_(None), AreaClaim.ends_on > starts_on),
        AreaClaim.id != (besides or 0),
    )
    if ends_on is not None:
        statement = statement.where(AreaClaim.starts_on < ends_on)
    found = session.scalars(statement.order_by(AreaClaim.id).limit(1)).first()
    if found is not None:
        raise refuse_claimed(session, area, found)


def find_claims_around(
    session: Session, area: Area, *, now: dt.datetime | None = None
) -> Sequence[AreaClaim]:
    """Claims of the area and of what it stands in that are not over, first in line first."""
    today = (now or utc_now()).astimezone(area.zone).date()
    return session.scalars(
        select(AreaClaim)
        .where(
            or_(*_around(area)),
            AreaClaim.turn != "over",
            or_(AreaClaim.ends_on.is_(None), AreaClaim.ends_on > today),
        )
        .order_by(AreaClaim.starts_on)
    ).all()


def _around(area: Area) -> list[Any]:
    """Conditions for claims of the area itself and of what it stands in."""
    conditions: list[Any] = [
        getattr(AreaClaim, f"{area.extent}_id") == area.id,
        AreaClaim.room_id == area.room_id,
    ]
    cabinets: Query | None = None
    if area.extent == "rack":
        cabinets = select(Rack.cabinet_id).where(Rack.id == area.id)
        conditions.append(AreaClaim.cabinet_id.in_(cabinets))
    if area.extent == "cabinet":
        cabinets = select(Cabinet.id).where(Cabinet.id == area.id)
    if cabinets is not None:
        cages = select(Cabinet.cage_id).where(Cabinet.id.in_(cabinets))
        conditions.append(AreaClaim.cage_id.in_(cages))
    return conditions
