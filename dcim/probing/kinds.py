"""Targets of the prober as a kind of record: list, forms, API, import come from this."""

from dcim.accounts.roles import Right
from dcim.customers.kinds import CONTRACT_ITEM, CUSTOMER
from dcim.inventory.space.kinds import SITE
from dcim.probing.models import ProbeTarget
from dcim.probing.rounds import MOST_ECHOES
from dcim.probing.targets import check_target, create_target
from dcim.records.fields import (
    ChoiceType,
    Field,
    FlagType,
    InstantType,
    IntegerType,
    NetworkType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind

METHOD_WORDS = {"icmp": mark("ICMP echo"), "tcp": mark("TCP connection")}
LAST_ROUND = mark("Last round")

PROBE_TARGET = Kind(
    name="probe_target",
    plural="probe-targets",
    label=mark("Probe target"),
    label_plural=mark("Probe targets"),
    model=ProbeTarget,
    fields=(
        Field("code", mark("Code"), TextType(longest=64, code=True), required=True, bulk=False),
        Field("address", mark("Address"), NetworkType(host=True), required=True, bulk=False,
              copied=False,
              hint=mark("An IPv4 or IPv6 address inside the networks that the settings allow.")),
        Field("method", mark("Method"), ChoiceType(METHOD_WORDS), default="icmp"),
        Field("tcp_port", mark("TCP port"), IntegerType(1, 65_535),
              hint=mark("An ICMP target with a port is asked there where ICMP isn't allowed.")),
        Field("every_s", mark("Every"), IntegerType(10, 900), default=60, unit="s",
              hint=mark("10, 20, 30, 60, 120, 300, 600 or 900 seconds.")),
        Field("count", mark("Echoes a round"), IntegerType(1, MOST_ECHOES), default=5),
        Field("active", mark("Active"), FlagType(), default=True),
        Field("reference", mark("Reference"), FlagType(), default=False,
              hint=mark("Answers whenever the prober's own network works. While no reference"
                        " answers, silence of others is unknown.")),
        Field("contract_item_id", mark("Contract item"), ReferenceType(lambda: CONTRACT_ITEM),
              fixed=True, hint=mark("Measured for this item of a contract, or for a site.")),
        Field("site_id", mark("Site"), ReferenceType(lambda: SITE), fixed=True),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("last_round_at", mark("Last round"), InstantType(), readonly=True,
              group=LAST_ROUND),
        Field("last_way", mark("Asked by"), readonly=True, listed=False, group=LAST_ROUND),
        Field("last_problem", mark("Not sent because"), readonly=True, group=LAST_ROUND),
    ),
    key=("code",),
    see=Right.SEE_NETWORK,
    change=Right.CHANGE_NETWORK,
    owner="customer_id",
    check=check_target,
    create=create_target,
    section="network",
)  # fmt: skip

KINDS = (PROBE_TARGET,)
