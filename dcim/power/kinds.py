"""Kinds of records of power: nodes of the chain, and outlets."""

from typing import Any

from sqlalchemy import ColumnElement, select

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.inventory.models import Device
from dcim.inventory.space.kinds import RACK, SITE
from dcim.inventory.space.reach import in_reach
from dcim.power.building import check_node, check_outlet
from dcim.power.models import Outlet, PowerNode
from dcim.records.fields import (
    ChoiceType,
    Field,
    FlagType,
    IntegerType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind

KIND_WORDS = {
    "utility": mark("Utility"),
    "generator": mark("Generator"),
    "transformer": mark("Transformer"),
    "switchgear": mark("Switchgear"),
    "ats": mark("Transfer switch"),
    "ups": mark("UPS"),
    "panel": mark("Panel"),
    "breaker": mark("Breaker"),
    "pdu": mark("PDU"),
    "bank": mark("Bank"),
}
FEED_WORDS = {"A": mark("A"), "B": mark("B"), "AB": mark("Both feeds")}
PHASE_WORDS = {
    "": mark("not recorded"),
    **{name: mark(name) for name in ("L1", "L2", "L3", "L12", "L23", "L31", "L123")},
}


def reach_nodes(scope: Scope) -> ColumnElement[bool] | None:
    """A customer sees what feeds its racks, nothing above."""
    return None if scope.is_staff else in_reach(scope, PowerNode.rack_id)


def reach_outlets(scope: Scope) -> ColumnElement[bool] | None:
    """Of a shared rack's outlets a customer sees those its own devices hang on."""
    if scope.is_staff:
        return None
    condition: ColumnElement[bool] = Outlet.device_id.in_(
        select(Device.id).where(scope.filter(Device.customer_id))
    )
    return condition


def _plugged() -> Any:
    return select(Device.name).where(Device.id == Outlet.device_id).scalar_subquery()


POWER_NODE: Kind = Kind(
    "power_node",
    # Their readings: "power-readings" (dcim.power.queries).
    "power-nodes",
    mark("Power node"),
    mark("Power nodes"),
    PowerNode,
    (
        Field("site_id", mark("Site"), ReferenceType(lambda: SITE), required=True, fixed=True),
        Field("code", mark("Code"), TextType(64, code=False), required=True, searched=True),
        Field("name", mark("Name"), blank="", searched=True, listed=False),
        Field("kind", mark("Kind"), ChoiceType(KIND_WORDS), required=True),
        Field("feed", mark("Feed"), ChoiceType(FEED_WORDS), required=True),
        Field(
            "parent_id", mark("Fed by"), ReferenceType(lambda: POWER_NODE), internal=True,
        ),
        Field(
            "second_parent_id", mark("Second source"), ReferenceType(lambda: POWER_NODE),
            listed=False, internal=True,
            hint=mark("Of a transfer switch or what has two inputs."),
        ),
        Field("rack_id", mark("Rack"), ReferenceType(lambda: RACK)),
        Field(
            "rated_a", mark("Rated current"), IntegerType(1, 32_000), required=True, unit="A",
            group=mark("Rating"),
        ),
        Field("phases", mark("Phases"), IntegerType(1, 3), default=1, group=mark("Rating")),
        Field(
            "volts", mark("Voltage"), IntegerType(24, 32_000), unit="V", required=True,
            hint=mark("220 or 380: to neutral, or above 300 V of three phases between them."),
            group=mark("Rating"),
        ),
        Field(
            "derate_pct", mark("Derated to"), IntegerType(1, 100), default=80, unit="%",
            group=mark("Rating"),
        ),
        Field(
            "power_factor_pct", mark("Power factor"), IntegerType(50, 100), default=100, unit="%",
            listed=False, group=mark("Rating"),
        ),
        Field(
            "capacity_w", mark("Plate"), IntegerType(1, 10**9), unit="W", listed=False,
            hint=mark("An apparatus' own rating, where it isn't volts × amperes."),
            group=mark("Rating"),
        ),
        Field(
            "position", mark("Position"), TextType(64), blank="", group=mark("In the panel"),
        ),
        Field(
            "phase", mark("Phase"), ChoiceType(PHASE_WORDS), blank="", default="",
            group=mark("In the panel"),
        ),
        Field(
            "poles", mark("Poles"), IntegerType(1, 4), listed=False, group=mark("In the panel"),
        ),
        Field(
            "closed", mark("Closed"), FlagType(), default=True, listed=False,
            hint=mark("An open breaker passes nothing."), group=mark("In the panel"),
        ),
    ),
    ("site_id", "code"),
    Right.SEE_POWER,
    Right.CHANGE_POWER,
    own=Right.OWN_THINGS,
    reach=reach_nodes,
    check=check_node,
    page=("staff.power_node", "node_id"),
    section="power",
)  # fmt: skip

OUTLET: Kind = Kind(
    "outlet",
    "outlets",
    mark("Outlet"),
    mark("Outlets"),
    Outlet,
    (
        Field("pdu_id", mark("PDU"), ReferenceType(lambda: POWER_NODE), required=True, fixed=True),
        Field("number", mark("Number"), IntegerType(1, 999), required=True),
        Field("bank_id", mark("Bank"), ReferenceType(lambda: POWER_NODE)),
        Field("connector", mark("Connector"), TextType(64), default="C13"),
        Field("rating_a", mark("Rated current"), IntegerType(1, 1000), unit="A"),
        Field("phase", mark("Phase"), ChoiceType(PHASE_WORDS), blank="", default=""),
        Field(
            "device", mark("Plugged in"), TextType(), expression=_plugged, searched=True,
        ),
    ),
    ("pdu_id", "number"),
    Right.SEE_POWER,
    Right.CHANGE_POWER,
    own=Right.OWN_THINGS,
    reach=reach_outlets,
    check=check_outlet,
    section="power",
)  # fmt: skip

KINDS = (POWER_NODE, OUTLET)
