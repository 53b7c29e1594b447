"""Passes as rows: lists, one with its lines, what a new one can name."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import NotFoundError
from dcim.inventory.devices.lifecycle import GONE
from dcim.inventory.devices.models import EquipmentPass, EquipmentPassLine
from dcim.inventory.models import Allocation, Cabinet, Device, Rack, Room, Row, Site
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page


@dataclass(frozen=True, slots=True)
class PassRow:
    id: int
    number: str
    direction: str
    state: str
    site_id: int
    site_code: str
    site_name: str
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    bearer: str
    bearer_document_hint: str
    planned_on: dt.date
    lines: int
    note: str
    requested_by: str
    requested_at: dt.datetime
    decided_by: str
    decided_at: dt.datetime | None
    decision: str
    checked_by: str
    checked_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class PassLineRow:
    """`counted` is how many the gate saw; none before it looked."""

    id: int
    kind: str
    device_id: int | None
    device_state: str | None
    description: str
    serial: str
    quantity: int
    counted: int | None


@dataclass(frozen=True, slots=True)
class PassFilter:
    """`text` is looked for in number and bearer."""

    states: tuple[str, ...] = ()
    direction: str | None = None
    customer_id: int | None = None
    site_id: int | None = None
    text: str = ""


def list_passes(
    session: Session,
    scope: Scope,
    wanted: PassFilter = PassFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[PassRow]:
    """Newest first; a customer's own alone. Two statements however many there are."""
    conditions: list[Any] = []
    if wanted.states:
        conditions.append(EquipmentPass.state.in_(wanted.states))
    for column, value in (
        (EquipmentPass.direction, wanted.direction),
        (EquipmentPass.customer_id, wanted.customer_id),
        (EquipmentPass.site_id, wanted.site_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.text:
        conditions.append(
            EquipmentPass.number.icontains(wanted.text, autoescape=True)
            | EquipmentPass.bearer.icontains(wanted.text, autoescape=True)
        )
    statement = _select_passes(scope).where(*conditions).order_by(EquipmentPass.id.desc())
    return fetch_page(session, PassRow, statement, paging)


def find_pass_row(session: Session, scope: Scope, pass_id: int) -> PassRow:
    """Raises NotFoundError for an absent pass and for another's alike."""
    found = session.execute(_select_passes(scope).where(EquipmentPass.id == pass_id)).one_or_none()
    if found is None:
        raise NotFoundError("There is no such pass.")
    return PassRow(**found._mapping)


def list_pass_lines(session: Session, scope: Scope, pass_id: int) -> list[PassLineRow]:
    rows = session.execute(
        select(
            EquipmentPassLine.id,
            EquipmentPassLine.kind,
            EquipmentPassLine.device_id,
            Device.state.label("device_state"),
            EquipmentPassLine.description,
            EquipmentPassLine.serial,
            EquipmentPassLine.quantity,
            EquipmentPassLine.counted,
        )
        .outerjoin(Device, Device.id == EquipmentPassLine.device_id)
        .where(EquipmentPassLine.pass_id == pass_id, scope.filter(EquipmentPassLine.customer_id))
        .order_by(EquipmentPassLine.id)
    )
    return [PassLineRow(**row._mapping) for row in rows]


def find_device_ids(session: Session, scope: Scope, names: Sequence[str]) -> dict[str, int]:
    """Ids of devices by name, of those in reach."""
    rows = session.execute(
        select(Device.name, Device.id).where(
            Device.name.in_(names), scope.filter(Device.customer_id)
        )
    )
    return {row.name: row.id for row in rows}


def suggest_own_devices(session: Session, scope: Scope, limit: int = 200) -> list[tuple[str, str]]:
    """(name, serial) of devices that are in the house or on their way to it."""
    rows = session.execute(
        select(Device.name, Device.serial)
        .where(scope.filter(Device.customer_id), Device.state.not_in(GONE))
        .order_by(Device.name)
        .limit(limit)
    )
    return [(row.name, row.serial or "") for row in rows]


def list_pass_sites(session: Session, scope: Scope) -> list[Site]:
    """Where a pass can be for: a customer's are the sites it has, or had, space in."""
    statement = select(Site).order_by(Site.code)
    if not scope.is_staff:
        own = (
            select(Room.site_id)
            .join(Row, Row.room_id == Room.id)
            .join(Cabinet, Cabinet.row_id == Row.id)
            .join(Rack, Rack.cabinet_id == Cabinet.id)
            .join(Allocation, Allocation.rack_id == Rack.id)
            .where(scope.filter(Allocation.customer_id))
        )
        statement = statement.where(Site.id.in_(own))
    return list(session.scalars(statement))


def _select_passes(scope: Scope) -> Query:
    lines = (
        select(func.count(EquipmentPassLine.id))
        .where(EquipmentPassLine.pass_id == EquipmentPass.id)
        .correlate(EquipmentPass)
        .scalar_subquery()
    )
    return (
        select(
            EquipmentPass.id,
            EquipmentPass.number,
            EquipmentPass.direction,
            EquipmentPass.state,
            EquipmentPass.site_id,
            Site.code.label("site_code"),
            Site.name.label("site_name"),
            EquipmentPass.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            EquipmentPass.bearer,
            EquipmentPass.bearer_document_hint,
            EquipmentPass.planned_on,
            lines.label("lines"),
            EquipmentPass.note,
            EquipmentPass.requested_by,
            EquipmentPass.requested_at,
            EquipmentPass.decided_by,
            EquipmentPass.decided_at,
            EquipmentPass.decision,
            EquipmentPass.checked_by,
            EquipmentPass.checked_at,
        )
        .join(Site, Site.id == EquipmentPass.site_id)
        .outerjoin(Customer, Customer.id == EquipmentPass.customer_id)
        .where(scope.filter(EquipmentPass.customer_id))
    )
