"""Giving addresses to customers and devices, taking them back, and who had one when."""

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import ContractItem, Customer
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Device
from dcim.network.address_models import AddressAssignment, Prefix
from dcim.network.addressing import Net, find_free, is_reserved, parse_net
from dcim.network.models import Port


@dataclass(frozen=True, slots=True)
class Holder:
    """Who an address is given to: a customer, or without one our own infrastructure."""

    customer_id: int | None = None
    contract_item_id: int | None = None
    device_id: int | None = None
    port_id: int | None = None
    hostname: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class LookupRow:
    """One answer to "who had this address at this time"; half-open, `ends_at` none: still has."""

    assignment_id: int
    network: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    customer_id: int | None
    customer_code: str | None
    customer_name: str | None
    customer_name_en: str | None
    device_id: int | None
    device_name: str | None
    port_name: str | None
    hostname: str
    item_code: str | None


def assign_address(
    session: Session,
    scope: Scope,
    network: str,
    holder: Holder,
    *,
    starts_at: dt.datetime | None = None,
    ends_at: dt.datetime | None = None,
    audit: bool = True,
) -> AddressAssignment:
    """Give one address ("192.0.2.7") or a block ("192.0.2.16/29") to someone, from now on.

    Without `audit` the caller writes the entry.

    Raises InvalidError for what lies in no prefix that gives addresses, ConflictError naming who
    has it and until when.
    """
    _require_staff(scope)
    net = _parse(network)
    around = _lock_around(session, net)
    _check_place(session, net, around, holder)
    return _assign(session, scope, net, holder, starts_at, ends_at, audit=audit)


def assign_next_free(
    session: Session,
    scope: Scope,
    prefix_id: int,
    holder: Holder,
    *,
    length: int | None = None,
    starts_at: dt.datetime | None = None,
    ends_at: dt.datetime | None = None,
) -> AddressAssignment:
    """Give the lowest free address of a prefix, or with `length` the lowest free block (/29).

    Free is what nobody has, nor will have, from `starts_at` (now) until `ends_at`.
    """
    _require_staff(scope)
    prefix = session.get(Prefix, prefix_id)
    if prefix is None:
        raise NotFoundError("No such prefix.")
    net = parse_net(prefix.network)
    wanted = net.max_prefixlen if length is None else length
    if not net.prefixlen <= wanted <= net.max_prefixlen:
        raise InvalidError(
            "No block of this size lies in %(prefix)s.",
            {"length": ["range"]},
            prefix=prefix.network,
        )
    _lock_around(session, net)
    begins, ends = _judge_period(starts_at, ends_at)
    free = find_free(net, _list_taken(session, prefix, Range(begins, ends)), wanted)
    if free is None:
        raise ConflictError("Nothing of this size is free in %(prefix)s.", prefix=prefix.network)
    _check_place(session, free, _list_around(session, free), holder)
    return _assign(session, scope, free, holder, begins, ends)


def suggest_free(session: Session, scope: Scope, prefix_id: int, length: int | None = None) -> str:
    """What `assign_next_free` would give now; "" when nothing is free."""
    _require_staff(scope)
    prefix = session.get(Prefix, prefix_id)
    if prefix is None:
        raise NotFoundError("No such prefix.")
    net = parse_net(prefix.network)
    if length is not None and not net.prefixlen <= length <= net.max_prefixlen:
        raise InvalidError(
            "No block of this size lies in %(prefix)s.",
            {"length": ["range"]},
            prefix=prefix.network,
        )
    free = find_free(
        net, _list_taken(session, prefix, Range(utc_now(), None)), length or net.max_prefixlen
    )
    return "" if free is None else write_net(free)


def release_address(
    session: Session, scope: Scope, assignment_id: int, *, at: dt.datetime | None = None
) -> AddressAssignment | None:
    """End an assignment at `at` (now). One that hasn't begun by then is deleted: None.

    Raises ConflictError for one that has ended before.
    """
    _require_staff(scope)
    found = session.get(AddressAssignment, assignment_id, with_for_update=True)
    if found is None:
        raise NotFoundError("No such assignment.")
    ends = at or utc_now()
    if ends.tzinfo is None:
        raise InvalidError("The end needs a time zone.", {"at": ["zone"]})
    begins, until = found.period.lower, found.period.upper
    if until is not None and until <= ends:
        raise ConflictError(
            "%(network)s was given back on %(until)s already.",
            network=write_net(parse_net(found.network)),
            until=f"{until:%Y-%m-%d %H:%M} UTC",
        )
    kept: AddressAssignment | None = found
    if begins is not None and begins >= ends:
        session.execute(delete(AddressAssignment).where(AddressAssignment.id == found.id))
        session.expunge(found)
        kept = None
    else:
        found.period = Range(begins, ends)
    session.flush()
    record(
        session,
        scope,
        "address.release",
        f"address-assignment/{assignment_id}",
        customer_id=found.customer_id,
        network=found.network,
        at=ends,
    )
    return kept


def lookup_address(
    session: Session,
    scope: Scope,
    address: str,
    at: dt.datetime | None = None,
    *,
    reason: str = "",
) -> list[LookupRow]:
    """Who had this address at `at`, or without it everyone who ever had it, the newest first.

    One statement and one entry in the audit log, which says who asked and why.
    """
    _require_staff(scope)
    try:
        host = ipaddress.ip_address(address.strip())
    except ValueError as error:
        raise InvalidError("Write an address as 192.0.2.10.", {"address": ["malformed"]}) from error
    if at is not None and at.tzinfo is None:
        raise InvalidError("The time needs a time zone.", {"at": ["zone"]})
    single = str(ipaddress.ip_network(host))
    condition: ColumnElement[bool] = _holds(AddressAssignment.network, single)
    if at is not None:
        condition = and_(condition, AddressAssignment.period.op("@>")(at))
    rows = session.execute(
        select(
            AddressAssignment.id,
            AddressAssignment.network,
            AddressAssignment.period,
            AddressAssignment.customer_id,
            Customer.code,
            Customer.name,
            Customer.name_en,
            AddressAssignment.device_id,
            Device.name.label("device_name"),
            Port.name.label("port_name"),
            AddressAssignment.hostname,
            ContractItem.code.label("item_code"),
        )
        .outerjoin(Customer, Customer.id == AddressAssignment.customer_id)
        .outerjoin(Device, Device.id == AddressAssignment.device_id)
        .outerjoin(Port, Port.id == AddressAssignment.port_id)
        .outerjoin(ContractItem, ContractItem.id == AddressAssignment.contract_item_id)
        .where(condition)
        .order_by(func.lower(AddressAssignment.period).desc(), AddressAssignment.id.desc())
        .limit(1000)
    ).all()
    found = [
        LookupRow(
            row.id, write_net(parse_net(row.network)), row.period.lower, row.period.upper,
            row.customer_id, row.code, row.name, row.name_en, row.device_id, row.device_name,
            row.port_name, row.hostname, row.item_code,
        )
        for row in rows
    ]  # fmt: skip
    record(
        session,
        scope,
        "address.lookup",
        f"address/{host}",
        at=at,
        reason=reason,
        found=[row.assignment_id for row in found],
    )
    return found


def write_net(net: Net) -> str:
    """One address without its length, a block with it."""
    return str(net.network_address) if net.num_addresses == 1 else str(net)


def _parse(network: str) -> Net:
    try:
        return parse_net(network.strip())
    except ValueError as error:
        raise InvalidError(
            "Write an address as 192.0.2.10, a block by its first address: 192.0.2.16/29.",
            {"network": ["malformed"]},
        ) from error


def _holds(column: Any, network: str) -> ColumnElement[bool]:
    """Whether the network in this column contains the given one, or is it."""
    condition: ColumnElement[bool] = column.op(">>=", is_comparison=True)(network)
    return condition


def _list_around(session: Session, net: Net) -> list[Prefix]:
    """The prefixes this network lies in, the outermost first."""
    return list(
        session.scalars(
            select(Prefix)
            .where(_holds(Prefix.network, str(net)))
            .order_by(func.masklen(Prefix.network))
        )
    )


def _lock_around(session: Session, net: Net) -> list[Prefix]:
    """Lock the outermost prefix around: whoever gives addresses of one tree waits in turn.

    So two who ask for the next free one get different ones, and two whose blocks overlap don't
    lock each other out; the exclusion constraint holds all the same.
    """
    found = _list_around(session, net)
    if found:
        session.execute(select(Prefix.id).where(Prefix.id == found[0].id).with_for_update())
        found = _list_around(session, net)
    return found


def _list_taken(session: Session, prefix: Prefix, period: Range[dt.datetime]) -> Iterable[Net]:
    """What is given away in this period, and the prefixes it is divided into."""
    given = session.scalars(
        select(AddressAssignment.network).where(
            AddressAssignment.network.op("&&", is_comparison=True)(prefix.network),
            AddressAssignment.period.op("&&", is_comparison=True)(period),
        )
    )
    inner = session.scalars(
        select(Prefix.network).where(
            Prefix.network.op("<<", is_comparison=True)(prefix.network),
        )
    )
    return [parse_net(network) for network in (*given, *inner)]


def _check_place(session: Session, net: Net, around: list[Prefix], holder: Holder) -> None:
    """The innermost prefix decides what may be given of it, and to whom."""
    if not around:
        raise InvalidError(
            "%(network)s lies in no prefix of ours.",
            {"network": ["outside"]},
            network=write_net(net),
        )
    prefix = around[-1]
    if prefix.role == "container":
        raise InvalidError(
            "%(prefix)s is a container; give addresses of the prefixes in it.",
            {"network": ["container"]},
            prefix=prefix.network,
        )
    if prefix.role == "infrastructure" and holder.customer_id is not None:
        raise InvalidError(
            "%(prefix)s is for our own devices; no customer gets addresses of it.",
            {"network": ["infrastructure"]},
            prefix=prefix.network,
        )
    if prefix.customer_id is not None and prefix.customer_id != holder.customer_id:
        owner = session.get_one(Customer, prefix.customer_id)
        raise ConflictError(
            "%(prefix)s is set aside for %(customer)s.",
            prefix=prefix.network,
            customer=owner.name,
        )
    if is_reserved(parse_net(prefix.network), net):
        raise InvalidError(
            "%(network)s is reserved: the first and last address of %(prefix)s aren't given away.",
            {"network": ["reserved"]},
            network=write_net(net),
            prefix=prefix.network,
        )
    inner = session.scalar(
        select(Prefix.network).where(Prefix.network.op("<<", is_comparison=True)(str(net))).limit(1)
    )
    if inner is not None:
        raise ConflictError(
            "%(network)s is divided already: %(inner)s is a prefix of its own.",
            network=write_net(net),
            inner=inner,
        )


def _judge_period(
    starts_at: dt.datetime | None, ends_at: dt.datetime | None
) -> tuple[dt.datetime, dt.datetime | None]:
    begins = starts_at or utc_now()
    if begins.tzinfo is None or (ends_at is not None and ends_at.tzinfo is None):
        raise InvalidError("Times need a time zone.", {"starts_at": ["zone"]})
    if ends_at is not None and ends_at <= begins:
        raise InvalidError("It must end after it begins.", {"ends_at": ["before start"]})
    return begins, ends_at


def _assign(
    session: Session,
    scope: Scope,
    net: Net,
    holder: Holder,
    starts_at: dt.datetime | None,
    ends_at: dt.datetime | None,
    *,
    audit: bool = True,
) -> AddressAssignment:
    begins, ends = _judge_period(starts_at, ends_at)
    check_holder(session, holder)
    _refuse_given(session, net, Range(begins, ends))
    made = AddressAssignment(
        network=str(net),
        period=Range(begins, ends),
        customer_id=holder.customer_id,
        contract_item_id=holder.contract_item_id,
        device_id=holder.device_id,
        port_id=holder.port_id,
        hostname=holder.hostname,
        note=holder.note,
    )
    session.add(made)
    session.flush()
    if not audit:
        return made
    record(
        session,
        scope,
        "address.assign",
        f"address-assignment/{made.id}",
        customer_id=holder.customer_id,
        network=made.network,
        starts_at=begins,
        ends_at=ends,
        device_id=holder.device_id,
        hostname=holder.hostname,
    )
    return made


def check_holder(session: Session, holder: Holder) -> None:
    if holder.customer_id is not None and session.get(Customer, holder.customer_id) is None:
        raise InvalidError("There is no such customer.", {"customer_id": ["unknown"]})
    if holder.contract_item_id is not None:
        item = session.get(ContractItem, holder.contract_item_id)
        if item is None or item.customer_id != holder.customer_id:
            raise InvalidError(
                "This customer has no such contract item.", {"contract_item_id": ["unknown"]}
            )
    device = None if holder.device_id is None else session.get(Device, holder.device_id)
    if holder.device_id is not None and device is None:
        raise InvalidError("There is no such device.", {"device_id": ["unknown"]})
    if device is not None and device.customer_id not in (None, holder.customer_id):
        raise InvalidError("This device is another customer's.", {"device_id": ["another's"]})
    if holder.port_id is not None:
        port = session.get(Port, holder.port_id)
        if port is None or (device is not None and port.device_id != device.id):
            raise InvalidError("This device has no such port.", {"port_id": ["unknown"]})


def _refuse_given(session: Session, net: Net, period: Range[dt.datetime]) -> None:
    row = session.execute(
        select(
            AddressAssignment.network, AddressAssignment.period, Customer.name, Device.name,
            AddressAssignment.hostname,
        )
        .outerjoin(Customer, Customer.id == AddressAssignment.customer_id)
        .outerjoin(Device, Device.id == AddressAssignment.device_id)
        .where(
            AddressAssignment.network.op("&&", is_comparison=True)(str(net)),
            AddressAssignment.period.op("&&", is_comparison=True)(period),
        )
        .order_by(func.lower(AddressAssignment.period))
        .limit(1)
    ).one_or_none()  # fmt: skip
    if row is None:
        return
    network, held, customer, device, hostname = row
    places = {
        "network": write_net(parse_net(network)),
        "holder": customer or device or hostname or "—",
        "since": f"{held.lower:%Y-%m-%d}",
    }
    if held.upper is None:
        raise ConflictError("%(holder)s has %(network)s since %(since)s, without an end.", **places)
    raise ConflictError(
        "%(holder)s has %(network)s from %(since)s until %(until)s.",
        **places,
        until=f"{held.upper:%Y-%m-%d %H:%M} UTC",
    )


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff give and look up addresses.")
