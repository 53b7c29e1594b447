"""Rules for network records that people enter: ports, services, lines, circuits, prefixes."""

import re
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.models import ContractItem
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import Room
from dcim.metering.bindings import bind_ports
from dcim.network.address_models import AddressAssignment, Prefix
from dcim.network.addresses import Holder, assign_address, check_holder
from dcim.network.addressing import contains, parse_net
from dcim.network.models import BandwidthService, CableEnd, Carrier, Port

MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\Z")
Values = dict[str, Any]


def write_mac(text: str) -> str:
    """aa:bb:cc:dd:ee:ff of any usual way to write it. Raises ValueError."""
    digits = re.sub(r"[\s:.-]", "", text).lower()
    written = ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    if not MAC.match(written):
        raise ValueError(text)
    return written


def check_port(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    if mac := after.get("mac"):
        try:
            write_mac(mac)
        except ValueError as error:
            raise InvalidError(
                "Write a MAC address as 00:1b:21:aa:bb:cc.", {"mac": ["malformed"]}
            ) from error


def create_port(session: Session, scope: Scope, values: Values) -> Port:
    made = Port(**_written(values))
    session.add(made)
    session.flush()
    return made


def update_port(session: Session, scope: Scope, found: Port, changes: Values) -> None:
    """Raises ConflictError for a panel port that stops being one with a cable in its rear."""
    if found.kind == "panel" and changes.get("kind", "panel") != "panel":
        rear = select(CableEnd.id).where(CableEnd.port_id == found.id, CableEnd.face == "rear")
        if session.scalar(rear) is not None:
            raise ConflictError("A cable is plugged into its rear; take that out first.")
    for name, value in _written(changes).items():
        setattr(found, name, value)
    if "name" in changes:
        session.flush()
        bind_ports(session, [found.device_id], time.time_ns() // 1_000_000)


def _written(values: Values) -> Values:
    return values | {"mac": write_mac(values["mac"])} if values.get("mac") else values


def check_item(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """A record's contract item is its customer's."""
    item_id = after.get("contract_item_id")
    if item_id is None:
        return
    owner = session.scalar(select(ContractItem.customer_id).where(ContractItem.id == item_id))
    if owner != after.get("customer_id"):
        raise InvalidError(
            "This customer has no such contract item.", {"contract_item_id": ["unknown"]}
        )


def check_service(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    check_item(session, scope, before, after)
    if after["ceiling_bps"] < after["commit_bps"]:
        raise InvalidError(
            "The ceiling can't lie below the commit.", {"ceiling_bps": ["below commit"]}
        )


def create_service(session: Session, scope: Scope, values: Values) -> BandwidthService:
    carrier = session.get_one(Carrier, values["carrier_id"])
    made = BandwidthService(**values, carrier=carrier.code)
    session.add(made)
    session.flush()
    return made


def update_service(
    session: Session, scope: Scope, found: BandwidthService, changes: Values
) -> None:
    for name, value in changes.items():
        setattr(found, name, value)
    if "carrier_id" in changes:
        found.carrier = session.get_one(Carrier, changes["carrier_id"]).code


def check_circuit(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    wrong: dict[str, list[str]] = {}
    if after["commit_bps"] > after["capacity_bps"]:
        wrong["commit_bps"] = ["above capacity"]
    if after.get("ends_on") is not None and after["ends_on"] <= after["starts_on"]:
        wrong["ends_on"] = ["before start"]
    room = None if after.get("room_id") is None else session.get(Room, after["room_id"])
    if room is not None and room.site_id != after["site_id"]:
        wrong["room_id"] = ["other site"]
    if wrong:
        raise InvalidError("These don't fit together.", wrong)


def check_prefix(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    """A container gives no addresses: what is given already lies in a prefix within it."""
    if after["role"] != "container" or (before is not None and before["role"] == "container"):
        return
    given = find_given(session, after["network"])
    if given is not None:
        raise ConflictError(
            "%(network)s is given away of this prefix itself; a container gives none.",
            network=given,
        )


def delete_prefix(session: Session, scope: Scope, found: Prefix) -> None:
    """Refused while addresses are given of this prefix and of none within it."""
    given = find_given(session, found.network)
    if given is not None:
        raise ConflictError(
            "%(network)s is given away of this prefix; take it back first.", network=given
        )
    session.delete(found)
    session.flush()


def find_given(session: Session, network: str) -> str | None:
    """The first network given now or later of this prefix, and of no prefix within it."""
    now = utc_now()
    inner = [
        parse_net(one)
        for one in session.scalars(
            select(Prefix.network).where(Prefix.network.op("<<", is_comparison=True)(network))
        )
    ]
    given = session.scalars(
        select(AddressAssignment.network)
        .where(
            AddressAssignment.network.op("<<=", is_comparison=True)(network),
            or_(
                func.upper_inf(AddressAssignment.period),
                func.upper(AddressAssignment.period) > now,
            ),
        )
        .order_by(AddressAssignment.network)
    )
    for one in given:
        net = parse_net(one)
        if not any(contains(outer, net) for outer in inner):
            return str(one)
    return None


def create_assignment(session: Session, scope: Scope, values: Values) -> AddressAssignment:
    """By `addresses.assign_address`; the audit entry is the record's own."""
    return assign_address(
        session,
        scope,
        values["network"],
        read_holder(values),
        starts_at=values.get("starts_at"),
        ends_at=values.get("ends_at"),
        audit=False,
    )


def check_assignment(session: Session, scope: Scope, before: Values | None, after: Values) -> None:
    if before is not None:
        check_holder(session, read_holder(after))


def read_holder(values: Mapping[str, Any]) -> Holder:
    return Holder(
        customer_id=values.get("customer_id"),
        contract_item_id=values.get("contract_item_id"),
        device_id=values.get("device_id"),
        port_id=values.get("port_id"),
        hostname=values.get("hostname") or "",
        note=values.get("note") or "",
    )
