"""Addresses, prefixes, VLANs and AS numbers as kinds of records."""

from typing import Any

from sqlalchemy import func, select

from dcim.accounts.roles import Right
from dcim.customers.kinds import CONTRACT_ITEM, CUSTOMER
from dcim.inventory.space.kinds import SITE
from dcim.network import registration
from dcim.network.address_models import AddressAssignment, Asn, Prefix, Vlan, VlanGroup
from dcim.network.equipping import DEVICE
from dcim.network.kinds import AS_NUMBER, CARRIER, CODE, NOTE, PORT
from dcim.records.fields import (
    ChoiceType,
    Field,
    InstantType,
    IntegerType,
    NetworkType,
    ReferenceType,
    mark,
)
from dcim.records.kinds import Kind, own_rows

PREFIX_ROLE_WORDS = {
    "container": mark("Container"),
    "assignable": mark("For customers"),
    "infrastructure": mark("For our own devices"),
}


def _count_given() -> Any:
    return (
        select(func.count(AddressAssignment.id))
        .where(
            AddressAssignment.network.op("<<=", is_comparison=True)(Prefix.network),
            AddressAssignment.period.op("@>", is_comparison=True)(func.now()),
        )
        .correlate(Prefix)
        .scalar_subquery()
    )


VLAN_GROUP = Kind(
    name="vlan_group",
    plural="vlan-groups",
    label=mark("VLAN group"),
    label_plural=mark("VLAN groups"),
    model=VlanGroup,
    fields=(
        Field("site_id", mark("Site"), ReferenceType(lambda: SITE), required=True, bulk=False),
        Field("code", mark("Code"), CODE, required=True, searched=True, bulk=False),
        Field("note", mark("Note"), NOTE, default="", wide=True),
    ),
    key=("site_id", "code"),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    section="network",
)  # fmt: skip

VLAN = Kind(
    name="vlan",
    plural="vlans",
    label=mark("VLAN"),
    label_plural=mark("VLANs"),
    model=Vlan,
    fields=(
        Field("group_id", mark("VLAN group"), ReferenceType(lambda: VLAN_GROUP), required=True,
              bulk=False, internal=True),
        Field("vid", mark("VLAN number"), IntegerType(1, 4094), required=True, bulk=False),
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER)),
    ),
    key=("group_id", "vid"),
    title="name",
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=own_rows(Vlan.customer_id),
    owner="customer_id",
    section="network",
)  # fmt: skip

ASN = Kind(
    name="asn",
    plural="asns",
    label=mark("AS number"),
    label_plural=mark("AS numbers"),
    model=Asn,
    fields=(
        Field("number", mark("AS number"), AS_NUMBER, required=True, bulk=False),
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER)),
        Field("carrier_id", mark("Carrier"), ReferenceType(lambda: CARRIER), internal=True),
    ),
    key=("number",),
    title="name",
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=own_rows(Asn.customer_id),
    owner="customer_id",
    section="network",
)  # fmt: skip

PREFIX = Kind(
    name="prefix",
    plural="prefixes",
    label=mark("Prefix"),
    label_plural=mark("Prefixes"),
    model=Prefix,
    fields=(
        Field("network", mark("Prefix"), NetworkType(), required=True, fixed=True, searched=True,
              bulk=False),
        Field("role", mark("Use"), ChoiceType(PREFIX_ROLE_WORDS), default="assignable"),
        Field("site_id", mark("Site"), ReferenceType(lambda: SITE), internal=True),
        Field("vlan_id", mark("VLAN"), ReferenceType(lambda: VLAN)),
        Field("carrier_id", mark("Carrier"), ReferenceType(lambda: CARRIER), internal=True),
        Field("customer_id", mark("Set aside for"), ReferenceType(lambda: CUSTOMER)),
        Field("given", mark("Given away"), IntegerType(), expression=_count_given,
              filtered=False, internal=True, hint=mark("Addresses and blocks, now.")),
        Field("note", mark("Note"), NOTE, default="", searched=True, internal=True, wide=True),
    ),
    key=("network",),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=own_rows(Prefix.customer_id),
    owner="customer_id",
    check=registration.check_prefix,
    delete=registration.delete_prefix,
    default_sort="network",
    page=("staff.prefix", "prefix_id"),
    section="network",
)  # fmt: skip

ADDRESS_ASSIGNMENT = Kind(
    name="address_assignment",
    plural="address-assignments",
    label=mark("Address"),
    label_plural=mark("Addresses"),
    model=AddressAssignment,
    fields=(
        Field("network", mark("Address or block"), NetworkType(), required=True, fixed=True,
              searched=True, bulk=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), fixed=True,
              hint=mark("Nobody: our own infrastructure.")),
        Field("contract_item_id", mark("Contract item"), ReferenceType(lambda: CONTRACT_ITEM),
              fixed=True, listed=False),
        Field("device_id", mark("Device"), ReferenceType(lambda: DEVICE), bulk=False,
              internal=True),
        Field("port_id", mark("Port"), ReferenceType(lambda: PORT), listed=False, bulk=False,
              internal=True),
        Field("hostname", mark("Host name"), default="", searched=True, bulk=False),
        Field("starts_at", mark("From"), InstantType(), fixed=True,
              hint=mark("Blank: from now on.")),
        Field("ends_at", mark("Until"), InstantType(), fixed=True),
        Field("note", mark("Note"), NOTE, default="", listed=False, internal=True, wide=True),
    ),
    key=("network", "starts_at"),
    title="network",
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    own=Right.OWN_THINGS,
    reach=own_rows(AddressAssignment.customer_id),
    owner="customer_id",
    check=registration.check_assignment,
    create=registration.create_assignment,
    deletable=False,
    constraints={
        "ex_address_assignment_once_at_a_time": mark("Someone has this address at that time.")
    },
    section="network",
)  # fmt: skip

KINDS = (
    PREFIX,
    ADDRESS_ASSIGNMENT,
    VLAN_GROUP,
    VLAN,
    ASN,
)
