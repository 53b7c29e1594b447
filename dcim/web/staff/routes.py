"""All pages of the staff face, registered by being imported."""

from dcim.web.staff import (
    agents,
    audit,
    cabinets,
    cross_connects,
    customers,
    devices,
    imports,
    network_pages,
    overview,
    placing,
    power,
    search,
    statements,
)
from dcim.web.staff.blueprint import staff

__all__ = [
    "agents",
    "audit",
    "cabinets",
    "cross_connects",
    "customers",
    "devices",
    "imports",
    "network_pages",
    "overview",
    "placing",
    "power",
    "search",
    "staff",
    "statements",
]
