"""Finding anything by what stands on it: names, serials, tags, codes, addresses, numbers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, Customer
from dcim.errors import ForbiddenError
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row
from dcim.network.models import BandwidthService
from dcim.paging import contains
from dcim.records.finding import EXACT, find_matches
from dcim.records.kinds import Kind
from dcim.snmp.models import SnmpAgent

# Of one kind; more words narrow better than more rows.
MOST = 12


@dataclass(frozen=True, slots=True)
class Hit:
    """`kind` is device, cabinet, customer, contract, service or agent; `id` is that thing's page:
    a contract's and a service's is the customer's, an agent's the device's. `name_en` may be
    empty. `exact` when the whole text is one of the thing's own marks."""

    kind: str
    id: int
    name: str
    name_en: str
    about: str
    exact: bool
    # Of a described kind: the label (msgid) of the field that fits, and what stands in it.
    field: str = ""
    value: str = ""


# What is looked for by hand while no described kind of this name does it.
BY_HAND = {
    "customer": "customer",
    "contract": "contract",
    "service": "bandwidth_service",
}


def search(
    session: Session,
    scope: Scope,
    text: str,
    kinds: Sequence[Kind] = (),
    described: Collection[str] = (),
) -> list[Hit]:
    """Exact hits first, then by kind and name. Staff alone: it reaches across tenants.

    `kinds` are those to look in, by their searched fields, one statement each; `described` names
    all kinds there are, so that what the asker may not see isn't found in another way.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff search everything.")
    wanted = text.strip()
    if not wanted:
        return []
    known = {*described, *(kind.name for kind in kinds)}
    hits = [hit for kind in kinds for hit in _find_records(session, scope, kind, wanted)]
    if "device" not in known:
        hits += _find_devices(session, wanted)
    if "cabinet" not in known:
        hits += _find_cabinets(session, wanted)
    hits += [
        hit for hit in _find_customers(session, wanted, known) if BY_HAND[hit.kind] not in known
    ]
    hits += _find_agents(session, wanted)
    return sorted(hits, key=lambda hit: not hit.exact)


def _find_records(session: Session, scope: Scope, kind: Kind, wanted: str) -> Iterable[Hit]:
    if not kind.searched:
        return
    for one in find_matches(session, scope, kind, wanted, most=MOST):
        yield Hit(
            kind.name, one.id, one.title, "", "", one.rank == EXACT, one.field.label, one.value
        )


def _find_devices(session: Session, wanted: str) -> Iterable[Hit]:
    marks = (Device.name, Device.serial, Device.asset_tag)
    rows = session.execute(
        select(Device.id, *marks, Rack.code)
        .outerjoin(Installation, Installation.device_id == Device.id)
        .outerjoin(Rack, Rack.id == Installation.rack_id)
        .where(_matches(wanted, *marks))
        .order_by(_exact(wanted, *marks).desc(), Device.name)
        .limit(MOST)
    )
    for device_id, name, serial, tag, rack in rows:
        about = " · ".join(part for part in (rack, serial, tag) if part)
        yield Hit("device", device_id, name, "", about, _is(wanted, name, serial, tag))


def _find_cabinets(session: Session, wanted: str) -> Iterable[Hit]:
    rows = session.execute(
        select(Cabinet.id, Cabinet.code, Room.name, Room.name_en, func.array_agg(Rack.code))
        .join(Row, Row.id == Cabinet.row_id)
        .join(Room, Room.id == Row.room_id)
        .outerjoin(Rack, Rack.cabinet_id == Cabinet.id)
        .where(_matches(wanted, Cabinet.code, Rack.code))
        .group_by(Cabinet.id, Cabinet.code, Room.name, Room.name_en)
        .order_by((func.lower(Cabinet.code) == wanted.lower()).desc(), Cabinet.code)
        .limit(MOST)
    )
    for cabinet_id, code, room, _room_en, racks in rows:
        yield Hit("cabinet", cabinet_id, code, "", room, _is(wanted, code, *racks))


def _find_customers(session: Session, wanted: str, known: set[str]) -> Iterable[Hit]:
    if known.issuperset({"customer", "contract", "bandwidth_service"}):
        return
    marks = (Customer.code, Customer.name, Customer.name_en)
    for customer_id, code, name, name_en in session.execute(
        select(Customer.id, *marks)
        .where(_matches(wanted, *marks))
        .order_by(_exact(wanted, *marks).desc(), Customer.code)
        .limit(MOST)
    ):
        yield Hit("customer", customer_id, name, name_en, code, _is(wanted, code, name, name_en))
    for kind, mark, owner in (
        ("contract", Contract.number, Contract.customer_id),
        ("service", BandwidthService.code, BandwidthService.customer_id),
    ):
        for customer_id, number, name in session.execute(
            select(owner, mark, Customer.name)
            .join(Customer, Customer.id == owner)
            .where(_matches(wanted, mark))
            .order_by(_exact(wanted, mark).desc(), mark)
            .limit(MOST)
        ):
            yield Hit(kind, customer_id, number, "", name, _is(wanted, number))


def _find_agents(session: Session, wanted: str) -> Iterable[Hit]:
    address, mark, port = wanted, ":", ""
    if wanted.count(":") == 1:
        address, mark, port = wanted.partition(":")
    condition: ColumnElement[bool] = SnmpAgent.address == address
    if mark and port.isdigit():
        condition &= SnmpAgent.udp_port == int(port[:6])
    rows = session.execute(
        select(Device.id, Device.name, SnmpAgent.address, SnmpAgent.udp_port)
        .join(Device, Device.id == SnmpAgent.device_id)
        .where(condition)
        .order_by(SnmpAgent.udp_port)
        .limit(MOST)
    )
    for device_id, name, host, udp_port in rows:
        yield Hit("agent", device_id, name, "", f"{host}:{udp_port}", True)


def _matches(wanted: str, *marks: Any) -> ColumnElement[bool]:
    return or_(*(mark.ilike(contains(wanted)) for mark in marks))


def _exact(wanted: str, *marks: Any) -> ColumnElement[bool]:
    return or_(*(func.lower(func.coalesce(mark, "")) == wanted.lower() for mark in marks))


def _is(wanted: str, *marks: str | None) -> bool:
    return any(mark is not None and mark.lower() == wanted.lower() for mark in marks)
