"""All pages of the staff face, registered by being imported."""

from dcim.web.staff import (
    agents,
    amending,
    audit,
    cabinets,
    contracts,
    customers,
    devices,
    exports,
    orders,
    overview,
    placing,
    power,
    search,
    statements,
)
from dcim.web.staff.blueprint import staff

__all__ = [
    "agents",
    "amending",
    "audit",
    "cabinets",
    "contracts",
    "customers",
    "devices",
    "exports",
    "orders",
    "overview",
    "placing",
    "power",
    "search",
    "staff",
    "statements",
]
