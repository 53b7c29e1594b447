"""Giving addresses, taking them back, who had one when; cables and the lines they make."""

from typing import Any

from marshmallow import Schema, fields

from dcim.api.fields import Instant, Text, Whole, choice
from dcim.api.shapes import answer_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.network.address_queries import GivenAddressRow, find_assignment
from dcim.network.addresses import (
    Holder,
    LookupRow,
    assign_address,
    assign_next_free,
    lookup_address,
    release_address,
)
from dcim.network.assignment import assign_port, release_port
from dcim.network.cables import (
    MEDIA,
    CableNotes,
    Trace,
    connect_ports,
    disconnect_cable,
    trace_port,
)
from dcim.network.tracing import Plug

addresses = Resource("addresses", "Giving and looking up addresses")
traces = Resource("traces", "The line a port hangs on")
cabling = Resource("cabling", "Laying cables and taking them out")
memberships = Resource("memberships", "Ports of bandwidth services")


class HolderBody(Schema):
    customer_id = Whole(allow_none=True, load_default=None)
    contract_item_id = Whole(allow_none=True, load_default=None)
    device_id = Whole(allow_none=True, load_default=None)
    port_id = Whole(allow_none=True, load_default=None)
    hostname = Text(low=0, load_default="")
    note = Text(low=0, load_default="")
    starts_at = Instant(allow_none=True, load_default=None)
    ends_at = Instant(allow_none=True, load_default=None)


class NewGivenAddress(HolderBody):
    network = Text(required=True, metadata={"description": "192.0.2.7, or a block: 192.0.2.16/29."})


class NextFreeAddress(HolderBody):
    prefix_id = Whole(required=True)
    length = Whole(
        0, 128, allow_none=True, load_default=None,
        metadata={"description": "Of a block; without it one address."},
    )  # fmt: skip


class AddressRelease(Schema):
    at = Instant(allow_none=True, load_default=None)


class LookupQuery(Schema):
    address = Text(required=True, high=64)
    at = Instant(metadata={"description": "Without it everyone who ever had it."})
    reason = Text(low=0, load_default="", metadata={"description": "Kept in the audit log."})


class LookupList(Schema):
    items = fields.List(fields.Nested(answer_of(LookupRow)), required=True)


class LaidCable(Schema):
    a_port_id = Whole(required=True)
    a_face = choice(("front", "rear"), load_default="front")
    z_port_id = Whole(required=True)
    z_face = choice(("front", "rear"), load_default="front")
    media = choice(MEDIA, required=True)
    code = Text(high=64, allow_none=True, load_default=None)
    colour = Text(low=0, high=64, load_default="")
    note = Text(low=0, load_default="")


class CableAnswer(Schema):
    id = fields.Integer(required=True)


class NewMembership(Schema):
    service = Text(high=64, required=True, metadata={"description": "The service's code."})
    device = Text(required=True)
    port = Text(required=True)
    starts_at = Instant(allow_none=True, load_default=None)


class MembershipAnswer(Schema):
    id = fields.Integer(required=True)
    service_id = fields.Integer(required=True)
    port_id = fields.Integer(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True, allow_none=True)


class MembershipEnd(Schema):
    ends_at = Instant(allow_none=True, load_default=None)


def _holder(body: dict[str, Any]) -> Holder:
    names = ("customer_id", "contract_item_id", "device_id", "port_id", "hostname", "note")
    return Holder(**{name: body.pop(name) for name in names})


@addresses.post("")
@addresses.arguments(NewGivenAddress)
@addresses.response(201, answer_of(GivenAddressRow))
def assign(body: dict[str, Any]) -> Any:
    """Give an address or a block; refused with who has it and until when."""
    session, scope = db_session(), current_scope()
    holder = _holder(body)
    made = assign_address(session, scope, body.pop("network"), holder, **body)
    return find_assignment(session, scope, made.id)


@addresses.post("/next-free")
@addresses.arguments(NextFreeAddress)
@addresses.response(201, answer_of(GivenAddressRow))
def assign_free(body: dict[str, Any]) -> Any:
    """Give the lowest free address of a prefix, or the lowest free block of a length."""
    session, scope = db_session(), current_scope()
    holder = _holder(body)
    made = assign_next_free(session, scope, body.pop("prefix_id"), holder, **body)
    return find_assignment(session, scope, made.id)


@addresses.post("/<int:assignment_id>/release")
@addresses.arguments(AddressRelease)
@addresses.response(204)
def release(body: dict[str, Any], assignment_id: int) -> None:
    """End an assignment; one that hasn't begun is deleted."""
    release_address(db_session(), current_scope(), assignment_id, at=body["at"])


@addresses.get("/lookup")
@addresses.arguments(LookupQuery, location="query")
@addresses.response(200, LookupList)
def lookup(query: dict[str, Any]) -> Any:
    """Tell who had an address at a time; the question is kept in the audit log."""
    found = lookup_address(
        db_session(), current_scope(), query["address"], query.get("at"), reason=query["reason"]
    )
    return {"items": found}


@traces.get("/<int:port_id>")
@traces.response(200, answer_of(Trace))
def show_trace(port_id: int) -> Any:
    """Follow cables and panels from a port to both ends of its line."""
    return trace_port(db_session(), current_scope(), port_id)


@cabling.post("")
@cabling.arguments(LaidCable)
@cabling.response(201, CableAnswer)
def connect(body: dict[str, Any]) -> Any:
    """Lay a cable between two ports; refused with what is plugged in there."""
    a = Plug(body.pop("a_port_id"), body.pop("a_face"))
    z = Plug(body.pop("z_port_id"), body.pop("z_face"))
    return connect_ports(db_session(), current_scope(), a, z, CableNotes(**body))


@cabling.delete("/<int:cable_id>")
@cabling.response(204)
def disconnect(cable_id: int) -> None:
    """Take a cable out; the audit log keeps where it was."""
    disconnect_cable(db_session(), current_scope(), cable_id)


@memberships.post("")
@memberships.arguments(NewMembership)
@memberships.response(201, MembershipAnswer)
def join(body: dict[str, Any]) -> Any:
    """Let a port carry a bandwidth service from now on."""
    return assign_port(
        db_session(),
        current_scope(),
        service_code=body["service"],
        device_name=body["device"],
        port_name=body["port"],
        starts_at=body["starts_at"],
    )


@memberships.post("/<int:membership_id>/release")
@memberships.arguments(MembershipEnd)
@memberships.response(200, MembershipAnswer)
def leave(body: dict[str, Any], membership_id: int) -> Any:
    """End a port's membership; what was measured until then stays the service's."""
    return release_port(db_session(), current_scope(), membership_id, ends_at=body["ends_at"])
