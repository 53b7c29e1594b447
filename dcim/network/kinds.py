"""Carriers, lines, ports, cables, services and orders as kinds of records."""

from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, or_, select

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.customers.kinds import CONTRACT_ITEM, CUSTOMER
from dcim.inventory.models import Device
from dcim.inventory.space.kinds import ROOM, SITE
from dcim.network import registration
from dcim.network.equipping import DEVICE
from dcim.network.models import (
    BandwidthService,
    Cable,
    CableEnd,
    Carrier,
    Circuit,
    DedicatedLine,
    Port,
    RoomCarrier,
    ServiceMembership,
)
from dcim.network.order_models import CrossConnect, CrossConnectEnd
from dcim.records.fields import (
    ChoiceType,
    DayType,
    DecimalType,
    Field,
    FlagType,
    InstantType,
    IntegerType,
    RateType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind, own_rows

CODE = TextType(longest=64, code=True)
NOTE = TextType()
RATE = RateType()
AS_NUMBER = IntegerType(1, 4_294_967_295)

CARRIER_WORDS = {
    "telecom": mark("China Telecom"),
    "unicom": mark("China Unicom"),
    "mobile": mark("China Mobile"),
    "bgp": mark("BGP, several carriers"),
    "education": mark("Education network"),
    "broadcast": mark("Broadcasting network"),
    "foreign": mark("Foreign carrier"),
    "other": mark("Other"),
}
MEDIA_WORDS = {
    "smf": mark("Single-mode fibre"),
    "mmf": mark("Multi-mode fibre"),
    "utp": mark("Twisted pair"),
    "dac": mark("DAC"),
    "aoc": mark("AOC"),
    "coax": mark("Coaxial"),
}
PORT_KIND_WORDS = {
    "switch": mark("Switch port"),
    "panel": mark("Patch panel port"),
    "server": mark("Server port"),
    "other": mark("Other"),
}
PORT_ROLE_WORDS = {
    "customer": mark("Customer"),
    "uplink": mark("Uplink"),
    "internal": mark("Internal"),
}
CABLE_STATE_WORDS = {"planned": mark("Planned"), "connected": mark("Connected")}
CIRCUIT_KIND_WORDS = {
    "transit": mark("Transit"),
    "peering": mark("Peering"),
    "dedicated": mark("Dedicated line"),
    "dark_fibre": mark("Dark fibre"),
}
LINE_STATE_WORDS = {
    "ordered": mark("Ordered"),
    "active": mark("Active"),
    "suspended": mark("Suspended"),
    "ended": mark("Ended"),
}
CHARGING_WORDS = {
    "flat": mark("Flat"),
    "committed_burst": mark("Commit and burst"),
    "p95": mark("95th percentile"),
    "traffic": mark("By traffic"),
}
DIRECTION_WORDS = {
    "max": mark("The greater of both"),
    "in": mark("In"),
    "out": mark("Out"),
    "sum": mark("Sum of both"),
}
ORDER_STATE_WORDS = {
    "requested": mark("Requested"),
    "approved": mark("Approved"),
    "patched": mark("Patched"),
    "tested": mark("Tested"),
    "billing": mark("In billing"),
    "disconnected": mark("Disconnected"),
    "refused": mark("Refused"),
    "cancelled": mark("Cancelled"),
}
CONNECTOR_WORDS = {
    "lc": "LC",
    "sc": "SC",
    "fc": "FC",
    "mpo": "MPO",
    "rj45": "RJ45",
    "bnc": "BNC",
}


def reach_ports(scope: Scope) -> ColumnElement[bool] | None:
    """A customer's ports are those that carry its services now."""
    if scope.is_staff:
        return None
    return Port.id.in_(
        select(ServiceMembership.port_id).where(
            scope.filter(ServiceMembership.customer_id),
            ServiceMembership.starts_at <= func.now(),
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > func.now()),
        )
    )


def _cable_end(side: str) -> Any:
    return (
        select(func.concat(Device.name, " ", Port.name))
        .join(Port, Port.device_id == Device.id)
        .join(CableEnd, CableEnd.port_id == Port.id)
        .where(CableEnd.cable_id == Cable.id, CableEnd.side == side)
        .correlate(Cable)
        .scalar_subquery()
    )


def _order_end(side: str) -> Any:
    return (
        select(func.concat(Device.name, " ", Port.name))
        .join(Port, Port.device_id == Device.id)
        .join(CrossConnectEnd, CrossConnectEnd.port_id == Port.id)
        .where(CrossConnectEnd.cross_connect_id == CrossConnect.id, CrossConnectEnd.side == side)
        .correlate(CrossConnect)
        .scalar_subquery()
    )


def _count_members() -> Any:
    return (
        select(func.count(ServiceMembership.id))
        .where(
            ServiceMembership.service_id == BandwidthService.id,
            or_(ServiceMembership.ends_at.is_(None), ServiceMembership.ends_at > func.now()),
        )
        .correlate(BandwidthService)
        .scalar_subquery()
    )


def _port() -> Kind:
    return PORT


CARRIER = Kind(
    name="carrier",
    plural="carriers",
    label=mark("Carrier"),
    label_plural=mark("Carriers"),
    model=Carrier,
    fields=(
        Field("code", mark("Code"), CODE, required=True, searched=True, bulk=False),
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("name_en", mark("English name"), default="", searched=True, bulk=False),
        Field("kind", mark("Kind"), ChoiceType(CARRIER_WORDS), default="other"),
        Field("asn", mark("AS number"), AS_NUMBER, bulk=False),
        Field("note", mark("Note"), NOTE, default="", listed=False, wide=True),
    ),
    key=("code",),
    title="name",
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    default_sort="code",
    section="network",
)  # fmt: skip

ROOM_CARRIER = Kind(
    name="room_carrier",
    plural="room-carriers",
    label=mark("Carrier in a room"),
    label_plural=mark("Carriers in rooms"),
    model=RoomCarrier,
    fields=(
        Field("room_id", mark("Room"), ReferenceType(lambda: ROOM), required=True, bulk=False),
        Field("carrier_id", mark("Carrier"), ReferenceType(lambda: CARRIER), required=True,
              bulk=False),
        Field("entry_point", mark("Entry point"), default="", searched=True),
    ),
    key=("room_id", "carrier_id"),
    title="entry_point",
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    section="network",
)  # fmt: skip

CIRCUIT = Kind(
    name="circuit",
    plural="circuits",
    label=mark("Circuit"),
    label_plural=mark("Circuits"),
    model=Circuit,
    fields=(
        Field("number", mark("Number"), CODE, required=True, searched=True, bulk=False),
        Field("carrier_id", mark("Carrier"), ReferenceType(lambda: CARRIER), required=True),
        Field("kind", mark("Kind"), ChoiceType(CIRCUIT_KIND_WORDS), default="transit"),
        Field("state", mark("State"), ChoiceType(LINE_STATE_WORDS), default="active"),
        Field("site_id", mark("Site"), ReferenceType(lambda: SITE), required=True),
        Field("room_id", mark("Room"), ReferenceType(lambda: ROOM), listed=False),
        Field("z_end", mark("Z end"), default="", searched=True, bulk=False),
        Field("capacity_bps", mark("Capacity"), RATE, required=True),
        Field("commit_bps", mark("Commit"), RATE, default=0),
        Field("charging_mode", mark("Charging"), ChoiceType(CHARGING_WORDS), default="flat"),
        Field("monthly_fee", mark("Monthly fee"), DecimalType(), required=True),
        Field("starts_on", mark("From"), DayType(), required=True),
        Field("ends_on", mark("Until"), DayType(), hint=mark("The first day without it.")),
        Field("port_id", mark("Port"), ReferenceType(_port), listed=False,
              bulk=False),
        Field("note", mark("Note"), NOTE, default="", listed=False, wide=True),
    ),
    key=("number",),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    check=registration.check_circuit,
    constraints={"uq_circuit_port_id": mark("Another circuit ends on this port.")},
    section="network",
)  # fmt: skip

DEDICATED_LINE = Kind(
    name="dedicated_line",
    plural="dedicated-lines",
    label=mark("Dedicated line"),
    label_plural=mark("Dedicated lines"),
    model=DedicatedLine,
    fields=(
        Field("code", mark("Code"), CODE, required=True, searched=True, bulk=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), required=True,
              fixed=True),
        Field("contract_item_id", mark("Contract item"), ReferenceType(lambda: CONTRACT_ITEM),
              required=True, listed=False, bulk=False),
        Field("a_end", mark("A end"), required=True, searched=True, bulk=False),
        Field("z_end", mark("Z end"), required=True, searched=True, bulk=False),
        Field("capacity_bps", mark("Capacity"), RATE, required=True),
        Field("media", mark("Media"), ChoiceType(MEDIA_WORDS), default="smf"),
        Field("carrier_id", mark("Carrier"), ReferenceType(lambda: CARRIER), internal=True),
        Field("state", mark("State"), ChoiceType(LINE_STATE_WORDS), default="ordered"),
        Field("note", mark("Note"), NOTE, default="", internal=True, listed=False, wide=True),
    ),
    key=("code",),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=own_rows(DedicatedLine.customer_id),
    owner="customer_id",
    check=registration.check_item,
    section="network",
)  # fmt: skip

PORT: Kind = Kind(
    name="network_port",
    plural="network-ports",
    label=mark("Port"),
    label_plural=mark("Ports"),
    model=Port,
    fields=(
        Field("device_id", mark("Device"), ReferenceType(lambda: DEVICE), required=True,
              fixed=True, internal=True),
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("kind", mark("Kind"), ChoiceType(PORT_KIND_WORDS), default="switch"),
        Field("role", mark("Use"), ChoiceType(PORT_ROLE_WORDS), default="customer",
              internal=True),
        Field("speed_bps", mark("Speed"), RATE, default=0),
        Field("media", mark("Media"), ChoiceType(MEDIA_WORDS), default="", blank=""),
        Field("enabled", mark("Enabled"), FlagType(), default=True),
        Field("mac", mark("MAC address"), TextType(longest=64), searched=True, listed=False,
              copied=False, bulk=False, internal=True),
        Field("description", mark("Description"), default="", searched=True, internal=True),
        Field("alias", mark("Alias on the device"), readonly=True, searched=True, listed=False,
              internal=True),
    ),
    key=("device_id", "name"),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=reach_ports,
    check=registration.check_port,
    create=registration.create_port,
    update=registration.update_port,
    page=("staff.port_trace", "port_id"),
    section="network",
)  # fmt: skip

CABLE = Kind(
    name="cable",
    plural="cables",
    label=mark("Cable"),
    label_plural=mark("Cables"),
    model=Cable,
    fields=(
        Field("name", mark("Cable"), bulk=False,
              expression=lambda: func.coalesce(
                  Cable.code, func.concat("#", cast(Cable.id, String)))),
        Field("code", mark("Code"), CODE, searched=True, listed=False, bulk=False),
        Field("a_end", mark("A end"), expression=lambda: _cable_end("a"), filtered=False),
        Field("z_end", mark("Z end"), expression=lambda: _cable_end("z"), filtered=False),
        Field("media", mark("Media"), ChoiceType(MEDIA_WORDS), required=True),
        Field("colour", mark("Colour"), TextType(longest=64), default=""),
        Field("length_m", mark("Length"), DecimalType(high=Decimal(999_999)), unit="m"),
        Field("state", mark("State"), ChoiceType(CABLE_STATE_WORDS), default="connected"),
        Field("installed_at", mark("Since"), InstantType(), readonly=True),
        Field("note", mark("Note"), NOTE, default="", searched=True, listed=False, wide=True),
    ),
    key=("name",),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    creatable=False,
    deletable=False,
    importable=False,
    section="network",
)  # fmt: skip

BANDWIDTH_SERVICE = Kind(
    name="bandwidth_service",
    plural="bandwidth-services",
    label=mark("Bandwidth service"),
    label_plural=mark("Bandwidth services"),
    model=BandwidthService,
    fields=(
        Field("code", mark("Code"), CODE, required=True, searched=True, bulk=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), required=True,
              fixed=True),
        Field("contract_item_id", mark("Contract item"), ReferenceType(lambda: CONTRACT_ITEM),
              required=True, fixed=True, listed=False),
        Field("carrier_id", mark("Carrier"), ReferenceType(lambda: CARRIER), required=True,
              internal=True),
        Field("carrier", mark("Carrier"), readonly=True, listed=False),
        Field("commit_bps", mark("Commit"), RATE, default=0, fixed=True,
              hint=mark("Statements read it: a new rate is a new service.")),
        Field("ceiling_bps", mark("Ceiling"), RATE, required=True, fixed=True),
        Field("direction", mark("Direction that counts"), ChoiceType(DIRECTION_WORDS),
              default="max"),
        Field("charging_mode", mark("Charging"), ChoiceType(CHARGING_WORDS), default="p95"),
        Field("members", mark("Ports"), IntegerType(), expression=_count_members,
              filtered=False),
    ),
    key=("code",),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=own_rows(BandwidthService.customer_id),
    owner="customer_id",
    check=registration.check_service,
    create=registration.create_service,
    update=registration.update_service,
    constraints={
        "uq_bandwidth_service_contract_item_id": mark("Another service is sold by this item.")
    },
    page=("staff.bandwidth_service", "service_id"),
    section="network",
)  # fmt: skip

CROSS_CONNECT = Kind(
    name="cross_connect",
    plural="cross-connects",
    label=mark("Cross-connect"),
    label_plural=mark("Cross-connects"),
    model=CrossConnect,
    fields=(
        Field("number", mark("Number"), CODE, readonly=True, searched=True),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("state", mark("State"), ChoiceType(ORDER_STATE_WORDS), readonly=True),
        Field("a_port", mark("A end"), expression=lambda: _order_end("a"), filtered=False,
              internal=True),
        Field("z_port", mark("Z end"), expression=lambda: _order_end("z"), filtered=False,
              internal=True),
        Field("z_party", mark("Other party"), readonly=True, searched=True),
        Field("media", mark("Media"), ChoiceType(MEDIA_WORDS), readonly=True),
        Field("connector", mark("Connector"), ChoiceType(CONNECTOR_WORDS), readonly=True,
              listed=False),
        Field("requested_at", mark("Requested"), InstantType(), readonly=True),
        Field("patched_at", mark("Patched"), InstantType(), readonly=True, listed=False),
        Field("billed_from", mark("Billed from"), DayType(), readonly=True),
        Field("ended_at", mark("Ended"), InstantType(), readonly=True, listed=False),
    ),
    key=("number",),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=own_rows(CrossConnect.customer_id),
    owner="customer_id",
    default_sort="-number",
    creatable=False,
    deletable=False,
    importable=False,
    page=("staff.cross_connect", "order_id"),
    new_page="staff.add_cross_connect",
    section="network",
)  # fmt: skip

KINDS = (
    CARRIER,
    ROOM_CARRIER,
    CIRCUIT,
    PORT,
    CABLE,
    CROSS_CONNECT,
    BANDWIDTH_SERVICE,
    DEDICATED_LINE,
)
