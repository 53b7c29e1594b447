"""Whole-server rental: the operator's machine in a customer's use, under a contract item."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.inventory.devices.transitions import lock_device, note_transition
from dcim.inventory.models import Allocation, Device, Installation, Rack
from dcim.inventory.space.occupancy import Space, find_allocations, lock_rack, site_day

LETTABLE = frozenset({"in_stock", "installed", "in_service"})


@dataclass(frozen=True, slots=True)
class RentalOffer:
    """A contract item a server can be let under."""

    item_id: int
    customer_id: int
    code: str
    label: str
    label_en: str
    customer_code: str
    customer_name: str


def list_rental_items(session: Session, scope: Scope, on: dt.date) -> list[RentalOffer]:
    """The server items of running contracts on that day, by customer; for the form."""
    rows = session.execute(
        select(
            ContractItem.id.label("item_id"),
            ContractItem.customer_id,
            ContractItem.code,
            ContractItem.label,
            ContractItem.label_en,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
        )
        .join(Customer, Customer.id == ContractItem.customer_id)
        .where(
            scope.filter(ContractItem.customer_id),
            ContractItem.kind == "server",
            ContractItem.starts_on <= on,
            ContractItem.ends_on.is_(None) | (ContractItem.ends_on > on),
        )
        .order_by(Customer.code, ContractItem.code)
    )
    return [RentalOffer(**row._mapping) for row in rows]


def rent_device(
    session: Session,
    scope: Scope,
    device_id: int,
    item_id: int,
    *,
    starts_on: dt.date | None = None,
    note: str = "",
    now: dt.datetime | None = None,
) -> Device:
    """Let the operator's machine to the customer of a server item, from a day that has come.

    What stands in a rack goes into service; what is in stock stays there until it is installed.
    Raises ConflictError for a machine that isn't the operator's, is let, or can't be let as it
    is; InvalidError for an item or day; ForbiddenError, NotFoundError.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff let machines.")
    moment = now or utc_now()
    # The rack before the device, as installing does: two who meet don't wait for each other.
    rack_id = session.scalar(
        select(Installation.rack_id).where(Installation.device_id == device_id)
    )
    rack = None if rack_id is None else lock_rack(session, rack_id)
    device = lock_device(session, scope, device_id)
    session.refresh(device, ["installation"])
    standing = device.installation
    if rack_id != (standing.rack_id if standing else None):
        raise ConflictError(
            "%(device)s was changed meanwhile; look at it again.", device=device.name
        )
    if not device.provider_owned:
        raise ConflictError("%(device)s is not the operator's machine.", device=device.name)
    if device.customer_id is not None:
        holder = session.get_one(Customer, device.customer_id)
        raise ConflictError(
            "%(device)s is in use by %(customer)s.", device=device.name, customer=holder.name
        )
    if device.state not in LETTABLE:
        raise ConflictError(
            "Only a machine in stock or in its rack can be let; %(device)s is neither.",
            device=device.name,
        )
    item = session.get(ContractItem, item_id)
    if item is None or item.kind != "server":
        raise InvalidError("Choose an item for server rental.", {"item_id": ["unknown"]})
    today = _today(session, item, moment)
    day = starts_on or today
    if day > today:
        raise InvalidError(
            "A rental is entered on the day it begins.", {"starts_on": ["in the future"]}
        )
    if item.starts_on > day or (item.ends_on is not None and item.ends_on <= day):
        raise InvalidError(
            "%(item)s is not in force on %(day)s.",
            {"item_id": ["not in force"]},
            item=item.code,
            day=day.isoformat(),
        )
    if rack is not None and standing is not None:
        _refuse_foreign_space(session, device, rack, standing, item.customer_id, moment)
    device.customer_id = item.customer_id
    device.rental_item_id = item.id
    session.flush()
    detail = {"rental": "begins", "item": item.code, "day": day.isoformat()}
    state = device.state if standing is None else "in_service"
    note_transition(session, scope, device, state, note, at=moment, detail=detail)
    record(
        session,
        scope,
        "device.rent",
        f"device/{device.id}",
        customer_id=item.customer_id,
        item=item.code,
        starts_on=day.isoformat(),
        **({"note": note} if note else {}),
    )
    return device


def end_rental(
    session: Session,
    scope: Scope,
    device_id: int,
    *,
    wiped: str,
    note: str = "",
    now: dt.datetime | None = None,
) -> Device:
    """Take a let machine back into the operator's own use.

    `wiped` says how the customer's data was erased: without it the next one would find it. Raises
    InvalidError, ConflictError for a machine that isn't let, ForbiddenError, NotFoundError.
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff let machines.")
    device = lock_device(session, scope, device_id)
    if device.rental_item_id is None:
        raise ConflictError("%(device)s is not let to anybody.", device=device.name)
    if not wiped.strip():
        raise InvalidError("Say how its data was erased.", {"wiped": ["required"]})
    item = session.get_one(ContractItem, device.rental_item_id)
    customer_id = device.customer_id
    detail = {"rental": "ends", "item": item.code, "wiped": wiped.strip()[:255]}
    state = device.state if device.installation is None else "installed"
    # Noted while it still is the customer's: the last line of the life they see.
    note_transition(session, scope, device, state, note, at=now, detail=detail)
    device.rental_item_id = None
    device.customer_id = None
    session.flush()
    record(
        session,
        scope,
        "device.rental_end",
        f"device/{device.id}",
        customer_id=customer_id,
        item=item.code,
        wiped=detail["wiped"],
        **({"note": note} if note else {}),
    )
    return device


def _today(session: Session, item: ContractItem, moment: dt.datetime) -> dt.date:
    zone = session.get_one(Contract, item.contract_id).timezone
    return moment.astimezone(ZoneInfo(zone)).date()


def _refuse_foreign_space(
    session: Session,
    device: Device,
    rack: Rack,
    standing: Installation,
    customer_id: int,
    moment: dt.datetime,
) -> None:
    """A machine in a third customer's space would be a stranger's there."""
    if standing.u_low is None:
        return
    today = site_day(session, rack, moment)
    for other in find_allocations(session, rack, Space(standing.u_low, standing.height)):
        if other.customer_id != customer_id and _in_force(other, today):
            raise ConflictError(
                "%(device)s stands in space of %(customer)s in %(rack)s; move it first.",
                device=device.name,
                customer=session.get_one(Customer, other.customer_id).name,
                rack=rack.code,
            )


def _in_force(allocation: Allocation, today: dt.date) -> bool:
    return allocation.starts_on <= today and (
        allocation.ends_on is None or allocation.ends_on > today
    )
