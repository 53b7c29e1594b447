"""All pages of the staff face, registered by being imported."""

from dcim.web.staff import (
    agents,
    audit,
    cabinets,
    customers,
    devices,
    floor,
    labels,
    moving,
    overview,
    placing,
    power,
    printing,
    rows,
    search,
    statements,
    walks,
)
from dcim.web.staff.blueprint import staff

__all__ = [
    "agents",
    "audit",
    "cabinets",
    "customers",
    "devices",
    "floor",
    "labels",
    "moving",
    "overview",
    "placing",
    "power",
    "printing",
    "rows",
    "search",
    "staff",
    "statements",
    "walks",
]
