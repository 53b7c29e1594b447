"""Reading planned maintenance through a scope."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import NotFoundError
from dcim.inventory.models import Device, Room
from dcim.inventory.space.reach import select_allocated_racks, select_reached_rooms
from dcim.network.models import Port, ServiceMembership
from dcim.operations.models import (
    Maintenance,
    MaintenanceConsent,
    MaintenanceNotice,
    MaintenanceTarget,
    ServiceOrder,
)
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page
from dcim.power.models import PowerNode


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """[starts_at, ends_at) are the times it told; `sha256` is of its text as sent, "" where only
    the fact is on record. The text comes with one window, not in lists; who sent and who read it
    are for staff."""

    id: int
    maintenance_id: int
    customer_id: int
    customer_code: str
    sent_at: dt.datetime
    channel: str
    recipient: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    sent_by: str | None
    language: str
    text: str | None
    sha256: str
    read_at: dt.datetime | None
    read_by: str | None


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """A customer's last decision; `stands` while the times it was for hold the window's, which may
    have become narrower."""

    maintenance_id: int
    customer_id: int
    customer_code: str
    decision: str
    reason: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    decided_by: str
    decided_at: dt.datetime
    stands: bool


@dataclass(frozen=True, slots=True)
class TargetRow:
    """Exactly one of the three ids; `name` is the power node's or room's code, or "device port"."""

    maintenance_id: int
    power_node_id: int | None
    port_id: int | None
    room_id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class MaintenanceRow:
    """[starts_at, ends_at). Targets, the work plan and who did what are for staff."""

    id: int
    code: str
    title: str
    title_en: str
    kind: str
    risk: str
    reason: str
    reason_en: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    state: str
    after_fact: bool
    announced_at: dt.datetime | None
    begun_at: dt.datetime | None
    over_at: dt.datetime | None
    cancel_reason: str
    work_plan: str | None
    evidence: str | None
    planned_by: str | None
    planned_at: dt.datetime | None
    approved_by: str | None
    approved_at: dt.datetime | None
    targets: list[TargetRow]
    notices: list[NoticeRow]
    consents: list[ConsentRow]


# What customers aren't told.
INTERNAL = ("work_plan", "evidence", "planned_by", "planned_at", "approved_by", "approved_at")
SHOWN = tuple(
    name
    for name in MaintenanceRow.__dataclass_fields__
    if name not in ("targets", "notices", "consents")
)
# Work that comes or is under way.
STANDING_STATES = ("planned", "approved", "announced", "under_way")
# A customer that wasn't told sees a window once it is settled.
SETTLED_STATES = ("approved", "announced", "under_way", "done")


def list_maintenance(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    maintenance_id: int | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    states: Collection[str] = (),
    soonest_first: bool = False,
) -> Page[MaintenanceRow]:
    """Latest first unless asked otherwise. A customer sees what it was told of and, once
    approved, what touches its racks, ports, rooms.

    `since`, `until`: those with some part in [since, until); `states`: in one of these.
    """
    order = (Maintenance.starts_at, Maintenance.id)
    statement = select(*(getattr(Maintenance, name) for name in SHOWN)).order_by(
        *(order if soonest_first else (column.desc() for column in order))
    )
    if not scope.is_staff:
        told = select(MaintenanceNotice.maintenance_id).where(
            scope.filter(MaintenanceNotice.customer_id)
        )
        statement = statement.where(
            or_(
                Maintenance.id.in_(told),
                and_(
                    Maintenance.state.in_(SETTLED_STATES),
                    Maintenance.id.in_(_select_touching(scope)),
                ),
            )
        )
    if maintenance_id is not None:
        statement = statement.where(Maintenance.id == maintenance_id)
    if since is not None:
        statement = statement.where(Maintenance.ends_at > since)
    if until is not None:
        statement = statement.where(Maintenance.starts_at < until)
    if states:
        statement = statement.where(Maintenance.state.in_(states))
    found = fetch_page(session, _bare_maintenance, statement, paging)
    ids = [one.id for one in found.items]
    notices: dict[int, list[NoticeRow]] = {}
    for notice in _load_notices(session, scope, ids, texts=maintenance_id is not None):
        notices.setdefault(notice.maintenance_id, []).append(notice)
    consents: dict[int, list[ConsentRow]] = {}
    for consent in _load_consents(session, scope, ids):
        consents.setdefault(consent.maintenance_id, []).append(consent)
    targets: dict[int, list[TargetRow]] = {}
    if scope.is_staff:
        for target in _load_targets(session, ids):
            targets.setdefault(target.maintenance_id, []).append(target)
    hidden: dict[str, Any] = {} if scope.is_staff else dict.fromkeys(INTERNAL)
    return found.replace(
        [
            replace(
                one,
                notices=notices.get(one.id, []),
                consents=consents.get(one.id, []),
                targets=targets.get(one.id, []),
                **hidden,
            )
            for one in found.items
        ]
    )


def find_maintenance(session: Session, scope: Scope, maintenance_id: int) -> MaintenanceRow:
    """Raises NotFoundError for absent maintenance and for one out of reach alike."""
    found = list_maintenance(session, scope, maintenance_id=maintenance_id).items
    if not found:
        raise NotFoundError("No such maintenance.")
    return found[0]


def list_orders(
    session: Session, scope: Scope, customer_id: int, limit: int = 20
) -> list[ServiceOrder]:
    """A customer's orders, newest first."""
    statement = (
        select(ServiceOrder)
        .where(ServiceOrder.customer_id == customer_id)
        .order_by(ServiceOrder.id.desc())
        .limit(limit)
    )
    return list(session.scalars(scope.apply(statement, ServiceOrder.customer_id)))


def _bare_maintenance(**fields: Any) -> MaintenanceRow:
    return MaintenanceRow(targets=[], notices=[], consents=[], **fields)


def _select_touching(scope: Scope) -> Query:
    """Maintenance on a node at or above the customer's racks, on its ports, in its rooms."""
    above = (
        select(PowerNode.id, PowerNode.parent_id)
        .where(PowerNode.rack_id.in_(select_allocated_racks(scope)))
        .cte("above", recursive=True)
    )
    parent = aliased(PowerNode)
    above = above.union(
        select(parent.id, parent.parent_id).join(above, above.c.parent_id == parent.id)
    )
    ports = select(ServiceMembership.port_id).where(
        scope.filter(ServiceMembership.customer_id),
        or_(
            ServiceMembership.ends_at.is_(None),
            ServiceMembership.ends_at > Maintenance.starts_at,
        ),
        ServiceMembership.starts_at < Maintenance.ends_at,
    )
    return select(MaintenanceTarget.maintenance_id).where(
        MaintenanceTarget.maintenance_id == Maintenance.id,
        or_(
            MaintenanceTarget.power_node_id.in_(select(above.c.id)),
            MaintenanceTarget.port_id.in_(ports.correlate(Maintenance)),
            MaintenanceTarget.room_id.in_(select_reached_rooms(scope)),
        ),
    )


def _load_notices(
    session: Session, scope: Scope, ids: list[int], *, texts: bool
) -> list[NoticeRow]:
    internal = ("sent_by", "read_by")
    left = {"customer_code"} if texts else {"customer_code", "text"}
    names = [name for name in NoticeRow.__dataclass_fields__ if name not in left]
    statement = (
        select(
            *(getattr(MaintenanceNotice, name) for name in names),
            Customer.code.label("customer_code"),
        )
        .join(Customer, Customer.id == MaintenanceNotice.customer_id)
        .where(
            MaintenanceNotice.maintenance_id.in_(ids),
            scope.filter(MaintenanceNotice.customer_id),
        )
        .order_by(MaintenanceNotice.sent_at, MaintenanceNotice.id)
    )
    hidden: dict[str, Any] = {} if scope.is_staff else dict.fromkeys(internal)
    return [
        NoticeRow(**{"text": None, **row._mapping, **hidden}) for row in session.execute(statement)
    ]


def hold_times(consent: Any, starts_at: Any, ends_at: Any) -> Any:
    """Whether a consent was given for times that hold the window's; of a row, or in SQL of the
    model and two columns."""
    return (consent.starts_at <= starts_at) & (consent.ends_at >= ends_at)


def _load_consents(session: Session, scope: Scope, ids: list[int]) -> list[ConsentRow]:
    """Each customer's last decision."""
    own = MaintenanceConsent
    statement = (
        select(
            *(getattr(own, name) for name in ConsentRow.__dataclass_fields__
              if name not in ("customer_code", "stands")),
            Customer.code.label("customer_code"),
            hold_times(own, Maintenance.starts_at, Maintenance.ends_at).label("stands"),
        )
        .join(Customer, Customer.id == own.customer_id)
        .join(Maintenance, Maintenance.id == own.maintenance_id)
        .where(own.maintenance_id.in_(ids), scope.filter(own.customer_id))
        .ext(distinct_on(own.maintenance_id, own.customer_id))
        .order_by(own.maintenance_id, own.customer_id, own.decided_at.desc(), own.id.desc())
    )  # fmt: skip
    return [ConsentRow(**row._mapping) for row in session.execute(statement)]


def _load_targets(session: Session, ids: list[int]) -> list[TargetRow]:
    statement = (
        select(
            MaintenanceTarget.maintenance_id,
            MaintenanceTarget.power_node_id,
            MaintenanceTarget.port_id,
            MaintenanceTarget.room_id,
            PowerNode.code.label("node"),
            Port.name.label("port"),
            Device.name.label("device"),
            Room.code.label("room"),
        )
        .outerjoin(PowerNode, PowerNode.id == MaintenanceTarget.power_node_id)
        .outerjoin(Port, Port.id == MaintenanceTarget.port_id)
        .outerjoin(Device, Device.id == Port.device_id)
        .outerjoin(Room, Room.id == MaintenanceTarget.room_id)
        .where(MaintenanceTarget.maintenance_id.in_(ids))
        .order_by(MaintenanceTarget.id)
    )
    return [
        TargetRow(mid, node_id, port_id, room_id, node or room or f"{device} {port}")
        for mid, node_id, port_id, room_id, node, port, device, room in session.execute(statement)
    ]
