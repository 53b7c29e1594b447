"""Reading planned maintenance through a scope."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import NotFoundError
from dcim.inventory.models import Room
from dcim.inventory.space.reach import select_allocated_racks, select_reached_rooms
from dcim.network.models import Port, ServiceMembership
from dcim.operations.models import (
    Maintenance,
    MaintenanceNotice,
    MaintenanceTarget,
    ServiceOrder,
)
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page
from dcim.power.models import PowerNode


@dataclass(frozen=True, slots=True)
class NoticeRow:
    maintenance_id: int
    customer_id: int
    customer_code: str
    sent_at: dt.datetime
    channel: str
    recipient: str


@dataclass(frozen=True, slots=True)
class TargetRow:
    """Exactly one of the three ids; `name` is the power node's code, port's or room's name."""

    maintenance_id: int
    power_node_id: int | None
    port_id: int | None
    room_id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class MaintenanceRow:
    """[starts_at, ends_at). Targets and who approved are for staff."""

    id: int
    code: str
    title: str
    title_en: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    announced_at: dt.datetime
    approved_by: str | None
    targets: list[TargetRow]
    notices: list[NoticeRow]


def list_maintenance(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    maintenance_id: int | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Page[MaintenanceRow]:
    """Latest first. A customer sees what it was told of and what touches its racks, ports, rooms.

    `since`, `until`: those with some part in [since, until).
    """
    statement = select(
        Maintenance.id,
        Maintenance.code,
        Maintenance.title,
        Maintenance.title_en,
        Maintenance.starts_at,
        Maintenance.ends_at,
        Maintenance.announced_at,
        Maintenance.approved_by,
    ).order_by(Maintenance.starts_at.desc(), Maintenance.id.desc())
    if not scope.is_staff:
        told = select(MaintenanceNotice.maintenance_id).where(
            scope.filter(MaintenanceNotice.customer_id)
        )
        statement = statement.where(
            or_(Maintenance.id.in_(told), Maintenance.id.in_(_select_touching(scope)))
        )
    if maintenance_id is not None:
        statement = statement.where(Maintenance.id == maintenance_id)
    if since is not None:
        statement = statement.where(Maintenance.ends_at > since)
    if until is not None:
        statement = statement.where(Maintenance.starts_at < until)
    found = fetch_page(session, _bare_maintenance, statement, paging)
    ids = [one.id for one in found.items]
    notices: dict[int, list[NoticeRow]] = {}
    for notice in _load_notices(session, scope, ids):
        notices.setdefault(notice.maintenance_id, []).append(notice)
    targets: dict[int, list[TargetRow]] = {}
    if scope.is_staff:
        for target in _load_targets(session, ids):
            targets.setdefault(target.maintenance_id, []).append(target)
    return found.replace(
        [
            replace(
                one,
                notices=notices.get(one.id, []),
                targets=targets.get(one.id, []),
                approved_by=one.approved_by if scope.is_staff else None,
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
    return MaintenanceRow(targets=[], notices=[], **fields)


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


def _load_notices(session: Session, scope: Scope, ids: list[int]) -> list[NoticeRow]:
    statement = (
        select(
            MaintenanceNotice.maintenance_id,
            MaintenanceNotice.customer_id,
            Customer.code.label("customer_code"),
            MaintenanceNotice.sent_at,
            MaintenanceNotice.channel,
            MaintenanceNotice.recipient,
        )
        .join(Customer, Customer.id == MaintenanceNotice.customer_id)
        .where(
            MaintenanceNotice.maintenance_id.in_(ids),
            scope.filter(MaintenanceNotice.customer_id),
        )
        .order_by(MaintenanceNotice.sent_at, MaintenanceNotice.id)
    )
    return [NoticeRow(**row._mapping) for row in session.execute(statement)]


def _load_targets(session: Session, ids: list[int]) -> list[TargetRow]:
    statement = (
        select(
            MaintenanceTarget.maintenance_id,
            MaintenanceTarget.power_node_id,
            MaintenanceTarget.port_id,
            MaintenanceTarget.room_id,
            PowerNode.code.label("node"),
            Port.name.label("port"),
            Room.name.label("room"),
        )
        .outerjoin(PowerNode, PowerNode.id == MaintenanceTarget.power_node_id)
        .outerjoin(Port, Port.id == MaintenanceTarget.port_id)
        .outerjoin(Room, Room.id == MaintenanceTarget.room_id)
        .where(MaintenanceTarget.maintenance_id.in_(ids))
        .order_by(MaintenanceTarget.id)
    )
    return [
        TargetRow(mid, node_id, port_id, room_id, str(node or port or room))
        for mid, node_id, port_id, room_id, node, port, room in session.execute(statement)
    ]
