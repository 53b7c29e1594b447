"""What a ticket can concern: a customer's contract items, their racks and ports."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.errors import InvalidError
from dcim.inventory.models import Allocation, Cabinet, Device, Rack
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.operations.models import TicketSubject
from dcim.paging import Query


@dataclass(frozen=True, slots=True)
class TicketSubjectRow:
    """Exactly what it concerns: all of the item, or the rack or port of it that is named.

    `name` is the cabinet's code (with the rack's, where a cabinet has several), or the port's with
    the device's, where the reader may see that.
    """

    contract_item_id: int
    contract_number: str
    item_code: str
    label: str
    label_en: str
    rack_id: int | None
    port_id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class WishedSubjects:
    """Ids of what a ticket concerns; none at all: everything that the customer has."""

    item_ids: tuple[int, ...] = ()
    rack_ids: tuple[int, ...] = ()
    port_ids: tuple[int, ...] = ()


EVERYTHING = WishedSubjects()


def list_possible_subjects(
    session: Session, scope: Scope, customer_id: int, at: dt.datetime
) -> list[TicketSubjectRow]:
    """Items in service at `at`, each followed by its racks and ports. Three statements."""
    items = [
        _part(item, None, None, "") for item in session.execute(_of_items(scope, customer_id, at))
    ]
    parts: dict[int, list[TicketSubjectRow]] = {}
    racks = session.execute(
        _of_items(scope, customer_id, at)
        .add_columns(Rack.id, Rack.code, Cabinet.code, Cabinet.layout)
        .join(Allocation, Allocation.contract_item_id == ContractItem.id)
        .join(Rack, Rack.id == Allocation.rack_id)
        .join(Cabinet, Cabinet.id == Rack.cabinet_id)
        .where(
            scope.filter(Allocation.customer_id),
            Allocation.starts_on <= _day_of(at),
            or_(Allocation.ends_on.is_(None), Allocation.ends_on > _day_of(at)),
        )
        # Two U ranges of one rack are one subject.
        .distinct()
        .order_by(Cabinet.code, Rack.code, Rack.id)
    )
    for found in racks:
        *item, rack_id, rack, cabinet, layout = found
        name = name_rack(cabinet, layout, rack)
        parts.setdefault(item[0], []).append(_part(item, rack_id, None, name))
    ports = session.execute(
        _of_items(scope, customer_id, at)
        .add_columns(Port.id, Device.name, Port.name)
        .join(BandwidthService, BandwidthService.contract_item_id == ContractItem.id)
        .join(ServiceMembership, ServiceMembership.service_id == BandwidthService.id)
        .join(Port, Port.id == ServiceMembership.port_id)
        # The operator's devices are behind the customer's wall.
        .outerjoin(Device, Device.id == Port.device_id)
        .where(
            scope.filter(ServiceMembership.customer_id),
            ServiceMembership.starts_at <= at,
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > at),
        )
        .distinct()
        .order_by(Device.name, Port.name, Port.id)
    )
    for found in ports:
        *item, port_id, device, port = found
        parts.setdefault(item[0], []).append(_part(item, None, port_id, name_port(device, port)))
    return [
        row for item in items for row in (item, *parts.get(item.contract_item_id, ()))
    ]  # fmt: skip


def choose_subjects(
    possible: Sequence[TicketSubjectRow], wanted: WishedSubjects
) -> list[TicketSubjectRow]:
    """The rows that are meant: a rack or port that several items share stands for each of them.

    A part of an item that is named as a whole is in it already. Raises InvalidError for what the
    customer doesn't have at that time.
    """
    chosen = [
        row
        for row in possible
        if row.contract_item_id in wanted.item_ids
        and row.rack_id is None
        and row.port_id is None
    ]  # fmt: skip
    whole = {row.contract_item_id for row in chosen}
    parts = [
        row for row in possible if row.rack_id in wanted.rack_ids or row.port_id in wanted.port_ids
    ]
    unknown = {
        name: sorted(set(ids) - known)
        for name, ids, known in (
            ("item_ids", wanted.item_ids, whole),
            ("rack_ids", wanted.rack_ids, {row.rack_id for row in parts}),
            ("port_ids", wanted.port_ids, {row.port_id for row in parts}),
        )
    }
    if odd := {name: ids for name, ids in unknown.items() if ids}:
        raise InvalidError(
            "A ticket concerns what the customer has at that time; these aren't: %(ids)s.",
            {name: [f"unknown: {', '.join(map(str, ids))}"] for name, ids in odd.items()},
            ids="; ".join(f"{name} {', '.join(map(str, ids))}" for name, ids in odd.items()),
        )
    return [*chosen, *(row for row in parts if row.contract_item_id not in whole)]


def read_subjects(
    session: Session, scope: Scope, ticket_ids: Collection[int]
) -> dict[int, list[TicketSubjectRow]]:
    """What each ticket concerns; those without anything aren't there. One statement."""
    rows = session.execute(
        select(
            TicketSubject.ticket_id,
            TicketSubject.contract_item_id,
            Contract.number,
            ContractItem.code,
            ContractItem.label,
            ContractItem.label_en,
            TicketSubject.rack_id,
            TicketSubject.port_id,
            Cabinet.code,
            Cabinet.layout,
            Rack.code,
            Device.name,
            Port.name,
        )
        .join(ContractItem, ContractItem.id == TicketSubject.contract_item_id)
        .join(Contract, Contract.id == ContractItem.contract_id)
        .outerjoin(Rack, Rack.id == TicketSubject.rack_id)
        .outerjoin(Cabinet, Cabinet.id == Rack.cabinet_id)
        .outerjoin(Port, Port.id == TicketSubject.port_id)
        .outerjoin(Device, Device.id == Port.device_id)
        .where(TicketSubject.ticket_id.in_(ticket_ids), scope.filter(TicketSubject.customer_id))
        .order_by(TicketSubject.id)
    )
    found: dict[int, list[TicketSubjectRow]] = {}
    for row in rows:
        ticket_id, *item, rack_id, port_id, cabinet, layout, rack, device, port = row
        name = "" if rack_id is None else name_rack(cabinet, layout, rack)
        if port_id is not None:
            name = name_port(device, port)
        found.setdefault(ticket_id, []).append(_part(item, rack_id, port_id, name))
    return found


def name_rack(cabinet: str, layout: str, rack: str) -> str:
    return cabinet if layout == "full" else f"{cabinet} / {rack}"


def name_port(device: str | None, port: str) -> str:
    """`device`: None where the reader may not see it."""
    return port if device is None else f"{device} {port}"


def _part(
    item: Sequence[Any], rack_id: int | None, port_id: int | None, name: str
) -> TicketSubjectRow:
    item_id, contract, code, label, label_en = item
    return TicketSubjectRow(item_id, contract, code, label, label_en, rack_id, port_id, name)


def _of_items(scope: Scope, customer_id: int, at: dt.datetime) -> Query:
    """Days are those of the contract's zone."""
    return (
        select(
            ContractItem.id,
            Contract.number,
            ContractItem.code,
            ContractItem.label,
            ContractItem.label_en,
        )
        .join(Contract, Contract.id == ContractItem.contract_id)
        .where(
            ContractItem.customer_id == customer_id,
            scope.filter(ContractItem.customer_id),
            Contract.state != "draft",
            ContractItem.starts_on <= _day_of(at),
            or_(ContractItem.ends_on.is_(None), ContractItem.ends_on > _day_of(at)),
        )
        .order_by(Contract.number, ContractItem.code)
    )


def _day_of(at: dt.datetime) -> ColumnElement[Any]:
    return cast(func.timezone(Contract.timezone, at), Date)
