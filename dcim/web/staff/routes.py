"""All pages of the staff face, registered by being imported."""

from dcim.web.staff import (
    agents,
    audit,
    cabinets,
    customers,
    devices,
    imports,
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
    "customers",
    "devices",
    "imports",
    "overview",
    "placing",
    "power",
    "search",
    "staff",
    "statements",
]
